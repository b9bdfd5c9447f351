#include "serve/table_read.h"

#include <string.h>

#include "lakehouse/sql.h"
#include "serve/problem.h"
#include "serve/table_filter.h"
#include "serve/table_order.h"
#include "serve/table_value.h"
#include "serve/tables.h"

#define DEFAULT_PAGE 100
#define MAX_PAGE 10000

typedef struct {
  const TarnTableRead *read;
  TarnQuery *query;
  GString *columns, *condition;
  GArray *terms; /* TarnTableOrderTerm */
  const char *cursor;
  guint64 limit; /* 0: not given */
  gboolean counted;
  GArray *faults; /* Fault */
} Reading;

typedef struct {
  const char *parameter; /* borrowed; NULL: its name cannot be read */
  char *detail;
} Fault;

static void fault_clear(gpointer fault) { g_free(((Fault *)fault)->detail); }

static void add_fault(Reading *reading, const char *parameter, char *detail) {
  const Fault fault = {parameter, detail};
  g_array_append_val(reading->faults, fault);
}

/* ---- the parameters that are no filters ---- */

/* A column of a select list: "total", "sum:total", "*". */
static char *select_one(Reading *reading, const char **at) {
  char *wrong = NULL;
  g_autofree char *alias = NULL, *name = tarn_table_name_read(at, ",:");
  if (name && **at == ':') {
    ++*at;
    alias = g_steal_pointer(&name);
    name = tarn_table_name_read(at, ",:");
  }
  if (!name) return g_strdup("a double quote is not closed");
  if (**at == ':') return g_strdup("casts are not known here; select looks like total,mean:avg_total");
  if (**at && **at != ',') return g_strdup("columns are separated by commas");
  if (reading->columns->len) g_string_append(reading->columns, ", ");
  if (!alias && g_str_equal(name, "*")) {
    g_string_append(reading->columns, "t.*");
    return NULL;
  }
  const TarnCatalogColumn *column = tarn_table_name_find(reading->read->table, name, &wrong);
  if (!column) return wrong;
  if (alias && !*alias) return g_strdup("a name is missing before the colon");
  g_autofree char *quoted = tarn_table_column_sql(column), *as = tarn_sql_quote_identifier(alias ? alias : name);
  g_string_append_printf(reading->columns, "%s AS %s", quoted, as);
  return NULL;
}

static char *read_select(Reading *reading, const char *text) {
  for (const char *at = text;; at++) {
    char *wrong = select_one(reading, &at);
    if (wrong || !*at) return wrong;
  }
}

static char *read_order(Reading *reading, const char *text) {
  return tarn_table_order_read(reading->read->table, text, reading->terms);
}

static char *read_limit(Reading *reading, const char *text) {
  gboolean json = reading->read->format == TARN_FORMAT_JSON;
  guint64 most = json ? MAX_PAGE : G_MAXINT64;
  if (g_ascii_string_to_unsigned(text, 10, 1, most, &reading->limit, NULL)) return NULL;
  return json ? g_strdup_printf("'%.40s' is not a number from 1 to %d; format=ndjson, csv and parquet give more", text,
                                MAX_PAGE)
              : g_strdup_printf("'%.40s' is not a number of at least 1; without limit all rows are given", text);
}

static char *read_cursor(Reading *reading, const char *text) {
  reading->cursor = text;
  return NULL;
}

static char *read_count(Reading *reading, const char *text) {
  reading->counted = g_str_equal(text, "exact");
  return reading->counted ? NULL : g_strdup_printf("'%.40s' is not exact", text);
}

static char *refuse_offset(Reading *reading, const char *text) {
  (void)reading, (void)text;
  return g_strdup("there is no offset: the header Link of a page names the next one");
}

static char *leave(Reading *reading, const char *text) {
  (void)reading, (void)text;
  return NULL;
}

