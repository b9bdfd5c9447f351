/* Which format a request gets, rows as bodies in pieces, and gzip. */
#include "serve/format.h"

#include <gio/gio.h>
#include <string.h>

#include "lakehouse/statement.h"
#include "serve/gzip.h"

#define PARQUET "application/vnd.apache.parquet"

static TarnDb *db;
static TarnConn *conn;

typedef struct {
  const char *name, *accept; /* of the request */
  const char *format;        /* NULL: refused */
  guint status;              /* of the refusal */
} Choice;

static const Choice choices[] = {
    {NULL, NULL, "json"},
    {NULL, "", "json"},
    {NULL, "*/*", "json"},
    {NULL, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "json"},
    {NULL, "text/csv", "csv"},
    {NULL, "TEXT/CSV; charset=utf-8", "csv"},
    {NULL, "text/*", "csv"},
    {NULL, "application/*", "json"},
    {NULL, "application/x-ndjson", "ndjson"},
    {NULL, "application/jsonl", "ndjson"},
    {NULL, PARQUET, "parquet"},
    {NULL, "application/json;q=0.5, text/csv", "csv"},
    {NULL, "application/json;q=0, */*", "ndjson"},
    {NULL, "application/json;q=0.1,application/*;q=0.9," PARQUET ";q=0.2", "ndjson"},
    {"csv", "application/json", "csv"},
    {"parquet", NULL, "parquet"},
    {NULL, "text/html", NULL, 406},
    {NULL, "application/json;q=0", NULL, 406},
    {NULL, ",;,q=1;;", NULL, 406},
    {"cvs", NULL, NULL, 422},
    {"", NULL, NULL, 422},
};

static void test_choice(void) {
  for (gsize i = 0; i < G_N_ELEMENTS(choices); i++) {
    const Choice *choice = &choices[i];
    TarnHttpResponse response = {.body = g_string_new(NULL)};
    TarnFormat format;
    gboolean ok = tarn_format_choose(choice->name, choice->accept, &format, &response);
    g_assert_cmpstr(ok ? tarn_format_name(format) : NULL, ==, choice->format);
    g_assert_cmpuint(response.status, ==, choice->status);
    if (!ok) g_assert_nonnull(strstr(response.body->str, "\"media_type\":\"" PARQUET "\""));
    if (g_strcmp0(choice->name, "cvs") == 0) g_assert_nonnull(strstr(response.body->str, "did you mean csv?"));
    tarn_http_response_clear(&response);
  }
}

/* The body, made of pieces of at least so many bytes. */
static char *encode(const char *sql, TarnEncoderOptions options, gsize piece, guint *n_pieces) {
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnStatement) statement = tarn_statement_prepare(conn, sql, &error);
  g_autoptr(TarnResult) result = tarn_statement_stream(statement, &error);
  g_autoptr(TarnRows) rows = tarn_rows_new(result, &error);
  g_autoptr(TarnEncoder) encoder = tarn_encoder_new(&options);
  g_autoptr(GString) body = g_string_new(NULL), out = g_string_new(NULL);
  gboolean done = FALSE;
  for (*n_pieces = 0; !done; ++*n_pieces) {
    g_assert_true(tarn_encoder_next(encoder, rows, piece, out, &done, &error));
    g_assert_true(done || out->len >= piece);
    g_string_append_len(body, out->str, (gssize)out->len);
    g_string_truncate(out, 0);
  }
  return g_string_free(g_steal_pointer(&body), FALSE);
}

typedef struct {
  TarnEncoderOptions options;
  const char *sql, *body;
} Body;

#define TWO "SELECT * FROM (VALUES (1, 'x,y'), (2, NULL)) t(id, note) ORDER BY id"
#define NONE "SELECT 1 AS id WHERE false"

static const Body bodies[] = {
    {{TARN_FORMAT_JSON}, TWO, "[{\"id\":1,\"note\":\"x,y\"},{\"id\":2,\"note\":null}]\n"},
    {{TARN_FORMAT_JSON}, NONE, "[]\n"},
    {{TARN_FORMAT_JSON, .max_rows = 1}, TWO, "[{\"id\":1,\"note\":\"x,y\"}]\n"},
    {{TARN_FORMAT_JSON, TARN_SHAPE_ONE}, TWO, "{\"id\":1,\"note\":\"x,y\"}\n"},
    {{TARN_FORMAT_JSON, TARN_SHAPE_ONE}, NONE, ""},
    {{TARN_FORMAT_NDJSON}, TWO, "{\"id\":1,\"note\":\"x,y\"}\n{\"id\":2,\"note\":null}\n"},
    {{TARN_FORMAT_NDJSON}, NONE, ""},
    {{TARN_FORMAT_CSV}, TWO, "id,note\r\n1,\"x,y\"\r\n2,\r\n"},
    {{TARN_FORMAT_CSV, TARN_SHAPE_ONE}, TWO, "id,note\r\n1,\"x,y\"\r\n"},
    {{TARN_FORMAT_CSV}, NONE, "id\r\n"},
};

