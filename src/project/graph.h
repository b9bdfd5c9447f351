/* Which table reads which. In: the project's files with the tables they mention. Out: every file's `reads` filled with
 * the names of the project's tables, models put in an order in which each comes after what it reads; or problems:
 * unknown tables, two tables of one name, a layer that reads a later one, cycles. */
#pragma once
#include "project/sqlfile.h"

/* models: TarnModel, sorted in place. */
void tarn_graph_resolve(const TarnConfig *config, GPtrArray *files, GPtrArray *models, GPtrArray *problems);
