#include "lakehouse/bronze.h"

#include "lakehouse/db.h"

char *tarn_bronze_create_sql(const char *table, const char *const *envelope) {
  g_autofree char *name = tarn_sql_quote_identifier(table);
  g_autoptr(GString) sql = g_string_new(NULL);
  g_string_append_printf(sql, "CREATE TABLE %s (", name);
  for (; *envelope; envelope++) {
    g_autofree char *column = tarn_sql_quote_identifier(*envelope);
    g_string_append_printf(sql, "%s VARCHAR USING COMPRESSION zstd, ", column);
  }
  g_string_append(
      sql,
      "raw_payload JSON USING COMPRESSION zstd, extra JSON, quality_score INTEGER, quality_reasons VARCHAR[], "
      "ingested_at TIMESTAMP, seq BIGINT, source_name VARCHAR, source_partition INTEGER, source_offset BIGINT, "
      "record_key BLOB USING COMPRESSION zstd, record_headers JSON USING COMPRESSION zstd, record_timestamp TIMESTAMP, "
      "tombstone BOOLEAN)");
  return g_string_free(g_steal_pointer(&sql), FALSE);
}

char *tarn_bronze_envelope_sql(const char *const *envelope) {
  g_autoptr(GString) sql = g_string_new(NULL);
  for (; *envelope; envelope++) {
    g_autofree char *column = tarn_sql_quote_identifier(*envelope);
    g_string_append_printf(sql, "%s, ", column);
  }
  return g_string_free(g_steal_pointer(&sql), FALSE);
}
