#include "stream/json_scan.h"

#include <string.h>

static const char *const NAMES[] = {"event_id", "payload", "wantéd", NULL};
enum { EVENT_ID, PAYLOAD, WANTED, FIELD_COUNT };

/* The examples are C strings; a record with a NUL byte has a test of its own. */
typedef struct {
  const char *text;
  TarnScanVerdict verdict;
  const char *why;
  guint offset;
} Verdict;

#define OK TARN_SCAN_OK, NULL, 0
#define BAD TARN_SCAN_NOT_OBJECT
#define UNREADABLE TARN_SCAN_NOT_READABLE, "lone surrogate escape"

static const Verdict VERDICTS[] = {
    {"{}", OK},
    {" \t\r\n{ } \n", OK},
    {"{\"a\":1}", OK},
    {"{\"a\" : [ ] , \"b\" : { } }", OK},
    {"{\"a\":[[],{},[{}],1,\"x\",null,true,false]}", OK},
    {"{\"\":0}", OK},
    {"{\"a\":-0,\"b\":-0.0e-0,\"c\":1E+400,\"d\":123456789012345678901234567890}", OK},
    {"{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uD83D\\uDE00\"}", OK},
    {"{\"a\":\"\x7f é ✓ 😀 \xef\xbb\xbf \xef\xbf\xbf \xf4\x8f\xbf\xbf\"}", OK},

    {"", BAD, "empty", 0},
    {"  ", BAD, "empty", 2},
    {"not json", BAD, "no object", 0},
    {"[1]", BAD, "no object", 0},
    {"\"s\"", BAD, "no object", 0},
    {"\xef\xbb\xbf{}", BAD, "no object", 0},
    {"{", BAD, "the text ends inside the object", 1},
    {"{\"a", BAD, "the text ends inside the object", 3},
    {"{\"a\\", BAD, "the text ends inside the object", 4},
    {"{\"a\"", BAD, "the text ends inside the object", 4},
    {"{\"a\":", BAD, "the text ends inside the object", 5},
    {"{\"a\":-", BAD, "the text ends inside the object", 6},
    {"{\"a\":1", BAD, "the text ends inside the object", 6},
    {"{\"a\":1,", BAD, "the text ends inside the object", 7},
    {"{\"a\":[{\"b\":[", BAD, "the text ends inside the object", 12},
    {"{\"a\":1}}", BAD, "something behind the object", 7},
    {"{\"a\":1}{}", BAD, "something behind the object", 7},
    {"{\"a\":1,}", BAD, "a key in quotes is missing", 7},
    {"{a:1}", BAD, "a key in quotes is missing", 1},
    {"{'a':1}", BAD, "a key in quotes is missing", 1},
    {"{\"a\" 1}", BAD, "a colon is missing", 5},
    {"{\"a\":1 \"b\":2}", BAD, "a comma or closing bracket is missing", 7},
    {"{\"a\":[1 2]}", BAD, "a comma or closing bracket is missing", 8},
    {"{\"a\":[1}", BAD, "a comma or closing bracket is missing", 7},
    {"{\"a\":[1,]}", BAD, "not a JSON value", 8},
    {"{\"a\":[,1]}", BAD, "not a JSON value", 6},
    {"{\"a\":{\"b\":1,}}", BAD, "a key in quotes is missing", 12},
    {"{\"a\":{\"b\"}}", BAD, "a colon is missing", 9},
    {"{\"a\":}", BAD, "not a JSON value", 5},
    {"{\"a\":NaN}", BAD, "not a JSON value", 5},
    {"{\"a\":Infinity}", BAD, "not a JSON value", 5},
    {"{\"a\":-Infinity}", BAD, "invalid number", 6},
    {"{\"a\":nul}", BAD, "not a JSON value", 5},
    {"{\"a\":nulll}", BAD, "a comma or closing bracket is missing", 9},
    {"{\"a\":True}", BAD, "not a JSON value", 5},
    {"{\"a\":+1}", BAD, "not a JSON value", 5},
    {"{\"a\":.5}", BAD, "not a JSON value", 5},
    {"{\"a\":1.}", BAD, "invalid number", 7},
    {"{\"a\":1e}", BAD, "invalid number", 7},
    {"{\"a\":1e+}", BAD, "invalid number", 8},
    {"{\"a\":01}", BAD, "a comma or closing bracket is missing", 6},
    {"{\"a\":0x1}", BAD, "a comma or closing bracket is missing", 6},
    {"{\"a\":1/**/}", BAD, "a comma or closing bracket is missing", 6},
    {"{\"a\":\"\t\"}", BAD, "control character in a string", 6},
    {"{\"a\":\"\\x\"}", BAD, "invalid escape", 6},
    {"{\"a\":\"\\u12g4\"}", BAD, "invalid \\u escape", 6},
    {"{\"a\":\"\\u12", BAD, "invalid \\u escape", 6},
    {"{\"a\":\"\\uD800", BAD, "the text ends inside the object", 12},
    {"{\"a\":\"\x80\"}", BAD, "invalid UTF-8", 6},
    {"{\"a\":\"é\xff\"}", BAD, "invalid UTF-8", 8},
    {"{\"a\":\"\xc0\xaf\"}", BAD, "invalid UTF-8", 6},
    {"{\"a\":\"\xe0\x9f\xbf\"}", BAD, "invalid UTF-8", 6},
    {"{\"a\":\"\xed\xa0\x80\"}", BAD, "invalid UTF-8", 6},
    {"{\"a\":\"\xf0\x8f\xbf\xbf\"}", BAD, "invalid UTF-8", 6},
    {"{\"a\":\"\xf4\x90\x80\x80\"}", BAD, "invalid UTF-8", 6},
    {"{\"a\":\"\xf5\x80\x80\x80\"}", BAD, "invalid UTF-8", 6},
    {"{\"a\":\"\xe2\x82\"}", BAD, "invalid UTF-8", 6},
    {"{\"\xc3\":1}", BAD, "invalid UTF-8", 2},

    {"{\"a\":\"\\ud800\"}", UNREADABLE, 6},
    {"{\"a\":\"\\udc00\"}", UNREADABLE, 6},
    {"{\"a\":\"\\ud800x\"}", UNREADABLE, 6},
    {"{\"a\":\"\\ud800\\ud800\\udc00\"}", UNREADABLE, 6},
    {"{\"a\":\"\\ud800\\n\"}", UNREADABLE, 6},
    {"{\"\\udfff\":1}", UNREADABLE, 2},
    {"{\"a\":{\"b\":[\"\\uDBFF\"]}}", UNREADABLE, 12},
    {"{\"a\":\"\\ud800\",}", BAD, "a key in quotes is missing", 14}, /* no object beats not readable */
};

