/* docs/encoding.md, held type by type: what each SQL expression becomes in JSON and in CSV. */
#include "lakehouse/rows.h"

#include <string.h>

#include "base/error.h"
#include "base/json_valid.h"
#include "lakehouse/statement.h"

static TarnDb *db;
static TarnConn *conn;

typedef struct {
  const char *sql, *json, *csv;
} Example;

static const Example scalars[] = {
    {"NULL", "null", ""},
    {"true", "true", "true"},
    {"(-128)::TINYINT", "-128", "-128"},
    {"255::UTINYINT", "255", "255"},
    {"(-32768)::SMALLINT", "-32768", "-32768"},
    {"65535::USMALLINT", "65535", "65535"},
    {"0", "0", "0"},
    {"4294967295::UINTEGER", "4294967295", "4294967295"},
    {"(-9223372036854775807-1)::BIGINT", "-9223372036854775808", "-9223372036854775808"},
    {"9007199254740993", "9007199254740993", "9007199254740993"},
    {"18446744073709551615::UBIGINT", "18446744073709551615", "18446744073709551615"},
    {"sum(9007199254740993)", "9007199254740993", "9007199254740993"},
    {"170141183460469231731687303715884105727::HUGEINT", "170141183460469231731687303715884105727",
     "170141183460469231731687303715884105727"},
    {"'-170141183460469231731687303715884105728'::HUGEINT", "-170141183460469231731687303715884105728",
     "-170141183460469231731687303715884105728"},
    {"340282366920938463463374607431768211455::UHUGEINT", "340282366920938463463374607431768211455",
     "340282366920938463463374607431768211455"},
    {"'0'::BIGNUM", "0", "0"},
    {"'-1000000000'::BIGNUM", "-1000000000", "-1000000000"},
    {"'123456789012345678901234567890123456789012345678901234567890'::BIGNUM",
     "123456789012345678901234567890123456789012345678901234567890",
     "123456789012345678901234567890123456789012345678901234567890"},
    {"1.10::DECIMAL(4,2)", "1.10", "1.10"},
    {"-0.05::DECIMAL(4,2)", "-0.05", "-0.05"},
    {"12345.6789::DECIMAL(9,4)", "12345.6789", "12345.6789"},
    {"12345678901234.5678::DECIMAL(18,4)", "12345678901234.5678", "12345678901234.5678"},
    {"'-1234567890123456789012345678901234.5678'::DECIMAL(38,4)", "-1234567890123456789012345678901234.5678",
     "-1234567890123456789012345678901234.5678"},
    {"7::DECIMAL(5,0)", "7", "7"},
    {"0.1::FLOAT", "0.1", "0.1"},
    {"3::FLOAT", "3.0", "3.0"},
    {"0.1::DOUBLE", "0.1", "0.1"},
    {"1e300", "1e+300", "1e+300"},
    {"-0.0::DOUBLE", "-0.0", "-0.0"},
    {"'nan'::DOUBLE", "null", ""},
    {"'inf'::DOUBLE", "null", ""},
    {"'-inf'::FLOAT", "null", ""},
    {"DATE '2026-01-31'", "\"2026-01-31\"", "2026-01-31"},
    {"DATE '0044-03-15 (BC)'", "\"-0043-03-15\"", "-0043-03-15"},
    {"DATE '12026-02-28'", "\"+12026-02-28\"", "+12026-02-28"},
    {"DATE '2024-02-29'", "\"2024-02-29\"", "2024-02-29"},
    {"'infinity'::DATE", "null", ""},
    {"TIME '01:02:03'", "\"01:02:03\"", "01:02:03"},
    {"TIME '23:59:59.000100'", "\"23:59:59.0001\"", "23:59:59.0001"},
    {"'01:02:03.000000001'::TIME_NS", "\"01:02:03.000000001\"", "01:02:03.000000001"},
    {"'01:02:03.5+05:30'::TIMETZ", "\"01:02:03.5+05:30\"", "01:02:03.5+05:30"},
    {"'01:02:03-15:59:59'::TIMETZ", "\"01:02:03-15:59:59\"", "01:02:03-15:59:59"},
    {"TIMESTAMP '2026-01-01 00:00:00'", "\"2026-01-01T00:00:00Z\"", "2026-01-01T00:00:00Z"},
    {"TIMESTAMP '1969-12-31 23:59:59.25'", "\"1969-12-31T23:59:59.25Z\"", "1969-12-31T23:59:59.25Z"},
    {"'2026-01-01 00:00:01'::TIMESTAMP_S", "\"2026-01-01T00:00:01Z\"", "2026-01-01T00:00:01Z"},
    {"'2026-01-01 00:00:01.002'::TIMESTAMP_MS", "\"2026-01-01T00:00:01.002Z\"", "2026-01-01T00:00:01.002Z"},
    {"'2026-01-01 00:00:01.000000003'::TIMESTAMP_NS", "\"2026-01-01T00:00:01.000000003Z\"",
     "2026-01-01T00:00:01.000000003Z"},
    {"TIMESTAMPTZ '2026-01-01 02:00:00+02:00'", "\"2026-01-01T00:00:00Z\"", "2026-01-01T00:00:00Z"},
    {"'-infinity'::TIMESTAMP", "null", ""},
    {"INTERVAL '0 days'", "\"PT0S\"", "PT0S"},
    {"INTERVAL '14 months 3 days 04:05:06.789'", "\"P1Y2M3DT4H5M6.789S\"", "P1Y2M3DT4H5M6.789S"},
    {"INTERVAL '-1 month' + INTERVAL '1 day' - INTERVAL '1500 milliseconds'", "\"P-1M1DT-1.5S\"", "P-1M1DT-1.5S"},
    {"INTERVAL '-90 seconds'", "\"PT-1M-30S\"", "PT-1M-30S"},
    {"INTERVAL '36 hours'", "\"PT36H\"", "PT36H"},
    {"'a\"b' || chr(10)", "\"a\\\"b\\n\"", "\"a\"\"b\n\""},
    {"'x,y'", "\"x,y\"", "\"x,y\""},
    {"''", "\"\"", "\"\""},
    {"' x'", "\" x\"", "\" x\""},
    {"'Ndola é'", "\"Ndola é\"", "Ndola é"},
    {"'a text that is too long to be kept inside the vector'",
     "\"a text that is too long to be kept inside the vector\"",
     "a text that is too long to be kept inside the vector"},
    {"'\\x00\\xFF'::BLOB", "\"AP8=\"", "AP8="},
    {"''::BLOB", "\"\"", "\"\""},
    {"'00112233-4455-6677-8899-aabbccddeeff'::UUID", "\"00112233-4455-6677-8899-aabbccddeeff\"",
     "00112233-4455-6677-8899-aabbccddeeff"},
    {"'ffffffff-ffff-ffff-ffff-ffffffffffff'::UUID", "\"ffffffff-ffff-ffff-ffff-ffffffffffff\"",
     "ffffffff-ffff-ffff-ffff-ffffffffffff"},
    {"'OSS'::ENUM('BSS', 'OSS', 'IoT')", "\"OSS\"", "OSS"},
    {"'0110101'::BIT", "\"0110101\"", "0110101"},
    {"'101010101'::BIT", "\"101010101\"", "101010101"},
};

