#include "base/format.h"

#include <string.h>

char *tarn_format_time(gint64 microseconds) {
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(microseconds / G_USEC_PER_SEC);
  return time ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ") : g_strdup("unknown");
}

char *tarn_format_age(gint64 microseconds) {
  static const struct {
    gint64 seconds;
    const char *unit;
  } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
  gint64 seconds = MAX(microseconds, 0) / G_USEC_PER_SEC;
  for (gsize i = 0; i < G_N_ELEMENTS(units); i++)
    if (seconds >= 2 * units[i].seconds || units[i].seconds == 1)
      return g_strdup_printf("%" G_GINT64_FORMAT " %s", seconds / units[i].seconds, units[i].unit);
  g_assert_not_reached();
}

char *tarn_format_count(gint64 count) {
  g_autofree char *digits = g_strdup_printf("%" G_GINT64_FORMAT, count);
  const char *p = *digits == '-' ? digits + 1 : digits;
  GString *out = g_string_new(*digits == '-' ? "-" : "");
  for (gsize left = strlen(p); left > 0; left--) {
    g_string_append_c(out, *p++);
    if (left > 1 && left % 3 == 1) g_string_append_c(out, ',');
  }
  return g_string_free(out, FALSE);
}
