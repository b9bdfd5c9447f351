#include <stdatomic.h>
#include <string.h>

#include "stream/file_list.h"
#include "stream/fingerprint.h"
#include "stream/line_reader.h"
#include "stream/stream_private.h"

typedef struct {
  TarnStream base;
  TarnLineOptions options;
  gboolean final;
  GPtrArray *stored; /* TarnPosition *, of the last run */
  GPtrArray *files;  /* TarnSourceFile * */
  guint current;     /* the file being read, or files->len */
  TarnLineReader *reader;
  gint64 read_before; /* raw bytes of the files before the current one */
  gint64 bytes_total;
  _Atomic gint64 bytes_read, pending_bytes, records;
} NdjsonStream;

static gboolean is_plain(const TarnSourceFile *file) { return file->kind == TARN_FILE_PLAIN && !file->piped; }

/* Copies, since the caller's array may be gone before the stream. */
static GPtrArray *copy_positions(const GPtrArray *positions) {
  GPtrArray *copies = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_position_free);
  for (guint i = 0; positions && i < positions->len; i++)
    g_ptr_array_add(copies, tarn_position_copy(positions->pdata[i]));
  return copies;
}

/* A compressed file is read once more only where it grew. */
static gboolean is_unchanged(const TarnSourceFile *file) {
  return file->kind != TARN_FILE_PLAIN && file->stored && file->stored->complete && file->size == file->stored->size;
}

static gint64 bytes_to_read(const TarnSourceFile *file) {
  if (is_unchanged(file)) return 0;
  return is_plain(file) ? file->size - file->position->offset : file->size;
}

static gint64 sum_bytes(const GPtrArray *files) {
  gint64 sum = 0;
  for (guint i = 0; i < files->len; i++) {
    const TarnSourceFile *file = files->pdata[i];
    if (file->piped) return -1;
    sum += bytes_to_read(file);
  }
  return sum;
}

static gboolean open_current(NdjsonStream *stream, GError **error) {
  const TarnSourceFile *file = stream->files->pdata[stream->current];
  TarnLineOptions options = stream->options;
  options.take_last = stream->final || !is_plain(file);
  stream->reader = tarn_line_reader_open(file->path, file->position, &options, error);
  return stream->reader != NULL;
}

/* Brings the current file's position up to date. */
static void note_position(NdjsonStream *stream, gboolean at_end) {
  TarnSourceFile *file = stream->files->pdata[stream->current];
  if (file->piped) return;
  TarnPosition *position = file->position;
  gint64 pending = tarn_line_reader_pending(stream->reader);
  position->offset = tarn_line_reader_offset(stream->reader);
  position->size = at_end && is_plain(file) ? position->offset + pending : file->size;
  position->complete = at_end && pending == 0;
  g_free(position->prefix_digest);
  position->prefix_digest = tarn_tail_digest(tarn_line_reader_tail(stream->reader));
}

static void note_progress(NdjsonStream *stream, const TarnBatch *batch) {
  atomic_store(&stream->bytes_read, stream->read_before + tarn_line_reader_raw_bytes(stream->reader));
  atomic_fetch_add(&stream->records, batch->count);
}

static void close_current(NdjsonStream *stream) {
  note_position(stream, TRUE);
  stream->read_before += tarn_line_reader_raw_bytes(stream->reader);
  atomic_fetch_add(&stream->pending_bytes, tarn_line_reader_pending(stream->reader));
  g_clear_pointer(&stream->reader, tarn_line_reader_free);
  stream->current++;
}

static gboolean ndjson_next(TarnStream *base, TarnBatch *batch, GError **error) {
  NdjsonStream *stream = (NdjsonStream *)base;
  while (batch->count == 0 && stream->current < stream->files->len) {
    const TarnSourceFile *file = stream->files->pdata[stream->current];
    if (is_unchanged(file)) {
      stream->current++;
      continue;
    }
    if (!stream->reader && !open_current(stream, error)) return FALSE;
    gboolean at_end;
    if (!tarn_line_reader_next(stream->reader, batch, &at_end, error)) return FALSE;
    if (batch->count > 0) batch->source_name = g_strdup(file->path);
    note_progress(stream, batch);
    if (at_end) close_current(stream);
  }
  return TRUE;
}

static const TarnSourceFile *file_of(const NdjsonStream *stream, const TarnPosition *stored) {
  for (guint i = 0; i < stream->files->len; i++) {
    const TarnSourceFile *file = stream->files->pdata[i];
    if (file->stored == stored) return file;
  }
  return NULL;
}

