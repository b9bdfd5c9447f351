/* The API keys that a server knows. In: a file of lines (serve/api_key.h), or a folder of such files as Kubernetes mounts a secret;
 * names in a folder that begin with a dot are left out. Out: the key that a client's text belongs to. What is stored is read again
 * when it changes, by polling, as mounted secrets are swapped by links; a key that stays keeps its bucket. What is not understood,
 * or is gone, changes nothing: the keys stay as they were, and the listener is told. Thread-safe. */
#pragma once
#include <glib.h>

#include "serve/api_key.h"

typedef struct TarnApiKeys TarnApiKeys;

/* Called on a thread of the keys' own after each change: the number of keys, or why they stay as they were. */
typedef void (*TarnApiKeysListener)(gpointer user, guint n_keys, const GError *error);

/* Errors: TARN_ERROR_ENVIRONMENT: not readable; TARN_ERROR_USAGE: a line is no key, a name or hash is there twice, no key at all. */
TarnApiKeys *tarn_api_keys_open(const char *path, TarnApiKeysListener listener, gpointer user, GError **error);
void tarn_api_keys_close(TarnApiKeys *keys); /* accepts NULL */

/* NULL: no key has this text. Caller unrefs. */
TarnApiKey *tarn_api_keys_find(TarnApiKeys *keys, const char *text);
guint tarn_api_keys_count(TarnApiKeys *keys);
