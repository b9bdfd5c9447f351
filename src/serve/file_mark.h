/* What tells one file at a path from another without reading it. No I/O but stat, so an open database keeps its lock. */
#pragma once
#include <glib.h>

typedef struct {
  gboolean exists;
  gboolean has_wal; /* there is a PATH.wal */
  guint64 device, inode;
  gint64 size, modified_ns;
} TarnFileMark;

/* Equal to no mark that was read. */
extern const TarnFileMark tarn_file_mark_none;

void tarn_file_mark_read(const char *path, TarnFileMark *mark);
gboolean tarn_file_mark_equal(const TarnFileMark *a, const TarnFileMark *b);
