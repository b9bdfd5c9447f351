/* Signals and schedules: SIGTERM and SIGINT become a cancellation, and something runs again and again until then.
 * Must be set up by the only thread of the process, before others start. */
#pragma once
#include <gio/gio.h>

/* A cancellable that the first SIGTERM or SIGINT cancels; a second one ends the process at once (which loses nothing: see
 * lakehouse/generation.h). Borrowed; lives as long as the process. */
GCancellable *tarn_schedule_cancellable(void);

/* Runs turn until the cancellable is cancelled. period_us: from the start of a turn to the start of the next, plus up to a tenth of jitter. turn returning FALSE with *error ends the schedule.
 * TRUE: ended by cancellation. */
gboolean tarn_schedule(GCancellable *cancellable, gint64 period_us, gboolean (*turn)(gpointer user, GError **error),
                       gpointer user, GError **error);
