/* `tarn archive [DIR]`: writes or checks the copy that `tarn rebuild` begins with. */
#include "pipeline/archive.h"

#include <stdio.h>

#include "base/budget.h"
#include "base/error.h"
#include "base/json_writer.h"
#include "commands/archive.h"
#include "commands/cli.h"
#include "commands/commands.h"
#include "commands/project_options.h"
#include "report/text.h"

static const char *const layers[] = {"bronze", "quarantine"};

static void write_rows(TarnJsonWriter *json, const char *key, const gint64 *rows) {
  tarn_json_key(json, key);
  tarn_json_begin_object(json);
  for (guint i = 0; i < G_N_ELEMENTS(layers); i++) tarn_json_member_int(json, layers[i], rows[i]);
  tarn_json_end_object(json);
}

static void write_faults(TarnJsonWriter *json, const GPtrArray *faults) {
  tarn_json_key(json, "faults");
  tarn_json_begin_array(json);
  for (guint i = 0; i < faults->len; i++) {
    const TarnArchiveFault *fault = faults->pdata[i];
    tarn_json_begin_object(json);
    tarn_json_member_string(json, "path", fault->path);
    tarn_json_member_string(json, "what", fault->what);
    tarn_json_end_object(json);
  }
  tarn_json_end_array(json);
}

static void write_totals(TarnJsonWriter *json, const char *folder, const TarnArchiveReport *report) {
  tarn_json_member_string(json, "archive", folder);
  tarn_json_member_int(json, "number", report->number);
  tarn_json_member_int(json, "generation", report->generation);
  tarn_json_member_int(json, "files", report->files);
  tarn_json_member_int(json, "bytes", report->bytes);
  write_rows(json, "rows", report->rows);
}

static void write_run(TarnJsonWriter *json, const TarnArchiveReport *report) {
  tarn_json_member_string(json, "status", report->unchanged ? "unchanged" : "archived");
  tarn_json_member_int(json, "files_written", report->files_written);
  tarn_json_member_int(json, "bytes_written", report->bytes_written);
  write_rows(json, "rows_written", report->rows_written);
  tarn_json_member_int(json, "files_repaired", report->files_repaired);
  tarn_json_member_int(json, "files_retired", report->files_retired);
}

/* faults: of a verification, NULL: an archive was written. */
static void print_json(const char *folder, const TarnArchiveReport *report, const GPtrArray *faults) {
  g_autoptr(GString) text = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, text);
  tarn_json_begin_object(&json);
  write_totals(&json, folder, report);
  if (faults)
    write_faults(&json, faults);
  else
    write_run(&json, report);
  tarn_json_end_object(&json);
  printf("%s\n", text->str);
}

static void print_rows(const char *what, gint64 files, const gint64 *rows, gint64 bytes) {
  g_autofree char *bronze = tarn_text_count(rows[0]), *quarantine = tarn_text_count(rows[1]);
  g_autofree char *size = tarn_format_size((guint64)bytes), *count = tarn_text_count(files);
  printf("  %-10s %8s files  %14s bronze rows  %10s in bronze quarantine  %10s\n", what, count, bronze, quarantine,
         size);
}

static void print_run(const char *folder, const TarnArchiveReport *report) {
  if (!report->unchanged) print_rows("written", report->files_written, report->rows_written, report->bytes_written);
  print_rows("in all", report->files, report->rows, report->bytes);
  if (report->files_repaired)
    printf("  %" G_GINT64_FORMAT " missing files were written again\n", report->files_repaired);
  if (report->files_retired)
    printf("  %" G_GINT64_FORMAT " files were replaced: rows of theirs left the lakehouse (rollback, replay)\n",
           report->files_retired);
  printf("%s %s generation %" G_GINT64_FORMAT "\n", folder, report->unchanged ? "already is a copy of" : "is a copy of",
         report->generation);
}

static void print_verified(const char *folder, const TarnArchiveReport *report, const GPtrArray *faults) {
  for (guint i = 0; i < faults->len; i++) {
    const TarnArchiveFault *fault = faults->pdata[i];
    printf("  %s %s\n", fault->path, fault->what);
  }
  print_rows("in all", report->files, report->rows, report->bytes);
  if (faults->len == 0)
    printf("every file of %s is whole; it is a copy of generation %" G_GINT64_FORMAT "\n", folder, report->generation);
}

