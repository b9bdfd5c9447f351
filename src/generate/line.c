#include <string.h>

#include "generate/event.h"

/* The same JSON string body in two spellings. */
typedef struct {
  const char *raw, *ascii;
} Text;

static const Text plans[TARN_PLANS] = {{"prepaid_s", "prepaid_s"},
                                       {"prepaid_m", "prepaid_m"},
                                       {"post_l", "post_l"},
                                       {"família ✓", "fam\\u00edlia \\u2713"}};

static const Text named_models[] = {{"Café 12\\\" LTE", "Caf\\u00e9 12\\\" LTE"},
                                    {"meter\\\\v2", "meter\\\\v2"},
                                    {"追跡器 5", "\\u8ffd\\u8de1\\u5668 5"},
                                    {"sim📶", "sim\\ud83d\\udcf6"}};
#define NUMBERED_MODELS 30 /* "m0" .. "m29" come before the named ones */

/* Further top-level fields; the number is how many of a thousand events have one. */
static const struct {
  guint permille;
  Text text;
} further_fields[] = {
    {5, {"\"extra\": {\"nested\": [1, {\"a\": \"☃\"}]}", "\"extra\": {\"nested\": [1, {\"a\": \"\\u2603\"}]}"}},
    {5, {"\"region\": \"Lusaka\"", "\"region\": \"Lusaka\""}},
    {5, {"\"schema_version\": 2", "\"schema_version\": 2"}},
    {5, {"\"note\": \"said \\\"no signal\\\"\\n– twice\"", "\"note\": \"said \\\"no signal\\\"\\n\\u2013 twice\""}},
};

/* How producers write an instant; the shares sum to 100. */
static const struct {
  guint share;
  const char *separator;
  guint fraction_digits;
  const char *offset;
  int offset_minutes;
} time_forms[] = {
    {30, "T", 0, "", 0},        {28, "T", 0, "Z", 0},    {20, "T", 0, "+00:00", 0},
    {8, "T", 0, "+02:00", 120}, {6, "T", 3, "Z", 0},     {3, "T", 6, "", 0},
    {3, " ", 0, "", 0},         {1, "T", 3, "+02", 120}, {1, "T", 0, "-05:30", -330},
};

static const char *const type_names[TARN_EVENT_TYPES] = {"\"BSS\"", "\"OSS\"", "\"IoT\""};

static void put_bytes(TarnLine *line, const char *bytes, gsize size) {
  g_assert(size < TARN_LINE_MAX - line->size); /* one byte stays for a line feed */
  memcpy(line->text + line->size, bytes, size);
  line->size += size;
}

static inline void put(TarnLine *line, const char *text) { put_bytes(line, text, strlen(text)); }

static void put_text(TarnLine *line, Text text, gboolean ascii) {
  put(line, "\"");
  put(line, ascii ? text.ascii : text.raw);
  put(line, "\"");
}

/* With at least so many digits. */
static void put_digits(TarnLine *line, guint64 value, guint digits) {
  char reversed[20], text[20];
  guint n = 0;
  for (; value > 0 || n < MAX(digits, 1); value /= 10) reversed[n++] = (char)('0' + value % 10);
  for (guint i = 0; i < n; i++) text[i] = reversed[n - 1 - i];
  put_bytes(line, text, n);
}

static void put_int(TarnLine *line, int value) {
  if (value < 0) put(line, "-");
  put_digits(line, (guint64)ABS(value), 1);
}

/* Hundredths as a decimal fraction without useless zeros, but for one: 12.0, 12.5, 12.05. */
static void put_hundredths(TarnLine *line, guint value) {
  put_digits(line, value / 100, 1);
  put(line, ".");
  if (value % 10 == 0)
    put_digits(line, value / 10 % 10, 1);
  else
    put_digits(line, value % 100, 2);
}

