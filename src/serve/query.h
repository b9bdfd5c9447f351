/* What a request asks of a generation, made ready: SQL, the values to bind, how to treat the rows. Made from a target
 * without any I/O (serve/endpoint.c, serve/table_read.c), so on the thread of the connection; answered later on a worker
 * (serve/answer.c). Within one generation equal keys have equal answers, so caches and entity tags go by the key. Owns its
 * texts; belongs to one thread at a time. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"
#include "project/project.h"
#include "serve/format.h"

typedef struct {
  const char *name; /* $name of the SQL, borrowed from the plan; NULL: by position */
  TarnValue value;  /* text is the query's own */
} TarnQueryValue;

/* What a page of a table tells besides its rows (serve/table_page.h). */
typedef struct {
  guint64 limit;
  guint n_keys;     /* columns that the order goes by: their texts, and the row's number, follow the columns shown */
  gboolean counted; /* a last column has the number of all rows that fit */
  gboolean first;   /* no cursor was given */
  char *prefix;     /* of the cursor of the next page, JSON: what it belongs to */
  char *link;       /* of the next page, up to its cursor */
} TarnQueryPage;

typedef struct {
  const char *route;     /* pattern, for metrics and logs; borrowed from the plan, which outlives the query */
  GString *key;          /* the request in canonical form: the route, then what it asks for */
  gint statement;        /* number of the generation's prepared statement; -1: sql is prepared for this query */
  char *sql;             /* where statement is -1 */
  GArray *values;        /* TarnQueryValue */
  GPtrArray *texts;      /* what text values and lists point to */
  TarnFormat format;     /* of the answer */
  gboolean gzip;         /* it is compressed */
  const char *name;      /* what its file is called where it is saved; borrowed from the plan or the catalog */
  TarnShape shape;       /* one: the first row as an object */
  const char *not_found; /* message of the 404 of shape one; borrowed; NULL: a general one */
  guint64 max_rows;      /* rows after these are left out; 0: no bound */
  gint64 timeout_us;     /* 0: the server's */
  guint hidden;          /* columns at the end that are not written */
  TarnQueryPage *page;   /* NULL: no page. Its result is read whole before headers are sent */
  gint64 max_age_us;     /* Cache-Control: how long clients may keep the answer unasked; 0: they ask each time */
} TarnQuery;

TarnQuery *tarn_query_new(const char *route);
void tarn_query_free(TarnQuery *query); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnQuery, tarn_query_free)

/* Adds a value (text is copied) and, where named, "name=value" to the key. NULLs are left out of the key. */
void tarn_query_add_value(TarnQuery *query, const char *name, const TarnValue *value);
/* Adds a part to the key, escaped, after & or ?. */
void tarn_query_add_key(TarnQuery *query, const char *name, const char *value);
