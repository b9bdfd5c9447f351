/* `tarn serve`: the published file over HTTP, until SIGTERM or SIGINT. */
#include "serve/server.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/error.h"
#include "base/json_writer.h"
#include "commands/cli.h"
#include "commands/commands.h"
#include "commands/project_options.h"
#include "project/config.h"
#include "serve/metrics.h"

#define PORT_NOT_GIVEN G_MININT

typedef struct {
  TarnCliOptions cli;
  char *host;
  gint port, metrics_port;
  gboolean metrics_reference;
} Options;

/* Flags win over the environment, which wins over the project. */
static gboolean choose_port(const Options *options, const TarnConfig *config, guint *port, GError **error) {
  const char *environment = g_getenv("PORT");
  gint64 number = config->port;
  gboolean ok = TRUE;
  if (options->port != PORT_NOT_GIVEN)
    number = options->port;
  else if (environment && *environment)
    ok = g_ascii_string_to_signed(environment, 10, 0, G_MAXUINT16, &number, NULL);
  if (ok && number >= 0 && number <= G_MAXUINT16) {
    *port = (guint)number;
    return TRUE;
  }
  tarn_error_set(error, TARN_ERROR_USAGE, "--port and PORT take a number from 0 to 65535; 0 is any free port",
                 "%s is no port", ok ? "the value of --port" : "the value of PORT");
  return FALSE;
}

/* Answers of the same generation are others where the project's files are. */
static gint64 project_changed_s(const TarnProject *project) {
  gint64 newest = 0;
  for (guint i = 0; i <= project->endpoints->len; i++) {
    const TarnEndpoint *endpoint = i > 0 ? project->endpoints->pdata[i - 1] : NULL;
    g_autofree char *path = g_build_filename(project->dir, endpoint ? endpoint->path : TARN_CONFIG_FILE, NULL);
    struct stat info;
    if (stat(path, &info) == 0) newest = MAX(newest, (gint64)info.st_mtim.tv_sec);
  }
  return newest;
}

static TarnServer *start(const Options *options, const TarnProject *project, const char *host, GError **error) {
  TarnBudget budget;
  guint port;
  if (!tarn_budget_read(&budget, error) || !choose_port(options, &project->config, &port, error)) return NULL;
  if (options->metrics_port != PORT_NOT_GIVEN && (options->metrics_port < 0 || options->metrics_port > G_MAXUINT16)) {
    tarn_error_set(error, TARN_ERROR_USAGE, "give a port from 1 to 65535; 0 is none",
                   "the value of --metrics-port is no port");
    return NULL;
  }
  g_autofree char *path = tarn_project_database_path(project), *keys = tarn_project_keys_path(project);
  const TarnConfig *config = &project->config;
  const TarnServerOptions server = {
      .name = config->name,
      .database = path,
      .endpoints = project->endpoints,
      .max_download = project->config.serve_max_download,
      .tables = (const char *const *)project->config.tables,
      .models = project->models,
      .host = host,
      .port = port,
      .threads = budget.threads,
      .memory_bytes = budget.engine_bytes,
      .changed_s = project_changed_s(project),
      .cache_bytes = config->serve_cache,
      .max_pinned = config->serve_pinned,
      .inotify = config->serve_watch == TARN_WATCH_INOTIFY,
      .poll_us = config->serve_poll_us,
      .queue = config->serve_queue,
      .max_streams = config->serve_max_streams,
      .max_connections = config->serve_max_connections,
      .max_body = config->serve_max_body,
      .timeout_us = config->serve_timeout_us,
      .client_timeout_us = config->serve_client_timeout_us,
      .drain_timeout_us = config->serve_drain_timeout_us,
      .auth = (TarnAuth)config->auth,
      .keys_path = keys,
      .cors = (const char *const *)config->cors,
      .metrics_port = options->metrics_port != PORT_NOT_GIVEN ? (guint)options->metrics_port : config->metrics_port,
      .budget = budget,
      .log_json = options->cli.log_json};
  return tarn_server_start(&server, error);
}

static void announce_json(const char *url) {
  g_autoptr(GString) line = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, line);
  tarn_json_begin_object(&json);
  tarn_json_member_string(&json, "level", "info");
  tarn_json_member_string(&json, "message", "serving");
  tarn_json_member_string(&json, "url", url);
  g_autofree char *docs = g_strconcat(url, "/docs", NULL);
  tarn_json_member_string(&json, "docs", docs);
  tarn_json_end_object(&json);
  fprintf(stderr, "%s\n", line->str);
}

static void announce(const TarnServer *server, const char *host, gboolean as_json) {
  gboolean v6 = strchr(host, ':') != NULL;
  g_autofree char *url =
      g_strdup_printf("http://%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", tarn_server_port(server));
  if (as_json) {
    announce_json(url);
    return;
  }
  fprintf(stderr, "tarn: serving on %s (to read and try: %s/docs)\n", url, url);
  if (!isatty(STDERR_FILENO)) return;
  for (const char *const *route = tarn_server_routes(server); *route; route++) fprintf(stderr, "  %s%s\n", url, *route);
}

static void wait_for(const sigset_t *signals) {
  int received;
  while (sigwait(signals, &received) != 0) continue;
  pthread_sigmask(SIG_UNBLOCK, signals, NULL); /* a second one ends at once */
}

/* Each connection is a file; shells hand on a low limit that programs may raise themselves. */
static void allow_many_files(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static gboolean run(const Options *options, GError **error) {
  g_autoptr(TarnProject) project = tarn_command_load_project(&options->cli, error);
  if (!project) return FALSE;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before there are threads, which inherit it */
  signal(SIGPIPE, SIG_IGN);
  allow_many_files();
  const char *host = options->host ? options->host : project->config.host;
  TarnServer *server = start(options, project, host, error);
  if (!server) return FALSE;
  announce(server, host, options->cli.log_json);
  wait_for(&signals);
  tarn_server_stop(server);
  return TRUE;
}

static gboolean print_metrics(void) {
  g_autoptr(GString) table = g_string_new(NULL);
  tarn_metrics_describe(table);
  fputs(table->str, stdout);
  return TRUE;
}

int tarn_command_serve(int argc, char **argv) {
  Options options = {.port = PORT_NOT_GIVEN, .metrics_port = PORT_NOT_GIVEN};
  const GOptionEntry entries[] = {
      {"port", 'p', 0, G_OPTION_ARG_INT, &options.port,
       "port (default: PORT, else the project's, 8000); 0: any free one", "N"},
      {"host", 0, 0, G_OPTION_ARG_STRING, &options.host,
       "address to listen on (default: the project's, 127.0.0.1; 0.0.0.0: all)", "HOST"},
      {"metrics-port", 0, 0, G_OPTION_ARG_INT, &options.metrics_port,
       "port of its own for /metrics, /livez and /readyz, without keys (default: the project's; 0: none)", "N"},
      {"metrics-reference", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &options.metrics_reference,
       "print the reference of all metrics", NULL},
      {NULL, 0, 0, 0, NULL, NULL, NULL}};
  g_autoptr(GError) error = NULL;
  gboolean ok = tarn_cli_parse(&argc, &argv, "serve", NULL,
                               "Answers the project's endpoints over HTTP from the published file, read-only.",
                               "SIGTERM or SIGINT ends it after the requests in flight are answered.\n"
                               "--log json writes one line per request on standard error.",
                               entries, &options.cli, &error) &&
                (options.metrics_reference ? print_metrics() : run(&options, &error));
  g_free(options.cli.project_dir);
  g_free(options.host);
  return ok ? 0 : tarn_cli_fail(error);
}
