#include "stream/line_reader.h"

#include <string.h>

#include "base/error.h"
#include "stream/stream_private.h"

#define OVERSIZE_KEPT (64 * 1024)
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct TarnLineReader {
  TarnFileReader *file;
  TarnLineOptions options;
  gsize block_size; /* holds at least one record of the greatest size with its CR and LF */
  char *carry;      /* the begin of a line whose end was not in the last block */
  gsize carry_size, carry_capacity;
  gint64 offset;           /* of carry's first byte */
  gint64 pending;          /* an unfinished last line too long to be carried */
  gint64 raw_bytes_before; /* of a plain file: read only to check the position */
  TarnTail tail;
};

/* Goes to the position and checks the bytes before it. What a compressed file holds before it has to be decoded for
 * that. */
static gboolean go_to(TarnLineReader *reader, const TarnPosition *position, GError **error) {
  gboolean plain = tarn_file_kind(position->name) == TARN_FILE_PLAIN;
  gint64 left = plain ? MIN(position->offset, TARN_FINGERPRINT_BYTES) : position->offset;
  if (plain && !tarn_file_reader_seek(reader->file, position->offset - left, error)) return FALSE;
  g_autofree char *buffer = g_malloc(OVERSIZE_KEPT);
  while (left > 0) {
    gsize got;
    if (!tarn_file_reader_read(reader->file, buffer, (gsize)MIN(left, OVERSIZE_KEPT), &got, error)) return FALSE;
    if (got == 0) break;
    tarn_tail_push(&reader->tail, buffer, got);
    left -= (gint64)got;
  }
  if (plain) reader->raw_bytes_before = tarn_file_reader_raw_bytes(reader->file);
  g_autofree char *digest = tarn_tail_digest(&reader->tail);
  if (g_strcmp0(digest, position->prefix_digest) == 0) return TRUE;
  tarn_error_set(error, TARN_ERROR_SOURCE, "put the file back as it was, and new content in a new file",
                 "%s changed before the position up to which it was read (byte %" G_GINT64_FORMAT " of its content)",
                 position->name, position->offset);
  return FALSE;
}

TarnLineReader *tarn_line_reader_open(const char *path, const TarnPosition *position, const TarnLineOptions *options,
                                      GError **error) {
  TarnFileReader *file = tarn_file_reader_open(path, error);
  if (!file) return NULL;
  TarnLineReader *reader = g_new0(TarnLineReader, 1);
  reader->file = file;
  reader->options = *options;
  reader->block_size = MAX(MAX(options->batch_bytes, options->max_record_bytes + 2), (gsize)2 * OVERSIZE_KEPT);
  reader->offset = position ? position->offset : 0;
  if (reader->offset > 0 && !go_to(reader, position, error)) g_clear_pointer(&reader, tarn_line_reader_free);
  return reader;
}

void tarn_line_reader_free(TarnLineReader *reader) {
  if (!reader) return;
  tarn_file_reader_free(reader->file);
  g_free(reader->carry);
  g_free(reader);
}

static void carry(TarnLineReader *reader, const char *bytes, gsize size) {
  if (size > reader->carry_capacity) {
    g_free(reader->carry);
    reader->carry = g_malloc(size);
    reader->carry_capacity = size;
  }
  if (size > 0) memcpy(reader->carry, bytes, size);
  reader->carry_size = size;
}

/* How many bytes of a line that begins at offset are a byte-order mark. */
static gsize mark_size(gint64 offset, const char *line, gsize size) {
  gsize mark = strlen(BYTE_ORDER_MARK);
  return offset == 0 && size >= mark && memcmp(line, BYTE_ORDER_MARK, mark) == 0 ? mark : 0;
}

/* A line without its LF becomes a record, unless it is empty. */
static inline void add_line(const TarnLineReader *reader, TarnBatch *batch, gint64 offset, const char *line,
                            gsize size) {
  if (size > 0 && line[size - 1] == '\r') size--;
  gsize mark = G_UNLIKELY(offset == 0) ? mark_size(offset, line, size) : 0;
  if (size == mark) return;
  TarnRecord *record = tarn_batch_add(batch);
  *record = (TarnRecord){.data = line + mark, .offset = offset + (gint64)mark, .full_size = (gint64)(size - mark)};
  record->size = (guint32)(size - mark);
  if (G_LIKELY(size - mark <= reader->options.max_record_bytes)) return;
  record->kind = TARN_RECORD_OVERSIZE;
  record->digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)record->data, size - mark);
  record->size = MIN(record->size, OVERSIZE_KEPT);
}

static void add_lines(const TarnLineReader *reader, TarnBatch *batch, const char *lines, gsize size) {
  const char *end = lines + size;
  for (const char *line = lines; line < end;) {
    const char *newline = memchr(line, '\n', (gsize)(end - line));
    const char *stop = newline ? newline : end;
    add_line(reader, batch, reader->offset + (line - lines), line, (gsize)(stop - line));
    line = stop + 1;
  }
}

