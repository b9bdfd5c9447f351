#include "serve/health.h"

#include "base/json_writer.h"
#include "base/version.h"
#include "serve/problem.h"

#define WAITING_RETRY_SECONDS "5"

static void member_time(TarnJsonWriter *json, const char *key, gint64 time_us) {
  g_autoptr(GDateTime) second = g_date_time_new_from_unix_utc(time_us / G_USEC_PER_SEC);
  g_autoptr(GDateTime) time = g_date_time_add(second, time_us % G_USEC_PER_SEC);
  g_autofree char *text = g_date_time_format_iso8601(time);
  tarn_json_member_string(json, key, text);
}

static void member_refused(TarnJsonWriter *json, const TarnCurrentState *state) {
  if (!state->refused) return;
  tarn_json_key(json, "refused");
  tarn_json_begin_object(json);
  tarn_json_member_string(json, "reason", state->refused);
  if (state->refused_hint) tarn_json_member_string(json, "hint", state->refused_hint);
  member_time(json, "since", state->refused_us);
  tarn_json_end_object(json);
}

static void write_waiting(const TarnCurrentState *state, TarnHttpResponse *response) {
  TarnJsonWriter json;
  tarn_http_response_set_header(response, "Retry-After", WAITING_RETRY_SECONDS);
  tarn_http_response_set_header(response, "Cache-Control", "no-store");
  tarn_http_problem_begin(
      response, &json, 503, "publish one with `tarn run`; the server takes it up by itself",
      state->refused ? "waiting for a generation: the published file is refused" : "waiting for the first generation");
  tarn_json_member_string(&json, "state", "waiting");
  member_refused(&json, state);
  tarn_http_problem_end(&json);
}

static void write_open(const TarnCurrentState *state, TarnHttpResponse *response) {
  TarnJsonWriter json;
  char number[24];
  gint64 age = (g_get_real_time() - state->published_us) / G_USEC_PER_SEC;
  g_snprintf(number, sizeof number, "%" G_GINT64_FORMAT, state->generation);
  tarn_http_response_set_header(response, "X-Tarn-Generation", number);
  tarn_http_response_set_header(response, "Cache-Control", "no-store");
  tarn_json_init(&json, response->body);
  tarn_json_begin_object(&json);
  tarn_json_member_string(&json, "status", state->refused ? "stale" : "ok");
  tarn_json_member_int(&json, "generation", state->generation);
  member_time(&json, "published_at", state->published_us);
  tarn_json_member_int(&json, "age_seconds", MAX(age, 0));
  tarn_json_member_string(&json, "version", TARN_VERSION);
  member_refused(&json, state);
  tarn_json_end_object(&json);
  g_string_append_c(response->body, '\n');
}

void tarn_health_write(TarnCurrent *current, TarnHttpResponse *response) {
  TarnCurrentState state;
  tarn_current_state(current, &state);
  if (state.open)
    write_open(&state, response);
  else
    write_waiting(&state, response);
  tarn_current_state_clear(&state);
}

void tarn_health_write_waiting(TarnCurrent *current, TarnHttpResponse *response) {
  TarnCurrentState state;
  tarn_current_state(current, &state);
  write_waiting(&state, response);
  tarn_current_state_clear(&state);
}
