#include "commands/commands.h"

#include <stdio.h>

#include "base/error.h"
#include "base/nearest.h"
#include "base/version.h"
#include "commands/cli.h"
#include "lakehouse/db.h"

const TarnCommand tarn_commands[] = {
    {"init", "write a new project into a folder", tarn_command_init},
    {"validate", "check a project without touching data", tarn_command_validate},
    {"generate", "write example telecom events", tarn_command_generate},
    {"run", "read what is new, build, audit and publish", tarn_command_run},
    {"serve", "answer the project's endpoints over HTTP", tarn_command_serve},
    {"keys", "make an API key for the server", tarn_command_keys},
    {"query", "run one SELECT over the published file", tarn_command_query},
    {"status", "what is published, how the last runs went", tarn_command_status},
    {"quarantine", "look at refused records, export or replay them", tarn_command_quarantine},
    {"generations", "list the published generations", tarn_command_generations},
    {"rollback", "publish an earlier generation again", tarn_command_rollback},
    {"diff", "compare two generations", tarn_command_diff},
    {"verify", "compute everything again from bronze and compare", tarn_command_verify},
    {"archive", "copy what cannot be computed again to another place", tarn_command_archive},
    {"rebuild", "make the lakehouse again from its archive or its source", tarn_command_rebuild},
    {NULL, NULL, NULL},
};

static int print_version(void) {
  printf("tarn %s (DuckDB %s)\n", TARN_VERSION, tarn_duckdb_version());
  return 0;
}

static int print_help(void) {
  printf(
      "Tarn: a lakehouse in one file. Events in; audited bronze, silver and gold tables and a read-only API out.\n\n"
      "Usage: tarn COMMAND [OPTION ...]\n\nCommands:\n");
  for (const TarnCommand *command = tarn_commands; command->name; command++)
    printf("  %-12s %s\n", command->name, command->summary);
  printf(
      "\n`tarn COMMAND --help` tells a command's options. `tarn --version` tells the versions.\n"
      "First steps: tarn init demo && tarn generate --out demo/events/events.ndjson && tarn run -C demo && tarn serve "
      "-C demo\n");
  return 0;
}

static int unknown_command(const char *name) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (const TarnCommand *command = tarn_commands; command->name; command++)
    g_ptr_array_add(names, (gpointer)command->name);
  g_ptr_array_add(names, NULL);
  const char *nearest = tarn_nearest_word(name, (const char *const *)names->pdata);
  g_autoptr(GError) error = NULL;
  g_autofree char *hint = nearest ? g_strdup_printf("did you mean `tarn %s`? `tarn --help` lists the commands", nearest)
                                  : g_strdup("`tarn --help` lists the commands");
  tarn_error_set(&error, TARN_ERROR_USAGE, hint, "there is no command '%s'", name);
  return tarn_cli_fail(error);
}

int tarn_commands_run(int argc, char **argv) {
  g_set_prgname("tarn");
  if (argc < 2) {
    print_help();
    return TARN_ERROR_USAGE;
  }
  const char *name = argv[1];
  if (g_str_equal(name, "--version") || g_str_equal(name, "-V") || g_str_equal(name, "version")) return print_version();
  if (g_str_equal(name, "--help") || g_str_equal(name, "-h") || g_str_equal(name, "help")) return print_help();
  for (const TarnCommand *command = tarn_commands; command->name; command++)
    if (g_str_equal(name, command->name)) return command->run(argc - 1, argv + 1);
  return unknown_command(name);
}
