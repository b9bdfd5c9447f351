/* A request target ("/api/v1/x/a%20b?limit=20&risk=high") in decoded pieces. In: the bytes of the request line,
 * hostile. Out: path segments and query parameters as text. A piece with a broken escape, invalid UTF-8 or a NUL has
 * the text NULL: whoever wants it refuses it by name. */
#pragma once
#include <glib.h>

typedef struct {
  char *name;  /* NULL: not readable */
  char *value; /* NULL: not readable */
  char *raw;   /* the value as received */
} TarnTargetParameter;

typedef struct {
  char *path;          /* as received, without the query */
  GPtrArray *segments; /* char *, decoded, may be NULL; "/a/b" has two, "/" has one that is empty */
  GPtrArray *query;    /* TarnTargetParameter, in order; a name without = has the value "" */
} TarnTarget;

/* The decoded pieces between the commas of a list as received, in the path or in the query; a comma that belongs to a
 * piece is escaped (%2C) there. A piece that cannot be read is NULL. Caller unrefs. */
GPtrArray *tarn_target_split(const char *raw, gboolean in_query);
/* Segment i of the path as received. Caller frees. */
char *tarn_target_raw_segment(const TarnTarget *target, guint i);

/* Takes a query parameter of the server's own out of the target: its value, NULL where it is not there. Caller frees.
 * FALSE: it is given several times, or cannot be read. */
gboolean tarn_target_take(TarnTarget *target, const char *name, char **value);

TarnTarget *tarn_target_parse(const char *target);
void tarn_target_free(TarnTarget *target); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnTarget, tarn_target_free)
