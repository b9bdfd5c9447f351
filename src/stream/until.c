#include "stream/until.h"

#include "stream/stream_private.h"

typedef struct {
  TarnStream base;
  TarnStream *inner;
  GPtrArray *ends;  /* TarnPosition *, under their old names */
  GPtrArray *names; /* char *: what each is called now */
} UntilStream;

static const TarnPosition *find_end(const UntilStream *stream, const TarnBatch *batch) {
  for (guint i = 0; i < stream->ends->len; i++) {
    const TarnPosition *end = stream->ends->pdata[i];
    if (end->partition == batch->source_partition && g_str_equal(stream->names->pdata[i], batch->source_name))
      return end;
  }
  return NULL;
}

/* Drops what lies behind the end; records of a batch ascend. */
static void cut(const UntilStream *stream, TarnBatch *batch) {
  const TarnPosition *end = find_end(stream, batch);
  guint keep = 0;
  while (end && keep < batch->count && batch->records[keep].offset < end->offset) keep++;
  for (guint i = keep; i < batch->count; i++) {
    g_free(batch->records[i].digest);
    g_free(batch->records[i].headers);
  }
  batch->count = keep;
  if (!keep) return;
  g_free(batch->source_name);
  batch->source_name = g_strdup(end->name);
}

static gboolean until_next(TarnStream *base, TarnBatch *batch, GError **error) {
  UntilStream *stream = (UntilStream *)base;
  do {
    if (!tarn_stream_next(stream->inner, batch, error)) return FALSE;
    if (batch->count == 0) return TRUE;
    cut(stream, batch);
  } while (batch->count == 0);
  return TRUE;
}

static GPtrArray *until_positions(TarnStream *base) {
  const UntilStream *stream = (const UntilStream *)base;
  GPtrArray *copies = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_position_free);
  for (guint i = 0; i < stream->ends->len; i++) g_ptr_array_add(copies, tarn_position_copy(stream->ends->pdata[i]));
  return copies;
}

static gboolean until_has_new(TarnStream *base, gboolean *has_new, GError **error) {
  return tarn_stream_has_new(((UntilStream *)base)->inner, has_new, error);
}

static void until_progress(TarnStream *base, TarnStreamProgress *progress) {
  tarn_stream_progress(((UntilStream *)base)->inner, progress);
}

static void until_free(TarnStream *base) {
  UntilStream *stream = (UntilStream *)base;
  tarn_stream_free(stream->inner);
  g_ptr_array_unref(stream->ends);
  g_ptr_array_unref(stream->names);
  g_free(stream);
}

static const GPtrArray *until_gaps(TarnStream *base) { return tarn_stream_gaps(((UntilStream *)base)->inner); }

static const TarnStreamClass UNTIL = {.next = until_next,
                                      .positions = until_positions,
                                      .has_new = until_has_new,
                                      .progress = until_progress,
                                      .free = until_free,
                                      .gaps = until_gaps};

/* A part is known by its identity; that of a short file grows with it, but its place in the list stays. */
static const char *name_now(const GPtrArray *now, const GPtrArray *ends, guint index) {
  const TarnPosition *end = ends->pdata[index];
  for (guint i = 0; i < now->len; i++) {
    const TarnPosition *position = now->pdata[i];
    if (position->partition == end->partition && g_strcmp0(position->identity, end->identity) == 0)
      return position->name;
  }
  return index < now->len ? ((TarnPosition *)now->pdata[index])->name : end->name;
}

TarnStream *tarn_stream_until(TarnStream *inner, const GPtrArray *now, const GPtrArray *ends) {
  UntilStream *stream = g_new0(UntilStream, 1);
  stream->base.class = &UNTIL;
  stream->inner = inner;
  stream->ends = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_position_free);
  stream->names = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < ends->len; i++) {
    g_ptr_array_add(stream->ends, tarn_position_copy(ends->pdata[i]));
    g_ptr_array_add(stream->names, g_strdup(name_now(now, ends, i)));
  }
  return &stream->base;
}
