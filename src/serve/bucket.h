/* A token bucket: how often something may happen. It holds at most rate.count tokens, is full at first and is filled evenly, count
 * tokens per window. In: a rate, the time. Out: whether one may be taken, and what is left. Shared by reference count; threads may
 * take at once. The caller brings the clock. */
#pragma once
#include <glib.h>

typedef struct {
  guint64 count; /* 0: no limit */
  gint64 window_us;
} TarnRate;

/* "100/s", "600/m", "10/30s": a count from 1 to 1,000,000 and a window of whole seconds up to a day. "-": no limit. Errors:
 * TARN_ERROR_USAGE. */
gboolean tarn_rate_parse(const char *text, TarnRate *rate, GError **error);
char *tarn_rate_format(const TarnRate *rate); /* what _parse reads; caller frees */

typedef struct TarnBucket TarnBucket;

typedef struct {
  gboolean taken;
  guint64 left;    /* tokens after this one */
  gint64 full_us;  /* until the bucket is full again */
  gint64 retry_us; /* until the next token; 0 where there is one */
} TarnBucketState;

TarnBucket *tarn_bucket_new(const TarnRate *rate, gint64 now_us);
TarnBucket *tarn_bucket_ref(TarnBucket *bucket);
void tarn_bucket_unref(TarnBucket *bucket); /* accepts NULL */
TarnBucketState tarn_bucket_take(TarnBucket *bucket, gint64 now_us);
const TarnRate *tarn_bucket_rate(const TarnBucket *bucket);
