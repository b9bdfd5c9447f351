/* What the files of the archive share and no other file sees. */
#pragma once
#include "pipeline/archive.h"
#include "pipeline/archive_manifest.h"

#define TARN_NUMBERING_KEY "numbering" /* of tarn.meta: TarnArchiveManifest.numbering */

/* The totals of the archive as a whole. */
void tarn_archive_report_fill(const TarnArchiveManifest *manifest, TarnArchiveReport *report);

/* Everything that a manifest says of an open lakehouse file, but for number and files. manifest: a new one. */
gboolean tarn_archive_describe(TarnConn *conn, const TarnProject *project, TarnArchiveManifest *manifest,
                               GError **error);

/* The one text of a query; NULL: error. Caller frees. */
char *tarn_archive_query_text(TarnConn *conn, const char *sql, const TarnValue *values, guint n_values, GError **error);
