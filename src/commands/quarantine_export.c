/* `tarn quarantine show` and `export`: the records themselves. */
#include <errno.h>
#include <glib/gstdio.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "commands/quarantine.h"
#include "pipeline/source.h"
#include "stream/framing.h"

static const char *const original_notes[] = {
    [TARN_ORIGINAL_KEPT] = "the original bytes",
    [TARN_ORIGINAL_SOURCE] = "the original bytes, read again from the source",
    [TARN_ORIGINAL_REBUILT] = "rebuilt from the bronze row: same fields and values, other bytes",
    [TARN_ORIGINAL_CUT] = "only its beginning was kept",
};

static void print_reasons(const TarnQuarantineRecord *record) {
  json_auto_t *reasons = json_loads(record->reasons, JSON_ALLOW_NUL, NULL);
  gsize i;
  const json_t *reason;
  json_array_foreach(reasons, i, reason) {
    const char *rule = json_string_value(json_object_get(reason, "rule"));
    g_autofree char *why =
        tarn_quarantine_reason_text(json_string_value(json_object_get(reason, "column_name")), rule ? rule : "unknown");
    g_autofree char *safe_why = tarn_quarantine_printable(why, strlen(why));
    printf("  %-12s %s\n", i == 0 ? "why" : "", safe_why);
    const json_t *value = json_object_get(reason, "value");
    g_autofree char *safe_value =
        tarn_quarantine_printable(json_string_value(value) ? json_string_value(value) : "", json_string_length(value));
    if (json_is_string(value)) printf("  %-12s   value: %s\n", "", safe_value);
  }
}

static void print_record(const TarnQuarantineRecord *record, TarnOriginals *originals) {
  g_autofree char *source = tarn_quarantine_source_text(record, TRUE);
  g_autoptr(GString) bytes = g_string_new(NULL);
  TarnOriginalKind kind = tarn_originals_find(originals, record, bytes);
  g_autofree char *text = tarn_quarantine_printable(bytes->str, bytes->len);
  printf("#%" G_GINT64_FORMAT " %s%s%s\n", record->id, record->layer, record->table ? " " : "",
         record->table ? record->table : "");
  printf("  %-12s %s, run %s\n", "quarantined", record->quarantined_at, record->run_id);
  printf("  %-12s %s\n", "source", source);
  if (g_str_equal(record->layer, "silver")) printf("  %-12s %" G_GINT64_FORMAT "\n", "bronze seq", record->seq);
  if (kind == TARN_ORIGINAL_CUT)
    printf("  %-12s %" G_GINT64_FORMAT " bytes, SHA-256 %s\n", "whole size", record->raw_size, record->raw_sha256);
  print_reasons(record);
  printf("  %-12s (%s, %zu bytes)\n%s\n", "record", original_notes[kind], bytes->len, text);
}

static GPtrArray *find_by_id(const TarnQuarantineRequest *request, GError **error) {
  gint64 id = 0;
  if (!request->id || !g_ascii_string_to_signed(request->id, 10, 1, G_MAXINT64, &id, NULL)) {
    tarn_error_set(error, TARN_ERROR_USAGE, "`tarn quarantine list` tells the ids",
                   "show needs the id of a record, a number from 1");
    return NULL;
  }
  const TarnQuarantineFilter filter = {.after = id - 1, .limit = 1};
  g_autoptr(GPtrArray) found = tarn_quarantine_records(request->published.conn, &request->shape, &filter, error);
  if (!found) return NULL;
  if (found->len == 1 && ((TarnQuarantineRecord *)found->pdata[0])->id == id) return g_steal_pointer(&found);
  tarn_error_set(error, TARN_ERROR_USAGE, "`tarn quarantine list` tells the ids", "there is no record %s in quarantine",
                 request->id);
  return NULL;
}

