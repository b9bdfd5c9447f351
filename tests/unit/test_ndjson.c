#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/error.h"
#include "stream/stream.h"

/* A folder of its own for each test, and what the runs so far left behind. */
typedef struct {
  char *folder;
  GPtrArray *positions; /* TarnPosition *, of the last run */
  GString
      *records; /* of the last run: "name:offset:data\n" each, oversize ones as "name:offset:OVERSIZE full_size kept" */
  TarnStreamProgress progress;
  TarnStreamOptions options;
} Scene;

static GPtrArray *no_positions(void) { return g_ptr_array_new_with_free_func((GDestroyNotify)tarn_position_free); }

static void set_up(Scene *scene, gconstpointer unused) {
  (void)unused;
  scene->folder = g_dir_make_tmp("tarn-ndjson-XXXXXX", NULL);
  scene->positions = no_positions();
  scene->records = g_string_new(NULL);
  tarn_stream_options_init(&scene->options);
}

static void tear_down(Scene *scene, gconstpointer unused) {
  (void)unused;
  g_autoptr(GDir) dir = g_dir_open(scene->folder, 0, NULL);
  for (const char *name = g_dir_read_name(dir); name; name = g_dir_read_name(dir)) {
    g_autofree char *path = g_build_filename(scene->folder, name, NULL);
    g_remove(path);
  }
  g_rmdir(scene->folder);
  g_free(scene->folder);
  g_ptr_array_unref(scene->positions);
  g_string_free(scene->records, TRUE);
}

static char *path_of(const Scene *scene, const char *name) { return g_build_filename(scene->folder, name, NULL); }

static void write_bytes(const Scene *scene, const char *name, int flags, const void *bytes, gsize size) {
  g_autofree char *path = path_of(scene, name);
  int fd = open(path, O_WRONLY | O_CREAT | flags, 0644);
  g_assert_cmpint(write(fd, bytes, size), ==, (gssize)size);
  close(fd);
}

static void put(const Scene *scene, const char *name, const char *text) {
  write_bytes(scene, name, O_TRUNC, text, strlen(text));
}
static void append(const Scene *scene, const char *name, const char *text) {
  write_bytes(scene, name, O_APPEND, text, strlen(text));
}

static void rename_file(const Scene *scene, const char *from, const char *to) {
  g_autofree char *old = path_of(scene, from), *new = path_of(scene, to);
  g_assert_cmpint(g_rename(old, new), ==, 0);
}

static void delete_file(const Scene *scene, const char *name) {
  g_autofree char *path = path_of(scene, name);
  g_assert_cmpint(g_remove(path), ==, 0);
}

static void copy_file(const Scene *scene, const char *from, const char *to) {
  g_autofree char *source = path_of(scene, from), *bytes = NULL;
  gsize size;
  g_assert_true(g_file_get_contents(source, &bytes, &size, NULL));
  write_bytes(scene, to, O_TRUNC, bytes, size);
}

/* count lines like {"id":"a17"}, so that every line of every letter differs. */
static char *lines(char letter, int from, int count) {
  GString *text = g_string_new(NULL);
  for (int i = from; i < from + count; i++) g_string_append_printf(text, "{\"id\":\"%c%d\"}\n", letter, i);
  return g_string_free(text, FALSE);
}

static TarnStream *open_stream(Scene *scene, const char *names, GError **error) {
  g_auto(GStrv) paths = g_strsplit(names, " ", -1);
  for (guint i = 0; paths[i]; i++) {
    if (g_str_equal(paths[i], "-")) continue;
    char *path = path_of(scene, paths[i]);
    g_free(paths[i]);
    paths[i] = path;
  }
  scene->options.paths = (const char *const *)paths;
  return tarn_ndjson_open(&scene->options, scene->positions, error);
}

static void note_record(Scene *scene, const TarnBatch *batch, const TarnRecord *record) {
  g_autofree char *name = g_path_get_basename(batch->source_name);
  g_string_append_printf(scene->records, "%s:%" G_GINT64_FORMAT ":", name, record->offset);
  if (record->kind == TARN_RECORD_OVERSIZE)
    g_string_append_printf(scene->records, "OVERSIZE %" G_GINT64_FORMAT " %u", record->full_size, record->size);
  else
    g_string_append_len(scene->records, record->data, record->size);
  g_string_append_c(scene->records, '\n');
}

