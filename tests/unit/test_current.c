/* Generations under a server: files are put in place of each other, and the one that answers follows, or does not. */
#include "serve/current.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "lakehouse/system.h"

#define NEVER_US (G_GINT64_CONSTANT(3600) * G_USEC_PER_SEC) /* so that only the other way can be what worked */
#define PATIENCE_US (G_GINT64_CONSTANT(60) * G_USEC_PER_SEC)

static const TarnServedStatement statements[] = {{"content", "SELECT content FROM gold"}};

typedef struct {
  TarnCurrentEvent event;
  gint64 generation;
  char *message;
} Told;

/* A folder with a published file, and what a server on it was told. */
typedef struct {
  char *folder, *path, *kept;
  GMutex mutex;
  GCond cond;
  GQueue told; /* Told */
  gint closed; /* generations closed so far */
  TarnCurrent *current;
} World;

static void told_free(Told *told) {
  g_free(told->message);
  g_free(told);
}

static void on_event(gpointer user, TarnCurrentEvent event, const TarnGeneration *generation, const GError *error) {
  World *world = user;
  Told *told = g_new0(Told, 1);
  *told = (Told){event, generation ? generation->number : 0, error ? g_strdup(error->message) : NULL};
  g_mutex_lock(&world->mutex);
  g_queue_push_tail(&world->told, told);
  g_cond_broadcast(&world->cond);
  g_mutex_unlock(&world->mutex);
}

static void on_closed(gpointer user, const TarnGeneration *generation) {
  World *world = user;
  (void)generation;
  g_mutex_lock(&world->mutex);
  world->closed++;
  g_cond_broadcast(&world->cond);
  g_mutex_unlock(&world->mutex);
}

/* The next event must be this one; a message may be a part. */
static void expect(World *world, TarnCurrentEvent event, gint64 generation, const char *message) {
  gint64 deadline = g_get_monotonic_time() + PATIENCE_US;
  g_mutex_lock(&world->mutex);
  while (g_queue_is_empty(&world->told))
    if (!g_cond_wait_until(&world->cond, &world->mutex, deadline)) g_error("nothing was told");
  Told *told = g_queue_pop_head(&world->told);
  g_mutex_unlock(&world->mutex);
  g_assert_cmpint(told->event, ==, event);
  g_assert_cmpint(told->generation, ==, generation);
  if (message && !strstr(told->message, message)) g_error("'%s' is not in: %s", message, told->message);
  told_free(told);
}

static void expect_closed(World *world, gint count) {
  gint64 deadline = g_get_monotonic_time() + PATIENCE_US;
  g_mutex_lock(&world->mutex);
  while (world->closed < count)
    if (!g_cond_wait_until(&world->cond, &world->mutex, deadline)) g_error("%d are closed", world->closed);
  g_assert_cmpint(world->closed, ==, count);
  g_mutex_unlock(&world->mutex);
}

static void world_init(World *world) {
  *world = (World){.folder = g_dir_make_tmp("tarn-XXXXXX", NULL)};
  world->path = g_build_filename(world->folder, "x.duckdb", NULL);
  world->kept = g_strconcat(world->path, ".d", NULL);
  g_assert_cmpint(g_mkdir(world->kept, 0755), ==, 0);
  g_mutex_init(&world->mutex);
  g_cond_init(&world->cond);
}

static void remove_files(const char *folder) {
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  for (const char *name; (name = g_dir_read_name(dir));) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_unlink(path);
  }
}

static void world_clear(World *world) {
  tarn_current_stop(world->current);
  g_queue_clear_full(&world->told, (GDestroyNotify)told_free);
  remove_files(world->kept);
  g_rmdir(world->kept);
  remove_files(world->folder);
  g_rmdir(world->folder);
  g_free(world->folder), g_free(world->path), g_free(world->kept);
  g_mutex_clear(&world->mutex);
  g_cond_clear(&world->cond);
}

