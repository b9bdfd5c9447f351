/* What a quarantined record looked like when it arrived. In: the project (names of fields, where its sources lie) and
 * records of the store. Out: the original bytes, a Kafka record's framing among them, where they were kept or the source still has that very record
 * at its coordinates; nothing for a tombstone; else, for a silver reject, an event rebuilt from its bronze row. Sources are only read. Belongs to one
 * thread. */
#pragma once
#include <glib.h>

#include "lakehouse/quarantine.h"
#include "project/project.h"

typedef enum {
  TARN_ORIGINAL_KEPT,    /* the bytes that the store kept */
  TARN_ORIGINAL_SOURCE,  /* read again from the source, and the same record */
  TARN_ORIGINAL_REBUILT, /* same fields and values, but not the same bytes */
  TARN_ORIGINAL_CUT,     /* only the beginning of an oversize record is left */
} TarnOriginalKind;

typedef struct TarnOriginals TarnOriginals;

/* project: borrowed, must outlive the result. */
TarnOriginals *tarn_originals_new(const TarnProject *project);
void tarn_originals_free(TarnOriginals *originals); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnOriginals, tarn_originals_free)

/* Replaces what bytes holds. Cheapest in the order of the store: records of one file then come in ascending order. */
TarnOriginalKind tarn_originals_find(TarnOriginals *originals, const TarnQuarantineRecord *record, GString *bytes);
