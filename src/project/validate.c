/* Binds what a project says against its own empty tables, in memory. */
#include <string.h>

#include "base/error.h"
#include "base/nearest.h"
#include "lakehouse/system.h"
#include "project/bind.h"
#include "project/config.h"
#include "project/frontmatter.h"
#include "project/incremental.h"
#include "project/precompute.h"
#include "project/problem.h"
#include "project/rowwise.h"
#include "project/tables.h"

typedef struct {
  const TarnProject *project;
  TarnConn *conn;
  GPtrArray *problems;
  GHashTable *missing; /* tables that could not be made */
} Validation;

static gboolean reads_missing(const Validation *validation, char *const *reads) {
  for (; *reads; reads++)
    if (g_hash_table_contains(validation->missing, *reads)) return TRUE;
  return FALSE;
}

/* --- Quality rules ---------------------------------------------------------------------------------------------- */

static void rule_problem(const Validation *validation, const TarnQualityRule *rule, const char *hint,
                         const char *message) {
  tarn_problem_add(validation->problems, TARN_CONFIG_FILE, rule->line, 0, hint, "quality rule '%s': %s", rule->name,
                   message);
}

/* The type of the predicate over the bronze table; NULL: *error says why there is none. Caller frees. */
static char *predicate_type(const Validation *validation, const TarnQualityRule *rule, GError **error) {
  TarnSqlPosition place;
  g_autoptr(json_t) tree = tarn_ast_parse_expression(validation->conn, rule->predicate, &place, error);
  if (!tree) return NULL;
  g_autofree char *table = tarn_sql_quote_identifier(validation->project->config.bronze_table);
  g_autofree char *sql = g_strdup_printf("SELECT (\n%s\n) FROM %s", rule->predicate, table);
  if (!tarn_sql_bind(validation->conn, sql, &place, error)) return NULL;
  g_autofree char *describe = g_strconcat("SELECT column_type FROM (DESCRIBE ", sql, ")", NULL);
  g_autoptr(TarnResult) result = tarn_conn_query(validation->conn, describe, NULL, 0, error);
  return result ? tarn_result_text(result, 0, 0) : NULL;
}

/* A rule judges one row, so it may hold just what a silver model may. NULL: it does; else what is wrong. Caller frees.
 */
static char *not_rowwise(const Validation *validation, const TarnQualityRule *rule) {
  g_autofree char *table = tarn_sql_quote_identifier(validation->project->config.bronze_table);
  g_autofree char *sql = g_strdup_printf("SELECT (\n%s\n) AS passes FROM %s", rule->predicate, table);
  const TarnModel model = {.name = rule->name, .path = TARN_CONFIG_FILE, .sql = sql};
  g_autoptr(GError) fault = NULL;
  g_autoptr(TarnRowwise) rowwise = tarn_rowwise_new(validation->conn, &model, NULL, &fault);
  return rowwise ? NULL : g_strdup_printf("%s, nor may a rule", fault->message);
}

static void validate_rule(const Validation *validation, const TarnQualityRule *rule) {
  if (!rule->name || !rule->predicate) return;
  g_autoptr(GError) fault = NULL;
  g_autofree char *type = predicate_type(validation, rule, &fault), *unfit = NULL;
  if (!type) {
    rule_problem(validation, rule, tarn_error_hint(fault), fault->message);
  } else if (!g_str_equal(type, "BOOLEAN")) {
    g_autofree char *message = g_strdup_printf("the predicate is %s, not true or false", type);
    rule_problem(validation, rule, "write a comparison", message);
  } else if ((unfit = not_rowwise(validation, rule))) {
    rule_problem(validation, rule, "a rule sees one row at a time", unfit);
  }
}

/* --- Models ----------------------------------------------------------------------------------------------------- */

static GStrv table_columns(const Validation *validation, const char *table, GError **error) {
  g_autofree char *name = tarn_sql_quote_identifier(table);
  g_autofree char *sql = g_strdup_printf("SELECT * FROM %s LIMIT 0", name);
  g_autoptr(TarnResult) result = tarn_conn_query(validation->conn, sql, NULL, 0, error);
  if (!result) return NULL;
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint i = 0; i < tarn_result_columns(result); i++)
    g_ptr_array_add(names, g_strdup(tarn_result_column_name(result, i)));
  g_ptr_array_add(names, NULL);
  return (GStrv)g_ptr_array_steal(names, NULL);
}

