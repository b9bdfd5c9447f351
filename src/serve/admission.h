/* Who may use the engine now: a few workers, a first-in-first-out queue before them that has a bound, and a watch over what
 * waits and runs. In: tasks, from any thread, which work in turns: a long one gives its worker back between two blocks of
 * rows, so slow readers never hold one. Out: calls to the task.
 * A turn: `turn` on a worker; then `finish` on the same worker, when the watch no longer sees the task. `finish` may enter
 * the task again or free it. */
#pragma once
#include <glib.h>

typedef struct TarnTask TarnTask;
struct TarnTask {
  void (*turn)(TarnTask *task);
  void (*finish)(TarnTask *task);
  /* Some ten times a second while the task waits or has its turn, on the watch's thread; must not block. Stops a turn that
   * takes too long. closing: the server ends. */
  void (*watch)(TarnTask *task, gint64 now_us, gboolean closing);
  /* Admission's to write: */
  gint64 entered_us; /* when it was put into the queue this time */
  gint64 began_us;   /* when its turn began; 0: it waits */
  GList link;
};

typedef struct {
  guint workers; /* at least 1 */
  guint queue;   /* tasks that may wait while all workers are busy; more are refused */
} TarnAdmissionOptions;

typedef struct {
  guint running, waiting;
  guint64 refused; /* since the start */
} TarnAdmissionState;

typedef struct TarnAdmission TarnAdmission;

TarnAdmission *tarn_admission_new(const TarnAdmissionOptions *options);
/* Lets no new task in, and tells every watch that the server ends. Accepts NULL. */
void tarn_admission_close(TarnAdmission *admission);
/* Closes, waits until no task is left, ends the workers. Accepts NULL. */
void tarn_admission_free(TarnAdmission *admission);

/* FALSE: the queue is full, the task is still the caller's. */
gboolean tarn_admission_enter(TarnAdmission *admission, TarnTask *task);
/* The next turn of a task that was let in before: never refused. */
void tarn_admission_again(TarnAdmission *admission, TarnTask *task);

/* In how many seconds, at least 1, a place is likely to be free. */
guint tarn_admission_retry_after(TarnAdmission *admission);
TarnAdmissionState tarn_admission_state(TarnAdmission *admission);
