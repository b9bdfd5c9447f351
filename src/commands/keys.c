/* `tarn keys`: a new API key, told once, and the line that the server's file of keys needs for it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json_writer.h"
#include "commands/cli.h"
#include "commands/commands.h"
#include "serve/api_key.h"

typedef struct {
  char *scopes, *rate, *file;
  gboolean as_json;
} Options;

typedef struct {
  char *name, *text, *line;
} NewKey;

static void new_key_clear(NewKey *key) {
  g_free(key->text);
  g_free(key->line);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NewKey, new_key_clear)

/* Two keys of one name would make the server refuse the file. */
static gboolean check_free(const char *file, const char *content, const char *name, GError **error) {
  g_auto(GStrv) lines = g_strsplit(content, "\n", -1);
  for (char **line = lines; *line; line++) {
    g_autoptr(TarnApiKey) key = tarn_api_key_parse(*line, NULL);
    if (!key || !g_str_equal(key->name, name)) continue;
    tarn_error_set(error, TARN_ERROR_USAGE, "take another name, or remove the old key's line first",
                   "%s has a key '%s' already", file, name);
    return FALSE;
  }
  return TRUE;
}

/* One write of whole lines at the end: what others append meanwhile stays. */
static gboolean append(const char *file, const NewKey *key, GError **error) {
  g_autofree char *content = NULL;
  gsize size = 0;
  if (g_file_get_contents(file, &content, &size, NULL) && !check_free(file, content, key->name, error)) return FALSE;
  g_autofree char *text = g_strdup_printf("%s%s\n", size > 0 && content[size - 1] != '\n' ? "\n" : "", key->line);
  int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  gboolean ok = fd >= 0 && write(fd, text, strlen(text)) == (gssize)strlen(text);
  if (!ok) tarn_error_set_errno(error, errno, "cannot write %s", file);
  if (fd >= 0) close(fd);
  return ok;
}

static void print_json(const NewKey *key) {
  g_autoptr(GString) out = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, out);
  tarn_json_begin_object(&json);
  tarn_json_member_string(&json, "name", key->name);
  tarn_json_member_string(&json, "key", key->text);
  tarn_json_member_string(&json, "line", key->line);
  tarn_json_end_object(&json);
  printf("%s\n", out->str);
}

static gboolean run(const Options *options, char *name, GError **error) {
  g_auto(NewKey) key = {.name = name};
  const char *scopes = options->scopes ? options->scopes : "read", *rate = options->rate ? options->rate : "-";
  if (!tarn_api_key_make(name, scopes, rate, &key.text, &key.line, error)) return FALSE;
  if (options->file && !append(options->file, &key, error)) return FALSE;
  if (options->as_json)
    print_json(&key);
  else if (options->file)
    printf("%s\n", key.text);
  else
    printf("key   %s\nline  %s\n", key.text, key.line);
  return TRUE;
}

static gboolean check_arguments(int argc, GError **error) {
  if (argc == 2) return TRUE;
  tarn_error_set(error, TARN_ERROR_USAGE, "`tarn keys NAME` makes a key; `tarn keys --help` tells the options",
                 argc < 2 ? "the key needs a name" : "one name at a time");
  return FALSE;
}

int tarn_command_keys(int argc, char **argv) {
  Options options = {0};
  const GOptionEntry entries[] = {
      {"scopes", 0, 0, G_OPTION_ARG_STRING, &options.scopes, "what it may do: read, sql, ask, admin (default: read)",
       "LIST"},
      {"rate", 0, 0, G_OPTION_ARG_STRING, &options.rate,
       "how many requests in what time: 100/s, 600/m (default: no limit)", "RATE"},
      {"file", 0, 0, G_OPTION_ARG_FILENAME, &options.file, "append the line to FILE and print the key alone", "FILE"},
      {"json", 0, 0, G_OPTION_ARG_NONE, &options.as_json, "print a JSON object", NULL},
      {NULL, 0, 0, 0, NULL, NULL, NULL}};
  g_autoptr(GError) error = NULL;
  gboolean ok =
      tarn_cli_parse(&argc, &argv, "keys", "NAME",
                     "Makes an API key and prints it once, with the line for the server's file of keys.",
                     "The line holds a hash of the key; the key itself is stored nowhere. The server reads its file\n"
                     "(serve.keys_file in tarn.yaml, or TARN_KEYS_FILE) again when it changes.",
                     entries, NULL, &error) &&
      check_arguments(argc, &error) && run(&options, argv[1], &error);
  g_free(options.scopes);
  g_free(options.rate);
  g_free(options.file);
  return ok ? 0 : tarn_cli_fail(error);
}
