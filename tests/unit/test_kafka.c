/* The Kafka source against librdkafka's mock cluster, which fails where it is told to; and what needs no broker. */
#include <glib/gstdio.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <string.h>

#include "base/error.h"
#include "stream/framing.h"
#include "stream/kafka.h"

#define TOPIC "events"
#define PARTITIONS 3

/* A cluster with one topic, and a producer to fill it. */
typedef struct {
  rd_kafka_t *producer;
  rd_kafka_mock_cluster_t *cluster;
  TarnKafkaOptions options;
  GPtrArray *positions; /* of the last run */
} Scene;

static void set_up(Scene *scene, gconstpointer unused) {
  (void)unused;
  static const char *const topics[] = {TOPIC, NULL};
  char why[256];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "test.mock.num.brokers", "2", why, sizeof why);
  rd_kafka_conf_set(conf, "log_level", "0", why, sizeof why);
  scene->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
  scene->cluster = rd_kafka_handle_mock_cluster(scene->producer);
  rd_kafka_mock_topic_create(scene->cluster, TOPIC, PARTITIONS, 1);
  scene->options = (TarnKafkaOptions){.cluster = {.brokers = rd_kafka_mock_cluster_bootstraps(scene->cluster),
                                                  .timeout_us = 10 * G_USEC_PER_SEC,
                                                  .memory_bytes = 1024 * 1024},
                                      .topics = topics,
                                      .group = "test",
                                      .max_record_bytes = 1024};
  scene->positions = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_position_free);
}

static void tear_down(Scene *scene, gconstpointer unused) {
  (void)unused;
  rd_kafka_destroy(scene->producer);
  g_ptr_array_unref(scene->positions);
}

