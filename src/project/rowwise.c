#include "project/rowwise.h"

#include <string.h>

#include "base/error.h"
#include "project/rowwise_private.h"

typedef struct {
  const char *key, *type, *what;
} Clause;

/* Members of the SELECT node that must be empty; with a type: whose node or list element must not be of that type. */
static const Clause clauses[] = {
    {"group_expressions", NULL, "GROUP BY"},
    {"group_sets", NULL, "GROUP BY"},
    {"having", NULL, "HAVING"},
    {"qualify", NULL, "QUALIFY"},
    {"sample", NULL, "a SAMPLE"},
    {"modifiers", "DISTINCT_MODIFIER", "DISTINCT"},
    {"modifiers", "ORDER_MODIFIER", "ORDER BY"},
    {"modifiers", NULL, "LIMIT or OFFSET"},
};

static const Clause sources[] = {
    {"from_table", "JOIN", "a join"},
    {"from_table", "SUBQUERY", "a subquery"},
    {"from_table", "TABLE_FUNCTION", "a table function"},
    {"from_table", "EXPRESSION_LIST", "VALUES"},
    {"from_table", "PIVOT", "a pivot"},
    {"from_table", "EMPTY", "a SELECT without a FROM table"},
};

gboolean rowwise_refuse(const char *what, GError **error) {
  tarn_error_set(error, TARN_ERROR_USAGE,
                 "a silver model is row-wise: one table, expressions, WHERE; other SQL belongs in gold",
                 "a silver model may not contain %s", what);
  return FALSE;
}

static gboolean is_empty(const json_t *value) {
  return !value || json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0);
}

static gboolean holds_type(const json_t *value, const char *type) {
  for (gsize i = 0; i < json_array_size(value); i++)
    if (tarn_ast_is(json_array_get(value, i), type)) return TRUE;
  return tarn_ast_is(value, type);
}

typedef struct {
  RowwiseContext *context;
  gboolean found;
} PlaceSearch;

static gboolean take_first_place(json_t *node, gpointer user) {
  PlaceSearch *search = user;
  TarnSqlPosition position = tarn_ast_position(node, search->context->sql);
  if (!search->found && position.line) {
    search->context->position = position;
    search->found = TRUE;
  }
  return !search->found;
}

static void take_place_of(RowwiseContext *context, json_t *tree) {
  PlaceSearch search = {context, FALSE};
  tarn_ast_walk(tree, take_first_place, &search);
}

static gboolean refuse_clause(RowwiseContext *context, json_t *clause, const char *what, GError **error) {
  take_place_of(context, clause);
  return rowwise_refuse(what, error);
}

static gboolean check_clauses(RowwiseContext *context, const json_t *select, GError **error) {
  for (gsize i = 0; i < G_N_ELEMENTS(clauses); i++) {
    json_t *value = json_object_get(select, clauses[i].key);
    gboolean found = clauses[i].type ? holds_type(value, clauses[i].type) : !is_empty(value);
    if (found) return refuse_clause(context, value, clauses[i].what, error);
  }
  if (g_strcmp0(json_string_value(json_object_get(select, "aggregate_handling")), "STANDARD_HANDLING") != 0)
    return rowwise_refuse("GROUP BY", error);
  return TRUE;
}

static gboolean check_source(RowwiseContext *context, const json_t *select, GError **error) {
  static const char *const extras[] = {"sample", "column_name_alias", "at_clause"};
  json_t *from = json_object_get(select, "from_table");
  for (gsize i = 0; i < G_N_ELEMENTS(sources); i++)
    if (tarn_ast_is(from, sources[i].type)) return refuse_clause(context, from, sources[i].what, error);
  if (!tarn_ast_is(from, "BASE_TABLE")) return refuse_clause(context, from, "anything but one table after FROM", error);
  for (gsize i = 0; i < G_N_ELEMENTS(extras); i++)
    if (!is_empty(json_object_get(from, extras[i])))
      return refuse_clause(context, from, "a SAMPLE, column aliases or AT behind the table", error);
  const char *schema = json_string_value(json_object_get(from, "schema_name"));
  return *schema ? refuse_clause(context, from, "a table of another schema", error) : TRUE;
}