/* Reads everything; on success the positions are those of the next run. */
static gboolean try_run(Scene *scene, const char *names, GError **error) {
  g_string_truncate(scene->records, 0);
  g_autoptr(TarnStream) stream = open_stream(scene, names, error);
  if (!stream) return FALSE;
  g_auto(TarnBatch) batch;
  tarn_batch_init(&batch);
  do {
    if (!tarn_stream_next(stream, &batch, error)) return FALSE;
    for (guint i = 0; i < batch.count; i++) note_record(scene, &batch, &batch.records[i]);
  } while (batch.count > 0);
  tarn_stream_progress(stream, &scene->progress);
  g_ptr_array_unref(scene->positions);
  scene->positions = tarn_stream_positions(stream);
  return TRUE;
}

static void run(Scene *scene, const char *names) {
  g_autoptr(GError) error = NULL;
  try_run(scene, names, &error);
  g_assert_no_error(error);
}

#define assert_records(scene, expected) g_assert_cmpstr((scene)->records->str, ==, expected)

static void assert_source_error(Scene *scene, const char *names, const char *part) {
  g_autoptr(GError) error = NULL;
  g_assert_false(try_run(scene, names, &error));
  g_assert_error(error, TARN_ERROR, TARN_ERROR_SOURCE);
  if (!strstr(error->message, part)) g_error("\"%s\" does not say \"%s\"", error->message, part);
  g_assert_nonnull(tarn_error_hint(error));
}

static gboolean has_new(Scene *scene, const char *names) {
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnStream) stream = open_stream(scene, names, &error);
  g_assert_no_error(error);
  gboolean answer = FALSE;
  tarn_stream_has_new(stream, &answer, &error);
  g_assert_no_error(error);
  return answer;
}

static guint count_records(const Scene *scene) {
  guint count = 0;
  for (const char *p = scene->records->str; *p; p++) count += *p == '\n';
  return count;
}

/* ---- lines ---- */

/* What is in a file, and the records it gives: in a plain run, and with options.final. */
static void test_line_forms(Scene *scene, gconstpointer unused) {
  (void)unused;
  static const struct {
    const char *content, *records, *final_records;
    gint64 pending;
  } examples[] = {
      {"{}\n", "f:0:{}\n", "f:0:{}\n", 0},
      {"a\nb\n", "f:0:a\nf:2:b\n", "f:0:a\nf:2:b\n", 0},
      {"a\nb", "f:0:a\n", "f:0:a\nf:2:b\n", 1},
      {"a", "", "f:0:a\n", 1},
      {"a\r\nb\r\n", "f:0:a\nf:3:b\n", "f:0:a\nf:3:b\n", 0},
      {"a\r\r\n", "f:0:a\r\n", "f:0:a\r\n", 0},
      {"a\rb\n", "f:0:a\rb\n", "f:0:a\rb\n", 0},
      {"\n\r\na\n\n\nb\n\n", "f:3:a\nf:7:b\n", "f:3:a\nf:7:b\n", 0},
      {"\n\n", "", "", 0},
      {" \n", "f:0: \n", "f:0: \n", 0},
      {"\r", "", "", 1},
      {"a\n\r", "f:0:a\n", "f:0:a\n", 1},
      {"\xef\xbb\xbf"
       "a\nb\n",
       "f:3:a\nf:5:b\n", "f:3:a\nf:5:b\n", 0},
      {"\xef\xbb\xbf\na\n", "f:4:a\n", "f:4:a\n", 0},
      {"\xef\xbb\xbf\r\na\n", "f:5:a\n", "f:5:a\n", 0},
      {"\xef\xbb\xbf", "", "", 3},
      {"\xef\xbb\n", "f:0:\xef\xbb\n", "f:0:\xef\xbb\n", 0},
      {"a\n\xef\xbb\xbf"
       "b\n",
       "f:0:a\nf:2:\xef\xbb\xbf"
       "b\n",
       "f:0:a\nf:2:\xef\xbb\xbf"
       "b\n",
       0},
  };
  for (guint i = 0; i < G_N_ELEMENTS(examples); i++) {
    put(scene, "f", examples[i].content);
    for (int final = 0; final <= 1; final++) {
      g_ptr_array_set_size(scene->positions, 0);
      scene->options.final = final;
      run(scene, "f");
      assert_records(scene, final ? examples[i].final_records : examples[i].records);
      g_assert_cmpint(scene->progress.pending_bytes, ==, final ? 0 : examples[i].pending);
      g_assert_cmpint(scene->progress.records, ==, count_records(scene));
      g_assert_cmpint(scene->progress.bytes_total, ==, strlen(examples[i].content));
      g_assert_cmpint(scene->progress.bytes_read, ==, strlen(examples[i].content));
    }
  }
}

