#include "serve/generation_metrics.h"

#include <glib/gstdio.h>

#include "lakehouse/generation.h"
#include "lakehouse/sql.h"

/* In the order of generation_metrics.sql's columns: so many totals, then so many of the run. */
static const char *const sets[] = {"received",   "bronze", "bronze_quarantined", "silver", "silver_quarantined",
                                   "duplicates", "gold"};

enum { RUN_OFFSET = G_N_ELEMENTS(sets), FINISHED_MS = 2 * G_N_ELEMENTS(sets), RUN_MS, ENGINE_BYTES };

static const TarnMetric of_generations[] = {
    TARN_METRIC_GENERATION, TARN_METRIC_GENERATION_PUBLISHED, TARN_METRIC_GENERATION_AGE, TARN_METRIC_ROWS,
    TARN_METRIC_RUN_ROWS,   TARN_METRIC_RUN_FINISHED,         TARN_METRIC_RUN_DURATION,   TARN_METRIC_ENGINE_MEMORY};

static void set_from(TarnMetrics *metrics, TarnMetric metric, const char *const *labels, const TarnResult *result,
                     guint column, double unit) {
  if (!tarn_result_is_null(result, 0, column))
    tarn_metrics_set(metrics, metric, labels, (double)tarn_result_int(result, 0, column) / unit);
}

static void set_rows(TarnMetrics *metrics, const TarnResult *result) {
  for (guint i = 0; i < G_N_ELEMENTS(sets); i++) {
    const char *const labels[] = {sets[i]};
    set_from(metrics, TARN_METRIC_ROWS, labels, result, i, 1);
    set_from(metrics, TARN_METRIC_RUN_ROWS, labels, result, RUN_OFFSET + i, 1);
  }
  set_from(metrics, TARN_METRIC_RUN_FINISHED, NULL, result, FINISHED_MS, 1000);
  set_from(metrics, TARN_METRIC_RUN_DURATION, NULL, result, RUN_MS, 1000);
  set_from(metrics, TARN_METRIC_ENGINE_MEMORY, NULL, result, ENGINE_BYTES, 1);
}

static void set_published(TarnMetrics *metrics, const TarnGeneration *generation) {
  double published = (double)generation->published_us / G_USEC_PER_SEC;
  tarn_metrics_set(metrics, TARN_METRIC_GENERATION, NULL, (double)generation->number);
  tarn_metrics_set(metrics, TARN_METRIC_GENERATION_PUBLISHED, NULL, published);
  tarn_metrics_set(metrics, TARN_METRIC_GENERATION_AGE, NULL,
                   MAX((double)g_get_real_time() / G_USEC_PER_SEC - published, 0));
}

void tarn_generation_metrics_update(TarnMetrics *metrics, TarnServed *served) {
  if (!served) {
    for (gsize i = 0; i < G_N_ELEMENTS(of_generations); i++) tarn_metrics_clear(metrics, of_generations[i]);
    return;
  }
  set_published(metrics, tarn_served_generation(served));
  TarnServedWorker *worker = tarn_served_take_worker(served, NULL);
  if (!worker) return;
  TarnResult *result = tarn_conn_query(tarn_served_worker_conn(worker), tarn_sql_generation_metrics, NULL, 0, NULL);
  if (result && tarn_result_rows(result) > 0) set_rows(metrics, result);
  tarn_result_free(result);
  tarn_served_give_worker(served, worker);
}

void tarn_run_metrics_update(TarnMetrics *metrics, const char *database) {
  g_autoptr(TarnLakehouse) lakehouse = tarn_lakehouse_new(database);
  g_autoptr(GPtrArray) failures = tarn_lakehouse_failures(lakehouse);
  GStatBuf file;
  if (failures->len > 0 && g_stat(failures->pdata[failures->len - 1], &file) == 0)
    tarn_metrics_set(metrics, TARN_METRIC_RUN_FAILED, NULL, (double)file.st_mtime);
}
