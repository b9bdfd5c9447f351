#include "project/document.h"

#include <string.h>
#include <yaml.h>

#include "project/project.h"

struct TarnYaml {
  yaml_document_t document;
  char *file;
  guint line, column; /* of the text in the file */
  GPtrArray *problems;
};

static guint line_of(const TarnYaml *yaml, const yaml_mark_t *mark) { return yaml->line + (guint)mark->line; }

static guint column_of(const TarnYaml *yaml, const yaml_mark_t *mark) {
  return (guint)mark->column + (mark->line == 0 ? yaml->column : 1);
}

static void add_syntax_problem(TarnYaml *yaml, const yaml_parser_t *parser) {
  const yaml_mark_t *mark = &parser->problem_mark;
  const char *hint = "quote a text that holds `: ` or ` #` or begins with a special character; indent with spaces";
  tarn_problem_add(yaml->problems, yaml->file, line_of(yaml, mark), column_of(yaml, mark), hint, "YAML: %s%s%s",
                   parser->problem ? parser->problem : "cannot be read", parser->context ? " " : "",
                   parser->context ? parser->context : "");
}

/* An alias is a node that is referred to twice. Refused: it hides what a file says, and can make a small one huge or
 * endless. */
static gboolean has_alias(yaml_document_t *document) {
  gsize n_nodes = (gsize)(document->nodes.top - document->nodes.start), references = 0;
  for (const yaml_node_t *node = document->nodes.start; node < document->nodes.top; node++)
    references += tarn_yaml_is_map(node) ? 2 * tarn_yaml_length(node) : tarn_yaml_length(node);
  return n_nodes > 0 && references != n_nodes - 1;
}

static gboolean load(TarnYaml *yaml, yaml_parser_t *parser) {
  if (!yaml_parser_load(parser, &yaml->document)) {
    memset(&yaml->document, 0, sizeof yaml->document); /* the failed load has freed it */
    add_syntax_problem(yaml, parser);
    return FALSE;
  }
  if (!has_alias(&yaml->document)) return TRUE;
  tarn_yaml_problem(yaml, NULL, "write the value out at each place",
                    "YAML anchors and aliases (&x, *x) are not read here");
  return FALSE;
}

TarnYaml *tarn_yaml_load(const char *text, gsize size, const char *file, guint line, guint column,
                         GPtrArray *problems) {
  g_autoptr(TarnYaml) yaml = g_new0(TarnYaml, 1);
  *yaml = (TarnYaml){.file = g_strdup(file), .line = line, .column = column, .problems = problems};
  yaml_parser_t parser;
  gboolean ok = yaml_parser_initialize(&parser);
  g_assert(ok);
  yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&parser, (const guchar *)text, size);
  ok = load(yaml, &parser);
  yaml_parser_delete(&parser);
  return ok ? g_steal_pointer(&yaml) : NULL;
}

void tarn_yaml_free(TarnYaml *yaml) {
  if (!yaml) return;
  yaml_document_delete(&yaml->document);
  g_free(yaml->file);
  g_free(yaml);
}

const TarnYamlNode *tarn_yaml_root(TarnYaml *yaml) { return yaml_document_get_root_node(&yaml->document); }

gboolean tarn_yaml_is_map(const TarnYamlNode *node) { return node && node->type == YAML_MAPPING_NODE; }

gboolean tarn_yaml_is_list(const TarnYamlNode *node) { return node && node->type == YAML_SEQUENCE_NODE; }

const char *tarn_yaml_text(const TarnYamlNode *node) {
  if (!node || node->type != YAML_SCALAR_NODE) return NULL;
  const char *text = (const char *)node->data.scalar.value;
  return strlen(text) == node->data.scalar.length ? text : NULL;
}

gboolean tarn_yaml_is_null(const TarnYamlNode *node) {
  const char *text = tarn_yaml_text(node);
  if (!text || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) return FALSE;
  return !*text || g_str_equal(text, "~") || g_str_equal(text, "null");
}

static guint n_items(const TarnYamlNode *list) {
  return (guint)(list->data.sequence.items.top - list->data.sequence.items.start);
}

static guint n_pairs(const TarnYamlNode *map) {
  return (guint)(map->data.mapping.pairs.top - map->data.mapping.pairs.start);
}

guint tarn_yaml_length(const TarnYamlNode *node) {
  if (tarn_yaml_is_list(node)) return n_items(node);
  return tarn_yaml_is_map(node) ? n_pairs(node) : 0;
}

const TarnYamlNode *tarn_yaml_item(TarnYaml *yaml, const TarnYamlNode *list, guint index) {
  return yaml_document_get_node(&yaml->document, list->data.sequence.items.start[index]);
}

const TarnYamlNode *tarn_yaml_key(TarnYaml *yaml, const TarnYamlNode *map, guint index) {
  return yaml_document_get_node(&yaml->document, map->data.mapping.pairs.start[index].key);
}

const TarnYamlNode *tarn_yaml_value(TarnYaml *yaml, const TarnYamlNode *map, guint index) {
  return yaml_document_get_node(&yaml->document, map->data.mapping.pairs.start[index].value);
}

guint tarn_yaml_line(TarnYaml *yaml, const TarnYamlNode *node) { return line_of(yaml, &node->start_mark); }

void tarn_yaml_problem(TarnYaml *yaml, const TarnYamlNode *node, const char *hint, const char *format, ...) {
  const yaml_mark_t start = {0};
  const yaml_mark_t *mark = node ? &node->start_mark : &start;
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *message = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  tarn_problem_add(yaml->problems, yaml->file, line_of(yaml, mark), column_of(yaml, mark), hint, "%s", message);
}
