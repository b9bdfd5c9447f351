#include <string.h>

#include "stream/kafka_client.h"

#define NEAR 2000 /* offsets that are read over rather than asked for anew */

/* A partition that was asked for: librdkafka's simple consumer, which has a queue for each. */
typedef struct {
  rd_kafka_topic_t *topic;
  gint32 id;
  gint64 next; /* the next offset that comes; -1: reading has not begun */
} Place;

struct TarnKafkaReread {
  TarnKafkaClient *client;
  GPtrArray *places;
};

static const char *const reread_defaults[] = {"queued.max.messages.kbytes",
                                              "1024",
                                              "queued.min.messages",
                                              "2000",
                                              "fetch.message.max.bytes",
                                              "262144",
                                              "fetch.wait.max.ms",
                                              "50",
                                              NULL};
static const char *const reread_fixed[] = {"enable.auto.commit",
                                           "false",
                                           "enable.auto.offset.store",
                                           "false",
                                           "auto.offset.reset",
                                           "error",
                                           "enable.partition.eof",
                                           "true",
                                           NULL};

static void place_free(gpointer data) {
  Place *place = data;
  if (place->next >= 0) rd_kafka_consume_stop(place->topic, place->id);
  rd_kafka_topic_destroy(place->topic);
  g_free(place);
}

TarnKafkaReread *tarn_kafka_reread_open(const TarnKafkaCluster *cluster, GError **error) {
  const TarnKafkaRole role = {.type = RD_KAFKA_CONSUMER, .defaults = reread_defaults, .fixed = reread_fixed};
  TarnKafkaCluster unlimited = *cluster;
  unlimited.memory_bytes = 0; /* the defaults above are small already, and there is a queue per partition */
  TarnKafkaClient *client = tarn_kafka_client_new(&unlimited, &role, error);
  if (!client) return NULL;
  TarnKafkaReread *reread = g_new0(TarnKafkaReread, 1);
  reread->client = client;
  reread->places = g_ptr_array_new_with_free_func(place_free);
  return reread;
}

void tarn_kafka_reread_free(TarnKafkaReread *reread) {
  if (!reread) return;
  g_ptr_array_unref(reread->places);
  tarn_kafka_client_free(reread->client);
  g_free(reread);
}

static Place *find_place(TarnKafkaReread *reread, const char *topic, gint32 id) {
  for (guint i = 0; i < reread->places->len; i++) {
    Place *place = reread->places->pdata[i];
    if (place->id == id && g_str_equal(rd_kafka_topic_name(place->topic), topic)) return place;
  }
  Place *place = g_new0(Place, 1);
  place->topic = rd_kafka_topic_new(reread->client->rk, topic, NULL);
  place->id = id;
  place->next = -1;
  g_ptr_array_add(reread->places, place);
  return place;
}

/* Puts the partition so that the offset comes soon. A queue that is started anew holds nothing of before. */
static gboolean go_to(Place *place, gint64 offset) {
  if (place->next >= 0 && offset >= place->next && offset - place->next <= NEAR) return TRUE;
  if (place->next >= 0) rd_kafka_consume_stop(place->topic, place->id);
  place->next = -1;
  if (rd_kafka_consume_start(place->topic, place->id, offset) != 0) return FALSE;
  place->next = offset;
  return TRUE;
}

/* Is the message the record, and if so, what is in it? *over: it will not come any more. */
static gboolean take(Place *place, const rd_kafka_message_t *message, gint64 offset, GString *value, gboolean *over) {
  *over = message->err || message->offset >= offset;
  if (message->err) {
    rd_kafka_consume_stop(place->topic, place->id);
    place->next = -1;
    return FALSE;
  }
  place->next = message->offset + 1;
  if (message->offset != offset || !message->payload) return FALSE;
  g_string_append_len(value, message->payload, (gssize)message->len);
  return TRUE;
}

gboolean tarn_kafka_reread_record(TarnKafkaReread *reread, const char *topic, gint32 partition, gint64 offset,
                                  GString *value) {
  g_string_truncate(value, 0);
  Place *place = find_place(reread, topic, partition);
  if (!go_to(place, offset)) return FALSE;
  gint64 patience = g_get_monotonic_time() + reread->client->timeout_us;
  gboolean found = FALSE;
  for (gboolean over = FALSE; !over && g_get_monotonic_time() < patience;) {
    rd_kafka_poll(reread->client->rk, 0);
    rd_kafka_message_t *message = rd_kafka_consume(place->topic, place->id, 100);
    if (!message) continue;
    found = take(place, message, offset, value, &over);
    rd_kafka_message_destroy(message);
  }
  return found;
}
