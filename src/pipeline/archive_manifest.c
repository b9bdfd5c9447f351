#include "pipeline/archive_manifest.h"

#include <jansson.h>
#include <string.h>

#include "base/error.h"
#include "base/json_writer.h"
#include "lakehouse/ast.h"
#include "pipeline/archive_file.h"

#define FORMAT 1
#define PREFIX "manifest-"
#define SUFFIX ".json"
/* The text behind it is what the digest is of, to the last brace but one: a manifest is checked before it is parsed. */
#define HEAD "{\"sha256\":\""
#define MIDDLE "\",\"manifest\":"
#define TAIL "}\n"
#define DIGEST_CHARACTERS 64

const char *const tarn_archive_layer_names[] = {
    [TARN_ARCHIVE_BRONZE] = "bronze", [TARN_ARCHIVE_QUARANTINE] = "quarantine"};

void tarn_archive_file_free(TarnArchiveFile *file) {
  if (!file) return;
  g_free(file->path);
  g_free(file->day);
  g_free(file->sha256);
  g_free(file->row_hash);
  g_free(file->rules);
  g_free(file->parts);
  g_free(file);
}

TarnArchiveFile *tarn_archive_file_copy(const TarnArchiveFile *file) {
  TarnArchiveFile *copy = g_memdup2(file, sizeof *file);
  copy->path = g_strdup(file->path);
  copy->day = g_strdup(file->day);
  copy->sha256 = g_strdup(file->sha256);
  copy->row_hash = g_strdup(file->row_hash);
  copy->rules = g_strdup(file->rules);
  copy->parts = g_strdup(file->parts);
  return copy;
}

TarnArchiveManifest *tarn_archive_manifest_new(void) {
  TarnArchiveManifest *manifest = g_new0(TarnArchiveManifest, 1);
  manifest->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  manifest->tables = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_table_state_free);
  manifest->files = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_archive_file_free);
  return manifest;
}

void tarn_archive_manifest_free(TarnArchiveManifest *manifest) {
  if (!manifest) return;
  g_free(manifest->project);
  g_free(manifest->tarn_version);
  g_free(manifest->duckdb_version);
  g_free(manifest->run_id);
  g_free(manifest->project_digest);
  g_free(manifest->numbering);
  g_free(manifest->positions);
  g_free(manifest->gaps);
  for (guint i = 0; i < TARN_ARCHIVE_N_LAYERS; i++) g_strfreev(manifest->columns[i]);
  g_hash_table_unref(manifest->objects);
  g_ptr_array_unref(manifest->tables);
  g_ptr_array_unref(manifest->files);
  g_free(manifest);
}

gint64 tarn_archive_manifest_rows(const TarnArchiveManifest *manifest, TarnArchiveLayer layer) {
  gint64 rows = 0;
  for (guint i = 0; i < manifest->files->len; i++) {
    const TarnArchiveFile *file = manifest->files->pdata[i];
    if (file->layer == layer) rows += file->rows;
  }
  return rows;
}

char *tarn_archive_manifest_name(gint64 number) { return g_strdup_printf(PREFIX "%08" G_GINT64_FORMAT SUFFIX, number); }

static void write_layers(const TarnArchiveManifest *manifest, TarnJsonWriter *json) {
  tarn_json_key(json, "layers");
  tarn_json_begin_object(json);
  for (guint i = 0; i < TARN_ARCHIVE_N_LAYERS; i++) {
    tarn_json_key(json, tarn_archive_layer_names[i]);
    tarn_json_begin_object(json);
    tarn_json_member_int(json, "rows", tarn_archive_manifest_rows(manifest, i));
    tarn_json_member_int(json, "next", manifest->next[i]);
    tarn_json_key(json, "columns");
    tarn_json_begin_array(json);
    for (char **column = manifest->columns[i]; *column; column++) tarn_json_string(json, *column);
    tarn_json_end_array(json);
    tarn_json_end_object(json);
  }
  tarn_json_end_object(json);
}

static void write_objects(const TarnArchiveManifest *manifest, TarnJsonWriter *json) {
  GHashTableIter iter;
  gpointer name, digest;
  tarn_json_key(json, "objects");
  tarn_json_begin_object(json);
  g_hash_table_iter_init(&iter, manifest->objects);
  while (g_hash_table_iter_next(&iter, &name, &digest)) tarn_json_member_string(json, name, digest);
  tarn_json_end_object(json);
}