/* Days since 1970 as year, month and day (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
static void put_date(TarnLine *line, guint64 days_since_1970) {
  guint64 days = days_since_1970 + 719468, era = days / 146097, day_of_era = days % 146097;
  guint64 year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  guint64 day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  guint64 month_from_march = (5 * day_of_year + 2) / 153, month = (month_from_march + 2) % 12 + 1;
  put_digits(line, era * 400 + year_of_era + (month <= 2), 4);
  put(line, "-");
  put_digits(line, month, 2);
  put(line, "-");
  put_digits(line, day_of_year - (153 * month_from_march + 2) / 5 + 1, 2);
}

static void put_clock(TarnLine *line, guint64 second_of_day) {
  put_digits(line, second_of_day / 3600, 2);
  put(line, ":");
  put_digits(line, second_of_day / 60 % 60, 2);
  put(line, ":");
  put_digits(line, second_of_day % 60, 2);
}

static void put_timestamp(TarnLine *line, gint64 time_us, guint draw) {
  guint form = 0;
  for (; draw >= time_forms[form].share; form++) draw -= time_forms[form].share;
  guint64 local = (guint64)(time_us / G_USEC_PER_SEC + time_forms[form].offset_minutes * 60);
  guint64 fraction = (guint64)(time_us % G_USEC_PER_SEC);
  put(line, "\"");
  put_date(line, local / 86400);
  put(line, time_forms[form].separator);
  put_clock(line, local % 86400);
  if (time_forms[form].fraction_digits > 0) put(line, ".");
  if (time_forms[form].fraction_digits == 3) put_digits(line, fraction / 1000, 3);
  if (time_forms[form].fraction_digits == 6) put_digits(line, fraction, 6);
  put(line, time_forms[form].offset);
  put(line, "\"");
}

/* Begins a field. TRUE: the caller writes its value; FALSE: a defect stands there already, or the field is left out. */
static gboolean begin_field(TarnLine *line, const TarnEvent *event, guint slot, const char *key) {
  const TarnDefect *defect = event->defects[slot];
  if (defect && !defect->text) return FALSE;
  if (line->text[line->size - 1] != '{') put(line, ", ");
  put(line, key);
  if (defect) put(line, defect->text);
  return defect == NULL;
}

static void put_bss(TarnLine *line, const TarnEvent *event) {
  const TarnBss *bss = &event->bss;
  if (begin_field(line, event, TARN_SLOT_FIELD, "\"plan\": ")) put_text(line, plans[bss->plan], event->ascii);
  if (begin_field(line, event, TARN_SLOT_FIELD + 1, "\"data_used_mb\": ")) put_digits(line, bss->data_used_mb, 1);
  if (begin_field(line, event, TARN_SLOT_FIELD + 2, "\"bill_amount_zmw\": ")) put_hundredths(line, bss->bill_ngwee);
  if (begin_field(line, event, TARN_SLOT_FIELD + 3, "\"payment_status\": "))
    put_text(line, (Text){bss->payment_status, bss->payment_status}, FALSE);
  if (begin_field(line, event, TARN_SLOT_FIELD + 4, "\"days_overdue\": ")) put_int(line, bss->days_overdue);
}

static void put_oss(TarnLine *line, const TarnEvent *event) {
  const TarnOss *oss = &event->oss;
  if (begin_field(line, event, TARN_SLOT_FIELD, "\"signal_dbm\": ")) put_int(line, oss->signal_dbm);
  if (begin_field(line, event, TARN_SLOT_FIELD + 1, "\"latency_ms\": ")) put_digits(line, oss->latency_ms, 1);
  if (begin_field(line, event, TARN_SLOT_FIELD + 2, "\"packet_loss_pct\": ")) put_hundredths(line, oss->packet_loss);
  if (begin_field(line, event, TARN_SLOT_FIELD + 3, "\"cell_id\": ")) {
    put(line, "\"cell-");
    put_digits(line, oss->cell, 1);
    put(line, "\"");
  }
}

