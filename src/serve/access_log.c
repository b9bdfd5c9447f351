#include "serve/access_log.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json_writer.h"

static void begin(TarnJsonWriter *json, GString *line, const char *level) {
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");
  g_autofree char *precise = g_strdup_printf("%s.%03dZ", time, g_date_time_get_microsecond(now) / 1000);
  tarn_json_init(json, line);
  tarn_json_begin_object(json);
  tarn_json_member_string(json, "time", precise);
  tarn_json_member_string(json, "level", level);
}

static void name_request(TarnJsonWriter *json, const TarnHttpRequest *request) {
  tarn_json_member_string(json, "request_id", request->id);
  tarn_json_member_string(json, "method", request->method);
  tarn_json_key(json, "path");
  tarn_json_string_len(json, request->target, strcspn(request->target, "?"));
}

static void end(TarnJsonWriter *json, GString *line) {
  tarn_json_end_object(json);
  g_string_append_c(line, '\n');
  fputs(line->str, stderr);
}

void tarn_access_log_request(const TarnHttpRequest *request, const TarnNotes *notes, guint status, guint64 body_size,
                             gint64 elapsed_us) {
  g_autoptr(GString) line = g_string_sized_new(512);
  TarnJsonWriter json;
  begin(&json, line, "info");
  name_request(&json, request);
  tarn_json_member_string(&json, "route", notes->route);
  tarn_json_member_int(&json, "status", status);
  tarn_json_member_int(&json, "bytes", (gint64)body_size);
  tarn_json_member_int(&json, "elapsed_us", elapsed_us);
  tarn_json_member_int(&json, "queued_us", notes->queued_us);
  if (notes->generation) tarn_json_member_int(&json, "generation", notes->generation);
  if (notes->cache) tarn_json_member_string(&json, "cache", notes->cache);
  if (notes->grant.key[0]) tarn_json_member_string(&json, "key", notes->grant.key);
  tarn_json_member_string(&json, "peer", request->peer);
  end(&json, line);
}

void tarn_access_log_failure(const TarnHttpRequest *request, const GError *error, gboolean as_json) {
  const char *detail = tarn_error_detail(error);
  g_autoptr(GString) line = g_string_new(NULL);
  TarnJsonWriter json;
  if (!as_json) {
    g_string_printf(line, "tarn: error: %s: %s %.*s: %s\n%s%s%s", request->id, request->method,
                    (int)strcspn(request->target, "?"), request->target, error->message, detail ? "  detail: " : "",
                    detail ? detail : "", detail ? "\n" : "");
    fputs(line->str, stderr);
    return;
  }
  begin(&json, line, "error");
  name_request(&json, request);
  tarn_json_member_string(&json, "message", error->message);
  tarn_json_member_string(&json, "detail", detail);
  end(&json, line);
}

void tarn_access_log_event(const char *level, const char *message, const char *hint, gboolean as_json) {
  g_autoptr(GString) line = g_string_new(NULL);
  TarnJsonWriter json;
  if (!as_json) {
    g_string_printf(line, "tarn: %s: %s\n%s%s%s", level, message, hint ? "  hint: " : "", hint ? hint : "",
                    hint ? "\n" : "");
    fputs(line->str, stderr);
    return;
  }
  begin(&json, line, level);
  tarn_json_member_string(&json, "message", message);
  if (hint) tarn_json_member_string(&json, "hint", hint);
  end(&json, line);
}
