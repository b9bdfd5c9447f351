#include "lakehouse/db.h"

#include <string.h>
#include <unistd.h>

#include "lakehouse/db_private.h"
#include "lakehouse/sql.h"

/* DuckDB returns freed memory late otherwise; read when libduckdb first allocates, so before the first open. */
#define JEMALLOC_CONF "dirty_decay_ms:0,muzzy_decay_ms:0,narenas:2"

typedef struct {
  const char *fragment; /* of DuckDB's message */
  TarnErrorCode code;
  const char *hint;
} Symptom;

static const Symptom symptoms[] = {
    {"No space left", TARN_ERROR_ENVIRONMENT, "free space on this file system, or point DB_PATH at a larger one"},
    {"Out of Memory", TARN_ERROR_ENVIRONMENT, "raise the memory limit (cgroup or TARN_MEMORY_LIMIT)"},
    {"Conflicting lock", TARN_ERROR_BUSY, "another process has the file open for writing: wait for it or stop it"},
    {"can only read versions", TARN_ERROR_ENVIRONMENT,
     "the file was written by a newer DuckDB: upgrade tarn, or publish it again with this version"},
    {"not a valid DuckDB database file", TARN_ERROR_ENVIRONMENT,
     "the file is corrupt or no DuckDB file: restore a kept generation (tarn rollback) or run again from the source"},
    {"Could not read enough bytes", TARN_ERROR_ENVIRONMENT,
     "the file is cut off: restore a kept generation (tarn rollback) or run again from the source"},
    {"checksum", TARN_ERROR_ENVIRONMENT,
     "the file is corrupt: restore a kept generation (tarn rollback) or run again from the source"},
    {"Permission denied", TARN_ERROR_ENVIRONMENT, "check the owner and the permissions of the file and of its folder"},
    {"Serialization Error", TARN_ERROR_ENVIRONMENT,
     "the file is corrupt or from an unknown version: restore a kept generation (tarn rollback)"},
};

void tarn_db_set_error(GError **error, TarnErrorCode code, const char *what, const char *message) {
  const char *hint = NULL;
  for (gsize i = 0; message && i < G_N_ELEMENTS(symptoms); i++) {
    if (!strstr(message, symptoms[i].fragment)) continue;
    code = symptoms[i].code;
    hint = symptoms[i].hint;
    break;
  }
  tarn_error_set_detail(error, code, message, hint, "%s", what);
}

/* Top rows of a wide table: up to so many, only the sort's columns are read of all rows, and the others of those found. DuckDB does that up to 50 by
 * itself; this is a page of 100 and the row that tells of a next page (one million rows: 31 ms instead of 57). */
#define LATE_ROWS "128"

/* Settings that are given at open; those with a NULL value are left alone. */
static duckdb_config make_config(const char *path, const TarnDbOptions *options) {
  gboolean attach = path && !options->read_only; /* which is external access */
  g_autofree char *memory =
      options->memory_bytes ? g_strdup_printf("%" G_GUINT64_FORMAT "B", options->memory_bytes) : NULL;
  g_autofree char *threads = options->threads ? g_strdup_printf("%u", options->threads) : NULL;
  const struct {
    const char *name, *value;
  } settings[] = {
      {"access_mode", path && options->read_only ? "READ_ONLY" : NULL},
      {"memory_limit", memory},
      {"threads", threads},
      {"temp_directory", options->temp_directory ? options->temp_directory : ""},
      {"enable_external_access", options->external_access || attach || options->writable_folder ? "true" : "false"},
      {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},
      {"preserve_insertion_order", "false"},
      {"storage_compatibility_version", options->read_only ? NULL : "v1.5.0"},
      {"late_materialization_max_rows", LATE_ROWS},
      {"dynamic_or_filter_threshold", LATE_ROWS},
      {"errors_as_json", "false"},
  };
  duckdb_config config;
  if (duckdb_create_config(&config) != DuckDBSuccess) return NULL;
  for (gsize i = 0; i < G_N_ELEMENTS(settings); i++)
    if (settings[i].value) duckdb_set_config(config, settings[i].name, settings[i].value);
  return config;
}

