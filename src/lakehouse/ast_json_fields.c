#include <string.h>

#include "lakehouse/ast.h"

/* All fields that the expressions take out of one column. */
typedef struct {
  json_t *column;  /* COLUMN_REF as first written */
  GPtrArray *keys; /* char *, unique, in order of appearance */
  guint uses;
  char *hoisted;   /* column below that holds the structure; NULL: in place */
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

/* The structure of all fields of a column: the call itself, or a reference to the column that it was hoisted into. */
static json_t *fields_source(const Fields *fields) {
  if (!fields->hoisted) return transform_call(fields);
  return json_pack("{s:s, s:s, s:s, s:[s]}", "class", "COLUMN_REF", "type", "COLUMN_REF", "alias", "", "column_names", fields->hoisted);
}

static gboolean replace(json_t *node, gpointer user) {
  GHashTable *columns = user;
  json_t *column;
  const char *key = field_use(node, &column);
  if (!key) return TRUE;
  g_autofree char *id = column_id(column);
  const Fields *fields = g_hash_table_lookup(columns, id);
  if (fields->uses < 2 || strcmp(find_key(fields, key), key) != 0) return FALSE;
  json_t *extract =
      tarn_ast_function("struct_extract", json_pack("[o, o]", fields_source(fields), tarn_ast_text(key)));
  json_object_del(extract, "alias"); /* that of the node stays */
  json_object_update(node, extract);
  json_decref(extract);
  return FALSE;
}

static GHashTable *collect_all(json_t *expressions) {
  GHashTable *columns = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, fields_free);
  tarn_ast_walk(expressions, collect, columns);
  return columns;
}

void tarn_ast_share_json_fields(json_t *expressions) {
  g_autoptr(GHashTable) columns = collect_all(expressions);
  tarn_ast_walk(expressions, replace, columns);
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
