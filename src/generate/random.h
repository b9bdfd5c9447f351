/* Reproducible random numbers: splitmix64 (Steele, Lea, Flood 2014; public domain), which passes BigCrush and can start
 * anywhere, so that the n-th event or subscriber is drawn without drawing those before it. Integers only: the same
 * numbers on every machine. */
#pragma once
#include <glib.h>

typedef struct {
  guint64 state;
} TarnRandom;

static inline guint64 tarn_random_next(TarnRandom *random) {
  guint64 z = random->state += G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* The stream of the index-th thing of a kind; streams do not overlap in practice. */
static inline TarnRandom tarn_random_at(guint64 seed, guint64 kind, guint64 index) {
  TarnRandom outer = {seed * 31 + kind};
  TarnRandom inner = {tarn_random_next(&outer) + index};
  return (TarnRandom){tarn_random_next(&inner)};
}

/* 0 .. n-1, n > 0. */
static inline guint tarn_random_below(TarnRandom *random, guint n) {
  return (guint)(((tarn_random_next(random) >> 32) * n) >> 32);
}

static inline gboolean tarn_random_permille(TarnRandom *random, guint permille) {
  return tarn_random_below(random, 1000) < permille;
}

/* Around the middle, at most width away, near values likelier (the sum of two even draws). */
static inline int tarn_random_around(TarnRandom *random, int middle, guint width) {
  return middle - (int)width + (int)(tarn_random_below(random, width + 1) + tarn_random_below(random, width + 1));
}
