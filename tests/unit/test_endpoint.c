/* From a request target to a response, without sockets: targets, routes, parameters, endpoints on a real file. */
#include "serve/answer.h"
#include "serve/endpoint.h"

#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "lakehouse/system.h"
#include "project/param.h"
#include "serve/route.h"

/* ---- targets ---- */

static void test_target(void) {
  g_autoptr(TarnTarget) target = tarn_target_parse("/api/a%2Fb%20c/?x=1&y=%C3%A9+z&flag&&x=2");
  g_assert_cmpstr(target->path, ==, "/api/a%2Fb%20c/");
  g_assert_cmpuint(target->segments->len, ==, 3);
  g_assert_cmpstr(target->segments->pdata[1], ==, "a/b c");
  g_assert_cmpstr(target->segments->pdata[2], ==, "");
  const char *const expected[][2] = {{"x", "1"}, {"y", "é z"}, {"flag", ""}, {"x", "2"}};
  g_assert_cmpuint(target->query->len, ==, G_N_ELEMENTS(expected));
  for (guint i = 0; i < target->query->len; i++) {
    const TarnTargetParameter *parameter = target->query->pdata[i];
    g_assert_cmpstr(parameter->name, ==, expected[i][0]);
    g_assert_cmpstr(parameter->value, ==, expected[i][1]);
  }
}

static void test_unreadable_target(void) {
  static const char *const pieces[] = {"%", "%4", "%zz", "%ff", "%00", "%c3%28", "\xff", "%ed%a0%80"};
  for (gsize i = 0; i < G_N_ELEMENTS(pieces); i++) {
    g_autofree char *text = g_strdup_printf("/%s?%s=%s", pieces[i], pieces[i], pieces[i]);
    g_autoptr(TarnTarget) target = tarn_target_parse(text);
    const TarnTargetParameter *parameter = target->query->pdata[0];
    g_assert_null(target->segments->pdata[0]);
    g_assert_null(parameter->name);
    g_assert_null(parameter->value);
  }
  g_autoptr(TarnTarget) empty = tarn_target_parse("");
  g_assert_cmpuint(empty->segments->len, ==, 1);
}

/* ---- routes ---- */

static const char *route_for(const TarnRoutes *routes, const char *path) {
  g_autoptr(TarnTarget) target = tarn_target_parse(path);
  return tarn_routes_match(routes, target);
}

static void test_routes(void) {
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnRoutes) routes = tarn_routes_new();
  char list[] = "list", one[] = "one", top[] = "top", events[] = "events";
  g_assert_true(tarn_routes_add(routes, "/subscribers/{id}", one, &error));
  g_assert_true(tarn_routes_add(routes, "/subscribers/top", top, &error));
  g_assert_true(tarn_routes_add(routes, "/subscribers", list, &error));
  g_assert_true(tarn_routes_add(routes, "/subscribers/{id}/events", events, &error));
  const struct {
    const char *path, *route;
  } examples[] = {{"/subscribers", "list"},
                  {"/subscribers?limit=1", "list"},
                  {"/subscribers/SUB-1", "one"},
                  {"/subscribers/a%2Fb", "one"},
                  {"/subscribers/%ff", "one"},
                  {"/subscribers/top", "top"},
                  {"/subscribers/top/events", "events"},
                  {"/subscribers/", NULL},
                  {"/Subscribers", NULL},
                  {"/", NULL},
                  {"", NULL},
                  {"/subscribers/a/b", NULL},
                  {"//subscribers", NULL}};
  for (gsize i = 0; i < G_N_ELEMENTS(examples); i++)
    g_assert_cmpstr(route_for(routes, examples[i].path), ==, examples[i].route);
  const char *const patterns[] = {"/subscribers", "/subscribers/top", "/subscribers/{id}", "/subscribers/{id}/events"};
  for (gsize i = 0; i < G_N_ELEMENTS(patterns); i++) g_assert_cmpstr(tarn_routes_patterns(routes)[i], ==, patterns[i]);
}

static void test_routes_that_collide(void) {
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnRoutes) routes = tarn_routes_new();
  char any[] = "any";
  g_assert_true(tarn_routes_add(routes, "/things/{id}", any, &error));
  g_assert_false(tarn_routes_add(routes, "/things/{name}", any, &error));
  g_assert_error(error, TARN_ERROR, TARN_ERROR_USAGE);
  g_clear_error(&error);
  g_assert_false(tarn_routes_add(routes, "things", any, &error));
  g_assert_error(error, TARN_ERROR, TARN_ERROR_USAGE);
}

