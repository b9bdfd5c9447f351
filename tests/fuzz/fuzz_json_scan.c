/* Holds the event scanner against jansson, a parser of RFC 8259 to the letter. Where they may differ:
 *   - jansson refuses numbers that fit no double or 64-bit integer, and NUL in keys: such input is not compared;
 *   - the scanner refuses nesting deeper than max_depth: jansson has no opinion on it below 2048 levels;
 *   - jansson refuses lone surrogate escapes: to the scanner they are NOT_READABLE;
 *   - jansson overlooks a NUL byte behind a number: a record with a NUL byte is no object, whatever jansson says;
 *   - of duplicate keys jansson keeps the last: values are compared only where there are none. */
#include <jansson.h>
#include <stdint.h>
#include <string.h>

#include "stream/json_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_DEPTH = 64 };
static const char *const NAMES[] = {"event_id", "payload", "a", "é", NULL};

static guint depth_of(json_t *value) {
  guint deepest = 0, depth;
  if (json_is_array(value)) {
    size_t i;
    json_t *item;
    json_array_foreach(value, i, item) {
      depth = depth_of(item);
      deepest = MAX(deepest, depth);
    }
  } else if (json_is_object(value)) {
    const char *key;
    json_t *member;
    json_object_foreach(value, key, member) {
      depth = depth_of(member);
      deepest = MAX(deepest, depth);
    }
  } else {
    return 0;
  }
  return deepest + 1;
}

static TarnJsonKind kind_of(const json_t *value) {
  if (!value) return TARN_JSON_ABSENT;
  switch (json_typeof(value)) {
    case JSON_OBJECT:
      return TARN_JSON_OBJECT;
    case JSON_ARRAY:
      return TARN_JSON_ARRAY;
    case JSON_STRING:
      return TARN_JSON_STRING;
    case JSON_NULL:
      return TARN_JSON_NULL;
    case JSON_TRUE:
    case JSON_FALSE:
      return TARN_JSON_BOOL;
    default:
      return TARN_JSON_NUMBER;
  }
}

static void check_string(const TarnJsonSlice *slice, const json_t *wanted) {
  g_autoptr(GString) text = g_string_new(NULL);
  tarn_json_unescape(slice, text);
  g_assert_cmpmem(text->str, text->len, json_string_value(wanted), json_string_length(wanted));
  g_assert_cmpint(slice->escaped, ==, memchr(slice->text, '\\', slice->size) != NULL);
}

/* The slice, parsed alone, is the reference's value. */
static void check_value(const TarnJsonSlice *slice, json_t *wanted) {
  g_assert_cmpint(slice->kind, ==, kind_of(wanted));
  if (!wanted) return;
  json_t *parsed = json_loadb(slice->text, slice->size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  g_assert_true(json_equal(parsed, wanted));
  json_decref(parsed);
  if (slice->kind == TARN_JSON_STRING) check_string(slice, wanted);
}

static void check_others(const TarnScanResult *result, json_t *object) {
  for (guint i = 0; i < result->other_count; i++) {
    const TarnJsonMember *member = &result->others[i];
    json_t *key = json_loadb(member->key, member->key_size, JSON_DECODE_ANY, NULL);
    g_assert_true(json_is_string(key));
    check_value(&member->value, json_object_get(object, json_string_value(key)));
    json_decref(key);
  }
}

static void check_members(const TarnJsonSlice *fields, const TarnScanResult *result, json_t *object) {
  gsize wanted_count = 0;
  for (guint i = 0; NAMES[i]; i++) {
    check_value(&fields[i], json_object_get(object, NAMES[i]));
    wanted_count += fields[i].kind != TARN_JSON_ABSENT;
  }
  check_others(result, object);
  if (!result->others_overflow) g_assert_cmpuint(json_object_size(object), ==, wanted_count + result->other_count);
  g_assert_cmpuint(result->depth, ==, depth_of(object));
}

static gboolean cannot_compare(const json_error_t *error) {
  enum json_error_code code = json_error_code(error);
  return code == json_error_numeric_overflow || code == json_error_null_byte_in_key;
}

static void compare_with_reference(TarnScanVerdict verdict, const TarnJsonSlice *fields, const TarnScanResult *result,
                                   const char *text, size_t size) {
  json_error_t error;
  json_t *reference = json_loadb(text, size, JSON_ALLOW_NUL, &error);
  gboolean too_deep = verdict == TARN_SCAN_NOT_OBJECT && g_str_has_prefix(result->why, "nested deeper");
  if (reference && !too_deep) {
    g_assert_cmpint(verdict == TARN_SCAN_OK, ==, json_is_object(reference));
    json_t *unique = json_loadb(text, size, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
    if (unique && verdict == TARN_SCAN_OK) check_members(fields, result, unique);
    json_decref(unique);
  } else if (!reference && !cannot_compare(&error)) {
    g_assert_cmpint(verdict, !=, TARN_SCAN_OK);
  }
  json_decref(reference);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static TarnScanner *scanner;
  static TarnScanResult result;
  if (!scanner) scanner = tarn_scanner_new(NAMES, MAX_DEPTH);
  TarnJsonSlice fields[G_N_ELEMENTS(NAMES) - 1];
  TarnScanVerdict verdict = tarn_json_scan(scanner, (const char *)data, size, fields, &result);
  g_assert_cmpint(result.why == NULL, ==, verdict == TARN_SCAN_OK);
  g_assert_cmpuint(result.error_offset, <=, size);
  if (memchr(data, '\0', size))
    g_assert_cmpint(verdict, ==, TARN_SCAN_NOT_OBJECT);
  else
    compare_with_reference(verdict, fields, &result, (const char *)data, size);
  return 0;
}
