#include "project/config.h"

#include <string.h>

#include "project/frontmatter.h"

#define KIB 1024.0
#define GIB (KIB * KIB * KIB)

static void rule_free(TarnQualityRule *rule) {
  g_free(rule->name);
  g_free(rule->predicate);
  g_free(rule);
}

static void property_free(TarnKafkaProperty *property) {
  g_free(property->name);
  g_free(property->value);
  g_free(property);
}

static const char *const source_kinds[] = {[TARN_SOURCE_NDJSON] = "ndjson", [TARN_SOURCE_KAFKA] = "kafka", NULL};
static const char *const gap_rules[] = {[TARN_GAP_STOP] = "stop", [TARN_GAP_CONTINUE] = "continue", NULL};

static const TarnKey property_keys[] = {
    {"value", TARN_KEY_TEXT, offsetof(TarnKafkaProperty, value),
     "its value; `${NAME}` is taken from the environment, `${file:PATH}` from a file: secrets must be",
     .required = TRUE},
    {NULL},
};
static const TarnKeyObject properties = {.size = sizeof(TarnKafkaProperty),
                                         .free = (GDestroyNotify)property_free,
                                         .keys = property_keys,
                                         .by_name = TRUE,
                                         .any_name = TRUE,
                                         .name_offset = offsetof(TarnKafkaProperty, name),
                                         .line_offset = offsetof(TarnKafkaProperty, line)};

static const TarnKey source_keys[] = {
    {"kind", TARN_KEY_CHOICE, offsetof(TarnConfig, source_kind),
     "where events come from: files of one JSON object per line, or Kafka topics", .fallback = "ndjson",
     .choices = source_kinds},
    {"paths", TARN_KEY_TEXTS, offsetof(TarnConfig, source_paths),
     "ndjson: files and globs, relative to the project; .gz and .zst are unpacked", .fallback = "events/*.ndjson"},
    {"brokers", TARN_KEY_TEXTS, offsetof(TarnConfig, brokers),
     "kafka: some of the cluster's brokers, host:port; KAFKA_BROKERS in the environment wins"},
    {"topics", TARN_KEY_TEXTS, offsetof(TarnConfig, topics),
     "kafka: names of topics; KAFKA_TOPIC in the environment wins"},
    {"group", TARN_KEY_TEXT, offsetof(TarnConfig, group),
     "kafka: consumer group whose offsets tell lag to other tools; Tarn itself never reads them",
     .fallback_help = "`tarn-NAME`"},
    {"on_gap", TARN_KEY_CHOICE, offsetof(TarnConfig, on_gap),
     "kafka: what to do where records are gone that were not read: end with exit code 3, or record it in tarn.gaps",
     .fallback = "stop", .choices = gap_rules},
    {"timeout", TARN_KEY_DURATION, offsetof(TarnConfig, source_timeout_us),
     "kafka: how long the brokers may be silent before the run gives up", .fallback = "30s"},
    {"kafka", TARN_KEY_OBJECTS, offsetof(TarnConfig, properties),
     "kafka: any properties of librdkafka, such as security.protocol, sasl.username, ssl.ca.location",
     .object = &properties},
    {"max_depth", TARN_KEY_COUNT, offsetof(TarnConfig, max_depth), "deeper nested records are quarantined",
     .fallback = "64", .minimum = 1, .maximum = 1000},
    {"max_record_bytes", TARN_KEY_SIZE, offsetof(TarnConfig, max_record_bytes),
     "longer records are quarantined with their beginning, length and SHA-256", .fallback = "1MiB", .minimum = KIB,
     .maximum = GIB},
    {NULL},
};

static const TarnKey bronze_keys[] = {
    {"table", TARN_KEY_NAME, offsetof(TarnConfig, bronze_table), "name of the bronze table",
     .fallback = "bronze_raw_events"},
    {"envelope", TARN_KEY_NAMES, offsetof(TarnConfig, envelope),
     "top-level fields of an event that become VARCHAR columns, in order", .required = TRUE},
    {"payload", TARN_KEY_TEXT, offsetof(TarnConfig, payload), "top-level field whose exact text becomes raw_payload",
     .fallback = "payload"},
    {NULL},
};

