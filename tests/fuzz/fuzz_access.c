/* What clients and files say about access: a text as a line of keys, a rate, scopes, a request's id. Whatever it is, it is read or
 * refused; what was read is written the same again; an id is always one that logs and headers can hold. */
#include <stdint.h>
#include <string.h>

#include "serve/api_key.h"
#include "serve/request_id.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_key(const char *text) {
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnApiKey) key = tarn_api_key_parse(text, &error);
  if (!key) return;
  g_assert_no_error(error);
  g_assert_true(*key->name && g_str_is_ascii(key->name) && !strpbrk(key->name, " \t\"\\"));
  g_assert_cmpuint(key->scopes, !=, TARN_SCOPE_NONE);
  g_assert_true(tarn_api_key_fits(key, key->digest));
}

static void read_rate(const char *text) {
  TarnRate rate, again;
  if (!tarn_rate_parse(text, &rate, NULL)) return;
  g_autofree char *formatted = tarn_rate_format(&rate);
  g_assert_true(tarn_rate_parse(formatted, &again, NULL));
  g_assert_true(again.count == rate.count && again.window_us == rate.window_us);
  TarnBucket *bucket = tarn_bucket_new(&rate, 0);
  TarnBucketState state = tarn_bucket_take(bucket, 0);
  g_assert_true(state.taken && state.full_us >= 0);
  tarn_bucket_unref(bucket);
}

static void read_scopes(const char *text) {
  guint scopes, again;
  if (!tarn_scopes_parse(text, &scopes, NULL)) return;
  g_autofree char *formatted = tarn_scopes_format(scopes);
  g_assert_true(tarn_scopes_parse(formatted, &again, NULL) && again == scopes);
}

static void read_id(const char *x_request_id, const char *traceparent) {
  char id[TARN_REQUEST_ID_SIZE];
  tarn_request_id_choose(x_request_id, traceparent, id);
  gsize length = strlen(id);
  g_assert_true(length > 0 && length < TARN_REQUEST_ID_SIZE);
  g_assert_cmpuint(strspn(id, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "._:/+=@-"), ==, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autofree char *text = g_strndup((const char *)data, size);
  read_key(text);
  read_rate(text);
  read_scopes(text);
  read_id(text, NULL);
  read_id(NULL, text);
  return 0;
}
