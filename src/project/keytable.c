#include "project/keytable.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/budget.h"
#include "base/error.h"
#include "base/nearest.h"

#define NAME_RULE "a name: letters, digits and _, not beginning with a digit"

/* One reading of one map: the table, the document, where values go and the dotted path of the map for messages. */
typedef struct {
  const TarnKey *keys;
  TarnYaml *yaml;
  char *target;
  const char *path; /* "source." or "" */
} Reading;

static void read_map(const Reading *reading, const TarnYamlNode *node);
static void read_bare(const Reading *reading, const TarnYamlNode *node);

gboolean tarn_is_name(const char *text) {
  if (!g_ascii_isalpha(*text) && *text != '_') return FALSE;
  for (; *text; text++)
    if (!g_ascii_isalnum(*text) && *text != '_') return FALSE;
  return TRUE;
}

static gboolean is_blank(const char *text) { return text[strspn(text, " \t\r\n")] == '\0'; }

static gboolean store_text(const TarnKey *key, const char *text, gpointer place) {
  if (is_blank(text) || (key->type == TARN_KEY_NAME && !tarn_is_name(text))) return FALSE;
  g_free(*(char **)place);
  *(char **)place = g_strdup(text);
  return TRUE;
}

static gboolean parse_number(const char *text, double *value) {
  char *end = NULL;
  errno = 0;
  *value = g_ascii_strtod(text, &end);
  return end != text && !*end && errno == 0 && isfinite(*value) && !strpbrk(text, "xX");
}

static gboolean store_count(const TarnKey *key, const char *text, gpointer place) {
  guint64 value;
  if (!g_ascii_string_to_unsigned(text, 10, (guint64)key->minimum, (guint64)key->maximum, &value, NULL)) return FALSE;
  *(guint *)place = (guint)value;
  return TRUE;
}

static gboolean store_size(const TarnKey *key, const char *text, gpointer place) {
  guint64 value;
  if (!tarn_parse_size(text, &value, NULL) || (double)value < key->minimum || (double)value > key->maximum)
    return FALSE;
  *(guint64 *)place = value;
  return TRUE;
}

static gboolean store_duration(const TarnKey *key, const char *text, gpointer place) {
  (void)key;
  gint64 value;
  if (!tarn_parse_duration(text, &value, NULL) || value < 0) return FALSE;
  *(gint64 *)place = value;
  return TRUE;
}

static gboolean store_number(const TarnKey *key, const char *text, gpointer place) {
  (void)key;
  double value;
  if (!parse_number(text, &value)) return FALSE;
  *(double *)place = value;
  return TRUE;
}

static gboolean store_switch(const TarnKey *key, const char *text, gpointer place) {
  (void)key;
  gboolean value = g_str_equal(text, "true");
  if (!value && !g_str_equal(text, "false")) return FALSE;
  *(gboolean *)place = value;
  return TRUE;
}

static gboolean store_choice(const TarnKey *key, const char *text, gpointer place) {
  for (int i = 0; key->choices[i]; i++) {
    if (!g_str_equal(text, key->choices[i])) continue;
    *(int *)place = i;
    return TRUE;
  }
  return FALSE;
}

/* How each scalar type is read, and what messages and the reference call it. Lists go by their element's type. */
static const struct {
  gboolean (*store)(const TarnKey *key, const char *text, gpointer place); /* FALSE: the text is no such value */
  const char *expected;                                                    /* NULL: the key says it */
} types[] = {
    [TARN_KEY_TEXT] = {store_text, "a text"},
    [TARN_KEY_NAME] = {store_text, NAME_RULE},
    [TARN_KEY_TEXTS] = {store_text, "a text"},
    [TARN_KEY_NAMES] = {store_text, NAME_RULE},
    [TARN_KEY_COUNT] = {store_count, NULL},
    [TARN_KEY_SIZE] = {store_size, NULL},
    [TARN_KEY_DURATION] = {store_duration, "a duration such as 30s, 15m or 1h"},
    [TARN_KEY_NUMBER] = {store_number, "a number"},
    [TARN_KEY_SWITCH] = {store_switch, "true or false"},
    [TARN_KEY_CHOICE] = {store_choice, NULL},
};

static char *expected_size(const TarnKey *key) {
  g_autofree char *minimum = tarn_format_size((guint64)key->minimum);
  g_autofree char *maximum = tarn_format_size((guint64)key->maximum);
  return g_strdup_printf("a size such as 64KiB or 1MiB, from %s to %s", minimum, maximum);
}

