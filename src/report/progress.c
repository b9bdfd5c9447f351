#include "report/progress.h"

#include "base/json_writer.h"
#include "report/text.h"

#define BAR_WIDTH 24
#define REDRAW_US (G_USEC_PER_SEC / 10)

struct TarnProgress {
  FILE *out;
  TarnProgressStyle style;
  gboolean live; /* a line without its end is on the terminal */
  gint64 drawn_us;
};

TarnProgress *tarn_progress_new(FILE *out, TarnProgressStyle style) {
  TarnProgress *progress = g_new0(TarnProgress, 1);
  progress->out = out;
  progress->style = style;
  return progress;
}

static void clear_line(TarnProgress *progress) {
  if (progress->live) fputs("\r\033[K", progress->out);
  progress->live = FALSE;
}

void tarn_progress_free(TarnProgress *progress) {
  if (!progress) return;
  clear_line(progress);
  g_free(progress);
}

/* Steps that only look are not worth a line when they took no time. */
static gboolean worth_a_line(const TarnStep *step) { return step->rows >= 0 || step->milliseconds >= 100; }

static void draw_bar(TarnProgress *progress, const TarnRunEvent *event) {
  gint64 now = g_get_monotonic_time();
  if (progress->live && now - progress->drawn_us < REDRAW_US) return;
  progress->drawn_us = now;
  g_autofree char *records = tarn_text_count(event->records);
  g_autofree char *done = tarn_format_size((guint64)event->done);
  clear_line(progress);
  fprintf(progress->out, "  %-34s ", event->step->name);
  if (event->total > 0) {
    double share = MIN(1.0, (double)event->done / (double)event->total);
    int full = (int)(share * BAR_WIDTH);
    for (int i = 0; i < BAR_WIDTH; i++) fputs(i < full ? "\xe2\x96\x88" : "\xe2\x96\x91", progress->out);
    fprintf(progress->out, " %3d %%", (int)(share * 100));
  }
  fprintf(progress->out, "  %s records, %s", records, done);
  progress->live = TRUE;
  fflush(progress->out);
}

static void draw_started(TarnProgress *progress, const TarnStep *step) {
  clear_line(progress);
  fprintf(progress->out, "  %-34s ...", step->name);
  progress->live = TRUE;
  fflush(progress->out);
}

static void draw_finished(TarnProgress *progress, const TarnStep *step) {
  clear_line(progress);
  if (!worth_a_line(step)) return;
  g_autofree char *rows = step->rows >= 0 ? tarn_text_count(step->rows) : g_strdup("");
  fprintf(progress->out, "  %-34s %12s %-4s %8.2f s", step->name, rows, step->rows >= 0 ? "rows" : "",
          (double)step->milliseconds / 1000);
  if (step->attempts > 1) fprintf(progress->out, "  (attempt %u)", step->attempts);
  fputc('\n', progress->out);
  fflush(progress->out);
}

static void listen_terminal(TarnProgress *progress, const TarnRunEvent *event) {
  switch (event->kind) {
    case TARN_EVENT_STEP_STARTED:
      draw_started(progress, event->step);
      break;
    case TARN_EVENT_PROGRESS:
      draw_bar(progress, event);
      break;
    case TARN_EVENT_STEP_FINISHED:
      draw_finished(progress, event->step);
      break;
    case TARN_EVENT_WARNING:
      clear_line(progress);
      fprintf(progress->out, "  warning: %s\n", event->message);
      break;
  }
}

static void listen_json(TarnProgress *progress, const TarnRunEvent *event) {
  static const char *const names[] = {[TARN_EVENT_STEP_STARTED] = "step_started",
                                      [TARN_EVENT_PROGRESS] = "progress",
                                      [TARN_EVENT_STEP_FINISHED] = "step_finished",
                                      [TARN_EVENT_WARNING] = "warning"};
  if (event->kind == TARN_EVENT_PROGRESS) {
    gint64 now = g_get_monotonic_time();
    if (now - progress->drawn_us < 5 * G_USEC_PER_SEC) return;
    progress->drawn_us = now;
  }
  g_autoptr(GString) line = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, line);
  tarn_json_begin_object(&json);
  tarn_json_member_string(&json, "level", event->kind == TARN_EVENT_WARNING ? "warning" : "info");
  tarn_json_member_string(&json, "event", names[event->kind]);
  if (event->step) tarn_json_member_string(&json, "step", event->step->name);
  if (event->kind == TARN_EVENT_STEP_FINISHED) {
    tarn_json_member_int(&json, "milliseconds", event->step->milliseconds);
    if (event->step->rows >= 0) tarn_json_member_int(&json, "rows", event->step->rows);
  }
  if (event->kind == TARN_EVENT_PROGRESS) {
    tarn_json_member_int(&json, "bytes", event->done);
    tarn_json_member_int(&json, "records", event->records);
  }
  if (event->message) tarn_json_member_string(&json, "message", event->message);
  tarn_json_end_object(&json);
  fprintf(progress->out, "%s\n", line->str);
  fflush(progress->out);
}

void tarn_progress_listen(const TarnRunEvent *event, gpointer user) {
  TarnProgress *progress = user;
  if (progress->style == TARN_PROGRESS_TERMINAL)
    listen_terminal(progress, event);
  else if (progress->style == TARN_PROGRESS_JSON)
    listen_json(progress, event);
}

static void summary_json(TarnProgress *progress, const TarnRunReport *report) {
  g_autoptr(GString) line = g_string_new("{\"level\":\"info\",\"event\":\"run_finished\",\"report\":");
  TarnJsonWriter json;
  tarn_json_init(&json, line);
  tarn_run_report_write(report, &json);
  g_string_append_c(line, '}');
  fprintf(progress->out, "%s\n", line->str);
}

void tarn_progress_summary(TarnProgress *progress, const TarnRunReport *report) {
  clear_line(progress);
  if (progress->style == TARN_PROGRESS_JSON) {
    summary_json(progress, report);
  } else if (progress->style == TARN_PROGRESS_TERMINAL) {
    g_autofree char *text = tarn_text_report(report);
    fputs(text, progress->out);
  }
  fflush(progress->out);
}