static gboolean start_with(World *world, const TarnCurrentOptions *changed, GError **error) {
  TarnCurrentOptions options = *changed;
  options.database = world->path;
  options.served = (TarnServedOptions){.workers = 1};
  options.statements = statements;
  options.n_statements = G_N_ELEMENTS(statements);
  options.event = on_event;
  options.closed = on_closed;
  options.user = world;
  world->current = tarn_current_start(&options, error);
  return world->current != NULL;
}

static void start(World *world) {
  const TarnCurrentOptions options = {
      .inotify = TRUE, .poll_us = NEVER_US, .max_pinned = 2, .pinned_idle_us = NEVER_US};
  g_assert_true(start_with(world, &options, NULL));
}

/* A lakehouse file whose gold table says which generation it is. sql is run on it too. */
static char *make_file(World *world, gint64 number, const char *sql) {
  char *path = g_strdup_printf("%s/new.duckdb", world->kept);
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnDb) db = tarn_db_open(path, NULL, &error);
  g_autoptr(TarnConn) conn = tarn_db_connect(db, &error);
  g_autofree char *run = g_strdup_printf("run %" G_GINT64_FORMAT, number);
  g_autofree char *table = g_strdup_printf("CREATE TABLE gold AS SELECT %" G_GINT64_FORMAT " AS content", number);
  const TarnGenerationRow row = {.generation = number, .run_id = run, .project_digest = "d"};
  g_assert_true(tarn_system_install(conn, &error) && tarn_system_add_generation(conn, &row, &error) &&
                tarn_conn_exec(conn, table, &error) && (!sql || tarn_conn_exec(conn, sql, &error)) &&
                tarn_conn_exec(conn, "CHECKPOINT", &error));
  tarn_conn_close(g_steal_pointer(&conn));
  return path;
}

static void publish_changed(World *world, gint64 number, const char *sql) {
  g_autofree char *made = make_file(world, number, sql);
  g_assert_cmpint(rename(made, world->path), ==, 0);
}

static void publish(World *world, gint64 number) { publish_changed(world, number, NULL); }

/* As a run does: the old one gets a second name first. */
static void keep_published(World *world, gint64 number) {
  g_autofree char *kept = g_strdup_printf("%s/generation-%" G_GINT64_FORMAT ".duckdb", world->kept, number);
  g_assert_cmpint(link(world->path, kept), ==, 0);
}

static void remove_kept(World *world, gint64 number) {
  g_autofree char *kept = g_strdup_printf("%s/generation-%" G_GINT64_FORMAT ".duckdb", world->kept, number);
  g_assert_cmpint(g_unlink(kept), ==, 0);
}

static void publish_bytes(World *world, const char *bytes) {
  g_autofree char *made = g_build_filename(world->kept, "new.duckdb", NULL);
  g_assert_true(g_file_set_contents(made, bytes, -1, NULL));
  g_assert_cmpint(rename(made, world->path), ==, 0);
}

static gint64 content(TarnServed *served) {
  TarnServedWorker *worker = tarn_served_take_worker(served, NULL);
  g_autoptr(TarnResult) result = tarn_statement_query(tarn_served_worker_statement(worker, 0), NULL);
  gint64 value = tarn_result_int(result, 0, 0);
  tarn_result_free(g_steal_pointer(&result));
  tarn_served_give_worker(served, worker);
  return value;
}

/* What answers, and that its file and its number agree. */
static gint64 answering(World *world) {
  g_autoptr(TarnServed) served = tarn_current_take(world->current);
  g_assert_cmpint(content(served), ==, tarn_served_generation(served)->number);
  return content(served);
}

static void assert_opened(World *world, guint opened, guint pinned) {
  TarnCurrentState state;
  tarn_current_state(world->current, &state);
  g_assert_cmpuint(state.opened, ==, opened);
  g_assert_cmpuint(state.pinned, ==, pinned);
  tarn_current_state_clear(&state);
}

/* ---- the published file ---- */

