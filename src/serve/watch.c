#include "serve/watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#define EVENTS (IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_CLOSE_WRITE | IN_ONLYDIR)

struct TarnWatch {
  char *folder;
  int inotify; /* -1: none */
  int woken;   /* eventfd */
};

TarnWatch *tarn_watch_new(const char *path, gboolean inotify) {
  TarnWatch *watch = g_new0(TarnWatch, 1);
  watch->folder = g_path_get_dirname(path);
  watch->inotify = inotify ? inotify_init1(IN_NONBLOCK | IN_CLOEXEC) : -1;
  watch->woken = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  /* Set before the file is looked at first, so that nothing is missed in between. */
  if (watch->inotify >= 0) inotify_add_watch(watch->inotify, watch->folder, EVENTS);
  return watch;
}

void tarn_watch_free(TarnWatch *watch) {
  if (!watch) return;
  if (watch->inotify >= 0) close(watch->inotify);
  if (watch->woken >= 0) close(watch->woken);
  g_free(watch->folder);
  g_free(watch);
}

static void drain(int fd) {
  char events[4096];
  while (fd >= 0 && read(fd, events, sizeof events) > 0) continue;
}

void tarn_watch_wait(TarnWatch *watch, gint64 timeout_us) {
  struct pollfd fds[] = {{.fd = watch->woken, .events = POLLIN}, {.fd = watch->inotify, .events = POLLIN}};
  poll(fds, G_N_ELEMENTS(fds), (int)CLAMP((timeout_us + 999) / 1000, 0, G_MAXINT));
  drain(watch->woken);
  drain(watch->inotify);
  /* The folder may be there only now, or be another one of that name; for a watched one this changes nothing. */
  if (watch->inotify >= 0) inotify_add_watch(watch->inotify, watch->folder, EVENTS);
}

void tarn_watch_wake(TarnWatch *watch) {
  const guint64 one = 1;
  if (write(watch->woken, &one, sizeof one) < 0) return; /* full: it is awake already */
}
