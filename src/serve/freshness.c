#include "serve/freshness.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

__extension__ typedef unsigned __int128 Hash;

/* FNV-1a of 128 bits (Internet-Draft draft-eastlake-fnv): tags are no secret, they only have to differ. */
#define FNV_PRIME (((Hash)1 << 88) + 0x13b)
#define FNV_BASIS (((Hash)0x6c62272e07bb0142 << 64) + 0x62b821756295c58d)

/* The NUL is hashed too, so that texts do not run into each other. */
static Hash hash_text(Hash hash, const char *text) {
  const guint8 *p = (const guint8 *)text;
  do hash = (hash ^ *p) * FNV_PRIME;
  while (*p++);
  return hash;
}

/* Once per request: printf would be a tenth of what a 304 costs. */
static char *append_hex(char *out, guint64 value) {
  for (int shift = 60; shift >= 0; shift -= 4) *out++ = "0123456789abcdef"[value >> shift & 15];
  return out;
}

void tarn_freshness_init(TarnFreshness *freshness, const TarnGeneration *generation, const char *definitions,
                         const char *key, const char *format, const char *encoding) {
  Hash hash = hash_text(FNV_BASIS, generation->identity);
  hash = hash_text(hash_text(hash, definitions), key);
  hash = hash_text(hash_text(hash, format), encoding);
  char *end = freshness->etag;
  *end++ = '"';
  end = append_hex(append_hex(end, (guint64)(hash >> 64)), (guint64)hash);
  *end++ = '"';
  *end = '\0';
  freshness->modified_s = generation->modified_s;
}

/* One tag of the list, with or without W/; the comparison is the weak one (RFC 9110, 8.8.3.2). */
static gboolean list_holds(const char *list, const char *etag) {
  gsize length = strlen(etag);
  for (const char *p = list; *p;) {
    p += strspn(p, " \t,");
    if (g_str_has_prefix(p, "W/")) p += 2;
    if (*p != '"') return FALSE;
    const char *end = strchr(p + 1, '"');
    if (!end) return FALSE;
    if ((gsize)(end + 1 - p) == length && memcmp(p, etag, length) == 0) return TRUE;
    p = end + 1;
  }
  return FALSE;
}

/* The form that everybody sends (RFC 9110, 5.6.7: IMF-fixdate); others are answered in full. 0: it is none. */
static gint64 parse_date(const char *text) {
  static const char *const months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  char month[4], zone[4];
  int day, year, hour, minute, second, length = 0;
  const char *comma = strchr(text, ',');
  if (!comma ||
      sscanf(comma, ", %2d %3s %4d %2d:%2d:%2d %3s%n", &day, month, &year, &hour, &minute, &second, zone, &length) !=
          7 ||
      comma[length] || !g_str_equal(zone, "GMT") || strlen(month) != 3)
    return 0;
  const char *found = strstr(months, month);
  if (!found || (found - months) % 3 != 0) return 0;
  g_autoptr(GDateTime) time =
      g_date_time_new_utc(year, (gint)(found - months) / 3 + 1, day, hour, minute, MIN(second, 59));
  return time ? g_date_time_to_unix(time) : 0;
}

gboolean tarn_freshness_known(const TarnFreshness *freshness, const char *if_none_match,
                              const char *if_modified_since) {
  if (if_none_match) return list_holds(if_none_match, freshness->etag);
  if (!if_modified_since || freshness->modified_s == 0) return FALSE;
  return parse_date(if_modified_since) >= freshness->modified_s;
}

/* Names are English whatever the locale, which strftime's are not. */
static void make_date(gint64 seconds, char text[static 30]) {
  static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const time_t time = (time_t)seconds;
  struct tm parts;
  gmtime_r(&time, &parts);
  g_snprintf(text, 30, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[parts.tm_wday], parts.tm_mday, months[parts.tm_mon],
             parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

/* A thread mostly answers from one generation. */
static const char *format_date(gint64 seconds) {
  static _Thread_local gint64 known_s = G_MININT64;
  static _Thread_local char known[30];
  if (seconds != known_s) make_date(seconds, known);
  known_s = seconds;
  return known;
}

static void write_generation(const TarnGeneration *generation, TarnHttpResponse *response) {
  char number[24];
  g_snprintf(number, sizeof number, "%" G_GINT64_FORMAT, generation->number);
  tarn_http_response_set_header(response, "X-Tarn-Generation", number);
}

static void write_policy(const TarnFreshnessPolicy *policy, TarnHttpResponse *response) {
  char text[64];
  const char *scope = policy->private ? "private" : "public";
  if (policy->max_age_us > 0)
    g_snprintf(text, sizeof text, "%s, max-age=%" G_GINT64_FORMAT, scope, policy->max_age_us / G_USEC_PER_SEC);
  else
    g_snprintf(text, sizeof text, "%s, no-cache", scope);
  tarn_http_response_set_header(response, "Cache-Control", text);
}

void tarn_freshness_write(const TarnFreshness *freshness, const TarnFreshnessPolicy *policy,
                          const TarnGeneration *generation, TarnHttpResponse *response) {
  if (policy->max_age_us < 0) {
    tarn_freshness_write_none(generation, response);
    return;
  }
  write_generation(generation, response);
  write_policy(policy, response);
  tarn_http_response_set_header(response, "ETag", freshness->etag);
  tarn_http_response_add_vary(response, "Accept, Accept-Encoding");
  if (freshness->modified_s == 0) return;
  tarn_http_response_set_header(response, "Last-Modified", format_date(freshness->modified_s));
}

void tarn_freshness_write_none(const TarnGeneration *generation, TarnHttpResponse *response) {
  write_generation(generation, response);
  tarn_http_response_set_header(response, "Cache-Control", "no-store");
}
