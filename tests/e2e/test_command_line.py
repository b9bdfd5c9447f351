"""The command line itself: help, versions, unknown words. Needs no project."""
import re

import pytest


def test_version_names_tarn_and_duckdb(tarn):
    assert re.fullmatch(r"tarn \d+\.\d+\.\d+ \(DuckDB v\d+\.\d+\.\d+\)\n", tarn("--version").stdout)


def test_help_lists_every_command_and_each_has_help(tarn):
    commands = re.findall(r"^  (\w+) +\S", tarn("--help").stdout, re.M)
    assert "generate" in commands
    for command in commands:
        assert "Usage:" in tarn(command, "--help").stdout, command


@pytest.mark.parametrize("word, hint", [("genrate", "did you mean `tarn generate`?"), ("xyzzy", "`tarn --help` lists the commands")])
def test_unknown_command_is_a_usage_error_with_a_hint(tarn, word, hint):
    done = tarn(word, check=False)
    assert done.returncode == 2 and done.stdout == ""
    assert f"there is no command '{word}'" in done.stderr and hint in done.stderr


def test_no_command_prints_the_help_and_is_a_usage_error(tarn):
    done = tarn(check=False)
    assert done.returncode == 2 and "Usage:" in done.stdout
