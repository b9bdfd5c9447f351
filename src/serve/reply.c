#include "serve/reply.h"

#include "serve/freshness.h"
#include "serve/gzip.h"
#include "serve/health.h"
#include "serve/notes.h"
#include "serve/problem.h"

#define BUSY_RETRY_SECONDS "5"
#define CLIENT_GONE 499 /* what an answer is that nobody waits for any more (serve/answer.c) */

struct TarnReplies {
  TarnRepliesOptions options;
};

/* A request on its way; freed when the response is made. */
typedef struct {
  TarnTask task; /* first: opening a kept generation is a task */
  TarnReplies *replies;
  TarnQuery *query;   /* until the answer takes it */
  TarnReplyMake make; /* where there is no query yet */
  gpointer user;      /* of make */
  gint64 number;
  TarnPin pin;
  TarnServed *served;
  TarnHttpRequest *request;
  TarnHttpResponse *response;
  TarnFreshness freshness;
  TarnFreshnessPolicy policy;
  char *key;      /* of the cache */
  gboolean leads; /* others may wait for this answer */
} Reply;

static void reply_free(Reply *reply) {
  tarn_query_free(reply->query);
  tarn_served_unref(reply->served);
  g_free(reply->key);
  g_free(reply);
}

/* ---- the cache ---- */

static void apply(const TarnCached *cached, TarnHttpResponse *response) {
  response->status = cached->status;
  response->content_type = cached->content_type;
  response->bytes = g_bytes_ref(cached->body);
  for (guint i = 0; i < cached->headers->len; i++) {
    const TarnHttpHeader *header = &g_array_index(cached->headers, TarnHttpHeader, i);
    tarn_http_response_set_header(response, header->name, header->value);
  }
}

/* What one request is given and what others get later are the same bytes. */
static TarnCached *share_body(TarnHttpResponse *response) {
  if (!response->bytes) {
    response->bytes = g_string_free_to_bytes(response->body);
    response->body = g_string_new(NULL);
  }
  return tarn_cached_new(response->status, response->content_type, response->headers, response->bytes);
}

/* Problem documents name the request, so they are nobody else's. */
static gboolean is_whole(const TarnHttpResponse *response) {
  return response->status == 200 && !response->stream.wanted;
}

static void keep(Reply *reply, TarnHttpResponse *response) {
  TarnCache *cache = reply->replies->options.cache;
  guint64 serial = tarn_served_generation(reply->served)->serial;
  if (reply->leads && is_whole(response)) {
    g_autoptr(TarnCached) cached = share_body(response);
    tarn_cache_put(cache, serial, reply->key, cached);
  } else if (reply->leads && response->status == CLIENT_GONE) {
    tarn_cache_pass(cache, serial, reply->key);
  } else if (reply->leads) {
    tarn_cache_leave(cache, serial, reply->key);
  }
}

/* The response is made: the last that is done for it here. */
static void made(gpointer user, TarnHttpResponse *response) {
  Reply *reply = user;
  const TarnGeneration *generation = tarn_served_generation(reply->served);
  if (response->status == 200)
    tarn_freshness_write(&reply->freshness, &reply->policy, generation, response);
  else
    tarn_freshness_write_none(generation, response);
  keep(reply, response);
  reply_free(reply);
}

/* ---- from a generation ---- */

/* For the log. */
static void note_cache(Reply *reply, const char *what) {
  TarnNotes *notes = tarn_notes(reply->request);
  if (notes) notes->cache = what;
}

static TarnHttpTurn run(Reply *reply) {
  TarnHttpResponse *response = reply->response;
  const TarnAnswerMade then = {made, reply};
  TarnAnswers *answers = reply->replies->options.answers;
  if (tarn_answers_begin(answers, g_steal_pointer(&reply->query), reply->served, &then, reply->request, response) ==
      TARN_HTTP_DEFERRED)
    return TARN_HTTP_DEFERRED;
  made(reply, response);
  return TARN_HTTP_ANSWERED;
}

/* Somebody else's equal request is answered, or not. */
static void on_ready(gpointer user, TarnCached *cached, gboolean leads) {
  Reply *reply = user;
  TarnHttpRequest *request = reply->request;
  note_cache(reply, cached ? "shared" : "miss");
  reply->leads = leads;
  if (cached) {
    apply(cached, reply->response);
    reply_free(reply);
    tarn_http_answer(request);
  } else if (run(reply) == TARN_HTTP_ANSWERED) {
    tarn_http_answer(request);
  }
}

