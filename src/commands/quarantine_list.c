/* `tarn quarantine list` and `summary`. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "commands/quarantine.h"

#define LIST_RECORDS 50

static char *first_reason(const TarnQuarantineRecord *record) {
  json_auto_t *reasons = json_loads(record->reasons, JSON_ALLOW_NUL, NULL);
  const json_t *first = json_array_get(reasons, 0);
  const char *column = json_string_value(json_object_get(first, "column_name"));
  const char *rule = json_string_value(json_object_get(first, "rule"));
  const char *value = json_string_value(json_object_get(first, "value"));
  gsize others = json_array_size(reasons) > 1 ? json_array_size(reasons) - 1 : 0;
  g_autofree char *why = tarn_quarantine_reason_text(column, rule ? rule : "unknown");
  g_autofree char *offender = value ? g_strdup_printf(" (%s)", value) : g_strdup("");
  g_autofree char *more = others ? g_strdup_printf(", and %zu more", others) : g_strdup("");
  g_autofree char *text = g_strconcat(why, offender, more, NULL);
  return tarn_quarantine_printable(text, strlen(text));
}

static gboolean print_list_line(const TarnQuarantineRecord *record, gpointer user, GError **error) {
  (void)user, (void)error;
  g_autofree char *source = tarn_quarantine_source_text(record, FALSE);
  g_autofree char *why = first_reason(record);
  printf("%8" G_GINT64_FORMAT "  %-6s  %-28s  %s\n", record->id, record->layer, source, why);
  return TRUE;
}

static gboolean write_list_item(const TarnQuarantineRecord *record, gpointer user, GError **error) {
  (void)error;
  tarn_quarantine_write(user, NULL, record);
  return TRUE;
}

static gboolean list_json(const TarnQuarantineRequest *request, gint64 limit, GError **error) {
  g_autoptr(GString) out = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, out);
  tarn_json_begin_array(&json);
  if (!tarn_quarantine_each(request, limit, write_list_item, &json, NULL, error)) return FALSE;
  tarn_json_end_array(&json);
  printf("%s\n", out->str);
  return TRUE;
}

gboolean tarn_quarantine_list(const TarnQuarantineRequest *request, GError **error) {
  gint64 limit = request->limit < 0 ? LIST_RECORDS : request->limit;
  if (request->json) return list_json(request, limit, error);
  printf("%8s  %-6s  %-28s  %s\n", "ID", "LAYER", "SOURCE", "WHY");
  gboolean more = FALSE;
  if (!tarn_quarantine_each(request, limit, print_list_line, NULL, &more, error)) return FALSE;
  if (more) printf("... and more: --limit 0 lists all, `tarn quarantine summary` counts them by reason\n");
  return TRUE;
}

static void write_count(TarnJsonWriter *json, const TarnQuarantineCount *count) {
  tarn_json_begin_object(json);
  tarn_json_member_string(json, "layer", count->layer);
  tarn_json_member_string(json, "table", count->table);
  tarn_json_member_string(json, "column", count->column);
  tarn_json_member_string(json, "rule", count->rule);
  tarn_json_member_int(json, "records", count->records);
  tarn_json_member_int(json, "example_id", count->example_id);
  tarn_json_member_string(json, "example", count->example);
  tarn_json_end_object(json);
}

static void summary_json(const GPtrArray *counts) {
  g_autoptr(GString) out = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, out);
  tarn_json_begin_array(&json);
  for (guint i = 0; i < counts->len; i++) write_count(&json, counts->pdata[i]);
  tarn_json_end_array(&json);
  printf("%s\n", out->str);
}

static gboolean same_table(const TarnQuarantineCount *a, const TarnQuarantineCount *b) {
  return a && g_str_equal(a->layer, b->layer) && g_strcmp0(a->table, b->table) == 0;
}

static void print_heading(const TarnQuarantineCount *count) {
  const char *what = g_str_equal(count->layer, "bronze") ? "that are no events" : "refused by its model";
  printf("%s%s%s: %" G_GINT64_FORMAT " record%s %s\n", count->layer, count->table ? " " : "",
         count->table ? count->table : "", count->total, count->total == 1 ? "" : "s", what);
}

static void print_count(const TarnQuarantineCount *count) {
  g_autofree char *why = tarn_quarantine_reason_text(count->column, count->rule);
  g_autofree char *safe_why = tarn_quarantine_printable(why, strlen(why));
  g_autofree char *example = count->example ? tarn_quarantine_printable(count->example, strlen(count->example)) : NULL;
  printf("%8" G_GINT64_FORMAT "  %s\n", count->records, safe_why);
  printf("%8s  for example #%" G_GINT64_FORMAT "%s%s\n", "", count->example_id, example ? ": " : "",
         example ? example : "");
}

gboolean tarn_quarantine_count(const TarnQuarantineRequest *request, GError **error) {
  const TarnQuarantineFilter filter = {.layer = request->layer, .reason = request->reason};
  g_autoptr(GPtrArray) counts = tarn_quarantine_summary(request->published.conn, &filter, error);
  if (!counts) return FALSE;
  g_ptr_array_set_free_func(counts, (GDestroyNotify)tarn_quarantine_count_free);
  if (request->json) {
    summary_json(counts);
    return TRUE;
  }
  if (counts->len == 0)
    printf("Nothing is in quarantine%s.\n", request->layer || request->reason ? " of that kind" : "");
  const TarnQuarantineCount *previous = NULL;
  for (guint i = 0; i < counts->len; previous = counts->pdata[i++]) {
    if (!same_table(previous, counts->pdata[i])) {
      if (previous) printf("\n");
      print_heading(counts->pdata[i]);
    }
    print_count(counts->pdata[i]);
  }
  return TRUE;
}