static void test_waits_for_the_first_generation(void) {
  World world;
  world_init(&world);
  start(&world);
  expect(&world, TARN_CURRENT_WAITING, 0, NULL);
  g_assert_null(tarn_current_take(world.current));
  TarnServed *pinned;
  g_assert_cmpint(tarn_current_pin(world.current, 1, &pinned), ==, TARN_PIN_WAITING);
  publish(&world, 1);
  expect(&world, TARN_CURRENT_SERVING, 1, NULL);
  g_assert_cmpint(answering(&world), ==, 1);
  world_clear(&world);
}

static void follow(const TarnCurrentOptions *options) {
  World world;
  world_init(&world);
  publish(&world, 1);
  g_assert_true(start_with(&world, options, NULL));
  expect(&world, TARN_CURRENT_SERVING, 1, NULL);
  for (gint64 number = 2; number <= 5; number++) {
    g_autoptr(TarnServed) old = tarn_current_take(world.current);
    publish(&world, number);
    expect(&world, TARN_CURRENT_SERVING, number, NULL);
    g_assert_cmpint(answering(&world), ==, number);
    g_assert_cmpint(content(old), ==, number - 1);
    expect_closed(&world, (gint)number - 2);
    assert_opened(&world, 2, 0);
    tarn_served_unref(g_steal_pointer(&old));
    expect_closed(&world, (gint)number - 1);
  }
  world_clear(&world);
}

static void test_follows_by_inotify(void) {
  const TarnCurrentOptions options = {.inotify = TRUE, .poll_us = NEVER_US, .pinned_idle_us = NEVER_US};
  follow(&options);
}

static void test_follows_by_polling(void) {
  const TarnCurrentOptions options = {.inotify = FALSE, .poll_us = 1000, .pinned_idle_us = NEVER_US};
  follow(&options);
}

static void test_a_folder_that_comes_later(void) {
  World world;
  world_init(&world);
  g_autofree char *path = g_steal_pointer(&world.path);
  g_autofree char *later = g_build_filename(world.folder, "later", NULL);
  g_autofree char *target = g_build_filename(later, "x.duckdb", NULL);
  world.path = g_strdup(target);
  const TarnCurrentOptions options = {.inotify = TRUE, .poll_us = 1000, .pinned_idle_us = NEVER_US};
  g_assert_true(start_with(&world, &options, NULL));
  expect(&world, TARN_CURRENT_WAITING, 0, NULL);
  g_assert_cmpint(g_mkdir(later, 0755), ==, 0);
  publish(&world, 1);
  expect(&world, TARN_CURRENT_SERVING, 1, NULL);
  g_unlink(target);
  g_rmdir(later);
  world_clear(&world);
}

/* ---- files that are refused ---- */

static void refuse_garbage(World *world) { publish_bytes(world, "this is no database at all"); }

static void refuse_cut_off(World *world) {
  g_autofree char *made = make_file(world, 2, NULL);
  g_assert_cmpint(truncate(made, 5000), ==, 0);
  g_assert_cmpint(rename(made, world->path), ==, 0);
}

static void refuse_foreign(World *world) { publish_changed(world, 2, "DROP SCHEMA tarn CASCADE"); }
static void refuse_newer(World *world) {
  publish_changed(world, 2, "UPDATE tarn.meta SET value = '99' WHERE key = 'format'");
}
static void refuse_unpublished(World *world) { publish_changed(world, 2, "DELETE FROM tarn.generations"); }
static void refuse_unfit(World *world) { publish_changed(world, 2, "ALTER TABLE gold RENAME content TO other"); }

static void refuse_wal(World *world) {
  g_autofree char *wal = g_strconcat(world->path, ".wal", NULL);
  g_assert_true(g_file_set_contents(wal, "x", 1, NULL));
  publish(world, 2);
}

