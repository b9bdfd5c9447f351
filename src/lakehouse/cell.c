#include "lakehouse/cell.h"

#include <string.h>

#include "base/error.h"
#include "base/json_valid.h"

/* Deeper types would nest JSON deeper than its writer does. */
#define MAX_TYPE_DEPTH (TARN_JSON_MAX_DEPTH / 2)

static gboolean init(TarnCellColumn *column, duckdb_logical_type type, const char *name, guint depth, GError **error);

static gboolean is_json(duckdb_logical_type type) {
  char *alias = duckdb_logical_type_get_alias(type);
  gboolean json = g_strcmp0(alias, "JSON") == 0;
  duckdb_free(alias);
  return json;
}

/* How to ask DuckDB for the children of a nested type; those without names have one child. */
typedef struct {
  duckdb_type type;
  idx_t (*count)(duckdb_logical_type type);
  char *(*name)(duckdb_logical_type type, idx_t index);
  duckdb_logical_type (*child)(duckdb_logical_type type, idx_t index);
} Nested;

static duckdb_logical_type list_child(duckdb_logical_type type, idx_t index) {
  (void)index;
  return duckdb_list_type_child_type(type);
}

static duckdb_logical_type array_child(duckdb_logical_type type, idx_t index) {
  (void)index;
  return duckdb_array_type_child_type(type);
}

static idx_t map_count(duckdb_logical_type type) {
  (void)type;
  return 2;
}

static duckdb_logical_type map_child(duckdb_logical_type type, idx_t index) {
  return index == 0 ? duckdb_map_type_key_type(type) : duckdb_map_type_value_type(type);
}

static const Nested nested_types[] = {
    {DUCKDB_TYPE_LIST, NULL, NULL, list_child},
    {DUCKDB_TYPE_ARRAY, NULL, NULL, array_child},
    {DUCKDB_TYPE_MAP, map_count, NULL, map_child},
    {DUCKDB_TYPE_STRUCT, duckdb_struct_type_child_count, duckdb_struct_type_child_name, duckdb_struct_type_child_type},
    {DUCKDB_TYPE_UNION, duckdb_union_type_member_count, duckdb_union_type_member_name, duckdb_union_type_member_type},
};

static gboolean init_children(TarnCellColumn *column, const Nested *nested, duckdb_logical_type type, const char *name,
                              guint depth, GError **error) {
  column->n_children = nested->count ? (guint)nested->count(type) : 1;
  column->children = g_new0(TarnCellColumn, column->n_children);
  if (nested->name) column->names = g_new0(char *, column->n_children + 1);
  for (guint i = 0; i < column->n_children; i++) {
    if (nested->name) {
      char *child_name = nested->name(type, i);
      column->names[i] = g_strdup(child_name);
      duckdb_free(child_name);
    }
    duckdb_logical_type child = nested->child(type, i);
    gboolean ok = init(&column->children[i], child, name, depth + 1, error);
    duckdb_destroy_logical_type(&child);
    if (!ok) return FALSE;
  }
  return TRUE;
}

static void init_enum(TarnCellColumn *column, duckdb_logical_type type) {
  guint n = duckdb_enum_dictionary_size(type);
  column->storage = duckdb_enum_internal_type(type);
  column->names = g_new0(char *, n + 1);
  for (guint i = 0; i < n; i++) {
    char *word = duckdb_enum_dictionary_value(type, i);
    column->names[i] = g_strdup(word);
    duckdb_free(word);
  }
}

static gboolean init_scalar(TarnCellColumn *column, duckdb_logical_type type) {
  column->format = tarn_cell_format_for(column->type);
  if (column->type == DUCKDB_TYPE_VARCHAR) column->json = is_json(type);
  if (column->type == DUCKDB_TYPE_ENUM) init_enum(column, type);
  if (column->type == DUCKDB_TYPE_DECIMAL) {
    column->storage = duckdb_decimal_internal_type(type);
    column->scale = duckdb_decimal_scale(type);
  }
  return column->format || column->type == DUCKDB_TYPE_VARCHAR;
}

static gboolean init(TarnCellColumn *column, duckdb_logical_type type, const char *name, guint depth, GError **error) {
  column->type = duckdb_get_type_id(type);
  if (column->type == DUCKDB_TYPE_ARRAY) column->array_size = (guint)duckdb_array_type_array_size(type);
  for (gsize i = 0; i < G_N_ELEMENTS(nested_types) && depth < MAX_TYPE_DEPTH; i++)
    if (nested_types[i].type == column->type) return init_children(column, &nested_types[i], type, name, depth, error);
  if (init_scalar(column, type)) return TRUE;
  tarn_error_set(error, TARN_ERROR_USAGE, "cast it in the SQL, for instance to JSON or VARCHAR",
                 "column %s has a type without an encoding (DuckDB's type %d)", name, (int)column->type);
  return FALSE;
}

gboolean tarn_cell_column_init(TarnCellColumn *column, duckdb_logical_type type, const char *name, GError **error) {
  return init(column, type, name, 0, error);
}

void tarn_cell_column_clear(TarnCellColumn *column) {
  for (guint i = 0; i < column->n_children; i++) tarn_cell_column_clear(&column->children[i]);
  g_free(column->children);
  g_strfreev(column->names);
}

gboolean tarn_cell_column_is_number(const TarnCellColumn *column) { return tarn_cell_type_is_number(column->type); }

