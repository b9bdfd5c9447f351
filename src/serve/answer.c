#include "serve/answer.h"

#include <glib/gstdio.h>

#include "base/error.h"
#include "lakehouse/parquet.h"
#include "lakehouse/rows.h"
#include "serve/access_log.h"
#include "serve/format.h"
#include "serve/gzip.h"
#include "serve/problem.h"
#include "serve/table_read.h"

#define FIRST_BLOCK_BYTES (1024u * 1024)
#define BLOCK_BYTES (256u * 1024)
/* A client that closed its sending side may still read, as simple ones do: short queries are not stopped for that. */
#define HANG_UP_US (G_USEC_PER_SEC / 4)

struct TarnAnswers {
  TarnAnswersOptions options;
  gint streams; /* atomic */
};

typedef enum { GOES_ON, TIMED_OUT, CLIENT_GONE, SERVER_ENDS } Stop;

typedef struct {
  TarnTask task; /* first: the task is the answer */
  TarnAnswers *answers;
  const TarnQuery *query;
  TarnQuery *owned; /* NULL: query is the caller's */
  TarnServed *served;
  TarnHttpRequest *request;
  TarnHttpResponse *response; /* until the first block is handed over */
  TarnAnswerMade made;
  gint64 timeout_us, used_us;
  gint stop;      /* atomic Stop: why the watch wants it to end */
  gpointer conn;  /* atomic TarnConn: what the watch interrupts */
  gboolean begun; /* the first turn is over */
  gboolean streams;
  TarnServedWorker *worker;
  TarnStatement *prepared; /* for this query alone */
  TarnResult *result;
  TarnRows *rows;
  TarnEncoder *encoder;
  TarnGzip *gzip; /* NULL: the body goes out as it is */
  GString *plain; /* what is to be compressed */
  GString *block;
  GBytes *file;  /* the body in place of blocks; NULL: none */
  gboolean none; /* shape one, and there is no row */
  gboolean done;
  GError *error;
} Answer;

/* ---- the statement ---- */

/* What the SQL does not use is not bound. */
static gboolean bind_values(const TarnQuery *query, TarnStatement *statement, GError **error) {
  for (guint i = 0; i < query->values->len; i++) {
    const TarnQueryValue *value = &g_array_index(query->values, TarnQueryValue, i);
    guint index = value->name ? tarn_statement_parameter_index(statement, value->name) : i + 1;
    if (index > 0 && !tarn_statement_bind(statement, index, &value->value, error)) return FALSE;
  }
  return TRUE;
}

static TarnStatement *find_statement(Answer *answer, GError **error) {
  const TarnQuery *query = answer->query;
  if (query->statement >= 0) return tarn_served_worker_statement(answer->worker, (guint)query->statement);
  return answer->prepared = tarn_statement_prepare(tarn_served_worker_conn(answer->worker), query->sql, error);
}

static gboolean bind_query(gconstpointer query, TarnStatement *statement, GError **error) {
  return bind_values(query, statement, error);
}

/* Parquet is written as a whole. */
static gboolean write_file(Answer *answer, GError **error) {
  const TarnQuery *query = answer->query;
  TarnDownloads *downloads = answer->answers->options.downloads;
  g_autofree char *path = tarn_downloads_path(downloads);
  const char *sql = query->statement >= 0 ? tarn_served_sql(answer->served, (guint)query->statement) : query->sql;
  guint64 rows = 0, max_rows = query->shape == TARN_SHAPE_ONE ? 1 : query->max_rows;
  answer->prepared =
      tarn_parquet_prepare(tarn_served_worker_conn(answer->worker), sql, bind_query, query, path, max_rows, error);
  gboolean ok =
      answer->prepared && tarn_parquet_write(answer->prepared, path, tarn_downloads_max_bytes(downloads), &rows, error);
  answer->file = ok ? tarn_downloads_take(path, error) : NULL;
  if (!ok) g_remove(path);
  answer->none = query->shape == TARN_SHAPE_ONE && rows == 0;
  answer->done = answer->file != NULL;
  return answer->done;
}

static gboolean start(Answer *answer, GError **error) {
  answer->worker = tarn_served_take_worker(answer->served, error);
  if (!answer->worker) return FALSE;
  g_atomic_pointer_set(&answer->conn, tarn_served_worker_conn(answer->worker));
  if (answer->query->format == TARN_FORMAT_PARQUET) return write_file(answer, error);
  TarnStatement *statement = find_statement(answer, error);
  if (!statement || !bind_values(answer->query, statement, error)) return FALSE;
  answer->result =
      answer->query->page ? tarn_statement_query(statement, error) : tarn_statement_stream(statement, error);
  if (!answer->result) return FALSE;
  answer->rows = tarn_rows_new(answer->result, error);
  if (!answer->rows) return FALSE;
  tarn_rows_hide_last(answer->rows, answer->query->hidden);
  const TarnEncoderOptions options = {
      .format = answer->query->format, .shape = answer->query->shape, .max_rows = answer->query->max_rows};
  answer->encoder = tarn_encoder_new(&options);
  return TRUE;
}

