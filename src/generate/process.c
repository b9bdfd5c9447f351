#include "generate/process.h"

#include "generate/random.h"

enum { KIND_CELL = 1, KIND_SUBSCRIBER };

#define SUBSCRIBERS_PER_CELL 60
#define VOLUME_SAMPLE 2048 /* subscribers from whom the volume of a day is estimated */

/* Permille who fall silent within the span. */
static const guint silence_chance[TARN_CELL_QUALITIES][TARN_DISCIPLINES] = {
    [TARN_CELL_GOOD] = {30, 60, 300},
    [TARN_CELL_FAIR] = {70, 130, 420},
    [TARN_CELL_BAD] = {280, 380, 700},
};

/* How a day's events spread over its hours; the shares sum to 256. */
static const guint8 hour_share[24] = {4,  3,  2,  2,  3,  5,  8,  11, 13, 13, 13, 13,
                                      13, 12, 12, 13, 14, 15, 17, 19, 18, 14, 11, 8};

TarnCellQuality tarn_process_cell(const TarnProcess *process, guint cell) {
  TarnRandom random = tarn_random_at(process->seed, KIND_CELL, cell);
  guint draw = tarn_random_below(&random, 100);
  return draw < 68 ? TARN_CELL_GOOD : draw < 88 ? TARN_CELL_FAIR : TARN_CELL_BAD;
}

static TarnDiscipline draw_discipline(TarnRandom *random) {
  guint draw = tarn_random_below(random, 100);
  return draw < 74 ? TARN_PAYS_PUNCTUALLY : draw < 90 ? TARN_PAYS_SLOWLY : TARN_PAYS_NEVER;
}

/* The last three fifths of the span, and with growing arrears not before they hurt. */
static int draw_silence(TarnRandom *random, int days, int arrears_since) {
  int earliest = MAX(days * 2 / 5, arrears_since + 10);
  return earliest >= days ? TARN_NEVER_SILENT : earliest + (int)tarn_random_below(random, (guint)(days - earliest));
}

TarnSubscriber tarn_process_subscriber(const TarnProcess *process, guint index) {
  TarnRandom random = tarn_random_at(process->seed, KIND_SUBSCRIBER, index);
  TarnSubscriber subscriber = {.silent_since = TARN_NEVER_SILENT};
  subscriber.home_cell = tarn_random_below(&random, process->cells);
  subscriber.quality = tarn_process_cell(process, subscriber.home_cell);
  subscriber.discipline = draw_discipline(&random);
  subscriber.plan = tarn_random_below(&random, TARN_PLANS);
  subscriber.has_devices = tarn_random_permille(&random, 600);
  /* The product of two draws: many send little, few send much. */
  subscriber.activity = 50 + tarn_random_below(&random, 206) * tarn_random_below(&random, 206) / 205;
  subscriber.arrears_since = -20;
  if (subscriber.discipline == TARN_PAYS_NEVER)
    subscriber.arrears_since += (int)tarn_random_below(&random, (guint)(process->days / 2 + 20));
  if (tarn_random_permille(&random, silence_chance[subscriber.quality][subscriber.discipline]))
    subscriber.silent_since = draw_silence(&random, process->days, subscriber.arrears_since);
  return subscriber;
}

guint tarn_subscriber_activity(const TarnProcess *process, const TarnSubscriber *subscriber, int day) {
  if (day >= subscriber->silent_since) return 0;
  int left = subscriber->silent_since - day, fading = MAX(process->days / 6, 1);
  return left >= fading ? subscriber->activity : MAX(subscriber->activity * (guint)left / (guint)fading, 1);
}

int tarn_subscriber_days_overdue(const TarnSubscriber *subscriber, int day) {
  if (subscriber->discipline == TARN_PAYS_NEVER) return MAX(day - subscriber->arrears_since, 0);
  if (subscriber->discipline == TARN_PAYS_PUNCTUALLY) return 0;
  int since_bill = (day + (int)(subscriber->home_cell % 30)) % 30; /* bills are sent cell by cell */
  return since_bill < 14 ? since_bill : 0;
}

/* The events of a day are as many as its subscribers are active: when some fall silent, the others do not send more. */
static void share_out_days(TarnProcess *process) {
  guint sample = MIN(process->subscribers, VOLUME_SAMPLE);
  g_autofree guint64 *volume_before = g_new0(guint64, process->days + 1);
  for (guint i = 0; i < sample; i++) {
    TarnSubscriber subscriber = tarn_process_subscriber(process, i);
    for (int day = 0; day < process->days; day++)
      volume_before[day + 1] += tarn_subscriber_activity(process, &subscriber, day);
  }
  for (int day = 0; day < process->days; day++) volume_before[day + 1] += volume_before[day];
  process->day_begins = g_new(guint64, process->days + 1);
  guint64 total = MAX(volume_before[process->days], 1);
  for (int day = 0; day <= process->days; day++)
    process->day_begins[day] = process->events * volume_before[day] / total;
  process->day_begins[process->days] = process->events;
}

void tarn_process_init(TarnProcess *process, guint64 seed, guint64 events, guint subscribers, int days) {
  *process = (TarnProcess){.seed = seed, .events = events, .subscribers = subscribers, .days = days};
  process->cells = subscribers / SUBSCRIBERS_PER_CELL + 12;
  share_out_days(process);
}

void tarn_process_clear(TarnProcess *process) { g_clear_pointer(&process->day_begins, g_free); }

int tarn_process_event_day(const TarnProcess *process, guint64 event) {
  int low = 0, high = process->days; /* day_begins[low] <= event < day_begins[high] */
  while (high - low > 1) {
    int middle = low + (high - low) / 2;
    if (process->day_begins[middle] <= event)
      low = middle;
    else
      high = middle;
  }
  return low;
}

guint64 tarn_process_event_time(const TarnProcess *process, guint64 event, int day, guint drawn) {
  guint64 begin = process->day_begins[day], count = process->day_begins[day + 1] - begin;
  guint64 part = ((event - begin) << 32 | (guint64)drawn << 16) / count; /* of the day's events, in 2^-32 */
  int hour = 0;
  for (; part >= (guint64)hour_share[hour] << 24; hour++) part -= (guint64)hour_share[hour] << 24;
  const guint64 hour_us = G_GUINT64_CONSTANT(3600000000);
  return (guint64)hour * hour_us + part * hour_us / ((guint64)hour_share[hour] << 24);
}
