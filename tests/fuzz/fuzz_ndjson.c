/* Holds the NDJSON stream against the plainest way to split a text into records, over a file that grows once between
 * two runs. Input: one byte that says where the file was cut at first (of 256 parts), then the content, in which 0xfe
 * and a byte n stand for n KiB of one letter, so that lines longer than a block come up. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stream/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_RECORD = 1000, KEPT = 64 * 1024, MAX_CONTENT = 1024 * 1024 };

static GString *expand(const uint8_t *data, size_t size) {
  GString *content = g_string_new(NULL);
  for (size_t i = 0; i < size && content->len < MAX_CONTENT; i++) {
    if (data[i] == 0xfe && i + 1 < size) {
      g_autofree char *filler = g_strnfill((gsize)data[++i] * 1024, 'f');
      g_string_append(content, filler);
    } else {
      g_string_append_c(content, (char)data[i]);
    }
  }
  return content;
}

static void note(GString *records, gint64 offset, const char *data, gsize size, gint64 full_size, const char *digest) {
  g_string_append_printf(records, "%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %s:", offset, full_size,
                         digest ? digest : "");
  g_string_append_len(records, data, (gssize)size);
  g_string_append_c(records, '\n');
}

static GString *split_plainly(const GString *content) {
  GString *records = g_string_new(NULL);
  const char *text = content->str, *end = text + content->len;
  for (const char *line = text; line < end;) {
    const char *newline = memchr(line, '\n', (gsize)(end - line)), *stop = newline ? newline : end;
    gsize size = (gsize)(stop - line), mark = 0;
    if (size > 0 && line[size - 1] == '\r') size--;
    if (line == text && size >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) mark = 3;
    const char *record = line + mark;
    size -= mark;
    g_autofree char *digest =
        size > MAX_RECORD ? g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)record, size) : NULL;
    if (size > 0) note(records, record - text, record, digest ? MIN(size, KEPT) : size, (gint64)size, digest);
    line = stop + 1;
  }
  return records;
}

/* Reads what is new of the file; positions become those of the next run. */
static void read_on(const char *path, gboolean final, GPtrArray **positions, GString *records) {
  const char *paths[] = {path, NULL};
  TarnStreamOptions options = {.paths = paths, .max_record_bytes = MAX_RECORD, .batch_bytes = 1, .final = final};
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnStream) stream = tarn_ndjson_open(&options, *positions, &error);
  g_assert_no_error(error);
  gboolean has_new = FALSE;
  g_assert_true(tarn_stream_has_new(stream, &has_new, &error));
  gsize size_before = records->len;
  g_auto(TarnBatch) batch;
  tarn_batch_init(&batch);
  do {
    tarn_stream_next(stream, &batch, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < batch.count; i++) {
      const TarnRecord *record = &batch.records[i];
      g_assert_cmpint(record->kind == TARN_RECORD_OVERSIZE, ==, record->digest != NULL);
      note(records, record->offset, record->data, record->size, record->full_size, record->digest);
    }
  } while (batch.count > 0);
  if (!has_new) g_assert_cmpuint(records->len, ==, size_before);
  if (*positions) g_ptr_array_unref(*positions);
  *positions = tarn_stream_positions(stream);
}

static void append(int fd, const char *bytes, gsize size) { g_assert_cmpint(write(fd, bytes, size), ==, (gssize)size); }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  g_autoptr(GString) content = expand(data + 1, size - 1), records = g_string_new(NULL);
  g_autoptr(GString) expected = split_plainly(content);
  g_autoptr(GPtrArray) positions = NULL;
  gsize cut = content->len * data[0] / 256;
  int fd = memfd_create("ndjson", MFD_CLOEXEC);
  g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
  append(fd, content->str, cut);
  read_on(path, FALSE, &positions, records);
  append(fd, content->str + cut, content->len - cut);
  read_on(path, TRUE, &positions, records);
  close(fd);
  g_assert_cmpmem(records->str, records->len, expected->str, expected->len);
  return 0;
}