static void test_nul_bytes(Scene *scene, gconstpointer unused) {
  (void)unused;
  write_bytes(scene, "f", O_TRUNC, "a\0b\n\0\n", 6);
  run(scene, "f");
  g_assert_cmpmem(scene->records->str, scene->records->len, "f:0:a\0b\nf:4:\0\n", 14);
}

static void test_small_batches(Scene *scene, gconstpointer unused) {
  (void)unused;
  g_autoptr(GString) text = g_string_new(NULL), expected = g_string_new(NULL);
  for (int i = 0; text->len < 700 * 1024; i++) {
    g_string_append_printf(expected, "f:%" G_GSIZE_FORMAT ":", text->len);
    g_autofree char *line = g_strnfill((gsize)i % 1000 + 1, (char)('a' + i % 26));
    g_string_append_printf(text, "%s\n", line);
    g_string_append_printf(expected, "%s\n", line);
  }
  put(scene, "f", text->str);
  scene->options.batch_bytes = 1; /* the least there is: one block of 128 KiB */
  scene->options.max_record_bytes = 1000;
  run(scene, "f");
  assert_records(scene, expected->str);
}

/* ---- oversize records ---- */

static void test_oversize(Scene *scene, gconstpointer unused) {
  (void)unused;
  static const gsize sizes[] = {1000, 1001, 65536, 65537, 131071, 131072, 131073, 200000, 1000000, 3000001};
  static const char *const marks[] = {"", "\xef\xbb\xbf"}, *const ends[] = {"\n", "\r\n"};
  scene->options.batch_bytes = 1;
  scene->options.max_record_bytes = 1000;
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
    for (guint variant = 0; variant < 4; variant++) {
      const char *mark = marks[variant / 2], *end = ends[variant % 2];
      g_autofree char *line = g_strnfill(sizes[i], 'x');
      line[sizes[i] / 2] = '\r';
      line[0] = 'f';
      g_autofree char *text = g_strconcat(mark, line, end, "next\n", NULL);
      g_autofree char *digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (guchar *)line, sizes[i]);
      put(scene, "f", text);
      g_autoptr(TarnStream) stream = open_stream(scene, "f", NULL);
      g_auto(TarnBatch) batch;
      tarn_batch_init(&batch);
      g_assert_true(tarn_stream_next(stream, &batch, NULL));
      const TarnRecord *record = &batch.records[0];
      g_assert_cmpint(record->kind, ==, sizes[i] > 1000 ? TARN_RECORD_OVERSIZE : TARN_RECORD_WHOLE);
      g_assert_cmpmem(record->data, record->size, line, MIN(sizes[i], 65536));
      g_assert_cmpint(record->full_size, ==, sizes[i]);
      g_assert_cmpint(record->offset, ==, strlen(mark));
      g_assert_cmpstr(record->digest, ==, sizes[i] > 1000 ? digest : NULL);
      if (batch.count == 1) g_assert_true(tarn_stream_next(stream, &batch, NULL));
      record = &batch.records[batch.count - 1];
      g_assert_cmpmem(record->data, record->size, "next", 4);
      g_assert_cmpint(record->offset, ==, strlen(text) - 5);
    }
}

/* A greatest record that still fits comes whole, whatever ends it, wherever the block ends. */
static void test_greatest_record(Scene *scene, gconstpointer unused) {
  (void)unused;
  scene->options.max_record_bytes = 300000;
  scene->options.batch_bytes = 1;
  g_autofree char *line = g_strnfill(300000, 'x');
  g_autofree char *text = g_strconcat("a\n", line, "\r\n", line, "\n", line, "y\n", NULL);
  put(scene, "f", text);
  run(scene, "f");
  g_autofree char *expected =
      g_strdup_printf("f:0:a\nf:2:%s\nf:300004:%s\nf:600005:OVERSIZE 300001 65536\n", line, line);
  assert_records(scene, expected);
}

/* An oversize line without its end waits like any other, in the bytes of its position, and is found whole later. */
static void test_oversize_unterminated(Scene *scene, gconstpointer unused) {
  (void)unused;
  scene->options.batch_bytes = 1;
  scene->options.max_record_bytes = 1000;
  g_autofree char *line = g_strnfill(500000, 'x');
  put(scene, "f", "first\n");
  append(scene, "f", line);
  run(scene, "f");
  assert_records(scene, "f:0:first\n");
  g_assert_cmpint(scene->progress.pending_bytes, ==, 500000);
  append(scene, "f", "y\nlast\n");
  run(scene, "f");
  assert_records(scene, "f:6:OVERSIZE 500001 65536\nf:500008:last\n");
}

