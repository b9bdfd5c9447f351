#include "lakehouse/compact.h"

#include <glib/gstdio.h>

static gint64 file_size(const char *path) {
  GStatBuf info;
  g_assert_cmpint(g_stat(path, &info), ==, 0);
  return info.st_size;
}

static gint64 query_int(TarnConn *conn, const char *sql) {
  g_autoptr(GError) error = NULL;
  gint64 value = -1;
  tarn_conn_query_int(conn, sql, NULL, 0, &value, &error);
  g_assert_no_error(error);
  return value;
}

static void test_space_comes_back(void) {
  g_autoptr(GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp("tarn-compact-XXXXXX", &error);
  g_autofree char *path = g_build_filename(folder, "work.duckdb", NULL);
  const TarnDbOptions options = {.threads = 2, .memory_bytes = 400000000, .temp_directory = folder};
  gboolean due;
  {
    g_autoptr(TarnDb) db = tarn_db_open(path, &options, &error);
    g_autoptr(TarnConn) conn = tarn_db_connect(db, &error);
    tarn_conn_exec(conn,
                   "CREATE TABLE kept AS SELECT i, hash(i) AS h FROM range(100000) AS r(i) ORDER BY i DESC;"
                   "CREATE TABLE keyed (key VARCHAR USING COMPRESSION uncompressed);"
                   "INSERT INTO keyed SELECT 'key ' || i FROM range(100000) AS r(i);"
                   "CREATE TABLE dropped AS SELECT hash(i) AS h, hash(i + 1) AS g FROM range(5000000) AS r(i);"
                   "CHECKPOINT; CREATE TABLE tail AS SELECT 1 AS one; CHECKPOINT",
                   &error);
    g_assert_no_error(error);
    g_assert_true(tarn_compact_is_due(conn, &due, &error));
    g_assert_false(due);
    tarn_conn_exec(conn, "DROP TABLE dropped; CHECKPOINT", &error); /* a hole before the tail */
    g_assert_no_error(error);
    g_assert_true(tarn_compact_is_due(conn, &due, &error));
    g_assert_true(due);
  }
  gint64 before = file_size(path);
  g_assert_true(tarn_compact(path, &options, &error));
  g_assert_no_error(error);
  g_assert_cmpint(file_size(path), <=, before);
  g_assert_cmpint(file_size(path), <, 8 * 1024 * 1024);
  {
    g_autoptr(TarnDb) db = tarn_db_open(path, &options, &error);
    g_autoptr(TarnConn) conn = tarn_db_connect(db, &error);
    g_assert_cmpint(query_int(conn, "SELECT count(*) FROM kept WHERE h = hash(i)"), ==, 100000);
    g_assert_cmpint(query_int(conn, "SELECT i FROM kept WHERE rowid = 0"), ==, 99999); /* rows kept their order */
    g_assert_cmpint(query_int(conn, "SELECT one FROM tail"), ==, 1);
    g_assert_cmpint(query_int(conn, "SELECT max(count) FROM pragma_storage_info('kept')"), ==, 16384);
    g_assert_cmpint(query_int(conn,
                              "SELECT count(*) FROM pragma_storage_info('keyed') WHERE segment_type = 'VARCHAR'"
                              " AND compression <> 'Uncompressed'"),
                    ==, 0);
  }
  g_unlink(path);
  g_rmdir(folder);
}

static void test_failure_leaves_the_file(void) {
  g_autoptr(GError) error = NULL;
  const TarnDbOptions options = {.threads = 1};
  g_assert_false(tarn_compact("/nowhere/work.duckdb", &options, &error));
  g_assert_nonnull(error);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/compact/space_comes_back", test_space_comes_back);
  g_test_add_func("/compact/failure_leaves_the_file", test_failure_leaves_the_file);
  return g_test_run();
}
