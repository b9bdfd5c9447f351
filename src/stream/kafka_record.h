/* A Kafka message as a record. Private to stream/kafka*. In: a message without an error, which must outlive the record.
 * Out: what TarnRecord says; digest and headers belong to the batch. */
#pragma once
#include <librdkafka/rdkafka.h>

#include "stream/stream.h"

void tarn_kafka_record_fill(TarnRecord *record, const rd_kafka_message_t *message, gsize max_bytes);
