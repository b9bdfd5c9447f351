#include "serve/table_filter.h"

#include <string.h>

#include "base/nearest.h"
#include "serve/table_value.h"

#define MAX_DEPTH 16
#define SHOWN_CHARACTERS 60

/* Where a condition stands: alone in a parameter its value is the whole rest, in a list of and/or it ends at a comma or
 * bracket unless it is quoted. */
typedef struct {
  const TarnTableFilter *filter;
  const char *at;
  guint depth; /* of and/or; 0: alone */
} Place;

typedef char *(*Append)(Place *place, const TarnCatalogColumn *column, const char *operator);

static char *append_comparison(Place *place, const TarnCatalogColumn *column, const char *operator);
static char *append_like(Place *place, const TarnCatalogColumn *column, const char *operator);
static char *append_in(Place *place, const TarnCatalogColumn *column, const char *operator);
static char *append_is(Place *place, const TarnCatalogColumn *column, const char *operator);

/* Each operator's name and, at the same place, what it does. */
static const char *const names[] = {"eq",   "neq",   "gt", "gte", "lt",  "lte", "isdistinct",
                                    "like", "ilike", "in", "is",  "not", NULL};
static const struct {
  const char *sql;
  Append append;
} operators[] = {
    {"=", append_comparison},
    {"<>", append_comparison},
    {">", append_comparison},
    {">=", append_comparison},
    {"<", append_comparison},
    {"<=", append_comparison},
    {"IS DISTINCT FROM", append_comparison},
    {"LIKE", append_like},
    {"ILIKE", append_like},
    {"IN", append_in},
    {"IS", append_is},
};
G_STATIC_ASSERT(G_N_ELEMENTS(names) == G_N_ELEMENTS(operators) + 2);

const char *const *tarn_table_filter_operators(void) { return names; }

/* ---- names and values ---- */

