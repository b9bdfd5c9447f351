/* A YAML document whose every node knows its place in the file: the only user of libyaml.
 * In: a text, and where in its file it begins. Out: nodes to walk; what is wrong with the text is added to the
 * problems. Nodes are borrowed from the document. */
#pragma once
#include <glib.h>

typedef struct TarnYaml TarnYaml;
typedef struct yaml_node_s TarnYamlNode;

/* line, column: place of the text's first character in the file, 1-based. file is copied, problems (TarnProblem) is
 * borrowed. NULL: it is no YAML; a problem says where. */
TarnYaml *tarn_yaml_load(const char *text, gsize size, const char *file, guint line, guint column, GPtrArray *problems);
void tarn_yaml_free(TarnYaml *yaml); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnYaml, tarn_yaml_free)

/* NULL: the document is empty. */
const TarnYamlNode *tarn_yaml_root(TarnYaml *yaml);

gboolean tarn_yaml_is_map(const TarnYamlNode *node);
gboolean tarn_yaml_is_list(const TarnYamlNode *node);
/* The text of a scalar; NULL for other nodes and for one that holds a NUL character. */
const char *tarn_yaml_text(const TarnYamlNode *node);
/* Nothing behind the colon, `~` or `null`. */
gboolean tarn_yaml_is_null(const TarnYamlNode *node);

guint tarn_yaml_length(const TarnYamlNode *node); /* of a list or map, else 0 */
const TarnYamlNode *tarn_yaml_item(TarnYaml *yaml, const TarnYamlNode *list, guint index);
const TarnYamlNode *tarn_yaml_key(TarnYaml *yaml, const TarnYamlNode *map, guint index);
const TarnYamlNode *tarn_yaml_value(TarnYaml *yaml, const TarnYamlNode *map, guint index);

/* Line of the node in the file. */
guint tarn_yaml_line(TarnYaml *yaml, const TarnYamlNode *node);
/* Adds a problem at the node; node NULL: where the text begins. hint may be NULL. */
void tarn_yaml_problem(TarnYaml *yaml, const TarnYamlNode *node, const char *hint, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
