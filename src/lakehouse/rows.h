/* Result rows as text for readers: JSON, CSV, an aligned table. One encoding for all of them, told in docs/encoding.md.
 * In: a TarnResult, whole or streamed, which must outlive the TarnRows. Out: text appended to the caller's GString or
 * JSON writer, block by block, so that memory stays bounded by a block where the result is a stream.
 *
 *     while (tarn_rows_next(rows, &fault)) tarn_rows_write_json(rows, &json);
 *     if (fault) ...
 *
 * Belongs to the thread of the result. */
#pragma once
#include <glib.h>

#include "base/json_writer.h"
#include "lakehouse/db.h"

typedef struct TarnRows TarnRows;

/* Stands before the first block. Columns of equal names get _1, _2 ... behind them, as JSON keys must differ. Errors:
 * TARN_ERROR_USAGE: a column's type has no encoding. */
TarnRows *tarn_rows_new(TarnResult *result, GError **error);
void tarn_rows_free(TarnRows *rows); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnRows, tarn_rows_free)

/* Goes to the next block. FALSE: there is none, or *error is set (a stream's statement failed on the way). */
gboolean tarn_rows_next(TarnRows *rows, GError **error);
guint tarn_rows_count(const TarnRows *rows); /* of the current block; at least 1 */

/* Leaves the last n columns, but not all, out of everything that is written: they are the caller's own. */
void tarn_rows_hide_last(TarnRows *rows, guint n);

/* All rows of the block as objects; the caller has begun an array. */
void tarn_rows_write_json(TarnRows *rows, TarnJsonWriter *json);
/* One of them, 0-based within the block. */
void tarn_rows_write_json_row(TarnRows *rows, guint row, TarnJsonWriter *json);

/* RFC 4180: CRLF, quotes where needed; NULL is empty, an empty text is "". */
void tarn_rows_write_csv_header(const TarnRows *rows, GString *out);
void tarn_rows_write_csv(TarnRows *rows, GString *out);
void tarn_rows_write_csv_row(TarnRows *rows, guint row, GString *out);

/* Puts _1, _2 ... behind names that were there before, in place. */
void tarn_rows_tell_apart(GStrv names);

typedef struct {
  guint64 limit;    /* rows shown; 0: all */
  guint max_width;  /* of a value, in terminal columns; longer ones are cut; 0: none is */
  guint line_width; /* of the terminal; rows that are wider get one line per value; 0: none does */
  gboolean color;   /* bold header, dim NULL */
} TarnTableOptions;

typedef struct {
  guint64 shown; /* rows */
  gboolean more; /* there are more rows than limit */
  gboolean cut;  /* some value was longer than max_width */
} TarnTableSummary;

/* The rows from here on as an aligned table. Rows that are shown are held in memory, as widths are known at the end.
 * Control characters are shown as escapes, so no value can command the terminal. */
gboolean tarn_rows_write_table(TarnRows *rows, const TarnTableOptions *options, GString *out, TarnTableSummary *summary,
                               GError **error);
