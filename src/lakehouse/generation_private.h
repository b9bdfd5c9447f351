/* What generation.c, lock.c, clone.c and publish.c share and no other file sees. */
#pragma once
#include "lakehouse/generation.h"

/* published_generation where the published file cannot be read. */
#define TARN_GENERATION_UNREADABLE (-1)

struct TarnLakehouse {
  char *path;                  /* the published file */
  char *dir;                   /* <path>.d */
  char *work;                  /* <dir>/work.duckdb */
  char *work_wal;              /* <dir>/work.duckdb.wal */
  char *temp;                  /* <dir>/tmp */
  int lock_fd;                 /* -1: not locked */
  gint64 published_generation; /* known from _begin on; 0: there is no published file */
};

/* The number that a closed database file gives itself. Opens and closes it read-only in this process. */
gboolean tarn_lakehouse_read_number(const char *path, gint64 *generation, GError **error);

/* Refuses where someone wrote to the published file behind Tarn's back and left a WAL: DuckDB would replay it on the
 * next generation. */
gboolean tarn_lakehouse_refuse_wal(const TarnLakehouse *lakehouse, GError **error);

void tarn_lakehouse_unlock(TarnLakehouse *lakehouse);

/* Refuses where the volume of path has less free than a run on a file of that size needs. */
gboolean tarn_space_check(const char *path, guint64 size, GError **error);

/* Clones source to target, which must not exist: reflink, else copy_file_range, else read and write. What is copied is
 * handed to the disk at once, so that the fsync at the end of a run finds little to do. Refuses where less than 1.3
 * times the source is free. A failed clone leaves no target. */
gboolean tarn_clone_file(const char *source, const char *target, GError **error);

/* fsync of a file or a folder. */
gboolean tarn_sync_path(const char *path, GError **error);