static const Example nested[] = {
    {"[1, NULL, 3]", "[1,null,3]", "\"[1,null,3]\""},
    {"[]", "[]", "[]"},
    {"[[1], [], NULL]", "[[1],[],null]", "\"[[1],[],null]\""},
    {"NULL::INTEGER[]", "null", ""},
    {"[1.5, 'nan'::DOUBLE]", "[1.5,null]", "\"[1.5,null]\""},
    {"[1, 2]::INTEGER[2]", "[1,2]", "\"[1,2]\""},
    {"[['a'], ['b']]::VARCHAR[1][2]", "[[\"a\"],[\"b\"]]", "\"[[\"\"a\"\"],[\"\"b\"\"]]\""},
    {"{'a': 1, 'b': {'c': NULL, 'd': DATE '2026-01-01'}}", "{\"a\":1,\"b\":{\"c\":null,\"d\":\"2026-01-01\"}}",
     "\"{\"\"a\"\":1,\"\"b\"\":{\"\"c\"\":null,\"\"d\"\":\"\"2026-01-01\"\"}}\""},
    {"NULL::STRUCT(a INTEGER)", "null", ""},
    {"[{'a': 1}, NULL, {'a': NULL}]", "[{\"a\":1},null,{\"a\":null}]", "\"[{\"\"a\"\":1},null,{\"\"a\"\":null}]\""},
    {"row(1, 'x')", "[1,\"x\"]", "\"[1,\"\"x\"\"]\""},
    {"MAP {'k': [1], 'l': NULL}", "{\"k\":[1],\"l\":null}", "\"{\"\"k\"\":[1],\"\"l\"\":null}\""},
    {"MAP {1: 'a', 2: 'b'}", "{\"1\":\"a\",\"2\":\"b\"}", "\"{\"\"1\"\":\"\"a\"\",\"\"2\"\":\"\"b\"\"}\""},
    {"MAP {[1]: DATE '2026-01-01'}", "{\"[1]\":\"2026-01-01\"}", "\"{\"\"[1]\"\":\"\"2026-01-01\"\"}\""},
    {"MAP {}", "{}", "{}"},
    {"union_value(n := 2)::UNION(n INTEGER, s VARCHAR)", "{\"n\":2}", "\"{\"\"n\"\":2}\""},
    {"union_value(s := 'x')::UNION(n INTEGER, s VARCHAR)", "{\"s\":\"x\"}", "\"{\"\"s\"\":\"\"x\"\"}\""},
    {"'{\"a\": [1, 2]}'::JSON", "{\"a\": [1, 2]}", "\"{\"\"a\"\": [1, 2]}\""},
    {"'{\"a\":NaN}'::JSON", "\"{\\\"a\\\":NaN}\"", "\"{\"\"a\"\":NaN}\""},
    {"'[1,]'::JSON", "\"[1,]\"", "\"[1,]\""},
    {"['null'::JSON, NULL, '12345678901234567890123'::JSON]", "[null,null,12345678901234567890123]",
     "\"[null,null,12345678901234567890123]\""},
    {"{'j': '{\"x\":1}'::JSON}", "{\"j\":{\"x\":1}}", "\"{\"\"j\"\":{\"\"x\"\":1}}\""},
    {"'{\"a\":1}'", "\"{\\\"a\\\":1}\"", "\"{\"\"a\"\":1}\""},
};

