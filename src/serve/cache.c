#include "serve/cache.h"

#include <string.h>

#include "serve/http.h"

#define OVERHEAD 512     /* bytes of an entry besides key and body, about */
#define SHARE_OF_BODY 8u /* one answer may take an eighth of the whole */

typedef struct {
  guint64 serial;
  const char *text;
} Key;

typedef struct {
  TarnCacheReady ready;
  gpointer user;
} Waiter;

/* Kept (cached set, in the queue) or in the making (cached NULL). */
typedef struct {
  Key key; /* text is the entry's */
  TarnCached *cached;
  GArray *waiters; /* Waiter */
  gsize size;
  GList link; /* of the queue */
} Entry;

struct TarnCache {
  GMutex mutex;        /* over all below */
  GHashTable *entries; /* Key -> Entry */
  GQueue used;         /* Entry, what was asked for last in front */
  TarnCacheStats stats;
};

static void header_clear(gpointer header) { g_free(((TarnHttpHeader *)header)->value); }

TarnCached *tarn_cached_new(guint status, const char *content_type, const GArray *headers, GBytes *body) {
  TarnCached *cached = g_new0(TarnCached, 1);
  cached->references = 1;
  cached->status = status;
  cached->content_type = content_type;
  cached->headers = g_array_new(FALSE, FALSE, sizeof(TarnHttpHeader));
  cached->body = g_bytes_ref(body);
  g_array_set_clear_func(cached->headers, header_clear);
  for (guint i = 0; headers && i < headers->len; i++) {
    const TarnHttpHeader *from = &g_array_index(headers, TarnHttpHeader, i);
    const TarnHttpHeader copy = {from->name, g_strdup(from->value)};
    g_array_append_val(cached->headers, copy);
  }
  return cached;
}

TarnCached *tarn_cached_ref(TarnCached *cached) {
  g_atomic_int_inc(&cached->references);
  return cached;
}

void tarn_cached_unref(TarnCached *cached) {
  if (!cached || !g_atomic_int_dec_and_test(&cached->references)) return;
  g_array_unref(cached->headers);
  g_bytes_unref(cached->body);
  g_free(cached);
}

static guint key_hash(gconstpointer key) {
  return g_str_hash(((const Key *)key)->text) * 31 + (guint)((const Key *)key)->serial;
}

static gboolean key_equal(gconstpointer a, gconstpointer b) {
  const Key *left = a, *right = b;
  return left->serial == right->serial && g_str_equal(left->text, right->text);
}

static void entry_free(Entry *entry) {
  g_free((char *)entry->key.text);
  tarn_cached_unref(entry->cached);
  g_array_unref(entry->waiters);
  g_free(entry);
}

TarnCache *tarn_cache_new(gsize capacity) {
  TarnCache *cache = g_new0(TarnCache, 1);
  g_mutex_init(&cache->mutex);
  cache->entries = g_hash_table_new_full(key_hash, key_equal, NULL, (GDestroyNotify)entry_free);
  cache->stats.capacity = capacity;
  return cache;
}

void tarn_cache_free(TarnCache *cache) {
  if (!cache) return;
  g_hash_table_unref(cache->entries);
  g_mutex_clear(&cache->mutex);
  g_free(cache);
}

static TarnCacheTurn look(TarnCache *cache, const Key *key, const Waiter *waiter, TarnCached **cached) {
  Entry *entry = g_hash_table_lookup(cache->entries, key);
  if (entry && entry->cached) {
    g_queue_unlink(&cache->used, &entry->link);
    g_queue_push_head_link(&cache->used, &entry->link);
    *cached = tarn_cached_ref(entry->cached);
    cache->stats.hits++;
    return TARN_CACHE_HIT;
  }
  if (entry) {
    g_array_append_vals(entry->waiters, waiter, 1);
    cache->stats.waits++;
    return TARN_CACHE_WAIT;
  }
  cache->stats.misses++;
  if (cache->stats.capacity == 0) return TARN_CACHE_MAKE;
  entry = g_new0(Entry, 1);
  entry->key = (Key){key->serial, g_strdup(key->text)};
  entry->waiters = g_array_new(FALSE, FALSE, sizeof(Waiter));
  entry->link.data = entry;
  g_hash_table_insert(cache->entries, &entry->key, entry);
  return TARN_CACHE_MAKE;
}

