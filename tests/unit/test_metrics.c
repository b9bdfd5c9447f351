/* The registry of metrics: what is counted on many threads comes out as Prometheus text. */
#include "serve/process_metrics.h"

#include <string.h>

static char *text_of(TarnMetrics *metrics) {
  GString *text = g_string_new(NULL);
  tarn_metrics_write(metrics, text);
  return g_string_free(text, FALSE);
}

static void assert_has(const char *text, const char *line) {
  g_autofree char *whole = g_strdup_printf("\n%s\n", text), *wanted = g_strdup_printf("\n%s\n", line);
  if (!strstr(whole, wanted)) g_error("no line %s in\n%s", line, text);
}

static void test_values(void) {
  TarnMetrics *metrics = tarn_metrics_new();
  g_autofree char *empty = text_of(metrics);
  g_assert_cmpstr(empty, ==, "");
  tarn_metrics_add(metrics, TARN_METRIC_CACHE_HITS, NULL, 1);
  tarn_metrics_add(metrics, TARN_METRIC_CACHE_HITS, NULL, 2);
  tarn_metrics_set(metrics, TARN_METRIC_RESIDENT, NULL, 8589934592.0);
  tarn_metrics_set(metrics, TARN_METRIC_RESIDENT, NULL, 4294967296.0);
  tarn_metrics_set(metrics, TARN_METRIC_GENERATION, NULL, 7);
  tarn_metrics_clear(metrics, TARN_METRIC_GENERATION);
  g_autofree char *text = text_of(metrics);
  assert_has(text, "# TYPE tarn_cache_hits_total counter");
  assert_has(text, "tarn_cache_hits_total 3");
  assert_has(text, "process_resident_memory_bytes 4294967296");
  g_assert_null(strstr(text, "tarn_generation"));
  tarn_metrics_free(metrics);
}

static void test_labels_are_escaped(void) {
  TarnMetrics *metrics = tarn_metrics_new();
  const char *const hostile[] = {"a\"b\\c\nd\xff"}, *const none[] = {""};
  tarn_metrics_add(metrics, TARN_METRIC_RESPONSE_BYTES, hostile, 1);
  tarn_metrics_add(metrics, TARN_METRIC_RESPONSE_BYTES, none, 2);
  const char *const one_empty[] = {"", "200"};
  tarn_metrics_observe(metrics, TARN_METRIC_REQUEST_DURATION, one_empty, 1);
  g_autofree char *text = text_of(metrics);
  assert_has(text, "tarn_http_request_duration_seconds_count{route=\"\",status=\"200\"} 1");
  assert_has(text, "tarn_http_response_bytes_total{route=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\"} 1");
  assert_has(text, "tarn_http_response_bytes_total{route=\"\"} 2");
  tarn_metrics_free(metrics);
}

static void test_histogram_is_cumulative(void) {
  TarnMetrics *metrics = tarn_metrics_new();
  const char *const labels[] = {"/api/v1/x/{id}", "200"};
  const double seconds[] = {0.0001, 0.00011, 0.5, 99};
  for (gsize i = 0; i < G_N_ELEMENTS(seconds); i++)
    tarn_metrics_observe(metrics, TARN_METRIC_REQUEST_DURATION, labels, seconds[i]);
  g_autofree char *text = text_of(metrics);
  const struct {
    const char *le, *count;
  } buckets[] = {{"0.0001", "1"}, {"0.00025", "2"}, {"0.25", "2"}, {"0.5", "3"}, {"10", "3"}, {"+Inf", "4"}};
  for (gsize i = 0; i < G_N_ELEMENTS(buckets); i++) {
    g_autofree char *line = g_strdup_printf(
        "tarn_http_request_duration_seconds_bucket{route=\"/api/v1/x/{id}\",status=\"200\",le=\"%s\"} %s",
        buckets[i].le, buckets[i].count);
    assert_has(text, line);
  }
  assert_has(text, "tarn_http_request_duration_seconds_count{route=\"/api/v1/x/{id}\",status=\"200\"} 4");
  assert_has(text, "tarn_http_request_duration_seconds_sum{route=\"/api/v1/x/{id}\",status=\"200\"} 99.50021");
  tarn_metrics_free(metrics);
}

#define THREADS 8
#define ROUNDS 2000

static gpointer count_on(gpointer data) {
  static const char *const statuses[] = {"200", "404", "503"};
  for (guint i = 0; i < ROUNDS; i++) {
    const char *const labels[] = {"/", statuses[i % 3]};
    tarn_metrics_observe(data, TARN_METRIC_REQUEST_DURATION, labels, 0.001);
    tarn_metrics_add(data, TARN_METRIC_IN_FLIGHT, NULL, i % 2 ? -1 : 1);
    if (i % 500 == 0) g_free(text_of(data));
  }
  return NULL;
}

static void test_threads_lose_nothing(void) {
  TarnMetrics *metrics = tarn_metrics_new();
  GThread *threads[THREADS];
  for (guint i = 0; i < THREADS; i++) threads[i] = g_thread_new("count", count_on, metrics);
  for (guint i = 0; i < THREADS; i++) g_thread_join(threads[i]);
  g_autofree char *text = text_of(metrics);
  assert_has(text, "tarn_http_request_duration_seconds_count{route=\"/\",status=\"200\"} 5336");
  assert_has(text, "tarn_http_request_duration_seconds_count{route=\"/\",status=\"503\"} 5328");
  assert_has(text, "tarn_http_requests_in_flight 0");
  tarn_metrics_free(metrics);
}

static double value_of(const char *text, const char *name) {
  const char *found = strstr(text, name);
  return found ? g_ascii_strtod(found + strlen(name), NULL) : -1;
}

static void test_process(void) {
  const TarnBudget budget = {.memory_bytes = 2000, .engine_bytes = 1000, .threads = 2};
  TarnMetrics *metrics = tarn_metrics_new();
  tarn_process_metrics_begin(metrics, &budget, "1.2.3", "v1.5.6");
  tarn_process_metrics_update(metrics);
  g_autofree char *text = text_of(metrics);
  assert_has(text, "tarn_build_info{version=\"1.2.3\",duckdb_version=\"v1.5.6\"} 1");
  assert_has(text, "tarn_memory_budget_bytes 2000");
  g_assert_cmpfloat(value_of(text, "\nprocess_resident_memory_bytes "), >, 100000);
  g_assert_cmpfloat(value_of(text, "\nprocess_open_fds "), >=, 3);
  g_assert_cmpfloat(value_of(text, "\nprocess_max_fds "), >=, value_of(text, "\nprocess_open_fds "));
  g_assert_cmpfloat(value_of(text, "\nprocess_cpu_seconds_total "), >, 0);
  tarn_metrics_free(metrics);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/metrics/values", test_values);
  g_test_add_func("/metrics/labels", test_labels_are_escaped);
  g_test_add_func("/metrics/histogram", test_histogram_is_cumulative);
  g_test_add_func("/metrics/threads", test_threads_lose_nothing);
  g_test_add_func("/metrics/process", test_process);
  return g_test_run();
}
