"""docs/dependencies.md lists what the build really uses: every library of meson.build, every package of tools/install-packages."""
import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "dependencies.md").read_text("utf-8")


def listed(name):
    return f"`{name}`" in PAGE


def test_every_library_of_the_build_is_listed():
    text = "\n".join(path.read_text("utf-8") for path in [ROOT / "meson.build", *ROOT.glob("src/**/meson.build")])
    libraries = re.findall(r"dependency\('([^']+)'", text)
    assert len(libraries) >= 6
    assert [name for name in libraries if not listed(name)] == []


def test_every_package_that_is_installed_is_listed():
    script = (ROOT / "tools" / "install-packages").read_text("utf-8")
    packages = {name for value in re.findall(r"^(?:build|check|fuzz)=['\"]([^'\"]*)['\"]$", script, re.M)
                for name in value.split() if not name.startswith("$")}
    assert len(packages) >= 15
    assert sorted(name for name in packages if not listed(name)) == []


def test_the_pinned_engine_is_the_listed_one():
    locked = json.loads((ROOT / "deps" / "package-lock.json").read_text())["packages"]
    pinned = json.loads((ROOT / "deps" / "package.json").read_text())["dependencies"]
    for name, version in pinned.items():
        assert locked[f"node_modules/{name}"]["version"] == version
        assert f"`{name}@{version}`" in PAGE