/* The error says which file could not be opened; why is DuckDB's message. */
static void set_open_error(GError **error, const char *path, const char *message) {
  g_autofree char *what = g_strdup_printf("cannot open %s", path ? path : "an in-memory database");
  tarn_db_set_error(error, TARN_ERROR_ENVIRONMENT, what, message);
}

/* The size of row groups is an option of ATTACH only, so a file that is written to is attached to an in-memory database. */
static gboolean attach_file(TarnDb *db, const char *path, gboolean external_access, GError **error) {
  duckdb_connection connection;
  if (duckdb_connect(db->database, &connection) != DuckDBSuccess) {
    set_open_error(error, path, NULL);
    return FALSE;
  }
  g_autofree char *file = tarn_sql_quote_literal(path);
  g_autofree char *attach = tarn_sql_fill(tarn_sql_attach_work, "file", file, NULL);
  g_autofree char *sql = g_strconcat(attach, external_access ? "" : "; SET enable_external_access = false", NULL);
  duckdb_result result = {0};
  db->attached = duckdb_query(connection, sql, &result) == DuckDBSuccess;
  if (!db->attached) set_open_error(error, path, duckdb_result_error(&result));
  duckdb_destroy_result(&result);
  duckdb_disconnect(&connection);
  return db->attached;
}

static TarnDb *open_database(const char *path, const char *main_path, const TarnDbOptions *options, GError **error) {
  duckdb_config config = make_config(path, options);
  char *message = NULL;
  TarnDb *db = g_new0(TarnDb, 1);
  duckdb_state state = duckdb_open_ext(main_path, &db->database, config, &message);
  if (config) duckdb_destroy_config(&config);
  if (state == DuckDBSuccess) return db;
  set_open_error(error, path, message);
  duckdb_free(message);
  g_free(db);
  return NULL;
}

/* DuckDB takes the list of folders only while everything is open to it. */
static gboolean restrict_access(TarnDb *db, const char *writable_folder, GError **error) {
  g_autoptr(TarnConn) conn = tarn_db_connect(db, error);
  if (!conn) return FALSE;
  g_autofree char *folder = g_strconcat(writable_folder, G_DIR_SEPARATOR_S, NULL);
  g_autofree char *quoted = tarn_sql_quote_literal(folder);
  g_autofree char *sql = tarn_sql_fill(tarn_sql_restrict_access, "folder", quoted, NULL);
  return tarn_conn_exec(conn, sql, error);
}

TarnDb *tarn_db_open(const char *path, const TarnDbOptions *options, GError **error) {
  static const TarnDbOptions defaults = {0};
  if (!options) options = &defaults;
  g_setenv("DUCKDB_JE_MALLOC_CONF", JEMALLOC_CONF, FALSE);
  if (path && options->read_only && !g_file_test(path, G_FILE_TEST_EXISTS)) {
    tarn_error_set(error, TARN_ERROR_ENVIRONMENT, "run `tarn run` first, or check DB_PATH",
                   "there is no lakehouse file at %s", path);
    return NULL;
  }
  gboolean attach = path && !options->read_only;
  g_autoptr(TarnDb) db = open_database(path, attach ? NULL : path, options, error);
  if (!db || (attach && !attach_file(db, path, options->external_access, error))) return NULL;
  if (!attach && options->writable_folder && !restrict_access(db, options->writable_folder, error)) return NULL;
  return g_steal_pointer(&db);
}

void tarn_db_close(TarnDb *db) {
  if (!db) return;
  duckdb_close(&db->database);
  g_clear_pointer(&db->ingests, g_ptr_array_unref);
  g_free(db);
}

TarnConn *tarn_db_connect(TarnDb *db, GError **error) {
  g_autoptr(TarnConn) conn = g_new0(TarnConn, 1);
  conn->db = db;
  if (duckdb_connect(db->database, &conn->connection) != DuckDBSuccess) {
    tarn_error_set(error, TARN_ERROR_INTERNAL, NULL, "cannot connect to the open database");
    return NULL;
  }
  if (!tarn_conn_exec(conn, "SET TimeZone = 'UTC'", error) ||
      (db->attached && !tarn_conn_exec(conn, "USE work", error)))
    return NULL;
  return g_steal_pointer(&conn);
}

