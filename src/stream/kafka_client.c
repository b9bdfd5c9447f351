#include "stream/kafka_client.h"

#include <string.h>

#include "base/error.h"

#define WARNING 4 /* syslog's level */

typedef struct {
  TarnKafkaClient client;
  void *opaque;
} Client;

/* --- Properties ------------------------------------------------------------------------------------------------- */

/* Appends what `${...}` stands for. */
static gboolean append_reference(const char *property, const char *reference, GString *out, GError **error) {
  const char *path = g_str_has_prefix(reference, "file:") ? reference + strlen("file:") : NULL;
  if (!path) {
    const char *value = g_getenv(reference);
    if (value) g_string_append(out, value);
    if (!value)
      tarn_error_set(error, TARN_ERROR_USAGE, "export it before the run, or name a file: ${file:/path}",
                     "kafka property %s: the environment has no variable %s", property, reference);
    return value != NULL;
  }
  g_autofree char *text = NULL;
  g_autoptr(GError) fault = NULL;
  if (!g_file_get_contents(path, &text, NULL, &fault)) {
    tarn_error_set_detail(error, TARN_ERROR_USAGE, fault->message, "check the path and its permissions",
                          "kafka property %s: cannot read %s", property, path);
    return FALSE;
  }
  g_string_append_len(out, text, (gssize)strcspn(text, "\r\n"));
  return TRUE;
}

char *tarn_kafka_expand(const char *name, const char *value, GError **error) {
  g_autoptr(GString) out = g_string_new(NULL);
  for (const char *at = value;;) {
    const char *open = strstr(at, "${"), *close = open ? strchr(open, '}') : NULL;
    if (!close) {
      g_string_append(out, at);
      return g_string_free(g_steal_pointer(&out), FALSE);
    }
    g_string_append_len(out, at, open - at);
    g_autofree char *reference = g_strndup(open + 2, (gsize)(close - open) - 2);
    if (!append_reference(name, reference, out, error)) return NULL;
    at = close + 1;
  }
}

/* librdkafka's message may repeat the value, which may be a secret: it is told for plain values only. */
static gboolean set_property(rd_kafka_conf_t *conf, const char *name, const char *value, gboolean plain,
                             GError **error) {
  char why[256];
  rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, name, value, why, sizeof why);
  if (result == RD_KAFKA_CONF_OK) return TRUE;
  tarn_error_set_detail(error, TARN_ERROR_USAGE, plain ? why : NULL,
                        "librdkafka's CONFIGURATION.md lists the properties and their values",
                        result == RD_KAFKA_CONF_UNKNOWN ? "kafka property %s: librdkafka knows no such property"
                                                        : "kafka property %s: its value is not accepted",
                        name);
  return FALSE;
}

static gboolean set_properties(rd_kafka_conf_t *conf, const char *const *pairs, GError **error) {
  for (; pairs && pairs[0]; pairs += 2)
    if (!set_property(conf, pairs[0], pairs[1], TRUE, error)) return FALSE;
  return TRUE;
}

static gboolean is_fixed(const char *const *fixed, const char *name) {
  for (; fixed && fixed[0]; fixed += 2)
    if (g_str_equal(fixed[0], name)) return TRUE;
  return g_str_equal(name, "bootstrap.servers") || g_str_equal(name, "metadata.broker.list");
}

static gboolean set_users(rd_kafka_conf_t *conf, const char *const *pairs, const char *const *fixed, GError **error) {
  for (; pairs && pairs[0]; pairs += 2) {
    if (is_fixed(fixed, pairs[0])) {
      tarn_error_set(error, TARN_ERROR_USAGE, "remove it: exactly-once reading depends on it",
                     "kafka property %s is not yours to set", pairs[0]);
      return FALSE;
    }
    g_autofree char *value = tarn_kafka_expand(pairs[0], pairs[1], error);
    if (!value || !set_property(conf, pairs[0], value, g_str_equal(value, pairs[1]), error)) return FALSE;
  }
  return TRUE;
}

TarnKafkaQueueLimits tarn_kafka_queue_limits(guint64 memory_bytes) {
  guint64 kib = memory_bytes > 0 ? CLAMP(memory_bytes / 1024, 1024, 65536) : 65536;
  return (TarnKafkaQueueLimits){.records = CLAMP(kib * 2, 2000, 100000), .kib = kib};
}

