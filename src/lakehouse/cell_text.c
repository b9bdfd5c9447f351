/* Every scalar type's text. docs/encoding.md tells the rules; this file is the only place that applies them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lakehouse/cell.h"

#define US_PER_SECOND G_GINT64_CONSTANT(1000000)
#define NS_PER_SECOND G_GINT64_CONSTANT(1000000000)
#define SECONDS_PER_DAY 86400

#define VALUE(type) (((const type *)column->data)[row])

static void append_digits(GString *out, unsigned __int128 value, guint least) {
  char digits[40];
  guint n = 0;
  for (; value > G_MAXUINT64; value /= 10) digits[n++] = (char)('0' + (int)(value % 10));
  for (guint64 low = (guint64)value; low > 0; low /= 10) digits[n++] = (char)('0' + low % 10);
  while (n < least) digits[n++] = '0';
  while (n > 0) g_string_append_c(out, digits[--n]);
}

/* scale: how many of the digits stand behind the point. */
static void append_decimal(GString *out, __int128 value, guint scale) {
  unsigned __int128 magnitude = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
  if (value < 0) g_string_append_c(out, '-');
  append_digits(out, magnitude, scale + 1);
  if (scale > 0) g_string_insert_c(out, (gssize)(out->len - scale), '.');
}

static __int128 wide(const duckdb_hugeint *value) {
  return (__int128)(((unsigned __int128)(guint64)value->upper << 64) | value->lower);
}

static __int128 stored_integer(const TarnCellColumn *column, idx_t row, duckdb_type storage) {
  switch (storage) {
    case DUCKDB_TYPE_TINYINT:
      return VALUE(int8_t);
    case DUCKDB_TYPE_UTINYINT:
      return VALUE(uint8_t);
    case DUCKDB_TYPE_SMALLINT:
      return VALUE(int16_t);
    case DUCKDB_TYPE_USMALLINT:
      return VALUE(uint16_t);
    case DUCKDB_TYPE_INTEGER:
      return VALUE(int32_t);
    case DUCKDB_TYPE_UINTEGER:
      return VALUE(uint32_t);
    case DUCKDB_TYPE_UBIGINT:
      return VALUE(uint64_t);
    case DUCKDB_TYPE_HUGEINT:
      return wide(&VALUE(duckdb_hugeint));
    default:
      return VALUE(int64_t);
  }
}

static TarnCellKind format_null(const TarnCellColumn *column, idx_t row, GString *out) {
  (void)column, (void)row, (void)out;
  return TARN_CELL_NULL;
}

static TarnCellKind format_boolean(const TarnCellColumn *column, idx_t row, GString *out) {
  g_string_append(out, VALUE(bool) ? "true" : "false");
  return TARN_CELL_BARE;
}

static TarnCellKind format_integer(const TarnCellColumn *column, idx_t row, GString *out) {
  append_decimal(out, stored_integer(column, row, column->type), 0);
  return TARN_CELL_BARE;
}

static TarnCellKind format_uhugeint(const TarnCellColumn *column, idx_t row, GString *out) {
  const duckdb_uhugeint *value = &VALUE(duckdb_uhugeint);
  append_digits(out, ((unsigned __int128)value->upper << 64) | value->lower, 1);
  return TARN_CELL_BARE;
}

static TarnCellKind format_decimal(const TarnCellColumn *column, idx_t row, GString *out) {
  append_decimal(out, stored_integer(column, row, column->storage), column->scale);
  return TARN_CELL_BARE;
}