void tarn_conn_close(TarnConn *conn) {
  if (!conn) return;
  if (conn->connection) duckdb_disconnect(&conn->connection);
  g_free(conn);
}

void tarn_conn_interrupt(TarnConn *conn) { duckdb_interrupt(conn->connection); }

TarnValue tarn_value_null(void) { return (TarnValue){.type = TARN_VALUE_NULL}; }
TarnValue tarn_value_bool(gboolean value) { return (TarnValue){.type = TARN_VALUE_BOOL, .boolean = value}; }
TarnValue tarn_value_int(gint64 value) { return (TarnValue){.type = TARN_VALUE_INT, .integer = value}; }
TarnValue tarn_value_double(double value) { return (TarnValue){.type = TARN_VALUE_DOUBLE, .real = value}; }

TarnValue tarn_value_text(const char *value) {
  if (!value) return tarn_value_null();
  return (TarnValue){.type = TARN_VALUE_TEXT, .bytes = {value, strlen(value)}};
}

TarnValue tarn_value_blob(const void *data, gsize size) {
  return (TarnValue){.type = TARN_VALUE_BLOB, .bytes = {data, size}};
}

void tarn_value_clear(TarnValue *value) {
  if (value->type == TARN_VALUE_LIST) g_free(value->list.items);
  *value = tarn_value_null();
}

void tarn_db_set_sql_error(GError **error, const char *sql, const char *message) {
  while (g_str_has_prefix(sql, "--") && strchr(sql, '\n'))
    sql = strchr(sql, '\n') + 1; /* the comment on top of a file */
  gsize length = strcspn(sql, "\n");
  g_autofree char *what = g_strdup_printf("the statement failed: %.*s%s", (int)MIN(length, 120), sql,
                                          length > 120 || sql[length] ? " ..." : "");
  tarn_db_set_error(error, TARN_ERROR_INTERNAL, what, message);
}

gboolean tarn_conn_exec(TarnConn *conn, const char *sql, GError **error) {
  duckdb_result result = {0};
  gboolean ok = duckdb_query(conn->connection, sql, &result) == DuckDBSuccess;
  if (!ok) tarn_db_set_sql_error(error, sql, duckdb_result_error(&result));
  duckdb_destroy_result(&result);
  return ok;
}

char *tarn_sql_quote_identifier(const char *name) {
  g_auto(GStrv) parts = g_strsplit(name, "\"", -1);
  g_autofree char *inner = g_strjoinv("\"\"", parts);
  return g_strdup_printf("\"%s\"", inner);
}

char *tarn_sql_quote_literal(const char *text) {
  g_auto(GStrv) parts = g_strsplit(text, "'", -1);
  g_autofree char *inner = g_strjoinv("''", parts);
  return g_strdup_printf("'%s'", inner);
}

static const char *place_text(const char *name, gsize length, va_list args) {
  const char *candidate, *text = NULL;
  while ((candidate = va_arg(args, const char *))) {
    const char *value = va_arg(args, const char *);
    if (strlen(candidate) == length && memcmp(candidate, name, length) == 0) text = value;
  }
  return text;
}

char *tarn_sql_fill(const char *sql, ...) {
  g_autoptr(GString) out = g_string_new(NULL);
  const char *p = sql;
  for (const char *open; (open = strchr(p, '{'));) {
    const char *close = strchr(open, '}');
    g_assert(close);
    va_list args;
    va_start(args, sql);
    const char *text = place_text(open + 1, (gsize)(close - open - 1), args);
    va_end(args);
    if (!text) g_error("no text for the place %.*s in: %s", (int)(close - open + 1), open, sql);
    g_string_append_len(out, p, open - p);
    g_string_append(out, text);
    p = close + 1;
  }
  g_string_append(out, p);
  return g_string_free(g_steal_pointer(&out), FALSE);
}

const char *tarn_duckdb_version(void) { return duckdb_library_version(); }
