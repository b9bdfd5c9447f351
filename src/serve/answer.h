/* The answer to a query: its statement run by a worker of the generation, its rows as a response body, or a problem
 * document. What is complete within one block of bytes is a whole response. The rest is streamed: a block is made when the
 * client has taken the one before, so that memory is bounded and a slow client holds no thread. A query that takes too
 * long, or whose client has gone, is stopped in the engine. What fails there is told in the log alone, as it may hold the
 * owner's SQL. */
#pragma once
#include <glib.h>

#include "serve/admission.h"
#include "serve/downloads.h"
#include "serve/http.h"
#include "serve/query.h"
#include "serve/served.h"

typedef struct {
  TarnAdmission *admission; /* must outlive the answers */
  gint64 timeout_us;        /* the engine's time for a query that names none; also how long one may wait for its turn */
  guint max_streams;        /* answers that are sent in blocks at once; more are refused */
  TarnDownloads *downloads; /* where Parquet is written; NULL: nowhere */
  gboolean log_json;        /* how failures after the first byte are logged */
} TarnAnswersOptions;

typedef struct TarnAnswers TarnAnswers;

TarnAnswers *tarn_answers_new(const TarnAnswersOptions *options);
void tarn_answers_free(TarnAnswers *answers); /* accepts NULL; no answer is left */
guint tarn_answers_streams(TarnAnswers *answers);

/* Called once for every answer that was begun later, when its response is made and before it is sent: adds headers, keeps the
 * body. On a worker; must not block. */
typedef struct {
  void (*made)(gpointer user, TarnHttpResponse *response); /* NULL: nobody is told */
  gpointer user;
} TarnAnswerMade;

/* Answers later (TARN_HTTP_DEFERRED), or at once what was precomputed, or that the queue is full (503). query is taken;
 * served is referenced. */
TarnHttpTurn tarn_answers_begin(TarnAnswers *answers, TarnQuery *query, TarnServed *served, const TarnAnswerMade *made,
                                TarnHttpRequest *request, TarnHttpResponse *response);

/* The 503 for whoever finds the queue full. */
void tarn_answer_write_full(TarnAdmission *admission, TarnHttpResponse *response);

/* Answers here and now, the whole body in memory: for whoever has no client to wait for. */
void tarn_answer_write(const TarnQuery *query, TarnServed *served, TarnHttpResponse *response);
