#include "commands/generate_kafka.h"

#include <string.h>

#include "base/error.h"
#include "stream/json_scan.h"
#include "stream/kafka.h"

#define PROGRESS_EVERY 16384
#define TIMEOUT_US (30 * G_USEC_PER_SEC)

/* Name, value, name, value, ..., NULL. */
static GStrv split_properties(const char *const *properties, GError **error) {
  g_autoptr(GStrvBuilder) pairs = g_strv_builder_new();
  for (; properties && *properties; properties++) {
    g_auto(GStrv) pair = g_strsplit(*properties, "=", 2);
    if (g_strv_length(pair) < 2) {
      tarn_error_set(error, TARN_ERROR_USAGE, "for instance --kafka security.protocol=ssl",
                     "--kafka '%s' is not PROPERTY=VALUE", *properties);
      return NULL;
    }
    g_strv_builder_addv(pairs, (const char **)pair);
  }
  return g_strv_builder_end(pairs);
}

static TarnKafkaSink *open_sink(const char *address, const char *const *properties, GError **error) {
  g_autofree char *brokers = NULL, *topic = NULL;
  if (!tarn_kafka_address_parse(address, &brokers, &topic)) {
    tarn_error_set(error, TARN_ERROR_USAGE, "write kafka://host:port/topic", "'%s' is no address of a topic", address);
    return NULL;
  }
  g_auto(GStrv) pairs = split_properties(properties, error);
  if (!pairs) return NULL;
  const TarnKafkaCluster cluster = {
      .brokers = brokers, .properties = (const char *const *)pairs, .timeout_us = TIMEOUT_US};
  return tarn_kafka_sink_open(&cluster, topic, error);
}

/* The key of a line: its subscriber where there is one. Borrowed from the line. */
static void set_key(const TarnScanner *scanner, const TarnLine *line, TarnScanResult *result,
                    TarnKafkaMessage *message) {
  TarnJsonSlice field;
  message->key = NULL;
  message->key_size = 0;
  if (tarn_json_scan(scanner, line->text, line->size, &field, result) != TARN_SCAN_OK) return;
  if (field.kind != TARN_JSON_STRING) return;
  message->key = field.text + 1;
  message->key_size = field.size - 2;
}

static gboolean send_all(const TarnTelecom *telecom, TarnKafkaSink *sink, const TarnScanner *scanner,
                         TarnTelecomProgress progress, gpointer data, guint64 *bytes, GError **error) {
  g_autofree TarnScanResult *result = g_new(TarnScanResult, 1);
  TarnLine line;
  for (guint64 number = 0; number < tarn_telecom_process(telecom)->events; number++) {
    tarn_telecom_line(telecom, number, &line);
    TarnKafkaMessage message = {.value = line.text, .size = line.size};
    set_key(scanner, &line, result, &message);
    if (!tarn_kafka_sink_send(sink, &message, error)) return FALSE;
    *bytes += line.size;
    if (number % PROGRESS_EVERY == 0 && !progress(number, data)) return FALSE;
  }
  return tarn_kafka_sink_flush(sink, error);
}

gboolean tarn_generate_to_kafka(const TarnTelecom *telecom, const char *address, const char *const *properties,
                                TarnTelecomProgress progress, gpointer data, guint64 *bytes, GError **error) {
  static const char *const names[] = {"subscriber_id", NULL};
  g_autoptr(TarnKafkaSink) sink = open_sink(address, properties, error);
  if (!sink) return FALSE;
  g_autoptr(TarnScanner) scanner = tarn_scanner_new(names, TARN_SCAN_DEPTH_LIMIT);
  *bytes = 0;
  return send_all(telecom, sink, scanner, progress, data, bytes, error);
}
