#include "pipeline/source.h"

#include "base/error.h"

#define PREFETCH_SHARE 16                   /* of the memory budget */
#define ENGINE_LEAST (128 * 1024 * 1024ULL) /* bytes, but never more than without Kafka */

/* Paths of the source as the stream wants them: the project's are relative to its folder. */
static GStrv source_paths(const TarnRunOptions *options) {
  if (options->from) return g_strdupv((char **)options->from);
  g_autoptr(GStrvBuilder) paths = g_strv_builder_new();
  for (char **path = options->project->config.source_paths; *path; path++) {
    gboolean as_is = g_path_is_absolute(*path) || g_str_equal(*path, "-");
    g_autofree char *full = as_is ? g_strdup(*path) : g_build_filename(options->project->dir, *path, NULL);
    g_strv_builder_add(paths, full);
  }
  return g_strv_builder_end(paths);
}

static TarnStream *open_files(const TarnRunOptions *options, const GPtrArray *positions, GError **error) {
  if (options->max_records > 0 || options->max_us > 0) {
    tarn_error_set(error, TARN_ERROR_USAGE, "files are read to their ends: leave it out",
                   "--max-records and --max-seconds are for Kafka");
    return NULL;
  }
  TarnStreamOptions files;
  tarn_stream_options_init(&files);
  g_auto(GStrv) paths = source_paths(options);
  files.paths = (const char *const *)paths;
  files.max_record_bytes = options->project->config.max_record_bytes;
  files.final = options->final;
  return tarn_ndjson_open(&files, positions, error);
}

void tarn_source_cluster_init(TarnSourceCluster *cluster, const TarnConfig *config) {
  cluster->brokers = g_strjoinv(",", config->brokers);
  cluster->properties = g_ptr_array_new();
  for (guint i = 0; i < config->properties->len; i++) {
    const TarnKafkaProperty *property = config->properties->pdata[i];
    g_ptr_array_add(cluster->properties, property->name);
    g_ptr_array_add(cluster->properties, property->value);
  }
  g_ptr_array_add(cluster->properties, NULL);
  cluster->cluster = (TarnKafkaCluster){.brokers = cluster->brokers,
                                        .properties = (const char *const *)cluster->properties->pdata,
                                        .timeout_us = config->source_timeout_us};
}

void tarn_source_cluster_clear(TarnSourceCluster *cluster) {
  g_free(cluster->brokers);
  if (cluster->properties) g_ptr_array_unref(cluster->properties);
  *cluster = (TarnSourceCluster){0};
}

static TarnStream *open_kafka(const TarnRunOptions *options, const GPtrArray *positions, GError **error) {
  const TarnConfig *config = &options->project->config;
  g_auto(TarnSourceCluster) cluster;
  tarn_source_cluster_init(&cluster, config);
  cluster.cluster.memory_bytes = options->budget.memory_bytes / PREFETCH_SHARE;
  const TarnKafkaOptions kafka = {.cluster = cluster.cluster,
                                  .topics = (const char *const *)config->topics,
                                  .group = config->group,
                                  .max_record_bytes = config->max_record_bytes,
                                  .continue_on_gap = options->accept_gaps || config->on_gap == TARN_GAP_CONTINUE,
                                  .max_records = options->max_records,
                                  .max_us = options->max_us,
                                  .cancellable = options->cancellable};
  return tarn_kafka_open(&kafka, positions, error);
}

static gboolean is_kafka(const TarnRunOptions *options) {
  return !options->from && options->project->config.source_kind == TARN_SOURCE_KAFKA;
}

TarnStream *tarn_source_open(const TarnRunOptions *options, const GPtrArray *positions, GError **error) {
  return is_kafka(options) ? open_kafka(options, positions, error) : open_files(options, positions, error);
}

guint64 tarn_source_engine_bytes(const TarnRunOptions *options) {
  guint64 engine = options->budget.engine_bytes;
  return is_kafka(options) ? MIN(engine, MAX(options->budget.memory_bytes * 5 / 16, ENGINE_LEAST)) : engine;
}

gboolean tarn_source_is_repeatable(const TarnRunOptions *options) { return is_kafka(options); }

gboolean tarn_source_is_topic(const TarnConfig *config, const char *name) {
  return config->source_kind == TARN_SOURCE_KAFKA && name && g_strv_contains((const char *const *)config->topics, name);
}
