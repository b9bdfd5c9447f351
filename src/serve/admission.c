#include "serve/admission.h"

#define WATCH_US (G_USEC_PER_SEC / 10)
#define MAX_RETRY_SECONDS 60
#define AVERAGE_OVER 16 /* turns */

struct TarnAdmission {
  TarnAdmissionOptions options;
  GPtrArray *workers; /* GThread */
  GThread *watch;
  GMutex mutex;
  GCond work;              /* there is a task, or nothing more will come */
  GCond changed;           /* for the watch and the end */
  GQueue waiting, running; /* TarnTask by link */
  guint64 refused;
  gint64 average_turn_us;
  gboolean closing, closed;
};

/* ---- workers ---- */

/* Under the mutex. */
static TarnTask *take(TarnAdmission *admission) {
  while (!admission->waiting.head && !admission->closed) g_cond_wait(&admission->work, &admission->mutex);
  GList *link = g_queue_pop_head_link(&admission->waiting);
  if (!link) return NULL;
  g_queue_push_tail_link(&admission->running, link);
  TarnTask *task = link->data;
  task->began_us = g_get_monotonic_time();
  return task;
}

static void work_one(TarnAdmission *admission, TarnTask *task) {
  task->turn(task);
  gint64 took = g_get_monotonic_time() - task->began_us;
  g_mutex_lock(&admission->mutex);
  g_queue_unlink(&admission->running, &task->link);
  admission->average_turn_us += (took - admission->average_turn_us) / AVERAGE_OVER;
  if (admission->closing) g_cond_broadcast(&admission->changed);
  g_mutex_unlock(&admission->mutex);
  task->finish(task);
}

static gpointer work(gpointer user) {
  TarnAdmission *admission = user;
  for (;;) {
    g_mutex_lock(&admission->mutex);
    TarnTask *task = take(admission);
    g_mutex_unlock(&admission->mutex);
    if (!task) return NULL;
    work_one(admission, task);
  }
}

/* ---- the watch ---- */

/* Under the mutex. */
static void watch_all(const TarnAdmission *admission, const GQueue *tasks, gint64 now_us) {
  for (GList *link = tasks->head; link; link = link->next) {
    TarnTask *task = link->data;
    task->watch(task, now_us, admission->closing);
  }
}

static gpointer watch(gpointer user) {
  TarnAdmission *admission = user;
  g_mutex_lock(&admission->mutex);
  while (!admission->closed) {
    gint64 now = g_get_monotonic_time();
    watch_all(admission, &admission->running, now);
    watch_all(admission, &admission->waiting, now);
    g_cond_wait_until(&admission->changed, &admission->mutex, now + WATCH_US);
  }
  g_mutex_unlock(&admission->mutex);
  return NULL;
}

/* ---- entering ---- */

/* Under the mutex. */
static void push(TarnAdmission *admission, TarnTask *task) {
  task->entered_us = g_get_monotonic_time();
  task->began_us = 0;
  task->link.data = task;
  g_queue_push_tail_link(&admission->waiting, &task->link);
  g_cond_signal(&admission->work);
}

gboolean tarn_admission_enter(TarnAdmission *admission, TarnTask *task) {
  g_mutex_lock(&admission->mutex);
  const TarnAdmissionOptions *options = &admission->options;
  guint held = admission->waiting.length + admission->running.length;
  gboolean room = held < options->workers + options->queue && !admission->closing;
  if (room)
    push(admission, task);
  else
    admission->refused++;
  g_mutex_unlock(&admission->mutex);
  return room;
}

void tarn_admission_again(TarnAdmission *admission, TarnTask *task) {
  g_mutex_lock(&admission->mutex);
  push(admission, task);
  g_mutex_unlock(&admission->mutex);
}

guint tarn_admission_retry_after(TarnAdmission *admission) {
  g_mutex_lock(&admission->mutex);
  gint64 ahead = admission->waiting.length + admission->running.length;
  gint64 wait_us = ahead * admission->average_turn_us / admission->options.workers;
  g_mutex_unlock(&admission->mutex);
  return (guint)CLAMP((wait_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC, 1, MAX_RETRY_SECONDS);
}

TarnAdmissionState tarn_admission_state(TarnAdmission *admission) {
  g_mutex_lock(&admission->mutex);
  const TarnAdmissionState state = {admission->running.length, admission->waiting.length, admission->refused};
  g_mutex_unlock(&admission->mutex);
  return state;
}

/* ---- life ---- */

static void join(gpointer thread) { g_thread_join(thread); }

TarnAdmission *tarn_admission_new(const TarnAdmissionOptions *options) {
  TarnAdmission *admission = g_new0(TarnAdmission, 1);
  admission->options = *options;
  admission->workers = g_ptr_array_new_with_free_func(join);
  g_mutex_init(&admission->mutex);
  g_cond_init(&admission->work);
  g_cond_init(&admission->changed);
  for (guint i = 0; i < options->workers; i++)
    g_ptr_array_add(admission->workers, g_thread_new("worker", work, admission));
  admission->watch = g_thread_new("watch", watch, admission);
  return admission;
}

void tarn_admission_close(TarnAdmission *admission) {
  if (!admission) return;
  g_mutex_lock(&admission->mutex);
  admission->closing = TRUE;
  g_cond_broadcast(&admission->changed);
  g_mutex_unlock(&admission->mutex);
}

void tarn_admission_free(TarnAdmission *admission) {
  if (!admission) return;
  tarn_admission_close(admission);
  g_mutex_lock(&admission->mutex);
  while (admission->waiting.head || admission->running.head) g_cond_wait(&admission->changed, &admission->mutex);
  admission->closed = TRUE;
  g_cond_broadcast(&admission->work);
  g_cond_broadcast(&admission->changed);
  g_mutex_unlock(&admission->mutex);
  g_ptr_array_unref(admission->workers);
  g_thread_join(admission->watch);
  g_cond_clear(&admission->work);
  g_cond_clear(&admission->changed);
  g_mutex_clear(&admission->mutex);
  g_free(admission);
}
