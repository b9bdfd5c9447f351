/* The front matter of an SQL file, as tests/e2e/test_validate.py cannot see it: the structs that come out, and exact
 * places. */
#include <string.h>

#include "project/config.h"
#include "project/endpoint.h"
#include "project/frontmatter.h"
#include "project/model.h"

static GPtrArray *new_problems(void) { return g_ptr_array_new_with_free_func((GDestroyNotify)tarn_problem_free); }

static TarnModel *read_silver(const char *sql, GPtrArray *problems) {
  TarnModel *model = g_new0(TarnModel, 1);
  tarn_frontmatter_read(sql, "m.sql", tarn_silver_keys, model, problems);
  return model;
}

static TarnEndpoint *read_endpoint(const char *sql, GPtrArray *problems) {
  TarnEndpoint *endpoint = g_new0(TarnEndpoint, 1);
  tarn_frontmatter_read(sql, "e.sql", tarn_endpoint_keys, endpoint, problems);
  return endpoint;
}

/* "line:column message" of the only problem. */
static void expect_problem(const GPtrArray *problems, const char *expected) {
  g_assert_cmpuint(problems->len, ==, 1);
  const TarnProblem *problem = problems->pdata[0];
  g_autofree char *found = g_strdup_printf("%u:%u %s", problem->line, problem->column, problem->message);
  g_assert_cmpstr(found, ==, expected);
}

static void test_model(void) {
  g_autoptr(GPtrArray) problems = new_problems();
  TarnModel *model = read_silver(
      "/*\ndescription: all events\nunique: [a, b]\ncolumns:\n  a: the first\n  b: {note: the second}\n*/\nSELECT 1",
      problems);
  g_assert_cmpuint(problems->len, ==, 0);
  g_assert_cmpstr(model->description, ==, "all events");
  g_assert_cmpstr(model->unique[0], ==, "a");
  g_assert_cmpstr(model->unique[1], ==, "b");
  g_assert_null(model->unique[2]);
  const TarnColumnNote *second = model->columns->pdata[1];
  g_assert_cmpstr(second->name, ==, "b");
  g_assert_cmpstr(second->note, ==, "the second");
  tarn_model_free(model);
}

static void test_no_front_matter_gives_defaults(void) {
  g_autoptr(GPtrArray) problems = new_problems();
  TarnModel *model = read_silver("SELECT 1 /* unique: [a] */", problems);
  g_assert_cmpuint(problems->len, ==, 0);
  g_assert_null(model->unique[0]);
  g_assert_cmpuint(model->columns->len, ==, 0);
  tarn_model_free(model);
}

static void test_one_word_is_a_list_of_one(void) {
  g_autoptr(GPtrArray) problems = new_problems();
  TarnModel *model = read_silver("/* unique: a */", problems);
  g_assert_cmpstr(model->unique[0], ==, "a");
  g_assert_null(model->unique[1]);
  tarn_model_free(model);
}

static void test_params(void) {
  g_autoptr(GPtrArray) problems = new_problems();
  TarnEndpoint *endpoint = read_endpoint(
      "/*\nroute: /x\nshape: one\nparams:\n  day: date\n  n: {type: integer, default: 5, minimum: 0, maximum: 9}\n"
      "  word: {type: enum, values: [a, b], required: true}\n*/",
      problems);
  g_assert_cmpuint(problems->len, ==, 0);
  g_assert_cmpint(endpoint->shape, ==, TARN_SHAPE_ONE);
  const TarnParam *day = endpoint->params->pdata[0], *n = endpoint->params->pdata[1],
                  *word = endpoint->params->pdata[2];
  g_assert_cmpint(day->type, ==, TARN_PARAM_DATE);
  g_assert_cmpuint(day->max_length, ==, 256);
  g_assert_null(day->minimum);
  g_assert_cmpstr(n->minimum, ==, "0");
  g_assert_cmpstr(n->maximum, ==, "9");
  g_assert_cmpstr(n->defaults[0], ==, "5");
  g_assert_true(word->required);
  g_assert_cmpstr(word->values[1], ==, "b");
  tarn_endpoint_free(endpoint);
}

static void test_config_defaults(void) {
  g_autoptr(GPtrArray) problems = new_problems();
  TarnConfig config = {0};
  tarn_frontmatter_read("/* {name: x, bronze: {envelope: [id]}, publish: {min_interval: 2m}} */", "t", tarn_config_keys,
                        &config, problems);
  g_assert_cmpuint(problems->len, ==, 0);
  g_assert_cmpuint(config.max_depth, ==, 64);
  g_assert_cmpuint(config.max_record_bytes, ==, 1024 * 1024);
  g_assert_cmpstr(config.bronze_table, ==, "bronze_raw_events");
  g_assert_cmpstr(config.source_paths[0], ==, "events/*.ndjson");
  g_assert_cmpuint(config.keep, ==, 1);
  g_assert_cmpint(config.min_interval_us, ==, 2 * 60 * G_USEC_PER_SEC);
  g_assert_cmpuint(config.port, ==, 8000);
  tarn_config_clear(&config);
}

/* Front matter that begins behind other text on its line, and columns counted in characters. */
static void test_places(void) {
  static const struct {
    const char *sql, *problem;
  } cases[] = {
      {"  /* uniq: a */", "1:6 unknown key 'uniq'"},
      {"\n\n/*\nunique: a\n  \nbogus: 1*/", "6:1 unknown key 'bogus'"},
      {"/* {description: \"é\", bogus: 1} */", "1:23 unknown key 'bogus'"},
      {"/*\r\nkind: silver\r\nbogus: 1\r\n*/", "3:1 unknown key 'bogus'"},
      {"/*\nunique: [a, a]\n*/", "2:13 unique names 'a' twice"},
      {"/*\nunique: [a, [b]]\n*/", "2:13 unique must be a name: letters, digits and _, not beginning with a digit"},
      {"/*\ncolumns: [a]\n*/", "2:10 columns must be a map of names"},
      {"/*\ndescription: \"a\\0b\"\n*/", "2:14 description must be a text"},
      {"/*\n? [a]\n: b\n*/", "2:3 a key must be a plain text"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GPtrArray) problems = new_problems();
    tarn_model_free(read_silver(cases[i].sql, problems));
    expect_problem(problems, cases[i].problem);
  }
}

static void test_line_of_key(void) {
  const char *sql = "/*\nunique: a\ncolumns:\n  a: x\n*/\nkey: no";
  g_assert_cmpuint(tarn_frontmatter_line(sql, "columns"), ==, 3);
  g_assert_cmpuint(tarn_frontmatter_line(sql, "a"), ==, 4);
  g_assert_cmpuint(tarn_frontmatter_line(sql, "key"), ==, 1);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/frontmatter/model", test_model);
  g_test_add_func("/frontmatter/no_front_matter_gives_defaults", test_no_front_matter_gives_defaults);
  g_test_add_func("/frontmatter/one_word_is_a_list_of_one", test_one_word_is_a_list_of_one);
  g_test_add_func("/frontmatter/params", test_params);
  g_test_add_func("/frontmatter/config_defaults", test_config_defaults);
  g_test_add_func("/frontmatter/places", test_places);
  g_test_add_func("/frontmatter/line_of_key", test_line_of_key);
  return g_test_run();
}
