/* Which files a run reads, and from where: paths and globs become files, and files meet the positions of the last run.
 *
 * A file is known by its identity, the digest of its first bytes. What follows from that:
 *   - a file that begins as a known one and holds the same bytes before the position is that file, renamed, copied or
 * grown; of several positions that fit, the one whose identity covers most bytes counts;
 *   - of several files with one identity (copies, and copies of an older state) the longest is read, under one
 * position;
 *   - a file that shares its beginning with a file of this run but goes on differently is another file: its identity
 * covers as many bytes as tell the two apart;
 *   - a known file that became shorter, or that no longer holds the bytes before the position, is an error;
 *   - so is a file under the name of a known one that is too short to be recognised, or that changed at its beginning
 * only. Files that are known already are compared by their first and last 4096 bytes, new ones in full. What nobody
 * sees: a change in the middle of what was read that leaves both ends alone. */
#pragma once
#include <sys/stat.h>

#include "stream/file_reader.h"
#include "stream/stream.h"

typedef struct {
  char *path;
  TarnFileKind kind;
  gboolean piped; /* standard input or a pipe: read once, has no position */
  dev_t device;
  ino_t inode;
  gint64 size;                /* on disk, as seen at open */
  TarnPosition *position;     /* where to begin; NULL where piped. To be kept up to date by the reader */
  const TarnPosition *stored; /* the position of the last run that this is, borrowed; NULL where new */
} TarnSourceFile;

void tarn_source_file_free(TarnSourceFile *file);

/* The files (TarnSourceFile *, owned by the array) of the paths, in the order of the paths, those of a glob by name;
 * each file once, empty ones left out. NULL on failure: a path that does not exist, a folder, what may not be read. */
GPtrArray *tarn_file_list_expand(const char *const *paths, GError **error);

/* Gives each file its position and drops those that are copies of another. stored: TarnPosition *, must outlive the
 * files. */
gboolean tarn_file_list_identify(GPtrArray *files, const GPtrArray *stored, GError **error);
