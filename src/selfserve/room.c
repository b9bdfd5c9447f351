/* One line of code so that the room builds until its first file lands. */
extern int tarn_selfserve_room;
int tarn_selfserve_room;
