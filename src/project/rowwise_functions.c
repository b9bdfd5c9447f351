#include <string.h>

#include "base/error.h"
#include "lakehouse/sql.h"
#include "project/rowwise_private.h"

#define MAX_MACRO_DEPTH 8

typedef struct {
  gboolean scalar, aggregate, table, is_volatile;
  GPtrArray *macros; /* char *: the definitions */
} FunctionKinds;

static void function_kinds_free(gpointer data) {
  FunctionKinds *kinds = data;
  g_ptr_array_unref(kinds->macros);
  g_free(kinds);
}

static FunctionKinds *function_kinds(GHashTable *functions, const char *name) {
  FunctionKinds *kinds = g_hash_table_lookup(functions, name);
  if (kinds) return kinds;
  kinds = g_new0(FunctionKinds, 1);
  kinds->macros = g_ptr_array_new_with_free_func(g_free);
  g_hash_table_insert(functions, g_ascii_strdown(name, -1), kinds);
  return kinds;
}

static void add_overload(GHashTable *functions, const TarnResult *result, guint64 row) {
  g_autofree char *name = tarn_result_text(result, row, 0);
  g_autofree char *type = tarn_result_text(result, row, 1);
  g_autofree char *stability = tarn_result_text(result, row, 2);
  FunctionKinds *kinds = function_kinds(functions, name);
  kinds->scalar |= strcmp(type, "scalar") == 0;
  kinds->aggregate |= strcmp(type, "aggregate") == 0;
  kinds->table |= g_str_has_prefix(type, "table");
  kinds->is_volatile |= strcmp(type, "scalar") == 0 && strcmp(stability, "CONSISTENT") != 0;
  if (strcmp(type, "macro") == 0) g_ptr_array_add(kinds->macros, tarn_result_text(result, row, 3));
}

/* They are said to be consistent, but depend on the session, not on the row. */
static void mark_session_functions(GHashTable *functions) {
  static const char *const names[] = {"getvariable", "current_setting", "version", "current_localtime",
                                      "current_localtimestamp"};
  for (gsize i = 0; i < G_N_ELEMENTS(names); i++) function_kinds(functions, names[i])->is_volatile = TRUE;
}

GHashTable *rowwise_functions_load(TarnConn *conn, GError **error) {
  g_autoptr(TarnResult) result = tarn_conn_query(conn, tarn_sql_functions, NULL, 0, error);
  if (!result) return NULL;
  GHashTable *functions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, function_kinds_free);
  for (guint64 row = 0; row < tarn_result_rows(result); row++) add_overload(functions, result, row);
  mark_session_functions(functions);
  return functions;
}

typedef struct {
  RowwiseContext *context;
  guint depth;
  const char *fault; /* what a macro holds that a row-wise SELECT may not */
} MacroCheck;

static const char *function_fault(RowwiseContext *context, const char *name, guint depth);

static gboolean check_macro_node(json_t *node, gpointer user) {
  MacroCheck *check = user;
  if (tarn_ast_is(node, "SUBQUERY")) check->fault = "a subquery";
  if (g_strcmp0(json_string_value(json_object_get(node, "class")), "WINDOW") == 0) check->fault = "a window function";
  const char *name = json_string_value(json_object_get(node, "function_name"));
  if (!check->fault && name) check->fault = function_fault(check->context, name, check->depth + 1);
  return !check->fault;
}

static const char *macro_fault(RowwiseContext *context, const char *definition, guint depth) {
  if (depth > MAX_MACRO_DEPTH) return "a macro within macros";
  g_autoptr(json_t) tree = tarn_ast_parse_expression(context->conn, definition, NULL, NULL);
  if (!tree) return "a macro that Tarn cannot read";
  MacroCheck check = {context, depth, NULL};
  tarn_ast_walk(tree, check_macro_node, &check);
  return check.fault;
}

static const char *function_fault(RowwiseContext *context, const char *name, guint depth) {
  g_autofree char *key = g_ascii_strdown(name, -1);
  const FunctionKinds *kinds = g_hash_table_lookup(context->functions, key);
  if (!kinds) return "an unknown function";
  if (kinds->is_volatile) return "a volatile function";
  if (kinds->aggregate) return "an aggregate function";
  if (kinds->table && !kinds->scalar) return "a function that gives several rows";
  for (guint i = 0; i < kinds->macros->len; i++) {
    const char *fault = macro_fault(context, kinds->macros->pdata[i], depth);
    if (fault) return fault;
  }
  return NULL;
}

typedef struct {
  GHashTable *functions;
  TarnConn *conn;
  guint depth;
  gboolean found;
} ChangeSearch;

static gboolean changes(GHashTable *functions, TarnConn *conn, const char *name, guint depth);

static gboolean search_change(json_t *node, gpointer user) {
  ChangeSearch *search = user;
  const char *name = json_string_value(json_object_get(node, "function_name"));
  if (name && changes(search->functions, search->conn, name, search->depth + 1)) search->found = TRUE;
  return !search->found;
}

static gboolean changes(GHashTable *functions, TarnConn *conn, const char *name, guint depth) {
  g_autofree char *key = g_ascii_strdown(name, -1);
  const FunctionKinds *kinds = g_hash_table_lookup(functions, key);
  if (!kinds || kinds->is_volatile) return kinds != NULL;
  for (guint i = 0; i < kinds->macros->len; i++) {
    g_autoptr(json_t) tree = tarn_ast_parse_expression(conn, kinds->macros->pdata[i], NULL, NULL);
    ChangeSearch search = {functions, conn, depth, depth > MAX_MACRO_DEPTH};
    if (tree) tarn_ast_walk(tree, search_change, &search);
    if (search.found) return TRUE;
  }
  return FALSE;
}

gboolean rowwise_function_changes(GHashTable *functions, TarnConn *conn, const char *name) {
  return changes(functions, conn, name, 0);
}

static gboolean has_known_schema(const json_t *call) {
  const char *schema = json_string_value(json_object_get(call, "schema"));
  return !schema || !*schema || strcmp(schema, "main") == 0;
}

gboolean rowwise_function_check(RowwiseContext *context, const json_t *call, GError **error) {
  const char *name = json_string_value(json_object_get(call, "function_name"));
  const char *fault =
      has_known_schema(call) ? function_fault(context, name, 0) : "a function called by a dot or of a schema";
  if (!fault) return TRUE;
  g_autofree char *what = g_strdup_printf("%s: %s()", fault, name);
  return rowwise_refuse(what, error);
}

gboolean rowwise_function_takes_lambda(const json_t *call) {
  static const char *const names[] = {"list_transform", "list_apply",   "array_transform", "array_apply",
                                      "apply",          "list_filter",  "array_filter",    "filter",
                                      "list_reduce",    "array_reduce", "reduce"};
  const char *name = json_string_value(json_object_get(call, "function_name"));
  for (gsize i = 0; name && i < G_N_ELEMENTS(names); i++)
    if (g_ascii_strcasecmp(name, names[i]) == 0) return TRUE;
  return FALSE;
}
