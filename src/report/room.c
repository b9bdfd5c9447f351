/* One line of code so that the room builds until its first file lands. */
extern int tarn_report_room; int tarn_report_room;
