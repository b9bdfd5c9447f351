#include <string.h>

#include "base/error.h"
#include "project/rowwise_private.h"

/* Aliases of aliases can double an expression with every item. */
#define MAX_NODES 20000

struct RowwiseScope {
  const json_t *parameters; /* of a lambda: one column reference, or row(...) of several */
  const RowwiseScope *outer;
};

typedef struct {
  const char *type, *what;
} Forbidden;

/* By "type" first, then by "class". */
static const Forbidden forbidden[] = {
    {"SUBQUERY", "a subquery"},
    {"WINDOW", "a window function"},
    {"PARAMETER", "a parameter"},
    {"STAR", "a star within an expression, COLUMNS(...) or * LIKE"},
    {"POSITIONAL_REFERENCE", "a reference by position (#1)"},
    {"DEFAULT", "DEFAULT"},
    {"OPERATOR_UNPACK", "an unpacked list of columns"},
    {"GROUPING_FUNCTION", "an aggregate function: grouping()"},
};

static const char *text_of(const json_t *node, const char *key) {
  const char *text = json_string_value(json_object_get(node, key));
  return text ? text : "";
}

static const char *forbidden_kind(const json_t *node) {
  for (gsize i = 0; i < G_N_ELEMENTS(forbidden); i++)
    if (strcmp(text_of(node, "type"), forbidden[i].type) == 0 || strcmp(text_of(node, "class"), forbidden[i].type) == 0)
      return forbidden[i].what;
  return NULL;
}

static const char *find_column(const RowwiseContext *context, const char *name) {
  for (guint i = 0; i < context->columns->len; i++)
    if (g_ascii_strcasecmp(context->columns->pdata[i], name) == 0) return context->columns->pdata[i];
  return NULL;
}

static const TarnRowwiseItem *find_alias(const RowwiseContext *context, const char *name) {
  for (guint i = 0; i < context->items->len; i++) {
    const TarnRowwiseItem *item = context->items->pdata[i];
    if (item->name && g_ascii_strcasecmp(item->name, name) == 0) return item;
  }
  return NULL;
}

static gboolean names_parameter(const json_t *parameters, const char *name) {
  const json_t *several = json_object_get(parameters, "children");
  for (gsize i = 0; i < json_array_size(several); i++)
    if (names_parameter(json_array_get(several, i), name)) return TRUE;
  const json_t *own = json_array_get(json_object_get(parameters, "column_names"), 0);
  return own && g_ascii_strcasecmp(json_string_value(own), name) == 0;
}

static gboolean is_parameter(const RowwiseContext *context, const char *name) {
  for (const RowwiseScope *scope = context->scope; scope; scope = scope->outer)
    if (names_parameter(scope->parameters, name)) return TRUE;
  return FALSE;
}

/* How many of the leading parts qualify the column: main.t.c and t.c; 0 where the first part is the column itself. */
static gsize count_qualifiers(const RowwiseContext *context, const json_t *parts) {
  gsize count = json_array_size(parts);
  for (gsize n = 2; n >= 1; n--) {
    if (n >= count) continue;
    gboolean table = g_ascii_strcasecmp(json_string_value(json_array_get(parts, n - 1)), context->table) == 0;
    gboolean schema = n == 1 || g_ascii_strcasecmp(json_string_value(json_array_get(parts, 0)), "main") == 0;
    if (table && schema && find_column(context, json_string_value(json_array_get(parts, n)))) return n;
  }
  return 0;
}

static gsize count_nodes(const json_t *node) {
  gsize count = 1, index;
  const char *key;
  json_t *value;
  if (json_is_array(node)) json_array_foreach((json_t *)node, index, value) count += count_nodes(value);
  if (json_is_object(node)) json_object_foreach((json_t *)node, key, value) count += count_nodes(value);
  return count;
}

/* Makes *node another node; its own alias stays. Takes the replacement. */
static void become(json_t *node, json_t *replacement) {
  json_t *alias = json_incref(json_object_get(node, "alias"));
  json_t *location = json_incref(json_object_get(node, "query_location"));
  json_object_clear(node);
  json_object_update(node, replacement);
  if (alias) json_object_set_new(node, "alias", alias);
  if (location) json_object_set_new(node, "query_location", location);
  json_decref(replacement);
}

static gboolean become_alias(RowwiseContext *context, json_t *node, const TarnRowwiseItem *item, GError **error) {
  context->nodes += (guint)count_nodes(item->tree) / 8; /* a node has about eight members */
  if (context->nodes > MAX_NODES) {
    tarn_error_set(error, TARN_ERROR_USAGE, "write expressions out, or split the model",
                   "the model becomes too large by aliases of aliases");
    return FALSE;
  }
  become(node, json_deep_copy(item->tree));
  return TRUE;
}

/* What looks like a column and is none may be a value function without brackets: current_date, user. */
static gboolean no_such_column(RowwiseContext *context, const char *name, GError **error) {
  g_autofree char *key = g_ascii_strdown(name, -1);
  if (g_hash_table_contains(context->functions, key)) {
    g_autofree char *what = g_strdup_printf("a volatile function: %s", name);
    return rowwise_refuse(what, error);
  }
  tarn_error_set(error, TARN_ERROR_USAGE,
                 "a column of the FROM table, or the alias of an item before it, can be named here",
                 "there is no column \"%s\"", name);
  return FALSE;
}

/* Struct fields behind the column's name become calls of struct_extract. */
static json_t *field_access(const char *column, const json_t *parts, gsize first_field) {
  json_t *tree = tarn_ast_column(column);
  for (gsize i = first_field; i < json_array_size(parts); i++) {
    const char *field = json_string_value(json_array_get(parts, i));
    tree = tarn_ast_function("struct_extract", json_pack("[o, o]", tree, tarn_ast_text(field)));
  }
  return tree;
}

