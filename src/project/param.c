#include "project/param.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

#define DEFAULT_MAX_LENGTH 256
#define DEFAULT_MAX_ITEMS 100
#define SHOWN_CHARACTERS 100      /* of a refused value */
#define JULIAN_DAY_OF_1970 719163 /* as GDate counts */
#define US_PER_SECOND G_GINT64_CONSTANT(1000000)

struct TarnParamReader {
  const TarnParam *spec;
  const struct Type *type; /* of the value, or of an array's elements */
  GRegex *pattern;         /* NULL: none */
  char *allowed;
  char *item_allowed;         /* of an array's elements */
  TarnValue minimum, maximum; /* NULL: none */
  TarnValue fallback;
  GPtrArray *texts; /* char *, what the default's texts are */
};

/* How values of a scalar type are read and told. */
struct Type {
  gboolean (*read)(const TarnParamReader *reader, const char *text, TarnValue *value); /* FALSE: it is none */
  char *(*describe)(const TarnParam *spec, const char *what);
  const char *what;
  gboolean limits; /* may it have minimum and maximum */
};

static gboolean below(const TarnValue *a, const TarnValue *b) {
  return a->type == TARN_VALUE_DOUBLE ? a->real < b->real : a->integer < b->integer;
}

static gboolean in_range(const TarnParamReader *reader, const TarnValue *value) {
  return !(reader->minimum.type != TARN_VALUE_NULL && below(value, &reader->minimum)) &&
         !(reader->maximum.type != TARN_VALUE_NULL && below(&reader->maximum, value));
}

static gboolean read_integer(const TarnParamReader *reader, const char *text, TarnValue *value) {
  (void)reader;
  gint64 number;
  if (!g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &number, NULL)) return FALSE;
  *value = tarn_value_int(number);
  return TRUE;
}

/* g_ascii_strtod also takes hexadecimal numbers, NaN, infinities and leading space. */
static gboolean read_number(const TarnParamReader *reader, const char *text, TarnValue *value) {
  (void)reader;
  if (text[0] == '\0' || text[strspn(text, "0123456789+-.eE")] != '\0') return FALSE;
  char *end;
  double number = g_ascii_strtod(text, &end);
  *value = tarn_value_double(number);
  return end != text && *end == '\0' && isfinite(number);
}

static gboolean read_string(const TarnParamReader *reader, const char *text, TarnValue *value) {
  guint most = reader->spec->max_length ? reader->spec->max_length : DEFAULT_MAX_LENGTH;
  *value = tarn_value_text(text);
  return g_utf8_strlen(text, -1) <= (glong)most && (!reader->pattern || g_regex_match(reader->pattern, text, 0, NULL));
}

static gboolean read_boolean(const TarnParamReader *reader, const char *text, TarnValue *value) {
  (void)reader;
  *value = tarn_value_bool(g_str_equal(text, "true"));
  return value->boolean || g_str_equal(text, "false");
}

static gboolean read_enum(const TarnParamReader *reader, const char *text, TarnValue *value) {
  *value = tarn_value_text(text);
  return g_strv_contains((const char *const *)reader->spec->values, text);
}

static gboolean read_date(const TarnParamReader *reader, const char *text, TarnValue *value) {
  (void)reader;
  static const char form[] = "0000-00-00";
  if (strlen(text) != strlen(form)) return FALSE;
  for (gsize i = 0; form[i]; i++)
    if (form[i] == '0' ? !g_ascii_isdigit(text[i]) : text[i] != form[i]) return FALSE;
  GDateYear year = (GDateYear)g_ascii_strtoull(text, NULL, 10);
  GDateMonth month = (GDateMonth)g_ascii_strtoull(text + 5, NULL, 10);
  GDateDay day = (GDateDay)g_ascii_strtoull(text + 8, NULL, 10);
  if (!g_date_valid_dmy(day, month, year)) return FALSE;
  GDate date;
  g_date_clear(&date, 1);
  g_date_set_dmy(&date, day, month, year);
  *value = (TarnValue){.type = TARN_VALUE_DATE, .integer = (gint64)g_date_get_julian(&date) - JULIAN_DAY_OF_1970};
  return TRUE;
}

static gboolean read_timestamp(const TarnParamReader *reader, const char *text, TarnValue *value) {
  (void)reader;
  g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
  g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, utc);
  if (!time) return FALSE;
  gint64 microseconds = g_date_time_to_unix(time) * US_PER_SECOND + g_date_time_get_microsecond(time);
  *value = (TarnValue){.type = TARN_VALUE_TIMESTAMP, .integer = microseconds};
  return TRUE;
}

/* --- Words ------------------------------------------------------------------------------------------------------ */

