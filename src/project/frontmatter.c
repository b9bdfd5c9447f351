#include "project/frontmatter.h"

#include <string.h>

#include "project/project.h"

#define OPENING "/*"
#define CLOSING "*/"

/* What stands between the marks of the opening comment; begin NULL: the file does not open with one. */
typedef struct {
  const char *begin, *end;
  guint line, column; /* of begin in the file */
} Comment;

static Comment find_comment(const char *sql, const char *file, GPtrArray *problems) {
  const char *opening = sql + strspn(sql, " \t\r\n");
  if (!g_str_has_prefix(opening, OPENING)) return (Comment){NULL, NULL, 1, 1};
  Comment comment = {.begin = opening + strlen(OPENING), .line = 1};
  const char *line = sql;
  for (const char *newline; (newline = memchr(line, '\n', (gsize)(opening - line))); line = newline + 1) comment.line++;
  comment.column = (guint)(comment.begin - line) + 1;
  comment.end = strstr(comment.begin, CLOSING);
  if (comment.end) return comment;
  tarn_problem_add(problems, file, comment.line, 1, "end the front matter with */", "the opening comment never ends");
  return (Comment){NULL, NULL, 1, 1};
}

/* SQL comments nest, so the SQL would end in the middle of nowhere. */
static void check_nesting(const Comment *comment, const char *file, GPtrArray *problems) {
  const char *nested = g_strstr_len(comment->begin, comment->end - comment->begin, OPENING);
  if (nested)
    tarn_problem_add(problems, file, comment->line, 1, "leave out the /* inside",
                     "the front matter holds /*, which opens a second comment");
}

static void read_defaults(const TarnKey *keys, gpointer target) {
  g_autoptr(GPtrArray) ignored = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_problem_free);
  g_autoptr(TarnYaml) nothing = tarn_yaml_load("", 0, "", 1, 1, ignored);
  tarn_keys_read(keys, nothing, NULL, target);
}

void tarn_frontmatter_read(const char *sql, const char *file, const TarnKey *keys, gpointer target,
                           GPtrArray *problems) {
  Comment comment = find_comment(sql, file, problems);
  if (comment.begin) check_nesting(&comment, file, problems);
  const char *text = comment.begin ? comment.begin : "";
  gsize size = comment.begin ? (gsize)(comment.end - comment.begin) : 0;
  g_autoptr(TarnYaml) yaml = tarn_yaml_load(text, size, file, comment.line, comment.column, problems);
  if (yaml)
    tarn_keys_read(keys, yaml, tarn_yaml_root(yaml), target);
  else
    read_defaults(keys, target);
}

guint tarn_frontmatter_line(const char *sql, const char *key) {
  gsize length = strlen(key);
  guint number = 1;
  for (const char *line = sql; line && *line; number++) {
    const char *word = line + strspn(line, " \t");
    if (g_str_has_prefix(word, CLOSING)) break;
    if (strncmp(word, key, length) == 0 && word[length] == ':') return number;
    line = strchr(line, '\n');
    if (line) line++;
  }
  return 1;
}
