/* Tarn's own tables and table states, in a database in memory. */
#include <string.h>

#include "base/error.h"
#include "lakehouse/system.h"
#include "lakehouse/table_state.h"

typedef struct {
  TarnDb *db;
  TarnConn *conn;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  fixture->db = tarn_db_open(NULL, NULL, NULL);
  fixture->conn = tarn_db_connect(fixture->db, NULL);
  g_assert_true(tarn_system_install(fixture->conn, NULL));
}

static void tear_down(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  tarn_conn_close(fixture->conn);
  tarn_db_close(fixture->db);
}

static void execute(Fixture *fixture, const char *sql) {
  g_autoptr(GError) error = NULL;
  tarn_conn_exec(fixture->conn, sql, &error);
  g_assert_no_error(error);
}

static void test_install_twice_changes_nothing(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  g_autofree char *format = NULL;
  gint64 generation = -1;
  g_assert_true(tarn_system_install(fixture->conn, NULL) && tarn_system_check(fixture->conn, NULL));
  g_assert_true(tarn_system_get(fixture->conn, "format", &format, NULL));
  g_assert_cmpstr(format, ==, "2");
  g_assert_true(tarn_system_generation(fixture->conn, &generation, NULL));
  g_assert_cmpint(generation, ==, 0);
}

static void test_newer_format_is_refused(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  g_autoptr(GError) error = NULL, other = NULL;
  g_assert_true(tarn_system_set(fixture->conn, "format", "3", NULL));
  g_assert_false(tarn_system_check(fixture->conn, &error));
  g_assert_error(error, TARN_ERROR, TARN_ERROR_ENVIRONMENT);
  g_assert_nonnull(strstr(tarn_error_hint(error), "upgrade tarn"));
  g_assert_false(tarn_system_install(fixture->conn, &other));
  g_assert_error(other, TARN_ERROR, TARN_ERROR_ENVIRONMENT);
}

static void test_other_database_is_no_lakehouse(void) {
  g_autoptr(TarnDb) db = tarn_db_open(NULL, NULL, NULL);
  g_autoptr(TarnConn) conn = tarn_db_connect(db, NULL);
  g_autoptr(GError) error = NULL;
  g_assert_false(tarn_system_check(conn, &error));
  g_assert_error(error, TARN_ERROR, TARN_ERROR_ENVIRONMENT);
  g_assert_nonnull(strstr(error->message, "no Tarn lakehouse"));
}

static void test_meta(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  g_autofree char *absent = NULL, *value = NULL, *removed = NULL;
  g_assert_true(tarn_system_get(fixture->conn, "hold", &absent, NULL));
  g_assert_null(absent);
  g_assert_true(tarn_system_set(fixture->conn, "hold", "a", NULL) &&
                tarn_system_set(fixture->conn, "hold", "b'\"", NULL));
  g_assert_true(tarn_system_get(fixture->conn, "hold", &value, NULL));
  g_assert_cmpstr(value, ==, "b'\"");
  g_assert_true(tarn_system_set(fixture->conn, "hold", NULL, NULL) &&
                tarn_system_get(fixture->conn, "hold", &removed, NULL));
  g_assert_null(removed);
}

static void test_objects(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  g_assert_true(tarn_system_set_object(fixture->conn, "gold", "gold", "d1", "{}", NULL));
  g_assert_true(tarn_system_set_object(fixture->conn, "gold", "gold", "d2", "{}", NULL));
  g_assert_true(tarn_system_set_object(fixture->conn, "silver", "silver", "d3", "{}", NULL));
  g_assert_true(tarn_system_remove_object(fixture->conn, "silver", NULL));
  g_autoptr(GHashTable) objects = tarn_system_objects(fixture->conn, NULL);
  g_assert_cmpuint(g_hash_table_size(objects), ==, 1);
  g_assert_cmpstr(g_hash_table_lookup(objects, "gold"), ==, "d2");
}

