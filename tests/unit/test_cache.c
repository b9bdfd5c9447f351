/* The response cache: what it keeps, what it drops, and who makes an answer that many want. */
#include "serve/cache.h"

#include <string.h>

#include "serve/http.h"

static TarnCached *answer(const char *text) {
  g_autoptr(GBytes) body = g_bytes_new(text, strlen(text));
  return tarn_cached_new(200, "text/plain", NULL, body);
}

static void never(gpointer user, TarnCached *cached, gboolean leads) {
  (void)user, (void)cached, (void)leads;
  g_assert_not_reached();
}

/* Makes and keeps it where it is not there. TRUE: it was there. */
static gboolean ask(TarnCache *cache, guint64 serial, const char *key, const char *text) {
  g_autoptr(TarnCached) found = NULL;
  if (tarn_cache_look(cache, serial, key, never, NULL, &found) == TARN_CACHE_HIT) {
    g_assert_cmpmem(g_bytes_get_data(found->body, NULL), g_bytes_get_size(found->body), text, strlen(text));
    return TRUE;
  }
  g_autoptr(TarnCached) made = answer(text);
  tarn_cache_put(cache, serial, key, made);
  return FALSE;
}

static void test_an_answer_is_kept_by_generation_and_request(void) {
  g_autoptr(TarnCache) cache = tarn_cache_new(1 << 20);
  g_assert_false(ask(cache, 1, "/a", "one"));
  g_assert_true(ask(cache, 1, "/a", "one"));
  g_assert_false(ask(cache, 2, "/a", "two"));
  g_assert_false(ask(cache, 1, "/a?x=1", "three"));
  g_assert_true(ask(cache, 2, "/a", "two"));
  TarnCacheStats stats;
  tarn_cache_stats(cache, &stats);
  g_assert_cmpuint(stats.hits, ==, 2);
  g_assert_cmpuint(stats.misses, ==, 3);
  g_assert_cmpuint(stats.entries, ==, 3);
}

static void test_headers_and_status_are_part_of_it(void) {
  TarnHttpResponse response = {0};
  g_autoptr(TarnCache) cache = tarn_cache_new(1 << 20);
  tarn_http_response_set_header(&response, "ETag", "\"x\"");
  g_autoptr(GBytes) body = g_bytes_new_static("{}", 2);
  g_autoptr(TarnCached) made = tarn_cached_new(404, "application/problem+json", response.headers, body);
  g_autoptr(TarnCached) found = NULL;
  tarn_http_response_clear(&response);
  g_assert_cmpint(tarn_cache_look(cache, 1, "/a", never, NULL, &found), ==, TARN_CACHE_MAKE);
  tarn_cache_put(cache, 1, "/a", made);
  g_assert_cmpint(tarn_cache_look(cache, 1, "/a", never, NULL, &found), ==, TARN_CACHE_HIT);
  g_assert_cmpuint(found->status, ==, 404);
  g_assert_cmpstr(found->content_type, ==, "application/problem+json");
  g_assert_cmpstr(g_array_index(found->headers, TarnHttpHeader, 0).value, ==, "\"x\"");
}

static void test_what_was_not_asked_for_longest_goes_first(void) {
  g_autofree char *kilobyte = g_strnfill(1000, 'x');
  g_autoptr(TarnCache) cache = tarn_cache_new(16 * 1024);
  for (guint i = 0; i < 100; i++) {
    g_autofree char *key = g_strdup_printf("/%u", i);
    g_assert_false(ask(cache, 1, key, kilobyte));
    g_assert_cmpint(ask(cache, 1, "/always", kilobyte), ==, i > 0);
    TarnCacheStats stats;
    tarn_cache_stats(cache, &stats);
    g_assert_cmpuint(stats.bytes, <=, 16 * 1024);
  }
  g_assert_true(ask(cache, 1, "/99", kilobyte));
  g_assert_false(ask(cache, 1, "/0", kilobyte));
}

