#include "commands/commands.h"

int tarn_command_generate(int argc, char **argv) {
  (void)argc, (void)argv;
  return 1;
}
