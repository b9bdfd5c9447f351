#include "project/graph.h"

#include <string.h>

#include "base/nearest.h"

#define SYSTEM_SCHEMA "tarn"

typedef struct {
  const TarnConfig *config;
  GPtrArray *files;
  GPtrArray *problems;
  GPtrArray *order; /* TarnModel, each after what it reads; borrowed */
  GPtrArray *trail; /* TarnSqlFile being visited, outermost first */
} Graph;

static TarnSqlFile *find_model_file(const Graph *graph, const char *table) {
  for (guint i = 0; i < graph->files->len; i++) {
    TarnSqlFile *file = graph->files->pdata[i];
    if (file->model && g_ascii_strcasecmp(file->name, table) == 0) return file;
  }
  return NULL;
}

static gboolean is_bronze(const Graph *graph, const char *table) {
  return g_ascii_strcasecmp(graph->config->bronze_table, table) == 0;
}

static void problem_at(const Graph *graph, const TarnSqlFile *file, const TarnTableRef *ref, const char *hint,
                       const char *message) {
  guint line = ref ? ref->position.line : 0, column = ref ? ref->position.column : 0;
  tarn_problem_add(graph->problems, file->path, line, column, hint, "%s", message);
}

/* --- Names ------------------------------------------------------------------------------------------------------ */

static void check_names(const Graph *graph) {
  for (guint i = 0; i < graph->files->len; i++) {
    const TarnSqlFile *file = graph->files->pdata[i];
    if (!file->model) continue;
    const TarnSqlFile *first = find_model_file(graph, file->name);
    g_autofree char *message = NULL;
    if (is_bronze(graph, file->name))
      message = g_strdup_printf("'%s' is the bronze table (bronze.table in tarn.yaml)", file->name);
    else if (first != file)
      message = g_strdup_printf("%s already defines a table '%s'", first->path, first->name);
    if (message) problem_at(graph, file, NULL, "rename the file", message);
  }
}

static void unknown_table(const Graph *graph, const TarnSqlFile *file, const TarnTableRef *ref) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  g_ptr_array_add(names, graph->config->bronze_table);
  for (guint i = 0; i < graph->files->len; i++) {
    const TarnSqlFile *other = graph->files->pdata[i];
    if (other->model) g_ptr_array_add(names, other->name);
  }
  g_ptr_array_add(names, NULL);
  const char *nearest = tarn_nearest_word(ref->name, (const char *const *)names->pdata);
  g_autofree char *known = g_strjoinv(", ", (GStrv)names->pdata);
  g_autofree char *hint = nearest ? g_strdup_printf("did you mean '%s'? The project's tables: %s", nearest, known)
                                  : g_strdup_printf("the project's tables: %s", known);
  g_autofree char *message =
      g_strdup_printf("there is no table '%s%s%s'", ref->schema, *ref->schema ? "." : "", ref->name);
  problem_at(graph, file, ref, hint, message);
}

/* --- References ------------------------------------------------------------------------------------------------- */

static gboolean is_system_table(const TarnTableRef *ref) {
  return !*ref->catalog && g_ascii_strcasecmp(ref->schema, SYSTEM_SCHEMA) == 0;
}

static gboolean in_main_schema(const TarnTableRef *ref) {
  return !*ref->catalog && (!*ref->schema || g_ascii_strcasecmp(ref->schema, "main") == 0);
}

static void add_read(GPtrArray *reads, const char *name) {
  if (!g_ptr_array_find_with_equal_func(reads, name, g_str_equal, NULL)) g_ptr_array_add(reads, g_strdup(name));
}

static void resolve_ref(const Graph *graph, const TarnSqlFile *file, const TarnTableRef *ref, GPtrArray *reads) {
  if (is_system_table(ref)) {
    /* Tarn's own tables describe runs: rows that came from them could not be computed again. */
    if (file->model) problem_at(graph, file, ref, "checks and endpoints may", "a model may not read Tarn's own tables");
    return;
  }
  const TarnSqlFile *source = in_main_schema(ref) ? find_model_file(graph, ref->name) : NULL;
  if (in_main_schema(ref) && is_bronze(graph, ref->name))
    add_read(reads, graph->config->bronze_table);
  else if (!source)
    unknown_table(graph, file, ref);
  else if (file->model && file->model->kind == TARN_MODEL_SILVER)
    problem_at(graph, file, ref, "SQL over other models belongs in gold", "a silver model reads the bronze table only");
  else
    add_read(reads, source->name);
}

static void resolve_file(const Graph *graph, const TarnSqlFile *file) {
  g_autoptr(GPtrArray) reads = g_ptr_array_new();
  for (guint i = 0; i < file->tables->len; i++) resolve_ref(graph, file, file->tables->pdata[i], reads);
  g_ptr_array_add(reads, NULL);
  *file->reads = (GStrv)g_ptr_array_steal(reads, NULL);
}

/* --- Order ------------------------------------------------------------------------------------------------------ */

static const TarnTableRef *ref_to(const TarnSqlFile *file, const char *name) {
  for (guint i = 0; i < file->tables->len; i++) {
    const TarnTableRef *ref = file->tables->pdata[i];
    if (g_ascii_strcasecmp(ref->name, name) == 0) return ref;
  }
  return NULL;
}

static void report_cycle(const Graph *graph, const TarnSqlFile *file, guint begin) {
  g_autoptr(GString) circle = g_string_new(NULL);
  for (guint i = begin; i < graph->trail->len; i++)
    g_string_append_printf(circle, "%s reads ", ((TarnSqlFile *)graph->trail->pdata[i])->name);
  g_autofree char *message = g_strdup_printf("models read each other in a circle: %s%s", circle->str, file->name);
  const TarnSqlFile *last = graph->trail->pdata[graph->trail->len - 1];
  problem_at(graph, last, ref_to(last, file->name), "one of them must read something else", message);
}

static void visit(const Graph *graph, TarnSqlFile *file) {
  guint begin;
  if (g_ptr_array_find(graph->trail, file, &begin)) {
    report_cycle(graph, file, begin);
    return;
  }
  if (g_ptr_array_find(graph->order, file->model, NULL)) return;
  g_ptr_array_add(graph->trail, file);
  for (char **name = *file->reads; *name; name++) {
    TarnSqlFile *source = find_model_file(graph, *name);
    if (source) visit(graph, source);
  }
  g_ptr_array_remove_index(graph->trail, graph->trail->len - 1);
  g_ptr_array_add(graph->order, file->model);
}

/* Silver reads bronze only, so visiting silver first puts it first. */
static void sort_models(const Graph *graph, GPtrArray *models) {
  for (int kind = TARN_MODEL_SILVER; kind <= TARN_MODEL_GOLD; kind++)
    for (guint i = 0; i < graph->files->len; i++) {
      TarnSqlFile *file = graph->files->pdata[i];
      if (file->model && (int)file->model->kind == kind) visit(graph, file);
    }
  g_assert(graph->order->len == models->len);
  memcpy(models->pdata, graph->order->pdata, models->len * sizeof *models->pdata);
}

void tarn_graph_resolve(const TarnConfig *config, GPtrArray *files, GPtrArray *models, GPtrArray *problems) {
  g_autoptr(GPtrArray) order = g_ptr_array_new(), trail = g_ptr_array_new();
  const Graph graph = {config, files, problems, order, trail};
  check_names(&graph);
  for (guint i = 0; i < files->len; i++) resolve_file(&graph, files->pdata[i]);
  sort_models(&graph, models);
}