/* What is known of a line that does not fit the block. A CR is held back until it is known whether it ends the line. */
typedef struct {
  GChecksum *checksum;
  gint64 size;     /* digested so far */
  gint64 consumed; /* taken from the file, with CR, LF and byte-order mark */
  gboolean held_cr;
  TarnTail tail;
} LongLine;

static void digest_part(LongLine *line, const char *part, gsize size) {
  if (size == 0) return;
  if (line->held_cr) g_checksum_update(line->checksum, (const guchar *)"\r", 1);
  line->size += line->held_cr;
  line->held_cr = part[size - 1] == '\r';
  g_checksum_update(line->checksum, (const guchar *)part, (gssize)(size - (gsize)line->held_cr));
  line->size += (gint64)size - line->held_cr;
}

static void consume_part(LongLine *line, const char *part, gsize size) {
  line->consumed += (gint64)size;
  tarn_tail_push(&line->tail, part, size);
}

/* Digests to the end of the line, through the room behind the kept bytes of the block. Carries what is behind the line.
 */
static gboolean read_long_line(TarnLineReader *reader, LongLine *line, char *room, gsize room_size, gboolean *at_end,
                               GError **error) {
  for (*at_end = FALSE; !*at_end;) {
    gsize got;
    if (!tarn_file_reader_read(reader->file, room, room_size, &got, error)) return FALSE;
    const char *newline = memchr(room, '\n', got);
    gsize size = newline ? (gsize)(newline - room) : got;
    digest_part(line, room, size);
    consume_part(line, room, newline ? size + 1 : size);
    if (newline) {
      carry(reader, newline + 1, got - size - 1);
      return TRUE;
    }
    *at_end = got < room_size;
  }
  return TRUE;
}

static void add_long_line(TarnLineReader *reader, TarnBatch *batch, const LongLine *line, gsize mark) {
  TarnRecord *record = tarn_batch_add(batch);
  *record = (TarnRecord){.data = batch->block + mark,
                         .size = OVERSIZE_KEPT,
                         .kind = TARN_RECORD_OVERSIZE,
                         .offset = reader->offset + (gint64)mark,
                         .full_size = line->size,
                         .digest = g_strdup(g_checksum_get_string(line->checksum))};
  reader->offset += line->consumed;
  reader->tail = line->tail;
}

/* The block is full and holds no LF: its line is oversize, and becomes a batch of its own. */
static gboolean next_long_line(TarnLineReader *reader, TarnBatch *batch, gboolean *at_end, GError **error) {
  g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
  LongLine line = {.checksum = checksum, .tail = reader->tail};
  gsize mark = mark_size(reader->offset, batch->block, reader->block_size);
  gsize kept = OVERSIZE_KEPT + mark;
  carry(reader, NULL, 0);
  digest_part(&line, batch->block + mark, reader->block_size - mark);
  consume_part(&line, batch->block, reader->block_size);
  if (!read_long_line(reader, &line, batch->block + kept, reader->block_size - kept, at_end, error)) return FALSE;
  if (*at_end && !reader->options.take_last)
    reader->pending = line.consumed;
  else
    add_long_line(reader, batch, &line, mark);
  return TRUE;
}

/* Fills the block; *lines gets the size of the whole lines in it, *size that of all. */
static gboolean fill_block(TarnLineReader *reader, TarnBatch *batch, gsize *lines, gsize *size, gboolean *at_end,
                           GError **error) {
  char *block = tarn_batch_block(batch, reader->block_size);
  gsize got;
  if (reader->carry_size > 0) memcpy(block, reader->carry, reader->carry_size);
  if (!tarn_file_reader_read(reader->file, block + reader->carry_size, reader->block_size - reader->carry_size, &got,
                             error))
    return FALSE;
  *size = reader->carry_size + got;
  *at_end = *size < reader->block_size;
  const char *last = memrchr(block, '\n', *size);
  *lines = last ? (gsize)(last + 1 - block) : 0;
  if (*at_end && reader->options.take_last) *lines = *size;
  return TRUE;
}

gboolean tarn_line_reader_next(TarnLineReader *reader, TarnBatch *batch, gboolean *at_end, GError **error) {
  do {
    gsize lines, size;
    if (!fill_block(reader, batch, &lines, &size, at_end, error)) return FALSE;
    if (lines == 0 && !*at_end) return next_long_line(reader, batch, at_end, error);
    add_lines(reader, batch, batch->block, lines);
    tarn_tail_push(&reader->tail, batch->block, lines);
    reader->offset += (gint64)lines;
    carry(reader, batch->block + lines, size - lines);
  } while (batch->count == 0 && !*at_end);
  return TRUE;
}

gint64 tarn_line_reader_offset(const TarnLineReader *reader) { return reader->offset; }

gint64 tarn_line_reader_pending(const TarnLineReader *reader) { return reader->pending + (gint64)reader->carry_size; }

gint64 tarn_line_reader_raw_bytes(const TarnLineReader *reader) {
  return tarn_file_reader_raw_bytes(reader->file) - reader->raw_bytes_before;
}

const TarnTail *tarn_line_reader_tail(const TarnLineReader *reader) { return &reader->tail; }
