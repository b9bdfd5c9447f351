#include "serve/precomputed.h"

#include "lakehouse/sql.h"
#include "project/precompute.h"

static TarnParam limit = {.name = (char *)"limit", .type = TARN_PARAM_INTEGER};
static TarnParam risk = {.name = (char *)"risk", .type = TARN_PARAM_ENUM};

typedef struct {
  TarnDb *db;
  TarnConn *conn;
  gpointer params[2];
  GPtrArray list;
  TarnEndpoint endpoint;
} Fixture;

static void insert(Fixture *f, const char *digest, const char *parameters, const char *ends, const char *body) {
  g_autoptr(GError) error = NULL;
  const TarnValue values[] = {tarn_value_text("things"), tarn_value_text(digest), tarn_value_text(parameters),
                              tarn_value_text(ends), tarn_value_text(body)};
  tarn_conn_run(f->conn, "INSERT INTO tarn.precomputed VALUES ($1, $2, $3, $4::BIGINT[], $5)", values, 5, NULL, &error);
  g_assert_no_error(error);
}

static void set_up(Fixture *f, gconstpointer unused) {
  (void)unused;
  g_autoptr(GError) error = NULL;
  f->db = tarn_db_open(NULL, NULL, &error);
  f->conn = tarn_db_connect(f->db, &error);
  f->params[0] = &limit;
  f->params[1] = &risk;
  f->list = (GPtrArray){f->params, 2};
  f->endpoint = (TarnEndpoint){.name = (char *)"things",
                               .params = &f->list,
                               .sql = (char *)"SELECT 1",
                               .precompute = TRUE,
                               .shape = TARN_SHAPE_ROWS};
  g_assert_no_error(error);
}

static void install(Fixture *f) {
  g_autoptr(GError) error = NULL;
  tarn_conn_exec(f->conn, tarn_sql_system_schema, &error);
  g_assert_no_error(error);
}

static void tear_down(Fixture *f, gconstpointer unused) {
  (void)unused;
  tarn_conn_close(f->conn);
  tarn_db_close(f->db);
}

static TarnPrecomputed *read_answers(Fixture *f) {
  g_autoptr(GError) error = NULL;
  TarnPrecomputed *answers = NULL;
  g_assert_true(tarn_precomputed_read(f->conn, &f->endpoint, &answers, &error));
  g_assert_no_error(error);
  return answers;
}

/* body NULL: it is not held. */
static void check(const TarnPrecomputed *answers, gint64 n, const char *word, const char *body) {
  g_autoptr(TarnQuery) query = tarn_query_new("/things");
  g_autoptr(GString) out = g_string_new(NULL);
  const TarnValue values[] = {tarn_value_int(n), tarn_value_text(word)};
  tarn_query_add_value(query, "limit", &values[0]);
  tarn_query_add_value(query, "risk", &values[1]);
  g_assert_cmpint(tarn_precomputed_write(answers, query, out), ==, body != NULL);
  g_assert_cmpstr(out->str, ==, body ? body : "");
}

static void test_rows(Fixture *f, gconstpointer unused) {
  (void)unused;
  install(f);
  g_autofree char *digest = tarn_precompute_digest(&f->endpoint);
  insert(f, digest, "", "[7, 15]", "{\"a\":1},{\"a\":2}");
  insert(f, digest, "risk=a%26b", "[]", "");
  TarnPrecomputed *answers = read_answers(f);
  check(answers, 1, NULL, "[{\"a\":1}]\n");
  check(answers, 2, NULL, "[{\"a\":1},{\"a\":2}]\n");
  check(answers, 1000, NULL, "[{\"a\":1},{\"a\":2}]\n");
  check(answers, 0, NULL, "[]\n");
  check(answers, 5, "a&b", "[]\n");
  check(answers, 5, "other", NULL);
  tarn_precomputed_free(answers);
}

static void test_one(Fixture *f, gconstpointer unused) {
  (void)unused;
  install(f);
  f->endpoint.shape = TARN_SHAPE_ONE;
  g_autofree char *digest = tarn_precompute_digest(&f->endpoint);
  insert(f, digest, "", "[7]", "{\"a\":1}");
  insert(f, digest, "risk=none", "[]", "");
  TarnPrecomputed *answers = read_answers(f);
  check(answers, 9, NULL, "{\"a\":1}\n");
  check(answers, 9, "none", NULL); /* the query makes the 404 */
  tarn_precomputed_free(answers);
}

static void test_of_another_project(Fixture *f, gconstpointer unused) {
  (void)unused;
  install(f);
  g_autofree char *digest = tarn_precompute_digest(&f->endpoint);
  insert(f, digest, "", "[7]", "{\"a\":1}");
  f->endpoint.sql = (char *)"SELECT 2";
  g_assert_null(read_answers(f));
  f->endpoint.sql = (char *)"SELECT 1";
  f->endpoint.precompute = FALSE;
  g_assert_null(read_answers(f));
}

static void test_older_file(Fixture *f, gconstpointer unused) {
  (void)unused;
  g_assert_null(read_answers(f));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add("/precomputed/" #name, Fixture, NULL, set_up, test_##name, tear_down)
  ADD(rows);
  ADD(one);
  ADD(of_another_project);
  ADD(older_file);
  return g_test_run();
}
