/* Holds the event scanner's verdicts against DuckDB's JSON reader: what is OK DuckDB reads, to the same values; what is
 * NOT_READABLE it refuses. (What is NOT_OBJECT is not compared: DuckDB lets NaN and trailing commas pass.) */
#include <stdint.h>

#include "lakehouse/db.h"
#include "stream/json_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const NAMES[] = {"event_id", "payload", NULL};
enum { EVENT_ID, PAYLOAD };

static TarnDb *shared_db;
static TarnConn *shared_conn;

static TarnConn *connection(void) {
  if (shared_conn) return shared_conn;
  g_autoptr(GError) error = NULL;
  TarnDbOptions options = {.threads = 1};
  shared_db = tarn_db_open(NULL, &options, &error);
  if (shared_db) shared_conn = tarn_db_connect(shared_db, &error);
  g_assert_no_error(error);
  return shared_conn;
}

__attribute__((destructor)) static void disconnect(void) {
  tarn_conn_close(shared_conn);
  tarn_db_close(shared_db);
}

/* ->> gives a string's value, an object's text, NULL for null; numbers in a spelling of its own. */
static void check_extracted(const TarnResult *row, guint column, const TarnJsonSlice *slice) {
  gboolean is_null = slice->kind == TARN_JSON_ABSENT || slice->kind == TARN_JSON_NULL;
  g_assert_cmpint(tarn_result_is_null(row, 0, column), ==, is_null);
  if (slice->kind != TARN_JSON_STRING) return;
  gsize size;
  g_autofree char *extracted = tarn_result_bytes(row, 0, column, &size);
  g_autoptr(GString) unescaped = g_string_new(NULL);
  tarn_json_unescape(slice, unescaped);
  g_assert_cmpmem(extracted, size, unescaped->str, unescaped->len);
}

/* The functions that Tarn's own SQL and the shipped project use on stored JSON. */
static void check_readable(TarnConn *conn, const TarnValue *text, const TarnJsonSlice *fields) {
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnResult) row =
      tarn_conn_query(conn,
                      "SELECT json($1) ->> 'event_id', json($1) ->> 'payload', json_valid($1), "
                      "json_transform($1, '{\"event_id\": \"VARCHAR\", \"payload\": \"JSON\"}'), json_keys($1)",
                      text, 1, &error);
  g_assert_no_error(error);
  g_assert_cmpint(tarn_result_int(row, 0, 2), ==, 1);
  check_extracted(row, 0, &fields[EVENT_ID]);
  check_extracted(row, 1, &fields[PAYLOAD]);
}

static void check_refused(TarnConn *conn, const TarnValue *text) {
  gint64 valid = -1;
  g_autoptr(GError) error = NULL;
  tarn_conn_query_int(conn, "SELECT json_valid($1)::INTEGER", text, 1, &valid, &error);
  g_assert_no_error(error);
  g_assert_cmpint(valid, ==, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static TarnScanner *scanner;
  static TarnScanResult result;
  if (!scanner) scanner = tarn_scanner_new(NAMES, 64);
  TarnJsonSlice fields[2];
  TarnValue text = {.type = TARN_VALUE_TEXT, .bytes = {(const char *)data, size}};
  TarnScanVerdict verdict = tarn_json_scan(scanner, (const char *)data, size, fields, &result);
  if (verdict == TARN_SCAN_OK) check_readable(connection(), &text, fields);
  if (verdict == TARN_SCAN_NOT_READABLE) check_refused(connection(), &text);
  return 0;
}
