#include "serve/metrics.h"

#include <string.h>

#define MAX_LABELS 2

typedef enum { COUNTER, GAUGE, HISTOGRAM } Kind;

static const char *const kind_names[] = {"counter", "gauge", "histogram"};

typedef struct {
  const char *name;
  Kind kind;
  const char *help;
  const char *labels[MAX_LABELS];
} Definition;

static const Definition definitions[] = {
    [TARN_METRIC_BUILD] = {"tarn_build_info",
                           GAUGE,
                           "always 1; the labels tell the versions",
                           {"version", "duckdb_version"}},
    [TARN_METRIC_STARTED] = {"process_start_time_seconds", GAUGE, "when the process started, since 1970"},
    [TARN_METRIC_CPU] = {"process_cpu_seconds_total", COUNTER, "processor time that the process has used"},
    [TARN_METRIC_RESIDENT] = {"process_resident_memory_bytes", GAUGE, "memory that the process holds (RSS)"},
    [TARN_METRIC_OPEN_FDS] = {"process_open_fds", GAUGE, "open file descriptors"},
    [TARN_METRIC_MAX_FDS] = {"process_max_fds", GAUGE, "limit of open file descriptors"},
    [TARN_METRIC_MEMORY_BUDGET] = {"tarn_memory_budget_bytes", GAUGE,
                                   "memory that the process may use: the cgroup's limit or TARN_MEMORY_LIMIT"},
    [TARN_METRIC_ENGINE_LIMIT] = {"tarn_engine_memory_limit_bytes", GAUGE,
                                  "of that, what the current generation's engine may use (DuckDB's memory_limit)"},
    [TARN_METRIC_ENGINE_MEMORY] = {"tarn_engine_memory_bytes", GAUGE,
                                   "memory that the current generation's engine uses (duckdb_memory())"},
    [TARN_METRIC_CPU_BUDGET] = {"tarn_cpu_budget", GAUGE,
                                "processors that the process may use: the cgroup's limit or TARN_THREADS"},
    [TARN_METRIC_REQUEST_DURATION] =
        {"tarn_http_request_duration_seconds",
         HISTOGRAM,
         "from a request's first line to the end of its response; route none: no route fits",
         {"route", "status"}},
    [TARN_METRIC_RESPONSE_BYTES] = {"tarn_http_response_bytes_total", COUNTER, "bytes of response bodies", {"route"}},
    [TARN_METRIC_IN_FLIGHT] = {"tarn_http_requests_in_flight", GAUGE, "requests whose responses are not sent yet"},
    [TARN_METRIC_STREAMS] = {"tarn_http_streams", GAUGE, "responses that are being sent in blocks"},
    [TARN_METRIC_STREAMS_LIMIT] = {"tarn_http_streams_limit", GAUGE, "so many at once (serve.max_streams)"},
    [TARN_METRIC_QUEUE_RUNNING] = {"tarn_queue_running", GAUGE, "queries that run"},
    [TARN_METRIC_QUEUE_WAITING] = {"tarn_queue_waiting", GAUGE, "queries that wait for a worker"},
    [TARN_METRIC_QUEUE_LIMIT] = {"tarn_queue_limit", GAUGE, "queries that may wait (serve.queue)"},
    [TARN_METRIC_QUEUE_REFUSED] = {"tarn_queue_refused_total", COUNTER,
                                   "queries refused with 503, as the queue was full"},
    [TARN_METRIC_CACHE_HITS] = {"tarn_cache_hits_total", COUNTER, "answers from the response cache"},
    [TARN_METRIC_CACHE_MISSES] = {"tarn_cache_misses_total", COUNTER, "answers that the response cache did not have"},
    [TARN_METRIC_CACHE_BYTES] = {"tarn_cache_bytes", GAUGE, "bytes that the response cache holds"},
    [TARN_METRIC_CACHE_LIMIT] = {"tarn_cache_limit_bytes", GAUGE, "bytes that it may hold"},
    [TARN_METRIC_CACHE_ENTRIES] = {"tarn_cache_entries", GAUGE, "answers that the response cache holds"},
    [TARN_METRIC_CACHE_EVICTED] = {"tarn_cache_evicted_total", COUNTER, "answers that made room for others"},
    [TARN_METRIC_GENERATION] = {"tarn_generation", GAUGE, "number of the generation that is served; absent: none is"},
    [TARN_METRIC_GENERATION_PUBLISHED] = {"tarn_generation_published_timestamp_seconds", GAUGE,
                                          "when it was published, since 1970"},
    [TARN_METRIC_GENERATION_AGE] = {"tarn_generation_age_seconds", GAUGE, "how long ago that was"},
    [TARN_METRIC_GENERATIONS_OPEN] = {"tarn_generations_open", GAUGE,
                                      "open generations: the current one, pinned ones, and those whose requests end"},
    [TARN_METRIC_GENERATION_SWAPS] = {"tarn_generation_swaps_total", COUNTER, "generations that were taken up"},
    [TARN_METRIC_GENERATION_REFUSED] = {"tarn_generation_refused_total", COUNTER,
                                        "files at the published path that were refused: corrupt, newer, with a WAL"},
    [TARN_METRIC_GENERATION_FAULT] = {"tarn_generation_fault", GAUGE,
                                      "1 while the file at the published path is a refused one, else 0"},
    [TARN_METRIC_ROWS] =
        {"tarn_rows",
         GAUGE,
         "row accounting of the generation that is served: received = bronze + bronze_quarantined, bronze = "
         "silver + silver_quarantined + duplicates",
         {"set"}},
    [TARN_METRIC_RUN_ROWS] = {"tarn_last_run_rows", GAUGE, "the same of the run that published it alone", {"set"}},
    [TARN_METRIC_RUN_FINISHED] = {"tarn_last_run_timestamp_seconds", GAUGE, "when that run ended, since 1970"},
    [TARN_METRIC_RUN_DURATION] = {"tarn_last_run_duration_seconds", GAUGE, "how long that run took"},
    [TARN_METRIC_RUN_FAILED] = {"tarn_last_failed_run_timestamp_seconds", GAUGE,
                                "when a run failed last, since 1970; absent: none is known of"},
    [TARN_METRIC_API_KEYS] = {"tarn_api_keys", GAUGE, "API keys that the server knows"},
    [TARN_METRIC_API_KEYS_REFUSED] = {"tarn_api_keys_refused_total", COUNTER,
                                      "changes of the API keys that were refused, as they could not be read"},
};

