"""tools/check-layers: Tarn's own tree is clean, and each kind of fault is found in a small tree that has it."""
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def check_layers(*arguments):
    return subprocess.run([ROOT / "tools" / "check-layers", *map(str, arguments)], capture_output=True, text=True)


def test_tarn_keeps_its_layers():
    done = check_layers()
    assert done.returncode == 0, done.stdout


FAULTS = {
    "an edge that is not allowed": ({"serve/http.c": '#include "pipeline/run.h"\n'},
                                    "serve/http.c:1: serve may not include pipeline/run.h; allowed: base, lakehouse, project, selfserve, serve"),
    "stages do not call each other": ({"stream/ndjson.c": '\n#include "lakehouse/db.h"\n'}, "stream/ndjson.c:2: stream may not"),
    "an unknown room": ({"util/strings.c": ""}, "util/strings.c:1: room 'util' is not in the table"),
    "duckdb outside lakehouse": ({"pipeline/run.c": "#include <duckdb.h>\n"}, "pipeline/run.c:1: only lakehouse/ may include duckdb.h"),
    "sockets outside their files": ({"serve/routes.c": "# include <sys/epoll.h>\n"}, "only serve/http* may include sys/epoll.h"),
    "headers in a circle": ({"base/a.h": '#include "base/b.h"\n', "base/b.h": '#include "base/a.h"\n'},
                            "headers include each other: base/a.h -> base/b.h -> base/a.h"),
    "a long file": ({"base/long.c": "int x;\n" * 501}, "base/long.c:501: 501 lines without tables; a file has at most 500"),
    "a long function": ({"base/long.c": "int f(\n    int a) {\n" + "  a++;\n" * 61 + "}\n"}, "base/long.c:2: f has 61 lines"),
    "an empty tree": ({}, "no C files found"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found(name, tmp_path):
    files, message = FAULTS[name]
    write(tmp_path, files)
    done = check_layers(tmp_path)
    assert done.returncode == 1
    assert message in done.stdout


def test_what_is_allowed_passes(tmp_path):
    table = "static const int rows[] = {\n" + "    1,\n" * 600 + "};\n"
    write(tmp_path, {
        "main.c": '#include "commands/commands.h"\n',
        "commands/run.c": '#include "pipeline/run.h"\n#include "version.h"\n#include <stdio.h>\n',
        "lakehouse/db.c": "#include <duckdb.h>\n",
        "base/table.c": table + "int f(void) {\n" + "  g();\n" * 60 + "}\n",
    })
    done = check_layers(tmp_path)
    assert done.returncode == 0, done.stdout


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
