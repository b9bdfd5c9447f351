#include <string.h>

#include "pipeline/reject_private.h"

static void raise_free(gpointer data) {
  RejectRaise *raise = data;
  json_decref(raise->condition);
  json_decref(raise->input);
  json_decref(raise->site);
  g_free(raise);
}

static GPtrArray *raises_new(void) { return g_ptr_array_new_with_free_func(raise_free); }

void reject_derived_clear(RejectDerived *derived) {
  g_clear_pointer(&derived->value, json_decref);
  g_clear_pointer(&derived->raises, g_ptr_array_unref);
}

/* Takes condition. */
static void add_raise(GPtrArray *raises, json_t *condition, json_t *input, const json_t *site) {
  RejectRaise raise = {condition, json_incref(input), json_incref((json_t *)site)};
  g_ptr_array_add(raises, g_memdup2(&raise, sizeof raise));
}

static void move_raises(GPtrArray *into, RejectDerived *from) {
  g_ptr_array_extend_and_steal(into, g_steal_pointer(&from->raises));
}

static RejectDerived leaf(const json_t *node) {
  return (RejectDerived){.value = json_incref((json_t *)node), .raises = raises_new(), .null_where_raised = TRUE};
}

/* Taken whole: whether it raises is asked of TRY around it. */
static RejectDerived opaque(const json_t *node) {
  RejectDerived derived = leaf(node);
  derived.unsettled = TRUE;
  return derived;
}

static json_t *try_tree(json_t *node) { return tarn_ast_operator("OPERATOR_TRY", node); }

/* TRY(CASE ...) and TRY(COALESCE(...)) write beyond their buffer in DuckDB 1.5 where something raises; TRY({v: CASE
 * ...}) does not. Macros hide CASE, so this is for any value. Takes value. */
static json_t *try_value_tree(json_t *value) {
  g_autoptr(json_t) field = json_copy(value);
  json_object_set_new(field, "alias", json_string("v"));
  json_decref(value);
  json_t *boxed = tarn_ast_function("struct_pack", json_pack("[O]", field));
  return tarn_ast_function("struct_extract", json_pack("[o, o]", try_tree(boxed), tarn_ast_text("v")));
}

/* hash() is never NULL and is not folded away, so TRY(hash(x)) is NULL exactly where x raises. */
static json_t *raises_tree(json_t *value) {
  json_t *hash = tarn_ast_function("hash", json_pack("[O]", value));
  return tarn_ast_operator("OPERATOR_IS_NULL", try_tree(hash));
}

static void settle(RejectContext *context, RejectDerived *derived, const json_t *site) {
  if (!derived->unsettled) return;
  context->general_used = TRUE;
  g_autoptr(json_t) value = g_steal_pointer(&derived->value);
  json_t *protected = reject_protect_fields(value);
  add_raise(derived->raises, raises_tree(protected), NULL, site);
  derived->value = try_value_tree(protected);
  derived->unsettled = FALSE;
}

static RejectDerived derive(RejectContext *context, const json_t *node);

static RejectDerived derive_settled(RejectContext *context, const json_t *node) {
  RejectDerived derived = derive(context, node);
  settle(context, &derived, node);
  return derived;
}

/* Calls, comparisons, operators: all children are evaluated, whatever their values. */
static RejectDerived derive_call(RejectContext *context, const json_t *node) {
  g_autoptr(json_t) children = reject_children(node);
  g_autoptr(json_t) values = json_array();
  RejectDerived derived = {.raises = raises_new(), .null_where_raised = TRUE};
  gsize index;
  json_t *child;
  json_array_foreach(children, index, child) {
    RejectDerived part = derive(context, child);
    derived.unsettled |= part.unsettled;
    derived.null_where_raised &= part.null_where_raised;
    json_array_append(values, part.value);
    move_raises(derived.raises, &part);
    reject_derived_clear(&part);
  }
  derived.null_where_raised &= derived.raises->len == 0 || reject_is_strict(context, node);
  derived.unsettled |= !reject_is_safe(context, node);
  derived.value = reject_with_children(node, values);
  return derived;
}

static gboolean takes_lambda(const json_t *node) {
  const json_t *children = json_object_get(node, "children");
  for (gsize i = 0; i < json_array_size(children); i++)
    if (tarn_ast_is(json_array_get(children, i), "LAMBDA")) return TRUE;
  return FALSE;
}

static RejectDerived derive_any_call(RejectContext *context, const json_t *node) {
  gboolean constant = reject_is_column_free(node);
  return takes_lambda(node) || (!constant && reject_may_fold(node)) ? opaque(node) : derive_call(context, node);
}