/* ---- files ---- */

static void test_paths_and_globs(Scene *scene, gconstpointer unused) {
  (void)unused;
  put(scene, "b.ndjson", "b\n");
  put(scene, "a.ndjson", "a\n");
  put(scene, "c.ndjson", "");
  put(scene, "x[1].ndjson", "x\n");
  run(scene, "*.ndjson");
  assert_records(scene, "a.ndjson:0:a\nb.ndjson:0:b\nx[1].ndjson:0:x\n");
  g_ptr_array_set_size(scene->positions, 0);
  run(scene, "x[1].ndjson b.ndjson a.ndjson b.ndjson *.ndjson");
  assert_records(scene, "x[1].ndjson:0:x\nb.ndjson:0:b\na.ndjson:0:a\n");
  run(scene, "*.nothing none/*.ndjson");
  assert_records(scene, "");
  g_assert_cmpuint(scene->positions->len, ==, 3);
}

static void test_path_errors(Scene *scene, gconstpointer unused) {
  (void)unused;
  assert_source_error(scene, "absent.ndjson", "absent.ndjson");
  assert_source_error(scene, ".", "is a folder");
}

static void test_same_again(Scene *scene, gconstpointer unused) {
  (void)unused;
  put(scene, "a", "1\n2\n");
  run(scene, "a");
  g_assert_false(has_new(scene, "a"));
  run(scene, "a");
  assert_records(scene, "");
  g_assert_cmpuint(scene->positions->len, ==, 1);
  const TarnPosition *position = scene->positions->pdata[0];
  g_assert_cmpint(position->offset, ==, 4);
  g_assert_cmpint(position->size, ==, 4);
  g_assert_true(position->complete);
  g_assert_cmpstr(position->identity, ==, "sha256:a6e2b7a040683432de03a18fd8a1939a2fdf82585b364bfc874bdd4095c4cae1:4");
}

static void test_append(Scene *scene, gconstpointer unused) {
  (void)unused;
  put(scene, "a", "1\n2");
  run(scene, "a");
  assert_records(scene, "a:0:1\n");
  g_assert_false(has_new(scene, "a"));
  append(scene, "a", "2");
  g_assert_false(has_new(scene, "a"));
  append(scene, "a", "\n");
  g_assert_true(has_new(scene, "a"));
  run(scene, "a");
  assert_records(scene, "a:2:22\n");
  append(scene, "a", "3");
  scene->options.final = TRUE;
  g_assert_true(has_new(scene, "a"));
  run(scene, "a");
  assert_records(scene, "a:5:3\n");
  g_assert_false(has_new(scene, "a"));
}

static void test_rename_and_copy(Scene *scene, gconstpointer unused) {
  (void)unused;
  g_autofree char *text = lines('a', 0, 1000);
  put(scene, "a", text);
  run(scene, "a");
  rename_file(scene, "a", "b");
  copy_file(scene, "b", "c");
  g_assert_false(has_new(scene, "b c"));
  run(scene, "b c");
  assert_records(scene, "");
  append(scene, "c", "new\n");
  g_assert_true(has_new(scene, "b c"));
  run(scene, "b c");
  g_assert_cmpuint(count_records(scene), ==, 1);
  g_assert_false(has_new(scene, "b c"));
  run(scene, "b c");
  assert_records(scene, "");
  g_assert_cmpuint(scene->positions->len, ==, 1);
  g_assert_true(g_str_has_suffix(((TarnPosition *)scene->positions->pdata[0])->name, "/c"));
}

static void test_copies_in_first_run(Scene *scene, gconstpointer unused) {
  (void)unused;
  g_autofree char *text = lines('a', 0, 1000);
  put(scene, "a", text);
  copy_file(scene, "a", "b");
  copy_file(scene, "a", "c");
  append(scene, "c", "new\n");
  g_autofree char *link_target = path_of(scene, "a"), *link_name = path_of(scene, "d");
  g_assert_cmpint(symlink(link_target, link_name), ==, 0);
  run(scene, "a b c d");
  g_assert_cmpuint(count_records(scene), ==, 1001);
  g_assert_cmpuint(scene->positions->len, ==, 1);
}