static void write_tables(const TarnArchiveManifest *manifest, TarnJsonWriter *json) {
  tarn_json_key(json, "tables");
  tarn_json_begin_array(json);
  for (guint i = 0; i < manifest->tables->len; i++) {
    const TarnTableState *table = manifest->tables->pdata[i];
    tarn_json_begin_object(json);
    tarn_json_member_string(json, "table", table->table);
    tarn_json_member_string(json, "layer", table->layer);
    tarn_json_member_int(json, "rows", table->rows);
    tarn_json_member_string(json, "content_hash", table->content_hash);
    tarn_json_end_object(json);
  }
  tarn_json_end_array(json);
}

static void write_file(const TarnArchiveFile *file, TarnJsonWriter *json) {
  tarn_json_begin_object(json);
  tarn_json_member_string(json, "path", file->path);
  tarn_json_member_string(json, "layer", tarn_archive_layer_names[file->layer]);
  tarn_json_member_string(json, "day", file->day);
  tarn_json_member_int(json, "first", file->first);
  tarn_json_member_int(json, "last", file->last);
  tarn_json_member_int(json, "rows", file->rows);
  tarn_json_member_int(json, "bytes", file->bytes);
  tarn_json_member_string(json, "sha256", file->sha256);
  tarn_json_member_string(json, "row_hash", file->row_hash);
  tarn_json_member_string(json, "rules", file->rules);
  tarn_json_key(json, "parts");
  tarn_json_raw(json, file->parts, strlen(file->parts));
  tarn_json_end_object(json);
}

static void write_head(const TarnArchiveManifest *manifest, TarnJsonWriter *json) {
  tarn_json_member_int(json, "format", FORMAT);
  tarn_json_member_int(json, "number", manifest->number);
  tarn_json_member_string(json, "project", manifest->project);
  tarn_json_member_string(json, "tarn_version", manifest->tarn_version);
  tarn_json_member_string(json, "duckdb_version", manifest->duckdb_version);
  tarn_json_member_int(json, "written_us", manifest->written_us);
  tarn_json_member_int(json, "generation", manifest->generation);
  tarn_json_member_string(json, "run_id", manifest->run_id);
  tarn_json_member_string(json, "project_digest", manifest->project_digest);
  tarn_json_member_int(json, "published_us", manifest->published_us);
  tarn_json_member_string(json, "numbering", manifest->numbering);
  tarn_json_member_int(json, "received", manifest->received);
  tarn_json_key(json, "positions");
  tarn_json_raw(json, manifest->positions, strlen(manifest->positions));
  tarn_json_key(json, "gaps");
  tarn_json_raw(json, manifest->gaps, strlen(manifest->gaps));
}

static char *manifest_to_json(const TarnArchiveManifest *manifest) {
  g_autoptr(GString) text = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, text);
  tarn_json_begin_object(&json);
  write_head(manifest, &json);
  write_layers(manifest, &json);
  write_tables(manifest, &json);
  write_objects(manifest, &json);
  tarn_json_key(&json, "files");
  tarn_json_begin_array(&json);
  for (guint i = 0; i < manifest->files->len; i++) write_file(manifest->files->pdata[i], &json);
  tarn_json_end_array(&json);
  tarn_json_end_object(&json);
  return g_string_free(g_steal_pointer(&text), FALSE);
}

gboolean tarn_archive_manifest_write(const char *folder, const TarnArchiveManifest *manifest, GError **error) {
  g_autofree char *body = manifest_to_json(manifest);
  g_autofree char *sha256 = g_compute_checksum_for_string(G_CHECKSUM_SHA256, body, -1);
  g_autofree char *text = g_strconcat(HEAD, sha256, MIDDLE, body, TAIL, NULL);
  g_autofree char *name = tarn_archive_manifest_name(manifest->number);
  g_autofree char *path = g_build_filename(folder, name, NULL);
  return tarn_archive_file_write(path, text, strlen(text), error);
}

static char *take_text(const json_t *object, const char *key) {
  return g_strdup(json_string_value(json_object_get(object, key)));
}

static gint64 take_int(const json_t *object, const char *key) {
  return json_integer_value(json_object_get(object, key));
}

static char *take_json(const json_t *object, const char *key) {
  char *text = json_dumps(json_object_get(object, key), JSON_COMPACT); /* of the C library's allocator */
  char *copy = g_strdup(text ? text : "[]");
  free(text);
  return copy;
}