static char *describe_range(const TarnParam *spec, const char *what) {
  if (spec->minimum && spec->maximum) return g_strdup_printf("%s from %s to %s", what, spec->minimum, spec->maximum);
  if (spec->minimum) return g_strdup_printf("%s of at least %s", what, spec->minimum);
  if (spec->maximum) return g_strdup_printf("%s of at most %s", what, spec->maximum);
  return g_strdup(what);
}

/* A date is not "at least", it is not before. */
static char *describe_period(const TarnParam *spec, const char *what) {
  if (spec->minimum && spec->maximum) return g_strdup_printf("%s, from %s to %s", what, spec->minimum, spec->maximum);
  if (spec->minimum) return g_strdup_printf("%s, not before %s", what, spec->minimum);
  if (spec->maximum) return g_strdup_printf("%s, not after %s", what, spec->maximum);
  return g_strdup(what);
}

static char *describe_string(const TarnParam *spec, const char *what) {
  guint most = spec->max_length ? spec->max_length : DEFAULT_MAX_LENGTH;
  if (!spec->pattern) return g_strdup_printf("%s of at most %u characters", what, most);
  return g_strdup_printf("%s of at most %u characters that matches %s", what, most, spec->pattern);
}

static char *describe_enum(const TarnParam *spec, const char *what) {
  g_autofree char *values = g_strjoinv(", ", spec->values);
  return g_strdup_printf("%s %s", what, values);
}

static char *describe_plain(const TarnParam *spec, const char *what) {
  (void)spec;
  return g_strdup(what);
}

static char *describe_array(const TarnParam *spec, const char *item) {
  guint most = spec->max_items ? spec->max_items : DEFAULT_MAX_ITEMS;
  if (spec->min_items == most)
    return g_strdup_printf("%u value%s separated by commas, each %s", most, most == 1 ? "" : "s", item);
  if (spec->min_items > 1)
    return g_strdup_printf("%u to %u values separated by commas, each %s", spec->min_items, most, item);
  return g_strdup_printf("at most %u values separated by commas, each %s", most, item);
}

static const struct Type types[] = {
    [TARN_PARAM_INTEGER] = {read_integer, describe_range, "an integer", .limits = TRUE},
    [TARN_PARAM_NUMBER] = {read_number, describe_range, "a number", .limits = TRUE},
    [TARN_PARAM_STRING] = {read_string, describe_string, "a text"},
    [TARN_PARAM_BOOLEAN] = {read_boolean, describe_plain, "true or false"},
    [TARN_PARAM_ENUM] = {read_enum, describe_enum, "one of"},
    [TARN_PARAM_DATE] = {read_date, describe_period, "a date like 2026-01-31", .limits = TRUE},
    [TARN_PARAM_TIMESTAMP] = {read_timestamp, describe_period, "a date-time like 2026-01-31T12:00:00Z", .limits = TRUE},
};

/* --- Making ----------------------------------------------------------------------------------------------------- */

static gboolean compile_pattern(TarnParamReader *reader, GError **error) {
  const TarnParam *spec = reader->spec;
  if (!spec->pattern || reader->type->read != read_string) return TRUE;
  g_autofree char *whole = g_strdup_printf("^(?:%s)\\z", spec->pattern);
  g_autoptr(GError) fault = NULL;
  reader->pattern = g_regex_new(whole, G_REGEX_OPTIMIZE, 0, &fault);
  if (reader->pattern) return TRUE;
  tarn_error_set_detail(error, TARN_ERROR_USAGE, fault->message, "write it as Perl does, without slashes around it",
                        "parameter '%s': '%s' is no regular expression", spec->name, spec->pattern);
  return FALSE;
}

/* Limits hold no text, so they borrow nothing. */
static gboolean read_limit(const TarnParamReader *reader, const char *key, const char *text, TarnValue *limit,
                           GError **error) {
  if (!text || !reader->type->limits || reader->type->read(reader, text, limit)) return TRUE;
  tarn_error_set(error, TARN_ERROR_USAGE, "limits are written like values", "parameter '%s': the %s '%s' is not %s",
                 reader->spec->name, key, text, reader->type->what);
  return FALSE;
}

static gboolean read_limits(TarnParamReader *reader, GError **error) {
  const TarnParam *spec = reader->spec;
  TarnValue minimum = {0}, maximum = {0};
  if (!read_limit(reader, "minimum", spec->minimum, &minimum, error) ||
      !read_limit(reader, "maximum", spec->maximum, &maximum, error))
    return FALSE;
  if (minimum.type != TARN_VALUE_NULL && maximum.type != TARN_VALUE_NULL && below(&maximum, &minimum)) {
    tarn_error_set(error, TARN_ERROR_USAGE, "swap them", "parameter '%s': minimum is above maximum", spec->name);
    return FALSE;
  }
  reader->minimum = minimum;
  reader->maximum = maximum;
  return TRUE;
}

