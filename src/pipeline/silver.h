/* Bronze rows to one silver table: accepted rows in, the others to quarantine with reasons or to tarn.duplicates with the row that was kept.
 * In: a model, the first bronze seq to look at, a connection in a transaction. Out: rows in three tables, separately counted by the engine.
 * Failure leaves the transaction to be rolled back by the caller. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"
#include "project/project.h"

typedef struct {
  TarnConn *conn;
  const TarnProject *project;
  const TarnModel *model;
  gboolean rebuild; /* make the table anew and look at every bronze row */
  gint64 first_seq; /* else: at the rows from here on */
  gint64 now_us;
  const char *run_id;
} TarnSilverBuild;

typedef struct {
  gint64 accepted, quarantined, duplicates;
} TarnSilverCounts;

/* *next_quarantine_id is read and moved on. */
gboolean tarn_silver_build(const TarnSilverBuild *build, gint64 *next_quarantine_id, TarnSilverCounts *counts,
                           GError **error);

/* The empty table that the model's rows go into: CREATE TABLE text; caller frees. conn's database holds bronze. */
char *tarn_silver_create_sql(const TarnModel *model, const char *select_list, TarnConn *conn, const char *from,
                             GError **error);
