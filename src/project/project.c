#include "project/project.h"

#include "base/error.h"
#include "base/nearest.h"
#include "project/check.h"
#include "project/config.h"
#include "project/endpoint.h"
#include "project/graph.h"
#include "project/model.h"
#include "project/problem.h"

/* --- Loading ---------------------------------------------------------------------------------------------------- */

static TarnProject *project_new(const char *dir) {
  TarnProject *project = g_new0(TarnProject, 1);
  project->dir = g_strdup(dir);
  project->models = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_model_free);
  project->checks = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_check_free);
  project->endpoints = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_endpoint_free);
  return project;
}

static void add_silver(const TarnLoading *loading, TarnProject *project, TarnSqlFile *file) {
  g_ptr_array_add(project->models, tarn_model_new(loading, file, TARN_MODEL_SILVER));
}

static void add_gold(const TarnLoading *loading, TarnProject *project, TarnSqlFile *file) {
  g_ptr_array_add(project->models, tarn_model_new(loading, file, TARN_MODEL_GOLD));
}

static void add_check(const TarnLoading *loading, TarnProject *project, TarnSqlFile *file) {
  g_ptr_array_add(project->checks, tarn_check_new(loading, file));
}

static void add_endpoint(const TarnLoading *loading, TarnProject *project, TarnSqlFile *file) {
  g_ptr_array_add(project->endpoints, tarn_endpoint_new(loading, file));
}

/* What the SQL files of each folder define. */
static const struct {
  const char *name;
  void (*add)(const TarnLoading *loading, TarnProject *project, TarnSqlFile *file);
} folders[] = {{"silver", add_silver}, {"gold", add_gold}, {"checks", add_check}, {"api", add_endpoint}};

static void load_files(const TarnLoading *loading, TarnProject *project, GPtrArray *files) {
  for (gsize i = 0; i < G_N_ELEMENTS(folders); i++) {
    guint first = files->len;
    tarn_sql_files_read(loading, folders[i].name, files);
    for (guint k = first; k < files->len; k++) folders[i].add(loading, project, files->pdata[k]);
  }
}

static gboolean find_folder(const char *dir, char **absolute, GError **error) {
  g_autofree char *full = g_canonicalize_filename(dir, NULL);
  g_autofree char *config = g_build_filename(full, TARN_CONFIG_FILE, NULL);
  if (!g_file_test(full, G_FILE_TEST_IS_DIR)) {
    tarn_error_set(error, TARN_ERROR_USAGE, "-C DIR names the project; `tarn init DIR` makes one",
                   "there is no folder %s", full);
    return FALSE;
  }
  if (!g_file_test(config, G_FILE_TEST_EXISTS)) {
    tarn_error_set(error, TARN_ERROR_USAGE, "-C DIR names the project; `tarn init DIR` makes one",
                   "%s is no project: it has no " TARN_CONFIG_FILE, full);
    return FALSE;
  }
  *absolute = g_steal_pointer(&full);
  return TRUE;
}

/* What serve.tables names must be a table of the project: the bronze table or a model. */
static void check_served_tables(const TarnProject *project, GPtrArray *problems) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  g_ptr_array_add(names, project->config.bronze_table);
  for (guint i = 0; i < project->models->len; i++)
    g_ptr_array_add(names, ((TarnModel *)project->models->pdata[i])->name);
  g_ptr_array_add(names, NULL);
  const char *const *known = (const char *const *)names->pdata;
  for (char **table = project->config.tables; table && *table; table++) {
    if (g_strv_contains(known, *table)) continue;
    const char *nearest = tarn_nearest_word(*table, known);
    g_autofree char *list = g_strjoinv(", ", (GStrv)names->pdata);
    g_autofree char *hint = nearest ? g_strdup_printf("did you mean '%s'? The project's tables: %s", nearest, list)
                                    : g_strdup_printf("the project's tables: %s", list);
    tarn_problem_add(problems, TARN_CONFIG_FILE, 0, 0, hint, "serve.tables: there is no table '%s'", *table);
  }
}

static TarnProject *load(const TarnLoading *loading) {
  TarnProject *project = project_new(loading->dir);
  g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_sql_file_free);
  tarn_config_read(loading, &project->config);
  load_files(loading, project, files);
  tarn_graph_resolve(&project->config, files, project->models, loading->problems);
  tarn_endpoints_check_routes(project->endpoints, loading->problems);
  check_served_tables(project, loading->problems);
  return project;
}

/* NULL only where there is no project: what can be read is there, whatever problems say. */
static TarnProject *load_folder(const char *dir, GPtrArray *problems, GError **error) {
  g_autofree char *absolute = NULL;
  if (!find_folder(dir, &absolute, error)) return NULL;
  const TarnDbOptions options = {.threads = 1};
  g_autoptr(TarnDb) db = tarn_db_open(NULL, &options, error);
  if (!db) return NULL;
  g_autoptr(TarnConn) conn = tarn_db_connect(db, error);
  if (!conn) return NULL;
  const TarnLoading loading = {absolute, conn, problems};
  return load(&loading);
}

TarnProject *tarn_project_load(const char *dir, GPtrArray *problems, GError **error) {
  g_autoptr(TarnProject) project = load_folder(dir, problems, error);
  if (!project || !tarn_problems_have_error(problems)) return g_steal_pointer(&project);
  tarn_problems_sum_up(problems, project->dir, error);
  return NULL;
}

TarnProject *tarn_project_check(const char *dir, GPtrArray *problems, GError **error) {
  g_autoptr(TarnProject) project = load_folder(dir, problems, error);
  return project && tarn_project_validate(project, problems, error) ? g_steal_pointer(&project) : NULL;
}

void tarn_project_free(TarnProject *project) {
  if (!project) return;
  g_free(project->dir);
  tarn_config_clear(&project->config);
  g_ptr_array_unref(project->models);
  g_ptr_array_unref(project->checks);
  g_ptr_array_unref(project->endpoints);
  g_free(project);
}

/* --- Questions -------------------------------------------------------------------------------------------------- */

char *tarn_project_database_path(const TarnProject *project) {
  const char *path = g_getenv("DB_PATH");
  if (path && *path) return g_canonicalize_filename(path, NULL);
  return g_canonicalize_filename(project->config.database, project->dir);
}

char *tarn_project_keys_path(const TarnProject *project) {
  const char *path = g_getenv("TARN_KEYS_FILE");
  if (path && *path) return g_canonicalize_filename(path, NULL);
  return project->config.keys_file ? g_canonicalize_filename(project->config.keys_file, project->dir) : NULL;
}

char *tarn_project_archive_path(const TarnProject *project) {
  const char *path = g_getenv("TARN_ARCHIVE");
  if (path && *path) return g_canonicalize_filename(path, NULL);
  const char *folder = project->config.archive_folder;
  return folder ? g_canonicalize_filename(folder, project->dir) : NULL;
}

const TarnModel *tarn_project_model(const TarnProject *project, const char *name) {
  for (guint i = 0; i < project->models->len; i++) {
    const TarnModel *model = project->models->pdata[i];
    if (g_str_equal(model->name, name)) return model;
  }
  return NULL;
}
