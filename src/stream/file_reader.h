/* The uncompressed bytes of one file or of standard input, front to back, in bounded memory.
 * Compressed is what is called *.gz (any number of members) or *.zst (any number of frames).
 * Owned by one thread at a time. Errors: TARN_ERROR_SOURCE naming the file, also where a compressed file is cut off. */
#pragma once
#include <glib.h>

typedef enum { TARN_FILE_PLAIN, TARN_FILE_GZIP, TARN_FILE_ZSTD } TarnFileKind;

TarnFileKind tarn_file_kind(const char *path);

typedef struct TarnFileReader TarnFileReader;

TarnFileReader *tarn_file_reader_open(const char *path, GError **error); /* "-" is standard input */
void tarn_file_reader_free(TarnFileReader *reader);                      /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnFileReader, tarn_file_reader_free)

/* Fills the buffer; *got is less than size only at the end of the file as of now. */
gboolean tarn_file_reader_read(TarnFileReader *reader, char *buffer, gsize size, gsize *got, GError **error);
/* Continues a plain file at offset. */
gboolean tarn_file_reader_seek(TarnFileReader *reader, gint64 offset, GError **error);
/* Bytes taken from the file so far, as they are on disk. */
gint64 tarn_file_reader_raw_bytes(const TarnFileReader *reader);
