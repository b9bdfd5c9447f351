#include "serve/table_value.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "project/param.h"

#define NS_SECONDS 9223372036 /* a TIMESTAMP_NS reaches that far from 1970 */
#define SHOWN_CHARACTERS 100

typedef struct Type Type;

/* Appends the text as a value of the type; FALSE: it is none. */
typedef gboolean (*Append)(const TarnCatalogColumn *column, const Type *type, const char *text, TarnQuery *query,
                           GString *sql);

struct Type {
  const char *name; /* ends with "(": what is behind it may differ */
  Append append;
  const char *what; /* for messages */
  const char *most; /* whole numbers: the digits of the largest; else a pattern that a text must match */
};

void tarn_table_value_append_bound(const TarnValue *value, TarnQuery *query, GString *sql) {
  tarn_query_add_value(query, NULL, value);
  g_string_append_printf(sql, "$%u", query->values->len);
}

static void append_cast(const TarnValue *value, const char *type, TarnQuery *query, GString *sql) {
  g_string_append(sql, "CAST(");
  tarn_table_value_append_bound(value, query, sql);
  g_string_append_printf(sql, " AS %s)", type);
}

/* ---- numbers ---- */

static gboolean is_digits(const char *text) { return *text && text[strspn(text, "0123456789")] == '\0'; }

/* g_ascii_strtod also takes hexadecimal numbers, leading space, and "nan" in forms of its own. */
static gboolean read_double(const char *text, double *number) {
  static const struct {
    const char *word;
    double value;
  } words[] = {{"NaN", (double)NAN}, {"Infinity", (double)INFINITY}, {"-Infinity", -(double)INFINITY}};
  for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
    *number = words[i].value;
    if (g_ascii_strcasecmp(words[i].word, text) == 0) return TRUE;
  }
  char *end;
  *number = g_ascii_strtod(text, &end);
  return end != text && !*end && text[strspn(text, "0123456789+-.eE")] == '\0' && isfinite(*number);
}

static gboolean append_double(const TarnCatalogColumn *column, const Type *type, const char *text, TarnQuery *query,
                              GString *sql) {
  (void)column, (void)type;
  double number;
  if (!read_double(text, &number)) return FALSE;
  const TarnValue value = tarn_value_double(number);
  tarn_table_value_append_bound(&value, query, sql);
  return TRUE;
}

/* 0.1 is the nearest FLOAT there, as it is written. */
static gboolean append_float(const TarnCatalogColumn *column, const Type *type, const char *text, TarnQuery *query,
                             GString *sql) {
  double number;
  if (!read_double(text, &number)) return FALSE;
  if (isfinite(number) && fabs(number) > (double)FLT_MAX) return append_double(column, type, text, query, sql);
  const TarnValue value = tarn_value_double(number);
  append_cast(&value, "FLOAT", query, sql);
  return TRUE;
}

/* Whole numbers exactly; what the type cannot hold (1.5, 1e30) as a DOUBLE, which compares rightly. */
static gboolean append_integer(const TarnCatalogColumn *column, const Type *type, const char *text, TarnQuery *query,
                               GString *sql) {
  gint64 number;
  if (!g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &number, NULL))
    return append_double(column, type, text, query, sql);
  const TarnValue value = tarn_value_int(number);
  tarn_table_value_append_bound(&value, query, sql);
  return TRUE;
}

static gboolean append_wide(const TarnCatalogColumn *column, const Type *type, const char *text, TarnQuery *query,
                            GString *sql) {
  gboolean negative = text[0] == '-';
  const char *digits = text + negative;
  while (digits[0] == '0' && digits[1]) digits++;
  gsize size = strlen(digits), most = strlen(type->most);
  gboolean fits = is_digits(digits) && (size < most || (size == most && strcmp(digits, type->most) <= 0)) &&
                  !(negative && type->name[0] == 'U');
  if (!fits) return append_double(column, type, text, query, sql);
  const TarnValue value = tarn_value_text(text);
  append_cast(&value, column->type, query, sql);
  return TRUE;
}

