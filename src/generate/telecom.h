/* Events for the shipped telecom project: a believable stream of BSS, OSS and IoT events of mobile subscribers, as
 * NDJSON in the order of time, with a share of defects. The same options give the same bytes on every machine, and any
 * event can be written by itself. The truth behind the events is process.h's. */
#pragma once
#include <glib.h>

#include "generate/event.h"
#include "generate/output.h"

typedef struct {
  gint64 events;      /* 1 .. 1e9 */
  gint64 subscribers; /* 1 .. 1e8; 0: as many as fit the events, four to each */
  gint64 seed;        /* >= 0; different seeds have different event ids */
  double defects;     /* 0 .. 1, the share of lines with something wrong, repeated lines among them */
  const char *start;  /* the first day, YYYY-MM-DD, UTC */
  int days;           /* 1 .. 3650 */
} TarnTelecomOptions;

#define TARN_TELECOM_DEFAULTS \
  ((TarnTelecomOptions){.events = 250000, .seed = 7, .defects = 0.05, .start = "2026-01-01", .days = 90})

typedef struct TarnTelecom TarnTelecom;

/* Errors: TARN_ERROR_USAGE for an option out of its range. */
TarnTelecom *tarn_telecom_new(const TarnTelecomOptions *options, GError **error);
void tarn_telecom_free(TarnTelecom *telecom);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnTelecom, tarn_telecom_free)

const TarnProcess *tarn_telecom_process(const TarnTelecom *telecom);

/* The number-th line, from 0; a repeated line is an earlier one. */
void tarn_telecom_line(const TarnTelecom *telecom, guint64 number, TarnLine *line);

/* Asked now and then with the number of events written; FALSE stops. */
typedef gboolean (*TarnTelecomProgress)(guint64 done, gpointer data);

/* Writes all lines, each with its line feed; *bytes is how much was written. Does not commit the output. FALSE with
 * *error unset: progress stopped it. */
gboolean tarn_telecom_write(const TarnTelecom *telecom, TarnOutput *output, TarnTelecomProgress progress, gpointer data,
                            guint64 *bytes, GError **error);
