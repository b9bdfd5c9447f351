#include "stream/reread.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define WINDOW_BYTES (256 * 1024)

/* The part of the open file's content that is in memory: window[0] is the byte at window_at. */
struct TarnReread {
  char *path;
  gzFile gzip; /* gzip files, and plain ones, which zlib hands through */
  FILE *file;  /* zstd files */
  ZSTD_DStream *zstd;
  ZSTD_inBuffer input;
  char *input_block;
  char *window;
  gint64 window_at;
  gsize window_size;
};

TarnReread *tarn_reread_new(void) {
  TarnReread *reread = g_new0(TarnReread, 1);
  reread->window = g_malloc(WINDOW_BYTES);
  return reread;
}

static void close_file(TarnReread *reread) {
  if (reread->gzip) gzclose(reread->gzip);
  if (reread->file) fclose(reread->file);
  ZSTD_freeDStream(reread->zstd);
  g_free(reread->input_block);
  g_free(reread->path);
  *reread = (TarnReread){.window = reread->window};
}

void tarn_reread_free(TarnReread *reread) {
  if (!reread) return;
  close_file(reread);
  g_free(reread->window);
  g_free(reread);
}

static gboolean open_file(TarnReread *reread, const char *path) {
  close_file(reread);
  if (!g_file_test(path, G_FILE_TEST_IS_REGULAR)) return FALSE;
  if (g_str_has_suffix(path, ".zst")) {
    reread->file = fopen(path, "rbe");
    reread->zstd = ZSTD_createDStream();
    reread->input_block = g_malloc(ZSTD_DStreamInSize());
    reread->input.src = reread->input_block;
  } else {
    reread->gzip = gzopen(path, "rbe");
  }
  if (!reread->gzip && !reread->file) return FALSE;
  reread->path = g_strdup(path);
  return TRUE;
}

static gsize read_zstd(TarnReread *reread) {
  ZSTD_outBuffer out = {reread->window, WINDOW_BYTES, 0};
  while (out.pos == 0) {
    if (reread->input.pos == reread->input.size) {
      reread->input.size = fread(reread->input_block, 1, ZSTD_DStreamInSize(), reread->file);
      reread->input.pos = 0;
      if (reread->input.size == 0) return 0;
    }
    if (ZSTD_isError(ZSTD_decompressStream(reread->zstd, &out, &reread->input))) return 0;
  }
  return out.pos;
}

/* Moves the window to the bytes behind it; FALSE at the end or where the file cannot be read on. */
static gboolean next_window(TarnReread *reread) {
  reread->window_at += (gint64)reread->window_size;
  int n = reread->gzip ? gzread(reread->gzip, reread->window, WINDOW_BYTES) : (int)read_zstd(reread);
  reread->window_size = n > 0 ? (gsize)n : 0;
  return n > 0;
}

static gboolean in_window(const TarnReread *reread, gint64 offset) {
  return offset >= reread->window_at && offset - reread->window_at < (gint64)reread->window_size;
}

static gboolean seek(TarnReread *reread, const char *path, gint64 offset) {
  if (g_strcmp0(path, reread->path) != 0 || offset < reread->window_at) {
    /* The first block is read in any case: only then zlib knows a plain file and seeks in it instead of reading up to
     * offset. */
    if (!open_file(reread, path) || !next_window(reread)) return FALSE;
  }
  if (in_window(reread, offset)) return TRUE;
  if (reread->gzip) {
    if (gzseek(reread->gzip, offset, SEEK_SET) != offset) return FALSE;
    reread->window_at = offset, reread->window_size = 0;
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
