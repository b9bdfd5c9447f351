#include "base/error.h"

#include <errno.h>
#include <string.h>

typedef struct {
  char *detail;
  char *hint;
} TarnErrorPrivate;

static void tarn_error_private_init(TarnErrorPrivate *priv) { *priv = (TarnErrorPrivate){NULL, NULL}; }

static void tarn_error_private_copy(const TarnErrorPrivate *src, TarnErrorPrivate *dest) {
  dest->detail = g_strdup(src->detail);
  dest->hint = g_strdup(src->hint);
}

static void tarn_error_private_clear(TarnErrorPrivate *priv) {
  g_free(priv->detail);
  g_free(priv->hint);
}

G_DEFINE_EXTENDED_ERROR(TarnError, tarn_error)

static void set_valist(GError **error, TarnErrorCode code, const char *detail, const char *hint, const char *format,
                       va_list args) {
  if (!error) return;
  g_return_if_fail(*error == NULL);
  *error = g_error_new_valist(TARN_ERROR, (gint)code, format, args);
  TarnErrorPrivate *priv = tarn_error_get_private(*error);
  priv->detail = g_strdup(detail);
  priv->hint = g_strdup(hint);
}

void tarn_error_set(GError **error, TarnErrorCode code, const char *hint, const char *format, ...) {
  va_list args;
  va_start(args, format);
  set_valist(error, code, NULL, hint, format, args);
  va_end(args);
}

void tarn_error_set_detail(GError **error, TarnErrorCode code, const char *detail, const char *hint, const char *format,
                           ...) {
  va_list args;
  va_start(args, format);
  set_valist(error, code, detail, hint, format, args);
  va_end(args);
}

static const char *hint_for_errno(int errno_value) {
  switch (errno_value) {
    case ENOSPC:
    case EDQUOT:
      return "free space on this file system, or point DB_PATH at a larger one";
    case EACCES:
    case EPERM:
      return "check the owner and the permissions of the file and of its folder";
    case EROFS:
      return "the file system is mounted read-only: mount it writable for runs";
    case ENOENT:
      return "check the path for a typing mistake";
    default:
      return NULL;
  }
}

void tarn_error_set_errno(GError **error, int errno_value, const char *format, ...) {
  va_list args;
  va_start(args, format);
  set_valist(error, TARN_ERROR_ENVIRONMENT, g_strerror(errno_value), hint_for_errno(errno_value), format, args);
  va_end(args);
}

const char *tarn_error_detail(const GError *error) {
  return error->domain == TARN_ERROR ? tarn_error_get_private(error)->detail : NULL;
}

const char *tarn_error_hint(const GError *error) {
  return error->domain == TARN_ERROR ? tarn_error_get_private(error)->hint : NULL;
}

int tarn_error_exit_code(const GError *error) {
  return error->domain == TARN_ERROR ? error->code : TARN_ERROR_INTERNAL;
}
