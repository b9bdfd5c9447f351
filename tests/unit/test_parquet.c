/* Every type goes into a Parquet file and comes back as the same value. */
#include "lakehouse/parquet.h"

#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "lakehouse/rows.h"

static char *folder;
static TarnDb *db;
static TarnConn *conn;

/* What an expression reads back as: the file's type, and how it is cast to what it was ("": it needs no cast). */
static const struct {
  const char *sql, *type, *back;
} examples[] = {
    {"true", "BOOLEAN", ""},
    {"(-128)::TINYINT", "TINYINT", ""},
    {"65535::USMALLINT", "USMALLINT", ""},
    {"(-9223372036854775807-1)::BIGINT", "BIGINT", ""},
    {"18446744073709551615::UBIGINT", "UBIGINT", ""},
    {"170141183460469231731687303715884105727::HUGEINT", "VARCHAR", "HUGEINT"},
    {"'-170141183460469231731687303715884105728'::HUGEINT", "VARCHAR", "HUGEINT"},
    {"340282366920938463463374607431768211455::UHUGEINT", "VARCHAR", "UHUGEINT"},
    {"'-123456789012345678901234567890123456789012345678901234567890'::BIGNUM", "VARCHAR", "BIGNUM"},
    {"1.10::DECIMAL(4,2)", "DECIMAL(4,2)", ""},
    {"'-1234567890123456789012345678901234.5678'::DECIMAL(38,4)", "DECIMAL(38,4)", ""},
    {"0.1::FLOAT", "FLOAT", ""},
    {"-0.0::DOUBLE", "DOUBLE", ""},
    {"'nan'::DOUBLE", "DOUBLE", ""},
    {"'-inf'::FLOAT", "FLOAT", ""},
    {"DATE '0044-03-15 (BC)'", "DATE", ""},
    {"'infinity'::DATE", "DATE", ""},
    {"TIME '23:59:59.000100'", "TIME", ""},
    {"'01:02:03.000000001'::TIME_NS", "TIME_NS", ""},
    {"'01:02:03.5+05:30'::TIMETZ", "VARCHAR", "TIMETZ"},
    {"TIMESTAMP '1969-12-31 23:59:59.25'", "TIMESTAMP", ""},
    {"'2026-01-01 00:00:01'::TIMESTAMP_S", "TIMESTAMP", "TIMESTAMP_S"},
    {"'2026-01-01 00:00:01.002'::TIMESTAMP_MS", "TIMESTAMP", "TIMESTAMP_MS"},
    {"'2026-01-01 00:00:01.000000003'::TIMESTAMP_NS", "TIMESTAMP_NS", ""},
    {"TIMESTAMPTZ '2026-01-01 02:00:00+02:00'", "TIMESTAMP WITH TIME ZONE", ""},
    {"'-infinity'::TIMESTAMP", "TIMESTAMP", ""},
    {"INTERVAL '14 months 3 days 04:05:06.789012'", "VARCHAR", "INTERVAL"},
    {"INTERVAL '-1 month' + INTERVAL '1 day' - INTERVAL '1500 milliseconds'", "VARCHAR", "INTERVAL"},
    {"'\\x00\\xFF'::BLOB", "BLOB", ""},
    {"'00112233-4455-6677-8899-aabbccddeeff'::UUID", "UUID", ""},
    {"'OSS'::ENUM('BSS', 'OSS', 'IoT')", "VARCHAR", "ENUM('BSS', 'OSS', 'IoT')"},
    {"'0110101'::BIT", "VARCHAR", "BIT"},
    {"'{\"a\": [1, 2]}'::JSON", "JSON", ""},
    {"''", "VARCHAR", ""},
    {"NULL::VARCHAR", "VARCHAR", ""},
    {"[1, NULL, 3]", "INTEGER[]", ""},
    {"[]::HUGEINT[]", "VARCHAR[]", "HUGEINT[]"},
    {"[7::HUGEINT, NULL]", "VARCHAR[]", "HUGEINT[]"},
    {"[1, 2]::INTEGER[2]", "INTEGER[]", "INTEGER[2]"},
    {"{'a b': 1, 'd': DATE '2026-01-01'}", "STRUCT(\"a b\" INTEGER, d DATE)", ""},
    {"{'a': [{'h': 1::HUGEINT}], 'd': 1.5::DECIMAL(3,1)}", "STRUCT(a STRUCT(h VARCHAR)[], d DECIMAL(3,1))",
     "STRUCT(a STRUCT(h HUGEINT)[], d DECIMAL(3,1))"},
    {"row(1, 'x')", "STRUCT(INTEGER, VARCHAR)", ""},
    {"MAP {'k': [1], 'l': NULL}", "MAP(VARCHAR, INTEGER[])", ""},
    {"MAP {1::HUGEINT: INTERVAL '1 day'}", "MAP(VARCHAR, VARCHAR)", "MAP(HUGEINT, INTERVAL)"},
};

