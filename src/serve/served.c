#include "serve/served.h"

#include "base/error.h"
#include "lakehouse/sql.h"
#include "lakehouse/system.h"

/* A second thread takes a third off a large sort or scan (one million rows, top 50: 22 -> 13 ms) and costs a lookup nothing, which is one row group
 * and so one task; with more the workers' queries would only share them. */
#define MAX_ENGINE_THREADS 2

struct TarnServedWorker {
  TarnConn *conn;
  GPtrArray *statements; /* TarnStatement */
};

struct TarnServed {
  gint references; /* atomic */
  TarnGeneration generation;
  GPtrArray *catalog; /* TarnCatalogTable */
  TarnServedOptions options;
  GArray *statements;     /* TarnServedStatement, texts its own */
  GPtrArray *precomputed; /* TarnPrecomputed of each statement, may be NULL */
  TarnDb *db;
  GMutex mutex;
  GPtrArray *free; /* TarnServedWorker that nobody uses; under mutex */
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

static TarnServedWorker *worker_new(const TarnServed *served, GError **error) {
  g_autoptr(TarnServedWorker) worker = g_new0(TarnServedWorker, 1);
  worker->statements = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_statement_free);
  worker->conn = tarn_db_connect(served->db, error);
  if (!worker->conn) return NULL;
  for (guint i = 0; i < served->statements->len; i++)
    if (!prepare(worker, &g_array_index(served->statements, TarnServedStatement, i), error)) return NULL;
  return g_steal_pointer(&worker);
}

static gboolean read_generation(TarnServed *served, GError **error) {
  static gint opened;
  g_autoptr(TarnConn) conn = tarn_db_connect(served->db, error);
  if (!conn || !tarn_system_check(conn, error)) return FALSE;
  g_autoptr(TarnResult) result = tarn_conn_query(conn, tarn_sql_served_generation, NULL, 0, error);
  if (!result) return FALSE;
  if (tarn_result_rows(result) == 0) {
    tarn_error_set(error, TARN_ERROR_ENVIRONMENT, "check DB_PATH: it must name a file that `tarn run` published",
                   "the lakehouse file was never published");
    return FALSE;
  }
  gint64 published = tarn_result_int(result, 0, 1), before = tarn_result_int(result, 0, 2);
  served->generation = (TarnGeneration){
      .number = tarn_result_int(result, 0, 0),
      .published_us = published,
      .modified_s = published / G_USEC_PER_SEC == before / G_USEC_PER_SEC ? 0 : published / G_USEC_PER_SEC,
      .identity = tarn_result_text(result, 0, 3),
      .serial = (guint64)g_atomic_int_add(&opened, 1) + 1,
  };
  served->catalog = tarn_catalog_read(conn, error);
  return served->catalog != NULL;
}

static void statement_clear(gpointer statement) {
  g_free((char *)((TarnServedStatement *)statement)->name);
  g_free((char *)((TarnServedStatement *)statement)->sql);
}

static GArray *copy_statements(const TarnServedStatement *statements, guint n_statements) {
  GArray *copy = g_array_new(FALSE, FALSE, sizeof(TarnServedStatement));
  g_array_set_clear_func(copy, statement_clear);
  for (guint i = 0; i < n_statements; i++) {
    const TarnServedStatement statement = {g_strdup(statements[i].name), g_strdup(statements[i].sql)};
    g_array_append_val(copy, statement);
  }
  return copy;
}

static gboolean read_precomputed(TarnServed *served, const TarnServedStatement *statements, guint n_statements,
                                 GError **error) {
  g_autoptr(TarnConn) conn = tarn_db_connect(served->db, error);
  for (guint i = 0; conn && i < n_statements; i++) {
    TarnPrecomputed *precomputed = NULL;
    if (statements[i].endpoint && !tarn_precomputed_read(conn, statements[i].endpoint, &precomputed, error))
      return FALSE;
    g_ptr_array_add(served->precomputed, precomputed);
  }
  return conn != NULL;
}

