#include "pipeline/reject.h"

#include <string.h>

#include "base/error.h"
#include "lakehouse/statement.h"
#include "pipeline/reject_private.h"

#define MAX_VALUE_CHARACTERS 200
#define FIELDS_PREFIX "tarn_fields_" /* of tarn_ast_hoist_json_fields */
#define REASON_TYPE "STRUCT(column_name VARCHAR, rule VARCHAR, \"value\" VARCHAR)[]"

/* DuckDB lifts subexpressions that occur twice out of the whole, even out of TRY, where they then raise; and it pushes
 * filters below the expressions they read, which are then evaluated twice. It does neither to an expression that is
 * volatile. */
#define ALWAYS "random() < 2"

/* One item or conjunct on its way to SQL. */
typedef struct {
  const char *name; /* output column; NULL: a conjunct */
  const char *sql;  /* as the model has it */
  json_t *tree;     /* its own, JSON fields hoisted */
  RejectDerived derived;
  char *value;     /* SQL: V, with tarn_value_n where it is computed below */
  char *below;     /* SQL: V to be computed below as tarn_value_n; NULL: not worth it */
  char *malformed; /* SQL: TRUE where it raises; NULL: never raises */
} Part;

typedef struct {
  RejectContext context;
  TarnConn *conn;
  GPtrArray *parts; /* Part: items, then conjuncts */
  char *fields;     /* SQL: ", json_transform(...) AS tarn_fields_0 ..." or "" */
} Derivation;

static void part_free(gpointer data) {
  Part *part = data;
  reject_derived_clear(&part->derived);
  json_decref(part->tree);
  g_free(part->value);
  g_free(part->below);
  g_free(part->malformed);
  g_free(part);
}

static void derivation_clear(Derivation *d) {
  g_clear_pointer(&d->context.types, g_hash_table_unref);
  g_clear_pointer(&d->parts, g_ptr_array_unref);
  g_free(d->fields);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Derivation, derivation_clear)

static void add_part(Derivation *d, const char *name, const char *sql, const json_t *tree) {
  Part part = {.name = name, .sql = sql, .tree = json_deep_copy(tree)};
  reject_normalise(part.tree);
  g_ptr_array_add(d->parts, g_memdup2(&part, sizeof part));
}

static void add_parts(Derivation *d, const TarnRowwise *rowwise) {
  d->parts = g_ptr_array_new_with_free_func(part_free);
  for (guint i = 0; i < rowwise->items->len; i++) {
    const TarnRowwiseItem *item = rowwise->items->pdata[i];
    add_part(d, item->name, item->sql, item->tree);
  }
  for (guint i = 0; i < rowwise->conjuncts->len; i++) {
    const TarnRowwiseConjunct *conjunct = rowwise->conjuncts->pdata[i];
    add_part(d, NULL, conjunct->sql, conjunct->tree);
  }
}

static json_t *part_trees(const Derivation *d) {
  json_t *trees = json_array();
  for (guint i = 0; i < d->parts->len; i++) json_array_append(trees, ((Part *)d->parts->pdata[i])->tree);
  return trees;
}

typedef struct {
  const RejectContext *context;
  gboolean other; /* ->> on something that is not stored as JSON */
} ArrowSearch;

static gboolean find_other_arrow(json_t *node, gpointer user) {
  ArrowSearch *search = user;
  const json_t *column = json_array_get(json_object_get(node, "children"), 0);
  const char *name = json_string_value(json_object_get(node, "function_name"));
  if (name && strcmp(name, "->>") == 0 && strcmp(reject_type(search->context, column), "JSON") != 0)
    search->other = TRUE;
  return TRUE;
}

/* Text that is no JSON makes ->> raise, so it must stay where TRY is around it: then nothing is hoisted. */
static gboolean may_hoist(const Derivation *d, json_t *trees) {
  ArrowSearch search = {&d->context, FALSE};
  tarn_ast_walk(trees, find_other_arrow, &search);
  return !search.other;
}

static gboolean bind_types(Derivation *d, const json_t *trees, const char *table, GError **error) {
  g_autofree char *source = g_strdup_printf("(SELECT *%s FROM %s)", d->fields, table);
  g_clear_pointer(&d->context.types, g_hash_table_unref);
  d->context.types = reject_types_new(d->conn, trees, source, error);
  return d->context.types != NULL;
}