static void test_generation_rows(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  const TarnGenerationRow first = {.generation = 1, .run_id = "a"},
                          second = {.generation = 2, .run_id = "b", .rolled_back_from = 1};
  gint64 generation, sound;
  g_assert_true(tarn_system_add_generation(fixture->conn, &first, NULL) &&
                tarn_system_add_generation(fixture->conn, &second, NULL));
  g_assert_true(tarn_system_generation(fixture->conn, &generation, NULL));
  g_assert_cmpint(generation, ==, 2);
  g_assert_true(tarn_conn_query_int(
      fixture->conn,
      "SELECT count(*) FROM tarn.generations WHERE published_at > '2026-01-01' AND tarn_version <> '' "
      "AND duckdb_version LIKE 'v1%' AND rolled_back_from IS NOT DISTINCT FROM nullif(generation - 1, 0)",
      NULL, 0, &sound, NULL));
  g_assert_cmpint(sound, ==, 2);
}

/* The state of the rows that a VALUES list makes, in a table of their own. */
static TarnTableState *state_of(Fixture *fixture, const char *select) {
  static const char *const excluded[] = {"seq", "ingested_at", NULL};
  const TarnTableScope scope = {.table = "t", .layer = "silver", .excluded = excluded};
  g_autofree char *sql = g_strdup_printf("CREATE OR REPLACE TABLE t AS %s", select);
  g_autoptr(GError) error = NULL;
  execute(fixture, sql);
  TarnTableState *state = tarn_table_state_compute(fixture->conn, &scope, &error);
  g_assert_no_error(error);
  return state;
}

typedef struct {
  const char *name, *left, *right;
  gboolean same;
} Comparison;

static const Comparison comparisons[] = {
    {"order", "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) v(x, y)", "SELECT * FROM (VALUES (2, 'b'), (1, 'a')) v(x, y)",
     TRUE},
    {"ingestion", "SELECT 1 AS x, 5 AS seq, now() AS ingested_at",
     "SELECT 1 AS x, 9 AS seq, TIMESTAMP '2026-01-01' AS ingested_at", TRUE},
    {"values", "SELECT 1 AS x, 2 AS y", "SELECT 2 AS x, 1 AS y", FALSE},
    {"duplicates", "SELECT 1 AS x UNION ALL SELECT 2", "SELECT 1 AS x UNION ALL SELECT 2 UNION ALL SELECT 2", FALSE},
    {"pairs", "SELECT unnest(['a', 'b']) AS x, unnest(['c', 'd']) AS y",
     "SELECT unnest(['a', 'b']) AS x, unnest(['d', 'c']) AS y", FALSE},
    {"null_and_empty", "SELECT ''::VARCHAR AS x", "SELECT NULL::VARCHAR AS x", FALSE},
    {"null_place", "SELECT NULL AS x, 1 AS y", "SELECT 1 AS x, NULL AS y", FALSE},
    {"empty_list", "SELECT []::VARCHAR[] AS x", "SELECT NULL::VARCHAR[] AS x", FALSE},
    {"list_of_null", "SELECT []::VARCHAR[] AS x", "SELECT [NULL]::VARCHAR[] AS x", FALSE},
    {"list_of_text_null", "SELECT ['NULL'] AS x", "SELECT [NULL]::VARCHAR[] AS x", FALSE},
    {"list_shape", "SELECT [[1], [2]] AS x", "SELECT [[1, 2]] AS x", FALSE},
    {"struct_of_null", "SELECT {'a': NULL::INTEGER} AS x", "SELECT NULL::STRUCT(a INTEGER) AS x", FALSE},
    {"same_struct", "SELECT {'a': 1, 'b': ['x']} AS x", "SELECT {'a': 1, 'b': ['x']} AS x", TRUE},
    {"decimal", "SELECT 1.10::DECIMAL(18,4) AS x", "SELECT 1.1::DECIMAL(18,4) AS x", TRUE},
};

