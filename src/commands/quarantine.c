/* `tarn quarantine`: what was refused, why, and the records themselves. */
#include "commands/quarantine.h"

#include "base/error.h"
#include "commands/commands.h"

static const struct {
  const char *name;
  gboolean (*run)(const TarnQuarantineRequest *request, GError **error);
  int words;      /* on the command line: the verb and what may stand behind it */
  gboolean reads; /* the published file, which is opened for it */
} verbs[] = {
    {"list", tarn_quarantine_list, 1, TRUE},      {"summary", tarn_quarantine_count, 1, TRUE},
    {"show", tarn_quarantine_show, 2, TRUE},      {"export", tarn_quarantine_export, 1, TRUE},
    {"replay", tarn_quarantine_replay, 1, FALSE},
};

static void request_clear(TarnQuarantineRequest *request) {
  tarn_published_clear(&request->published);
  g_free(request->cli.project_dir);
  g_free(request->layer);
  g_free(request->reason);
  g_free(request->to);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TarnQuarantineRequest, request_clear)

static gboolean open_published(TarnQuarantineRequest *request, GError **error) {
  if (!tarn_published_open(&request->published, &request->cli, error)) return FALSE;
  const TarnConfig *config = &request->published.project->config;
  request->shape = (TarnQuarantineShape){config->bronze_table, (const char *const *)config->envelope};
  return TRUE;
}

static const char description[] =
    "Verbs:\n"
    "  list       one line for each record (the first 50; --limit 0: all)\n"
    "  summary    how many records each column and rule refused, with an example\n"
    "  show ID    everything about one record, its bytes included\n"
    "  export     the records as JSON lines with their reasons and original bytes; --raw: just the records\n"
    "  replay     offer the records of bronze quarantine to a new run, after a limit changed\n\n"
    "Original bytes are those that were kept or that the source still has. Where neither is left\n"
    "a silver reject is rebuilt from its bronze row: same fields and values, marked \"rebuilt\": true.\n";

static gboolean find_verb(TarnQuarantineRequest *request, int n_words, char **words, gsize *verb, GError **error) {
  const char *hint = "the verbs are list, summary, show ID, export and replay";
  for (*verb = 0; n_words > 0 && *verb < G_N_ELEMENTS(verbs); ++*verb) {
    if (!g_str_equal(words[0], verbs[*verb].name)) continue;
    request->id = n_words > 1 ? words[1] : NULL;
    if (n_words <= verbs[*verb].words) return TRUE;
    tarn_error_set(error, TARN_ERROR_USAGE, hint, "'%s' is one word too many", words[verbs[*verb].words]);
    return FALSE;
  }
  if (n_words > 0) tarn_error_set(error, TARN_ERROR_USAGE, hint, "quarantine has no verb '%s'", words[0]);
  if (n_words == 0) tarn_error_set(error, TARN_ERROR_USAGE, hint, "quarantine needs a verb");
  return FALSE;
}

static gboolean parse(TarnQuarantineRequest *request, int argc, char **argv, gsize *verb, GError **error) {
  request->limit = -1;
  const GOptionEntry entries[] = {
      {"layer", 0, 0, G_OPTION_ARG_STRING, &request->layer, "only this layer: bronze or silver", "LAYER"},
      {"reason", 0, 0, G_OPTION_ARG_STRING, &request->reason, "only where a reason's \"column: rule\" contains TEXT",
       "TEXT"},
      {"limit", 'n', 0, G_OPTION_ARG_INT64, &request->limit, "at most N records; 0: all", "N"},
      {"to", 0, 0, G_OPTION_ARG_FILENAME, &request->to,
       "export: write this file (default -: standard output), or publish to this topic again, kafka://HOST:PORT/TOPIC",
       "FILE"},
      {"raw", 0, 0, G_OPTION_ARG_NONE, &request->raw, "export: the records alone, as `tarn run --from` takes them",
       NULL},
      {"json", 0, 0, G_OPTION_ARG_NONE, &request->json, "list, summary, show, replay: as JSON", NULL},
      {NULL, 0, 0, 0, NULL, NULL, NULL}};
  if (!tarn_cli_parse(&argc, &argv, "quarantine", "VERB", "Shows what was refused, and why.", description, entries,
                      &request->cli, error))
    return FALSE;
  if (request->layer && !g_str_equal(request->layer, "bronze") && !g_str_equal(request->layer, "silver")) {
    tarn_error_set(error, TARN_ERROR_USAGE, "write --layer bronze or --layer silver",
                   "there is no layer '%s' in quarantine", request->layer);
    return FALSE;
  }
  return find_verb(request, argc - 1, argv + 1, verb, error);
}

int tarn_command_quarantine(int argc, char **argv) {
  g_auto(TarnQuarantineRequest) request = {0};
  g_autoptr(GError) error = NULL;
  gsize verb;
  gboolean ok = parse(&request, argc, argv, &verb, &error) &&
                (!verbs[verb].reads || open_published(&request, &error)) && verbs[verb].run(&request, &error);
  return ok ? 0 : tarn_cli_fail(error);
}