static gboolean resolve_column(RowwiseContext *context, json_t *node, GError **error) {
  const json_t *parts = json_object_get(node, "column_names");
  const char *first = json_string_value(json_array_get(parts, 0));
  if (is_parameter(context, first)) return TRUE;
  gsize qualifiers = count_qualifiers(context, parts);
  const char *name = json_string_value(json_array_get(parts, qualifiers));
  const char *column = find_column(context, name);
  if (column) {
    become(node, field_access(column, parts, qualifiers + 1));
    return TRUE;
  }
  const TarnRowwiseItem *item = json_array_size(parts) == 1 ? find_alias(context, name) : NULL;
  return item ? become_alias(context, node, item, error) : no_such_column(context, name, error);
}

static gboolean resolve_members(RowwiseContext *context, json_t *node, GError **error) {
  gsize index;
  const char *key;
  json_t *value;
  if (json_is_array(node)) {
    json_array_foreach(node, index, value) if (!rowwise_expression_resolve(context, value, error)) return FALSE;
  } else if (json_is_object(node)) {
    json_object_foreach(node, key, value) if (!rowwise_expression_resolve(context, value, error)) return FALSE;
  }
  return TRUE;
}

static gboolean resolve_lambda(RowwiseContext *context, json_t *node, GError **error) {
  RowwiseScope scope = {json_object_get(node, "lhs"), context->scope};
  context->scope = &scope;
  gboolean ok = rowwise_expression_resolve(context, json_object_get(node, "expr"), error);
  context->scope = scope.outer;
  return ok;
}

/* The parser takes a -> b for a lambda wherever it stands; outside of list_transform and its like it is the JSON
 * operator. */
static gboolean resolve_arrow(RowwiseContext *context, json_t *node, GError **error) {
  become(node,
         tarn_ast_function("->", json_pack("[O, O]", json_object_get(node, "lhs"), json_object_get(node, "expr"))));
  json_object_set_new(node, "is_operator", json_true());
  return resolve_members(context, node, error);
}

static gboolean resolve_call(RowwiseContext *context, json_t *node, GError **error) {
  if (!rowwise_function_check(context, node, error)) return FALSE;
  gboolean lambdas = rowwise_function_takes_lambda(node);
  gsize index;
  json_t *child;
  json_array_foreach(json_object_get(node, "children"), index, child) {
    gboolean is_lambda = lambdas && index > 0 && tarn_ast_is(child, "LAMBDA");
    if (!(is_lambda ? resolve_lambda : rowwise_expression_resolve)(context, child, error)) return FALSE;
  }
  return TRUE;
}

static void take_position(RowwiseContext *context, const json_t *node) {
  TarnSqlPosition position = tarn_ast_position(node, context->sql);
  if (position.line) context->position = position;
}

gboolean rowwise_expression_resolve(RowwiseContext *context, json_t *node, GError **error) {
  take_position(context, node);
  const char *what = forbidden_kind(node);
  if (what) return rowwise_refuse(what, error);
  if (tarn_ast_is(node, "COLUMN_REF")) return resolve_column(context, node, error);
  if (tarn_ast_is(node, "FUNCTION")) return resolve_call(context, node, error);
  if (tarn_ast_is(node, "LAMBDA")) return resolve_arrow(context, node, error);
  return resolve_members(context, node, error);
}

static gboolean names_column(const json_t *list, const char *column) {
  gsize index;
  json_t *entry;
  json_array_foreach((json_t *)list, index, entry) {
    const char *name = json_is_object(entry) ? text_of(entry, "column") : json_string_value(entry);
    if (name && g_ascii_strcasecmp(name, column) == 0) return TRUE;
  }
  return FALSE;
}

static json_t *find_replacement(const json_t *star, const char *column) {
  gsize index;
  json_t *entry;
  json_array_foreach(json_object_get(star, "replace_list"), index, entry) {
    if (g_ascii_strcasecmp(text_of(entry, "key"), column) == 0) return json_object_get(entry, "value");
  }
  return NULL;
}

/* NULL: keeps its name. */
static const char *find_new_name(const json_t *star, const char *column) {
  gsize index;
  json_t *entry;
  json_array_foreach(json_object_get(star, "rename_list"), index, entry) {
    if (g_ascii_strcasecmp(text_of(json_object_get(entry, "key"), "column"), column) == 0)
      return text_of(entry, "value");
  }
  return NULL;
}

static json_t *star_item(const json_t *star, const char *column) {
  json_t *replacement = find_replacement(star, column);
  const char *new_name = find_new_name(star, column);
  json_t *item = replacement ? json_deep_copy(replacement) : tarn_ast_column(column);
  if (new_name) json_object_set_new(item, "alias", json_string(new_name));
  json_object_set(item, "query_location", json_object_get(star, "query_location"));
  return item;
}

gboolean rowwise_star_expand(RowwiseContext *context, const json_t *star, json_t *list, GError **error) {
  take_position(context, star);
  if (json_is_true(json_object_get(star, "columns"))) return rowwise_refuse("COLUMNS(...)", error);
  for (guint i = 0; i < context->columns->len; i++) {
    const char *column = context->columns->pdata[i];
    if (names_column(json_object_get(star, "exclude_list"), column)) continue;
    if (names_column(json_object_get(star, "qualified_exclude_list"), column)) continue;
    json_array_append_new(list, star_item(star, column));
  }
  return TRUE;
}
