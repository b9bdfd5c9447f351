#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "stream/file_list.h"
#include "stream/fingerprint.h"

typedef enum { FIT, SHORTER, CHANGED } Fit;

/* A file being identified. */
typedef struct {
  TarnSourceFile *file;
  const TarnPosition *doubtful; /* its identity fits, its content does not */
  Fit fault;                    /* why */
} Candidate;

typedef struct {
  GPtrArray *files;
  const GPtrArray *stored;
  GHashTable *stored_by_identity; /* borrowed identity -> borrowed position */
  GArray *identity_sizes;         /* ascending, each once */
  GHashTable *leaders;            /* borrowed identity -> borrowed file that is read under it */
  Candidate *candidates;          /* one for each file */
  GHashTable *copies;             /* files to drop */
} Identification;

static int open_file(const char *path, GError **error) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    tarn_error_set_detail(error, TARN_ERROR_SOURCE, g_strerror(errno), "check that this user may read the file",
                          "cannot read %s", path);
  return fd;
}

static void close_file(int *fd) {
  if (*fd >= 0) close(*fd);
}
#define AUTO_CLOSE __attribute__((cleanup(close_file))) int

static int compare_sizes(gconstpointer a, gconstpointer b) {
  gint64 left = *(const gint64 *)a, right = *(const gint64 *)b;
  return left < right ? -1 : left > right;
}

static void index_stored(Identification *work) {
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  for (guint i = 0; i < work->stored->len; i++) {
    TarnPosition *position = work->stored->pdata[i];
    gint64 size = tarn_identity_size(position->identity);
    if (size == 0) continue;
    g_hash_table_insert(work->stored_by_identity, position->identity, position);
    if (g_hash_table_add(seen, g_memdup2(&size, sizeof size))) g_array_append_val(work->identity_sizes, size);
  }
  g_array_sort(work->identity_sizes, compare_sizes);
}

/* Does the file still hold what was read of it? Of a compressed one only the size is asked here; its reader checks the
 * rest, since only it sees the content. */
static gboolean check_fit(const TarnSourceFile *file, int fd, const TarnPosition *position, Fit *fit, GError **error) {
  *fit = FIT;
  if (file->kind != TARN_FILE_PLAIN) {
    if (file->size < position->size) *fit = SHORTER;
    return TRUE;
  }
  if (file->size < position->offset) {
    *fit = SHORTER;
    return TRUE;
  }
  TarnTail tail;
  if (!tarn_tail_read(&tail, fd, file->path, position->offset, error)) return FALSE;
  g_autofree char *digest = tarn_tail_digest(&tail);
  if (position->offset > 0 && g_strcmp0(digest, position->prefix_digest) != 0) *fit = CHANGED;
  return TRUE;
}

static TarnPosition *new_position(const TarnSourceFile *file, char *identity) {
  TarnPosition *position = g_new0(TarnPosition, 1);
  position->identity = identity;
  position->name = g_strdup(file->path);
  position->size = file->size;
  return position;
}

static void continue_from(TarnSourceFile *file, const TarnPosition *stored) {
  file->stored = stored;
  file->position = tarn_position_copy(stored);
  g_free(file->position->name);
  file->position->name = g_strdup(file->path);
}

/* Finds the stored position that the file is, or leaves it in doubt, or makes it new. */
static gboolean match_stored(Identification *work, Candidate *candidate, int fd, GError **error) {
  TarnSourceFile *file = candidate->file;
  g_autoptr(GPtrArray) matches = NULL;
  if (!tarn_identity_match(fd, file->path, file->size, work->identity_sizes, work->stored_by_identity, &matches, error))
    return FALSE;
  for (guint i = 0; i < matches->len; i++) {
    const TarnPosition *position = g_hash_table_lookup(work->stored_by_identity, matches->pdata[i]);
    Fit fit;
    if (!check_fit(file, fd, position, &fit, error)) return FALSE;
    if (fit == FIT) {
      continue_from(file, position);
      candidate->doubtful = NULL;
      return TRUE;
    }
    if (!candidate->doubtful) {
      candidate->doubtful = position;
      candidate->fault = fit;
    }
  }
  if (candidate->doubtful) return TRUE;
  char *identity = tarn_identity_compute(fd, file->path, MIN(file->size, TARN_FINGERPRINT_BYTES), error);
  if (identity) file->position = new_position(file, identity);
  return identity != NULL;
}

