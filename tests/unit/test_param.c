/* Parameters of an endpoint: lists, limits of dates and times. (Texts of the plain types: test_endpoint.c.) */
#include "project/param.h"

#include "base/error.h"

static char *words[] = {(char *)"high", (char *)"low", NULL};
static char *one_two[] = {(char *)"1", (char *)"2", NULL}, *with_comma[] = {(char *)"3,4", NULL};

static const TarnParam ids = {.name = (char *)"ids",
                              .type = TARN_PARAM_ARRAY,
                              .items = TARN_PARAM_INTEGER,
                              .minimum = (char *)"1",
                              .min_items = 1,
                              .max_items = 3,
                              .defaults = one_two};
static const TarnParam names = {.name = (char *)"names", .type = TARN_PARAM_ARRAY, .items = TARN_PARAM_STRING};
static const TarnParam pair = {.name = (char *)"pair",
                               .type = TARN_PARAM_ARRAY,
                               .items = TARN_PARAM_ENUM,
                               .values = words,
                               .min_items = 2,
                               .max_items = 2};
static const TarnParam day = {
    .name = (char *)"day", .type = TARN_PARAM_DATE, .minimum = (char *)"2020-02-29", .maximum = (char *)"2026-01-31"};
static const TarnParam since = {
    .name = (char *)"since", .type = TARN_PARAM_TIMESTAMP, .minimum = (char *)"2026-01-01T00:00:00Z"};
static const TarnParam big = {
    .name = (char *)"big", .type = TARN_PARAM_INTEGER, .maximum = (char *)"9223372036854775806"};

/* What is said of the text, split at its commas; NULL: it is taken. */
static char *fault_of(const TarnParam *spec, const char *text) {
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnParamReader) reader = tarn_param_reader_new(spec, &error);
  g_assert_no_error(error);
  g_auto(GStrv) texts = tarn_param_split(spec, text);
  TarnValue value = tarn_value_null();
  char *fault = tarn_param_read(reader, (const char *const *)texts, g_strv_length(texts), &value);
  g_assert_true((fault != NULL) == (value.type == TARN_VALUE_NULL));
  tarn_value_clear(&value);
  return fault;
}

static void test_what_is_taken_and_what_is_said(void) {
  const struct {
    const TarnParam *spec;
    const char *text, *fault;
  } examples[] = {
      {&ids, "1", NULL},
      {&ids, "1,2,3", NULL},
      {&ids, "1,2,3,4",
       "it has 4 values, but takes at most 3 values separated by commas, each an integer of at least 1"},
      {&ids, "1,,3", "'' is not an integer of at least 1"},
      {&ids, "1,0", "'0' is not an integer of at least 1"},
      {&ids, "", "'' is not an integer of at least 1"},
      {&names, "", NULL},
      {&names, "a,b c,é", NULL},
      {&pair, "high,low", NULL},
      {&pair, "high", "it has 1 value, but takes 2 values separated by commas, each one of high, low"},
      {&pair, "high,medium", "'medium' is not one of high, low"},
      {&day, "2020-02-29", NULL},
      {&day, "2026-01-31", NULL},
      {&day, "2020-02-28", "'2020-02-28' is not a date like 2026-01-31, from 2020-02-29 to 2026-01-31"},
      {&day, "2026-02-01", "'2026-02-01' is not a date like 2026-01-31, from 2020-02-29 to 2026-01-31"},
      {&since, "2026-01-01T00:00:00Z", NULL},
      {&since, "2026-01-01T01:30:00+02:00",
       "'2026-01-01T01:30:00+02:00' is not a date-time like 2026-01-31T12:00:00Z, not before 2026-01-01T00:00:00Z"},
      {&big, "9223372036854775806", NULL},
      {&big, "9223372036854775807", "'9223372036854775807' is not an integer of at most 9223372036854775806"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(examples); i++) {
    g_autofree char *fault = fault_of(examples[i].spec, examples[i].text);
    g_assert_cmpstr(fault, ==, examples[i].fault);
  }
}

static void test_default_of_an_array(void) {
  TarnParam commas = ids;
  commas.defaults = with_comma;
  g_autoptr(TarnParamReader) listed = tarn_param_reader_new(&ids, NULL);
  g_autoptr(TarnParamReader) joined = tarn_param_reader_new(&commas, NULL);
  const TarnValue *value = tarn_param_reader_default(listed);
  g_assert_cmpint(value->type, ==, TARN_VALUE_LIST);
  g_assert_cmpuint(value->list.n, ==, 2);
  g_assert_cmpint(value->list.items[1].integer, ==, 2);
  g_assert_cmpint(tarn_param_reader_default(joined)->list.items[0].integer, ==, 3);
}

static void test_faults_of_the_project(void) {
  const struct {
    TarnParam spec;
    const char *message;
  } examples[] = {
      {{.name = (char *)"n", .type = TARN_PARAM_INTEGER, .minimum = (char *)"0.5"},
       "parameter 'n': the minimum '0.5' is not an integer"},
      {{.name = (char *)"d", .type = TARN_PARAM_DATE, .maximum = (char *)"soon"},
       "parameter 'd': the maximum 'soon' is not a date like 2026-01-31"},
      {{.name = (char *)"n", .type = TARN_PARAM_NUMBER, .minimum = (char *)"2", .maximum = (char *)"1.5"},
       "parameter 'n': minimum is above maximum"},
      {{.name = (char *)"a",
        .type = TARN_PARAM_ARRAY,
        .items = TARN_PARAM_INTEGER,
        .max_items = 1,
        .defaults = one_two},
       "parameter 'a': the default: it has 2 values, but takes at most 1 values separated by commas, each an integer"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(examples); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(tarn_param_reader_new(&examples[i].spec, &error));
    g_assert_error(error, TARN_ERROR, TARN_ERROR_USAGE);
    g_assert_cmpstr(error->message, ==, examples[i].message);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/param/taken_or_told", test_what_is_taken_and_what_is_said);
  g_test_add_func("/param/default_of_an_array", test_default_of_an_array);
  g_test_add_func("/param/faults_of_the_project", test_faults_of_the_project);
  return g_test_run();
}
