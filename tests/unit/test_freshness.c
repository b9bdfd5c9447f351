/* Entity tags, dates and cache headers: what tells answers apart, and what a client may ask. */
#include "serve/freshness.h"

#include <string.h>

static const TarnGeneration generation = {
    .number = 7, .modified_s = 1767225600 /* 2026-01-01 00:00:00, a Thursday */, .identity = (char *)"7 r1 d"};

static void make(TarnFreshness *freshness, const TarnGeneration *of, const char *definitions, const char *key,
                 const char *format, const char *encoding) {
  tarn_freshness_init(freshness, of, definitions, key, format, encoding);
  g_assert_true(g_regex_match_simple("^\"[0-9a-f]{32}\"$", freshness->etag, 0, 0));
}

static void test_a_tag_is_of_everything_an_answer_follows_from(void) {
  TarnGeneration other = generation;
  other.identity = (char *)"7 r2 d";
  TarnFreshness tags[8];
  make(&tags[0], &generation, "d", "/a", "json", "");
  make(&tags[1], &other, "d", "/a", "json", "");
  make(&tags[2], &generation, "e", "/a", "json", "");
  make(&tags[3], &generation, "d", "/b", "json", "");
  make(&tags[4], &generation, "d", "/a", "csv", "");
  make(&tags[5], &generation, "d", "/a", "json", "gzip");
  make(&tags[6], &generation, "d/", "a", "json", "");
  make(&tags[7], &generation, "d", "/a", "", "json");
  for (guint i = 0; i < G_N_ELEMENTS(tags); i++)
    for (guint j = 0; j < i; j++) g_assert_cmpstr(tags[i].etag, !=, tags[j].etag);
  TarnFreshness again;
  make(&again, &generation, "d", "/a", "json", "");
  g_assert_cmpstr(again.etag, ==, tags[0].etag);
}

static void test_if_none_match(void) {
  const TarnFreshness freshness = {.etag = "\"abc\"", .modified_s = 1767225600};
  const struct {
    const char *header;
    gboolean known;
  } examples[] = {{"\"abc\"", TRUE},
                  {"W/\"abc\"", TRUE},
                  {"\"x\", \"abc\"", TRUE},
                  {"\"x\",W/\"abc\" ", TRUE},
                  {" \t\"abc\"", TRUE},
                  {"\"ab\"", FALSE},
                  {"\"abcd\"", FALSE},
                  {"abc", FALSE},
                  {"\"x, \"abc\"", FALSE},
                  {"*", FALSE},
                  {"", FALSE},
                  {"\"abc", FALSE},
                  {"\"", FALSE},
                  {"W/", FALSE},
                  {",,,", FALSE},
                  {"\"\xff\",\"abc\"", TRUE},
                  {"w/\"abc\"", FALSE},
                  {"\"x\" \"abc\"", TRUE}};
  for (guint i = 0; i < G_N_ELEMENTS(examples); i++)
    g_assert_cmpint(tarn_freshness_known(&freshness, examples[i].header, "Thu, 01 Jan 2099 00:00:00 GMT"), ==,
                    examples[i].known);
}

static void test_if_modified_since(void) {
  const TarnFreshness freshness = {.etag = "\"abc\"", .modified_s = 1767225600}, undated = {.etag = "\"abc\""};
  const struct {
    const char *header;
    gboolean known;
  } examples[] = {{"Thu, 01 Jan 2026 00:00:00 GMT", TRUE},
                  {"Thu, 01 Jan 2026 00:00:01 GMT", TRUE},
                  {"Wed, 31 Dec 2025 23:59:59 GMT", FALSE},
                  {"Thu, 01 Jan 2026 00:00:00 CET", FALSE},
                  {"Thu, 32 Jan 2026 00:00:00 GMT", FALSE},
                  {"Thu, 01 anF 2026 00:00:00 GMT", FALSE},
                  {"Thursday, 01-Jan-26 00:00:00 GMT", FALSE},
                  {"tomorrow", FALSE},
                  {"", FALSE},
                  {"Thu, 01 Jan 2026 00:00:00 GMT x", FALSE}};
  for (guint i = 0; i < G_N_ELEMENTS(examples); i++)
    g_assert_cmpint(tarn_freshness_known(&freshness, NULL, examples[i].header), ==, examples[i].known);
  g_assert_false(tarn_freshness_known(&undated, NULL, "Thu, 01 Jan 2099 00:00:00 GMT"));
  g_assert_false(tarn_freshness_known(&freshness, NULL, NULL));
}

static const char *header(const TarnHttpResponse *response, const char *name) {
  for (guint i = 0; response->headers && i < response->headers->len; i++) {
    const TarnHttpHeader *found = &g_array_index(response->headers, TarnHttpHeader, i);
    if (g_str_equal(found->name, name)) return found->value;
  }
  return NULL;
}

static void test_headers(void) {
  const struct {
    TarnFreshnessPolicy policy;
    const char *cache_control;
  } examples[] = {{{0, FALSE}, "public, no-cache"},
                  {{G_GINT64_CONSTANT(60) * G_USEC_PER_SEC, FALSE}, "public, max-age=60"},
                  {{G_GINT64_CONSTANT(60) * G_USEC_PER_SEC, TRUE}, "private, max-age=60"},
                  {{-1, FALSE}, "no-store"}};
  for (guint i = 0; i < G_N_ELEMENTS(examples); i++) {
    TarnHttpResponse response = {0};
    TarnFreshness freshness;
    make(&freshness, &generation, "d", "/a", "json", "");
    tarn_freshness_write(&freshness, &examples[i].policy, &generation, &response);
    gboolean kept = examples[i].policy.max_age_us >= 0;
    g_assert_cmpstr(header(&response, "Cache-Control"), ==, examples[i].cache_control);
    g_assert_cmpstr(header(&response, "X-Tarn-Generation"), ==, "7");
    g_assert_cmpstr(header(&response, "ETag"), ==, kept ? freshness.etag : NULL);
    g_assert_cmpstr(header(&response, "Last-Modified"), ==, kept ? "Thu, 01 Jan 2026 00:00:00 GMT" : NULL);
    g_assert_cmpstr(header(&response, "Vary"), ==, kept ? "Accept, Accept-Encoding" : NULL);
    tarn_http_response_clear(&response);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/freshness/a tag is of everything an answer follows from",
                  test_a_tag_is_of_everything_an_answer_follows_from);
  g_test_add_func("/freshness/If-None-Match", test_if_none_match);
  g_test_add_func("/freshness/If-Modified-Since", test_if_modified_since);
  g_test_add_func("/freshness/headers", test_headers);
  return g_test_run();
}
