#include "serve/process_metrics.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static double seconds(const struct timeval *time) { return (double)time->tv_sec + (double)time->tv_usec / 1e6; }

void tarn_process_metrics_begin(TarnMetrics *metrics, const TarnBudget *budget, const char *version,
                                const char *duckdb) {
  const char *const versions[] = {version, duckdb};
  struct rlimit files;
  tarn_metrics_set(metrics, TARN_METRIC_BUILD, versions, 1);
  tarn_metrics_set(metrics, TARN_METRIC_STARTED, NULL, (double)(g_get_real_time() / 1000) / 1000);
  tarn_metrics_set(metrics, TARN_METRIC_MEMORY_BUDGET, NULL, (double)budget->memory_bytes);
  tarn_metrics_set(metrics, TARN_METRIC_CPU_BUDGET, NULL, budget->threads);
  if (getrlimit(RLIMIT_NOFILE, &files) == 0)
    tarn_metrics_set(metrics, TARN_METRIC_MAX_FDS, NULL, (double)files.rlim_cur);
}

static void update_memory(TarnMetrics *metrics) {
  g_autofree char *text = NULL;
  unsigned long long resident_pages;
  if (g_file_get_contents("/proc/self/statm", &text, NULL, NULL) && sscanf(text, "%*u %llu", &resident_pages) == 1)
    tarn_metrics_set(metrics, TARN_METRIC_RESIDENT, NULL, (double)resident_pages * (double)sysconf(_SC_PAGESIZE));
}

/* The folder's own descriptor is one of those that it lists. */
static void update_descriptors(TarnMetrics *metrics) {
  g_autoptr(GDir) folder = g_dir_open("/proc/self/fd", 0, NULL);
  if (!folder) return;
  guint count = 0;
  while (g_dir_read_name(folder)) count++;
  tarn_metrics_set(metrics, TARN_METRIC_OPEN_FDS, NULL, count - 1);
}

void tarn_process_metrics_update(TarnMetrics *metrics) {
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) == 0)
    tarn_metrics_set(metrics, TARN_METRIC_CPU, NULL, seconds(&usage.ru_utime) + seconds(&usage.ru_stime));
  update_memory(metrics);
  update_descriptors(metrics);
}
