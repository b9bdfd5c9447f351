#include <string.h>

#include "lakehouse/ast.h"

/* All fields that the expressions take out of one column. */
typedef struct {
  json_t *column;  /* COLUMN_REF as first written */
  GPtrArray *keys; /* char *, unique, in order of appearance */
  guint uses;
  char *hoisted; /* column below that holds the structure */
} Fields;

static Fields *fields_new(json_t *column) {
  Fields *fields = g_new0(Fields, 1);
  fields->column = json_deep_copy(column);
  fields->keys = g_ptr_array_new_with_free_func(g_free);
  return fields;
}

static void fields_free(gpointer data) {
  Fields *fields = data;
  json_decref(fields->column);
  g_ptr_array_unref(fields->keys);
  g_free(fields->hoisted);
  g_free(fields);
}

/* Letters, digits and _ only: such a key means the same in ->>, in a path and in a structure, and needs no quotes. */
static gboolean is_plain_key(const char *key) {
  if (!g_ascii_isalpha(*key) && *key != '_') return FALSE;
  for (; *key; key++)
    if (!g_ascii_isalnum(*key) && *key != '_') return FALSE;
  return TRUE;
}

static const char *constant_key(const json_t *node) {
  if (!tarn_ast_is(node, "VALUE_CONSTANT")) return NULL;
  const char *key = json_string_value(json_object_get(json_object_get(node, "value"), "value"));
  if (key && g_str_has_prefix(key, "$.")) key += 2;
  return key && is_plain_key(key) ? key : NULL;
}

/* col->>'key' or col->>'$.key': gives the key, else NULL. */
static const char *field_use(const json_t *node, json_t **column) {
  const json_t *children = json_object_get(node, "children");
  const char *name = json_string_value(json_object_get(node, "function_name"));
  if (!tarn_ast_is(node, "FUNCTION") || g_strcmp0(name, "->>") != 0 || json_array_size(children) != 2) return NULL;
  *column = json_array_get(children, 0);
  return tarn_ast_is(*column, "COLUMN_REF") ? constant_key(json_array_get(children, 1)) : NULL;
}

/* What identifies a column among the expressions: its name parts as written. */
static char *column_id(const json_t *column) {
  char *dump = json_dumps(json_object_get(column, "column_names"), JSON_COMPACT);
  char *id = g_ascii_strdown(dump, -1);
  free(dump);
  return id;
}

/* Field names of a structure are case-insensitive, those of JSON are not: may give "a" for "A". */
static const char *find_key(const Fields *fields, const char *key) {
  for (guint i = 0; i < fields->keys->len; i++)
    if (g_ascii_strcasecmp(fields->keys->pdata[i], key) == 0) return fields->keys->pdata[i];
  return NULL;
}

static gboolean collect(json_t *node, gpointer user) {
  GHashTable *columns = user;
  json_t *column;
  const char *key = field_use(node, &column);
  if (!key) return TRUE;
  g_autofree char *id = column_id(column);
  Fields *fields = g_hash_table_lookup(columns, id);
  if (!fields) g_hash_table_insert(columns, g_steal_pointer(&id), fields = fields_new(column));
  if (!find_key(fields, key)) g_ptr_array_add(fields->keys, g_strdup(key));
  fields->uses++;
  return TRUE;
}

static json_t *transform_call(const Fields *fields) {
  json_t *structure = json_object();
  for (guint i = 0; i < fields->keys->len; i++)
    json_object_set_new(structure, fields->keys->pdata[i], json_string("VARCHAR"));
  char *text = json_dumps(structure, JSON_COMPACT);
  json_t *call = tarn_ast_function("json_transform", json_pack("[O, o]", fields->column, tarn_ast_text(text)));
  free(text);
  json_decref(structure);
  return call;
}

/* What json_transform gives for a field that ->> does not: it writes some doubles with another exponent ("1e+20" for
 * "1e20", "1e-05" for "0.00001"). Such text begins with a digit or a sign, below ':', and has an e. */