static const struct {
  const char *name;
  char *(*read)(Reading *reading, const char *text);
  gboolean in_link; /* the next page's address repeats it as it is */
} parameters[] = {
    {"select", read_select, TRUE},  {"order", read_order, TRUE},  {"limit", read_limit, TRUE},
    {"cursor", read_cursor, FALSE}, {"count", read_count, TRUE},  {"offset", refuse_offset, TRUE},
    {"format", leave, FALSE},       {"generation", leave, FALSE}, /* the server's */
};

/* Its number in the table; -1: it is a filter. */
static gint find_parameter(const char *name) {
  for (gsize i = 0; i < G_N_ELEMENTS(parameters); i++)
    if (g_str_equal(parameters[i].name, name)) return (gint)i;
  return -1;
}

static char *read_filter(Reading *reading, const char *name, const char *text) {
  const TarnTableFilter filter = {reading->read->table, reading->query, reading->condition};
  if (reading->condition->len) g_string_append(reading->condition, " AND ");
  g_string_append_c(reading->condition, '(');
  char *wrong = tarn_table_filter_append(&filter, name, text);
  g_string_append_c(reading->condition, ')');
  return wrong;
}

static void read_parameter(Reading *reading, const TarnTargetParameter *parameter, guint *seen) {
  if (!parameter->name || !parameter->value) {
    add_fault(reading, parameter->name, g_strdup("it is not percent-encoded UTF-8 text"));
    return;
  }
  gint known = find_parameter(parameter->name);
  char *wrong = NULL;
  if (known < 0)
    wrong = read_filter(reading, parameter->name, parameter->value);
  else if (*seen & 1u << known)
    wrong = g_strdup("it is given more than once");
  else
    wrong = parameters[known].read(reading, parameter->value);
  if (known >= 0) *seen |= 1u << known;
  if (wrong) add_fault(reading, parameter->name, wrong);
  if (known < 0 || parameters[known].read != leave)
    tarn_query_add_key(reading->query, parameter->name, parameter->value);
}

/* ---- what is wrong ---- */

static void write_columns(TarnJsonWriter *json, const TarnCatalogTable *table) {
  tarn_json_key(json, "columns");
  tarn_json_begin_array(json);
  for (guint i = 0; i < table->columns->len; i++)
    tarn_json_string(json, ((TarnCatalogColumn *)table->columns->pdata[i])->name);
  tarn_json_end_array(json);
}

static void write_operators(TarnJsonWriter *json) {
  tarn_json_key(json, "operators");
  tarn_json_begin_array(json);
  for (const char *const *name = tarn_table_filter_operators(); *name; name++) tarn_json_string(json, *name);
  tarn_json_end_array(json);
}

static void write_faults(const Reading *reading, TarnHttpResponse *response) {
  const Fault *first = &g_array_index(reading->faults, Fault, 0);
  g_autofree char *detail =
      g_strdup_printf("parameter %s: %s", first->parameter ? first->parameter : "(unreadable)", first->detail);
  TarnJsonWriter json;
  tarn_http_problem_begin(response, &json, 422, "columns and operators list what there is", detail);
  tarn_json_key(&json, "errors");
  tarn_json_begin_array(&json);
  for (guint i = 0; i < reading->faults->len; i++) {
    const Fault *fault = &g_array_index(reading->faults, Fault, i);
    tarn_json_begin_object(&json);
    tarn_json_member_string(&json, "parameter", fault->parameter);
    tarn_json_member_string(&json, "in", "query");
    tarn_json_member_string(&json, "detail", fault->detail);
    tarn_json_end_object(&json);
  }
  tarn_json_end_array(&json);
  write_columns(&json, reading->read->table);
  write_operators(&json);
  tarn_http_problem_end(&json);
}

/* ---- the query ---- */

static gboolean is_page(const Reading *reading) {
  if (reading->read->format == TARN_FORMAT_PARQUET) return FALSE;
  return reading->read->format == TARN_FORMAT_JSON || (reading->limit > 0 && reading->limit <= MAX_PAGE);
}