static void test_a_large_answer_is_not_kept(void) {
  g_autofree char *large = g_strnfill(3000, 'x');
  g_autoptr(TarnCache) cache = tarn_cache_new(16 * 1024);
  g_assert_cmpuint(tarn_cache_max_body(cache), ==, 2048);
  g_assert_false(ask(cache, 1, "/large", large));
  g_assert_false(ask(cache, 1, "/large", large));
}

static void test_a_closed_generation_is_forgotten(void) {
  g_autoptr(TarnCache) cache = tarn_cache_new(1 << 20);
  ask(cache, 1, "/a", "1"), ask(cache, 2, "/a", "2"), ask(cache, 1, "/b", "1");
  tarn_cache_forget(cache, 1);
  TarnCacheStats stats;
  tarn_cache_stats(cache, &stats);
  g_assert_cmpuint(stats.entries, ==, 1);
  g_assert_true(ask(cache, 2, "/a", "2"));
  g_assert_false(ask(cache, 1, "/a", "1"));
}

static void note(gpointer user, TarnCached *cached, gboolean leads) {
  if (cached)
    g_string_append_len(user, g_bytes_get_data(cached->body, NULL), (gssize)g_bytes_get_size(cached->body));
  else
    g_string_append_c(user, leads ? '!' : '-');
}

static void test_equal_requests_wait_for_the_first(void) {
  g_autoptr(TarnCache) cache = tarn_cache_new(1 << 20);
  g_autoptr(TarnCached) found = NULL;
  g_autoptr(TarnCached) made = answer("a");
  g_autoptr(GString) told = g_string_new(NULL);
  for (guint round = 0; round < 2; round++) {
    g_string_truncate(told, 0);
    g_assert_cmpint(tarn_cache_look(cache, 1, "/a", note, told, &found), ==, TARN_CACHE_MAKE);
    g_assert_cmpint(tarn_cache_look(cache, 1, "/a", note, told, &found), ==, TARN_CACHE_WAIT);
    g_assert_cmpint(tarn_cache_look(cache, 1, "/a", note, told, &found), ==, TARN_CACHE_WAIT);
    g_assert_cmpint(tarn_cache_look(cache, 1, "/b", note, told, &found), ==, TARN_CACHE_MAKE);
    tarn_cache_leave(cache, 1, "/b");
    g_assert_cmpstr(told->str, ==, "");
    if (round == 0)
      tarn_cache_leave(cache, 1, "/a");
    else
      tarn_cache_put(cache, 1, "/a", made);
    g_assert_cmpstr(told->str, ==, round == 0 ? "--" : "aa");
  }
}

static void test_one_who_waits_takes_over(void) {
  g_autoptr(TarnCache) cache = tarn_cache_new(1 << 20);
  g_autoptr(TarnCached) found = NULL;
  g_autoptr(TarnCached) made = answer("a");
  g_autoptr(GString) told = g_string_new(NULL);
  g_assert_cmpint(tarn_cache_look(cache, 1, "/a", note, told, &found), ==, TARN_CACHE_MAKE);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpint(tarn_cache_look(cache, 1, "/a", note, told, &found), ==, TARN_CACHE_WAIT);
  tarn_cache_pass(cache, 1, "/a");
  g_assert_cmpstr(told->str, ==, "!");
  tarn_cache_put(cache, 1, "/a", made);
  g_assert_cmpstr(told->str, ==, "!aa");
  g_assert_cmpint(tarn_cache_look(cache, 1, "/b", note, told, &found), ==, TARN_CACHE_MAKE);
  tarn_cache_pass(cache, 1, "/b"); /* nobody waits */
  g_assert_cmpint(tarn_cache_look(cache, 1, "/b", note, told, &found), ==, TARN_CACHE_MAKE);
  tarn_cache_leave(cache, 1, "/b");
}

