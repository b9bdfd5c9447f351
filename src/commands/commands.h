/* The command line: one table of subcommands, one file per subcommand. */
#pragma once
#include <glib.h>

typedef struct {
  const char *name;
  const char *summary;               /* one line, for `tarn --help` */
  int (*run)(int argc, char **argv); /* argv[0] is the subcommand's name; returns the exit code */
} TarnCommand;

/* In the order of `tarn --help`; ends with a NULL name. */
extern const TarnCommand tarn_commands[];

int tarn_commands_run(int argc, char **argv);

int tarn_command_init(int argc, char **argv);
int tarn_command_validate(int argc, char **argv);
int tarn_command_generate(int argc, char **argv);
int tarn_command_run(int argc, char **argv);
int tarn_command_serve(int argc, char **argv);
int tarn_command_keys(int argc, char **argv);
int tarn_command_query(int argc, char **argv);
int tarn_command_status(int argc, char **argv);
int tarn_command_quarantine(int argc, char **argv);
int tarn_command_generations(int argc, char **argv);
int tarn_command_rollback(int argc, char **argv);
int tarn_command_diff(int argc, char **argv);
int tarn_command_verify(int argc, char **argv);
int tarn_command_archive(int argc, char **argv);
int tarn_command_rebuild(int argc, char **argv);
