/* What can be wrong with an event, as one table: a defect is a raw JSON text in the place of a field's value. The
 * classes and their shares are those that real producers of the telecom feed show. */
#pragma once
#include <glib.h>

#include "generate/random.h"

typedef enum { TARN_BSS, TARN_OSS, TARN_IOT, TARN_EVENT_TYPES, TARN_ANY_TYPE = TARN_EVENT_TYPES } TarnEventType;

/* The places of a line, in the order in which they are written; the payload's fields are told apart by their number. */
typedef enum {
  TARN_SLOT_EVENT_ID,
  TARN_SLOT_EVENT_TYPE,
  TARN_SLOT_SOURCE,
  TARN_SLOT_SUBSCRIBER,
  TARN_SLOT_TIMESTAMP,
  TARN_SLOT_PAYLOAD,
  TARN_SLOT_FIELD, /* + 0 .. 4 */
  TARN_SLOTS = TARN_SLOT_FIELD + 5,
  TARN_WHOLE_LINE = TARN_SLOTS, /* the text stands instead of the line */
  TARN_CUT_LINE,                /* the line ends too early */
  TARN_REPEATED_LINE,           /* the line is an earlier one again */
} TarnSlot;

typedef struct {
  const char *name; /* of the class; several rows may belong to one */
  guint weight;     /* how often, relative to the others */
  TarnSlot slot;
  TarnEventType type; /* only events of this type can have it */
  const char *text;   /* JSON, or anything but; NULL leaves the field out */
} TarnDefect;

extern const TarnDefect tarn_defects[]; /* ends with a NULL name */

/* One that events of that type can have, with the chances of the weights. Never NULL. */
const TarnDefect *tarn_defect_draw(TarnRandom *random, TarnEventType type);
