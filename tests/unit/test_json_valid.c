#include "base/json_valid.h"

#include <string.h>

#include "base/json_writer.h"

static void test_valid(void) {
  static const char *const texts[] = {"0",
                                      "-0",
                                      "12.5e-3",
                                      "1E+400",
                                      "123456789012345678901234567890",
                                      "\"\"",
                                      "\"a\\u00e9\\n\\/\"",
                                      "true",
                                      "false",
                                      "null",
                                      "[]",
                                      "{}",
                                      " [ 1 , 2 ] ",
                                      "{\"a\":{\"b\":[{},[],null]},\"c\":1}",
                                      "\t{ \"a\" : 1 , \"a\" : 2 }\r\n",
                                      "[[[]],[[1]]]",
                                      "\"\xc3\xa9\""};
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
    if (!tarn_json_is_valid(texts[i], strlen(texts[i]))) g_error("refused: %s", texts[i]);
}

static void test_invalid(void) {
  static const char *const texts[] = {"",        " ",           "NaN",     "-Infinity",  "nul",     "tru",      "01",
                                      "1.",      ".5",          "+1",      "1e",         "-",       "'a'",      "\"a",
                                      "\"\\x\"", "\"\\u12g4\"", "\"\\u12", "\"\n\"",     "[1,]",    "[,1]",     "[1 2]",
                                      "[1",      "]",           "[}",      "{\"a\":1,}", "{\"a\"}", "{\"a\":}", "{a:1}",
                                      "{1:1}",   "{\"a\":1",    "1 2",     "{} {}",      "[NaN]",   "\"\\"};
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
    if (tarn_json_is_valid(texts[i], strlen(texts[i]))) g_error("accepted: %s", texts[i]);
  g_assert_false(tarn_json_is_valid("1\0", 2));
  g_assert_false(tarn_json_is_valid("\"\\\0\"", 4));
}

static void test_depth(void) {
  g_autofree char *open = g_strnfill(TARN_JSON_MAX_DEPTH, '['), *close = g_strnfill(TARN_JSON_MAX_DEPTH, ']');
  g_autofree char *deepest = g_strconcat(open, "1", close, NULL),
                  *deeper = g_strconcat("[", open, "1", close, "]", NULL);
  g_assert_true(tarn_json_is_valid(deepest, strlen(deepest)));
  g_assert_false(tarn_json_is_valid(deeper, strlen(deeper)));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/json_valid/what_rfc_8259_allows", test_valid);
  g_test_add_func("/json_valid/what_it_does_not", test_invalid);
  g_test_add_func("/json_valid/depth_is_bounded", test_depth);
  return g_test_run();
}