/* A copy of an older state of a file is no file that became shorter, as long as the file is there. */
static void test_old_copy(Scene *scene, gconstpointer unused) {
  (void)unused;
  g_autofree char *text = lines('a', 0, 1000), *more = lines('a', 1000, 10);
  put(scene, "a", text);
  copy_file(scene, "a", "old");
  run(scene, "a");
  append(scene, "a", more);
  run(scene, "a old");
  g_assert_cmpuint(count_records(scene), ==, 10);
  run(scene, "a old");
  assert_records(scene, "");
  assert_source_error(scene, "old", "became shorter");
}

static void test_gone_file_keeps_its_position(Scene *scene, gconstpointer unused) {
  (void)unused;
  put(scene, "a", "1\n");
  run(scene, "a");
  rename_file(scene, "a", "elsewhere");
  put(scene, "b", "2\n");
  run(scene, "*b");
  assert_records(scene, "b:0:2\n");
  rename_file(scene, "elsewhere", "a");
  run(scene, "a b");
  assert_records(scene, "");
}

static void test_shorter(Scene *scene, gconstpointer unused) {
  (void)unused;
  for (int count = 10; count <= 1000; count *= 10) {
    g_ptr_array_set_size(scene->positions, 0);
    g_autofree char *text = lines('a', 0, count), *half = lines('a', 0, count / 2), *one = lines('a', 0, 1);
    put(scene, "a", text);
    run(scene, "a");
    put(scene, "a", half);
    assert_source_error(scene, "a", "/a became shorter");
    put(scene, "a", one);
    assert_source_error(scene, "a", "/a became shorter");
    put(scene, "a", "");
    assert_source_error(scene, "a", "/a became shorter: it is empty");
    put(scene, "a", one);
    rename_file(scene, "a", "b");
    if (count == 1000) continue;
    put(scene, "a", text);
    run(scene, "a");
    assert_records(scene, "");
  }
}

static void test_changed_before_position(Scene *scene, gconstpointer unused) {
  (void)unused;
  g_autofree char *text = lines('a', 0, 1000);
  put(scene, "a", text);
  run(scene, "a");
  char *late = text + strlen(text) - 5;
  *late ^= 1;
  put(scene, "a", text);
  append(scene, "a", "new\n");
  assert_source_error(scene, "a", "/a changed before the position");
  *late ^= 1;
  text[3] ^= 1;
  put(scene, "a", text);
  assert_source_error(scene, "a", "/a changed before the position");
  rename_file(scene, "a", "b");
  run(scene, "b"); /* under another name it is a new file */
  g_assert_cmpuint(count_records(scene), ==, 1000);
}

/* A renamed file that does not fit its position any more cannot be told from another file: both are named. */
static void test_ambiguous(Scene *scene, gconstpointer unused) {
  (void)unused;
  g_autofree char *a = lines('a', 0, 1000);
  put(scene, "a", a);
  run(scene, "a");
  char *late = a + strlen(a) - 5;
  *late ^= 1;
  delete_file(scene, "a");
  put(scene, "b", a);
  assert_source_error(scene, "b", "/b, which was ");
}

/* Files that begin alike and go on differently are told apart, in one run and over several. */
static void test_same_beginning(Scene *scene, gconstpointer unused) {
  (void)unused;
  g_autofree char *begin = lines('s', 0, 1000), *a = lines('a', 0, 100), *b = lines('b', 0, 100),
                  *c = lines('c', 0, 200);
  static const char *const orders[] = {"a b c", "c b a"};
  for (guint order = 0; order < G_N_ELEMENTS(orders); order++)
    for (int together = 0; together <= 1; together++) {
      g_ptr_array_set_size(scene->positions, 0);
      put(scene, "a", begin);
      append(scene, "a", a);
      if (!together) run(scene, "a");
      put(scene, "b", begin);
      append(scene, "b", b);
      put(scene, "c", begin);
      append(scene, "c", c);
      run(scene, orders[order]);
      g_assert_cmpuint(count_records(scene), ==, together ? 3400 : 2300);
      g_assert_cmpuint(scene->positions->len, ==, 3);
      g_assert_false(has_new(scene, orders[order]));
      append(scene, "b", "{}\n");
      run(scene, orders[1 - order]);
      g_assert_cmpuint(count_records(scene), ==, 1);
      rename_file(scene, "c", "d");
      run(scene, "d a b");
      assert_records(scene, "");
      g_assert_cmpuint(scene->positions->len, ==, 3);
      delete_file(scene, "d");
    }
}

