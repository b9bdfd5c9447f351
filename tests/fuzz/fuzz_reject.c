/* Row-wise models: whatever the SQL says, it is taken apart or refused with a place, and what is derived from it runs
 * over any row without raising, with a reason for every row that is not accepted and none for the others. */
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "pipeline/reject.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static TarnDb *shared_db;
static TarnConn *shared_conn;

static const char rows[] =
    "CREATE TABLE t(a VARCHAR, b VARCHAR, i INTEGER, x DOUBLE, p JSON, ts TIMESTAMP, l VARCHAR[], s STRUCT(u INTEGER, "
    "v VARCHAR));"
    "INSERT INTO t VALUES (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),"
    "  ('1', '2024-01-01', 7, 1.5, '{\"n\":1,\"s\":\"t\"}', '2024-01-01', ['1', '2'], {'u': 1, 'v': '2'}),"
    "  ('x', 'infinity', 2147483647, 'nan', '{\"n\":\"lots\",\"s\":null}', 'infinity', ['x', NULL], {'u': NULL, 'v': "
    "'x'}),"
    "  ('', '24', -2147483648, 1e308, '[1]', '1969-12-31 23:59:59', [], {'u': -1, 'v': ''})";

static TarnConn *connection(void) {
  if (shared_conn) return shared_conn;
  g_autoptr(GError) error = NULL;
  shared_db = tarn_db_open(NULL, &(TarnDbOptions){.threads = 1, .memory_bytes = 256 << 20}, &error);
  if (shared_db) shared_conn = tarn_db_connect(shared_db, &error);
  if (shared_conn) tarn_conn_exec(shared_conn, rows, &error);
  g_assert_no_error(error);
  return shared_conn;
}

__attribute__((destructor)) static void disconnect(void) {
  tarn_conn_close(shared_conn);
  tarn_db_close(shared_db);
}

/* What makes values as large as the text says is DuckDB's to survive: repeat('x', 1000000000), range(1000000000). */
static gboolean is_bomb(const char *text) {
  static const char *const makers[] = {"repeat", "pad", "range",     "generate_series", "format",
                                       "printf", "bar", "bitstring", "levenshtein"};
  for (gsize i = 0; i < G_N_ELEMENTS(makers); i++)
    if (strcasestr(text, makers[i])) return TRUE;
  return FALSE;
}

static void check_form(TarnConn *conn, const TarnRowwise *rowwise, TarnRejectForm form) {
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnReject) reject = tarn_reject_new(conn, rowwise, form, &error);
  if (!reject) {
    g_assert_error(error, TARN_ERROR, TARN_ERROR_USAGE);
    return;
  }
  g_autofree char *source = tarn_reject_source(reject, NULL);
  g_autofree char *sql = g_strdup_printf(
      "SELECT count(*) FROM (SELECT %s, %s AS tarn_ok, len(%s) AS tarn_reasons FROM %s) WHERE tarn_ok <> (tarn_reasons "
      "= 0)",
      reject->select_list, reject->accepted, reject->reasons, source);
  gint64 wrong = -1;
  if (!tarn_conn_query_int(conn, sql, NULL, 0, &wrong, &error)) g_error("%s\n%s", sql, tarn_error_detail(error));
  g_assert_cmpint(wrong, ==, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > 2000) return 0;
  g_autofree char *text = g_strndup((const char *)data, size);
  if (is_bomb(text)) return 0;
  TarnConn *conn = connection();
  g_autoptr(GError) error = NULL;
  TarnModel model = {.name = "m", .sql = text};
  TarnSqlPosition position = {0, 0};
  g_autoptr(TarnRowwise) rowwise = tarn_rowwise_new(conn, &model, &position, &error);
  if (!rowwise) {
    g_assert_nonnull(error);
    return 0;
  }
  check_form(conn, rowwise, TARN_REJECT_AUTO);
  check_form(conn, rowwise, TARN_REJECT_GENERAL);
  return 0;
}
