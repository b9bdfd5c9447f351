"""A walk through the API's refusals as somebody who is new to it: each is a problem document that says what to change."""
import pytest


ENDPOINTS = {
    "broken": "/* {route: /api/v1/broken, params: {text: {type: string, default: x}}} */ SELECT CAST($text AS INTEGER) AS n",
    "slow": "/* {route: /api/v1/slow, timeout: 100ms} */ SELECT sum(a.range * b.range) AS s FROM range(1000000) a, range(1000000) b",
}
GOLD = "/api/v1/tables/gold_subscriber_features"


@pytest.fixture(scope="module")
def published(published):
    for name, text in ENDPOINTS.items():
        (published / "api" / f"{name}.sql").write_text(text)
    return published


WALK = [  # method, path, headers, status, what detail or hint says
    ("GET", "/", {}, 404, "the member routes lists those that exist"),
    ("GET", "/api/v1/subscriber", {}, 404, "did you mean /api/v1/subscribers?"),
    ("GET", "/api/v1/subscribers/nobody", {}, 404, "there is no such subscriber"),
    ("POST", "/api/v1/subscribers", {}, 405, "use GET or HEAD"),
    ("GET", "/api/v1/subscribers?limit=0", {}, 422, "'0' is not an integer from 1 to 1000"),
    ("GET", "/api/v1/subscribers?limt=5", {}, 422, "there is no such parameter; allowed: limit, risk"),
    ("GET", "/api/v1/subscribers?risk=%ff", {}, 422, "it is not percent-encoded UTF-8 text"),
    ("GET", "/api/v1/subscribers?format=cvs", {}, 422, "did you mean csv?"),
    ("GET", "/api/v1/subscribers?format=csv&format=json", {}, 422, "it is given more than once"),
    ("GET", "/api/v1/subscribers", {"Accept": "text/html"}, 406, "?format="),
    ("GET", "/api/v1/subscribers?generation=newest", {}, 422, "X-Tarn-Generation"),
    ("GET", "/api/v1/subscribers?generation=99", {}, 404, "the member generations lists"),
    ("GET", "/api/v1/tables/gold_subscriber_feature", {}, 404, "did you mean gold_subscriber_features?"),
    ("GET", f"{GOLD}?totl_events=gte.5", {}, 422, "did you mean total_events?"),
    ("GET", f"{GOLD}?total_events=5", {}, 422, "a filter looks like eq.5"),
    ("GET", f"{GOLD}?total_events=gte.many", {}, 422, "'many' is not a number"),
    ("GET", f"{GOLD}?order=nope.desc", {}, 422, "has no column 'nope'"),
    ("GET", f"{GOLD}?limit=0", {}, 422, "from 1 to 10000"),
    ("GET", f"{GOLD}?offset=10", {}, 422, "the header Link of a page names the next one"),
    ("GET", f"{GOLD}?cursor=xyz", {}, 422, "take it from the header Link"),
    ("GET", "/api/v1/subscribers?risk=" + "x" * 9000, {}, 414, "8192 bytes"),
    ("GET", "/livez", {"X-Long": "x" * 70000}, 431, "send fewer or shorter headers"),
    ("GET", "/api/v1/subscribers", {"Host": "evil.example"}, 403, "tarn keys"),
    ("GET", "/api/v1/broken", {}, 500, "the server's log tells why"),
    ("GET", "/api/v1/slow", {}, 503, "ask for less"),
]


@pytest.mark.parametrize("method, path, headers, status, said", WALK, ids=[f"{status} {path[:50]}" for _, path, _, status, _ in WALK])
def test_a_refusal_says_what_to_change(server, method, path, headers, status, said):
    response = server.request(method, path, headers=headers)
    assert response.status_code == status and response.headers["Content-Type"] == "application/problem+json", response.text
    problem = response.json()
    assert problem["status"] == status and problem["title"] and problem["detail"] and problem["hint"], problem
    assert said in problem["detail"] + problem["hint"]
    assert problem["request_id"] == response.headers["X-Request-Id"]
    assert "SELECT" not in response.text and "telecom.duckdb" not in response.text
