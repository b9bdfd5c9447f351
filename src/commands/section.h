/* One list of a command's answer, made by one SELECT: a titled table for people, an array of objects under a key for
 * machines. */
#pragma once
#include <glib.h>

#include "base/json_writer.h"
#include "lakehouse/db.h"

typedef struct {
  const char *key;    /* for machines */
  const char *title;  /* for people; NULL: none */
  const char *sql;    /* what machines get, whole */
  const char *people; /* a SELECT around {rows}, which is that; NULL: the same */
} TarnSection;

/* On standard output, behind an empty line where there is a title; prints nothing where there are no rows. */
gboolean tarn_section_print(TarnConn *conn, const TarnSection *section, GError **error);
/* "key":[...] into the object that the caller has begun; the array alone where key is NULL. */
gboolean tarn_section_write(TarnConn *conn, const TarnSection *section, TarnJsonWriter *json, GError **error);