static TarnHttpTurn look_up(Reply *reply) {
  TarnCache *cache = reply->replies->options.cache;
  g_autoptr(TarnCached) cached = NULL;
  guint64 serial = tarn_served_generation(reply->served)->serial;
  switch (tarn_cache_look(cache, serial, reply->key, on_ready, reply, &cached)) {
    case TARN_CACHE_HIT:
      note_cache(reply, "hit");
      apply(cached, reply->response);
      reply_free(reply);
      return TARN_HTTP_ANSWERED;
    case TARN_CACHE_WAIT:
      return TARN_HTTP_DEFERRED; /* and perhaps answered already */
    default:
      note_cache(reply, "miss");
      reply->leads = TRUE;
      return run(reply);
  }
}

static void write_not_modified(Reply *reply) {
  note_cache(reply, "known");
  tarn_freshness_write(&reply->freshness, &reply->policy, tarn_served_generation(reply->served), reply->response);
  reply->response->status = 304;
  reply_free(reply);
}

/* Other formats are other answers. */
static char *cache_key(const TarnQuery *query, const char *format, const char *encoding) {
  return g_strconcat(query->key->str, "#", format, " ", encoding, NULL);
}

static gboolean make_query(Reply *reply) {
  if (!reply->query) reply->query = reply->make(reply->user, reply->served, reply->request, reply->response);
  if (!reply->query) return FALSE;
  reply->query->gzip = reply->query->format != TARN_FORMAT_PARQUET && /* which is compressed */
                       tarn_gzip_accepted(tarn_http_request_header(reply->request, "Accept-Encoding"));
  return TRUE;
}

static TarnHttpTurn go_on(Reply *reply) {
  TarnNotes *notes = tarn_notes(reply->request);
  if (notes) notes->generation = tarn_served_generation(reply->served)->number;
  const TarnRepliesOptions *options = &reply->replies->options;
  if (!make_query(reply)) {
    tarn_freshness_write_none(tarn_served_generation(reply->served), reply->response);
    reply_free(reply);
    return TARN_HTTP_ANSWERED;
  }
  const TarnQuery *query = reply->query;
  const char *format = tarn_format_name(query->format), *encoding = query->gzip ? "gzip" : "";
  tarn_freshness_init(&reply->freshness, tarn_served_generation(reply->served), options->definitions, query->key->str,
                      format, encoding);
  reply->policy = (TarnFreshnessPolicy){query->max_age_us, options->private};
  reply->key = cache_key(query, format, encoding);
  gboolean kept = query->max_age_us >= 0;
  if (reply->freshness.modified_s > 0)
    reply->freshness.modified_s = MAX(reply->freshness.modified_s, options->changed_s);
  if (kept && tarn_freshness_known(&reply->freshness, tarn_http_request_header(reply->request, "If-None-Match"),
                                   tarn_http_request_header(reply->request, "If-Modified-Since"))) {
    write_not_modified(reply);
    return TARN_HTTP_ANSWERED;
  }
  return kept ? look_up(reply) : run(reply);
}

/* ---- a kept generation ---- */

static void write_available(TarnJsonWriter *json, TarnCurrent *current) {
  g_autoptr(GArray) available = tarn_current_available(current);
  tarn_json_key(json, "generations");
  tarn_json_begin_array(json);
  for (guint i = 0; i < available->len; i++) tarn_json_int(json, g_array_index(available, gint64, i));
  tarn_json_end_array(json);
}

static const struct {
  guint status;
  const char *what, *hint;
} refusals[] = {
    [TARN_PIN_NEVER] = {404, "was never published", "the member generations lists those that there are"},
    [TARN_PIN_GONE] = {410, "is not kept any more",
                       "begin again from one of the member generations; publish.keep says how many are kept"},
    [TARN_PIN_UNFIT] = {410, "is kept, but this server's endpoints cannot be answered from it",
                        "begin again from another one of the member generations"},
    [TARN_PIN_BUSY] = {503, "cannot be opened now: too many kept ones are open",
                       "try again later; serve.pinned says how many may be open"},
};

