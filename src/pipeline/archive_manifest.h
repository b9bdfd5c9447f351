/* The manifest of an archive: one JSON document that names every file, and what the archive as a whole is a copy of.
 * In: a folder. Out: the newest manifest that is whole. Every archive run writes a new one, manifest-N.json, and keeps the one before it; a manifest that was cut
 * off or changed fails its own checksum, and the one before it counts. Structs own their strings. One thread. */
#pragma once
#include <glib.h>

#include "lakehouse/table_state.h"

/* What is archived. */
typedef enum { TARN_ARCHIVE_BRONZE, TARN_ARCHIVE_QUARANTINE, TARN_ARCHIVE_N_LAYERS } TarnArchiveLayer;
extern const char *const tarn_archive_layer_names[TARN_ARCHIVE_N_LAYERS]; /* folders, too */

/* One Parquet file: the rows of one ingestion day whose number (bronze: seq, quarantine: id) is first..last. */
typedef struct {
  TarnArchiveLayer layer;
  char *path; /* relative to the archive */
  char *day;  /* YYYY-MM-DD, of ingestion, UTC */
  gint64 first, last, rows, bytes;
  char *sha256;   /* of the file, hex */
  char *row_hash; /* 128-bit sum of the rows' hashes over the layer's columns */
  char *rules;    /* bronze: digest of the quality rules that the scores in the file are of */
  /* JSON: [{"source_name", "source_partition", "first_offset", "last_offset", "rows"}, ...]: what would be lost with the file */
  char *parts;
} TarnArchiveFile;

typedef struct {
  gint64 number;
  char *project, *tarn_version, *duckdb_version;
  gint64 written_us;
  /* the generation that it is a copy of */
  gint64 generation;
  char *run_id, *project_digest;
  gint64 published_us;
  char *
      numbering; /* of which seq and id are: a rebuild from the source gives others; NULL: those of the first reading */
  gint64 received;
  gint64 next[TARN_ARCHIVE_N_LAYERS];   /* numbers from here on are not in the archive */
  GStrv columns[TARN_ARCHIVE_N_LAYERS]; /* that row_hash goes over */
  char *positions;                      /* JSON: the rows of tarn.positions */
  char *gaps;                           /* JSON: the rows of tarn.gaps */
  GHashTable *objects;                  /* name -> digest of what the tables were built from */
  GPtrArray *tables;                    /* TarnTableState: rows and content hash of every table at these positions */
  GPtrArray *files;                     /* TarnArchiveFile, by layer and first */
} TarnArchiveManifest;

void tarn_archive_file_free(TarnArchiveFile *file);
TarnArchiveFile *tarn_archive_file_copy(const TarnArchiveFile *file);

TarnArchiveManifest *tarn_archive_manifest_new(void);
void tarn_archive_manifest_free(TarnArchiveManifest *manifest); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnArchiveManifest, tarn_archive_manifest_free)
gint64 tarn_archive_manifest_rows(const TarnArchiveManifest *manifest, TarnArchiveLayer layer);

/* What a folder holds. */
typedef struct {
  TarnArchiveManifest *newest;   /* the newest that is whole; NULL: the folder holds no archive */
  TarnArchiveManifest *previous; /* the one before it; may be NULL */
  gint64 highest;                /* number of the newest, whole or not */
  GPtrArray *damaged;            /* names (char *) of manifests that are not whole, newest first */
} TarnArchiveFolder;

void tarn_archive_folder_clear(TarnArchiveFolder *folder);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TarnArchiveFolder, tarn_archive_folder_clear)

/* Errors: the folder cannot be read; there are manifests, but none is whole. A folder that is not there is empty. */
gboolean tarn_archive_folder_read(const char *path, TarnArchiveFolder *folder, GError **error);

/* NULL where the file is there and is what the manifest says, else what is wrong with it. Reads it to its end. Caller frees. */
char *tarn_archive_file_fault(const char *folder, const TarnArchiveFile *file);

/* Writes it as manifest-N.json, which must not exist. */
gboolean tarn_archive_manifest_write(const char *folder, const TarnArchiveManifest *manifest, GError **error);
/* "manifest-00000012.json"; caller frees. */
char *tarn_archive_manifest_name(gint64 number);