/* Gives back what the engine holds. Only while the watch does not see the task. */
static void release(Answer *answer) {
  g_atomic_pointer_set(&answer->conn, NULL);
  g_clear_pointer(&answer->encoder, tarn_encoder_free);
  g_clear_pointer(&answer->rows, tarn_rows_free);
  g_clear_pointer(&answer->result, tarn_result_free);
  g_clear_pointer(&answer->prepared, tarn_statement_free);
  tarn_served_give_worker(answer->served, g_steal_pointer(&answer->worker));
}

static void answer_free(Answer *answer) {
  release(answer);
  if (answer->streams) g_atomic_int_add(&answer->answers->streams, -1);
  tarn_query_free(answer->owned);
  tarn_served_unref(answer->served);
  g_string_free(answer->block, TRUE);
  g_string_free(answer->plain, TRUE);
  g_clear_pointer(&answer->file, g_bytes_unref);
  tarn_gzip_free(answer->gzip);
  g_clear_error(&answer->error);
  g_free(answer);
}

/* ---- a block of the body ---- */

/* A block that is compressed well may be empty for a while. */
static gboolean write_compressed(Answer *answer, gsize size, GError **error) {
  while (!answer->done && answer->block->len == 0) {
    if (!tarn_encoder_next(answer->encoder, answer->rows, size, answer->plain, &answer->done, error)) return FALSE;
    tarn_gzip_write(answer->gzip, answer->plain->str, answer->plain->len, answer->done, answer->block);
    g_string_truncate(answer->plain, 0);
  }
  return TRUE;
}

static gboolean write_block(Answer *answer, gsize size, GError **error) {
  gboolean ok = answer->gzip
                    ? write_compressed(answer, size, error)
                    : tarn_encoder_next(answer->encoder, answer->rows, size, answer->block, &answer->done, error);
  if (!ok) return FALSE;
  answer->none = answer->done && answer->query->shape == TARN_SHAPE_ONE && tarn_encoder_rows(answer->encoder) == 0;
  return TRUE;
}

static void turn(TarnTask *task) {
  Answer *answer = (Answer *)task;
  if (g_atomic_int_get(&answer->stop) != GOES_ON) return;
  if ((!answer->begun && !start(answer, &answer->error)) || answer->done) return;
  write_block(answer, answer->begun ? BLOCK_BYTES : FIRST_BLOCK_BYTES, &answer->error);
}

/* ---- the response ---- */

/* What is wrong with an answer that is stopped. A timeout is 503, not 504: nothing behind this server was late, and what
 * helps is to ask for less or later. */
static void write_stopped(const Answer *answer, Stop why) {
  g_autofree char *late =
      g_strdup_printf("the query was stopped after %.3g seconds", (double)answer->timeout_us / G_USEC_PER_SEC);
  if (why == CLIENT_GONE) {
    tarn_http_problem_write(answer->response, 499, NULL, "the client closed its side of the connection");
  } else if (why == TIMED_OUT && !answer->worker) {
    tarn_http_response_set_header(answer->response, "Retry-After", "5");
    tarn_http_problem_write(answer->response, 503, "the server has too much to do: try again later",
                            "the query waited too long for its turn");
  } else if (why == TIMED_OUT) {
    tarn_http_problem_write(
        answer->response, 503,
        "ask for less; its owner can give it more time: `timeout` of the endpoint, or serve.timeout", late);
  } else {
    tarn_http_response_set_header(answer->response, "Retry-After", "1");
    tarn_http_problem_write(answer->response, 503, "try again", "the query was stopped, as the server ends");
  }
}

/* Its message is this program's own and tells nothing of the owner's. */
static void write_refusal(Answer *answer) {
  tarn_http_problem_write(answer->response, 422, tarn_error_hint(answer->error), answer->error->message);
}

/* The engine's words may hold the owner's SQL: they are for the log. */
static void write_exhausted(Answer *answer) {
  tarn_http_response_set_header(answer->response, "Retry-After", "5");
  tarn_http_problem_write(answer->response, 503, "ask for less: a filter, a limit, fewer columns, no order",
                          "the server has not enough memory or disk for this answer");
  answer->response->error = g_steal_pointer(&answer->error);
}

static void write_failure(Answer *answer) {
  tarn_http_problem_write(answer->response, 500, "the server's log tells why, under this request_id",
                          "the endpoint failed");
  answer->response->error = g_steal_pointer(&answer->error);
}

