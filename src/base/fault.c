#include "base/fault.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/error.h"

static const char *const fault_names[] = {
#define TARN_FAULT_POINT(name) name,
#include "base/fault_points.h"
#undef TARN_FAULT_POINT
    NULL,
};

const char *const *tarn_fault_names(void) { return fault_names; }

typedef struct {
  char *name;
  char *action;
  gint remaining;
} Fault;

static GPtrArray *faults_from_environment(void) {
  const char *text = g_getenv("TARN_FAULT");
  if (!text || !*text) return NULL;
  GPtrArray *faults = g_ptr_array_new();
  g_auto(GStrv) specs = g_strsplit(text, ",", -1);
  for (char **spec = specs; *spec; spec++) {
    g_auto(GStrv) parts = g_strsplit(*spec, ":", 3);
    if (g_strv_length(parts) < 2) g_error("TARN_FAULT: '%s' is not NAME:ACTION[:COUNT]", *spec);
    Fault *fault = g_new0(Fault, 1);
    fault->name = g_strdup(parts[0]);
    fault->action = g_strdup(parts[1]);
    fault->remaining = parts[2] ? atoi(parts[2]) : 1;
    g_ptr_array_add(faults, fault);
  }
  return faults;
}

static gboolean act(const Fault *fault, GError **error) {
  if (g_str_equal(fault->action, "kill")) raise(SIGKILL);
  if (g_str_equal(fault->action, "enospc"))
    tarn_error_set_errno(error, ENOSPC, "fault point %s", fault->name);
  else
    tarn_error_set(error, TARN_ERROR_ENVIRONMENT, "unset TARN_FAULT", "fault point %s", fault->name);
  return FALSE;
}

gboolean tarn_fault_point(const char *name, GError **error) {
  static gsize once = 0;
  static GPtrArray *faults = NULL;
  if (g_once_init_enter(&once)) {
    faults = faults_from_environment();
    g_once_init_leave(&once, 1);
  }
  if (G_LIKELY(!faults)) return TRUE;
  for (guint i = 0; i < faults->len; i++) {
    Fault *fault = faults->pdata[i];
    if (g_str_equal(fault->name, name) && g_atomic_int_dec_and_test(&fault->remaining)) return act(fault, error);
  }
  return TRUE;
}
