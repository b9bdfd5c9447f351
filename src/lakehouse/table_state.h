/* How many rows a table has and what they hold, in one comparable line: the row count and the content hash, which is
 * the 128-bit sum of the rows' hashes and so does not depend on their order; a row that is there twice counts twice.
 * Kept per generation in tarn.table_states. Tables are named as in SQL: "gold_x" or "tarn.quarantine" (schema, dot,
 * name). Lists and strings are the caller's. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"

typedef struct {
  char *table;
  char *layer; /* bronze, silver, gold, system */
  gint64 rows;
  char *content_hash; /* decimal text of a HUGEINT */
} TarnTableState;

void tarn_table_state_free(TarnTableState *state); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnTableState, tarn_table_state_free)

typedef struct {
  const char *table;
  const char *layer;
  const char *const
      *excluded; /* columns that do not count as content (ingested_at, seq), NULL-terminated; NULL: none */
  /* > 0: only rows with seq >= min_seq are read and the rest is taken from base, the state that the table had without
   * them. */
  gint64 min_seq;
  const TarnTableState *base;
} TarnTableScope;

/* The whole table of a layer (bronze, silver, gold, system), without the columns that tell when and in which order rows came, not what they say.
 * table and layer are borrowed. */
TarnTableScope tarn_table_scope(const char *table, const char *layer);

/* The arguments of hash() over a row: every column but the excluded ones, in the table's order. Caller frees. */
char *tarn_table_hash_arguments(TarnConn *conn, const TarnTableScope *scope, GError **error);

/* Reads the table. Errors: there is no such table, or base is missing where min_seq is given. */
TarnTableState *tarn_table_state_compute(TarnConn *conn, const TarnTableScope *scope, GError **error);

/* Writes it as the table's state in that generation, in place of one that is there. */
gboolean tarn_table_state_save(TarnConn *conn, gint64 generation, const TarnTableState *state, GError **error);

/* All states of a generation (TarnTableState), by layer from bronze to gold, then name. */
GPtrArray *tarn_table_states_read(TarnConn *conn, gint64 generation, GError **error);
/* The one of a table, NULL where there is none. */
const TarnTableState *tarn_table_states_find(const GPtrArray *states, const char *table);

gboolean tarn_table_count(TarnConn *conn, const char *table, gint64 *rows, GError **error);
