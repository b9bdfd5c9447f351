/* The formats of a response: which one a request asks for, and rows written in it. Values are told in docs/encoding.md.
 *
 * An encoder turns rows into a body piece by piece, so that memory is bounded by a piece and whoever drives it may wait
 * between two of them for a slow client. It holds no rows and belongs to one thread at a time:
 *
 *     do {
 *       if (!tarn_encoder_next(encoder, rows, PIECE_BYTES, out, &done, error)) ...   // the statement failed on the way
 *       ... send out, empty it ...
 *     } while (!done);
 *
 * Parquet has no encoder: a whole file is written first (serve/parquet.h). */
#pragma once
#include <glib.h>

#include "lakehouse/rows.h"
#include "project/project.h"
#include "serve/http.h"

typedef enum { TARN_FORMAT_JSON, TARN_FORMAT_NDJSON, TARN_FORMAT_CSV, TARN_FORMAT_PARQUET } TarnFormat;
#define TARN_N_FORMATS 4

const char *tarn_format_name(TarnFormat format);       /* "csv": the word of ?format= and the ending of a file's name */
const char *tarn_format_media_type(TarnFormat format); /* of Content-Type */

/* The format that a request wants: name is the value of its parameter format, accept its header Accept, NULL where it
 * has none; name wins, and without either it is JSON. FALSE: the response says what is wrong (422 for the name, 406 for
 * the header). */
gboolean tarn_format_choose(const char *name, const char *accept, TarnFormat *format, TarnHttpResponse *response);

/* Sets Content-Type and, for what is kept as a file, Content-Disposition: name is the file's without its ending. */
void tarn_format_set_headers(TarnFormat format, const char *name, TarnHttpResponse *response);

typedef struct {
  TarnFormat format; /* not PARQUET */
  TarnShape shape;   /* one: the first row only; in JSON an object, and nothing at all where there is no row */
  guint64 max_rows;  /* rows after these are left out; 0: no bound */
} TarnEncoderOptions;

typedef struct TarnEncoder TarnEncoder;

TarnEncoder *tarn_encoder_new(const TarnEncoderOptions *options);
void tarn_encoder_free(TarnEncoder *encoder); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnEncoder, tarn_encoder_free)

/* Appends the next piece of the body to out: at least `bytes` of it, by one row more at most, or all that is left (*done).
 * Rows are fetched as they are needed. FALSE: *error is set; what out has got is no whole body. */
gboolean tarn_encoder_next(TarnEncoder *encoder, TarnRows *rows, gsize bytes, GString *out, gboolean *done,
                           GError **error);
guint64 tarn_encoder_rows(const TarnEncoder *encoder); /* written so far */