static const struct {
  const char *name;
  void (*publish)(World *world);
  const char *said;
} refused[] = {
    {"garbage", refuse_garbage, "cannot open the published file"},
    {"cut off", refuse_cut_off, "cannot open the published file"},
    {"not Tarn's", refuse_foreign, "no Tarn lakehouse"},
    {"newer format", refuse_newer, "format 99"},
    {"never published", refuse_unpublished, "never published"},
    {"without what an endpoint reads", refuse_unfit, "the endpoint content does not fit"},
    {"with a log", refuse_wal, "write-ahead log"},
};

static void test_a_refused_file(gconstpointer data) {
  guint i = GPOINTER_TO_UINT(data);
  World world;
  world_init(&world);
  publish(&world, 1);
  const TarnCurrentOptions options = {.inotify = TRUE, .poll_us = 1000, .pinned_idle_us = NEVER_US};
  g_assert_true(start_with(&world, &options, NULL));
  expect(&world, TARN_CURRENT_SERVING, 1, NULL);
  refused[i].publish(&world);
  expect(&world, TARN_CURRENT_REFUSED, 0, NULL);
  g_assert_cmpint(answering(&world), ==, 1);
  TarnCurrentState state;
  tarn_current_state(world.current, &state);
  g_assert_nonnull(strstr(state.refused, refused[i].said));
  g_assert_null(strstr(state.refused, world.folder));
  g_assert_nonnull(state.refused_hint);
  g_assert_cmpuint(state.refusals, ==, 1);
  g_assert_cmpint(state.generation, ==, 1);
  tarn_current_state_clear(&state);
  g_unlink(world.path);
  remove_files(world.folder); /* the log, too */
  expect(&world, TARN_CURRENT_REFUSED, 0,
         "the published file is gone"); /* nothing was told between: once, not per poll */
  publish(&world, 3);
  expect(&world, TARN_CURRENT_SERVING, 3, NULL);
  tarn_current_state(world.current, &state);
  g_assert_null(state.refused);
  g_assert_cmpint(answering(&world), ==, 3);
  tarn_current_state_clear(&state);
  world_clear(&world);
}

static void test_a_refused_file_fails_the_start(void) {
  for (guint i = 0; i < G_N_ELEMENTS(refused); i++) {
    World world;
    g_autoptr(GError) error = NULL;
    const TarnCurrentOptions options = {.inotify = TRUE, .poll_us = NEVER_US, .pinned_idle_us = NEVER_US};
    world_init(&world);
    refused[i].publish(&world);
    g_assert_false(start_with(&world, &options, &error));
    g_assert_nonnull(error);
    world_clear(&world);
  }
}

static void test_the_same_file_comes_back(void) {
  World world;
  world_init(&world);
  publish(&world, 1);
  keep_published(&world, 1);
  start(&world);
  expect(&world, TARN_CURRENT_SERVING, 1, NULL);
  publish_bytes(&world, "garbage");
  expect(&world, TARN_CURRENT_REFUSED, 0, NULL);
  g_autofree char *kept = g_build_filename(world.kept, "generation-1.duckdb", NULL);
  g_assert_cmpint(rename(kept, world.path), ==, 0);
  publish(&world, 2);
  expect(&world, TARN_CURRENT_SERVING, 2, NULL); /* and not 1 again */
  expect_closed(&world, 1);
  world_clear(&world);
}

/* ---- pinned generations ---- */

static void publish_three(World *world) {
  for (gint64 number = 1; number <= 3; number++) {
    publish(world, number);
    if (number < 3) keep_published(world, number);
  }
}

static void test_a_kept_generation_is_opened_when_asked_for(void) {
  World world;
  TarnServed *served = NULL, *again = NULL;
  world_init(&world);
  publish_three(&world);
  start(&world);
  g_assert_null(tarn_current_find(world.current, 1));
  g_assert_cmpint(tarn_current_pin(world.current, 1, &served), ==, TARN_PIN_OK);
  g_assert_cmpint(content(served), ==, 1);
  remove_kept(&world, 1);
  g_assert_cmpint(content(served), ==, 1);
  g_assert_cmpint(tarn_current_pin(world.current, 1, &again), ==, TARN_PIN_OK);
  g_assert_true(served == again);
  g_assert_cmpint(answering(&world), ==, 3);
  assert_opened(&world, 2, 1);
  tarn_served_unref(served), tarn_served_unref(again);
  world_clear(&world);
}

