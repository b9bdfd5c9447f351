#include "base/budget.h"
#include "base/error.h"

static void assert_size(const char *text, guint64 expected) {
  g_autoptr(GError) error = NULL;
  guint64 bytes = 0;
  g_assert_true(tarn_parse_size(text, &bytes, &error));
  g_assert_no_error(error);
  g_assert_cmpuint(bytes, ==, expected);
}

static void assert_duration(const char *text, gint64 expected) {
  g_autoptr(GError) error = NULL;
  gint64 microseconds = 0;
  g_assert_true(tarn_parse_duration(text, &microseconds, &error));
  g_assert_no_error(error);
  g_assert_cmpint(microseconds, ==, expected);
}

static void test_sizes(void) {
  assert_size("0", 0);
  assert_size("1048576", 1048576);
  assert_size("64k", 65536);
  assert_size("1.5 GiB", 1610612736);
  assert_size("1gb", 1000000000);
  assert_size("9000000000000000000", 9000000000000000000u);
}

static void test_durations(void) {
  assert_duration("30s", 30000000);
  assert_duration("30", 30000000);
  assert_duration("1.5h", 5400000000);
  assert_duration("250 ms", 250000);
  assert_duration("2d", 172800000000);
}

/* What is refused stays unwritten, and the message repeats it. */
static void test_what_is_no_size_or_duration(void) {
  static const char *const texts[] = {"", "k", "-1", "1 parsec", "nan", "inf", "1e30", "1kk", "99999999999999h", NULL};
  for (const char *const *text = texts; *text; text++) {
    g_autoptr(GError) no_size = NULL, no_duration = NULL;
    guint64 bytes = 7;
    gint64 microseconds = 7;
    g_assert_false(tarn_parse_size(*text, &bytes, &no_size));
    g_assert_error(no_size, TARN_ERROR, TARN_ERROR_USAGE);
    g_assert_nonnull(strstr(no_size->message, *text));
    g_assert_false(tarn_parse_duration(*text, &microseconds, &no_duration));
    g_assert_error(no_duration, TARN_ERROR, TARN_ERROR_USAGE);
    g_assert_cmpuint(bytes, ==, 7);
    g_assert_cmpint(microseconds, ==, 7);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/budget/sizes", test_sizes);
  g_test_add_func("/budget/durations", test_durations);
  g_test_add_func("/budget/refused", test_what_is_no_size_or_duration);
  return g_test_run();
}
