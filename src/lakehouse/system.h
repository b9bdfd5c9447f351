/* Tarn's own schema inside the lakehouse file (sql/system_schema.sql): positions, ledger, generations, digests,
 * counters. In: a read-write connection to the work file, or a read-only one to a published file for the readers. All
 * writes happen in the caller's transaction. Ownership: lists are the caller's. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"

/* 2: row groups of 16384 rows, records' keys and headers. */
#define TARN_FORMAT_VERSION 2

/* Creates what is missing; refuses a file of a newer format (TARN_ERROR_ENVIRONMENT). */
gboolean tarn_system_install(TarnConn *conn, GError **error);

/* Was the file written by an older Tarn? A new one, and one without Tarn's schema, was not. */
gboolean tarn_system_is_older(TarnConn *conn, gboolean *older, GError **error);
/* Says that the file has this program's format. */
gboolean tarn_system_set_format(TarnConn *conn, GError **error);

/* Is this a lakehouse file at all, and of a format that this program reads? For readers. */
gboolean tarn_system_check(TarnConn *conn, GError **error);

/* tarn.meta: a value by key; NULL where absent. Caller frees. */
gboolean tarn_system_get(TarnConn *conn, const char *key, char **value, GError **error);
gboolean tarn_system_set(TarnConn *conn, const char *key, const char *value, GError **error);

/* The file's own generation number, 0 in a new file. */
gboolean tarn_system_generation(TarnConn *conn, gint64 *generation, GError **error);

typedef struct {
  gint64 generation;
  const char *run_id;
  gint64 rolled_back_from; /* 0: none */
  const char *project_digest;
  const char *positions; /* JSON, see sql/system_schema.sql; NULL: not told */
} TarnGenerationRow;
gboolean tarn_system_add_generation(TarnConn *conn, const TarnGenerationRow *row, GError **error);

/* What the tables were built from, name -> digest (tarn.objects). */
GHashTable *tarn_system_objects(TarnConn *conn, GError **error);
/* Replaces one object's row. definition: the SQL or text it was made from, for `diff` and people. */
gboolean tarn_system_set_object(TarnConn *conn, const char *name, const char *kind, const char *digest,
                                const char *definition, GError **error);
gboolean tarn_system_remove_object(TarnConn *conn, const char *name, GError **error);
