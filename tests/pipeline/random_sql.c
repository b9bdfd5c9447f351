#include "random_sql.h"

#include <string.h>

const char random_sql_columns[] =
    "a VARCHAR, b VARCHAR, c VARCHAR, d VARCHAR, i INTEGER, j BIGINT, x DOUBLE, p JSON, q VARCHAR, ts TIMESTAMP, l "
    "VARCHAR[], s STRUCT(u INTEGER, v VARCHAR)";

static const char *pick(GRand *rand, const char *const *texts) {
  return texts[g_rand_int_range(rand, 0, (gint)g_strv_length((char **)texts))];
}

#define PICK(rand, ...) pick(rand, (const char *const[]){__VA_ARGS__, NULL})

static const char *text_value(GRand *rand) {
  return PICK(rand, "NULL", "''", "'1'", "'2'", "'-7'", "'2147483647'", "'99999999999'", "'1.5'", "'1e3'", "'1e400'",
              "'NaN'", "'abc'", "'x'", "'true'", "' 12 '", "'é\"''\\'", "'1,2'", "'null'");
}

static const char *date_value(GRand *rand) {
  return PICK(rand, "NULL", "''", "'2024-02-29'", "'2023-02-29'", "'2024-01-01 10:00:00'", "'2024-01-01T10:00:00Z'",
              "'2024-01-01T10:00:00+02:00'", "'infinity'", "'epoch'", "'24-1-1'", "'294247-01-09 00:00:00'", "'soon'");
}

static const char *json_value(GRand *rand) {
  return PICK(rand, "NULL", "'{}'", "'null'", "'[1]'", "'\"x\"'", "'{\"n\":1,\"s\":\"t\"}'",
              "'{\"n\":\"2\",\"s\":null}'", "'{\"n\":\"lots\",\"s\":3}'", "'{\"n\":null,\"s\":\"1\"}'",
              "'{\"n\":12.7,\"s\":[1]}'", "'{\"n\":[1],\"s\":\"a\",\"s\":\"b\"}'", "'{\"n\":{\"n\":1},\"m\":true}'",
              "'{\"n\":1e400,\"m\":\"x\"}'", "'{\"N\":5,\"n\":123456789012}'");
}

char *random_sql_row(GRand *rand) {
  return g_strdup_printf(
      "(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)", text_value(rand), text_value(rand),
      PICK(rand, "'X'", "'Y'", "'Z'", "NULL"), date_value(rand),
      PICK(rand, "NULL", "0", "1", "7", "-3", "2147483647", "-2147483648"),
      PICK(rand, "NULL", "0", "5", "9223372036854775807", "-9223372036854775808"),
      PICK(rand, "NULL", "0", "1.5", "-1", "1e308", "'nan'", "'inf'"), json_value(rand),
      PICK(rand, "NULL", "'{\"n\":1}'", "'{'", "'nope'", "'{\"n\":\"z\"}'"),
      PICK(rand, "NULL", "'2024-05-06 07:08:09'", "'infinity'", "'1969-12-31 23:59:59.999'", "'290000-01-01'"),
      PICK(rand, "NULL", "[]", "['1', '2']", "['x']", "['1', NULL]"),
      PICK(rand, "NULL", "{'u': 1, 'v': '2'}", "{'u': NULL, 'v': 'x'}"));
}

char *random_sql_null_row(void) {
  g_autoptr(GString) row = g_string_new("(NULL");
  for (const char *p = random_sql_columns; (p = strstr(p, ", ")); p += 2)
    if (!g_str_has_prefix(p, ", v ")) g_string_append(row, ", NULL"); /* v is a field of s */
  return g_strconcat(row->str, ")", NULL);
}

/* One production of a kind: %i %t %b %d %s %l %a stand for expressions of the kinds integer, text, boolean, double,
 * timestamp, list, any. */
typedef struct {
  char kind;
  const char *const *simple; /* of depth 0 */
  const char *const *compound;
} Grammar;

static const char *const integers_simple[] = {
    "i", "1", "0", "-5", "a::INTEGER", "(p->>'n')::INTEGER", "s.u", "TRY_CAST(b AS INTEGER)", "NULL::INTEGER", NULL};
