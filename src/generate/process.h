/* The hidden truth behind the events: which cells are bad, who pays late, who falls silent and when.
 *
 * A subscriber lives in a home cell (good, fair or bad) and has a payment discipline (punctual, slow, or with arrears
 * that grow by a day a day). The chance to fall silent rises with both; whoever does fades over some days in the later
 * part of the span and then sends nothing more. So what a churn model can learn from the events is true.
 *
 * Everything follows from (seed, index) by integer arithmetic alone: nothing is stored per subscriber, any event can be
 * asked for at any time, and the answer is the same on every machine. A process is immutable after its init: any thread
 * may read it. */
#pragma once
#include <glib.h>

typedef enum { TARN_CELL_GOOD, TARN_CELL_FAIR, TARN_CELL_BAD, TARN_CELL_QUALITIES } TarnCellQuality;
typedef enum { TARN_PAYS_PUNCTUALLY, TARN_PAYS_SLOWLY, TARN_PAYS_NEVER, TARN_DISCIPLINES } TarnDiscipline;

#define TARN_NEVER_SILENT G_MAXINT

typedef struct {
  guint64 seed;
  guint64 events;    /* 1 .. 1e9 */
  guint subscribers; /* 1 .. 1e8 */
  guint cells;
  int days;            /* 1 .. 3650 */
  guint64 *day_begins; /* owned; days + 1 numbers: the first event of each day */
} TarnProcess;

typedef struct {
  guint home_cell;
  TarnCellQuality quality; /* of the home cell */
  TarnDiscipline discipline;
  guint plan;           /* 0 .. TARN_PLANS - 1 */
  gboolean has_devices; /* sends IoT events */
  int arrears_since;    /* day on which arrears begin to grow, may be before day 0; TARN_PAYS_NEVER only */
  int silent_since;     /* first day without any event, or TARN_NEVER_SILENT */
  guint activity;       /* 1 .. 255, how much is sent while nothing is wrong */
} TarnSubscriber;

#define TARN_PLANS 4

void tarn_process_init(TarnProcess *process, guint64 seed, guint64 events, guint subscribers, int days);
void tarn_process_clear(TarnProcess *process);

TarnCellQuality tarn_process_cell(const TarnProcess *process, guint cell);
TarnSubscriber tarn_process_subscriber(const TarnProcess *process, guint index);

/* 0 (silent) .. 255, as a share of the busiest subscriber's events. */
guint tarn_subscriber_activity(const TarnProcess *process, const TarnSubscriber *subscriber, int day);
/* How many days the oldest open bill is late on that day; 0 where nothing is. */
int tarn_subscriber_days_overdue(const TarnSubscriber *subscriber, int day);

/* When the event happens: the day it falls on, and microseconds since that day's midnight. Never earlier than the
 * event before it. Drawn is a random number below 65536 that moves it within its own place. */
int tarn_process_event_day(const TarnProcess *process, guint64 event);
guint64 tarn_process_event_time(const TarnProcess *process, guint64 event, int day, guint drawn);
