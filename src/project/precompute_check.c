/* What keeps an endpoint's answers from being computed in advance: parameters without end, and SQL whose rows depend on
 * something else than the generation's tables. */
#include <string.h>

#include "base/error.h"
#include "lakehouse/ast.h"
#include "project/frontmatter.h"
#include "project/param.h"
#include "project/precompute.h"
#include "project/rowwise_private.h"

typedef struct {
  const TarnEndpoint *endpoint;
  GPtrArray *problems;
  TarnConn *conn;
  GHashTable *functions;
} Checking;

static void problem_at_key(const Checking *checking, const char *hint, const char *message) {
  const TarnEndpoint *endpoint = checking->endpoint;
  tarn_problem_add(checking->problems, endpoint->path, tarn_frontmatter_line(endpoint->sql, "precompute"), 0, hint,
                   "precompute: %s", message);
}

static void problem_at_param(const Checking *checking, const TarnParam *param, const char *hint, const char *message) {
  tarn_problem_add(checking->problems, checking->endpoint->path, param->line, 0, hint, "parameter '%s': %s",
                   param->name, message);
}

/* --- Parameters ------------------------------------------------------------------------------------------------- */

typedef struct {
  const char *name;
  guint times;
} ParameterCount;

static gboolean count_parameter(json_t *node, gpointer user) {
  ParameterCount *count = user;
  const char *name = json_string_value(json_object_get(node, "identifier"));
  if (tarn_ast_is(node, "VALUE_PARAMETER") && g_strcmp0(name, count->name) == 0) count->times++;
  return TRUE;
}

static const json_t *find_modifier(const json_t *tree, const char *type) {
  const json_t *modifiers = json_object_get(tarn_ast_statement(tree), "modifiers");
  for (gsize i = 0; i < json_array_size(modifiers); i++)
    if (tarn_ast_is(json_array_get(modifiers, i), type)) return json_array_get(modifiers, i);
  return NULL;
}

/* Is $name the LIMIT of the statement itself, and nothing else? */
static gboolean is_limit(json_t *tree, const char *name) {
  const json_t *limit = json_object_get(find_modifier(tree, "LIMIT_MODIFIER"), "limit");
  ParameterCount count = {name, 0};
  tarn_ast_walk(tree, count_parameter, &count);
  return count.times == 1 && tarn_ast_is(limit, "VALUE_PARAMETER") &&
         g_strcmp0(json_string_value(json_object_get(limit, "identifier")), name) == 0;
}

