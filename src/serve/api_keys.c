#include "serve/api_keys.h"

#include <string.h>

#include "base/error.h"

#define POLL_US G_USEC_PER_SEC
#define MAX_BYTES (1024 * 1024)
#define MARK '\f'

struct TarnApiKeys {
  char *path;
  TarnApiKeysListener listener;
  gpointer user;
  char *text; /* what was read last, understood or not; the watcher's after the start */
  GThread *watcher;
  GMutex mutex;
  GCond wake;
  gboolean stopping; /* under mutex, as is current */
  GPtrArray *current;
};

/* Each file's text goes behind a line of its name, which MARK begins. */
static gboolean read_file(const char *path, const char *shown, GString *text, GError **error) {
  g_autoptr(GError) fault = NULL;
  g_autofree char *content = NULL;
  gsize size;
  if (!g_file_get_contents(path, &content, &size, &fault)) {
    tarn_error_set_detail(error, TARN_ERROR_ENVIRONMENT, fault->message,
                          "serve.keys_file or TARN_KEYS_FILE names the file or folder of API keys; it must be readable",
                          "cannot read the API keys");
    return FALSE;
  }
  if (text->len + size > MAX_BYTES || memchr(content, '\0', size) || memchr(content, MARK, size)) {
    tarn_error_set(error, TARN_ERROR_USAGE, "a file of API keys is text of at most 1 MiB", "%s is no file of API keys",
                   shown);
    return FALSE;
  }
  g_string_append_printf(text, "%c%s\n%s\n", MARK, shown, content);
  return TRUE;
}

