/* The user's folder as plain structs. In: a folder with tarn.yaml and SQL files. Out: a TarnProject, or the list of
 * everything that is wrong with it. Knows no data: tables are those that the project itself defines. Immutable after
 * loading, so threads may share it. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"

/* One thing wrong with a project: what, where, what to do. */
typedef struct {
  gboolean warning; /* else an error */
  char *file;       /* relative to the project */
  guint line;       /* 1-based; 0: the file as a whole */
  guint column;     /* 1-based; 0: unknown */
  char *message;
  char *hint; /* may be NULL */
} TarnProblem;

void tarn_problem_free(TarnProblem *problem);
void tarn_problem_add(GPtrArray *problems, const char *file, guint line, guint column, const char *hint,
                      const char *format, ...) G_GNUC_PRINTF(6, 7);
gboolean tarn_problems_have_error(const GPtrArray *problems);

typedef struct {
  char *name;
  gint weight;     /* 0..100, taken off the score where the rule fails */
  char *predicate; /* SQL over the bronze columns; the rule fails where TRY(predicate) IS NOT TRUE */
  guint line;      /* in tarn.yaml */
} TarnQualityRule;

typedef struct {
  char *name; /* column */
  char *note;
} TarnColumnNote;

typedef enum { TARN_MODEL_SILVER, TARN_MODEL_GOLD } TarnModelKind;

typedef struct {
  char *name; /* table; the file's name without .sql */
  char *path; /* relative to the project */
  TarnModelKind kind;
  char *description; /* may be NULL */
  char *sql;    /* the whole file's text: front matter is a comment, so positions in it are positions in the file */
  GStrv unique; /* silver: columns whose value is kept once; empty: none */
  GStrv key;    /* gold: columns that incremental maintenance goes by; empty: always rebuilt whole */
  GPtrArray *columns; /* TarnColumnNote */
  GStrv reads;        /* tables that the SQL reads: bronze table and models; silver: bronze only */
  char *digest;       /* SHA-256 of what the model's rows depend on in this file: changes when the SQL or unique or key
                         change, not with notes */
} TarnModel;

typedef struct {
  char *name;
  char *path;
  char *description;
  gboolean warn; /* severity: warn; else error */
  char *sql;     /* returns the rows that break the rule */
  GStrv reads;
} TarnCheck;

typedef enum {
  TARN_PARAM_INTEGER,
  TARN_PARAM_NUMBER,
  TARN_PARAM_STRING,
  TARN_PARAM_BOOLEAN,
  TARN_PARAM_ENUM,
  TARN_PARAM_DATE,
  TARN_PARAM_TIMESTAMP,
  TARN_PARAM_ARRAY
} TarnParamType;

/* What is said of STRING, ENUM, limits ... holds for the elements of an ARRAY of that type. */
typedef struct {
  char *name; /* bound as $name in the SQL */
  TarnParamType type;
  TarnParamType items; /* ARRAY: the type of its elements, no array */
  gboolean in_path;    /* the route has {name}; else in the query string */
  gboolean required;
  GStrv defaults;             /* as a request would give it; empty or NULL: none, SQL NULL is bound where absent */
  char *minimum, *maximum;    /* INTEGER, NUMBER, DATE, TIMESTAMP, as text; NULL: none */
  guint min_items, max_items; /* ARRAY; defaults 1, 100 */
  gboolean of_array;          /* items, min_items or max_items was given */
  GStrv values;               /* ENUM */
  char *pattern;              /* STRING: regular expression, may be NULL */
  guint max_length;           /* STRING, in characters; default 256 */
  char *description;
  GStrv examples; /* as a request would give them, unescaped; NULL or empty: none */
  guint line;     /* in the file */
} TarnParam;

typedef enum { TARN_SHAPE_ROWS, TARN_SHAPE_ONE } TarnShape; /* an array of rows; one object, 404 where there is none */

typedef struct {
  char *name;  /* the file's name without .sql */
  char *path;  /* file, relative to the project */
  char *route; /* "/api/v1/subscribers/{subscriber_id}" */
  char *description;
  TarnShape shape;
  char *not_found;     /* message of the 404 of TARN_SHAPE_ONE, may be NULL */
  GPtrArray *params;   /* TarnParam */
  GStrv examples;      /* requests: path and query, escaped; NULL or empty: none */
  guint limit;         /* rows after these are left out; 0: no bound */
  gint64 cache_us;     /* how long clients may keep an answer unasked; 0: they ask each time */
  gint64 timeout_us;   /* 0: the server's */
  gboolean precompute; /* every answer is rendered by the run: project/precompute.h */
  char *sql;
  GStrv reads;
} TarnEndpoint;

/* Who may ask the server: AUTO: whoever has a key, or this machine alone where there are no keys; KEYS: there must be keys;
 * NONE: everyone. */
typedef enum { TARN_WATCH_INOTIFY, TARN_WATCH_POLL } TarnWatchKind;
typedef enum { TARN_AUTH_AUTO, TARN_AUTH_KEYS, TARN_AUTH_NONE } TarnAuth;

