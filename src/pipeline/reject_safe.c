#include <stdlib.h>
#include <string.h>

#include "pipeline/reject_private.h"

/* Which arguments make a function one that cannot raise. */
typedef enum {
  NEVER,      /* may raise whatever the arguments */
  TEXT,       /* VARCHAR */
  TEXT_CONST, /* the first VARCHAR, the others VARCHAR or INTEGER constants: wrong ones are found when the statement is
                 bound */
  WRITABLE,   /* types whose cast to VARCHAR is sure */
  AGREEING,   /* types that agree without raising */
  ANY,        /* takes them as they are */
  DOUBLES,    /* DOUBLE first, then DOUBLE or constant numbers */
  JSON_PATH,  /* a JSON value that is valid because it is stored as JSON, and a constant */
  FIELD,      /* a structure and a constant */
  MEMBER,     /* a list and a value of its element type */
} Arguments;

typedef struct {
  const char *name;
  Arguments arguments;
  gboolean strict; /* NULL in, NULL out */
} Function;

static const Function functions[] = {
    {"upper", TEXT, TRUE},
    {"ucase", TEXT, TRUE},
    {"lower", TEXT, TRUE},
    {"lcase", TEXT, TRUE},
    {"trim", TEXT, TRUE},
    {"ltrim", TEXT, TRUE},
    {"rtrim", TEXT, TRUE},
    {"length", TEXT, TRUE},
    {"len", TEXT, TRUE},
    {"strlen", TEXT, TRUE},
    {"reverse", TEXT, TRUE},
    {"replace", TEXT, TRUE},
    {"strip_accents", TEXT, TRUE},
    {"md5", TEXT, TRUE},
    {"sha256", TEXT, TRUE},
    {"starts_with", TEXT, TRUE},
    {"prefix", TEXT, TRUE},
    {"suffix", TEXT, TRUE},
    {"contains", TEXT, TRUE},
    {"~~", TEXT_CONST, TRUE},
    {"!~~", TEXT_CONST, TRUE},
    {"~~*", TEXT_CONST, TRUE},
    {"!~~*", TEXT_CONST, TRUE},
    {"~~~", TEXT_CONST, TRUE},
    {"regexp_matches", TEXT_CONST, TRUE},
    {"regexp_full_match", TEXT_CONST, TRUE},
    {"regexp_extract", TEXT_CONST, TRUE},
    {"substring", TEXT_CONST, TRUE},
    {"substr", TEXT_CONST, TRUE},
    {"left", TEXT_CONST, TRUE},
    {"right", TEXT_CONST, TRUE},
    {"||", WRITABLE, TRUE},
    {"concat", WRITABLE, FALSE},
    {"concat_ws", WRITABLE, FALSE},
    {"list_value", AGREEING, FALSE},
    {"struct_pack", ANY, FALSE},
    {"row", ANY, FALSE},
    {"hash", ANY, FALSE},
    {"list_contains", MEMBER, FALSE},
    {"array_contains", MEMBER, FALSE},
    {"struct_extract", FIELD, TRUE},
    {"->", JSON_PATH, TRUE},
    {"->>", JSON_PATH, TRUE},
    {"json_extract", JSON_PATH, TRUE},
    {"json_extract_string", JSON_PATH, TRUE},
    {"json_transform", JSON_PATH, TRUE},
    {"round", DOUBLES, TRUE},
    {"floor", DOUBLES, TRUE},
    {"ceil", DOUBLES, TRUE},
    {"abs", DOUBLES, TRUE},
    {"+", DOUBLES, TRUE},
    {"-", DOUBLES, TRUE},
    {"*", DOUBLES, TRUE},
    {"/", DOUBLES, TRUE},
    {"make_timestamp", NEVER, TRUE},
    {"epoch_us", NEVER, TRUE},
    {"epoch_ms", NEVER, TRUE},
    {"epoch", NEVER, TRUE},
    {"strptime", NEVER, TRUE},
    {"date_trunc", NEVER, TRUE},
    {"date_part", NEVER, TRUE},
    {"timezone", NEVER, TRUE},
    {"%", NEVER, TRUE},
    {"//", NEVER, TRUE},
};

