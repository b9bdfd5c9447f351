"""The page /docs in a real browser, by keyboard alone."""
import pytest

from browser import CHROMIUM, Browser

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no browser: apt-get install chromium")


@pytest.fixture
def page(server, tmp_path):
    with Browser(tmp_path / "browser") as page:
        page.open(f"{server.url}/docs")
        page.wait_for("document.querySelectorAll('section').length > 3")
        yield page


def focus(page):
    return page.evaluate("document.activeElement.id || document.activeElement.textContent")


def tab_to(page, wanted):
    """Goes on with the tabulator until the wanted element has the focus."""
    for _ in range(60):
        if focus(page) == wanted:
            return
        page.press("Tab")
    raise AssertionError(f"{wanted} cannot be reached; the focus is on {focus(page)}")


def test_it_shows_every_operation_of_the_description(server, page):
    api = server.get("/openapi.json").json()
    titles = page.evaluate("[...document.querySelectorAll('section .path')].map(e => e.textContent)")
    assert sorted(titles) == sorted(api["paths"]) and page.evaluate("document.title") == "telecom API"
    assert "mean latency, in milliseconds" in page.evaluate("document.querySelector('#op-subscribers').textContent")


def test_it_asks_nobody_else_and_breaks_no_rule_of_its_own(server, page):
    assert {url.removeprefix(server.url) for url in page.requests()} >= {"/docs", "/docs/docs.css", "/docs/docs.js", "/openapi.json"}
    assert all(url.startswith(server.url) for url in page.requests())
    assert [c for c in page.complaints() if "favicon" not in str(c)] == []


def test_a_request_is_tried_by_keyboard(server, page):
    page.press("/")
    assert focus(page) == "filter"
    page.type("riskiest")
    assert page.evaluate("[...document.querySelectorAll('section')].filter(s => !s.hidden).map(s => s.id)") == ["op-subscribers"]
    tab_to(page, "op-subscribers-limit")
    page.type("2")
    assert page.evaluate("document.querySelector('#op-subscribers .curl').textContent") == f"curl -s '{server.url}/api/v1/subscribers?limit=2'"
    page.press("Enter")
    assert page.wait_for("document.querySelector('#op-subscribers .outcome.good')?.textContent").startswith("200 OK · application/json")
    shown = page.evaluate("JSON.parse(document.querySelector('#op-subscribers pre:not(.curl)').textContent)")
    assert shown == server.get("/api/v1/subscribers?limit=2").json()


def test_a_refusal_is_shown_whole(page):
    tab_to(page, "op-subscribers-limit")
    page.type("0")
    page.press("Enter")
    assert page.wait_for("document.querySelector('#op-subscribers .outcome.bad')?.textContent").startswith("422")
    assert "is not an integer from 1 to 1000" in page.evaluate("document.querySelector('#op-subscribers pre:not(.curl)').textContent")


def test_an_example_fills_the_form_and_is_sent(page):
    tab_to(page, "/api/v1/subscribers/SUB-00042")
    page.press("Enter")
    page.wait_for("document.querySelector('#op-subscriber .outcome.good') !== null")
    assert page.evaluate("document.querySelector('#op-subscriber-subscriber_id').value") == "SUB-00042"


def test_large_numbers_are_not_rounded(page):
    assert page.evaluate("""pretty('{"n":9007199254740993,"t":"a\\\\"b: {","e":[],"l":[1,2]}')""") == \
        '{\n  "n": 9007199254740993,\n  "t": "a\\"b: {",\n  "e": [],\n  "l": [\n    1,\n    2\n  ]\n}'


def test_where_keys_are_needed_it_asks_for_one(serve, published, tarn, tmp_path):
    key = tarn("keys", "people", "--file", tmp_path / "keys").stdout.strip()
    server = serve(published, env={"TARN_KEYS_FILE": str(tmp_path / "keys")})
    with Browser(tmp_path / "browser") as page:
        page.open(f"{server.url}/docs")
        assert "API key" in page.wait_for("document.querySelector('#status').textContent.includes('key') && document.querySelector('#status').textContent")
        tab_to(page, "key-value")
        page.type(key)
        page.press("Enter")
        page.wait_for("document.querySelectorAll('section').length > 3")
        assert key not in page.evaluate("document.querySelector('#op-subscribers .curl').textContent")
        tab_to(page, "op-subscribers-limit")
        page.press("Enter")
        assert page.wait_for("document.querySelector('#op-subscribers .outcome.good')?.textContent").startswith("200")
