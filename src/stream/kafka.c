#include "stream/kafka.h"

#include <stdatomic.h>
#include <string.h>

#include "base/error.h"
#include "stream/kafka_nudge.h"
#include "stream/kafka_partition.h"
#include "stream/kafka_record.h"
#include "stream/stream_private.h"

#define TAKEN_AT_ONCE 2048       /* messages */
#define BATCH_BYTES (512 * 1024) /* of one batch: several threads share what is there */
#define WAIT_MS 100              /* between two looks at the clock and the cancellable */
#define COMMIT_WAIT_MS 5000

typedef struct {
  TarnStream base;
  TarnKafkaClient *client;
  rd_kafka_queue_t *queue;
  TarnKafkaNudge *nudge;
  TarnKafkaPartitions *partitions;
  GPtrArray *stored; /* TarnPosition *, of the last run */
  gsize max_record_bytes;
  gint64 records_left; /* G_MAXINT64: no limit */
  gint64 end_us;       /* monotonic; G_MAXINT64: no limit */
  GCancellable *cancellable;
  rd_kafka_message_t *taken[TAKEN_AT_ONCE];
  guint n_taken, at; /* taken[at] is the next one */
  guint active;      /* partitions that have not ended */
  _Atomic gint64 bytes_read, records, records_total;
} KafkaStream;

/* What the client is told, whatever the user says: positions are the lakehouse's, and nothing is passed over in silence.
 */
static const char *const source_fixed[] = {"enable.auto.commit",
                                           "false",
                                           "enable.auto.offset.store",
                                           "false",
                                           "auto.offset.reset",
                                           "error",
                                           "enable.partition.eof",
                                           "true",
                                           NULL};
static const char *const source_defaults[] = {"fetch.wait.max.ms", "100", "reconnect.backoff.max.ms", "1000", NULL};

/* --- Messages --------------------------------------------------------------------------------------------------- */

static void drop_head(KafkaStream *stream) { rd_kafka_message_destroy(stream->taken[stream->at++]); }

static void end_partition(KafkaStream *stream, TarnKafkaPartition *partition) {
  if (partition->ended) return;
  partition->ended = TRUE;
  stream->active--;
}

static TarnKafkaPartition *partition_of(const KafkaStream *stream, const rd_kafka_message_t *message) {
  const char *topic = message->rkt ? rd_kafka_topic_name(message->rkt) : NULL;
  return topic ? tarn_kafka_partitions_get(stream->partitions, topic, message->partition) : NULL;
}

/* Errors that the client gets over by itself, or not at all, are waited out: the time that the source may be silent
 * decides. */
static gboolean is_final(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
      return TRUE;
    default:
      return FALSE;
  }
}

static gboolean take_fault(KafkaStream *stream, const rd_kafka_message_t *message, GError **error) {
  const char *text = rd_kafka_message_errstr(message);
  tarn_kafka_client_note(stream->client, text ? text : rd_kafka_err2str(message->err));
  if (!is_final(message->err)) return TRUE;
  const TarnKafkaPartition *partition = partition_of(stream, message);
  if (partition)
    tarn_kafka_client_fail(stream->client, message->err, error,
                           "cannot read on in %s partition %d at offset %" G_GINT64_FORMAT, partition->topic,
                           partition->id, partition->next);
  else
    tarn_kafka_client_fail(stream->client, message->err, error, "the topic cannot be read");
  return FALSE;
}

/* The end of a partition: what is there now was delivered, but for records of transactions that are still open. */
static void take_eof(KafkaStream *stream, const rd_kafka_message_t *message) {
  TarnKafkaPartition *partition = partition_of(stream, message);
  if (!partition || partition->ended) return;
  partition->next = MAX(partition->next, MIN(message->offset, partition->bound));
  end_partition(stream, partition);
}

