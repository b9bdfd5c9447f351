/* "Did you mean ...": the known word that a mistyped one is nearest to. */
#pragma once
#include <glib.h>

/* The candidate within two edits of word, the first where several are; NULL: none is near. candidates end with NULL. */
const char *tarn_nearest_word(const char *word, const char *const *candidates);
