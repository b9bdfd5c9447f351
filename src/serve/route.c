#include "serve/route.h"

#include <string.h>

#include "base/error.h"

typedef struct {
  char *pattern;
  GStrv segments;
  gpointer attached;
} Route;

struct TarnRoutes {
  GPtrArray *routes;   /* of Route, literal segments first */
  GPtrArray *patterns; /* borrowed from them, NULL-terminated */
};

static void route_free(Route *route) {
  g_free(route->pattern);
  g_strfreev(route->segments);
  g_free(route);
}

TarnRoutes *tarn_routes_new(void) {
  TarnRoutes *routes = g_new0(TarnRoutes, 1);
  routes->routes = g_ptr_array_new_with_free_func((GDestroyNotify)route_free);
  routes->patterns = g_ptr_array_new();
  g_ptr_array_add(routes->patterns, NULL);
  return routes;
}

void tarn_routes_free(TarnRoutes *routes) {
  if (!routes) return;
  g_ptr_array_unref(routes->routes);
  g_ptr_array_unref(routes->patterns);
  g_free(routes);
}

static gboolean is_parameter(const char *segment) { return segment[0] == '{'; }

/* Order of matching; 0: both fit the same paths. */
static gint compare(const Route *a, const Route *b) {
  for (guint i = 0; a->segments[i] && b->segments[i]; i++) {
    gboolean left = is_parameter(a->segments[i]), right = is_parameter(b->segments[i]);
    gint order = left != right ? left - right : left ? 0 : strcmp(a->segments[i], b->segments[i]);
    if (order != 0) return order;
  }
  return (gint)g_strv_length(a->segments) - (gint)g_strv_length(b->segments);
}

static gint compare_pointers(gconstpointer a, gconstpointer b) {
  return compare(*(Route *const *)a, *(Route *const *)b);
}

static void list_patterns(TarnRoutes *routes) {
  g_ptr_array_set_size(routes->patterns, 0);
  for (guint i = 0; i < routes->routes->len; i++)
    g_ptr_array_add(routes->patterns, ((Route *)routes->routes->pdata[i])->pattern);
  g_ptr_array_add(routes->patterns, NULL);
}

gboolean tarn_routes_add(TarnRoutes *routes, const char *pattern, gpointer attached, GError **error) {
  if (!pattern || pattern[0] != '/') {
    tarn_error_set(error, TARN_ERROR_USAGE, "write it like /api/v1/things/{id}", "'%s' is no route",
                   pattern ? pattern : "");
    return FALSE;
  }
  Route *route = g_new0(Route, 1);
  *route = (Route){g_strdup(pattern), g_strsplit(pattern + 1, "/", -1), attached};
  for (guint i = 0; i < routes->routes->len; i++) {
    const Route *other = routes->routes->pdata[i];
    if (compare(route, other) != 0) continue;
    tarn_error_set(error, TARN_ERROR_USAGE, "give one of the two endpoints another route",
                   "the routes %s and %s answer the same paths", other->pattern, pattern);
    route_free(route);
    return FALSE;
  }
  g_ptr_array_add(routes->routes, route);
  g_ptr_array_sort(routes->routes, compare_pointers);
  list_patterns(routes);
  return TRUE;
}

/* A parameter takes any segment but an empty one; what it cannot read is refused later, by name. */
static gboolean fits(const Route *route, const TarnTarget *target) {
  if (g_strv_length(route->segments) != target->segments->len) return FALSE;
  for (guint i = 0; i < target->segments->len; i++) {
    const char *given = target->segments->pdata[i], *wanted = route->segments[i];
    if (is_parameter(wanted) ? g_strcmp0(given, "") == 0 : g_strcmp0(given, wanted) != 0) return FALSE;
  }
  return TRUE;
}

gpointer tarn_routes_match(const TarnRoutes *routes, const TarnTarget *target) {
  for (guint i = 0; i < routes->routes->len; i++) {
    const Route *route = routes->routes->pdata[i];
    if (fits(route, target)) return route->attached;
  }
  return NULL;
}

const char *const *tarn_routes_patterns(const TarnRoutes *routes) {
  return (const char *const *)routes->patterns->pdata;
}

gint tarn_route_segment(const char *pattern, const char *name) {
  g_autofree char *wanted = g_strdup_printf("{%s}", name);
  g_auto(GStrv) segments = g_strsplit(pattern + 1, "/", -1);
  for (gint i = 0; segments[i]; i++)
    if (g_str_equal(segments[i], wanted)) return i;
  return -1;
}
