#include "serve/table_order.h"

#include <jansson.h>
#include <string.h>

#include "base/json_writer.h"
#include "serve/table_filter.h"
#include "serve/table_value.h"

#define MAX_TERMS 16
#define MAX_KEY_BYTES 256 /* longer ones are read again from the row: a cursor must fit into a URL */

/* ---- the order ---- */

static char *read_modifier(const char *word, TarnTableOrderTerm *term, guint *stage) {
  static const struct {
    const char *word;
    guint stage; /* the direction comes before the place of NULLs */
    gboolean value;
  } modifiers[] = {{"asc", 1, FALSE}, {"desc", 1, TRUE}, {"nullsfirst", 2, TRUE}, {"nullslast", 2, FALSE}};
  for (gsize i = 0; i < G_N_ELEMENTS(modifiers); i++) {
    if (!g_str_equal(modifiers[i].word, word) || modifiers[i].stage <= *stage) continue;
    *stage = modifiers[i].stage;
    if (*stage == 1) term->descending = modifiers[i].value;
    term->nulls_first = modifiers[i].value; /* NULLs are the largest */
    return NULL;
  }
  return g_strdup_printf("'%.40s' is not asc, desc, nullsfirst or nullslast; it looks like total.desc.nullslast", word);
}

static char *read_term(const TarnCatalogTable *table, const char **at, TarnTableOrderTerm *term) {
  char *wrong = NULL;
  guint stage = 0;
  g_autofree char *name = tarn_table_name_read(at, ".,");
  if (!name) return g_strdup("a double quote is not closed");
  term->column = tarn_table_name_find(table, name, &wrong);
  if (wrong) return wrong;
  if (!tarn_table_column_is_scalar(term->column))
    return g_strdup_printf("%s cannot be ordered by: its type is %s", name, term->column->type);
  while (!wrong && **at == '.') {
    ++*at;
    g_autofree char *word = g_strndup(*at, strcspn(*at, ".,"));
    *at += strlen(word);
    wrong = read_modifier(word, term, &stage);
  }
  if (!wrong && **at && **at != ',') wrong = g_strdup("columns of an order are separated by commas");
  return wrong;
}

char *tarn_table_order_read(const TarnCatalogTable *table, const char *text, GArray *terms) {
  for (const char *at = text;; at++) {
    TarnTableOrderTerm term = {0};
    char *wrong = read_term(table, &at, &term);
    if (wrong) return wrong;
    if (terms->len == MAX_TERMS) return g_strdup_printf("an order has at most %d columns", MAX_TERMS);
    g_array_append_val(terms, term);
    if (*at != ',') return NULL;
  }
}

static const TarnTableOrderTerm *term_at(const GArray *terms, guint i) {
  return &g_array_index(terms, TarnTableOrderTerm, i);
}

void tarn_table_order_append(const GArray *terms, GString *sql) {
  for (guint i = 0; i < terms->len; i++) {
    const TarnTableOrderTerm *term = term_at(terms, i);
    tarn_table_value_append_column(term->column, sql);
    g_string_append_printf(sql, " %s NULLS %s, ", term->descending ? "DESC" : "ASC",
                           term->nulls_first ? "FIRST" : "LAST");
  }
  g_string_append(sql, "t.rowid");
}

void tarn_table_order_append_keys(const GArray *terms, GString *sql) {
  for (guint i = 0; i < terms->len; i++) {
    g_autofree char *quoted = tarn_table_column_sql(term_at(terms, i)->column);
    g_string_append_printf(sql, "CAST(%s AS VARCHAR), ", quoted);
  }
  g_string_append(sql, "t.rowid");
}

/* ---- cursors: base64url of [digest of table and order, generation, row, key, ...] ---- */

char *tarn_table_cursor_prefix(const TarnCatalogTable *table, gint64 generation, const GArray *terms) {
  g_autoptr(GString) order = g_string_new(table->name);
  g_string_append_c(order, '\n');
  tarn_table_order_append(terms, order);
  g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, order->str, (gssize)order->len);
  return g_strdup_printf("[\"%.12s\",%" G_GINT64_FORMAT ",", digest, generation);
}

/* A text, null, or true for one that is read again from the row. */
static void write_key(TarnJsonWriter *json, const TarnResult *result, guint64 row, guint column) {
  gsize size = 0;
  g_autofree char *text = tarn_result_bytes(result, row, column, &size);
  if (!text)
    tarn_json_null(json);
  else if (size > MAX_KEY_BYTES || memchr(text, '\0', size))
    tarn_json_bool(json, TRUE);
  else
    tarn_json_string_len(json, text, size);
}

static char *encode(const GString *text) {
  char *encoded = g_base64_encode((const guchar *)text->str, text->len);
  g_strdelimit(g_strdelimit(encoded, "+", '-'), "/", '_');
  encoded[strcspn(encoded, "=")] = '\0';
  return encoded;
}

char *tarn_table_cursor_write(const char *prefix, const TarnResult *result, guint64 row, guint first, guint n_keys) {
  g_autoptr(GString) text = g_string_new(prefix);
  TarnJsonWriter json;
  g_string_append_printf(text, "%" G_GINT64_FORMAT, tarn_result_int(result, row, first + n_keys));
  for (guint i = 0; i < n_keys; i++) {
    g_string_append_c(text, ',');
    tarn_json_init(&json, text);
    write_key(&json, result, row, first + i);
  }
  g_string_append_c(text, ']');
  return encode(text);
}

