/* Counted references of GLib that threads share, told to ThreadSanitizer: see glib_locks.c. */
#include <dlfcn.h>
#include <glib.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

/* What was done with it before happens before what is done when the last one lets go. */
void g_bytes_unref(GBytes *bytes) {
  static void (*real)(GBytes *);
  if (!__atomic_load_n(&real, __ATOMIC_ACQUIRE))
    __atomic_store_n(&real, (void (*)(GBytes *))dlsym(RTLD_NEXT, "g_bytes_unref"), __ATOMIC_RELEASE);
  if (!bytes) return;
  __tsan_release(bytes);
  __tsan_acquire(bytes);
  real(bytes);
}