static gboolean check_shape(RowwiseContext *context, json_t *select, GError **error) {
  const json_t *ctes = json_object_get(json_object_get(select, "cte_map"), "map");
  if (!is_empty(ctes)) return refuse_clause(context, json_object_get(select, "cte_map"), "a CTE (WITH)", error);
  if (!tarn_ast_is(select, "SELECT_NODE")) return refuse_clause(context, select, "UNION, INTERSECT or EXCEPT", error);
  return check_source(context, select, error) && check_clauses(context, select, error);
}

static GPtrArray *describe(TarnConn *conn, const char *sql, guint column, GError **error) {
  g_autofree char *describe_sql = g_strconcat("DESCRIBE ", sql, NULL);
  g_autoptr(TarnResult) result = tarn_conn_query(conn, describe_sql, NULL, 0, error);
  if (!result) return NULL;
  GPtrArray *texts = g_ptr_array_new_with_free_func(g_free);
  for (guint64 row = 0; row < tarn_result_rows(result); row++)
    g_ptr_array_add(texts, tarn_result_text(result, row, column));
  return texts;
}

static void item_free(gpointer data) {
  TarnRowwiseItem *item = data;
  g_free(item->name);
  json_decref(item->tree);
  g_free(item->sql);
  g_free(item);
}

static void conjunct_free(gpointer data) {
  TarnRowwiseConjunct *conjunct = data;
  json_decref(conjunct->tree);
  g_free(conjunct->sql);
  g_free(conjunct);
}

/* The select list with every star replaced by columns. */
static json_t *expand_stars(RowwiseContext *context, const json_t *select, GError **error) {
  g_autoptr(json_t) list = json_array();
  gsize index;
  json_t *item;
  json_array_foreach(json_object_get(select, "select_list"), index, item) {
    if (!tarn_ast_is(item, "STAR"))
      json_array_append(list, item);
    else if (!rowwise_star_expand(context, item, list, error))
      return NULL;
  }
  return g_steal_pointer(&list);
}

static gboolean add_item(RowwiseContext *context, json_t *tree, GError **error) {
  if (!rowwise_expression_resolve(context, tree, error)) return FALSE;
  TarnRowwiseItem *item = g_new0(TarnRowwiseItem, 1);
  const char *alias = json_string_value(json_object_get(tree, "alias"));
  item->name = alias && *alias ? g_strdup(alias) : NULL;
  json_object_set_new(tree, "alias", json_string(""));
  item->tree = json_incref(tree);
  g_ptr_array_add(context->items, item);
  return TRUE;
}

static gboolean add_items(RowwiseContext *context, const json_t *list, GError **error) {
  gsize index;
  json_t *tree;
  json_array_foreach((json_t *)list, index, tree) if (!add_item(context, tree, error)) return FALSE;
  return TRUE;
}

static gboolean add_conjuncts(RowwiseContext *context, GPtrArray *conjuncts, json_t *where, GError **error) {
  if (is_empty(where)) return TRUE;
  gsize index;
  json_t *child;
  if (tarn_ast_is(where, "CONJUNCTION_AND")) {
    json_array_foreach(json_object_get(where, "children"), index, child) {
      if (!add_conjuncts(context, conjuncts, child, error)) return FALSE;
    }
    return TRUE;
  }
  if (!rowwise_expression_resolve(context, where, error)) return FALSE;
  TarnRowwiseConjunct *conjunct = g_new0(TarnRowwiseConjunct, 1);
  conjunct->tree = json_incref(where);
  g_ptr_array_add(conjuncts, conjunct);
  return TRUE;
}

static void take_fault(RowwiseContext *context, const char *table, const json_t *tree, const char *sql,
                       gboolean *found) {
  g_autofree char *name = tarn_sql_quote_identifier(table);
  g_autofree char *select = g_strdup_printf("SELECT %s FROM %s", sql, name);
  g_autoptr(GPtrArray) names = *found ? NULL : describe(context->conn, select, 0, NULL);
  if (names || *found) return;
  context->position = tarn_ast_position(tree, context->sql);
  *found = TRUE;
}

