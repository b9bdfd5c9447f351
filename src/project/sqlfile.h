/* The SQL files of one folder of a project, read and parsed.
 * In: a folder. Out: its *.sql files by name, each with its tree and the tables it mentions, or problems. */
#pragma once
#include <glib.h>
#include <jansson.h>

#include "lakehouse/ast.h"
#include "project/project.h"

/* What loading a project carries along; all borrowed. */
typedef struct {
  const char *dir;
  TarnConn *conn; /* any database: for parsing */
  GPtrArray *problems;
} TarnLoading;

typedef struct {
  char *name;        /* the file's name without .sql */
  char *path;        /* relative to the project */
  char *text;        /* valid UTF-8, without byte-order mark and last semicolon */
  json_t *tree;      /* NULL: it does not parse */
  GPtrArray *tables; /* TarnTableRef; empty where it does not parse */
  TarnModel *model;  /* what was made of it, or NULL; borrowed */
  GStrv *reads;      /* where the names of the tables it reads go */
} TarnSqlFile;

/* Appends the files of dir/folder to files (TarnSqlFile, owned by it); an absent folder has none. */
void tarn_sql_files_read(const TarnLoading *loading, const char *folder, GPtrArray *files);
void tarn_sql_file_free(TarnSqlFile *file); /* accepts NULL */

/* The names of the parameters ($name) of the SQL, each once, in order; NULL-terminated, the caller's. */
GStrv tarn_sql_file_parameters(const TarnSqlFile *file);
/* Where $name stands. */
TarnSqlPosition tarn_sql_file_parameter_position(const TarnSqlFile *file, const char *name);
/* Adds a problem for each parameter: what is no endpoint has none. */
void tarn_sql_file_refuse_parameters(const TarnSqlFile *file, GPtrArray *problems);

/* A project's file as text: valid UTF-8 without NUL and byte-order mark. NULL: a problem says why. */
char *tarn_project_file_read(const TarnLoading *loading, const char *path);
