#include "stream/kafka_record.h"

#include "base/json_writer.h"
#include "stream/framing.h"

#define OVERSIZE_KEPT (64 * 1024)

static void write_header(TarnJsonWriter *json, const char *name, const char *value, gsize size) {
  tarn_json_begin_object(json);
  tarn_json_member_string(json, "name", name);
  if (!value || g_utf8_validate_len(value, size, NULL)) {
    tarn_json_key(json, "value");
    if (value)
      tarn_json_string_len(json, value, size);
    else
      tarn_json_null(json);
  } else {
    g_autofree char *base64 = g_base64_encode((const guchar *)value, size);
    tarn_json_member_string(json, "base64", base64);
  }
  tarn_json_end_object(json);
}

/* [{"name": ..., "value": text or null} or {"name": ..., "base64": ...}, ...] in the order of the record. */
static char *headers_json(const rd_kafka_message_t *message) {
  rd_kafka_headers_t *headers = NULL;
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return NULL;
  GString *text = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, text);
  tarn_json_begin_array(&json);
  const char *name;
  const void *value;
  gsize size;
  for (gsize i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
    write_header(&json, name, value, size);
  tarn_json_end_array(&json);
  return g_string_free(text, FALSE);
}

static void fill_value(TarnRecord *record, const rd_kafka_message_t *message, gsize max_bytes) {
  record->data = message->payload;
  record->size = (guint32)message->len;
  record->full_size = (gint64)message->len;
  if (message->len > max_bytes) {
    record->kind = TARN_RECORD_OVERSIZE;
    record->digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, message->payload, message->len);
    record->size = MIN(record->size, OVERSIZE_KEPT);
    return;
  }
  record->kind = TARN_RECORD_WHOLE;
  tarn_framing_apply(record);
}

void tarn_kafka_record_fill(TarnRecord *record, const rd_kafka_message_t *message, gsize max_bytes) {
  gint64 milliseconds = rd_kafka_message_timestamp(message, NULL);
  *record = (TarnRecord){.kind = TARN_RECORD_TOMBSTONE,
                         .offset = message->offset,
                         .key = message->key,
                         .key_size = (guint32)message->key_len,
                         .headers = headers_json(message),
                         .timestamp_us = MAX(milliseconds, 0) * 1000};
  if (message->payload) fill_value(record, message, max_bytes);
}
