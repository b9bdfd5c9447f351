/* A librdkafka client as the files of stream/kafka* share it: properties, secrets, and what it last complained of.
 * Private to them. */
#pragma once
#include <librdkafka/rdkafka.h>

#include "stream/kafka.h"

typedef struct {
  rd_kafka_t *rk;
  gint64 timeout_us;
  GMutex lock;
  char *complaint; /* newest error or warning of librdkafka, guarded by lock; NULL: none */
} TarnKafkaClient;

/* Name and value pairs that end with NULL; fixed ones are refused where the user gives them, too. */
typedef struct {
  rd_kafka_type_t type;
  const char *const *defaults;
  const char *const *fixed;
  void (*delivered)(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque); /* producers: may be NULL */
  void *opaque;                                                                       /* for delivered */
} TarnKafkaRole;

/* How much may wait in a consumer's queue. */
typedef struct {
  guint64 records, kib;
} TarnKafkaQueueLimits;

/* memory_bytes: as in TarnKafkaCluster. Records that wait hold more than their bytes (librdkafka needs some 400 for each), so their number is limited, too. */
TarnKafkaQueueLimits tarn_kafka_queue_limits(guint64 memory_bytes);

/* Connects to nothing yet. Errors: TARN_ERROR_USAGE naming the property. */
TarnKafkaClient *tarn_kafka_client_new(const TarnKafkaCluster *cluster, const TarnKafkaRole *role, GError **error);
void tarn_kafka_client_free(TarnKafkaClient *client); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnKafkaClient, tarn_kafka_client_free)

/* The opaque of the role, in a callback. */
void *tarn_kafka_client_opaque(const rd_kafka_t *rk);
int tarn_kafka_client_timeout_ms(const TarnKafkaClient *client);
/* Caller frees; NULL: nothing was complained of. */
char *tarn_kafka_client_complaint(TarnKafkaClient *client);
void tarn_kafka_client_note(TarnKafkaClient *client, const char *complaint);

/* TARN_ERROR_SOURCE: what, and the code's text or the newest complaint as the detail. */
void tarn_kafka_client_fail(TarnKafkaClient *client, rd_kafka_resp_err_t code, GError **error, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
