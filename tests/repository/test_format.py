"""All C code is as tools/format would leave it."""
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def test_code_is_formatted():
    done = subprocess.run([ROOT / "tools" / "format", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, f"run tools/format\n{done.stderr}"
