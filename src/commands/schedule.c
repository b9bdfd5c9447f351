#include "commands/schedule.h"

#include <signal.h>
#include <unistd.h>

/* Waits for the signals that every thread has blocked. */
static gpointer watch_signals(gpointer cancellable) {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  int signal_number;
  sigwait(&stop, &signal_number);
  g_cancellable_cancel(cancellable);
  sigwait(&stop, &signal_number);
  _exit(128 + signal_number);
  return NULL;
}

GCancellable *tarn_schedule_cancellable(void) {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, NULL); /* inherited by every thread from here on */
  GCancellable *cancellable = g_cancellable_new();
  g_thread_unref(g_thread_new("signals", watch_signals, cancellable));
  return cancellable;
}

/* Sleeps, at most until the cancellable is cancelled. */
static void wait_until(GCancellable *cancellable, gint64 due) {
  GPollFD poll;
  if (!g_cancellable_make_pollfd(cancellable, &poll)) return;
  gint64 left;
  while (!g_cancellable_is_cancelled(cancellable) && (left = due - g_get_monotonic_time()) > 0)
    g_poll(&poll, 1, (gint)MIN(left / 1000 + 1, G_MAXINT));
  g_cancellable_release_fd(cancellable);
}

gboolean tarn_schedule(GCancellable *cancellable, gint64 period_us, gboolean (*turn)(gpointer user, GError **error),
                       gpointer user, GError **error) {
  while (!g_cancellable_is_cancelled(cancellable)) {
    gint64 jitter = g_random_int_range(0, (gint32)CLAMP(period_us / 10 + 1, 1, G_MAXINT32));
    gint64 due = g_get_monotonic_time() + period_us + jitter;
    if (!turn(user, error)) return FALSE;
    wait_until(cancellable, due);
  }
  return TRUE;
}
