#include "commands/commands.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/version.h"
#include "commands/cli.h"
#include "lakehouse/db.h"

const TarnCommand tarn_commands[] = {
    {"generate", "write example telecom events", tarn_command_generate},
    {NULL, NULL, NULL},
};

static int print_version(void) {
  printf("tarn %s (DuckDB %s)\n", TARN_VERSION, tarn_duckdb_version());
  return 0;
}

static int print_help(void) {
  printf("Tarn: a lakehouse in one file. Events in; audited bronze, silver and gold tables and a read-only API out.\n\n"
         "Usage: tarn COMMAND [OPTION ...]\n\nCommands:\n");
  for (const TarnCommand *command = tarn_commands; command->name; command++)
    printf("  %-12s %s\n", command->name, command->summary);
  printf("\n`tarn COMMAND --help` tells a command's options. `tarn --version` tells the versions.\n"
         "First steps: tarn init demo && tarn generate --out demo/events/events.ndjson && tarn run -C demo && tarn serve -C demo\n");
  return 0;
}

/* Edit distance of two short words, for "did you mean". */
static guint distance(const char *a, const char *b) {
  guint row[64];
  gsize n = MIN(strlen(b), 62);
  for (guint j = 0; j <= n; j++) row[j] = j;
  for (guint i = 1; *a; a++, i++) {
    guint diagonal = row[0];
    row[0] = i;
    for (guint j = 1; j <= n; j++) {
      guint above = row[j];
      row[j] = MIN(MIN(row[j] + 1, row[j - 1] + 1), diagonal + (*a != b[j - 1]));
      diagonal = above;
    }
  }
  return row[n];
}

static int unknown_command(const char *name) {
  const char *nearest = NULL;
  guint best = 3;
  for (const TarnCommand *command = tarn_commands; command->name; command++) {
    guint d = distance(name, command->name);
    if (d < best) best = d, nearest = command->name;
  }
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
