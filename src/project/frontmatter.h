/* The front matter of an SQL file: YAML in its opening comment. A pure function of the text.
 * In: the file's text and the key table of its kind. Out: the struct filled as tarn_keys_read says (with defaults where
 * there is no front matter), problems with their place in the file. */
#pragma once
#include <glib.h>

#include "project/keytable.h"

/* The text is valid UTF-8. target is zeroed. */
void tarn_frontmatter_read(const char *sql, const char *file, const TarnKey *keys, gpointer target,
                           GPtrArray *problems);

/* The line where the front matter, or a YAML text, gives the key, 1-based; 1 where it does not. For problems found
 * later. */
guint tarn_frontmatter_line(const char *sql, const char *key);