TarnCacheTurn tarn_cache_look(TarnCache *cache, guint64 serial, const char *key, TarnCacheReady ready, gpointer user,
                              TarnCached **cached) {
  const Key wanted = {serial, key};
  const Waiter waiter = {ready, user};
  g_mutex_lock(&cache->mutex);
  TarnCacheTurn turn = look(cache, &wanted, &waiter, cached);
  g_mutex_unlock(&cache->mutex);
  return turn;
}

static void drop(TarnCache *cache, Entry *entry) {
  if (entry->cached) {
    g_queue_unlink(&cache->used, &entry->link);
    cache->stats.bytes -= entry->size;
  }
  g_hash_table_remove(cache->entries, &entry->key);
}

static void keep(TarnCache *cache, Entry *entry, TarnCached *cached) {
  gsize body = g_bytes_get_size(cached->body);
  if (body > tarn_cache_max_body(cache)) {
    drop(cache, entry);
    return;
  }
  entry->cached = tarn_cached_ref(cached);
  entry->size = body + strlen(entry->key.text) + OVERHEAD;
  cache->stats.bytes += entry->size;
  g_queue_push_head_link(&cache->used, &entry->link);
  while (cache->stats.bytes > cache->stats.capacity) {
    drop(cache, g_queue_peek_tail(&cache->used));
    cache->stats.evicted++;
  }
}

/* Those who waited are told outside of the lock, as they may look again at once. */
static void settle(TarnCache *cache, guint64 serial, const char *key, TarnCached *cached) {
  const Key wanted = {serial, key};
  g_autoptr(GArray) waiters = NULL;
  g_mutex_lock(&cache->mutex);
  Entry *entry = g_hash_table_lookup(cache->entries, &wanted);
  g_assert(!entry || !entry->cached);
  if (entry) {
    waiters = entry->waiters;
    entry->waiters = g_array_new(FALSE, FALSE, sizeof(Waiter));
    if (cached)
      keep(cache, entry, cached);
    else
      drop(cache, entry);
  }
  g_mutex_unlock(&cache->mutex);
  for (guint i = 0; waiters && i < waiters->len; i++) {
    const Waiter *waiter = &g_array_index(waiters, Waiter, i);
    waiter->ready(waiter->user, cached, FALSE);
  }
}

void tarn_cache_put(TarnCache *cache, guint64 serial, const char *key, TarnCached *cached) {
  settle(cache, serial, key, cached);
}

void tarn_cache_leave(TarnCache *cache, guint64 serial, const char *key) { settle(cache, serial, key, NULL); }

void tarn_cache_pass(TarnCache *cache, guint64 serial, const char *key) {
  const Key wanted = {serial, key};
  Waiter next = {NULL, NULL};
  g_mutex_lock(&cache->mutex);
  Entry *entry = g_hash_table_lookup(cache->entries, &wanted);
  if (entry && entry->waiters->len > 0) {
    next = g_array_index(entry->waiters, Waiter, 0);
    g_array_remove_index(entry->waiters, 0);
  } else if (entry) {
    drop(cache, entry);
  }
  g_mutex_unlock(&cache->mutex);
  if (next.ready) next.ready(next.user, NULL, TRUE);
}

void tarn_cache_forget(TarnCache *cache, guint64 serial) {
  g_mutex_lock(&cache->mutex);
  for (GList *link = cache->used.head, *next; link; link = next) {
    Entry *entry = link->data;
    next = link->next;
    if (entry->key.serial == serial) drop(cache, entry);
  }
  g_mutex_unlock(&cache->mutex);
}

gsize tarn_cache_max_body(const TarnCache *cache) { return cache->stats.capacity / SHARE_OF_BODY; }

void tarn_cache_stats(TarnCache *cache, TarnCacheStats *stats) {
  g_mutex_lock(&cache->mutex);
  *stats = cache->stats;
  stats->entries = cache->used.length;
  g_mutex_unlock(&cache->mutex);
}
