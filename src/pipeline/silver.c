#include "pipeline/silver.h"

#include "base/error.h"
#include "lakehouse/sql.h"
#include "pipeline/reject.h"

/* What the statements of one build have in common. */
typedef struct {
  const TarnSilverBuild *build;
  TarnRowwise *rowwise;
  TarnReject *reject;
  char *table;       /* quoted */
  char *from;        /* what the texts of reject are over: all of bronze */
  char *bronze;      /* quoted */
  char *keys;        /* the unique columns as expressions over bronze that cannot raise, or NULL */
  char *key_columns; /* the same as columns of the silver table */
  char *key_present; /* none of them is NULL */
  gint64 first_seq;
} Job;

static void job_clear(Job *job) {
  tarn_rowwise_free(job->rowwise);
  tarn_reject_free(job->reject);
  g_free(job->table);
  g_free(job->from);
  g_free(job->bronze);
  g_free(job->keys);
  g_free(job->key_columns);
  g_free(job->key_present);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Job, job_clear)

/* FALSE: the model has no such item. */
static gboolean find_item(const TarnRowwise *rowwise, const char *name, guint *index) {
  for (guint i = 0; i < rowwise->items->len; i++) {
    const TarnRowwiseItem *item = rowwise->items->pdata[i];
    if (g_ascii_strcasecmp(item->name, name) != 0) continue;
    if (index) *index = i;
    return TRUE;
  }
  return FALSE;
}

static gboolean prepare_keys(Job *job, GError **error) {
  const TarnModel *model = job->build->model;
  if (!model->unique || !*model->unique) return TRUE;
  g_autoptr(GString) keys = g_string_new(NULL);
  g_autoptr(GString) columns = g_string_new(NULL);
  g_autoptr(GString) present = g_string_new(NULL);
  for (char **name = model->unique; *name; name++) {
    guint index = 0;
    if (!find_item(job->rowwise, *name, &index)) {
      tarn_error_set(error, TARN_ERROR_USAGE, "`unique` names columns that the SELECT returns",
                     "%s: unique column %s is not selected", model->path, *name);
      return FALSE;
    }
    const TarnRowwiseItem *item = job->rowwise->items->pdata[index];
    g_autofree char *column = tarn_sql_quote_identifier(item->name);
    const char *comma = keys->len ? ", " : "";
    g_string_append_printf(keys, "%s%s", comma, job->reject->values[index]);
    g_string_append_printf(columns, "%s%s", comma, column);
    g_string_append_printf(present, "%s%s IS NOT NULL", keys->len && present->len ? " AND " : "", column);
  }
  job->keys = g_string_free(g_steal_pointer(&keys), FALSE);
  job->key_columns = g_string_free(g_steal_pointer(&columns), FALSE);
  job->key_present = g_string_free(g_steal_pointer(&present), FALSE);
  return TRUE;
}

static gboolean job_init(Job *job, const TarnSilverBuild *build, GError **error) {
  *job = (Job){.build = build, .first_seq = build->rebuild ? 0 : build->first_seq};
  job->rowwise = tarn_rowwise_new(build->conn, build->model, NULL, error);
  if (!job->rowwise) return FALSE;
  job->reject = tarn_reject_new(build->conn, job->rowwise, TARN_REJECT_AUTO, error);
  if (!job->reject) return FALSE;
  job->table = tarn_sql_quote_identifier(build->model->name);
  job->bronze = tarn_sql_quote_identifier(build->project->config.bronze_table);
  job->from = tarn_reject_source(job->reject, NULL);
  return prepare_keys(job, error);
}

char *tarn_silver_create_sql(const TarnModel *model, const char *select_list, TarnConn *conn, const char *from,
                             GError **error) {
  g_autofree char *describe = tarn_sql_fill(tarn_sql_silver_describe, "select_list", select_list, "from", from, NULL);
  g_autoptr(TarnResult) columns = tarn_conn_query(conn, describe, NULL, 0, error);
  if (!columns) return NULL;
  g_autofree char *table = tarn_sql_quote_identifier(model->name);
  g_autoptr(GString) sql = g_string_new(NULL);
  g_string_append_printf(sql, "CREATE TABLE %s (", table);
  gboolean has_seq = FALSE;
  for (guint64 row = 0; row < tarn_result_rows(columns); row++) {
    g_autofree char *name = tarn_result_text(columns, row, 0);
    g_autofree char *type = tarn_result_text(columns, row, 1);
    g_autofree char *column = tarn_sql_quote_identifier(name);
    has_seq |= g_ascii_strcasecmp(name, "seq") == 0;
    g_string_append_printf(sql, "%s%s %s%s", row ? ", " : "", column, type,
                           g_str_equal(type, "VARCHAR") ? " USING COMPRESSION zstd" : "");
  }
  if (!has_seq) g_string_append(sql, ", seq BIGINT");
  g_string_append_c(sql, ')');
  return g_string_free(g_steal_pointer(&sql), FALSE);
}

static gboolean selects_seq(const Job *job) { return find_item(job->rowwise, "seq", NULL); }