static void test_bodies(void) {
  guint n_pieces;
  for (gsize i = 0; i < G_N_ELEMENTS(bodies); i++)
    for (gsize piece = 1; piece <= 1000; piece *= 10) {
      g_autofree char *body = encode(bodies[i].sql, bodies[i].options, piece, &n_pieces);
      g_assert_cmpstr(body, ==, bodies[i].body);
    }
}

/* What is sent does not depend on how it is cut; a piece is longer than asked for by one row at most. */
static void test_pieces(void) {
  guint n_pieces;
  const char *sql = "SELECT i, repeat('x', (i % 50)::INT) AS text FROM range(10000) t(i) ORDER BY i";
  for (guint format = TARN_FORMAT_JSON; format <= TARN_FORMAT_CSV; format++) {
    const TarnEncoderOptions options = {.format = (TarnFormat)format};
    g_autofree char *whole = encode(sql, options, G_MAXINT32, &n_pieces);
    g_assert_cmpuint(n_pieces, ==, 1);
    g_autofree char *cut = encode(sql, options, 1000, &n_pieces);
    g_assert_cmpstr(cut, ==, whole);
    g_assert_cmpuint(n_pieces, >=, strlen(whole) / 1100);
  }
}

static void test_statement_that_fails_late(void) {
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnStatement) statement = tarn_statement_prepare(
      conn, "SELECT CASE WHEN i < 500000 THEN i ELSE error('late') END AS v FROM range(1000000) t(i)", &error);
  g_autoptr(TarnResult) result = tarn_statement_stream(statement, &error);
  g_autoptr(TarnRows) rows = tarn_rows_new(result, &error);
  const TarnEncoderOptions options = {.format = TARN_FORMAT_JSON};
  g_autoptr(TarnEncoder) encoder = tarn_encoder_new(&options);
  g_autoptr(GString) out = g_string_new(NULL);
  gboolean done = FALSE;
  while (tarn_encoder_next(encoder, rows, 4096, out, &done, &error)) g_assert_false(done);
  g_assert_nonnull(error);
  g_assert_cmpint(out->str[out->len - 1], !=, '\n');
}

/* ---- gzip ---- */

static const struct {
  const char *header;
  gboolean accepted;
} encodings[] = {
    {NULL, FALSE},          {"", FALSE},           {"gzip", TRUE},         {"deflate, gzip;q=1.0", TRUE},
    {"GZIP", TRUE},         {"gzip;q=0", FALSE},   {"gzip; q=0.0", FALSE}, {"*", TRUE},
    {"*;q=0", FALSE},       {"identity", FALSE},   {"gzipped", FALSE},     {"br, *;q=0.1", TRUE},
    {"*, gzip;q=0", FALSE}, {"x-gzip, br", FALSE},
};

static void test_accepted_encodings(void) {
  for (gsize i = 0; i < G_N_ELEMENTS(encodings); i++)
    g_assert_cmpint(tarn_gzip_accepted(encodings[i].header), ==, encodings[i].accepted);
}

static void compress(const char *text, gsize size, gsize piece, GString *out) {
  g_autoptr(TarnGzip) gzip = tarn_gzip_new();
  for (gsize at = 0; at < size; at += piece) tarn_gzip_write(gzip, text + at, MIN(piece, size - at), FALSE, out);
  tarn_gzip_write(gzip, "", 0, TRUE, out);
}

static void test_gzip(void) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; i < 100000; i++) g_string_append_printf(text, "{\"id\":%u}\n", i * 2654435761u);
  for (gsize piece = 100; piece <= 1000000; piece *= 100) {
    g_autoptr(GString) compressed = g_string_new(NULL);
    compress(text->str, text->len, piece, compressed);
    g_assert_cmpuint(compressed->len, <, text->len / 2);
    g_autoptr(GInputStream) bytes = g_memory_input_stream_new_from_data(compressed->str, (gssize)compressed->len, NULL);
    g_autoptr(GConverter) unpack = G_CONVERTER(g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP));
    g_autoptr(GInputStream) stream = g_converter_input_stream_new(bytes, unpack);
    g_autofree char *plain = g_malloc(text->len + 1);
    gsize size;
    g_assert_true(g_input_stream_read_all(stream, plain, text->len + 1, &size, NULL, NULL));
    g_assert_cmpmem(plain, size, text->str, text->len);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_autoptr(GError) error = NULL;
  db = tarn_db_open(NULL, NULL, &error);
  g_assert_no_error(error);
  conn = tarn_db_connect(db, &error);
  g_assert_no_error(error);
  g_test_add_func("/format/choice", test_choice);
  g_test_add_func("/format/bodies", test_bodies);
  g_test_add_func("/format/pieces", test_pieces);
  g_test_add_func("/format/statement_that_fails_late", test_statement_that_fails_late);
  g_test_add_func("/gzip/accepted_encodings", test_accepted_encodings);
  g_test_add_func("/gzip/round_trip", test_gzip);
  int status = g_test_run();
  tarn_conn_close(conn);
  tarn_db_close(db);
  return status;
}