/* ---- parameters ---- */

static char *values[] = {(char *)"high", (char *)"low", NULL};
static char *twenty[] = {(char *)"20", NULL}, *two[] = {(char *)"2", NULL};
static const TarnParam limit = {.name = (char *)"limit",
                                .type = TARN_PARAM_INTEGER,
                                .minimum = (char *)"1",
                                .maximum = (char *)"1000",
                                .defaults = twenty};
static const TarnParam risk = {.name = (char *)"risk", .type = TARN_PARAM_ENUM, .values = values};
static const TarnParam ratio = {.name = (char *)"ratio", .type = TARN_PARAM_NUMBER, .minimum = (char *)"0"};
static const TarnParam flag = {.name = (char *)"flag", .type = TARN_PARAM_BOOLEAN};
static const TarnParam day = {.name = (char *)"day", .type = TARN_PARAM_DATE};
static const TarnParam since = {.name = (char *)"since", .type = TARN_PARAM_TIMESTAMP};
static const TarnParam code = {
    .name = (char *)"code", .type = TARN_PARAM_STRING, .pattern = (char *)"[a-z]+|x1", .max_length = 3};
static const TarnParam note = {.name = (char *)"note", .type = TARN_PARAM_STRING};

static gboolean takes(const TarnParamReader *reader, const char *text) {
  TarnValue value;
  g_autofree char *fault = tarn_param_read(reader, &text, 1, &value);
  return !fault;
}

static void test_param_values(void) {
  const struct {
    const TarnParam *spec;
    const char *text;
    gboolean ok;
  } examples[] = {
      {&limit, "1", TRUE},
      {&limit, "1000", TRUE},
      {&limit, "0", FALSE},
      {&limit, "1001", FALSE},
      {&limit, "-5", FALSE},
      {&limit, "", FALSE},
      {&limit, "2.5", FALSE},
      {&limit, " 2", FALSE},
      {&limit, "2x", FALSE},
      {&limit, "1e2", FALSE},
      {&limit, "99999999999999999999", FALSE},
      {&ratio, "0", TRUE},
      {&ratio, "2.5e3", TRUE},
      {&ratio, "-1", FALSE},
      {&ratio, "nan", FALSE},
      {&ratio, "inf", FALSE},
      {&ratio, "0x10", FALSE},
      {&ratio, "1e999", FALSE},
      {&ratio, "", FALSE},
      {&ratio, "e", FALSE},
      {&ratio, "1-2", FALSE},
      {&risk, "high", TRUE},
      {&risk, "HIGH", FALSE},
      {&risk, "", FALSE},
      {&flag, "true", TRUE},
      {&flag, "false", TRUE},
      {&flag, "1", FALSE},
      {&flag, "", FALSE},
      {&day, "2024-02-29", TRUE},
      {&day, "2026-02-29", FALSE},
      {&day, "2026-1-1", FALSE},
      {&day, "2026-01-01T00:00:00", FALSE},
      {&day, "infinity", FALSE},
      {&since, "2026-01-01T00:00:00Z", TRUE},
      {&since, "2026-01-01 02:00:00.5+02:00", TRUE},
      {&since, "yesterday", FALSE},
      {&since, "2026-13-01T00:00:00Z", FALSE},
      {&code, "abc", TRUE},
      {&code, "x1", TRUE},
      {&code, "abcd", FALSE},
      {&code, "a1", FALSE},
      {&code, "ab\n", FALSE},
      {&note, "", TRUE},
      {&note, "Ndola é", TRUE},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(examples); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(TarnParamReader) reader = tarn_param_reader_new(examples[i].spec, &error);
    if (takes(reader, examples[i].text) != examples[i].ok)
      g_error("%s: '%s' must be %s", examples[i].spec->name, examples[i].text, examples[i].ok ? "taken" : "refused");
  }
}

static void test_param_length_counts_characters(void) {
  g_autoptr(TarnParamReader) reader = tarn_param_reader_new(&note, NULL);
  g_autoptr(GString) text = g_string_new(NULL);
  for (int i = 0; i < 256; i++) g_string_append(text, "é");
  g_assert_true(takes(reader, text->str));
  g_string_append(text, "é");
  g_assert_false(takes(reader, text->str));
}

