#include "serve/current.h"

#include <string.h>

#include "base/error.h"
#include "lakehouse/generation.h"
#include "serve/file_mark.h"
#include "serve/watch.h"

/* Parts of the memory, in tenths: the old and the new generation during a swap, the pinned ones together. */
#define CURRENT_TENTHS 4
#define PINNED_TENTHS 2
#define MIN_ENGINE_BYTES (16u * 1000 * 1000) /* with less, DuckDB answers hardly anything */
#define OPEN_ATTEMPTS 5
#define RETIRING_POLL_US 1000
#define MIN_WAIT_US 1000

typedef struct {
  TarnServed *served; /* no reference */
  TarnFileMark mark;
} Open;

typedef struct {
  TarnServed *served;
  gint64 used_us;
} Pinned;

/* What a thread in tarn_current_pin waits for. */
typedef struct {
  gint64 number;
  gboolean done;
  TarnPin result;
  TarnServed *served;
} PinRequest;

struct TarnCurrent {
  TarnCurrentOptions options; /* database is path */
  char *path;
  TarnLakehouse *lakehouse; /* for paths */
  TarnWatch *watch;
  GThread *thread;
  TarnFileMark seen; /* the published file when it was looked at last; of the thread alone */
  GMutex mutex;      /* over all below */
  GCond pin_done;
  gboolean stopping;
  TarnServed *served;
  gint64 pin_used_us;  /* when the current generation was asked for by its number last; 0: never */
  GArray *open;        /* Open: what is not closed yet; changed by the thread alone */
  GArray *pinned;      /* Pinned */
  GPtrArray *retired;  /* TarnServed without references, to be closed by the thread */
  GPtrArray *requests; /* PinRequest */
  TarnCurrentState state;
};

static guint64 memory_share(const TarnCurrentOptions *options, guint tenths, guint parts) {
  guint64 all = options->served.memory_bytes;
  return all == 0 ? 0 : MAX(all / 10 * tenths / parts, MIN_ENGINE_BYTES);
}

/* ---- opening and closing, on the thread ---- */

static void retire(gpointer user, TarnServed *served) {
  TarnCurrent *current = user;
  g_mutex_lock(&current->mutex);
  g_ptr_array_add(current->retired, served);
  g_mutex_unlock(&current->mutex);
  tarn_watch_wake(current->watch);
}

static void close_one(TarnCurrent *current, TarnServed *served) {
  TarnGeneration generation = *tarn_served_generation(served);
  generation.identity = NULL; /* it goes with it */
  tarn_served_close(served);
  g_mutex_lock(&current->mutex);
  for (guint i = 0; i < current->open->len; i++)
    if (g_array_index(current->open, Open, i).served == served) {
      g_array_remove_index_fast(current->open, i);
      break;
    }
  g_mutex_unlock(&current->mutex);
  if (current->options.closed) current->options.closed(current->options.user, &generation);
}

static void close_retired(TarnCurrent *current) {
  g_mutex_lock(&current->mutex);
  g_autoptr(GPtrArray) retired = g_steal_pointer(&current->retired);
  current->retired = g_ptr_array_new();
  g_mutex_unlock(&current->mutex);
  for (guint i = 0; i < retired->len; i++) close_one(current, retired->pdata[i]);
}

static const Open *find_open(const TarnCurrent *current, const TarnFileMark *mark) {
  for (guint i = 0; i < current->open->len; i++) {
    const Open *open = &g_array_index(current->open, Open, i);
    if (tarn_file_mark_equal(&open->mark, mark)) return open;
  }
  return NULL;
}

/* A file that is open already is shared; one that is just being closed is waited for. */
static TarnServed *share(TarnCurrent *current, const TarnFileMark *mark) {
  for (const Open *open; (open = find_open(current, mark));) {
    TarnServed *served = open->served;
    if (tarn_served_try_ref(served)) return served;
    tarn_watch_wait(current->watch, RETIRING_POLL_US);
    close_retired(current);
  }
  return NULL;
}

static void set_gone(GError **error) {
  tarn_error_set(error, TARN_ERROR_ENVIRONMENT, "publish again with `tarn run`, or restore a kept generation",
                 "the published file is gone");
}

static gboolean refuse_mark(const TarnFileMark *mark, GError **error) {
  if (mark->exists && !mark->has_wal) return TRUE;
  if (!mark->exists) {
    set_gone(error);
    return FALSE;
  }
  tarn_error_set(error, TARN_ERROR_ENVIRONMENT,
                 "another program wrote to the published file: close it, remove the .wal file and publish again",
                 "the published file has a write-ahead log beside it");
  return FALSE;
}

