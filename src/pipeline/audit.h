/* The audit gate: what must hold before a generation is published. In: the work file's connection, complete. Out: results in the report; an error where
 * nothing may be published. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"
#include "lakehouse/ledger.h"
#include "project/project.h"

/* Counts every table separately and checks the conservation law: received = bronze + bronze-quarantined, and for every silver model
 * bronze = silver + silver-quarantined + duplicates. Sets *counts, totals of the file. Errors: TARN_ERROR_AUDIT with the figures. */
gboolean tarn_audit_conservation(TarnConn *conn, const TarnProject *project, TarnCounts *counts, GError **error);

/* Runs the project's checks; one TarnCheckResult each. Errors: TARN_ERROR_AUDIT naming the checks of severity error that found rows;
 * TARN_ERROR_USAGE for a check that does not run. */
gboolean tarn_audit_checks(TarnConn *conn, const TarnProject *project, TarnRunReport *report, GError **error);