/* Is the message the next record of its partition? If not, it is none of this run, or it was an event. */
static gboolean look_at(KafkaStream *stream, const rd_kafka_message_t *message, TarnKafkaPartition **wanted,
                        GError **error) {
  *wanted = NULL;
  if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    take_eof(stream, message);
    return TRUE;
  }
  if (message->err) return take_fault(stream, message, error);
  TarnKafkaPartition *partition = partition_of(stream, message);
  if (!partition || partition->ended) return TRUE;
  if (message->offset >= partition->bound) {
    partition->next = partition->bound;
    end_partition(stream, partition);
  } else if (message->offset >= partition->next) {
    *wanted = partition;
  }
  return TRUE;
}

/* --- Waiting ---------------------------------------------------------------------------------------------------- */

static gboolean is_cancelled(const KafkaStream *stream, GError **error) {
  if (!g_cancellable_is_cancelled(stream->cancellable)) return FALSE;
  tarn_error_set(error, TARN_ERROR_BUSY, "run again: the next run reads from the published positions",
                 "the wait for Kafka was interrupted");
  return TRUE;
}

static gboolean is_over(const KafkaStream *stream) {
  return stream->active == 0 || stream->records_left == 0 || g_get_monotonic_time() >= stream->end_us;
}

/* A batch call waits until it is full: it is only asked for what is there already. */
static guint take_what_is_there(KafkaStream *stream) {
  gssize count = rd_kafka_consume_batch_queue(stream->queue, 0, stream->taken, TAKEN_AT_ONCE);
  if (count > 0) return (guint)count;
  stream->taken[0] = rd_kafka_consumer_poll(stream->client->rk, WAIT_MS);
  return stream->taken[0] ? 1 : 0;
}

/* Waits for messages; n_taken stays 0 where the run is over before one comes. */
static gboolean refill(KafkaStream *stream, GError **error) {
  gint64 patience = g_get_monotonic_time() + stream->client->timeout_us;
  stream->at = stream->n_taken = 0;
  while (stream->n_taken == 0 && !is_over(stream)) {
    if (is_cancelled(stream, error)) return FALSE;
    stream->n_taken = take_what_is_there(stream);
    if (stream->n_taken > 0 || g_get_monotonic_time() < patience) continue;
    tarn_kafka_client_fail(stream->client, RD_KAFKA_RESP_ERR__TIMED_OUT, error,
                           "no record came from Kafka for %" G_GINT64_FORMAT " s, though there are more",
                           stream->client->timeout_us / G_USEC_PER_SEC);
    return FALSE;
  }
  return TRUE;
}

/* Goes to the next record that is wanted; *wanted NULL: the run is over. */
static gboolean find_next(KafkaStream *stream, TarnKafkaPartition **wanted, GError **error) {
  *wanted = NULL;
  while (!*wanted && !is_over(stream)) {
    if (stream->at == stream->n_taken) {
      if (!refill(stream, error)) return FALSE;
      continue;
    }
    if (!look_at(stream, stream->taken[stream->at], wanted, error)) return FALSE;
    if (!*wanted) drop_head(stream);
  }
  return TRUE;
}

/* --- The stream ------------------------------------------------------------------------------------------------- */

/* The messages that a batch's records lie in. */
typedef struct {
  guint count;
  rd_kafka_message_t *messages[TAKEN_AT_ONCE];
} Held;

static void held_free(gpointer data) {
  Held *held = data;
  for (guint i = 0; i < held->count; i++) rd_kafka_message_destroy(held->messages[i]);
  g_free(held);
}

/* A message of the same partition right behind the last one, which needs no closer look. */
static gboolean follows(const KafkaStream *stream, const TarnKafkaPartition *partition,
                        const rd_kafka_message_t *message) {
  const rd_kafka_message_t *next = stream->at < stream->n_taken ? stream->taken[stream->at] : NULL;
  return next && !next->err && next->rkt == message->rkt && next->partition == message->partition &&
         next->offset >= partition->next && next->offset < partition->bound && stream->records_left > 0;
}

