#include "pipeline/positions.h"

#include "base/json_writer.h"
#include "lakehouse/sql.h"

static void free_position(gpointer data) { tarn_position_free(data); }

GPtrArray *tarn_positions_load(TarnConn *conn, GError **error) {
  g_autoptr(TarnResult) result = tarn_conn_query(conn, tarn_sql_positions_load, NULL, 0, error);
  if (!result) return NULL;
  GPtrArray *positions = g_ptr_array_new_with_free_func(free_position);
  for (guint64 row = 0; row < tarn_result_rows(result); row++) {
    TarnPosition *position = g_new0(TarnPosition, 1);
    position->identity = tarn_result_text(result, row, 0);
    position->name = tarn_result_text(result, row, 1);
    position->partition = (gint32)tarn_result_int(result, row, 2);
    position->offset = tarn_result_int(result, row, 3);
    position->size = tarn_result_int(result, row, 4);
    position->prefix_digest = tarn_result_text(result, row, 5);
    position->complete = tarn_result_int(result, row, 6) != 0;
    g_ptr_array_add(positions, position);
  }
  return positions;
}

gboolean tarn_positions_save(TarnConn *conn, const GPtrArray *positions, GError **error) {
  if (!tarn_conn_exec(conn, "DELETE FROM tarn.positions", error)) return FALSE;
  for (guint i = 0; i < positions->len; i++) {
    const TarnPosition *position = positions->pdata[i];
    const TarnValue values[] = {tarn_value_text(position->identity), tarn_value_text(position->name),
                                tarn_value_int(position->partition), tarn_value_int(position->offset),
                                tarn_value_int(position->size),      tarn_value_text(position->prefix_digest),
                                tarn_value_bool(position->complete)};
    if (!tarn_conn_run(conn, tarn_sql_positions_add, values, G_N_ELEMENTS(values), NULL, error)) return FALSE;
  }
  return TRUE;
}

gboolean tarn_gaps_save(TarnConn *conn, const GPtrArray *gaps, const TarnRunReport *report, GError **error) {
  for (guint i = 0; i < gaps->len; i++) {
    const TarnGap *gap = gaps->pdata[i];
    const TarnValue values[] = {
        tarn_value_text(report->run_id), tarn_value_int(g_get_real_time()),
        tarn_value_text(gap->name),      tarn_value_int(gap->partition),
        tarn_value_int(gap->from),       gap->to < 0 ? tarn_value_null() : tarn_value_int(gap->to),
        tarn_value_text(gap->why)};
    if (!tarn_conn_run(conn, tarn_sql_gaps_add, values, G_N_ELEMENTS(values), NULL, error)) return FALSE;
  }
  return TRUE;
}

static gboolean is_as_before(const GPtrArray *before, const TarnPosition *position) {
  for (guint i = 0; i < before->len; i++) {
    const TarnPosition *other = before->pdata[i];
    if (other->partition == position->partition && other->offset == position->offset &&
        g_strcmp0(other->identity, position->identity) == 0)
      return TRUE;
  }
  return FALSE;
}

char *tarn_positions_moved(const GPtrArray *before, const GPtrArray *now) {
  g_autoptr(GString) text = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, text);
  tarn_json_begin_array(&json);
  for (guint i = 0; i < now->len; i++) {
    const TarnPosition *position = now->pdata[i];
    if (is_as_before(before, position)) continue;
    tarn_json_begin_object(&json);
    tarn_json_member_string(&json, "identity", position->identity);
    tarn_json_member_string(&json, "name", position->name);
    tarn_json_member_int(&json, "partition", position->partition);
    tarn_json_member_int(&json, "next_offset", position->offset);
    tarn_json_end_object(&json);
  }
  tarn_json_end_array(&json);
  return g_string_free(g_steal_pointer(&text), FALSE);
}
