/* Is a text exactly one JSON value by RFC 8259, so that it may be embedded in a document as it is. Builds nothing,
 * allocates nothing. Nesting deeper than TARN_JSON_MAX_DEPTH counts as invalid. Does not check UTF-8: the text comes
 * from a VARCHAR, which is valid. */
#pragma once
#include <glib.h>

gboolean tarn_json_is_valid(const char *text, gsize size);
