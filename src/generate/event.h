/* One telecom event as values, and as the line of text that a producer would send: the line is the one of the data
 * dictionary, in the spelling of real producers (ids in any case, timestamps in several ISO forms, text raw or escaped,
 * now and then a further field), with the event's defects in the place of what is right. */
#pragma once
#include <glib.h>

#include "generate/defects.h"
#include "generate/process.h"

typedef struct {
  guint plan;
  guint data_used_mb;
  guint bill_ngwee; /* 1 kwacha = 100 ngwee */
  const char *payment_status;
  int days_overdue;
} TarnBss;

typedef struct {
  int signal_dbm;
  guint latency_ms;
  guint packet_loss; /* hundredths of a percent */
  guint cell;
} TarnOss;

typedef struct {
  guint battery_pct;
  guint device_model;
  guint firmware;
} TarnIot;

typedef struct {
  guint64 number;
  TarnEventType type;
  guint subscriber;
  guint source;   /* which of the type's source systems */
  gint64 time_us; /* since the process's first midnight */
  union {
    TarnBss bss;
    TarnOss oss;
    TarnIot iot;
  };
  guint id_case;                         /* 0 SUB, 1 sub, 2 Sub */
  guint time_form;                       /* 0 .. 99, see line.c */
  guint further;                         /* 0 .. 999, see line.c */
  gboolean ascii;                        /* what is not ASCII is written as \u escapes */
  const TarnDefect *defects[TARN_SLOTS]; /* by slot; NULL where the value is right */
} TarnEvent;

/* The number-th event of the process, without defects. random: positioned on the event's own stream. */
void tarn_event_draw(TarnEvent *event, const TarnProcess *process, guint64 number, TarnRandom *random);

#define TARN_LINE_MAX 1024

typedef struct {
  gsize size;
  char text[TARN_LINE_MAX]; /* not terminated; without a line feed, for which there is room */
} TarnLine;

/* first_midnight: of the process, in seconds since 1970. seed: part of the event's id. */
void tarn_line_write(TarnLine *line, const TarnEvent *event, gint64 first_midnight, guint64 seed);
/* Puts a text in the place of the line. */
void tarn_line_replace(TarnLine *line, const char *text);
/* Cuts the line short at size > 0 bytes, or up to three less so that no character is split. */
void tarn_line_cut(TarnLine *line, gsize size);
