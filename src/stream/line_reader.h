/* Finds the lines of one file and makes them records. In: the file's bytes. Out: batches of records that are slices of
 * the batch's block. Memory: one block and what is left of a line. A line ends with LF; one CR before it is not part of
 * the record; lines that are empty then are no records; a byte-order mark at the start of the file is skipped. */
#pragma once
#include "stream/file_reader.h"
#include "stream/fingerprint.h"
#include "stream/stream.h"

typedef struct TarnLineReader TarnLineReader;

typedef struct {
  gsize max_record_bytes;
  gsize batch_bytes;
  gboolean take_last; /* a last line without LF is a record, too */
} TarnLineOptions;

/* Reads from position's offset on and checks that what comes before is what was read then. */
TarnLineReader *tarn_line_reader_open(const char *path, const TarnPosition *position, const TarnLineOptions *options,
                                      GError **error);
void tarn_line_reader_free(TarnLineReader *reader); /* accepts NULL */

/* Fills an empty batch. It stays empty only at the end of the file; it may hold records of the last bytes when *at_end
 * gets TRUE. */
gboolean tarn_line_reader_next(TarnLineReader *reader, TarnBatch *batch, gboolean *at_end, GError **error);

gint64 tarn_line_reader_offset(const TarnLineReader *reader);        /* behind the last delivered record's line */
gint64 tarn_line_reader_pending(const TarnLineReader *reader);       /* bytes behind it that are no whole line yet */
gint64 tarn_line_reader_raw_bytes(const TarnLineReader *reader);     /* read so far, as they are on disk */
const TarnTail *tarn_line_reader_tail(const TarnLineReader *reader); /* the bytes before the offset */