static gboolean make_table_anew(const Job *job, GError **error) {
  const TarnSilverBuild *build = job->build;
  const TarnValue name = tarn_value_text(build->model->name);
  g_autofree char *create =
      tarn_silver_create_sql(build->model, job->reject->select_list, build->conn, job->from, error);
  if (!create) return FALSE;
  g_autofree char *drop = g_strdup_printf("DROP TABLE IF EXISTS %s", job->table);
  return tarn_conn_exec(build->conn, drop, error) && tarn_conn_exec(build->conn, create, error) &&
         tarn_conn_run(build->conn, tarn_sql_silver_forget_quarantine, &name, 1, NULL, error) &&
         tarn_conn_run(build->conn, tarn_sql_silver_forget_duplicates, &name, 1, NULL, error);
}

/* Finds the rows whose key an earlier accepted row has, into tarn.duplicates. */
static gboolean find_duplicates(const Job *job, gint64 *duplicates, GError **error) {
  const TarnSilverBuild *build = job->build;
  *duplicates = 0;
  if (!job->keys) return TRUE;
  const TarnValue since = tarn_value_int(job->first_seq);
  const char *candidates_sql = build->rebuild ? tarn_sql_silver_candidates_all : tarn_sql_silver_candidates_new;
  g_autofree char *candidates = tarn_sql_fill(candidates_sql, "keys", job->keys, "key_columns", job->key_columns,
                                              "from", job->from, "table", job->table, NULL);
  gint64 found = 0;
  if (!tarn_conn_exec(build->conn, tarn_sql_silver_candidates_table, error) ||
      !tarn_conn_run(build->conn, candidates, &since, 1, &found, error))
    return FALSE;
  if (found == 0) return TRUE;
  const TarnValue values[] = {since, tarn_value_text(build->model->name), tarn_value_text(build->run_id)};
  g_autofree char *suspects =
      tarn_sql_fill(tarn_sql_silver_suspects, "bronze", job->bronze, "keys", job->keys, "from", job->from, NULL);
  g_autofree char *from = tarn_reject_source(job->reject, suspects);
  g_autofree char *insert =
      tarn_sql_fill(tarn_sql_silver_duplicates, "select_list", job->reject->select_list, "accepted",
                    job->reject->accepted, "key_columns", job->key_columns, "key_present", job->key_present, "from",
                    from, "bronze", job->bronze, "table", job->table, NULL);
  return tarn_conn_run(build->conn, insert, values, G_N_ELEMENTS(values), duplicates, error);
}

static gboolean insert_accepted(const Job *job, gboolean have_duplicates, gint64 *accepted, GError **error) {
  const TarnValue values[] = {tarn_value_int(job->first_seq), tarn_value_text(job->build->model->name)};
  g_autofree char *sql =
      tarn_sql_fill(have_duplicates ? tarn_sql_silver_insert_once : tarn_sql_silver_insert, "table", job->table,
                    "select_list", job->reject->select_list, "seq", selects_seq(job) ? "" : ", seq", "accepted",
                    job->reject->accepted, "from", job->from, NULL);
  return tarn_conn_run(job->build->conn, sql, values, have_duplicates ? 2 : 1, accepted, error);
}

/* Every row that is in neither table gets its reasons. A row without one stays out, and the conservation law finds it. */
static gboolean quarantine_the_rest(const Job *job, gint64 *next_id, gint64 *quarantined, GError **error) {
  const TarnSilverBuild *build = job->build;
  const TarnValue rest_values[] = {tarn_value_int(job->first_seq), tarn_value_text(build->model->name)};
  g_autofree char *rest = tarn_sql_fill(tarn_sql_silver_rest, "bronze", job->bronze, "table", job->table, NULL);
  gint64 left = 0;
  *quarantined = 0;
  if (!tarn_conn_exec(build->conn, tarn_sql_silver_rest_table, error) ||
      !tarn_conn_run(build->conn, rest, rest_values, G_N_ELEMENTS(rest_values), &left, error))
    return FALSE;
  if (left == 0) return TRUE;
  const TarnValue values[] = {tarn_value_int(*next_id), tarn_value_text(build->model->name),
                              tarn_value_int(build->now_us), tarn_value_text(build->run_id)};
  g_autofree char *rows = tarn_sql_fill(tarn_sql_silver_rest_rows, "bronze", job->bronze, NULL);
  g_autofree char *from = tarn_reject_source(job->reject, rows);
  g_autofree char *insert =
      tarn_sql_fill(tarn_sql_silver_quarantine, "reasons", job->reject->reasons, "from", from, NULL);
  if (!tarn_conn_run(build->conn, insert, values, G_N_ELEMENTS(values), quarantined, error)) return FALSE;
  *next_id += *quarantined;
  return TRUE;
}

gboolean tarn_silver_build(const TarnSilverBuild *build, gint64 *next_quarantine_id, TarnSilverCounts *counts,
                           GError **error) {
  g_auto(Job) job = {0};
  TarnSilverCounts found = {0};
  if (!job_init(&job, build, error)) return FALSE;
  if (build->rebuild && !make_table_anew(&job, error)) return FALSE;
  if (!find_duplicates(&job, &found.duplicates, error)) return FALSE;
  if (!insert_accepted(&job, found.duplicates > 0, &found.accepted, error)) return FALSE;
  if (!quarantine_the_rest(&job, next_quarantine_id, &found.quarantined, error)) return FALSE;
  *counts = found;
  return TRUE;
}
