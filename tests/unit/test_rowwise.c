#include "project/rowwise.h"

#include <string.h>

#include "base/error.h"

typedef struct {
  TarnDb *db;
  TarnConn *conn;
} Fixture;

static const char tables[] =
    "CREATE TABLE t(a VARCHAR, b INTEGER, s STRUCT(f INTEGER, g STRUCT(h VARCHAR)), p JSON, l INTEGER[], \"odd "
    "\"\"name\" DOUBLE, ts TIMESTAMP);"
    "CREATE TABLE u(a VARCHAR); CREATE SEQUENCE q; CREATE MACRO twice(x) AS x || x; CREATE MACRO mean(x) AS avg(x)";

static void set_up(Fixture *f, gconstpointer data) {
  (void)data;
  g_autoptr(GError) error = NULL;
  f->db = tarn_db_open(NULL, NULL, &error);
  g_assert_no_error(error);
  f->conn = tarn_db_connect(f->db, &error);
  g_assert_no_error(error);
  tarn_conn_exec(f->conn, tables, &error);
  g_assert_no_error(error);
}

static void tear_down(Fixture *f, gconstpointer data) {
  (void)data;
  tarn_conn_close(f->conn);
  tarn_db_close(f->db);
}

static TarnRowwise *take_apart(Fixture *f, const char *sql, TarnSqlPosition *position, GError **error) {
  TarnModel model = {.name = "m", .sql = (char *)sql};
  return tarn_rowwise_new(f->conn, &model, position, error);
}

/* name=expression; ... | conjunct & conjunct */
static char *show(const TarnRowwise *rowwise) {
  GString *out = g_string_new(NULL);
  for (guint i = 0; i < rowwise->items->len; i++) {
    const TarnRowwiseItem *item = rowwise->items->pdata[i];
    g_string_append_printf(out, "%s%s=%s", i ? "; " : "", item->name, item->sql);
  }
  for (guint i = 0; i < rowwise->conjuncts->len; i++) {
    const TarnRowwiseConjunct *conjunct = rowwise->conjuncts->pdata[i];
    g_string_append_printf(out, "%s%s", i ? " & " : " | ", conjunct->sql);
  }
  return g_string_free(out, FALSE);
}

