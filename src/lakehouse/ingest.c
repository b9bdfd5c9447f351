#include "lakehouse/ingest.h"

#include "lakehouse/db_private.h"

/* Exported by the library since 1.5, not yet in the 1.4 header: takes text that is known to be valid UTF-8 as it is. */
void duckdb_unsafe_vector_assign_string_element_len(duckdb_vector vector, idx_t index, const char *text, idx_t size);

struct TarnIngest {
  char *name;
  TarnIngestSource source;
  TarnIngestColumn *columns; /* the source's, copied */
  GMutex lock;
  GError *error; /* the first one; guarded by lock */
};

struct TarnIngestChunk {
  guint n_columns;
  duckdb_vector *vectors;
  void **data;
};

void tarn_ingest_set_text(TarnIngestChunk *chunk, guint column, guint row, const char *text, gsize size) {
  duckdb_unsafe_vector_assign_string_element_len(chunk->vectors[column], row, text, size);
}

void tarn_ingest_set_int(TarnIngestChunk *chunk, guint column, guint row, gint64 value) {
  ((gint64 *)chunk->data[column])[row] = value;
}

void tarn_ingest_set_null(TarnIngestChunk *chunk, guint column, guint row) {
  duckdb_vector_ensure_validity_writable(chunk->vectors[column]);
  duckdb_validity_set_row_invalid(duckdb_vector_get_validity(chunk->vectors[column]), row);
}

static const duckdb_type engine_types[] = {
    [TARN_COLUMN_VARCHAR] = DUCKDB_TYPE_VARCHAR,
    [TARN_COLUMN_JSON] = DUCKDB_TYPE_VARCHAR,
    [TARN_COLUMN_BIGINT] = DUCKDB_TYPE_BIGINT,
    [TARN_COLUMN_BLOB] = DUCKDB_TYPE_BLOB,
};

static void bind(duckdb_bind_info info) {
  const TarnIngest *ingest = duckdb_bind_get_extra_info(info);
  for (guint i = 0; i < ingest->source.n_columns; i++) {
    duckdb_logical_type type = duckdb_create_logical_type(engine_types[ingest->source.columns[i].type]);
    if (ingest->source.columns[i].type == TARN_COLUMN_JSON) duckdb_logical_type_set_alias(type, "JSON");
    duckdb_bind_add_result_column(info, ingest->source.columns[i].name, type);
    duckdb_destroy_logical_type(&type);
  }
}

static void init_global(duckdb_init_info info) {
  const TarnIngest *ingest = duckdb_init_get_extra_info(info);
  duckdb_init_set_max_threads(info, ingest->source.max_threads ? ingest->source.max_threads : 64);
}

typedef struct {
  const TarnIngestSource *source;
  gpointer state;
} ThreadState;

static void thread_state_free(void *data) {
  ThreadState *thread = data;
  if (thread->source->thread_free) thread->source->thread_free(thread->state);
  g_free(thread);
}

static void init_local(duckdb_init_info info) {
  const TarnIngest *ingest = duckdb_init_get_extra_info(info);
  ThreadState *thread = g_new0(ThreadState, 1);
  thread->source = &ingest->source;
  if (ingest->source.thread_new) thread->state = ingest->source.thread_new(ingest->source.user);
  duckdb_init_set_init_data(info, thread, thread_state_free);
}

static void keep_error(TarnIngest *ingest, GError *error) {
  g_mutex_lock(&ingest->lock);
  if (!ingest->error) ingest->error = g_steal_pointer(&error);
  g_mutex_unlock(&ingest->lock);
  g_clear_error(&error);
}

static void fill(duckdb_function_info info, duckdb_data_chunk output) {
  TarnIngest *ingest = duckdb_function_get_extra_info(info);
  ThreadState *thread = duckdb_function_get_local_init_data(info);
  guint n = ingest->source.n_columns;
  duckdb_vector vectors[64];
  void *data[64];
  for (guint i = 0; i < n; i++) {
    vectors[i] = duckdb_data_chunk_get_vector(output, i);
    data[i] = duckdb_vector_get_data(vectors[i]);
  }
  TarnIngestChunk chunk = {n, vectors, data};
  guint rows = 0;
  GError *error = NULL;
  if (ingest->source.fill(ingest->source.user, thread->state, &chunk, &rows, &error)) {
    duckdb_data_chunk_set_size(output, rows);
    return;
  }
  duckdb_function_set_error(info, error->message);
  keep_error(ingest, error);
}

static void ingest_free(gpointer data) {
  TarnIngest *ingest = data;
  for (guint i = 0; i < ingest->source.n_columns; i++) g_free((char *)ingest->columns[i].name);
  g_free(ingest->columns);
  g_free(ingest->name);
  g_clear_error(&ingest->error);
  g_mutex_clear(&ingest->lock);
  g_free(ingest);
}

/* The database keeps the callbacks for as long as it is open, so it owns them. */
static TarnIngest *ingest_new(TarnDb *db, const TarnIngestSource *source) {
  static gint counter = 0;
  TarnIngest *ingest = g_new0(TarnIngest, 1);
  ingest->name = g_strdup_printf("tarn_ingest_%d", g_atomic_int_add(&counter, 1));
  ingest->source = *source;
  ingest->columns = g_memdup2(source->columns, source->n_columns * sizeof *source->columns);
  for (guint i = 0; i < source->n_columns; i++) ingest->columns[i].name = g_strdup(source->columns[i].name);
  ingest->source.columns = ingest->columns;
  g_mutex_init(&ingest->lock);
  if (!db->ingests) db->ingests = g_ptr_array_new_with_free_func(ingest_free);
  g_ptr_array_add(db->ingests, ingest);
  return ingest;
}

TarnIngest *tarn_ingest_register(TarnConn *conn, const TarnIngestSource *source, GError **error) {
  g_assert(source->n_columns <= 64 && duckdb_vector_size() == TARN_INGEST_ROWS);
  TarnIngest *ingest = ingest_new(conn->db, source);
  duckdb_table_function function = duckdb_create_table_function();
  duckdb_table_function_set_name(function, ingest->name);
  duckdb_table_function_set_extra_info(function, ingest, NULL);
  duckdb_table_function_set_bind(function, bind);
  duckdb_table_function_set_init(function, init_global);
  duckdb_table_function_set_local_init(function, init_local);
  duckdb_table_function_set_function(function, fill);
  duckdb_state state = duckdb_register_table_function(conn->connection, function);
  duckdb_destroy_table_function(&function);
  if (state == DuckDBSuccess) return ingest;
  tarn_error_set(error, TARN_ERROR_INTERNAL, NULL, "cannot register a table function");
  return NULL;
}

const char *tarn_ingest_name(const TarnIngest *ingest) { return ingest->name; }

GError *tarn_ingest_take_error(TarnIngest *ingest) {
  g_mutex_lock(&ingest->lock);
  GError *error = g_steal_pointer(&ingest->error);
  g_mutex_unlock(&ingest->lock);
  return error;
}
