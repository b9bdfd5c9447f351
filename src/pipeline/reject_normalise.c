#include <string.h>

#include "pipeline/reject_private.h"

/* A AND B: CASE WHEN A THEN (WHEN B THEN true ELSE false) ELSE false; A OR B: CASE WHEN A THEN true WHEN B THEN true
 * ELSE false. */
static json_t *lazy_condition(const json_t *condition) {
  gboolean is_and = tarn_ast_is(condition, "CONJUNCTION_AND");
  const json_t *children = json_object_get(condition, "children");
  if (!is_and && !tarn_ast_is(condition, "CONJUNCTION_OR")) return json_incref((json_t *)condition);
  if (reject_may_fold(condition)) return json_incref((json_t *)condition);
  json_t *tree = tarn_ast_boolean(is_and);
  for (gsize i = json_array_size(children); i-- > 0;) {
    json_t *choice = tarn_ast_case(is_and ? tarn_ast_boolean(FALSE) : tree);
    tarn_ast_case_add(choice, lazy_condition(json_array_get(children, i)), is_and ? tree : tarn_ast_boolean(TRUE));
    tree = choice;
  }
  return tree;
}

/* How a type is serialised depends on the storage version of the database. */
static gboolean casts_to_boolean(const json_t *node) {
  const json_t *type = json_object_get(node, "cast_type");
  const json_t *written = json_object_get(json_object_get(json_object_get(type, "type_info"), "expr"), "type_name");
  const char *name = json_string_value(written ? written : json_object_get(type, "id"));
  return tarn_ast_is(node, "OPERATOR_CAST") && name && g_ascii_strcasecmp(name, "BOOLEAN") == 0;
}

/* true and false are parsed as CAST('t' AS BOOLEAN). NULL: another node. */
static json_t *boolean_literal(const json_t *node) {
  const json_t *child = json_object_get(node, "child");
  const char *text = json_string_value(json_object_get(json_object_get(child, "value"), "value"));
  if (!casts_to_boolean(node) || !text) return NULL;
  if (strcmp(text, "t") != 0 && strcmp(text, "f") != 0) return NULL;
  return tarn_ast_boolean(*text == 't');
}

/* Makes *node another one; its alias stays. Takes the other. */
static void become(json_t *node, json_t *other) {
  g_autoptr(json_t) owned = json_copy(other);
  json_object_set(owned, "alias", json_object_get(node, "alias"));
  json_object_clear(node);
  json_object_update(node, owned);
  json_decref(other);
}

static gboolean make_boolean(json_t *node, gpointer user) {
  (void)user;
  json_t *literal = boolean_literal(node);
  if (literal) become(node, literal);
  return !literal;
}

/* -1: no constant. */
static gint constant_truth(const json_t *node) {
  const json_t *value = json_object_get(json_object_get(node, "value"), "value");
  return json_is_boolean(value) ? json_is_true(value) : -1;
}

/* x AND true is x, x OR true is true: what DuckDB does too, and then does not evaluate x. */
static gboolean fold_conjunction(json_t *node, gpointer user) {
  (void)user;
  gboolean is_and = tarn_ast_is(node, "CONJUNCTION_AND");
  json_t *children = json_object_get(node, "children");
  if (!is_and && !tarn_ast_is(node, "CONJUNCTION_OR")) return TRUE;
  tarn_ast_walk(children, fold_conjunction, NULL);
  for (gsize i = json_array_size(children); i-- > 0 && json_array_size(children) > 1;) {
    gint truth = constant_truth(json_array_get(children, i));
    if (truth == is_and)
      json_array_remove(children, i);
    else if (truth >= 0)
      json_object_set_new(node, "children", children = json_pack("[O]", json_array_get(children, i)));
  }
  if (json_array_size(children) > 1) return FALSE;
  become(node, json_incref(json_array_get(children, 0)));
  return FALSE;
}

static gboolean normalise_case(json_t *node, gpointer user) {
  (void)user;
  gsize index;
  json_t *check;
  json_array_foreach(json_object_get(node, "case_checks"), index, check)
      json_object_set_new(check, "when_expr", lazy_condition(json_object_get(check, "when_expr")));
  return TRUE;
}

/* col.field.field, in any of its spellings. */
static gboolean is_field_of_column(const json_t *node) {
  const char *function = json_string_value(json_object_get(node, "function_name"));
  gboolean access = g_strcmp0(function, "struct_extract") == 0 || tarn_ast_is(node, "STRUCT_EXTRACT") ||
                    tarn_ast_is(node, "ARRAY_EXTRACT");
  const json_t *child = json_array_get(json_object_get(node, "children"), 0);
  return access && (tarn_ast_is(child, "COLUMN_REF") || is_field_of_column(child));
}

static gboolean protect_field(json_t *node, gpointer user) {
  (void)user;
  if (tarn_ast_is(node, "LAMBDA")) return FALSE;
  if (!is_field_of_column(node)) return TRUE;
  become(node, tarn_ast_operator("OPERATOR_TRY", json_copy(node)));
  return FALSE;
}

json_t *reject_protect_fields(const json_t *expression) {
  json_t *copy = json_deep_copy(expression);
  tarn_ast_walk(copy, protect_field, NULL);
  return copy;
}

void reject_normalise(json_t *expression) {
  tarn_ast_walk(expression, make_boolean, NULL);
  tarn_ast_walk(expression, fold_conjunction, NULL);
  tarn_ast_walk(expression, normalise_case, NULL);
}