static json_t *may_be_spelled_otherwise(json_t *field) {
  json_t *below = json_pack("{s:s, s:s, s:s, s:O, s:o}", "class", "COMPARISON", "type", "COMPARE_LESSTHAN", "alias", "",
                            "left", field, "right", tarn_ast_text(":"));
  json_t *has_e = tarn_ast_function("contains", json_pack("[O, o]", field, tarn_ast_text("e")));
  return tarn_ast_conjunction("CONJUNCTION_AND", json_pack("[o, o]", below, has_e));
}

/* Casts to these read both spellings alike; a cast to DECIMAL does not. */
static gboolean reads_any_spelling(const json_t *cast_type) {
  static const char *const types[] = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", NULL};
  const json_t *written =
      json_object_get(json_object_get(cast_type, "type_info"), "expr"); /* a type that the parser did not bind */
  const char *name = json_string_value(json_object_get(written ? written : cast_type, written ? "type_name" : "id"));
  return name && g_strv_contains(types, name);
}

/* Puts the field of the shared structure in the place of node, col->>'key'. */
static void replace_use(json_t *node, const Fields *fields, const char *key, gboolean exact) {
  json_t *use =
      tarn_ast_function("struct_extract", json_pack("[o, o]", tarn_ast_column(fields->hoisted), tarn_ast_text(key)));
  if (exact) {
    json_t *choice = tarn_ast_case(json_incref(use));
    tarn_ast_case_add(choice, may_be_spelled_otherwise(use), json_deep_copy(node));
    json_decref(use);
    use = choice;
  }
  json_t *alias = json_incref(json_object_get(node, "alias"));
  json_object_clear(node);
  json_object_update(node, use);
  if (alias) json_object_set_new(node, "alias", alias);
  json_decref(use);
}

/* The structure that node's field is to be taken from, or NULL where node stays. */
static const Fields *shared_fields(GHashTable *columns, const json_t *node, const char **key) {
  json_t *column;
  *key = field_use(node, &column);
  if (!*key) return NULL;
  g_autofree char *id = column_id(column);
  const Fields *fields = g_hash_table_lookup(columns, id);
  return fields->uses >= 2 && strcmp(find_key(fields, *key), *key) == 0 ? fields : NULL;
}

/* The operand of a node for which only the value counts that a text stands for, or whether there is one; NULL: node is
 * none. */
static json_t *indifferent_operand(const json_t *node) {
  if (tarn_ast_is(node, "OPERATOR_CAST") && reads_any_spelling(json_object_get(node, "cast_type")))
    return json_object_get(node, "child");
  if (tarn_ast_is(node, "OPERATOR_IS_NULL") || tarn_ast_is(node, "OPERATOR_IS_NOT_NULL"))
    return json_array_get(json_object_get(node, "children"), 0);
  return NULL;
}

static gboolean replace(json_t *node, gpointer columns) {
  json_t *operand = indifferent_operand(node), *use = operand ? operand : node;
  const char *key;
  const Fields *fields = shared_fields(columns, use, &key);
  if (fields) replace_use(use, fields, key, operand == NULL);
  return fields == NULL;
}

static GHashTable *collect_all(json_t *expressions) {
  GHashTable *columns = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, fields_free);
  tarn_ast_walk(expressions, collect, columns);
  return columns;
}

char *tarn_ast_hoist_json_fields(TarnConn *conn, json_t *expressions, GError **error) {
  g_autoptr(GHashTable) columns = collect_all(expressions);
  g_autoptr(GString) below = g_string_new(NULL);
  GHashTableIter iter;
  gpointer value;
  guint n = 0;
  g_hash_table_iter_init(&iter, columns);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    Fields *fields = value;
    if (fields->uses < 2) continue;
    g_autoptr(json_t) call = transform_call(fields);
    g_autofree char *sql = tarn_ast_expression_to_sql(conn, call, error);
    if (!sql) return NULL;
    fields->hoisted = g_strdup_printf("tarn_fields_%u", n++);
    g_string_append_printf(below, ", %s AS %s", sql, fields->hoisted);
  }
  tarn_ast_walk(expressions, replace, columns);
  return g_string_free(g_steal_pointer(&below), FALSE);
}
