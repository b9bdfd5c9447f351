/* `tarn quarantine`: what was refused, why, and the records themselves. Reads the published file only. */
#include "lakehouse/quarantine.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json_writer.h"
#include "commands/cli.h"
#include "commands/commands.h"
#include "commands/published.h"
#include "pipeline/original.h"

#define PAGE_RECORDS 1000

typedef struct {
  TarnCliOptions cli;
  char *layer, *reason, *to;
  gint64 limit;
  gboolean json, raw;
  const char *id; /* of show */
  TarnPublished published;
  TarnQuarantineShape shape;
} Request;

static void request_clear(Request *request) {
  tarn_published_clear(&request->published);
  g_free(request->cli.project_dir);
  g_free(request->layer);
  g_free(request->reason);
  g_free(request->to);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Request, request_clear)

/* Bytes for a terminal or a log: what is not printable UTF-8 becomes an escape. Caller frees. */
static char *printable(const char *data, gsize size) {
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

static char *reason_text(const char *column, const char *rule) {
  return column ? g_strdup_printf("%s: %s", column, rule) : g_strdup(rule);
}

static char *source_text(const TarnQuarantineRecord *record, gboolean whole_path) {
  if (!record->source_name) return g_strdup("unknown");
  g_autofree char *name = whole_path ? g_strdup(record->source_name) : g_path_get_basename(record->source_name);
  return g_strdup_printf("%s @ %" G_GINT64_FORMAT, name, record->source_offset);
}

/* --- JSON, the same for list, show and export ------------------------------------------------------------------- */

static void write_source(TarnJsonWriter *json, const TarnQuarantineRecord *record) {
  tarn_json_key(json, "source");
  tarn_json_begin_object(json);
  tarn_json_member_string(json, "name", record->source_name);
  tarn_json_member_int(json, "partition", record->source_partition);
  tarn_json_member_int(json, "offset", record->source_offset);
  tarn_json_end_object(json);
}

static void write_original(TarnJsonWriter *json, const TarnQuarantineRecord *record, const GString *bytes,
                           TarnOriginalKind kind) {
  if (g_utf8_validate_len(bytes->str, bytes->len, NULL)) {
    tarn_json_key(json, "original");
    tarn_json_string_len(json, bytes->str, bytes->len);
  } else {
    g_autofree char *base64 = g_base64_encode((const guchar *)bytes->str, bytes->len);
    tarn_json_member_string(json, "original_base64", base64);
  }
  tarn_json_member_bool(json, "rebuilt", kind == TARN_ORIGINAL_REBUILT);
  if (kind != TARN_ORIGINAL_CUT) return;
  tarn_json_member_bool(json, "cut", TRUE);
  tarn_json_member_int(json, "size", record->raw_size);
  tarn_json_member_string(json, "sha256", record->raw_sha256);
}

/* originals NULL: without the record itself. */
static void write_record(TarnJsonWriter *json, TarnOriginals *originals, const TarnQuarantineRecord *record) {
  tarn_json_begin_object(json);
  tarn_json_member_int(json, "id", record->id);
  tarn_json_member_string(json, "layer", record->layer);
  tarn_json_member_string(json, "table", record->table);
  tarn_json_key(json, "reasons");
  tarn_json_raw(json, record->reasons, strlen(record->reasons));
  write_source(json, record);
  tarn_json_member_string(json, "quarantined_at", record->quarantined_at);
  tarn_json_member_string(json, "run_id", record->run_id);
  if (originals) {
    g_autoptr(GString) bytes = g_string_new(NULL);
    TarnOriginalKind kind = tarn_originals_find(originals, record, bytes);
    write_original(json, record, bytes, kind);
  }
  tarn_json_end_object(json);
}

/* --- pages ------------------------------------------------------------------------------------------------------ */

typedef gboolean (*VisitRecord)(const TarnQuarantineRecord *record, gpointer user, GError **error);

/* Calls visit for every chosen record, by id, with one page in memory. limit 0: all. *more (may be NULL): is there
 * another one behind the limit. */
static gboolean for_each_record(const Request *request, gint64 limit, VisitRecord visit, gpointer user, gboolean *more,
                                GError **error) {
  TarnQuarantineFilter filter = {.layer = request->layer, .reason = request->reason, .limit = PAGE_RECORDS};
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
    if (page->len < PAGE_RECORDS) return TRUE;
    filter.after = ((TarnQuarantineRecord *)page->pdata[page->len - 1])->id;
  }
}

/* --- list ------------------------------------------------------------------------------------------------------- */