/* Which item or conjunct is it that does not bind? */
static void locate_fault(RowwiseContext *context, const TarnRowwise *rowwise) {
  gboolean found = FALSE;
  context->position = (TarnSqlPosition){0, 0};
  for (guint i = 0; i < rowwise->items->len; i++) {
    const TarnRowwiseItem *item = rowwise->items->pdata[i];
    take_fault(context, rowwise->table, item->tree, item->sql, &found);
  }
  for (guint i = 0; i < rowwise->conjuncts->len; i++) {
    const TarnRowwiseConjunct *conjunct = rowwise->conjuncts->pdata[i];
    take_fault(context, rowwise->table, conjunct->tree, conjunct->sql, &found);
  }
}

/* Output names as DuckDB gives them; the statement is bound as it was written, so this finds what else is wrong with
 * it. */
static gboolean name_items(RowwiseContext *context, const json_t *tree, const TarnRowwise *rowwise, GError **error) {
  g_autofree char *sql = tarn_ast_to_sql(context->conn, tree, error);
  if (!sql) return FALSE;
  g_autoptr(GError) fault = NULL;
  g_autoptr(GPtrArray) names = describe(context->conn, sql, 0, &fault);
  if (!names) {
    locate_fault(context, rowwise);
    const char *detail = tarn_error_detail(fault) ? tarn_error_detail(fault) : fault->message;
    tarn_error_set_detail(error, TARN_ERROR_USAGE, detail, tarn_error_hint(fault), "the SQL does not bind: %.*s",
                          (int)strcspn(detail, "\n"), detail);
    return FALSE;
  }
  if (names->len != rowwise->items->len) {
    tarn_error_set(error, TARN_ERROR_INTERNAL, NULL, "%u items were found where DuckDB sees %u columns",
                   rowwise->items->len, names->len);
    return FALSE;
  }
  for (guint i = 0; i < names->len; i++) {
    TarnRowwiseItem *item = rowwise->items->pdata[i];
    g_free(item->name);
    item->name = g_strdup(names->pdata[i]);
  }
  return TRUE;
}

/* DuckDB wrote the items from their trees: are they still what it had read? */
static gboolean check_types_kept(RowwiseContext *context, const TarnRowwise *rowwise, GError **error) {
  g_autofree char *table = tarn_sql_quote_identifier(rowwise->table);
  g_autoptr(GString) sql = g_string_new("SELECT ");
  for (guint i = 0; i < rowwise->items->len; i++)
    g_string_append_printf(sql, "%s%s", i ? ", " : "", ((TarnRowwiseItem *)rowwise->items->pdata[i])->sql);
  g_string_append_printf(sql, " FROM %s", table);
  g_autoptr(GPtrArray) read = describe(context->conn, context->sql, 1, NULL);
  g_autoptr(GPtrArray) written = describe(context->conn, sql->str, 1, error);
  for (guint i = 0; read && written && i < read->len; i++) {
    const TarnRowwiseItem *item = rowwise->items->pdata[i];
    if (g_str_equal(read->pdata[i], written->pdata[i])) continue;
    context->position = tarn_ast_position(item->tree, context->sql);
    tarn_error_set(error, TARN_ERROR_USAGE, "write a cast around it",
                   "DuckDB reads column \"%s\" as %s but writes it as %s", item->name, (char *)read->pdata[i],
                   (char *)written->pdata[i]);
    return FALSE;
  }
  return written != NULL;
}

static gboolean check_names_unique(RowwiseContext *context, GPtrArray *items, GError **error) {
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < items->len; i++) {
    const TarnRowwiseItem *item = items->pdata[i];
    if (g_hash_table_add(seen, g_ascii_strdown(item->name, -1))) continue;
    context->position = tarn_ast_position(item->tree, context->sql);
    tarn_error_set(error, TARN_ERROR_USAGE, "give each its own name with AS", "two columns are named \"%s\"",
                   item->name);
    return FALSE;
  }
  return TRUE;
}

