#include "pipeline/quality.h"

#include "lakehouse/ast.h"

void tarn_quality_free(TarnQuality *quality) {
  if (!quality) return;
  g_free(quality->shared);
  g_free(quality->failed);
  g_free(quality->score);
  g_free(quality->reasons);
  g_free(quality);
}

/* TRY directly around CASE or COALESCE writes beyond its buffer in DuckDB 1.5 where something raises; around a comparison it does not. */
static void append_rule(const TarnQualityRule *rule, const char *predicate, guint index, GString *failed,
                        GString *score, GString *reasons) {
  gint64 bit = G_GINT64_CONSTANT(1) << index;
  g_autofree char *name = tarn_sql_quote_literal(rule->name);
  g_string_append_printf(
      failed, "%s(CASE WHEN TRY((%s) IS NOT DISTINCT FROM true) THEN 0 ELSE %" G_GINT64_FORMAT " END)::BIGINT",
      index ? " + " : "", predicate, bit);
  g_string_append_printf(score, " - CASE WHEN failed & %" G_GINT64_FORMAT " <> 0 THEN %d ELSE 0 END", bit,
                         rule->weight);
  g_string_append_printf(reasons, "%sCASE WHEN failed & %" G_GINT64_FORMAT " <> 0 THEN %s END", index ? ", " : "", bit,
                         name);
}

/* The predicates as DuckDB writes them, with what they take out of a JSON column hoisted into *shared. */
static GStrv share_fields(const TarnConfig *config, TarnConn *conn, char **shared, GError **error) {
  g_autoptr(json_t) trees = json_array();
  for (guint i = 0; i < config->rules->len; i++) {
    const TarnQualityRule *rule = config->rules->pdata[i];
    json_t *tree = tarn_ast_parse_expression(conn, rule->predicate, NULL, error);
    if (!tree) {
      g_prefix_error(error, "quality rule %s: ", rule->name);
      return NULL;
    }
    json_array_append_new(trees, tree);
  }
  g_autofree char *below = tarn_ast_hoist_json_fields(conn, trees, error);
  if (!below) return NULL;
  g_autoptr(GStrvBuilder) predicates = g_strv_builder_new();
  for (gsize i = 0; i < json_array_size(trees); i++) {
    g_autofree char *sql = tarn_ast_expression_to_sql(conn, json_array_get(trees, i), error);
    if (!sql) return NULL;
    g_strv_builder_add(predicates, sql);
  }
  *shared = g_steal_pointer(&below);
  return g_strv_builder_end(predicates);
}

static TarnQuality *quality_without_rules(void) {
  TarnQuality *quality = g_new0(TarnQuality, 1);
  quality->shared = g_strdup("");
  quality->failed = g_strdup("0::BIGINT");
  quality->score = g_strdup("100");
  quality->reasons = g_strdup("[]::VARCHAR[]");
  return quality;
}

TarnQuality *tarn_quality_new(const TarnConfig *config, TarnConn *conn, GError **error) {
  if (config->rules->len == 0) return quality_without_rules();
  g_autoptr(TarnQuality) quality = g_new0(TarnQuality, 1);
  g_auto(GStrv) predicates = share_fields(config, conn, &quality->shared, error);
  if (!predicates) return NULL;
  g_autoptr(GString) failed = g_string_new(NULL);
  g_autoptr(GString) score = g_string_new("greatest(0, 100");
  g_autoptr(GString) reasons = g_string_new("CASE WHEN failed = 0 THEN []::VARCHAR[] ELSE list_filter([");
  for (guint i = 0; i < config->rules->len; i++)
    append_rule(config->rules->pdata[i], predicates[i], i, failed, score, reasons);
  g_string_append(score, ")::INTEGER");
  g_string_append(reasons, "], lambda reason: reason IS NOT NULL) END");
  quality->failed = g_string_free(g_steal_pointer(&failed), FALSE);
  quality->score = g_string_free(g_steal_pointer(&score), FALSE);
  quality->reasons = g_string_free(g_steal_pointer(&reasons), FALSE);
  return g_steal_pointer(&quality);
}