static const TarnKey rule_keys[] = {
    {"name", TARN_KEY_NAME, offsetof(TarnQualityRule, name), "name of the rule in quality_reasons", .required = TRUE},
    {"weight", TARN_KEY_COUNT, offsetof(TarnQualityRule, weight), "taken off the score where the rule fails",
     .required = TRUE, .minimum = 0, .maximum = 100},
    {"predicate", TARN_KEY_TEXT, offsetof(TarnQualityRule, predicate),
     "SQL over the bronze columns; the rule fails unless it is true", .required = TRUE},
    {NULL},
};
static const TarnKeyObject rules = {.size = sizeof(TarnQualityRule),
                                    .free = (GDestroyNotify)rule_free,
                                    .keys = rule_keys,
                                    .line_offset = offsetof(TarnQualityRule, line)};

static const TarnKey quality_keys[] = {
    {"rules", TARN_KEY_OBJECTS, offsetof(TarnConfig, rules),
     "every event starts at 100 and loses the weight of each rule that fails, down to 0", .object = &rules},
    {NULL},
};

static const TarnKey publish_keys[] = {
    {"keep", TARN_KEY_COUNT, offsetof(TarnConfig, keep), "older generations kept beside the published one",
     .fallback = "1", .minimum = 0, .maximum = 1000},
    {"min_interval", TARN_KEY_DURATION, offsetof(TarnConfig, min_interval_us),
     "frequent runs publish at most this often", .fallback = "60s"},
    {NULL},
};

static const TarnKey archive_keys[] = {
    {"folder", TARN_KEY_TEXT, offsetof(TarnConfig, archive_folder),
     "where `tarn archive` copies bronze to, relative to the project, best on another volume; TARN_ARCHIVE in the "
     "environment wins"},
    {NULL},
};

static const char *const auth_kinds[] = {"auto", "keys", "none", NULL}; /* TarnAuth */

static const char *const watch_names[] = {"inotify", "poll", NULL}; /* TarnWatchKind */

static const TarnKey serve_keys[] = {
    {"host", TARN_KEY_TEXT, offsetof(TarnConfig, host), "address that the server listens on", .fallback = "127.0.0.1"},
    {"port", TARN_KEY_COUNT, offsetof(TarnConfig, port),
     "port that the server listens on; PORT in the environment wins", .fallback = "8000", .minimum = 0,
     .maximum = 65535},
    {"auth", TARN_KEY_CHOICE, offsetof(TarnConfig, auth),
     "auto: keys where there are keys, else this machine alone; keys: there must be keys; none: everyone may read",
     .fallback = "auto", .choices = auth_kinds},
    {"keys_file", TARN_KEY_TEXT, offsetof(TarnConfig, keys_file),
     "file of API keys (`tarn keys`), or folder of such files; relative to the project; TARN_KEYS_FILE wins"},
    {"cors", TARN_KEY_TEXTS, offsetof(TarnConfig, cors),
     "origins such as https://app.example whose pages may read answers in a browser; *: all"},
    {"metrics_port", TARN_KEY_COUNT, offsetof(TarnConfig, metrics_port),
     "port of its own for /metrics, /livez and /readyz, without keys; 0: none", .fallback = "0", .minimum = 0,
     .maximum = 65535},
    {"cache", TARN_KEY_SIZE, offsetof(TarnConfig, serve_cache), "memory for answers that were made before; 0: none",
     .fallback = "64MiB", .minimum = 0, .maximum = 64 * GIB},
    {"pinned", TARN_KEY_COUNT, offsetof(TarnConfig, serve_pinned),
     "kept generations open at once for `?generation=N`; further ones get 503", .fallback = "4", .minimum = 0,
     .maximum = 100},
    {"watch", TARN_KEY_CHOICE, offsetof(TarnConfig, serve_watch),
     "how a new generation is noticed: told by the system as well, or by looking every `poll_interval` alone",
     .fallback = "inotify", .choices = watch_names},
    {"poll_interval", TARN_KEY_DURATION, offsetof(TarnConfig, serve_poll_us),
     "how often the published file is looked at in any case", .fallback = "1s"},
    {"queue", TARN_KEY_COUNT, offsetof(TarnConfig, serve_queue),
     "requests that may wait for the engine; further ones get 503 and Retry-After", .fallback = "256", .minimum = 0,
     .maximum = 100000},
    {"timeout", TARN_KEY_DURATION, offsetof(TarnConfig, serve_timeout_us),
     "a query that the engine works on for longer is stopped (503)", .fallback = "30s"},
    {"max_streams", TARN_KEY_COUNT, offsetof(TarnConfig, serve_max_streams),
     "answers above 1 MiB that are sent at once; further ones get 503", .fallback = "32", .minimum = 1,
     .maximum = 10000},
    {"max_body", TARN_KEY_SIZE, offsetof(TarnConfig, serve_max_body), "a request's longer body is refused (413)",
     .fallback = "1MiB", .minimum = 0, .maximum = GIB},
    {"max_connections", TARN_KEY_COUNT, offsetof(TarnConfig, serve_max_connections),
     "connections open at once, as far as the process may open files; further ones wait", .fallback = "10000",
     .minimum = 1, .maximum = 1000000},
    {"client_timeout", TARN_KEY_DURATION, offsetof(TarnConfig, serve_client_timeout_us),
     "how long a client may take to send its request, stay idle between two, or take 64 KiB of an answer",
     .fallback = "30s"},
    {"drain_timeout", TARN_KEY_DURATION, offsetof(TarnConfig, serve_drain_timeout_us),
     "how long SIGTERM waits for the requests in flight", .fallback = "10s"},
    {"max_download", TARN_KEY_SIZE, offsetof(TarnConfig, serve_max_download),
     "a Parquet file that is asked for may be so long; it is written below TMPDIR first", .fallback = "1GiB",
     .minimum = KIB, .maximum = 1024 * GIB},
    {"tables", TARN_KEY_NAMES, offsetof(TarnConfig, tables),
     "tables of the project whose rows `/api/v1/tables/NAME` gives; without it there are none"},
    {NULL},
};

