/* A project's folder as structs: order, reads, digests, routes, empty tables. Each test writes a small project of its
 * own. */
#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "project/project.h"

#define CONFIG "{name: p, bronze: {envelope: [id, day]}}"

typedef struct {
  char *dir;
  GPtrArray *problems;
  TarnProject *project;
} Fixture;

static void write_file(const Fixture *fixture, const char *path, const char *text) {
  g_autofree char *full = g_build_filename(fixture->dir, path, NULL), *folder = g_path_get_dirname(full);
  g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
  g_assert_true(g_file_set_contents(full, text, -1, NULL));
}

static void set_up(Fixture *fixture, gconstpointer data) {
  (void)data;
  fixture->dir = g_dir_make_tmp("tarn-project-XXXXXX", NULL);
  fixture->problems = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_problem_free);
  write_file(fixture, "tarn.yaml", CONFIG);
  write_file(fixture, "silver/s.sql", "/* unique: id */ SELECT id, day::DATE AS day FROM bronze_raw_events;");
}

static void remove_folder(const char *path) {
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name(dir))) {
    g_autofree char *entry = g_build_filename(path, name, NULL);
    remove_folder(entry);
  }
  g_remove(path);
}

static void tear_down(Fixture *fixture, gconstpointer data) {
  (void)data;
  tarn_project_free(fixture->project);
  g_ptr_array_unref(fixture->problems);
  remove_folder(fixture->dir);
  g_free(fixture->dir);
}

static const TarnProject *load(Fixture *fixture) {
  g_autoptr(GError) error = NULL;
  tarn_project_free(fixture->project);
  fixture->project = tarn_project_load(fixture->dir, fixture->problems, &error);
  for (guint i = 0; i < fixture->problems->len; i++)
    g_test_message("%s", ((TarnProblem *)fixture->problems->pdata[i])->message);
  g_assert_no_error(error);
  return fixture->project;
}

static char *digest_of(Fixture *fixture, const char *model) {
  return g_strdup(tarn_project_model(load(fixture), model)->digest);
}

static void test_models_come_after_what_they_read(Fixture *fixture, gconstpointer data) {
  (void)data;
  write_file(fixture, "gold/a.sql", "SELECT count(*) AS n FROM b, (SELECT 1 FROM S)");
  write_file(fixture, "gold/b.sql", "WITH s AS (SELECT 2) SELECT * FROM s, main.c");
  write_file(fixture, "gold/c.sql", "SELECT * FROM s");
  const TarnProject *project = load(fixture);
  g_autoptr(GString) order = g_string_new(NULL);
  for (guint i = 0; i < project->models->len; i++) {
    const TarnModel *model = project->models->pdata[i];
    g_autofree char *reads = g_strjoinv(",", model->reads);
    g_string_append_printf(order, "%s(%s) ", model->name, reads);
  }
  g_assert_cmpstr(order->str, ==, "s(bronze_raw_events) c(s) b(c) a(b,s) ");
}

/* A digest changes with what rows depend on, and with nothing else. */
static void test_digest(Fixture *fixture, gconstpointer data) {
  (void)data;
  static const struct {
    const char *sql;
    gboolean same;
  } cases[] = {
      {"/* {unique: id, description: other words} */\n-- a comment\nselect id,\n  day::DATE AS day\nfrom "
       "bronze_raw_events",
       TRUE},
      {"/* unique: day */ SELECT id, day::DATE AS day FROM bronze_raw_events", FALSE},
      {"/* unique: id */ SELECT id, day::TIMESTAMP AS day FROM bronze_raw_events", FALSE},
      {"SELECT id, day::DATE AS day FROM bronze_raw_events", FALSE},
  };
  g_autofree char *before = digest_of(fixture, "s");
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    write_file(fixture, "silver/s.sql", cases[i].sql);
    g_autofree char *after = digest_of(fixture, "s");
    g_assert_cmpint(g_str_equal(before, after), ==, cases[i].same);
  }
}

static void test_route_params_are_required_and_in_the_path(Fixture *fixture, gconstpointer data) {
  (void)data;
  write_file(fixture, "api/e.sql",
             "/* {route: '/things/{id}', params: {id: string, n: integer}} */ SELECT $id, $n FROM s");
  const TarnEndpoint *endpoint = load(fixture)->endpoints->pdata[0];
  const TarnParam *id = endpoint->params->pdata[0], *n = endpoint->params->pdata[1];
  g_assert_true(id->in_path && id->required);
  g_assert_false(n->in_path || n->required);
  g_assert_cmpstr(endpoint->reads[0], ==, "s");
}

static void test_database_path(Fixture *fixture, gconstpointer data) {
  (void)data;
  const TarnProject *project = load(fixture);
  g_autofree char *expected = g_build_filename(project->dir, "p.duckdb", NULL),
                  *own = tarn_project_database_path(project);
  g_assert_cmpstr(own, ==, expected);
  g_setenv("DB_PATH", "/data/x.duckdb", TRUE);
  g_autofree char *given = tarn_project_database_path(project);
  g_unsetenv("DB_PATH");
  g_assert_cmpstr(given, ==, "/data/x.duckdb");
}

static void test_empty_tables(Fixture *fixture, gconstpointer data) {
  (void)data;
  write_file(fixture, "gold/g.sql", "SELECT day, count(*) AS n, max(seq) AS last FROM s GROUP BY day");
  const TarnProject *project = load(fixture);
  const TarnDbOptions options = {0};
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnDb) db = tarn_db_open(NULL, &options, &error);
  g_autoptr(TarnConn) conn = tarn_db_connect(db, &error);
  g_assert_true(tarn_project_create_empty_tables(project, conn, fixture->problems, &error));
  g_autoptr(TarnResult) result = tarn_conn_query(
      conn,
      "SELECT string_agg(table_name || '.' || column_name || ' ' || data_type, ', ' ORDER BY table_name, column_index) "
      "FROM duckdb_columns() WHERE table_name IN ('s', 'g')",
      NULL, 0, &error);
  g_assert_no_error(error);
  g_autofree char *columns = tarn_result_text(result, 0, 0);
  g_assert_cmpstr(columns, ==, "g.day DATE, g.n BIGINT, g.last BIGINT, s.id VARCHAR, s.day DATE, s.seq BIGINT");
}

static void test_faults_are_summed_up(Fixture *fixture, gconstpointer data) {
  (void)data;
  write_file(fixture, "gold/g.sql", "SELECT * FROM nothing");
  write_file(fixture, "checks/c.sql", "/* severity: bad */ SELECT 1");
  g_autoptr(GError) error = NULL;
  g_assert_null(tarn_project_load(fixture->dir, fixture->problems, &error));
  g_assert_error(error, TARN_ERROR, TARN_ERROR_USAGE);
  g_assert_true(g_str_has_prefix(error->message, "2 faults in "));
  g_assert_cmpuint(fixture->problems->len, ==, 2);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_unsetenv("DB_PATH");
  static const struct {
    const char *name;
    void (*run)(Fixture *fixture, gconstpointer data);
  } tests[] = {
      {"/project/models_come_after_what_they_read", test_models_come_after_what_they_read},
      {"/project/digest", test_digest},
      {"/project/route_params_are_required_and_in_the_path", test_route_params_are_required_and_in_the_path},
      {"/project/database_path", test_database_path},
      {"/project/empty_tables", test_empty_tables},
      {"/project/faults_are_summed_up", test_faults_are_summed_up},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
    g_test_add(tests[i].name, Fixture, NULL, set_up, tests[i].run, tear_down);
  return g_test_run();
}
