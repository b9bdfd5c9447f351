/* Where records come from: one struct of functions for every kind of source (NDJSON files, standard input, Kafka).
 * In: options and the positions of the last published run. Out: batches of raw records with their coordinates, then
 * the positions to store with them. A stream knows nothing of the lakehouse and parses no event; it only finds
 * where records begin and end.
 *
 * Threads: tarn_stream_next is called by one thread at a time (callers hold a lock); a filled batch belongs to the
 * thread that asked for it until it is reused or cleared. After a failure a stream can only be freed. */
#pragma once
#include <glib.h>

typedef struct TarnStream TarnStream;

/* How far one part of a source (a file, a partition) has been read. */
typedef struct {
  /* what the part is known by: a file's fingerprint "sha256:<hex>:<bytes hashed>"; "kafka:<cluster id>:<topic>" */
  char *identity;
  char *name;       /* what a person calls it now: path or topic */
  gint32 partition; /* 0 for files */
  gint64 offset;    /* the next record to read: byte offset in the uncompressed content, or Kafka offset */
  gint64 size;      /* plain files: size in bytes when last seen; compressed files: compressed size; else -1 */
  /* content before the position, to know it again; files: SHA-256 (hex) of the up to 4096 bytes that end at `offset`;
   * Kafka: "<offset>:<SHA-256>" of the last record that was read, NULL where none was */
  char *prefix_digest;
  gboolean complete; /* files: nothing pending behind offset; Kafka: read to the end of the run's beginning */
} TarnPosition;

void tarn_position_free(TarnPosition *position); /* accepts NULL */
TarnPosition *tarn_position_copy(const TarnPosition *position);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnPosition, tarn_position_free)

typedef enum {
  TARN_RECORD_WHOLE,    /* data holds the record */
  TARN_RECORD_OVERSIZE, /* larger than max_record_bytes: data holds its first 64 KiB, full_size and digest tell the rest */
  TARN_RECORD_TOMBSTONE, /* Kafka: a key without a value, which says that what has the key is deleted; no data */
  TARN_RECORD_FRAMED,    /* Kafka: as WHOLE, but in a framing (framing.h) that hides what it is; why says which */
} TarnRecordKind;

typedef struct {
  const char *data; /* borrowed from the batch; never NUL-terminated; a trailing CR is already removed */
  guint32 size;
  TarnRecordKind kind;
  gint64 offset;    /* of its first byte, see TarnPosition.offset */
  gint64 full_size; /* bytes of the record in the source, as counted before truncation */
  char *digest;     /* OVERSIZE: SHA-256 of the whole record, hex, owned by the batch; else NULL */
  /* Kafka only; zero or NULL else */
  guint frame;         /* WHOLE: so many bytes right before data are the record's framing, and part of the record */
  const char *why;     /* FRAMED: static text */
  const char *key;     /* borrowed from the batch; NULL: the record has none */
  guint32 key_size;    /* an empty key is one, too */
  char *headers;       /* JSON (headers.h), owned by the batch; NULL: the record has none */
  gint64 timestamp_us; /* since 1970; 0: none */
} TarnRecord;

/* Records of one part of the source, in arrival order. Empty lines are no records. */
typedef struct {
  TarnRecord *records;
  guint count;
  char *source_name; /* owned by the batch: path as given, "-" for standard input, topic */
  gint32 source_partition;
  /* private to the stream */
  guint capacity;
  char *block;
  gsize block_size;
  gpointer stream_data;
  void (*release)(gpointer stream_data); /* gives stream_data back when the batch is reused or cleared; may be NULL */
} TarnBatch;

void tarn_batch_init(TarnBatch *batch);
void tarn_batch_clear(TarnBatch *batch); /* safe on a zeroed or cleared batch */

typedef struct {
  const char *const *paths; /* NDJSON: files, globs, "-" for standard input; NULL-terminated */
  gsize max_record_bytes;   /* default 1 MiB, at most 2 GiB */
  gsize batch_bytes;        /* how much one batch may hold, default 1 MiB; at least one record is always delivered */
  /* take an unterminated last line of plain files too; what is appended to it later is a record of its own */
  gboolean final;
} TarnStreamOptions;

void tarn_stream_options_init(TarnStreamOptions *options); /* the defaults */

/* Opens NDJSON files and standard input. positions: of the last run (TarnPosition *), borrowed, may be empty; a file is looked
 * up by identity, so renamed and copied files are read once. Two names of the same file in one run are one file.
 * No path matching a glob is no error; a plain path that does not exist is. Errors: TARN_ERROR_SOURCE naming the file. */
TarnStream *tarn_ndjson_open(const TarnStreamOptions *options, const GPtrArray *positions, GError **error);

/* TRUE with batch->count > 0: records; TRUE with count 0: the end as of now; FALSE: error.
 * Reuses the batch's memory. */
gboolean tarn_stream_next(TarnStream *stream, TarnBatch *batch, GError **error);

/* The positions after the last delivered batch (TarnPosition *, owned by the caller's array): every part that was given at open
 * (kept even where its file is gone now) or was seen since. */
GPtrArray *tarn_stream_positions(TarnStream *stream);

/* Cheap question before anything is cloned: is there anything behind the positions? Never consumes standard input: answers TRUE for it.
 * Errors are those of opening (a file that became shorter or changed before its position). */
gboolean tarn_stream_has_new(TarnStream *stream, gboolean *has_new, GError **error);

typedef struct {
  gint64 bytes_total; /* to read in this run as known now, -1 unknown (standard input, Kafka) */
  gint64 bytes_read;
  gint64 pending_bytes; /* unterminated last lines left for the next run */
  gint64 records;
  gint64 records_total; /* at most so many in this run; 0: unknown (files) */
} TarnStreamProgress;

/* May be called from any thread while another one reads. */
void tarn_stream_progress(TarnStream *stream, TarnStreamProgress *progress);

/* Records that the source lost before they were read. */
typedef struct {
  char *name;
  gint32 partition;
  gint64 from, to; /* offsets; to is the first one that is there again, -1: it is unknown how many are lost */
  char *why;
} TarnGap;

void tarn_gap_free(TarnGap *gap); /* accepts NULL */

/* What the stream found missing at open and was told to pass over (TarnGap *, borrowed; NULL: nothing). */
const GPtrArray *tarn_stream_gaps(TarnStream *stream);

/* To be called when what was read is published: tells the source, for whoever watches it (Kafka: the group's offsets).
 * Nothing depends on it: a failure is worth a warning. */
gboolean tarn_stream_published(TarnStream *stream, GError **error);

void tarn_stream_free(TarnStream *stream); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnStream, tarn_stream_free)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TarnBatch, tarn_batch_clear)
