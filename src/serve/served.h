/* One generation, open for reading: the database and its workers. A worker is a connection with one prepared statement
 * per endpoint, used by one request at a time. In: the published file, the endpoints' SQL. Shared by reference count:
 * whoever answers a request holds one, so a generation that is replaced closes when its last request ends. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"
#include "lakehouse/statement.h"

typedef struct TarnServed TarnServed;
typedef struct TarnServedWorker TarnServedWorker;

typedef struct {
  guint64 memory_bytes; /* DuckDB's memory_limit; 0: its default */
  guint workers;        /* at least 1 */
} TarnServedOptions;

/* A statement to prepare: name is for messages. Text is borrowed for the call. */
typedef struct {
  const char *name;
  const char *sql;
} TarnServedStatement;

/* Errors: no file, not Tarn's, of a newer format; a statement that does not fit the file's tables. */
TarnServed *tarn_served_open(const char *path, const TarnServedOptions *options, const TarnServedStatement *statements,
                             guint n_statements, GError **error);
TarnServed *tarn_served_ref(TarnServed *served);
void tarn_served_unref(TarnServed *served); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnServed, tarn_served_unref)

/* A free worker; waits where all are taken. Give it back. */
TarnServedWorker *tarn_served_take_worker(TarnServed *served);
void tarn_served_give_worker(TarnServed *served, TarnServedWorker *worker);
/* Statement i of those given to _open; belongs to the worker. */
TarnStatement *tarn_served_worker_statement(TarnServedWorker *worker, guint i);
