#include "pipeline/bronze_ingest.h"

#include <string.h>

#include "base/error.h"
#include "base/fault.h"
#include "lakehouse/bronze.h"
#include "lakehouse/ingest.h"
#include "lakehouse/sql.h"
#include "pipeline/quality.h"
#include "stream/json_scan.h"

#define CHUNK_BYTES (2u * 1024 * 1024)  /* of records in one chunk, as the engine holds several copies of it */
#define REJECTS_HELD (32 * 1024 * 1024) /* bytes of rejects kept in memory before they are written */

/* A record that is no event, with what the quarantine needs to know. */
typedef struct {
  char *data;
  gsize size;
  gint64 full_size;
  char *digest; /* of an oversize record, else NULL */
  const char *rule;
  char *why;
  gint64 seq;
  char *source_name;
  gint32 source_partition;
  gint64 source_offset;
  char *key; /* NULL: none */
  gsize key_size;
  char *headers;
  gint64 timestamp_us;
} Reject;

static void reject_free(gpointer data) {
  Reject *reject = data;
  g_free(reject->data);
  g_free(reject->digest);
  g_free(reject->why);
  g_free(reject->source_name);
  g_free(reject->key);
  g_free(reject->headers);
  g_free(reject);
}

/* Shared by the threads of one pass. */
typedef struct {
  const TarnBronzeIngest *job;
  TarnScanner *scanner;
  guint n_envelope;
  GMutex stream_lock; /* guards stream, next_seq, received, ended */
  gint64 next_seq;
  gint64 received;
  gboolean ended;
  GMutex rejects_lock;
  GPtrArray *rejects;
  gsize rejects_bytes;
  guint next_reject; /* while they are being written */
  gint64 next_quarantine_id;
} Pass;

/* One thread's batch and its place in it. */
typedef struct {
  TarnBatch batch;
  guint next;
  gint64 first_seq;
  TarnScanResult scan;
  GString *text;
} Reader;

static gpointer reader_new(gpointer user) {
  (void)user;
  Reader *reader = g_new0(Reader, 1);
  tarn_batch_init(&reader->batch);
  reader->text = g_string_sized_new(256);
  return reader;
}

static void reader_free(gpointer state) {
  Reader *reader = state;
  tarn_batch_clear(&reader->batch);
  g_string_free(reader->text, TRUE);
  g_free(reader);
}

static gboolean rejects_full(Pass *pass) {
  g_mutex_lock(&pass->rejects_lock);
  gboolean full = pass->rejects_bytes >= REJECTS_HELD;
  g_mutex_unlock(&pass->rejects_lock);
  return full;
}

/* The next batch, or *end. A pass also ends where too many rejects are held; the next pass goes on from there. */
static gboolean next_batch(Pass *pass, Reader *reader, gboolean *end, GError **error) {
  g_mutex_lock(&pass->stream_lock);
  gboolean ok = TRUE;
  *end = pass->ended || rejects_full(pass);
  if (!*end) {
    ok = tarn_fault_point("bronze.batch", error) && tarn_stream_next(pass->job->stream, &reader->batch, error);
    pass->ended = *end = !ok || reader->batch.count == 0;
    reader->next = 0;
    reader->first_seq = pass->next_seq;
    if (ok) pass->next_seq += reader->batch.count, pass->received += reader->batch.count;
    if (ok && pass->job->progress) {
      TarnStreamProgress progress;
      tarn_stream_progress(pass->job->stream, &progress);
      pass->job->progress(&progress, pass->job->user);
    }
  }
  g_mutex_unlock(&pass->stream_lock);
  return ok;
}

