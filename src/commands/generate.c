#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/error.h"
#include "commands/cli.h"
#include "commands/commands.h"
#include "commands/generate_kafka.h"
#include "generate/telecom.h"

static const char summary[] =
    "Write example telecom events (BSS, OSS, IoT) as NDJSON, for the project that `tarn init` writes.\n"
    "The same options give the same bytes on every machine.";

static const char description[] =
    "Subscribers on bad cells or with growing arrears fade and fall silent in later weeks, so that a churn model\n"
    "has something true to learn. A share of the lines has defects of every kind that real producers show.\n\n"
    "Example:\n"
    "  tarn generate --events 1000000 --defects 0.02 --out demo/events/january.ndjson\n"
    "  tarn generate --events 10 --out -";

static volatile sig_atomic_t stopped_by; /* the signal that asked to stop, or 0 */

static void note_signal(int signal) { stopped_by = signal; }

typedef struct {
  guint64 events;
  gint64 begun, next; /* monotonic microseconds */
  gboolean shown;     /* a progress line stands on the terminal */
} Progress;

static gboolean show_progress(guint64 done, gpointer data) {
  Progress *progress = data;
  gint64 now = g_get_monotonic_time();
  if (isatty(STDERR_FILENO) && now >= progress->next) {
    fprintf(stderr, "\rgenerating  %3" G_GUINT64_FORMAT " %%", done * 100 / progress->events);
    progress->next = now + G_USEC_PER_SEC / 4;
    progress->shown = TRUE;
  }
  return stopped_by == 0;
}

/* Where the events go. */
typedef struct {
  char *path;  /* a file, "-" */
  char *to;    /* or a topic */
  GStrv kafka; /* its cluster's properties; may be NULL */
} Target;

static void target_clear(Target *target) {
  g_free(target->path);
  g_free(target->to);
  g_strfreev(target->kafka);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Target, target_clear)

static gboolean write_file(const TarnTelecom *telecom, const char *path, Progress *progress, guint64 *bytes,
                           GError **error) {
  g_autoptr(TarnOutput) output = tarn_output_open(path, error);
  return output && tarn_telecom_write(telecom, output, show_progress, progress, bytes, error) &&
         tarn_output_commit(output, error);
}

static gboolean generate(const TarnTelecomOptions *options, const Target *target, GError **error) {
  g_autoptr(TarnTelecom) telecom = tarn_telecom_new(options, error);
  if (!telecom) return FALSE;
  const TarnProcess *process = tarn_telecom_process(telecom);
  Progress progress = {.events = process->events, .begun = g_get_monotonic_time()};
  progress.next = progress.begun + G_USEC_PER_SEC / 2;
  guint64 bytes;
  gboolean done = target->to ? tarn_generate_to_kafka(telecom, target->to, (const char *const *)target->kafka,
                                                      show_progress, &progress, &bytes, error)
                             : write_file(telecom, target->path, &progress, &bytes, error);
  if (progress.shown) fprintf(stderr, "\r\033[K");
  if (!done) return FALSE;
  double seconds = (double)(g_get_monotonic_time() - progress.begun) / G_USEC_PER_SEC;
  g_autofree char *size = tarn_format_size(bytes);
  fprintf(stderr, "%" G_GUINT64_FORMAT " events of %u subscribers, %s in %.2f s%s%s\n", process->events,
          process->subscribers, size, seconds, g_strcmp0(target->path, "-") == 0 ? "" : " -> ",
          target->to                       ? target->to
          : g_str_equal(target->path, "-") ? ""
                                           : target->path);
  return TRUE;
}

static gboolean check_arguments(int argc, char **argv, const Target *target, GError **error) {
  if (argc > 1)
    tarn_error_set(error, TARN_ERROR_USAGE, "name the file with --out FILE", "generate takes no argument '%s'",
                   argv[1]);
  else if (target->path && target->to)
    tarn_error_set(error, TARN_ERROR_USAGE, "give one of them", "--out and --to are two places for the events");
  else if (target->kafka && !target->to)
    tarn_error_set(error, TARN_ERROR_USAGE, "add --to kafka://host:port/topic", "--kafka without a topic to write to");
  else if (!target->path && !target->to && isatty(STDOUT_FILENO))
    tarn_error_set(error, TARN_ERROR_USAGE, "give --out FILE, or --out - to see the events here",
                   "no file to write to");
  else
    return TRUE;
  return FALSE;
}

int tarn_command_generate(int argc, char **argv) {
  TarnTelecomOptions options = TARN_TELECOM_DEFAULTS;
  g_autofree char *start = NULL;
  g_auto(Target) target = {0};
  const GOptionEntry entries[] = {
      {"events", 0, 0, G_OPTION_ARG_INT64, &options.events, "how many lines (default 250000)", "N"},
      {"subscribers", 0, 0, G_OPTION_ARG_INT64, &options.subscribers,
       "of how many subscribers (default: about one for four events)", "N"},
      {"seed", 0, 0, G_OPTION_ARG_INT64, &options.seed, "another number, other events with other ids (default 7)", "N"},
      {"defects", 0, 0, G_OPTION_ARG_DOUBLE, &options.defects, "share of defective lines, 0 to 1 (default 0.05)",
       "SHARE"},
      {"start", 0, 0, G_OPTION_ARG_STRING, &start, "first day, UTC (default 2026-01-01)", "DATE"},
      {"days", 0, 0, G_OPTION_ARG_INT, &options.days, "how many days the events spread over (default 90)", "N"},
      {"out", 'o', 0, G_OPTION_ARG_FILENAME, &target.path,
       "the file, put in its place when it is complete; - is standard output", "FILE"},
      {"to", 0, 0, G_OPTION_ARG_STRING, &target.to, "write records to a Kafka topic instead, keyed by subscriber",
       "kafka://HOST:PORT/TOPIC"},
      {"kafka", 0, 0, G_OPTION_ARG_STRING_ARRAY, &target.kafka,
       "with --to: a property of librdkafka, such as security.protocol=ssl; may be repeated", "PROPERTY=VALUE"},
      {NULL, 0, 0, 0, NULL, NULL, NULL}};
  g_autoptr(GError) error = NULL;
  if (!tarn_cli_parse(&argc, &argv, "generate", NULL, summary, description, entries, NULL, &error) ||
      !check_arguments(argc, argv, &target, &error))
    return tarn_cli_fail(error);
  if (start) options.start = start;
  if (!target.path && !target.to) target.path = g_strdup("-");
  if (g_strcmp0(target.path, "-") != 0) {
    signal(SIGINT, note_signal);
    signal(SIGTERM, note_signal);
  }
  gboolean done = generate(&options, &target, &error);
  if (stopped_by) { /* nothing is left behind: end as the signal would have ended it */
    signal(stopped_by, SIG_DFL);
    raise(stopped_by);
  }
  return done ? 0 : tarn_cli_fail(error);
}