static void test_without_capacity_everybody_makes_theirs(void) {
  g_autoptr(TarnCache) cache = tarn_cache_new(0);
  g_autoptr(TarnCached) found = NULL;
  g_assert_cmpint(tarn_cache_look(cache, 1, "/a", never, NULL, &found), ==, TARN_CACHE_MAKE);
  g_assert_cmpint(tarn_cache_look(cache, 1, "/a", never, NULL, &found), ==, TARN_CACHE_MAKE);
  tarn_cache_leave(cache, 1, "/a");
  g_assert_false(ask(cache, 1, "/a", "1"));
  g_assert_false(ask(cache, 1, "/a", "1"));
}

/* ---- many threads ---- */

#define THREADS 8
#define ROUNDS 5000

typedef struct {
  TarnCache *cache;
  guint seed;
  gint *waiting; /* atomic */
} Hammer;

static void count_down(gpointer user, TarnCached *cached, gboolean leads) {
  g_assert_false(leads);
  if (cached) g_assert_cmpuint(g_bytes_get_size(cached->body), ==, 2);
  g_atomic_int_add((gint *)user, -1);
}

static gpointer hammer(gpointer user) {
  Hammer *own = user;
  g_autoptr(GRand) random = g_rand_new_with_seed(own->seed);
  for (guint i = 0; i < ROUNDS; i++) {
    g_autofree char *key = g_strdup_printf("/%d", g_rand_int_range(random, 0, 40));
    guint64 serial = (guint64)g_rand_int_range(random, 1, 3);
    g_autoptr(TarnCached) found = NULL;
    g_atomic_int_inc(own->waiting);
    TarnCacheTurn turn = tarn_cache_look(own->cache, serial, key, count_down, own->waiting, &found);
    if (turn == TARN_CACHE_WAIT) continue;
    g_atomic_int_add(own->waiting, -1);
    g_autoptr(TarnCached) made = turn == TARN_CACHE_MAKE ? answer("xy") : NULL;
    if (made && i % 10 == 0)
      tarn_cache_leave(own->cache, serial, key);
    else if (made)
      tarn_cache_put(own->cache, serial, key, made);
    if (i % 100 == 0) tarn_cache_forget(own->cache, serial);
  }
  return NULL;
}

static void test_many_threads(void) {
  g_autoptr(TarnCache) cache = tarn_cache_new(16 * 1024);
  gint waiting = 0;
  GThread *threads[THREADS];
  Hammer hammers[THREADS];
  for (guint i = 0; i < THREADS; i++) {
    hammers[i] = (Hammer){cache, i, &waiting};
    threads[i] = g_thread_new("hammer", hammer, &hammers[i]);
  }
  for (guint i = 0; i < THREADS; i++) g_thread_join(threads[i]);
  TarnCacheStats stats;
  tarn_cache_stats(cache, &stats);
  g_assert_cmpint(waiting, ==, 0);
  g_assert_cmpuint(stats.hits + stats.misses + stats.waits, ==, THREADS * ROUNDS);
  g_assert_cmpuint(stats.bytes, <=, stats.capacity);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/cache/an answer is kept by generation and request",
                  test_an_answer_is_kept_by_generation_and_request);
  g_test_add_func("/cache/headers and status are part of it", test_headers_and_status_are_part_of_it);
  g_test_add_func("/cache/what was not asked for longest goes first", test_what_was_not_asked_for_longest_goes_first);
  g_test_add_func("/cache/a large answer is not kept", test_a_large_answer_is_not_kept);
  g_test_add_func("/cache/a closed generation is forgotten", test_a_closed_generation_is_forgotten);
  g_test_add_func("/cache/equal requests wait for the first", test_equal_requests_wait_for_the_first);
  g_test_add_func("/cache/one who waits takes over", test_one_who_waits_takes_over);
  g_test_add_func("/cache/without capacity everybody makes theirs", test_without_capacity_everybody_makes_theirs);
  g_test_add_func("/cache/many threads", test_many_threads);
  return g_test_run();
}