static void write_not_found(const Answer *answer) {
  const char *message = answer->query->not_found;
  tarn_http_problem_write(answer->response, 404, "check the values in path and query",
                          message ? message : "there is nothing of that name");
}

static void write_too_many_streams(const Answer *answer) {
  tarn_http_response_set_header(answer->response, "Retry-After", "5");
  tarn_http_problem_write(answer->response, 503, "try again later, or ask for less than a megabyte",
                          "too many long answers are being sent");
}

static void wanted(gpointer user) {
  Answer *answer = user;
  tarn_admission_again(answer->answers->options.admission, &answer->task);
}

static void do_nothing(TarnTask *task) { (void)task; }
static void free_task(TarnTask *task) { answer_free((Answer *)task); }

/* Closing a statement is a worker's work. */
static void ended(gpointer user) {
  Answer *answer = user;
  if (!answer->worker) {
    answer_free(answer);
    return;
  }
  answer->task.turn = do_nothing;
  answer->task.finish = free_task;
  wanted(answer);
}

/* FALSE: there are too many. */
static gboolean become_stream(Answer *answer) {
  TarnAnswers *answers = answer->answers;
  answer->streams = TRUE;
  if (g_atomic_int_add(&answers->streams, 1) >= (gint)answers->options.max_streams) return FALSE;
  answer->response->stream = (TarnHttpStream){.wanted = wanted, .ended = ended, .user = answer};
  return TRUE;
}

static void write_headers(const TarnQuery *query, const TarnServed *served, TarnHttpResponse *response) {
  g_autofree char *file = g_strdup_printf("%s-g%" G_GINT64_FORMAT, query->name ? query->name : "answer",
                                          tarn_served_generation(served)->number);
  tarn_format_set_headers(query->format, file, response);
  if (query->gzip) tarn_http_response_set_header(response, "Content-Encoding", "gzip");
}

static void hand_over_block(Answer *answer) {
  write_headers(answer->query, answer->served, answer->response);
  if (answer->query->page) tarn_table_page_describe(answer->query, answer->result, answer->response);
  answer->response->bytes = g_steal_pointer(&answer->file);
  GString *empty = answer->response->body;
  answer->response->body = answer->block;
  answer->block = empty;
}

/* TRUE: the answer goes on as a stream. */
static gboolean make_response(Answer *answer) {
  Stop stop = (Stop)g_atomic_int_get(&answer->stop);
  if (stop != GOES_ON && !answer->done)
    write_stopped(answer, stop);
  else if (g_error_matches(answer->error, TARN_ERROR, TARN_ERROR_USAGE))
    write_refusal(answer);
  else if (g_error_matches(answer->error, TARN_ERROR, TARN_ERROR_ENVIRONMENT))
    write_exhausted(answer);
  else if (answer->error)
    write_failure(answer);
  else if (answer->none)
    write_not_found(answer);
  else if (answer->done || become_stream(answer))
    hand_over_block(answer);
  else
    write_too_many_streams(answer);
  return answer->response->stream.wanted != NULL;
}

static void finish_first(Answer *answer) {
  TarnHttpRequest *request = answer->request;
  answer->begun = TRUE;
  answer->response->queued_us = answer->task.began_us - answer->task.entered_us;
  gboolean goes_on = make_response(answer);
  if (answer->made.made) answer->made.made(answer->made.user, answer->response);
  tarn_http_answer(request); /* from here on a stream may have its next turn already */
  if (!goes_on) answer_free(answer);
}

static void log_cut(Answer *answer, Stop stop) {
  if (stop == CLIENT_GONE) return;
  if (stop != GOES_ON) {
    g_clear_error(&answer->error);
    tarn_error_set(&answer->error, TARN_ERROR_INTERNAL, NULL, "the response was cut off: %s",
                   stop == TIMED_OUT ? "its query ran out of time" : "the server ends");
  }
  tarn_access_log_failure(answer->request, answer->error, answer->answers->options.log_json);
}

/* What comes after the first block cannot become a problem document: the connection is cut instead. */
static void finish_later(Answer *answer) {
  Stop stop = (Stop)g_atomic_int_get(&answer->stop);
  gboolean ok = !answer->error && (stop == GOES_ON || answer->done);
  if (!ok) log_cut(answer, stop);
  if (!ok || answer->done) release(answer);
  GBytes *block = g_bytes_new(answer->block->str, ok ? answer->block->len : 0);
  g_string_truncate(answer->block, 0);
  tarn_http_stream_give(answer->request, block,
                        !ok            ? TARN_HTTP_FAILED
                        : answer->done ? TARN_HTTP_LAST
                                       : TARN_HTTP_MORE);
}

static void finish(TarnTask *task) {
  Answer *answer = (Answer *)task;
  answer->used_us += g_get_monotonic_time() - task->began_us;
  if (answer->begun)
    finish_later(answer);
  else
    finish_first(answer);
}