/* Comparisons and operators by "type". */
static const Function operators[] = {
    {"COMPARE_EQUAL", AGREEING, TRUE},
    {"COMPARE_NOTEQUAL", AGREEING, TRUE},
    {"COMPARE_LESSTHAN", AGREEING, TRUE},
    {"COMPARE_GREATERTHAN", AGREEING, TRUE},
    {"COMPARE_LESSTHANOREQUALTO", AGREEING, TRUE},
    {"COMPARE_GREATERTHANOREQUALTO", AGREEING, TRUE},
    {"COMPARE_DISTINCT_FROM", AGREEING, FALSE},
    {"COMPARE_NOT_DISTINCT_FROM", AGREEING, FALSE},
    {"COMPARE_BETWEEN", AGREEING, FALSE},
    {"COMPARE_IN", AGREEING, FALSE},
    {"COMPARE_NOT_IN", AGREEING, FALSE},
    {"OPERATOR_IS_NULL", ANY, FALSE},
    {"OPERATOR_IS_NOT_NULL", ANY, FALSE},
    {"OPERATOR_NOT", ANY, TRUE},
    {"ARRAY_EXTRACT", TEXT_CONST, TRUE},
    {"ARRAY_SLICE", TEXT_CONST, TRUE},
    {"STRUCT_EXTRACT", FIELD, TRUE},
};

/* Scalar types whose casts among each other are known (the test /reject/casts holds them to it). rank:
 * among integers. */
typedef struct {
  const char *name;
  guint rank, digits; /* digits before the point that a DECIMAL needs to hold it; 0: no such integer */
} Scalar;

static const Scalar scalars[] = {
    {"VARCHAR"},       {"BOOLEAN"},    {"TINYINT", 1, 3}, {"SMALLINT", 2, 5}, {"INTEGER", 3, 10},
    {"BIGINT", 4, 19}, {"HUGEINT", 5}, {"UTINYINT"},      {"USMALLINT"},      {"UINTEGER"},
    {"UBIGINT"},       {"FLOAT"},      {"DOUBLE"},        {"DECIMAL("},       {"DATE"},
    {"TIME"},          {"TIMESTAMP"},  {"INTERVAL"},      {"UUID"},
};

static const char zoned[] = "TIMESTAMP WITH TIME ZONE";

static const Scalar *find_scalar(const char *type) {
  for (gsize i = 0; i < G_N_ELEMENTS(scalars); i++) {
    gsize length = strlen(scalars[i].name);
    gboolean open = scalars[i].name[length - 1] == '('; /* a type with parameters */
    if (open ? g_str_has_prefix(type, scalars[i].name) && !g_str_has_suffix(type, "]")
             : strcmp(type, scalars[i].name) == 0)
      return &scalars[i];
  }
  return NULL;
}

static gboolean is_decimal(const char *type) {
  return g_str_has_prefix(type, "DECIMAL(") && !g_str_has_suffix(type, "]");
}
static gboolean is_binary_float(const char *type) { return strcmp(type, "DOUBLE") == 0 || strcmp(type, "FLOAT") == 0; }

static gboolean is_number(const char *type) {
  const Scalar *scalar = find_scalar(type);
  return is_decimal(type) || is_binary_float(type) || (scalar && scalar->rank > 0);
}

static gboolean cast_widens(const char *from, const char *to) {
  const Scalar *source = find_scalar(from), *target = find_scalar(to);
  if (strcmp(to, "DOUBLE") == 0) return is_number(from);
  return source && target && source->rank > 0 && source->rank < target->rank;
}

RejectCast reject_cast_kind(const char *from, const char *to) {
  if (strcmp(from, to) == 0 || cast_widens(from, to)) return REJECT_CAST_SURE;
  gboolean known_from = find_scalar(from) != NULL, known_to = find_scalar(to) != NULL;
  if (strcmp(to, "VARCHAR") == 0 && (known_from || strcmp(from, "JSON") == 0)) return REJECT_CAST_SURE;
  if (strcmp(from, "TIMESTAMP") == 0 && strcmp(to, "TIME") == 0) return REJECT_CAST_TRY_TRY;
  if (known_from && known_to) return REJECT_CAST_TRY;
  if ((known_from && strcmp(to, zoned) == 0) || (strcmp(from, zoned) == 0 && known_to)) return REJECT_CAST_TRY_TRY;
  return REJECT_CAST_UNKNOWN;
}

