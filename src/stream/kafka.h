/* Kafka: topics as a source, a topic as a sink, single records read again. The only room with librdkafka in it.
 *
 * The source assigns every partition to itself and begins at the stored positions, so there is no consumer group to
 * join and nothing to rebalance; the group's offsets are only written, after publication, for tools that show lag. A run
 * reads to the high watermarks of its beginning. Offsets may have holes (compaction, transaction markers): they ascend,
 * that is all. What is checked at open, before a record is delivered:
 *   - the cluster's id: a topic of that name in another cluster is another topic;
 *   - the last record that was read, where the topic still has it: at the same offset it must be the same (librdkafka
 *     2.0 does not tell a topic's id, and a topic that was deleted and created again starts its offsets at 0);
 *   - that no record between the position and the oldest one in the topic is gone.
 * Each is a TARN_ERROR_SOURCE that names what is lost, unless continue_on_gap: then it is a gap, and reading begins at the
 * oldest record. Errors with a detail may pass when tried again with a new stream. */
#pragma once
#include <gio/gio.h>

#include "stream/stream.h"

/* How to reach a cluster. Strings are borrowed for the call that gets them. */
typedef struct {
  const char *brokers;           /* host:port, ... */
  const char *const *properties; /* name, value, name, value, ..., NULL: librdkafka's own, see tarn_kafka_expand */
  gint64 timeout_us;             /* how long the cluster may be silent */
  guint64 memory_bytes;          /* what records that wait to be taken may hold, roughly; 0: librdkafka's defaults */
} TarnKafkaCluster;

typedef struct {
  TarnKafkaCluster cluster;
  const char *const *topics;
  const char *group;
  gsize max_record_bytes;
  gboolean continue_on_gap;
  gint64 max_records;        /* 0: to the high watermarks */
  gint64 max_us;             /* 0: however long it takes */
  GCancellable *cancellable; /* ends a wait for the brokers; may be NULL */
} TarnKafkaOptions;

TarnStream *tarn_kafka_open(const TarnKafkaOptions *options, const GPtrArray *positions, GError **error);

/* A property's value with every ${NAME} replaced from the environment and every ${file:PATH} by the file's first line.
 * Errors (TARN_ERROR_USAGE) name the property and never its value. Caller frees. */
char *tarn_kafka_expand(const char *name, const char *value, GError **error);

/* --- Sink: an idempotent producer. One thread at a time. --- */

typedef struct {
  const char *name;
  const void *value; /* NULL: a header without a value */
  gsize size;
} TarnKafkaHeader;

typedef struct {
  const void *key; /* NULL: none */
  gsize key_size;
  const void *value; /* NULL: a tombstone */
  gsize size;
  const TarnKafkaHeader *headers;
  guint n_headers;
} TarnKafkaMessage;

typedef struct TarnKafkaSink TarnKafkaSink;

/* The topic must exist, unless the brokers create topics by themselves. */
TarnKafkaSink *tarn_kafka_sink_open(const TarnKafkaCluster *cluster, const char *topic, GError **error);
/* Hands the message over; waits while too many are on their way. Errors may be those of an earlier message. */
gboolean tarn_kafka_sink_send(TarnKafkaSink *sink, const TarnKafkaMessage *message, GError **error);
/* Waits until every message is acknowledged. */
gboolean tarn_kafka_sink_flush(TarnKafkaSink *sink, GError **error);
void tarn_kafka_sink_free(TarnKafkaSink *sink); /* accepts NULL; what is not flushed may be lost */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnKafkaSink, tarn_kafka_sink_free)

/* "kafka://host:port,host:port/topic" to its parts; FALSE: it is no such address. Caller frees. */
gboolean tarn_kafka_address_parse(const char *address, char **brokers, char **topic);

/* --- Single records by their coordinates. One thread at a time; cheap where offsets of a partition ascend. --- */

typedef struct TarnKafkaReread TarnKafkaReread;

TarnKafkaReread *tarn_kafka_reread_open(const TarnKafkaCluster *cluster, GError **error);
void tarn_kafka_reread_free(TarnKafkaReread *reread); /* accepts NULL */
/* Replaces what value holds by the record's whole value. FALSE where the topic does not have that offset any more, or
 * cannot be read. */
gboolean tarn_kafka_reread_record(TarnKafkaReread *reread, const char *topic, gint32 partition, gint64 offset,
                                  GString *value);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnKafkaReread, tarn_kafka_reread_free)
