#include "project/sqlfile.h"

#include <string.h>

#include "base/error.h"
#include "project/keytable.h"

#define EXTENSION ".sql"
/* Stands for a file that cannot be read (which was reported): its table exists for those that read it. */
#define UNREADABLE "SELECT NULL"
#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

static guint line_at(const char *text, const char *place) {
  guint line = 1;
  for (; text < place; text++) line += *text == '\n';
  return line;
}

char *tarn_project_file_read(const TarnLoading *loading, const char *path) {
  g_autofree char *full = g_build_filename(loading->dir, path, NULL), *text = NULL;
  g_autoptr(GError) fault = NULL;
  gsize size = 0;
  if (!g_file_get_contents(full, &text, &size, &fault)) {
    tarn_problem_add(loading->problems, path, 0, 0, NULL, "cannot be read: %s", fault->message);
    return NULL;
  }
  const char *end = NULL;
  if (!g_utf8_validate_len(text, size, &end)) {
    tarn_problem_add(loading->problems, path, line_at(text, end), 0, "save the file as UTF-8", "the text is not UTF-8");
    return NULL;
  }
  return g_strdup(g_str_has_prefix(text, BYTE_ORDER_MARK) ? text + strlen(BYTE_ORDER_MARK) : text);
}

/* Tarn writes a model's text into statements of its own, where a semicolon would end them. */
static void blank_last_semicolon(char *text) {
  gsize size = strlen(text);
  while (size > 0 && g_ascii_isspace(text[size - 1])) size--;
  if (size > 0 && text[size - 1] == ';') text[size - 1] = ' ';
}

static void parse(const TarnLoading *loading, TarnSqlFile *file) {
  g_autoptr(GError) fault = NULL;
  TarnSqlPosition place;
  file->tree = tarn_ast_parse(loading->conn, file->text, &place, &fault);
  if (file->tree) {
    g_ptr_array_unref(file->tables);
    file->tables = tarn_ast_tables(file->tree, file->text);
  } else {
    tarn_problem_add(loading->problems, file->path, place.line, place.column, tarn_error_hint(fault), "%s",
                     fault->message);
  }
}

static void add_file(const TarnLoading *loading, const char *folder, const char *entry, GPtrArray *files) {
  g_autofree char *path = g_build_filename(folder, entry, NULL);
  g_autofree char *name = g_strndup(entry, strlen(entry) - strlen(EXTENSION));
  if (!tarn_is_name(name)) {
    tarn_problem_add(loading->problems, path, 0, 0, "letters, digits and _, not beginning with a digit",
                     "the file's name '%s' is no name for what it defines", name);
    return;
  }
  char *text = tarn_project_file_read(loading, path);
  if (!text) text = g_strdup(UNREADABLE);
  blank_last_semicolon(text);
  TarnSqlFile *file = g_new0(TarnSqlFile, 1);
  *file = (TarnSqlFile){
      .name = g_steal_pointer(&name), .path = g_steal_pointer(&path), .text = text, .tables = g_ptr_array_new()};
  parse(loading, file);
  g_ptr_array_add(files, file);
}

static int compare_names(gconstpointer a, gconstpointer b) { return strcmp(*(char *const *)a, *(char *const *)b); }

void tarn_sql_files_read(const TarnLoading *loading, const char *folder, GPtrArray *files) {
  g_autofree char *full = g_build_filename(loading->dir, folder, NULL);
  g_autoptr(GDir) dir = g_dir_open(full, 0, NULL);
  g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(g_free);
  const char *entry;
  while (dir && (entry = g_dir_read_name(dir)))
    if (*entry != '.' && g_str_has_suffix(entry, EXTENSION)) g_ptr_array_add(entries, g_strdup(entry));
  g_ptr_array_sort(entries, compare_names);
  for (guint i = 0; i < entries->len; i++) add_file(loading, folder, entries->pdata[i], files);
}

void tarn_sql_file_free(TarnSqlFile *file) {
  if (!file) return;
  g_free(file->name);
  g_free(file->path);
  g_free(file->text);
  json_decref(file->tree);
  g_ptr_array_unref(file->tables);
  g_free(file);
}

static gboolean collect_parameter(json_t *node, gpointer user) {
  const char *name = json_string_value(json_object_get(node, "identifier"));
  if (!tarn_ast_is(node, "VALUE_PARAMETER") || !name) return TRUE;
  if (!g_ptr_array_find_with_equal_func(user, name, g_str_equal, NULL)) g_ptr_array_add(user, g_strdup(name));
  return TRUE;
}

GStrv tarn_sql_file_parameters(const TarnSqlFile *file) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  tarn_ast_walk(file->tree, collect_parameter, names);
  g_ptr_array_add(names, NULL);
  return (GStrv)g_ptr_array_steal(names, NULL);
}

/* DuckDB's tree tells no place of a parameter. */
TarnSqlPosition tarn_sql_file_parameter_position(const TarnSqlFile *file, const char *name) {
  g_autofree char *pattern = g_strdup_printf("\\$%s\\b", name);
  g_autoptr(GRegex) regex = g_regex_new(pattern, 0, 0, NULL);
  g_autoptr(GMatchInfo) match = NULL;
  int offset = 0;
  if (!regex || !g_regex_match(regex, file->text, 0, &match) || !g_match_info_fetch_pos(match, 0, &offset, NULL))
    return (TarnSqlPosition){0, 0};
  const char *place = file->text + offset, *line = place;
  while (line > file->text && line[-1] != '\n') line--;
  return (TarnSqlPosition){line_at(file->text, place), (guint)g_utf8_strlen(line, place - line) + 1};
}

void tarn_sql_file_refuse_parameters(const TarnSqlFile *file, GPtrArray *problems) {
  g_auto(GStrv) names = tarn_sql_file_parameters(file);
  for (char **name = names; *name; name++) {
    TarnSqlPosition place = tarn_sql_file_parameter_position(file, *name);
    tarn_problem_add(problems, file->path, place.line, place.column, "only endpoints (api/*.sql) have parameters",
                     "there is nothing to bind to $%s", *name);
  }
}
