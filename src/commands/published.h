/* What every reading subcommand starts with: the project in a folder and its published file, opened read-only. */
#pragma once
#include <glib.h>

#include "commands/cli.h"
#include "lakehouse/db.h"
#include "project/project.h"

typedef struct {
  TarnProject *project;
  char *path; /* of the published file */
  TarnDb *db;
  TarnConn *conn;
} TarnPublished;

/* FALSE: nothing is open. Errors: no or a faulty project; nothing published yet; a file that is no lakehouse. */
gboolean tarn_published_open(TarnPublished *published, const TarnCliOptions *cli, GError **error);
/* As above, of a file whose path is known; project stays NULL. */
gboolean tarn_published_open_file(TarnPublished *published, const char *path, GError **error);
/* The published file's path: DB_PATH, and then no project is read, else what the project says. Caller frees. */
char *tarn_published_path(const char *project_dir, GError **error);
void tarn_published_clear(TarnPublished *published); /* safe on a zeroed or cleared one */
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TarnPublished, tarn_published_clear)
