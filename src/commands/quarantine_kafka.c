/* `tarn quarantine export --to kafka://...`: dead letters. The record as it was, key and value and headers, and behind
 * its own headers those that begin with "tarn." and say why it was refused and where it is from. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "commands/quarantine.h"
#include "pipeline/source.h"
#include "stream/kafka.h"

static const char *const original_names[] = {[TARN_ORIGINAL_KEPT] = "kept",
                                             [TARN_ORIGINAL_SOURCE] = "source",
                                             [TARN_ORIGINAL_REBUILT] = "rebuilt",
                                             [TARN_ORIGINAL_CUT] = "cut"};

typedef struct {
  TarnKafkaSink *sink;
  TarnOriginals *originals;
  GString *value;
  GArray *headers;  /* TarnKafkaHeader */
  GPtrArray *owned; /* what they borrow */
  guint64 sent, cut;
} Republish;

static void add_header(Republish *republish, const char *name, char *value, gsize size) {
  const TarnKafkaHeader header = {name, value, size};
  g_ptr_array_add(republish->owned, value);
  g_array_append_val(republish->headers, header);
}

static void add_text(Republish *republish, const char *name, const char *value) {
  if (value) add_header(republish, name, g_strdup(value), strlen(value));
}

static void add_number(Republish *republish, const char *name, gint64 value) {
  g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, value);
  add_text(republish, name, text);
}

/* A header of the record itself, as bronze keeps it: {"name":, "value": text or null, or "base64":}. */
static void add_own_header(Republish *republish, const json_t *header) {
  const char *name = json_string_value(json_object_get(header, "name"));
  const json_t *value = json_object_get(header, "value");
  const char *base64 = json_string_value(json_object_get(header, "base64"));
  char *kept_name = g_strdup(name ? name : "");
  g_ptr_array_add(republish->owned, kept_name);
  gsize size = 0;
  char *bytes = base64 ? (char *)g_base64_decode(base64, &size) : NULL;
  if (json_is_string(value)) {
    size = json_string_length(value);
    bytes = g_memdup2(json_string_value(value), size + 1);
  }
  add_header(republish, kept_name, bytes, size);
}

static void add_own_headers(Republish *republish, const char *headers) {
  json_auto_t *list = headers ? json_loads(headers, JSON_ALLOW_NUL, NULL) : NULL;
  gsize i;
  const json_t *header;
  json_array_foreach(list, i, header) add_own_header(republish, header);
}

static void add_rules(Republish *republish, const char *reasons) {
  json_auto_t *list = json_loads(reasons, JSON_ALLOW_NUL, NULL);
  gsize i;
  const json_t *reason;
  json_array_foreach(list, i, reason) {
    const char *rule = json_string_value(json_object_get(reason, "rule"));
    g_autofree char *text =
        tarn_quarantine_reason_text(json_string_value(json_object_get(reason, "column_name")), rule ? rule : "unknown");
    add_text(republish, "tarn.rule", text);
  }
}

static void add_refusal(Republish *republish, const TarnQuarantineRecord *record, TarnOriginalKind kind) {
  add_text(republish, "tarn.layer", record->layer);
  add_text(republish, "tarn.table", record->table);
  add_text(republish, "tarn.reasons", record->reasons);
  add_rules(republish, record->reasons);
  add_text(republish, "tarn.source", record->source_name);
  add_number(republish, "tarn.partition", record->source_partition);
  add_number(republish, "tarn.offset", record->source_offset);
  add_text(republish, "tarn.quarantined_at", record->quarantined_at);
  add_text(republish, "tarn.run_id", record->run_id);
  add_text(republish, "tarn.original", original_names[kind]);
}

static gboolean republish_record(const TarnQuarantineRecord *record, gpointer user, GError **error) {
  Republish *republish = user;
  TarnOriginalKind kind = tarn_originals_find(republish->originals, record, republish->value);
  if (kind == TARN_ORIGINAL_CUT) {
    republish->cut++;
    return TRUE;
  }
  g_array_set_size(republish->headers, 0);
  g_ptr_array_set_size(republish->owned, 0);
  add_own_headers(republish, record->headers);
  add_refusal(republish, record, kind);
  const TarnKafkaMessage message = {.key = record->key ? record->key->str : NULL,
                                    .key_size = record->key ? record->key->len : 0,
                                    .value = record->tombstone ? NULL : republish->value->str,
                                    .size = republish->value->len,
                                    .headers = (const TarnKafkaHeader *)republish->headers->data,
                                    .n_headers = republish->headers->len};
  republish->sent++;
  return tarn_kafka_sink_send(republish->sink, &message, error);
}

static TarnKafkaSink *open_sink(const TarnQuarantineRequest *request, GError **error) {
  g_autofree char *brokers = NULL, *topic = NULL;
  if (!tarn_kafka_address_parse(request->to, &brokers, &topic)) {
    tarn_error_set(error, TARN_ERROR_USAGE, "write kafka://host:port/topic", "'%s' is no address of a topic",
                   request->to);
    return NULL;
  }
  if (tarn_source_is_topic(&request->published.project->config, topic)) {
    tarn_error_set(error, TARN_ERROR_USAGE, "publish to another topic, for instance TOPIC-refused",
                   "%s is a topic that the project reads: its dead letters would come again for ever", topic);
    return NULL;
  }
  g_auto(TarnSourceCluster) cluster;
  tarn_source_cluster_init(&cluster, &request->published.project->config);
  cluster.cluster.brokers = brokers;
  return tarn_kafka_sink_open(&cluster.cluster, topic, error);
}

static gboolean republish_all(const TarnQuarantineRequest *request, Republish *republish, GError **error) {
  republish->originals = tarn_originals_new(request->published.project);
  republish->value = g_string_new(NULL);
  republish->headers = g_array_new(FALSE, FALSE, sizeof(TarnKafkaHeader));
  republish->owned = g_ptr_array_new_with_free_func(g_free);
  gboolean ok = tarn_quarantine_each(request, MAX(request->limit, 0), republish_record, republish, NULL, error) &&
                tarn_kafka_sink_flush(republish->sink, error);
  tarn_originals_free(republish->originals);
  g_string_free(republish->value, TRUE);
  g_array_unref(republish->headers);
  g_ptr_array_unref(republish->owned);
  return ok;
}

gboolean tarn_quarantine_republish(const TarnQuarantineRequest *request, GError **error) {
  g_autoptr(TarnKafkaSink) sink = open_sink(request, error);
  if (!sink) return FALSE;
  Republish republish = {.sink = sink};
  if (!republish_all(request, &republish, error)) return FALSE;
  fprintf(stderr, "%" G_GUINT64_FORMAT " records -> %s\n", republish.sent, request->to);
  if (republish.cut > 0)
    fprintf(stderr,
            "%" G_GUINT64_FORMAT
            " oversize records left out: only their beginning was kept, and the source has them no more\n",
            republish.cut);
  return TRUE;
}