static gint compare_names(gconstpointer a, gconstpointer b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static gboolean read_folder(GDir *folder, const char *path, GString *text, GError **error) {
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  for (const char *name; (name = g_dir_read_name(folder));)
    if (name[0] != '.') g_ptr_array_add(names, g_strdup(name));
  g_ptr_array_sort(names, compare_names);
  for (guint i = 0; i < names->len; i++) {
    const char *name = names->pdata[i];
    g_autofree char *file = g_build_filename(path, name, NULL);
    if (!g_file_test(file, G_FILE_TEST_IS_DIR) && !read_file(file, name, text, error)) return FALSE;
  }
  return TRUE;
}

/* Everything that is stored, as one text. Caller frees. */
static char *read_all(const char *path, GError **error) {
  g_autoptr(GString) text = g_string_new(NULL);
  g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
  g_autofree char *name = g_path_get_basename(path);
  if (!(folder ? read_folder(folder, path, text, error) : read_file(path, name, text, error))) return NULL;
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static TarnApiKey *find_alike(const GPtrArray *keys, const TarnApiKey *wanted) {
  for (guint i = 0; keys && i < keys->len; i++) {
    TarnApiKey *key = keys->pdata[i];
    if (g_str_equal(key->name, wanted->name) || tarn_api_key_fits(key, wanted->digest)) return key;
  }
  return NULL;
}

/* A key that was there keeps what it has used up, unless its rate is another one. */
static void keep_bucket(TarnApiKey *key, const GPtrArray *before) {
  const TarnApiKey *old = find_alike(before, key);
  if (!old || !tarn_api_key_fits(old, key->digest)) return;
  const TarnRate *was = tarn_bucket_rate(old->bucket), *is = tarn_bucket_rate(key->bucket);
  if (was->count != is->count || was->window_us != is->window_us) return;
  tarn_bucket_unref(key->bucket);
  key->bucket = tarn_bucket_ref(old->bucket);
}

static gboolean add_line(GPtrArray *keys, const char *line, const GPtrArray *before, GError **error) {
  GError *fault = NULL;
  TarnApiKey *key = tarn_api_key_parse(line, &fault);
  if (!key) {
    if (fault) g_propagate_error(error, fault);
    return !fault;
  }
  if (find_alike(keys, key)) {
    tarn_error_set(error, TARN_ERROR_USAGE, "give every key a name of its own, and store it once",
                   "the key '%s' has the name or the hash of another one", key->name);
    tarn_api_key_unref(key);
    return FALSE;
  }
  keep_bucket(key, before);
  g_ptr_array_add(keys, key);
  return TRUE;
}

static GPtrArray *parse_all(const char *text, const GPtrArray *before, GError **error) {
  g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_api_key_unref);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  const char *file = "";
  guint number = 0;
  for (char **line = lines; *line; line++, number++) {
    if (**line == MARK) {
      file = *line + 1;
      number = 0;
    } else if (!add_line(keys, *line, before, error)) {
      g_prefix_error(error, "API keys, %s line %u: ", file, number);
      return NULL;
    }
  }
  if (keys->len > 0) return g_steal_pointer(&keys);
  tarn_error_set(error, TARN_ERROR_USAGE, "`tarn keys NAME` prints a key and the line to store",
                 "there are no API keys");
  return NULL;
}

static gboolean load(TarnApiKeys *keys, const char *text, GError **error) {
  GPtrArray *loaded = parse_all(text, keys->current, error);
  if (!loaded) return FALSE;
  g_mutex_lock(&keys->mutex);
  GPtrArray *before = keys->current;
  keys->current = loaded;
  g_mutex_unlock(&keys->mutex);
  if (before) g_ptr_array_unref(before);
  return TRUE;
}

/* A fault is told once, until something else is there. */
static void look_again(TarnApiKeys *keys) {
  g_autoptr(GError) error = NULL;
  g_autofree char *text = read_all(keys->path, &error);
  if (g_strcmp0(text, keys->text) == 0) return;
  if (text) load(keys, text, &error);
  g_free(keys->text);
  keys->text = g_steal_pointer(&text);
  if (keys->listener) keys->listener(keys->user, tarn_api_keys_count(keys), error);
}

static gpointer watch(gpointer data) {
  TarnApiKeys *keys = data;
  g_mutex_lock(&keys->mutex);
  while (!keys->stopping) {
    if (g_cond_wait_until(&keys->wake, &keys->mutex, g_get_monotonic_time() + POLL_US)) continue;
    g_mutex_unlock(&keys->mutex);
    look_again(keys);
    g_mutex_lock(&keys->mutex);
  }
  g_mutex_unlock(&keys->mutex);
  return NULL;
}

TarnApiKeys *tarn_api_keys_open(const char *path, TarnApiKeysListener listener, gpointer user, GError **error) {
  TarnApiKeys *keys = g_new0(TarnApiKeys, 1);
  keys->path = g_strdup(path);
  keys->listener = listener;
  keys->user = user;
  g_mutex_init(&keys->mutex);
  g_cond_init(&keys->wake);
  keys->text = read_all(path, error);
  if (keys->text && load(keys, keys->text, error)) {
    keys->watcher = g_thread_new("api-keys", watch, keys);
    return keys;
  }
  tarn_api_keys_close(keys);
  return NULL;
}

void tarn_api_keys_close(TarnApiKeys *keys) {
  if (!keys) return;
  g_mutex_lock(&keys->mutex);
  keys->stopping = TRUE;
  g_cond_signal(&keys->wake);
  g_mutex_unlock(&keys->mutex);
  if (keys->watcher) g_thread_join(keys->watcher);
  if (keys->current) g_ptr_array_unref(keys->current);
  g_mutex_clear(&keys->mutex);
  g_cond_clear(&keys->wake);
  g_free(keys->text);
  g_free(keys->path);
  g_free(keys);
}

/* Looks at every key, so that the time tells nothing about where one stands. */
TarnApiKey *tarn_api_keys_find(TarnApiKeys *keys, const char *text) {
  guint8 digest[TARN_API_KEY_DIGEST_SIZE];
  tarn_api_key_digest(text, digest);
  TarnApiKey *found = NULL;
  g_mutex_lock(&keys->mutex);
  for (guint i = 0; i < keys->current->len; i++)
    if (tarn_api_key_fits(keys->current->pdata[i], digest)) found = keys->current->pdata[i];
  if (found) tarn_api_key_ref(found);
  g_mutex_unlock(&keys->mutex);
  return found;
}

guint tarn_api_keys_count(TarnApiKeys *keys) {
  g_mutex_lock(&keys->mutex);
  guint count = keys->current->len;
  g_mutex_unlock(&keys->mutex);
  return count;
}
