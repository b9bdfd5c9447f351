#include "stream/kafka_nudge.h"

#define PARTS 4 /* of what the queue may hold: a nudge for each that was taken */
#define WAIT_MS 1000

struct TarnKafkaNudge {
  TarnKafkaClient *client;
  rd_kafka_topic_partition_list_t *partitions;
  TarnKafkaQueueLimits part;
  guint64 records, bytes; /* taken since the last nudge; of the reading thread */
  GThread *thread;
  GMutex lock;
  GCond changed;
  gboolean wanted, ending; /* guarded by lock */
};

static void ask(const TarnKafkaNudge *nudge) {
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_copy(nudge->partitions);
  rd_kafka_offsets_for_times(nudge->client->rk, list, WAIT_MS);
  rd_kafka_topic_partition_list_destroy(list);
}

static gpointer work(gpointer user) {
  TarnKafkaNudge *nudge = user;
  g_mutex_lock(&nudge->lock);
  while (!nudge->ending) {
    if (!nudge->wanted) {
      g_cond_wait(&nudge->changed, &nudge->lock);
      continue;
    }
    nudge->wanted = FALSE;
    g_mutex_unlock(&nudge->lock);
    ask(nudge);
    g_mutex_lock(&nudge->lock);
  }
  g_mutex_unlock(&nudge->lock);
  return NULL;
}

TarnKafkaNudge *tarn_kafka_nudge_new(TarnKafkaClient *client, const TarnKafkaPartitions *partitions,
                                     guint64 memory_bytes) {
  TarnKafkaNudge *nudge = g_new0(TarnKafkaNudge, 1);
  TarnKafkaQueueLimits limits = tarn_kafka_queue_limits(memory_bytes);
  nudge->client = client;
  nudge->part = (TarnKafkaQueueLimits){limits.records / PARTS, limits.kib / PARTS};
  nudge->partitions = rd_kafka_topic_partition_list_new((int)partitions->partitions->len);
  for (guint i = 0; i < partitions->partitions->len; i++) {
    const TarnKafkaPartition *partition = partitions->partitions->pdata[i];
    if (!partition->ended)
      rd_kafka_topic_partition_list_add(nudge->partitions, partition->topic, partition->id)->offset =
          RD_KAFKA_OFFSET_END;
  }
  g_mutex_init(&nudge->lock);
  g_cond_init(&nudge->changed);
  nudge->thread = g_thread_new("kafka-nudge", work, nudge);
  return nudge;
}

static void tell(TarnKafkaNudge *nudge, gboolean *what) {
  g_mutex_lock(&nudge->lock);
  *what = TRUE;
  g_cond_signal(&nudge->changed);
  g_mutex_unlock(&nudge->lock);
}

void tarn_kafka_nudge_free(TarnKafkaNudge *nudge) {
  if (!nudge) return;
  tell(nudge, &nudge->ending);
  g_thread_join(nudge->thread);
  rd_kafka_topic_partition_list_destroy(nudge->partitions);
  g_mutex_clear(&nudge->lock);
  g_cond_clear(&nudge->changed);
  g_free(nudge);
}

void tarn_kafka_nudge_taken(TarnKafkaNudge *nudge, guint records, gsize bytes) {
  nudge->records += records;
  nudge->bytes += bytes;
  if (nudge->records < nudge->part.records && nudge->bytes < nudge->part.kib * 1024) return;
  nudge->records = nudge->bytes = 0;
  tell(nudge, &nudge->wanted);
}