/* The mark is that of the file which was opened: a file that is replaced meanwhile is opened anew. */
static TarnServed *open_marked(TarnCurrent *current, const char *path, guint64 memory_bytes, TarnFileMark *mark,
                               GError **error) {
  TarnServedOptions options = current->options.served;
  options.memory_bytes = memory_bytes;
  for (guint attempt = 0; attempt < OPEN_ATTEMPTS && refuse_mark(mark, error); attempt++) {
    TarnServed *served = share(current, mark);
    if (served) return served;
    served = tarn_served_open(path, &options, current->options.statements, current->options.n_statements, error);
    TarnFileMark after;
    tarn_file_mark_read(path, &after);
    gboolean same = tarn_file_mark_equal(mark, &after);
    if (served && same) {
      const Open open = {served, *mark};
      g_mutex_lock(&current->mutex);
      g_array_append_val(current->open, open);
      g_mutex_unlock(&current->mutex);
      return served;
    }
    if (served) tarn_served_close(served);
    if (same) return NULL;
    g_clear_error(error);
    *mark = after;
  }
  if (error && !*error)
    tarn_error_set(error, TARN_ERROR_ENVIRONMENT, "let it be replaced by rename, as `tarn run` does",
                   "the published file changes all the time");
  return NULL;
}

static TarnServed *open_fit(TarnCurrent *current, const char *path, guint64 memory_bytes, TarnFileMark *mark,
                            GError **error) {
  g_autoptr(TarnServed) served = open_marked(current, path, memory_bytes, mark, error);
  if (!served) return NULL;
  if (current->options.fit && !current->options.fit(current->options.user, served, error)) return NULL;
  return g_steal_pointer(&served);
}

/* ---- the published file, on the thread ---- */

static void tell(const TarnCurrent *current, TarnCurrentEvent event, const TarnGeneration *generation,
                 const GError *error) {
  if (current->options.event) current->options.event(current->options.user, event, generation, error);
}

/* Needs the lock. */
static void clear_refusal(TarnCurrent *current) {
  g_clear_pointer(&current->state.refused, g_free);
  g_clear_pointer(&current->state.refused_hint, g_free);
  current->state.refused_us = 0;
}

/* Clients may read what is said here, so it names no path. */
static void refuse(TarnCurrent *current, const GError *error) {
  g_autoptr(GString) said = g_string_new(error->message);
  g_string_replace(said, current->options.database, "the published file", 0);
  g_mutex_lock(&current->mutex);
  gboolean known = g_strcmp0(current->state.refused, said->str) == 0;
  gint64 since = known ? current->state.refused_us : g_get_real_time();
  clear_refusal(current);
  current->state.refused = g_strdup(said->str);
  current->state.refused_hint = g_strdup(tarn_error_hint(error));
  current->state.refused_us = since;
  current->state.refusals += !known;
  g_mutex_unlock(&current->mutex);
  if (!known) tell(current, TARN_CURRENT_REFUSED, NULL, error);
}

static gboolean pinned_lately(const TarnCurrent *current, gint64 now) {
  return current->pin_used_us > 0 && now - current->pin_used_us < current->options.pinned_idle_us &&
         current->pinned->len < current->options.max_pinned;
}

static void swap(TarnCurrent *current, TarnServed *served) {
  const TarnGeneration *generation = tarn_served_generation(served);
  gint64 now = g_get_monotonic_time();
  g_mutex_lock(&current->mutex);
  clear_refusal(current);
  TarnServed *old = current->served;
  gboolean same = old == served;
  current->served = served;
  if (old && !same && pinned_lately(current, now)) {
    const Pinned pinned = {g_steal_pointer(&old), current->pin_used_us};
    g_array_append_val(current->pinned, pinned);
  }
  if (!same) {
    current->pin_used_us = 0;
    current->state.swaps++;
    current->state.open = TRUE;
    current->state.generation = generation->number;
    current->state.published_us = generation->published_us;
  }
  g_mutex_unlock(&current->mutex);
  tarn_served_unref(old);
  if (!same) tell(current, TARN_CURRENT_SERVING, generation, NULL);
}

/* Before the first generation that is how things are; after it somebody took the file away. */
static gboolean look_at_nothing(TarnCurrent *current, GError **error) {
  if (current->served) {
    set_gone(error);
    return FALSE;
  }
  g_mutex_lock(&current->mutex);
  clear_refusal(current);
  g_mutex_unlock(&current->mutex);
  tell(current, TARN_CURRENT_WAITING, NULL, NULL);
  return TRUE;
}

