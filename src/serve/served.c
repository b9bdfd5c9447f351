#include "serve/served.h"

#include "base/error.h"
#include "lakehouse/system.h"

struct TarnServedWorker {
  TarnConn *conn;
  GPtrArray *statements; /* TarnStatement */
};

struct TarnServed {
  gatomicrefcount references;
  TarnDb *db;
  GPtrArray *workers; /* all of them, owned */
  GAsyncQueue *free;  /* those that nobody uses */
};

static void worker_free(TarnServedWorker *worker) {
  g_ptr_array_unref(worker->statements);
  tarn_conn_close(worker->conn);
  g_free(worker);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnServedWorker, worker_free)

static gboolean prepare(TarnServedWorker *worker, const TarnServedStatement *what, GError **error) {
  g_autoptr(GError) fault = NULL;
  TarnStatement *statement = tarn_statement_prepare(worker->conn, what->sql, &fault);
  if (statement) {
    g_ptr_array_add(worker->statements, statement);
    return TRUE;
  }
  tarn_error_set_detail(error, TARN_ERROR_USAGE, tarn_error_detail(fault),
                        "`tarn validate` checks the project; `tarn run` publishes what it defines",
                        "the endpoint %s does not fit the published file", what->name);
  return FALSE;
}

static TarnServedWorker *worker_new(TarnDb *db, const TarnServedStatement *statements, guint n_statements,
                                    GError **error) {
  g_autoptr(TarnServedWorker) worker = g_new0(TarnServedWorker, 1);
  worker->statements = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_statement_free);
  worker->conn = tarn_db_connect(db, error);
  if (!worker->conn || !tarn_system_check(worker->conn, error)) return NULL;
  for (guint i = 0; i < n_statements; i++)
    if (!prepare(worker, &statements[i], error)) return NULL;
  return g_steal_pointer(&worker);
}

TarnServed *tarn_served_open(const char *path, const TarnServedOptions *options, const TarnServedStatement *statements,
                             guint n_statements, GError **error) {
  g_autoptr(TarnServed) served = g_new0(TarnServed, 1);
  g_atomic_ref_count_init(&served->references);
  served->workers = g_ptr_array_new_with_free_func((GDestroyNotify)worker_free);
  served->free = g_async_queue_new();
  /* Small queries run faster when each worker's thread runs its own alone than when they share DuckDB's. */
  const TarnDbOptions db_options = {.read_only = TRUE, .memory_bytes = options->memory_bytes, .threads = 1};
  served->db = tarn_db_open(path, &db_options, error);
  if (!served->db) return NULL;
  for (guint i = 0; i < options->workers; i++) {
    TarnServedWorker *worker = worker_new(served->db, statements, n_statements, error);
    if (!worker) return NULL;
    g_ptr_array_add(served->workers, worker);
    g_async_queue_push(served->free, worker);
  }
  return g_steal_pointer(&served);
}

TarnServed *tarn_served_ref(TarnServed *served) {
  g_atomic_ref_count_inc(&served->references);
  return served;
}

void tarn_served_unref(TarnServed *served) {
  if (!served || !g_atomic_ref_count_dec(&served->references)) return;
  g_async_queue_unref(served->free);
  g_ptr_array_unref(served->workers);
  tarn_db_close(served->db);
  g_free(served);
}

TarnServedWorker *tarn_served_take_worker(TarnServed *served) { return g_async_queue_pop(served->free); }
void tarn_served_give_worker(TarnServed *served, TarnServedWorker *worker) { g_async_queue_push(served->free, worker); }
TarnStatement *tarn_served_worker_statement(TarnServedWorker *worker, guint i) { return worker->statements->pdata[i]; }
