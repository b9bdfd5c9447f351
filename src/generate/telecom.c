#include "generate/telecom.h"

#include <stdio.h>

#include "base/error.h"

enum { KIND_LINE = 100, KIND_EVENT };

#define REPEAT_WITHIN 250 /* a repeated line was first sent at most so many lines before */
#define SECOND_DEFECT 100 /* permille of the defective events that have a second defect */
#define PROGRESS_EVERY 16384

struct TarnTelecom {
  TarnProcess process;
  gint64 first_midnight; /* seconds since 1970 */
  guint64 defect_below;  /* a line is defective where 32 random bits are below */
};

static gboolean check_range(const char *option, gint64 value, gint64 from, gint64 to, GError **error) {
  if (value >= from && value <= to) return TRUE;
  g_autofree char *hint = g_strdup_printf("give a number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, from, to);
  tarn_error_set(error, TARN_ERROR_USAGE, hint, "%s %" G_GINT64_FORMAT " is out of range", option, value);
  return FALSE;
}

static gboolean parse_date(const char *text, gint64 *midnight, GError **error) {
  guint year, month, day;
  int end = 0;
  gboolean shaped = sscanf(text, "%4u-%2u-%2u%n", &year, &month, &day, &end) == 3 && end == 10 && text[end] == '\0';
  if (shaped && year >= 1980 && year <= 2200 && g_date_valid_dmy((GDateDay)day, (GDateMonth)month, (GDateYear)year)) {
    g_autoptr(GDateTime) time = g_date_time_new_utc((int)year, (int)month, (int)day, 0, 0, 0);
    *midnight = g_date_time_to_unix(time);
    return TRUE;
  }
  tarn_error_set(error, TARN_ERROR_USAGE, "write it as YYYY-MM-DD, between 1980-01-01 and 2200-12-31",
                 "--start '%s' is no date", text);
  return FALSE;
}

TarnTelecom *tarn_telecom_new(const TarnTelecomOptions *options, GError **error) {
  gint64 subscribers = options->subscribers;
  if (subscribers == 0) subscribers = MAX(options->events * 24 / 100, 1);
  gint64 midnight;
  if (!check_range("--events", options->events, 1, 1000000000, error) ||
      !check_range("--subscribers", subscribers, 1, 100000000, error) ||
      !check_range("--days", options->days, 1, 3650, error) ||
      !check_range("--seed", options->seed, 0, G_MAXINT64, error) || !parse_date(options->start, &midnight, error))
    return NULL;
  if (!(options->defects >= 0 && options->defects <= 1)) {
    tarn_error_set(error, TARN_ERROR_USAGE, "give a share from 0 to 1, such as 0.05 for one event in twenty",
                   "--defects %g is out of range", options->defects);
    return NULL;
  }
  TarnTelecom *telecom = g_new0(TarnTelecom, 1);
  tarn_process_init(&telecom->process, (guint64)options->seed, (guint64)options->events, (guint)subscribers,
                    options->days);
  telecom->first_midnight = midnight;
  telecom->defect_below = (guint64)(options->defects * 4294967296.0);
  return telecom;
}

void tarn_telecom_free(TarnTelecom *telecom) {
  if (!telecom) return;
  tarn_process_clear(&telecom->process);
  g_free(telecom);
}

const TarnProcess *tarn_telecom_process(const TarnTelecom *telecom) { return &telecom->process; }

static gboolean is_repeat(const TarnDefect *defect) { return defect && defect->slot == TARN_REPEATED_LINE; }

/* A line's own defect; random is left where its second one is drawn. */
static const TarnDefect *draw_line_defect(const TarnTelecom *telecom, guint64 number, TarnEventType type,
                                          TarnRandom *random) {
  *random = tarn_random_at(telecom->process.seed, KIND_LINE, number);
  if (tarn_random_next(random) >> 32 >= telecom->defect_below) return NULL;
  const TarnDefect *defect = tarn_defect_draw(random, type);
  while (number == 0 && is_repeat(defect)) defect = tarn_defect_draw(random, type);
  return defect;
}

static void draw_event(const TarnTelecom *telecom, guint64 number, TarnEvent *event) {
  TarnRandom random = tarn_random_at(telecom->process.seed, KIND_EVENT, number);
  tarn_event_draw(event, &telecom->process, number, &random);
}

/* Puts the defect, and sometimes a second one, where it belongs. */
static void apply(const TarnDefect *defect, TarnRandom *random, TarnEvent *event) {
  if (defect->slot < TARN_SLOTS) event->defects[defect->slot] = defect;
  if (!tarn_random_permille(random, SECOND_DEFECT)) return;
  const TarnDefect *second = tarn_defect_draw(random, event->type);
  if (second->slot < TARN_SLOTS) event->defects[second->slot] = second;
}

void tarn_telecom_line(const TarnTelecom *telecom, guint64 number, TarnLine *line) {
  TarnEvent event;
  TarnRandom random;
  draw_event(telecom, number, &event);
  const TarnDefect *defect = draw_line_defect(telecom, number, event.type, &random);
  if (is_repeat(defect)) {
    guint64 back = 1 + tarn_random_below(&random, (guint)MIN(number, REPEAT_WITHIN));
    tarn_telecom_line(telecom, number - back, line);
    return;
  }
  if (defect) apply(defect, &random, &event);
  tarn_line_write(line, &event, telecom->first_midnight, telecom->process.seed);
  if (defect && defect->slot == TARN_WHOLE_LINE) tarn_line_replace(line, defect->text);
  if (defect && defect->slot == TARN_CUT_LINE)
    tarn_line_cut(line, 1 + tarn_random_below(&random, (guint)line->size - 1));
}

gboolean tarn_telecom_write(const TarnTelecom *telecom, TarnOutput *output, TarnTelecomProgress progress, gpointer data,
                            guint64 *bytes, GError **error) {
  TarnLine line;
  guint64 written = 0;
  for (guint64 number = 0; number < telecom->process.events; number++) {
    tarn_telecom_line(telecom, number, &line);
    line.text[line.size++] = '\n';
    if (!tarn_output_write(output, line.text, line.size, error)) return FALSE;
    written += line.size;
    if (number % PROGRESS_EVERY == 0 && progress && !progress(number, data)) return FALSE;
  }
  *bytes = written;
  return TRUE;
}
