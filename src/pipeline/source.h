/* The project's source as a stream. In: what the run was told and the positions of the published file. Out: an open
 * stream. Knows which kinds of source there are, so that the run does not. */
#pragma once
#include "pipeline/pipeline.h"
#include "stream/kafka.h"
#include "stream/stream.h"

TarnStream *tarn_source_open(const TarnRunOptions *options, const GPtrArray *positions, GError **error);

/* May the source be opened a second time in one run, after a failure? Standard input may not: what was read of it is
 * gone. */
gboolean tarn_source_is_repeatable(const TarnRunOptions *options);

/* What of the budget is left for the engine: a Kafka client takes its part, too. */
guint64 tarn_source_engine_bytes(const TarnRunOptions *options);

/* Is this the name of a topic of the project, and not of a file? */
gboolean tarn_source_is_topic(const TarnConfig *config, const char *name);

/* How to reach the project's Kafka cluster. */
typedef struct {
  TarnKafkaCluster cluster; /* its strings belong to this struct */
  char *brokers;
  GPtrArray *properties;
} TarnSourceCluster;

void tarn_source_cluster_init(TarnSourceCluster *cluster, const TarnConfig *config);
void tarn_source_cluster_clear(TarnSourceCluster *cluster);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TarnSourceCluster, tarn_source_cluster_clear)
