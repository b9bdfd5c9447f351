/* One DuckDB file, opened; connections to it; statements with bound values; small results read by row and column.
 * In: a path, SQL, values. Out: rows or a GError whose detail is DuckDB's own message.
 * A TarnDb may be shared by threads; a TarnConn and its results belong to one thread at a time. Every connection runs with
 * TimeZone UTC. Closing order: results, connections, db.
 * A file that is opened read-write is the catalog `work` beside an in-memory one, for its row groups are smaller than DuckDB's
 * default (sql/attach_work.sql); statements work in it as if it were alone.
 * Mind: DuckDB's file lock is dropped by any other open and close of the same file in this process, so nothing copies or
 * hashes a file that is open here. */
#pragma once
#include <glib.h>

typedef struct TarnDb TarnDb;
typedef struct TarnConn TarnConn;
typedef struct TarnResult TarnResult;

typedef struct {
  gboolean read_only;
  guint64 memory_bytes;        /* DuckDB's memory_limit; 0: DuckDB's default */
  guint threads;               /* 0: DuckDB's default */
  const char *temp_directory;  /* where to spill; NULL: nowhere */
  gboolean external_access;    /* may SQL read other files; default FALSE */
  const char *writable_folder; /* read_only: where SQL may write and read files all the same; NULL: nowhere */
} TarnDbOptions;

/* path NULL opens an empty in-memory database. Errors: TARN_ERROR_ENVIRONMENT with a hint for an absent, corrupt,
 * newer or locked file. */
TarnDb *tarn_db_open(const char *path, const TarnDbOptions *options, GError **error);
void tarn_db_close(TarnDb *db); /* accepts NULL */

TarnConn *tarn_db_connect(TarnDb *db, GError **error);
void tarn_conn_close(TarnConn *conn); /* accepts NULL */
/* Stops what another thread runs on this connection; that call fails with "interrupted". */
void tarn_conn_interrupt(TarnConn *conn);

typedef enum {
  TARN_VALUE_NULL,
  TARN_VALUE_BOOL,
  TARN_VALUE_INT,
  TARN_VALUE_DOUBLE,
  TARN_VALUE_TEXT,
  TARN_VALUE_BLOB,
  TARN_VALUE_DATE,
  TARN_VALUE_TIMESTAMP,
  TARN_VALUE_LIST
} TarnValueType;

/* One bound value; text and blob are borrowed for the call. */
typedef struct TarnValue {
  TarnValueType type;
  union {
    gboolean boolean;
    gint64 integer; /* DATE: days since 1970; TIMESTAMP: microseconds since 1970, UTC */
    double real;
    struct {
      const char *data;
      gsize size;
    } bytes;
    struct {
      struct TarnValue *items; /* of one type, neither NULL nor a list; at least one */
      guint n;
    } list;
  };
} TarnValue;

TarnValue tarn_value_null(void);
TarnValue tarn_value_bool(gboolean value);
TarnValue tarn_value_int(gint64 value);
TarnValue tarn_value_double(double value);
TarnValue tarn_value_text(const char *value); /* NULL gives SQL NULL */
TarnValue tarn_value_blob(const void *data, gsize size);
/* Frees a list's items, not the texts that they borrow; of other values nothing. */
void tarn_value_clear(TarnValue *value);

/* Runs one or several statements without values; rows are dropped. */
gboolean tarn_conn_exec(TarnConn *conn, const char *sql, GError **error);

/* Runs one statement with values bound to $1..$n (or ?), materialised. rows_changed of DML: tarn_result_changed. */
TarnResult *tarn_conn_query(TarnConn *conn, const char *sql, const TarnValue *values, guint n_values, GError **error);

/* As tarn_conn_query for statements whose rows nobody wants; *changed (may be NULL) gets the number of rows changed. */
gboolean tarn_conn_run(TarnConn *conn, const char *sql, const TarnValue *values, guint n_values, gint64 *changed,
                       GError **error);

/* The one integer of a one-row, one-column query; NULL counts as 0. */
gboolean tarn_conn_query_int(TarnConn *conn, const char *sql, const TarnValue *values, guint n_values, gint64 *value,
                             GError **error);

void tarn_result_free(TarnResult *result); /* accepts NULL */
guint64 tarn_result_rows(const TarnResult *result);
guint tarn_result_columns(const TarnResult *result);
const char *tarn_result_column_name(const TarnResult *result, guint column);
gint64 tarn_result_changed(const TarnResult *result);
gboolean tarn_result_is_null(const TarnResult *result, guint64 row, guint column);
/* Any integer type up to 64 bits, BOOLEAN, TIMESTAMP (microseconds since 1970), HUGEINT where it fits; else 0. */
gint64 tarn_result_int(const TarnResult *result, guint64 row, guint column);
double tarn_result_double(const TarnResult *result, guint64 row, guint column); /* DOUBLE, FLOAT, integers */
/* VARCHAR and BLOB only (cast others in SQL). NULL for SQL NULL. Caller frees; text is NUL-terminated behind *size. */
char *tarn_result_text(const TarnResult *result, guint64 row, guint column);
char *tarn_result_bytes(const TarnResult *result, guint64 row, guint column, gsize *size);

/* "name" with quotes doubled: the only way an identifier gets into SQL. Caller frees. */
char *tarn_sql_quote_identifier(const char *name);
/* 'text' with quotes doubled, for the few places where DuckDB takes no bound value (SET, ATTACH, CREATE). Caller frees. */
char *tarn_sql_quote_literal(const char *text);
/* Fills {name} places of a statement from sql/ : name, text pairs ended by NULL; texts are inserted as they are, so each is
 * a quoted identifier, a quoted literal or SQL that DuckDB wrote from a tree. A place without a text is an assertion. Caller frees. */
char *tarn_sql_fill(const char *sql, ...) G_GNUC_NULL_TERMINATED;

const char *tarn_duckdb_version(void); /* "v1.5.6" */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnDb, tarn_db_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnConn, tarn_conn_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnResult, tarn_result_free)
