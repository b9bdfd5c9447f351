/* What a request is called in the log, in its response and in problem documents. In: the client's own names for it, which are
 * hostile. Out: the name that it gave where that is sane, else the trace that it belongs to, else a new one. Thread-safe. */
#pragma once
#include <glib.h>

#define TARN_REQUEST_ID_SIZE 129 /* with the NUL */

/* x_request_id is kept where it is 1 to 128 letters, digits and ._:/+=@- characters. Else the trace id of traceparent (W3C Trace
 * Context: version-traceid-parent-flags, the trace not all zeros). Both may be NULL. */
void tarn_request_id_choose(const char *x_request_id, const char *traceparent, char id[TARN_REQUEST_ID_SIZE]);