static gboolean look_at_published(TarnCurrent *current, GError **error) {
  const char *path = current->options.database;
  TarnFileMark mark;
  tarn_file_mark_read(path, &mark);
  if (tarn_file_mark_equal(&mark, &current->seen)) return TRUE;
  current->seen = mark;
  if (!mark.exists) return look_at_nothing(current, error);
  TarnServed *served = open_fit(current, path, current->state.memory_bytes, &current->seen, error);
  if (!served) return FALSE;
  if (current->options.opened && served != current->served) current->options.opened(current->options.user, served);
  swap(current, served);
  return TRUE;
}

/* ---- kept generations ---- */

static void close_idle(TarnCurrent *current) {
  gint64 idle_since = g_get_monotonic_time() - current->options.pinned_idle_us;
  g_autoptr(GPtrArray) idle = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_served_unref);
  g_mutex_lock(&current->mutex);
  for (guint i = current->pinned->len; i > 0; i--) {
    const Pinned *pinned = &g_array_index(current->pinned, Pinned, i - 1);
    if (pinned->used_us > idle_since) continue;
    g_ptr_array_add(idle, pinned->served);
    g_array_remove_index_fast(current->pinned, i - 1);
  }
  g_mutex_unlock(&current->mutex);
}

/* Needs the lock. */
static TarnServed *find(TarnCurrent *current, gint64 number) {
  gint64 now = g_get_monotonic_time();
  if (current->served && tarn_served_generation(current->served)->number == number) {
    current->pin_used_us = now;
    return tarn_served_ref(current->served);
  }
  for (guint i = 0; i < current->pinned->len; i++) {
    Pinned *pinned = &g_array_index(current->pinned, Pinned, i);
    if (tarn_served_generation(pinned->served)->number != number) continue;
    pinned->used_us = now;
    return tarn_served_ref(pinned->served);
  }
  return NULL;
}

static TarnPin open_pinned(TarnCurrent *current, gint64 number, TarnServed **served) {
  g_autofree char *path = tarn_lakehouse_kept_path(current->lakehouse, number);
  TarnFileMark mark;
  tarn_file_mark_read(path, &mark);
  if (!mark.exists) return TARN_PIN_GONE;
  if (current->pinned->len >= current->options.max_pinned) return TARN_PIN_BUSY;
  guint64 memory = memory_share(&current->options, PINNED_TENTHS, current->options.max_pinned);
  g_autoptr(TarnServed) opened = open_fit(current, path, memory, &mark, NULL);
  if (!opened || tarn_served_generation(opened)->number != number) return TARN_PIN_UNFIT;
  const Pinned pinned = {tarn_served_ref(opened), g_get_monotonic_time()};
  g_mutex_lock(&current->mutex);
  g_array_append_val(current->pinned, pinned);
  g_mutex_unlock(&current->mutex);
  *served = g_steal_pointer(&opened);
  return TARN_PIN_OK;
}

static TarnPin answer_request(TarnCurrent *current, gint64 number, TarnServed **served) {
  *served = tarn_current_find(current, number);
  if (*served) return TARN_PIN_OK;
  if (!current->served) return TARN_PIN_WAITING;
  if (number < 1 || number > tarn_served_generation(current->served)->number) return TARN_PIN_NEVER;
  return open_pinned(current, number, served);
}

static PinRequest *next_request(TarnCurrent *current) {
  g_mutex_lock(&current->mutex);
  PinRequest *request = current->requests->len > 0 ? g_ptr_array_steal_index(current->requests, 0) : NULL;
  g_mutex_unlock(&current->mutex);
  return request;
}

static void answer_requests(TarnCurrent *current) {
  for (PinRequest *request; (request = next_request(current));) {
    TarnServed *served = NULL;
    TarnPin result = answer_request(current, request->number, &served);
    g_mutex_lock(&current->mutex);
    request->result = result;
    request->served = served;
    request->done = TRUE;
    g_cond_broadcast(&current->pin_done);
    g_mutex_unlock(&current->mutex);
  }
}

/* ---- the thread ---- */

static gboolean is_stopping(TarnCurrent *current) {
  g_mutex_lock(&current->mutex);
  gboolean stopping = current->stopping;
  g_mutex_unlock(&current->mutex);
  return stopping;
}

