/* The event generator: reproducible, as defective as asked for, in order of time, and true to its hidden process. */
#include <glib.h>
#include <jansson.h>
#include <string.h>

#include "base/error.h"
#include "generate/telecom.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)

static TarnTelecom *telecom_new(gint64 events, gint64 subscribers, double defects) {
  TarnTelecomOptions options = TARN_TELECOM_DEFAULTS;
  options.events = events;
  options.subscribers = subscribers;
  options.defects = defects;
  g_autoptr(GError) error = NULL;
  TarnTelecom *telecom = tarn_telecom_new(&options, &error);
  g_assert_no_error(error);
  return telecom;
}

static char *line_of(const TarnTelecom *telecom, guint64 number) {
  TarnLine line;
  tarn_telecom_line(telecom, number, &line);
  return g_strndup(line.text, line.size);
}

/* The digest is written down: it must not change with the compiler, the machine or by accident. */
static void test_same_bytes_everywhere(void) {
  g_autoptr(TarnTelecom) telecom = telecom_new(20000, 0, 0.05);
  g_autoptr(GChecksum) digest = g_checksum_new(G_CHECKSUM_SHA256);
  for (guint64 i = 0; i < 20000; i++) {
    g_autofree char *line = line_of(telecom, i);
    g_checksum_update(digest, (const guchar *)line, -1);
    g_checksum_update(digest, (const guchar *)"\n", 1);
  }
  g_assert_cmpstr(g_checksum_get_string(digest), ==,
                  "271077a6b25a356a900ba40d46ca6f803c915ed1c201c058499de3b41cfbc740");
}

static guint count_changed(double defects, guint events) {
  g_autoptr(TarnTelecom) clean = telecom_new(events, 0, 0);
  g_autoptr(TarnTelecom) telecom = telecom_new(events, 0, defects);
  guint changed = 0;
  for (guint64 i = 0; i < events; i++) {
    g_autofree char *right = line_of(clean, i), *line = line_of(telecom, i);
    changed += !g_str_equal(right, line);
  }
  return changed;
}

static void test_share_of_defects(void) {
  g_assert_cmpuint(count_changed(0, 1000), ==, 0);
  g_assert_cmpuint(count_changed(1, 1000), ==, 1000);
  guint changed = count_changed(0.05, 40000);
  g_assert_cmpuint(changed, >, 1800);
  g_assert_cmpuint(changed, <, 2200);
}

static const char *const envelope[] = {"event_id",      "event_type",      "source_system",
                                       "subscriber_id", "event_timestamp", "payload"};
static const char *const fields[TARN_EVENT_TYPES][5] = {
    {"plan", "data_used_mb", "bill_amount_zmw", "payment_status", "days_overdue"},
    {"signal_dbm", "latency_ms", "packet_loss_pct", "cell_id", NULL},
    {"battery_pct", "device_model", "firmware", NULL, NULL}};

static void test_clean_events_are_complete(void) {
  g_autoptr(TarnTelecom) telecom = telecom_new(5000, 0, 0);
  g_autoptr(GHashTable) ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (guint64 i = 0; i < 5000; i++) {
    g_autofree char *line = line_of(telecom, i);
    g_autoptr(json_t) event = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    for (guint k = 0; k < G_N_ELEMENTS(envelope); k++) g_assert_nonnull(json_object_get(event, envelope[k]));
    const char *type = json_string_value(json_object_get(event, "event_type"));
    guint t = g_str_equal(type, "BSS") ? TARN_BSS : g_str_equal(type, "OSS") ? TARN_OSS : TARN_IOT;
    for (guint k = 0; k < 5 && fields[t][k]; k++)
      g_assert_nonnull(json_object_get(json_object_get(event, "payload"), fields[t][k]));
    g_assert_true(g_hash_table_add(ids, g_strdup(json_string_value(json_object_get(event, "event_id")))));
  }
}

static gboolean has_value(const json_t *object, const char *key, const char *text) {
  const json_t *value = json_object_get(object, key);
  g_autofree char *found = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
  return g_strcmp0(found, text) == 0;
}

static gboolean shows_field(const json_t *event, const TarnDefect *defect) {
  const json_t *payload = json_object_get(event, "payload");
  guint field = defect->slot - TARN_SLOT_FIELD;
  for (guint type = 0; json_is_object(payload) && type < TARN_EVENT_TYPES; type++) {
    gboolean of_type = json_object_get(payload, fields[type][1]) || json_object_get(payload, fields[type][2]);
    gboolean suits = defect->type == TARN_ANY_TYPE || defect->type == (TarnEventType)type;
    if (of_type && suits && has_value(payload, fields[type][field], defect->text)) return TRUE;
  }
  return FALSE;
}

static gboolean shows(const char *line, const json_t *event, gboolean repeated, const TarnDefect *defect) {
  if (defect->slot == TARN_WHOLE_LINE) return g_str_equal(line, defect->text);
  if (defect->slot == TARN_CUT_LINE) return !event && g_str_has_prefix(line, "{\"event_");
  if (defect->slot == TARN_REPEATED_LINE) return repeated;
  if (defect->slot >= TARN_SLOT_FIELD) return shows_field(event, defect);
  return json_is_object(event) && has_value(event, envelope[defect->slot], defect->text);
}

