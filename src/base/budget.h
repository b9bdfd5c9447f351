/* How much memory and how many processors this process may use: the smallest of the cgroup limits (v2, then v1), the machine, and
 * TARN_MEMORY_LIMIT / TARN_THREADS of the environment. Asked once at start; no global state. */
#pragma once
#include <glib.h>

typedef struct {
  guint64 memory_bytes; /* what the process as a whole may use */
  guint64 engine_bytes; /* of that, what DuckDB's memory_limit is set to */
  guint threads;        /* at least 1; a fraction of a CPU counts as one thread */
  gboolean limited;     /* a cgroup or the environment limits memory, not just the machine */
} TarnBudget;

/* Never fails: what cannot be read counts as unlimited. Where nothing limits memory the budget is 1 GiB or half of the machine,
 * whichever is smaller. Errors: an environment value that is no size. */
gboolean tarn_budget_read(TarnBudget *budget, GError **error);

/* "512MB", "1GiB", "1048576" to bytes; binary and decimal units, case-insensitive. */
gboolean tarn_parse_size(const char *text, guint64 *bytes, GError **error);
/* "60s", "1h", "15m", "2d", "500ms" to microseconds. */
gboolean tarn_parse_duration(const char *text, gint64 *microseconds, GError **error);
/* 1536 -> "1.5 KiB"; caller frees. */
char *tarn_format_size(guint64 bytes);