static void test_param_words(void) {
  const struct {
    const TarnParam *spec;
    const char *words;
  } examples[] = {{&limit, "an integer from 1 to 1000"},
                  {&ratio, "a number of at least 0"},
                  {&risk, "one of high, low"},
                  {&flag, "true or false"},
                  {&note, "a text of at most 256 characters"},
                  {&code, "a text of at most 3 characters that matches [a-z]+|x1"}};
  for (gsize i = 0; i < G_N_ELEMENTS(examples); i++) {
    g_autoptr(TarnParamReader) reader = tarn_param_reader_new(examples[i].spec, NULL);
    g_assert_cmpstr(tarn_param_reader_allowed(reader), ==, examples[i].words);
  }
}

static void test_param_faults_of_the_project(void) {
  TarnParam bad_default = limit, bad_pattern = code;
  char *too_many[] = {(char *)"5000", NULL};
  bad_default.defaults = too_many;
  bad_pattern.pattern = (char *)"(";
  g_autoptr(GError) first = NULL, second = NULL;
  g_assert_null(tarn_param_reader_new(&bad_default, &first));
  g_assert_cmpstr(first->message, ==, "parameter 'limit': the default: '5000' is not an integer from 1 to 1000");
  g_assert_null(tarn_param_reader_new(&bad_pattern, &second));
  g_assert_error(second, TARN_ERROR, TARN_ERROR_USAGE);
}

/* ---- endpoints ---- */

static const char table_sql[] =
    "CREATE TABLE gold AS SELECT * FROM (VALUES ('SUB-1', 3, 1.5::DOUBLE, DATE '2026-01-01'), ('SUB-2', 7, "
    "'nan'::DOUBLE, DATE '2026-01-02'), "
    "('A/B é', NULL, NULL, NULL)) t(id, events, mean, day)";

static TarnServed *open_file(const char *folder, const TarnEndpoint *endpoint, GError **error) {
  g_autofree char *path = g_build_filename(folder, "published.duckdb", NULL);
  if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
    g_autoptr(TarnDb) db = tarn_db_open(path, NULL, error);
    g_autoptr(TarnConn) conn = tarn_db_connect(db, error);
    const TarnGenerationRow generation = {.generation = 1, .run_id = "r1", .project_digest = "d"};
    g_assert_true(tarn_system_install(conn, error) && tarn_system_add_generation(conn, &generation, error));
    g_assert_true(tarn_conn_exec(conn, table_sql, error) && tarn_conn_exec(conn, "CHECKPOINT", error));
    tarn_conn_close(g_steal_pointer(&conn));
  }
  const TarnServedOptions options = {.workers = 2};
  const TarnServedStatement statement = {endpoint->name, endpoint->sql};
  return tarn_served_open(path, &options, &statement, 1, error);
}

static char *folder;

typedef struct {
  guint status;
  const char *target, *body; /* body: the whole of it, or "*text" for a part */
} Exchange;

static GPtrArray *params(const TarnParam *first, ...) {
  GPtrArray *list = g_ptr_array_new();
  va_list args;
  va_start(args, first);
  for (const TarnParam *param = first; param; param = va_arg(args, const TarnParam *))
    g_ptr_array_add(list, (gpointer)param);
  va_end(args);
  return list;
}

static void check(const TarnEndpoint *endpoint, const Exchange *exchanges, gsize n) {
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnEndpointPlan) plan = tarn_endpoint_plan_new(endpoint, 0, &error);
  g_assert_no_error(error);
  g_autoptr(TarnServed) served = open_file(folder, endpoint, &error);
  g_assert_no_error(error);
  for (gsize i = 0; i < n; i++) {
    g_autoptr(TarnTarget) target = tarn_target_parse(exchanges[i].target);
    TarnHttpResponse response = {.status = 200, .content_type = "application/json", .body = g_string_new(NULL)};
    g_autoptr(TarnQuery) query = tarn_endpoint_plan_query(plan, target, &response);
    if (query) tarn_answer_write(query, served, &response);
    const char *body = exchanges[i].body;
    g_assert_true(g_str_has_suffix(response.body->str, "}\n") || g_str_has_suffix(response.body->str, "]\n"));
    g_string_truncate(response.body, response.body->len - 1);
    if (response.status != exchanges[i].status ||
        (body[0] == '*' ? !strstr(response.body->str, body + 1) : strcmp(response.body->str, body) != 0))
      g_error("%s: %u %s", exchanges[i].target, response.status, response.body->str);
    g_assert_cmpstr(response.content_type, ==,
                    response.status == 200 ? "application/json" : "application/problem+json");
    g_assert_cmpint(response.status == 500, ==, response.error != NULL);
    g_assert_true(!response.error ||
                  (strstr(tarn_error_detail(response.error), "secret") && !strstr(response.body->str, "secret")));
    g_clear_error(&response.error);
    g_string_free(response.body, TRUE);
  }
}

