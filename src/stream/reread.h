/* Reads single records of NDJSON files again by their coordinates: path and byte offset in the uncompressed content
 * (gzip and zstd are told by the name's end). In: coordinates. Out: the bytes that are there now; whether they still
 * are that record is for the caller to know. Cheap where the offsets of one file come in ascending order; an offset
 * further back starts the file over. One TarnReread belongs to one thread at a time. */
#pragma once
#include <glib.h>

typedef struct TarnReread TarnReread;

TarnReread *tarn_reread_new(void);
void tarn_reread_free(TarnReread *reread); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnReread, tarn_reread_free)

/* Replaces what record holds by the line at offset, without its newline and one CR before it. FALSE where the file is
 * not there, cannot be read, ends before offset, or the line is longer than max_bytes. */
gboolean tarn_reread_record(TarnReread *reread, const char *path, gint64 offset, gsize max_bytes, GString *record);
