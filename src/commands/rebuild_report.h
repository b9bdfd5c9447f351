/* What `tarn rebuild` says at its end, for people and as JSON. Both may be called after a failure: they tell how far it came. */
#pragma once
#include "base/json_writer.h"
#include "pipeline/rebuild.h"

void tarn_command_rebuild_print(const TarnRunReport *report, const TarnRebuildReport *rebuild);
void tarn_command_rebuild_write(const TarnRunReport *report, const TarnRebuildReport *rebuild, TarnJsonWriter *json);
