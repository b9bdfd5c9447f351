/* How the generations are, for people and programs: what GET /api/v1/health says. Neither names a file of this machine. */
#pragma once
#include "serve/current.h"
#include "serve/http.h"

/* 200: status is "ok", or "stale" where the file that was published last is refused, and why; 503 before the first. */
void tarn_health_write(TarnCurrent *current, TarnHttpResponse *response);
/* The 503 for whoever wants an answer before there is a generation. */
void tarn_health_write_waiting(TarnCurrent *current, TarnHttpResponse *response);