static void test_rows(void) {
  const TarnParam small = {.name = (char *)"most", .type = TARN_PARAM_INTEGER, .minimum = (char *)"1", .defaults = two};
  g_autoptr(GPtrArray) list = params(&small, &day, &risk, NULL);
  const TarnEndpoint endpoint = {
      .name = (char *)"list",
      .route = (char *)"/list",
      .params = list,
      .sql = (char *)"SELECT id, mean FROM gold WHERE ($day IS NULL OR gold.day = $day) ORDER BY id DESC LIMIT $most"};
  const Exchange exchanges[] = {
      {200, "/list", "[{\"id\":\"SUB-2\",\"mean\":null},{\"id\":\"SUB-1\",\"mean\":1.5}]"},
      {200, "/list?most=1&risk=low", "[{\"id\":\"SUB-2\",\"mean\":null}]"},
      {200, "/list?day=2026-01-01", "[{\"id\":\"SUB-1\",\"mean\":1.5}]"},
      {200, "/list?day=1999-01-01", "[]"},
      {422, "/list?most=0",
       "{\"type\":\"about:blank\",\"title\":\"Unprocessable Content\",\"status\":422,\"detail\":\"parameter most: '0' "
       "is not an integer of at least 1\",\"hint\":\"the member errors names each; /docs tells what they take\","
       "\"errors\":[{\"parameter\":\"most\",\"in\":\"query\",\"detail\":\"'0' is not an integer of at least 1\"}]}"},
      {422, "/list?most=1&most=1", "*it is given 2 times"},
      {422, "/list?moist=1", "*parameter moist: there is no such parameter; allowed: most, day, risk"},
      {422, "/list?most=%ff", "*it is not percent-encoded UTF-8 text"},
      {422, "/list?%ff=1", "*parameter (unreadable)"},
      {422, "/list?most=x&risk=none",
       "*{\"parameter\":\"risk\",\"in\":\"query\",\"detail\":\"'none' is not one of high, low\"}"},
      {422, "/list?risk='%3B%20DROP%20TABLE%20gold", "*is not one of"},
  };
  check(&endpoint, exchanges, G_N_ELEMENTS(exchanges));
}

static void test_one(void) {
  const TarnParam id = {.name = (char *)"id", .type = TARN_PARAM_STRING, .in_path = TRUE, .required = TRUE};
  g_autoptr(GPtrArray) list = params(&id, NULL);
  const TarnEndpoint endpoint = {.name = (char *)"one", .route = (char *)"/one/{id}", .params = list, .shape = TARN_SHAPE_ONE,
                                 .not_found = (char *)"no such subscriber",
                                 .sql = (char *)"SELECT id, events, [{'d': day}] AS days, '{\"a\":[1]}'::JSON AS j FROM gold WHERE upper(id) = upper($id)"};
  const Exchange exchanges[] = {
      {200, "/one/sub-1", "{\"id\":\"SUB-1\",\"events\":3,\"days\":[{\"d\":\"2026-01-01\"}],\"j\":{\"a\":[1]}}"},
      {200, "/one/a%2Fb%20%C3%A9", "{\"id\":\"A/B é\",\"events\":null,\"days\":[{\"d\":null}],\"j\":{\"a\":[1]}}"},
      {404, "/one/SUB-9",
       "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,\"detail\":\"no such "
       "subscriber\",\"hint\":\"check "
       "the values in path and query\"}"},
      {404, "/one/'%20OR%20true%20--", "*no such subscriber"},
      {422, "/one/%ff", "*{\"parameter\":\"id\",\"in\":\"path\",\"detail\":\"it is not percent-encoded UTF-8 text\"}"},
      {422, "/one/SUB-1?id=SUB-2", "*this endpoint takes no parameters"},
  };
  check(&endpoint, exchanges, G_N_ELEMENTS(exchanges));
}

