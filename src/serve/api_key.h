/* One API key as a file stores it: a line "NAME sha256:HASH SCOPES [RATE]". The key itself is 256 random bits as text; only its
 * SHA-256 is stored, which needs no salt or slowness, as nobody can guess such a text. In: lines, texts that clients sent (hostile).
 * No message ever repeats a part of a line that could be a key. Keys are immutable but for their bucket, shared by reference count. */
#pragma once
#include <glib.h>

#include "serve/bucket.h"

typedef enum {
  TARN_SCOPE_NONE = 0, /* open to everyone */
  TARN_SCOPE_READ = 1 << 0,
  TARN_SCOPE_SQL = 1 << 1,
  TARN_SCOPE_ASK = 1 << 2,
  TARN_SCOPE_ADMIN = 1 << 3,
  TARN_SCOPE_ANY = TARN_SCOPE_READ | TARN_SCOPE_SQL | TARN_SCOPE_ASK | TARN_SCOPE_ADMIN, /* one of them suffices */
} TarnScope;

/* "read,sql" to a set of TarnScope. Errors: TARN_ERROR_USAGE. */
gboolean tarn_scopes_parse(const char *text, guint *scopes, GError **error);
char *tarn_scopes_format(guint scopes); /* caller frees */

#define TARN_API_KEY_DIGEST_SIZE 32

typedef struct {
  gint references; /* atomic */
  char *name;      /* letters, digits and ._-, not a secret: logs tell it */
  guint8 digest[TARN_API_KEY_DIGEST_SIZE];
  guint scopes;
  TarnBucket *bucket;
} TarnApiKey;

/* NULL and no error: the line is empty or a comment (#). Errors: TARN_ERROR_USAGE. */
TarnApiKey *tarn_api_key_parse(const char *line, GError **error);
TarnApiKey *tarn_api_key_ref(TarnApiKey *key);
void tarn_api_key_unref(TarnApiKey *key); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnApiKey, tarn_api_key_unref)

/* The digest of what a client sent. */
void tarn_api_key_digest(const char *text, guint8 digest[TARN_API_KEY_DIGEST_SIZE]);
/* Takes the same time whatever the digests are. */
gboolean tarn_api_key_fits(const TarnApiKey *key, const guint8 digest[TARN_API_KEY_DIGEST_SIZE]);

/* A new key, and the line to store for it; scopes and rate as in the file. Caller frees both. Errors: TARN_ERROR_USAGE for name,
 * scopes or rate; TARN_ERROR_ENVIRONMENT: the system has no randomness. */
gboolean tarn_api_key_make(const char *name, const char *scopes, const char *rate, char **text, char **line,
                           GError **error);
