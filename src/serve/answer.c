#include "serve/answer.h"

#include "base/error.h"
#include "lakehouse/rows.h"
#include "serve/problem.h"

/* What the SQL does not use is not bound. */
static gboolean bind_values(const TarnQuery *query, TarnStatement *statement, GError **error) {
  for (guint i = 0; i < query->values->len; i++) {
    const TarnQueryValue *value = &g_array_index(query->values, TarnQueryValue, i);
    guint index = value->name ? tarn_statement_parameter_index(statement, value->name) : i + 1;
    if (index > 0 && !tarn_statement_bind(statement, index, &value->value, error)) return FALSE;
  }
  return TRUE;
}

/* FALSE with *error: the statement failed. */
static gboolean write_result(const TarnQuery *query, TarnResult *result, TarnHttpResponse *response, GError **error) {
  g_autoptr(GError) fault = NULL;
  g_autoptr(TarnRows) rows = tarn_rows_new(result, error);
  if (!rows) return FALSE;
  TarnJsonWriter json;
  tarn_json_init(&json, response->body);
  if (query->shape == TARN_SHAPE_ROWS) {
    tarn_json_begin_array(&json);
    while (tarn_rows_next(rows, &fault)) tarn_rows_write_json(rows, &json);
    tarn_json_end_array(&json);
  } else if (tarn_rows_next(rows, &fault)) {
    tarn_rows_write_json_row(rows, 0, &json);
  } else if (!fault) {
    tarn_http_problem_write(response, 404, NULL, query->not_found ? query->not_found : "there is nothing of that name");
  }
  if (fault) g_propagate_error(error, g_steal_pointer(&fault));
  return !fault;
}

static gboolean run(const TarnQuery *query, TarnServedWorker *worker, TarnHttpResponse *response, GError **error) {
  TarnStatement *statement = tarn_served_worker_statement(worker, (guint)query->statement);
  if (!bind_values(query, statement, error)) return FALSE;
  g_autoptr(TarnResult) result = tarn_statement_query(statement, error);
  return result && write_result(query, result, response, error);
}

/* The client gets the request's id, the log the reason: it may hold the owner's SQL. */
static void write_failure(TarnHttpResponse *response, GError *error) {
  tarn_http_problem_write(response, 500, "the server's log tells why, under this request_id", "the endpoint failed");
  response->error = error;
}

void tarn_answer_write(const TarnQuery *query, TarnServed *served, TarnHttpResponse *response) {
  GError *error = NULL;
  TarnServedWorker *worker = tarn_served_take_worker(served, &error);
  if (!worker || !run(query, worker, response, &error)) write_failure(response, error);
  tarn_served_give_worker(served, worker);
}
