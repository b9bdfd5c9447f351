/* `tarn status`: what is published, how fresh it is, what was refused, what the next run finds. */
#include <jansson.h>
#include <stdio.h>

#include "base/budget.h"
#include "base/format.h"
#include "base/json_writer.h"
#include "commands/cli.h"
#include "commands/commands.h"
#include "commands/published.h"
#include "commands/section.h"
#include "lakehouse/generation.h"
#include "lakehouse/rollback.h"
#include "lakehouse/sql.h"
#include "lakehouse/system.h"

#define SHOWN_FAILURES 5

static const TarnSection sections[] = {
    {"tables", "Tables", tarn_sql_status_tables, "SELECT * EXCLUDE (content_hash) FROM ({rows})"},
    {"quarantine", "Most frequent reasons in quarantine (`tarn quarantine show ID`)", tarn_sql_status_quarantine,
     "SELECT * REPLACE (coalesce(\"column\", '') AS \"column\", CASE WHEN len(rule) > 60 THEN rule[:59] || '…' ELSE "
     "rule END AS rule) "
     "FROM ({rows})"},
    {"runs", "Last runs", tarn_sql_status_runs, "SELECT * EXCLUDE (run_id) FROM ({rows})"},
    {"positions", "Sources", tarn_sql_status_positions, tarn_sql_status_positions_people},
};

/* What is told beside the sections. */
typedef struct {
  gint64 generation, published_us, rolled_back_from;
  char *hold;
  TarnLakehouseSpace space;
  GPtrArray *failures; /* paths, oldest first */
} Status;

