/* tarn.yaml. */
#pragma once
#include "project/keytable.h"
#include "project/sqlfile.h"

#define TARN_CONFIG_FILE "tarn.yaml"

extern const TarnKey tarn_config_keys[];

/* Fills the zeroed config from dir/tarn.yaml; problems say what is wrong with it. */
void tarn_config_read(const TarnLoading *loading, TarnConfig *config);
void tarn_config_clear(TarnConfig *config);
