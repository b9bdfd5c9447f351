#include "stream/kafka_partition.h"

#include <string.h>

#include "base/error.h"

#define GAP_HINT                                                                                                      \
  "longer retention keeps it from happening; `on_gap: continue` below source goes on with what is there and records " \
  "the gap"

static void partition_free(gpointer data) {
  TarnKafkaPartition *partition = data;
  g_free(partition->known);
  g_free(partition);
}

void tarn_kafka_partitions_free(TarnKafkaPartitions *partitions) {
  if (!partitions) return;
  g_free(partitions->cluster_id);
  g_strfreev(partitions->topics);
  g_ptr_array_unref(partitions->partitions);
  g_ptr_array_unref(partitions->gaps);
  g_free(partitions);
}

TarnKafkaPartition *tarn_kafka_partitions_get(const TarnKafkaPartitions *partitions, const char *topic, gint32 id) {
  for (guint i = 0; i < partitions->partitions->len; i++) {
    TarnKafkaPartition *partition = partitions->partitions->pdata[i];
    if (partition->id == id && g_str_equal(partition->topic, topic)) return partition;
  }
  return NULL;
}

/* --- What the brokers have -------------------------------------------------------------------------------------- */

static gboolean topic_fault(TarnKafkaClient *client, const char *topic, rd_kafka_resp_err_t code, GError **error) {
  if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
    tarn_error_set(error, TARN_ERROR_SOURCE, "check source.topics (or KAFKA_TOPIC) for a typing mistake, or create it",
                   "there is no topic %s", topic);
  else
    tarn_kafka_client_fail(client, code, error, "cannot read the topic %s", topic);
  return FALSE;
}

static gboolean add_topic(TarnKafkaClient *client, TarnKafkaPartitions *partitions, const char *topic, GError **error) {
  rd_kafka_topic_t *handle = rd_kafka_topic_new(client->rk, topic, NULL);
  const struct rd_kafka_metadata *metadata = NULL;
  rd_kafka_resp_err_t code = rd_kafka_metadata(client->rk, 0, handle, &metadata, tarn_kafka_client_timeout_ms(client));
  rd_kafka_topic_destroy(handle);
  if (code) {
    tarn_kafka_client_fail(client, code, error, "no Kafka broker answers");
    return FALSE;
  }
  code = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  int count = code ? 0 : metadata->topics[0].partition_cnt;
  rd_kafka_metadata_destroy(metadata);
  if (code) return topic_fault(client, topic, code, error);
  for (int id = 0; id < count; id++) {
    TarnKafkaPartition *partition = g_new0(TarnKafkaPartition, 1);
    partition->topic = topic;
    partition->id = id;
    g_ptr_array_add(partitions->partitions, partition);
  }
  return TRUE;
}

/* The offsets of all partitions at once: the oldest there is, or the next to be written. */
static rd_kafka_topic_partition_list_t *list_offsets(TarnKafkaClient *client, const TarnKafkaPartitions *partitions,
                                                     gint64 which, GError **error) {
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)partitions->partitions->len);
  for (guint i = 0; i < partitions->partitions->len; i++) {
    const TarnKafkaPartition *partition = partitions->partitions->pdata[i];
    rd_kafka_topic_partition_list_add(list, partition->topic, partition->id)->offset = which;
  }
  rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(client->rk, list, tarn_kafka_client_timeout_ms(client));
  for (int i = 0; i < list->cnt && !code; i++) code = list->elems[i].err;
  if (!code) return list;
  rd_kafka_topic_partition_list_destroy(list);
  tarn_kafka_client_fail(client, code, error, "the Kafka brokers do not tell what offsets the topics have");
  return NULL;
}

/* --- Where to begin --------------------------------------------------------------------------------------------- */

static char *identity_of(const char *cluster_id, const char *topic) {
  return g_strdup_printf("kafka:%s:%s", cluster_id, topic);
}

static gboolean is_kafka(const TarnPosition *position) { return g_str_has_prefix(position->identity, "kafka:"); }

static void add_gap(TarnKafkaPartitions *partitions, const char *topic, gint32 id, gint64 from, gint64 to,
                    const char *why) {
  TarnGap *gap = g_new(TarnGap, 1);
  *gap = (TarnGap){g_strdup(topic), id, from, to, g_strdup(why)};
  g_ptr_array_add(partitions->gaps, gap);
}