/* ---- the watch ---- */

static Stop reason_to_stop(const Answer *answer, gint64 now_us, gboolean closing) {
  const TarnTask *task = &answer->task;
  gint64 running = task->began_us ? now_us - task->began_us : 0;
  if (closing) return SERVER_ENDS;
  if (answer->used_us + running > answer->timeout_us) return TIMED_OUT;
  if (!task->began_us && now_us - task->entered_us > answer->timeout_us) return TIMED_OUT;
  if (now_us - task->entered_us > HANG_UP_US && tarn_http_client_gone(answer->request)) return CLIENT_GONE;
  return GOES_ON;
}

/* The engine forgets an interrupt that comes just before the statement starts, so it is told again until the turn ends. */
static void watch(TarnTask *task, gint64 now_us, gboolean closing) {
  Answer *answer = (Answer *)task;
  if (task->turn != turn) return;
  if (g_atomic_int_get(&answer->stop) == GOES_ON)
    g_atomic_int_set(&answer->stop, (gint)reason_to_stop(answer, now_us, closing));
  TarnConn *conn = g_atomic_pointer_get(&answer->conn);
  if (g_atomic_int_get(&answer->stop) != GOES_ON && conn && task->began_us) tarn_conn_interrupt(conn);
}

/* ---- all answers ---- */

void tarn_answer_write_full(TarnAdmission *admission, TarnHttpResponse *response) {
  g_autofree char *seconds = g_strdup_printf("%u", tarn_admission_retry_after(admission));
  tarn_http_response_set_header(response, "Retry-After", seconds);
  tarn_http_problem_write(response, 503, "try again after the seconds that Retry-After names",
                          "the server has too much to do: its queue is full");
}

/* Is the answer part of the generation? Then it needs neither queue nor engine. */
static gboolean write_precomputed(const TarnQuery *query, const TarnServed *served, TarnHttpResponse *response) {
  const TarnPrecomputed *precomputed =
      query->statement >= 0 ? tarn_served_precomputed(served, (guint)query->statement) : NULL;
  if (!precomputed || query->format != TARN_FORMAT_JSON) return FALSE;
  if (!query->gzip) return tarn_precomputed_write(precomputed, query, response->body);
  g_autoptr(GString) plain = g_string_new(NULL);
  if (!tarn_precomputed_write(precomputed, query, plain)) return FALSE;
  g_autoptr(TarnGzip) gzip = tarn_gzip_new();
  tarn_gzip_write(gzip, plain->str, plain->len, TRUE, response->body);
  write_headers(query, served, response);
  return TRUE;
}

TarnHttpTurn tarn_answers_begin(TarnAnswers *answers, TarnQuery *query, TarnServed *served, const TarnAnswerMade *made,
                                TarnHttpRequest *request, TarnHttpResponse *response) {
  if (write_precomputed(query, served, response)) {
    tarn_query_free(query);
    return TARN_HTTP_ANSWERED;
  }
  Answer *answer = g_new0(Answer, 1);
  answer->task = (TarnTask){.turn = turn, .finish = finish, .watch = watch};
  answer->answers = answers;
  answer->query = answer->owned = query;
  answer->served = tarn_served_ref(served);
  answer->made = *made;
  answer->request = request;
  answer->response = response;
  answer->timeout_us = query->timeout_us ? query->timeout_us : answers->options.timeout_us;
  answer->block = g_string_new(NULL);
  answer->plain = g_string_new(NULL);
  answer->gzip = query->gzip ? tarn_gzip_new() : NULL;
  if (tarn_admission_enter(answers->options.admission, &answer->task)) return TARN_HTTP_DEFERRED;
  answer_free(answer);
  tarn_answer_write_full(answers->options.admission, response);
  return TARN_HTTP_ANSWERED;
}

TarnAnswers *tarn_answers_new(const TarnAnswersOptions *options) {
  TarnAnswers *answers = g_new0(TarnAnswers, 1);
  answers->options = *options;
  return answers;
}

void tarn_answers_free(TarnAnswers *answers) { g_free(answers); }
guint tarn_answers_streams(TarnAnswers *answers) { return (guint)g_atomic_int_get(&answers->streams); }

void tarn_answer_write(const TarnQuery *query, TarnServed *served, TarnHttpResponse *response) {
  Answer *answer = g_new0(Answer, 1);
  answer->query = query;
  answer->served = tarn_served_ref(served);
  answer->response = response;
  answer->block = g_string_new(NULL);
  answer->plain = g_string_new(NULL);
  answer->gzip = query->gzip ? tarn_gzip_new() : NULL;
  if (start(answer, &answer->error)) write_block(answer, G_MAXSIZE, &answer->error);
  make_response(answer);
  answer_free(answer);
}