static TarnResult *run(const char *sql, gboolean stream) {
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnStatement) statement = tarn_statement_prepare(conn, sql, &error);
  g_assert_no_error(error);
  TarnResult *result = stream ? tarn_statement_stream(statement, &error) : tarn_statement_query(statement, &error);
  g_assert_no_error(error);
  return result;
}

static char *as_json(const char *sql, gboolean stream) {
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnResult) result = run(sql, stream);
  g_autoptr(TarnRows) rows = tarn_rows_new(result, &error);
  g_assert_no_error(error);
  g_autoptr(GString) out = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, out);
  tarn_json_begin_array(&json);
  while (tarn_rows_next(rows, &error)) tarn_rows_write_json(rows, &json);
  g_assert_no_error(error);
  tarn_json_end_array(&json);
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static char *as_csv(const char *sql) {
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnResult) result = run(sql, TRUE);
  g_autoptr(TarnRows) rows = tarn_rows_new(result, &error);
  g_autoptr(GString) out = g_string_new(NULL);
  tarn_rows_write_csv_header(rows, out);
  while (tarn_rows_next(rows, &error)) tarn_rows_write_csv(rows, out);
  g_assert_no_error(error);
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static char *as_table(const char *sql, TarnTableOptions options, TarnTableSummary *summary) {
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnResult) result = run(sql, TRUE);
  g_autoptr(TarnRows) rows = tarn_rows_new(result, &error);
  g_autoptr(GString) out = g_string_new(NULL);
  g_assert_true(tarn_rows_write_table(rows, &options, out, summary, &error));
  g_assert_no_error(error);
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static void check_examples(const Example *examples, gsize n) {
  for (gsize i = 0; i < n; i++) {
    g_autofree char *sql = g_strdup_printf("SELECT %s AS v", examples[i].sql);
    g_autofree char *json = g_strdup_printf("[{\"v\":%s}]", examples[i].json);
    g_autofree char *csv = g_strdup_printf("v\r\n%s\r\n", examples[i].csv);
    g_autofree char *whole = as_json(sql, FALSE), *streamed = as_json(sql, TRUE), *lines = as_csv(sql);
    g_assert_cmpstr(whole, ==, json);
    g_assert_cmpstr(streamed, ==, json);
    g_assert_cmpstr(lines, ==, csv);
  }
}

