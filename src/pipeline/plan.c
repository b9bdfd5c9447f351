#include "pipeline/plan.h"

#include <string.h>

#include "base/error.h"
#include "base/json_writer.h"
#include "lakehouse/sql.h"
#include "lakehouse/system.h"
#include "project/precompute.h"

/* Changes when Tarn itself would make other rows from the same SQL: part of every model's digest. */
#define DERIVATION_VERSION "1"
/* No table has a blank in its name: model names are checked. */
#define CHECK_PREFIX "check "
#define ANSWERS_PREFIX "precomputed "

/* One thing that tables are built from. kind orders what a change of it means. */
typedef struct {
  char *name;
  const char *kind; /* "bronze", "quality", "silver", "gold", "check", "precomputed", "notes" */
  char *digest;
  char *definition;
} Object;

static void object_free(gpointer data) {
  Object *object = data;
  g_free(object->name);
  g_free(object->digest);
  g_free(object->definition);
  g_free(object);
}

static void add_object(GPtrArray *objects, const char *name, const char *kind, char *definition) {
  Object *object = g_new0(Object, 1);
  object->name = g_strdup(name);
  object->kind = kind;
  object->definition = definition;
  g_autofree char *text = g_strdup_printf(DERIVATION_VERSION ":%s", definition);
  object->digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
  g_ptr_array_add(objects, object);
}

static void write_names(TarnJsonWriter *json, const char *key, const GStrv names) {
  tarn_json_key(json, key);
  tarn_json_begin_array(json);
  for (char **name = names; name && *name; name++) tarn_json_string(json, *name);
  tarn_json_end_array(json);
}

static char *bronze_definition(const TarnConfig *config) {
  g_autoptr(GString) text = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, text);
  tarn_json_begin_object(&json);
  tarn_json_member_string(&json, "table", config->bronze_table);
  write_names(&json, "envelope", config->envelope);
  tarn_json_member_string(&json, "payload", config->payload);
  tarn_json_end_object(&json);
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *quality_definition(const TarnConfig *config) {
  g_autoptr(GString) text = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, text);
  tarn_json_begin_array(&json);
  for (guint i = 0; i < config->rules->len; i++) {
    const TarnQualityRule *rule = config->rules->pdata[i];
    tarn_json_begin_object(&json);
    tarn_json_member_string(&json, "name", rule->name);
    tarn_json_member_int(&json, "weight", rule->weight);
    tarn_json_member_string(&json, "predicate", rule->predicate);
    tarn_json_end_object(&json);
  }
  tarn_json_end_array(&json);
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *model_definition(const TarnModel *model) {
  g_autoptr(GString) text = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, text);
  tarn_json_begin_object(&json);
  write_names(&json, "key", model->key);
  write_names(&json, "unique", model->unique);
  tarn_json_member_string(&json, "digest", model->digest);
  tarn_json_member_string(&json, "sql", model->sql);
  tarn_json_end_object(&json);
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *notes_definition(const TarnProject *project) {
  g_autoptr(GString) text = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, text);
  tarn_json_begin_object(&json);
  for (guint i = 0; i < project->models->len; i++) {
    const TarnModel *model = project->models->pdata[i];
    tarn_json_key(&json, model->name);
    tarn_json_begin_array(&json);
    tarn_json_string(&json, model->description);
    for (guint c = 0; c < model->columns->len; c++) {
      const TarnColumnNote *note = model->columns->pdata[c];
      tarn_json_string(&json, note->name);
      tarn_json_string(&json, note->note);
    }
    tarn_json_end_array(&json);
  }
  tarn_json_end_object(&json);
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static void add_model(GPtrArray *objects, const TarnModel *model) {
  add_object(objects, model->name, model->kind == TARN_MODEL_SILVER ? "silver" : "gold", model_definition(model));
  Object *object = objects->pdata[objects->len - 1];
  g_free(object->digest); /* the model's own digest leaves notes out */
  g_autofree char *text = g_strdup_printf(DERIVATION_VERSION ":%s", model->digest);
  object->digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}

