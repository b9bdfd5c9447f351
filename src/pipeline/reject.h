/* Derives from a plain row-wise SELECT which rows it accepts and why it refuses the others, so that one bad row never fails a run and none
 * disappears. In: the model taken apart (project/rowwise.h). Out: SQL texts for DuckDB; nothing is run here but parsing and binding.
 *
 * With items E_i and conjuncts C_j, a row is
 *   malformed  where TRY(hash(E_i)) IS NULL for some i (E_i raises), or where TRY(hash(C_j)) IS NULL (C_j raises)
 *   filtered   where TRY(C_j) IS NOT TRUE for some j and C_j does not raise
 *   accepted   else.
 * Fast form: where casts are all that can raise in an expression, CAST is rewritten to TRY_CAST and the row is malformed where a cast's input is not NULL
 * and its result is NULL (only where CASE and COALESCE would have evaluated it); the general form (TRY) is used where anything else may raise.
 * Both forms give the same accepted rows and values; a property test holds them together. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"
#include "project/rowwise.h"

typedef enum {
  TARN_REJECT_AUTO,     /* fast where it can be, general where it must be, per expression */
  TARN_REJECT_GENERAL,  /* everything by TRY: for the property test and for doubt */
} TarnRejectForm;

typedef struct {
  char *select_list;    /* `<expr> AS "name", ...`: the accepted row's values; raises nothing on rows that `accepted` lets through, nor on others */
  char *accepted;       /* boolean SQL over the FROM table's columns, never NULL, never raises: the row goes to silver (but for duplicates) */
  char *reasons;        /* SQL of type STRUCT(column_name VARCHAR, rule VARCHAR, value VARCHAR)[]: every failed item and conjunct once, in order, NULLs removed;
                           empty exactly where `accepted` is true. malformed item: {column_name: item, rule: 'malformed: <the expression's SQL>', value: the offending input(s)
                           cut at 200 characters}; filtered: {column_name: NULL, rule: <conjunct's SQL>, value: the columns it reads, `a=1, b=x`, cut at 200 characters};
                           conjunct that raises: rule 'malformed: <conjunct's SQL>' */
  gboolean all_fast;    /* no part needed the general form */
} TarnReject;

/* conn: a connection whose database holds the FROM table (may be empty), for binding types. */
TarnReject *tarn_reject_new(TarnConn *conn, const TarnRowwise *rowwise, TarnRejectForm form, GError **error);
void tarn_reject_free(TarnReject *reject); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnReject, tarn_reject_free)
