/* One generation, open for reading: the database and its workers. A worker is a connection with one prepared statement
 * per endpoint, used by one request at a time. In: a lakehouse file, the endpoints' SQL. Shared by reference count: whoever
 * answers a request holds one, so a generation that is replaced closes when its last request ends. All functions may be
 * called on any thread; the fields of TarnGeneration never change. */
#pragma once
#include <glib.h>

#include "lakehouse/catalog.h"
#include "lakehouse/db.h"
#include "lakehouse/statement.h"
#include "serve/precomputed.h"

typedef struct TarnServed TarnServed;
typedef struct TarnServedWorker TarnServedWorker;

/* What a generation says of itself. */
typedef struct {
  gint64 number;
  gint64 published_us; /* since 1970, UTC */
  gint64 modified_s;   /* published_us in whole seconds; 0 where the generation before it was published in the same one,
                          as a date then does not tell the two apart */
  char *identity;      /* equal for equal files only, whoever opens them and whenever */
  guint64 serial;      /* counts what this process opened: no two have the same */
} TarnGeneration;

/* Called when the last reference is dropped, on that thread; it must see to tarn_served_close. */
typedef void (*TarnServedRetire)(gpointer user, TarnServed *served);

typedef struct {
  guint64 memory_bytes;        /* DuckDB's memory_limit; 0: its default */
  guint threads;               /* of the CPU budget */
  guint workers;               /* made and kept ready, at least 1; more are made when these are taken */
  const char *writable_folder; /* where the engine may write files; NULL: nowhere. Borrowed, outlives it */
  TarnServedRetire retire;     /* NULL: closed where the last reference is dropped */
  gpointer user;
} TarnServedOptions;

/* A statement to prepare: name is for messages. */
typedef struct {
  const char *name;
  const char *sql;
  const TarnEndpoint *endpoint; /* whose precomputed answers are read, too; NULL: none; borrowed for the call */
} TarnServedStatement;

/* Errors: no file, not Tarn's, of a newer format (TARN_ERROR_ENVIRONMENT); a
 * statement that does not fit the file's tables (TARN_ERROR_USAGE). */
TarnServed *tarn_served_open(const char *path, const TarnServedOptions *options, const TarnServedStatement *statements,
                             guint n_statements, GError **error);
TarnServed *tarn_served_ref(TarnServed *served);
/* A further reference where there still is one; FALSE: it is retired. */
gboolean tarn_served_try_ref(TarnServed *served);
void tarn_served_unref(TarnServed *served); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnServed, tarn_served_unref)
/* Closes what has no reference any more; takes some milliseconds. */
void tarn_served_close(TarnServed *served);

const TarnGeneration *tarn_served_generation(const TarnServed *served);
/* Its tables (TarnCatalogTable), as long as there is a reference. */
const GPtrArray *tarn_served_catalog(const TarnServed *served);

/* The rendered answers of statement i's endpoint; NULL: none. */
const TarnPrecomputed *tarn_served_precomputed(const TarnServed *served, guint i);

/* A worker that nobody else uses; never waits for one, so callers bound how many they hold. Give it back before the
 * reference to the generation is dropped. Errors: those of the engine. */
TarnServedWorker *tarn_served_take_worker(TarnServed *served, GError **error);
void tarn_served_give_worker(TarnServed *served, TarnServedWorker *worker); /* accepts NULL */
/* The text of statement i of those given to _open. */
const char *tarn_served_sql(const TarnServed *served, guint i);
/* Statement i of those given to _open; belongs to the worker. */
TarnStatement *tarn_served_worker_statement(TarnServedWorker *worker, guint i);
/* For statements of one's own, and to interrupt (tarn_conn_interrupt) from another thread. */
TarnConn *tarn_served_worker_conn(const TarnServedWorker *worker);
