/* Derives from a plain row-wise SELECT which rows it accepts and why it refuses the others, so that one bad row never fails a run and none
 * disappears. In: the model taken apart (project/rowwise.h). Out: SQL texts for DuckDB; nothing is run here but parsing and binding.
 *
 * With items E_i and conjuncts C_j, a row is
 *   malformed  where TRY(hash(E_i)) IS NULL for some i (E_i raises), or where TRY(hash(C_j)) IS NULL (C_j raises)
 *   filtered   where TRY(C_j) IS NOT TRUE for some j and C_j does not raise
 *   accepted   else.
 * AND and OR evaluate every operand, but as the condition of a CASE they stop at the first operand that decides, left to right. TRY_CAST and TRY of
 * the model itself never count as raising. Errors that TRY does not catch (out of memory, interruption, internal ones) fail the statement.
 * Fast form: CAST is rewritten to TRY_CAST and the row is malformed where a cast's input is not NULL and its result is NULL (only where CASE and
 * COALESCE would have evaluated it); parts that may raise otherwise, and only those, get TRY around them (slow for a vector in which one raises).
 * Both forms give the same accepted rows and values; a property test holds them together. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"
#include "project/rowwise.h"

typedef enum {
  TARN_REJECT_AUTO,    /* fast where it can be, general where it must be, per expression */
  TARN_REJECT_GENERAL, /* everything by TRY: for the property test and for doubt */
} TarnRejectForm;

/* The texts are over tarn_reject_source(), which has every row given to it with its columns, and a few columns named tarn_... of its own:
 *   INSERT INTO silver SELECT <select_list>, seq FROM <source> WHERE seq >= $1 AND (<accepted>)
 *   SELECT seq, <reasons> FROM <source over the others>
 * In this shape DuckDB reads each JSON text and tries each cast once per row. Conditions on the table's own columns are pushed down to the
 * table, joins (IN (SELECT ...)) are not: those belong into the rows of the source. */
typedef struct {
  /* `<expr> AS "name", ...`: the accepted row's values; raises nothing on rows that `accepted` lets through, nor on others */
  char *select_list;
  GStrv values;   /* the <expr> of each item */
  char *accepted; /* boolean SQL, never NULL, never raises: the row goes to silver (but for duplicates) */
  /* SQL of type STRUCT(column_name VARCHAR, rule VARCHAR, value VARCHAR)[]: every failed item and conjunct once, in order, NULLs removed;
     empty exactly where `accepted` is true. malformed item: {column_name: item, rule: 'malformed: <the expression's SQL>', value: the offending input(s)
     cut at 200 characters}; filtered: {column_name: NULL, rule: <conjunct's SQL>, value: the columns it reads, `a=1, b=x`, cut at 200 characters};
     conjunct that raises: rule 'malformed: <conjunct's SQL>' */
  char *reasons;
  gboolean all_fast; /* no part needed the general form */
  /* of tarn_reject_source */
  char *table, *source_head, *source_tail;
} TarnReject;

/* conn: a connection whose database holds the FROM table (may be empty), for binding types. */
TarnReject *tarn_reject_new(TarnConn *conn, const TarnRowwise *rowwise, TarnRejectForm form, GError **error);
/* What follows FROM. rows: SQL of the rows to look at, a table or a subquery with the FROM table's columns; NULL: the FROM table. Caller frees. */
char *tarn_reject_source(const TarnReject *reject, const char *rows);
void tarn_reject_free(TarnReject *reject); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnReject, tarn_reject_free)