/* Sets *at to the first byte of from..to in which two files differ, or to -1. */
static gboolean find_difference(const TarnSourceFile *a, const TarnSourceFile *b, gint64 from, gint64 to, gint64 *at,
                                GError **error) {
  AUTO_CLOSE left = open_file(a->path, error);
  AUTO_CLOSE right = left < 0 ? -1 : open_file(b->path, error);
  if (right < 0) return FALSE;
  enum { BLOCK = 64 * 1024 };
  g_autofree guchar *bytes = g_malloc((gsize)2 * BLOCK);
  for (*at = -1; from < to; from += BLOCK) {
    gsize size = (gsize)MIN(to - from, BLOCK);
    if (!tarn_fingerprint_read(left, a->path, from, bytes, size, error)) return FALSE;
    if (!tarn_fingerprint_read(right, b->path, from, bytes + BLOCK, size, error)) return FALSE;
    if (memcmp(bytes, bytes + BLOCK, size) == 0) continue;
    for (*at = from; bytes[*at - from] == bytes[BLOCK + *at - from]; ++*at) continue;
    return TRUE;
  }
  return TRUE;
}

/* As above over what both have; of known files their two ends are enough to find no difference. */
static gboolean compare_files(const TarnSourceFile *a, const TarnSourceFile *b, gboolean known, gint64 *at,
                              GError **error) {
  gint64 common = MIN(a->size, b->size);
  if (known) {
    if (!find_difference(a, b, 0, MIN(common, TARN_FINGERPRINT_BYTES), at, error)) return FALSE;
    if (*at < 0 && !find_difference(a, b, MAX(0, common - TARN_FINGERPRINT_BYTES), common, at, error)) return FALSE;
    if (*at < 0) return TRUE;
  }
  return find_difference(a, b, 0, common, at, error);
}

/* Two files under one identity hold the same: the longer one is read, the other is dropped. */
static void drop_copy(Identification *work, TarnSourceFile *leader, TarnSourceFile *file) {
  TarnSourceFile *copy = file->position && file->size > leader->size ? leader : file;
  g_hash_table_add(work->copies, copy);
  if (copy == leader) g_hash_table_replace(work->leaders, file->position->identity, file);
}

/* The file differs from the leader of its identity at the given byte: a new file with an identity of its own. */
static gboolean set_apart(TarnSourceFile *file, gint64 difference, GError **error) {
  gint64 blocks = difference / TARN_FINGERPRINT_BYTES + 1;
  AUTO_CLOSE fd = open_file(file->path, error);
  if (fd < 0) return FALSE;
  char *identity = tarn_identity_compute(fd, file->path, MIN(file->size, blocks * TARN_FINGERPRINT_BYTES), error);
  if (!identity) return FALSE;
  tarn_position_free(file->position);
  file->position = new_position(file, identity);
  file->stored = NULL;
  return TRUE;
}

static gboolean set_fault(const TarnSourceFile *file, const TarnPosition *position, Fit fault, GError **error) {
  g_autofree char *was = g_str_equal(file->path, position->name)
                             ? g_strdup("")
                             : g_strdup_printf(", which was %s when it was last read,", position->name);
  const char *what = fault == SHORTER ? "became shorter than what was read of it"
                                      : "changed before the position up to which it was read";
  tarn_error_set(error, TARN_ERROR_SOURCE,
                 "put the file back as it was; if it is another file that begins alike, read it through standard input",
                 "%s%s %s (%" G_GINT64_FORMAT " bytes now, read up to byte %" G_GINT64_FORMAT ")", file->path, was,
                 what, file->size, position->offset);
  return FALSE;
}

/* Finds the file its place among those with the same identity. */
static gboolean place(Identification *work, Candidate *candidate, GError **error) {
  TarnSourceFile *file = candidate->file;
  for (;;) {
    const char *identity = file->position ? file->position->identity : candidate->doubtful->identity;
    TarnSourceFile *leader = g_hash_table_lookup(work->leaders, identity);
    if (leader == file) return TRUE;
    if (!leader && !file->position) return set_fault(file, candidate->doubtful, candidate->fault, error);
    if (!leader) {
      g_hash_table_insert(work->leaders, file->position->identity, file);
      return TRUE;
    }
    gboolean known = file->stored || (!file->position && candidate->fault == SHORTER);
    gint64 difference;
    if (!compare_files(leader, file, known, &difference, error)) return FALSE;
    if (difference < 0) {
      drop_copy(work, leader, file);
      return TRUE;
    }
    if (!set_apart(file, difference, error)) return FALSE;
  }
}

