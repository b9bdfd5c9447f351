/* What the files of `tarn quarantine` share: the request, and a record as text and as JSON. Seen by no other command.
 */
#pragma once
#include "base/json_writer.h"
#include "commands/cli.h"
#include "commands/published.h"
#include "lakehouse/quarantine.h"
#include "pipeline/original.h"

typedef struct {
  TarnCliOptions cli;
  char *layer, *reason, *to;
  gint64 limit; /* -1: not given; 0: all */
  gboolean json, raw;
  const char *id; /* of show */
  TarnPublished published;
  TarnQuarantineShape shape;
} TarnQuarantineRequest;

/* The verbs: results on standard output. */
gboolean tarn_quarantine_list(const TarnQuarantineRequest *request, GError **error);
gboolean tarn_quarantine_count(const TarnQuarantineRequest *request, GError **error);
gboolean tarn_quarantine_show(const TarnQuarantineRequest *request, GError **error);
gboolean tarn_quarantine_export(const TarnQuarantineRequest *request, GError **error);
/* export --to kafka://HOST:PORT/TOPIC: each record as a message with its key, its headers and what is known of its
 * refusal. */
gboolean tarn_quarantine_republish(const TarnQuarantineRequest *request, GError **error);
gboolean tarn_quarantine_replay(const TarnQuarantineRequest *request,
                                GError **error); /* opens nothing, writes a generation */

typedef gboolean (*TarnQuarantineVisit)(const TarnQuarantineRecord *record, gpointer user, GError **error);

/* Calls visit for every chosen record, by id, with one page in memory. limit 0: all. *more (may be NULL) gets TRUE
 * where there is another one behind the limit. */
gboolean tarn_quarantine_each(const TarnQuarantineRequest *request, gint64 limit, TarnQuarantineVisit visit,
                              gpointer user, gboolean *more, GError **error);

/* Text for a terminal or a log: what is not printable UTF-8 becomes an escape. Caller frees. */
char *tarn_quarantine_printable(const char *data, gsize size);
/* "column: rule", or the rule alone. Caller frees. */
char *tarn_quarantine_reason_text(const char *column, const char *rule);
/* "file @ offset", "topic[partition] @ offset". Caller frees. */
char *tarn_quarantine_source_text(const TarnQuarantineRecord *record, gboolean whole_path);
/* One JSON object, the same for list, show and export. originals NULL: without the record itself. */
void tarn_quarantine_write(TarnJsonWriter *json, TarnOriginals *originals, const TarnQuarantineRecord *record);