static void hold_reject(Pass *pass, const Reader *reader, const TarnRecord *record, gint64 seq, const char *rule,
                        char *why) {
  Reject *reject = g_new0(Reject, 1);
  reject->size = record->size + record->frame;
  reject->data = g_memdup2(record->data - record->frame, reject->size);
  reject->full_size = record->full_size;
  reject->digest = g_strdup(record->digest);
  reject->rule = rule;
  reject->why = why;
  reject->seq = seq;
  reject->source_name = g_strdup(reader->batch.source_name);
  reject->source_partition = reader->batch.source_partition;
  reject->source_offset = record->offset;
  reject->key = record->key ? g_memdup2(record->key, MAX(record->key_size, 1)) : NULL;
  reject->key_size = record->key_size;
  reject->headers = g_strdup(record->headers);
  reject->timestamp_us = record->timestamp_us;
  g_mutex_lock(&pass->rejects_lock);
  g_ptr_array_add(pass->rejects, reject);
  pass->rejects_bytes += reject->size + reject->key_size + sizeof *reject;
  g_mutex_unlock(&pass->rejects_lock);
}

static void set_field(TarnIngestChunk *chunk, guint column, guint row, const TarnJsonSlice *slice, GString *text) {
  if (slice->kind == TARN_JSON_ABSENT || slice->kind == TARN_JSON_NULL) {
    tarn_ingest_set_null(chunk, column, row);
  } else if (slice->kind != TARN_JSON_STRING) {
    tarn_ingest_set_text(chunk, column, row, slice->text, slice->size);
  } else if (!slice->escaped) {
    tarn_ingest_set_text(chunk, column, row, slice->text + 1, slice->size - 2);
  } else {
    g_string_truncate(text, 0);
    tarn_json_unescape(slice, text);
    tarn_ingest_set_text(chunk, column, row, text->str, text->len);
  }
}

static void set_bytes(TarnIngestChunk *chunk, guint column, guint row, const char *bytes, gsize size) {
  if (bytes)
    tarn_ingest_set_text(chunk, column, row, bytes, size);
  else
    tarn_ingest_set_null(chunk, column, row);
}

static void set_time(TarnIngestChunk *chunk, guint column, guint row, gint64 timestamp_us) {
  if (timestamp_us)
    tarn_ingest_set_int(chunk, column, row, timestamp_us);
  else
    tarn_ingest_set_null(chunk, column, row);
}

static void set_payload(TarnIngestChunk *chunk, guint column, guint row, const TarnJsonSlice *slice) {
  if (slice->kind == TARN_JSON_ABSENT || slice->kind == TARN_JSON_NULL)
    tarn_ingest_set_null(chunk, column, row);
  else
    tarn_ingest_set_text(chunk, column, row, slice->text, slice->size);
}

/* The other top-level fields as one object, texts unchanged. */
static void set_extra(TarnIngestChunk *chunk, guint column, guint row, const TarnScanResult *scan,
                      const TarnRecord *record, GString *text) {
  if (scan->other_count == 0) {
    tarn_ingest_set_null(chunk, column, row);
    return;
  }
  if (scan->others_overflow) { /* more than the scanner slices: keep the whole record rather than a part */
    tarn_ingest_set_text(chunk, column, row, record->data, record->size);
    return;
  }
  g_string_truncate(text, 0);
  for (guint i = 0; i < scan->other_count; i++) {
    const TarnJsonMember *member = &scan->others[i];
    g_string_append_c(text, i == 0 ? '{' : ',');
    g_string_append_len(text, member->key, member->key_size);
    g_string_append_c(text, ':');
    g_string_append_len(text, member->value.text, member->value.size);
  }
  g_string_append_c(text, '}');
  tarn_ingest_set_text(chunk, column, row, text->str, text->len);
}

/* What is known of a record whatever is in it; column: the first of these. */
static void set_coordinates(const Reader *reader, const TarnRecord *record, gint64 seq, TarnIngestChunk *chunk,
                            guint column, guint row) {
  tarn_ingest_set_int(chunk, column, row, seq);
  tarn_ingest_set_text(chunk, column + 1, row, reader->batch.source_name, strlen(reader->batch.source_name));
  tarn_ingest_set_int(chunk, column + 2, row, reader->batch.source_partition);
  tarn_ingest_set_int(chunk, column + 3, row, record->offset);
  set_bytes(chunk, column + 4, row, record->key, record->key_size);
  set_bytes(chunk, column + 5, row, record->headers, record->headers ? strlen(record->headers) : 0);
  set_time(chunk, column + 6, row, record->timestamp_us);
  tarn_ingest_set_int(chunk, column + 7, row, record->kind == TARN_RECORD_TOMBSTONE);
}

