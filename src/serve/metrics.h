/* What the server counts: one table of metrics, from which /metrics (Prometheus text format 0.0.4) and docs/metrics.md are made.
 * In: counts and values from any thread, some nanoseconds each. Out: text. Label values may be any text, but there must be few of
 * them: patterns of routes, never paths. */
#pragma once
#include <glib.h>

typedef enum {
  TARN_METRIC_BUILD,
  TARN_METRIC_STARTED,
  TARN_METRIC_CPU,
  TARN_METRIC_RESIDENT,
  TARN_METRIC_OPEN_FDS,
  TARN_METRIC_MAX_FDS,
  TARN_METRIC_MEMORY_BUDGET,
  TARN_METRIC_ENGINE_LIMIT,
  TARN_METRIC_ENGINE_MEMORY,
  TARN_METRIC_CPU_BUDGET,
  TARN_METRIC_REQUEST_DURATION,
  TARN_METRIC_RESPONSE_BYTES,
  TARN_METRIC_IN_FLIGHT,
  TARN_METRIC_STREAMS,
  TARN_METRIC_STREAMS_LIMIT,
  TARN_METRIC_QUEUE_RUNNING,
  TARN_METRIC_QUEUE_WAITING,
  TARN_METRIC_QUEUE_LIMIT,
  TARN_METRIC_QUEUE_REFUSED,
  TARN_METRIC_CACHE_HITS,
  TARN_METRIC_CACHE_MISSES,
  TARN_METRIC_CACHE_BYTES,
  TARN_METRIC_CACHE_LIMIT,
  TARN_METRIC_CACHE_ENTRIES,
  TARN_METRIC_CACHE_EVICTED,
  TARN_METRIC_GENERATION,
  TARN_METRIC_GENERATION_PUBLISHED,
  TARN_METRIC_GENERATION_AGE,
  TARN_METRIC_GENERATIONS_OPEN,
  TARN_METRIC_GENERATION_SWAPS,
  TARN_METRIC_GENERATION_REFUSED,
  TARN_METRIC_GENERATION_FAULT,
  TARN_METRIC_ROWS,
  TARN_METRIC_RUN_ROWS,
  TARN_METRIC_RUN_FINISHED,
  TARN_METRIC_RUN_DURATION,
  TARN_METRIC_RUN_FAILED,
  TARN_METRIC_API_KEYS,
  TARN_METRIC_API_KEYS_REFUSED,
  TARN_METRIC_COUNT_OF_THEM
} TarnMetric;

typedef struct TarnMetrics TarnMetrics;

TarnMetrics *tarn_metrics_new(void);
void tarn_metrics_free(TarnMetrics *metrics); /* accepts NULL */

/* labels: as many values as the metric has labels, borrowed for the call; NULL where it has none. */
void tarn_metrics_add(TarnMetrics *metrics, TarnMetric metric, const char *const *labels, double by);
/* Also of counters that somebody else counts. */
void tarn_metrics_set(TarnMetrics *metrics, TarnMetric metric, const char *const *labels, double value);
/* Histograms. */
void tarn_metrics_observe(TarnMetrics *metrics, TarnMetric metric, const char *const *labels, double value);
/* Forgets all series of a metric. */
void tarn_metrics_clear(TarnMetrics *metrics, TarnMetric metric);

#define TARN_METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Metrics without a value yet are left out. */
void tarn_metrics_write(TarnMetrics *metrics, GString *text);
/* The table as Markdown. */
void tarn_metrics_describe(GString *markdown);
