/* The part of a source that lies before given positions: what an earlier reader saw of it. In: a stream opened at the beginning, and where each of its
 * parts ends. Out: the records before these ends, under the names that the parts had then. Parts without an end are left out. Threads: as stream.h says. */
#pragma once
#include "stream/stream.h"

/* Takes inner. ends: the recorded positions (TarnPosition *), copied; now: the same parts as a stream that was opened at these positions calls them
 * today, in the same order. The stream's own positions are the ends. */
TarnStream *tarn_stream_until(TarnStream *inner, const GPtrArray *now, const GPtrArray *ends);
