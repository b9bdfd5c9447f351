/* A run's events for people (a terminal: one line per step, a live bar while it works) or for machines (one JSON object per line).
 * In: the run's events through tarn_progress_listen. Out: standard error, or any stream. Called by one thread at a time. */
#pragma once
#include <stdio.h>

#include "lakehouse/ledger.h"

typedef enum { TARN_PROGRESS_TERMINAL, TARN_PROGRESS_JSON, TARN_PROGRESS_SILENT } TarnProgressStyle;

typedef struct TarnProgress TarnProgress;

TarnProgress *tarn_progress_new(FILE *out, TarnProgressStyle style);
void tarn_progress_free(TarnProgress *progress); /* ends a live line; accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnProgress, tarn_progress_free)

/* A TarnRunListener; user: the TarnProgress. */
void tarn_progress_listen(const TarnRunEvent *event, gpointer user);

/* What came of the run: a few lines for people, one JSON line for machines. */
void tarn_progress_summary(TarnProgress *progress, const TarnRunReport *report);