static char *expected_choice(const TarnKey *key) {
  g_autofree char *words = g_strjoinv(", ", (char **)key->choices);
  return g_strdup_printf(key->choices[1] ? "one of %s" : "%s", words);
}

/* Caller frees. */
static char *expected_value(const TarnKey *key) {
  switch (key->type) {
    case TARN_KEY_COUNT:
      return g_strdup_printf("a whole number from %.0f to %.0f", key->minimum, key->maximum);
    case TARN_KEY_SIZE:
      return expected_size(key);
    case TARN_KEY_CHOICE:
      return expected_choice(key);
    default:
      return g_strdup(types[key->type].expected);
  }
}

static gboolean is_list_type(TarnKeyType type) { return type == TARN_KEY_TEXTS || type == TARN_KEY_NAMES; }

/* --- Reading ---------------------------------------------------------------------------------------------------- */

static void set_fallbacks(const TarnKey *keys, char *target);

static void set_fallback(const TarnKey *key, char *target) {
  if (key->type == TARN_KEY_SECTION) {
    set_fallbacks(key->keys, target);
    return;
  }
  if (key->offset == TARN_KEY_NOWHERE) return;
  gpointer place = target + key->offset;
  if (is_list_type(key->type))
    *(GStrv *)place = key->fallback ? g_strsplit(key->fallback, ", ", -1) : g_new0(char *, 1);
  else if (key->type == TARN_KEY_OBJECTS)
    *(GPtrArray **)place = g_ptr_array_new_with_free_func(key->object->free);
  else if (key->fallback && !types[key->type].store(key, key->fallback, place))
    g_error("the default of %s is no value of its type", key->name);
}

/* Once per struct, before it is read: what is given replaces it. */
static void set_fallbacks(const TarnKey *keys, char *target) {
  for (; keys->name; keys++) set_fallback(keys, target);
}

static void wrong_value(const Reading *reading, const TarnKey *key, const TarnYamlNode *node) {
  const char *text = tarn_yaml_text(node);
  g_autofree char *expected = expected_value(key);
  if (text)
    tarn_yaml_problem(reading->yaml, node, key->help, "%s%s: '%s' is not %s", reading->path, key->name, text, expected);
  else
    tarn_yaml_problem(reading->yaml, node, key->help, "%s%s must be %s", reading->path, key->name, expected);
}

static void read_scalar(const Reading *reading, const TarnKey *key, const TarnYamlNode *node) {
  guint64 nowhere;
  gpointer place = key->offset == TARN_KEY_NOWHERE ? (gpointer)&nowhere : reading->target + key->offset;
  const char *text = tarn_yaml_text(node);
  if (!text || !types[key->type].store(key, text, place)) wrong_value(reading, key, node);
}

static gboolean holds(const GPtrArray *texts, const char *text) {
  return g_ptr_array_find_with_equal_func((GPtrArray *)texts, text, g_str_equal, NULL);
}

static void add_text(const Reading *reading, const TarnKey *key, const TarnYamlNode *node, GPtrArray *texts) {
  TarnKey element = *key;
  element.type = key->type == TARN_KEY_NAMES ? TARN_KEY_NAME : TARN_KEY_TEXT;
  const char *text = tarn_yaml_text(node);
  char *value = NULL;
  if (!text || !store_text(&element, text, &value))
    wrong_value(reading, &element, node);
  else if (holds(texts, value))
    tarn_yaml_problem(reading->yaml, node, NULL, "%s%s names '%s' twice", reading->path, key->name, value);
  else
    g_ptr_array_add(texts, g_steal_pointer(&value));
  g_free(value);
}

static void read_texts(const Reading *reading, const TarnKey *key, const TarnYamlNode *node) {
  g_autoptr(GPtrArray) texts = g_ptr_array_new();
  if (!tarn_yaml_is_list(node)) add_text(reading, key, node, texts);
  for (guint i = 0; tarn_yaml_is_list(node) && i < tarn_yaml_length(node); i++)
    add_text(reading, key, tarn_yaml_item(reading->yaml, node, i), texts);
  g_ptr_array_add(texts, NULL);
  GStrv *place = (GStrv *)(reading->target + key->offset);
  g_strfreev(*place);
  *place = (GStrv)g_ptr_array_steal(texts, NULL);
}