/* A text in double quotes, in which a backslash keeps the next character; *at goes behind it. */
static char *read_quoted(const char **at) {
  g_autoptr(GString) text = g_string_new(NULL);
  const char *p = *at + 1;
  for (; *p && *p != '"'; p++) {
    if (*p == '\\' && p[1]) p++;
    g_string_append_c(text, *p);
  }
  if (!*p) return NULL;
  *at = p + 1;
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *read_plain(const char **at, const char *ends) {
  gsize size = strcspn(*at, ends);
  char *text = g_strndup(*at, size);
  *at += size;
  return text;
}

char *tarn_table_name_read(const char **at, const char *ends) {
  return **at == '"' ? read_quoted(at) : read_plain(at, ends);
}

const TarnCatalogColumn *tarn_table_name_find(const TarnCatalogTable *table, const char *name, char **wrong) {
  const TarnCatalogColumn *column = tarn_catalog_column(table, name);
  if (column) return column;
  g_autoptr(GPtrArray) columns = g_ptr_array_new();
  for (guint i = 0; i < table->columns->len; i++)
    g_ptr_array_add(columns, ((TarnCatalogColumn *)table->columns->pdata[i])->name);
  g_ptr_array_add(columns, NULL);
  const char *nearest = tarn_nearest_word(name, (const char *const *)columns->pdata);
  g_autofree char *shown = g_utf8_substring(name, 0, MIN(g_utf8_strlen(name, -1), SHOWN_CHARACTERS));
  *wrong = g_strdup_printf("the table %s has no column '%s'%s%s%s", table->name, shown,
                           nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
  return NULL;
}

/* The value of an operator that takes one; NULL: a quote is not closed. */
static char *read_value(Place *place) {
  if (place->depth == 0) return read_plain(&place->at, "");
  return *place->at == '"' ? read_quoted(&place->at) : read_plain(&place->at, ",)");
}

static char *unclosed(void) { return g_strdup("a double quote is not closed"); }

/* ---- operators ---- */

static char *append_comparison(Place *place, const TarnCatalogColumn *column, const char *operator) {
  g_autofree char *text = read_value(place);
  if (!text) return unclosed();
  tarn_table_value_append_column(column, place->filter->sql);
  g_string_append_printf(place->filter->sql, " %s ", operator);
  return tarn_table_value_append(column, text, place->filter->query, place->filter->sql);
}

/* * stands for %, as a percent sign is a nuisance in a URL. A backslash keeps the next character, as in PostgreSQL. */
static char *append_like(Place *place, const TarnCatalogColumn *column, const char *operator) {
  GString *sql = place->filter->sql;
  g_autofree char *text = read_value(place);
  if (!text) return unclosed();
  if (!tarn_table_column_is_text(column))
    return g_strdup_printf("a column of the type %s has no pattern", column->type);
  gsize end = strlen(text), backslashes = 0;
  while (end > backslashes && text[end - 1 - backslashes] == '\\') backslashes++;
  if (backslashes % 2 == 1) return g_strdup("a pattern may not end with a single backslash");
  g_strdelimit(text, "*", '%');
  const TarnValue pattern = tarn_value_text(text);
  g_autofree char *quoted = tarn_table_column_sql(column);
  g_string_append_printf(sql, "CAST(%s AS VARCHAR) %s ", quoted, operator);
  tarn_table_value_append_bound(&pattern, place->filter->query, sql);
  if (strchr(text, '\\')) g_string_append(sql, " ESCAPE '\\'");
  return NULL;
}

/* The elements between the brackets; an empty list holds nothing. */
static char *append_elements(Place *place, const TarnCatalogColumn *column) {
  for (guint i = 0;; i++) {
    g_autofree char *text = tarn_table_name_read(&place->at, ",)");
    if (!text) return unclosed();
    if (*place->at != ',' && *place->at != ')') return g_strdup("a list is not closed; it looks like in.(1,2,3)");
    if (i > 0) g_string_append(place->filter->sql, ", ");
    char *wrong = tarn_table_value_append(column, text, place->filter->query, place->filter->sql);
    if (wrong || *place->at == ')') return wrong;
    place->at++;
  }
}

static char *append_in(Place *place, const TarnCatalogColumn *column, const char *operator) {
  if (*place->at != '(') return g_strdup("in takes a list in brackets, like in.(1,2,3)");
  place->at++;
  char *wrong = NULL;
  if (*place->at == ')') {
    g_string_append(place->filter->sql, "false");
  } else {
    tarn_table_value_append_column(column, place->filter->sql);
    g_string_append_printf(place->filter->sql, " %s (", operator);
    wrong = append_elements(place, column);
    g_string_append_c(place->filter->sql, ')');
  }
  if (!wrong) place->at++;
  return wrong;
}

static char *append_is(Place *place, const TarnCatalogColumn *column, const char *operator) {
  (void)operator;
  static const struct {
    const char *word, *sql;
    gboolean boolean;
  } states[] = {{"null", "IS NULL", FALSE},
                {"not_null", "IS NOT NULL", FALSE},
                {"true", "IS NOT DISTINCT FROM true", TRUE},
                {"false", "IS NOT DISTINCT FROM false", TRUE},
                {"unknown", "IS NULL", TRUE}};
  g_autofree char *text = read_value(place);
  g_autofree char *quoted = tarn_table_column_sql(column);
  for (gsize i = 0; text && i < G_N_ELEMENTS(states); i++) {
    if (g_ascii_strcasecmp(states[i].word, text) != 0) continue;
    if (states[i].boolean && !g_str_equal(column->type, "BOOLEAN")) break;
    g_string_append_printf(place->filter->sql, "%s %s", quoted, states[i].sql);
    return NULL;
  }
  return g_strdup("is takes null or not_null; for a BOOLEAN also true, false or unknown");
}

static char *unknown_operator(const char *word) {
  const char *nearest = tarn_nearest_word(word, tarn_table_filter_operators());
  g_autofree char *shown = g_utf8_substring(word, 0, MIN(g_utf8_strlen(word, -1), SHOWN_CHARACTERS));
  return g_strdup_printf("there is no operator '%s'%s%s%s; a filter looks like eq.5 or not.in.(1,2)", shown,
                         nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

/* operator.value, at most one "not." before it. */
static char *append_operation(Place *place, const TarnCatalogColumn *column, gboolean negated) {
  g_autofree char *word = read_plain(&place->at, ".,()");
  if (*place->at == '.' && !negated && g_str_equal(word, "not")) {
    place->at++;
    g_string_append(place->filter->sql, "NOT (");
    char *wrong = append_operation(place, column, TRUE);
    g_string_append_c(place->filter->sql, ')');
    return wrong;
  }
  for (gsize i = 0; *place->at == '.' && i < G_N_ELEMENTS(operators); i++) {
    if (!g_str_equal(names[i], word)) continue;
    place->at++;
    return operators[i].append(place, column, operators[i].sql);
  }
  return unknown_operator(word);
}

/* ---- and, or ---- */

/* "and(" or "not.or(" at *at: *negated and *sql are set and *at goes to the bracket. */
static gboolean read_conjunction(const char **at, char end, gboolean *negated, const char **sql) {
  static const struct { const char *word, *sql; } words[] = {{"and", " AND "}, {"or", " OR "}};
  *negated = g_str_has_prefix(*at, "not.");
  const char *word = *at + (*negated ? strlen("not.") : 0);
  for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
    gsize size = strlen(words[i].word);
    if (strncmp(word, words[i].word, size) != 0 || word[size] != end) continue;
    *at = word + size;
    *sql = words[i].sql;
    return TRUE;
  }
  return FALSE;
}

static char *append_list(Place *place, gboolean negated, const char *conjunction);

static char *append_item(Place *place) {
  gboolean negated;
  const char *conjunction;
  if (read_conjunction(&place->at, '(', &negated, &conjunction)) return append_list(place, negated, conjunction);
  char *wrong = NULL;
  g_autofree char *name = tarn_table_name_read(&place->at, ".,()");
  if (!name) return unclosed();
  const TarnCatalogColumn *column = tarn_table_name_find(place->filter->table, name, &wrong);
  if (!column) return wrong;
  if (*place->at != '.') return g_strdup_printf("behind %s comes an operator, like %s.eq.5", name, name);
  place->at++;
  return append_operation(place, column, FALSE);
}

/* (condition,condition,...) */
static char *append_list(Place *place, gboolean negated, const char *conjunction) {
  if (*place->at != '(') return g_strdup("and, or take conditions in brackets, like or=(a.lt.5,b.is.null)");
  if (++place->depth > MAX_DEPTH) return g_strdup_printf("conditions are nested deeper than %d", MAX_DEPTH);
  g_string_append(place->filter->sql, negated ? "NOT (" : "(");
  for (gboolean first = TRUE; first || *place->at == ','; first = FALSE) {
    place->at++;
    if (!first) g_string_append(place->filter->sql, conjunction);
    g_string_append_c(place->filter->sql, '(');
    char *wrong = append_item(place);
    if (wrong) return wrong;
    g_string_append_c(place->filter->sql, ')');
  }
  if (*place->at != ')') return g_strdup("a bracket is not closed");
  place->at++;
  place->depth--;
  g_string_append_c(place->filter->sql, ')');
  return NULL;
}

char *tarn_table_filter_append(const TarnTableFilter *filter, const char *name, const char *text) {
  Place place = {filter, text, 0};
  gboolean negated;
  const char *conjunction, *end = name;
  char *wrong = NULL;
  if (read_conjunction(&end, '\0', &negated, &conjunction)) {
    wrong = append_list(&place, negated, conjunction);
  } else {
    g_autofree char *column_name = tarn_table_name_read(&end, "");
    const TarnCatalogColumn *column = column_name ? tarn_table_name_find(filter->table, column_name, &wrong) : NULL;
    if (!column) return wrong ? wrong : unclosed();
    if (*end) return g_strdup_printf("there is more behind the quoted name: '%.40s'", end);
    wrong = append_operation(&place, column, FALSE);
  }
  if (!wrong && *place.at) wrong = g_strdup_printf("there is more behind the end: '%.40s'", place.at);
  return wrong;
}
