#include "project/endpoint_examples.h"

#include <string.h>

#include "project/frontmatter.h"
#include "project/param.h"
#include "project/problem.h"

/* What one example gives for each parameter, by name. */
typedef struct {
  const TarnEndpoint *endpoint;
  GHashTable *texts; /* name -> GPtrArray of char * */
} Example;

static void give(const Example *example, const char *name, char *text) {
  GPtrArray *texts = g_hash_table_lookup(example->texts, name);
  if (!texts) {
    texts = g_ptr_array_new_with_free_func(g_free);
    g_hash_table_insert(example->texts, g_strdup(name), texts);
  }
  g_ptr_array_add(texts, text);
}

static gboolean is_placeholder(const char *segment) { return *segment == '{' && g_str_has_suffix(segment, "}"); }

/* FALSE: the path is not of the route. */
static gboolean read_path(const Example *example, const char *path) {
  g_auto(GStrv) given = g_strsplit(path, "/", -1), wanted = g_strsplit(example->endpoint->route, "/", -1);
  if (g_strv_length(given) != g_strv_length(wanted)) return FALSE;
  for (guint i = 0; wanted[i]; i++) {
    g_autofree char *text = g_uri_unescape_string(given[i], NULL);
    gboolean value = is_placeholder(wanted[i]);
    if (!text || (!value && !g_str_equal(text, wanted[i]))) return FALSE;
    if (!value) continue;
    g_autofree char *name = g_strndup(wanted[i] + 1, strlen(wanted[i]) - 2);
    give(example, name, g_steal_pointer(&text));
  }
  return TRUE;
}

static gboolean read_query(const Example *example, const char *query) {
  GUriParamsIter iter;
  g_uri_params_iter_init(&iter, query, -1, "&", G_URI_PARAMS_WWW_FORM);
  g_autoptr(GError) fault = NULL;
  char *name, *text;
  while (g_uri_params_iter_next(&iter, &name, &text, &fault)) {
    give(example, name, text);
    g_free(name);
  }
  return !fault;
}

static const TarnParam *find_param(const TarnEndpoint *endpoint, const char *name) {
  for (guint i = 0; i < endpoint->params->len; i++) {
    const TarnParam *param = endpoint->params->pdata[i];
    if (g_str_equal(param->name, name)) return param;
  }
  return NULL;
}

/* format and generation are the server's. */
static char *unknown_parameter(const Example *example) {
  static const char *const shared[] = {"format", "generation", NULL};
  GHashTableIter iter;
  gpointer name;
  g_hash_table_iter_init(&iter, example->texts);
  while (g_hash_table_iter_next(&iter, &name, NULL))
    if (!g_strv_contains(shared, name) && !find_param(example->endpoint, name))
      return g_strdup_printf("there is no parameter '%s'", (char *)name);
  return NULL;
}

/* NULL also where the parameter itself is at fault, which is told elsewhere. */
static char *check_value(const TarnParam *param, const GPtrArray *given) {
  g_autoptr(TarnParamReader) reader = tarn_param_reader_new(param, NULL);
  if (!reader) return NULL;
  if (!given) return param->required ? g_strdup_printf("parameter '%s' is required", param->name) : NULL;
  g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < given->len; i++) {
    g_auto(GStrv) items = tarn_param_split(param, given->pdata[i]);
    for (char **item = items; *item; item++) g_ptr_array_add(texts, g_steal_pointer(item));
  }
  TarnValue value = tarn_value_null();
  g_autofree char *fault = tarn_param_read(reader, (const char *const *)texts->pdata, texts->len, &value);
  tarn_value_clear(&value);
  return fault ? g_strdup_printf("parameter '%s': %s", param->name, fault) : NULL;
}

/* What is wrong with it; NULL: nothing. Caller frees. */
static char *find_fault(const Example *example, const char *text) {
  const char *question = strchr(text, '?');
  g_autofree char *path = question ? g_strndup(text, (gsize)(question - text)) : g_strdup(text);
  if (!read_path(example, path)) return g_strdup_printf("its path is not of the route %s", example->endpoint->route);
  if (question && !read_query(example, question + 1)) return g_strdup("its query is not name=value&name=value");
  char *fault = unknown_parameter(example);
  for (guint i = 0; !fault && i < example->endpoint->params->len; i++) {
    const TarnParam *param = example->endpoint->params->pdata[i];
    fault = check_value(param, g_hash_table_lookup(example->texts, param->name));
  }
  return fault;
}

void tarn_endpoint_examples_check(const TarnEndpoint *endpoint, GPtrArray *problems) {
  if (tarn_problems_have_error_in(problems, endpoint->path)) return; /* it would be told again */
  guint line = tarn_frontmatter_line(endpoint->sql, "examples");
  for (char **text = endpoint->examples; endpoint->route && *text; text++) {
    g_autoptr(GHashTable) texts =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    const Example example = {endpoint, texts};
    g_autofree char *fault = find_fault(&example, *text);
    if (fault)
      tarn_problem_add(problems, endpoint->path, line, 0, "an example is a request that the endpoint answers",
                       "the example %s: %s", *text, fault);
  }
}
