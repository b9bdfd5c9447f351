"""A project small enough to be read at a glance, for tests that change it: orders with a kind and an amount."""
import json

TARN_YAML = """\
name: shop
database: shop.duckdb
source:
  paths: [events/*.ndjson]
bronze:
  table: bronze_orders
  envelope: [id, kind]
  payload: body
quality:
  rules:
    - name: no_kind
      weight: 60
      predicate: kind <> ''
    - name: cheap
      weight: 20
      predicate: (raw_payload->>'amount')::INTEGER >= 10
"""

SILVER = """\
/*
kind: silver
unique: [id]
*/
SELECT id, kind, (raw_payload->>'amount')::INTEGER AS amount, quality_score
FROM bronze_orders
WHERE quality_score >= 50
"""

GOLD = """\
/*
kind: gold
key: [kind]
*/
SELECT kind, count(*) AS orders, sum(amount)::BIGINT AS total
FROM silver_orders
GROUP BY kind
"""

ORDERS = [  # id, kind, amount
    ("1", "tea", 10),
    ("2", "tea", 5),      # cheap: score 80
    ("3", "tea", "x"),    # cheap (no number), and amount does not cast
    ("4", "milk", 30),
    ("4", "milk", 40),    # the same id again
    ("5", "", 50),        # no kind: score 40
]


def order(id, kind, amount):
    return json.dumps({"id": id, "kind": kind, "body": {"amount": amount}})


def ndjson(orders):
    return "".join(order(*fields) + "\n" for fields in orders)


def write(folder, orders=ORDERS):
    """The project with its orders in events/orders.ndjson."""
    for name, text in {"tarn.yaml": TARN_YAML, "silver/silver_orders.sql": SILVER, "gold/gold_kinds.sql": GOLD,
                       "events/orders.ndjson": ndjson(orders)}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def edit(folder, name, old, new):
    path = folder / name
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {name}"
    path.write_text(text.replace(old, new))