G_STATIC_ASSERT(G_N_ELEMENTS(definitions) == TARN_METRIC_COUNT_OF_THEM);

/* Upper bounds in seconds: from an answer out of the cache to the timeout. */
static const double bounds[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};

typedef struct {
  const char *labels[MAX_LABELS]; /* values; owned by what is in a family, "" where the metric has no such label */
  double value;                   /* a histogram's sum */
  guint64 counts[G_N_ELEMENTS(bounds) + 1]; /* a histogram's: between two bounds each */
} Series;

typedef struct {
  GMutex mutex;
  GHashTable *series; /* set of Series by their labels; under mutex */
} Family;

struct TarnMetrics {
  Family families[TARN_METRIC_COUNT_OF_THEM];
};

static guint series_hash(gconstpointer data) {
  const Series *series = data;
  guint hash = 0;
  for (guint i = 0; i < MAX_LABELS; i++) hash = 31 * hash + g_str_hash(series->labels[i]);
  return hash;
}

static int series_compare(const Series *a, const Series *b) {
  for (guint i = 0; i < MAX_LABELS; i++) {
    int order = strcmp(a->labels[i], b->labels[i]);
    if (order != 0) return order;
  }
  return 0;
}

static gboolean series_equal(gconstpointer a, gconstpointer b) { return series_compare(a, b) == 0; }

static void series_free(gpointer data) {
  Series *series = data;
  for (guint i = 0; i < MAX_LABELS; i++) g_free((char *)series->labels[i]);
  g_free(series);
}

TarnMetrics *tarn_metrics_new(void) {
  TarnMetrics *metrics = g_new0(TarnMetrics, 1);
  for (guint i = 0; i < TARN_METRIC_COUNT_OF_THEM; i++) {
    g_mutex_init(&metrics->families[i].mutex);
    metrics->families[i].series = g_hash_table_new_full(series_hash, series_equal, series_free, NULL);
  }
  return metrics;
}

void tarn_metrics_free(TarnMetrics *metrics) {
  if (!metrics) return;
  for (guint i = 0; i < TARN_METRIC_COUNT_OF_THEM; i++) {
    g_hash_table_unref(metrics->families[i].series);
    g_mutex_clear(&metrics->families[i].mutex);
  }
  g_free(metrics);
}

static Series *add_series(Family *family, const Series *wanted) {
  Series *series = g_new0(Series, 1);
  for (guint i = 0; i < MAX_LABELS; i++) series->labels[i] = g_strdup(wanted->labels[i]);
  g_hash_table_add(family->series, series);
  return series;
}

/* The series of the labels, made where there is none, with the family's mutex held. */
static Series *take_series(TarnMetrics *metrics, TarnMetric metric, const char *const *labels) {
  Family *family = &metrics->families[metric];
  Series wanted;
  for (guint i = 0; i < MAX_LABELS; i++) wanted.labels[i] = definitions[metric].labels[i] ? labels[i] : "";
  g_mutex_lock(&family->mutex);
  Series *series = g_hash_table_lookup(family->series, &wanted);
  return series ? series : add_series(family, &wanted);
}

static void give_series(TarnMetrics *metrics, TarnMetric metric) { g_mutex_unlock(&metrics->families[metric].mutex); }