static const char *const integers[] = {"(%t)::INTEGER",
                                       "(%t)::DECIMAL(9, 2)::INTEGER",
                                       "TRY_CAST(%t AS INTEGER)",
                                       "TRY((%t)::INTEGER)",
                                       "CASE WHEN %b THEN %i END",
                                       "CASE WHEN c = 'X' THEN (p->>'n')::INTEGER END",
                                       "CASE WHEN %b THEN %i WHEN %b THEN %i ELSE %i END",
                                       "CASE WHEN %b AND %b THEN %i ELSE 0 END",
                                       "CASE WHEN a = 'x' OR %b THEN %i END",
                                       "CASE WHEN false THEN 'abc'::INTEGER ELSE %i END",
                                       "CASE WHEN true THEN %i END",
                                       "CASE c WHEN 'X' THEN %i WHEN 'Y' THEN 'abc'::INTEGER END",
                                       "coalesce(%i, %i)",
                                       "coalesce(TRY_CAST(a AS INTEGER), %i, 3)",
                                       "(%i + %i)",
                                       "(%i * %i)",
                                       "(%i // %i)",
                                       "(%i % %i)",
                                       "abs(%i)",
                                       "length(%t)",
                                       "len(%l)",
                                       "year(%s)::INTEGER",
                                       "({'u': %i, 'v': %t}).u",
                                       "(%d)::INTEGER",
                                       "(%b)::INTEGER",
                                       "nullif(%i, 1)",
                                       "[%i, %i][1]",
                                       NULL};
static const char *const texts_simple[] = {"a",         "b",           "c",         "d",   "'12'",      "'x'",
                                           "(p->>'s')", "(p->>'$.n')", "(p->>'N')", "s.v", "(q->>'n')", "NULL::VARCHAR",
                                           NULL};
static const char *const texts[] = {"upper(%t)",
                                    "(%t || %t)",
                                    "(%i)::VARCHAR",
                                    "(%s)::VARCHAR",
                                    "concat(%t, %i, %t)",
                                    "substring(%t, 1, 3)",
                                    "(%t)[:2]",
                                    "(%t)[2:]",
                                    "CASE WHEN %b THEN %t ELSE %t END",
                                    "CASE WHEN %b THEN %t END",
                                    "coalesce(%t, %t)",
                                    "regexp_extract(%t, '[0-9]+')",
                                    "regexp_replace(%t, '[a-z]', '1')",
                                    "nullif(%t, 'x')",
                                    "trim(%t)",
                                    "(%l)[1]",
                                    "strftime(%s, '%%Y')",
                                    "(p->'n')::VARCHAR",
                                    "repeat(%t, 2)",
                                    "split_part(%t, ',', 2)",
                                    NULL};
static const char *const booleans_simple[] = {
    "i > 0",        "c = 'X'", "a IS NULL", "b::BOOLEAN", "(p->>'m')::BOOLEAN",
    "a LIKE '1%%'", "true",    "false",     "s.v = 'x'",  NULL};
static const char *const booleans[] = {"(%i > %i)",
                                       "(%t = %t)",
                                       "(%t) IS NOT NULL",
                                       "(%i) IS NULL",
                                       "regexp_matches(%t, '^[0-9]+$')",
                                       "(%i BETWEEN %i AND %i)",
                                       "(%t) IN ('1', 'x')",
                                       "(%i) IN (%i, 1)",
                                       "(%i) NOT IN (0, 1)",
                                       "(NOT %b)",
                                       "(%b AND %b)",
                                       "(%b OR %b)",
                                       "(%t)::BOOLEAN",
                                       "(%i IS DISTINCT FROM %i)",
                                       "list_contains(%l, %t)",
                                       "(%d > %i)",
                                       "(%s > '2024-01-01')",
                                       "(%s >= %s)",
                                       "(i > %t)",
                                       "(%b) IS TRUE",
                                       "starts_with(%t, '1')",
                                       NULL};
static const char *const doubles_simple[] = {"x", "1.5", "i / 2", "(p->>'n')::DOUBLE", "b::DOUBLE", NULL};
static const char *const doubles[] = {"(%i / %i)",
                                      "(%t)::DOUBLE",
                                      "round(%d, 2)::DOUBLE",
                                      "(%t)::DECIMAL(18, 4)::DOUBLE",
                                      "sqrt(%d)",
                                      "(%d + %d)",
                                      "(%d * 1e10)",
                                      "coalesce(%d, 0)",
                                      "floor(%d)",
                                      "CASE WHEN %b THEN %d END",
                                      "ln(%d)",
                                      NULL};
