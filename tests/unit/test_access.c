/* Who may ask what, and what a request is called: without sockets. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "serve/api_keys.h"
#include "serve/bucket.h"
#include "serve/request_id.h"

/* ---- names of requests ---- */

static void test_request_id_is_the_clients_where_sane(void) {
  static const char trace[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const struct {
    const char *x_request_id, *traceparent, *expected; /* NULL: a new one */
  } cases[] = {
      {"abc-123", trace, "abc-123"},
      {"A/b+c=:._@", NULL, "A/b+c=:._@"},
      {NULL, trace, "4bf92f3577b34da6a3ce929d0e0e4736"},
      {"a b", trace, "4bf92f3577b34da6a3ce929d0e0e4736"},
      {"", NULL, NULL},
      {"x\"y", NULL, NULL},
      {"\xff", NULL, NULL},
      {NULL, "00-00000000000000000000000000000000-00f067aa0ba902b7-01", NULL},
      {NULL, "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", NULL},
      {NULL, "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", NULL},
      {NULL, "00-4bf92f3577b34da6a3ce929d0e0e4736", NULL},
      {NULL, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x", NULL},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    char id[TARN_REQUEST_ID_SIZE];
    tarn_request_id_choose(cases[i].x_request_id, cases[i].traceparent, id);
    if (cases[i].expected) {
      g_assert_cmpstr(id, ==, cases[i].expected);
    } else {
      g_assert_cmpuint(strspn(id, "0123456789abcdef"), ==, 12);
      g_assert_cmpint(id[12], ==, '-');
    }
  }
}

static void test_request_id_is_bounded(void) {
  char id[TARN_REQUEST_ID_SIZE];
  g_autofree char *longest = g_strnfill(128, 'x'), *longer = g_strnfill(129, 'x');
  tarn_request_id_choose(longest, NULL, id);
  g_assert_cmpstr(id, ==, longest);
  tarn_request_id_choose(longer, NULL, id);
  g_assert_null(strchr(id, 'x'));
}

static void test_new_request_ids_differ(void) {
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < 1000; i++) {
    char id[TARN_REQUEST_ID_SIZE];
    tarn_request_id_choose(NULL, NULL, id);
    g_assert_true(g_hash_table_add(seen, g_strdup(id)));
  }
}

/* ---- buckets: a clock of our own ---- */

#define SECOND G_USEC_PER_SEC

static void test_bucket_gives_its_count_then_waits(void) {
  const TarnRate rate = {.count = 3, .window_us = 30 * SECOND};
  TarnBucket *bucket = tarn_bucket_new(&rate, 0);
  for (guint left = 3; left-- > 0;) {
    TarnBucketState state = tarn_bucket_take(bucket, 0);
    g_assert_true(state.taken);
    g_assert_cmpuint(state.left, ==, left);
    g_assert_cmpint(state.full_us, ==, (3 - (gint64)left) * 10 * SECOND);
  }
  TarnBucketState refused = tarn_bucket_take(bucket, 4 * SECOND);
  g_assert_false(refused.taken);
  g_assert_cmpint(refused.retry_us, ==, 6 * SECOND);
  g_assert_false(tarn_bucket_take(bucket, 9 * SECOND).taken); /* asking costs nothing */
  g_assert_true(tarn_bucket_take(bucket, 10 * SECOND).taken);
  g_assert_false(tarn_bucket_take(bucket, 10 * SECOND).taken);
  tarn_bucket_unref(bucket);
}

static void test_bucket_never_holds_more_than_its_count(void) {
  const TarnRate rate = {.count = 2, .window_us = SECOND};
  TarnBucket *bucket = tarn_bucket_new(&rate, 0);
  for (guint i = 0; i < 5; i++) g_assert_cmpint(tarn_bucket_take(bucket, 1000 * SECOND).taken, ==, i < 2);
  g_assert_false(tarn_bucket_take(bucket, 10 * SECOND).taken); /* a late thread does not turn time back */
  tarn_bucket_unref(bucket);
}

static void test_rates(void) {
  const struct {
    const char *text, *formatted; /* NULL: refused */
  } cases[] = {{"100/s", "100/s"}, {"600/m", "600/m"}, {"10/30s", "10/30s"}, {"5/h", "5/h"},      {"-", "-"},
               {"0/s", NULL},      {"1/0s", NULL},     {"x/s", NULL},        {"5", NULL},         {"5/", NULL},
               {"5/2d", NULL},     {"1/500ms", NULL},  {"-5/s", NULL},       {"2000000/s", NULL}, {"3/1.5s", NULL}};
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    TarnRate rate;
    gboolean ok = tarn_rate_parse(cases[i].text, &rate, &error);
    g_autofree char *formatted = ok ? tarn_rate_format(&rate) : NULL;
    g_assert_cmpstr(formatted, ==, cases[i].formatted);
    if (!ok) g_assert_error(error, TARN_ERROR, TARN_ERROR_USAGE);
  }
}