/* Endpoints whose answers are part of the generation. */
static void add_answers(GPtrArray *objects, const TarnEndpoint *endpoint) {
  if (!endpoint->precompute) return;
  g_autofree char *name = g_strconcat(ANSWERS_PREFIX, endpoint->name, NULL);
  add_object(objects, name, "precomputed", tarn_precompute_digest(endpoint));
}

/* Everything that a generation depends on, models in the project's order. */
static GPtrArray *project_objects(const TarnProject *project) {
  GPtrArray *objects = g_ptr_array_new_with_free_func(object_free);
  add_object(objects, "bronze shape", "bronze", bronze_definition(&project->config));
  add_object(objects, "quality rules", "quality", quality_definition(&project->config));
  for (guint i = 0; i < project->models->len; i++) add_model(objects, project->models->pdata[i]);
  for (guint i = 0; i < project->checks->len; i++) {
    const TarnCheck *check = project->checks->pdata[i];
    g_autofree char *name = g_strconcat(CHECK_PREFIX, check->name, NULL);
    add_object(objects, name, "check", g_strdup_printf("%s\n%s", check->warn ? "warn" : "error", check->sql));
  }
  for (guint i = 0; i < project->endpoints->len; i++) add_answers(objects, project->endpoints->pdata[i]);
  add_object(objects, "column notes", "notes", notes_definition(project));
  return objects;
}

char *tarn_plan_project_digest(const TarnProject *project) {
  g_autoptr(GPtrArray) objects = project_objects(project);
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  for (guint i = 0; i < objects->len; i++) {
    const Object *object = objects->pdata[i];
    g_checksum_update(sum, (const guchar *)object->name, -1);
    g_checksum_update(sum, (const guchar *)object->digest, -1);
  }
  return g_strdup(g_checksum_get_string(sum));
}

void tarn_plan_free(TarnPlan *plan) {
  if (!plan) return;
  g_hash_table_unref(plan->rebuild);
  g_ptr_array_unref(plan->removed);
  g_free(plan);
}

gboolean tarn_plan_has_work(const TarnPlan *plan) {
  return plan->rescore || plan->audit || plan->removed->len > 0 || g_hash_table_size(plan->rebuild) > 0;
}

/* Marks models whose own SQL is as it was, but not what they read. */
static void follow_dependencies(TarnPlan *plan, const TarnProject *project, TarnRunReport *report) {
  for (guint i = 0; i < project->models->len; i++) {
    const TarnModel *model = project->models->pdata[i];
    for (char **table = model->reads; table && *table && !g_hash_table_contains(plan->rebuild, model->name); table++) {
      gboolean below = g_hash_table_contains(plan->rebuild, *table) ||
                       (plan->rescore && g_str_equal(*table, project->config.bronze_table));
      if (!below) continue;
      g_hash_table_add(plan->rebuild, g_strdup(model->name));
      if (!plan->fresh) tarn_run_report_add_change(report, model->name, "rebuilt", "reads %s", *table);
    }
  }
}

static gboolean plan_object(TarnPlan *plan, const Object *object, const char *stored, gboolean full_refresh,
                            TarnRunReport *report, GError **error) {
  gboolean changed = !stored || !g_str_equal(stored, object->digest);
  gboolean model = g_str_equal(object->kind, "silver") || g_str_equal(object->kind, "gold");
  const char *what = !stored ? "new" : changed ? "changed" : "full refresh asked for";
  if (g_str_equal(object->kind, "bronze") && changed) {
    tarn_error_set(error, TARN_ERROR_USAGE,
                   "restore bronze.table, bronze.envelope and bronze.payload in tarn.yaml, or point DB_PATH at a new "
                   "file and run again from the source",
                   "the shape of bronze changed: rows that are in the file cannot follow");
    return FALSE;
  }
  if (g_str_equal(object->kind, "quality") && (changed || full_refresh)) {
    plan->rescore = TRUE;
    tarn_run_report_add_change(report, object->name, "bronze is scored again", "%s", what);
  } else if (model && (changed || full_refresh)) {
    g_hash_table_add(plan->rebuild, g_strdup(object->name));
    tarn_run_report_add_change(report, object->name, "rebuilt", "%s", what);
  } else if (changed) {
    plan->audit = TRUE;
    tarn_run_report_add_change(report, object->name, NULL, "%s", what);
  }
  return TRUE;
}