static json_t *try_cast_tree(const json_t *cast, json_t *input, RejectCast kind) {
  json_t *tree = json_copy((json_t *)cast);
  json_object_set(tree, "child", input);
  json_object_set_new(tree, "try_cast", json_true());
  return kind == REJECT_CAST_TRY ? tree : try_tree(tree);
}

static json_t *is_lost_tree(json_t *value, json_t *input) {
  return tarn_ast_conjunction("CONJUNCTION_AND",
                              json_pack("[o, o]", tarn_ast_operator("OPERATOR_IS_NULL", json_incref(value)),
                                        tarn_ast_operator("OPERATOR_IS_NOT_NULL", json_incref(input))));
}

/* The model's own TRY_CAST is taken at its word: it gives NULL even for the few values where DuckDB's raises. */
static RejectDerived derive_cast(RejectContext *context, const json_t *node) {
  json_t *child = json_object_get(node, "child");
  RejectCast kind = reject_cast_kind(reject_type(context, child), reject_type(context, node));
  gboolean own_try = json_is_true(json_object_get(node, "try_cast"));
  RejectDerived derived = own_try ? derive_settled(context, child) : derive(context, child);
  g_autoptr(json_t) input = g_steal_pointer(&derived.value);
  if (own_try || (!derived.unsettled && (kind == REJECT_CAST_TRY || kind == REJECT_CAST_TRY_TRY))) {
    derived.value = try_cast_tree(node, input, kind == REJECT_CAST_SURE ? REJECT_CAST_TRY : kind);
    if (!own_try) add_raise(derived.raises, is_lost_tree(derived.value, input), input, node);
  } else {
    derived.value = json_copy((json_t *)node);
    json_object_set(derived.value, "child", input);
    derived.unsettled |= kind != REJECT_CAST_SURE;
  }
  return derived;
}

/* Every operand is evaluated (DuckDB's AND and OR do not stop early but in a filter), so every one that raises counts.
 */
static RejectDerived derive_conjunction(RejectContext *context, const json_t *node) {
  const json_t *children = json_object_get(node, "children");
  g_autoptr(json_t) values = json_array();
  RejectDerived derived = {.raises = raises_new()};
  gsize index;
  json_t *child;
  json_array_foreach((json_t *)children, index, child) {
    RejectDerived part = derive_settled(context, child);
    json_array_append(values, part.value);
    move_raises(derived.raises, &part);
    reject_derived_clear(&part);
  }
  derived.null_where_raised = derived.raises->len == 0;
  derived.value = reject_with_children(node, values);
  return derived;
}

static gboolean operands_are_boolean(RejectContext *context, const json_t *node) {
  gsize index;
  json_t *child;
  json_array_foreach(json_object_get(node, "children"), index, child) {
    if (strcmp(reject_type(context, child), "BOOLEAN") != 0) return FALSE;
  }
  return TRUE;
}

static RejectDerived derive_any_conjunction(RejectContext *context, const json_t *node) {
  gboolean plain = operands_are_boolean(context, node) && !reject_may_fold(node);
  return plain ? derive_conjunction(context, node) : opaque(node);
}

/* Raises count only where none of `before` is TRUE and `only` (NULL: always) is. */
static void guard_raises(GPtrArray *raises, const json_t *before, json_t *only) {
  for (guint i = 0; i < raises->len; i++) {
    RejectRaise *raise = raises->pdata[i];
    json_t *guarded = tarn_ast_case(only ? tarn_ast_boolean(FALSE) : json_incref(raise->condition));
    gsize index;
    json_t *condition;
    json_array_foreach((json_t *)before, index, condition)
        tarn_ast_case_add(guarded, json_incref(condition), tarn_ast_boolean(FALSE));
    if (only) tarn_ast_case_add(guarded, json_incref(only), json_incref(raise->condition));
    json_decref(raise->condition);
    raise->condition = guarded;
  }
}

/* One branch of CASE or COALESCE into the whole. Returns its value, borrowed from the array of values. */
static json_t *take_branch(RejectContext *context, RejectDerived *whole, const json_t *node, const json_t *before,
                           json_t *only, gboolean null_where_raised, json_t *values) {
  RejectDerived part = derive_settled(context, node);
  if (only || json_array_size(before) > 0) guard_raises(part.raises, before, only);
  whole->null_where_raised &= part.raises->len == 0 || (null_where_raised && part.null_where_raised);
  move_raises(whole->raises, &part);
  json_array_append_new(values, g_steal_pointer(&part.value));
  reject_derived_clear(&part);
  return json_array_get(values, json_array_size(values) - 1);
}

