/* The contestant of the Kafka benchmarks: librdkafka with its own settings, which reads a topic from its beginning to its
 * end and does nothing but count.
 *
 *   kafka_consumer BROKERS TOPIC PARTITIONS
 *
 * Prints one JSON object. The time that counts is that of the whole process. */
#include <glib.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

#define AT_ONCE 10000

G_NORETURN static void die(const char *what, const char *why) {
  fprintf(stderr, "kafka_consumer: %s: %s\n", what, why);
  exit(1);
}

static rd_kafka_t *connect_to(const char *brokers) {
  const char *const settings[][2] = {{"bootstrap.servers", brokers},
                                     {"group.id", "bench"},
                                     {"enable.auto.commit", "false"},
                                     {"enable.partition.eof", "true"}};
  char why[256];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  for (gsize i = 0; i < G_N_ELEMENTS(settings); i++)
    if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], why, sizeof why) != RD_KAFKA_CONF_OK)
      die(settings[i][0], why);
  rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
  if (!rk) die("client", why);
  rd_kafka_poll_set_consumer(rk);
  return rk;
}

static void assign(rd_kafka_t *rk, const char *topic, int partitions) {
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
  for (int i = 0; i < partitions; i++) rd_kafka_topic_partition_list_add(list, topic, i)->offset = 0;
  rd_kafka_resp_err_t code = rd_kafka_assign(rk, list);
  if (code) die("assign", rd_kafka_err2str(code));
  rd_kafka_topic_partition_list_destroy(list);
}

int main(int argc, char **argv) {
  if (argc != 4) die("usage", "kafka_consumer BROKERS TOPIC PARTITIONS");
  rd_kafka_t *rk = connect_to(argv[1]);
  int left = atoi(argv[3]);
  assign(rk, argv[2], left);
  rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
  static rd_kafka_message_t *messages[AT_ONCE];
  guint64 records = 0, bytes = 0;
  while (left > 0) {
    gssize count = rd_kafka_consume_batch_queue(queue, 10, messages, AT_ONCE);
    for (gssize i = 0; i < count; i++) {
      if (messages[i]->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        left--;
      else if (messages[i]->err)
        die("message", rd_kafka_message_errstr(messages[i]));
      else
        records++, bytes += messages[i]->len;
      rd_kafka_message_destroy(messages[i]);
    }
  }
  printf("{\"records\": %" G_GUINT64_FORMAT ", \"bytes\": %" G_GUINT64_FORMAT "}\n", records, bytes);
  rd_kafka_queue_destroy(queue);
  rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  return 0;
}