static gboolean is_null_constant(const json_t *node) {
  return tarn_ast_is(node, "VALUE_CONSTANT") &&
         json_is_true(json_object_get(json_object_get(node, "value"), "is_null"));
}

/* All numbers, and where they meet as DECIMAL, 38 digits are enough. */
static gboolean numbers_agree(const RejectContext *context, const json_t *nodes) {
  guint whole = 0, fraction = 0;
  gboolean floats = FALSE;
  gsize index;
  json_t *node;
  json_array_foreach((json_t *)nodes, index, node) {
    const char *type = reject_type(context, node);
    if (is_null_constant(node)) continue;
    if (!is_number(type)) return FALSE;
    guint digits = is_decimal(type) ? 0 : find_scalar(type)->digits, width = 0, scale = 0;
    if (is_decimal(type) && sscanf(type, "DECIMAL(%u,%u)", &width, &scale) != 2) return FALSE;
    floats |= is_binary_float(type);
    whole = MAX(whole, is_decimal(type) ? width - scale : digits);
    fraction = MAX(fraction, scale);
  }
  return floats || whole + fraction <= 38;
}

gboolean reject_types_agree(const RejectContext *context, const json_t *nodes) {
  const char *first = NULL;
  gboolean same = TRUE;
  gsize index;
  json_t *node;
  json_array_foreach((json_t *)nodes, index, node) {
    const char *type = reject_type(context, node);
    if (is_null_constant(node)) continue;
    if (!first) first = type;
    same &= *type && strcmp(first, type) == 0;
  }
  return same || numbers_agree(context, nodes);
}

static gboolean find_column_ref(json_t *node, gpointer found) {
  if (tarn_ast_is(node, "COLUMN_REF")) *(gboolean *)found = TRUE;
  return TRUE;
}

gboolean reject_is_column_free(const json_t *node) {
  gboolean found = FALSE;
  tarn_ast_walk((json_t *)node, find_column_ref, &found);
  return !found;
}

/* A constant that is not NULL, cast or not: NULL and computed ones are what the optimizer folds calls by. */
static gboolean is_plain_constant(const json_t *node) {
  if (tarn_ast_is(node, "OPERATOR_CAST")) return is_plain_constant(json_object_get(node, "child"));
  return tarn_ast_is(node, "VALUE_CONSTANT") && !is_null_constant(node);
}

static gboolean is_evaluated_whole(const json_t *node) {
  static const char *const classes[] = {"FUNCTION", "COMPARISON", "BETWEEN", "CAST", "CONJUNCTION", "OPERATOR"};
  const char *class = json_string_value(json_object_get(node, "class"));
  for (gsize i = 0; class && i < G_N_ELEMENTS(classes); i++)
    if (strcmp(classes[i], class) == 0) return !tarn_ast_is(node, "OPERATOR_COALESCE");
  return FALSE;
}

/* x / 0 is NULL. */
static gboolean divides_by_zero(const json_t *node) {
  static const char *const divisions[] = {"/", "//", "%", "divide", "mod"};
  const char *name = json_string_value(json_object_get(node, "function_name"));
  const json_t *divisor = json_array_get(json_object_get(node, "children"), 1);
  const json_t *value = json_object_get(json_object_get(divisor, "value"), "value");
  for (gsize i = 0; name && i < G_N_ELEMENTS(divisions); i++)
    if (strcmp(name, divisions[i]) == 0) return json_is_number(value) && json_number_value(value) == 0;
  return FALSE;
}

static gboolean has_constant_condition(const json_t *node) {
  const json_t *checks = json_object_get(node, "case_checks");
  for (gsize i = 0; i < json_array_size(checks); i++)
    if (reject_is_column_free(json_object_get(json_array_get(checks, i), "when_expr"))) return TRUE;
  return FALSE;
}

