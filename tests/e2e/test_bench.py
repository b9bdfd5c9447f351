"""`make bench` works: every benchmark runs, small, and leaves its figures where they are promised. No figure is judged here."""
import json
import os
import pathlib
import subprocess

from conftest import ROOT, program

GOALS = {"generate/events_per_second", "pipeline/1M/ratio_to_script", "pipeline/1M_defects/ratio_to_script", "pipeline/10M/peak_memory",
         "pipeline/100k/peak_memory", "pipeline/100k/seconds", "pipeline/nothing_new/seconds", "pipeline/5M/ratio_of_1_percent_more"}


def bench(*arguments):
    return subprocess.run([ROOT / "bench" / "run", *arguments], env={**os.environ, "TARN": program()}, capture_output=True, text=True,
                          timeout=600)


def test_every_benchmark_has_a_goal_and_a_figure():
    done = bench("--quick")
    assert done.returncode == 0, done.stderr
    results = json.loads((pathlib.Path(program()).parent / "bench-quick.json").read_text())
    assert {result["name"] for result in results if result["goal"]} == GOALS
    for result in results:
        assert set(result) == {"name", "value", "unit", "goal", "against"} and result["value"] > 0 and result["name"] in done.stdout


def test_an_unknown_benchmark_is_named():
    done = bench("pipeline/2M")
    assert done.returncode == 2 and "no benchmark is called pipeline/2M" in done.stderr