static gboolean hoist_fields(Derivation *d, const char *table, GError **error) {
  g_autoptr(json_t) trees = part_trees(d);
  d->fields = g_strdup("");
  if (!bind_types(d, trees, table, error)) return FALSE;
  if (!may_hoist(d, trees)) return TRUE;
  g_autofree char *fields = tarn_ast_hoist_json_fields(d->conn, trees, error);
  if (!fields) return FALSE;
  g_free(d->fields);
  d->fields = g_steal_pointer(&fields);
  return !*d->fields || bind_types(d, trees, table, error);
}

static char *tree_sql(const Derivation *d, const json_t *tree, GError **error) {
  return tarn_ast_expression_to_sql(d->conn, tree, error);
}

static gboolean find_try(json_t *node, gpointer found) {
  if (tarn_ast_is(node, "OPERATOR_TRY")) *(gboolean *)found = TRUE;
  return TRUE;
}

static char *value_sql(const Derivation *d, const Part *part, GError **error) {
  g_autofree char *sql = tree_sql(d, part->derived.value, error);
  gboolean has_try = FALSE;
  tarn_ast_walk(part->derived.value, find_try, &has_try);
  return sql && has_try ? g_strdup_printf("CASE WHEN " ALWAYS " THEN %s END", sql) : g_steal_pointer(&sql);
}

/* (c1) OR (c2), looked at only where the value is NULL if that is enough. */
static char *malformed_sql(const Derivation *d, const Part *part, GError **error) {
  g_autoptr(GString) sql = g_string_new(NULL);
  for (guint i = 0; i < part->derived.raises->len; i++) {
    const RejectRaise *raise = part->derived.raises->pdata[i];
    g_autofree char *condition = tree_sql(d, raise->condition, error);
    if (!condition) return NULL;
    g_string_append_printf(sql, "%s%s", i ? " OR " : "", condition);
  }
  if (!part->below) return g_strdup_printf("(%s)", sql->str);
  return g_strdup_printf("CASE WHEN %s IS NULL THEN (%s) ELSE false END", part->value, sql->str);
}

static gboolean write_part(Derivation *d, guint index, GError **error) {
  Part *part = d->parts->pdata[index];
  gboolean raises = part->derived.raises->len > 0;
  g_autofree char *value = value_sql(d, part, error);
  if (!value) return FALSE;
  if (raises && part->derived.null_where_raised) {
    part->below = g_steal_pointer(&value);
    part->value = g_strdup_printf("tarn_value_%u", index);
  } else {
    part->value = g_steal_pointer(&value);
  }
  if (raises) part->malformed = malformed_sql(d, part, error);
  return !raises || part->malformed;
}

static json_t *as_boolean(const json_t *tree) {
  return json_pack("{s:s, s:s, s:s, s:O, s:{s:s, s:n}, s:b}", "class", "CAST", "type", "OPERATOR_CAST", "alias", "",
                   "child", tree, "cast_type", "id", "BOOLEAN", "type_info", "try_cast", 0);
}

static void derive_part(Derivation *d, Part *part, TarnRejectForm form) {
  gboolean is_truth = part->name || strcmp(reject_type(&d->context, part->tree), "BOOLEAN") == 0;
  g_autoptr(json_t) tree = is_truth ? json_incref(part->tree) : as_boolean(part->tree);
  gboolean general = form == TARN_REJECT_GENERAL || !is_truth;
  part->derived = (general ? reject_derive_general : reject_derive)(&d->context, tree);
}

/* Before the rows: the verdict over the values over the JSON fields. */
static char *source_head(const Derivation *d) {
  g_autoptr(GString) values = g_string_new("SELECT *");
  g_autoptr(GString) accepted = g_string_new(ALWAYS);
  for (guint i = 0; i < d->parts->len; i++) {
    const Part *part = d->parts->pdata[i];
    if (part->below) g_string_append_printf(values, ", %s AS tarn_value_%u", part->below, i);
    if (part->malformed) g_string_append_printf(accepted, " AND NOT (%s)", part->malformed);
    if (!part->name) g_string_append_printf(accepted, " AND (%s) IS NOT DISTINCT FROM true", part->value);
  }
  return g_strdup_printf("(SELECT *, (%s) AS tarn_accepted FROM (%s FROM (SELECT *%s FROM ", accepted->str, values->str,
                         d->fields);
}

char *tarn_reject_source(const TarnReject *reject, const char *rows) {
  return g_strconcat(reject->source_head, rows ? rows : reject->table, reject->source_tail, NULL);
}

static char *select_list_sql(const Derivation *d) {
  g_autoptr(GString) list = g_string_new(NULL);
  for (guint i = 0; i < d->parts->len; i++) {
    const Part *part = d->parts->pdata[i];
    if (!part->name) continue;
    g_autofree char *name = tarn_sql_quote_identifier(part->name);
    g_string_append_printf(list, "%s%s AS %s", i ? ", " : "", part->value, name);
  }
  return g_string_free(g_steal_pointer(&list), FALSE);
}

