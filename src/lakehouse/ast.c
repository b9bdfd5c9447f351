#include "lakehouse/ast.h"

#include <string.h>

#include "base/error.h"

#define EXPRESSION_PREFIX "SELECT "

static const char only_select_hint[] = "write exactly one SELECT statement";

/* {"#":"123"}: how an integer that jansson cannot hold stands in a tree. Unambiguous in JSON text too: within a JSON
 * string the quotes would be escaped. */
#define BIG_OPEN "{\"#\":\""
#define BIG_CLOSE "\"}"

static gboolean fits_int64(const char *digits, gsize size) {
  if (size < 19) return TRUE;
  g_autofree char *text = g_strndup(digits, size);
  return g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, NULL, NULL);
}

static const char *skip_string(const char *p) {
  for (p++; *p && *p != '"'; p++)
    if (*p == '\\' && p[1]) p++;
  return *p ? p + 1 : p;
}

/* DuckDB writes unsigned 64-bit numbers, which jansson refuses. */
static char *wrap_big_integers(const char *json) {
  g_autoptr(GString) out = g_string_sized_new(strlen(json));
  for (const char *p = json; *p;) {
    const char *end = p + 1;
    gboolean big = FALSE;
    if (*p == '"') {
      end = skip_string(p);
    } else if (g_ascii_isdigit(*p) || *p == '-') {
      end = p + strspn(p, "+-0123456789.eE");
      gsize size = (gsize)(end - p);
      big = strspn(p, "-0123456789") == size && !fits_int64(p, size);
    }
    if (big) g_string_append(out, BIG_OPEN);
    g_string_append_len(out, p, end - p);
    if (big) g_string_append(out, BIG_CLOSE);
    p = end;
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static char *unwrap_big_integers(const char *json) {
  g_autoptr(GString) out = g_string_sized_new(strlen(json));
  const char *p = json;
  for (const char *open; (open = strstr(p, BIG_OPEN));) {
    const char *digits = open + strlen(BIG_OPEN);
    const char *close = strstr(digits, BIG_CLOSE);
    g_assert(close);
    g_string_append_len(out, p, open - p);
    g_string_append_len(out, digits, close - digits);
    p = close + strlen(BIG_CLOSE);
  }
  g_string_append(out, p);
  return g_string_free(g_steal_pointer(&out), FALSE);
}

/* The one text that a one-row query about one text gives. */
static char *ask(TarnConn *conn, const char *query, const char *text, GError **error) {
  TarnValue value = tarn_value_text(text);
  g_autoptr(TarnResult) result = tarn_conn_query(conn, query, &value, 1, error);
  return result ? tarn_result_text(result, 0, 0) : NULL;
}

static TarnSqlPosition position_at(const char *sql, const char *place) {
  TarnSqlPosition position = {1, 1};
  const char *line = sql;
  for (const char *newline; (newline = memchr(line, '\n', (gsize)(place - line))); line = newline + 1) position.line++;
  /* A column is a character: bytes that continue one do not count. */
  for (; line < place; line++)
    if (((guchar)*line & 0xC0) != 0x80) position.column++;
  return position;
}

static TarnSqlPosition position_of_byte(const char *sql, json_int_t offset) {
  return position_at(sql, sql + CLAMP(offset, 0, (json_int_t)strlen(sql)));
}

/* Places of parse errors count characters, unlike those of nodes. */
static TarnSqlPosition position_of_character(const char *sql, gint64 offset) {
  const char *place = sql;
  for (; offset > 0 && *place; offset--) place = g_utf8_next_char(place);
  return position_at(sql, place);
}

static void set_parse_error(const json_t *answer, const char *sql, TarnSqlPosition *position, GError **error) {
  const char *type = json_string_value(json_object_get(answer, "error_type"));
  const char *message = json_string_value(json_object_get(answer, "error_message"));
  const char *place = json_string_value(json_object_get(answer, "position"));
  if (position && place) *position = position_of_character(sql, g_ascii_strtoll(place, NULL, 10));
  if (g_strcmp0(type, "not implemented") == 0)
    tarn_error_set_detail(error, TARN_ERROR_USAGE, message, only_select_hint, "this is not a SELECT");
  else
    tarn_error_set(error, TARN_ERROR_USAGE, NULL, "SQL does not parse: %s", message ? message : "unknown error");
}

static gboolean check_one_statement(const json_t *answer, GError **error) {
  gsize count = json_array_size(json_object_get(answer, "statements"));
  if (count == 1) return TRUE;
  tarn_error_set(error, TARN_ERROR_USAGE, only_select_hint,
                 count ? "there are several statements" : "there is no statement");
  return FALSE;
}

/* DuckDB writes the DOUBLE 1e10 as 10000000000.0, which it reads as a DECIMAL. CAST('1e10' AS DOUBLE) stays what it is. */
static gboolean spell_double(json_t *node, gpointer user) {
  (void)user;
  const json_t *value = json_object_get(node, "value");
  const char *type = json_string_value(json_object_get(json_object_get(value, "type"), "id"));
  if (!tarn_ast_is(node, "VALUE_CONSTANT") || g_strcmp0(type, "DOUBLE") != 0 || !json_object_get(value, "value"))
    return TRUE;
  char digits[G_ASCII_DTOSTR_BUF_SIZE];
  g_ascii_dtostr(digits, sizeof digits, json_number_value(json_object_get(value, "value")));
  json_t *cast = json_pack("{s:s, s:s, s:o, s:{s:s, s:n}, s:b}", "class", "CAST", "type", "OPERATOR_CAST", "child",
                           tarn_ast_text(digits), "cast_type", "id", "DOUBLE", "type_info", "try_cast", 0);
  json_object_del(node, "value");
  json_object_update(node, cast);
  json_decref(cast);
  return FALSE;
}

static json_t *load_tree(const char *json, GError **error) {
  g_autofree char *wrapped = wrap_big_integers(json);
  json_error_t fault;
  json_t *tree = json_loads(wrapped, 0, &fault);
  if (!tree)
    tarn_error_set_detail(error, TARN_ERROR_USAGE, fault.text,
                          "look for numbers beyond 1e308 and for very deep nesting", "the SQL cannot be represented");
  return tree;
}

json_t *tarn_ast_parse(TarnConn *conn, const char *sql, TarnSqlPosition *position, GError **error) {
  if (position) *position = (TarnSqlPosition){0, 0};
  if (!g_utf8_validate(sql, -1, NULL)) {
    tarn_error_set(error, TARN_ERROR_USAGE, "save the file as UTF-8", "the SQL is not valid UTF-8");
    return NULL;
  }
  g_autofree char *json = ask(conn, "SELECT json_serialize_sql($1::VARCHAR)", sql, error);
  if (!json) return NULL;
  g_autoptr(json_t) answer = load_tree(json, error);
  if (!answer) return NULL;
  if (json_is_true(json_object_get(answer, "error"))) {
    set_parse_error(answer, sql, position, error);
    return NULL;
  }
  tarn_ast_walk(answer, spell_double, NULL);
  return check_one_statement(answer, error) ? g_steal_pointer(&answer) : NULL;
}

static gboolean is_absent(const json_t *node, const char *key) {
  const json_t *value = json_object_get(node, key);
  return !value || json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0);
}

/* SELECT <one expression> and nothing else: `1, 2`, `1 AS a` and `a FROM t` are not. */
static json_t *only_expression(const json_t *node) {
  static const char *const others[] = {"modifiers", "where_clause", "group_expressions", "group_sets", "having",
                                       "sample",    "qualify"};
  if (!tarn_ast_is(node, "SELECT_NODE") || !tarn_ast_is(json_object_get(node, "from_table"), "EMPTY")) return NULL;
  for (gsize i = 0; i < G_N_ELEMENTS(others); i++)
    if (!is_absent(node, others[i])) return NULL;
  const json_t *list = json_object_get(node, "select_list");
  if (json_array_size(list) != 1) return NULL;
  json_t *expression = json_array_get(list, 0);
  const char *alias = json_string_value(json_object_get(expression, "alias"));
  return alias && *alias ? NULL : expression;
}

static gboolean shift_location(json_t *node, gpointer user) {
  (void)user;
  json_t *location = json_object_get(node, "query_location");
  if (json_is_integer(location))
    json_integer_set(location, json_integer_value(location) - (json_int_t)strlen(EXPRESSION_PREFIX));
  return TRUE;
}

static void shift_position(TarnSqlPosition *position) {
  guint prefix = strlen(EXPRESSION_PREFIX);
  if (position && position->line == 1) position->column = position->column > prefix ? position->column - prefix : 1;
}

json_t *tarn_ast_parse_expression(TarnConn *conn, const char *expression, TarnSqlPosition *position, GError **error) {
  g_autofree char *sql = g_strconcat(EXPRESSION_PREFIX, expression, NULL);
  g_autoptr(json_t) tree = tarn_ast_parse(conn, sql, position, error);
  if (!tree) {
    shift_position(position);
    return NULL;
  }
  json_t *only = only_expression(tarn_ast_statement(tree));
  if (!only) {
    tarn_error_set(error, TARN_ERROR_USAGE, "write one expression, as in a WHERE clause",
                   "this is not one SQL expression");
    return NULL;
  }
  tarn_ast_walk(only, shift_location, NULL);
  return json_incref(only);
}

char *tarn_ast_to_sql(TarnConn *conn, const json_t *tree, GError **error) {
  char *dump = json_dumps(tree, JSON_COMPACT);
  if (!dump) {
    tarn_error_set(error, TARN_ERROR_INTERNAL, NULL, "an SQL tree cannot be written as JSON");
    return NULL;
  }
  g_autofree char *json = unwrap_big_integers(dump);
  free(dump);
  return ask(conn, "SELECT json_deserialize_sql($1::JSON)", json, error);
}

char *tarn_ast_list_to_sql(TarnConn *conn, const json_t *expressions, GError **error) {
  g_autoptr(json_t) tree = json_pack(
      "{s:b, s:[{s:{s:s, s:[], s:{s:[]}, s:O, s:{s:s, s:s, s:n, s:i}, s:n, s:[], s:[], s:s, s:n, s:n, s:n}, s:[]}]}",
      "error", 0, "statements", "node", "type", "SELECT_NODE", "modifiers", "cte_map", "map", "select_list",
      expressions, "from_table", "type", "EMPTY", "alias", "", "sample", "query_location", 0, "where_clause",
      "group_expressions", "group_sets", "aggregate_handling", "STANDARD_HANDLING", "having", "sample", "qualify",
      "named_param_map");
  g_assert(tree);
  g_autofree char *sql = tarn_ast_to_sql(conn, tree, error);
  if (!sql) return NULL;
  g_assert(g_str_has_prefix(sql, EXPRESSION_PREFIX));
  return g_strdup(sql + strlen(EXPRESSION_PREFIX));
}

char *tarn_ast_expression_to_sql(TarnConn *conn, const json_t *expression, GError **error) {
  g_autoptr(json_t) copy = json_copy((json_t *)expression);
  json_object_set_new(copy, "alias", json_string(""));
  g_autoptr(json_t) list = json_pack("[O]", copy);
  return tarn_ast_list_to_sql(conn, list, error);
}

json_t *tarn_ast_statement(const json_t *tree) {
  return json_object_get(json_array_get(json_object_get(tree, "statements"), 0), "node");
}

gboolean tarn_ast_is(const json_t *node, const char *type) {
  const char *own = json_string_value(json_object_get(node, "type"));
  return own && strcmp(own, type) == 0;
}

void tarn_ast_walk(json_t *node, TarnAstVisit visit, gpointer user) {
  gsize index;
  const char *key;
  json_t *value;
  if (json_is_array(node)) json_array_foreach(node, index, value) tarn_ast_walk(value, visit, user);
  if (!json_is_object(node)) return;
  gboolean is_node = json_is_string(json_object_get(node, "class")) || json_is_string(json_object_get(node, "type"));
  if (is_node && !visit(node, user)) return;
  json_object_foreach(node, key, value) tarn_ast_walk(value, visit, user);
}

TarnSqlPosition tarn_ast_position(const json_t *node, const char *sql) {
  const json_t *location = json_object_get(node, "query_location");
  if (!json_is_integer(location)) return (TarnSqlPosition){0, 0};
  return position_of_byte(sql, json_integer_value(location));
}
