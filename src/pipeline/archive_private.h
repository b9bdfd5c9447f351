/* What the files of the archive share and no other file sees. */
#pragma once
#include "pipeline/archive.h"
#include "pipeline/archive_manifest.h"

/* The totals of the archive as a whole. */
void tarn_archive_report_fill(const TarnArchiveManifest *manifest, TarnArchiveReport *report);