/* ---- keys ---- */

static void test_a_made_key_fits_its_line(void) {
  g_autoptr(GError) error = NULL;
  g_autofree char *text = NULL, *line = NULL;
  g_assert_true(tarn_api_key_make("dash-1", "sql,read", "100/s", &text, &line, &error));
  g_assert_cmpuint(strlen(text), ==, strlen("tarn_") + 43);
  g_assert_null(strstr(line, text + strlen("tarn_")));
  g_autoptr(TarnApiKey) key = tarn_api_key_parse(line, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(key->name, ==, "dash-1");
  g_assert_cmpuint(key->scopes, ==, TARN_SCOPE_READ | TARN_SCOPE_SQL);
  g_assert_cmpuint(tarn_bucket_rate(key->bucket)->count, ==, 100);
  guint8 digest[TARN_API_KEY_DIGEST_SIZE];
  tarn_api_key_digest(text, digest);
  g_assert_true(tarn_api_key_fits(key, digest));
  for (gsize i = 0; i < sizeof digest; i++) {
    digest[i] ^= 1;
    g_assert_false(tarn_api_key_fits(key, digest));
    digest[i] ^= 1;
  }
}

#define HASH "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" /* of "test" */

static void test_lines_that_are_no_keys_are_refused_without_repeating_them(void) {
  static const char *const lines[] = {"one",
                                      "a b",
                                      "a tarn_SECRET read",
                                      "tarn_SECRET " HASH " read",
                                      "a sha256:SECRET read",
                                      "a " HASH,
                                      "a " HASH " SECRET",
                                      "a " HASH " read,",
                                      "a " HASH " read SECRET",
                                      "a " HASH " read 1/s SECRET",
                                      "SECR\xc3\xa9T " HASH " read"};
  for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(tarn_api_key_parse(lines[i], &error));
    g_assert_error(error, TARN_ERROR, TARN_ERROR_USAGE);
    g_assert_null(strstr(error->message, "SECR"));
    g_assert_null(strstr(tarn_error_hint(error), "SECR"));
  }
}

/* What the watcher told last; a test waits for it. */
typedef struct {
  GMutex mutex;
  GCond told;
  guint times, n_keys;
  char *fault;
} Watched;

static void listen_to(gpointer user, guint n_keys, const GError *error) {
  Watched *watched = user;
  g_mutex_lock(&watched->mutex);
  watched->times++;
  watched->n_keys = n_keys;
  g_free(watched->fault);
  watched->fault = error ? g_strdup(error->message) : NULL;
  g_cond_signal(&watched->told);
  g_mutex_unlock(&watched->mutex);
}

static void wait_for_change(Watched *watched, guint times) {
  g_mutex_lock(&watched->mutex);
  while (watched->times < times) g_cond_wait(&watched->told, &watched->mutex);
  g_mutex_unlock(&watched->mutex);
}

static gboolean knows(TarnApiKeys *keys, const char *text) {
  g_autoptr(TarnApiKey) key = tarn_api_keys_find(keys, text);
  return key != NULL;
}

static char *new_folder(void) {
  g_autoptr(GError) error = NULL;
  char *folder = g_dir_make_tmp("tarn-keys-XXXXXX", &error);
  g_assert_no_error(error);
  return folder;
}

static void write_line(const char *path, const char *line) {
  g_autoptr(GError) error = NULL;
  g_file_set_contents(path, line, -1, &error);
  g_assert_no_error(error);
}

static void test_keys_follow_their_file(void) {
  g_autoptr(GError) error = NULL;
  g_autofree char *folder = new_folder(), *path = g_build_filename(folder, "keys", NULL);
  g_autofree char *first = NULL, *second = NULL, *line1 = NULL, *line2 = NULL;
  g_assert_true(tarn_api_key_make("one", "read", "2/h", &first, &line1, &error));
  g_assert_true(tarn_api_key_make("two", "read", "-", &second, &line2, &error));
  g_autofree char *both = g_strdup_printf("# ours\n\n%s\n%s # mine\n", line1, line2);
  write_line(path, line1);
  Watched watched = {0};
  TarnApiKeys *keys = tarn_api_keys_open(path, listen_to, &watched, &error);
  g_assert_no_error(error);
  g_assert_true(knows(keys, first) && !knows(keys, second) && !knows(keys, ""));
  g_autoptr(TarnApiKey) before = tarn_api_keys_find(keys, first);
  g_assert_true(tarn_bucket_take(before->bucket, g_get_monotonic_time()).taken);

  write_line(path, both);
  wait_for_change(&watched, 1);
  g_assert_cmpuint(watched.n_keys, ==, 2);
  g_assert_true(knows(keys, first) && knows(keys, second));
  g_autoptr(TarnApiKey) after = tarn_api_keys_find(keys, first);
  g_assert_true(after->bucket == before->bucket); /* a reload gives nobody new tokens */

  write_line(path, "one oops\n");
  wait_for_change(&watched, 2);
  g_assert_cmpstr(watched.fault, ==, "API keys, keys line 1: the line has 2 fields");
  g_assert_true(knows(keys, first) && knows(keys, second));

  g_unlink(path);
  wait_for_change(&watched, 3);
  g_assert_nonnull(strstr(watched.fault, "cannot read"));
  g_assert_true(knows(keys, first));

  write_line(path, line2);
  wait_for_change(&watched, 4);
  g_assert_null(watched.fault);
  g_assert_true(!knows(keys, first) && knows(keys, second));
  tarn_api_keys_close(keys);
  g_unlink(path);
  g_rmdir(folder);
}

