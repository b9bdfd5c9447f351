/* Who may ask what, and what a request is called: without sockets. */
#include <string.h>

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

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/access/request_id/client", test_request_id_is_the_clients_where_sane);
  g_test_add_func("/access/request_id/bounded", test_request_id_is_bounded);
  g_test_add_func("/access/request_id/new", test_new_request_ids_differ);
  return g_test_run();
}
