/* Waits until a file may have been replaced: told by the kernel (inotify on its folder) where the volume can, and in any case
 * again and again, as network volumes tell nothing. In: a path, whose folder may come later. One thread waits; any thread
 * may wake it. */
#pragma once
#include <glib.h>

typedef struct TarnWatch TarnWatch;

/* inotify FALSE: by asking again alone. Where the kernel has no more watches to give, that happens by itself. */
TarnWatch *tarn_watch_new(const char *path, gboolean inotify);
void tarn_watch_free(TarnWatch *watch); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnWatch, tarn_watch_free)

/* Returns when something happened in the folder, when it is woken, or after timeout_us. */
void tarn_watch_wait(TarnWatch *watch, gint64 timeout_us);
void tarn_watch_wake(TarnWatch *watch);
