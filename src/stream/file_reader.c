#include "stream/file_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/error.h"

#define INPUT_BYTES (128 * 1024)

typedef struct Codec Codec;

struct TarnFileReader {
  char *path;
  int fd;
  gint64 raw_bytes;
  const Codec *codec; /* NULL: plain */
  guchar *input;      /* compressed bytes, of which input_at..input_end are still to be decoded */
  gsize input_at, input_end;
  gboolean in_frame; /* inside a gzip member or zstd frame: the file may not end here */
  z_stream gzip;
  ZSTD_DStream *zstd;
};

/* decode turns input into up to size bytes, keeps in_frame true to the facts, and returns NULL or what is wrong. */
struct Codec {
  const char *suffix;
  void (*init)(TarnFileReader *reader);
  const char *(*decode)(TarnFileReader *reader, char *buffer, gsize size, gsize *got);
  void (*clear)(TarnFileReader *reader);
};

static void gzip_init(TarnFileReader *reader) {
  int status = inflateInit2(&reader->gzip, MAX_WBITS + 16); /* 16: the gzip format, not zlib's */
  g_assert(status == Z_OK);
}

static const char *gzip_decode(TarnFileReader *reader, char *buffer, gsize size, gsize *got) {
  z_stream *gzip = &reader->gzip;
  gzip->next_in = reader->input + reader->input_at;
  gzip->avail_in = (uInt)(reader->input_end - reader->input_at);
  gzip->next_out = (Bytef *)buffer;
  gzip->avail_out = (uInt)MIN(size, G_MAXINT);
  gsize room = gzip->avail_out;
  int status = inflate(gzip, Z_NO_FLUSH);
  reader->input_at = reader->input_end - gzip->avail_in;
  *got = room - gzip->avail_out;
  reader->in_frame = status != Z_STREAM_END;
  if (status == Z_STREAM_END)
    inflateReset(gzip);
  else if (status != Z_OK && status != Z_BUF_ERROR)
    return gzip->msg ? gzip->msg : "invalid gzip data";
  return NULL;
}

static void gzip_clear(TarnFileReader *reader) { inflateEnd(&reader->gzip); }

static void zstd_init(TarnFileReader *reader) {
  reader->zstd = ZSTD_createDStream();
  g_assert(reader->zstd);
}

static const char *zstd_decode(TarnFileReader *reader, char *buffer, gsize size, gsize *got) {
  ZSTD_inBuffer input = {reader->input, reader->input_end, reader->input_at};
  ZSTD_outBuffer output = {buffer, size, 0};
  size_t status = ZSTD_decompressStream(reader->zstd, &output, &input);
  reader->input_at = input.pos;
  *got = output.pos;
  reader->in_frame = status != 0;
  return ZSTD_isError(status) ? ZSTD_getErrorName(status) : NULL;
}

static void zstd_clear(TarnFileReader *reader) { ZSTD_freeDStream(reader->zstd); }

static const Codec CODECS[] = {
    [TARN_FILE_PLAIN] = {NULL, NULL, NULL, NULL},
    [TARN_FILE_GZIP] = {".gz", gzip_init, gzip_decode, gzip_clear},
    [TARN_FILE_ZSTD] = {".zst", zstd_init, zstd_decode, zstd_clear},
};

TarnFileKind tarn_file_kind(const char *path) {
  for (guint kind = TARN_FILE_GZIP; kind < G_N_ELEMENTS(CODECS); kind++)
    if (g_str_has_suffix(path, CODECS[kind].suffix)) return (TarnFileKind)kind;
  return TARN_FILE_PLAIN;
}

static gboolean set_read_error(GError **error, const char *path, int errno_value) {
  tarn_error_set_detail(error, TARN_ERROR_SOURCE, g_strerror(errno_value),
                        "check the path and that this user may read the file", "cannot read %s", path);
  return FALSE;
}

TarnFileReader *tarn_file_reader_open(const char *path, GError **error) {
  gboolean is_stdin = g_str_equal(path, "-");
  int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    set_read_error(error, path, errno);
    return NULL;
  }
  TarnFileReader *reader = g_new0(TarnFileReader, 1);
  reader->path = g_strdup(is_stdin ? "standard input" : path);
  reader->fd = fd;
  TarnFileKind kind = tarn_file_kind(path);
  if (kind != TARN_FILE_PLAIN) {
    reader->codec = &CODECS[kind];
    reader->codec->init(reader);
    reader->input = g_malloc(INPUT_BYTES);
  }
  return reader;
}

void tarn_file_reader_free(TarnFileReader *reader) {
  if (!reader) return;
  if (reader->codec) reader->codec->clear(reader);
  if (reader->fd != STDIN_FILENO) close(reader->fd);
  g_free(reader->input);
  g_free(reader->path);
  g_free(reader);
}

/* Until the buffer is full or the file ends; a pipe gives less than asked for. */
static gboolean read_raw(TarnFileReader *reader, void *buffer, gsize size, gsize *got, GError **error) {
  *got = 0;
  while (*got < size) {
    gssize part = read(reader->fd, (char *)buffer + *got, size - *got);
    if (part < 0 && errno == EINTR) continue;
    if (part < 0) return set_read_error(error, reader->path, errno);
    if (part == 0) break;
    *got += (gsize)part;
  }
  reader->raw_bytes += (gint64)*got;
  return TRUE;
}

static gboolean decode(TarnFileReader *reader, char *buffer, gsize size, gsize *got, GError **error) {
  const char *fault = reader->codec->decode(reader, buffer, size, got);
  if (fault)
    tarn_error_set_detail(error, TARN_ERROR_SOURCE, fault, "test the file with gzip -t or zstd -t and fetch it again",
                          "%s is damaged before byte %" G_GINT64_FORMAT, reader->path, reader->raw_bytes);
  return fault == NULL;
}

static gboolean read_decoded(TarnFileReader *reader, char *buffer, gsize size, gsize *got, GError **error) {
  *got = 0;
  while (*got < size) {
    if (reader->input_at == reader->input_end) {
      reader->input_at = 0;
      if (!read_raw(reader, reader->input, INPUT_BYTES, &reader->input_end, error)) return FALSE;
      if (reader->input_end == 0 && !reader->in_frame) return TRUE;
    }
    gsize part = 0;
    if (!decode(reader, buffer + *got, size - *got, &part, error)) return FALSE;
    *got += part;
    if (reader->input_end == 0 && part == 0 && reader->in_frame) {
      tarn_error_set(error, TARN_ERROR_SOURCE, "wait until the file is written, or fetch it again",
                     "%s is cut off: its compressed data has no end", reader->path);
      return FALSE;
    }
  }
  return TRUE;
}

gboolean tarn_file_reader_read(TarnFileReader *reader, char *buffer, gsize size, gsize *got, GError **error) {
  return reader->codec ? read_decoded(reader, buffer, size, got, error) : read_raw(reader, buffer, size, got, error);
}

gboolean tarn_file_reader_seek(TarnFileReader *reader, gint64 offset, GError **error) {
  return lseek(reader->fd, offset, SEEK_SET) == offset || set_read_error(error, reader->path, errno);
}

gint64 tarn_file_reader_raw_bytes(const TarnFileReader *reader) { return reader->raw_bytes; }
