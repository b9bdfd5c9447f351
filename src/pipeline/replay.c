#include "pipeline/replay.h"

#include "lakehouse/quarantine.h"
#include "lakehouse/sql.h"
#include "pipeline/original.h"
#include "pipeline/source.h"
#include "stream/framing.h"
#include "stream/stream_private.h"

#define PAGE_RECORDS 200 /* of at most 1 MiB each by default */

/* One page of quarantined records as a stream: each record is a batch of its own, for it has its own coordinates. */
typedef struct {
  TarnStream stream;
  GPtrArray *records; /* borrowed TarnQuarantineRecord */
  GPtrArray *bytes;   /* GString, the whole record; NULL entries are not offered */
  const TarnConfig *config;
  guint next;
} PageStream;

static gboolean page_next(TarnStream *stream, TarnBatch *batch, GError **error) {
  (void)error;
  PageStream *page = (PageStream *)stream;
  while (page->next < page->records->len && !page->bytes->pdata[page->next]) page->next++;
  if (page->next == page->records->len) return TRUE;
  const TarnQuarantineRecord *record = page->records->pdata[page->next];
  const GString *bytes = page->bytes->pdata[page->next++];
  g_free(batch->source_name);
  batch->source_name = g_strdup(record->source_name);
  batch->source_partition = record->source_partition;
  TarnRecord *offered = tarn_batch_add(batch);
  *offered = (TarnRecord){.data = bytes->str,
                          .size = (guint32)bytes->len,
                          .kind = TARN_RECORD_WHOLE,
                          .offset = record->source_offset,
                          .full_size = (gint64)bytes->len,
                          .key = record->key ? record->key->str : NULL,
                          .key_size = record->key ? (guint32)record->key->len : 0,
                          .headers = g_strdup(record->headers),
                          .timestamp_us = record->timestamp_us};
  if (tarn_source_is_topic(page->config, record->source_name)) tarn_framing_apply(offered);
  return TRUE;
}

static const TarnStreamClass page_class = {.next = page_next};

static void free_bytes(gpointer data) {
  if (data) g_string_free(data, TRUE);
}

/* The bytes of every record of a page that can be offered. */
static GPtrArray *find_bytes(const TarnProject *project, TarnOriginals *originals, const GPtrArray *records) {
  GPtrArray *bytes = g_ptr_array_new_with_free_func(free_bytes);
  for (guint i = 0; i < records->len; i++) {
    const TarnQuarantineRecord *record = records->pdata[i];
    GString *found = g_string_new(NULL);
    TarnOriginalKind kind = (guint64)record->raw_size > project->config.max_record_bytes
                                ? TARN_ORIGINAL_CUT
                                : tarn_originals_find(originals, record, found);
    gboolean whole = kind == TARN_ORIGINAL_KEPT || kind == TARN_ORIGINAL_SOURCE;
    if (!whole) g_string_free(g_steal_pointer(&found), TRUE);
    g_ptr_array_add(bytes, found);
  }
  return bytes;
}

/* Takes the offered records of a page out of quarantine; those that were refused again are in it anew. */
static gboolean remove_offered(TarnConn *conn, const GPtrArray *records, const GPtrArray *bytes, GError **error) {
  for (guint i = 0; i < records->len; i++) {
    if (!bytes->pdata[i]) continue;
    guint last = i;
    while (last + 1 < records->len && bytes->pdata[last + 1]) last++;
    const TarnValue range[] = {tarn_value_int(((TarnQuarantineRecord *)records->pdata[i])->id),
                               tarn_value_int(((TarnQuarantineRecord *)records->pdata[last])->id)};
    if (!tarn_conn_run(conn, tarn_sql_replay_remove, range, 2, NULL, error)) return FALSE;
    i = last;
  }
  return TRUE;
}

static gboolean replay_page(const TarnProject *project, TarnOriginals *originals, TarnBronzeIngest *ingest,
                            GPtrArray *records, TarnBronzeCounts *totals, GError **error) {
  g_autoptr(GPtrArray) bytes = find_bytes(project, originals, records);
  PageStream page = {.stream = {&page_class}, .records = records, .bytes = bytes, .config = &project->config};
  ingest->stream = &page.stream;
  ingest->first_seq = totals->next_seq;
  ingest->first_quarantine_id = totals->next_quarantine_id;
  TarnBronzeCounts counts;
  if (!tarn_bronze_ingest(ingest, &counts, error) || !remove_offered(ingest->conn, records, bytes, error)) return FALSE;
  totals->next_seq = counts.next_seq;
  totals->next_quarantine_id = counts.next_quarantine_id;
  totals->bronze += counts.bronze;
  totals->quarantined += counts.quarantined;
  totals->received += counts.received;
  return TRUE;
}

gboolean tarn_replay(const TarnProject *project, const TarnBronzeIngest *ingest, TarnBronzeCounts *counts,
                     GError **error) {
  g_autoptr(TarnOriginals) originals = tarn_originals_new(project);
  const TarnQuarantineShape shape = {project->config.bronze_table, (const char *const *)project->config.envelope};
  TarnQuarantineFilter filter = {.layer = "bronze", .limit = PAGE_RECORDS};
  TarnBronzeIngest job = *ingest;
  job.progress = NULL;
  TarnBronzeCounts totals = {.next_seq = ingest->first_seq, .next_quarantine_id = ingest->first_quarantine_id};
  for (gboolean more = TRUE; more;) {
    g_autoptr(GPtrArray) records = tarn_quarantine_records(ingest->conn, &shape, &filter, error);
    if (!records) return FALSE;
    while (records->len > 0 &&
           ((TarnQuarantineRecord *)records->pdata[records->len - 1])->id >= ingest->first_quarantine_id)
      g_ptr_array_remove_index(records, records->len - 1); /* refused again by this very replay */
    more = records->len > 0;
    if (!more) break;
    filter.after = ((TarnQuarantineRecord *)records->pdata[records->len - 1])->id;
    if (!replay_page(project, originals, &job, records, &totals, error)) return FALSE;
  }
  *counts = totals;
  return TRUE;
}