static gboolean warm(TarnServed *served, GError **error) {
  for (guint i = 0; i < served->options.workers; i++) {
    TarnServedWorker *worker = worker_new(served, error);
    if (!worker) return FALSE;
    g_ptr_array_add(served->free, worker);
  }
  return TRUE;
}

TarnServed *tarn_served_open(const char *path, const TarnServedOptions *options, const TarnServedStatement *statements,
                             guint n_statements, GError **error) {
  TarnServed *served = g_new0(TarnServed, 1);
  served->references = 1;
  served->options = *options;
  served->statements = copy_statements(statements, n_statements);
  served->precomputed = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_precomputed_free);
  served->free = g_ptr_array_new_with_free_func((GDestroyNotify)worker_free);
  g_mutex_init(&served->mutex);
  const TarnDbOptions db_options = {.read_only = TRUE,
                                    .memory_bytes = options->memory_bytes,
                                    .threads = CLAMP(options->threads, 1, MAX_ENGINE_THREADS),
                                    .writable_folder = options->writable_folder};
  served->db = tarn_db_open(path, &db_options, error);
  if (served->db && read_generation(served, error) && read_precomputed(served, statements, n_statements, error) &&
      warm(served, error))
    return served;
  tarn_served_close(served);
  return NULL;
}

TarnServed *tarn_served_ref(TarnServed *served) {
  g_atomic_int_inc(&served->references);
  return served;
}

gboolean tarn_served_try_ref(TarnServed *served) {
  for (gint held = g_atomic_int_get(&served->references); held > 0; held = g_atomic_int_get(&served->references))
    if (g_atomic_int_compare_and_exchange(&served->references, held, held + 1)) return TRUE;
  return FALSE;
}

void tarn_served_unref(TarnServed *served) {
  if (!served || !g_atomic_int_dec_and_test(&served->references)) return;
  if (served->options.retire)
    served->options.retire(served->options.user, served);
  else
    tarn_served_close(served);
}

void tarn_served_close(TarnServed *served) {
  g_ptr_array_unref(served->free);
  g_array_unref(served->statements);
  g_ptr_array_unref(served->precomputed);
  tarn_db_close(served->db);
  g_mutex_clear(&served->mutex);
  g_free(served->generation.identity);
  g_clear_pointer(&served->catalog, g_ptr_array_unref);
  g_free(served);
}

const char *tarn_served_sql(const TarnServed *served, guint i) {
  return g_array_index(served->statements, TarnServedStatement, i).sql;
}

const GPtrArray *tarn_served_catalog(const TarnServed *served) { return served->catalog; }
const TarnPrecomputed *tarn_served_precomputed(const TarnServed *served, guint i) {
  return served->precomputed->pdata[i];
}

const TarnGeneration *tarn_served_generation(const TarnServed *served) { return &served->generation; }

TarnServedWorker *tarn_served_take_worker(TarnServed *served, GError **error) {
  g_mutex_lock(&served->mutex);
  TarnServedWorker *worker =
      served->free->len > 0 ? g_ptr_array_steal_index(served->free, served->free->len - 1) : NULL;
  g_mutex_unlock(&served->mutex);
  return worker ? worker : worker_new(served, error);
}

void tarn_served_give_worker(TarnServed *served, TarnServedWorker *worker) {
  if (!worker) return;
  g_mutex_lock(&served->mutex);
  gboolean keep = served->free->len < served->options.workers;
  if (keep) g_ptr_array_add(served->free, worker);
  g_mutex_unlock(&served->mutex);
  if (!keep) worker_free(worker);
}

TarnStatement *tarn_served_worker_statement(TarnServedWorker *worker, guint i) { return worker->statements->pdata[i]; }
TarnConn *tarn_served_worker_conn(const TarnServedWorker *worker) { return worker->conn; }
