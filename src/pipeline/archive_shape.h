/* What the statements of the archive need to know of a layer: its table, numbers, times, and the columns that a row's hash goes over. */
#pragma once
#include <glib.h>

#include "pipeline/archive_manifest.h"
#include "project/project.h"

typedef struct {
  char *table;        /* quoted */
  const char *number; /* column that ascends and is never used twice */
  const char *time;   /* column of the time of ingestion */
  const char *filter;
  GStrv columns;   /* that the hash goes over */
  char *arguments; /* of hash() over them */
} TarnArchiveShape;

/* Scores are no part of a row's hash: they follow from the project's rules. only: of these columns; NULL: of all. */
gboolean tarn_archive_shape_init(TarnArchiveShape *shape, TarnArchiveLayer layer, const TarnProject *project,
                                 TarnConn *conn, const GStrv only, GError **error);
void tarn_archive_shape_clear(TarnArchiveShape *shape); /* safe on a zeroed one */
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TarnArchiveShape, tarn_archive_shape_clear)
