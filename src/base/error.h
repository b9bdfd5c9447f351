/* What went wrong, in four parts: a code (which is the exit code of the program), a one-line message that
 * says what happened and where, an optional detail (what a library said), and a hint (what to do).
 * Carried in a plain GError, so that every GLib idiom works. Thread-safe as GError is. */
#pragma once
#include <glib.h>

typedef enum {
  TARN_ERROR_INTERNAL = 1,    /* a bug or an exhausted machine */
  TARN_ERROR_USAGE = 2,       /* the command line or the project is wrong */
  TARN_ERROR_SOURCE = 3,      /* the source is unreachable, changed or lost records */
  TARN_ERROR_AUDIT = 4,       /* the audit gate refused the run; nothing was published */
  TARN_ERROR_ENVIRONMENT = 5, /* space, permission, a corrupt or newer file */
  TARN_ERROR_BUSY = 75,       /* another writer holds the lock: try again */
} TarnErrorCode;

#define TARN_ERROR (tarn_error_quark())
GQuark tarn_error_quark(void);

/* Sets *error to a new error. hint may be NULL. error may be NULL: then nothing happens. */
void tarn_error_set(GError **error, TarnErrorCode code, const char *hint, const char *format, ...) G_GNUC_PRINTF(4, 5);

/* As above, with a detail: the words of a library, of the system or of the engine; may be NULL. */
void tarn_error_set_detail(GError **error, TarnErrorCode code, const char *detail, const char *hint, const char *format,
                           ...) G_GNUC_PRINTF(5, 6);

/* As above, with strerror(errno_value) as the detail; ENOSPC, EACCES, EPERM and EROFS get a hint of their own. */
void tarn_error_set_errno(GError **error, int errno_value, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Borrowed from the error, valid as long as it; NULL where there is none or the error is not Tarn's. */
const char *tarn_error_detail(const GError *error);
const char *tarn_error_hint(const GError *error);

/* The exit code for an error: its TarnErrorCode, or 1 for an error of another domain. */
int tarn_error_exit_code(const GError *error);
