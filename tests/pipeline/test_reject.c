/* Holds the reject derivation against a plain judge: the model's items and conjuncts, one by one, over every row alone,
 * errors caught. Rows that do not raise together do not raise alone, so the judge starts with all of them and halves
 * where one raises. TARN_REJECT_QUERIES, TARN_REJECT_SEED and TARN_REJECT_FIRST (a multiple of 25) in the environment
 * make it longer or different. */
#include "pipeline/reject.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "random_sql.h"

#define ROWS 40
#define QUERIES_PER_TABLE 25

typedef struct {
  TarnDb *db, *judge_db;
  TarnConn *conn, *judge;
} Fixture;

static void connect(TarnDb **db, TarnConn **conn) {
  g_autoptr(GError) error = NULL;
  *db = tarn_db_open(NULL, &(TarnDbOptions){.threads = 1}, &error);
  g_assert_no_error(error);
  *conn = tarn_db_connect(*db, &error);
  g_assert_no_error(error);
}

static void exec(TarnConn *conn, const char *sql) {
  g_autoptr(GError) error = NULL;
  tarn_conn_exec(conn, sql, &error);
  if (error) g_error("%s: %s", sql, tarn_error_detail(error));
}

static void set_up(Fixture *f, gconstpointer data) {
  (void)data;
  connect(&f->db, &f->conn);
  connect(&f->judge_db, &f->judge);
  /* Optimizations that make it depend on other rows, or on other parts of the SQL, whether something raises: what statistics prove is
   * not evaluated; a cast of a structure's field moves into the scan and what occurs twice is lifted, although CASE would not come to it. */
  exec(f->judge, "SET disabled_optimizers = 'statistics_propagation,unused_columns,common_subexpressions'");
}

static void tear_down(Fixture *f, gconstpointer data) {
  (void)data;
  tarn_conn_close(f->conn);
  tarn_conn_close(f->judge);
  tarn_db_close(f->db);
  tarn_db_close(f->judge_db);
}

static void make_rows(Fixture *f, GRand *rand) {
  g_autofree char *create = g_strdup_printf("CREATE OR REPLACE TABLE t(seq BIGINT, %s)", random_sql_columns);
  exec(f->conn, create);
  exec(f->judge, create);
  for (guint row = 0; row < ROWS; row++) {
    g_autofree char *values = random_sql_row(rand);
    g_autofree char *insert = g_strdup_printf("INSERT INTO t VALUES (%u, %s", row, values + 1);
    exec(f->conn, insert);
    exec(f->judge, insert);
  }
}

/* For each row the hash of the expression's value and whether it is true; NULL where it raises. */
static void judge(Fixture *f, const char *expression, guint first, guint count, char **hashes, gboolean *truths) {
  g_autofree char *sql = g_strdup_printf(
      "SELECT seq, CAST(hash(e) AS VARCHAR), TRY(CAST(e AS VARCHAR)) = 'true' FROM (SELECT seq, %s AS e FROM t WHERE "
      "seq BETWEEN %u AND %u)",
      expression, first, first + count - 1);
  g_autoptr(TarnResult) result = tarn_conn_query(f->judge, sql, NULL, 0, NULL);
  for (guint64 row = 0; result && row < tarn_result_rows(result); row++) {
    gint64 seq = tarn_result_int(result, row, 0);
    hashes[seq] = tarn_result_text(result, row, 1);
    truths[seq] = tarn_result_int(result, row, 2) == 1;
  }
  if (result || count == 1) return;
  judge(f, expression, first, count / 2, hashes, truths);
  judge(f, expression, first + count / 2, count - count / 2, hashes, truths);
}

/* What must come out for a row: "name=hash" of each item where it is accepted, else "!column:rule" for each reason. */
typedef struct {
  GString *values, *reasons;
} Verdict;

static void add_verdicts(Fixture *f, Verdict *verdicts, const char *name, const char *sql) {
  char *hashes[ROWS] = {NULL};
  gboolean truths[ROWS] = {FALSE};
  judge(f, sql, 0, ROWS, hashes, truths);
  for (guint row = 0; row < ROWS; row++) {
    if (!hashes[row])
      g_string_append_printf(verdicts[row].reasons, "!%s:malformed: %s\n", name ? name : "", sql);
    else if (name)
      g_string_append_printf(verdicts[row].values, "%s=%s\n", name, hashes[row]);
    else if (!truths[row])
      g_string_append_printf(verdicts[row].reasons, "!:%s\n", sql);
    g_free(hashes[row]);
  }
}