static void test_accepts(Fixture *f, gconstpointer data) {
  (void)data;
  static const char *const cases[][2] = {
      {"SELECT a, b + 1 AS c FROM t", "a=a; c=(b + 1)"},
      {"FROM t", "a=a; b=b; s=s; p=p; l=l; odd \"name=\"odd \"\"name\"; ts=ts"},
      {"SELECT * EXCLUDE (s, l, p, ts) REPLACE (b * 2 AS b) RENAME (a AS x) FROM t",
       "x=a; b=(b * 2); odd \"name=\"odd \"\"name\""},
      {"SELECT t.* EXCLUDE (t.s, l, p, ts, \"odd \"\"name\"), 1 AS z FROM t", "a=a; b=b; z=1"},
      {"SELECT * RENAME (a AS x), upper(x) AS y FROM u", "x=a; y=upper(a)"},
      {"SELECT x.A, x.s.f, s.g.h, main.t.a AS z FROM t AS x", NULL},
      {"SELECT x.A, x.s.f, s.g.h, (s).f AS z FROM t AS x",
       "a=a; f=struct_extract(s, 'f'); h=struct_extract(struct_extract(s, 'g'), 'h'); z=(s).f"},
      {"SELECT main.t.a, main.t.s.f FROM t", "a=a; f=struct_extract(s, 'f')"},
      {"SELECT b + 1 AS c, C * 2 AS d, d + c AS e FROM t WHERE e > 0",
       "c=(b + 1); d=((b + 1) * 2); e=(((b + 1) * 2) + (b + 1)) | ((((b + 1) * 2) + (b + 1)) > 0)"},
      {"SELECT b + 1 AS b, b AS c FROM t WHERE b = 1", "b=(b + 1); c=b | (b = 1)"},
      {"SELECT a FROM t WHERE a = 'x' AND (b > 1 AND NOT b > 2) AND (b = 1 OR b = 2)",
       "a=a | (a = 'x') & (b > 1) & (b <= 2) & ((b = 1) OR (b = 2))"},
      {"SELECT list_transform(l, lambda b: b + 1) AS x, list_filter(l, y -> y > b) AS z FROM t",
       "x=list_transform(l, (lambda b: (b + 1))); z=list_filter(l, (y -> (y > b)))"},
      {"SELECT list_reduce(l, lambda x, y: x + y) AS r, [b + x FOR x IN l] AS c FROM t", NULL},
      {"SELECT p->'k' AS j, p->>'k' AS k, (p->'k')->>'m' AS m FROM t",
       "j=(p -> 'k'); k=(p ->> 'k'); m=((p -> 'k') ->> 'm')"},
      {"SELECT twice(a) AS x, list_sum(l) AS y, generate_series(1, b) AS g, TRY(a::INT) AS w FROM t", NULL},
      {"SELECT CASE WHEN b = 1 THEN a END AS x, a COLLATE NOCASE AS y, ts AT TIME ZONE 'UTC' AS z, l[1] AS e, l[1:2] "
       "AS f FROM t",
       NULL},
      {"/* kind: silver */ SELECT a FROM t; -- end", "a=a"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    TarnSqlPosition position = {7, 7};
    g_autoptr(TarnRowwise) rowwise = take_apart(f, cases[i][0], &position, &error);
    if (i == 5) { /* an aliased table has no other name */
      g_assert_null(rowwise);
      continue;
    }
    g_assert_no_error(error);
    g_assert_cmpuint(position.line, ==, 0);
    g_autofree char *shown = show(rowwise);
    if (cases[i][1]) g_assert_cmpstr(shown, ==, cases[i][1]);
  }
}

typedef struct {
  const char *sql, *what; /* what: part of the message */
  TarnSqlPosition position;
} Refusal;

static const Refusal refusals[] = {
    {"SELECT a FROM", "syntax error", {1, 14}},
    {"DELETE FROM t", "not a SELECT", {0, 0}},
    {"SELECT 1", "a SELECT without a FROM table", {1, 8}},
    {"SELECT t.a FROM t JOIN u USING (a)", "a join", {1, 19}},
    {"SELECT t.a FROM t, u", "a join", {1, 17}},
    {"SELECT a FROM (SELECT * FROM t)", "a subquery", {1, 23}},
    {"SELECT a\nFROM t WHERE b IN (SELECT 1)", "a subquery", {2, 16}},
    {"SELECT (SELECT 1) AS x FROM t", "a subquery", {1, 8}},
    {"SELECT EXISTS (FROM u) AS x FROM t", "a subquery", {1, 8}},
    {"WITH c AS (SELECT 1) SELECT a FROM t", "a CTE", {1, 19}},
    {"SELECT a FROM t UNION SELECT a FROM u", "UNION", {1, 8}},
    {"SELECT a FROM range(3) AS t(a)", "a table function", {1, 15}},
    {"FROM (VALUES ('x')) AS t(a)", "may not contain", {1, 15}},
    {"SELECT a FROM main.t", "a table of another schema", {1, 15}},
    {"SELECT x FROM t AS y(x)", "column aliases", {1, 15}},
    {"SELECT max(b) AS m FROM t", "an aggregate function: max()", {1, 8}},
    {"SELECT count(*) AS n FROM t", "an aggregate function", {1, 8}},
    {"SELECT mean(b) AS m FROM t", "an aggregate function: mean()", {1, 8}},
    {"SELECT json_group_array(b) AS m FROM t", "an aggregate function", {1, 8}},
    {"SELECT row_number() OVER () AS n FROM t", "a window function", {1, 8}},
    {"SELECT a, sum(b) OVER (PARTITION BY a) AS n FROM t", "a window function", {1, 11}},
    {"SELECT a FROM t QUALIFY row_number() OVER () = 1", "QUALIFY", {1, 46}},
    {"SELECT a FROM t GROUP BY a", "GROUP BY", {1, 26}},
    {"SELECT a FROM t GROUP BY ALL", "GROUP BY", {1, 8}},
    {"SELECT a FROM t HAVING b > 1", "HAVING", {1, 26}},
    {"SELECT DISTINCT a FROM t", "DISTINCT", {1, 17}},
    {"SELECT a FROM t ORDER BY a", "ORDER BY", {1, 26}},
    {"SELECT a FROM t LIMIT 3", "LIMIT or OFFSET", {1, 23}},
    {"SELECT a FROM t LIMIT 30%", "LIMIT or OFFSET", {1, 23}},
    {"SELECT a FROM t OFFSET 3", "LIMIT or OFFSET", {1, 24}},
    {"SELECT a FROM t USING SAMPLE 3", "a SAMPLE", {1, 8}},
    {"SELECT a FROM t TABLESAMPLE 3%", "a SAMPLE", {1, 15}},
    {"SELECT unnest(l) AS x FROM t", "a function that gives several rows: unnest()", {1, 8}},
    {"SELECT regexp_split_to_table(a, ',') AS x FROM t", "gives several rows", {1, 8}},
    {"SELECT random() AS x FROM t", "a volatile function: random()", {1, 8}},
    {"SELECT a FROM t WHERE ts < now()", "a volatile function: now()", {1, 28}},
    {"SELECT nextval('q') AS x FROM t", "a volatile function: nextval()", {1, 8}},
    {"SELECT current_date AS x FROM t", "a volatile function: current_date", {1, 8}},
    {"SELECT uuid() AS x FROM t", "a volatile function", {1, 8}},
    {"SELECT getvariable('x') AS x FROM t", "a volatile function", {1, 8}},
    {"SELECT pg_sleep(1) AS x FROM t", "a volatile function", {1, 8}},
    {"SELECT a FROM t WHERE b = $1", "a parameter", {1, 23}},
    {"SELECT a FROM t WHERE b = ?", "a parameter", {1, 23}},
    {"SELECT COLUMNS('a') FROM t", "COLUMNS(...)", {1, 8}},
    {"SELECT upper(COLUMNS(*)) FROM u", "a star within an expression", {1, 14}},
    {"SELECT * LIKE 'a' FROM t", "a star within an expression", {1, 8}},
    {"SELECT a, #1 AS x FROM t", "a reference by position", {1, 11}},
    {"SELECT a.upper() AS x FROM t", "a function called by a dot", {1, 8}},
    {"SELECT nosuch FROM t", "there is no column \"nosuch\"", {1, 8}},
    {"SELECT a, nosuch(a) AS x FROM t", "an unknown function: nosuch()", {1, 11}},
    {"SELECT c + 1 AS d, b AS c FROM t", "there is no column \"c\"", {1, 8}},
    {"SELECT rowid FROM t", "there is no column \"rowid\"", {1, 8}},
    {"SELECT a FROM nosuch", "there is no table \"nosuch\"", {1, 15}},
    {"SELECT a, b AS A FROM t", "two columns are named", {1, 11}},
    {"SELECT a,\n  a + ts AS x FROM t", "does not bind", {2, 5}},
    {"SELECT a FROM t WHERE upper(l) = 'x'", "does not bind", {1, 32}},
    {"SELECT * EXCLUDE (nosuch) FROM t", "does not bind", {0, 0}},
};

static void test_refuses(Fixture *f, gconstpointer data) {
  (void)data;
  for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++) {
    const Refusal *refusal = &refusals[i];
    g_autoptr(GError) error = NULL;
    TarnSqlPosition position = {7, 7};
    g_autoptr(TarnRowwise) rowwise = take_apart(f, refusal->sql, &position, &error);
    g_test_message("%s: %u:%u %s", refusal->sql, position.line, position.column, error ? error->message : "accepted");
    g_assert_null(rowwise);
    g_assert_error(error, TARN_ERROR, TARN_ERROR_USAGE);
    g_assert_nonnull(strstr(error->message, refusal->what));
    g_assert_cmpuint(position.line, ==, refusal->position.line);
    g_assert_cmpuint(position.column, ==, refusal->position.column);
  }
}

/* Aliases that double an expression again and again end in an error, not in a dead machine. */
static void test_alias_bomb(Fixture *f, gconstpointer data) {
  (void)data;
  g_autoptr(GString) sql = g_string_new("SELECT a || a AS x0");
  for (guint i = 1; i < 60; i++) g_string_append_printf(sql, ", x%u || x%u AS x%u", i - 1, i - 1, i);
  g_string_append(sql, " FROM t");
  g_autoptr(GError) error = NULL;
  g_assert_null(take_apart(f, sql->str, NULL, &error));
  g_assert_error(error, TARN_ERROR, TARN_ERROR_USAGE);
}

#define TEST(name, function) g_test_add("/rowwise/" name, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  TEST("accepts", test_accepts);
  TEST("refuses", test_refuses);
  TEST("alias_bomb", test_alias_bomb);
  return g_test_run();
}