/* A new file is worth a position once something of it was read, or once its identity can grow no more: a position by
 * the first few bytes of an unfinished line would fit every other file, too. */
static gboolean is_worth_keeping(const TarnPosition *position) {
  return position->offset > 0 || tarn_identity_size(position->identity) >= TARN_FINGERPRINT_BYTES;
}

static GPtrArray *ndjson_positions(TarnStream *base) {
  NdjsonStream *stream = (NdjsonStream *)base;
  if (stream->reader) note_position(stream, FALSE);
  GPtrArray *positions = copy_positions(NULL);
  for (guint i = 0; i < stream->stored->len; i++) {
    const TarnPosition *stored = stream->stored->pdata[i];
    const TarnSourceFile *file = file_of(stream, stored);
    g_ptr_array_add(positions, tarn_position_copy(file ? file->position : stored));
  }
  for (guint i = 0; i < stream->files->len; i++) {
    const TarnSourceFile *file = stream->files->pdata[i];
    if (!file->piped && !file->stored && is_worth_keeping(file->position))
      g_ptr_array_add(positions, tarn_position_copy(file->position));
  }
  return positions;
}

/* Is there a whole line behind the position? Where the next bytes do not tell, a size that is not the one last seen
 * does. */
static gboolean plain_has_new(const NdjsonStream *stream, const TarnSourceFile *file, gboolean *has_new,
                              GError **error) {
  gint64 left = file->size - file->position->offset;
  *has_new = left > 0 && stream->final;
  if (left == 0 || *has_new) return TRUE;
  g_autoptr(TarnFileReader) reader = tarn_file_reader_open(file->path, error);
  if (!reader || !tarn_file_reader_seek(reader, file->position->offset, error)) return FALSE;
  char bytes[TARN_FINGERPRINT_BYTES];
  gsize got;
  if (!tarn_file_reader_read(reader, bytes, sizeof bytes, &got, error)) return FALSE;
  gboolean unseen = !file->stored || file->stored->size != file->size;
  *has_new = memchr(bytes, '\n', got) != NULL || (left > (gint64)sizeof bytes && unseen);
  return TRUE;
}

static gboolean ndjson_has_new(TarnStream *base, gboolean *has_new, GError **error) {
  NdjsonStream *stream = (NdjsonStream *)base;
  gboolean found = FALSE;
  gint64 pending = 0;
  for (guint i = stream->current; i < stream->files->len && !found; i++) {
    const TarnSourceFile *file = stream->files->pdata[i];
    if (is_plain(file)) {
      if (!plain_has_new(stream, file, &found, error)) return FALSE;
      pending += file->size - file->position->offset;
    } else {
      found = !is_unchanged(file);
    }
  }
  if (!found) atomic_store(&stream->pending_bytes, pending); /* all that is left are unfinished last lines */
  *has_new = found;
  return TRUE;
}

static void ndjson_progress(TarnStream *base, TarnStreamProgress *progress) {
  NdjsonStream *stream = (NdjsonStream *)base;
  *progress = (TarnStreamProgress){.bytes_total = stream->bytes_total,
                                   .bytes_read = atomic_load(&stream->bytes_read),
                                   .pending_bytes = atomic_load(&stream->pending_bytes),
                                   .records = atomic_load(&stream->records)};
}

static void ndjson_free(TarnStream *base) {
  NdjsonStream *stream = (NdjsonStream *)base;
  tarn_line_reader_free(stream->reader);
  g_clear_pointer(&stream->files, g_ptr_array_unref);
  g_ptr_array_unref(stream->stored);
  g_free(stream);
}

static const TarnStreamClass NDJSON = {ndjson_next, ndjson_positions, ndjson_has_new, ndjson_progress, ndjson_free};

TarnStream *tarn_ndjson_open(const TarnStreamOptions *options, const GPtrArray *positions, GError **error) {
  NdjsonStream *stream = g_new0(NdjsonStream, 1);
  stream->base.class = &NDJSON;
  stream->options.max_record_bytes = MIN(options->max_record_bytes, G_MAXINT32); /* TarnRecord.size has 32 bits */
  stream->options.batch_bytes = options->batch_bytes;
  stream->final = options->final;
  stream->stored = copy_positions(positions);
  stream->files = tarn_file_list_expand(options->paths, error);
  if (!stream->files || !tarn_file_list_identify(stream->files, stream->stored, error)) {
    ndjson_free(&stream->base);
    return NULL;
  }
  stream->bytes_total = sum_bytes(stream->files);
  return &stream->base;
}
