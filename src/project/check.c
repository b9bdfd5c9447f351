#include "project/check.h"

#include "project/frontmatter.h"

static const char *const severities[] = {"error", "warn", NULL}; /* the index is TarnCheck.warn */

const TarnKey tarn_check_keys[] = {
    {"description", TARN_KEY_TEXT, offsetof(TarnCheck, description), "what should be true, for people"},
    {"severity", TARN_KEY_CHOICE, offsetof(TarnCheck, warn),
     "error: rows stop the publication; warn: rows are reported and the run goes on", .fallback = "error",
     .choices = severities},
    {NULL},
};

TarnCheck *tarn_check_new(const TarnLoading *loading, TarnSqlFile *file) {
  TarnCheck *check = g_new0(TarnCheck, 1);
  tarn_frontmatter_read(file->text, file->path, tarn_check_keys, check, loading->problems);
  check->name = g_strdup(file->name);
  check->path = g_strdup(file->path);
  check->sql = g_strdup(file->text);
  tarn_sql_file_refuse_parameters(file, loading->problems);
  file->reads = &check->reads;
  return check;
}

void tarn_check_free(TarnCheck *check) {
  if (!check) return;
  g_free(check->name);
  g_free(check->path);
  g_free(check->description);
  g_free(check->sql);
  g_strfreev(check->reads);
  g_free(check);
}