static void status_clear(Status *status) {
  g_free(status->hold);
  g_clear_pointer(&status->failures, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Status, status_clear)

/* What can be known without opening the file. */
static void look_at_files(const char *path, Status *status) {
  g_autoptr(TarnLakehouse) lakehouse = tarn_lakehouse_new(path);
  status->failures = tarn_lakehouse_failures(lakehouse);
  tarn_lakehouse_space(lakehouse, &status->space);
}

static gboolean read_head(TarnConn *conn, Status *status, GError **error) {
  g_autoptr(TarnResult) result = tarn_conn_query(conn, tarn_sql_status_head, NULL, 0, error);
  if (!result || !tarn_system_get(conn, TARN_HOLD_KEY, &status->hold, error)) return FALSE;
  status->generation = tarn_result_int(result, 0, 0);
  status->published_us = tarn_result_int(result, 0, 1);
  status->rolled_back_from = tarn_result_int(result, 0, 2);
  return TRUE;
}

/* The report of a failed run; NULL where the file is not one. Caller frees with json_decref. */
static json_t *read_failure(const Status *status, guint newest) {
  if (newest >= status->failures->len) return NULL;
  return json_load_file(status->failures->pdata[status->failures->len - 1 - newest], 0, NULL);
}

static const char *member(const json_t *report, const char *key) {
  return json_string_value(json_object_get(report, key));
}

/* --- for people --- */

static void print_head(const Status *status) {
  g_autofree char *time = tarn_format_time(status->published_us),
                  *age = tarn_format_age(g_get_real_time() - status->published_us);
  g_autofree char *size = tarn_format_size(status->space.published);
  printf("generation %" G_GINT64_FORMAT ", published %s (%s ago), %s\n", status->generation, time, age, size);
  if (status->rolled_back_from)
    printf("its content is that of generation %" G_GINT64_FORMAT "\n", status->rolled_back_from);
  if (status->hold) printf("runs are held (%s) until `tarn run --resume`\n", status->hold);
}

static void print_failures(const Status *status) {
  if (status->failures->len > 0) printf("\nLast failed runs\n");
  for (guint i = 0; i < SHOWN_FAILURES; i++) {
    json_t *report = read_failure(status, i);
    const char *time = member(report, "started_at"), *reason = member(report, "error"), *hint = member(report, "hint");
    if (report) printf("%s  %s\n", time ? time : "unknown time", reason ? reason : "no reason was recorded");
    if (hint) printf("  hint: %s\n", hint);
    json_decref(report);
  }
}

static void print_disk(const TarnLakehouseSpace *space) {
  g_autofree char *published = tarn_format_size(space->published), *kept = tarn_format_size(space->kept);
  g_autofree char *leftovers = tarn_format_size(space->leftovers), *available = tarn_format_size(space->available),
                  *needed = tarn_format_size(space->needed);
  printf("\nDisk\npublished %s, older generations %s, free %s\n", published, kept, available);
  if (space->leftovers > 0)
    printf("work file %s: a run is going on, or one was killed (the next run removes it)\n", leftovers);
  printf("the next run needs %s free%s\n", needed, space->available < space->needed ? " and would refuse" : "");
}

static gboolean print_status(TarnConn *conn, const char *path, const Status *status, GError **error) {
  printf("%s\n", path);
  if (conn)
    print_head(status);
  else
    printf("nothing is published yet: `tarn run` publishes the first generation\n");
  for (gsize i = 0; conn && i < G_N_ELEMENTS(sections); i++)
    if (!tarn_section_print(conn, &sections[i], error)) return FALSE;
  print_failures(status);
  print_disk(&status->space);
  return TRUE;
}

/* --- for machines --- */

static void write_head(TarnJsonWriter *json, const Status *status) {
  g_autofree char *time = tarn_format_time(status->published_us);
  tarn_json_member_int(json, "generation", status->generation);
  tarn_json_member_string(json, "published_at", status->generation ? time : NULL);
  tarn_json_key(json, "rolled_back_from");
  if (status->rolled_back_from)
    tarn_json_int(json, status->rolled_back_from);
  else
    tarn_json_null(json);
  tarn_json_member_string(json, "hold", status->hold);
}

static void write_failures(TarnJsonWriter *json, const Status *status) {
  static const char *const keys[] = {"run_id", "started_at", "error", "hint"};
  tarn_json_key(json, "failed_runs");
  tarn_json_begin_array(json);
  for (guint i = 0; i < SHOWN_FAILURES; i++) {
    json_t *report = read_failure(status, i);
    if (!report) continue;
    tarn_json_begin_object(json);
    for (gsize k = 0; k < G_N_ELEMENTS(keys); k++) tarn_json_member_string(json, keys[k], member(report, keys[k]));
    tarn_json_end_object(json);
    json_decref(report);
  }
  tarn_json_end_array(json);
}

static void write_disk(TarnJsonWriter *json, const TarnLakehouseSpace *space) {
  tarn_json_key(json, "disk");
  tarn_json_begin_object(json);
  tarn_json_member_int(json, "published_bytes", (gint64)space->published);
  tarn_json_member_int(json, "kept_bytes", (gint64)space->kept);
  tarn_json_member_int(json, "leftover_bytes", (gint64)space->leftovers);
  tarn_json_member_int(json, "available_bytes", (gint64)space->available);
  tarn_json_member_int(json, "next_run_needs_bytes", (gint64)space->needed);
  tarn_json_end_object(json);
}

static gboolean write_status(TarnConn *conn, const char *path, const Status *status, GError **error) {
  g_autoptr(GString) out = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, out);
  tarn_json_begin_object(&json);
  tarn_json_member_string(&json, "database", path);
  write_head(&json, status);
  for (gsize i = 0; conn && i < G_N_ELEMENTS(sections); i++)
    if (!tarn_section_write(conn, &sections[i], &json, error)) return FALSE;
  write_failures(&json, status);
  write_disk(&json, &status->space);
  tarn_json_end_object(&json);
  printf("%s\n", out->str);
  return TRUE;
}

/* --- the command --- */

static gboolean run(const char *project_dir, gboolean as_json, GError **error) {
  g_autofree char *path = tarn_published_path(project_dir, error);
  if (!path) return FALSE;
  g_auto(Status) status = {0};
  g_auto(TarnPublished) published = {0};
  look_at_files(path, &status);
  if (g_file_test(path, G_FILE_TEST_EXISTS) &&
      (!tarn_published_open_file(&published, path, error) || !read_head(published.conn, &status, error)))
    return FALSE;
  return (as_json ? write_status : print_status)(published.conn, path, &status, error);
}

int tarn_command_status(int argc, char **argv) {
  TarnCliOptions cli = {0};
  gboolean as_json = FALSE;
  const GOptionEntry entries[] = {{"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "print a JSON object", NULL},
                                  {NULL, 0, 0, 0, NULL, NULL, NULL}};
  g_autoptr(GError) error = NULL;
  gboolean ok = tarn_cli_parse(&argc, &argv, "status", NULL,
                               "Tells what is published, how fresh it is, what was refused, and the last runs.",
                               "Reads the published file only; a run may be going on.", entries, &cli, &error) &&
                run(cli.project_dir, as_json, &error);
  g_free(cli.project_dir);
  return ok ? 0 : tarn_cli_fail(error);
}
