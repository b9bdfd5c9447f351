/* A query's way to its response: which generation answers it, whether the client has the answer already (304), whether it is in
 * the cache or somebody is making it, and only then the engine. In: a query, the request. Out: the response, at once or
 * later. Thread-safe; nothing here blocks. */
#pragma once
#include <glib.h>

#include "serve/answer.h"
#include "serve/cache.h"
#include "serve/current.h"
#include "serve/http.h"
#include "serve/query.h"
#include "serve/target.h"

typedef struct {
  TarnCurrent *current; /* all of these outlive the replies */
  TarnCache *cache;
  TarnAnswers *answers;
  TarnAdmission *admission;
  const char *definitions; /* digest of what the server answers from, for entity tags */
  gint64 changed_s;        /* when that changed last, since 1970; 0: unknown */
  gboolean private;        /* answers need a key: caches that are shared keep none */
} TarnRepliesOptions;

typedef struct TarnReplies TarnReplies;

TarnReplies *tarn_replies_new(const TarnRepliesOptions *options);
void tarn_replies_free(TarnReplies *replies); /* no request is left; accepts NULL */

/* Makes the query of a request that depends on its generation. NULL: the response says what is wrong. */
typedef TarnQuery *(*TarnReplyMake)(gpointer user, const TarnServed *served, const TarnHttpRequest *request,
                                    TarnHttpResponse *response);

/* As below, for a query that is made when the generation is known. */
TarnHttpTurn tarn_replies_begin_later(TarnReplies *replies, TarnReplyMake make, gpointer user, gint64 generation,
                                      TarnHttpRequest *request, TarnHttpResponse *response);

/* generation: the number that the request names; 0: the current one. query is taken. */
TarnHttpTurn tarn_replies_begin(TarnReplies *replies, TarnQuery *query, gint64 generation, TarnHttpRequest *request,
                                TarnHttpResponse *response);

/* The number that ?generation= names, taken out of the target; 0: none does. FALSE: the response says what is wrong. */
gboolean tarn_reply_generation(TarnTarget *target, gint64 *generation, TarnHttpResponse *response);
