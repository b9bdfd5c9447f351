/* Documents as data: a table names the keys that a kind of document has, what each may hold, its default and its
 * meaning. Reading, defaults, "did you mean" and the reference page all come from the table. In: a table, a YAML node.
 * Out: a zeroed struct filled, problems for everything that is wrong (reading goes on behind each). After reading,
 * every list and every key with a default is set, whatever was wrong; the struct is the caller's. */
#pragma once
#include <glib.h>

#include "project/document.h"

typedef enum {
  TARN_KEY_TEXT,     /* char *: any text that is not blank */
  TARN_KEY_NAME,     /* char *: letters, digits and _, not beginning with a digit */
  TARN_KEY_TEXTS,    /* GStrv: a list of texts, or one text */
  TARN_KEY_NAMES,    /* GStrv: a list of names without repeats, or one name */
  TARN_KEY_COUNT,    /* guint: a whole number from minimum to maximum */
  TARN_KEY_SIZE,     /* guint64, bytes: 1048576, 1MiB; from minimum to maximum */
  TARN_KEY_DURATION, /* gint64, microseconds: 60s, 1h */
  TARN_KEY_NUMBER,   /* double */
  TARN_KEY_SWITCH,   /* gboolean: true or false */
  TARN_KEY_CHOICE,   /* int: index of the word in choices */
  TARN_KEY_SECTION,  /* keys of its own, in the same struct */
  TARN_KEY_OBJECTS,  /* GPtrArray of structs, as object says */
} TarnKeyType;

typedef struct TarnKey TarnKey;

/* What an array of structs is made of. */
typedef struct {
  gsize size; /* of one struct */
  GDestroyNotify free;
  const TarnKey *keys;
  gboolean by_name;  /* a map from name to keys (a bare scalar is the first key's value); else a list of maps */
  gboolean any_name; /* by_name: names may have dots and dashes, as another program's properties do */
  gsize name_offset; /* by_name: where the name goes, a char * */
  gsize line_offset; /* where the line goes, a guint; 0: nowhere */
} TarnKeyObject;

struct TarnKey {
  const char *name; /* NULL ends a table */
  TarnKeyType type;
  gsize offset;     /* of the value in the struct; TARN_KEY_NOWHERE: checked, not kept */
  const char *help; /* one line for the reference */
  gboolean required;
  const char *fallback;      /* the default as a user would write it; NULL: zero, or nothing */
  const char *fallback_help; /* how the reference tells a default that is no constant */
  gsize present_offset;      /* of a gboolean: was the key given; 0: nowhere */
  double minimum, maximum;
  const char *const *choices;  /* CHOICE: ends with NULL */
  const TarnKey *keys;         /* SECTION */
  const TarnKeyObject *object; /* OBJECTS */
};

#define TARN_KEY_NOWHERE ((gsize)-1)

/* Fills *target (zeroed) from a map; node NULL: nothing is given. */
void tarn_keys_read(const TarnKey *keys, TarnYaml *yaml, const TarnYamlNode *node, gpointer target);

/* TARN_KEY_NAME's rule. */
gboolean tarn_is_name(const char *text);

/* The table as Markdown: key, what it holds, default, meaning; one row per key, sections and objects dotted. */
void tarn_keys_describe(const TarnKey *keys, GString *markdown);