static char *first_reason(const TarnQuarantineRecord *record) {
  json_auto_t *reasons = json_loads(record->reasons, JSON_ALLOW_NUL, NULL);
  const json_t *first = json_array_get(reasons, 0);
  const char *column = json_string_value(json_object_get(first, "column_name"));
  const char *rule = json_string_value(json_object_get(first, "rule"));
  const char *value = json_string_value(json_object_get(first, "value"));
  gsize others = json_array_size(reasons) > 1 ? json_array_size(reasons) - 1 : 0;
  g_autofree char *why = reason_text(column, rule ? rule : "unknown");
  g_autofree char *offender = value ? g_strdup_printf(" (%s)", value) : g_strdup("");
  g_autofree char *more = others ? g_strdup_printf(", and %zu more", others) : g_strdup("");
  g_autofree char *text = g_strconcat(why, offender, more, NULL);
  return printable(text, strlen(text));
}

static gboolean print_list_line(const TarnQuarantineRecord *record, gpointer user, GError **error) {
  (void)user, (void)error;
  g_autofree char *source = source_text(record, FALSE);
  g_autofree char *why = first_reason(record);
  printf("%8" G_GINT64_FORMAT "  %-6s  %-28s  %s\n", record->id, record->layer, source, why);
  return TRUE;
}

static gboolean write_list_item(const TarnQuarantineRecord *record, gpointer user, GError **error) {
  (void)error;
  write_record(user, NULL, record);
  return TRUE;
}

static gboolean list_json(const Request *request, gint64 limit, GError **error) {
  g_autoptr(GString) out = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, out);
  tarn_json_begin_array(&json);
  if (!for_each_record(request, limit, write_list_item, &json, NULL, error)) return FALSE;
  tarn_json_end_array(&json);
  printf("%s\n", out->str);
  return TRUE;
}

static gboolean run_list(Request *request, GError **error) {
  gint64 limit = request->limit < 0 ? 50 : request->limit;
  if (request->json) return list_json(request, limit, error);
  printf("%8s  %-6s  %-28s  %s\n", "ID", "LAYER", "SOURCE", "WHY");
  gboolean more = FALSE;
  if (!for_each_record(request, limit, print_list_line, NULL, &more, error)) return FALSE;
  if (more) printf("... and more: --limit 0 lists all, `tarn quarantine summary` counts them by reason\n");
  return TRUE;
}

/* --- summary ---------------------------------------------------------------------------------------------------- */

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
  g_autofree char *why = reason_text(count->column, count->rule);
  g_autofree char *safe_why = printable(why, strlen(why));
  g_autofree char *example = count->example ? printable(count->example, strlen(count->example)) : NULL;
  printf("%8" G_GINT64_FORMAT "  %s\n", count->records, safe_why);
  printf("%8s  for example #%" G_GINT64_FORMAT "%s%s\n", "", count->example_id, example ? ": " : "",
         example ? example : "");
}

static gboolean run_summary(Request *request, GError **error) {
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

/* --- show ------------------------------------------------------------------------------------------------------- */

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
        reason_text(json_string_value(json_object_get(reason, "column_name")), rule ? rule : "unknown");
    g_autofree char *safe_why = printable(why, strlen(why));
    printf("  %-12s %s\n", i == 0 ? "why" : "", safe_why);
    const json_t *value = json_object_get(reason, "value");
    g_autofree char *safe_value =
        printable(json_string_value(value) ? json_string_value(value) : "", json_string_length(value));
    if (json_is_string(value)) printf("  %-12s   value: %s\n", "", safe_value);
  }
}

