#include "base/budget.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

#define MIB (1024ULL * 1024)

static guint64 read_number(const char *path) {
  g_autofree char *text = NULL;
  if (!g_file_get_contents(path, &text, NULL, NULL)) return G_MAXUINT64;
  char *end;
  guint64 value = g_ascii_strtoull(text, &end, 10);
  return end == text ? G_MAXUINT64 : value; /* "max" */
}

/* The controller's folder of this process below mount, from /proc/self/cgroup ("0::/a/b" or "5:memory:/a/b"). */
static char *cgroup_path(const char *mount, const char *controller) {
  g_autofree char *text = NULL;
  if (!g_file_get_contents("/proc/self/cgroup", &text, NULL, NULL)) return g_strdup(mount);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line; line++) {
    g_auto(GStrv) parts = g_strsplit(*line, ":", 3);
    if (g_strv_length(parts) < 3) continue;
    g_auto(GStrv) names = g_strsplit(parts[1], ",", -1);
    gboolean hit = controller ? g_strv_contains((const char *const *)names, controller) : *parts[1] == '\0';
    if (hit) return g_build_filename(mount, parts[2], NULL);
  }
  return g_strdup(mount);
}

/* The smallest value of file in the cgroup's folder and in every folder above it up to the mount: limits nest. */
static guint64 smallest_upwards(const char *mount, const char *controller, const char *file) {
  g_autofree char *folder = cgroup_path(mount, controller);
  guint64 smallest = G_MAXUINT64;
  while (strlen(folder) >= strlen(mount)) {
    g_autofree char *path = g_build_filename(folder, file, NULL);
    smallest = MIN(smallest, read_number(path));
    char *parent = g_path_get_dirname(folder);
    g_free(folder);
    folder = parent;
  }
  return smallest;
}

static double cpu_limit(void) {
  double limit = (double)sysconf(_SC_NPROCESSORS_ONLN);
  g_autofree char *folder = cgroup_path("/sys/fs/cgroup", NULL);
  g_autofree char *path = g_build_filename(folder, "cpu.max", NULL);
  g_autofree char *text = NULL;
  if (g_file_get_contents(path, &text, NULL, NULL)) {
    g_auto(GStrv) parts = g_strsplit(g_strstrip(text), " ", 2);
    double quota = g_ascii_strtod(parts[0], NULL), period = parts[1] ? g_ascii_strtod(parts[1], NULL) : 0;
    if (quota > 0 && period > 0) limit = MIN(limit, quota / period);
  }
  guint64 quota = smallest_upwards("/sys/fs/cgroup/cpu", "cpu", "cpu.cfs_quota_us");
  guint64 period = smallest_upwards("/sys/fs/cgroup/cpu", "cpu", "cpu.cfs_period_us");
  if (quota > 0 && quota < G_MAXINT64 && period > 0 && period < G_MAXINT64)
    limit = MIN(limit, (double)quota / (double)period);
  return limit;
}

static gboolean apply_environment(TarnBudget *budget, GError **error) {
  const char *memory = g_getenv("TARN_MEMORY_LIMIT"), *threads = g_getenv("TARN_THREADS");
  if (memory && *memory) {
    if (!tarn_parse_size(memory, &budget->memory_bytes, error)) {
      g_prefix_error(error, "TARN_MEMORY_LIMIT: ");
      return FALSE;
    }
    budget->limited = TRUE;
  }
  if (threads && *threads) {
    guint64 value;
    if (!g_ascii_string_to_unsigned(threads, 10, 1, 1024, &value, NULL)) {
      tarn_error_set(error, TARN_ERROR_USAGE, "give a number of threads from 1 to 1024",
                     "TARN_THREADS: '%s' is no number of threads", threads);
      return FALSE;
    }
    budget->threads = (guint)value;
  }
  return TRUE;
}

gboolean tarn_budget_read(TarnBudget *budget, GError **error) {
  guint64 machine = (guint64)sysconf(_SC_PHYS_PAGES) * (guint64)sysconf(_SC_PAGESIZE);
  guint64 cgroup = MIN(smallest_upwards("/sys/fs/cgroup", NULL, "memory.max"),
                       smallest_upwards("/sys/fs/cgroup/memory", "memory", "memory.limit_in_bytes"));
  TarnBudget found = {.threads = (guint)MAX(1.0, cpu_limit() + 0.5)};
  found.limited = cgroup < machine;
  found.memory_bytes = found.limited ? cgroup : MIN(machine / 2, 1024 * MIB);
  if (!apply_environment(&found, error)) return FALSE;
  found.engine_bytes = MAX(found.memory_bytes / 2, 64 * MIB);
  *budget = found;
  return TRUE;
}

typedef struct {
  const char *name;
  double factor;
} Unit;

static gboolean parse_with_unit(const char *text, const Unit *units, const char *example, double *value,
                                GError **error) {
  char *end = NULL;
  double number = g_ascii_strtod(text, &end);
  while (end != text && g_ascii_isspace(*end)) end++;
  for (const Unit *unit = units; end != text && number >= 0 && unit->name; unit++) {
    if (g_ascii_strcasecmp(end, unit->name) != 0) continue;
    *value = number * unit->factor;
    if (*value < (double)G_MAXINT64) return TRUE;
    tarn_error_set(error, TARN_ERROR_USAGE, example, "'%s' is too large", text);
    return FALSE;
  }
  tarn_error_set(error, TARN_ERROR_USAGE, example, "'%s' is not understood", text);
  return FALSE;
}

gboolean tarn_parse_size(const char *text, guint64 *bytes, GError **error) {
  static const Unit units[] = {
      {"", 1},     {"b", 1},           {"kb", 1e3},         {"k", 1024},          {"kib", 1024},
      {"mb", 1e6}, {"m", 1048576},     {"mi", 1048576},     {"mib", 1048576},     {"ki", 1024},
      {"gb", 1e9}, {"g", 1073741824.}, {"gi", 1073741824.}, {"gib", 1073741824.}, {NULL, 0}};
  double value;
  if (!parse_with_unit(text, units, "write a size such as 512MiB, 1GB or 1048576", &value, error)) return FALSE;
  *bytes = (guint64)value;
  return TRUE;
}

gboolean tarn_parse_duration(const char *text, gint64 *microseconds, GError **error) {
  static const Unit units[] = {{"ms", 1e3},   {"s", 1e6},    {"", 1e6},      {"m", 60e6},
                               {"min", 60e6}, {"h", 3600e6}, {"d", 86400e6}, {NULL, 0}};
  double value;
  if (!parse_with_unit(text, units, "write a duration such as 30s, 15m, 1h or 2d", &value, error)) return FALSE;
  *microseconds = (gint64)value;
  return TRUE;
}

char *tarn_format_size(guint64 bytes) { return g_format_size_full(bytes, G_FORMAT_SIZE_IEC_UNITS); }