/* Log rotation: the old file goes on under another name, a new one begins under the old name. */
static void test_rotation(Scene *scene, gconstpointer unused) {
  (void)unused;
  g_autofree char *a = lines('a', 0, 1000);
  put(scene, "log", a);
  run(scene, "log*");
  append(scene, "log", "{\"id\":\"late\"}\n");
  rename_file(scene, "log", "log.1");
  put(scene, "log", "{\"id\":\"b\"}\n");
  run(scene, "log*");
  assert_records(scene, "log:0:{\"id\":\"b\"}\nlog.1:13890:{\"id\":\"late\"}\n");
}

/* A file that a run saw before its first line ended is not known by that little. */
static void test_first_bytes_are_no_identity(Scene *scene, gconstpointer unused) {
  (void)unused;
  put(scene, "a", "{");
  g_assert_false(has_new(scene, "a"));
  run(scene, "a");
  g_assert_cmpuint(scene->positions->len, ==, 0);
  put(scene, "b", "{\"b\":1}\n");
  append(scene, "a", "}\n");
  run(scene, "a b");
  assert_records(scene, "a:0:{}\nb:0:{\"b\":1}\n");
}

/* ---- compressed files ---- */

static void append_gzip(const Scene *scene, const char *name, const char *text) {
  guchar out[65536];
  z_stream z = {0};
  g_assert_cmpint(deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), ==, Z_OK);
  z.next_in = (guchar *)text;
  z.avail_in = (uInt)strlen(text);
  z.next_out = out;
  z.avail_out = sizeof out;
  g_assert_cmpint(deflate(&z, Z_FINISH), ==, Z_STREAM_END);
  write_bytes(scene, name, O_APPEND, out, z.total_out);
  deflateEnd(&z);
}

static void append_zstd(const Scene *scene, const char *name, const char *text) {
  char out[65536];
  size_t size = ZSTD_compress(out, sizeof out, text, strlen(text), 3);
  g_assert_false(ZSTD_isError(size));
  write_bytes(scene, name, O_APPEND, out, size);
}

static const struct {
  const char *name;
  void (*append)(const Scene *scene, const char *name, const char *text);
} COMPRESSIONS[] = {{"f.gz", append_gzip}, {"f.zst", append_zstd}};

static void test_compressed(Scene *scene, gconstpointer unused) {
  (void)unused;
  for (guint i = 0; i < G_N_ELEMENTS(COMPRESSIONS); i++) {
    const char *name = COMPRESSIONS[i].name;
    g_ptr_array_set_size(scene->positions, 0);
    COMPRESSIONS[i].append(scene, name,
                           "\xef\xbb\xbf"
                           "a\r\n");
    COMPRESSIONS[i].append(scene, name, "");
    COMPRESSIONS[i].append(scene, name, "b\nunterminated");
    run(scene, name);
    g_autofree char *first = g_strdup_printf("%s:3:a\n%s:6:b\n%s:8:unterminated\n", name, name, name);
    assert_records(scene, first);
    g_assert_false(has_new(scene, name));
    run(scene, name);
    assert_records(scene, "");
    COMPRESSIONS[i].append(scene, name, "\nc\n");
    g_assert_true(has_new(scene, name));
    run(scene, name);
    g_autofree char *second = g_strdup_printf("%s:21:c\n", name);
    assert_records(scene, second);
  }
}

static void test_large_compressed(Scene *scene, gconstpointer unused) {
  (void)unused;
  g_autoptr(GString) expected = g_string_new(NULL);
  scene->options.batch_bytes = 1;
  scene->options.max_record_bytes = 1000;
  for (guint i = 0; i < G_N_ELEMENTS(COMPRESSIONS); i++) {
    const char *name = COMPRESSIONS[i].name;
    for (int part = 0; part < 40; part++) {
      g_autofree char *text = lines('p', part * 1000, 1000);
      COMPRESSIONS[i].append(scene, name, text);
    }
    g_ptr_array_set_size(scene->positions, 0);
    run(scene, name);
    g_assert_cmpuint(count_records(scene), ==, 40000);
    const char *last = strrchr(scene->records->str, '{');
    g_assert_cmpstr(last, ==, "{\"id\":\"p39999\"}\n");
  }
}