static void find_wanted(Fixture *f, const TarnRowwise *rowwise, char **wanted) {
  Verdict verdicts[ROWS];
  for (guint row = 0; row < ROWS; row++) verdicts[row] = (Verdict){g_string_new(NULL), g_string_new(NULL)};
  for (guint i = 0; i < rowwise->items->len; i++) {
    const TarnRowwiseItem *item = rowwise->items->pdata[i];
    add_verdicts(f, verdicts, item->name, item->sql);
  }
  for (guint i = 0; i < rowwise->conjuncts->len; i++)
    add_verdicts(f, verdicts, NULL, ((TarnRowwiseConjunct *)rowwise->conjuncts->pdata[i])->sql);
  for (guint row = 0; row < ROWS; row++) {
    gboolean accepted = verdicts[row].reasons->len == 0;
    g_string_free(accepted ? verdicts[row].reasons : verdicts[row].values, TRUE);
    wanted[row] = g_string_free(accepted ? verdicts[row].values : verdicts[row].reasons, FALSE);
  }
}

static TarnResult *query(Fixture *f, const char *sql) {
  g_autoptr(GError) error = NULL;
  TarnResult *result = tarn_conn_query(f->conn, sql, NULL, 0, &error);
  if (error) g_error("%s\n%s", sql, tarn_error_detail(error));
  return result;
}

/* SQL: "name=hash" of every output column, a line each. */
static char *fingerprint_sql(const TarnRowwise *rowwise) {
  g_autoptr(GString) sql = g_string_new("array_to_string([");
  for (guint i = 0; i < rowwise->items->len; i++) {
    const TarnRowwiseItem *item = rowwise->items->pdata[i];
    g_autofree char *name = tarn_sql_quote_identifier(item->name);
    g_autofree char *label = tarn_sql_quote_literal(item->name);
    g_string_append_printf(sql, "%s%s || '=' || hash(%s) || chr(10)", i ? ", " : "", label, name);
  }
  g_string_append(sql, "], '')");
  return g_string_free(g_steal_pointer(&sql), FALSE);
}

static void collect_accepted(Fixture *f, const TarnRowwise *rowwise, const TarnReject *reject, char **seen) {
  g_autofree char *fingerprint = fingerprint_sql(rowwise);
  g_autofree char *source = tarn_reject_source(reject, NULL);
  g_autofree char *sql = g_strdup_printf("SELECT tarn_seq, %s FROM (SELECT %s, seq AS tarn_seq FROM %s WHERE %s)",
                                         fingerprint, reject->select_list, source, reject->accepted);
  g_autoptr(TarnResult) result = query(f, sql);
  for (guint64 row = 0; row < tarn_result_rows(result); row++) {
    char **place = &seen[tarn_result_int(result, row, 0)];
    g_assert_null(*place);
    *place = tarn_result_text(result, row, 1);
  }
}

/* Reasons are asked for every row: accepted ones have none. */
static void collect_reasons(Fixture *f, const TarnReject *reject, char **seen) {
  g_autofree char *source = tarn_reject_source(reject, "(SELECT * FROM t WHERE seq >= 0)");
  g_autofree char *sql = g_strdup_printf(
      "SELECT seq, list_transform(r, lambda x: '!' || coalesce(x.column_name, '') || ':' || x.rule || "
      "chr(10)).array_to_string(''), "
      "coalesce(list_max(list_transform(r, lambda x: length(x.\"value\"))), 0), typeof(r) FROM (SELECT seq, %s AS r "
      "FROM %s)",
      reject->reasons, source);
  g_autoptr(TarnResult) result = query(f, sql);
  g_assert_cmpuint(tarn_result_rows(result), ==, ROWS);
  for (guint64 row = 0; row < ROWS; row++) {
    g_autofree char *reasons = tarn_result_text(result, row, 1);
    g_autofree char *type = tarn_result_text(result, row, 3);
    char **place = &seen[tarn_result_int(result, row, 0)];
    g_assert_cmpint(tarn_result_int(result, row, 2), <=, 200);
    g_assert_cmpstr(type, ==, "STRUCT(column_name VARCHAR, \"rule\" VARCHAR, \"value\" VARCHAR)[]");
    if (*reasons)
      g_assert_null(*place);
    else
      g_assert_nonnull(*place);
    if (*reasons) *place = g_steal_pointer(&reasons);
  }
}

