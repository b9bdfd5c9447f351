#include "lakehouse/schema.h"

#include "lakehouse/cell.h"
#include "lakehouse/db_private.h"
#include "lakehouse/rows.h"
#include "lakehouse/rows_private.h"

static json_t *schema_of(const TarnCellColumn *column);

/* Scalars: how JSON holds them, and what a program may make of them. */
static const struct {
  duckdb_type type;
  const char *json, *format; /* format NULL: none; it may be an annotation only */
} scalars[] = {
    {DUCKDB_TYPE_BOOLEAN, "boolean", NULL},
    {DUCKDB_TYPE_TINYINT, "integer", "int32"},
    {DUCKDB_TYPE_SMALLINT, "integer", "int32"},
    {DUCKDB_TYPE_INTEGER, "integer", "int32"},
    {DUCKDB_TYPE_BIGINT, "integer", "int64"},
    {DUCKDB_TYPE_UTINYINT, "integer", "int32"},
    {DUCKDB_TYPE_USMALLINT, "integer", "int32"},
    {DUCKDB_TYPE_UINTEGER, "integer", "int64"},
    {DUCKDB_TYPE_UBIGINT, "integer", NULL},
    {DUCKDB_TYPE_HUGEINT, "integer", NULL},
    {DUCKDB_TYPE_UHUGEINT, "integer", NULL},
    {DUCKDB_TYPE_BIGNUM, "integer", NULL},
    {DUCKDB_TYPE_DECIMAL, "number", NULL},
    {DUCKDB_TYPE_FLOAT, "number", "float"},
    {DUCKDB_TYPE_DOUBLE, "number", "double"},
    {DUCKDB_TYPE_VARCHAR, "string", NULL},
    {DUCKDB_TYPE_ENUM, "string", NULL},
    {DUCKDB_TYPE_UUID, "string", "uuid"},
    {DUCKDB_TYPE_DATE, "string", "date"},
    {DUCKDB_TYPE_TIMESTAMP, "string", "date-time"},
    {DUCKDB_TYPE_TIMESTAMP_S, "string", "date-time"},
    {DUCKDB_TYPE_TIMESTAMP_MS, "string", "date-time"},
    {DUCKDB_TYPE_TIMESTAMP_NS, "string", "date-time"},
    {DUCKDB_TYPE_TIMESTAMP_TZ, "string", "date-time"},
    {DUCKDB_TYPE_TIME, "string", NULL},
    {DUCKDB_TYPE_TIME_NS, "string", NULL},
    {DUCKDB_TYPE_TIME_TZ, "string", NULL},
    {DUCKDB_TYPE_INTERVAL, "string", NULL},
    {DUCKDB_TYPE_BLOB, "string", NULL},
    {DUCKDB_TYPE_BIT, "string", NULL},
};

static json_t *nullable(const char *type) { return json_pack("{s:[s,s]}", "type", type, "null"); }

static json_t *scalar_schema(const TarnCellColumn *column) {
  if (column->json) return json_pack("{s:s}", "description", "any JSON value");
  for (gsize i = 0; i < G_N_ELEMENTS(scalars); i++) {
    if (scalars[i].type != column->type) continue;
    json_t *schema = nullable(scalars[i].json);
    if (scalars[i].format) json_object_set_new(schema, "format", json_string(scalars[i].format));
    if (column->type == DUCKDB_TYPE_BLOB) json_object_set_new(schema, "contentEncoding", json_string("base64"));
    return schema;
  }
  return json_pack("{s:s}", "type", "null");
}

static json_t *enum_schema(const TarnCellColumn *column) {
  json_t *schema = nullable("string"), *words = json_array();
  for (char **word = column->names; *word; word++) json_array_append_new(words, json_string(*word));
  json_array_append_new(words, json_null());
  json_object_set_new(schema, "enum", words);
  return schema;
}

static json_t *list_schema(const TarnCellColumn *column) {
  json_t *schema = nullable("array");
  json_object_set_new(schema, "items", schema_of(&column->children[0]));
  if (column->array_size > 0) {
    json_object_set_new(schema, "minItems", json_integer(column->array_size));
    json_object_set_new(schema, "maxItems", json_integer(column->array_size));
  }
  return schema;
}

static json_t *map_schema(const TarnCellColumn *column) {
  json_t *schema = nullable("object");
  json_object_set_new(schema, "additionalProperties", schema_of(&column->children[1]));
  return schema;
}

static json_t *properties(const TarnCellColumn *column) {
  json_t *members = json_object();
  for (guint i = 0; i < column->n_children; i++)
    json_object_set_new(members, column->names[i], schema_of(&column->children[i]));
  return members;
}

/* One of its members at a time. */
static json_t *union_schema(const TarnCellColumn *column) {
  json_t *schema = nullable("object");
  json_object_set_new(schema, "properties", properties(column));
  json_object_set_new(schema, "additionalProperties", json_false());
  json_object_set_new(schema, "maxProperties", json_integer(1));
  return schema;
}

/* An unnamed one is written as an array. */
static json_t *struct_schema(const TarnCellColumn *column) {
  gboolean named = column->n_children > 0 && column->names[0][0] != '\0';
  json_t *schema = nullable(named ? "object" : "array"), *required = json_array(), *items = json_array();
  for (guint i = 0; i < column->n_children; i++) {
    json_array_append_new(required, json_string(column->names[i]));
    if (!named) json_array_append_new(items, schema_of(&column->children[i]));
  }
  if (named) {
    json_object_set_new(schema, "properties", properties(column));
    json_object_set(schema, "required", required);
  } else {
    json_object_set(schema, "prefixItems", items);
  }
  json_decref(required);
  json_decref(items);
  return schema;
}

static json_t *schema_of(const TarnCellColumn *column) {
  switch (column->type) {
    case DUCKDB_TYPE_ENUM:
      return enum_schema(column);
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_ARRAY:
      return list_schema(column);
    case DUCKDB_TYPE_MAP:
      return map_schema(column);
    case DUCKDB_TYPE_UNION:
      return union_schema(column);
    case DUCKDB_TYPE_STRUCT:
      return struct_schema(column);
    default:
      return scalar_schema(column);
  }
}

json_t *tarn_result_schema(TarnResult *result, GHashTable *notes, GError **error) {
  g_autoptr(TarnRows) rows = tarn_rows_new(result, error);
  if (!rows) return NULL;
  json_t *members = json_object(), *required = json_array();
  for (guint i = 0; i < rows->n_columns; i++) {
    json_t *schema = schema_of(&rows->columns[i]);
    const char *note = notes ? g_hash_table_lookup(notes, rows->names[i]) : NULL;
    if (note) json_object_set_new(schema, "description", json_string(note));
    json_object_set_new(members, rows->names[i], schema);
    json_array_append_new(required, json_string(rows->names[i]));
  }
  return json_pack("{s:s,s:o,s:o,s:b}", "type", "object", "properties", members, "required", required,
                   "additionalProperties", 0);
}
