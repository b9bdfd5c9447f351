#include "commands/commands.h"

int main(int argc, char **argv) { return tarn_commands_run(argc, argv); }
