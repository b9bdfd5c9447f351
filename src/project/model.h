/* Silver and gold models from their files. */
#pragma once
#include "project/keytable.h"
#include "project/sqlfile.h"

extern const TarnKey tarn_silver_keys[], tarn_gold_keys[];

/* Never NULL; problems say what is wrong. */
TarnModel *tarn_model_new(const TarnLoading *loading, TarnSqlFile *file, TarnModelKind kind);
void tarn_model_free(TarnModel *model); /* accepts NULL */
