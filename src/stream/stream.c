#include "stream/stream.h"

#include "stream/stream_private.h"

#define KIBIBYTE ((gsize)1024)

void tarn_position_free(TarnPosition *position) {
  if (!position) return;
  g_free(position->identity);
  g_free(position->name);
  g_free(position->prefix_digest);
  g_free(position);
}

TarnPosition *tarn_position_copy(const TarnPosition *position) {
  TarnPosition *copy = g_new(TarnPosition, 1);
  *copy = *position;
  copy->identity = g_strdup(position->identity);
  copy->name = g_strdup(position->name);
  copy->prefix_digest = g_strdup(position->prefix_digest);
  return copy;
}

void tarn_gap_free(TarnGap *gap) {
  if (!gap) return;
  g_free(gap->name);
  g_free(gap->why);
  g_free(gap);
}

void tarn_stream_options_init(TarnStreamOptions *options) {
  *options = (TarnStreamOptions){.max_record_bytes = 1024 * KIBIBYTE, .batch_bytes = 1024 * KIBIBYTE};
}

void tarn_batch_init(TarnBatch *batch) { *batch = (TarnBatch){0}; }

/* Empties the batch and keeps its memory. */
static void batch_reset(TarnBatch *batch) {
  for (guint i = 0; i < batch->count; i++) {
    g_free(batch->records[i].digest);
    g_free(batch->records[i].headers);
  }
  batch->count = 0;
  if (batch->release) batch->release(batch->stream_data);
  batch->release = NULL;
  g_clear_pointer(&batch->source_name, g_free);
}

void tarn_batch_clear(TarnBatch *batch) {
  batch_reset(batch);
  g_free(batch->records);
  g_free(batch->block);
  tarn_batch_init(batch);
}

TarnRecord *tarn_batch_add(TarnBatch *batch) {
  if (batch->count == batch->capacity) {
    batch->capacity = MAX(256, batch->capacity * 2);
    batch->records = g_renew(TarnRecord, batch->records, batch->capacity);
  }
  return &batch->records[batch->count++];
}

char *tarn_batch_block(TarnBatch *batch, gsize size) {
  if (batch->block_size < size) {
    g_free(batch->block);
    batch->block = g_malloc(size);
    batch->block_size = size;
  }
  return batch->block;
}

gboolean tarn_stream_next(TarnStream *stream, TarnBatch *batch, GError **error) {
  batch_reset(batch);
  return stream->class->next(stream, batch, error);
}

GPtrArray *tarn_stream_positions(TarnStream *stream) { return stream->class->positions(stream); }

gboolean tarn_stream_has_new(TarnStream *stream, gboolean *has_new, GError **error) {
  return stream->class->has_new(stream, has_new, error);
}

void tarn_stream_progress(TarnStream *stream, TarnStreamProgress *progress) {
  stream->class->progress(stream, progress);
}

const GPtrArray *tarn_stream_gaps(TarnStream *stream) {
  return stream->class->gaps ? stream->class->gaps(stream) : NULL;
}

gboolean tarn_stream_published(TarnStream *stream, GError **error) {
  return !stream->class->published || stream->class->published(stream, error);
}

void tarn_stream_free(TarnStream *stream) {
  if (stream) stream->class->free(stream);
}