/* Exactly where the digits fit DECIMAL(width,scale). */
static gboolean append_decimal(const TarnCatalogColumn *column, const Type *type, const char *text, TarnQuery *query,
                               GString *sql) {
  char *end;
  guint64 width = g_ascii_strtoull(column->type + strlen(type->name), &end, 10);
  guint64 scale = *end == ',' ? g_ascii_strtoull(end + 1, NULL, 10) : 0;
  const char *whole = text + (text[0] == '-');
  gsize before = strspn(whole, "0123456789");
  const char *fraction = whole[before] == '.' ? whole + before + 1 : whole + before;
  gboolean fits =
      before > 0 && before <= width - scale && strlen(fraction) <= scale && (!*fraction || is_digits(fraction));
  if (!fits) return append_double(column, type, text, query, sql);
  const TarnValue value = tarn_value_text(text);
  append_cast(&value, column->type, query, sql);
  return TRUE;
}

/* ---- texts ---- */

static gboolean append_text(const TarnCatalogColumn *column, const Type *type, const char *text, TarnQuery *query,
                            GString *sql) {
  (void)column, (void)type;
  const TarnValue value = tarn_value_text(text);
  tarn_table_value_append_bound(&value, query, sql);
  return TRUE;
}

/* Is it one of the words of ENUM('a', 'it''s')? */
static gboolean append_enum(const TarnCatalogColumn *column, const Type *type, const char *text, TarnQuery *query,
                            GString *sql) {
  g_autoptr(GString) word = g_string_new(NULL);
  gboolean found = FALSE;
  for (const char *p = column->type + strlen(type->name); !found && *p == '\'';) {
    g_string_truncate(word, 0);
    for (p++; *p && (*p != '\'' || *++p == '\''); p++) g_string_append_c(word, *p);
    found = g_str_equal(word->str, text);
    p += strspn(p, ", ");
  }
  if (!found) return FALSE;
  const TarnValue value = tarn_value_text(text);
  append_cast(&value, column->type, query, sql);
  return TRUE;
}

static gboolean append_pattern(const TarnCatalogColumn *column, const Type *type, const char *text, TarnQuery *query,
                               GString *sql) {
  if (!g_regex_match_simple(type->most, text, G_REGEX_DOLLAR_ENDONLY, 0)) return FALSE;
  const TarnValue value = tarn_value_text(text);
  append_cast(&value, column->type, query, sql);
  return TRUE;
}

static gboolean append_blob(const TarnCatalogColumn *column, const Type *type, const char *text, TarnQuery *query,
                            GString *sql) {
  (void)column;
  if (strlen(text) % 4 != 0 || !g_regex_match_simple(type->most, text, G_REGEX_DOLLAR_ENDONLY, 0)) return FALSE;
  gsize size;
  g_autofree guchar *bytes = g_base64_decode(text, &size);
  const TarnValue value = tarn_value_blob(bytes, size);
  tarn_table_value_append_bound(&value, query, sql);
  return TRUE;
}

/* ---- what an endpoint's parameter can be, too ---- */

static gboolean read_as(TarnParamType type, const char *text, TarnValue *value) {
  const TarnParam spec = {.name = (char *)"value", .type = type};
  g_autoptr(TarnParamReader) reader = tarn_param_reader_new(&spec, NULL);
  g_autofree char *wrong = tarn_param_read(reader, &text, 1, value);
  return !wrong;
}

static gboolean append_boolean(const TarnCatalogColumn *column, const Type *type, const char *text, TarnQuery *query,
                               GString *sql) {
  (void)column, (void)type;
  TarnValue value;
  if (!read_as(TARN_PARAM_BOOLEAN, text, &value)) return FALSE;
  tarn_table_value_append_bound(&value, query, sql);
  return TRUE;
}

static gboolean append_date(const TarnCatalogColumn *column, const Type *type, const char *text, TarnQuery *query,
                            GString *sql) {
  (void)column, (void)type;
  TarnValue value;
  if (!read_as(TARN_PARAM_DATE, text, &value) && !read_as(TARN_PARAM_TIMESTAMP, text, &value)) return FALSE;
  tarn_table_value_append_bound(&value, query, sql);
  return TRUE;
}

/* A day is its first moment. */
static gboolean append_timestamp(const TarnCatalogColumn *column, const Type *type, const char *text, TarnQuery *query,
                                 GString *sql) {
  TarnValue value;
  if (read_as(TARN_PARAM_DATE, text, &value))
    value = (TarnValue){.type = TARN_VALUE_TIMESTAMP, .integer = value.integer * 24 * 3600 * G_USEC_PER_SEC};
  else if (!read_as(TARN_PARAM_TIMESTAMP, text, &value))
    return FALSE;
  if (g_str_equal(type->name, "TIMESTAMP_NS") && ABS(value.integer / G_USEC_PER_SEC) >= NS_SECONDS) return FALSE;
  append_cast(&value, column->type, query, sql);
  return TRUE;
}