static void test_typed_values(void) {
  TarnParam required = since;
  required.required = TRUE;
  g_autoptr(GPtrArray) list = params(&required, &flag, &ratio, &note, NULL);
  const TarnEndpoint endpoint = {
      .name = (char *)"typed",
      .route = (char *)"/typed",
      .params = list,
      .shape = TARN_SHAPE_ONE,
      .sql = (char *)"SELECT typeof($since) AS t, $since AS since, $flag AS flag, $ratio AS ratio, $note AS note"};
  const Exchange exchanges[] = {
      {200, "/typed?since=2026-01-01T02:00:00.5%2B02:00&flag=true&ratio=.5&note=%22",
       "{\"t\":\"TIMESTAMP\",\"since\":\"2026-01-01T00:00:00.5Z\",\"flag\":true,\"ratio\":0.5,\"note\":\"\\\"\"}"},
      {200, "/typed?since=1969-12-31%2023:59:59.25",
       "{\"t\":\"TIMESTAMP\",\"since\":\"1969-12-31T23:59:59.25Z\",\"flag\":null,\"ratio\":null,\"note\":null}"},
      {422, "/typed", "*parameter since: it is required: a date-time like"},
  };
  check(&endpoint, exchanges, G_N_ELEMENTS(exchanges));
}

static void test_failure_tells_no_secret(void) {
  g_autoptr(GPtrArray) list = params(&note, NULL);
  const TarnEndpoint endpoint = {.name = (char *)"broken",
                                 .route = (char *)"/broken",
                                 .params = list,
                                 .sql = (char *)"SELECT error('secret of the owner' || coalesce($note, '')) FROM gold"};
  const Exchange exchanges[] = {
      {500, "/broken",
       "*\"detail\":\"the endpoint failed\",\"hint\":\"the server's log tells why, under this request_id"}};
  check(&endpoint, exchanges, G_N_ELEMENTS(exchanges));
}

static void test_faults_of_the_project(void) {
  g_autoptr(GError) unknown = NULL, undeclared = NULL, missing = NULL;
  const TarnEndpoint wrong_table = {.name = (char *)"wrong", .sql = (char *)"SELECT * FROM nowhere"};
  g_assert_null(open_file(folder, &wrong_table, &unknown));
  g_assert_cmpstr(unknown->message, ==, "the endpoint wrong does not fit the published file");

  const TarnEndpoint loose = {
      .name = (char *)"loose", .route = (char *)"/x", .sql = (char *)"SELECT $unknown::INTEGER"};
  g_autoptr(TarnEndpointPlan) plan = tarn_endpoint_plan_new(&loose, 0, &undeclared);
  g_autoptr(TarnServed) served = open_file(folder, &loose, &undeclared);
  TarnServedWorker *worker = tarn_served_take_worker(served, &undeclared);
  g_assert_false(tarn_endpoint_plan_check(plan, worker, &undeclared));
  g_assert_cmpstr(undeclared->message, ==, "endpoint loose: its SQL uses $unknown, which is no parameter");
  tarn_served_give_worker(served, worker);

  const TarnParam id = {.name = (char *)"id", .type = TARN_PARAM_STRING, .in_path = TRUE};
  g_autoptr(GPtrArray) list = params(&id, NULL);
  const TarnEndpoint pathless = {
      .name = (char *)"pathless", .route = (char *)"/x", .params = list, .sql = (char *)"SELECT 1"};
  g_assert_null(tarn_endpoint_plan_new(&pathless, 0, &missing));
  g_assert_cmpstr(missing->message, ==, "endpoint pathless: the route /x has no {id}");
}

static void remove_folder(void) {
  g_autofree char *path = g_build_filename(folder, "published.duckdb", NULL);
  g_unlink(path);
  g_rmdir(folder);
  g_free(folder);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  folder = g_dir_make_tmp("tarn-endpoint-XXXXXX", NULL);
  g_test_add_func("/target/pieces", test_target);
  g_test_add_func("/target/unreadable_pieces", test_unreadable_target);
  g_test_add_func("/route/match", test_routes);
  g_test_add_func("/route/collisions_are_refused", test_routes_that_collide);
  g_test_add_func("/param/values", test_param_values);
  g_test_add_func("/param/length_counts_characters", test_param_length_counts_characters);
  g_test_add_func("/param/words", test_param_words);
  g_test_add_func("/param/faults_of_the_project", test_param_faults_of_the_project);
  g_test_add_func("/endpoint/rows", test_rows);
  g_test_add_func("/endpoint/one", test_one);
  g_test_add_func("/endpoint/typed_values", test_typed_values);
  g_test_add_func("/endpoint/failure_tells_no_secret", test_failure_tells_no_secret);
  g_test_add_func("/endpoint/faults_of_the_project", test_faults_of_the_project);
  int status = g_test_run();
  remove_folder();
  return status;
}
