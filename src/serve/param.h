/* One parameter of an endpoint, ready to read texts: its regular expression compiled, its default read, the words for
 * what it allows made. In: the project's TarnParam, then the text of a request. Out: a TarnValue to bind. Immutable, so
 * threads may share it. */
#pragma once
#include <glib.h>

#include "project/project.h"

typedef struct TarnParamReader TarnParamReader;

/* spec must outlive the reader. Errors: TARN_ERROR_USAGE: the pattern is no regular expression; the default is not
 * allowed. */
TarnParamReader *tarn_param_reader_new(const TarnParam *spec, GError **error);
void tarn_param_reader_free(TarnParamReader *reader); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnParamReader, tarn_param_reader_free)

const TarnParam *tarn_param_reader_spec(const TarnParamReader *reader);
/* "an integer from 1 to 1000", for messages. */
const char *tarn_param_reader_allowed(const TarnParamReader *reader);
/* What is bound where the request does not give it: the default, or NULL. */
const TarnValue *tarn_param_reader_default(const TarnParamReader *reader);

/* FALSE: the text is not allowed. Text values borrow from text. */
gboolean tarn_param_read(const TarnParamReader *reader, const char *text, TarnValue *value);