static void put_model(TarnLine *line, guint model, gboolean ascii) {
  if (model >= NUMBERED_MODELS) {
    put_text(line, named_models[model - NUMBERED_MODELS], ascii);
    return;
  }
  put(line, "\"m");
  put_digits(line, model, 1);
  put(line, "\"");
}

static void put_iot(TarnLine *line, const TarnEvent *event) {
  const TarnIot *iot = &event->iot;
  if (begin_field(line, event, TARN_SLOT_FIELD, "\"battery_pct\": ")) put_digits(line, iot->battery_pct, 1);
  if (begin_field(line, event, TARN_SLOT_FIELD + 1, "\"device_model\": "))
    put_model(line, iot->device_model, event->ascii);
  if (begin_field(line, event, TARN_SLOT_FIELD + 2, "\"firmware\": ")) {
    put(line, "\"1.2.");
    put_digits(line, iot->firmware, 1);
    put(line, "\"");
  }
}

static void put_payload(TarnLine *line, const TarnEvent *event) {
  static void (*const writers[TARN_EVENT_TYPES])(TarnLine *, const TarnEvent *) = {put_bss, put_oss, put_iot};
  put(line, "{");
  writers[event->type](line, event);
  put(line, "}");
}

static void put_source(TarnLine *line, const TarnEvent *event) {
  static const char *const prefixes[TARN_EVENT_TYPES] = {"\"billing-", "\"ran-", "\"iot-hub"};
  put(line, prefixes[event->type]);
  if (event->type != TARN_IOT) put_digits(line, event->source, event->type == TARN_OSS ? 2 : 1);
  put(line, "\"");
}

static void put_further_field(TarnLine *line, const TarnEvent *event) {
  guint draw = event->further;
  for (guint i = 0; i < G_N_ELEMENTS(further_fields); i++) {
    if (draw < further_fields[i].permille) {
      put(line, ", ");
      put(line, event->ascii ? further_fields[i].text.ascii : further_fields[i].text.raw);
      return;
    }
    draw -= further_fields[i].permille;
  }
}

void tarn_line_write(TarnLine *line, const TarnEvent *event, gint64 first_midnight, guint64 seed) {
  static const char *const id_prefixes[] = {"\"SUB-", "\"sub-", "\"Sub-"};
  line->size = 0;
  put(line, "{");
  if (begin_field(line, event, TARN_SLOT_EVENT_ID, "\"event_id\": ")) {
    put(line, "\"e-");
    put_digits(line, seed, 1);
    put(line, "-");
    put_digits(line, event->number, 7);
    put(line, "\"");
  }
  if (begin_field(line, event, TARN_SLOT_EVENT_TYPE, "\"event_type\": ")) put(line, type_names[event->type]);
  if (begin_field(line, event, TARN_SLOT_SOURCE, "\"source_system\": ")) put_source(line, event);
  if (begin_field(line, event, TARN_SLOT_SUBSCRIBER, "\"subscriber_id\": ")) {
    put(line, id_prefixes[event->id_case]);
    put_digits(line, event->subscriber, 5);
    put(line, "\"");
  }
  if (begin_field(line, event, TARN_SLOT_TIMESTAMP, "\"event_timestamp\": "))
    put_timestamp(line, first_midnight * G_USEC_PER_SEC + event->time_us, event->time_form);
  if (begin_field(line, event, TARN_SLOT_PAYLOAD, "\"payload\": ")) put_payload(line, event);
  put_further_field(line, event);
  put(line, "}");
}

void tarn_line_replace(TarnLine *line, const char *text) {
  line->size = 0;
  put(line, text);
}

void tarn_line_cut(TarnLine *line, gsize size) {
  g_assert(size > 0 && size < line->size);
  while (size > 1 && ((guchar)line->text[size] & 0xc0) == 0x80) size--;
  line->size = size;
}
