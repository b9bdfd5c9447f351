#include "lakehouse/ast.h"

#include <string.h>

#include "base/error.h"

/* What every test needs: one connection to an empty database. */
typedef struct {
  TarnDb *db;
  TarnConn *conn;
} Fixture;

static void set_up(Fixture *f, gconstpointer data) {
  (void)data;
  g_autoptr(GError) error = NULL;
  f->db = tarn_db_open(NULL, NULL, &error);
  g_assert_no_error(error);
  f->conn = tarn_db_connect(f->db, &error);
  g_assert_no_error(error);
}

static void tear_down(Fixture *f, gconstpointer data) {
  (void)data;
  tarn_conn_close(f->conn);
  tarn_db_close(f->db);
}

static char *round_trip(Fixture *f, const char *sql) {
  g_autoptr(GError) error = NULL;
  g_autoptr(json_t) tree = tarn_ast_parse(f->conn, sql, NULL, &error);
  g_assert_no_error(error);
  char *back = tarn_ast_to_sql(f->conn, tree, &error);
  g_assert_no_error(error);
  return back;
}

static void test_round_trip(Fixture *f, gconstpointer data) {
  (void)data;
  static const char *const texts[][2] = {
      {"SELECT a + 1 AS x, (p->>'k')::INTEGER FROM t WHERE a AND NOT b -- c",
       "SELECT (a + 1) AS x, CAST((p ->> 'k') AS INTEGER) FROM t WHERE (a AND (NOT b))"},
      {"SELECT 170141183460469231731687303715884105727, 18446744073709551615, -9223372036854775808, "
       "99999999999999999999999.5",
       "SELECT 170141183460469231731687303715884105727, 18446744073709551615, -9223372036854775808, "
       "99999999999999999999999.5"},
      {"SELECT '{\"#\":\"1\"}', '18446744073709551615', 'é\"\\''', \"q\"\"\"",
       "SELECT '{\"#\":\"1\"}', '18446744073709551615', 'é\"\\''', \"q\"\"\""},
      {"SELECT 0.1", "SELECT 0.1"},
      {"FROM t SELECT a;", "SELECT a FROM t"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autofree char *back = round_trip(f, texts[i][0]);
    g_assert_cmpstr(back, ==, texts[i][1]);
    g_autofree char *again = round_trip(f, back);
    g_assert_cmpstr(again, ==, back);
  }
}

/* DuckDB's own text of a DOUBLE reads as a DECIMAL. */
static void test_doubles_stay_doubles(Fixture *f, gconstpointer data) {
  (void)data;
  g_autofree char *back = round_trip(f, "SELECT 1.5 * 1e10, -1.25e-1, 1e300, 5e-324, 123456789.123456789e0");
  g_assert_cmpstr(back, ==,
                  "SELECT (1.5 * CAST('10000000000' AS DOUBLE)), CAST('-0.125' AS DOUBLE), "
                  "CAST('1.0000000000000001e+300' AS DOUBLE), "
                  "CAST('4.9406564584124654e-324' AS DOUBLE), CAST('123456789.12345679' AS DOUBLE)");
}

typedef struct {
  const char *sql, *message;
  TarnSqlPosition position;
} Refusal;

static void test_errors(Fixture *f, gconstpointer data) {
  (void)data;
  static const Refusal refusals[] = {
      {"SELECT a FROM", "SQL does not parse: syntax error at end of input", {1, 14}},
      {"SELECT 'é',\n  abc + )", "SQL does not parse: syntax error at or near \")\"", {2, 9}},
      {"SELECT 1; SELECT 2", "there are several statements", {0, 0}},
      {"-- nothing", "there is no statement", {0, 0}},
      {"DELETE FROM t", "this is not a SELECT", {0, 0}},
      {"CREATE TABLE t AS SELECT 1", "this is not a SELECT", {0, 0}},
      {"SELECT 1e400", "the SQL cannot be represented", {0, 0}},
      {"SELECT '\xff'", "the SQL is not valid UTF-8", {0, 0}},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++) {
    g_autoptr(GError) error = NULL;
    TarnSqlPosition position = {9, 9};
    g_assert_null(tarn_ast_parse(f->conn, refusals[i].sql, &position, &error));
    g_assert_error(error, TARN_ERROR, TARN_ERROR_USAGE);
    g_assert_cmpstr(error->message, ==, refusals[i].message);
    g_assert_cmpuint(position.line, ==, refusals[i].position.line);
    g_assert_cmpuint(position.column, ==, refusals[i].position.column);
  }
}

static void test_expression(Fixture *f, gconstpointer data) {
  (void)data;
  static const char *const others[] = {"1, 2",        "1 AS a", "a FROM t", "", "1 UNION SELECT 2",
                                       "1; SELECT 2", "1) + (", "1 LIMIT 1"};
  g_autoptr(GError) error = NULL;
  g_autoptr(json_t) tree = tarn_ast_parse_expression(f->conn, "a > 1 OR\n b IS NULL -- why", NULL, &error);
  g_assert_no_error(error);
  g_autofree char *sql = tarn_ast_expression_to_sql(f->conn, tree, &error);
  g_assert_cmpstr(sql, ==, "((a > 1) OR (b IS NULL))");
  TarnSqlPosition position =
      tarn_ast_position(json_array_get(json_object_get(tree, "children"), 1), "a > 1 OR\n b IS NULL -- why");
  g_assert_cmpuint(position.line, ==, 2);
  for (gsize i = 0; i < G_N_ELEMENTS(others); i++) {
    g_autoptr(GError) fault = NULL;
    g_assert_null(tarn_ast_parse_expression(f->conn, others[i], &position, &fault));
    g_assert_error(fault, TARN_ERROR, TARN_ERROR_USAGE);
  }
  g_autoptr(GError) fault = NULL;
  g_assert_null(tarn_ast_parse_expression(f->conn, "a +* ) b", &position, &fault));
  g_assert_cmpuint(position.column, ==, 6);
}

static void test_tables(Fixture *f, gconstpointer data) {
  (void)data;
  static const char *const texts[][2] = {
      {"SELECT * FROM a JOIN s.b USING (x), c.s.d", "a 1:15,s.b 1:22,c.s.d 1:37"},
      {"SELECT (SELECT max(x) FROM b) FROM a\nWHERE x IN (SELECT x FROM c)", "b 1:28,a 1:36,c 2:27"},
      {"WITH w AS (SELECT * FROM a) SELECT * FROM W, main.w", "a 1:26,main.w 1:46"},
      {"WITH a AS (SELECT * FROM a) SELECT * FROM a", "a 1:26"},
      {"WITH w AS (SELECT * FROM v), v AS (SELECT 1) SELECT * FROM w, v", "v 1:26"},
      {"WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r, a) SELECT * FROM r", "a 1:67"},
      {"SELECT * FROM (WITH w AS (SELECT 1) SELECT * FROM w), w", "w 1:55"},
      {"SELECT * FROM a UNION SELECT * FROM range(3), (VALUES (1)) v(x)", "a 1:15"},
      {"WITH w AS MATERIALIZED (SELECT 1) SELECT * FROM w WHERE EXISTS (FROM w) ORDER BY (SELECT 1 FROM z)", "z 1:97"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(json_t) tree = tarn_ast_parse(f->conn, texts[i][0], NULL, &error);
    g_assert_no_error(error);
    g_autoptr(GPtrArray) tables = tarn_ast_tables(tree, texts[i][0]);
    g_autoptr(GString) seen = g_string_new(NULL);
    for (guint t = 0; t < tables->len; t++) {
      const TarnTableRef *ref = tables->pdata[t];
      g_string_append_printf(seen, "%s%s%s%s%s%s %u:%u", t ? "," : "", ref->catalog, *ref->catalog ? "." : "",
                             ref->schema, *ref->schema ? "." : "", ref->name, ref->position.line, ref->position.column);
    }
    g_assert_cmpstr(seen->str, ==, texts[i][1]);
  }
}

/* The list with its JSON fields hoisted: "<list> FROM (SELECT *<structures>". */
static char *hoist(Fixture *f, const char *list) {
  g_autoptr(GError) error = NULL;
  g_autofree char *sql = g_strconcat("SELECT ", list, NULL);
  g_autoptr(json_t) tree = tarn_ast_parse(f->conn, sql, NULL, &error);
  g_assert_no_error(error);
  g_autofree char *below =
      tarn_ast_hoist_json_fields(f->conn, json_object_get(tarn_ast_statement(tree), "select_list"), &error);
  g_assert_no_error(error);
  g_autofree char *back = tarn_ast_to_sql(f->conn, tree, &error);
  g_assert_no_error(error);
  return g_strdup_printf("%s FROM (SELECT *%s", back + strlen("SELECT "), below);
}

#define A_AND_B ", json_transform(p, '{\"a\":\"VARCHAR\",\"b\":\"VARCHAR\"}') AS tarn_fields_0"

static void test_hoist_rewrites(Fixture *f, gconstpointer data) {
  (void)data;
  static const char *const texts[][3] = {
      {"(p->>'a')::INT, (p->>'$.b') IS NULL AS y",
       "CAST(struct_extract(tarn_fields_0, 'a') AS INTEGER), (struct_extract(tarn_fields_0, 'b') IS NULL) AS y",
       A_AND_B},
      {"p->>'a' AS x, (p->>'b')::DOUBLE", /* as text, a double with an exponent is read by ->> itself */
       "CASE  WHEN (((struct_extract(tarn_fields_0, 'a') < ':') AND contains(struct_extract(tarn_fields_0, 'a'), "
       "'e'))) "
       "THEN ((p ->> 'a')) ELSE struct_extract(tarn_fields_0, 'a') END AS x, "
       "CAST(struct_extract(tarn_fields_0, 'b') AS \"DOUBLE\")",
       A_AND_B},
      {"p->>'a', q->>'a'", "(p ->> 'a'), (q ->> 'a')", ""},
      {"p->>'a.b', p->>'$', p->>'', p->>'a b', p->>'a\"', p->>'$.a.b', p->>'$[0]', p->>0",
       "(p ->> 'a.b'), (p ->> '$'), (p ->> ''), (p ->> 'a b'), (p ->> 'a\"'), (p ->> '$.a.b'), (p ->> '$[0]'), (p ->> "
       "0)",
       ""},
      {"p->>k, p->'a', (p->'a')->>'b'", "(p ->> k), (p -> 'a'), ((p -> 'a') ->> 'b')", ""},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autofree char *hoisted = hoist(f, texts[i][0]);
    g_autofree char *expected = g_strdup_printf("%s FROM (SELECT *%s", texts[i][1], texts[i][2]);
    g_assert_cmpstr(hoisted, ==, expected);
  }
}

/* Every payload of a small grammar, under every key: the rewritten expressions give what ->> gives. */
static void test_hoist_changes_no_result(Fixture *f, gconstpointer data) {
  (void)data;
  static const char *const keys[] = {"a", "A", "b",   "_",   "a1",    "$.a",  "$.b", "$.A", "a.b",
                                     "$", "",  "a b", "a\"", "$.a.b", "$[0]", "/a",  "#"};
  static const char *const values[] = {"1",
                                       "-0.0",
                                       "1e400",
                                       "123456789012345678901234567890",
                                       "true",
                                       "null",
                                       "\"\"",
                                       "\"x\\u00e9\\n\\\"\"",
                                       "\"\\u0000\"",
                                       "{}",
                                       "{\"b\": 1, \"a\":[ 1 ]}",
                                       "[]",
                                       "[1, \"a\", null]",
                                       " 1 ",
                                       "1.10",
                                       "1e20",
                                       "0.00001",
                                       "-6.6644E-6",
                                       "1.5e300",
                                       "10000000000000000.5",
                                       "\"1e20\"",
                                       "\"null\"",
                                       "\"{}\""};
  g_autoptr(GError) error = NULL;
  g_autoptr(GString) list = g_string_new(NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
    g_autofree char *key = tarn_sql_quote_literal(keys[i]);
    g_string_append_printf(
        list,
        "%s[p->>%s, TRY_CAST(p->>%s AS DECIMAL(18, 4))::VARCHAR, TRY_CAST(p->>%s AS DOUBLE)::VARCHAR, "
        "TRY_CAST(p->>%s AS BIGINT)::VARCHAR]",
        i ? ", " : "", key, key, key, key);
  }
  g_assert_true(tarn_conn_exec(f->conn, "CREATE TABLE t(p JSON)", &error));
  g_autoptr(GRand) rand = g_rand_new_with_seed(7);
  for (guint row = 0; row < 600; row++) {
    g_autoptr(GString) payload = g_string_new(NULL);
    const char *value = values[g_rand_int_range(rand, 0, G_N_ELEMENTS(values))];
    if (row % 10 == 0) {
      g_string_append(payload, value);
    } else {
      g_string_append_c(payload, '{');
      guint members = (guint)g_rand_int_range(rand, 0, 6);
      static const char *const names[] = {"a",   "b",     "A", "_",   "a1",      "a.b", "",
                                          "a b", "a\\\"", "$", "$.a", "\\u0061", "*"};
      for (guint m = 0; m < members; m++)
        g_string_append_printf(payload, "%s\"%s\" : %s", m ? "," : "",
                               names[g_rand_int_range(rand, 0, G_N_ELEMENTS(names))],
                               values[g_rand_int_range(rand, 0, G_N_ELEMENTS(values))]);
      g_string_append_c(payload, '}');
    }
    TarnValue bound = row % 50 == 0 ? tarn_value_null() : tarn_value_text(payload->str);
    g_assert_true(tarn_conn_run(f->conn, "INSERT INTO t VALUES ($1)", &bound, 1, NULL, &error));
  }
  g_assert_no_error(error);
  g_autofree char *hoisted = hoist(f, list->str);
  g_assert_nonnull(strstr(hoisted, "json_transform"));
  const char *from = strstr(hoisted, " FROM (SELECT *");
  g_autofree char *sql = g_strdup_printf(
      "SELECT count(*) FROM (SELECT *, [%.*s] AS hoisted%s FROM t)) WHERE hoisted IS DISTINCT FROM [%s]",
      (int)(from - hoisted), hoisted, from, list->str);
  gint64 different = -1;
  tarn_conn_query_int(f->conn, sql, NULL, 0, &different, &error);
  g_assert_no_error(error);
  g_assert_cmpint(different, ==, 0);
}

#define TEST(name, function) g_test_add("/ast/" name, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  TEST("round_trip", test_round_trip);
  TEST("doubles_stay_doubles", test_doubles_stay_doubles);
  TEST("errors_have_positions", test_errors);
  TEST("expression", test_expression);
  TEST("tables_without_ctes", test_tables);
  TEST("hoist_json_fields/rewrites", test_hoist_rewrites);
  TEST("hoist_json_fields/changes_no_result", test_hoist_changes_no_result);
  return g_test_run();
}