/* Files that continue a stored position lead their identity, before all the one that still has its name. */
static void choose_leaders(Identification *work) {
  for (guint i = 0; i < work->files->len; i++) {
    TarnSourceFile *file = work->candidates[i].file;
    if (!file->stored) continue;
    gboolean is_first = !g_hash_table_contains(work->leaders, file->position->identity);
    if (is_first || g_str_equal(file->stored->name, file->path))
      g_hash_table_replace(work->leaders, file->position->identity, file);
  }
}

/* A new file under the name of a stored position that no file of this run holds: was that one cut or overwritten? */
static gboolean check_name(Identification *work, Candidate *candidate, const TarnPosition *position, GError **error) {
  const TarnSourceFile *file = candidate->file;
  if (!g_str_equal(position->name, file->path) || g_hash_table_contains(work->leaders, position->identity)) return TRUE;
  gint64 identity_size = tarn_identity_size(position->identity);
  if (identity_size == 0) return TRUE;
  if (file->size < identity_size) return set_fault(file, position, SHORTER, error);
  if (file->kind != TARN_FILE_PLAIN || file->size < position->offset) return TRUE;
  AUTO_CLOSE fd = open_file(file->path, error);
  Fit fit;
  if (fd < 0 || !check_fit(file, fd, position, &fit, error)) return FALSE;
  return fit == FIT ? set_fault(file, position, CHANGED, error) : TRUE;
}

static gboolean check_names(Identification *work, GError **error) {
  for (guint i = 0; i < work->files->len; i++) {
    Candidate *candidate = &work->candidates[i];
    if (candidate->file->piped || candidate->file->stored || candidate->doubtful) continue;
    for (guint j = 0; j < work->stored->len; j++)
      if (!check_name(work, candidate, work->stored->pdata[j], error)) return FALSE;
  }
  return TRUE;
}

/* A file that was read and holds nothing now is no source any more, but not in silence: unless it lives on under
 * another name, what was in it is gone. */
static gboolean check_emptied(const Identification *work, GError **error) {
  for (guint i = 0; i < work->stored->len; i++) {
    const TarnPosition *position = work->stored->pdata[i];
    struct stat info;
    if (position->offset == 0 || g_hash_table_contains(work->leaders, position->identity)) continue;
    if (stat(position->name, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size > 0) continue;
    tarn_error_set(error, TARN_ERROR_SOURCE, "put the file back as it was, or remove the empty one",
                   "%s became shorter: it is empty now and was read up to byte %" G_GINT64_FORMAT, position->name,
                   position->offset);
    return FALSE;
  }
  return TRUE;
}

static gboolean match_files(Identification *work, GError **error) {
  for (guint i = 0; i < work->files->len; i++) {
    Candidate *candidate = &work->candidates[i];
    candidate->file = work->files->pdata[i];
    if (candidate->file->piped) continue;
    AUTO_CLOSE fd = open_file(candidate->file->path, error);
    if (fd < 0 || !match_stored(work, candidate, fd, error)) return FALSE;
  }
  return TRUE;
}

static gboolean identify(Identification *work, GError **error) {
  index_stored(work);
  if (!match_files(work, error)) return FALSE;
  choose_leaders(work);
  if (!check_names(work, error) || !check_emptied(work, error)) return FALSE;
  guint count = work->files->len;
  for (guint i = 0; i < count; i++)
    if (!work->candidates[i].file->piped && !place(work, &work->candidates[i], error)) return FALSE;
  for (guint i = count; i-- > 0;)
    if (g_hash_table_contains(work->copies, work->files->pdata[i])) g_ptr_array_remove_index(work->files, i);
  return TRUE;
}

gboolean tarn_file_list_identify(GPtrArray *files, const GPtrArray *stored, GError **error) {
  g_autoptr(GHashTable) stored_by_identity = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(GHashTable) leaders = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(GHashTable) copies = g_hash_table_new(NULL, NULL);
  g_autoptr(GArray) identity_sizes = g_array_new(FALSE, FALSE, sizeof(gint64));
  g_autofree Candidate *candidates = g_new0(Candidate, files->len);
  Identification work = {files, stored, stored_by_identity, identity_sizes, leaders, candidates, copies};
  return identify(&work, error);
}
