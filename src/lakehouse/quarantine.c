#include "lakehouse/quarantine.h"

#include <string.h>

#include "base/json_writer.h"
#include "lakehouse/sql.h"

static void free_bytes(GString *bytes) {
  if (bytes) g_string_free(bytes, TRUE);
}

void tarn_quarantine_record_free(TarnQuarantineRecord *record) {
  if (!record) return;
  for (guint i = 0; i < record->n_envelope; i++) free_bytes(record->envelope[i]);
  g_free(record->envelope);
  free_bytes(record->raw);
  free_bytes(record->key);
  char *texts[] = {record->layer,          record->table,  record->reasons, record->raw_sha256, record->source_name,
                   record->quarantined_at, record->run_id, record->payload, record->extra,      record->headers};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) g_free(texts[i]);
  g_free(record);
}

void tarn_quarantine_count_free(TarnQuarantineCount *count) {
  if (!count) return;
  char *texts[] = {count->layer, count->table, count->column, count->rule, count->example};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) g_free(texts[i]);
  g_free(count);
}

static GString *bytes_at(const TarnResult *result, guint64 row, guint column) {
  gsize size = 0;
  g_autofree char *data = tarn_result_bytes(result, row, column, &size);
  return data ? g_string_new_len(data, (gssize)size) : NULL;
}

static gint64 int_or(const TarnResult *result, guint64 row, guint column, gint64 where_null) {
  return tarn_result_is_null(result, row, column) ? where_null : tarn_result_int(result, row, column);
}

#define FIXED_COLUMNS 19 /* of sql/quarantine_records.sql, before the envelope's */

static TarnQuarantineRecord *read_record(const TarnResult *result, guint64 row) {
  TarnQuarantineRecord *record = g_new(TarnQuarantineRecord, 1);
  *record = (TarnQuarantineRecord){
      .id = tarn_result_int(result, row, 0),
      .layer = tarn_result_text(result, row, 1),
      .table = tarn_result_text(result, row, 2),
      .seq = tarn_result_int(result, row, 3),
      .reasons = tarn_result_text(result, row, 4),
      .raw = bytes_at(result, row, 5),
      .raw_size = tarn_result_int(result, row, 6),
      .raw_sha256 = tarn_result_text(result, row, 7),
      .source_name = tarn_result_text(result, row, 8),
      .source_partition = (gint32)tarn_result_int(result, row, 9),
      .source_offset = int_or(result, row, 10, -1),
      .quarantined_at = tarn_result_text(result, row, 11),
      .run_id = tarn_result_text(result, row, 12),
      .payload = tarn_result_text(result, row, 13),
      .extra = tarn_result_text(result, row, 14),
      .key = bytes_at(result, row, 15),
      .headers = tarn_result_text(result, row, 16),
      .timestamp_us = int_or(result, row, 17, 0),
      .tombstone = int_or(result, row, 18, 0) != 0,
      .n_envelope = tarn_result_columns(result) - FIXED_COLUMNS,
  };
  record->envelope = g_new(GString *, record->n_envelope);
  for (guint i = 0; i < record->n_envelope; i++) record->envelope[i] = bytes_at(result, row, FIXED_COLUMNS + i);
  return record;
}

static char *records_sql(const TarnQuarantineShape *shape) {
  g_autofree char *bronze = tarn_sql_quote_identifier(shape->bronze_table);
  g_autoptr(GString) envelope = g_string_new(NULL);
  for (const char *const *column = shape->envelope; *column; column++) {
    g_autofree char *name = tarn_sql_quote_identifier(*column);
    g_string_append_printf(envelope, ", b.%s", name);
  }
  return tarn_sql_fill(tarn_sql_quarantine_records, "bronze", bronze, "envelope", envelope->str, NULL);
}

GPtrArray *tarn_quarantine_records(TarnConn *conn, const TarnQuarantineShape *shape, const TarnQuarantineFilter *filter,
                                   GError **error) {
  g_autofree char *sql = records_sql(shape);
  const TarnValue values[] = {tarn_value_int(filter->after), tarn_value_text(filter->layer),
                              tarn_value_text(filter->reason), tarn_value_int(filter->limit)};
  g_autoptr(TarnResult) result = tarn_conn_query(conn, sql, values, G_N_ELEMENTS(values), error);
  if (!result) return NULL;
  GPtrArray *records = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_quarantine_record_free);
  for (guint64 row = 0; row < tarn_result_rows(result); row++) g_ptr_array_add(records, read_record(result, row));
  return records;
}

GPtrArray *tarn_quarantine_summary(TarnConn *conn, const TarnQuarantineFilter *filter, GError **error) {
  const TarnValue values[] = {tarn_value_text(filter->layer), tarn_value_text(filter->reason)};
  g_autoptr(TarnResult) result =
      tarn_conn_query(conn, tarn_sql_quarantine_summary, values, G_N_ELEMENTS(values), error);
  if (!result) return NULL;
  GPtrArray *counts = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_quarantine_count_free);
  for (guint64 row = 0; row < tarn_result_rows(result); row++) {
    TarnQuarantineCount *count = g_new(TarnQuarantineCount, 1);
    *count = (TarnQuarantineCount){
        .layer = tarn_result_text(result, row, 0),
        .table = tarn_result_text(result, row, 1),
        .total = tarn_result_int(result, row, 2),
        .column = tarn_result_text(result, row, 3),
        .rule = tarn_result_text(result, row, 4),
        .records = tarn_result_int(result, row, 5),
        .example_id = tarn_result_int(result, row, 6),
        .example = tarn_result_text(result, row, 7),
    };
    g_ptr_array_add(counts, count);
  }
  return counts;
}

/* extra is a JSON object's text already: its members go behind the ones that are written. */
static void append_members(GString *object, const char *extra) {
  if (!extra || g_str_equal(extra, "{}")) return;
  g_string_truncate(object, object->len - 1);
  if (object->len > 1) g_string_append_c(object, ',');
  g_string_append(object, strchr(extra, '{') + 1);
}

GString *tarn_quarantine_rebuild(const TarnQuarantineRecord *record, const char *const *envelope, const char *payload) {
  GString *line = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, line);
  tarn_json_begin_object(&json);
  for (guint i = 0; i < record->n_envelope; i++) {
    if (!record->envelope[i]) continue;
    tarn_json_key(&json, envelope[i]);
    tarn_json_string_len(&json, record->envelope[i]->str, record->envelope[i]->len);
  }
  if (record->payload) {
    tarn_json_key(&json, payload);
    tarn_json_raw(&json, record->payload, strlen(record->payload));
  }
  tarn_json_end_object(&json);
  append_members(line, record->extra);
  return line;
}