static void add_object(const Reading *reading, const TarnKey *key, const TarnYamlNode *name, const TarnYamlNode *node,
                       GPtrArray *objects) {
  const TarnKeyObject *object = key->object;
  char *target = g_malloc0(object->size);
  set_fallbacks(object->keys, target);
  g_autofree char *path = name ? g_strdup_printf("%s%s.%s.", reading->path, key->name, tarn_yaml_text(name))
                               : g_strdup_printf("%s%s[%u].", reading->path, key->name, objects->len + 1);
  Reading inner = {object->keys, reading->yaml, target, path};
  if (name) *(char **)(target + object->name_offset) = g_strdup(tarn_yaml_text(name));
  if (object->line_offset) *(guint *)(target + object->line_offset) = tarn_yaml_line(reading->yaml, name ? name : node);
  if (object->by_name && tarn_yaml_text(node))
    read_bare(&inner, node);
  else
    read_map(&inner, node);
  g_ptr_array_add(objects, target);
}

static gboolean is_key_name(const TarnKeyObject *object, const char *name) {
  return object->any_name ? *name && !strpbrk(name, " \t\r\n") : tarn_is_name(name);
}

static void read_named_objects(const Reading *reading, const TarnKey *key, const TarnYamlNode *map,
                               GPtrArray *objects) {
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < tarn_yaml_length(map); i++) {
    const TarnYamlNode *name = tarn_yaml_key(reading->yaml, map, i);
    const char *text = tarn_yaml_text(name);
    if (!text || !is_key_name(key->object, text))
      tarn_yaml_problem(reading->yaml, name, NULL, "%s%s: '%s' is not " NAME_RULE, reading->path, key->name,
                        text ? text : "this");
    else if (!g_hash_table_add(seen, (gpointer)text))
      tarn_yaml_problem(reading->yaml, name, NULL, "%s%s names '%s' twice", reading->path, key->name, text);
    else
      add_object(reading, key, name, tarn_yaml_value(reading->yaml, map, i), objects);
  }
}

static void read_objects(const Reading *reading, const TarnKey *key, const TarnYamlNode *node) {
  GPtrArray *objects = *(GPtrArray **)(reading->target + key->offset);
  if (key->object->by_name && tarn_yaml_is_map(node)) {
    read_named_objects(reading, key, node, objects);
  } else if (!key->object->by_name && tarn_yaml_is_list(node)) {
    for (guint i = 0; i < tarn_yaml_length(node); i++)
      add_object(reading, key, NULL, tarn_yaml_item(reading->yaml, node, i), objects);
  } else {
    tarn_yaml_problem(reading->yaml, node, key->help, "%s%s must be %s", reading->path, key->name,
                      key->object->by_name ? "a map of names" : "a list");
  }
}

static void read_section(const Reading *reading, const TarnKey *key, const TarnYamlNode *node) {
  g_autofree char *path = g_strdup_printf("%s%s.", reading->path, key->name);
  const Reading inner = {key->keys, reading->yaml, reading->target, path};
  read_map(&inner, node);
}

static void read_value(const Reading *reading, const TarnKey *key, const TarnYamlNode *node) {
  if (key->present_offset) *(gboolean *)(reading->target + key->present_offset) = TRUE;
  if (key->type == TARN_KEY_SECTION)
    read_section(reading, key, node);
  else if (key->type == TARN_KEY_OBJECTS)
    read_objects(reading, key, node);
  else if (is_list_type(key->type))
    read_texts(reading, key, node);
  else
    read_scalar(reading, key, node);
}

static const TarnKey *find_key(const TarnKey *keys, const char *name) {
  for (; keys->name; keys++)
    if (g_str_equal(keys->name, name)) return keys;
  return NULL;
}

static void unknown_key(const Reading *reading, const TarnYamlNode *node, const char *name) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (const TarnKey *key = reading->keys; key->name; key++) g_ptr_array_add(names, (gpointer)key->name);
  g_ptr_array_add(names, NULL);
  const char *nearest = tarn_nearest_word(name, (const char *const *)names->pdata);
  g_autofree char *known = g_strjoinv(", ", (GStrv)names->pdata);
  g_autofree char *hint = nearest ? g_strdup_printf("did you mean '%s'? Known here: %s", nearest, known)
                                  : g_strdup_printf("known here: %s", known);
  tarn_yaml_problem(reading->yaml, node, hint, "unknown key '%s%s'", reading->path, name);
}