static GStrv item_values(const Derivation *d) {
  g_autoptr(GStrvBuilder) values = g_strv_builder_new();
  for (guint i = 0; i < d->parts->len; i++) {
    const Part *part = d->parts->pdata[i];
    if (part->name) g_strv_builder_add(values, part->value);
  }
  return g_strv_builder_end(values);
}

/* label -> SQL of every column, and of every hoisted JSON field, that a tree reads. */
typedef struct {
  GPtrArray *labels, *texts; /* char *, in order of appearance */
} Reads;

static void reads_clear(Reads *reads) {
  g_clear_pointer(&reads->labels, g_ptr_array_unref);
  g_clear_pointer(&reads->texts, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reads, reads_clear)

static void add_read(Reads *reads, const char *label, char *text) {
  if (g_ptr_array_find_with_equal_func(reads->labels, label, g_str_equal, NULL)) {
    g_free(text);
    return;
  }
  g_ptr_array_add(reads->labels, g_strdup(label));
  g_ptr_array_add(reads->texts, text);
}

static const char *column_name(const json_t *node) {
  return json_string_value(json_array_get(json_object_get(node, "column_names"), 0));
}

static gboolean collect_reads(json_t *node, gpointer user) {
  const json_t *children = json_object_get(node, "children");
  const char *fields = column_name(json_array_get(children, 0));
  if (tarn_ast_is(node, "LAMBDA")) return FALSE;
  if (fields && g_str_has_prefix(fields, FIELDS_PREFIX)) {
    const json_t *key = json_object_get(json_object_get(json_array_get(children, 1), "value"), "value");
    add_read(user, json_string_value(key), g_strdup_printf("struct_extract(%s, '%s')", fields, json_string_value(key)));
    return FALSE;
  }
  const char *column = column_name(node);
  if (column) add_read(user, column, tarn_sql_quote_identifier(column));
  return TRUE;
}

/* SQL: the columns that tree reads, as text: `a=1, b=x`; of a single one the bare value unless it is to be named. */
static char *columns_sql(const json_t *tree, gboolean named) {
  g_auto(Reads) reads = {g_ptr_array_new_with_free_func(g_free), g_ptr_array_new_with_free_func(g_free)};
  tarn_ast_walk((json_t *)tree, collect_reads, &reads);
  if (reads.labels->len == 0) return g_strdup("NULL");
  if (reads.labels->len == 1 && !named)
    return g_strdup_printf("TRY(CAST(%s AS VARCHAR))", (char *)reads.texts->pdata[0]);
  g_autoptr(GString) sql = g_string_new("concat_ws(', '");
  for (guint i = 0; i < reads.labels->len; i++) {
    g_autofree char *equals = g_strdup_printf("%s=", (char *)reads.labels->pdata[i]);
    g_autofree char *label = tarn_sql_quote_literal(equals);
    g_string_append_printf(sql, ", %s || COALESCE(left(TRY(CAST(%s AS VARCHAR)), %d), 'NULL')", label,
                           (char *)reads.texts->pdata[i], MAX_VALUE_CHARACTERS);
  }
  g_string_append_c(sql, ')');
  return g_string_free(g_steal_pointer(&sql), FALSE);
}

static char *blame_sql(const Derivation *d, const RejectRaise *raise, GError **error) {
  if (!raise->input) return columns_sql(raise->site, FALSE);
  g_autofree char *input = tree_sql(d, raise->input, error);
  return input ? g_strdup_printf("TRY(CAST(%s AS VARCHAR))", input) : NULL;
}

/* SQL: what made the part raise. */
static char *blames_sql(const Derivation *d, const Part *part, GError **error) {
  const GPtrArray *raises = part->derived.raises;
  if (raises->len == 1) return blame_sql(d, raises->pdata[0], error);
  g_autoptr(GString) sql = g_string_new("concat_ws(', '");
  for (guint i = 0; i < raises->len; i++) {
    const RejectRaise *raise = raises->pdata[i];
    g_autofree char *condition = tree_sql(d, raise->condition, error);
    g_autofree char *blame = condition ? blame_sql(d, raise, error) : NULL;
    if (!blame) return NULL;
    g_string_append_printf(sql, ", CASE WHEN %s THEN %s END", condition, blame);
  }
  g_string_append_c(sql, ')');
  return g_string_free(g_steal_pointer(&sql), FALSE);
}

static void append_reason(GString *sql, const char *name, const char *rule, const char *value) {
  g_autofree char *column = name ? tarn_sql_quote_literal(name) : g_strdup("NULL::VARCHAR");
  g_autofree char *rule_text = tarn_sql_quote_literal(rule);
  g_string_append_printf(sql, "struct_pack(column_name := %s, rule := %s, \"value\" := left(%s, %d))", column,
                         rule_text, value, MAX_VALUE_CHARACTERS);
}

/* CASE WHEN it raises THEN {...} WHEN a conjunct is not true THEN {...} END; nothing for an item that never raises. */
static gboolean append_reasons(const Derivation *d, const Part *part, GString *sql, GError **error) {
  if (!part->malformed && part->name) return TRUE;
  g_string_append_printf(sql, "%sCASE", sql->str[sql->len - 1] == '[' ? "" : ", ");
  if (part->malformed) {
    g_autofree char *rule = g_strconcat("malformed: ", part->sql, NULL);
    g_autofree char *value = blames_sql(d, part, error);
    if (!value) return FALSE;
    g_string_append_printf(sql, " WHEN %s THEN ", part->malformed);
    append_reason(sql, part->name, rule, value);
  }
  if (!part->name) {
    g_autofree char *value = columns_sql(part->tree, TRUE);
    g_string_append_printf(sql, " WHEN (%s) IS DISTINCT FROM true THEN ", part->value);
    append_reason(sql, NULL, part->sql, value);
  }
  g_string_append(sql, " END");
  return TRUE;
}

static char *reasons_sql(const Derivation *d, GError **error) {
  g_autoptr(GString) sql = g_string_new("CASE WHEN " ALWAYS " THEN list_filter(CAST([");
  for (guint i = 0; i < d->parts->len; i++)
    if (!append_reasons(d, d->parts->pdata[i], sql, error)) return NULL;
  g_string_append(sql, "] AS " REASON_TYPE "), lambda reason: reason IS NOT NULL) END");
  return g_string_free(g_steal_pointer(&sql), FALSE);
}

static gboolean derive_all(Derivation *d, const TarnRowwise *rowwise, const char *table, TarnRejectForm form,
                           GError **error) {
  add_parts(d, rowwise);
  if (!hoist_fields(d, table, error)) return FALSE;
  for (guint i = 0; i < d->parts->len; i++) {
    derive_part(d, d->parts->pdata[i], form);
    if (!write_part(d, i, error)) return FALSE;
  }
  return TRUE;
}

/* Constants that do not cast raise when the statement is planned, where no TRY helps. */
static gboolean check_plans(TarnConn *conn, const TarnReject *reject, GError **error) {
  g_autofree char *source = tarn_reject_source(reject, NULL);
  g_autofree char *sql =
      g_strdup_printf("SELECT %s, %s FROM %s WHERE %s", reject->select_list, reject->reasons, source, reject->accepted);
  g_autoptr(GError) fault = NULL;
  g_autoptr(TarnStatement) statement = tarn_statement_prepare(conn, sql, &fault);
  if (statement) return TRUE;
  tarn_error_set_detail(error, TARN_ERROR_USAGE, tarn_error_detail(fault), "look for a constant that does not cast",
                        "the model's SQL raises an error whatever the row");
  return FALSE;
}

TarnReject *tarn_reject_new(TarnConn *conn, const TarnRowwise *rowwise, TarnRejectForm form, GError **error) {
  g_auto(Derivation) d = {.conn = conn};
  g_autofree char *table = tarn_sql_quote_identifier(rowwise->table);
  if (!derive_all(&d, rowwise, table, form, error)) return NULL;
  g_autofree char *reasons = reasons_sql(&d, error);
  if (!reasons) return NULL;
  g_autoptr(TarnReject) reject = g_new0(TarnReject, 1);
  reject->table = g_steal_pointer(&table);
  reject->source_head = source_head(&d);
  reject->source_tail = g_strdup("))) AS tarn_rows");
  reject->select_list = select_list_sql(&d);
  reject->values = item_values(&d);
  reject->accepted = g_strdup("tarn_accepted");
  reject->reasons = g_steal_pointer(&reasons);
  reject->all_fast = !d.context.general_used;
  return check_plans(conn, reject, error) ? g_steal_pointer(&reject) : NULL;
}

void tarn_reject_free(TarnReject *reject) {
  if (!reject) return;
  g_free(reject->table);
  g_free(reject->source_head);
  g_free(reject->source_tail);
  g_free(reject->select_list);
  g_strfreev(reject->values);
  g_free(reject->accepted);
  g_free(reject->reasons);
  g_free(reject);
}
