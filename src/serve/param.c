#include "serve/param.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

#define DEFAULT_MAX_LENGTH 256
#define JULIAN_DAY_OF_1970 719163 /* as GDate counts */
#define US_PER_SECOND G_GINT64_CONSTANT(1000000)

struct TarnParamReader {
  const TarnParam *spec;
  GRegex *pattern; /* NULL: none */
  char *allowed;
  TarnValue fallback;
};

static gboolean in_range(const TarnParam *spec, double value) {
  return !(spec->has_minimum && value < spec->minimum) && !(spec->has_maximum && value > spec->maximum);
}

static gboolean read_integer(const TarnParamReader *reader, const char *text, TarnValue *value) {
  gint64 number;
  if (!g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &number, NULL)) return FALSE;
  *value = tarn_value_int(number);
  return in_range(reader->spec, (double)number);
}

/* g_ascii_strtod also takes hexadecimal numbers, NaN, infinities and leading space. */
static gboolean read_number(const TarnParamReader *reader, const char *text, TarnValue *value) {
  if (text[0] == '\0' || text[strspn(text, "0123456789+-.eE")] != '\0') return FALSE;
  char *end;
  double number = g_ascii_strtod(text, &end);
  *value = tarn_value_double(number);
  return end != text && *end == '\0' && isfinite(number) && in_range(reader->spec, number);
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

static char *number_text(double value) {
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  return g_strdup(g_ascii_formatd(text, sizeof text, "%.15g", value));
}

static char *describe_range(const TarnParam *spec, const char *what) {
  g_autofree char *minimum = number_text(spec->minimum), *maximum = number_text(spec->maximum);
  if (spec->has_minimum && spec->has_maximum) return g_strdup_printf("%s from %s to %s", what, minimum, maximum);
  if (spec->has_minimum) return g_strdup_printf("%s of at least %s", what, minimum);
  if (spec->has_maximum) return g_strdup_printf("%s of at most %s", what, maximum);
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

static const struct {
  gboolean (*read)(const TarnParamReader *reader, const char *text, TarnValue *value);
  char *(*describe)(const TarnParam *spec, const char *what);
  const char *what;
} types[] = {
    [TARN_PARAM_INTEGER] = {read_integer, describe_range, "an integer"},
    [TARN_PARAM_NUMBER] = {read_number, describe_range, "a number"},
    [TARN_PARAM_STRING] = {read_string, describe_string, "a text"},
    [TARN_PARAM_BOOLEAN] = {read_boolean, describe_plain, "true or false"},
    [TARN_PARAM_ENUM] = {read_enum, describe_enum, "one of"},
    [TARN_PARAM_DATE] = {read_date, describe_plain, "a date like 2026-01-31"},
    [TARN_PARAM_TIMESTAMP] = {read_timestamp, describe_plain, "a date-time like 2026-01-31T12:00:00Z"},
};

static GRegex *compile_pattern(const TarnParam *spec, GError **error) {
  g_autofree char *whole = g_strdup_printf("^(?:%s)\\z", spec->pattern);
  g_autoptr(GError) fault = NULL;
  GRegex *pattern = g_regex_new(whole, G_REGEX_OPTIMIZE, 0, &fault);
  if (!pattern)
    tarn_error_set_detail(error, TARN_ERROR_USAGE, fault->message, NULL, "parameter %s: '%s' is no regular expression",
                          spec->name, spec->pattern);
  return pattern;
}

TarnParamReader *tarn_param_reader_new(const TarnParam *spec, GError **error) {
  g_autoptr(TarnParamReader) reader = g_new0(TarnParamReader, 1);
  reader->spec = spec;
  reader->allowed = types[spec->type].describe(spec, types[spec->type].what);
  if (spec->type == TARN_PARAM_STRING && spec->pattern && !(reader->pattern = compile_pattern(spec, error)))
    return NULL;
  if (!spec->default_value || tarn_param_read(reader, spec->default_value, &reader->fallback))
    return g_steal_pointer(&reader);
  tarn_error_set(error, TARN_ERROR_USAGE, NULL, "parameter %s: the default '%s' is not %s", spec->name,
                 spec->default_value, reader->allowed);
  return NULL;
}

void tarn_param_reader_free(TarnParamReader *reader) {
  if (!reader) return;
  g_clear_pointer(&reader->pattern, g_regex_unref);
  g_free(reader->allowed);
  g_free(reader);
}

const TarnParam *tarn_param_reader_spec(const TarnParamReader *reader) { return reader->spec; }
const char *tarn_param_reader_allowed(const TarnParamReader *reader) { return reader->allowed; }
const TarnValue *tarn_param_reader_default(const TarnParamReader *reader) { return &reader->fallback; }

gboolean tarn_param_read(const TarnParamReader *reader, const char *text, TarnValue *value) {
  return types[reader->spec->type].read(reader, text, value);
}
