"""tools/check counts what really happened: a crash, an empty suite or a broken collection is a failure, never silence."""
import importlib.machinery
import importlib.util
import json
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def check(tmp_path, monkeypatch):
    loader = importlib.machinery.SourceFileLoader("check", str(ROOT / "tools" / "check"))
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("check", loader))
    loader.exec_module(module)
    monkeypatch.setattr(module, "REPORTS", tmp_path)
    return module


def counts(outcome):
    return outcome.passed, outcome.skipped, [name for name, _ in outcome.failures]


MESON_LOGS = {
    "a TAP program": ({"stdout": "1..3\nok 1 /a\nok 2 /b # SKIP no disk\nok 3 /c\n", "result": "OK"}, (2, 1, [])),
    "two failures in it": ({"stdout": "not ok 1 /a\nok 2 /b\nnot ok 3 - c\n", "result": "FAIL"}, (1, 0, ["t: /a, c", "t: c"])),
    "a crash after what passed": ({"stdout": "1..3\nok 1 /a\n", "result": "ERROR"}, (1, 0, ["t: ERROR"])),
    "a leak found at exit": ({"stdout": "1..1\nok 1 /a\n", "stderr": "LeakSanitizer", "result": "FAIL"}, (1, 0, ["t: FAIL"])),
    "a time-out": ({"stdout": "", "result": "TIMEOUT"}, (0, 0, ["t: TIMEOUT"])),
    "a program without TAP": ({"stdout": "layers: 40 files, 0 faults\n", "result": "OK"}, (1, 0, [])),
    "a skipped program": ({"result": "SKIP"}, (0, 1, [])),
}


@pytest.mark.parametrize("name", MESON_LOGS)
def test_meson_log(name, check, tmp_path):
    test, expected = MESON_LOGS[name]
    log = tmp_path / "testlog.json"
    log.write_text(json.dumps({"name": "t", **test}) + "\n")
    outcome = check.Outcome()
    check.read_meson_log(log, outcome)
    assert counts(outcome) == expected


def test_junit(check, tmp_path):
    log = tmp_path / "junit.xml"
    log.write_text('<testsuites><testsuite><testcase classname="a" name="good"/>'
                   '<testcase classname="a" name="bad"><failure message="no">1 != 2</failure></testcase>'
                   '<testcase classname="a" name="broken"><error message="fixture">trace</error></testcase>'
                   '<testcase classname="a" name="later"><skipped/></testcase></testsuite></testsuites>')
    outcome = check.Outcome()
    check.read_junit(log, outcome)
    assert counts(outcome) == (1, 1, ["a::bad", "a::broken"])
    assert outcome.failures[0] == ("a::bad", "1 != 2")


def run_main(check, monkeypatch, capsys, suites, *arguments):
    monkeypatch.setattr(check, "SUITES", suites)
    code = check.main(list(arguments))
    return code, capsys.readouterr().out.splitlines()


def outcome_of(check, passed, *failures):
    outcome = check.Outcome()
    outcome.passed = passed
    for name in failures:
        outcome.fail(name, "why")
    return outcome


def test_the_last_line_is_the_sum(check, monkeypatch, capsys):
    suites = {"one": ("", lambda suite: outcome_of(check, 3)), "two": ("", lambda suite: outcome_of(check, 4, "x"))}
    code, lines = run_main(check, monkeypatch, capsys, suites)
    assert (code, lines[-1]) == (1, "7 passed, 1 failed")
    assert any("two: x" in line for line in lines)
    assert run_main(check, monkeypatch, capsys, suites, "one")[0] == 0


def test_a_suite_without_tests_has_failed(check, monkeypatch, capsys):
    code, lines = run_main(check, monkeypatch, capsys, {"empty": ("", lambda suite: check.Outcome())})
    assert (code, lines[-1]) == (1, "0 passed, 1 failed")


def test_a_folder_without_tests_has_failed(check, tmp_path):
    (tmp_path / "none").mkdir()
    assert counts(check.pytest_suite("none", str(tmp_path / "none")))[2] == ["pytest: 5"]
