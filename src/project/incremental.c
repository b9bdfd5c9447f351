#include "project/incremental.h"

#include <string.h>

#include "lakehouse/ast.h"
#include "lakehouse/sql.h"
#include "project/frontmatter.h"

static const char hint[] = "leave out `key:`; the table is then rebuilt whole by every run that changes what it reads";

typedef struct {
  const TarnModel *model;
  const TarnModel *source; /* the first table that it reads; NULL: bronze, or none */
  GPtrArray *problems;
  const json_t *select;
  GHashTable *volatiles;
  gboolean refused;
} Checking;

static void refuse(Checking *checking, const json_t *node, const char *what) {
  if (checking->refused) return;
  TarnSqlPosition place = node ? tarn_ast_position(node, checking->model->sql) : (TarnSqlPosition){0, 0};
  if (place.line == 0) place.line = tarn_frontmatter_line(checking->model->sql, "key");
  tarn_problem_add(checking->problems, checking->model->path, place.line, place.column, hint,
                   "a model with a key cannot have %s: it is kept up to date key by key", what);
  checking->refused = TRUE;
}

static const json_t *part(const json_t *node, const char *name) {
  const json_t *value = json_object_get(node, name);
  gboolean empty = !value || json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0);
  return empty ? NULL : value;
}

static const char *text_of(const json_t *node, const char *name) {
  const char *text = json_string_value(json_object_get(node, name));
  return text ? text : "";
}

/* --- Shape ------------------------------------------------------------------------------------------------------ */

static void check_source(Checking *checking) {
  const json_t *from = json_object_get(checking->select, "from_table");
  if (!tarn_ast_is(from, "BASE_TABLE"))
    refuse(checking, from, "anything but one table behind FROM");
  else if (checking->source && checking->source->kind == TARN_MODEL_GOLD)
    refuse(checking, from, "a gold table behind FROM");
  else if (*text_of(from, "schema_name"))
    refuse(checking, from, "a schema before its table");
  else if (part(from, "sample") || part(from, "at_clause"))
    refuse(checking, from, "a sample of its table");
}

static void check_modifiers(Checking *checking) {
  static const struct {
    const char *type, *what;
  } refused[] = {{"DISTINCT_MODIFIER", "DISTINCT"}, {"LIMIT_MODIFIER", "LIMIT"}, {"LIMIT_PERCENT_MODIFIER", "LIMIT"}};
  gsize index;
  json_t *modifier;
  json_array_foreach(json_object_get(checking->select, "modifiers"), index, modifier) {
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++)
      if (tarn_ast_is(modifier, refused[i].type)) refuse(checking, modifier, refused[i].what);
  }
}

/* Names of the functions whose value depends on more than their arguments. */
static GHashTable *volatile_functions(TarnConn *conn, GError **error) {
  g_autoptr(TarnResult) result = tarn_conn_query(conn, tarn_sql_functions, NULL, 0, error);
  if (!result) return NULL;
  GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (guint64 row = 0; row < tarn_result_rows(result); row++) {
    g_autofree char *type = tarn_result_text(result, row, 1), *stability = tarn_result_text(result, row, 2);
    if (g_str_equal(type, "scalar") && !g_str_equal(stability, "CONSISTENT"))
      g_hash_table_add(names, tarn_result_text(result, row, 0));
  }
  return names;
}

static void check_function(Checking *checking, const json_t *node) {
  g_autofree char *name = g_ascii_strdown(text_of(node, "function_name"), -1);
  if (!g_hash_table_contains(checking->volatiles, name)) return;
  g_autofree char *what = g_strdup_printf("%s(), which differs from run to run", name);
  refuse(checking, node, what);
}

static gboolean visit(json_t *node, gpointer user) {
  Checking *checking = user;
  check_function(checking, node);
  const char *class = text_of(node, "class");
  if (strcmp(class, "SUBQUERY") == 0) refuse(checking, node, "a subquery");
  if (strcmp(class, "WINDOW") == 0) refuse(checking, node, "a window function");
  return !checking->refused;
}

/* --- Key -------------------------------------------------------------------------------------------------------- */

/* The column that a plain reference names, NULL for other expressions. */
static const char *column_of(const json_t *node) {
  const json_t *names = tarn_ast_is(node, "COLUMN_REF") ? json_object_get(node, "column_names") : NULL;
  return json_string_value(json_array_get(names, json_array_size(names) - 1));
}

static gboolean is_key(const Checking *checking, const char *column) {
  return column && g_strv_contains((const char *const *)checking->model->key, column);
}

static void check_group(Checking *checking) {
  const json_t *groups = part(checking->select, "group_expressions");
  gsize index;
  json_t *group;
  json_array_foreach(groups, index, group) {
    if (!is_key(checking, column_of(group))) refuse(checking, group, "anything but the key's columns in its GROUP BY");
  }
  if (json_array_size(groups) != g_strv_length(checking->model->key))
    refuse(checking, NULL, "a GROUP BY other than the key's columns");
  if (json_array_size(json_object_get(checking->select, "group_sets")) > 1) refuse(checking, NULL, "grouping sets");
}

static gboolean selects(const Checking *checking, const char *column) {
  gsize index;
  json_t *item;
  json_array_foreach(json_object_get(checking->select, "select_list"), index, item) {
    const char *alias = text_of(item, "alias");
    if (g_strcmp0(column_of(item), column) == 0 && (!*alias || g_str_equal(alias, column))) return TRUE;
  }
  return FALSE;
}

static void check_key_selected(Checking *checking) {
  for (char **column = checking->model->key; *column; column++) {
    g_autofree char *what = g_strdup_printf("a key column ('%s') that is not selected under its own name", *column);
    if (!selects(checking, *column)) refuse(checking, NULL, what);
  }
}

static void check(Checking *checking, json_t *select) {
  if (part(json_object_get(select, "cte_map"), "map")) refuse(checking, NULL, "WITH");
  if (part(select, "qualify")) refuse(checking, part(select, "qualify"), "QUALIFY");
  if (part(select, "sample")) refuse(checking, NULL, "a sample");
  check_source(checking);
  check_modifiers(checking);
  tarn_ast_walk(select, visit, checking);
  check_group(checking);
  check_key_selected(checking);
}

gboolean tarn_incremental_check(const TarnProject *project, const TarnModel *model, TarnConn *conn, GPtrArray *problems,
                                GError **error) {
  g_autoptr(json_t) tree = tarn_ast_parse(conn, model->sql, NULL, error);
  g_autoptr(GHashTable) volatiles = tree ? volatile_functions(conn, error) : NULL;
  if (!volatiles) return FALSE;
  json_t *select = tarn_ast_statement(tree);
  const TarnModel *source = *model->reads ? tarn_project_model(project, *model->reads) : NULL;
  Checking checking = {model, source, problems, select, volatiles, FALSE};
  if (tarn_ast_is(select, "SELECT_NODE"))
    check(&checking, select);
  else
    refuse(&checking, NULL, "UNION, INTERSECT or EXCEPT");
  return TRUE;
}