static void test_content_hash(Fixture *fixture, gconstpointer data) {
  const Comparison *comparison = data;
  g_autoptr(TarnTableState) left = state_of(fixture, comparison->left), right = state_of(fixture, comparison->right);
  g_assert_true(g_str_equal(left->content_hash, right->content_hash) == comparison->same);
}

static void test_state_grows_by_new_rows(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  static const char *const excluded[] = {"seq", NULL};
  g_autoptr(TarnTableState) old =
      state_of(fixture, "SELECT range AS seq, 'v' || range AS x, [range] AS l FROM range(1000)");
  execute(fixture, "INSERT INTO t SELECT range, 'w' || range, NULL FROM range(1000, 1500)");
  const TarnTableScope all = {.table = "t", .layer = "silver", .excluded = excluded};
  const TarnTableScope added = {.table = "t", .layer = "silver", .excluded = excluded, .min_seq = 1000, .base = old};
  g_autoptr(TarnTableState) whole = tarn_table_state_compute(fixture->conn, &all, NULL);
  g_autoptr(TarnTableState) grown = tarn_table_state_compute(fixture->conn, &added, NULL);
  g_assert_cmpint(grown->rows, ==, 1500);
  g_assert_cmpint(whole->rows, ==, 1500);
  g_assert_cmpstr(grown->content_hash, ==, whole->content_hash);
}

static void test_states_are_read_back(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  g_autoptr(TarnTableState) state = state_of(fixture, "SELECT range AS x FROM range(100)");
  const TarnTableScope system_table = {.table = "tarn.meta", .layer = "system"};
  g_autoptr(TarnTableState) meta = tarn_table_state_compute(fixture->conn, &system_table, NULL);
  g_assert_true(tarn_table_state_save(fixture->conn, 1, meta, NULL) &&
                tarn_table_state_save(fixture->conn, 1, state, NULL) &&
                tarn_table_state_save(fixture->conn, 1, state, NULL));
  g_autoptr(GPtrArray) states = tarn_table_states_read(fixture->conn, 1, NULL);
  g_assert_cmpuint(states->len, ==, 2);
  g_assert_cmpstr(((TarnTableState *)states->pdata[0])->table, ==, "t");
  const TarnTableState *found = tarn_table_states_find(states, "t");
  g_assert_cmpint(found->rows, ==, 100);
  g_assert_cmpstr(found->layer, ==, "silver");
  g_assert_cmpstr(found->content_hash, ==, state->content_hash);
  g_assert_cmpint(tarn_table_states_find(states, "tarn.meta")->rows, ==, 1);
  g_assert_null(tarn_table_states_find(states, "x"));
}

static void test_state_of_no_table(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  const TarnTableScope scope = {.table = "absent", .layer = "gold"};
  g_autoptr(GError) error = NULL;
  g_assert_null(tarn_table_state_compute(fixture->conn, &scope, &error));
  g_assert_nonnull(strstr(error->message, "absent"));
}

#define ADD(name, test) g_test_add("/system/" name, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  ADD("install_twice_changes_nothing", test_install_twice_changes_nothing);
  ADD("newer_format_is_refused", test_newer_format_is_refused);
  g_test_add_func("/system/other_database_is_no_lakehouse", test_other_database_is_no_lakehouse);
  ADD("meta", test_meta);
  ADD("objects", test_objects);
  ADD("generation_rows", test_generation_rows);
  for (gsize i = 0; i < G_N_ELEMENTS(comparisons); i++) {
    g_autofree char *path = g_strconcat("/system/content_hash/", comparisons[i].name, NULL);
    g_test_add(path, Fixture, &comparisons[i], set_up, test_content_hash, tear_down);
  }
  ADD("state_grows_by_new_rows", test_state_grows_by_new_rows);
  ADD("states_are_read_back", test_states_are_read_back);
  ADD("state_of_no_table", test_state_of_no_table);
  return g_test_run();
}