gboolean reject_may_fold(const json_t *node) {
  if (reject_is_column_free(node)) return !is_plain_constant(node);
  if (has_constant_condition(node) || divides_by_zero(node)) return TRUE;
  if (!is_evaluated_whole(node)) return FALSE;
  g_autoptr(json_t) children = reject_children(node);
  gsize index, constants = 0;
  json_t *child;
  json_array_foreach(children, index, child) {
    if (reject_may_fold(child)) return TRUE;
    constants += reject_is_column_free(child);
  }
  return tarn_ast_is(node, "COMPARE_BETWEEN") && constants == 2; /* 0 BETWEEN x AND -5 is false */
}

static const Function *find_function(const json_t *node) {
  gboolean call = tarn_ast_is(node, "FUNCTION");
  const char *name = json_string_value(json_object_get(node, call ? "function_name" : "type"));
  const Function *table = call ? functions : operators;
  gsize count = call ? G_N_ELEMENTS(functions) : G_N_ELEMENTS(operators);
  for (gsize i = 0; name && i < count; i++)
    if (g_ascii_strcasecmp(table[i].name, name) == 0) return &table[i];
  return NULL;
}

/* Does the value come from a column of type JSON, whose texts are valid? */
static gboolean is_stored_json(const RejectContext *context, const json_t *node) {
  const char *name = json_string_value(json_object_get(node, "function_name"));
  if (name && (strcmp(name, "->") == 0 || strcmp(name, "json_extract") == 0))
    return is_stored_json(context, json_array_get(json_object_get(node, "children"), 0));
  return tarn_ast_is(node, "COLUMN_REF") && strcmp(reject_type(context, node), "JSON") == 0;
}

static gboolean is_list_of(const char *list, const char *element) {
  gsize length = strlen(element);
  return length && strncmp(list, element, length) == 0 && strcmp(list + length, "[]") == 0;
}

static gboolean one_argument_fits(const RejectContext *context, Arguments kind, const json_t *node, gsize index) {
  const char *type = reject_type(context, node);
  gboolean constant = is_plain_constant(node);
  gboolean text = strcmp(type, "VARCHAR") == 0;
  switch (kind) {
    case TEXT:
      return text;
    case TEXT_CONST:
      return index == 0 ? text : constant;
    case WRITABLE:
      return find_scalar(type) != NULL;
    case DOUBLES:
      return strcmp(type, "DOUBLE") == 0 || (constant && index > 0 && is_number(type));
    case JSON_PATH:
      return index == 0 ? is_stored_json(context, node) : constant;
    case FIELD:
      return index == 0 ? g_str_has_prefix(type, "STRUCT(") : constant;
    case ANY:
      return TRUE;
    default:
      return FALSE;
  }
}

static gboolean arguments_fit(const RejectContext *context, Arguments kind, const json_t *nodes) {
  gsize index;
  json_t *node;
  if (kind == AGREEING) return reject_types_agree(context, nodes);
  if (kind == MEMBER)
    return json_array_size(nodes) == 2 &&
           is_list_of(reject_type(context, json_array_get(nodes, 0)), reject_type(context, json_array_get(nodes, 1)));
  json_array_foreach((json_t *)nodes, index, node) if (!one_argument_fits(context, kind, node, index)) return FALSE;
  return TRUE;
}

/* NOT of a number is a cast to BOOLEAN first, and so on. */
static gboolean is_boolean_where_needed(const RejectContext *context, const json_t *node, const json_t *children) {
  if (!tarn_ast_is(node, "OPERATOR_NOT")) return TRUE;
  return strcmp(reject_type(context, json_array_get(children, 0)), "BOOLEAN") == 0;
}

gboolean reject_is_safe(const RejectContext *context, const json_t *node) {
  const Function *function = find_function(node);
  g_autoptr(json_t) children = reject_children(node);
  return function && is_boolean_where_needed(context, node, children) &&
         arguments_fit(context, function->arguments, children);
}

/* Lists have operators of the same names that are not strict: [1] || NULL is [1]. */
gboolean reject_is_strict(const RejectContext *context, const json_t *node) {
  const Function *function = find_function(node);
  g_autoptr(json_t) children = reject_children(node);
  gsize index;
  json_t *child;
  json_array_foreach(children, index, child) if (g_str_has_suffix(reject_type(context, child), "]")) return FALSE;
  return function && function->strict;
}
