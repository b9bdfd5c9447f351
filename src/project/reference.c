#include "project/reference.h"

#include "project/check.h"
#include "project/config.h"
#include "project/endpoint.h"
#include "project/model.h"

static const struct {
  const char *title, *text;
  const TarnKey *keys;
} chapters[] = {
    {"tarn.yaml", "Settings of the project.", tarn_config_keys},
    {"silver/NAME.sql",
     "A row-wise SELECT: one table, expressions, WHERE. A row that it fails on is quarantined with the reason. The "
     "table gets a column "
     "`seq`, the order of arrival, unless the SELECT has one.",
     tarn_silver_keys},
    {"gold/NAME.sql", "Any SELECT over bronze, silver and other gold tables.", tarn_gold_keys},
    {"checks/NAME.sql",
     "A SELECT that returns the rows that break a rule; none is good. May also read the tables of schema `tarn`.",
     tarn_check_keys},
    {"api/NAME.sql",
     "A SELECT that answers a GET request. `$name` is a parameter of that name; its value is checked, then bound.",
     tarn_endpoint_keys},
};

char *tarn_project_reference(void) {
  GString *page = g_string_new(
      "# The keys of a project\n\n<!-- made by tools/make-docs from the key tables of src/project -->\n\n"
      "A project is a folder with `tarn.yaml` and SQL files. Each SQL file is one DuckDB SELECT and defines what its "
      "name says; YAML in its\n"
      "opening comment (the front matter) tells the rest. `tarn validate` finds what is wrong.\n");
  for (gsize i = 0; i < G_N_ELEMENTS(chapters); i++) {
    g_string_append_printf(page, "\n## %s\n\n%s\n\n", chapters[i].title, chapters[i].text);
    tarn_keys_describe(chapters[i].keys, page);
  }
  return g_string_free(page, FALSE);
}
