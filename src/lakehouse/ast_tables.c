#include <string.h>

#include "lakehouse/ast.h"

/* CTE names that a place of the statement sees, innermost first. Lives on the stack of the walk. */
typedef struct Scope {
  const char *name;
  const struct Scope *outer;
} Scope;

typedef struct {
  GPtrArray *tables;
  const char *sql;
} Search;

static void search(Search *s, const json_t *node, const Scope *scope);

static void table_ref_free(gpointer data) {
  TarnTableRef *ref = data;
  g_free(ref->catalog);
  g_free(ref->schema);
  g_free(ref->name);
  g_free(ref);
}

static char *copy_text(const json_t *node, const char *key) {
  const char *text = json_string_value(json_object_get(node, key));
  return g_strdup(text ? text : "");
}

static gboolean sees(const Scope *scope, const char *name) {
  for (; scope; scope = scope->outer)
    if (g_ascii_strcasecmp(scope->name, name) == 0) return TRUE;
  return FALSE;
}

static void add_table(Search *s, const json_t *node, const Scope *scope) {
  TarnTableRef ref = {copy_text(node, "catalog_name"), copy_text(node, "schema_name"), copy_text(node, "table_name"),
                      tarn_ast_position(node, s->sql)};
  gboolean qualified = *ref.catalog || *ref.schema;
  TarnTableRef *entry = g_memdup2(&ref, sizeof ref);
  if (qualified || !sees(scope, ref.name))
    g_ptr_array_add(s->tables, entry);
  else
    table_ref_free(entry);
}

static void search_members(Search *s, const json_t *node, const Scope *scope) {
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)node, key, value) {
    if (strcmp(key, "cte_map") != 0) search(s, value, scope);
  }
}

/* A CTE is seen by the CTEs after it and by the query, not by those before it nor (unless it is recursive) by itself.
 */
static void search_ctes(Search *s, const json_t *node, gsize index, const Scope *scope) {
  const json_t *cte = json_array_get(json_object_get(json_object_get(node, "cte_map"), "map"), index);
  if (!cte) {
    search_members(s, node, scope);
    return;
  }
  const char *name = json_string_value(json_object_get(cte, "key"));
  const json_t *body = json_object_get(json_object_get(cte, "value"), "query");
  Scope inner = {name ? name : "", scope};
  gboolean recursive = tarn_ast_is(json_object_get(body, "node"), "RECURSIVE_CTE_NODE");
  search(s, body, recursive ? &inner : scope);
  search_ctes(s, node, index + 1, &inner);
}

static void search(Search *s, const json_t *node, const Scope *scope) {
  gsize index;
  json_t *value;
  if (json_is_array(node)) json_array_foreach(node, index, value) search(s, value, scope);
  if (!json_is_object(node)) return;
  if (tarn_ast_is(node, "BASE_TABLE")) add_table(s, node, scope);
  search_ctes(s, node, 0, scope);
}

GPtrArray *tarn_ast_tables(const json_t *tree, const char *sql) {
  Search s = {g_ptr_array_new_with_free_func(table_ref_free), sql};
  search(&s, tree, NULL);
  return s.tables;
}