/* The condition for what comes behind the cursor. A bound on the row's number lets the engine stop early. */
static GString *make_behind(Reading *reading, const char *prefix) {
  GString *behind = g_string_new(NULL);
  if (!reading->cursor) {
    g_string_append(behind, reading->terms->len == 0 && is_page(reading) ? "t.rowid >= 0" : "true");
    return behind;
  }
  char *wrong =
      tarn_table_cursor_append(reading->cursor, prefix, reading->read->table, reading->terms, reading->query, behind);
  if (wrong) add_fault(reading, "cursor", wrong);
  return behind;
}

static char *make_link(const Reading *reading, const TarnTarget *target) {
  g_autoptr(GString) link = g_string_new("/api/v1/tables/");
  g_string_append_uri_escaped(link, reading->read->table->name, NULL, TRUE);
  g_string_append_printf(link, "?generation=%" G_GINT64_FORMAT, reading->read->generation);
  if (reading->read->format != TARN_FORMAT_JSON)
    g_string_append_printf(link, "&format=%s", tarn_format_name(reading->read->format));
  for (guint i = 0; i < target->query->len; i++) {
    const TarnTargetParameter *parameter = target->query->pdata[i];
    gint known = parameter->name ? find_parameter(parameter->name) : -1;
    if (known >= 0 && !parameters[known].in_link) continue;
    g_string_append_c(link, '&');
    g_string_append_uri_escaped(link, parameter->name ? parameter->name : "", NULL, TRUE);
    g_string_append_c(link, '=');
    g_string_append_uri_escaped(link, parameter->value ? parameter->value : "", NULL, TRUE);
  }
  g_string_append(link, "&cursor=");
  return g_string_free(g_steal_pointer(&link), FALSE);
}

static void make_page_sql(const Reading *reading, const char *table, const char *behind) {
  TarnQuery *query = reading->query;
  g_autoptr(GString) order = g_string_new(NULL), keys = g_string_new(NULL);
  guint64 limit = reading->limit ? reading->limit : DEFAULT_PAGE;
  tarn_table_order_append(reading->terms, order);
  tarn_table_order_append_keys(reading->terms, keys);
  if (reading->counted) {
    g_autofree char *count =
        tarn_sql_fill(tarn_sql_table_count, "table", table, "condition", reading->condition->str, NULL);
    g_string_append(keys, count);
  }
  g_autofree char *rows = g_strdup_printf("%" G_GUINT64_FORMAT, limit + 1);
  query->sql =
      tarn_sql_fill(tarn_sql_table_page, "columns", reading->columns->str, "keys", keys->str, "table", table,
                    "condition", reading->condition->str, "behind", behind, "order", order->str, "limit", rows, NULL);
  query->max_rows = limit;
  query->hidden = reading->terms->len + 1 + (reading->counted ? 1 : 0);
}

static void make_page(const Reading *reading, const TarnTarget *target, char *prefix) {
  TarnQueryPage *page = g_new0(TarnQueryPage, 1);
  page->limit = reading->query->max_rows;
  page->n_keys = reading->terms->len;
  page->counted = reading->counted;
  page->first = !reading->cursor;
  page->prefix = prefix;
  page->link = make_link(reading, target);
  reading->query->page = page;
}

static void make_rows_sql(const Reading *reading, const char *table, const char *behind) {
  g_autoptr(GString) order = g_string_new(NULL);
  if (reading->terms->len || reading->cursor || reading->limit) {
    g_string_append(order, "ORDER BY ");
    tarn_table_order_append(reading->terms, order);
  }
  g_autofree char *limit = g_strdup_printf("LIMIT %" G_GUINT64_FORMAT, reading->limit);
  reading->query->sql = tarn_sql_fill(tarn_sql_table_rows, "columns", reading->columns->str, "table", table,
                                      "condition", reading->condition->str, "behind", behind, "order", order->str,
                                      "limit", reading->limit ? limit : "", NULL);
}

