#include "pipeline/gold.h"

#include "lakehouse/ast.h"
#include "lakehouse/sql.h"
#include "lakehouse/system.h"

/* Above this share of the table a full rebuild is cheaper than DELETE + INSERT, and leaves the table sorted. */
#define REBUILD_SHARE 0.3
/* Above this share of rows behind the sorted part the table is sorted again, so that lookups by key read few row groups. */
#define UNSORTED_SHARE 0.1

/* The model's SELECT as DuckDB writes it: no comment or semicolon left that would not nest. */
static char *plain_select(const TarnGoldBuild *build, GError **error) {
  g_autoptr(json_t) tree = tarn_ast_parse(build->conn, build->model->sql, NULL, error);
  return tree ? tarn_ast_to_sql(build->conn, tree, error) : NULL;
}

/* `"a", "b"`, each with a prefix and joined. */
static char *join_columns(const GStrv names, const char *format, const char *separator) {
  g_autoptr(GString) out = g_string_new(NULL);
  for (char **name = names; *name; name++) {
    g_autofree char *column = tarn_sql_quote_identifier(*name);
    g_auto(GStrv) parts = g_strsplit(format, "%", -1);
    g_autofree char *text = g_strjoinv(column, parts);
    g_string_append_printf(out, "%s%s", out->len ? separator : "", text);
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

/* The columns of tarn_shape as CREATE TABLE wants them. Text of the key is stored as it is: a lookup then compares it in place instead of
 * unpacking a row group first. */
static char *define_columns(const TarnGoldBuild *build, GError **error) {
  g_autoptr(TarnResult) columns = tarn_conn_query(build->conn, tarn_sql_gold_shape_columns, NULL, 0, error);
  if (!columns) return NULL;
  g_autoptr(GString) out = g_string_new(NULL);
  for (guint64 row = 0; row < tarn_result_rows(columns); row++) {
    g_autofree char *name = tarn_result_text(columns, row, 0), *type = tarn_result_text(columns, row, 1);
    g_autofree char *quoted = tarn_sql_quote_identifier(name);
    gboolean plain = g_str_equal(type, "VARCHAR") && build->model->key &&
                     g_strv_contains((const char *const *)build->model->key, name);
    g_string_append_printf(out, "%s%s %s%s", row ? ", " : "", quoted, type,
                           plain ? " USING COMPRESSION uncompressed" : "");
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

/* A new table of the rows of select, in the order of the key. */
static gboolean create_table(const TarnGoldBuild *build, const char *table, const char *select, GError **error) {
  gboolean keyed = build->model->key && *build->model->key;
  g_autofree char *shape = tarn_sql_fill(tarn_sql_gold_shape, "select", select, NULL), *columns = NULL;
  if (!tarn_conn_exec(build->conn, shape, error) || !(columns = define_columns(build, error))) return FALSE;
  g_autofree char *order = keyed ? join_columns(build->model->key, "%", ", ") : g_strdup("ALL");
  g_autofree char *create = tarn_sql_fill(tarn_sql_gold_create, "table", table, "columns", columns, NULL);
  g_autofree char *insert = tarn_sql_fill(tarn_sql_gold_insert, "table", table, "select", select, "order", order, NULL);
  return tarn_conn_exec(build->conn, create, error) && tarn_conn_exec(build->conn, insert, error);
}

static gboolean build_whole(const TarnGoldBuild *build, const char *select, gint64 *written, GError **error) {
  g_autofree char *table = tarn_sql_quote_identifier(build->model->name);
  g_autofree char *drop = g_strdup_printf("DROP TABLE IF EXISTS %s", table);
  g_autofree char *count = g_strdup_printf("SELECT count(*) FROM %s", table);
  return tarn_conn_exec(build->conn, drop, error) && create_table(build, table, select, error) &&
         tarn_conn_query_int(build->conn, count, NULL, 0, written, error);
}

static gboolean table_exists(TarnConn *conn, const char *name, gboolean *exists, GError **error) {
  const TarnValue value = tarn_value_text(name);
  gint64 count;
  if (!tarn_conn_query_int(conn, tarn_sql_table_exists, &value, 1, &count, error)) return FALSE;
  *exists = count > 0;
  return TRUE;
}

/* The keys that new silver rows carry, into tarn_touched; *share of the gold table. */
static gboolean find_touched(const TarnGoldBuild *build, const char *table, const char *source, const char *keys,
                             gint64 *touched, gboolean *many, GError **error) {
  g_autofree char *sql = tarn_sql_fill(tarn_sql_gold_touched, "keys", keys, "source", source, NULL);
  g_autofree char *make = tarn_sql_fill(tarn_sql_gold_touched_table, "keys", keys, "source", source, NULL);
  g_autofree char *count = g_strdup_printf("SELECT count(*) FROM %s", table);
  const TarnValue since = tarn_value_int(build->first_seq);
  gint64 rows;
  if (!tarn_conn_exec(build->conn, make, error) || !tarn_conn_run(build->conn, sql, &since, 1, touched, error) ||
      !tarn_conn_query_int(build->conn, count, NULL, 0, &rows, error))
    return FALSE;
  *many = (double)*touched > REBUILD_SHARE * (double)rows;
  return TRUE;
}

/* Recomputes the touched keys: for the SELECT, the source table is hidden behind a temporary view of only their rows. */
static gboolean build_touched(const TarnGoldBuild *build, const char *select, const char *table, const char *source,
                              gint64 *written, GError **error) {
  g_autoptr(TarnResult) name = tarn_conn_query(build->conn, "SELECT current_database()", NULL, 0, error);
  if (!name) return FALSE;
  g_autofree char *database = tarn_result_text(name, 0, 0);
  g_autofree char *catalog = tarn_sql_quote_identifier(database);
  g_autofree char *match_source = join_columns(build->model->key, "source.% IS NOT DISTINCT FROM touched.%", " AND ");
  g_autofree char *match_gold = join_columns(build->model->key, "gold.% IS NOT DISTINCT FROM touched.%", " AND ");
  g_autofree char *view =
      tarn_sql_fill(tarn_sql_gold_touched_view, "catalog", catalog, "source", source, "match", match_source, NULL);
  g_autofree char *drop_view = tarn_sql_fill("DROP VIEW temp.{source}", "source", source, NULL);
  g_autofree char *delete = tarn_sql_fill(tarn_sql_gold_delete_touched, "table", table, "match", match_gold, NULL);
  g_autofree char *order = join_columns(build->model->key, "%", ", ");
  g_autofree char *insert = tarn_sql_fill(tarn_sql_gold_insert, "table", table, "select", select, "order", order, NULL);
  return tarn_conn_exec(build->conn, delete, error) && tarn_conn_exec(build->conn, view, error) &&
         tarn_conn_run(build->conn, insert, NULL, 0, written, error) && tarn_conn_exec(build->conn, drop_view, error);
}

/* Counts the rows that were appended since the table was last in the order of its key (tarn.meta, "unsorted TABLE"), and sorts it when they are many.
 * appended -1: it was built in order. */
static gboolean keep_sorted(const TarnGoldBuild *build, const char *table, gint64 appended, GError **error) {
  g_autofree char *key = g_strdup_printf("unsorted %s", build->model->name), *text = NULL;
  g_autofree char *count = g_strdup_printf("SELECT count(*) FROM %s", table);
  gint64 rows;
  if (!tarn_system_get(build->conn, key, &text, error) ||
      !tarn_conn_query_int(build->conn, count, NULL, 0, &rows, error))
    return FALSE;
  gint64 unsorted = appended < 0 ? 0 : appended + (text ? g_ascii_strtoll(text, NULL, 10) : 0);
  if ((double)unsorted > UNSORTED_SHARE * (double)rows) {
    g_autofree char *rows_now = g_strconcat("FROM ", table, NULL);
    g_autofree char *replace = tarn_sql_fill(tarn_sql_gold_replace, "table", table, NULL);
    if (!create_table(build, "tarn_sorted", rows_now, error) || !tarn_conn_exec(build->conn, replace, error))
      return FALSE;
    unsorted = 0;
  }
  g_autofree char *now = g_strdup_printf("%" G_GINT64_FORMAT, unsorted);
  return tarn_system_set(build->conn, key, now, error);
}

gboolean tarn_gold_build(const TarnGoldBuild *build, gint64 *written, GError **error) {
  const TarnModel *model = build->model;
  g_autofree char *select = plain_select(build, error);
  gboolean exists;
  if (!select || !table_exists(build->conn, model->name, &exists, error)) return FALSE;
  gboolean incremental =
      !build->rebuild && exists && model->key && *model->key && model->reads && *model->reads && !model->reads[1];
  g_autofree char *table = tarn_sql_quote_identifier(model->name);
  if (!incremental) return build_whole(build, select, written, error) && keep_sorted(build, table, -1, error);
  g_autofree char *source = tarn_sql_quote_identifier(model->reads[0]);
  g_autofree char *keys = join_columns(model->key, "%", ", ");
  gint64 touched;
  gboolean many;
  if (!find_touched(build, table, source, keys, &touched, &many, error)) return FALSE;
  if (many) return build_whole(build, select, written, error) && keep_sorted(build, table, -1, error);
  *written = 0;
  return touched == 0 ||
         (build_touched(build, select, table, source, written, error) && keep_sorted(build, table, *written, error));
}
