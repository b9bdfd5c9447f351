/* The partitions of a Kafka source: where reading begins in each, and how far it came. Private to stream/kafka*.
 * In: topics, and the positions of the last published run. Out: one TarnKafkaPartition each, or an error that names what
 * is lost. */
#pragma once
#include "stream/kafka_client.h"

typedef struct {
  const char *topic; /* borrowed from the list */
  gint32 id;
  const TarnPosition *stored; /* borrowed; NULL: a new partition */
  gint64 low;                 /* the oldest offset there is */
  gint64 next;                /* the next offset to deliver */
  gint64 bound;               /* where this run ends: the high watermark of its beginning */
  char *known;                /* "<offset>:<digest>" of the last record before next; NULL: none was read */
  gboolean compare;           /* the topic may still have the record of `known`, which is not compared yet */
  gboolean ended;             /* nothing more is taken in this run */
} TarnKafkaPartition;

typedef struct {
  char *cluster_id;
  GStrv topics;
  GPtrArray *partitions; /* TarnKafkaPartition *, by topic, then id */
  GPtrArray *gaps;       /* TarnGap * */
} TarnKafkaPartitions;

/* stored must outlive the result. */
TarnKafkaPartitions *tarn_kafka_partitions_find(TarnKafkaClient *client, const TarnKafkaOptions *options,
                                                const GPtrArray *stored, GError **error);
/* Is there a partition with something to compare? */
gboolean tarn_kafka_partitions_need_check(const TarnKafkaPartitions *partitions);
/* Reads the last known record of each partition again. Where another one is in its place the topic is not the one that was
 * read: an error, or with continue_on_gap a gap and a new beginning. Leaves the client assigned: it is of no use after. */
gboolean tarn_kafka_partitions_check(TarnKafkaPartitions *partitions, TarnKafkaClient *client,
                                     const TarnKafkaOptions *options, GError **error);
void tarn_kafka_partitions_free(TarnKafkaPartitions *partitions); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnKafkaPartitions, tarn_kafka_partitions_free)

/* NULL: none of ours. */
TarnKafkaPartition *tarn_kafka_partitions_get(const TarnKafkaPartitions *partitions, const char *topic, gint32 id);

/* Positions as tarn_stream_positions gives them; stored ones that are not of these topics are handed through. */
GPtrArray *tarn_kafka_partitions_positions(const TarnKafkaPartitions *partitions, const GPtrArray *stored);

/* "<offset>:<SHA-256 of offset, time, key and value>". Caller frees. */
char *tarn_kafka_known_of(const rd_kafka_message_t *message);
/* The offset of such a text, -1 where it is none. */
gint64 tarn_kafka_known_offset(const char *known);