/* Scans a copy that ends where the heap block ends, so that a sanitizer sees a read beyond the record. */
static TarnScanVerdict scan(const char *data, gsize size, guint max_depth, TarnJsonSlice *fields,
                            TarnScanResult *result) {
  static char *copy;
  g_free(copy);
  copy = g_memdup2(data, size);
  g_autoptr(TarnScanner) scanner = tarn_scanner_new(NAMES, max_depth);
  return tarn_json_scan(scanner, copy, size, fields, result);
}

static void test_verdicts(void) {
  for (guint i = 0; i < G_N_ELEMENTS(VERDICTS); i++) {
    const Verdict *example = &VERDICTS[i];
    TarnJsonSlice fields[FIELD_COUNT];
    TarnScanResult result;
    g_test_message("%s", example->text);
    g_assert_cmpint(scan(example->text, strlen(example->text), 64, fields, &result), ==, example->verdict);
    g_assert_cmpstr(result.why, ==, example->why);
    g_assert_cmpuint(result.error_offset, ==, example->offset);
  }
}

static void test_nul_bytes(void) {
  TarnJsonSlice fields[FIELD_COUNT];
  TarnScanResult result;
  static const char inside[] = "{\"a\":\"x\0y\"}", behind[] = "{}\0";
  g_assert_cmpint(scan(inside, sizeof inside - 1, 64, fields, &result), ==, TARN_SCAN_NOT_OBJECT);
  g_assert_cmpstr(result.why, ==, "control character in a string");
  g_assert_cmpint(scan(behind, sizeof behind - 1, 64, fields, &result), ==, TARN_SCAN_NOT_OBJECT);
  g_assert_cmpstr(result.why, ==, "something behind the object");
}

