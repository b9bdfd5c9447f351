/* Silver (and other gold) tables to one gold table. With `key` only the keys that the run touched are recomputed (DELETE + INSERT, no index); else, or
 * where many were touched, the table is built anew, sorted by its key. Both ways give the same rows.
 * In: a model, what changed below it. Out: the table's rows. The caller owns the transaction. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"
#include "project/project.h"

typedef struct {
  TarnConn *conn;
  const TarnProject *project;
  const TarnModel *model;
  gboolean rebuild; /* the model, or a table that it reads, was made anew */
  gint64 first_seq; /* silver rows from here on are new */
} TarnGoldBuild;

/* *written: rows inserted. */
gboolean tarn_gold_build(const TarnGoldBuild *build, gint64 *written, GError **error);