static void read_layers(const json_t *json, TarnArchiveManifest *manifest) {
  for (guint i = 0; i < TARN_ARCHIVE_N_LAYERS; i++) {
    const json_t *layer = json_object_get(json_object_get(json, "layers"), tarn_archive_layer_names[i]);
    const json_t *columns = json_object_get(layer, "columns");
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    manifest->next[i] = take_int(layer, "next");
    for (size_t c = 0; c < json_array_size(columns); c++) {
      const char *name = json_string_value(json_array_get(columns, c));
      if (name) g_strv_builder_add(names, name);
    }
    manifest->columns[i] = g_strv_builder_end(names);
  }
}

static void read_objects(const json_t *json, TarnArchiveManifest *manifest) {
  const char *name;
  json_t *digest;
  json_object_foreach(json_object_get(json, "objects"), name, digest) {
    if (json_is_string(digest))
      g_hash_table_insert(manifest->objects, g_strdup(name), g_strdup(json_string_value(digest)));
  }
}

static void read_tables(const json_t *json, TarnArchiveManifest *manifest) {
  const json_t *tables = json_object_get(json, "tables");
  for (size_t i = 0; i < json_array_size(tables); i++) {
    const json_t *table = json_array_get(tables, i);
    TarnTableState *state = g_new0(TarnTableState, 1);
    state->table = take_text(table, "table");
    state->layer = take_text(table, "layer");
    state->rows = take_int(table, "rows");
    state->content_hash = take_text(table, "content_hash");
    g_ptr_array_add(manifest->tables, state);
  }
}

/* A manifest names only what lies in its own folder. */
static gboolean is_inside(const char *path) {
  return path && !g_path_is_absolute(path) && !strstr(path, "..") && strchr(path, '/');
}

static gboolean read_file(const json_t *json, TarnArchiveManifest *manifest) {
  TarnArchiveFile *file = g_new0(TarnArchiveFile, 1);
  g_ptr_array_add(manifest->files, file);
  const char *layer = json_string_value(json_object_get(json, "layer"));
  file->layer = g_strcmp0(layer, tarn_archive_layer_names[TARN_ARCHIVE_BRONZE]) == 0 ? TARN_ARCHIVE_BRONZE
                                                                                     : TARN_ARCHIVE_QUARANTINE;
  file->path = take_text(json, "path");
  file->day = take_text(json, "day");
  file->first = take_int(json, "first");
  file->last = take_int(json, "last");
  file->rows = take_int(json, "rows");
  file->bytes = take_int(json, "bytes");
  file->sha256 = take_text(json, "sha256");
  file->row_hash = take_text(json, "row_hash");
  file->rules = take_text(json, "rules");
  file->parts = take_json(json, "parts");
  return is_inside(file->path) && file->day && file->sha256 && file->row_hash;
}

static void read_head(const json_t *json, TarnArchiveManifest *manifest) {
  manifest->number = take_int(json, "number");
  manifest->project = take_text(json, "project");
  manifest->tarn_version = take_text(json, "tarn_version");
  manifest->duckdb_version = take_text(json, "duckdb_version");
  manifest->written_us = take_int(json, "written_us");
  manifest->generation = take_int(json, "generation");
  manifest->run_id = take_text(json, "run_id");
  manifest->project_digest = take_text(json, "project_digest");
  manifest->published_us = take_int(json, "published_us");
  manifest->numbering = take_text(json, "numbering");
  manifest->received = take_int(json, "received");
  manifest->positions = take_json(json, "positions");
  manifest->gaps = take_json(json, "gaps");
}

/* The document between the digest and the tail, where the digest is that of it; else NULL. */
static char *checked_body(const char *text, gsize size) {
  gsize before = strlen(HEAD) + DIGEST_CHARACTERS + strlen(MIDDLE);
  if (size <= before + strlen(TAIL) || !g_str_has_prefix(text, HEAD) || !g_str_has_suffix(text, TAIL)) return NULL;
  g_autofree char *stored = g_strndup(text + strlen(HEAD), DIGEST_CHARACTERS);
  g_autofree char *body = g_strndup(text + before, size - before - strlen(TAIL));
  g_autofree char *found = g_compute_checksum_for_string(G_CHECKSUM_SHA256, body, -1);
  return g_str_equal(stored, found) ? g_steal_pointer(&body) : NULL;
}