static gboolean set_budget(rd_kafka_conf_t *conf, guint64 bytes, GError **error) {
  if (bytes == 0) return TRUE;
  TarnKafkaQueueLimits limits = tarn_kafka_queue_limits(bytes);
  g_autofree char *kib = g_strdup_printf("%" G_GUINT64_FORMAT, limits.kib);
  g_autofree char *records = g_strdup_printf("%" G_GUINT64_FORMAT, limits.records);
  g_autofree char *fetch = g_strdup_printf("%" G_GUINT64_FORMAT, MAX(limits.kib * 1024 / 2, 1000000));
  const char *const pairs[] = {
      "queued.max.messages.kbytes", kib, "queued.min.messages", records, "fetch.max.bytes", fetch, NULL};
  return set_properties(conf, pairs, error);
}

/* --- Complaints ------------------------------------------------------------------------------------------------- */

void tarn_kafka_client_note(TarnKafkaClient *client, const char *complaint) {
  g_mutex_lock(&client->lock);
  g_free(client->complaint);
  client->complaint = g_strdup(complaint);
  g_mutex_unlock(&client->lock);
}

char *tarn_kafka_client_complaint(TarnKafkaClient *client) {
  g_mutex_lock(&client->lock);
  char *complaint = g_strdup(client->complaint);
  g_mutex_unlock(&client->lock);
  return complaint;
}

static void note_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
  (void)facility;
  Client *client = rk ? rd_kafka_opaque(rk) : NULL;
  if (client && level <= WARNING) tarn_kafka_client_note(&client->client, text);
}

static void note_error(rd_kafka_t *rk, int code, const char *text, void *opaque) {
  (void)rk;
  /* That all brokers are down says less than why the last one went. */
  if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) tarn_kafka_client_note(opaque, text);
}

void tarn_kafka_client_fail(TarnKafkaClient *client, rd_kafka_resp_err_t code, GError **error, const char *format,
                            ...) {
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *what = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_autofree char *complaint = tarn_kafka_client_complaint(client);
  const char *text = rd_kafka_err2str(code);
  g_autofree char *detail =
      complaint && code ? g_strdup_printf("%s; %s", text, complaint) : g_strdup(complaint ? complaint : text);
  tarn_error_set_detail(error, TARN_ERROR_SOURCE, detail,
                        "check source.brokers (or KAFKA_BROKERS), the network, and the properties below source.kafka",
                        "%s", what);
}

/* --- Clients ---------------------------------------------------------------------------------------------------- */

static rd_kafka_conf_t *make_conf(const TarnKafkaCluster *cluster, const TarnKafkaRole *role, GError **error) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  const char *const brokers[] = {"bootstrap.servers", cluster->brokers, "client.id", "tarn", NULL};
  if (set_properties(conf, brokers, error) && set_properties(conf, role->defaults, error) &&
      set_budget(conf, cluster->memory_bytes, error) && set_users(conf, cluster->properties, role->fixed, error) &&
      set_properties(conf, role->fixed, error))
    return conf;
  rd_kafka_conf_destroy(conf);
  return NULL;
}

TarnKafkaClient *tarn_kafka_client_new(const TarnKafkaCluster *cluster, const TarnKafkaRole *role, GError **error) {
  rd_kafka_conf_t *conf = make_conf(cluster, role, error);
  if (!conf) return NULL;
  Client *client = g_new0(Client, 1);
  client->opaque = role->opaque;
  client->client.timeout_us = cluster->timeout_us;
  g_mutex_init(&client->client.lock);
  rd_kafka_conf_set_opaque(conf, client);
  rd_kafka_conf_set_log_cb(conf, note_log);
  rd_kafka_conf_set_error_cb(conf, note_error);
  if (role->delivered) rd_kafka_conf_set_dr_msg_cb(conf, role->delivered);
  char why[512];
  client->client.rk = rd_kafka_new(role->type, conf, why, sizeof why);
  if (client->client.rk) return &client->client;
  rd_kafka_conf_destroy(conf);
  tarn_kafka_client_free(&client->client);
  tarn_error_set_detail(error, TARN_ERROR_USAGE, why, "check the properties below source.kafka",
                        "the Kafka client cannot be set up");
  return NULL;
}

void tarn_kafka_client_free(TarnKafkaClient *client) {
  if (!client) return;
  /* Nothing was subscribed to: there is no group to leave, and no offset to commit on the way out. */
  if (client->rk) rd_kafka_destroy_flags(client->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  g_mutex_clear(&client->lock);
  g_free(client->complaint);
  g_free(client);
}

void *tarn_kafka_client_opaque(const rd_kafka_t *rk) { return ((Client *)rd_kafka_opaque(rk))->opaque; }

int tarn_kafka_client_timeout_ms(const TarnKafkaClient *client) {
  return (int)CLAMP(client->timeout_us / 1000, 1, G_MAXINT);
}
