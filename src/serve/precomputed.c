#include "serve/precomputed.h"

#include "lakehouse/sql.h"
#include "project/precompute.h"

typedef struct {
  char *body;   /* rows as JSON, joined by commas */
  GArray *ends; /* gsize: where each row ends in it */
} Rendered;

struct TarnPrecomputed {
  TarnShape shape;
  GHashTable *answers; /* name of the combination -> Rendered */
};

static void rendered_free(gpointer data) {
  Rendered *rendered = data;
  g_free(rendered->body);
  g_array_unref(rendered->ends);
  g_free(rendered);
}

static Rendered *rendered_new(char *body, const char *row_ends) {
  Rendered *rendered = g_new0(Rendered, 1);
  rendered->body = body;
  rendered->ends = g_array_new(FALSE, FALSE, sizeof(gsize));
  for (char *rest = (char *)row_ends; *rest;) {
    gsize end = g_ascii_strtoull(rest, &rest, 10);
    g_array_append_val(rendered->ends, end);
  }
  return rendered;
}

static gboolean table_exists(TarnConn *conn, gboolean *exists, GError **error) {
  gint64 tables;
  g_autoptr(TarnResult) name = tarn_conn_query(conn, "SELECT current_database()", NULL, 0, error);
  if (!name) return FALSE;
  g_autofree char *database = tarn_result_text(name, 0, 0);
  const TarnValue value = tarn_value_text(database);
  if (!tarn_conn_query_int(conn, tarn_sql_precomputed_exists, &value, 1, &tables, error)) return FALSE;
  *exists = tables > 0;
  return TRUE;
}

gboolean tarn_precomputed_read(TarnConn *conn, const TarnEndpoint *endpoint, TarnPrecomputed **precomputed,
                               GError **error) {
  gboolean exists;
  *precomputed = NULL;
  if (!endpoint->precompute) return TRUE;
  if (!table_exists(conn, &exists, error)) return FALSE;
  if (!exists) return TRUE;
  g_autofree char *digest = tarn_precompute_digest(endpoint);
  const TarnValue values[] = {tarn_value_text(endpoint->name), tarn_value_text(digest)};
  g_autoptr(TarnResult) result = tarn_conn_query(conn, tarn_sql_precomputed_read, values, 2, error);
  if (!result) return FALSE;
  if (tarn_result_rows(result) == 0) return TRUE;
  *precomputed = g_new0(TarnPrecomputed, 1);
  (*precomputed)->shape = endpoint->shape;
  (*precomputed)->answers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, rendered_free);
  for (guint64 row = 0; row < tarn_result_rows(result); row++) {
    g_autofree char *ends = tarn_result_text(result, row, 2);
    g_hash_table_insert((*precomputed)->answers, tarn_result_text(result, row, 0),
                        rendered_new(tarn_result_text(result, row, 1), ends));
  }
  return TRUE;
}

void tarn_precomputed_free(TarnPrecomputed *precomputed) {
  if (!precomputed) return;
  g_hash_table_unref(precomputed->answers);
  g_free(precomputed);
}

/* The answer to the query's combination of parameters, and how many of its rows are asked for. */
static const Rendered *find(const TarnPrecomputed *precomputed, const TarnQuery *query, guint64 *rows) {
  g_autoptr(GString) name = g_string_sized_new(64);
  guint64 limit = G_MAXUINT64;
  for (guint i = 0; i < query->values->len; i++) {
    const TarnQueryValue *value = &g_array_index(query->values, TarnQueryValue, i);
    if (value->value.type == TARN_VALUE_INT) limit = (guint64)value->value.integer;
    tarn_precompute_name_add(name, value->name, &value->value);
  }
  const Rendered *rendered = g_hash_table_lookup(precomputed->answers, name->str);
  if (rendered) *rows = MIN(limit, rendered->ends->len);
  return rendered;
}

gboolean tarn_precomputed_write(const TarnPrecomputed *precomputed, const TarnQuery *query, GString *body) {
  guint64 rows = 0;
  gboolean many = precomputed->shape == TARN_SHAPE_ROWS;
  const Rendered *rendered = find(precomputed, query, &rows);
  if (!rendered || (rows == 0 && !many)) return FALSE;
  if (many) g_string_append_c(body, '[');
  if (rows > 0) {
    gsize size = g_array_index(rendered->ends, gsize, many ? rows - 1 : 0);
    g_string_append_len(body, rendered->body, (gssize)size);
  }
  g_string_append(body, many ? "]\n" : "\n");
  return TRUE;
}
