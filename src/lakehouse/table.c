/* Rows as an aligned table for people. */
#include <string.h>

#include "lakehouse/rows_private.h"

#define GAP "  "
#define BOLD "\033[1m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

typedef struct {
  const char *text; /* owned by the table's chunk */
  guint width;      /* terminal columns */
  gboolean null;
} Field;

typedef struct {
  const TarnTableOptions *options;
  GStringChunk *texts;
  GArray *fields; /* of Field, row by row; the first row is the header */
  guint *widths;  /* of columns */
  guint n_columns;
  GString *clean;
  gboolean cut;
} Table;

static guint character_width(gunichar c) { return g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1; }

/* A character as it may be shown: what would move the cursor or command the terminal becomes an escape. */
static guint append_visible(GString *out, gunichar c) {
  gsize before = out->len;
  if (c == '\n')
    g_string_append(out, "\\n");
  else if (c == '\t')
    g_string_append(out, "\\t");
  else if (c == '\r')
    g_string_append(out, "\\r");
  else if (g_unichar_iscntrl(c) || g_unichar_type(c) == G_UNICODE_FORMAT)
    g_string_append_printf(out, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
  else {
    g_string_append_unichar(out, c);
    return character_width(c);
  }
  return (guint)(out->len - before);
}

/* The text as it is shown, cut where it grows too wide; returns its width. */
static guint make_visible(Table *table, const char *text, gsize size) {
  guint width = 0, most = table->options->max_width;
  gsize last_fit = 0;
  guint last_width = 0;
  g_string_truncate(table->clean, 0);
  for (const char *p = text; p < text + size; p = g_utf8_next_char(p)) {
    width += append_visible(table->clean, g_utf8_get_char(p));
    if (most == 0) continue;
    if (width > most) {
      g_string_truncate(table->clean, last_fit);
      g_string_append(table->clean, "…");
      table->cut = TRUE;
      return last_width + 1;
    }
    if (width < most) last_fit = table->clean->len, last_width = width;
  }
  return width;
}

static void add_field(Table *table, guint column, const char *text, gsize size, gboolean null) {
  Field field = {.null = null};
  field.width = make_visible(table, text, size);
  field.text = g_string_chunk_insert_len(table->texts, table->clean->str, (gssize)table->clean->len);
  table->widths[column] = MAX(table->widths[column], field.width);
  g_array_append_val(table->fields, field);
}

static void add_row(Table *table, TarnRows *rows, guint row) {
  for (guint i = 0; i < rows->n_shown; i++) {
    TarnCell cell = tarn_cell_read(&rows->columns[i], row, rows->scratch);
    gboolean null = cell.kind == TARN_CELL_NULL;
    add_field(table, i, null ? "NULL" : cell.text, null ? 4 : cell.size, null);
  }
}

static gboolean add_rows(Table *table, TarnRows *rows, TarnTableSummary *summary, GError **error) {
  g_autoptr(GError) fault = NULL;
  guint64 limit = table->options->limit ? table->options->limit : G_MAXUINT64;
  for (guint i = 0; i < rows->n_shown; i++) add_field(table, i, rows->names[i], strlen(rows->names[i]), FALSE);
  while (!summary->more && tarn_rows_next(rows, &fault)) {
    guint shown = (guint)MIN(rows->n_rows, limit - summary->shown);
    for (guint row = 0; row < shown; row++) add_row(table, rows, row);
    summary->shown += shown;
    summary->more = shown < rows->n_rows;
  }
  if (!fault) return TRUE;
  g_propagate_error(error, g_steal_pointer(&fault));
  return FALSE;
}

static void append_spaces(GString *out, guint count) {
  for (; count > 0; count--) g_string_append_c(out, ' ');
}

static void append_styled(const Table *table, const Field *field, const char *style, GString *out) {
  gboolean styled = table->options->color && style;
  if (styled) g_string_append(out, style);
  g_string_append(out, field->text);
  if (styled) g_string_append(out, PLAIN);
}

static void append_field(const Table *table, const Field *field, guint column, gboolean right, const char *style,
                         GString *out) {
  guint room = table->widths[column] - field->width;
  gboolean last = column + 1 == table->n_columns;
  if (right) append_spaces(out, room);
  append_styled(table, field, style, out);
  if (!right && !last) append_spaces(out, room);
  g_string_append(out, last ? "\n" : GAP);
}

static void append_rule(const Table *table, GString *out) {
  if (table->options->color) g_string_append(out, DIM);
  for (guint i = 0; i < table->n_columns; i++) {
    if (i > 0) g_string_append(out, GAP);
    for (guint n = table->widths[i]; n > 0; n--) g_string_append(out, "─");
  }
  if (table->options->color) g_string_append(out, PLAIN);
  g_string_append_c(out, '\n');
}

static const Field *field_at(const Table *table, guint row, guint column) {
  return &g_array_index(table->fields, Field, row * table->n_columns + column);
}

static guint count_rows(const Table *table) { return table->fields->len / table->n_columns; }

static void append_lines(const Table *table, const TarnRows *rows, GString *out) {
  for (guint row = 0; row < count_rows(table); row++) {
    for (guint i = 0; i < table->n_columns; i++) {
      const Field *field = field_at(table, row, i);
      gboolean right = tarn_cell_column_is_number(&rows->columns[i]);
      append_field(table, field, i, right, row == 0 ? BOLD : field->null ? DIM : NULL, out);
    }
    if (row == 0) append_rule(table, out);
  }
}

/* One line per value, for rows that do not fit the terminal. */
static void append_records(const Table *table, GString *out) {
  guint widest = 0;
  for (guint i = 0; i < table->n_columns; i++) widest = MAX(widest, field_at(table, 0, i)->width);
  for (guint row = 1; row < count_rows(table); row++) {
    if (row > 1) g_string_append_c(out, '\n');
    for (guint i = 0; i < table->n_columns; i++) {
      const Field *name = field_at(table, 0, i), *field = field_at(table, row, i);
      append_styled(table, name, BOLD, out);
      append_spaces(out, widest - name->width);
      g_string_append(out, GAP);
      append_styled(table, field, field->null ? DIM : NULL, out);
      g_string_append_c(out, '\n');
    }
  }
}

static guint line_width(const Table *table) {
  guint width = (table->n_columns - 1) * (guint)strlen(GAP);
  for (guint i = 0; i < table->n_columns; i++) width += table->widths[i];
  return width;
}

gboolean tarn_rows_write_table(TarnRows *rows, const TarnTableOptions *options, GString *out, TarnTableSummary *summary,
                               GError **error) {
  g_autoptr(GStringChunk) texts = g_string_chunk_new(4096);
  g_autoptr(GArray) fields = g_array_new(FALSE, FALSE, sizeof(Field));
  g_autofree guint *widths = g_new0(guint, rows->n_shown);
  g_autoptr(GString) clean = g_string_new(NULL);
  Table table = {options, texts, fields, widths, rows->n_shown, clean, FALSE};
  TarnTableSummary found = {0};
  if (!add_rows(&table, rows, &found, error)) return FALSE;
  if (options->line_width > 0 && line_width(&table) > options->line_width)
    append_records(&table, out);
  else
    append_lines(&table, rows, out);
  found.cut = table.cut;
  *summary = found;
  return TRUE;
}
