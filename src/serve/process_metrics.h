/* What the system knows of this process, as metrics: memory, processor time, descriptors, its budget. Linux only. */
#pragma once
#include "base/budget.h"
#include "serve/metrics.h"

/* Once, at the start: what does not change. duckdb: its version. */
void tarn_process_metrics_begin(TarnMetrics *metrics, const TarnBudget *budget, const char *version,
                                const char *duckdb);
/* Before each scrape. What cannot be read is left as it was. */
void tarn_process_metrics_update(TarnMetrics *metrics);
