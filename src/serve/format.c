#include "serve/format.h"

#include <string.h>

#include "base/nearest.h"
#include "serve/problem.h"

#define MAX_ALIASES 3

static const struct {
  const char *name;
  const char *media_type;
  const char *aliases[MAX_ALIASES]; /* other names of the media type that clients ask for */
  gboolean file;                    /* browsers are told to save it */
} formats[TARN_N_FORMATS] = {
    [TARN_FORMAT_JSON] = {"json", "application/json", {NULL}, FALSE},
    [TARN_FORMAT_NDJSON] = {"ndjson",
                            "application/x-ndjson",
                            {"application/ndjson", "application/jsonl", "application/json-lines"},
                            TRUE},
    [TARN_FORMAT_CSV] = {"csv", "text/csv; charset=utf-8", {"text/csv", "application/csv"}, TRUE},
    [TARN_FORMAT_PARQUET] = {"parquet",
                             "application/vnd.apache.parquet",
                             {"application/parquet", "application/x-parquet"},
                             TRUE},
};

const char *tarn_format_name(TarnFormat format) { return formats[format].name; }
const char *tarn_format_media_type(TarnFormat format) { return formats[format].media_type; }

void tarn_format_set_headers(TarnFormat format, const char *name, TarnHttpResponse *response) {
  response->content_type = formats[format].media_type;
  if (!formats[format].file) return;
  g_autofree char *disposition = g_strdup_printf("attachment; filename=\"%s.%s\"", name, formats[format].name);
  tarn_http_response_set_header(response, "Content-Disposition", disposition);
}

static gboolean same_words(const char *text, gsize size, const char *word) {
  return strlen(word) == size && g_ascii_strncasecmp(text, word, size) == 0;
}

/* How exactly a media range of an Accept header names the format: 0 not at all, 1 by "*" + "/" + "*", 2 by its main type,
 * 3 by its name. */
static guint range_fits(TarnFormat format, const char *range, gsize size) {
  const char *type = formats[format].media_type;
  gsize main_size = (gsize)(strchr(type, '/') - type) + 1;
  if (same_words(range, size, "*/*")) return 1;
  if (size == main_size + 1 && range[main_size] == '*' && g_ascii_strncasecmp(range, type, main_size) == 0) return 2;
  if (same_words(range, size, type)) return 3;
  for (guint i = 0; i < MAX_ALIASES && formats[format].aliases[i]; i++)
    if (same_words(range, size, formats[format].aliases[i])) return 3;
  return 0;
}

/* The weight of one media range "type/subtype;q=0.5"; 1 where it names none. */
static double range_weight(const char *parameters, gsize size) {
  for (const char *p = parameters, *end = parameters + size; p < end;) {
    const char *next = memchr(p, ';', (gsize)(end - p));
    if (!next) next = end;
    while (p < next && g_ascii_isspace(*p)) p++;
    if (next - p > 2 && g_ascii_tolower(p[0]) == 'q' && p[1] == '=') return g_ascii_strtod(p + 2, NULL);
    p = next + 1;
  }
  return 1;
}

/* The weight that the header gives the format: that of the range which names it most exactly. 0: not wanted. */
static double format_weight(TarnFormat format, const char *accept) {
  guint best = 0;
  double weight = 0;
  for (const char *p = accept;;) {
    const char *comma = p + strcspn(p, ",");
    while (p < comma && g_ascii_isspace(*p)) p++;
    gsize size = strcspn(p, "; \t,");
    guint fits = range_fits(format, p, size);
    if (fits > best) {
      best = fits;
      weight = range_weight(p + size, (gsize)(comma - p) - size);
    }
    if (!*comma) return weight;
    p = comma + 1;
  }
}

static void list_formats(TarnHttpResponse *response, guint status, const char *hint, const char *detail) {
  TarnJsonWriter json;
  tarn_http_problem_begin(response, &json, status, hint, detail);
  tarn_json_key(&json, "formats");
  tarn_json_begin_array(&json);
  for (guint i = 0; i < TARN_N_FORMATS; i++) {
    tarn_json_begin_object(&json);
    tarn_json_member_string(&json, "format", formats[i].name);
    tarn_json_member_string(&json, "media_type", formats[i].media_type);
    tarn_json_end_object(&json);
  }
  tarn_json_end_array(&json);
  tarn_http_problem_end(&json);
}

static gboolean choose_by_name(const char *name, TarnFormat *format, TarnHttpResponse *response) {
  const char *names[TARN_N_FORMATS + 1] = {NULL};
  for (guint i = 0; i < TARN_N_FORMATS; i++) {
    names[i] = formats[i].name;
    if (!g_str_equal(names[i], name)) continue;
    *format = (TarnFormat)i;
    return TRUE;
  }
  const char *nearest = tarn_nearest_word(name, names);
  g_autofree char *detail = g_strdup_printf("there is no format '%.40s'", name);
  g_autofree char *hint = g_strdup_printf("did you mean %s?", nearest);
  list_formats(response, 422, nearest ? hint : "the member formats lists those that exist", detail);
  return FALSE;
}

static gboolean choose_by_header(const char *accept, TarnFormat *format, TarnHttpResponse *response) {
  double best = 0;
  for (guint i = 0; i < TARN_N_FORMATS; i++) {
    double weight = format_weight((TarnFormat)i, accept);
    if (weight <= best) continue;
    best = weight;
    *format = (TarnFormat)i;
  }
  if (best > 0) return TRUE;
  list_formats(response, 406, "send an Accept header with one of the media types listed, or ?format= with a format",
               "none of the media types of the Accept header can be given");
  return FALSE;
}

gboolean tarn_format_choose(const char *name, const char *accept, TarnFormat *format, TarnHttpResponse *response) {
  *format = TARN_FORMAT_JSON;
  if (name) return choose_by_name(name, format, response);
  return !accept || accept[strspn(accept, " \t")] == '\0' || choose_by_header(accept, format, response);
}