static TarnCellKind append_not_finite(GString *out, double value) {
  g_string_append(out, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
  return TARN_CELL_NOT_FINITE;
}

static TarnCellKind format_double(const TarnCellColumn *column, idx_t row, GString *out) {
  double value = VALUE(double);
  if (!isfinite(value)) return append_not_finite(out, value);
  TarnJsonWriter json;
  tarn_json_init(&json, out);
  tarn_json_double(&json, value);
  return TARN_CELL_BARE;
}

/* The shortest text that reads back as the same float: 0.1, not 0.10000000149011612. */
static TarnCellKind format_float(const TarnCellColumn *column, idx_t row, GString *out) {
  float value = VALUE(float);
  if (!isfinite(value)) return append_not_finite(out, (double)value);
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  for (int digits = 6; digits <= 9; digits++) {
    char format[8];
    snprintf(format, sizeof format, "%%.%dg", digits);
    g_ascii_formatd(text, sizeof text, format, (double)value);
    if ((float)g_ascii_strtod(text, NULL) == value) break;
  }
  g_string_append(out, text);
  if (!strpbrk(text, ".e")) g_string_append(out, ".0");
  return TARN_CELL_BARE;
}

/* Quotient rounded down, so that what is left is never negative. */
static gint64 floor_divide(gint64 value, gint64 by, gint64 *rest) {
  gint64 quotient = value / by;
  *rest = value % by;
  if (*rest < 0) *rest += by, quotient--;
  return quotient;
}

/* Days since 1970 to the proleptic Gregorian calendar:
 * http://howardhinnant.github.io/date_algorithms.html#civil_from_days */
static void append_date(GString *out, gint64 days) {
  gint64 day_of_era;
  gint64 era = floor_divide(days + 719468, 146097, &day_of_era);
  gint64 year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  gint64 day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  gint64 shifted_month = (5 * day_of_year + 2) / 153; /* 0: March */
  gint64 day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  gint64 month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  gint64 year = year_of_era + era * 400 + (month <= 2);
  if (year > 9999) g_string_append_c(out, '+'); /* ISO 8601's expanded years */
  if (year < 0) g_string_append_c(out, '-');
  append_digits(out, (unsigned __int128)ABS(year), 4);
  g_string_append_c(out, '-');
  append_digits(out, (unsigned __int128)month, 2);
  g_string_append_c(out, '-');
  append_digits(out, (unsigned __int128)day, 2);
}

/* A fraction of a second in units of 1/per_second, only where there is one. */
static void append_fraction(GString *out, gint64 fraction, gint64 per_second) {
  if (fraction == 0) return;
  guint digits = 0;
  for (gint64 unit = per_second; unit > 1; unit /= 10) digits++;
  for (; fraction % 10 == 0; fraction /= 10) digits--;
  g_string_append_c(out, '.');
  append_digits(out, (unsigned __int128)fraction, digits);
}

static void append_clock(GString *out, gint64 since_midnight, gint64 per_second) {
  gint64 fraction, seconds = floor_divide(since_midnight, per_second, &fraction);
  append_digits(out, (unsigned __int128)(seconds / 3600), 2);
  g_string_append_c(out, ':');
  append_digits(out, (unsigned __int128)(seconds / 60 % 60), 2);
  g_string_append_c(out, ':');
  append_digits(out, (unsigned __int128)(seconds % 60), 2);
  append_fraction(out, fraction, per_second);
}

static TarnCellKind format_date(const TarnCellColumn *column, idx_t row, GString *out) {
  int32_t days = VALUE(int32_t);
  if (days == G_MAXINT32 || days == -G_MAXINT32) return append_not_finite(out, days);
  append_date(out, days);
  return TARN_CELL_TEXT;
}

static gint64 units_per_second(duckdb_type type) {
  switch (type) {
    case DUCKDB_TYPE_TIMESTAMP_S:
      return 1;
    case DUCKDB_TYPE_TIMESTAMP_MS:
      return 1000;
    case DUCKDB_TYPE_TIMESTAMP_NS:
    case DUCKDB_TYPE_TIME_NS:
      return NS_PER_SECOND;
    default:
      return US_PER_SECOND;
  }
}

static TarnCellKind format_time(const TarnCellColumn *column, idx_t row, GString *out) {
  append_clock(out, VALUE(int64_t), units_per_second(column->type));
  return TARN_CELL_TEXT;
}

static TarnCellKind format_time_tz(const TarnCellColumn *column, idx_t row, GString *out) {
  duckdb_time_tz_struct time = duckdb_from_time_tz(VALUE(duckdb_time_tz));
  gint64 seconds = ((gint64)time.time.hour * 60 + time.time.min) * 60 + time.time.sec;
  append_clock(out, seconds * US_PER_SECOND + time.time.micros, US_PER_SECOND);
  guint offset = (guint)ABS(time.offset);
  g_string_append_printf(out, "%c%02u:%02u", time.offset < 0 ? '-' : '+', offset / 3600, offset / 60 % 60);
  if (offset % 60) g_string_append_printf(out, ":%02u", offset % 60);
  return TARN_CELL_TEXT;
}

static TarnCellKind format_timestamp(const TarnCellColumn *column, idx_t row, GString *out) {
  int64_t value = VALUE(int64_t);
  if (value == G_MAXINT64 || value == -G_MAXINT64) return append_not_finite(out, (double)value);
  gint64 per_second = units_per_second(column->type), since_midnight, fraction, second_of_day;
  gint64 days = floor_divide(floor_divide(value, per_second, &fraction), SECONDS_PER_DAY, &second_of_day);
  since_midnight = second_of_day * per_second + fraction;
  append_date(out, days);
  g_string_append_c(out, 'T');
  append_clock(out, since_midnight, per_second);
  g_string_append_c(out, 'Z');
  return TARN_CELL_TEXT;
}

static void append_part(GString *out, gint64 value, char unit) {
  if (value != 0) g_string_append_printf(out, "%" G_GINT64_FORMAT "%c", value, unit);
}

/* An ISO 8601 duration; each part has its own sign, as DuckDB's parts have. */
static TarnCellKind format_interval(const TarnCellColumn *column, idx_t row, GString *out) {
  const duckdb_interval *value = &VALUE(duckdb_interval);
  gint64 fraction = value->micros % US_PER_SECOND, seconds = value->micros / US_PER_SECOND;
  g_string_append_c(out, 'P');
  append_part(out, value->months / 12, 'Y');
  append_part(out, value->months % 12, 'M');
  append_part(out, value->days, 'D');
  if (value->micros != 0) g_string_append_c(out, 'T');
  append_part(out, seconds / 3600, 'H');
  append_part(out, seconds / 60 % 60, 'M');
  if (seconds % 60 != 0 || fraction != 0) {
    if (value->micros < 0) g_string_append_c(out, '-');
    append_digits(out, (unsigned __int128)ABS(seconds % 60), 1);
    append_fraction(out, ABS(fraction), US_PER_SECOND);
    g_string_append_c(out, 'S');
  }
  if (out->len == 1) g_string_append(out, "T0S");
  return TARN_CELL_TEXT;
}

static TarnCellKind format_uuid(const TarnCellColumn *column, idx_t row, GString *out) {
  const duckdb_hugeint *value = &VALUE(duckdb_hugeint);
  guint64 upper =
      (guint64)value->upper ^ (G_GUINT64_CONSTANT(1) << 63); /* DuckDB flips it so that UUIDs sort as numbers */
  g_string_append_printf(out, "%08x-%04x-%04x-%04x-%012" G_GINT64_MODIFIER "x", (guint)(upper >> 32),
                         (guint)(upper >> 16 & 0xffff), (guint)(upper & 0xffff), (guint)(value->lower >> 48),
                         value->lower & G_GUINT64_CONSTANT(0xffffffffffff));
  return TARN_CELL_TEXT;
}

static TarnCellKind format_enum(const TarnCellColumn *column, idx_t row, GString *out) {
  g_string_append(out, column->names[(gsize)stored_integer(column, row, column->storage)]);
  return TARN_CELL_TEXT;
}

static const guint8 *bytes_at(const TarnCellColumn *column, idx_t row, gsize *size) {
  duckdb_string_t *text = (duckdb_string_t *)column->data + row;
  *size = duckdb_string_t_length(*text);
  return (const guint8 *)duckdb_string_t_data(text);
}

static TarnCellKind format_blob(const TarnCellColumn *column, idx_t row, GString *out) {
  gsize size;
  const guint8 *bytes = bytes_at(column, row, &size);
  g_autofree char *text = g_base64_encode(bytes, size);
  g_string_append(out, text);
  return TARN_CELL_TEXT;
}

/* The first byte counts the padding bits that the second begins with. */
static TarnCellKind format_bit(const TarnCellColumn *column, idx_t row, GString *out) {
  gsize size;
  const guint8 *bytes = bytes_at(column, row, &size);
  for (gsize bit = bytes[0]; bit < (size - 1) * 8; bit++)
    g_string_append_c(out, bytes[1 + bit / 8] & (0x80 >> (bit % 8)) ? '1' : '0');
  return TARN_CELL_TEXT;
}

/* Divides a big-endian number by ten to the ninth in place and returns the rest. */
static guint32 divide_billion(guint8 *number, gsize size) {
  guint64 rest = 0;
  for (gsize i = 0; i < size; i++) {
    rest = rest << 8 | number[i];
    number[i] = (guint8)(rest / 1000000000);
    rest %= 1000000000;
  }
  return (guint32)rest;
}

/* Three header bytes, whose first bit is set where the number is positive, then the magnitude, most significant byte
 * first; of a negative number every byte is inverted. */
static TarnCellKind format_bignum(const TarnCellColumn *column, idx_t row, GString *out) {
  gsize size;
  const guint8 *bytes = bytes_at(column, row, &size);
  guint8 inverted = bytes[0] & 0x80 ? 0x00 : 0xff;
  gsize left = size - 3;
  g_autofree guint8 *number = g_malloc(left);
  for (gsize i = 0; i < left; i++) number[i] = bytes[3 + i] ^ inverted;
  for (guint8 *top = number; left > 0;) {
    char group[16];
    snprintf(group, sizeof group, "%09u", divide_billion(top, left));
    g_string_prepend(out, group);
    while (left > 0 && *top == 0) top++, left--;
  }
  gsize zeros = MIN(strspn(out->str, "0"), out->len - 1);
  g_string_erase(out, 0, (gssize)zeros);
  if (inverted) g_string_prepend_c(out, '-');
  return TARN_CELL_BARE;
}

static const struct {
  duckdb_type type;
  TarnCellFormat format;
  gboolean number;
} formats[] = {
    {DUCKDB_TYPE_SQLNULL, format_null, FALSE},
    {DUCKDB_TYPE_BOOLEAN, format_boolean, FALSE},
    {DUCKDB_TYPE_TINYINT, format_integer, TRUE},
    {DUCKDB_TYPE_SMALLINT, format_integer, TRUE},
    {DUCKDB_TYPE_INTEGER, format_integer, TRUE},
    {DUCKDB_TYPE_BIGINT, format_integer, TRUE},
    {DUCKDB_TYPE_HUGEINT, format_integer, TRUE},
    {DUCKDB_TYPE_UTINYINT, format_integer, TRUE},
    {DUCKDB_TYPE_USMALLINT, format_integer, TRUE},
    {DUCKDB_TYPE_UINTEGER, format_integer, TRUE},
    {DUCKDB_TYPE_UBIGINT, format_integer, TRUE},
    {DUCKDB_TYPE_UHUGEINT, format_uhugeint, TRUE},
    {DUCKDB_TYPE_BIGNUM, format_bignum, TRUE},
    {DUCKDB_TYPE_DECIMAL, format_decimal, TRUE},
    {DUCKDB_TYPE_FLOAT, format_float, TRUE},
    {DUCKDB_TYPE_DOUBLE, format_double, TRUE},
    {DUCKDB_TYPE_DATE, format_date, FALSE},
    {DUCKDB_TYPE_TIME, format_time, FALSE},
    {DUCKDB_TYPE_TIME_NS, format_time, FALSE},
    {DUCKDB_TYPE_TIME_TZ, format_time_tz, FALSE},
    {DUCKDB_TYPE_TIMESTAMP, format_timestamp, FALSE},
    {DUCKDB_TYPE_TIMESTAMP_S, format_timestamp, FALSE},
    {DUCKDB_TYPE_TIMESTAMP_MS, format_timestamp, FALSE},
    {DUCKDB_TYPE_TIMESTAMP_NS, format_timestamp, FALSE},
    {DUCKDB_TYPE_TIMESTAMP_TZ, format_timestamp, FALSE},
    {DUCKDB_TYPE_INTERVAL, format_interval, FALSE},
    {DUCKDB_TYPE_UUID, format_uuid, FALSE},
    {DUCKDB_TYPE_ENUM, format_enum, FALSE},
    {DUCKDB_TYPE_BLOB, format_blob, FALSE},
    {DUCKDB_TYPE_BIT, format_bit, FALSE},
};

TarnCellFormat tarn_cell_format_for(duckdb_type type) {
  for (gsize i = 0; i < G_N_ELEMENTS(formats); i++)
    if (formats[i].type == type) return formats[i].format;
  return NULL;
}

gboolean tarn_cell_type_is_number(duckdb_type type) {
  for (gsize i = 0; i < G_N_ELEMENTS(formats); i++)
    if (formats[i].type == type) return formats[i].number;
  return FALSE;
}
