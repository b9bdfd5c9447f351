/* Runs something again and again until SIGTERM or SIGINT. A signal that comes while a turn is running takes effect at its end, so
 * that a turn is never cut short by it. Must be called by the only thread of the process. */
#pragma once
#include <glib.h>

/* period_us: from the start of a turn to the start of the next, plus up to a tenth of jitter. turn returning FALSE with *error ends the schedule.
 * TRUE: ended by a signal. */
gboolean tarn_schedule(gint64 period_us, gboolean (*turn)(gpointer user, GError **error), gpointer user, GError **error);