static void check_limit(const Checking *checking, json_t *tree, const TarnParam *param) {
  gboolean always = param->required || (param->defaults && *param->defaults);
  gboolean from_zero = param->minimum && g_ascii_strtoll(param->minimum, NULL, 10) >= 0;
  const struct {
    gboolean fault;
    const char *message, *hint;
  } rules[] = {
      {!is_limit(tree, param->name), "in a precomputed endpoint an integer may only be the LIMIT of the SQL",
       "end the SQL with LIMIT $name and use it nowhere else, make it an enum, or leave out precompute"},
      {!find_modifier(tree, "ORDER_MODIFIER"), "a LIMIT without ORDER BY has no certain rows",
       "add ORDER BY, up to a column that no two rows share"},
      {!param->maximum, "the LIMIT of a precomputed endpoint needs a maximum", "maximum: 1000"},
      {!from_zero, "the LIMIT of a precomputed endpoint needs a minimum that is not negative", "minimum: 1"},
      {!always, "the LIMIT of a precomputed endpoint needs a default", "default: 20"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(rules); i++) {
    if (!rules[i].fault) continue;
    problem_at_param(checking, param, rules[i].hint, rules[i].message);
    return;
  }
}

static void check_param(const Checking *checking, json_t *tree, const TarnParam *param) {
  if (param->type == TARN_PARAM_INTEGER)
    check_limit(checking, tree, param);
  else if (param->type != TARN_PARAM_ENUM && param->type != TARN_PARAM_BOOLEAN)
    problem_at_param(checking, param, "make it an enum or a boolean, or leave out precompute",
                     "a precomputed endpoint takes only parameters whose values can be counted");
}

static void check_combinations(const Checking *checking) {
  g_autoptr(TarnPrecompute) precompute = tarn_precompute_new(checking->endpoint, NULL);
  guint combinations = precompute ? tarn_precompute_combinations(precompute) : 0; /* else reported already */
  if (combinations <= TARN_PRECOMPUTE_COMBINATIONS) return;
  g_autofree char *message = g_strdup_printf("its parameters have %u combinations, and %u is the most", combinations,
                                             TARN_PRECOMPUTE_COMBINATIONS);
  problem_at_key(checking, "take a parameter or values away, or leave out precompute", message);
}

/* --- SQL -------------------------------------------------------------------------------------------------------- */

static gboolean is_name(const char *name, const char *const *names) {
  for (; *names; names++)
    if (g_ascii_strcasecmp(name, *names) == 0) return TRUE;
  return FALSE;
}

static void problem_at_node(const Checking *checking, const json_t *node, const char *hint, const char *message,
                            const char *name) {
  TarnSqlPosition place = tarn_ast_position(node, checking->endpoint->sql);
  tarn_problem_add(checking->problems, checking->endpoint->path, place.line, place.column, hint, message, name);
}

#define CHANGING "a precomputed answer is of the time of the run, but %s has another value at each request"

static gboolean check_node(json_t *node, gpointer user) {
  static const char *const clocks[] = {"current_date", "current_time",   "current_timestamp",
                                       "localtime",    "localtimestamp", NULL};
  static const char *const counters[] = {"range", "generate_series", "unnest", NULL};
  const Checking *checking = user;
  const json_t *columns = json_object_get(node, "column_names"), *call = json_object_get(node, "function");
  const char *column = json_array_size(columns) == 1 ? json_string_value(json_array_get(columns, 0)) : NULL;
  const char *name = json_string_value(json_object_get(node, "function_name"));
  gboolean age = name && g_ascii_strcasecmp(name, "age") == 0 && json_array_size(json_object_get(node, "children")) < 2;
  if (tarn_ast_is(node, "TABLE_FUNCTION")) {
    name = json_string_value(json_object_get(call, "function_name"));
    if (name && !is_name(name, counters))
      problem_at_node(checking, node, "leave out precompute", "a precomputed endpoint reads tables, not %s()", name);
  } else if (name && (age || rowwise_function_changes(checking->functions, checking->conn, name))) {
    problem_at_node(checking, node, "use a column of the table, or leave out precompute", CHANGING, name);
  } else if (column && is_name(column, clocks)) {
    problem_at_node(checking, node, "use a column of the table, or leave out precompute", CHANGING, column);
  }
  return TRUE;
}

/* Tarn's own tables get this run's rows after the answers are rendered. */
static void check_tables(const Checking *checking, const json_t *tree) {
  g_autoptr(GPtrArray) tables = tarn_ast_tables(tree, checking->endpoint->sql);
  for (guint i = 0; i < tables->len; i++) {
    const TarnTableRef *table = tables->pdata[i];
    if (g_ascii_strcasecmp(table->schema, "tarn") == 0)
      tarn_problem_add(checking->problems, checking->endpoint->path, table->position.line, table->position.column,
                       "leave out precompute", "a precomputed endpoint may not read Tarn's own tables: tarn.%s",
                       table->name);
  }
}

gboolean tarn_precompute_check(const TarnEndpoint *endpoint, TarnConn *conn, GPtrArray *problems, GError **error) {
  g_autoptr(json_t) tree = tarn_ast_parse(conn, endpoint->sql, NULL, NULL);
  if (!tree) return TRUE; /* reported */
  g_autoptr(GHashTable) functions = rowwise_functions_load(conn, error);
  if (!functions) return FALSE;
  Checking checking = {endpoint, problems, conn, functions};
  guint before = problems->len;
  for (guint i = 0; i < endpoint->params->len; i++) check_param(&checking, tree, endpoint->params->pdata[i]);
  if (problems->len == before) check_combinations(&checking);
  check_tables(&checking, tree);
  tarn_ast_walk(tree, check_node, &checking);
  return TRUE;
}