const TarnKey tarn_config_keys[] = {
    {"name", TARN_KEY_NAME, offsetof(TarnConfig, name), "the project's name", .required = TRUE},
    {"database", TARN_KEY_TEXT, offsetof(TarnConfig, database),
     "the published file, relative to the project; DB_PATH in the environment wins", .fallback_help = "`NAME.duckdb`"},
    {"source", TARN_KEY_SECTION, 0, NULL, .keys = source_keys},
    {"bronze", TARN_KEY_SECTION, 0, NULL, .keys = bronze_keys},
    {"quality", TARN_KEY_SECTION, 0, NULL, .keys = quality_keys},
    {"publish", TARN_KEY_SECTION, 0, NULL, .keys = publish_keys},
    {"archive", TARN_KEY_SECTION, 0, NULL, .keys = archive_keys},
    {"serve", TARN_KEY_SECTION, 0, NULL, .keys = serve_keys},
    {NULL},
};

/* Columns that bronze has besides the envelope (lakehouse/bronze.h). */
static const char *const bronze_columns[] = {"raw_payload",   "extra",      "quality_score",  "quality_reasons",
                                             "ingested_at",   "seq",        "source_name",    "source_partition",
                                             "source_offset", "record_key", "record_headers", "record_timestamp",
                                             "tombstone",     NULL};

static gboolean holds_word(const char *const *words, const char *word) {
  for (; *words; words++)
    if (g_ascii_strcasecmp(*words, word) == 0) return TRUE;
  return FALSE;
}

static void check_envelope(const TarnConfig *config, guint line, GPtrArray *problems) {
  for (char **field = config->envelope; *field; field++) {
    if (holds_word(bronze_columns, *field))
      tarn_problem_add(problems, TARN_CONFIG_FILE, line, 0, "leave the field to `extra`",
                       "bronze.envelope: bronze has a column '%s' of its own", *field);
    if (g_str_equal(*field, config->payload))
      tarn_problem_add(problems, TARN_CONFIG_FILE, line, 0, "name it in one of the two",
                       "bronze.envelope: '%s' is the payload", *field);
  }
}

static void check_rules(const TarnConfig *config, GPtrArray *problems) {
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < config->rules->len; i++) {
    const TarnQualityRule *rule = config->rules->pdata[i];
    if (rule->name && !g_hash_table_add(seen, rule->name))
      tarn_problem_add(problems, TARN_CONFIG_FILE, rule->line, 0, NULL, "there are two quality rules named '%s'",
                       rule->name);
  }
}

/* scheme://host[:port], as browsers send it in Origin. */
static gboolean is_origin(const char *text) {
  g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);
  return uri && g_uri_get_host(uri) && *g_uri_get_host(uri) && *g_uri_get_path(uri) == '\0' && !g_uri_get_query(uri) &&
         !g_uri_get_fragment(uri) && !g_uri_get_userinfo(uri);
}