/* Every special byte at every distance from the block borders of the fast path. */
static void test_block_borders(void) {
  static const struct {
    const char *bytes;
    TarnScanVerdict verdict;
  } inserts[] = {{"x", TARN_SCAN_OK},
                 {"\\n", TARN_SCAN_OK},
                 {"é", TARN_SCAN_OK},
                 {"😀", TARN_SCAN_OK},
                 {"\x1f", TARN_SCAN_NOT_OBJECT},
                 {"\xff", TARN_SCAN_NOT_OBJECT},
                 {"\"", TARN_SCAN_NOT_OBJECT},
                 {"\\ud800", TARN_SCAN_NOT_READABLE}};
  for (guint insert = 0; insert < G_N_ELEMENTS(inserts); insert++)
    for (int before = 0; before < 40; before++)
      for (int after = 0; after < 40; after += 3) {
        g_autofree char *text =
            g_strdup_printf("{\"a\":\"%.*s%s%.*s\"}", before, "0123456789012345678901234567890123456789",
                            inserts[insert].bytes, after, "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
        TarnJsonSlice fields[FIELD_COUNT];
        TarnScanResult result;
        g_assert_cmpint(scan(text, strlen(text), 64, fields, &result), ==, inserts[insert].verdict);
      }
}

static void test_depth(void) {
  static const struct {
    const char *text;
    guint max_depth, depth;
    TarnScanVerdict verdict;
  } examples[] = {
      {"{}", 1, 1, TARN_SCAN_OK},
      {"{\"a\":[]}", 1, 1, TARN_SCAN_NOT_OBJECT},
      {"{\"a\":[]}", 2, 2, TARN_SCAN_OK},
      {"{\"a\":[{\"b\":1}],\"c\":[]}", 3, 3, TARN_SCAN_OK},
      {"{\"a\":[{\"b\":[]}],\"c\":[]}", 3, 3, TARN_SCAN_NOT_OBJECT},
  };
  for (guint i = 0; i < G_N_ELEMENTS(examples); i++) {
    TarnJsonSlice fields[FIELD_COUNT];
    TarnScanResult result;
    g_assert_cmpint(scan(examples[i].text, strlen(examples[i].text), examples[i].max_depth, fields, &result), ==,
                    examples[i].verdict);
    g_assert_cmpuint(result.depth, ==, examples[i].depth);
    if (examples[i].verdict != TARN_SCAN_OK) g_assert_cmpstr(result.why, ==, "nested deeper than source.max_depth");
  }
}

static void test_hostile_depth(void) {
  for (guint max_depth = 64; max_depth <= TARN_SCAN_DEPTH_LIMIT; max_depth *= 4) {
    g_autoptr(GString) text = g_string_new("{\"payload\":");
    for (int i = 0; i < 200000; i++) g_string_append(text, i % 2 ? "[" : "{\"a\":");
    TarnJsonSlice fields[FIELD_COUNT];
    TarnScanResult result;
    g_assert_cmpint(scan(text->str, text->len, max_depth, fields, &result), ==, TARN_SCAN_NOT_OBJECT);
    g_assert_cmpuint(result.depth, ==, max_depth);
  }
}

static void assert_slice(const TarnJsonSlice *slice, TarnJsonKind kind, const char *text) {
  g_assert_cmpint(slice->kind, ==, kind);
  g_assert_cmpmem(slice->text, slice->size, text, strlen(text));
}

/* The value of event_id and what follows from its kind. */
static void test_slices(void) {
  static const struct {
    const char *text;
    TarnJsonKind kind;
    const char *slice;
    gboolean escaped;
  } examples[] = {
      {"{\"event_id\": \"e-1\" }", TARN_JSON_STRING, "\"e-1\"", FALSE},
      {"{\"event_id\":\"a\\\"b\"}", TARN_JSON_STRING, "\"a\\\"b\"", TRUE},
      {"{\"event_id\":\"\"}", TARN_JSON_STRING, "\"\"", FALSE},
      {"{\"event_id\" : -1.5e3 ,\"b\":\"\\n\"}", TARN_JSON_NUMBER, "-1.5e3", FALSE},
      {"{\"event_id\":true}", TARN_JSON_BOOL, "true", FALSE},
      {"{\"event_id\":false}", TARN_JSON_BOOL, "false", FALSE},
      {"{\"event_id\":null}", TARN_JSON_NULL, "null", FALSE},
      {"{\"event_id\":{\"a\" : \"\\n\"} }", TARN_JSON_OBJECT, "{\"a\" : \"\\n\"}", FALSE},
      {"{\"event_id\":[1, {\"event_id\":2}]}", TARN_JSON_ARRAY, "[1, {\"event_id\":2}]", FALSE},
      {"{\"event_id\":1,\"event_id\":2}", TARN_JSON_NUMBER, "1", FALSE},
      {"{\"event_id\":null,\"event_id\":2}", TARN_JSON_NULL, "null", FALSE},
      {"{\"\\u0065vent\\u005fid\":1,\"event_id\":2}", TARN_JSON_NUMBER, "1", FALSE},
      {"{\"event_ix\":1,\"event_id\":2}", TARN_JSON_NUMBER, "2", FALSE},
  };
  for (guint i = 0; i < G_N_ELEMENTS(examples); i++) {
    TarnJsonSlice fields[FIELD_COUNT];
    TarnScanResult result;
    g_test_message("%s", examples[i].text);
    g_assert_cmpint(scan(examples[i].text, strlen(examples[i].text), 64, fields, &result), ==, TARN_SCAN_OK);
    assert_slice(&fields[EVENT_ID], examples[i].kind, examples[i].slice);
    g_assert_cmpint(fields[EVENT_ID].escaped, ==, examples[i].escaped);
    g_assert_cmpint(fields[PAYLOAD].kind, ==, TARN_JSON_ABSENT);
  }
}

static void test_other_members(void) {
  static const char text[] =
      "{\"x\":1,\"event_id\":\"e\",\"y\":{\"event_id\":2},\"x\":3,\"\\u0078\":4,\"wantéd\":5,\"want\\u00E9d\":6,"
      "\"\\u007a\":7,\"z\":8}";
  TarnJsonSlice fields[FIELD_COUNT];
  TarnScanResult result;
  g_assert_cmpint(scan(text, strlen(text), 64, fields, &result), ==, TARN_SCAN_OK);
  assert_slice(&fields[WANTED], TARN_JSON_NUMBER, "5");
  g_assert_cmpuint(result.other_count, ==, 3);
  static const char *const expected[][2] = {{"\"x\"", "1"}, {"\"y\"", "{\"event_id\":2}"}, {"\"\\u007a\"", "7"}};
  for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
    g_assert_cmpmem(result.others[i].key, result.others[i].key_size, expected[i][0], strlen(expected[i][0]));
    g_assert_cmpmem(result.others[i].value.text, result.others[i].value.size, expected[i][1], strlen(expected[i][1]));
  }
  g_assert_false(result.others_overflow);
}

