/* Runs a fuzz harness over the files of its corpus, one TAP test each: so that every input that ever broke something
 * is an ordinary test. Linked in place of libFuzzer's main. */
#include <glib.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int compare_names(gconstpointer a, gconstpointer b) { return g_strcmp0(*(char *const *)a, *(char *const *)b); }

static GPtrArray *list_files(const char *folder) {
  GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name(dir))) g_ptr_array_add(names, g_strdup(name));
  g_ptr_array_sort(names, compare_names);
  return names;
}

/* The bytes are copied to a block of exactly their size, so that AddressSanitizer sees a read one past the end. */
static gboolean replay(const char *path) {
  g_autofree char *text = NULL;
  gsize size = 0;
  if (!g_file_get_contents(path, &text, &size, NULL)) return FALSE;
  g_autofree uint8_t *exact = g_malloc(MAX(size, 1));
  memcpy(exact, text, size);
  LLVMFuzzerTestOneInput(exact, size);
  return TRUE;
}

int main(int argc, char **argv) {
  const char *folder = argc > 1 ? argv[1] : ".";
  g_autoptr(GPtrArray) names = list_files(folder);
  printf("1..%u\n", MAX(names->len, 1));
  if (names->len == 0) printf("not ok 1 - no corpus in %s\n", folder);
  gboolean all_ok = names->len > 0;
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *path = g_build_filename(folder, names->pdata[i], NULL);
    fflush(stdout);
    gboolean ok = replay(path);
    all_ok = all_ok && ok;
    printf("%sok %u - %s\n", ok ? "" : "not ", i + 1, (char *)names->pdata[i]);
  }
  return all_ok ? 0 : 1;
}