static TarnArchiveManifest *manifest_from_json(const char *body, GError **error) {
  g_autoptr(json_t) json = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
  gint64 format = take_int(json, "format");
  if (format > FORMAT) {
    tarn_error_set(error, TARN_ERROR_ENVIRONMENT, "upgrade tarn on this machine",
                   "the archive has format %" G_GINT64_FORMAT ", this tarn reads up to %d", format, FORMAT);
    return NULL;
  }
  g_autoptr(TarnArchiveManifest) manifest = tarn_archive_manifest_new();
  read_head(json, manifest);
  read_layers(json, manifest);
  read_tables(json, manifest);
  read_objects(json, manifest);
  const json_t *files = json_object_get(json, "files");
  gboolean ok = format == FORMAT && manifest->project && manifest->run_id;
  for (size_t i = 0; i < json_array_size(files); i++) ok = read_file(json_array_get(files, i), manifest) && ok;
  if (ok) return g_steal_pointer(&manifest);
  tarn_error_set(error, TARN_ERROR_INTERNAL, "report this as a bug", "the manifest is whole, but not as it should be");
  return NULL;
}

/* *manifest stays NULL where the file is not whole. */
static gboolean read_manifest(const char *folder, gint64 number, TarnArchiveManifest **manifest, GError **error) {
  g_autofree char *name = tarn_archive_manifest_name(number);
  g_autofree char *path = g_build_filename(folder, name, NULL);
  g_autofree char *text = NULL;
  gsize size;
  if (!g_file_get_contents(path, &text, &size, NULL)) return TRUE; /* what a dying disk does not give is damaged, too */
  g_autofree char *body = checked_body(text, size);
  if (!body) return TRUE;
  *manifest = manifest_from_json(body, error);
  if (!*manifest) g_prefix_error(error, "%s: ", path);
  return *manifest != NULL;
}

void tarn_archive_folder_clear(TarnArchiveFolder *folder) {
  g_clear_pointer(&folder->newest, tarn_archive_manifest_free);
  g_clear_pointer(&folder->previous, tarn_archive_manifest_free);
  g_clear_pointer(&folder->damaged, g_ptr_array_unref);
}

static gint64 number_in_name(const char *name) {
  if (!g_str_has_prefix(name, PREFIX) || !g_str_has_suffix(name, SUFFIX)) return 0;
  char *end;
  gint64 number = g_ascii_strtoll(name + strlen(PREFIX), &end, 10);
  return g_str_equal(end, SUFFIX) ? number : 0;
}

static gint descending(gconstpointer a, gconstpointer b) {
  gint64 left = *(const gint64 *)a, right = *(const gint64 *)b;
  return left < right ? 1 : left > right ? -1 : 0;
}

static GArray *manifest_numbers(const char *path) {
  GArray *numbers = g_array_new(FALSE, FALSE, sizeof(gint64));
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name(dir));) {
    gint64 number = number_in_name(name);
    if (number > 0) g_array_append_val(numbers, number);
  }
  g_array_sort(numbers, descending);
  return numbers;
}

static gboolean read_folder(const char *path, TarnArchiveFolder *folder, GError **error) {
  g_autoptr(GArray) numbers = manifest_numbers(path);
  folder->damaged = g_ptr_array_new_with_free_func(g_free);
  folder->highest = numbers->len > 0 ? g_array_index(numbers, gint64, 0) : 0;
  for (guint i = 0; i < numbers->len && !folder->previous; i++) {
    gint64 number = g_array_index(numbers, gint64, i);
    TarnArchiveManifest **place = folder->newest ? &folder->previous : &folder->newest;
    if (!read_manifest(path, number, place, error)) return FALSE;
    if (!*place) g_ptr_array_add(folder->damaged, tarn_archive_manifest_name(number));
  }
  if (folder->newest || numbers->len == 0) return TRUE;
  tarn_error_set(error, TARN_ERROR_ENVIRONMENT,
                 "restore the archive from a copy of it; `tarn archive` into an empty folder writes a new one",
                 "no manifest of the archive %s is whole (%s is damaged)", path, (char *)folder->damaged->pdata[0]);
  return FALSE;
}

gboolean tarn_archive_folder_read(const char *path, TarnArchiveFolder *folder, GError **error) {
  *folder = (TarnArchiveFolder){0};
  if (read_folder(path, folder, error)) return TRUE;
  tarn_archive_folder_clear(folder);
  return FALSE;
}
