/* SQL as DuckDB's own parser sees it: text to tree (json_serialize_sql) and back (json_deserialize_sql), and walks over
 * the tree. Trees are jansson values of DuckDB's serialisation. Integers beyond 64-bit signed (query_location of
 * generated nodes, HUGEINT constants) survive the round trip. Needs any open connection; reads no table. */
#pragma once
#include <glib.h>
#include <jansson.h>

#include "lakehouse/db.h"

typedef struct {
  guint line;   /* 1-based, within the SQL text given */
  guint column; /* 1-based */
} TarnSqlPosition;

/* One SELECT statement to its tree {"error":false,"statements":[{"node":...}]}. *position (may be NULL) is set on
 * failure. Errors: TARN_ERROR_USAGE: does not parse; is not exactly one SELECT. */
json_t *tarn_ast_parse(TarnConn *conn, const char *sql, TarnSqlPosition *position, GError **error);

/* One scalar expression to its tree (it is parsed as SELECT <expression>). */
json_t *tarn_ast_parse_expression(TarnConn *conn, const char *expression, TarnSqlPosition *position, GError **error);

/* Tree to SQL text; caller frees. */
char *tarn_ast_to_sql(TarnConn *conn, const json_t *tree, GError **error);
/* Expression tree to SQL text; caller frees. */
char *tarn_ast_expression_to_sql(TarnConn *conn, const json_t *expression, GError **error);
/* Expression trees (json array) to the text of a select list, aliases kept; caller frees. */
char *tarn_ast_list_to_sql(TarnConn *conn, const json_t *expressions, GError **error);

/* The root node of the one statement of a tree; borrowed. */
json_t *tarn_ast_statement(const json_t *tree);
/* Is the node's "type" this one? FALSE for what is no node. */
gboolean tarn_ast_is(const json_t *node, const char *type);

/* New nodes, the caller's; arguments and children are taken. */
json_t *tarn_ast_text(const char *text);                        /* 'text' */
json_t *tarn_ast_boolean(gboolean value);                       /* true */
json_t *tarn_ast_column(const char *name);                      /* "name" */
json_t *tarn_ast_function(const char *name, json_t *arguments); /* name(...); arguments: json array */
json_t *tarn_ast_operator(const char *type,
                          json_t *child); /* OPERATOR_IS_NULL, OPERATOR_IS_NOT_NULL, OPERATOR_NOT, OPERATOR_TRY */
json_t *tarn_ast_conjunction(const char *type,
                             json_t *children); /* CONJUNCTION_AND, CONJUNCTION_OR over a json array */
/* CASE WHEN .. THEN .. ELSE .. END: an empty one is its default; arms are added in order. */
json_t *tarn_ast_case(json_t *otherwise);
void tarn_ast_case_add(json_t *node, json_t *when, json_t *then);

typedef struct {
  char *catalog, *schema, *name; /* "" where not written */
  TarnSqlPosition position;
} TarnTableRef;

/* The base tables that the statement reads, CTE names left out, each mention once, in order. sql is the text of the
 * tree, for positions. */
GPtrArray *tarn_ast_tables(const json_t *tree, const char *sql);

/* Calls visit for every node object below (and including) node that has a "class" or "type"; a FALSE return stops the
 * descent below it. */
typedef gboolean (*TarnAstVisit)(json_t *node, gpointer user);
void tarn_ast_walk(json_t *node, TarnAstVisit visit, gpointer user);

/* query_location of a node to a position in sql. {0,0} where the node has none. */
TarnSqlPosition tarn_ast_position(const json_t *node, const char *sql);

/* An optimisation that changes no result: where col->>'a', col->>'$.b' ... (plain keys) of one column occur more than
 * once in the given expressions, each becomes a field of one json_transform(col, {"a":"VARCHAR","b":"VARCHAR"}), so
 * that the text is parsed once per row. The structures are columns of a subquery, so that even CASE arms and AND
 * operands share them (DuckDB shares nothing across those): SELECT <expressions> FROM (SELECT *<result> FROM t). The
 * result is ", json_transform(...) AS tarn_fields_0, ..." or "". expressions: json array of trees, changed in place.
 * Caller frees. */
char *tarn_ast_hoist_json_fields(TarnConn *conn, json_t *expressions, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)