static void fill_batch(KafkaStream *stream, TarnKafkaPartition *partition, TarnBatch *batch) {
  Held *held = g_new(Held, 1);
  const rd_kafka_message_t *message;
  gsize bytes = 0;
  held->count = 0;
  do {
    message = held->messages[held->count++] = stream->taken[stream->at++];
    tarn_kafka_record_fill(tarn_batch_add(batch), message, stream->max_record_bytes);
    bytes += message->len + message->key_len;
    partition->next = message->offset + 1;
    stream->records_left--;
  } while (bytes < BATCH_BYTES && follows(stream, partition, message));
  g_free(partition->known);
  partition->known = tarn_kafka_known_of(message);
  batch->stream_data = held;
  batch->release = held_free;
  batch->source_name = g_strdup(partition->topic);
  batch->source_partition = partition->id;
  if (partition->next >= partition->bound) end_partition(stream, partition);
  tarn_kafka_nudge_taken(stream->nudge, held->count, bytes);
  atomic_fetch_add(&stream->bytes_read, bytes);
  atomic_fetch_add(&stream->records, batch->count);
}

static gboolean kafka_next(TarnStream *base, TarnBatch *batch, GError **error) {
  KafkaStream *stream = (KafkaStream *)base;
  TarnKafkaPartition *wanted;
  if (!find_next(stream, &wanted, error)) return FALSE;
  if (wanted) fill_batch(stream, wanted, batch);
  return TRUE;
}

static GPtrArray *kafka_positions(TarnStream *base) {
  const KafkaStream *stream = (KafkaStream *)base;
  return tarn_kafka_partitions_positions(stream->partitions, stream->stored);
}

/* Waits for a first record, or for the end of every partition: watermarks also count what is no record. */
static gboolean kafka_has_new(TarnStream *base, gboolean *has_new, GError **error) {
  KafkaStream *stream = (KafkaStream *)base;
  TarnKafkaPartition *wanted;
  if (!find_next(stream, &wanted, error)) return FALSE;
  *has_new = wanted != NULL || stream->partitions->gaps->len > 0;
  return TRUE;
}

static void kafka_progress(TarnStream *base, TarnStreamProgress *progress) {
  KafkaStream *stream = (KafkaStream *)base;
  *progress = (TarnStreamProgress){.bytes_total = -1,
                                   .bytes_read = atomic_load(&stream->bytes_read),
                                   .records = atomic_load(&stream->records),
                                   .records_total = atomic_load(&stream->records_total)};
}

static const GPtrArray *kafka_gaps(TarnStream *base) { return ((KafkaStream *)base)->partitions->gaps; }

static void take_commit(rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *offsets,
                        void *opaque) {
  (void)rk, (void)offsets;
  *(rd_kafka_resp_err_t *)opaque = code;
}

static gboolean kafka_published(TarnStream *base, GError **error) {
  KafkaStream *stream = (KafkaStream *)base;
  const GPtrArray *partitions = stream->partitions->partitions;
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)partitions->len);
  for (guint i = 0; i < partitions->len; i++) {
    const TarnKafkaPartition *partition = partitions->pdata[i];
    rd_kafka_topic_partition_list_add(list, partition->topic, partition->id)->offset = partition->next;
  }
  rd_kafka_queue_t *queue = rd_kafka_queue_new(stream->client->rk);
  rd_kafka_resp_err_t result = RD_KAFKA_RESP_ERR__TIMED_OUT;
  rd_kafka_resp_err_t code = rd_kafka_commit_queue(stream->client->rk, list, queue, take_commit, &result);
  if (!code) {
    rd_kafka_queue_poll_callback(queue, COMMIT_WAIT_MS);
    code = result;
  }
  rd_kafka_queue_destroy(queue);
  rd_kafka_topic_partition_list_destroy(list);
  if (!code) return TRUE;
  tarn_kafka_client_fail(stream->client, code, error,
                         "the group's offsets were not committed: tools that show its lag are behind");
  return FALSE;
}

static void kafka_free(TarnStream *base) {
  KafkaStream *stream = (KafkaStream *)base;
  while (stream->at < stream->n_taken) drop_head(stream);
  tarn_kafka_nudge_free(stream->nudge);
  if (stream->queue) rd_kafka_queue_destroy(stream->queue);
  tarn_kafka_client_free(stream->client);
  tarn_kafka_partitions_free(stream->partitions);
  g_ptr_array_unref(stream->stored);
  g_clear_object(&stream->cancellable);
  g_free(stream);
}

