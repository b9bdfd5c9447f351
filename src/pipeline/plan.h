/* What differs between the project and what the file was built from, and what must be rebuilt for it.
 * In: the project; tarn.objects of the file. Out: a plan; changes named in the report. Decides, does nothing. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"
#include "lakehouse/ledger.h"
#include "project/project.h"

typedef struct {
  gboolean fresh;      /* there is no lakehouse yet */
  gboolean rescore;    /* quality rules changed: bronze scores are computed again */
  GHashTable *rebuild; /* names (set) of models that are made anew */
  GPtrArray *removed;  /* names (char *) of objects that the project no longer has: models' tables go */
  gboolean audit; /* checks, precomputed endpoints or notes changed: nothing to compute, but to check and publish */
} TarnPlan;

/* stored: name -> digest, NULL for a new file. Errors: TARN_ERROR_USAGE where the bronze shape changed, which only a rebuild can follow. */
TarnPlan *tarn_plan_new(const TarnProject *project, GHashTable *stored, gboolean full_refresh, TarnRunReport *report,
                        GError **error);
void tarn_plan_free(TarnPlan *plan); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnPlan, tarn_plan_free)

/* Is there anything to do but reading new records? */
gboolean tarn_plan_has_work(const TarnPlan *plan);

/* Writes what the tables are built from now into tarn.objects. */
gboolean tarn_plan_store(const TarnProject *project, const TarnPlan *plan, TarnConn *conn, GError **error);

/* Drops the tables of removed models, with their quarantine and duplicates. */
gboolean tarn_plan_drop_removed(const TarnPlan *plan, TarnConn *conn, GError **error);

/* SHA-256 over everything of the project that a generation depends on; caller frees. */
char *tarn_plan_project_digest(const TarnProject *project);
