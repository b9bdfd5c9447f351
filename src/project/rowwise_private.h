/* What the files of rowwise share: the state of one model being taken apart. */
#pragma once
#include "project/rowwise.h"

typedef struct RowwiseScope RowwiseScope;

typedef struct {
  TarnConn *conn;
  const char *sql;           /* of the model, for positions */
  TarnSqlPosition position;  /* of the innermost node with a place that is looked at: where a fault is reported */
  GHashTable *functions;     /* name -> FunctionKinds */
  GPtrArray *columns;        /* char *, of the FROM table, in order */
  const char *table;         /* how columns may be qualified: the alias, else the name */
  GPtrArray *items;          /* TarnRowwiseItem whose aliases may be referred to; name NULL: has no alias */
  const RowwiseScope *scope; /* parameters of the lambdas around */
  guint nodes;               /* how large the expressions have become by replacing aliases */
} RowwiseContext;

/* Always FALSE: sets *error to "a silver model may not contain <what>". */
gboolean rowwise_refuse(const char *what, GError **error);

/* What functions there are. NULL: error. */
GHashTable *rowwise_functions_load(TarnConn *conn, GError **error);
/* May a row-wise SELECT call this one: a scalar function that is not volatile, or a macro that holds only such ones. */
gboolean rowwise_function_check(RowwiseContext *context, const json_t *call, GError **error);
/* May the same call give something else another time: is it volatile or of the session, or a macro over such a one. */
gboolean rowwise_function_changes(GHashTable *functions, TarnConn *conn, const char *name);
gboolean rowwise_function_takes_lambda(const json_t *call);

/* Replaces a star by the columns it stands for, appended to list. */
gboolean rowwise_star_expand(RowwiseContext *context, const json_t *star, json_t *list, GError **error);

/* Checks an expression and makes it independent of aliases and qualifiers, in place: every column reference left is one
 * column name. */
gboolean rowwise_expression_resolve(RowwiseContext *context, json_t *node, GError **error);