/* count numbered records in each partition. */
static void produce(const Scene *scene, int from, int count) {
  for (int i = from; i < from + count; i++) {
    for (int partition = 0; partition < PARTITIONS; partition++) {
      g_autofree char *value = g_strdup_printf("{\"n\": %d}", i);
      rd_kafka_resp_err_t code = rd_kafka_producev(
          scene->producer, RD_KAFKA_V_TOPIC(TOPIC), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_KEY("key", 3),
          RD_KAFKA_V_VALUE(value, strlen(value)), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
      g_assert_cmpint(code, ==, RD_KAFKA_RESP_ERR_NO_ERROR);
    }
  }
  g_assert_cmpint(rd_kafka_flush(scene->producer, 10000), ==, RD_KAFKA_RESP_ERR_NO_ERROR);
}

/* Reads to the end, checks that offsets ascend in each partition, and keeps the positions. -1: *error. */
static int read_all(Scene *scene, GError **error) {
  g_autoptr(TarnStream) stream = tarn_kafka_open(&scene->options, scene->positions, error);
  gint64 last[PARTITIONS] = {-1, -1, -1};
  int records = 0;
  if (!stream) return -1;
  g_auto(TarnBatch) batch;
  tarn_batch_init(&batch);
  do {
    if (!tarn_stream_next(stream, &batch, error)) return -1;
    for (guint i = 0; i < batch.count; i++) {
      g_assert_cmpint(batch.records[i].offset, >, last[batch.source_partition]);
      last[batch.source_partition] = batch.records[i].offset;
    }
    records += (int)batch.count;
  } while (batch.count > 0);
  g_ptr_array_unref(scene->positions);
  scene->positions = tarn_stream_positions(stream);
  return records;
}

static void reads_on_from_the_positions(Scene *scene, gconstpointer unused) {
  (void)unused;
  g_autoptr(GError) error = NULL;
  produce(scene, 0, 100);
  g_assert_cmpint(read_all(scene, &error), ==, 100 * PARTITIONS);
  g_assert_cmpint(read_all(scene, &error), ==, 0);
  produce(scene, 100, 7);
  g_assert_cmpint(read_all(scene, &error), ==, 7 * PARTITIONS);
  g_assert_no_error(error);
}

/* What a broker may answer for a while: the client tries again, and no record is lost or comes twice. */
static void passing_errors(Scene *scene, gconstpointer unused) {
  (void)unused;
  static const rd_kafka_resp_err_t errors[] = {
      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, RD_KAFKA_RESP_ERR__TRANSPORT};
  produce(scene, 0, 50);
  for (gsize i = 0; i < G_N_ELEMENTS(errors); i++) {
    g_autoptr(GError) error = NULL;
    rd_kafka_mock_push_request_errors(scene->cluster, 1 /* Fetch */, 3, errors[i], errors[i], errors[i]);
    g_ptr_array_set_size(scene->positions, 0);
    int records = read_all(scene, &error);
    g_assert_no_error(error);
    g_assert_cmpint(records, ==, 50 * PARTITIONS);
  }
}

static void errors_while_opening(Scene *scene, gconstpointer unused) {
  (void)unused;
  g_autoptr(GError) error = NULL;
  produce(scene, 0, 10);
  rd_kafka_mock_push_request_errors(scene->cluster, 2 /* ListOffsets */, 2, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
                                    RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
  int records = read_all(scene, &error);
  if (records < 0) { /* an error that may pass says why, and a second stream works */
    g_assert_error(error, TARN_ERROR, TARN_ERROR_SOURCE);
    g_assert_nonnull(tarn_error_detail(error));
    g_clear_error(&error);
    rd_kafka_mock_clear_request_errors(scene->cluster, 2);
    records = read_all(scene, &error);
  }
  g_assert_no_error(error);
  g_assert_cmpint(records, ==, 10 * PARTITIONS);
}

static void refused_topic(Scene *scene, gconstpointer unused) {
  (void)unused;
  g_autoptr(GError) error = NULL;
  produce(scene, 0, 10);
  rd_kafka_mock_topic_set_error(scene->cluster, TOPIC, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  g_assert_cmpint(read_all(scene, &error), ==, -1);
  g_assert_error(error, TARN_ERROR, TARN_ERROR_SOURCE);
  g_assert_nonnull(strstr(error->message, TOPIC));
}

static void silent_brokers(Scene *scene, gconstpointer unused) {
  (void)unused;
  g_autoptr(GError) error = NULL;
  produce(scene, 0, 10);
  scene->options.cluster.timeout_us = G_USEC_PER_SEC;
  rd_kafka_mock_broker_set_down(scene->cluster, 1);
  rd_kafka_mock_broker_set_down(scene->cluster, 2);
  g_assert_cmpint(read_all(scene, &error), ==, -1);
  g_assert_error(error, TARN_ERROR, TARN_ERROR_SOURCE);
  g_assert_nonnull(tarn_error_detail(error));
}

static void a_leader_that_moves(Scene *scene, gconstpointer unused) {
  (void)unused;
  g_autoptr(GError) error = NULL;
  produce(scene, 0, 20);
  g_assert_cmpint(read_all(scene, &error), ==, 20 * PARTITIONS);
  produce(scene, 20, 20);
  for (int partition = 0; partition < PARTITIONS; partition++)
    rd_kafka_mock_partition_set_leader(scene->cluster, TOPIC, partition, 1 + partition % 2);
  g_assert_cmpint(read_all(scene, &error), ==, 20 * PARTITIONS);
  g_assert_no_error(error);
}

static void cancelled_while_waiting(Scene *scene, gconstpointer unused) {
  (void)unused;
  g_autoptr(GError) error = NULL;
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  produce(scene, 0, 10);
  scene->options.cancellable = cancellable;
  g_cancellable_cancel(cancellable);
  g_assert_cmpint(read_all(scene, &error), ==, -1);
  g_assert_error(error, TARN_ERROR, TARN_ERROR_BUSY);
}

static void bounded(Scene *scene, gconstpointer unused) {
  (void)unused;
  g_autoptr(GError) error = NULL;
  produce(scene, 0, 100);
  scene->options.max_records = 130;
  g_assert_cmpint(read_all(scene, &error), ==, 130);
  g_assert_cmpint(read_all(scene, &error), ==, 130);
  g_assert_cmpint(read_all(scene, &error), ==, 40);
  g_assert_no_error(error);
}

/* --- Without a cluster ------------------------------------------------------------------------------------------ */

static TarnStream *open_with(const char *name, const char *value, GError **error) {
  const char *const properties[] = {name, value, NULL};
  static const char *const topics[] = {TOPIC, NULL};
  const TarnKafkaOptions options = {.cluster = {.brokers = "127.0.0.1:1", .properties = properties, .timeout_us = 1000},
                                    .topics = topics,
                                    .group = "g"};
  return tarn_kafka_open(&options, NULL, error);
}

static void properties(void) {
  static const struct {
    const char *name, *value, *message;
  } cases[] = {{"no.such.property", "1", "no such property"},
               {"fetch.min.bytes", "many", "not accepted"},
               {"enable.auto.commit", "true", "not yours to set"},
               {"auto.offset.reset", "latest", "not yours to set"},
               {"bootstrap.servers", "x", "not yours to set"},
               {"group.id", "x", "not yours to set"},
               {"sasl.password", "${TARN_NO_SUCH_VARIABLE}", "no variable TARN_NO_SUCH_VARIABLE"},
               {"sasl.password", "${file:/no/such/file}", "cannot read /no/such/file"}};
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(open_with(cases[i].name, cases[i].value, &error));
    g_assert_error(error, TARN_ERROR, TARN_ERROR_USAGE);
    g_assert_nonnull(strstr(error->message, cases[i].message));
    g_assert_nonnull(strstr(error->message, cases[i].name));
  }
}

static void a_secret_is_never_told(void) {
  g_autoptr(GError) error = NULL;
  g_setenv("TARN_TEST_SECRET", "hunter2", TRUE);
  g_assert_null(open_with("security.protocol", "${TARN_TEST_SECRET}", &error));
  g_assert_null(strstr(error->message, "hunter2"));
  g_assert_null(tarn_error_detail(error));
}

static void expansion(void) {
  g_autoptr(GError) error = NULL;
  g_setenv("TARN_TEST_NAME", "ada", TRUE);
  g_autofree char *path = g_build_filename(g_get_tmp_dir(), "tarn-test-secret-XXXXXX", NULL);
  int fd = g_mkstemp(path);
  g_assert_cmpint(fd, >=, 0);
  g_assert_true(g_file_set_contents(path, "s3cret\r\nsecond line", -1, &error));
  g_autofree char *text = g_strdup_printf("<${TARN_TEST_NAME}:${file:%s}> ${ $", path);
  g_autofree char *value = tarn_kafka_expand("p", text, &error);
  g_assert_cmpstr(value, ==, "<ada:s3cret> ${ $");
  g_assert_cmpint(g_unlink(path), ==, 0);
}

static void framings(void) {
  static const struct {
    const char *data;
    gsize size;
    guint skip;
    gboolean hidden;
  } cases[] = {{"{}", 2, 0, FALSE},
               {" {}", 3, 0, FALSE},
               {"", 0, 0, FALSE},
               {"\0\0\0\0\1{}", 7, 5, FALSE},
               {"\0\0\0\0\1 {}", 8, 5, FALSE},
               {"\0\0\0\0\1", 5, 0, TRUE},
               {"\0", 1, 0, TRUE},
               {"\0\0\0\0\1\2a", 7, 0, TRUE},
               {"\3\0abc", 5, 0, TRUE},
               {"\xc3\x01", 2, 0, TRUE},
               {"\xc3\xa9", 2, 0, FALSE},
               {"Obj\1", 4, 0, TRUE},
               {"Object", 6, 0, FALSE},
               {"\x1f\x8b", 2, 0, TRUE},
               {"\7{}", 3, 0, TRUE},
               {"[\0\0\0\0\1{}", 8, 0, FALSE}};
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    TarnFraming framing = tarn_framing_of(cases[i].data, cases[i].size);
    g_assert_cmpuint(framing.skip, ==, cases[i].skip);
    g_assert_cmpint(framing.why != NULL, ==, cases[i].hidden);
  }
}

static void addresses(void) {
  static const char *const wrong[] = {"kafka://",     "kafka:///t",    "kafka://b:1",
                                      "kafka://b:1/", "kafka://b/t/u", "http://b/t"};
  g_autofree char *brokers = NULL, *topic = NULL;
  g_assert_true(tarn_kafka_address_parse("kafka://a:1,b:2/events", &brokers, &topic));
  g_assert_cmpstr(brokers, ==, "a:1,b:2");
  g_assert_cmpstr(topic, ==, "events");
  for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
    char *ignored = NULL;
    g_assert_false(tarn_kafka_address_parse(wrong[i], &ignored, &ignored));
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  static const struct {
    const char *path;
    void (*test)(Scene *, gconstpointer);
  } scenes[] = {{"/kafka/reads_on_from_the_positions", reads_on_from_the_positions},
                {"/kafka/passing_errors", passing_errors},
                {"/kafka/errors_while_opening", errors_while_opening},
                {"/kafka/refused_topic", refused_topic},
                {"/kafka/silent_brokers", silent_brokers},
                {"/kafka/a_leader_that_moves", a_leader_that_moves},
                {"/kafka/cancelled_while_waiting", cancelled_while_waiting},
                {"/kafka/bounded", bounded}};
  g_test_add_func("/kafka/a_secret_is_never_told", a_secret_is_never_told); /* setenv: before there are threads */
  g_test_add_func("/kafka/expansion", expansion);
  g_test_add_func("/kafka/properties", properties);
  g_test_add_func("/kafka/framings", framings);
  g_test_add_func("/kafka/addresses", addresses);
  for (gsize i = 0; i < G_N_ELEMENTS(scenes); i++)
    g_test_add(scenes[i].path, Scene, NULL, set_up, scenes[i].test, tear_down);
  return g_test_run();
}
