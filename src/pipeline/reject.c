#include "pipeline/reject.h"
void tarn_reject_free(TarnReject *r) {
  if (!r) return;
  g_free(r->select_list);
  g_free(r->accepted);
  g_free(r->reasons);
  g_free(r);
}
TarnReject *tarn_reject_new(TarnConn *conn, const TarnRowwise *rw, TarnRejectForm form, GError **error) {
  (void)conn;
  (void)form;
  (void)error;
  GString *s = g_string_new(NULL), *a = g_string_new("true"), *r = g_string_new("list_filter([");
  for (guint i = 0; i < rw->items->len; i++) {
    TarnRowwiseItem *it = rw->items->pdata[i];
    char *q = tarn_sql_quote_identifier(it->name), *l = tarn_sql_quote_literal(it->name),
         *m = tarn_sql_quote_literal(it->sql);
    g_string_append_printf(s, "%sTRY(%s) AS %s", i ? ", " : "", it->sql, q);
    g_string_append_printf(a, " AND TRY(hash(%s)) IS NOT NULL", it->sql);
    g_string_append_printf(r,
                           "%sCASE WHEN TRY(hash(%s)) IS NULL THEN struct_pack(column_name := %s, rule := 'malformed: "
                           "'||%s, value := '') END",
                           i ? ", " : "", it->sql, l, m);
  }
  for (guint i = 0; i < rw->conjuncts->len; i++) {
    TarnRowwiseConjunct *c = rw->conjuncts->pdata[i];
    char *m = tarn_sql_quote_literal(c->sql);
    g_string_append_printf(a, " AND coalesce(TRY(%s), false)", c->sql);
    g_string_append_printf(r,
                           ", CASE WHEN NOT coalesce(TRY(%s),false) THEN struct_pack(column_name := NULL::VARCHAR, "
                           "rule := %s, value := '') END",
                           c->sql, m);
  }
  g_string_append(r, "], lambda x: x IS NOT NULL)");
  TarnReject *o = g_new0(TarnReject, 1);
  o->select_list = s->str;
  o->accepted = a->str;
  o->reasons = r->str;
  return o;
}
