#include "serve/request_id.h"

#include <stdatomic.h>
#include <string.h>

#define TRACE_SIZE 32
#define TRACEPARENT_SIZE 55

static gboolean is_sane(const char *id) {
  static const char *const others = "._:/+=@-";
  gsize size = 0;
  for (; id[size]; size++)
    if (size >= TARN_REQUEST_ID_SIZE - 1 || (!g_ascii_isalnum(id[size]) && !strchr(others, id[size]))) return FALSE;
  return size > 0;
}

static gboolean is_hex(const char *text, gsize size) {
  for (gsize i = 0; i < size; i++)
    if (!strchr("0123456789abcdef", text[i])) return FALSE;
  return TRUE;
}

/* Later versions may append fields behind a dash. */
static gboolean is_traceparent(const char *text) {
  gsize size = strnlen(text, TRACEPARENT_SIZE + 1);
  if (size < TRACEPARENT_SIZE || (size > TRACEPARENT_SIZE && text[TRACEPARENT_SIZE] != '-')) return FALSE;
  gboolean shaped = is_hex(text, 2) && text[2] == '-' && is_hex(text + 3, TRACE_SIZE) && text[35] == '-' &&
                    is_hex(text + 36, 16) && text[52] == '-' && is_hex(text + 53, 2);
  return shaped && strncmp(text, "ff", 2) != 0 && strspn(text + 3, "0") < TRACE_SIZE;
}

/* The process by chance, the request by counting: unique without asking for randomness at each request. */
static void make_new(char id[TARN_REQUEST_ID_SIZE]) {
  static gsize process = 0;
  static atomic_uint_least64_t count = 0;
  if (g_once_init_enter(&process)) {
    gsize chosen = (gsize)g_random_int() << 16 | (gsize)(g_random_int() & 0xffff);
    g_once_init_leave(&process, chosen | 1);
  }
  g_snprintf(id, TARN_REQUEST_ID_SIZE, "%012" G_GINT64_MODIFIER "x-%06" G_GINT64_MODIFIER "x", (guint64)process,
             (guint64)atomic_fetch_add(&count, 1) + 1);
}

void tarn_request_id_choose(const char *x_request_id, const char *traceparent, char id[TARN_REQUEST_ID_SIZE]) {
  if (x_request_id && is_sane(x_request_id))
    g_strlcpy(id, x_request_id, TARN_REQUEST_ID_SIZE);
  else if (traceparent && is_traceparent(traceparent))
    g_strlcpy(id, traceparent + 3, TRACE_SIZE + 1);
  else
    make_new(id);
}
