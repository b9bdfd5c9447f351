/* `tarn generate --to kafka://...`: events as records whose key is their subscriber, so that one subscriber's events keep
 * their order. Seen by no other command. */
#pragma once
#include "generate/telecom.h"

/* properties: NAME=VALUE of librdkafka, NULL-terminated, or NULL. As tarn_telecom_write, but every record is acknowledged when it returns. */
gboolean tarn_generate_to_kafka(const TarnTelecom *telecom, const char *address, const char *const *properties,
                                TarnTelecomProgress progress, gpointer data, guint64 *bytes, GError **error);
