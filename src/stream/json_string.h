/* The inside of JSON strings for the scanner: escapes, and comparison of what strings mean. In: valid text between
 * quotes. Anything else gives some answer, but never reads outside. */
#pragma once
#include <glib.h>

/* The code unit of the \uXXXX at p, or -1 where there is none before end. */
int tarn_json_code_unit(const guchar *p, const guchar *end);

static inline gboolean tarn_json_is_high_surrogate(int unit) { return unit >= 0xd800 && unit <= 0xdbff; }
static inline gboolean tarn_json_is_low_surrogate(int unit) { return unit >= 0xdc00 && unit <= 0xdfff; }

/* Of strings with their quotes: do they mean the same? */
gboolean tarn_json_strings_equal(const char *a, gsize a_size, const char *b, gsize b_size);
/* Does the string with its quotes mean the plain text? */
gboolean tarn_json_string_is(const char *quoted, gsize quoted_size, const char *plain, gsize plain_size);