/* What is stored of the topic: of this cluster, and whether another cluster had it. */
static const TarnPosition *find_stored(const GPtrArray *stored, const char *identity, const char *topic, gint32 id,
                                       gboolean *elsewhere) {
  for (guint i = 0; i < stored->len; i++) {
    const TarnPosition *position = stored->pdata[i];
    if (position->partition != id || !is_kafka(position)) continue;
    if (g_str_equal(position->identity, identity)) return position;
    if (g_str_equal(position->name, topic)) *elsewhere = TRUE;
  }
  return NULL;
}

static gboolean is_known_topic(const GPtrArray *stored, const char *identity) {
  for (guint i = 0; i < stored->len; i++)
    if (g_str_equal(((const TarnPosition *)stored->pdata[i])->identity, identity)) return TRUE;
  return FALSE;
}

static void go_on(TarnKafkaPartition *partition) {
  partition->next = partition->stored->offset;
  partition->known = g_strdup(partition->stored->prefix_digest);
  partition->compare = tarn_kafka_known_offset(partition->known) >= partition->low;
}

static void begin(TarnKafkaPartition *partition) {
  partition->next = partition->low;
  g_clear_pointer(&partition->known, g_free);
  partition->compare = FALSE;
}

/* Sets the partition on its place; what is lost becomes a gap. */
static void place(TarnKafkaPartitions *partitions, TarnKafkaPartition *partition, const GPtrArray *stored, gint64 low,
                  gint64 high) {
  g_autofree char *identity = identity_of(partitions->cluster_id, partition->topic);
  gboolean elsewhere = FALSE;
  partition->stored = find_stored(stored, identity, partition->topic, partition->id, &elsewhere);
  partition->low = low;
  partition->bound = high;
  if (!partition->stored) {
    begin(partition);
    if (elsewhere)
      add_gap(partitions, partition->topic, partition->id, low, -1,
              "the topic was read in another cluster before: what that one had since is unknown");
    else if (low > 0 && is_known_topic(stored, identity))
      add_gap(partitions, partition->topic, partition->id, 0, low,
              "retention removed them before the new partition was read");
  } else if (partition->stored->offset > high) {
    begin(partition);
    add_gap(partitions, partition->topic, partition->id, partition->stored->offset, -1,
            "the topic ends before what was read of it: it was deleted and created again, or cut");
  } else if (partition->stored->offset < low) {
    begin(partition);
    add_gap(partitions, partition->topic, partition->id, partition->stored->offset, low,
            "retention removed them before they were read");
  } else {
    go_on(partition);
  }
  partition->ended = partition->next >= partition->bound;
}

/* Stored partitions that the topic does not have any more: partitions are never taken from a topic. */
static void find_vanished(TarnKafkaPartitions *partitions, const GPtrArray *stored) {
  for (guint i = 0; i < stored->len; i++) {
    const TarnPosition *position = stored->pdata[i];
    if (!is_kafka(position) || !g_strv_contains((const char *const *)partitions->topics, position->name)) continue;
    g_autofree char *identity = identity_of(partitions->cluster_id, position->name);
    if (!g_str_equal(position->identity, identity)) continue;
    if (!tarn_kafka_partitions_get(partitions, position->name, position->partition))
      add_gap(partitions, position->name, position->partition, position->offset, -1,
              "the topic has fewer partitions than before: it was deleted and created again");
  }
}

/* One line per gap, as the detail of an error. */
static gboolean refuse_gaps(const TarnKafkaPartitions *partitions, GError **error) {
  g_autoptr(GString) lost = g_string_new(NULL);
  gint64 count = 0;
  gboolean unknown = FALSE;
  for (guint i = 0; i < partitions->gaps->len; i++) {
    const TarnGap *gap = partitions->gaps->pdata[i];
    unknown |= gap->to < 0;
    if (gap->to >= 0) count += gap->to - gap->from;
    g_string_append_printf(lost, "%s%s partition %d, offsets from %" G_GINT64_FORMAT, i ? "; " : "", gap->name,
                           gap->partition, gap->from);
    if (gap->to >= 0) g_string_append_printf(lost, " to %" G_GINT64_FORMAT, gap->to - 1);
    g_string_append_printf(lost, ": %s", gap->why);
  }
  g_autofree char *number = unknown ? g_strdup("records") : g_strdup_printf("%" G_GINT64_FORMAT " offsets", count);
  tarn_error_set(error, TARN_ERROR_SOURCE, GAP_HINT, "%s of the source are lost: %s", number, lost->str);
  return FALSE;
}