static RejectDerived derive_case(RejectContext *context, const json_t *node) {
  g_autoptr(json_t) before = json_array(), values = json_array();
  RejectDerived derived = {.raises = raises_new(), .null_where_raised = TRUE};
  json_t *tree = tarn_ast_case(json_null());
  gsize index;
  json_t *check;
  json_array_foreach(json_object_get(node, "case_checks"), index, check) {
    json_t *when = take_branch(context, &derived, json_object_get(check, "when_expr"), before, NULL, FALSE, values);
    json_t *then = take_branch(context, &derived, json_object_get(check, "then_expr"), before, when, TRUE, values);
    json_array_append(before, when);
    tarn_ast_case_add(tree, json_incref(when), json_incref(then));
  }
  json_t *otherwise = take_branch(context, &derived, json_object_get(node, "else_expr"), before, NULL, TRUE, values);
  json_object_set(tree, "else_expr", otherwise);
  derived.value = tree;
  return derived;
}

/* Conditions that are no booleans and arms of different types are cast, which may raise. */
static RejectDerived derive_any_case(RejectContext *context, const json_t *node) {
  g_autoptr(json_t) arms = json_array();
  gboolean boolean = TRUE;
  gsize index;
  json_t *check;
  json_array_foreach(json_object_get(node, "case_checks"), index, check) {
    json_array_append(arms, json_object_get(check, "then_expr"));
    boolean &= strcmp(reject_type(context, json_object_get(check, "when_expr")), "BOOLEAN") == 0;
  }
  json_array_append(arms, json_object_get(node, "else_expr"));
  return boolean && reject_types_agree(context, arms) ? derive_case(context, node) : opaque(node);
}

static RejectDerived derive_coalesce(RejectContext *context, const json_t *node) {
  const json_t *children = json_object_get(node, "children");
  if (!reject_types_agree(context, children)) return opaque(node);
  g_autoptr(json_t) before = json_array(), values = json_array();
  RejectDerived derived = {.raises = raises_new(), .null_where_raised = TRUE};
  gsize index;
  json_t *child;
  json_array_foreach((json_t *)children, index, child) {
    gboolean last = index + 1 == json_array_size(children);
    json_t *value = take_branch(context, &derived, child, before, NULL, last, values);
    json_array_append_new(before, tarn_ast_operator("OPERATOR_IS_NOT_NULL", json_incref(value)));
  }
  derived.value = reject_with_children(node, values);
  return derived;
}

typedef struct {
  const char *type; /* a node's "type", else its "class" */
  RejectDerived (*derive)(RejectContext *context, const json_t *node);
} Rule;

static RejectDerived derive_leaf(RejectContext *context, const json_t *node) {
  (void)context;
  return leaf(node);
}

static RejectDerived derive_own_try(RejectContext *context, const json_t *node) {
  (void)context;
  g_autoptr(json_t) tried = try_value_tree(reject_protect_fields(json_array_get(json_object_get(node, "children"), 0)));
  return leaf(tried);
}

static const Rule rules[] = {
    {"COLUMN_REF", derive_leaf},
    {"VALUE_CONSTANT", derive_leaf},
    {"OPERATOR_TRY", derive_own_try},
    {"OPERATOR_CAST", derive_cast},
    {"CASE_EXPR", derive_any_case},
    {"OPERATOR_COALESCE", derive_coalesce},
    {"CONJUNCTION", derive_any_conjunction},
    {"COMPARISON", derive_any_call},
    {"BETWEEN", derive_any_call},
    {"OPERATOR", derive_any_call},
    {"FUNCTION", derive_any_call},
};

static RejectDerived derive_by_rule(RejectContext *context, const json_t *node) {
  const char *type = json_string_value(json_object_get(node, "type"));
  const char *class = json_string_value(json_object_get(node, "class"));
  for (gsize i = 0; i < G_N_ELEMENTS(rules); i++)
    if (g_strcmp0(rules[i].type, type) == 0 || g_strcmp0(rules[i].type, class) == 0)
      return rules[i].derive(context, node);
  return opaque(node);
}

/* An alias within an expression is a field's name: struct_pack(name := value). */
static RejectDerived derive(RejectContext *context, const json_t *node) {
  RejectDerived derived = derive_by_rule(context, node);
  json_t *named = json_copy(derived.value);
  json_object_set(named, "alias", json_object_get(node, "alias"));
  json_decref(derived.value);
  derived.value = named;
  return derived;
}

RejectDerived reject_derive(RejectContext *context, const json_t *expression) {
  return derive_settled(context, expression);
}

RejectDerived reject_derive_general(RejectContext *context, const json_t *expression) {
  RejectDerived derived = opaque(expression);
  settle(context, &derived, expression);
  return derived;
}
