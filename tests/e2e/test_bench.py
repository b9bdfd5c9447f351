"""The command line of bench/run; that every benchmark works is a suite of its own. No figure is judged here."""
import json
import os
import pathlib
import subprocess

from conftest import ROOT, program


def bench(*arguments):
    return subprocess.run([ROOT / "bench" / "run", *arguments], env={**os.environ, "TARN": program()}, capture_output=True, text=True,
                          timeout=600)


def test_one_benchmark_can_be_chosen():
    done = bench("--quick", "generate")
    assert done.returncode == 0, done.stderr
    [result] = json.loads((pathlib.Path(program()).parent / "bench-quick.json").read_text())
    assert set(result) == {"name", "value", "unit", "goal", "against"}
    assert result["name"] == "generate/events_per_second" and result["value"] > 0 and result["name"] in done.stdout


def test_an_unknown_benchmark_is_named():
    done = bench("pipeline/2M")
    assert done.returncode == 2 and "no benchmark is called pipeline/2M" in done.stderr
