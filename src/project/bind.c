#include "project/bind.h"

#include <string.h>

#include "base/error.h"
#include "lakehouse/statement.h"

/* What json_serialize_plan says of SQL that does not bind: DuckDB's error in parts. NULL: it has no complaint. */
static json_t *ask_complaint(TarnConn *conn, const char *sql) {
  TarnValue value = tarn_value_text(sql);
  g_autoptr(TarnResult) result = tarn_conn_query(conn, "SELECT json_serialize_plan($1::VARCHAR)", &value, 1, NULL);
  g_autofree char *text = result ? tarn_result_text(result, 0, 0) : NULL;
  g_autoptr(json_t) answer = text ? json_loads(text, 0, NULL) : NULL;
  /* An internal error is json_serialize_plan's own: it cannot write every plan. */
  gboolean complaint = json_is_true(json_object_get(answer, "error")) &&
                       g_strcmp0(json_string_value(json_object_get(answer, "error_type")), "internal") != 0;
  return complaint ? g_steal_pointer(&answer) : NULL;
}

static TarnSqlPosition place_of(const json_t *complaint, const char *sql) {
  const char *offset = json_string_value(json_object_get(complaint, "position"));
  g_autoptr(json_t) node =
      offset ? json_pack("{s:I}", "query_location", (json_int_t)g_ascii_strtoll(offset, NULL, 10)) : NULL;
  return node ? tarn_ast_position(node, sql) : (TarnSqlPosition){0, 0};
}

gboolean tarn_sql_bind(TarnConn *conn, const char *sql, TarnSqlPosition *position, GError **error) {
  g_autoptr(GError) fault = NULL;
  g_autoptr(TarnStatement) statement = tarn_statement_prepare(conn, sql, &fault);
  *position = (TarnSqlPosition){0, 0};
  if (statement) return TRUE;
  g_autoptr(json_t) complaint = ask_complaint(conn, sql);
  const char *words = json_string_value(json_object_get(complaint, "error_message"));
  if (!words) words = tarn_error_detail(fault) ? tarn_error_detail(fault) : fault->message;
  const char *candidates = json_string_value(json_object_get(complaint, "candidates"));
  g_autofree char *hint = candidates && *candidates ? g_strdup_printf("candidates: %s", candidates) : NULL;
  *position = place_of(complaint, sql);
  tarn_error_set(error, TARN_ERROR_USAGE, hint, "%.*s", (int)strcspn(words, "\n"), words);
  return FALSE;
}
