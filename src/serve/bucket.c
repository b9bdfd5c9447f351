#include "serve/bucket.h"

#include <math.h>
#include <string.h>

#include "base/budget.h"
#include "base/error.h"

#define MAX_COUNT 1000000
#define MAX_WINDOW_US (24 * 3600 * (gint64)G_USEC_PER_SEC)

struct TarnBucket {
  gint references; /* atomic */
  TarnRate rate;
  GMutex mutex;
  double tokens; /* under mutex, as is at_us */
  gint64 at_us;
};

static gboolean parse_window(const char *text, gint64 *window_us) {
  g_autofree char *window = g_ascii_isdigit(*text) ? g_strdup(text) : g_strconcat("1", text, NULL);
  return *text && tarn_parse_duration(window, window_us, NULL) && *window_us >= G_USEC_PER_SEC &&
         *window_us <= MAX_WINDOW_US && *window_us % G_USEC_PER_SEC == 0;
}

gboolean tarn_rate_parse(const char *text, TarnRate *rate, GError **error) {
  TarnRate found = {0};
  gboolean ok = g_str_equal(text, "-");
  g_auto(GStrv) parts = g_strsplit(text, "/", 2);
  if (!ok && g_strv_length(parts) == 2)
    ok = g_ascii_string_to_unsigned(parts[0], 10, 1, MAX_COUNT, &found.count, NULL) &&
         parse_window(parts[1], &found.window_us);
  if (ok)
    *rate = found;
  else
    tarn_error_set(error, TARN_ERROR_USAGE,
                   "write a count and a time, such as 100/s, 600/m or 10/30s (up to 1000000 in 1s to 1d), or - for no "
                   "limit",
                   "the rate is not understood");
  return ok;
}

char *tarn_rate_format(const TarnRate *rate) {
  gint64 seconds = rate->window_us / G_USEC_PER_SEC;
  const char *unit = seconds == 1 ? "s" : seconds == 60 ? "m" : seconds == 3600 ? "h" : NULL;
  if (rate->count == 0) return g_strdup("-");
  if (unit) return g_strdup_printf("%" G_GUINT64_FORMAT "/%s", rate->count, unit);
  return g_strdup_printf("%" G_GUINT64_FORMAT "/%" G_GINT64_FORMAT "s", rate->count, seconds);
}

TarnBucket *tarn_bucket_new(const TarnRate *rate, gint64 now_us) {
  TarnBucket *bucket = g_new0(TarnBucket, 1);
  bucket->references = 1;
  g_mutex_init(&bucket->mutex);
  bucket->rate = *rate;
  bucket->tokens = (double)rate->count;
  bucket->at_us = now_us;
  return bucket;
}

TarnBucket *tarn_bucket_ref(TarnBucket *bucket) {
  g_atomic_int_inc(&bucket->references);
  return bucket;
}

void tarn_bucket_unref(TarnBucket *bucket) {
  if (!bucket || !g_atomic_int_dec_and_test(&bucket->references)) return;
  g_mutex_clear(&bucket->mutex);
  g_free(bucket);
}

const TarnRate *tarn_bucket_rate(const TarnBucket *bucket) { return &bucket->rate; }

/* Threads may bring their times out of order: time never goes back. */
static void fill(TarnBucket *bucket, gint64 now_us) {
  gint64 passed = MAX(now_us - bucket->at_us, 0);
  double more = (double)passed * (double)bucket->rate.count / (double)bucket->rate.window_us;
  bucket->tokens = fmin(bucket->tokens + more, (double)bucket->rate.count);
  bucket->at_us += passed;
}

TarnBucketState tarn_bucket_take(TarnBucket *bucket, gint64 now_us) {
  if (bucket->rate.count == 0) return (TarnBucketState){.taken = TRUE, .left = G_MAXUINT64};
  double us_per_token = (double)bucket->rate.window_us / (double)bucket->rate.count;
  g_mutex_lock(&bucket->mutex);
  fill(bucket, now_us);
  gboolean taken = bucket->tokens >= 1;
  if (taken) bucket->tokens -= 1;
  double tokens = bucket->tokens;
  g_mutex_unlock(&bucket->mutex);
  return (TarnBucketState){.taken = taken,
                           .left = (guint64)tokens,
                           .full_us = (gint64)ceil(((double)bucket->rate.count - tokens) * us_per_token),
                           .retry_us = tokens >= 1 ? 0 : (gint64)ceil((1 - tokens) * us_per_token)};
}