static gpointer keep_current(gpointer user) {
  TarnCurrent *current = user;
  gint64 longest = MAX(MIN(current->options.poll_us, current->options.pinned_idle_us), MIN_WAIT_US);
  while (!is_stopping(current)) {
    tarn_watch_wait(current->watch, longest);
    g_autoptr(GError) error = NULL;
    if (!look_at_published(current, &error)) refuse(current, error);
    close_idle(current);
    answer_requests(current);
    close_retired(current);
  }
  return NULL;
}

TarnCurrent *tarn_current_start(const TarnCurrentOptions *options, GError **error) {
  TarnCurrent *current = g_new0(TarnCurrent, 1);
  current->options = *options;
  current->options.database = current->path = g_strdup(options->database);
  current->options.served.retire = retire;
  current->options.served.user = current;
  current->state.memory_bytes = memory_share(options, CURRENT_TENTHS, 1);
  current->lakehouse = tarn_lakehouse_new(options->database);
  current->watch = tarn_watch_new(options->database, options->inotify);
  current->seen = tarn_file_mark_none;
  g_mutex_init(&current->mutex);
  g_cond_init(&current->pin_done);
  current->open = g_array_new(FALSE, FALSE, sizeof(Open));
  current->pinned = g_array_new(FALSE, FALSE, sizeof(Pinned));
  current->retired = g_ptr_array_new();
  current->requests = g_ptr_array_new();
  if (look_at_published(current, error)) {
    current->thread = g_thread_new("generations", keep_current, current);
    return current;
  }
  tarn_current_stop(current);
  return NULL;
}

static void stop_thread(TarnCurrent *current) {
  if (!current->thread) return;
  g_mutex_lock(&current->mutex);
  current->stopping = TRUE;
  g_mutex_unlock(&current->mutex);
  tarn_watch_wake(current->watch);
  g_thread_join(current->thread);
}

void tarn_current_stop(TarnCurrent *current) {
  if (!current) return;
  stop_thread(current);
  tarn_served_unref(current->served);
  for (guint i = 0; i < current->pinned->len; i++) tarn_served_unref(g_array_index(current->pinned, Pinned, i).served);
  close_retired(current);
  g_warn_if_fail(current->open->len == 0);
  g_array_unref(current->open);
  g_array_unref(current->pinned);
  g_ptr_array_unref(current->retired);
  g_ptr_array_unref(current->requests);
  clear_refusal(current);
  g_cond_clear(&current->pin_done);
  g_mutex_clear(&current->mutex);
  tarn_watch_free(current->watch);
  tarn_lakehouse_free(current->lakehouse);
  g_free(current->path);
  g_free(current);
}

/* ---- any thread ---- */

TarnServed *tarn_current_take(TarnCurrent *current) {
  g_mutex_lock(&current->mutex);
  TarnServed *served = current->served ? tarn_served_ref(current->served) : NULL;
  g_mutex_unlock(&current->mutex);
  return served;
}

TarnServed *tarn_current_find(TarnCurrent *current, gint64 number) {
  g_mutex_lock(&current->mutex);
  TarnServed *served = find(current, number);
  g_mutex_unlock(&current->mutex);
  return served;
}

TarnPin tarn_current_pin(TarnCurrent *current, gint64 number, TarnServed **served) {
  PinRequest request = {.number = number};
  *served = tarn_current_find(current, number);
  if (*served) return TARN_PIN_OK;
  g_mutex_lock(&current->mutex);
  g_ptr_array_add(current->requests, &request);
  tarn_watch_wake(current->watch);
  while (!request.done) g_cond_wait(&current->pin_done, &current->mutex);
  g_mutex_unlock(&current->mutex);
  *served = request.served;
  return request.result;
}

GArray *tarn_current_available(TarnCurrent *current) {
  GArray *available = tarn_lakehouse_kept(current->lakehouse);
  g_mutex_lock(&current->mutex);
  if (current->state.open) g_array_prepend_val(available, current->state.generation);
  g_mutex_unlock(&current->mutex);
  return available;
}

void tarn_current_state(TarnCurrent *current, TarnCurrentState *state) {
  g_mutex_lock(&current->mutex);
  *state = current->state;
  state->refused = g_strdup(current->state.refused);
  state->refused_hint = g_strdup(current->state.refused_hint);
  state->opened = current->open->len;
  state->pinned = current->pinned->len;
  g_mutex_unlock(&current->mutex);
}

void tarn_current_state_clear(TarnCurrentState *state) {
  g_free(state->refused);
  g_free(state->refused_hint);
}