gboolean tarn_quarantine_show(const TarnQuarantineRequest *request, GError **error) {
  g_autoptr(GPtrArray) found = find_by_id(request, error);
  if (!found) return FALSE;
  g_autoptr(TarnOriginals) originals = tarn_originals_new(request->published.project);
  if (!request->json) {
    print_record(found->pdata[0], originals);
    return TRUE;
  }
  g_autoptr(GString) line = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, line);
  tarn_quarantine_write(&json, originals, found->pdata[0]);
  printf("%s\n", line->str);
  return TRUE;
}

typedef struct {
  TarnOriginals *originals;
  const TarnConfig *config;
  FILE *out;
  const char *name;
  gboolean raw;
  guint64 cut; /* records that --raw left out: only their beginning is left */
  GString *line;
} Export;

/* Files have no framing and no tombstones: a record of Kafka leaves its framing behind. FALSE: there is no line. */
static gboolean write_raw(Export *export, const TarnQuarantineRecord *record) {
  TarnOriginalKind kind = tarn_originals_find(export->originals, record, export->line);
  export->cut += kind == TARN_ORIGINAL_CUT;
  if (kind == TARN_ORIGINAL_CUT || record->tombstone) {
    g_string_truncate(export->line, 0);
    return FALSE;
  }
  if (tarn_source_is_topic(export->config, record->source_name))
    g_string_erase(export->line, 0, (gssize)tarn_framing_of(export->line->str, export->line->len).skip);
  return TRUE;
}

static void export_line(Export *export, const TarnQuarantineRecord *record) {
  g_string_truncate(export->line, 0);
  if (export->raw) {
    if (!write_raw(export, record)) return;
  } else {
    TarnJsonWriter json;
    tarn_json_init(&json, export->line);
    tarn_quarantine_write(&json, export->originals, record);
  }
  g_string_append_c(export->line, '\n');
}

static gboolean export_record(const TarnQuarantineRecord *record, gpointer user, GError **error) {
  Export *export = user;
  export_line(export, record);
  if (fwrite(export->line->str, 1, export->line->len, export->out) == export->line->len) return TRUE;
  tarn_error_set_errno(error, errno, "cannot write %s", export->name);
  return FALSE;
}

static gboolean export_all(const TarnQuarantineRequest *request, Export *export, GError **error) {
  export->line = g_string_new(NULL);
  export->originals = tarn_originals_new(request->published.project);
  gboolean ok = tarn_quarantine_each(request, MAX(request->limit, 0), export_record, export, NULL, error);
  tarn_originals_free(export->originals);
  g_string_free(export->line, TRUE);
  return ok;
}

static void warn_of_cut_records(guint64 n) {
  if (n == 0) return;
  g_autoptr(GError) warning = NULL;
  tarn_error_set(&warning, TARN_ERROR_USAGE, "export without --raw shows what is left of them",
                 "%" G_GUINT64_FORMAT " oversize record%s left out: only the beginning was kept", n,
                 n == 1 ? " was" : "s were");
  tarn_cli_warn(warning);
}

gboolean tarn_quarantine_export(const TarnQuarantineRequest *request, GError **error) {
  if (request->to && g_str_has_prefix(request->to, "kafka://")) return tarn_quarantine_republish(request, error);
  gboolean to_stdout = !request->to || g_str_equal(request->to, "-");
  Export export = {.out = to_stdout ? stdout : g_fopen(request->to, "wbe"),
                   .name = to_stdout ? "standard output" : request->to,
                   .config = &request->published.project->config,
                   .raw = request->raw};
  if (!export.out) {
    tarn_error_set_errno(error, errno, "cannot write %s", export.name);
    return FALSE;
  }
  gboolean ok = export_all(request, &export, error);
  gboolean flushed = (to_stdout ? fflush(stdout) : fclose(export.out)) == 0;
  if (ok && !flushed) tarn_error_set_errno(error, errno, "cannot write %s", export.name);
  warn_of_cut_records(export.cut);
  return ok && flushed;
}
