#include "lakehouse/compact.h"

#include <errno.h>
#include <glib/gstdio.h>

#include "base/error.h"
#include "lakehouse/sql.h"

#define WORTH_BLOCKS 256 /* of 256 KiB */
#define FREE_SHARE 0.4

gboolean tarn_compact_is_due(TarnConn *conn, gboolean *due, GError **error) {
  g_autoptr(TarnResult) size = tarn_conn_query(conn, tarn_sql_database_blocks, NULL, 0, error);
  if (!size) return FALSE;
  gint64 total = tarn_result_int(size, 0, 0), unused = tarn_result_int(size, 0, 1);
  *due = total >= WORTH_BLOCKS && (double)unused >= FREE_SHARE * (double)total;
  return TRUE;
}

static gboolean copy_database(const char *from, const char *to, const TarnDbOptions *options, GError **error) {
  TarnDbOptions settings = *options;
  settings.external_access = TRUE; /* to attach the two files; the SQL is Tarn's own */
  g_autoptr(TarnDb) db = tarn_db_open(NULL, &settings, error);
  g_autoptr(TarnConn) conn = db ? tarn_db_connect(db, error) : NULL;
  if (!conn) return FALSE;
  g_autofree char *source = tarn_sql_quote_literal(from), *target = tarn_sql_quote_literal(to);
  g_autofree char *sql = tarn_sql_fill(tarn_sql_compact, "source", source, "target", target, NULL);
  return tarn_conn_exec(conn, sql, error);
}

gboolean tarn_compact(const char *work_path, const TarnDbOptions *options, GError **error) {
  g_autofree char *fresh = g_strconcat(work_path, ".partial", NULL);
  g_unlink(fresh);
  if (!copy_database(work_path, fresh, options, error)) {
    g_unlink(fresh);
    return FALSE;
  }
  if (g_rename(fresh, work_path) == 0) return TRUE;
  tarn_error_set_errno(error, errno, "cannot replace %s by its compacted copy", work_path);
  g_unlink(fresh);
  return FALSE;
}
