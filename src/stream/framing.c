#include "stream/framing.h"

#include <string.h>

static gboolean is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static gboolean begins_object(const char *data, gsize size) {
  gsize i = 0;
  while (i < size && is_space(data[i])) i++;
  return i < size && data[i] == '{';
}

/* What known serialisers begin with; the first that fits counts. */
static const struct {
  const char *bytes;
  gsize size;
  const char *why;
} framings[] = {
    {"\0", 1, "magic byte 0 and a schema id, but no JSON object behind them: Avro or Protobuf in Confluent's format"},
    {"\3", 1, "magic byte 3: a record of AWS Glue's schema registry"},
    {"\xc3\x01", 2, "an Avro single-object encoding"},
    {"Obj\1", 4, "an Avro container file"},
    {"PAR1", 4, "a Parquet file"},
    {"\x1f\x8b", 2, "gzip: compress in the producer (compression.type), not the value"},
    {"\x28\xb5\x2f\xfd", 4, "zstd: compress in the producer (compression.type), not the value"},
};

TarnFraming tarn_framing_of(const char *data, gsize size) {
  if (size > TARN_FRAME_CONFLUENT && data[0] == 0 &&
      begins_object(data + TARN_FRAME_CONFLUENT, size - TARN_FRAME_CONFLUENT))
    return (TarnFraming){.skip = TARN_FRAME_CONFLUENT};
  for (gsize i = 0; i < G_N_ELEMENTS(framings); i++)
    if (size >= framings[i].size && memcmp(data, framings[i].bytes, framings[i].size) == 0)
      return (TarnFraming){.why = framings[i].why};
  if (size > 0 && (guchar)data[0] < 0x20 && !is_space(data[0]))
    return (TarnFraming){.why = "begins with a control character: no JSON text does"};
  return (TarnFraming){0};
}

void tarn_framing_apply(TarnRecord *record) {
  TarnFraming framing = tarn_framing_of(record->data, record->size);
  if (framing.why) record->kind = TARN_RECORD_FRAMED;
  record->why = framing.why;
  record->frame = framing.skip;
  record->data += framing.skip;
  record->size -= framing.skip;
}
