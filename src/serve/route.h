/* Which of the routes a path is meant for. A route is a path pattern such as "/api/v1/subscribers/{subscriber_id}";
 * where several fit, the one whose first differing segment is literal wins. In: patterns, each with what the caller
 * attaches to it. Immutable after the last add, so threads may share it. */
#pragma once
#include <glib.h>

#include "serve/target.h"

typedef struct TarnRoutes TarnRoutes;

TarnRoutes *tarn_routes_new(void);
void tarn_routes_free(TarnRoutes *routes); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnRoutes, tarn_routes_free)

/* attached is borrowed, not NULL. Errors: TARN_ERROR_USAGE: no pattern; the same pattern twice (names of parameters do
 * not tell patterns apart). */
gboolean tarn_routes_add(TarnRoutes *routes, const char *pattern, gpointer attached, GError **error);

/* What was attached to the route that fits, NULL: none does. */
gpointer tarn_routes_match(const TarnRoutes *routes, const TarnTarget *target);

/* All patterns in the order of matching, NULL-terminated, borrowed. */
const char *const *tarn_routes_patterns(const TarnRoutes *routes);

/* The number of the segment {name} of a pattern; -1: none. */
gint tarn_route_segment(const char *pattern, const char *name);
