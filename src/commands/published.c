#include "commands/published.h"

#include "base/error.h"
#include "commands/project_options.h"
#include "lakehouse/system.h"

static gboolean open_file(TarnPublished *published, GError **error) {
  if (!g_file_test(published->path, G_FILE_TEST_EXISTS)) {
    tarn_error_set(error, TARN_ERROR_ENVIRONMENT,
                   "`tarn run` publishes the first generation; DB_PATH names another file",
                   "nothing is published yet at %s", published->path);
    return FALSE;
  }
  const TarnDbOptions options = {.read_only = TRUE};
  published->db = tarn_db_open(published->path, &options, error);
  if (!published->db) return FALSE;
  published->conn = tarn_db_connect(published->db, error);
  return published->conn && tarn_system_check(published->conn, error);
}

gboolean tarn_published_open_file(TarnPublished *published, const char *path, GError **error) {
  *published = (TarnPublished){.path = g_strdup(path)};
  if (open_file(published, error)) return TRUE;
  tarn_published_clear(published);
  return FALSE;
}

gboolean tarn_published_open(TarnPublished *published, const TarnCliOptions *cli, GError **error) {
  *published = (TarnPublished){0};
  published->project = tarn_command_load_project(cli, error);
  if (!published->project) return FALSE;
  published->path = tarn_project_database_path(published->project);
  if (open_file(published, error)) return TRUE;
  tarn_published_clear(published);
  return FALSE;
}

char *tarn_published_path(const char *project_dir, GError **error) {
  const char *path = g_getenv("DB_PATH");
  if (path && *path) return g_strdup(path);
  g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_problem_free);
  g_autoptr(TarnProject) project = tarn_project_load(project_dir, problems, error);
  return project ? tarn_project_database_path(project) : NULL;
}

void tarn_published_clear(TarnPublished *published) {
  tarn_conn_close(published->conn);
  tarn_db_close(published->db);
  g_free(published->path);
  tarn_project_free(published->project);
  *published = (TarnPublished){0};
}