static void warn(const TarnArchiveReport *report) {
  for (guint i = 0; i < report->warnings->len; i++)
    fprintf(stderr, "warning: %s\n", (char *)report->warnings->pdata[i]);
}

static gboolean verify(const char *folder, gboolean as_json, GError **error) {
  g_autoptr(TarnArchiveReport) report = tarn_archive_report_new();
  g_autoptr(GPtrArray) faults = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_archive_fault_free);
  gboolean ok = tarn_archive_verify(folder, faults, report, error);
  if (!ok && faults->len == 0) return FALSE;
  if (as_json)
    print_json(folder, report, faults);
  else
    print_verified(folder, report, faults);
  return ok;
}

static gboolean write_archive(const TarnProject *project, const char *folder, gboolean as_json, GError **error) {
  g_autoptr(TarnArchiveReport) report = tarn_archive_report_new();
  g_autofree char *database = tarn_project_database_path(project);
  TarnArchiveOptions options = {.project = project, .database_path = database, .folder = folder};
  gboolean ok = tarn_budget_read(&options.budget, error) && tarn_archive_write(&options, report, error);
  warn(report);
  if (!ok) return FALSE;
  if (as_json)
    print_json(folder, report, NULL);
  else
    print_run(folder, report);
  return TRUE;
}

char *tarn_command_archive_folder(const TarnProject *project, const char *argument, GError **error) {
  char *folder = argument ? g_canonicalize_filename(argument, NULL) : tarn_project_archive_path(project);
  if (!folder)
    tarn_error_set(error, TARN_ERROR_USAGE,
                   "name it on the command line, as archive.folder in tarn.yaml, or by TARN_ARCHIVE; best on another "
                   "volume than the database",
                   "no archive folder is named");
  return folder;
}

static gboolean execute(const TarnCliOptions *cli, const char *argument, gboolean check, gboolean as_json,
                        GError **error) {
  if (check && argument) { /* needs no project: a copy of an archive can be checked anywhere */
    g_autofree char *folder = g_canonicalize_filename(argument, NULL);
    return verify(folder, as_json, error);
  }
  g_autoptr(TarnProject) project = tarn_command_load_project(cli, error);
  g_autofree char *folder = project ? tarn_command_archive_folder(project, argument, error) : NULL;
  if (!folder) return FALSE;
  return check ? verify(folder, as_json, error) : write_archive(project, folder, as_json, error);
}

static gboolean parse_folder(int argc, char **argv, const char **folder, GError **error) {
  *folder = argc > 1 ? argv[1] : NULL;
  if (argc <= 2) return TRUE;
  tarn_error_set(error, TARN_ERROR_USAGE, "name one folder", "unexpected argument '%s'", argv[2]);
  return FALSE;
}

int tarn_command_archive(int argc, char **argv) {
  TarnCliOptions cli = {0};
  gboolean check = FALSE, as_json = FALSE;
  const char *folder;
  const GOptionEntry entries[] = {{"verify", 0, 0, G_OPTION_ARG_NONE, &check,
                                   "read every file of the archive and compare it with its SHA-256", NULL},
                                  {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "print a JSON object", NULL},
                                  {NULL, 0, 0, 0, NULL, NULL, NULL}};
  g_autoptr(GError) error = NULL;
  gboolean ok =
      tarn_cli_parse(
          &argc, &argv, "archive", "[DIR]",
          "Copies bronze and bronze quarantine of the published file to DIR as Parquet: what is new since the "
          "last time.",
          "DIR is archive.folder of tarn.yaml where it is not given. `tarn rebuild` makes a lakehouse of it.\n"
          "Exit codes: 0 archived, nothing new or whole, 2 usage, 5 damaged archive, space or permission, 75 busy.\n"
          "Environment: DB_PATH, TARN_ARCHIVE, TARN_MEMORY_LIMIT, TARN_THREADS.\n",
          entries, &cli, &error) &&
      parse_folder(argc, argv, &folder, &error) && execute(&cli, folder, check, as_json, &error);
  g_free(cli.project_dir);
  return ok ? 0 : tarn_cli_fail(error);
}