static gboolean write_sql(TarnConn *conn, TarnRowwise *rowwise, GError **error) {
  for (guint i = 0; i < rowwise->items->len; i++) {
    TarnRowwiseItem *item = rowwise->items->pdata[i];
    item->sql = tarn_ast_expression_to_sql(conn, item->tree, error);
    if (!item->sql) return FALSE;
  }
  for (guint i = 0; i < rowwise->conjuncts->len; i++) {
    TarnRowwiseConjunct *conjunct = rowwise->conjuncts->pdata[i];
    conjunct->sql = tarn_ast_expression_to_sql(conn, conjunct->tree, error);
    if (!conjunct->sql) return FALSE;
  }
  return TRUE;
}

static gboolean load_catalog(RowwiseContext *context, const char *table, GError **error) {
  g_autofree char *name = tarn_sql_quote_identifier(table);
  g_autofree char *sql = g_strconcat("FROM ", name, NULL);
  g_autoptr(GError) fault = NULL;
  context->columns = describe(context->conn, sql, 0, &fault);
  if (!context->columns) {
    tarn_error_set_detail(error, TARN_ERROR_USAGE, tarn_error_detail(fault),
                          "a silver model reads bronze or another model", "there is no table \"%s\"", table);
    return FALSE;
  }
  context->functions = rowwise_functions_load(context->conn, error);
  return context->functions != NULL;
}

static void take_source(TarnRowwise *rowwise, const json_t *select) {
  const json_t *from = json_object_get(select, "from_table");
  const char *alias = json_string_value(json_object_get(from, "alias"));
  rowwise->table = g_strdup(json_string_value(json_object_get(from, "table_name")));
  rowwise->alias = alias && *alias ? g_strdup(alias) : NULL;
}

static gboolean take_apart(RowwiseContext *context, const json_t *tree, TarnRowwise *rowwise, GError **error) {
  g_autoptr(json_t) copy = json_deep_copy(tree);
  json_t *select = tarn_ast_statement(copy);
  take_place_of(context, select); /* where nothing better is known */
  if (!check_shape(context, select, error)) return FALSE;
  take_source(rowwise, select);
  context->position = tarn_ast_position(json_object_get(select, "from_table"), context->sql);
  if (!load_catalog(context, rowwise->table, error)) return FALSE;
  context->table = rowwise->alias ? rowwise->alias : rowwise->table;
  context->items = rowwise->items;
  g_autoptr(json_t) list = expand_stars(context, select, error);
  return list && add_items(context, list, error) &&
         add_conjuncts(context, rowwise->conjuncts, json_object_get(select, "where_clause"), error) &&
         write_sql(context->conn, rowwise, error) && name_items(context, tree, rowwise, error) &&
         check_types_kept(context, rowwise, error) && check_names_unique(context, rowwise->items, error);
}

static TarnRowwise *rowwise_alloc(void) {
  TarnRowwise *rowwise = g_new0(TarnRowwise, 1);
  rowwise->items = g_ptr_array_new_with_free_func(item_free);
  rowwise->conjuncts = g_ptr_array_new_with_free_func(conjunct_free);
  return rowwise;
}

TarnRowwise *tarn_rowwise_new(TarnConn *conn, const TarnModel *model, TarnSqlPosition *position, GError **error) {
  RowwiseContext context = {.conn = conn, .sql = model->sql};
  g_autoptr(json_t) tree = tarn_ast_parse(conn, model->sql, &context.position, error);
  g_autoptr(TarnRowwise) rowwise = rowwise_alloc();
  gboolean ok = tree && take_apart(&context, tree, rowwise, error);
  if (position) *position = ok ? (TarnSqlPosition){0, 0} : context.position;
  g_clear_pointer(&context.columns, g_ptr_array_unref);
  g_clear_pointer(&context.functions, g_hash_table_unref);
  return ok ? g_steal_pointer(&rowwise) : NULL;
}

void tarn_rowwise_free(TarnRowwise *rowwise) {
  if (!rowwise) return;
  g_free(rowwise->table);
  g_free(rowwise->alias);
  g_ptr_array_unref(rowwise->items);
  g_ptr_array_unref(rowwise->conjuncts);
  g_free(rowwise);
}