void tarn_cell_column_bind(TarnCellColumn *column, duckdb_vector vector) {
  column->data = duckdb_vector_get_data(vector);
  column->validity = duckdb_vector_get_validity(vector);
  switch (column->type) {
    case DUCKDB_TYPE_LIST:
      tarn_cell_column_bind(&column->children[0], duckdb_list_vector_get_child(vector));
      break;
    case DUCKDB_TYPE_ARRAY:
      tarn_cell_column_bind(&column->children[0], duckdb_array_vector_get_child(vector));
      break;
    case DUCKDB_TYPE_MAP:
      vector = duckdb_list_vector_get_child(vector); /* of entries, each a struct of key and value */
      G_GNUC_FALLTHROUGH;
    case DUCKDB_TYPE_STRUCT:
      for (guint i = 0; i < column->n_children; i++)
        tarn_cell_column_bind(&column->children[i], duckdb_struct_vector_get_child(vector, i));
      break;
    case DUCKDB_TYPE_UNION: /* a struct whose first child is the tag */
      column->data = duckdb_vector_get_data(duckdb_struct_vector_get_child(vector, 0));
      for (guint i = 0; i < column->n_children; i++)
        tarn_cell_column_bind(&column->children[i], duckdb_struct_vector_get_child(vector, i + 1));
      break;
    default:
      break;
  }
}

static TarnCell read_varchar(const TarnCellColumn *column, idx_t row) {
  duckdb_string_t *text = (duckdb_string_t *)column->data + row;
  TarnCell cell = {TARN_CELL_TEXT, duckdb_string_t_data(text), duckdb_string_t_length(*text)};
  if (column->json && tarn_json_is_valid(cell.text, cell.size)) cell.kind = TARN_CELL_BARE;
  return cell;
}

static gboolean is_null(const TarnCellColumn *column, idx_t row) {
  return column->validity && !(column->validity[row / 64] >> (row % 64) & 1);
}

static void write_items(const TarnCellColumn *column, idx_t first, idx_t count, TarnJsonWriter *json,
                        GString *scratch) {
  tarn_json_begin_array(json);
  for (idx_t i = 0; i < count; i++) tarn_cell_write_json(&column->children[0], first + i, json, scratch);
  tarn_json_end_array(json);
}

/* row(1, 2) has no names: an array. */
static void write_struct(const TarnCellColumn *column, idx_t row, TarnJsonWriter *json, GString *scratch) {
  gboolean named = column->n_children > 0 && column->names[0][0] != '\0';
  if (named)
    tarn_json_begin_object(json);
  else
    tarn_json_begin_array(json);
  for (guint i = 0; i < column->n_children; i++) {
    if (named) tarn_json_key(json, column->names[i]);
    tarn_cell_write_json(&column->children[i], row, json, scratch);
  }
  if (named)
    tarn_json_end_object(json);
  else
    tarn_json_end_array(json);
}

static void write_map(const TarnCellColumn *column, idx_t row, TarnJsonWriter *json, GString *scratch) {
  duckdb_list_entry entries = ((const duckdb_list_entry *)column->data)[row];
  tarn_json_begin_object(json);
  for (idx_t i = entries.offset; i < entries.offset + entries.length; i++) {
    TarnCell key = tarn_cell_read(&column->children[0], i, scratch);
    g_autofree char *name = g_strndup(key.text, key.size);
    tarn_json_key(json, name);
    tarn_cell_write_json(&column->children[1], i, json, scratch);
  }
  tarn_json_end_object(json);
}

static void write_union(const TarnCellColumn *column, idx_t row, TarnJsonWriter *json, GString *scratch) {
  guint8 member = ((const guint8 *)column->data)[row];
  tarn_json_begin_object(json);
  tarn_json_key(json, column->names[member]);
  tarn_cell_write_json(&column->children[member], row, json, scratch);
  tarn_json_end_object(json);
}

static void write_nested(const TarnCellColumn *column, idx_t row, TarnJsonWriter *json, GString *scratch) {
  switch (column->type) {
    case DUCKDB_TYPE_LIST: {
      duckdb_list_entry entries = ((const duckdb_list_entry *)column->data)[row];
      write_items(column, entries.offset, entries.length, json, scratch);
      break;
    }
    case DUCKDB_TYPE_ARRAY:
      write_items(column, row * column->array_size, column->array_size, json, scratch);
      break;
    case DUCKDB_TYPE_MAP:
      write_map(column, row, json, scratch);
      break;
    case DUCKDB_TYPE_UNION:
      write_union(column, row, json, scratch);
      break;
    default:
      write_struct(column, row, json, scratch);
  }
}

void tarn_cell_write_json(const TarnCellColumn *column, idx_t row, TarnJsonWriter *json, GString *scratch) {
  if (column->children && !is_null(column, row)) {
    write_nested(column, row, json, scratch);
    return;
  }
  TarnCell cell = tarn_cell_read(column, row, scratch);
  if (cell.kind == TARN_CELL_BARE)
    tarn_json_raw(json, cell.text, cell.size);
  else if (cell.kind == TARN_CELL_TEXT)
    tarn_json_string_len(json, cell.text, cell.size);
  else
    tarn_json_null(json);
}

static TarnCellKind read_nested(const TarnCellColumn *column, idx_t row, GString *out) {
  g_autoptr(GString) scratch = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, out);
  write_nested(column, row, &json, scratch);
  return TARN_CELL_BARE;
}

TarnCell tarn_cell_read(const TarnCellColumn *column, idx_t row, GString *scratch) {
  if (is_null(column, row)) return (TarnCell){TARN_CELL_NULL, "", 0};
  if (column->type == DUCKDB_TYPE_VARCHAR) return read_varchar(column, row);
  g_string_truncate(scratch, 0);
  TarnCellKind kind = column->children ? read_nested(column, row, scratch) : column->format(column, row, scratch);
  return (TarnCell){kind, scratch->str, scratch->len};
}