static void test_what_cannot_be_pinned(void) {
  World world;
  TarnServed *served, *second;
  world_init(&world);
  publish_three(&world);
  const TarnCurrentOptions options = {
      .inotify = TRUE, .poll_us = NEVER_US, .max_pinned = 1, .pinned_idle_us = NEVER_US};
  g_assert_true(start_with(&world, &options, NULL));
  g_autoptr(GArray) available = tarn_current_available(world.current);
  g_assert_cmpuint(available->len, ==, 3);
  for (guint i = 0; i < 3; i++) g_assert_cmpint(g_array_index(available, gint64, i), ==, 3 - i);
  g_assert_cmpint(tarn_current_pin(world.current, 4, &served), ==, TARN_PIN_NEVER);
  g_assert_cmpint(tarn_current_pin(world.current, 0, &served), ==, TARN_PIN_NEVER);
  g_assert_cmpint(tarn_current_pin(world.current, G_MININT64, &served), ==, TARN_PIN_NEVER);
  remove_kept(&world, 1);
  g_assert_cmpint(tarn_current_pin(world.current, 1, &served), ==, TARN_PIN_GONE);
  keep_published(&world, 1); /* a file that is another than its name says */
  g_assert_cmpint(tarn_current_pin(world.current, 1, &served), ==, TARN_PIN_UNFIT);
  g_assert_cmpint(tarn_current_pin(world.current, 2, &served), ==, TARN_PIN_OK);
  remove_kept(&world, 1);
  g_autofree char *kept = g_strdup_printf("%s/generation-1.duckdb", world.kept);
  g_assert_true(g_file_set_contents(kept, "garbage", -1, NULL));
  g_assert_cmpint(tarn_current_pin(world.current, 1, &second), ==, TARN_PIN_BUSY);
  g_assert_cmpint(tarn_current_pin(world.current, 3, &second), ==, TARN_PIN_OK);
  tarn_served_unref(served), tarn_served_unref(second);
  world_clear(&world);
}

static void test_idle_ones_are_closed(void) {
  World world;
  TarnServed *served;
  world_init(&world);
  publish_three(&world);
  const TarnCurrentOptions options = {.inotify = TRUE, .poll_us = NEVER_US, .max_pinned = 1, .pinned_idle_us = 1000};
  g_assert_true(start_with(&world, &options, NULL));
  for (gint i = 0; i < 3; i++) {
    g_assert_cmpint(tarn_current_pin(world.current, 1 + i % 2, &served), ==, TARN_PIN_OK);
    tarn_served_unref(served);
    expect_closed(&world, i + 1);
  }
  assert_opened(&world, 1, 0);
  world_clear(&world);
}

/* Somebody who reads page after page of the current generation goes on with it when it is replaced. */
static void test_a_pinned_current_generation_stays(void) {
  World world;
  TarnServed *served;
  world_init(&world);
  publish(&world, 1);
  start(&world);
  expect(&world, TARN_CURRENT_SERVING, 1, NULL);
  g_assert_cmpint(tarn_current_pin(world.current, 1, &served), ==, TARN_PIN_OK);
  tarn_served_unref(served);
  publish(&world, 2); /* the first is not kept */
  expect(&world, TARN_CURRENT_SERVING, 2, NULL);
  g_assert_cmpint(tarn_current_pin(world.current, 1, &served), ==, TARN_PIN_OK);
  g_assert_cmpint(content(served), ==, 1);
  tarn_served_unref(served);
  assert_opened(&world, 2, 1);
  world_clear(&world);
}

