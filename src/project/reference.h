/* The page docs/reference-project.md, from the key tables. */
#pragma once
#include <glib.h>

/* Markdown; caller frees. */
char *tarn_project_reference(void);