static void refuse_pin(const Reply *reply) {
  TarnCurrent *current = reply->replies->options.current;
  TarnJsonWriter json;
  if (reply->pin == TARN_PIN_WAITING) {
    tarn_health_write_waiting(current, reply->response);
    return;
  }
  g_autofree char *detail =
      g_strdup_printf("generation %" G_GINT64_FORMAT " %s", reply->number, refusals[reply->pin].what);
  tarn_http_response_set_header(reply->response, "Cache-Control", "no-store");
  if (reply->pin == TARN_PIN_BUSY) tarn_http_response_set_header(reply->response, "Retry-After", BUSY_RETRY_SECONDS);
  tarn_http_problem_begin(reply->response, &json, refusals[reply->pin].status, refusals[reply->pin].hint, detail);
  write_available(&json, current);
  tarn_http_problem_end(&json);
}

static void open_kept(TarnTask *task) {
  Reply *reply = (Reply *)task;
  reply->pin = tarn_current_pin(reply->replies->options.current, reply->number, &reply->served);
}

static void opened_kept(TarnTask *task) {
  Reply *reply = (Reply *)task;
  TarnHttpRequest *request = reply->request;
  reply->response->queued_us = task->began_us - task->entered_us;
  if (!reply->served) {
    refuse_pin(reply);
    reply_free(reply);
    tarn_http_answer(request);
  } else if (go_on(reply) == TARN_HTTP_ANSWERED) {
    tarn_http_answer(request);
  }
}

static void do_nothing(TarnTask *task, gint64 now_us, gboolean closing) { (void)task, (void)now_us, (void)closing; }

static TarnHttpTurn begin_pinned(Reply *reply) {
  TarnAdmission *admission = reply->replies->options.admission;
  reply->task = (TarnTask){.turn = open_kept, .finish = opened_kept, .watch = do_nothing};
  if (tarn_admission_enter(admission, &reply->task)) return TARN_HTTP_DEFERRED;
  tarn_answer_write_full(admission, reply->response);
  reply_free(reply);
  return TARN_HTTP_ANSWERED;
}

/* ---- all ---- */

static TarnHttpTurn begin(TarnReplies *replies, Reply *reply) {
  TarnCurrent *current = replies->options.current;
  TarnHttpResponse *response = reply->response;
  reply->replies = replies;
  reply->served = reply->number ? tarn_current_find(current, reply->number) : tarn_current_take(current);
  if (reply->served) return go_on(reply);
  if (reply->number) return begin_pinned(reply);
  tarn_health_write_waiting(current, response);
  reply_free(reply);
  return TARN_HTTP_ANSWERED;
}

TarnHttpTurn tarn_replies_begin(TarnReplies *replies, TarnQuery *query, gint64 generation, TarnHttpRequest *request,
                                TarnHttpResponse *response) {
  Reply *reply = g_new(Reply, 1);
  *reply = (Reply){.query = query, .number = generation, .request = request, .response = response};
  return begin(replies, reply);
}

TarnHttpTurn tarn_replies_begin_later(TarnReplies *replies, TarnReplyMake make, gpointer user, gint64 generation,
                                      TarnHttpRequest *request, TarnHttpResponse *response) {
  Reply *reply = g_new(Reply, 1);
  *reply = (Reply){.make = make, .user = user, .number = generation, .request = request, .response = response};
  return begin(replies, reply);
}

gboolean tarn_reply_generation(TarnTarget *target, gint64 *generation, TarnHttpResponse *response) {
  g_autofree char *text = NULL;
  gint64 number = 0;
  gboolean ok = tarn_target_take(target, "generation", &text);
  if (ok && text) ok = g_ascii_string_to_signed(text, 10, 1, G_MAXINT64, &number, NULL);
  if (ok)
    *generation = number;
  else
    tarn_http_problem_write(
        response, 422,
        "give one number, such as that of the header X-Tarn-Generation; without it the current one answers",
        "generation: it is not the number of a generation");
  return ok;
}

TarnReplies *tarn_replies_new(const TarnRepliesOptions *options) {
  TarnReplies *replies = g_new0(TarnReplies, 1);
  replies->options = *options;
  return replies;
}

void tarn_replies_free(TarnReplies *replies) { g_free(replies); }