/* Records that are refused before they are read. */
static gboolean refuse_unread(Pass *pass, const Reader *reader, const TarnRecord *record, gint64 seq) {
  if (record->kind == TARN_RECORD_OVERSIZE)
    hold_reject(pass, reader, record, seq, "record too large",
                g_strdup_printf("%" G_GINT64_FORMAT " bytes", record->full_size));
  else if (record->kind == TARN_RECORD_FRAMED)
    hold_reject(pass, reader, record, seq, "unknown framing", g_strdup(record->why));
  else
    return FALSE;
  return TRUE;
}

/* TRUE where the record became row `row`. */
static gboolean fill_row(Pass *pass, Reader *reader, TarnIngestChunk *chunk, guint row) {
  const TarnRecord *record = &reader->batch.records[reader->next];
  gint64 seq = reader->first_seq + reader->next;
  guint n = pass->n_envelope;
  reader->next++;
  if (refuse_unread(pass, reader, record, seq)) return FALSE;
  if (record->kind == TARN_RECORD_TOMBSTONE) {
    for (guint i = 0; i < n + 2; i++) tarn_ingest_set_null(chunk, i, row);
    set_coordinates(reader, record, seq, chunk, n + 2, row);
    return TRUE;
  }
  TarnJsonSlice fields[64];
  TarnScanVerdict verdict = tarn_json_scan(pass->scanner, record->data, record->size, fields, &reader->scan);
  if (verdict != TARN_SCAN_OK) {
    hold_reject(pass, reader, record, seq,
                verdict == TARN_SCAN_NOT_OBJECT ? "not a JSON object" : "not readable as JSON",
                g_strdup_printf("%s at byte %u", reader->scan.why, reader->scan.error_offset));
    return FALSE;
  }
  for (guint i = 0; i < n; i++) set_field(chunk, i, row, &fields[i], reader->text);
  set_payload(chunk, n, row, &fields[n]);
  set_extra(chunk, n + 1, row, &reader->scan, record, reader->text);
  set_coordinates(reader, record, seq, chunk, n + 2, row);
  return TRUE;
}

static gboolean fill_events(gpointer user, gpointer state, TarnIngestChunk *chunk, guint *n_rows, GError **error) {
  Pass *pass = user;
  Reader *reader = state;
  guint rows = 0;
  gsize bytes = 0;
  while (rows < TARN_INGEST_ROWS && bytes < CHUNK_BYTES) {
    if (reader->next >= reader->batch.count) {
      if (rows > 0 && rows >= TARN_INGEST_ROWS / 2)
        break; /* a chunk that is half full may go without waiting for the lock */
      gboolean end;
      if (!next_batch(pass, reader, &end, error)) return FALSE;
      if (end) break;
    }
    bytes += reader->batch.records[reader->next].size;
    rows += fill_row(pass, reader, chunk, rows);
  }
  *n_rows = rows;
  return TRUE;
}

static const TarnIngestColumn reject_columns[] = {{"id", TARN_COLUMN_BIGINT},
                                                  {"seq", TARN_COLUMN_BIGINT},
                                                  {"rule", TARN_COLUMN_VARCHAR},
                                                  {"value", TARN_COLUMN_VARCHAR},
                                                  {"raw", TARN_COLUMN_BLOB},
                                                  {"raw_size", TARN_COLUMN_BIGINT},
                                                  {"raw_sha256", TARN_COLUMN_VARCHAR},
                                                  {"source_name", TARN_COLUMN_VARCHAR},
                                                  {"source_partition", TARN_COLUMN_BIGINT},
                                                  {"source_offset", TARN_COLUMN_BIGINT},
                                                  {"record_key", TARN_COLUMN_BLOB},
                                                  {"record_headers", TARN_COLUMN_JSON},
                                                  {"record_timestamp", TARN_COLUMN_BIGINT}};