/* A property of librdkafka. */
typedef struct {
  char *name;
  char *value; /* ${NAME} and ${file:PATH} in it are looked up when it is used */
  guint line;  /* in tarn.yaml */
} TarnKafkaProperty;

typedef enum { TARN_SOURCE_NDJSON, TARN_SOURCE_KAFKA } TarnSourceKind;
typedef enum { TARN_GAP_STOP, TARN_GAP_CONTINUE } TarnGapRule;

typedef struct {
  char *name;     /* of the project */
  char *database; /* path of the published file, relative to the project; DB_PATH wins */
  /* source */
  TarnSourceKind source_kind;
  GStrv source_paths;       /* NDJSON files and globs, relative to the project */
  GStrv brokers;            /* Kafka: host:port; KAFKA_BROKERS wins, and has won already */
  GStrv topics;             /* Kafka; KAFKA_TOPIC wins, and has won already */
  char *group;              /* Kafka: whose offsets are committed, for tools that show lag; tarn-NAME */
  TarnGapRule on_gap;       /* Kafka: records that are gone before they were read */
  gint64 source_timeout_us; /* Kafka: how long it may be silent; 30 s */
  GPtrArray *properties;    /* TarnKafkaProperty */
  guint max_depth;          /* 64 */
  guint64 max_record_bytes; /* 1 MiB */
  /* bronze */
  char *bronze_table; /* bronze_raw_events */
  GStrv envelope;     /* top-level string fields that become VARCHAR columns, in order */
  char *payload;      /* top-level field whose text becomes raw_payload */
  GPtrArray *rules;   /* TarnQualityRule, in order */
  /* publish */
  guint keep;             /* 1 */
  gint64 min_interval_us; /* 60 s */
  /* archive */
  char *archive_folder; /* relative to the project; NULL: none; TARN_ARCHIVE wins */
  /* serve */
  char *host;                     /* 127.0.0.1 */
  guint port;                     /* 8000 */
  int auth;                       /* TarnAuth */
  char *keys_file;                /* file or folder of API keys, relative to the project; NULL: none */
  GStrv cors;                     /* origins whose pages may read answers; "*": all */
  guint metrics_port;             /* 0: none */
  guint64 serve_cache;            /* 64 MiB; 0: none */
  guint serve_pinned;             /* 4 */
  int serve_watch;                /* TarnWatchKind */
  gint64 serve_poll_us;           /* 1 s */
  guint serve_queue;              /* 256 */
  gint64 serve_timeout_us;        /* 30 s */
  guint serve_max_streams;        /* 32 */
  guint64 serve_max_download;     /* 1 GiB */
  guint64 serve_max_body;         /* 1 MiB */
  guint serve_max_connections;    /* 10,000 */
  gint64 serve_client_timeout_us; /* 30 s */
  gint64 serve_drain_timeout_us;  /* 10 s */
  GStrv tables;                   /* whose rows the server gives by name */
} TarnConfig;

typedef struct {
  char *dir; /* absolute */
  TarnConfig config;
  GPtrArray *models;    /* TarnModel, silver first, each after what it reads */
  GPtrArray *checks;    /* TarnCheck, by name */
  GPtrArray *endpoints; /* TarnEndpoint, by name */
} TarnProject;

/* Reads and checks everything that needs no binding (YAML, front matter, parse, unknown tables, cycles). Problems are
 * added to the list (TarnProblem, owned by it); NULL where one of them is an error, *error then sums up ("3 faults in
 * /x/telecom") . Errors of their own: no such folder, no tarn.yaml. */
TarnProject *tarn_project_load(const char *dir, GPtrArray *problems, GError **error);

/* Binds every SQL text against empty tables in a private in-memory database: unknown columns, types, functions, what a
 * silver model may not contain, parameters. FALSE where an error was added. */
gboolean tarn_project_validate(const TarnProject *project, GPtrArray *problems, GError **error);

/* Loads and validates as far as each file allows: what one file has wrong hides nothing in the others. NULL where there
 * is an error. */
TarnProject *tarn_project_check(const char *dir, GPtrArray *problems, GError **error);

void tarn_project_free(TarnProject *project); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnProject, tarn_project_free)

/* The published file's path: DB_PATH, else database below the project's folder. Caller frees. */
char *tarn_project_database_path(const TarnProject *project);

/* The file or folder of API keys: TARN_KEYS_FILE, else serve.keys_file below the project's folder; NULL: none. Caller frees. */
char *tarn_project_keys_path(const TarnProject *project);

/* The archive's folder: TARN_ARCHIVE, else archive.folder below the project's folder; NULL: neither names one. Caller frees. */
char *tarn_project_archive_path(const TarnProject *project);

const TarnModel *tarn_project_model(const TarnProject *project, const char *name); /* NULL: none */

/* Creates the project's tables, empty, in conn's database (bronze as tarn_bronze_create_sql says, then every model by
 * its SQL). */
gboolean tarn_project_create_empty_tables(const TarnProject *project, TarnConn *conn, GPtrArray *problems,
                                          GError **error);
