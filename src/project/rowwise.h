/* What a silver model may be: a row-wise SELECT, taken apart. In: the model's SQL and a connection whose database holds the tables it reads
 * (empty ones will do). Out: its select items and WHERE conjuncts as trees, stars expanded, column aliases resolved; or the first thing that
 * a row-wise SELECT may not contain, with its position.
 * Allowed: one FROM table (alias allowed), scalar expressions of non-volatile functions, WHERE. Not: join, subquery, CTE, set operation, aggregate, window,
 * QUALIFY, GROUP BY, HAVING, DISTINCT, ORDER BY, LIMIT, OFFSET, SAMPLE, unnest or other table-in-out functions, volatile functions (random, now, nextval ...), parameters.
 * References to an alias of an earlier item (which DuckDB allows) are replaced by that item's expression. */
#pragma once
#include <glib.h>
#include <jansson.h>

#include "lakehouse/ast.h"
#include "project/project.h"

typedef struct {
  char *name;   /* output column */
  json_t *tree; /* its expression, alias removed */
  char *sql;    /* the same as SQL text */
} TarnRowwiseItem;

typedef struct {
  json_t *tree;
  char *sql; /* as DuckDB writes it: the name of the rule in reasons */
} TarnRowwiseConjunct;

typedef struct {
  char *table;          /* the FROM table */
  char *alias;          /* NULL: none */
  GPtrArray *items;     /* TarnRowwiseItem, unique names */
  GPtrArray *conjuncts; /* TarnRowwiseConjunct; empty without WHERE. Only the top-level AND is split */
} TarnRowwise;

/* NULL with *error: TARN_ERROR_USAGE; *position (may be NULL) is the place in model->sql. */
TarnRowwise *tarn_rowwise_new(TarnConn *conn, const TarnModel *model, TarnSqlPosition *position, GError **error);
void tarn_rowwise_free(TarnRowwise *rowwise); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnRowwise, tarn_rowwise_free)