static void check_cors(const TarnConfig *config, guint line, GPtrArray *problems) {
  for (char **origin = config->cors; *origin; origin++)
    if (!g_str_equal(*origin, "*") && !is_origin(*origin))
      tarn_problem_add(problems, TARN_CONFIG_FILE, line, 0,
                       "write scheme, host and port, such as https://app.example or http://localhost:5173, or *",
                       "serve.cors: '%s' is no origin", *origin);
}

/* Properties that hold secrets: these do not belong into a file that is shown and committed. */
static const char *const secrets[] = {"sasl.password",
                                      "ssl.key.password",
                                      "ssl.key.pem",
                                      "ssl.keystore.password",
                                      "sasl.oauthbearer.client.secret",
                                      NULL};

static void check_properties(const TarnConfig *config, GPtrArray *problems) {
  for (guint i = 0; i < config->properties->len; i++) {
    const TarnKafkaProperty *property = config->properties->pdata[i];
    if (property->value && g_strv_contains(secrets, property->name) && !strstr(property->value, "${"))
      tarn_problem_add(problems, TARN_CONFIG_FILE, property->line, 0,
                       "write ${NAME} for a variable of the environment, or ${file:/path/to/it}",
                       "source.kafka.%s: a secret does not belong into " TARN_CONFIG_FILE, property->name);
  }
}

static void check_source(const TarnConfig *config, guint line, GPtrArray *problems) {
  if (config->source_kind != TARN_SOURCE_KAFKA) return;
  if (!*config->brokers)
    tarn_problem_add(problems, TARN_CONFIG_FILE, line, 0, "brokers: [localhost:9092], or KAFKA_BROKERS",
                     "source: kafka needs brokers");
  if (!*config->topics)
    tarn_problem_add(problems, TARN_CONFIG_FILE, line, 0, "topics: [events], or KAFKA_TOPIC",
                     "source: kafka needs topics");
}

/* A list of the environment, with commas, in place of what the file says. */
static void replace_by_environment(const char *name, GStrv *list) {
  const char *text = g_getenv(name);
  if (!text || !*text) return;
  g_strfreev(*list);
  *list = g_strsplit(text, ",", -1);
  for (char **word = *list; *word; word++) g_strstrip(*word);
}

void tarn_config_read(const TarnLoading *loading, TarnConfig *config) {
  g_autofree char *text = tarn_project_file_read(loading, TARN_CONFIG_FILE);
  g_autoptr(GPtrArray) ignored = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_problem_free);
  g_autoptr(TarnYaml) yaml =
      text ? tarn_yaml_load(text, strlen(text), TARN_CONFIG_FILE, 1, 1, loading->problems) : NULL;
  /* An unreadable file was reported; its defaults let the rest be checked. */
  if (!yaml) yaml = tarn_yaml_load("", 0, TARN_CONFIG_FILE, 1, 1, ignored);
  tarn_keys_read(tarn_config_keys, yaml, tarn_yaml_root(yaml), config);
  if (!config->name) config->name = g_strdup("project");
  if (!config->database) config->database = g_strdup_printf("%s.duckdb", config->name);
  if (!config->group) config->group = g_strdup_printf("tarn-%s", config->name);
  replace_by_environment("KAFKA_BROKERS", &config->brokers);
  replace_by_environment("KAFKA_TOPIC", &config->topics);
  check_source(config, text ? tarn_frontmatter_line(text, "source") : 0, loading->problems);
  check_properties(config, loading->problems);
  check_envelope(config, text ? tarn_frontmatter_line(text, "envelope") : 0, loading->problems);
  check_rules(config, loading->problems);
  check_cors(config, text ? tarn_frontmatter_line(text, "cors") : 0, loading->problems);
}

void tarn_config_clear(TarnConfig *config) {
  g_free(config->name);
  g_free(config->database);
  g_strfreev(config->source_paths);
  g_strfreev(config->brokers);
  g_strfreev(config->topics);
  g_free(config->group);
  if (config->properties) g_ptr_array_unref(config->properties);
  g_free(config->bronze_table);
  g_strfreev(config->envelope);
  g_free(config->payload);
  if (config->rules) g_ptr_array_unref(config->rules);
  g_free(config->archive_folder);
  g_free(config->host);
  g_strfreev(config->tables);
  g_free(config->keys_file);
  g_strfreev(config->cors);
}
