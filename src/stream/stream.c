#include "stream/stream.h"

void tarn_position_free(TarnPosition *position) {
  if (!position) return;
  g_free(position->identity);
  g_free(position->name);
  g_free(position->prefix_digest);
  g_free(position);
}
