#include <string.h>

#include "pipeline/reject_private.h"

static const char *const child_keys[] = {"left", "right", "input", "lower", "upper", "child"};

json_t *reject_children(const json_t *node) {
  json_t *children = json_object_get(node, "children");
  if (children) return json_copy(children);
  children = json_array();
  for (gsize i = 0; i < G_N_ELEMENTS(child_keys); i++) {
    json_t *child = json_object_get(node, child_keys[i]);
    if (child) json_array_append(children, child);
  }
  return children;
}

json_t *reject_with_children(const json_t *node, json_t *children) {
  json_t *copy = json_copy((json_t *)node);
  gsize next = 0;
  if (json_object_get(copy, "children")) {
    json_object_set(copy, "children", children);
    return copy;
  }
  for (gsize i = 0; i < G_N_ELEMENTS(child_keys); i++)
    if (json_object_get(copy, child_keys[i])) json_object_set(copy, child_keys[i], json_array_get(children, next++));
  return copy;
}

/* Parts of lambdas cannot stand alone; the type in a cast is written as an expression too. */
static gboolean collect_part(json_t *node, gpointer user) {
  const char *class = json_string_value(json_object_get(node, "class"));
  if (!class) return TRUE;
  if (strcmp(class, "LAMBDA") == 0 || strcmp(class, "TYPE") == 0) return FALSE;
  json_array_append(user, node);
  return TRUE;
}

GHashTable *reject_types_new(TarnConn *conn, const json_t *expressions, const char *source, GError **error) {
  g_autoptr(json_t) parts = json_array();
  tarn_ast_walk((json_t *)expressions, collect_part, parts);
  g_autoptr(GHashTable) types = g_hash_table_new_full(NULL, NULL, NULL, g_free);
  if (json_array_size(parts) == 0) return g_steal_pointer(&types);
  g_autofree char *list = tarn_ast_list_to_sql(conn, parts, error);
  if (!list) return NULL;
  g_autofree char *sql = g_strdup_printf("SELECT column_type FROM (DESCRIBE SELECT %s FROM %s)", list, source);
  g_autoptr(TarnResult) result = tarn_conn_query(conn, sql, NULL, 0, error);
  if (!result) return NULL;
  g_assert(tarn_result_rows(result) == json_array_size(parts));
  for (guint64 row = 0; row < tarn_result_rows(result); row++)
    g_hash_table_insert(types, json_array_get(parts, row), tarn_result_text(result, row, 0));
  return g_steal_pointer(&types);
}

const char *reject_type(const RejectContext *context, const json_t *node) {
  const char *type = g_hash_table_lookup(context->types, node);
  return type ? type : "";
}
