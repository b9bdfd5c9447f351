#include "stream/reread.h"

#include <string.h>

#include "stream/file_reader.h"

#define WINDOW_BYTES (64 * 1024)

/* The part of the open file's content that is in memory: window[0] is the byte at window_at. */
struct TarnReread {
  char *path;
  TarnFileReader *file;
  gint64 window_at;
  gsize window_size;
  char window[WINDOW_BYTES];
};

TarnReread *tarn_reread_new(void) { return g_new0(TarnReread, 1); }

static void close_file(TarnReread *reread) {
  g_clear_pointer(&reread->file, tarn_file_reader_free);
  g_clear_pointer(&reread->path, g_free);
}

void tarn_reread_free(TarnReread *reread) {
  if (!reread) return;
  close_file(reread);
  g_free(reread);
}

static gboolean open_file(TarnReread *reread, const char *path) {
  close_file(reread);
  if (!g_file_test(path, G_FILE_TEST_IS_REGULAR)) return FALSE;
  reread->file = tarn_file_reader_open(path, NULL);
  if (!reread->file) return FALSE;
  reread->path = g_strdup(path);
  reread->window_at = 0;
  reread->window_size = 0;
  return TRUE;
}

/* Moves the window to the bytes behind it; FALSE at the end or where the file cannot be read on. */
static gboolean next_window(TarnReread *reread) {
  reread->window_at += (gint64)reread->window_size;
  reread->window_size = 0;
  return tarn_file_reader_read(reread->file, reread->window, WINDOW_BYTES, &reread->window_size, NULL) &&
         reread->window_size > 0;
}

static gboolean in_window(const TarnReread *reread, gint64 offset) {
  return offset >= reread->window_at && offset - reread->window_at < (gint64)reread->window_size;
}

static gboolean seek(TarnReread *reread, const char *path, gint64 offset) {
  gboolean same_file = g_strcmp0(path, reread->path) == 0;
  if ((!same_file || offset < reread->window_at) && !open_file(reread, path)) return FALSE;
  if (!in_window(reread, offset) && tarn_file_kind(path) == TARN_FILE_PLAIN) {
    if (!tarn_file_reader_seek(reread->file, offset, NULL)) return FALSE;
    reread->window_at = offset;
    reread->window_size = 0;
  }
  while (!in_window(reread, offset))
    if (!next_window(reread)) return FALSE;
  return TRUE;
}

gboolean tarn_reread_record(TarnReread *reread, const char *path, gint64 offset, gsize max_bytes, GString *record) {
  g_string_truncate(record, 0);
  if (offset < 0 || !seek(reread, path, offset)) return FALSE;
  gsize from = (gsize)(offset - reread->window_at);
  for (;;) {
    const char *start = reread->window + from;
    gsize left = reread->window_size - from;
    const char *newline = memchr(start, '\n', left);
    g_string_append_len(record, start, newline ? newline - start : (gssize)left);
    if (record->len > max_bytes) return FALSE;
    if (newline || !next_window(reread)) break;
    from = 0;
  }
  if (record->len && record->str[record->len - 1] == '\r') g_string_truncate(record, record->len - 1);
  return TRUE;
}
