/* GLib's locks, made of pthread's: linked into the programs of the ThreadSanitizer build alone. GLib's own are futexes that
 * libglib, which is not instrumented, handles with atomic operations of its own, so the sanitizer would see no order in
 * what they protect. What it knows are pthread's. The same holds for counted references and for g_once. */
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* Static locks are made at their first use, by whichever thread comes first. */
static gpointer make_once(gpointer *place, gpointer (*make)(void), void (*unmake)(gpointer)) {
  gpointer made = __atomic_load_n(place, __ATOMIC_ACQUIRE), none = NULL;
  if (made) return made;
  made = make();
  if (__atomic_compare_exchange_n(place, &none, made, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return made;
  unmake(made);
  return none;
}

/* ---- mutexes ---- */

static gpointer mutex_make(int kind) {
  pthread_mutex_t *mutex = malloc(sizeof *mutex);
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, kind);
  pthread_mutex_init(mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  return mutex;
}

static gpointer mutex_new(void) { return mutex_make(PTHREAD_MUTEX_NORMAL); }
static gpointer rec_mutex_new(void) { return mutex_make(PTHREAD_MUTEX_RECURSIVE); }

static void mutex_free(gpointer mutex) {
  pthread_mutex_destroy(mutex);
  free(mutex);
}

static pthread_mutex_t *of_mutex(GMutex *mutex) { return make_once(&mutex->p, mutex_new, mutex_free); }
static pthread_mutex_t *of_rec_mutex(GRecMutex *mutex) { return make_once(&mutex->p, rec_mutex_new, mutex_free); }

void g_mutex_init(GMutex *mutex) { mutex->p = mutex_new(); }

void g_mutex_clear(GMutex *mutex) {
  if (mutex->p) mutex_free(mutex->p);
  mutex->p = NULL;
}

void g_mutex_lock(GMutex *mutex) { pthread_mutex_lock(of_mutex(mutex)); }
void g_mutex_unlock(GMutex *mutex) { pthread_mutex_unlock(of_mutex(mutex)); }
gboolean g_mutex_trylock(GMutex *mutex) { return pthread_mutex_trylock(of_mutex(mutex)) == 0; }

void g_rec_mutex_init(GRecMutex *mutex) { mutex->p = rec_mutex_new(); }

void g_rec_mutex_clear(GRecMutex *mutex) {
  if (mutex->p) mutex_free(mutex->p);
  mutex->p = NULL;
}

void g_rec_mutex_lock(GRecMutex *mutex) { pthread_mutex_lock(of_rec_mutex(mutex)); }
void g_rec_mutex_unlock(GRecMutex *mutex) { pthread_mutex_unlock(of_rec_mutex(mutex)); }
gboolean g_rec_mutex_trylock(GRecMutex *mutex) { return pthread_mutex_trylock(of_rec_mutex(mutex)) == 0; }

/* ---- conditions ---- */

static gpointer cond_new(void) {
  pthread_cond_t *cond = malloc(sizeof *cond);
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* that of g_get_monotonic_time */
  pthread_cond_init(cond, &attributes);
  pthread_condattr_destroy(&attributes);
  return cond;
}

static void cond_free(gpointer cond) {
  pthread_cond_destroy(cond);
  free(cond);
}

static pthread_cond_t *of_cond(GCond *cond) { return make_once(&cond->p, cond_new, cond_free); }

void g_cond_init(GCond *cond) { cond->p = cond_new(); }

void g_cond_clear(GCond *cond) {
  if (cond->p) cond_free(cond->p);
  cond->p = NULL;
}

void g_cond_wait(GCond *cond, GMutex *mutex) { pthread_cond_wait(of_cond(cond), of_mutex(mutex)); }
void g_cond_signal(GCond *cond) { pthread_cond_signal(of_cond(cond)); }
void g_cond_broadcast(GCond *cond) { pthread_cond_broadcast(of_cond(cond)); }

gboolean g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end_time) {
  const struct timespec end = {.tv_sec = end_time / G_USEC_PER_SEC, .tv_nsec = end_time % G_USEC_PER_SEC * 1000};
  return pthread_cond_timedwait(of_cond(cond), of_mutex(mutex), &end) != ETIMEDOUT;
}

/* ---- once ---- */

static pthread_mutex_t once_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t once_done = PTHREAD_COND_INITIALIZER;
static gsize once_busy[16]; /* places that somebody initialises */

static gsize *find_busy(gsize place) {
  for (gsize i = 0; i < G_N_ELEMENTS(once_busy); i++)
    if (once_busy[i] == place) return &once_busy[i];
  return NULL;
}

gboolean(g_once_init_enter)(volatile void *location) {
  gsize *place = (gsize *)location;
  pthread_mutex_lock(&once_lock);
  while (find_busy((gsize)place)) pthread_cond_wait(&once_done, &once_lock);
  gboolean first = __atomic_load_n(place, __ATOMIC_ACQUIRE) == 0;
  if (first) *find_busy(0) = (gsize)place;
  pthread_mutex_unlock(&once_lock);
  return first;
}

void(g_once_init_leave)(volatile void *location, gsize result) {
  pthread_mutex_lock(&once_lock);
  __atomic_store_n((gsize *)location, result, __ATOMIC_RELEASE);
  *find_busy((gsize)location) = 0;
  pthread_cond_broadcast(&once_done);
  pthread_mutex_unlock(&once_lock);
}
