/* One parameter of an endpoint, ready to read texts: its regular expression compiled, its limits and default read, the
 * words for what it allows made. In: the project's TarnParam, then the texts of a request or of an example. Out: a
 * TarnValue to bind. Immutable, so threads may share it. */
#pragma once
#include <glib.h>

#include "project/project.h"

typedef struct TarnParamReader TarnParamReader;

/* spec must outlive the reader. Errors, each a fault of the project: TARN_ERROR_USAGE: the pattern is no regular
 * expression; a limit is no such value; minimum above maximum; the default is not allowed. */
TarnParamReader *tarn_param_reader_new(const TarnParam *spec, GError **error);
void tarn_param_reader_free(TarnParamReader *reader); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnParamReader, tarn_param_reader_free)

const TarnParam *tarn_param_reader_spec(const TarnParamReader *reader);
/* "an integer from 1 to 1000", for messages. */
const char *tarn_param_reader_allowed(const TarnParamReader *reader);
/* What is bound where the request does not give it: the default, or NULL. Borrowed. */
const TarnValue *tarn_param_reader_default(const TarnParamReader *reader);
/* The limits as read; NULL: there is none. */
const TarnValue *tarn_param_reader_minimum(const TarnParamReader *reader);
const TarnValue *tarn_param_reader_maximum(const TarnParamReader *reader);

/* Reads what is given for the parameter: n texts, in UTF-8; one text unless it is an array. NULL: *value is set, its
 * text borrows from texts; the caller clears it (tarn_value_clear). Else what is wrong ("'0' is not an integer from 1
 * to 9"), the caller's; *value is untouched. */
char *tarn_param_read(const TarnParamReader *reader, const char *const *texts, guint n, TarnValue *value);

/* A text of the project as a request would give it: an array's elements are separated by commas, which none of them
 * holds; what is no array is one text. Caller frees. */
GStrv tarn_param_split(const TarnParam *spec, const char *text);