static void test_scalars(void) { check_examples(scalars, G_N_ELEMENTS(scalars)); }
static void test_nested(void) { check_examples(nested, G_N_ELEMENTS(nested)); }

/* DuckDB's own table of extreme values of every type: all of it must be written, as valid JSON. */
static void test_every_type_of_duckdb(void) {
  g_autofree char *json = as_json("SELECT COLUMNS(c -> c NOT IN ('geometry', 'variant')) FROM test_all_types()", FALSE);
  g_assert_true(tarn_json_is_valid(json, strlen(json)));
  g_assert_nonnull(strstr(json, "\"timestamp\":\"-290308-12-22T00:00:00Z\""));
  g_assert_nonnull(strstr(json, "\"hugeint\":-170141183460469231731687303715884105728"));
}

static void test_type_without_encoding(void) {
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnResult) result = run("SELECT {'deep': [1::VARIANT]} AS v", FALSE);
  g_assert_null(tarn_rows_new(result, &error));
  g_assert_error(error, TARN_ERROR, TARN_ERROR_USAGE);
  g_assert_nonnull(strstr(error->message, "column v"));
}

static void test_equal_names(void) {
  g_autofree char *json = as_json("SELECT 1 AS a, 2 AS a, 3 AS a_1, 4 AS a", FALSE);
  g_assert_cmpstr(json, ==, "[{\"a\":1,\"a_1\":2,\"a_1_1\":3,\"a_2\":4}]");
}

/* Rows of many chunks, with nested values that DuckDB holds as constants or dictionaries until they are read. */
static void test_many_chunks(void) {
  const char *sql =
      "SELECT string_agg(j, '' ORDER BY i) FROM (SELECT i, to_json({'i': i, 'l': ['c', i::VARCHAR], 's': {'k': "
      "'constant', 'n': i}})::VARCHAR AS j "
      "FROM range(5000) t(i))";
  g_autoptr(TarnResult) expected = run(sql, FALSE);
  g_autofree char *text = tarn_result_text(expected, 0, 0);
  for (int stream = 0; stream < 2; stream++) {
    g_autofree char *json = as_json(
        "SELECT i, ['c', i::VARCHAR] AS l, {'k': 'constant', 'n': i} AS s FROM range(5000) t(i) ORDER BY i", stream);
    g_auto(GStrv) parts = g_strsplit(json + 1, "},{\"i\"", -1);
    g_autofree char *joined = g_strjoinv("}{\"i\"", parts);
    joined[strlen(joined) - 1] = '\0';
    g_assert_cmpstr(joined, ==, text);
  }
}

static void test_no_rows(void) {
  g_autofree char *json = as_json("SELECT 1 AS a WHERE false", TRUE),
                  *csv = as_csv("SELECT 1 AS a, 2 AS b WHERE false");
  g_assert_cmpstr(json, ==, "[]");
  g_assert_cmpstr(csv, ==, "a,b\r\n");
}