static TarnResult *query(const char *sql) {
  g_autoptr(GError) error = NULL;
  TarnResult *result = tarn_conn_query(conn, sql, NULL, 0, &error);
  g_assert_no_error(error);
  return result;
}

static char *file_path(void) { return g_build_filename(folder, "rows.parquet", NULL); }

static gboolean bind_one(gconstpointer value, TarnStatement *statement, GError **error) {
  return tarn_statement_bind(statement, 1, value, error);
}

static gboolean write_file(const char *sql, const TarnValue *value, guint64 max_bytes, GError **error) {
  guint64 rows;
  g_autofree char *path = file_path();
  g_autoptr(TarnStatement) statement = tarn_parquet_prepare(conn, sql, value ? bind_one : NULL, value, path, 0, error);
  return statement && tarn_parquet_write(statement, path, max_bytes, &rows, error);
}

static void test_every_type(void) {
  g_autofree char *path = file_path();
  for (gsize i = 0; i < G_N_ELEMENTS(examples); i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *sql = g_strdup_printf("SELECT %s AS v", examples[i].sql);
    g_assert_true(write_file(sql, NULL, 0, &error));
    g_assert_no_error(error);
    const char *back = examples[i].back;
    g_autofree char *check =
        g_strdup_printf(*back ? "SELECT typeof(v), (CAST(v AS %3$s) IS NOT DISTINCT FROM (%2$s))::INT FROM '%1$s'"
                              : "SELECT typeof(v), (v IS NOT DISTINCT FROM (%2$s))::INT FROM '%1$s'",
                        path, examples[i].sql, back);
    g_autoptr(TarnResult) result = query(check);
    g_autofree char *type = tarn_result_text(result, 0, 0);
    g_assert_cmpstr(type, ==, examples[i].type);
    g_test_message("%s", examples[i].sql);
    g_assert_cmpint(tarn_result_int(result, 0, 1), ==, 1);
  }
}

static void test_union_is_json(void) {
  g_autoptr(GError) error = NULL;
  g_autofree char *path = file_path(), *read = g_strdup_printf("SELECT v::VARCHAR, w::VARCHAR FROM '%s'", path);
  g_assert_true(write_file("SELECT union_value(n := 2)::UNION(n INTEGER, s VARCHAR) AS v, row(1::HUGEINT, 'x') AS w",
                           NULL, 0, &error));
  g_autoptr(TarnResult) result = query(read);
  g_autofree char *value = tarn_result_text(result, 0, 0), *row = tarn_result_text(result, 0, 1);
  g_assert_cmpstr(value, ==, "{\"n\":2}");
  g_assert_nonnull(strchr(row, 'x'));
}

/* DuckDB's own table of extreme values of every type. */
static void test_all_types_of_duckdb(void) {
  g_autoptr(GError) error = NULL;
  g_autofree char *path = file_path();
  g_assert_true(
      write_file("SELECT COLUMNS(c -> c NOT IN ('geometry', 'variant')) FROM test_all_types()", NULL, 0, &error));
  g_assert_no_error(error);
  g_autofree char *count = g_strdup_printf("SELECT count(*) FROM '%s'", path);
  g_autoptr(TarnResult) result = query(count);
  g_assert_cmpint(tarn_result_int(result, 0, 0), ==, 3);
}