static void set_reject(const Reject *reject, gint64 id, TarnIngestChunk *chunk, guint row) {
  tarn_ingest_set_int(chunk, 0, row, id);
  tarn_ingest_set_int(chunk, 1, row, reject->seq);
  tarn_ingest_set_text(chunk, 2, row, reject->rule, strlen(reject->rule));
  tarn_ingest_set_text(chunk, 3, row, reject->why, strlen(reject->why));
  tarn_ingest_set_text(chunk, 4, row, reject->data ? reject->data : "", reject->size);
  tarn_ingest_set_int(chunk, 5, row, reject->full_size);
  set_bytes(chunk, 6, row, reject->digest, reject->digest ? strlen(reject->digest) : 0);
  tarn_ingest_set_text(chunk, 7, row, reject->source_name, strlen(reject->source_name));
  tarn_ingest_set_int(chunk, 8, row, reject->source_partition);
  tarn_ingest_set_int(chunk, 9, row, reject->source_offset);
  set_bytes(chunk, 10, row, reject->key, reject->key_size);
  set_bytes(chunk, 11, row, reject->headers, reject->headers ? strlen(reject->headers) : 0);
  set_time(chunk, 12, row, reject->timestamp_us);
}

static gboolean fill_rejects(gpointer user, gpointer state, TarnIngestChunk *chunk, guint *n_rows, GError **error) {
  (void)state, (void)error;
  Pass *pass = user;
  guint rows = 0;
  for (; rows < TARN_INGEST_ROWS && pass->next_reject < pass->rejects->len; rows++)
    set_reject(pass->rejects->pdata[pass->next_reject++], pass->next_quarantine_id++, chunk, rows);
  *n_rows = rows;
  return TRUE;
}

static gint compare_rejects(gconstpointer a, gconstpointer b) {
  const Reject *left = *(Reject *const *)a, *right = *(Reject *const *)b;
  return left->seq < right->seq ? -1 : left->seq > right->seq;
}

static gboolean write_rejects(Pass *pass, const char *sql, gint64 *quarantined, GError **error) {
  if (pass->rejects->len == 0) return TRUE;
  pass->next_reject = 0;
  g_ptr_array_sort(pass->rejects, compare_rejects); /* threads add them in no order; ids are to follow arrival */
  const TarnValue values[] = {tarn_value_text(pass->job->config->bronze_table), tarn_value_int(pass->job->now_us),
                              tarn_value_text(pass->job->run_id)};
  gint64 changed = 0;
  if (!tarn_conn_run(pass->job->conn, sql, values, G_N_ELEMENTS(values), &changed, error)) return FALSE;
  *quarantined += changed;
  g_ptr_array_set_size(pass->rejects, 0);
  pass->rejects_bytes = 0;
  return TRUE;
}

static char *insert_sql(const TarnConfig *config, TarnConn *conn, const TarnIngest *events, GError **error) {
  g_autoptr(TarnQuality) quality = tarn_quality_new(config, conn, error);
  if (!quality) return NULL;
  g_autofree char *table = tarn_sql_quote_identifier(config->bronze_table);
  g_autofree char *envelope = tarn_bronze_envelope_sql((const char *const *)config->envelope);
  return tarn_sql_fill(tarn_sql_bronze_insert, "table", table, "envelope", envelope, "score", quality->score, "reasons",
                       quality->reasons, "failed", quality->failed, "shared", quality->shared, "events",
                       tarn_ingest_name(events), NULL);
}