static gboolean place_all(TarnKafkaClient *client, TarnKafkaPartitions *partitions, const GPtrArray *stored,
                          GError **error) {
  rd_kafka_topic_partition_list_t *low = list_offsets(client, partitions, RD_KAFKA_OFFSET_BEGINNING, error);
  rd_kafka_topic_partition_list_t *high = low ? list_offsets(client, partitions, RD_KAFKA_OFFSET_END, error) : NULL;
  for (guint i = 0; high && i < partitions->partitions->len; i++) {
    TarnKafkaPartition *partition = partitions->partitions->pdata[i];
    gint64 from = rd_kafka_topic_partition_list_find(low, partition->topic, partition->id)->offset;
    gint64 to = rd_kafka_topic_partition_list_find(high, partition->topic, partition->id)->offset;
    place(partitions, partition, stored, MAX(from, 0), MAX(to, 0));
  }
  gboolean ok = high != NULL;
  if (low) rd_kafka_topic_partition_list_destroy(low);
  if (high) rd_kafka_topic_partition_list_destroy(high);
  return ok;
}

TarnKafkaPartitions *tarn_kafka_partitions_find(TarnKafkaClient *client, const TarnKafkaOptions *options,
                                                const GPtrArray *stored, GError **error) {
  g_autoptr(TarnKafkaPartitions) partitions = g_new0(TarnKafkaPartitions, 1);
  partitions->topics = g_strdupv((char **)options->topics);
  partitions->partitions = g_ptr_array_new_with_free_func(partition_free);
  partitions->gaps = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_gap_free);
  for (char **topic = partitions->topics; *topic; topic++)
    if (!add_topic(client, partitions, *topic, error)) return NULL;
  partitions->cluster_id = rd_kafka_clusterid(client->rk, tarn_kafka_client_timeout_ms(client));
  if (!partitions->cluster_id) {
    tarn_kafka_client_fail(client, RD_KAFKA_RESP_ERR__TIMED_OUT, error,
                           "the Kafka brokers do not tell their cluster's id");
    return NULL;
  }
  if (!place_all(client, partitions, stored, error)) return NULL;
  find_vanished(partitions, stored);
  if (partitions->gaps->len > 0 && !options->continue_on_gap) {
    refuse_gaps(partitions, error);
    return NULL;
  }
  return g_steal_pointer(&partitions);
}

/* --- Is it the topic that was read? ----------------------------------------------------------------------------- */

gboolean tarn_kafka_partitions_need_check(const TarnKafkaPartitions *partitions) {
  for (guint i = 0; i < partitions->partitions->len; i++)
    if (((const TarnKafkaPartition *)partitions->partitions->pdata[i])->compare) return TRUE;
  return FALSE;
}

static gboolean assign_known(const TarnKafkaPartitions *partitions, TarnKafkaClient *client, GError **error) {
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
  for (guint i = 0; i < partitions->partitions->len; i++) {
    const TarnKafkaPartition *partition = partitions->partitions->pdata[i];
    if (partition->compare)
      rd_kafka_topic_partition_list_add(list, partition->topic, partition->id)->offset =
          tarn_kafka_known_offset(partition->known);
  }
  rd_kafka_resp_err_t code = rd_kafka_assign(client->rk, list);
  rd_kafka_topic_partition_list_destroy(list);
  if (code) tarn_kafka_client_fail(client, code, error, "the partitions cannot be assigned");
  return !code;
}

static void replaced(TarnKafkaPartitions *partitions, TarnKafkaPartition *partition) {
  add_gap(partitions, partition->topic, partition->id, partition->next, -1,
          "the record that was read last is another one now: the topic was deleted and created again");
  begin(partition);
  partition->ended = partition->next >= partition->bound;
}