void tarn_metrics_add(TarnMetrics *metrics, TarnMetric metric, const char *const *labels, double by) {
  take_series(metrics, metric, labels)->value += by;
  give_series(metrics, metric);
}

void tarn_metrics_set(TarnMetrics *metrics, TarnMetric metric, const char *const *labels, double value) {
  take_series(metrics, metric, labels)->value = value;
  give_series(metrics, metric);
}

void tarn_metrics_observe(TarnMetrics *metrics, TarnMetric metric, const char *const *labels, double value) {
  gsize place = 0;
  while (place < G_N_ELEMENTS(bounds) && value > bounds[place]) place++;
  Series *series = take_series(metrics, metric, labels);
  series->counts[place]++;
  series->value += value;
  give_series(metrics, metric);
}

void tarn_metrics_clear(TarnMetrics *metrics, TarnMetric metric) {
  Family *family = &metrics->families[metric];
  g_mutex_lock(&family->mutex);
  g_hash_table_remove_all(family->series);
  g_mutex_unlock(&family->mutex);
}

/* --- Text ------------------------------------------------------------------------------------------------------- */

static void append_label(GString *text, const char *name, const char *value) {
  g_autofree char *valid = g_utf8_make_valid(value, -1);
  g_string_append_printf(text, "%s%s=\"", text->len ? "," : "", name);
  for (const char *c = valid; *c; c++) {
    if (*c == '\n')
      g_string_append(text, "\\n");
    else if (*c == '"' || *c == '\\')
      g_string_append_printf(text, "\\%c", *c);
    else
      g_string_append_c(text, *c);
  }
  g_string_append_c(text, '"');
}

/* name="value",... of a series. Caller frees. */
static char *format_labels(const Definition *definition, const Series *series) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; i < MAX_LABELS && definition->labels[i]; i++)
    append_label(text, definition->labels[i], series->labels[i]);
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static void append_sample(GString *text, const char *name, const char *suffix, const char *labels, const char *more,
                          double value) {
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  gboolean both = *labels && *more;
  g_ascii_formatd(number, sizeof number, "%.15g", value);
  g_string_append_printf(text, "%s%s", name, suffix);
  if (*labels || *more) g_string_append_printf(text, "{%s%s%s}", labels, both ? "," : "", more);
  g_string_append_printf(text, " %s\n", number);
}

static void append_histogram(GString *text, const char *name, const char *labels, const Series *series) {
  guint64 count = 0;
  for (gsize i = 0; i <= G_N_ELEMENTS(bounds); i++) {
    char bound[G_ASCII_DTOSTR_BUF_SIZE] = "+Inf", le[G_ASCII_DTOSTR_BUF_SIZE + 8];
    if (i < G_N_ELEMENTS(bounds)) g_ascii_formatd(bound, sizeof bound, "%g", bounds[i]);
    g_snprintf(le, sizeof le, "le=\"%s\"", bound);
    count += series->counts[i];
    append_sample(text, name, "_bucket", labels, le, (double)count);
  }
  append_sample(text, name, "_sum", labels, "", series->value);
  append_sample(text, name, "_count", labels, "", (double)count);
}

static gint compare_series(gconstpointer a, gconstpointer b) { return series_compare(a, b); }

/* Under the family's mutex. */
static void append_family(GString *text, const Definition *definition, const Family *family) {
  if (g_hash_table_size(family->series) == 0) return;
  g_string_append_printf(text, "# HELP %s %s\n# TYPE %s %s\n", definition->name, definition->help, definition->name,
                         kind_names[definition->kind]);
  g_autoptr(GList) all = g_list_sort(g_hash_table_get_keys(family->series), compare_series);
  for (GList *item = all; item; item = item->next) {
    const Series *series = item->data;
    g_autofree char *labels = format_labels(definition, series);
    if (definition->kind == HISTOGRAM)
      append_histogram(text, definition->name, labels, series);
    else
      append_sample(text, definition->name, "", labels, "", series->value);
  }
}

void tarn_metrics_write(TarnMetrics *metrics, GString *text) {
  for (guint i = 0; i < TARN_METRIC_COUNT_OF_THEM; i++) {
    Family *family = &metrics->families[i];
    g_mutex_lock(&family->mutex);
    append_family(text, &definitions[i], family);
    g_mutex_unlock(&family->mutex);
  }
}

void tarn_metrics_describe(GString *markdown) {
  g_string_append(markdown, "| metric | type | labels | meaning |\n|---|---|---|---|\n");
  for (guint i = 0; i < TARN_METRIC_COUNT_OF_THEM; i++) {
    const Definition *definition = &definitions[i];
    g_string_append_printf(markdown, "| `%s` | %s | ", definition->name, kind_names[definition->kind]);
    for (guint j = 0; j < MAX_LABELS && definition->labels[j]; j++)
      g_string_append_printf(markdown, "%s`%s`", j ? ", " : "", definition->labels[j]);
    g_string_append_printf(markdown, " | %s |\n", definition->help);
  }
}
