#include "generate/defects.h"

#define FIELD(n) (TARN_SLOT_FIELD + (n))

const TarnDefect tarn_defects[] = {
    {"missing_event_id", 60, TARN_SLOT_EVENT_ID, TARN_ANY_TYPE, "\"\""},
    {"missing_event_id", 20, TARN_SLOT_EVENT_ID, TARN_ANY_TYPE, "null"},
    {"missing_event_id", 10, TARN_SLOT_EVENT_ID, TARN_ANY_TYPE, NULL},

    {"unknown_type", 130, TARN_SLOT_EVENT_TYPE, TARN_ANY_TYPE, "null"},
    {"unknown_type", 90, TARN_SLOT_EVENT_TYPE, TARN_ANY_TYPE, "\"bss\""},
    {"unknown_type", 80, TARN_SLOT_EVENT_TYPE, TARN_ANY_TYPE, "\"XYZ\""},
    {"unknown_type", 10, TARN_SLOT_EVENT_TYPE, TARN_ANY_TYPE, NULL},

    {"missing_source", 190, TARN_SLOT_SOURCE, TARN_ANY_TYPE, "null"},
    {"missing_source", 20, TARN_SLOT_SOURCE, TARN_ANY_TYPE, "\"\""},

    {"missing_subscriber", 90, TARN_SLOT_SUBSCRIBER, TARN_ANY_TYPE, "\"  \""},
    {"missing_subscriber", 80, TARN_SLOT_SUBSCRIBER, TARN_ANY_TYPE, "\"\""},
    {"missing_subscriber", 60, TARN_SLOT_SUBSCRIBER, TARN_ANY_TYPE, "null"},
    {"missing_subscriber", 10, TARN_SLOT_SUBSCRIBER, TARN_ANY_TYPE, NULL},
    {"numeric_subscriber", 70, TARN_SLOT_SUBSCRIBER, TARN_ANY_TYPE, "12345"},

    {"bad_timestamp", 170, TARN_SLOT_TIMESTAMP, TARN_ANY_TYPE, "null"},
    {"bad_timestamp", 110, TARN_SLOT_TIMESTAMP, TARN_ANY_TYPE, "\"2026-13-45T00:00:00\""},
    {"bad_timestamp", 90, TARN_SLOT_TIMESTAMP, TARN_ANY_TYPE, "\"not-a-time\""},
    {"bad_timestamp", 10, TARN_SLOT_TIMESTAMP, TARN_ANY_TYPE, "\"2026-02-30T10:00:00Z\""},
    {"bad_timestamp", 10, TARN_SLOT_TIMESTAMP, TARN_ANY_TYPE, "\"infinity\""},
    {"bad_timestamp", 10, TARN_SLOT_TIMESTAMP, TARN_ANY_TYPE, "1767225600"},
    {"bad_timestamp", 10, TARN_SLOT_TIMESTAMP, TARN_ANY_TYPE, NULL},

    {"payload_missing", 320, TARN_SLOT_PAYLOAD, TARN_ANY_TYPE, NULL},
    {"payload_missing", 60, TARN_SLOT_PAYLOAD, TARN_ANY_TYPE, "null"},
    {"payload_not_object", 130, TARN_SLOT_PAYLOAD, TARN_ANY_TYPE, "7"},
    {"payload_not_object", 90, TARN_SLOT_PAYLOAD, TARN_ANY_TYPE, "[1, 2]"},
    {"payload_not_object", 70, TARN_SLOT_PAYLOAD, TARN_ANY_TYPE, "\"text\""},

    {"payload_incomplete", 350, FIELD(0), TARN_ANY_TYPE, NULL},
    {"payload_incomplete", 30, FIELD(0), TARN_ANY_TYPE, "null"},

    {"out_of_range", 220, FIELD(2), TARN_BSS, "-5.5"},
    {"out_of_range", 20, FIELD(4), TARN_BSS, "-1"},
    {"out_of_range", 160, FIELD(0), TARN_OSS, "-300"},
    {"out_of_range", 40, FIELD(1), TARN_OSS, "70000"},
    {"out_of_range", 40, FIELD(2), TARN_OSS, "120.5"},
    {"out_of_range", 240, FIELD(0), TARN_IOT, "250"},

    {"uncastable", 90, FIELD(1), TARN_BSS, "\"lots\""},
    {"uncastable", 60, FIELD(1), TARN_BSS, "\"--3\""},
    {"uncastable", 50, FIELD(1), TARN_BSS, "\"1e\""},
    {"uncastable", 20, FIELD(2), TARN_BSS, "\"NaN\""},
    {"uncastable", 20, FIELD(2), TARN_BSS, "\"-inf\""},
    {"uncastable", 90, FIELD(1), TARN_OSS, "\"lots\""},
    {"uncastable", 60, FIELD(1), TARN_OSS, "\"--3\""},
    {"uncastable", 50, FIELD(1), TARN_OSS, "\"1e\""},
    {"uncastable", 40, FIELD(2), TARN_OSS, "\"NaN\""},
    {"uncastable", 120, FIELD(0), TARN_IOT, "\"--3\""},
    {"uncastable", 60, FIELD(0), TARN_IOT, "\"1e\""},
    {"uncastable", 60, FIELD(0), TARN_IOT, "{\"v\": 40}"},

    {"number_as_string", 170, FIELD(1), TARN_BSS, "\"82\""},
    {"number_as_string", 170, FIELD(1), TARN_OSS, "\"57\""},
    {"number_as_string", 170, FIELD(0), TARN_IOT, "\"53\""},

    {"not_an_object", 30, TARN_WHOLE_LINE, TARN_ANY_TYPE, "not json"},
    {"not_an_object", 30, TARN_WHOLE_LINE, TARN_ANY_TYPE, "42"},
    {"not_an_object", 20, TARN_WHOLE_LINE, TARN_ANY_TYPE, "\"s\""},
    {"not_an_object", 20, TARN_WHOLE_LINE, TARN_ANY_TYPE, "null"},
    {"not_an_object", 20, TARN_WHOLE_LINE, TARN_ANY_TYPE, "{\"a\":1}}"},
    {"not_an_object", 10, TARN_WHOLE_LINE, TARN_ANY_TYPE, "[1, 2, 3]"},
    {"truncated", 20, TARN_CUT_LINE, TARN_ANY_TYPE, NULL},

    {"duplicate", 390, TARN_REPEATED_LINE, TARN_ANY_TYPE, NULL},
    {NULL, 0, 0, 0, NULL},
};

static guint total_weight(void) {
  guint total = 0;
  for (const TarnDefect *defect = tarn_defects; defect->name; defect++) total += defect->weight;
  return total;
}

static const TarnDefect *draw_any(TarnRandom *random) {
  guint draw = tarn_random_below(random, total_weight());
  const TarnDefect *defect = tarn_defects;
  for (; draw >= defect->weight; defect++) draw -= defect->weight;
  return defect;
}

const TarnDefect *tarn_defect_draw(TarnRandom *random, TarnEventType type) {
  const TarnDefect *defect = draw_any(random);
  while (defect->type != TARN_ANY_TYPE && defect->type != type) defect = draw_any(random);
  return defect;
}