static void test_damaged_compressed(Scene *scene, gconstpointer unused) {
  (void)unused;
  for (guint i = 0; i < G_N_ELEMENTS(COMPRESSIONS); i++) {
    const char *name = COMPRESSIONS[i].name;
    g_autofree char *text = lines('a', 0, 1000), *path = path_of(scene, name);
    COMPRESSIONS[i].append(scene, name, text);
    GStatBuf info;
    g_assert_cmpint(g_stat(path, &info), ==, 0);
    for (gint64 size = 1; size < info.st_size; size += 7) {
      g_autofree char *whole = NULL, *cut = NULL;
      gsize whole_size;
      g_assert_true(g_file_get_contents(path, &whole, &whole_size, NULL));
      g_ptr_array_set_size(scene->positions, 0);
      write_bytes(scene, i ? "cut.zst" : "cut.gz", O_TRUNC, whole, (gsize)size);
      assert_source_error(scene, i ? "cut.zst" : "cut.gz", "is cut off");
    }
    append(scene, name, "garbage");
    assert_source_error(scene, name, "is damaged");
  }
}

static void test_changed_compressed(Scene *scene, gconstpointer unused) {
  (void)unused;
  for (guint i = 0; i < G_N_ELEMENTS(COMPRESSIONS); i++) {
    const char *name = COMPRESSIONS[i].name;
    g_ptr_array_set_size(scene->positions, 0);
    COMPRESSIONS[i].append(scene, name, "a\nb\n");
    run(scene, name);
    TarnPosition *position = scene->positions->pdata[0];
    COMPRESSIONS[i].append(scene, name, "c\n");
    g_autofree char *digest = g_steal_pointer(&position->prefix_digest);
    position->prefix_digest = g_strdup("another");
    assert_source_error(scene, name, "changed before the position");
    position->size = 1 << 20;
    assert_source_error(scene, name, "became shorter");
  }
}

/* ---- standard input ---- */

static void redirect_stdin(const Scene *scene, const char *name) {
  g_autofree char *path = path_of(scene, name);
  int fd = open(path, O_RDONLY);
  g_assert_cmpint(dup2(fd, STDIN_FILENO), ==, STDIN_FILENO);
  close(fd);
}

static void test_stdin(Scene *scene, gconstpointer unused) {
  (void)unused;
  put(scene, "input",
      "\xef\xbb\xbf"
      "1\r\n\n2");
  put(scene, "a", "a\n");
  for (int repeat = 0; repeat < 2; repeat++) {
    redirect_stdin(scene, "input");
    g_assert_true(has_new(scene, "-"));
    run(scene, "- a -");
    assert_records(scene, repeat ? "-:3:1\n-:7:2\n" : "-:3:1\n-:7:2\na:0:a\n");
    g_assert_cmpint(scene->progress.bytes_total, ==, -1);
    g_assert_cmpuint(scene->positions->len, ==, 1);
  }
}

static gpointer write_slowly(gpointer fd) {
  static const char text[] = "{\"a\":1}\n{\"b\":2}\n{\"c\":3}";
  for (gsize i = 0; i < sizeof text - 1; i++) g_assert_cmpint(write(GPOINTER_TO_INT(fd), text + i, 1), ==, 1);
  close(GPOINTER_TO_INT(fd));
  return NULL;
}

static void test_pipe(Scene *scene, gconstpointer unused) {
  (void)unused;
  int ends[2];
  g_assert_cmpint(pipe(ends), ==, 0);
  g_assert_cmpint(dup2(ends[0], STDIN_FILENO), ==, STDIN_FILENO);
  close(ends[0]);
  GThread *writer = g_thread_new("writer", write_slowly, GINT_TO_POINTER(ends[1]));
  run(scene, "-");
  g_thread_join(writer);
  assert_records(scene, "-:0:{\"a\":1}\n-:8:{\"b\":2}\n-:16:{\"c\":3}\n");
}

/* ---- properties ---- */

/* Lines with every peculiarity, several of them longer than a block. */
static GString *peculiar_content(GRand *rand) {
  static const char *const pieces[] = {"{\"a\":1}",    "\r", "\n",   "\n\n",        "\r\n",
                                       "\xef\xbb\xbf", "x",  "{}\n", "{\"é\":[]}\n"};
  GString *text = g_string_new(g_rand_boolean(rand) ? "\xef\xbb\xbf" : "");
  int count = g_rand_int_range(rand, 1, 60);
  for (int i = 0; i < count; i++) {
    if (g_rand_int_range(rand, 0, 20) > 0) {
      g_string_append(text, pieces[g_rand_int_range(rand, 0, G_N_ELEMENTS(pieces))]);
    } else {
      g_autofree char *filler = g_strnfill((gsize)g_rand_int_range(rand, 1, 200000), 'f');
      g_string_append(text, filler);
    }
  }
  return text;
}

