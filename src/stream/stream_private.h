/* For the files that implement a kind of source: what a stream is made of, and how a batch is filled. */
#pragma once
#include "stream/stream.h"

/* The functions behind the tarn_stream_* calls of the same name. next gets an empty batch. */
typedef struct {
  gboolean (*next)(TarnStream *stream, TarnBatch *batch, GError **error);
  GPtrArray *(*positions)(TarnStream *stream);
  gboolean (*has_new)(TarnStream *stream, gboolean *has_new, GError **error);
  void (*progress)(TarnStream *stream, TarnStreamProgress *progress);
  void (*free)(TarnStream *stream);
  /* The following may be NULL. */
  const GPtrArray *(*gaps)(TarnStream *stream);
  gboolean (*published)(TarnStream *stream, GError **error);
} TarnStreamClass;

/* First member of every kind's own struct. */
struct TarnStream {
  const TarnStreamClass *class;
};

/* The next record of the batch, to be filled in whole; valid until the next call. */
TarnRecord *tarn_batch_add(TarnBatch *batch);
/* A block of at least size bytes that lives as long as the batch; what it held is lost where it must grow. */
char *tarn_batch_block(TarnBatch *batch, gsize size);
