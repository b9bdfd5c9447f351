#include "serve/api_key.h"

#include <string.h>
#include <sys/random.h>

#include "base/error.h"

#define HASH_PREFIX "sha256:"
#define KEY_PREFIX "tarn_"
#define MAX_NAME 64

static const struct {
  const char *name;
  TarnScope scope;
} scope_names[] = {
    {"read", TARN_SCOPE_READ}, {"sql", TARN_SCOPE_SQL}, {"ask", TARN_SCOPE_ASK}, {"admin", TARN_SCOPE_ADMIN}};

static guint scope_named(const char *name) {
  for (gsize i = 0; i < G_N_ELEMENTS(scope_names); i++)
    if (g_str_equal(scope_names[i].name, name)) return scope_names[i].scope;
  return TARN_SCOPE_NONE;
}

gboolean tarn_scopes_parse(const char *text, guint *scopes, GError **error) {
  g_auto(GStrv) names = g_strsplit(text, ",", -1);
  guint found = 0;
  gboolean ok = names[0] != NULL;
  for (char **name = names; ok && *name; name++) {
    guint scope = scope_named(*name);
    ok = scope != TARN_SCOPE_NONE;
    found |= scope;
  }
  if (ok)
    *scopes = found;
  else
    tarn_error_set(error, TARN_ERROR_USAGE, "write one or several of read, sql, ask and admin, with commas between",
                   "the scopes are not understood");
  return ok;
}

char *tarn_scopes_format(guint scopes) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(scope_names); i++)
    if (scopes & scope_names[i].scope) g_string_append_printf(text, "%s%s", text->len ? "," : "", scope_names[i].name);
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static gboolean check_name(const char *name, GError **error) {
  gsize size = strspn(name, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "._-");
  if (size > 0 && size <= MAX_NAME && !name[size] && !g_str_has_prefix(name, KEY_PREFIX)) return TRUE;
  tarn_error_set(error, TARN_ERROR_USAGE,
                 "write 1 to 64 letters, digits, dots, dashes or underscores, not beginning with " KEY_PREFIX,
                 "the name of the key is not understood");
  return FALSE;
}

static gboolean parse_digest(const char *text, guint8 *digest, GError **error) {
  const char *hex = g_str_has_prefix(text, HASH_PREFIX) ? text + strlen(HASH_PREFIX) : "";
  gboolean ok = strlen(hex) == (gsize)2 * TARN_API_KEY_DIGEST_SIZE;
  for (gsize i = 0; ok && i < TARN_API_KEY_DIGEST_SIZE; i++) {
    int high = g_ascii_xdigit_value(hex[2 * i]), low = g_ascii_xdigit_value(hex[2 * i + 1]);
    ok = high >= 0 && low >= 0;
    digest[i] = (guint8)(16 * high + low);
  }
  if (!ok)
    tarn_error_set(error, TARN_ERROR_USAGE,
                   "`tarn keys NAME` prints a key and the line to store; the key itself is never stored",
                   "the second field is not " HASH_PREFIX " and 64 hexadecimal digits");
  return ok;
}

static gboolean parse_fields(TarnApiKey *key, char **fields, guint n, GError **error) {
  TarnRate rate = {0};
  if (n < 3 || n > 4) {
    tarn_error_set(error, TARN_ERROR_USAGE, "write NAME sha256:HASH SCOPES, or NAME sha256:HASH SCOPES RATE",
                   "the line has %u fields", n);
    return FALSE;
  }
  if (!check_name(fields[0], error) || !parse_digest(fields[1], key->digest, error) ||
      !tarn_scopes_parse(fields[2], &key->scopes, error) || (n == 4 && !tarn_rate_parse(fields[3], &rate, error)))
    return FALSE;
  key->name = g_strdup(fields[0]);
  key->bucket = tarn_bucket_new(&rate, g_get_monotonic_time());
  return TRUE;
}

TarnApiKey *tarn_api_key_parse(const char *line, GError **error) {
  g_autofree char *text = g_strstrip(g_strndup(line, strcspn(line, "#")));
  if (!*text) return NULL;
  g_auto(GStrv) pieces = g_strsplit_set(text, " \t", -1);
  g_autoptr(GPtrArray) fields = g_ptr_array_new();
  for (char **piece = pieces; *piece; piece++)
    if (**piece) g_ptr_array_add(fields, *piece);
  g_autoptr(TarnApiKey) key = g_new0(TarnApiKey, 1);
  key->references = 1;
  return parse_fields(key, (char **)fields->pdata, fields->len, error) ? g_steal_pointer(&key) : NULL;
}

TarnApiKey *tarn_api_key_ref(TarnApiKey *key) {
  g_atomic_int_inc(&key->references);
  return key;
}

void tarn_api_key_unref(TarnApiKey *key) {
  if (!key || !g_atomic_int_dec_and_test(&key->references)) return;
  g_free(key->name);
  tarn_bucket_unref(key->bucket);
  g_free(key);
}

void tarn_api_key_digest(const char *text, guint8 digest[TARN_API_KEY_DIGEST_SIZE]) {
  g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
  gsize size = TARN_API_KEY_DIGEST_SIZE;
  g_checksum_update(checksum, (const guchar *)text, -1);
  g_checksum_get_digest(checksum, digest, &size);
}

gboolean tarn_api_key_fits(const TarnApiKey *key, const guint8 digest[TARN_API_KEY_DIGEST_SIZE]) {
  guint64 a[TARN_API_KEY_DIGEST_SIZE / sizeof(guint64)], b[G_N_ELEMENTS(a)];
  volatile guint64 difference = 0; /* volatile: the compiler may not leave the loop early */
  memcpy(a, key->digest, sizeof a);
  memcpy(b, digest, sizeof b);
  for (gsize i = 0; i < G_N_ELEMENTS(a); i++) difference |= a[i] ^ b[i];
  return difference == 0;
}

/* URL-safe base64 without padding, so that a double click selects the key and no shell touches it. */
static char *random_text(GError **error) {
  guint8 bytes[TARN_API_KEY_DIGEST_SIZE];
  if (getentropy(bytes, sizeof bytes) != 0) {
    tarn_error_set(error, TARN_ERROR_ENVIRONMENT, NULL, "the system gives no random bytes");
    return NULL;
  }
  g_autofree char *base64 = g_base64_encode(bytes, sizeof bytes);
  g_strdelimit(base64, "+", '-');
  g_strdelimit(base64, "/", '_');
  *strchr(base64, '=') = '\0';
  return g_strconcat(KEY_PREFIX, base64, NULL);
}

gboolean tarn_api_key_make(const char *name, const char *scopes, const char *rate, char **text, char **line,
                           GError **error) {
  guint scope_set;
  TarnRate parsed;
  if (!check_name(name, error) || !tarn_scopes_parse(scopes, &scope_set, error) ||
      !tarn_rate_parse(rate, &parsed, error))
    return FALSE;
  g_autofree char *made = random_text(error);
  if (!made) return FALSE;
  g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, made, -1);
  g_autofree char *shown = tarn_scopes_format(scope_set), *limit = tarn_rate_format(&parsed);
  *line = g_strdup_printf("%s " HASH_PREFIX "%s %s %s", name, hash, shown, limit);
  *text = g_steal_pointer(&made);
  return TRUE;
}
