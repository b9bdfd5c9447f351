/* A run's report for people to read. */
#pragma once
#include <glib.h>

#include "base/budget.h"
#include "lakehouse/ledger.h"

/* 1234567 -> "1,234,567"; caller frees. */
char *tarn_text_count(gint64 value);

/* Several lines: what was published, the account of the rows, changes, failed checks. Caller frees. */
char *tarn_text_report(const TarnRunReport *report);
