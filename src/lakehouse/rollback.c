#include "lakehouse/rollback.h"

#include "base/error.h"
#include "base/format.h"
#include "lakehouse/generation_private.h"
#include "lakehouse/sql.h"
#include "lakehouse/system.h"

static gboolean choose_target(const TarnLakehouse *lakehouse, gint64 wanted, gint64 *target, GError **error) {
  g_autoptr(GArray) kept = tarn_lakehouse_kept(lakehouse);
  if (wanted == 0 && kept->len == 0) {
    tarn_error_set(error, TARN_ERROR_USAGE, "publish.keep in tarn.yaml says how many older generations are kept",
                   "no older generation of %s is kept", lakehouse->path);
    return FALSE;
  }
  *target = wanted ? wanted : g_array_index(kept, gint64, 0);
  return TRUE;
}

/* The published file's number; where it cannot be read, one above every kept generation: that is the least that it can
 * have been. */
static gint64 current_number(const TarnLakehouse *lakehouse) {
  if (lakehouse->published_generation != TARN_GENERATION_UNREADABLE) return lakehouse->published_generation;
  g_autoptr(GArray) kept = tarn_lakehouse_kept(lakehouse);
  return kept->len > 0 ? g_array_index(kept, gint64, 0) + 1 : 1;
}

static gboolean copy_ledger(const TarnLakehouse *lakehouse, TarnConn *conn, GError **error) {
  g_autofree char *path = tarn_sql_quote_literal(lakehouse->path);
  g_autofree char *attach = g_strdup_printf("ATTACH %s AS current_file (READ_ONLY)", path);
  if (!tarn_conn_exec(conn, attach, error)) return FALSE;
  gboolean ok = tarn_conn_exec(conn, tarn_sql_rollback_ledger, error);
  return ok && tarn_conn_exec(conn, "DETACH current_file", error);
}

static gboolean add_ledger_rows(TarnConn *conn, const TarnRollback *rollback, GError **error) {
  gint64 now = g_get_real_time();
  g_autofree char *run_id = g_uuid_string_random();
  g_autofree char *time = tarn_format_time(now);
  g_autofree char *hold = g_strdup_printf("rollback to %" G_GINT64_FORMAT " at %s", rollback->target, time);
  const TarnGenerationRow row = {
      .generation = rollback->published, .run_id = run_id, .rolled_back_from = rollback->target};
  const TarnValue values[] = {tarn_value_int(rollback->published), tarn_value_int(rollback->target),
                              tarn_value_text(run_id), tarn_value_int(now)};
  return tarn_system_add_generation(conn, &row, error) &&
         tarn_conn_run(conn, tarn_sql_rollback_states, values, 2, NULL, error) &&
         tarn_conn_run(conn, tarn_sql_rollback_run, values, 4, NULL, error) &&
         tarn_system_set(conn, TARN_HOLD_KEY, hold, error);
}

static gboolean write_work_file(const TarnLakehouse *lakehouse, const TarnRollback *rollback, GError **error) {
  const TarnDbOptions options = {.temp_directory = lakehouse->temp, .external_access = TRUE};
  g_autoptr(TarnDb) db = tarn_db_open(lakehouse->work, &options, error);
  if (!db) return FALSE;
  g_autoptr(TarnConn) conn = tarn_db_connect(db, error);
  if (!conn || !tarn_system_install(conn, error)) return FALSE;
  if (lakehouse->published_generation > 0 && !copy_ledger(lakehouse, conn, error)) return FALSE;
  return tarn_conn_exec(conn, "BEGIN", error) && add_ledger_rows(conn, rollback, error) &&
         tarn_conn_exec(conn, "COMMIT", error) && tarn_conn_exec(conn, "CHECKPOINT", error);
}

static gboolean publish(TarnLakehouse *lakehouse, const TarnRollback *rollback, GError **error) {
  g_autoptr(GArray) kept = tarn_lakehouse_kept(lakehouse);
  return write_work_file(lakehouse, rollback, error) &&
         tarn_lakehouse_publish(lakehouse, rollback->published, kept->len + 1, error);
}

gboolean tarn_rollback(TarnLakehouse *lakehouse, gint64 target, TarnRollback *done, GError **error) {
  TarnRollback rollback = {0};
  if (!choose_target(lakehouse, target, &rollback.target, error)) return FALSE;
  g_autofree char *source = tarn_lakehouse_generation_path(lakehouse, rollback.target, error);
  if (!source) return FALSE;
  if (g_str_equal(source, lakehouse->path)) {
    tarn_error_set(error, TARN_ERROR_USAGE, "`tarn generations` lists them",
                   "generation %" G_GINT64_FORMAT " is the published one already", rollback.target);
    return FALSE;
  }
  if (!tarn_lakehouse_begin(lakehouse, source, error)) return FALSE;
  rollback.replaced = MAX(lakehouse->published_generation, 0);
  rollback.published = current_number(lakehouse) + 1;
  if (!publish(lakehouse, &rollback, error)) {
    tarn_lakehouse_abandon(lakehouse);
    return FALSE;
  }
  *done = rollback;
  return TRUE;
}
