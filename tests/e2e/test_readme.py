"""The README's tour is true: it is run as a reader would, and prints what the README shows."""
import os
import pathlib
import re
import subprocess

from conftest import program

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def test_the_tour_prints_what_the_readme_shows():
    done = subprocess.run([ROOT / "tools" / "run-readme"], capture_output=True, text=True, env={**os.environ, "TARN": program()})
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.search(r"(\d+) commands run", done.stdout)[1]) >= 10