/* FALSE: the SQL raises whatever the rows, which is the model's fault and said when the derivation is made. */
static gboolean check_form(Fixture *f, const TarnRowwise *rowwise, TarnRejectForm form, char **wanted,
                           const char *sql) {
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnReject) reject = tarn_reject_new(f->conn, rowwise, form, &error);
  if (g_error_matches(error, TARN_ERROR, TARN_ERROR_USAGE)) return FALSE;
  if (error) g_error("%s\n%s: %s", sql, error->message, tarn_error_detail(error));
  char *seen[ROWS] = {NULL};
  collect_accepted(f, rowwise, reject, seen);
  collect_reasons(f, reject, seen);
  for (guint row = 0; row < ROWS; row++) {
    if (g_strcmp0(seen[row], wanted[row]) != 0)
      g_error("form %d, row %u of %s\nwanted:\n%sseen:\n%sfrom %s\n", form, row, sql, wanted[row], seen[row],
              reject->source_head);
    g_free(seen[row]);
  }
  return TRUE;
}

/* The rows first.. of wanted, as far as they are accepted, are what the model's own SQL gives over them. Halved where
 * it raises: a cast of a list also casts elements that a CASE has put aside. Returns their number. */
static guint check_whole_select(Fixture *f, const char *sql, const char *fingerprint, guint first, guint count,
                                char **wanted) {
  g_autoptr(GString) make = g_string_new("CREATE OR REPLACE TABLE fit AS SELECT * FROM t WHERE seq IN (-1");
  guint accepted = 0, seen = 0;
  for (guint row = first; row < first + count; row++) {
    if (*wanted[row] == '!') continue;
    g_string_append_printf(make, ", %u", row);
    accepted++;
  }
  if (accepted == 0) return 0;
  g_string_append(make, ") ORDER BY seq");
  exec(f->judge, make->str);
  g_auto(GStrv) parts = g_strsplit(sql, " FROM t ", 2);
  g_autofree char *whole = g_strdup_printf("SELECT %s FROM (%s FROM fit AS t %s)", fingerprint, parts[0], parts[1]);
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnResult) result = tarn_conn_query(f->judge, whole, NULL, 0, &error);
  if (!result && count > 1)
    return check_whole_select(f, sql, fingerprint, first, count / 2, wanted) +
           check_whole_select(f, sql, fingerprint, first + count / 2, count - count / 2, wanted);
  if (error) g_error("%s\n%s", whole, tarn_error_detail(error));
  g_assert_cmpuint(tarn_result_rows(result), ==, accepted);
  for (guint row = first; row < first + count; row++) {
    if (*wanted[row] == '!') continue;
    g_autofree char *text = tarn_result_text(result, seen++, 0);
    g_assert_cmpstr(text, ==, wanted[row]);
  }
  return accepted;
}

/* FALSE: the random text is no SQL that binds, as i > (a || b), or it always raises. */
static gboolean check_select(Fixture *f, const char *sql, guint *accepted) {
  g_autoptr(GError) error = NULL;
  TarnModel model = {.name = "m", .sql = (char *)sql};
  g_autoptr(TarnRowwise) rowwise = tarn_rowwise_new(f->conn, &model, NULL, &error);
  if (error && strstr(error->message, "does not bind")) return FALSE;
  if (error) g_error("%s\n%s", sql, error->message);
  char *wanted[ROWS];
  find_wanted(f, rowwise, wanted);
  g_autofree char *fingerprint = fingerprint_sql(rowwise);
  *accepted += check_whole_select(f, sql, fingerprint, 0, ROWS, wanted);
  gboolean ok =
      check_form(f, rowwise, TARN_REJECT_AUTO, wanted, sql) && check_form(f, rowwise, TARN_REJECT_GENERAL, wanted, sql);
  for (guint row = 0; row < ROWS; row++) g_free(wanted[row]);
  return ok;
}

static guint from_environment(const char *name, guint otherwise) {
  const char *text = g_getenv(name);
  return text ? (guint)strtoul(text, NULL, 10) : otherwise;
}

static void test_random_selects(Fixture *f, gconstpointer data) {
  (void)data;
  guint queries = from_environment("TARN_REJECT_QUERIES", 150), accepted = 0, checked = 0;
  guint seed = from_environment("TARN_REJECT_SEED", 1);
  for (guint n = from_environment("TARN_REJECT_FIRST", 0); n < queries; n++) {
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed * 1000003 + n);
    if (n % QUERIES_PER_TABLE == 0) make_rows(f, rand);
    g_autofree char *sql = random_sql_select(rand);
    g_test_message("%u: %s", n, sql);
    checked += check_select(f, sql, &accepted);
  }
  g_test_message("%u of %u rows of %u statements accepted", accepted, checked * ROWS, checked);
  g_assert_cmpuint(checked, >, queries * 3 / 4);
  g_assert_cmpuint(accepted, >, checked * ROWS / 20);
  g_assert_cmpuint(accepted, <, checked * ROWS * 19 / 20);
}

#define TEST(name, function) g_test_add("/reject/" name, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  TEST("random_selects", test_random_selects);
  return g_test_run();
}