/* key is where in the front matter the column is named. */
static void expect_column(const Validation *validation, const TarnModel *model, const char *const *columns,
                          const char *key, const char *column) {
  if (g_strv_contains(columns, column)) return;
  const char *nearest = tarn_nearest_word(column, columns);
  g_autofree char *known = g_strjoinv(", ", (char **)columns);
  g_autofree char *hint =
      nearest ? g_strdup_printf("did you mean '%s'?", nearest) : g_strdup_printf("its columns: %s", known);
  tarn_problem_add(validation->problems, model->path, tarn_frontmatter_line(model->sql, key), 0, hint,
                   "%s has no column '%s'", model->name, column);
}

static void check_rowwise(const Validation *validation, const TarnModel *model) {
  g_autoptr(GError) fault = NULL;
  TarnSqlPosition place = {0, 0};
  g_autoptr(TarnRowwise) rowwise = tarn_rowwise_new(validation->conn, model, &place, &fault);
  if (rowwise) return;
  tarn_problem_add(validation->problems, model->path, place.line, place.column, tarn_error_hint(fault), "%s",
                   fault->message);
}

static gboolean validate_model(const Validation *validation, const TarnModel *model, GError **error) {
  if (g_hash_table_contains(validation->missing, model->name)) return TRUE;
  g_auto(GStrv) found = table_columns(validation, model->name, error);
  if (!found) return FALSE;
  const char *const *columns = (const char *const *)found;
  for (char **name = model->unique; *name; name++) expect_column(validation, model, columns, "unique", *name);
  for (char **name = model->key; *name; name++) expect_column(validation, model, columns, "key", *name);
  for (guint i = 0; i < model->columns->len; i++) {
    const TarnColumnNote *note = model->columns->pdata[i];
    expect_column(validation, model, columns, note->name, note->name);
  }
  if (model->kind == TARN_MODEL_SILVER) check_rowwise(validation, model);
  return !*model->key ||
         tarn_incremental_check(validation->project, model, validation->conn, validation->problems, error);
}

/* --- Checks and endpoints --------------------------------------------------------------------------------------- */

static void validate_reader(const Validation *validation, const char *path, const char *sql, char *const *reads) {
  g_autoptr(GError) fault = NULL;
  TarnSqlPosition place;
  if (reads_missing(validation, reads) || tarn_problems_have_error_in(validation->problems, path)) return;
  if (tarn_sql_bind(validation->conn, sql, &place, &fault)) return;
  tarn_problem_add(validation->problems, path, place.line, place.column, tarn_error_hint(fault), "%s", fault->message);
}

static gboolean validate_all(const Validation *validation, GError **error) {
  const TarnProject *project = validation->project;
  if (!*project->config.envelope) return TRUE; /* reported: nothing would bind */
  if (!tarn_system_install(validation->conn, error)) return FALSE;
  if (!tarn_project_make_tables(project, validation->conn, validation->missing, validation->problems, error))
    return FALSE;
  for (guint i = 0; i < project->config.rules->len; i++) validate_rule(validation, project->config.rules->pdata[i]);
  for (guint i = 0; i < project->models->len; i++)
    if (!validate_model(validation, project->models->pdata[i], error)) return FALSE;
  for (guint i = 0; i < project->checks->len; i++) {
    const TarnCheck *check = project->checks->pdata[i];
    validate_reader(validation, check->path, check->sql, check->reads);
  }
  for (guint i = 0; i < project->endpoints->len; i++) {
    const TarnEndpoint *endpoint = project->endpoints->pdata[i];
    validate_reader(validation, endpoint->path, endpoint->sql, endpoint->reads);
    if (endpoint->precompute && !tarn_problems_have_error_in(validation->problems, endpoint->path) &&
        !tarn_precompute_check(endpoint, validation->conn, validation->problems, error))
      return FALSE;
  }
  return TRUE;
}

gboolean tarn_project_validate(const TarnProject *project, GPtrArray *problems, GError **error) {
  const TarnDbOptions options = {.threads = 1};
  g_autoptr(TarnDb) db = tarn_db_open(NULL, &options, error);
  if (!db) return FALSE;
  g_autoptr(TarnConn) conn = tarn_db_connect(db, error);
  if (!conn) return FALSE;
  g_autoptr(GHashTable) missing = g_hash_table_new(g_str_hash, g_str_equal);
  const Validation validation = {project, conn, problems, missing};
  if (!validate_all(&validation, error)) return FALSE;
  if (!tarn_problems_have_error(problems)) return TRUE;
  tarn_problems_sum_up(problems, project->dir, error);
  return FALSE;
}