static gboolean read_default(TarnParamReader *reader, GError **error) {
  const TarnParam *spec = reader->spec;
  if (!spec->defaults || !*spec->defaults) return TRUE;
  for (char **text = spec->defaults; *text; text++) {
    g_auto(GStrv) items = tarn_param_split(spec, *text);
    for (char **item = items; *item; item++) g_ptr_array_add(reader->texts, g_steal_pointer(item));
  }
  g_autofree char *fault =
      tarn_param_read(reader, (const char *const *)reader->texts->pdata, reader->texts->len, &reader->fallback);
  if (!fault) return TRUE;
  tarn_error_set(error, TARN_ERROR_USAGE, "default, type and limits must fit", "parameter '%s': the default: %s",
                 spec->name, fault);
  return FALSE;
}

static void describe(TarnParamReader *reader) {
  const TarnParam *spec = reader->spec;
  reader->item_allowed = reader->type->describe(spec, reader->type->what);
  reader->allowed =
      spec->type == TARN_PARAM_ARRAY ? describe_array(spec, reader->item_allowed) : g_strdup(reader->item_allowed);
}

TarnParamReader *tarn_param_reader_new(const TarnParam *spec, GError **error) {
  g_autoptr(TarnParamReader) reader = g_new0(TarnParamReader, 1);
  reader->spec = spec;
  reader->type = &types[spec->type == TARN_PARAM_ARRAY ? spec->items : spec->type];
  reader->texts = g_ptr_array_new_with_free_func(g_free);
  describe(reader);
  gboolean ok = compile_pattern(reader, error) && read_limits(reader, error) && read_default(reader, error);
  return ok ? g_steal_pointer(&reader) : NULL;
}

void tarn_param_reader_free(TarnParamReader *reader) {
  if (!reader) return;
  g_clear_pointer(&reader->pattern, g_regex_unref);
  g_free(reader->allowed);
  g_free(reader->item_allowed);
  tarn_value_clear(&reader->fallback);
  g_ptr_array_unref(reader->texts);
  g_free(reader);
}

const TarnParam *tarn_param_reader_spec(const TarnParamReader *reader) { return reader->spec; }
const char *tarn_param_reader_allowed(const TarnParamReader *reader) { return reader->allowed; }
const TarnValue *tarn_param_reader_default(const TarnParamReader *reader) { return &reader->fallback; }

static const TarnValue *unless_null(const TarnValue *value) { return value->type == TARN_VALUE_NULL ? NULL : value; }
const TarnValue *tarn_param_reader_minimum(const TarnParamReader *reader) { return unless_null(&reader->minimum); }
const TarnValue *tarn_param_reader_maximum(const TarnParamReader *reader) { return unless_null(&reader->maximum); }

GStrv tarn_param_split(const TarnParam *spec, const char *text) {
  if (spec->type == TARN_PARAM_ARRAY && *text) return g_strsplit(text, ",", -1);
  GStrv one = g_new0(char *, 2); /* g_strsplit makes nothing of an empty text */
  one[0] = g_strdup(text);
  return one;
}

/* --- Reading ---------------------------------------------------------------------------------------------------- */

static char *refuse(const char *text, const char *allowed) {
  g_autofree char *shown = g_utf8_substring(text, 0, MIN(g_utf8_strlen(text, -1), SHOWN_CHARACTERS));
  return g_strdup_printf("'%s' is not %s", shown, allowed);
}

static char *read_one(const TarnParamReader *reader, const char *text, TarnValue *value) {
  TarnValue read = {0};
  if (!reader->type->read(reader, text, &read) || !in_range(reader, &read)) return refuse(text, reader->item_allowed);
  *value = read;
  return NULL;
}

static char *read_array(const TarnParamReader *reader, const char *const *texts, guint n, TarnValue *value) {
  const TarnParam *spec = reader->spec;
  guint most = spec->max_items ? spec->max_items : DEFAULT_MAX_ITEMS;
  if (n < spec->min_items || n > most)
    return g_strdup_printf("it has %u value%s, but takes %s", n, n == 1 ? "" : "s", reader->allowed);
  g_autofree TarnValue *items = g_new0(TarnValue, n);
  for (guint i = 0; i < n; i++) {
    char *fault = read_one(reader, texts[i], &items[i]);
    if (fault) return fault;
  }
  *value = (TarnValue){.type = TARN_VALUE_LIST, .list = {g_steal_pointer(&items), n}};
  return NULL;
}

char *tarn_param_read(const TarnParamReader *reader, const char *const *texts, guint n, TarnValue *value) {
  if (reader->spec->type == TARN_PARAM_ARRAY) return read_array(reader, texts, n, value);
  if (n != 1) return g_strdup_printf("it is given %u times", n);
  return read_one(reader, texts[0], value);
}
