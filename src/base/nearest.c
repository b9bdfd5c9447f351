#include "base/nearest.h"

#include <string.h>

#define MAX_WORD 62
#define MAX_EDITS 2

/* Edit distance (Levenshtein) of two short words. */
static guint distance(const char *a, const char *b) {
  guint row[MAX_WORD + 1];
  gsize n = MIN(strlen(b), MAX_WORD);
  for (guint j = 0; j <= n; j++) row[j] = j;
  for (guint i = 1; *a && i <= MAX_WORD; a++, i++) {
    guint diagonal = row[0];
    row[0] = i;
    for (guint j = 1; j <= n; j++) {
      guint above = row[j];
      row[j] = MIN(MIN(row[j] + 1, row[j - 1] + 1), diagonal + (*a != b[j - 1]));
      diagonal = above;
    }
  }
  return row[n];
}

const char *tarn_nearest_word(const char *word, const char *const *candidates) {
  const char *nearest = NULL;
  guint best = MAX_EDITS + 1;
  for (; *candidates; candidates++) {
    guint edits = distance(word, *candidates);
    if (edits < best && edits < strlen(*candidates)) best = edits, nearest = *candidates;
  }
  return nearest;
}
