#include <math.h>

#include "base/json_writer.h"

static void test_document(void) {
  g_autoptr(GString) out = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, out);
  tarn_json_begin_object(&json);
  tarn_json_member_string(&json, "a", "x\"\\\n\x01");
  tarn_json_key(&json, "b");
  tarn_json_begin_array(&json);
  tarn_json_int(&json, -1);
  tarn_json_double(&json, NAN);
  tarn_json_double(&json, 0.1);
  tarn_json_double(&json, 3);
  tarn_json_end_array(&json);
  tarn_json_member_bool(&json, "c", TRUE);
  tarn_json_end_object(&json);
  g_assert_cmpstr(out->str, ==, "{\"a\":\"x\\\"\\\\\\n\\u0001\",\"b\":[-1,null,0.1,3.0],\"c\":true}");
}

static void test_invalid_utf8(void) {
  g_autoptr(GString) out = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, out);
  tarn_json_string(&json,
                   "a\xff"
                   "b\xc3\xa9");
  g_assert_cmpstr(out->str, ==,
                  "\"a\xef\xbf\xbd"
                  "b\xc3\xa9\"");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/json_writer/document", test_document);
  g_test_add_func("/json_writer/invalid_utf8_is_replaced", test_invalid_utf8);
  return g_test_run();
}
