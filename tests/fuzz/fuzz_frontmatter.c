/* Front matter: whatever a file says, it is read or refused with a problem that has a place in the file, and every list
 * and default is there afterwards. */
#include <stdint.h>
#include <string.h>

#include "project/check.h"
#include "project/config.h"
#include "project/endpoint.h"
#include "project/frontmatter.h"
#include "project/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static guint count_lines(const char *text) {
  guint lines = 1;
  for (; *text; text++) lines += *text == '\n' || *text == '\r';
  return lines;
}

static void expect_places(const char *text, const GPtrArray *problems) {
  /* YAML also breaks lines at U+0085, U+2028 and U+2029, so a text may have more lines than line feeds. */
  gboolean exotic = strstr(text, "\xC2\x85") || strstr(text, "\xE2\x80\xA8") || strstr(text, "\xE2\x80\xA9");
  for (guint i = 0; i < problems->len; i++) {
    const TarnProblem *problem = problems->pdata[i];
    g_assert_cmpuint(problem->line, >=, 1);
    g_assert_true(exotic || problem->line <= count_lines(text) + 1);
    g_assert_nonnull(problem->message);
  }
}

static void read_model(const char *text, const TarnKey *keys, GPtrArray *problems) {
  TarnModel *model = g_new0(TarnModel, 1);
  tarn_frontmatter_read(text, "fuzz.sql", keys, model, problems);
  g_assert_nonnull(model->columns);
  g_assert_true(keys == tarn_silver_keys ? model->unique != NULL : model->key != NULL);
  tarn_model_free(model);
}

static void read_check(const char *text, GPtrArray *problems) {
  TarnCheck *check = g_new0(TarnCheck, 1);
  tarn_frontmatter_read(text, "fuzz.sql", tarn_check_keys, check, problems);
  tarn_check_free(check);
}

static void read_endpoint(const char *text, GPtrArray *problems) {
  TarnEndpoint *endpoint = g_new0(TarnEndpoint, 1);
  tarn_frontmatter_read(text, "fuzz.sql", tarn_endpoint_keys, endpoint, problems);
  g_assert_nonnull(endpoint->params);
  for (guint i = 0; i < endpoint->params->len; i++) {
    const TarnParam *param = endpoint->params->pdata[i];
    g_assert_true(tarn_is_name(param->name) && param->values && param->max_length >= 1);
  }
  tarn_endpoint_free(endpoint);
}

static void read_config(const char *text, GPtrArray *problems) {
  TarnConfig config = {0};
  tarn_frontmatter_read(text, "fuzz.sql", tarn_config_keys, &config, problems);
  g_assert_true(config.source_paths && config.envelope && config.rules && config.bronze_table && config.host);
  g_assert_cmpuint(config.max_depth, >=, 1);
  tarn_config_clear(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!g_utf8_validate_len((const char *)data, size, NULL)) return 0; /* refused before the front matter is read */
  g_autofree char *text = g_strndup((const char *)data, size);
  g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_problem_free);
  read_model(text, tarn_silver_keys, problems);
  read_model(text, tarn_gold_keys, problems);
  read_check(text, problems);
  read_endpoint(text, problems);
  read_config(text, problems);
  expect_places(text, problems);
  return 0;
}