/* Passes over the stream until it ends: each one INSERT, then the rejects that it held. */
static gboolean run_passes(Pass *pass, TarnIngest *events, TarnIngest *rejects, TarnBronzeCounts *counts,
                           GError **error) {
  const TarnBronzeIngest *job = pass->job;
  g_autofree char *sql = insert_sql(job->config, job->conn, events, error);
  if (!sql) return FALSE;
  g_autofree char *rejects_sql =
      tarn_sql_fill(tarn_sql_bronze_quarantine_insert, "rejects", tarn_ingest_name(rejects), NULL);
  const TarnValue now = tarn_value_int(job->now_us);
  while (!pass->ended) {
    gint64 changed = 0;
    if (!tarn_conn_run(job->conn, sql, &now, 1, &changed, error)) {
      GError *cause = tarn_ingest_take_error(events);
      if (cause && error) {
        g_clear_error(error);
        g_propagate_error(error, cause);
      } else
        g_clear_error(&cause);
      return FALSE;
    }
    counts->bronze += changed;
    if (!write_rejects(pass, rejects_sql, &counts->quarantined, error)) return FALSE;
  }
  return TRUE;
}

static TarnIngest *register_events(Pass *pass, TarnConn *conn, const TarnConfig *config, GError **error) {
  g_autoptr(GArray) columns = g_array_new(FALSE, FALSE, sizeof(TarnIngestColumn));
  for (char **name = config->envelope; *name; name++) {
    TarnIngestColumn column = {*name, TARN_COLUMN_VARCHAR};
    g_array_append_val(columns, column);
  }
  const TarnIngestColumn rest[] = {{"raw_payload", TARN_COLUMN_JSON},
                                   {"extra", TARN_COLUMN_JSON},
                                   {"seq", TARN_COLUMN_BIGINT},
                                   {"source_name", TARN_COLUMN_VARCHAR},
                                   {"source_partition", TARN_COLUMN_BIGINT},
                                   {"source_offset", TARN_COLUMN_BIGINT},
                                   {"record_key", TARN_COLUMN_BLOB},
                                   {"record_headers", TARN_COLUMN_JSON},
                                   {"record_timestamp", TARN_COLUMN_BIGINT},
                                   {"tombstone", TARN_COLUMN_BIGINT}};
  g_array_append_vals(columns, rest, G_N_ELEMENTS(rest));
  const TarnIngestSource source = {.columns = (const TarnIngestColumn *)columns->data,
                                   .n_columns = columns->len,
                                   .thread_new = reader_new,
                                   .thread_free = reader_free,
                                   .fill = fill_events,
                                   .user = pass};
  return tarn_ingest_register(conn, &source, error);
}

static TarnScanner *scanner_for(const TarnConfig *config) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (char **name = config->envelope; *name; name++) g_ptr_array_add(names, *name);
  g_ptr_array_add(names, config->payload);
  g_ptr_array_add(names, NULL);
  return tarn_scanner_new((const char *const *)names->pdata, config->max_depth);
}

gboolean tarn_bronze_ingest(const TarnBronzeIngest *ingest, TarnBronzeCounts *counts, GError **error) {
  Pass pass = {.job = ingest,
               .n_envelope = g_strv_length(ingest->config->envelope),
               .next_seq = ingest->first_seq,
               .next_quarantine_id = ingest->first_quarantine_id};
  pass.scanner = scanner_for(ingest->config);
  pass.rejects = g_ptr_array_new_with_free_func(reject_free);
  g_mutex_init(&pass.stream_lock);
  g_mutex_init(&pass.rejects_lock);
  const TarnIngestSource rejects_source = {.columns = reject_columns,
                                           .n_columns = G_N_ELEMENTS(reject_columns),
                                           .max_threads = 1,
                                           .fill = fill_rejects,
                                           .user = &pass};
  TarnBronzeCounts found = {0};
  TarnIngest *events = register_events(&pass, ingest->conn, ingest->config, error);
  TarnIngest *rejects = events ? tarn_ingest_register(ingest->conn, &rejects_source, error) : NULL;
  gboolean ok = rejects && run_passes(&pass, events, rejects, &found, error);
  found.next_seq = pass.next_seq;
  found.next_quarantine_id = pass.next_quarantine_id;
  found.received = pass.received;
  g_ptr_array_unref(pass.rejects);
  tarn_scanner_free(pass.scanner);
  g_mutex_clear(&pass.stream_lock);
  g_mutex_clear(&pass.rejects_lock);
  if (ok) *counts = found;
  return ok;
}