static gboolean is_table(const char *object) { return !strchr(object, ' '); }

static void plan_removed(TarnPlan *plan, const GPtrArray *objects, GHashTable *stored, TarnRunReport *report) {
  g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < objects->len; i++) g_hash_table_add(known, ((Object *)objects->pdata[i])->name);
  GHashTableIter iter;
  gpointer name;
  g_hash_table_iter_init(&iter, stored);
  while (g_hash_table_iter_next(&iter, &name, NULL)) {
    if (g_hash_table_contains(known, name)) continue;
    g_ptr_array_add(plan->removed, g_strdup(name));
    tarn_run_report_add_change(report, name, is_table(name) ? "its table is dropped" : NULL,
                               "removed from the project");
  }
}

TarnPlan *tarn_plan_new(const TarnProject *project, GHashTable *stored, gboolean full_refresh, TarnRunReport *report,
                        GError **error) {
  g_autoptr(TarnPlan) plan = g_new0(TarnPlan, 1);
  plan->rebuild = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  plan->removed = g_ptr_array_new_with_free_func(g_free);
  plan->fresh = stored == NULL;
  if (plan->fresh) {
    for (guint i = 0; i < project->models->len; i++) {
      const TarnModel *model = project->models->pdata[i];
      g_hash_table_add(plan->rebuild, g_strdup(model->name));
    }
    return g_steal_pointer(&plan);
  }
  g_autoptr(GPtrArray) objects = project_objects(project);
  for (guint i = 0; i < objects->len; i++) {
    const Object *object = objects->pdata[i];
    if (!plan_object(plan, object, g_hash_table_lookup(stored, object->name), full_refresh, report, error)) return NULL;
  }
  plan_removed(plan, objects, stored, report);
  follow_dependencies(plan, project, report);
  return g_steal_pointer(&plan);
}

gboolean tarn_plan_store(const TarnProject *project, const TarnPlan *plan, TarnConn *conn, GError **error) {
  g_autoptr(GPtrArray) objects = project_objects(project);
  for (guint i = 0; i < objects->len; i++) {
    const Object *object = objects->pdata[i];
    if (!tarn_system_set_object(conn, object->name, object->kind, object->digest, object->definition, error))
      return FALSE;
  }
  for (guint i = 0; i < plan->removed->len; i++)
    if (!tarn_system_remove_object(conn, plan->removed->pdata[i], error)) return FALSE;
  return TRUE;
}

gboolean tarn_plan_drop_removed(const TarnPlan *plan, TarnConn *conn, GError **error) {
  for (guint i = 0; i < plan->removed->len; i++) {
    const char *name = plan->removed->pdata[i];
    if (g_str_has_prefix(name, ANSWERS_PREFIX)) {
      const TarnValue endpoint = tarn_value_text(name + strlen(ANSWERS_PREFIX));
      if (!tarn_conn_run(conn, "DELETE FROM tarn.precomputed WHERE endpoint = $1", &endpoint, 1, NULL, error))
        return FALSE;
    }
    if (!is_table(name)) continue;
    const TarnValue table = tarn_value_text(name);
    g_autofree char *quoted = tarn_sql_quote_identifier(name);
    g_autofree char *drop = g_strdup_printf("DROP TABLE IF EXISTS %s", quoted);
    if (!tarn_conn_exec(conn, drop, error) ||
        !tarn_conn_run(conn, tarn_sql_silver_forget_quarantine, &table, 1, NULL, error) ||
        !tarn_conn_run(conn, tarn_sql_silver_forget_duplicates, &table, 1, NULL, error))
      return FALSE;
  }
  return TRUE;
}
