#include "project/tables.h"

#include "base/error.h"
#include "lakehouse/bronze.h"
#include "project/bind.h"
#include "project/problem.h"

typedef struct {
  TarnConn *conn;
  GPtrArray *problems;
  GHashTable *missing;
} Making;

static gboolean reads_missing(const Making *making, const TarnModel *model) {
  for (char **name = model->reads; *name; name++)
    if (g_hash_table_contains(making->missing, *name)) return TRUE;
  return FALSE;
}

static gboolean has_column(TarnConn *conn, const char *table, const char *column, gboolean *found, GError **error) {
  g_autofree char *sql = g_strdup_printf("SELECT * FROM %s LIMIT 0", table);
  g_autoptr(TarnResult) result = tarn_conn_query(conn, sql, NULL, 0, error);
  if (!result) return FALSE;
  *found = FALSE;
  for (guint i = 0; i < tarn_result_columns(result); i++)
    *found = *found || g_ascii_strcasecmp(tarn_result_column_name(result, i), column) == 0;
  return TRUE;
}

static gboolean add_seq(TarnConn *conn, const char *table, GError **error) {
  gboolean found;
  if (!has_column(conn, table, "seq", &found, error)) return FALSE;
  if (found) return TRUE;
  g_autofree char *sql = g_strdup_printf("ALTER TABLE %s ADD COLUMN seq BIGINT", table);
  return tarn_conn_exec(conn, sql, error);
}

static gboolean create_table(const Making *making, const TarnModel *model, GError **error) {
  g_autofree char *table = tarn_sql_quote_identifier(model->name);
  g_autofree char *sql = g_strdup_printf("CREATE TABLE %s AS (\n%s\n) WITH NO DATA", table, model->sql);
  if (!tarn_conn_exec(making->conn, sql, error)) return FALSE;
  return model->kind != TARN_MODEL_SILVER || add_seq(making->conn, table, error);
}

static gboolean binds(const Making *making, const TarnModel *model) {
  g_autoptr(GError) fault = NULL;
  TarnSqlPosition place = {0, 0};
  if (reads_missing(making, model) || tarn_problems_have_error_in(making->problems, model->path)) return FALSE;
  if (tarn_sql_bind(making->conn, model->sql, &place, &fault)) return TRUE;
  const char *hint = tarn_error_hint(fault);
  if (!hint && model->kind == TARN_MODEL_SILVER) hint = "a silver model is row-wise; other SQL belongs in gold";
  tarn_problem_add(making->problems, model->path, place.line, place.column, hint, "%s", fault->message);
  return FALSE;
}

gboolean tarn_project_make_tables(const TarnProject *project, TarnConn *conn, GHashTable *missing, GPtrArray *problems,
                                  GError **error) {
  const Making making = {conn, problems, missing};
  g_autofree char *bronze =
      tarn_bronze_create_sql(project->config.bronze_table, (const char *const *)project->config.envelope);
  if (!tarn_conn_exec(conn, bronze, error)) return FALSE;
  for (guint i = 0; i < project->models->len; i++) {
    const TarnModel *model = project->models->pdata[i];
    if (!binds(&making, model))
      g_hash_table_add(missing, model->name);
    else if (!create_table(&making, model, error))
      return FALSE;
  }
  return TRUE;
}

gboolean tarn_project_create_empty_tables(const TarnProject *project, TarnConn *conn, GPtrArray *problems,
                                          GError **error) {
  g_autoptr(GHashTable) missing = g_hash_table_new(g_str_hash, g_str_equal);
  if (!tarn_project_make_tables(project, conn, missing, problems, error)) return FALSE;
  if (g_hash_table_size(missing) == 0) return TRUE;
  tarn_error_set(error, TARN_ERROR_USAGE, "`tarn validate` lists all faults",
                 "%u of the models in %s do not fit the tables", g_hash_table_size(missing), project->dir);
  return FALSE;
}