static void test_every_defect_occurs(void) {
  const guint events = 10000;
  g_autoptr(TarnTelecom) telecom = telecom_new(events, 0, 1);
  g_autoptr(GHashTable) seen_lines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  guint seen[128] = {0};
  for (guint64 i = 0; i < events; i++) {
    char *line = line_of(telecom, i);
    g_assert_true(g_utf8_validate(line, -1, NULL));
    json_t *event = json_loads(line, JSON_DECODE_ANY, NULL);
    gboolean repeated = g_hash_table_contains(seen_lines, line) && json_is_object(event);
    for (guint k = 0; tarn_defects[k].name; k++) seen[k] += shows(line, event, repeated, &tarn_defects[k]);
    g_hash_table_add(seen_lines, line);
    if (event) json_decref(event);
  }
  for (guint k = 0; tarn_defects[k].name; k++) {
    g_test_message("%s %s: %u", tarn_defects[k].name, tarn_defects[k].text ? tarn_defects[k].text : "(left out)",
                   seen[k]);
    g_assert_cmpuint(seen[k], >, 0);
  }
}

/* Subscriber and second of a clean line. */
static void read_line(const char *line, guint *subscriber, gint64 *second) {
  g_autoptr(json_t) event = json_loads(line, 0, NULL);
  const char *id = json_string_value(json_object_get(event, "subscriber_id"));
  *subscriber = (guint)g_ascii_strtoull(id + strlen("SUB-"), NULL, 10);
  g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
  g_autoptr(GDateTime) time =
      g_date_time_new_from_iso8601(json_string_value(json_object_get(event, "event_timestamp")), utc);
  g_assert_nonnull(time);
  *second = g_date_time_to_unix(time);
}

static void test_time_goes_on_and_the_silent_are_silent(void) {
  const gint64 first = 1767225600; /* 2026-01-01 */
  g_autoptr(TarnTelecom) telecom = telecom_new(20000, 1000, 0);
  gint64 before = first;
  for (guint64 i = 0; i < 20000; i++) {
    g_autofree char *line = line_of(telecom, i);
    guint subscriber;
    gint64 second;
    read_line(line, &subscriber, &second);
    g_assert_cmpint(second, >=, before);
    before = second;
    int day = (int)((second - first) / 86400);
    g_assert_cmpint(day, <, tarn_process_subscriber(tarn_telecom_process(telecom), subscriber).silent_since);
  }
  g_assert_cmpint(before, >, first + 89 * 86400);
  g_assert_cmpint(before, <, first + 90 * 86400);
}

static double silent_share(const TarnProcess *process, gboolean bad_cell, gboolean arrears) {
  guint all = 0, silent = 0;
  for (guint i = 0; i < process->subscribers; i++) {
    TarnSubscriber subscriber = tarn_process_subscriber(process, i);
    if ((subscriber.quality == TARN_CELL_BAD) != bad_cell || (subscriber.discipline == TARN_PAYS_NEVER) != arrears)
      continue;
    all++;
    silent += subscriber.silent_since != TARN_NEVER_SILENT;
  }
  g_assert_cmpuint(all, >, 100);
  return (double)silent / all;
}

static void test_silence_has_its_causes(void) {
  g_autoptr(TarnTelecom) telecom = telecom_new(1000, 30000, 0);
  const TarnProcess *process = tarn_telecom_process(telecom);
  double neither = silent_share(process, FALSE, FALSE), cell = silent_share(process, TRUE, FALSE);
  double arrears = silent_share(process, FALSE, TRUE), both = silent_share(process, TRUE, TRUE);
  g_assert_cmpfloat(cell, >, 3 * neither);
  g_assert_cmpfloat(arrears, >, 3 * neither);
  g_assert_cmpfloat(both, >, 1.5 * MAX(cell, arrears));
}

static void test_fading_comes_before_silence(void) {
  g_autoptr(TarnTelecom) telecom = telecom_new(1000, 100, 0);
  const TarnSubscriber leaving = {.silent_since = 60, .activity = 200};
  guint before = 200;
  for (int day = 40; day < 60; day++) {
    guint activity = tarn_subscriber_activity(tarn_telecom_process(telecom), &leaving, day);
    g_assert_cmpuint(activity, <=, before);
    g_assert_cmpuint(activity, >, 0);
    before = activity;
  }
  g_assert_cmpuint(before, <, 50);
  g_assert_cmpuint(tarn_subscriber_activity(tarn_telecom_process(telecom), &leaving, 60), ==, 0);
}

static void test_options_out_of_range(void) {
  TarnTelecomOptions wrong[7];
  for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) wrong[i] = TARN_TELECOM_DEFAULTS;
  wrong[0].events = 0;
  wrong[1].subscribers = -1;
  wrong[2].days = 0;
  wrong[3].seed = -1;
  wrong[4].defects = 1.5;
  wrong[5].start = "2026-02-30";
  wrong[6].start = "yesterday";
  for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(tarn_telecom_new(&wrong[i], &error));
    g_assert_error(error, TARN_ERROR, TARN_ERROR_USAGE);
    g_assert_nonnull(tarn_error_hint(error));
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/telecom/same_bytes_everywhere", test_same_bytes_everywhere);
  g_test_add_func("/telecom/share_of_defects", test_share_of_defects);
  g_test_add_func("/telecom/clean_events_are_complete", test_clean_events_are_complete);
  g_test_add_func("/telecom/every_defect_occurs", test_every_defect_occurs);
  g_test_add_func("/telecom/time_goes_on_and_the_silent_are_silent", test_time_goes_on_and_the_silent_are_silent);
  g_test_add_func("/telecom/silence_has_its_causes", test_silence_has_its_causes);
  g_test_add_func("/telecom/fading_comes_before_silence", test_fading_comes_before_silence);
  g_test_add_func("/telecom/options_out_of_range", test_options_out_of_range);
  return g_test_run();
}
