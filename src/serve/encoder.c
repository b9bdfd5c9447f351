#include "serve/format.h"

struct TarnEncoder {
  TarnEncoderOptions options;
  guint64 max_rows;
  guint64 written;
  gboolean begun;
  guint row, n_rows; /* the next one and the number of those in the current block */
  TarnJsonWriter json;
};

TarnEncoder *tarn_encoder_new(const TarnEncoderOptions *options) {
  g_assert(options->format != TARN_FORMAT_PARQUET);
  TarnEncoder *encoder = g_new0(TarnEncoder, 1);
  encoder->options = *options;
  encoder->max_rows = options->max_rows ? options->max_rows : G_MAXUINT64;
  if (options->shape == TARN_SHAPE_ONE) encoder->max_rows = 1;
  tarn_json_init(&encoder->json, NULL);
  return encoder;
}

void tarn_encoder_free(TarnEncoder *encoder) { g_free(encoder); }
guint64 tarn_encoder_rows(const TarnEncoder *encoder) { return encoder->written; }

static void begin_json(TarnEncoder *encoder, const TarnRows *rows, GString *out) {
  (void)rows, (void)out;
  if (encoder->options.shape == TARN_SHAPE_ROWS) tarn_json_begin_array(&encoder->json);
}

static void write_json_row(TarnEncoder *encoder, TarnRows *rows, GString *out) {
  (void)out;
  tarn_rows_write_json_row(rows, encoder->row, &encoder->json);
}

static void end_json(TarnEncoder *encoder, GString *out) {
  if (encoder->options.shape == TARN_SHAPE_ROWS) tarn_json_end_array(&encoder->json);
  if (encoder->written > 0 || encoder->options.shape == TARN_SHAPE_ROWS) g_string_append_c(out, '\n');
}

static void begin_nothing(TarnEncoder *encoder, const TarnRows *rows, GString *out) {
  (void)encoder, (void)rows, (void)out;
}

static void write_ndjson_row(TarnEncoder *encoder, TarnRows *rows, GString *out) {
  TarnJsonWriter line;
  tarn_json_init(&line, out);
  tarn_rows_write_json_row(rows, encoder->row, &line);
  g_string_append_c(out, '\n');
}

static void end_nothing(TarnEncoder *encoder, GString *out) { (void)encoder, (void)out; }

static void begin_csv(TarnEncoder *encoder, const TarnRows *rows, GString *out) {
  (void)encoder;
  tarn_rows_write_csv_header(rows, out);
}

static void write_csv_row(TarnEncoder *encoder, TarnRows *rows, GString *out) {
  tarn_rows_write_csv_row(rows, encoder->row, out);
}

static const struct {
  void (*begin)(TarnEncoder *encoder, const TarnRows *rows, GString *out);
  void (*row)(TarnEncoder *encoder, TarnRows *rows, GString *out);
  void (*end)(TarnEncoder *encoder, GString *out);
} writers[TARN_N_FORMATS] = {
    [TARN_FORMAT_JSON] = {begin_json, write_json_row, end_json},
    [TARN_FORMAT_NDJSON] = {begin_nothing, write_ndjson_row, end_nothing},
    [TARN_FORMAT_CSV] = {begin_csv, write_csv_row, end_nothing},
};

/* Stands on a row that is to be written; FALSE: there is none, or *error is set. */
static gboolean find_row(TarnEncoder *encoder, TarnRows *rows, GError **error) {
  if (encoder->written == encoder->max_rows) return FALSE;
  if (encoder->row < encoder->n_rows) return TRUE;
  if (!tarn_rows_next(rows, error)) return FALSE;
  encoder->n_rows = tarn_rows_count(rows);
  encoder->row = 0;
  return TRUE;
}

gboolean tarn_encoder_next(TarnEncoder *encoder, TarnRows *rows, gsize bytes, GString *out, gboolean *done,
                           GError **error) {
  g_autoptr(GError) fault = NULL;
  gsize enough = out->len + bytes;
  encoder->json.out = out;
  if (!encoder->begun) writers[encoder->options.format].begin(encoder, rows, out);
  encoder->begun = TRUE;
  *done = FALSE;
  while (out->len < enough && find_row(encoder, rows, &fault)) {
    writers[encoder->options.format].row(encoder, rows, out);
    encoder->row++;
    encoder->written++;
  }
  if (fault) {
    g_propagate_error(error, g_steal_pointer(&fault));
    return FALSE;
  }
  if (out->len >= enough) return TRUE;
  writers[encoder->options.format].end(encoder, out);
  *done = TRUE;
  return TRUE;
}