static void test_stream_that_fails_late(void) {
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnResult) result =
      run("SELECT CASE WHEN i < 500000 THEN i ELSE error('late') END AS v FROM range(1000000) t(i)", TRUE);
  g_autoptr(TarnRows) rows = tarn_rows_new(result, &error);
  guint64 n = 0;
  while (tarn_rows_next(rows, &error)) n += tarn_rows_count(rows);
  g_assert_cmpuint(n, <=, 500000);
  g_assert_error(error, TARN_ERROR, TARN_ERROR_INTERNAL);
  g_assert_nonnull(strstr(tarn_error_detail(error), "late"));
}

static void test_table(void) {
  TarnTableSummary summary;
  g_autofree char *table = as_table(
      "SELECT * FROM (VALUES ('SUB-1', 12, NULL, 'é中'), (E'x\\n\\x1b[31m', -3, 'nan'::DOUBLE, '')) t(id, events, "
      "mean, \"note\")",
      (TarnTableOptions){.limit = 100, .max_width = 60}, &summary);
  g_assert_cmpstr(table, ==,
                  "id           events  mean  note\n"
                  "───────────  ──────  ────  ────\n"
                  "SUB-1            12  NULL  é中\n"
                  "x\\n\\x1b[31m      -3   NaN  \n");
  g_assert_cmpuint(summary.shown, ==, 2);
  g_assert_false(summary.more || summary.cut);
}

static void test_table_is_cut(void) {
  TarnTableSummary summary;
  g_autofree char *table =
      as_table("SELECT repeat('中', i::INT) AS v FROM range(2, 4) t(i)", (TarnTableOptions){.max_width = 4}, &summary);
  g_assert_cmpstr(table, ==, "v\n────\n中中\n中…\n");
  g_assert_true(summary.cut);
  g_free(table);
  table = as_table("SELECT i FROM range(5000) t(i) ORDER BY i", (TarnTableOptions){.limit = 2}, &summary);
  g_assert_cmpstr(table, ==, "i\n─\n0\n1\n");
  g_assert_true(summary.more);
  g_assert_cmpuint(summary.shown, ==, 2);
}

static void test_table_that_is_wider_than_the_terminal(void) {
  TarnTableSummary summary;
  const char *sql = "SELECT * FROM (VALUES (1, 'x', NULL), (2, 'a long text', 3.5)) t(id, description, n) ORDER BY id";
  g_autofree char *records = as_table(sql, (TarnTableOptions){.line_width = 20}, &summary);
  g_assert_cmpstr(records, ==,
                  "id           1\n"
                  "description  x\n"
                  "n            NULL\n"
                  "\n"
                  "id           2\n"
                  "description  a long text\n"
                  "n            3.5\n");
  g_autofree char *table = as_table(sql, (TarnTableOptions){.line_width = 21, .color = TRUE}, &summary);
  g_assert_true(g_str_has_prefix(table, "\033[1mid\033[0m  \033[1mdescription\033[0m  "));
  g_assert_nonnull(strstr(table, "\033[2mNULL\033[0m"));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_autoptr(GError) error = NULL;
  db = tarn_db_open(NULL, NULL, &error);
  g_assert_no_error(error);
  conn = tarn_db_connect(db, &error);
  g_assert_no_error(error);
  g_test_add_func("/rows/scalars", test_scalars);
  g_test_add_func("/rows/nested", test_nested);
  g_test_add_func("/rows/every_type_of_duckdb", test_every_type_of_duckdb);
  g_test_add_func("/rows/type_without_encoding_is_refused", test_type_without_encoding);
  g_test_add_func("/rows/equal_names_are_told_apart", test_equal_names);
  g_test_add_func("/rows/many_chunks", test_many_chunks);
  g_test_add_func("/rows/no_rows", test_no_rows);
  g_test_add_func("/rows/stream_that_fails_late", test_stream_that_fails_late);
  g_test_add_func("/rows/table", test_table);
  g_test_add_func("/rows/table_is_cut", test_table_is_cut);
  g_test_add_func("/rows/table_that_is_wider_than_the_terminal", test_table_that_is_wider_than_the_terminal);
  int status = g_test_run();
  tarn_conn_close(conn);
  tarn_db_close(db);
  return status;
}