static void print_record(const TarnQuarantineRecord *record, TarnOriginals *originals) {
  g_autofree char *source = source_text(record, TRUE);
  g_autoptr(GString) bytes = g_string_new(NULL);
  TarnOriginalKind kind = tarn_originals_find(originals, record, bytes);
  g_autofree char *text = printable(bytes->str, bytes->len);
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

static GPtrArray *find_by_id(const Request *request, GError **error) {
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

static gboolean run_show(Request *request, GError **error) {
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
  write_record(&json, originals, found->pdata[0]);
  printf("%s\n", line->str);
  return TRUE;
}

/* --- export ----------------------------------------------------------------------------------------------------- */

typedef struct {
  TarnOriginals *originals;
  FILE *out;
  const char *name;
  gboolean raw;
  guint64 cut; /* records that --raw left out: only their beginning is left */
  GString *line;
} Export;

static void export_line(Export *export, const TarnQuarantineRecord *record) {
  g_string_truncate(export->line, 0);
  if (export->raw) {
    if (tarn_originals_find(export->originals, record, export->line) == TARN_ORIGINAL_CUT) {
      export->cut++;
      g_string_truncate(export->line, 0);
      return;
    }
  } else {
    TarnJsonWriter json;
    tarn_json_init(&json, export->line);
    write_record(&json, export->originals, record);
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

static gboolean export_all(const Request *request, Export *export, GError **error) {
  export->line = g_string_new(NULL);
  export->originals = tarn_originals_new(request->published.project);
  gboolean ok = for_each_record(request, MAX(request->limit, 0), export_record, export, NULL, error);
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

static gboolean run_export(Request *request, GError **error) {
  gboolean to_stdout = !request->to || g_str_equal(request->to, "-");
  Export export = {.out = to_stdout ? stdout : g_fopen(request->to, "wbe"),
                   .name = to_stdout ? "standard output" : request->to,
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

/* --- the command ------------------------------------------------------------------------------------------------ */

static const struct {
  const char *name;
  gboolean (*run)(Request *request, GError **error);
} verbs[] = {
    {"list", run_list},
    {"summary", run_summary},
    {"show", run_show},
    {"export", run_export},
};

static const char description[] =
    "Verbs:\n"
    "  list       one line for each record (the first 50; --limit 0: all)\n"
    "  summary    how many records each column and rule refused, with an example\n"
    "  show ID    everything about one record, its bytes included\n"
    "  export     the records as JSON lines with their reasons and original bytes; --raw: just the records\n"
    "  replay     offer the records of bronze quarantine to a new run, after a limit changed\n\n"
    "Original bytes are those that were kept or that the source still has. Where neither is left a silver reject is "
    "rebuilt\n"
    "from its bronze row: same fields and values, marked \"rebuilt\": true.\n";

static gboolean parse(Request *request, int argc, char **argv, gsize *verb, GError **error) {
  request->limit = -1;
  const GOptionEntry entries[] = {
      {"layer", 0, 0, G_OPTION_ARG_STRING, &request->layer, "only this layer: bronze or silver", "LAYER"},
      {"reason", 0, 0, G_OPTION_ARG_STRING, &request->reason, "only where a reason's \"column: rule\" contains TEXT",
       "TEXT"},
      {"limit", 'n', 0, G_OPTION_ARG_INT64, &request->limit, "at most N records; 0: all", "N"},
      {"to", 0, 0, G_OPTION_ARG_FILENAME, &request->to, "export: write this file (default -: standard output)", "FILE"},
      {"raw", 0, 0, G_OPTION_ARG_NONE, &request->raw, "export: the records alone, as `tarn run --from` takes them",
       NULL},
      {"json", 0, 0, G_OPTION_ARG_NONE, &request->json, "list, summary, show: as JSON", NULL},
      {NULL, 0, 0, 0, NULL, NULL, NULL}};
  if (!tarn_cli_parse(&argc, &argv, "quarantine", "VERB", "Shows what was refused, and why.", description, entries,
                      &request->cli, error))
    return FALSE;
  if (request->layer && !g_str_equal(request->layer, "bronze") && !g_str_equal(request->layer, "silver")) {
    tarn_error_set(error, TARN_ERROR_USAGE, "write --layer bronze or --layer silver",
                   "there is no layer '%s' in quarantine", request->layer);
    return FALSE;
  }
  request->id = argc > 2 ? argv[2] : NULL;
  for (*verb = 0; argc > 1 && *verb < G_N_ELEMENTS(verbs); ++*verb)
    if (g_str_equal(argv[1], verbs[*verb].name)) return TRUE;
  const char *hint = "the verbs are list, summary, show ID, export and replay";
  if (argc > 1)
    tarn_error_set(error, TARN_ERROR_USAGE, hint, "quarantine has no verb '%s'", argv[1]);
  else
    tarn_error_set(error, TARN_ERROR_USAGE, hint, "quarantine needs a verb");
  return FALSE;
}

int tarn_command_quarantine(int argc, char **argv) {
  if (argc > 1 && g_str_equal(argv[1], "replay")) return tarn_command_quarantine_replay(argc - 1, argv + 1);
  g_auto(Request) request = {0};
  g_autoptr(GError) error = NULL;
  gsize verb;
  if (!parse(&request, argc, argv, &verb, &error)) return tarn_cli_fail(error);
  if (!tarn_published_open(&request.published, &request.cli, &error)) return tarn_cli_fail(error);
  const TarnConfig *config = &request.published.project->config;
  request.shape = (TarnQuarantineShape){config->bronze_table, (const char *const *)config->envelope};
  return verbs[verb].run(&request, &error) ? 0 : tarn_cli_fail(error);
}
