#include <string.h>

#include "base/error.h"
#include "base/version.h"
#include "serve/access_log.h"
#include "serve/server_private.h"

#define MIN_WORKERS 2u /* so that one slow query does not hold up the rest on a small machine */
#define PINNED_IDLE_US (30 * G_USEC_PER_SEC)

/* More than processors would share them out in slices: 8 clients on two then wait twice as long at the 99th percentile. */
guint tarn_server_workers(const TarnServer *server) { return MAX(server->options.threads, MIN_WORKERS); }

/* A server of other definitions may answer otherwise from the same generation. */
static char *digest_definitions(const GPtrArray *endpoints) {
  g_autoptr(GChecksum) digest = g_checksum_new(G_CHECKSUM_SHA256);
  g_checksum_update(digest, (const guchar *)TARN_VERSION, -1);
  for (guint i = 0; i < endpoints->len; i++) {
    const TarnEndpoint *endpoint = endpoints->pdata[i]; /* its sql has its front matter, too */
    g_checksum_update(digest, (const guchar *)endpoint->name, (gssize)strlen(endpoint->name) + 1);
    g_checksum_update(digest, (const guchar *)endpoint->sql, (gssize)strlen(endpoint->sql) + 1);
  }
  return g_strdup(g_checksum_get_string(digest));
}

/* Do the plans fit the generation? */
static gboolean check_plans(gpointer user, TarnServed *served, GError **error) {
  const TarnServer *server = user;
  TarnServedWorker *worker = tarn_served_take_worker(served, error);
  gboolean ok = worker != NULL;
  for (guint i = 0; ok && i < server->plans->len; i++)
    ok = tarn_endpoint_plan_check(server->plans->pdata[i], worker, error);
  tarn_served_give_worker(served, worker);
  return ok;
}

static void describe(gpointer user, TarnServed *served) {
  tarn_openapi_describe(((TarnServer *)user)->openapi, served);
}

static void forget_closed(gpointer user, const TarnGeneration *generation) {
  tarn_cache_forget(((TarnServer *)user)->cache, generation->serial);
}

static void log_refused(const GError *error, gboolean as_json) {
  const char *detail = tarn_error_detail(error);
  g_autofree char *message = g_strdup_printf("the published file is refused: %s%s%s", error->message,
                                             detail ? ": " : "", detail ? detail : "");
  tarn_access_log_event("warning", message, tarn_error_hint(error), as_json);
}

static void log_event(gpointer user, TarnCurrentEvent event, const TarnGeneration *generation, const GError *error) {
  const TarnServer *server = user;
  gboolean as_json = server->options.log_json;
  if (event == TARN_CURRENT_REFUSED) {
    log_refused(error, as_json);
  } else if (event == TARN_CURRENT_WAITING) {
    tarn_access_log_event("info", "there is no published file: waiting for the first generation", NULL, as_json);
  } else if (g_atomic_int_get(&server->follows)) { /* what answers from the start on is no news */
    g_autofree char *message = g_strdup_printf("generation %" G_GINT64_FORMAT " answers", generation->number);
    tarn_access_log_event("info", message, NULL, as_json);
  }
}

gboolean tarn_server_start_generations(TarnServer *server, GError **error) {
  const TarnServerOptions *options = &server->options;
  const TarnCurrentOptions current = {
      .database = options->database,
      .served = {.memory_bytes = options->memory_bytes,
                 .threads = options->threads,
                 .workers = tarn_server_workers(server),
                 .writable_folder = tarn_downloads_folder(server->downloads)},
      .statements = (const TarnServedStatement *)server->statements->data,
      .n_statements = server->statements->len,
      .inotify = options->inotify,
      .poll_us = options->poll_us,
      .max_pinned = options->max_pinned,
      .pinned_idle_us = PINNED_IDLE_US,
      .fit = check_plans,
      .opened = describe,
      .event = log_event,
      .closed = forget_closed,
      .user = server,
  };
  server->definitions = digest_definitions(options->endpoints);
  server->cache = tarn_cache_new(options->cache_bytes);
  server->current = tarn_current_start(&current, error);
  g_atomic_int_set(&server->follows, 1);
  return server->current != NULL;
}

static void update_cache_metrics(TarnServer *server) {
  TarnCacheStats stats;
  tarn_cache_stats(server->cache, &stats);
  const struct {
    TarnMetric metric;
    double value;
  } values[] = {{TARN_METRIC_CACHE_HITS, (double)(stats.hits + stats.waits)},
                {TARN_METRIC_CACHE_MISSES, (double)stats.misses},
                {TARN_METRIC_CACHE_BYTES, (double)stats.bytes},
                {TARN_METRIC_CACHE_LIMIT, (double)stats.capacity},
                {TARN_METRIC_CACHE_ENTRIES, stats.entries},
                {TARN_METRIC_CACHE_EVICTED, (double)stats.evicted}};
  for (gsize i = 0; i < G_N_ELEMENTS(values); i++)
    tarn_metrics_set(server->metrics, values[i].metric, NULL, values[i].value);
}

void tarn_server_update_generation_metrics(TarnServer *server) {
  TarnCurrentState state;
  tarn_current_state(server->current, &state);
  tarn_metrics_set(server->metrics, TARN_METRIC_GENERATIONS_OPEN, NULL, state.opened);
  tarn_metrics_set(server->metrics, TARN_METRIC_GENERATION_SWAPS, NULL, (double)state.swaps);
  tarn_metrics_set(server->metrics, TARN_METRIC_GENERATION_REFUSED, NULL, (double)state.refusals);
  tarn_metrics_set(server->metrics, TARN_METRIC_GENERATION_FAULT, NULL, state.refused != NULL);
  tarn_metrics_set(server->metrics, TARN_METRIC_ENGINE_LIMIT, NULL, (double)state.memory_bytes);
  tarn_current_state_clear(&state);
  update_cache_metrics(server);
}
