/* A quarantined record as text and as JSON, and the way through all of them. */
#include <string.h>

#include "commands/quarantine.h"

#define PAGE_RECORDS 200 /* in memory at a time; one may hold source.max_record_bytes */

char *tarn_quarantine_printable(const char *data, gsize size) {
  GString *out = g_string_new(NULL);
  for (const char *p = data, *end = data + size; p < end;) {
    gunichar c = g_utf8_get_char_validated(p, end - p);
    gboolean valid = c != (gunichar)-1 && c != (gunichar)-2 && *p;
    if (!valid)
      g_string_append_printf(out, "\\x%02x", (guchar)*p);
    else if (g_unichar_iscntrl(c))
      g_string_append_printf(out, "\\u%04x", c);
    else
      g_string_append_unichar(out, c);
    p = valid ? g_utf8_next_char(p) : p + 1;
  }
  return g_string_free(out, FALSE);
}

char *tarn_quarantine_reason_text(const char *column, const char *rule) {
  return column ? g_strdup_printf("%s: %s", column, rule) : g_strdup(rule);
}

char *tarn_quarantine_source_text(const TarnQuarantineRecord *record, gboolean whole_path) {
  if (!record->source_name) return g_strdup("unknown");
  g_autofree char *name = whole_path ? g_strdup(record->source_name) : g_path_get_basename(record->source_name);
  g_autofree char *part = record->timestamp_us ? g_strdup_printf("[%d]", record->source_partition) : g_strdup("");
  return g_strdup_printf("%s%s @ %" G_GINT64_FORMAT, name, part, record->source_offset);
}

static void write_source(TarnJsonWriter *json, const TarnQuarantineRecord *record) {
  tarn_json_key(json, "source");
  tarn_json_begin_object(json);
  tarn_json_member_string(json, "name", record->source_name);
  tarn_json_member_int(json, "partition", record->source_partition);
  tarn_json_member_int(json, "offset", record->source_offset);
  tarn_json_end_object(json);
}

static void write_bytes(TarnJsonWriter *json, const char *name, const GString *bytes) {
  if (g_utf8_validate_len(bytes->str, bytes->len, NULL)) {
    tarn_json_key(json, name);
    tarn_json_string_len(json, bytes->str, bytes->len);
  } else {
    g_autofree char *base64 = g_base64_encode((const guchar *)bytes->str, bytes->len);
    g_autofree char *base64_name = g_strconcat(name, "_base64", NULL);
    tarn_json_member_string(json, base64_name, base64);
  }
}

/* What only a record of Kafka has. */
static void write_envelope(TarnJsonWriter *json, const TarnQuarantineRecord *record) {
  if (record->key) write_bytes(json, "key", record->key);
  if (record->headers) {
    tarn_json_key(json, "headers");
    tarn_json_raw(json, record->headers, strlen(record->headers));
  }
  if (record->tombstone) tarn_json_member_bool(json, "tombstone", TRUE);
}

static void write_original(TarnJsonWriter *json, const TarnQuarantineRecord *record, const GString *bytes,
                           TarnOriginalKind kind) {
  write_bytes(json, "original", bytes);
  tarn_json_member_bool(json, "rebuilt", kind == TARN_ORIGINAL_REBUILT);
  if (kind != TARN_ORIGINAL_CUT) return;
  tarn_json_member_bool(json, "cut", TRUE);
  tarn_json_member_int(json, "size", record->raw_size);
  tarn_json_member_string(json, "sha256", record->raw_sha256);
}

void tarn_quarantine_write(TarnJsonWriter *json, TarnOriginals *originals, const TarnQuarantineRecord *record) {
  tarn_json_begin_object(json);
  tarn_json_member_int(json, "id", record->id);
  tarn_json_member_string(json, "layer", record->layer);
  tarn_json_member_string(json, "table", record->table);
  tarn_json_key(json, "reasons");
  tarn_json_raw(json, record->reasons, strlen(record->reasons));
  write_source(json, record);
  tarn_json_member_string(json, "quarantined_at", record->quarantined_at);
  tarn_json_member_string(json, "run_id", record->run_id);
  write_envelope(json, record);
  if (originals) {
    g_autoptr(GString) bytes = g_string_new(NULL);
    TarnOriginalKind kind = tarn_originals_find(originals, record, bytes);
    write_original(json, record, bytes, kind);
  }
  tarn_json_end_object(json);
}

gboolean tarn_quarantine_each(const TarnQuarantineRequest *request, gint64 limit, TarnQuarantineVisit visit,
                              gpointer user, gboolean *more, GError **error) {
  TarnQuarantineFilter filter = {.layer = request->layer, .reason = request->reason, .limit = PAGE_RECORDS};
  if (limit && limit < PAGE_RECORDS) filter.limit = limit + 1;
  for (gint64 seen = 0;;) {
    g_autoptr(GPtrArray) page = tarn_quarantine_records(request->published.conn, &request->shape, &filter, error);
    if (!page) return FALSE;
    for (guint i = 0; i < page->len; i++, seen++) {
      if (limit && seen == limit) {
        if (more) *more = TRUE;
        return TRUE;
      }
      if (!visit(page->pdata[i], user, error)) return FALSE;
    }
    if (page->len < filter.limit) return TRUE;
    filter.after = ((TarnQuarantineRecord *)page->pdata[page->len - 1])->id;
  }
}