static void make_query(Reading *reading, const TarnTarget *target) {
  const TarnTableRead *read = reading->read;
  g_autofree char *table = tarn_sql_quote_identifier(read->table->name);
  g_autofree char *prefix = tarn_table_cursor_prefix(read->table, read->generation, reading->terms);
  g_autoptr(GString) behind = make_behind(reading, prefix);
  if (reading->columns->len == 0) g_string_append(reading->columns, "t.*");
  if (reading->condition->len == 0) g_string_append(reading->condition, "true");
  if (is_page(reading)) {
    make_page_sql(reading, table, behind->str);
    make_page(reading, target, g_steal_pointer(&prefix));
  } else {
    make_rows_sql(reading, table, behind->str);
  }
}

/* Preferences are a list of words with parameters, each in any case. */
static gboolean prefers_count(const char *prefer) {
  g_auto(GStrv) wishes = g_strsplit_set(prefer ? prefer : "", ",;", -1);
  for (char **wish = wishes; *wish; wish++)
    if (g_ascii_strcasecmp(g_strstrip(*wish), "count=exact") == 0) return TRUE;
  return FALSE;
}

TarnQuery *tarn_table_read_query(const TarnTableRead *read, const TarnTarget *target, TarnHttpResponse *response) {
  g_autoptr(TarnQuery) query = tarn_query_new(TARN_TABLE_ROUTE);
  g_autoptr(GString) columns = g_string_new(NULL), condition = g_string_new(NULL);
  g_autoptr(GArray) terms = g_array_new(FALSE, FALSE, sizeof(TarnTableOrderTerm));
  g_autoptr(GArray) faults = g_array_new(FALSE, FALSE, sizeof(Fault));
  g_array_set_clear_func(faults, fault_clear);
  Reading reading = {.read = read,
                     .query = query,
                     .columns = columns,
                     .condition = condition,
                     .terms = terms,
                     .faults = faults,
                     .counted = prefers_count(read->prefer)};
  guint seen = 0;
  query->format = read->format;
  query->name = read->table->name;
  tarn_query_add_key(query, "table", read->table->name);
  if (reading.counted) tarn_query_add_key(query, "prefer", "count=exact");
  for (guint i = 0; i < target->query->len; i++) read_parameter(&reading, target->query->pdata[i], &seen);
  if (faults->len == 0) make_query(&reading, target);
  if (faults->len == 0) return g_steal_pointer(&query);
  write_faults(&reading, response);
  return NULL;
}

/* ---- the page's headers ---- */

void tarn_table_page_describe(const TarnQuery *query, const TarnResult *result, TarnHttpResponse *response) {
  const TarnQueryPage *page = query->page;
  guint first_key = tarn_result_columns(result) - query->hidden;
  guint64 n = tarn_result_rows(result), shown = MIN(n, page->limit);
  g_autofree char *total = NULL, *range = NULL;
  if (page->counted && (n > 0 || page->first))
    total = g_strdup_printf("%" G_GINT64_FORMAT, n > 0 ? tarn_result_int(result, 0, first_key + page->n_keys + 1) : 0);
  range = page->first && n > 0 ? g_strdup_printf("0-%" G_GUINT64_FORMAT, shown - 1) : g_strdup("*");
  g_autofree char *content_range = g_strdup_printf("%s/%s", range, total ? total : "*");
  tarn_http_response_set_header(response, "Content-Range", content_range);
  tarn_http_response_add_vary(response, "Prefer");
  if (n <= page->limit) return;
  g_autofree char *cursor = tarn_table_cursor_write(page->prefix, result, shown - 1, first_key, page->n_keys);
  g_autofree char *link = g_strdup_printf("<%s%s>; rel=\"next\"", page->link, cursor);
  tarn_http_response_set_header(response, "Link", link);
}