static void test_others_overflow(void) {
  for (guint count = TARN_SCAN_MAX_OTHERS; count <= TARN_SCAN_MAX_OTHERS + 1; count++) {
    g_autoptr(GString) text = g_string_new("{");
    for (guint i = 0; i < count; i++) g_string_append_printf(text, "\"k%u\":%u,", i, i);
    g_string_append(text, "\"event_id\":7}");
    TarnJsonSlice fields[FIELD_COUNT];
    TarnScanResult result;
    g_assert_cmpint(scan(text->str, text->len, 64, fields, &result), ==, TARN_SCAN_OK);
    g_assert_cmpuint(result.other_count, ==, TARN_SCAN_MAX_OTHERS);
    g_assert_cmpint(result.others_overflow, ==, count > TARN_SCAN_MAX_OTHERS);
    assert_slice(&fields[EVENT_ID], TARN_JSON_NUMBER, "7");
  }
}

static void test_many_names(void) {
  g_autoptr(GString) text = g_string_new("{");
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  for (int i = 0; i < 64; i++) {
    g_autofree char *name = g_strnfill((gsize)i * 2, (char)('A' + i % 26));
    g_strv_builder_add(builder, name);
    g_string_append_printf(text, "%s\"%s\":%d", i ? "," : "", name, i);
  }
  g_string_append_c(text, '}');
  g_auto(GStrv) names = g_strv_builder_end(builder);
  g_autoptr(TarnScanner) scanner = tarn_scanner_new((const char *const *)names, 4);
  TarnJsonSlice fields[64];
  TarnScanResult result;
  g_assert_cmpint(tarn_json_scan(scanner, text->str, text->len, fields, &result), ==, TARN_SCAN_OK);
  g_assert_cmpuint(result.other_count, ==, 0);
  for (int i = 0; i < 64; i++) {
    g_autofree char *value = g_strdup_printf("%d", i);
    assert_slice(&fields[i], TARN_JSON_NUMBER, value);
  }
}

