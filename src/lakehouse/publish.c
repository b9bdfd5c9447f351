/* The last steps of a run. Up to the rename nothing that a reader sees changes; after it the new generation is complete
 * on the disk. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "lakehouse/generation_private.h"
#include "lakehouse/system.h"
#include "lakehouse/table_state.h"

static gboolean require_closed(const TarnLakehouse *lakehouse, GError **error) {
  if (!g_file_test(lakehouse->work_wal, G_FILE_TEST_EXISTS)) return TRUE;
  tarn_error_set(error, TARN_ERROR_INTERNAL, "report this as a bug", "the work file was not checkpointed: %s exists",
                 lakehouse->work_wal);
  return FALSE;
}

static gboolean verify_tables(TarnConn *conn, gint64 generation, GError **error) {
  g_autoptr(GPtrArray) states = tarn_table_states_read(conn, generation, error);
  if (!states) return FALSE;
  for (guint i = 0; i < states->len; i++) {
    const TarnTableState *state = states->pdata[i];
    gint64 rows;
    if (!tarn_table_count(conn, state->table, &rows, error)) return FALSE;
    if (rows == state->rows) continue;
    tarn_error_set(error, TARN_ERROR_INTERNAL, "report this as a bug; the published generation was left as it is",
                   "the new generation has %" G_GINT64_FORMAT " rows in %s, but %" G_GINT64_FORMAT " were written",
                   rows, state->table, state->rows);
    return FALSE;
  }
  return TRUE;
}

static gboolean verify(const TarnLakehouse *lakehouse, gint64 generation, GError **error) {
  const TarnDbOptions options = {.read_only = TRUE, .memory_bytes = 64 * 1000 * 1000, .threads = 1};
  g_autoptr(TarnDb) db = tarn_db_open(lakehouse->work, &options, error);
  if (!db) return FALSE;
  g_autoptr(TarnConn) conn = tarn_db_connect(db, error);
  gint64 found;
  if (!conn || !tarn_system_check(conn, error) || !tarn_system_generation(conn, &found, error)) return FALSE;
  if (found == generation && generation > lakehouse->published_generation)
    return verify_tables(conn, generation, error);
  tarn_error_set(error, TARN_ERROR_INTERNAL, "report this as a bug; the published generation was left as it is",
                 "the work file calls itself generation %" G_GINT64_FORMAT ", to be published as %" G_GINT64_FORMAT
                 " after %" G_GINT64_FORMAT,
                 found, generation, lakehouse->published_generation);
  return FALSE;
}

static gboolean seal(const TarnLakehouse *lakehouse, GError **error) {
  if (chmod(lakehouse->work, 0444) == 0) return tarn_sync_path(lakehouse->work, error);
  tarn_error_set_errno(error, errno, "cannot make %s read-only", lakehouse->work);
  return FALSE;
}

/* For volumes without hard links. */
static gboolean keep_by_copy(const TarnLakehouse *lakehouse, const char *kept, GError **error) {
  g_autofree char *partial = g_strconcat(kept, ".partial", NULL);
  if (!tarn_clone_file(lakehouse->path, partial, error)) return FALSE;
  gboolean ok = tarn_sync_path(partial, error);
  if (ok && (chmod(partial, 0444) != 0 || rename(partial, kept) != 0)) {
    tarn_error_set_errno(error, errno, "cannot keep the old generation as %s", kept);
    ok = FALSE;
  }
  if (!ok) unlink(partial);
  return ok;
}

/* The published file gets a second name. One that cannot be read is kept too, in case something can be saved from it.
 */
static gboolean keep_published(const TarnLakehouse *lakehouse, GError **error) {
  if (lakehouse->published_generation == 0) return TRUE;
  g_autofree char *kept = lakehouse->published_generation > 0
                              ? tarn_lakehouse_kept_path(lakehouse, lakehouse->published_generation)
                              : g_build_filename(lakehouse->dir, "unreadable.duckdb", NULL);
  unlink(kept); /* only ever another name of the published file, from a run that was killed here */
  if (link(lakehouse->path, kept) == 0) return TRUE;
  return keep_by_copy(lakehouse, kept, error);
}

static void remove_beyond(const TarnLakehouse *lakehouse, guint keep) {
  g_autoptr(GArray) kept = tarn_lakehouse_kept(lakehouse);
  for (guint i = keep; i < kept->len; i++) {
    g_autofree char *path = tarn_lakehouse_kept_path(lakehouse, g_array_index(kept, gint64, i));
    unlink(path);
  }
}

static gboolean swap(const TarnLakehouse *lakehouse, GError **error) {
  if (rename(lakehouse->work, lakehouse->path) == 0) return TRUE;
  tarn_error_set_errno(error, errno, "cannot put %s in place of %s", lakehouse->work, lakehouse->path);
  return FALSE;
}

static gboolean sync_folders(const TarnLakehouse *lakehouse, GError **error) {
  g_autofree char *parent = g_path_get_dirname(lakehouse->path);
  return tarn_sync_path(lakehouse->dir, error) && tarn_sync_path(parent, error);
}

static gboolean prepare(TarnLakehouse *lakehouse, gint64 generation, guint keep, GError **error) {
  return tarn_fault_point("publish.closed", error) && require_closed(lakehouse, error) &&
         verify(lakehouse, generation, error) && tarn_fault_point("publish.verified", error) &&
         seal(lakehouse, error) && tarn_fault_point("publish.synced", error) &&
         (keep == 0 || keep_published(lakehouse, error)) && tarn_fault_point("publish.kept", error) &&
         tarn_lakehouse_refuse_wal(lakehouse, error);
}

gboolean tarn_lakehouse_publish(TarnLakehouse *lakehouse, gint64 generation, guint keep, GError **error) {
  g_assert(lakehouse->lock_fd >= 0);
  if (!prepare(lakehouse, generation, keep, error) || !swap(lakehouse, error)) return FALSE;
  lakehouse->published_generation = generation;
  if (!tarn_fault_point("publish.renamed", error) || !sync_folders(lakehouse, error)) {
    g_prefix_error(error,
                   "generation %" G_GINT64_FORMAT " is published, but may not survive a power loss: ", generation);
    return FALSE;
  }
  remove_beyond(lakehouse, keep);
  tarn_lakehouse_abandon(lakehouse);
  return tarn_fault_point("publish.done", error);
}
