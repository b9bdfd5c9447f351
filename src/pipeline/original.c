#include "pipeline/original.h"

#include <string.h>

#include "pipeline/source.h"
#include "stream/framing.h"
#include "stream/json_scan.h"
#include "stream/reread.h"

#define MAX_REREAD_BYTES (256u << 20) /* what one exported record may hold in memory */

struct TarnOriginals {
  const TarnProject *project;
  TarnReread *reread;
  TarnKafkaReread *topics; /* opened when it is first needed */
  gboolean unreachable;    /* it could not be opened */
  TarnScanner *scanner;    /* the envelope's fields, then the payload */
  guint n_fields;
};

TarnOriginals *tarn_originals_new(const TarnProject *project) {
  TarnOriginals *originals = g_new0(TarnOriginals, 1);
  originals->project = project;
  originals->reread = tarn_reread_new();
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();
  g_strv_builder_addv(names, (const char **)project->config.envelope);
  g_strv_builder_add(names, project->config.payload);
  g_auto(GStrv) fields = g_strv_builder_end(names);
  originals->n_fields = g_strv_length(fields);
  originals->scanner = tarn_scanner_new((const char *const *)fields, project->config.max_depth);
  return originals;
}

void tarn_originals_free(TarnOriginals *originals) {
  if (!originals) return;
  tarn_reread_free(originals->reread);
  tarn_kafka_reread_free(originals->topics);
  tarn_scanner_free(originals->scanner);
  g_free(originals);
}

static gboolean is_null(const TarnJsonSlice *field) {
  return field->kind == TARN_JSON_ABSENT || field->kind == TARN_JSON_NULL;
}

/* Bronze holds of an envelope field a string's content, else the JSON text; null and absent are NULL. */
static gboolean is_envelope_value(const TarnJsonSlice *field, const GString *value) {
  if (!value || is_null(field)) return !value && is_null(field);
  g_autoptr(GString) text = g_string_new(NULL);
  if (field->kind == TARN_JSON_STRING)
    tarn_json_unescape(field, text);
  else
    g_string_append_len(text, field->text, field->size);
  return g_string_equal(text, value);
}

static gboolean is_payload(const TarnJsonSlice *field, const char *payload) {
  if (!payload || is_null(field)) return !payload && is_null(field);
  return strlen(payload) == field->size && memcmp(payload, field->text, field->size) == 0;
}

/* Is this line the event that became the record's bronze row? */
static gboolean is_bronze_row(const TarnOriginals *originals, const TarnQuarantineRecord *record, const GString *line) {
  g_autofree TarnJsonSlice *fields = g_new0(TarnJsonSlice, originals->n_fields);
  g_autofree TarnScanResult *result = g_new(TarnScanResult, 1);
  TarnRecord event = {.data = line->str, .size = (guint32)line->len};
  if (tarn_source_is_topic(&originals->project->config, record->source_name)) tarn_framing_apply(&event);
  if (tarn_json_scan(originals->scanner, event.data, event.size, fields, result) != TARN_SCAN_OK) return FALSE;
  for (guint i = 0; i < record->n_envelope; i++)
    if (!is_envelope_value(&fields[i], record->envelope[i])) return FALSE;
  return is_payload(&fields[originals->n_fields - 1], record->payload);
}

static gboolean is_cut_record(const TarnQuarantineRecord *record, const GString *line) {
  if (!record->raw_sha256 || (gint64)line->len != record->raw_size) return FALSE;
  g_autofree char *digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)line->str, line->len);
  return g_str_equal(digest, record->raw_sha256);
}

static gboolean reread_topic(TarnOriginals *originals, const TarnQuarantineRecord *record, GString *value) {
  if (!originals->topics && !originals->unreachable) {
    g_auto(TarnSourceCluster) cluster;
    tarn_source_cluster_init(&cluster, &originals->project->config);
    originals->topics = tarn_kafka_reread_open(&cluster.cluster, NULL);
    originals->unreachable = !originals->topics;
  }
  return originals->topics && tarn_kafka_reread_record(originals->topics, record->source_name, record->source_partition,
                                                       record->source_offset, value);
}

static gboolean reread(TarnOriginals *originals, const TarnQuarantineRecord *record, GString *line) {
  if (!record->source_name) return FALSE;
  if (tarn_source_is_topic(&originals->project->config, record->source_name))
    return reread_topic(originals, record, line);
  g_autofree char *path = g_canonicalize_filename(record->source_name, originals->project->dir);
  return tarn_reread_record(originals->reread, path, record->source_offset, MAX_REREAD_BYTES, line);
}

static void assign(GString *bytes, const GString *value) {
  g_string_truncate(bytes, 0);
  if (value) g_string_append_len(bytes, value->str, (gssize)value->len);
}

TarnOriginalKind tarn_originals_find(TarnOriginals *originals, const TarnQuarantineRecord *record, GString *bytes) {
  gboolean silver = g_str_equal(record->layer, "silver");
  if (record->tombstone) {
    g_string_truncate(bytes, 0);
    return TARN_ORIGINAL_KEPT;
  }
  if (record->raw && (gint64)record->raw->len >= record->raw_size) {
    assign(bytes, record->raw);
    return TARN_ORIGINAL_KEPT;
  }
  if (reread(originals, record, bytes) &&
      (silver ? is_bronze_row(originals, record, bytes) : is_cut_record(record, bytes)))
    return TARN_ORIGINAL_SOURCE;
  if (!silver) {
    assign(bytes, record->raw);
    return TARN_ORIGINAL_CUT;
  }
  const TarnConfig *config = &originals->project->config;
  g_autoptr(GString) line = tarn_quarantine_rebuild(record, (const char *const *)config->envelope, config->payload);
  assign(bytes, line);
  return TARN_ORIGINAL_REBUILT;
}