static void test_large_values(void) {
  g_autoptr(GString) text = g_string_new("{\"event_id\":\"");
  for (int i = 0; i < 1 << 20; i++) g_string_append_c(text, (char)('a' + i % 26));
  g_string_append(text, "\",\"payload\":");
  for (int i = 0; i < 1 << 20; i++) g_string_append_c(text, '9');
  g_string_append_c(text, '}');
  TarnJsonSlice fields[FIELD_COUNT];
  TarnScanResult result;
  g_assert_cmpint(scan(text->str, text->len, 64, fields, &result), ==, TARN_SCAN_OK);
  g_assert_cmpuint(fields[EVENT_ID].size, ==, (1 << 20) + 2);
  g_assert_cmpuint(fields[PAYLOAD].size, ==, 1 << 20);
}

static void test_unescape(void) {
  static const struct {
    const char *quoted, *plain;
    gsize size;
  } examples[] = {
      {"\"\"", "", 0},
      {"\"abc\"", "abc", 3},
      {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8},
      {"\"a\\u00e9b\\u2713\\uD83D\\uDE00c\"", "aéb✓😀c", 12},
      {"\"x\\u0000y\"", "x\0y", 3},
      {"\"é\\n\"", "é\n", 3},
  };
  for (guint i = 0; i < G_N_ELEMENTS(examples); i++) {
    TarnJsonSlice slice = {
        .text = examples[i].quoted, .size = (guint32)strlen(examples[i].quoted), .kind = TARN_JSON_STRING};
    g_autoptr(GString) out = g_string_new("<");
    tarn_json_unescape(&slice, out);
    g_assert_cmpmem(out->str + 1, out->len - 1, examples[i].plain, examples[i].size);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/json_scan/verdicts", test_verdicts);
  g_test_add_func("/json_scan/nul_bytes", test_nul_bytes);
  g_test_add_func("/json_scan/block_borders", test_block_borders);
  g_test_add_func("/json_scan/depth", test_depth);
  g_test_add_func("/json_scan/hostile_depth", test_hostile_depth);
  g_test_add_func("/json_scan/slices", test_slices);
  g_test_add_func("/json_scan/other_members", test_other_members);
  g_test_add_func("/json_scan/others_overflow", test_others_overflow);
  g_test_add_func("/json_scan/many_names", test_many_names);
  g_test_add_func("/json_scan/large_values", test_large_values);
  g_test_add_func("/json_scan/unescape", test_unescape);
  return g_test_run();
}
