#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "stream/kafka_client.h"

#define FLUSH_STEP_MS 200

struct TarnKafkaSink {
  TarnKafkaClient *client;
  rd_kafka_topic_t *topic;
  rd_kafka_resp_err_t failed; /* of the first message that was not taken */
};

static const char *const sink_defaults[] = {"linger.ms", "20", "compression.type", "lz4", NULL};
static const char *const sink_fixed[] = {"enable.idempotence", "true", NULL};

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
  (void)opaque;
  TarnKafkaSink *sink = tarn_kafka_client_opaque(rk);
  if (message->err && !sink->failed) sink->failed = message->err;
}

TarnKafkaSink *tarn_kafka_sink_open(const TarnKafkaCluster *cluster, const char *topic, GError **error) {
  g_autoptr(TarnKafkaSink) sink = g_new0(TarnKafkaSink, 1);
  g_autofree char *timeout = g_strdup_printf("%" G_GINT64_FORMAT, MAX(cluster->timeout_us / 1000, 1000));
  const char *const defaults[] = {
      sink_defaults[0], sink_defaults[1], sink_defaults[2], sink_defaults[3], "message.timeout.ms", timeout, NULL};
  const TarnKafkaRole role = {
      .type = RD_KAFKA_PRODUCER, .defaults = defaults, .fixed = sink_fixed, .delivered = delivered, .opaque = sink};
  sink->client = tarn_kafka_client_new(cluster, &role, error);
  if (!sink->client) return NULL;
  sink->topic = rd_kafka_topic_new(sink->client->rk, topic, NULL);
  return g_steal_pointer(&sink);
}

void tarn_kafka_sink_free(TarnKafkaSink *sink) {
  if (!sink) return;
  if (sink->topic) rd_kafka_topic_destroy(sink->topic);
  tarn_kafka_client_free(sink->client);
  g_free(sink);
}

static gboolean is_well(TarnKafkaSink *sink, GError **error) {
  if (!sink->failed) return TRUE;
  tarn_kafka_client_fail(sink->client, sink->failed, error, "cannot write to the topic %s",
                         rd_kafka_topic_name(sink->topic));
  return FALSE;
}

static rd_kafka_headers_t *make_headers(const TarnKafkaMessage *message) {
  if (message->n_headers == 0) return NULL;
  rd_kafka_headers_t *headers = rd_kafka_headers_new(message->n_headers);
  for (guint i = 0; i < message->n_headers; i++) {
    const TarnKafkaHeader *header = &message->headers[i];
    rd_kafka_header_add(headers, header->name, -1, header->value, header->value ? (gssize)header->size : 0);
  }
  return headers;
}

/* Takes the headers. */
static rd_kafka_resp_err_t produce(TarnKafkaSink *sink, const TarnKafkaMessage *message, rd_kafka_headers_t *headers) {
  rd_kafka_error_t *error = NULL;
  rd_kafka_vu_t arguments[] = {
      {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = sink->topic},
      {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
      {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)message->key, message->key_size}},
      {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)message->value, message->size}},
      {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
  };
  error = rd_kafka_produceva(sink->client->rk, arguments, G_N_ELEMENTS(arguments) - (headers ? 0 : 1));
  rd_kafka_resp_err_t code = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
  if (error) rd_kafka_error_destroy(error);
  return code;
}

gboolean tarn_kafka_sink_send(TarnKafkaSink *sink, const TarnKafkaMessage *message, GError **error) {
  for (;;) {
    rd_kafka_headers_t *headers = make_headers(message);
    rd_kafka_resp_err_t code = produce(sink, message, headers);
    if (code && headers) rd_kafka_headers_destroy(headers);
    rd_kafka_poll(sink->client->rk, code == RD_KAFKA_RESP_ERR__QUEUE_FULL ? FLUSH_STEP_MS : 0);
    if (!is_well(sink, error)) return FALSE;
    if (!code) return TRUE;
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      tarn_kafka_client_fail(sink->client, code, error, "cannot write to the topic %s",
                             rd_kafka_topic_name(sink->topic));
      return FALSE;
    }
  }
}

/* Messages that nobody acknowledges fail by message.timeout.ms, so this ends. */
gboolean tarn_kafka_sink_flush(TarnKafkaSink *sink, GError **error) {
  while (rd_kafka_flush(sink->client->rk, FLUSH_STEP_MS) == RD_KAFKA_RESP_ERR__TIMED_OUT)
    if (!is_well(sink, error)) return FALSE;
  return is_well(sink, error);
}

gboolean tarn_kafka_address_parse(const char *address, char **brokers, char **topic) {
  static const char scheme[] = "kafka://";
  if (!g_str_has_prefix(address, scheme)) return FALSE;
  const char *rest = address + strlen(scheme), *slash = strchr(rest, '/');
  if (!slash || slash == rest || !slash[1] || strchr(slash + 1, '/')) return FALSE;
  *brokers = g_strndup(rest, (gsize)(slash - rest));
  *topic = g_strdup(slash + 1);
  return TRUE;
}
