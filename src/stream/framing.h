/* Is there something around the JSON of a Kafka record? Decided by the first bytes alone, never by searching: JSON text
 * starts with a printable character or white space, serialisers put a magic byte in front. Pure functions.
 *
 * Confluent's wire format is the byte 0 and a 4-byte schema id, big-endian; JSON Schema serialisers put JSON behind it,
 * Avro and Protobuf ones something else. (docs.confluent.io, Schema Registry, "Wire format".) */
#pragma once
#include <glib.h>

#include "stream/stream.h"

#define TARN_FRAME_CONFLUENT 5 /* bytes before the JSON */

typedef struct {
  guint skip;      /* bytes before the JSON; 0: there is no framing, or an unknown one */
  const char *why; /* static text: what hides the record; NULL: nothing does */
} TarnFraming;

TarnFraming tarn_framing_of(const char *data, gsize size);
/* Takes the framing off a WHOLE record of Kafka (data moves behind it, frame says how far), or makes it FRAMED. */
void tarn_framing_apply(TarnRecord *record);