#define A_NUMBER "a number"
#define A_TIME "a date-time like 2026-01-31T12:00:00Z (a plus sign is written %2B) or a date"

static const Type types[] = {
    {"BOOLEAN", append_boolean, "true or false", NULL},
    {"TINYINT", append_integer, A_NUMBER, NULL},
    {"SMALLINT", append_integer, A_NUMBER, NULL},
    {"INTEGER", append_integer, A_NUMBER, NULL},
    {"BIGINT", append_integer, A_NUMBER, NULL},
    {"UTINYINT", append_integer, A_NUMBER, NULL},
    {"USMALLINT", append_integer, A_NUMBER, NULL},
    {"UINTEGER", append_integer, A_NUMBER, NULL},
    {"UBIGINT", append_wide, A_NUMBER, "18446744073709551615"},
    {"HUGEINT", append_wide, A_NUMBER, "170141183460469231731687303715884105727"},
    {"UHUGEINT", append_wide, A_NUMBER, "340282366920938463463374607431768211455"},
    {"DECIMAL(", append_decimal, A_NUMBER, NULL},
    {"FLOAT", append_float, A_NUMBER, NULL},
    {"DOUBLE", append_double, A_NUMBER, NULL},
    {"VARCHAR", append_text, "a text", NULL},
    {"JSON", append_text, "a text", NULL},
    {"ENUM(", append_enum, "one of its words", NULL},
    {"UUID", append_pattern, "a UUID", "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"},
    {"BLOB", append_blob, "base64", "^[A-Za-z0-9+/]*={0,2}$"},
    {"DATE", append_date, "a date like 2026-01-31", NULL},
    {"TIME", append_pattern, "a time like 23:59:59", "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?$"},
    {"TIMESTAMP", append_timestamp, A_TIME, NULL},
    {"TIMESTAMP_S", append_timestamp, A_TIME, NULL},
    {"TIMESTAMP_MS", append_timestamp, A_TIME, NULL},
    {"TIMESTAMP_NS", append_timestamp, A_TIME " between 1678 and 2262", NULL},
    {"TIMESTAMP WITH TIME ZONE", append_timestamp, A_TIME, NULL},
};

static const Type *find_type(const TarnCatalogColumn *column) {
  for (gsize i = 0; i < G_N_ELEMENTS(types); i++) {
    gboolean open = g_str_has_suffix(types[i].name, "(");
    if (open ? g_str_has_prefix(column->type, types[i].name) && g_str_has_suffix(column->type, ")")
             : g_str_equal(column->type, types[i].name))
      return &types[i];
  }
  return NULL;
}

gboolean tarn_table_column_is_scalar(const TarnCatalogColumn *column) { return find_type(column) != NULL; }

gboolean tarn_table_column_is_text(const TarnCatalogColumn *column) {
  const Type *type = find_type(column);
  return type && (type->append == append_text || type->append == append_enum || g_str_equal(type->name, "UUID"));
}

char *tarn_table_column_sql(const TarnCatalogColumn *column) {
  g_autofree char *quoted = tarn_sql_quote_identifier(column->name);
  return g_strconcat("t.", quoted, NULL);
}

void tarn_table_value_append_column(const TarnCatalogColumn *column, GString *sql) {
  g_autofree char *quoted = tarn_table_column_sql(column);
  gboolean json = g_str_equal(column->type, "JSON"); /* a text that is compared with it must be JSON, too, else */
  g_string_append_printf(sql, json ? "CAST(%s AS VARCHAR)" : "%s", quoted);
}

char *tarn_table_value_append(const TarnCatalogColumn *column, const char *text, TarnQuery *query, GString *sql) {
  const Type *type = find_type(column);
  if (!type) return g_strdup_printf("values of the type %s cannot be compared", column->type);
  if (type->append(column, type, text, query, sql)) return NULL;
  g_autofree char *shown = g_utf8_substring(text, 0, MIN(g_utf8_strlen(text, -1), SHOWN_CHARACTERS));
  gboolean null = g_ascii_strcasecmp(text, "null") == 0;
  if (type->append == append_enum) return g_strdup_printf("'%s' is no word of %s", shown, column->type);
  return g_strdup_printf("'%s' is not %s%s", shown, type->what, null ? "; use is.null" : "");
}