static json_t *decode(const char *cursor) {
  gsize length = strlen(cursor), size;
  if (cursor[strspn(cursor, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")] != '\0') return NULL;
  g_autofree char *padded = g_strdup_printf("%s%.*s", cursor, (int)((4 - length % 4) % 4), "===");
  g_strdelimit(g_strdelimit(padded, "-", '+'), "_", '/');
  g_autofree guchar *text = g_base64_decode(padded, &size);
  return json_loadb((const char *)text, size, 0, NULL);
}

/* What the cursor says of its last row; it is of no use where the beginning is not the prefix. */
typedef struct {
  const json_t *array;
  const char *row_sql; /* $n: the row's number */
  const TarnCatalogTable *table;
  const GArray *terms;
  TarnQuery *query;
  GString *sql;
} Behind;

/* Appends the last row's value in a column that is not NULL there. */
static void append_key(const Behind *behind, guint i) {
  const TarnCatalogColumn *column = term_at(behind->terms, i)->column;
  const json_t *key = json_array_get(behind->array, i + 3);
  if (json_is_string(key)) {
    const TarnValue value = tarn_value_text(json_string_value(key));
    g_string_append(behind->sql, "TRY_CAST(");
    tarn_table_value_append_bound(&value, behind->query, behind->sql);
    g_string_append_printf(behind->sql, " AS %s)", g_str_equal(column->type, "JSON") ? "VARCHAR" : column->type);
    return;
  }
  g_autofree char *table = tarn_sql_quote_identifier(behind->table->name);
  g_string_append(behind->sql, "(SELECT ");
  tarn_table_value_append_column(column, behind->sql);
  g_string_append_printf(behind->sql, " FROM %s AS t WHERE t.rowid = %s)", table, behind->row_sql);
}

static void append_comparison(const Behind *behind, guint i, const char *operator) {
  tarn_table_value_append_column(term_at(behind->terms, i)->column, behind->sql);
  g_string_append_printf(behind->sql, " %s ", operator);
  append_key(behind, i);
}

static void append_null_check(const Behind *behind, guint i, const char *check) {
  tarn_table_value_append_column(term_at(behind->terms, i)->column, behind->sql);
  g_string_append_printf(behind->sql, " IS %s", check);
}

static gboolean is_null(const Behind *behind, guint i) { return json_is_null(json_array_get(behind->array, i + 3)); }

/* Rows whose value in column i does not come before that of the last row. Where it can, this is a plain bound, which the
 * engine checks as it reads. */
static void append_not_before(const Behind *behind, guint i) {
  const TarnTableOrderTerm *term = term_at(behind->terms, i);
  if (is_null(behind, i)) {
    if (term->nulls_first)
      g_string_append(behind->sql, "true");
    else
      append_null_check(behind, i, "NULL");
  } else if (term->nulls_first) {
    append_comparison(behind, i, term->descending ? "<=" : ">=");
  } else {
    g_string_append_c(behind->sql, '(');
    append_comparison(behind, i, term->descending ? ">" : "<");
    g_string_append(behind->sql, ") IS NOT TRUE");
  }
}

static void append_different(const Behind *behind, guint i) {
  if (is_null(behind, i))
    append_null_check(behind, i, "NOT NULL");
  else
    append_comparison(behind, i, "IS DISTINCT FROM");
}

/* not_before(0) AND (different(0) OR (not_before(1) AND (different(1) OR ... rowid > row))) */
static void append_behind(const Behind *behind, guint i) {
  if (i == behind->terms->len) {
    g_string_append_printf(behind->sql, "t.rowid > %s", behind->row_sql);
    return;
  }
  append_not_before(behind, i);
  g_string_append(behind->sql, " AND (");
  append_different(behind, i);
  g_string_append(behind->sql, " OR (");
  append_behind(behind, i + 1);
  g_string_append(behind->sql, "))");
}

static char *check(const json_t *array, const char *prefix, guint n_keys) {
  g_autofree char *whole = g_strconcat(prefix, "0]", NULL);
  json_t *expected = json_loads(whole, 0, NULL);
  const json_t *own = json_array_get(array, 1), *current = json_array_get(expected, 1);
  char *wrong = NULL;
  if (json_array_size(array) != n_keys + 3 || !json_is_integer(own) || !json_is_integer(json_array_get(array, 2)))
    wrong = g_strdup("it is no cursor that this server made for the order; take it from the header Link");
  else if (!json_equal(json_array_get(array, 0), json_array_get(expected, 0)))
    wrong = g_strdup("it belongs to another table or order");
  else if (!json_equal(own, current))
    wrong = g_strdup_printf("it belongs to generation %" JSON_INTEGER_FORMAT ", this is %" JSON_INTEGER_FORMAT
                            ": add generation=%" JSON_INTEGER_FORMAT ", or begin again without a cursor",
                            json_integer_value(own), json_integer_value(current), json_integer_value(own));
  json_decref(expected);
  return wrong;
}

char *tarn_table_cursor_append(const char *cursor, const char *prefix, const TarnCatalogTable *table,
                               const GArray *terms, TarnQuery *query, GString *sql) {
  json_t *array = decode(cursor);
  char *wrong = check(array, prefix, terms->len);
  if (!wrong) {
    const TarnValue row = tarn_value_int(json_integer_value(json_array_get(array, 2)));
    g_autoptr(GString) row_sql = g_string_new(NULL);
    tarn_table_value_append_bound(&row, query, row_sql);
    const Behind behind = {array, row_sql->str, table, terms, query, sql};
    g_string_append_c(sql, '(');
    append_behind(&behind, 0);
    g_string_append_c(sql, ')');
  }
  json_decref(array);
  return wrong;
}
