#include "generate/event.h"

#define TRIES 1000 /* to find an active subscriber; fails only where hardly any is left */

/* What a cell of each quality measures: the middle, and how far single values lie from it. */
static const struct {
  int signal_dbm;
  guint signal_width;
  int latency_ms;
  guint latency_width;
  int packet_loss; /* hundredths of a percent */
  guint packet_loss_width;
} cell_measures[TARN_CELL_QUALITIES] = {
    [TARN_CELL_GOOD] = {-72, 14, 42, 32, 60, 60},
    [TARN_CELL_FAIR] = {-84, 14, 95, 60, 200, 160},
    [TARN_CELL_BAD] = {-101, 16, 190, 110, 560, 440},
};

static const struct {
  guint bill_ngwee, bill_width, data_mb, data_width;
} plan_measures[TARN_PLANS] = {
    {6000, 4500, 2200, 2100}, {18000, 9000, 6500, 6000}, {52000, 26000, 13000, 7000}, {78000, 12000, 15000, 4900}};

static guint draw_sender(TarnRandom *random, const TarnProcess *process, int day, TarnSubscriber *sender) {
  guint index = 0;
  for (guint i = 0; i < TRIES; i++) {
    index = tarn_random_below(random, process->subscribers);
    *sender = tarn_process_subscriber(process, index);
    if (tarn_random_below(random, 255) < tarn_subscriber_activity(process, sender, day)) break;
  }
  return index;
}

static TarnEventType draw_type(TarnRandom *random, gboolean has_devices) {
  guint draw = tarn_random_below(random, 100);
  if (!has_devices) return draw < 35 ? TARN_BSS : TARN_OSS;
  return draw < 20 ? TARN_BSS : draw < 60 ? TARN_OSS : TARN_IOT;
}

static void draw_bss(TarnEvent *event, const TarnSubscriber *sender, int day, TarnRandom *random) {
  TarnBss *bss = &event->bss;
  guint plan = bss->plan = sender->plan;
  bss->data_used_mb =
      (guint)tarn_random_around(random, (int)plan_measures[plan].data_mb, plan_measures[plan].data_width);
  bss->bill_ngwee =
      (guint)tarn_random_around(random, (int)plan_measures[plan].bill_ngwee, plan_measures[plan].bill_width);
  bss->days_overdue = tarn_subscriber_days_overdue(sender, day);
  gboolean pending = tarn_random_permille(random, 110);
  bss->payment_status = bss->days_overdue > 5 ? "overdue" : bss->days_overdue > 0 || pending ? "pending" : "paid";
  event->source = 1 + event->subscriber % 3;
}

static void draw_oss(TarnEvent *event, const TarnProcess *process, const TarnSubscriber *sender, TarnRandom *random) {
  gboolean away = tarn_random_permille(random, 150);
  TarnOss *oss = &event->oss;
  oss->cell = away ? tarn_random_below(random, process->cells) : sender->home_cell;
  TarnCellQuality quality = away ? tarn_process_cell(process, oss->cell) : sender->quality;
  oss->signal_dbm = tarn_random_around(random, cell_measures[quality].signal_dbm, cell_measures[quality].signal_width);
  oss->latency_ms =
      (guint)tarn_random_around(random, cell_measures[quality].latency_ms, cell_measures[quality].latency_width);
  oss->packet_loss =
      (guint)tarn_random_around(random, cell_measures[quality].packet_loss, cell_measures[quality].packet_loss_width);
  event->source = 1 + oss->cell % 12;
}

static void draw_iot(TarnEvent *event, TarnRandom *random) {
  event->iot.battery_pct = tarn_random_below(random, 101);
  event->iot.device_model = event->subscriber % 34;
  event->iot.firmware = tarn_random_below(random, 9);
  event->source = 0;
}

void tarn_event_draw(TarnEvent *event, const TarnProcess *process, guint64 number, TarnRandom *random) {
  *event = (TarnEvent){.number = number};
  int day = tarn_process_event_day(process, number);
  guint64 in_day = tarn_process_event_time(process, number, day, tarn_random_below(random, 65536));
  event->time_us = (gint64)day * G_TIME_SPAN_DAY + (gint64)in_day;
  TarnSubscriber sender;
  event->subscriber = draw_sender(random, process, day, &sender);
  event->type = draw_type(random, sender.has_devices);
  if (event->type == TARN_BSS)
    draw_bss(event, &sender, day, random);
  else if (event->type == TARN_OSS)
    draw_oss(event, process, &sender, random);
  else
    draw_iot(event, random);
  event->id_case = tarn_random_below(random, 3);
  event->time_form = tarn_random_below(random, 100);
  event->further = tarn_random_below(random, 1000);
  event->ascii = tarn_random_below(random, 2) == 0;
}