static const char *const stamps_simple[] = {"ts", "d::TIMESTAMP", "(d::TIMESTAMPTZ AT TIME ZONE 'UTC')", NULL};
static const char *const stamps[] = {"(%t)::TIMESTAMP",
                                     "strptime(%t, '%%Y-%%m-%%d')",
                                     "strptime(d, '%%Y-%%m-%%d')",
                                     "date_trunc('day', %s)::TIMESTAMP",
                                     "(%s + INTERVAL 1 DAY)",
                                     "d::DATE::TIMESTAMP",
                                     "make_timestamp((%i)::BIGINT * 1000000)",
                                     "CASE WHEN %b THEN %s END",
                                     "coalesce(try_strptime(%t, '%%Y'), %s)",
                                     NULL};
static const char *const lists_simple[] = {"l", "['1', a]", "[]::VARCHAR[]", NULL};
static const char *const lists[] = {"[%t, %t]",
                                    "string_split(%t, ',')",
                                    "list_transform(%l, lambda v: v::INTEGER::VARCHAR)",
                                    "list_filter(%l, lambda v: v::INTEGER > 0)",
                                    "CASE WHEN %b THEN %l END",
                                    "[(%i)::VARCHAR]",
                                    "(%l || [%t])",
                                    "(%l)[1:1]",
                                    NULL};
static const char *const any_simple[] = {"a", "p", "%i", "%t", NULL};
static const char *const any[] = {"%i",
                                  "%i",
                                  "%t",
                                  "%b",
                                  "%d",
                                  "%s",
                                  "%l",
                                  "{'u': %i, 'v': %t, 'w': [%d]}",
                                  "(%t)::DATE",
                                  "(%i)::TINYINT",
                                  "(%t)::UUID",
                                  "(%t)::STRUCT(n INTEGER)",
                                  "(%l)::INTEGER[]",
                                  "p::STRUCT(n INTEGER)",
                                  "(%d)::DECIMAL(6, 2)",
                                  "(%t)::JSON",
                                  "struct_pack(k := %t, i := i)",
                                  NULL};

static const Grammar grammar[] = {
    {'i', integers_simple, integers}, {'t', texts_simple, texts},   {'b', booleans_simple, booleans},
    {'d', doubles_simple, doubles},   {'s', stamps_simple, stamps}, {'l', lists_simple, lists},
    {'a', any_simple, any},
};

static void append(GRand *rand, GString *out, char kind, guint depth) {
  const Grammar *rules = grammar;
  while (rules->kind != kind) rules++;
  const char *form = pick(rand, depth == 0 || g_rand_int_range(rand, 0, 4) == 0 ? rules->simple : rules->compound);
  for (const char *p = form; *p; p++) {
    if (*p != '%' || !p[1] || p[1] == ' ')
      g_string_append_c(out, *p);
    else if (*++p == '%')
      g_string_append_c(out, '%');
    else
      append(rand, out, *p, depth ? depth - 1 : 0);
  }
}

char *random_sql_select(GRand *rand) {
  g_autoptr(GString) sql = g_string_new("SELECT ");
  guint items = (guint)g_rand_int_range(rand, 1, 5), conjuncts = (guint)g_rand_int_range(rand, 0, 3);
  if (g_rand_int_range(rand, 0, 10) == 0) g_string_append(sql, "* EXCLUDE (q) REPLACE (a::INTEGER AS a), ");
  for (guint n = 0; n < items; n++) {
    g_string_append(sql, n ? ", " : "");
    append(rand, sql, 'a', 3);
    g_string_append_printf(sql, " AS c%u", n);
  }
  g_string_append(sql, " FROM t ");
  for (guint n = 0; n < conjuncts; n++) {
    g_string_append(sql, n ? " AND (" : "WHERE (");
    append(rand, sql, 'b', 2);
    g_string_append_c(sql, ')');
  }
  return g_string_free(g_steal_pointer(&sql), FALSE);
}
