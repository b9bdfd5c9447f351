/* Answers kept in memory, bounded in bytes; those that were not asked for longest go first. In: a generation's serial and a
 * request in canonical form (with format and encoding). Out: the answer, shared; or the order to make it. A generation never
 * changes, so an answer is never wrong, only dropped. Equal requests that come while the first one is being answered
 * wait for its answer instead of running the query again. Thread-safe; nothing here blocks. */
#pragma once
#include <glib.h>

/* An answer: never changes, shared by reference count. */
typedef struct {
  gint references; /* atomic */
  guint status;
  const char *content_type; /* static text */
  GArray *headers;          /* TarnHttpHeader (serve/http.h), others than that */
  GBytes *body;
} TarnCached;

/* headers (TarnHttpHeader, may be NULL) are copied, body is shared. */
TarnCached *tarn_cached_new(guint status, const char *content_type, const GArray *headers, GBytes *body);
TarnCached *tarn_cached_ref(TarnCached *cached);
void tarn_cached_unref(TarnCached *cached); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnCached, tarn_cached_unref)

typedef struct TarnCache TarnCache;

/* capacity in bytes; 0: nothing is kept and nobody waits, every look is a TARN_CACHE_MAKE. */
TarnCache *tarn_cache_new(gsize capacity);
void tarn_cache_free(TarnCache *cache); /* nobody may be waiting; accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnCache, tarn_cache_free)

typedef enum {
  TARN_CACHE_HIT,  /* *cached is set, a reference of the caller's */
  TARN_CACHE_MAKE, /* the caller makes the answer and calls tarn_cache_put, _leave or _pass, once */
  TARN_CACHE_WAIT, /* somebody makes it: ready will be called, once */
} TarnCacheTurn;

/* On the thread of _put, _leave or _pass; must not block. cached is borrowed; NULL: make the answer yourself. leads: then
 * _put, _leave or _pass it, as after TARN_CACHE_MAKE; else do none of them. */
typedef void (*TarnCacheReady)(gpointer user, TarnCached *cached, gboolean leads);

TarnCacheTurn tarn_cache_look(TarnCache *cache, guint64 serial, const char *key, TarnCacheReady ready, gpointer user,
                              TarnCached **cached);
/* The answer is made: it is given to those who wait, and kept where it fits. */
void tarn_cache_put(TarnCache *cache, guint64 serial, const char *key, TarnCached *cached);
/* It is not to be kept (failed, too large): those who wait make theirs. */
void tarn_cache_leave(TarnCache *cache, guint64 serial, const char *key);

/* It is not made, for a reason of this request alone (its client has gone): one of those who wait makes it for the rest. */
void tarn_cache_pass(TarnCache *cache, guint64 serial, const char *key);

/* Drops what was kept of a generation that is closed. */
void tarn_cache_forget(TarnCache *cache, guint64 serial);

/* Bodies above this are not kept. */
gsize tarn_cache_max_body(const TarnCache *cache);

typedef struct {
  guint64 hits, misses, waits; /* looks since the start */
  guint64 evicted;
  gsize bytes, capacity;
  guint entries;
} TarnCacheStats;
void tarn_cache_stats(TarnCache *cache, TarnCacheStats *stats);