/* Any split of a file into appends gives the records and coordinates of the whole file. */
static void test_any_split_gives_the_same(Scene *scene, gconstpointer unused) {
  (void)unused;
  g_autoptr(GRand) rand = g_rand_new_with_seed(7);
  scene->options.batch_bytes = 1;
  scene->options.max_record_bytes = 1000;
  for (int round = 0; round < 200; round++) {
    g_autoptr(GString) text = peculiar_content(rand), split = g_string_new(NULL);
    g_ptr_array_set_size(scene->positions, 0);
    scene->options.final = TRUE;
    put(scene, "f", text->str);
    run(scene, "f");
    g_autofree char *whole = g_strdup(scene->records->str);
    g_ptr_array_set_size(scene->positions, 0);
    put(scene, "f", "");
    for (gsize done = 0; done < text->len;) {
      gsize left = text->len - done, part = (gsize)g_rand_int_range(rand, 1, g_rand_boolean(rand) ? 20 : 100000);
      write_bytes(scene, "f", O_APPEND, text->str + done, MIN(part, left));
      done += MIN(part, left);
      scene->options.final = done == text->len;
      gboolean expect_new = has_new(scene, "f");
      run(scene, "f");
      g_string_append(split, scene->records->str);
      if (!expect_new) assert_records(scene, "");
    }
    g_assert_cmpstr(split->str, ==, whole);
  }
}

static void test_bytewise_growth(Scene *scene, gconstpointer unused) {
  (void)unused;
  static const char text[] = "\xef\xbb\xbf{\"a\":1}\r\n\r\n{\"b\":2}\n\n{\"c\":3}\n";
  g_autoptr(GString) all = g_string_new(NULL);
  for (gsize i = 0; i < sizeof text - 1; i++) {
    write_bytes(scene, "f", O_APPEND, text + i, 1);
    gboolean expect_new = has_new(scene, "f");
    run(scene, "f");
    g_string_append(all, scene->records->str);
    if (!expect_new) assert_records(scene, "");
  }
  g_assert_cmpstr(all->str, ==, "f:3:{\"a\":1}\nf:14:{\"b\":2}\nf:23:{\"c\":3}\n");
  g_assert_cmpuint(scene->positions->len, ==, 1);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  static const struct {
    const char *name;
    void (*test)(Scene *scene, gconstpointer unused);
  } tests[] = {
      {"/ndjson/line_forms", test_line_forms},
      {"/ndjson/nul_bytes", test_nul_bytes},
      {"/ndjson/small_batches", test_small_batches},
      {"/ndjson/oversize", test_oversize},
      {"/ndjson/greatest_record", test_greatest_record},
      {"/ndjson/oversize_unterminated", test_oversize_unterminated},
      {"/ndjson/paths_and_globs", test_paths_and_globs},
      {"/ndjson/path_errors", test_path_errors},
      {"/ndjson/same_again", test_same_again},
      {"/ndjson/append", test_append},
      {"/ndjson/rename_and_copy", test_rename_and_copy},
      {"/ndjson/copies_in_first_run", test_copies_in_first_run},
      {"/ndjson/old_copy", test_old_copy},
      {"/ndjson/gone_file_keeps_its_position", test_gone_file_keeps_its_position},
      {"/ndjson/shorter", test_shorter},
      {"/ndjson/changed_before_position", test_changed_before_position},
      {"/ndjson/ambiguous", test_ambiguous},
      {"/ndjson/same_beginning", test_same_beginning},
      {"/ndjson/rotation", test_rotation},
      {"/ndjson/first_bytes_are_no_identity", test_first_bytes_are_no_identity},
      {"/ndjson/compressed", test_compressed},
      {"/ndjson/large_compressed", test_large_compressed},
      {"/ndjson/damaged_compressed", test_damaged_compressed},
      {"/ndjson/changed_compressed", test_changed_compressed},
      {"/ndjson/stdin", test_stdin},
      {"/ndjson/pipe", test_pipe},
      {"/ndjson/any_split_gives_the_same", test_any_split_gives_the_same},
      {"/ndjson/bytewise_growth", test_bytewise_growth},
  };
  for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
    g_test_add(tests[i].name, Scene, NULL, set_up, tests[i].test, tear_down);
  return g_test_run();
}
