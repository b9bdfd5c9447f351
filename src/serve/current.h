/* Which generation answers. A thread of its own watches the published file: a new one is opened and warmed beside the old one,
 * then one pointer is swapped, and the old one is closed when its last request ends. A file that cannot be served (corrupt,
 * with a write-ahead log, not Tarn's, of a newer format, or without what the endpoints read) is refused: the old generation
 * goes on answering until the file changes. Without any file it waits for the first. Kept generations are opened when
 * one is asked for by its number, a few at once, and closed when nobody has asked for a while.
 * Every open and close happens on that thread, and no file is ever open twice: DuckDB's lock would be lost.
 * All functions may be called on any thread; only _start, _stop and _pin block. */
#pragma once
#include <glib.h>

#include "serve/served.h"

typedef struct TarnCurrent TarnCurrent;

typedef enum {
  TARN_CURRENT_WAITING, /* there is no published file yet */
  TARN_CURRENT_SERVING, /* a generation was swapped in */
  TARN_CURRENT_REFUSED  /* a file was refused, or it is gone; what is open goes on */
} TarnCurrentEvent;

typedef struct {
  const char *database;                  /* path of the published file */
  TarnServedOptions served;              /* memory_bytes: of all that is open; retire and user are set here */
  const TarnServedStatement *statements; /* outlive it */
  guint n_statements;
  gboolean inotify;      /* else by asking again alone */
  gint64 poll_us;        /* how often the file is looked at in any case */
  guint max_pinned;      /* generations open besides the current one */
  gint64 pinned_idle_us; /* closed after that long unasked */
  /* Is the generation fit to answer? On the opening thread, before the swap. NULL: it is. */
  gboolean (*fit)(gpointer user, TarnServed *served, GError **error);
  /* It fits and is the published one: called before the swap. NULL: nobody is told. */
  void (*opened)(gpointer user, TarnServed *served);
  /* generation: that of _SERVING; error: that of _REFUSED. NULL: nobody is told. */
  void (*event)(gpointer user, TarnCurrentEvent event, const TarnGeneration *generation, const GError *error);
  /* A generation is closed: nothing of it will be asked for again. Without its identity. NULL: nobody is told. */
  void (*closed)(gpointer user, const TarnGeneration *generation);
  gpointer user;
} TarnCurrentOptions;

/* Returns when the file that is there is open, or when there is none. Errors: that of a file that is there and is
 * refused; no generation is open then. */
TarnCurrent *tarn_current_start(const TarnCurrentOptions *options, GError **error);
/* Nobody may hold a generation any more. Accepts NULL. */
void tarn_current_stop(TarnCurrent *current);

/* A reference to the generation that answers; NULL: there is none yet. */
TarnServed *tarn_current_take(TarnCurrent *current);

/* The generation of that number where it is open; NULL: _pin may open it. */
TarnServed *tarn_current_find(TarnCurrent *current, gint64 number);

typedef enum {
  TARN_PIN_OK,
  TARN_PIN_NEVER,  /* no generation of that number was published */
  TARN_PIN_GONE,   /* it is not kept any more */
  TARN_PIN_UNFIT,  /* it is kept, but cannot be served */
  TARN_PIN_BUSY,   /* too many are open: try again later */
  TARN_PIN_WAITING /* there is no generation at all */
} TarnPin;
/* As _find, but opens a kept one, which takes some ten milliseconds. */
TarnPin tarn_current_pin(TarnCurrent *current, gint64 number, TarnServed **served);
/* Numbers (gint64) that _pin may open, newest first. Reads the folder. Caller unrefs. */
GArray *tarn_current_available(TarnCurrent *current);

typedef struct {
  gboolean open; /* generation and published_us are set */
  gint64 generation;
  gint64 published_us;
  char *refused;      /* why the file at the path is not what answers, without paths; NULL: it is. Caller frees */
  char *refused_hint; /* what to do; may be NULL. Caller frees */
  gint64 refused_us;  /* since when */
  guint64 swaps;      /* generations swapped in since the start */
  guint64 refusals;   /* files refused since the start */
  guint opened;       /* generations that are open now: current, pinned, and old ones whose requests go on */
  guint pinned;
  guint64 memory_bytes; /* DuckDB's memory_limit of the current generation */
} TarnCurrentState;
void tarn_current_state(TarnCurrent *current, TarnCurrentState *state);
void tarn_current_state_clear(TarnCurrentState *state);
