#include "lakehouse/ast.h"

json_t *tarn_ast_text(const char *text) {
  return json_pack("{s:s, s:s, s:s, s:{s:{s:s, s:n}, s:b, s:s}}", "class", "CONSTANT", "type", "VALUE_CONSTANT",
                   "alias", "", "value", "type", "id", "VARCHAR", "type_info", "is_null", 0, "value", text);
}

json_t *tarn_ast_boolean(gboolean value) {
  return json_pack("{s:s, s:s, s:s, s:{s:{s:s, s:n}, s:b, s:b}}", "class", "CONSTANT", "type", "VALUE_CONSTANT",
                   "alias", "", "value", "type", "id", "BOOLEAN", "type_info", "is_null", 0, "value", value);
}

json_t *tarn_ast_column(const char *name) {
  return json_pack("{s:s, s:s, s:s, s:[s]}", "class", "COLUMN_REF", "type", "COLUMN_REF", "alias", "", "column_names",
                   name);
}

json_t *tarn_ast_function(const char *name, json_t *arguments) {
  return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:n, s:{s:s, s:[]}, s:b, s:b, s:b, s:s}", "class", "FUNCTION",
                   "type", "FUNCTION", "alias", "", "function_name", name, "schema", "", "children", arguments,
                   "filter", "order_bys", "type", "ORDER_MODIFIER", "orders", "distinct", 0, "is_operator", 0,
                   "export_state", 0, "catalog", "");
}

json_t *tarn_ast_operator(const char *type, json_t *child) {
  return json_pack("{s:s, s:s, s:s, s:[o]}", "class", "OPERATOR", "type", type, "alias", "", "children", child);
}

json_t *tarn_ast_conjunction(const char *type, json_t *children) {
  return json_pack("{s:s, s:s, s:s, s:o}", "class", "CONJUNCTION", "type", type, "alias", "", "children", children);
}

json_t *tarn_ast_case(json_t *otherwise) {
  return json_pack("{s:s, s:s, s:s, s:[], s:o}", "class", "CASE", "type", "CASE_EXPR", "alias", "", "case_checks",
                   "else_expr", otherwise);
}

void tarn_ast_case_add(json_t *node, json_t *when, json_t *then) {
  json_array_append_new(json_object_get(node, "case_checks"),
                        json_pack("{s:o, s:o}", "when_expr", when, "then_expr", then));
}
