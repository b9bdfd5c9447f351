/* Endpoints with `precompute: true`: which answers they have. Their parameters take few values, so that a run can compute
 * every answer: each value of an enum or boolean, and its absence, is a choice; one combination of choices has one answer.
 * An integer parameter that is the statement's own LIMIT is no choice: the answer is computed with its maximum, and those
 * to smaller ones are its beginning. In: a loaded endpoint. Out: its combinations, their names, or problems. */
#pragma once
#include <glib.h>

#include "project/project.h"

#define TARN_PRECOMPUTE_COMBINATIONS 64 /* most of one endpoint */
#define TARN_PRECOMPUTE_BYTES \
  (16 * 1024 * 1024) /* most of a project's rendered answers: a server holds them in memory */

typedef struct TarnPrecompute TarnPrecompute;

/* endpoint must outlive it. Errors: as tarn_param_reader_new. */
TarnPrecompute *tarn_precompute_new(const TarnEndpoint *endpoint, GError **error);
void tarn_precompute_free(TarnPrecompute *precompute); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnPrecompute, tarn_precompute_free)

guint tarn_precompute_combinations(const TarnPrecompute *precompute);
/* The values of combination i, one for each of the endpoint's parameters in their order: the limit's is its maximum, of
 * what is absent the default or NULL. Text is borrowed. */
void tarn_precompute_values(const TarnPrecompute *precompute, guint i, TarnValue *values);

/* Adds a parameter's value to the name of its combination ("risk=high&active=true"), which begins empty and takes them in
 * the endpoint's order. NULLs and integers (the limit) are left out. */
void tarn_precompute_name_add(GString *name, const char *param, const TarnValue *value);

/* Changes when answers that were rendered may no longer be those of this endpoint. Caller frees. */
char *tarn_precompute_digest(const TarnEndpoint *endpoint);

/* Adds a problem for everything that keeps the endpoint's answers from being computed in advance. conn: any database. */
gboolean tarn_precompute_check(const TarnEndpoint *endpoint, TarnConn *conn, GPtrArray *problems, GError **error);