/* Parameters, an order, equal names, what stands behind a statement. */
static void test_query(void) {
  g_autoptr(GError) error = NULL;
  g_autofree char *path = file_path(), *read = g_strdup_printf("SELECT i, i_1 FROM '%s'", path);
  const TarnValue most = tarn_value_int(3000);
  g_assert_true(write_file("SELECT i, -i AS i FROM range($1) t(i) ORDER BY t.i DESC -- all\n;\n", &most, 0, &error));
  g_assert_no_error(error);
  g_autoptr(TarnResult) result = query(read);
  g_assert_cmpuint(tarn_result_rows(result), ==, 3000);
  for (guint64 row = 0; row < 3000; row++) {
    g_assert_cmpint(tarn_result_int(result, row, 0), ==, 2999 - (gint64)row);
    g_assert_cmpint(tarn_result_int(result, row, 1), ==, (gint64)row - 2999);
  }
}

static void test_row_limit(void) {
  g_autoptr(GError) error = NULL;
  guint64 rows;
  g_autofree char *path = file_path(), *read = g_strdup_printf("SELECT sum(i)::BIGINT FROM '%s'", path);
  g_autoptr(TarnStatement) statement =
      tarn_parquet_prepare(conn, "SELECT i FROM range(10000) t(i) ORDER BY i DESC", NULL, NULL, path, 2, &error);
  g_assert_true(tarn_parquet_write(statement, path, 0, &rows, &error));
  g_assert_cmpuint(rows, ==, 2);
  g_autoptr(TarnResult) result = query(read);
  g_assert_cmpint(tarn_result_int(result, 0, 0), ==, 9999 + 9998);
}

static void test_bound(void) {
  g_autoptr(GError) error = NULL;
  g_assert_false(write_file("SELECT i, hash(i) AS h FROM range(5000000) t(i)", NULL, 2000000, &error));
  g_assert_error(error, TARN_ERROR, TARN_ERROR_USAGE);
  g_assert_nonnull(strstr(error->message, "2000000"));
}

static void test_elsewhere(void) {
  guint64 rows;
  g_autoptr(GError) error = NULL;
  g_assert_null(tarn_conn_query(conn, "SELECT * FROM read_text('/etc/passwd')", NULL, 0, &error));
  g_assert_nonnull(strstr(tarn_error_detail(error), "disabled by configuration"));
  g_clear_error(&error);
  g_autoptr(TarnStatement) statement =
      tarn_parquet_prepare(conn, "SELECT 1", NULL, NULL, "/tmp/tarn-elsewhere.parquet", 0, &error);
  g_assert_false(statement && tarn_parquet_write(statement, "/tmp/tarn-elsewhere.parquet", 0, &rows, &error));
  g_assert_nonnull(error);
  g_assert_false(g_file_test("/tmp/tarn-elsewhere.parquet", G_FILE_TEST_EXISTS));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_autoptr(GError) error = NULL;
  folder = g_dir_make_tmp("tarn-XXXXXX", &error);
  g_assert_no_error(error);
  const TarnDbOptions options = {.writable_folder = folder};
  db = tarn_db_open(NULL, &options, &error);
  g_assert_no_error(error);
  conn = tarn_db_connect(db, &error);
  g_assert_no_error(error);
  g_test_add_func("/parquet/every_type", test_every_type);
  g_test_add_func("/parquet/union_is_json", test_union_is_json);
  g_test_add_func("/parquet/all_types_of_duckdb", test_all_types_of_duckdb);
  g_test_add_func("/parquet/query", test_query);
  g_test_add_func("/parquet/row_limit", test_row_limit);
  g_test_add_func("/parquet/bound", test_bound);
  g_test_add_func("/parquet/no_other_file", test_elsewhere);
  int status = g_test_run();
  tarn_conn_close(conn);
  tarn_db_close(db);
  g_autofree char *path = file_path();
  g_remove(path);
  g_rmdir(folder);
  g_free(folder);
  return status;
}
