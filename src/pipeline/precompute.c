#include "pipeline/precompute.h"

#include "base/error.h"
#include "lakehouse/rows.h"
#include "lakehouse/sql.h"
#include "lakehouse/statement.h"
#include "project/precompute.h"

/* One endpoint's answers being rendered. */
typedef struct {
  TarnConn *conn;
  const TarnEndpoint *endpoint;
  const TarnPrecompute *precompute;
  TarnStatement *statement;
  gsize *bytes; /* of the project's answers so far */
  GString *name, *body;
  GArray *ends; /* TarnValue, integers */
} Rendering;

gboolean tarn_project_precomputes(const TarnProject *project) {
  for (guint i = 0; i < project->endpoints->len; i++)
    if (((TarnEndpoint *)project->endpoints->pdata[i])->precompute) return TRUE;
  return FALSE;
}

static gboolean bind(const Rendering *rendering, guint combination, GError **error) {
  const GPtrArray *params = rendering->endpoint->params;
  g_autofree TarnValue *values = g_new0(TarnValue, params->len);
  tarn_precompute_values(rendering->precompute, combination, values);
  g_string_truncate(rendering->name, 0);
  for (guint i = 0; i < params->len; i++) {
    const TarnParam *param = params->pdata[i];
    guint index = tarn_statement_parameter_index(rendering->statement, param->name);
    if (index > 0 && !tarn_statement_bind(rendering->statement, index, &values[i], error)) return FALSE;
    tarn_precompute_name_add(rendering->name, param->name, &values[i]);
  }
  return TRUE;
}

static gboolean check_size(const Rendering *rendering, GError **error) {
  if (*rendering->bytes + rendering->body->len <= TARN_PRECOMPUTE_BYTES) return TRUE;
  tarn_error_set(
      error, TARN_ERROR_USAGE,
      "lower the maximum of its LIMIT, select fewer columns, or leave out precompute: the server's cache keeps "
      "what is asked for often",
      "the precomputed answers take more than %d MiB", TARN_PRECOMPUTE_BYTES >> 20);
  return FALSE;
}

/* FALSE: there was an error, or the endpoint's limit is reached. */
static gboolean add_row(Rendering *rendering, TarnRows *rows, guint row, GError **error) {
  guint limit = rendering->endpoint->shape == TARN_SHAPE_ONE ? 1 : rendering->endpoint->limit;
  if (limit > 0 && rendering->ends->len >= limit) return FALSE;
  TarnJsonWriter json;
  if (rendering->ends->len > 0) g_string_append_c(rendering->body, ',');
  tarn_json_init(&json, rendering->body);
  tarn_rows_write_json_row(rows, row, &json);
  TarnValue end = tarn_value_int((gint64)rendering->body->len);
  g_array_append_val(rendering->ends, end);
  return check_size(rendering, error);
}

/* The result is a stream: memory is bounded by what is kept. */
static gboolean render(Rendering *rendering, GError **error) {
  g_autoptr(GError) fault = NULL;
  g_autoptr(TarnResult) result = tarn_statement_stream(rendering->statement, error);
  g_autoptr(TarnRows) rows = result ? tarn_rows_new(result, error) : NULL;
  if (!rows) return FALSE;
  g_string_truncate(rendering->body, 0);
  g_array_set_size(rendering->ends, 0);
  gboolean more = TRUE;
  while (more && tarn_rows_next(rows, &fault))
    for (guint row = 0; more && row < tarn_rows_count(rows); row++) more = add_row(rendering, rows, row, &fault);
  if (!fault) return TRUE;
  g_propagate_error(error, g_steal_pointer(&fault));
  return FALSE;
}

static gboolean keep(const Rendering *rendering, const char *digest, GError **error) {
  guint n = rendering->ends->len;
  TarnValue ends =
      n > 0 ? (TarnValue){.type = TARN_VALUE_LIST, .list = {(TarnValue *)rendering->ends->data, n}} : tarn_value_null();
  const TarnValue values[] = {tarn_value_text(rendering->endpoint->name), tarn_value_text(digest),
                              tarn_value_text(rendering->name->str), ends, tarn_value_text(rendering->body->str)};
  *rendering->bytes += rendering->body->len;
  return tarn_conn_run(rendering->conn, tarn_sql_precompute_add, values, G_N_ELEMENTS(values), NULL, error);
}

static gboolean render_endpoint(Rendering *rendering, gint64 *answers, GError **error) {
  g_autofree char *digest = tarn_precompute_digest(rendering->endpoint);
  g_autoptr(TarnPrecompute) precompute = tarn_precompute_new(rendering->endpoint, error);
  g_autoptr(TarnStatement) statement =
      precompute ? tarn_statement_prepare(rendering->conn, rendering->endpoint->sql, error) : NULL;
  if (!statement) return FALSE;
  rendering->precompute = precompute;
  rendering->statement = statement;
  for (guint i = 0; i < tarn_precompute_combinations(precompute); i++) {
    if (!bind(rendering, i, error) || !render(rendering, error) || !keep(rendering, digest, error)) return FALSE;
    ++*answers;
  }
  return TRUE;
}

gboolean tarn_precompute_render(TarnConn *conn, const TarnProject *project, gint64 *answers, GError **error) {
  g_autoptr(GString) name = g_string_new(NULL), body = g_string_new(NULL);
  g_autoptr(GArray) ends = g_array_new(FALSE, FALSE, sizeof(TarnValue));
  gsize bytes = 0;
  gint64 rendered = 0;
  if (!tarn_conn_exec(conn, "DELETE FROM tarn.precomputed", error)) return FALSE;
  for (guint i = 0; i < project->endpoints->len; i++) {
    const TarnEndpoint *endpoint = project->endpoints->pdata[i];
    Rendering rendering = {conn, endpoint, NULL, NULL, &bytes, name, body, ends};
    if (!endpoint->precompute || render_endpoint(&rendering, &rendered, error)) continue;
    g_prefix_error(error, "%s: ", endpoint->path);
    return FALSE;
  }
  *answers = rendered;
  return TRUE;
}
