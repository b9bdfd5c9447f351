/* What the files of the reject derivation share. An expression E is derived into a value V, which equals E wherever E
 * does not raise and never raises itself, and into the raises of E: conditions that are never NULL, never raise, and of
 * which one is TRUE exactly where E raises. */
#pragma once
#include <glib.h>
#include <jansson.h>

#include "pipeline/reject.h"

typedef struct {
  json_t *condition; /* TRUE where the cast or call raises and would have been evaluated */
  json_t *input;     /* what is to blame: the value that did not cast; else NULL */
  json_t *site;      /* the part of E that raises: its columns are to blame where there is no input */
} RejectRaise;

typedef struct {
  json_t *value;
  GPtrArray *raises;          /* RejectRaise */
  gboolean unsettled;         /* value may still raise: it needs TRY around it */
  gboolean null_where_raised; /* value is NULL wherever E raises, so raises need a look only where it is */
} RejectDerived;

typedef struct {
  GHashTable *types;     /* tree node -> its type as DuckDB writes it */
  gboolean general_used; /* something needed TRY */
} RejectContext;

/* Types of every part of the expressions (json array), bound over the FROM item `source`. NULL: error. */
GHashTable *reject_types_new(TarnConn *conn, const json_t *expressions, const char *source, GError **error);
const char *reject_type(const RejectContext *context, const json_t *node); /* "" where unknown */

/* Children of a comparison, BETWEEN, operator, function or cast, in order; a new array. */
json_t *reject_children(const json_t *node);
/* A copy of node with other children. */
json_t *reject_with_children(const json_t *node, json_t *children);

/* AND and OR stop early only as conditions of CASE, and DuckDB may reorder them there; made into nested CASEs they stop
 * left to right, always. Literal operands are folded, as DuckDB does. In place. */
void reject_normalise(json_t *expression);
/* DuckDB 1.5 moves a cast of a structure's field below everything, down to the table, even out of TRY; but not a cast
 * of TRY(field). A copy, for use within TRY. */
json_t *reject_protect_fields(const json_t *expression);

/* Does this part raise nothing by itself, whatever values its children have? */
gboolean reject_is_safe(const RejectContext *context, const json_t *node);
/* Is it NULL wherever one of its children is NULL? */
gboolean reject_is_strict(const RejectContext *context, const json_t *node);
/* Can values of these parts be brought to one type without raising? */
gboolean reject_types_agree(const RejectContext *context, const json_t *nodes);
/* Might the optimizer see what this gives without evaluating all of it, because of its constants? */
gboolean reject_may_fold(const json_t *node);
gboolean reject_is_column_free(const json_t *node);

typedef enum {
  REJECT_CAST_SURE,    /* never raises */
  REJECT_CAST_TRY,     /* TRY_CAST is NULL exactly where CAST raises or the input is NULL */
  REJECT_CAST_TRY_TRY, /* as above, but TRY_CAST itself raises for a few values out of range */
  REJECT_CAST_UNKNOWN,
} RejectCast;
RejectCast reject_cast_kind(const char *from, const char *to);

/* E with TRY only where it must be. */
RejectDerived reject_derive(RejectContext *context, const json_t *expression);
/* E as a whole in TRY. */
RejectDerived reject_derive_general(RejectContext *context, const json_t *expression);
void reject_derived_clear(RejectDerived *derived);