/* The first thing that comes from a partition decides: its known record, a later one where compaction took that away, or
 * its end. */
static void compare(TarnKafkaPartitions *partitions, const rd_kafka_message_t *message) {
  const char *topic = message->rkt ? rd_kafka_topic_name(message->rkt) : NULL;
  TarnKafkaPartition *partition = topic ? tarn_kafka_partitions_get(partitions, topic, message->partition) : NULL;
  if (!partition || !partition->compare || (message->err && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)) return;
  partition->compare = FALSE;
  if (message->err || message->offset != tarn_kafka_known_offset(partition->known)) return;
  g_autofree char *now = tarn_kafka_known_of(message);
  if (!g_str_equal(now, partition->known)) replaced(partitions, partition);
}

gboolean tarn_kafka_partitions_check(TarnKafkaPartitions *partitions, TarnKafkaClient *client,
                                     const TarnKafkaOptions *options, GError **error) {
  gint64 patience = g_get_monotonic_time() + client->timeout_us;
  if (!assign_known(partitions, client, error)) return FALSE;
  while (tarn_kafka_partitions_need_check(partitions)) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll(client->rk, 100);
    if (message) {
      compare(partitions, message);
      rd_kafka_message_destroy(message);
    } else if (g_get_monotonic_time() >= patience || g_cancellable_is_cancelled(options->cancellable)) {
      tarn_kafka_client_fail(client, RD_KAFKA_RESP_ERR__TIMED_OUT, error,
                             "the last known records of the topics cannot be read again");
      return FALSE;
    }
  }
  return partitions->gaps->len == 0 || options->continue_on_gap || refuse_gaps(partitions, error);
}

/* --- How far it came -------------------------------------------------------------------------------------------- */

static TarnPosition *position_of(const TarnKafkaPartitions *partitions, const TarnKafkaPartition *partition) {
  TarnPosition *position = g_new0(TarnPosition, 1);
  position->identity = identity_of(partitions->cluster_id, partition->topic);
  position->name = g_strdup(partition->topic);
  position->partition = partition->id;
  position->offset = partition->next;
  position->size = -1;
  position->prefix_digest = g_strdup(partition->known);
  position->complete = partition->next >= partition->bound;
  return position;
}

/* Is the stored position replaced by one of this run, or void because its partition is gone? */
static gboolean is_ours(const TarnKafkaPartitions *partitions, const TarnPosition *position) {
  if (!g_strv_contains((const char *const *)partitions->topics, position->name)) return FALSE;
  g_autofree char *identity = identity_of(partitions->cluster_id, position->name);
  return g_str_equal(position->identity, identity);
}

GPtrArray *tarn_kafka_partitions_positions(const TarnKafkaPartitions *partitions, const GPtrArray *stored) {
  GPtrArray *positions = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_position_free);
  for (guint i = 0; i < stored->len; i++)
    if (!is_ours(partitions, stored->pdata[i])) g_ptr_array_add(positions, tarn_position_copy(stored->pdata[i]));
  for (guint i = 0; i < partitions->partitions->len; i++)
    g_ptr_array_add(positions, position_of(partitions, partitions->partitions->pdata[i]));
  return positions;
}

static void feed_number(GChecksum *checksum, gint64 value) {
  gint64 bytes = GINT64_TO_LE(value);
  g_checksum_update(checksum, (const guchar *)&bytes, sizeof bytes);
}

/* With the length in front, -1 for what is not there. */
static void feed_bytes(GChecksum *checksum, const void *data, gsize size) {
  feed_number(checksum, data ? (gint64)size : -1);
  if (data && size > 0) g_checksum_update(checksum, data, (gssize)size);
}

char *tarn_kafka_known_of(const rd_kafka_message_t *message) {
  g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
  feed_number(checksum, message->offset);
  feed_number(checksum, rd_kafka_message_timestamp(message, NULL));
  feed_bytes(checksum, message->key, message->key_len);
  feed_bytes(checksum, message->payload, message->len);
  return g_strdup_printf("%" G_GINT64_FORMAT ":%s", message->offset, g_checksum_get_string(checksum));
}

gint64 tarn_kafka_known_offset(const char *known) { return known ? g_ascii_strtoll(known, NULL, 10) : -1; }
