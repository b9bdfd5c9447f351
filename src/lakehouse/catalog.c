#include "lakehouse/catalog.h"

#include "lakehouse/sql.h"

static void column_free(TarnCatalogColumn *column) {
  g_free(column->name);
  g_free(column->type);
  g_free(column->note);
  g_free(column);
}

static void table_free(TarnCatalogTable *table) {
  g_free(table->name);
  g_free(table->layer);
  g_ptr_array_unref(table->columns);
  g_free(table);
}

static TarnCatalogTable *add_table(GPtrArray *catalog, const TarnResult *result, guint64 row, const char *name) {
  TarnCatalogTable *table = g_new0(TarnCatalogTable, 1);
  table->name = g_strdup(name);
  table->layer = tarn_result_text(result, row, 1);
  table->rows = tarn_result_int(result, row, 2);
  table->columns = g_ptr_array_new_with_free_func((GDestroyNotify)column_free);
  g_ptr_array_add(catalog, table);
  return table;
}

GPtrArray *tarn_catalog_read(TarnConn *conn, GError **error) {
  g_autoptr(TarnResult) result = tarn_conn_query(conn, tarn_sql_catalog, NULL, 0, error);
  if (!result) return NULL;
  GPtrArray *catalog = g_ptr_array_new_with_free_func((GDestroyNotify)table_free);
  TarnCatalogTable *table = NULL;
  for (guint64 row = 0; row < tarn_result_rows(result); row++) {
    g_autofree char *name = tarn_result_text(result, row, 0);
    if (!table || !g_str_equal(table->name, name)) table = add_table(catalog, result, row, name);
    TarnCatalogColumn *column = g_new0(TarnCatalogColumn, 1);
    column->name = tarn_result_text(result, row, 3);
    column->type = tarn_result_text(result, row, 4);
    column->note = tarn_result_text(result, row, 5);
    g_ptr_array_add(table->columns, column);
  }
  return catalog;
}

const TarnCatalogTable *tarn_catalog_table(const GPtrArray *catalog, const char *name) {
  for (guint i = 0; i < catalog->len; i++) {
    const TarnCatalogTable *table = catalog->pdata[i];
    if (g_str_equal(table->name, name)) return table;
  }
  return NULL;
}

const TarnCatalogColumn *tarn_catalog_column(const TarnCatalogTable *table, const char *name) {
  for (guint i = 0; i < table->columns->len; i++) {
    const TarnCatalogColumn *column = table->columns->pdata[i];
    if (g_str_equal(column->name, name)) return column;
  }
  return NULL;
}
