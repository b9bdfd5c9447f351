/* Times, ages and counts as people and machines read them. Sizes: tarn_format_size (budget.h). Callers free;
 * thread-safe. */
#pragma once
#include <glib.h>

/* Microseconds since 1970 to "2026-11-22T13:36:15Z", cut to the second. */
char *tarn_format_time(gint64 microseconds);
/* 59 s -> "59 s", 3 h 12 min -> "3 h", 49 h -> "2 d", 119 s -> "119 s" (a unit starts at two of it); below zero (a
 * clock was set back) counts as 0 s. */
char *tarn_format_age(gint64 microseconds);
/* 1234567 -> "1,234,567". */
char *tarn_format_count(gint64 count);