/* DuckDB's lock on a file is lost when it is opened a second time in one process. */
static void test_no_file_is_open_twice(void) {
  World world;
  TarnServed *served;
  world_init(&world);
  publish(&world, 1);
  start(&world);
  expect(&world, TARN_CURRENT_SERVING, 1, NULL);
  g_autoptr(TarnServed) old = tarn_current_take(world.current);
  keep_published(&world, 1);
  publish(&world, 2);
  expect(&world, TARN_CURRENT_SERVING, 2, NULL);
  g_assert_cmpint(tarn_current_pin(world.current, 1, &served), ==, TARN_PIN_OK);
  g_assert_true(served == old);
  assert_opened(&world, 2, 1);
  tarn_served_unref(served), tarn_served_unref(g_steal_pointer(&old));
  world_clear(&world);
}

/* ---- many threads ---- */

typedef struct {
  World *world;
  gint *stop; /* atomic */
  guint answers;
} Reader;

static gpointer read_on(gpointer user) {
  Reader *reader = user;
  for (guint i = 0; !g_atomic_int_get(reader->stop); i++) {
    g_autoptr(TarnServed) served = tarn_current_take(reader->world->current);
    g_assert_cmpint(content(served), ==, tarn_served_generation(served)->number);
    g_autoptr(TarnServed) pinned = NULL;
    gint64 number = tarn_served_generation(served)->number - i % 3;
    if (tarn_current_pin(reader->world->current, number, &pinned) == TARN_PIN_OK)
      g_assert_cmpint(content(pinned), ==, number);
    reader->answers++;
  }
  return NULL;
}

static void test_readers_while_generations_change(void) {
  World world;
  gint stop = 0;
  Reader readers[4];
  GThread *threads[G_N_ELEMENTS(readers)];
  world_init(&world);
  publish(&world, 1);
  const TarnCurrentOptions options = {.inotify = TRUE, .poll_us = NEVER_US, .max_pinned = 2, .pinned_idle_us = 50000};
  g_assert_true(start_with(&world, &options, NULL));
  expect(&world, TARN_CURRENT_SERVING, 1, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(readers); i++) {
    readers[i] = (Reader){&world, &stop, 0};
    threads[i] = g_thread_new("reader", read_on, &readers[i]);
  }
  for (gint64 number = 2; number <= 10; number++) {
    keep_published(&world, number - 1);
    publish(&world, number);
    expect(&world, TARN_CURRENT_SERVING, number, NULL);
    if (number > 3) remove_kept(&world, number - 3);
  }
  g_atomic_int_set(&stop, 1);
  for (guint i = 0; i < G_N_ELEMENTS(readers); i++) {
    g_thread_join(threads[i]);
    g_assert_cmpuint(readers[i].answers, >, 0);
  }
  world_clear(&world);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/current/waits for the first generation", test_waits_for_the_first_generation);
  g_test_add_func("/current/follows by inotify", test_follows_by_inotify);
  g_test_add_func("/current/follows by polling", test_follows_by_polling);
  g_test_add_func("/current/a folder that comes later", test_a_folder_that_comes_later);
  for (guint i = 0; i < G_N_ELEMENTS(refused); i++) {
    g_autofree char *name = g_strdup_printf("/current/refused: %s", refused[i].name);
    g_test_add_data_func(name, GUINT_TO_POINTER(i), test_a_refused_file);
  }
  g_test_add_func("/current/a refused file fails the start", test_a_refused_file_fails_the_start);
  g_test_add_func("/current/the same file comes back", test_the_same_file_comes_back);
  g_test_add_func("/current/a kept generation is opened when asked for",
                  test_a_kept_generation_is_opened_when_asked_for);
  g_test_add_func("/current/what cannot be pinned", test_what_cannot_be_pinned);
  g_test_add_func("/current/idle ones are closed", test_idle_ones_are_closed);
  g_test_add_func("/current/a pinned current generation stays", test_a_pinned_current_generation_stays);
  g_test_add_func("/current/no file is open twice", test_no_file_is_open_twice);
  g_test_add_func("/current/readers while generations change", test_readers_while_generations_change);
  return g_test_run();
}