static const TarnStreamClass KAFKA = {kafka_next, kafka_positions, kafka_has_new,  kafka_progress,
                                      kafka_free, kafka_gaps,      kafka_published};

/* --- Opening ---------------------------------------------------------------------------------------------------- */

static gboolean assign(KafkaStream *stream, GError **error) {
  const GPtrArray *partitions = stream->partitions->partitions;
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)partitions->len);
  gint64 total = 0;
  for (guint i = 0; i < partitions->len; i++) {
    const TarnKafkaPartition *partition = partitions->pdata[i];
    if (partition->ended) continue;
    rd_kafka_topic_partition_list_add(list, partition->topic, partition->id)->offset = partition->next;
    total += partition->bound - partition->next;
    stream->active++;
  }
  rd_kafka_resp_err_t code = list->cnt > 0 ? rd_kafka_assign(stream->client->rk, list) : 0;
  rd_kafka_topic_partition_list_destroy(list);
  atomic_store(&stream->records_total, MIN(total, stream->records_left));
  if (!code) return TRUE;
  tarn_kafka_client_fail(stream->client, code, error, "the partitions cannot be assigned");
  return FALSE;
}

static TarnKafkaClient *new_client(const TarnKafkaOptions *options, GError **error) {
  const char *fixed[G_N_ELEMENTS(source_fixed) + 2] = {"group.id", options->group};
  memcpy(fixed + 2, source_fixed, sizeof source_fixed);
  const TarnKafkaRole role = {.type = RD_KAFKA_CONSUMER, .defaults = source_defaults, .fixed = fixed};
  TarnKafkaClient *client = tarn_kafka_client_new(&options->cluster, &role, error);
  if (client) rd_kafka_poll_set_consumer(client->rk);
  return client;
}

/* A client that was assigned to once may still hold messages of that: reading gets a fresh one. */
static gboolean check(KafkaStream *stream, const TarnKafkaOptions *options, GError **error) {
  if (!tarn_kafka_partitions_need_check(stream->partitions)) return TRUE;
  if (!tarn_kafka_partitions_check(stream->partitions, stream->client, options, error)) return FALSE;
  g_clear_pointer(&stream->client, tarn_kafka_client_free);
  return (stream->client = new_client(options, error)) != NULL;
}

static gboolean set_up(KafkaStream *stream, const TarnKafkaOptions *options, GError **error) {
  stream->client = new_client(options, error);
  if (!stream->client) return FALSE;
  stream->partitions = tarn_kafka_partitions_find(stream->client, options, stream->stored, error);
  if (!stream->partitions || !check(stream, options, error)) return FALSE;
  stream->queue = rd_kafka_queue_get_consumer(stream->client->rk);
  if (!assign(stream, error)) return FALSE;
  if (stream->active > 0)
    stream->nudge = tarn_kafka_nudge_new(stream->client, stream->partitions, options->cluster.memory_bytes);
  return TRUE;
}

TarnStream *tarn_kafka_open(const TarnKafkaOptions *options, const GPtrArray *positions, GError **error) {
  KafkaStream *stream = g_new0(KafkaStream, 1);
  stream->base.class = &KAFKA;
  stream->max_record_bytes = MIN(options->max_record_bytes, G_MAXINT32);
  stream->records_left = options->max_records > 0 ? options->max_records : G_MAXINT64;
  stream->end_us = options->max_us > 0 ? g_get_monotonic_time() + options->max_us : G_MAXINT64;
  stream->cancellable = options->cancellable ? g_object_ref(options->cancellable) : NULL;
  stream->stored = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_position_free);
  for (guint i = 0; positions && i < positions->len; i++)
    g_ptr_array_add(stream->stored, tarn_position_copy(positions->pdata[i]));
  if (set_up(stream, options, error)) return &stream->base;
  kafka_free(&stream->base);
  return NULL;
}
