/* Named places where a test can make the process fail. TARN_FAULT="NAME:ACTION[:COUNT]" in the environment, several
 * separated by commas; ACTION is kill (SIGKILL to itself), error (an environment error) or enospc (as if the disk
 * were full); COUNT n means the n-th time the point is passed (default 1). Costs one pointer test where unset. */
#pragma once
#include <glib.h>

/* TRUE where nothing happens; FALSE with *error set where the point was told to fail. */
gboolean tarn_fault_point(const char *name, GError **error);

/* The names of all points that this build has, NULL-terminated, in the order of a run: for the test matrix. */
const char *const *tarn_fault_names(void);
