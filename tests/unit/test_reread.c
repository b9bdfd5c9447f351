/* Records are found again by their byte offset, in plain and in compressed files, in any order. */
#include "stream/reread.h"

#include <glib/gstdio.h>
#include <zlib.h>
#include <zstd.h>

typedef struct {
  char *folder;
  GString *content;
  GArray *offsets; /* gint64: where each record begins */
} Sample;

/* Numbered records that together are larger than any buffer; every third ends with CR LF, the last with nothing. */
static Sample *sample_new(void) {
  Sample *sample = g_new0(Sample, 1);
  sample->folder = g_dir_make_tmp("tarn-reread-XXXXXX", NULL);
  sample->content = g_string_new(NULL);
  sample->offsets = g_array_new(FALSE, FALSE, sizeof(gint64));
  for (guint i = 0; i < 20000; i++) {
    gint64 offset = (gint64)sample->content->len;
    g_array_append_val(sample->offsets, offset);
    g_string_append_printf(sample->content, "{\"number\":%u,\"text\":\"%0*u\"}%s", i, (int)(i % 97), i,
                           i % 3 ? "\n" : "\r\n");
  }
  g_string_truncate(sample->content, sample->content->len - 1);
  return sample;
}

static void sample_free(Sample *sample) {
  g_autofree char *command = g_strdup_printf("rm -r '%s'", sample->folder);
  g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
  g_string_free(sample->content, TRUE);
  g_array_free(sample->offsets, TRUE);
  g_free(sample->folder);
  g_free(sample);
}

static void write_plain(const char *path, const GString *content) {
  g_assert_true(g_file_set_contents(path, content->str, (gssize)content->len, NULL));
}

static void write_gzip(const char *path, const GString *content) {
  gzFile file = gzopen(path, "wb");
  g_assert_cmpint(gzwrite(file, content->str, (unsigned)content->len), ==, (int)content->len);
  g_assert_cmpint(gzclose(file), ==, Z_OK);
}

static void write_zstd(const char *path, const GString *content) {
  gsize bound = ZSTD_compressBound(content->len);
  g_autofree char *packed = g_malloc(bound);
  gsize size = ZSTD_compress(packed, bound, content->str, content->len, 1);
  g_assert_false(ZSTD_isError(size));
  g_assert_true(g_file_set_contents(path, packed, (gssize)size, NULL));
}

static const struct {
  const char *name;
  void (*write)(const char *path, const GString *content);
} kinds[] = {{"events.ndjson", write_plain}, {"events.ndjson.gz", write_gzip}, {"events.ndjson.zst", write_zstd}};

static void assert_record(TarnReread *reread, const Sample *sample, const char *path, guint i) {
  g_autoptr(GString) record = g_string_new("old");
  g_autofree char *want = g_strdup_printf("{\"number\":%u,\"text\":\"%0*u\"}", i, (int)(i % 97), i);
  g_assert_true(tarn_reread_record(reread, path, g_array_index(sample->offsets, gint64, i), 1 << 20, record));
  g_assert_cmpstr(record->str, ==, want);
}

static void test_records_are_found(gconstpointer kind) {
  const guint order[] = {0, 1, 1, 5, 4999, 5000, 19999, 3, 12000, 19998, 0};
  Sample *sample = sample_new();
  g_autoptr(TarnReread) reread = tarn_reread_new();
  g_autofree char *path = g_build_filename(sample->folder, kinds[GPOINTER_TO_UINT(kind)].name, NULL);
  kinds[GPOINTER_TO_UINT(kind)].write(path, sample->content);
  for (guint i = 0; i < G_N_ELEMENTS(order); i++) assert_record(reread, sample, path, order[i]);
  sample_free(sample);
}

static void test_what_is_not_there_is_refused(gconstpointer kind) {
  Sample *sample = sample_new();
  g_autoptr(TarnReread) reread = tarn_reread_new();
  g_autoptr(GString) record = g_string_new(NULL);
  g_autofree char *path = g_build_filename(sample->folder, kinds[GPOINTER_TO_UINT(kind)].name, NULL);
  g_assert_false(tarn_reread_record(reread, path, 0, 1 << 20, record)); /* no file yet */
  g_assert_false(tarn_reread_record(reread, sample->folder, 0, 1 << 20, record));
  kinds[GPOINTER_TO_UINT(kind)].write(path, sample->content);
  g_assert_false(tarn_reread_record(reread, path, (gint64)sample->content->len + 10, 1 << 20, record));
  g_assert_false(tarn_reread_record(reread, path, -1, 1 << 20, record));
  g_assert_false(tarn_reread_record(reread, path, 0, 5, record)); /* longer than allowed */
  assert_record(reread, sample, path, 7);
  sample_free(sample);
}

static void test_a_damaged_file_is_refused(void) {
  Sample *sample = sample_new();
  g_autoptr(TarnReread) reread = tarn_reread_new();
  g_autoptr(GString) record = g_string_new(NULL);
  g_autofree char *path = g_build_filename(sample->folder, "events.ndjson.zst", NULL);
  write_plain(path, sample->content);
  g_assert_false(tarn_reread_record(reread, path, 0, 1 << 20, record));
  sample_free(sample);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
    g_autofree char *found = g_strdup_printf("/reread/found/%s", kinds[i].name);
    g_autofree char *refused = g_strdup_printf("/reread/refused/%s", kinds[i].name);
    g_test_add_data_func(found, GUINT_TO_POINTER(i), test_records_are_found);
    g_test_add_data_func(refused, GUINT_TO_POINTER(i), test_what_is_not_there_is_refused);
  }
  g_test_add_func("/reread/damaged", test_a_damaged_file_is_refused);
  return g_test_run();
}
