/* Keeps librdkafka 2.0 fetching: once its queue was full, its broker threads sleep for up to a second, however fast the queue is
 * emptied; only a request wakes them. (2.2 has fetch.queue.backoff.ms for it.) So a thread of its own asks for the end of
 * the partitions, an answer that nobody needs, whenever a part of what the queue may hold was taken from it. Private to
 * stream/kafka*. */
#pragma once
#include "stream/kafka_partition.h"

typedef struct TarnKafkaNudge TarnKafkaNudge;

/* client and partitions must outlive it. memory_bytes: as in TarnKafkaCluster. */
TarnKafkaNudge *tarn_kafka_nudge_new(TarnKafkaClient *client, const TarnKafkaPartitions *partitions,
                                     guint64 memory_bytes);
void tarn_kafka_nudge_free(TarnKafkaNudge *nudge); /* accepts NULL */
/* So much was taken from the queue. Does not wait. */
void tarn_kafka_nudge_taken(TarnKafkaNudge *nudge, guint records, gsize bytes);
