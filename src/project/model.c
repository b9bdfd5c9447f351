#include "project/model.h"

#include "project/frontmatter.h"

static void column_note_free(TarnColumnNote *note) {
  g_free(note->name);
  g_free(note->note);
  g_free(note);
}

static const TarnKey note_keys[] = {
    {"note", TARN_KEY_TEXT, offsetof(TarnColumnNote, note), "what the column holds"},
    {NULL},
};
static const TarnKeyObject notes = {.size = sizeof(TarnColumnNote),
                                    .free = (GDestroyNotify)column_note_free,
                                    .keys = note_keys,
                                    .by_name = TRUE,
                                    .name_offset = offsetof(TarnColumnNote, name)};

static const char *const silver_kind[] = {"silver", NULL};
static const char *const gold_kind[] = {"gold", NULL};

#define DESCRIPTION_HELP "one sentence for people"
#define COLUMNS_HELP "notes on columns, `column: text`; kept in the published file"

const TarnKey tarn_silver_keys[] = {
    {"kind", TARN_KEY_CHOICE, TARN_KEY_NOWHERE, "may be left out: the folder says it", .fallback = "silver",
     .choices = silver_kind},
    {"description", TARN_KEY_TEXT, offsetof(TarnModel, description), DESCRIPTION_HELP},
    {"unique", TARN_KEY_NAMES, offsetof(TarnModel, unique),
     "columns that identify a row: of rows alike in them the first to arrive is kept, the others are recorded as "
     "duplicates"},
    {"columns", TARN_KEY_OBJECTS, offsetof(TarnModel, columns), COLUMNS_HELP, .object = &notes},
    {NULL},
};

const TarnKey tarn_gold_keys[] = {
    {"kind", TARN_KEY_CHOICE, TARN_KEY_NOWHERE, "may be left out: the folder says it", .fallback = "gold",
     .choices = gold_kind},
    {"description", TARN_KEY_TEXT, offsetof(TarnModel, description), DESCRIPTION_HELP},
    {"key", TARN_KEY_NAMES, offsetof(TarnModel, key),
     "columns of the GROUP BY: a run recomputes only the keys that it touched; without it the table is rebuilt whole"},
    {"columns", TARN_KEY_OBJECTS, offsetof(TarnModel, columns), COLUMNS_HELP, .object = &notes},
    {NULL},
};

static const TarnKey *const keys_of_kind[] = {
    [TARN_MODEL_SILVER] = tarn_silver_keys, [TARN_MODEL_GOLD] = tarn_gold_keys};

static void add_list(GChecksum *checksum, const char *label, char **words) {
  g_autofree char *joined = g_strjoinv(",", words);
  g_autofree char *line = g_strdup_printf("%s %s\n", label, joined);
  g_checksum_update(checksum, (const guchar *)line, -1);
}

/* Of the SQL as DuckDB writes it, so that comments and layout do not count. */
static char *digest(const TarnLoading *loading, const TarnModel *model, const json_t *tree) {
  g_autofree char *sql = tree ? tarn_ast_to_sql(loading->conn, tree, NULL) : NULL;
  g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
  add_list(checksum, "unique", model->unique);
  add_list(checksum, "key", model->key);
  g_checksum_update(checksum, (const guchar *)(sql ? sql : model->sql), -1);
  return g_strdup(g_checksum_get_string(checksum));
}

TarnModel *tarn_model_new(const TarnLoading *loading, TarnSqlFile *file, TarnModelKind kind) {
  TarnModel *model = g_new0(TarnModel, 1);
  tarn_frontmatter_read(file->text, file->path, keys_of_kind[kind], model, loading->problems);
  model->kind = kind;
  model->name = g_strdup(file->name);
  model->path = g_strdup(file->path);
  model->sql = g_strdup(file->text);
  if (!model->unique) model->unique = g_new0(char *, 1);
  if (!model->key) model->key = g_new0(char *, 1);
  model->digest = digest(loading, model, file->tree);
  tarn_sql_file_refuse_parameters(file, loading->problems);
  file->model = model;
  file->reads = &model->reads;
  return model;
}

void tarn_model_free(TarnModel *model) {
  if (!model) return;
  g_free(model->name);
  g_free(model->path);
  g_free(model->description);
  g_free(model->sql);
  g_strfreev(model->unique);
  g_strfreev(model->key);
  g_ptr_array_unref(model->columns);
  g_strfreev(model->reads);
  g_free(model->digest);
  g_free(model);
}
