#include "project/precompute.h"

#include "project/param.h"

/* Changes when Tarn itself would render other text from the same rows. */
#define RENDERING_VERSION "1"

typedef struct {
  TarnParamReader *reader;
  GArray *values; /* TarnValue: its choices; text is the project's */
} Choice;

struct TarnPrecompute {
  GArray *choices; /* Choice, one for each parameter */
};

static void choice_clear(gpointer data) {
  Choice *choice = data;
  tarn_param_reader_free(choice->reader);
  g_clear_pointer(&choice->values, g_array_unref);
}

static void add_value(Choice *choice, TarnValue value) { g_array_append_val(choice->values, value); }

/* Where the default is one of the values, absence is no further choice. */
static void add_values(Choice *choice, const TarnParam *param) {
  const TarnValue *maximum = tarn_param_reader_maximum(choice->reader);
  if (param->type == TARN_PARAM_INTEGER) {
    add_value(choice, maximum ? *maximum : tarn_value_null());
    return;
  }
  if (param->type == TARN_PARAM_BOOLEAN) {
    add_value(choice, tarn_value_bool(TRUE));
    add_value(choice, tarn_value_bool(FALSE));
  }
  for (char **word = param->values; word && *word; word++) add_value(choice, tarn_value_text(*word));
  if (!param->required && tarn_param_reader_default(choice->reader)->type == TARN_VALUE_NULL)
    add_value(choice, tarn_value_null());
}

TarnPrecompute *tarn_precompute_new(const TarnEndpoint *endpoint, GError **error) {
  g_autoptr(TarnPrecompute) precompute = g_new0(TarnPrecompute, 1);
  precompute->choices = g_array_new(FALSE, FALSE, sizeof(Choice));
  g_array_set_clear_func(precompute->choices, choice_clear);
  for (guint i = 0; i < endpoint->params->len; i++) {
    const TarnParam *param = endpoint->params->pdata[i];
    Choice choice = {tarn_param_reader_new(param, error), g_array_new(FALSE, FALSE, sizeof(TarnValue))};
    g_array_append_val(precompute->choices, choice);
    if (!choice.reader) return NULL;
    add_values(&choice, param);
  }
  return g_steal_pointer(&precompute);
}

void tarn_precompute_free(TarnPrecompute *precompute) {
  if (!precompute) return;
  g_array_unref(precompute->choices);
  g_free(precompute);
}

static const Choice *choice_at(const TarnPrecompute *precompute, guint i) {
  return &g_array_index(precompute->choices, Choice, i);
}

guint tarn_precompute_combinations(const TarnPrecompute *precompute) {
  guint64 product = 1;
  for (guint i = 0; i < precompute->choices->len; i++)
    product = MIN(product * choice_at(precompute, i)->values->len, G_MAXUINT);
  return (guint)product;
}

void tarn_precompute_values(const TarnPrecompute *precompute, guint i, TarnValue *values) {
  for (guint p = 0; p < precompute->choices->len; p++) {
    const GArray *choices = choice_at(precompute, p)->values;
    values[p] = g_array_index(choices, TarnValue, i % choices->len);
    i /= choices->len;
  }
}

void tarn_precompute_name_add(GString *name, const char *param, const TarnValue *value) {
  if (value->type == TARN_VALUE_NULL || value->type == TARN_VALUE_INT) return;
  if (name->len > 0) g_string_append_c(name, '&');
  g_string_append_uri_escaped(name, param, NULL, TRUE);
  g_string_append_c(name, '=');
  if (value->type == TARN_VALUE_BOOL) {
    g_string_append(name, value->boolean ? "true" : "false");
  } else {
    g_assert(value->type == TARN_VALUE_TEXT);
    g_autofree char *text = g_strndup(value->bytes.data, value->bytes.size);
    g_string_append_uri_escaped(name, text, NULL, TRUE);
  }
}

/* The file's text says all of the endpoint: SQL, parameters, limit. */
char *tarn_precompute_digest(const TarnEndpoint *endpoint) {
  g_autofree char *text = g_strconcat(RENDERING_VERSION ":", endpoint->sql, NULL);
  return g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}
