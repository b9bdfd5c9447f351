#include "commands/schedule.h"

#include <signal.h>
#include <time.h>

/* Waits for a signal of the set, at most microseconds; TRUE where one came. */
static gboolean wait_for_signal(const sigset_t *set, gint64 microseconds) {
  microseconds = MAX(microseconds, 0);
  const struct timespec timeout = {.tv_sec = microseconds / G_USEC_PER_SEC, .tv_nsec = microseconds % G_USEC_PER_SEC * 1000};
  return sigtimedwait(set, NULL, &timeout) > 0;
}

gboolean tarn_schedule(gint64 period_us, gboolean (*turn)(gpointer user, GError **error), gpointer user, GError **error) {
  sigset_t stop, before;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, &before); /* inherited by the engine's threads */
  gboolean ok = TRUE;
  for (gboolean stopped = FALSE; ok && !stopped;) {
    gint64 due = g_get_monotonic_time() + period_us + g_random_int_range(0, (gint32)MIN(period_us / 10 + 1, G_MAXINT32));
    ok = turn(user, error);
    stopped = ok && wait_for_signal(&stop, due - g_get_monotonic_time());
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return ok;
}
