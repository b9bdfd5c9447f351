/* The quality rules of a project as SQL over a bronze row: a rule fails where TRY(predicate) IS NOT TRUE.
 * In: tarn.yaml's rules. Out: SQL texts that fit sql/bronze_insert.sql and sql/bronze_rescore.sql. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"
#include "project/project.h"

#define TARN_QUALITY_MAX_RULES 60 /* one bit each in a BIGINT */

typedef struct {
  char *shared;  /* ", <expr> AS name ..." over the bronze columns: what the rules share, computed once per row */
  char *failed;  /* BIGINT: bit i set where rule i fails; over bronze columns and shared */
  char *score;   /* INTEGER 0..100, over `failed` */
  char *reasons; /* VARCHAR[], names of the failed rules in order, over `failed` */
} TarnQuality;

TarnQuality *tarn_quality_new(const TarnConfig *config, TarnConn *conn, GError **error);
void tarn_quality_free(TarnQuality *quality); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnQuality, tarn_quality_free)
