/* What a generation says of itself and of the run that published it, as metrics. */
#pragma once
#include "serve/metrics.h"
#include "serve/served.h"

/* Before each scrape. served NULL: none is open, and its metrics go. What cannot be read is left out. */
void tarn_generation_metrics_update(TarnMetrics *metrics, TarnServed *served);
/* When a run failed last, from the reports beside the database; nothing where none did. */
void tarn_run_metrics_update(TarnMetrics *metrics, const char *database);