/* As the kubelet mounts it: names link through ..data, which is swapped. */
static void test_keys_from_a_mounted_secret(void) {
  g_autoptr(GError) error = NULL;
  g_autofree char *folder = new_folder(), *data = g_build_filename(folder, "..data", NULL);
  g_autofree char *old = g_build_filename(folder, "..1", NULL), *new = g_build_filename(folder, "..2", NULL);
  g_autofree char *in_old = g_build_filename(old, "alice", NULL), *in_new = g_build_filename(new, "alice", NULL);
  g_autofree char *link = g_build_filename(folder, "alice", NULL), *next = g_build_filename(folder, "..next", NULL);
  g_autofree char *first = NULL, *second = NULL, *line1 = NULL, *line2 = NULL;
  g_assert_true(tarn_api_key_make("alice", "read", "-", &first, &line1, &error));
  g_assert_true(tarn_api_key_make("alice", "read", "-", &second, &line2, &error));
  g_assert_true(g_mkdir(old, 0700) == 0 && g_mkdir(new, 0700) == 0);
  write_line(in_old, line1);
  write_line(in_new, line2);
  g_assert_true(symlink("..1", data) == 0 && symlink("..data/alice", link) == 0 && symlink("..2", next) == 0);
  Watched watched = {0};
  TarnApiKeys *keys = tarn_api_keys_open(folder, listen_to, &watched, &error);
  g_assert_no_error(error);
  g_assert_true(knows(keys, first) && tarn_api_keys_count(keys) == 1);
  g_assert_cmpint(g_rename(next, data), ==, 0);
  wait_for_change(&watched, 1);
  g_assert_true(!knows(keys, first) && knows(keys, second));
  tarn_api_keys_close(keys);
  const char *const all[] = {in_old, in_new, link, data};
  for (gsize i = 0; i < G_N_ELEMENTS(all); i++) g_unlink(all[i]);
  g_assert_true(g_rmdir(old) == 0 && g_rmdir(new) == 0 && g_rmdir(folder) == 0);
}

static void test_keys_that_are_none(void) {
  g_autofree char *folder = new_folder(), *path = g_build_filename(folder, "keys", NULL);
  const struct {
    const char *text, *said;
  } cases[] = {{"", "no API keys"},
               {"# nothing\n", "no API keys"},
               {"a " HASH " read\nb " HASH " read\n", "line 2: the key 'b' has the name or the hash of another one"},
               {"a " HASH " read\n\na " HASH " sql\n", "line 3"}};
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    write_line(path, cases[i].text);
    g_assert_null(tarn_api_keys_open(path, NULL, NULL, &error));
    g_assert_error(error, TARN_ERROR, TARN_ERROR_USAGE);
    g_assert_nonnull(strstr(error->message, cases[i].said));
  }
  g_unlink(path);
  g_rmdir(folder);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/access/request_id/client", test_request_id_is_the_clients_where_sane);
  g_test_add_func("/access/request_id/bounded", test_request_id_is_bounded);
  g_test_add_func("/access/request_id/new", test_new_request_ids_differ);
  g_test_add_func("/access/bucket/count", test_bucket_gives_its_count_then_waits);
  g_test_add_func("/access/bucket/bound", test_bucket_never_holds_more_than_its_count);
  g_test_add_func("/access/rates", test_rates);
  g_test_add_func("/access/key/made", test_a_made_key_fits_its_line);
  g_test_add_func("/access/key/refused", test_lines_that_are_no_keys_are_refused_without_repeating_them);
  g_test_add_func("/access/keys/file", test_keys_follow_their_file);
  g_test_add_func("/access/keys/secret", test_keys_from_a_mounted_secret);
  g_test_add_func("/access/keys/none", test_keys_that_are_none);
  return g_test_run();
}