static void read_pair(const Reading *reading, const TarnYamlNode *map, guint index, GHashTable *seen) {
  const TarnYamlNode *node = tarn_yaml_key(reading->yaml, map, index);
  const TarnYamlNode *value = tarn_yaml_value(reading->yaml, map, index);
  const char *name = tarn_yaml_text(node);
  if (!name) {
    tarn_yaml_problem(reading->yaml, node, NULL, "a key must be a plain text");
    return;
  }
  const TarnKey *key = find_key(reading->keys, name);
  if (!key)
    unknown_key(reading, node, name);
  else if (!g_hash_table_add(seen, (gpointer)key))
    tarn_yaml_problem(reading->yaml, node, NULL, "'%s%s' is given twice", reading->path, name);
  else if (tarn_yaml_is_null(value))
    tarn_yaml_problem(reading->yaml, node, key->help, "'%s%s' has no value", reading->path, name);
  else
    read_value(reading, key, value);
}

static void read_absent(const Reading *reading, const TarnKey *key, const TarnYamlNode *node) {
  if (key->required) tarn_yaml_problem(reading->yaml, node, key->help, "'%s%s' is missing", reading->path, key->name);
  if (key->type == TARN_KEY_SECTION) read_section(reading, key, NULL);
}

static void read_map(const Reading *reading, const TarnYamlNode *node) {
  g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
  gboolean is_map = tarn_yaml_is_map(node);
  for (guint i = 0; is_map && i < tarn_yaml_length(node); i++) read_pair(reading, node, i, seen);
  if (node && !is_map) {
    g_autofree char *where = g_strndup(reading->path, strlen(reading->path) - (*reading->path != '\0'));
    tarn_yaml_problem(reading->yaml, node, NULL, "%s%smust hold `key: value` lines", where, *where ? " " : "");
    return;
  }
  for (const TarnKey *key = reading->keys; key->name; key++)
    if (!g_hash_table_contains(seen, key)) read_absent(reading, key, node);
}

/* `limit: integer` for `limit: {type: integer}`: the first key's value alone. */
static void read_bare(const Reading *reading, const TarnYamlNode *node) {
  read_value(reading, &reading->keys[0], node);
  for (const TarnKey *key = &reading->keys[1]; key->name; key++) read_absent(reading, key, node);
}

void tarn_keys_read(const TarnKey *keys, TarnYaml *yaml, const TarnYamlNode *node, gpointer target) {
  const Reading reading = {keys, yaml, target, ""};
  set_fallbacks(keys, target);
  read_map(&reading, node);
}

/* --- Reference -------------------------------------------------------------------------------------------------- */

static char *describe_type(const TarnKey *key) {
  if (key->type == TARN_KEY_OBJECTS) return g_strdup(key->object->by_name ? "a map from names to:" : "a list of:");
  g_autofree char *one = expected_value(key);
  return is_list_type(key->type) ? g_strdup_printf("a list, each %s", one) : g_steal_pointer(&one);
}

static char *describe_default(const TarnKey *key) {
  if (key->required) return g_strdup("required");
  if (key->fallback_help) return g_strdup(key->fallback_help);
  return key->fallback ? g_strdup_printf("`%s`", key->fallback) : g_strdup("");
}

static void describe(const TarnKey *keys, const char *path, GString *markdown) {
  for (const TarnKey *key = keys; key->name; key++) {
    const char *below = key->type != TARN_KEY_OBJECTS ? "" : key->object->by_name ? ".NAME" : "[]";
    g_autofree char *inner = g_strdup_printf("%s%s%s.", path, key->name, below);
    if (key->type != TARN_KEY_SECTION) {
      g_autofree char *type = describe_type(key), *fallback = describe_default(key);
      g_string_append_printf(markdown, "| `%s%s` | %s | %s | %s |\n", path, key->name, type, fallback, key->help);
    }
    if (key->type == TARN_KEY_SECTION) describe(key->keys, inner, markdown);
    if (key->type == TARN_KEY_OBJECTS) describe(key->object->keys, inner, markdown);
  }
}

void tarn_keys_describe(const TarnKey *keys, GString *markdown) {
  g_string_append(markdown, "| key | holds | default | meaning |\n|---|---|---|---|\n");
  describe(keys, "", markdown);
}
