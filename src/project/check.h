/* Checks from their files. */
#pragma once
#include "project/keytable.h"
#include "project/sqlfile.h"

extern const TarnKey tarn_check_keys[];

/* Never NULL; problems say what is wrong. */
TarnCheck *tarn_check_new(const TarnLoading *loading, TarnSqlFile *file);
void tarn_check_free(TarnCheck *check); /* accepts NULL */
