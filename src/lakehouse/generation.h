/* The published file and everything beside it: the writer lock, the work file, kept generations, the atomic swap.
 *
 *   /data/telecom.duckdb                       the published generation: complete, WAL-free, mode 0444
 *   /data/telecom.duckdb.d/lock                flock; its text names the holder (pid, host, since, command)
 *   /data/telecom.duckdb.d/work.duckdb         the file that a run is building (and work.duckdb.wal while it does)
 *   /data/telecom.duckdb.d/tmp/                where the engine spills
 *   /data/telecom.duckdb.d/generation-N.duckdb a kept generation (hard link to what was published)
 *   /data/telecom.duckdb.d/unreadable.duckdb   what was published, where a rollback replaced a file that could not be
 * read /data/telecom.duckdb.d/failed/RUN_ID.json  reports of failed runs, the newest 50
 *
 * Order of a run: _new, _lock, _begin, (open work_path with tarn_db_open, change it, CHECKPOINT, close), _publish or
 * _abandon, _free. A crash anywhere leaves the published file as generation N or N+1, never a mixture; leftovers are
 * removed by the next _begin. One TarnLakehouse belongs to one thread. Nothing here may be called while this process
 * has the published or the work file open (DuckDB's lock would be lost), but for _new, _lock, _kept, the path getters
 * and _free. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"

typedef struct TarnLakehouse TarnLakehouse;

/* No I/O. */
TarnLakehouse *tarn_lakehouse_new(const char *database_path);
void tarn_lakehouse_free(TarnLakehouse *lakehouse); /* drops the lock; accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnLakehouse, tarn_lakehouse_free)

const char *tarn_lakehouse_path(const TarnLakehouse *lakehouse); /* the published file */
const char *tarn_lakehouse_work_path(const TarnLakehouse *lakehouse);
const char *tarn_lakehouse_temp_path(const TarnLakehouse *lakehouse); /* folder for spilling, made by _begin */
gboolean tarn_lakehouse_exists(const TarnLakehouse *lakehouse);       /* is there a published file */
/* Path of a kept generation's file, or of the published file where it is that generation's number; NULL with *error
 * (hint lists those kept). */
char *tarn_lakehouse_generation_path(const TarnLakehouse *lakehouse, gint64 generation, GError **error);
/* Numbers (gint64) of the kept generations, newest first, without the published one. Caller unrefs. */
GArray *tarn_lakehouse_kept(const TarnLakehouse *lakehouse);
/* Where a kept generation's file is, if it is kept. Caller frees. */
char *tarn_lakehouse_kept_path(const TarnLakehouse *lakehouse, gint64 generation);
/* Bytes on the disk; 0 where something is not there or cannot be asked for. */
typedef struct {
  guint64 published, kept, leftovers; /* leftovers: of a run that is going on or was killed */
  guint64 available, needed;          /* free on the volume; what the next run wants free before it clones */
} TarnLakehouseSpace;
void tarn_lakehouse_space(const TarnLakehouse *lakehouse, TarnLakehouseSpace *space);
/* Paths of the reports of failed runs, oldest first. Caller unrefs. */
GPtrArray *tarn_lakehouse_failures(const TarnLakehouse *lakehouse);

/* Takes the writer lock, creating the folder. Errors: TARN_ERROR_BUSY naming the holder ("pid 12 on host x since ...:
 * tarn run"). */
gboolean tarn_lakehouse_lock(TarnLakehouse *lakehouse, GError **error);

/* Makes the work file: a clone of the published generation (reflink, else copy_file_range), or none where there is no
 * published file yet (then tarn_db_open creates it). Refuses where free space is below 1.3 times the file
 * (TARN_ERROR_ENVIRONMENT with figures and a hint). source: path of another file to clone (a kept generation), NULL:
 * the published one. Needs the lock. A published file that cannot be read is an error that names the kept generations;
 * with a source it is let pass (rollback). */
gboolean tarn_lakehouse_begin(TarnLakehouse *lakehouse, const char *source, GError **error);

/* As above, but with no work file, whatever is published: what is built has nothing to do with it. A published file that cannot be read is let pass. */
gboolean tarn_lakehouse_begin_empty(TarnLakehouse *lakehouse, GError **error);

/* Publishes the closed, checkpointed work file as generation `generation`: asserts that no WAL is left, reopens it
 * read-only (in this process; it is not published yet) and checks that it says so itself (tarn.generations' newest row
 * is `generation`) and that every table can be counted as its recorded rows say; chmod 0444; fsync; keeps the old
 * generation by hard link (generation-N.duckdb; a copy where the volume has none); rename over the published path;
 * fsync of both folders; removes the kept generations past `keep`. Passes the publish.* fault points. A failure after
 * the rename says that the generation is published. */
gboolean tarn_lakehouse_publish(TarnLakehouse *lakehouse, gint64 generation, guint keep, GError **error);

/* Removes the work file and what was spilled; does nothing without the lock. Never fails: what cannot be removed is
 * removed by the next run. */
void tarn_lakehouse_abandon(TarnLakehouse *lakehouse);

/* Writes the report of a failed run (JSON text) beside the database; errors are ignored: it must never hide the first
 * failure. */
void tarn_lakehouse_record_failure(TarnLakehouse *lakehouse, const char *run_id, const char *report_json);
