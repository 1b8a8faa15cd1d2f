"""The shape of the house: who may know whom, what an import loads, what every public name says of itself."""

import ast
import dataclasses
import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import journeys as jn
from journeys.analyses.result import JourneysResult

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "journeys"

# the arrows point down only: each package and the packages that it may import, for types alone as well
ARROWS = {
    "errors": set(),
    "arrays": set(),
    "display": {"errors"},
    "result": {"errors", "display"},
    "stats": {"errors"},
    "naming": {"errors", "display"},
    "events": {"errors", "display", "naming"},
    "steps": {"errors", "events"},
    "log": {"errors", "events", "arrays"},
    "engines": {"errors", "log"},
    "charts": {"display"},
    "identity": {"errors", "display", "result", "events", "charts", "arrays"},
    "sources": {"errors", "display", "events", "naming"},
    "exports": {"errors", "display"},
    "analyses": {"errors", "display", "result", "charts", "log", "stats", "steps", "events", "naming", "arrays"},
    "api": {"errors", "display", "analyses", "identity", "log", "engines", "events", "steps", "exports", "report"},
    "samples": {"errors", "events", "sources", "api"},
    "report": {"errors", "display", "result", "charts", "stats", "steps", "identity", "analyses", "exports"},
    "definition_file": {"errors", "display", "events", "naming", "sources", "steps", "identity", "log", "analyses",
        "api", "report"},
    "cli": {"errors", "display", "events", "steps", "log", "analyses", "sources", "samples", "api", "report", "exports",
        "definition_file", "__init__"},
    "__main__": {"cli"},
    "__init__": {"errors", "events", "identity", "sources", "steps", "analyses", "api", "samples", "naming", "report",
        "exports", "definition_file"},
}  # fmt: skip
# what an import may load beside the standard library; everything else waits until it is needed
LOADED = {"journeys", "polars", "numpy", "typing_extensions"}


@cache
def _imports(file: Path) -> list[str]:
    """Names that a file imports from anywhere: at its top, inside functions and for the type checker alone."""
    names = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def _module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _find_packages(module: str) -> list[str]:
    """Return the packages around a module, outermost first: "a.b.c" → ["a", "a.b"]."""
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def _file_arrows() -> dict[str, set[str]]:
    """Which module imports which.

    A name taken from a package counts as the module it is, else as the package. The `__init__` of a package runs before
    its modules, so that the packages around an imported module count too, but for those that the importer is in itself:
    a.b.c imports a.d.e → a.b.c imports a.d as well, but not a.
    """
    files = {_module_name(file): file for file in PACKAGE.rglob("*.py")}
    arrows: dict[str, set[str]] = {}
    for module, file in files.items():
        found = {name if name in files else name.rpartition(".")[0] for name in _imports(file)}
        found = {name for name in found if name in files}
        around = {package for name in found for package in _find_packages(name)} - {*_find_packages(module)}
        arrows[module] = (found | around) - {module}
    return arrows


def _room(file: Path) -> str:
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


def _modules() -> list[ModuleType]:
    found = pkgutil.walk_packages([str(PACKAGE)], prefix="journeys.")
    return [jn, *(importlib.import_module(module.name) for module in found if not module.name.endswith("__main__"))]


def test_the_packages_form_no_circle():
    assert list(TopologicalSorter(ARROWS).static_order())


def test_the_files_form_no_circle():
    try:
        TopologicalSorter(_file_arrows()).prepare()
    except CycleError as error:
        raise AssertionError(" → ".join(error.args[1])) from error


def test_packages_import_only_what_lies_below_them():
    wrong = []
    for file in sorted(PACKAGE.rglob("*.py")):
        package = _room(file)
        for name in _imports(file):
            parts = name.split(".")
            other = parts[1] if len(parts) > 1 and (PACKAGE / parts[1]).exists() else None
            other = other or (parts[1] if len(parts) > 1 and (PACKAGE / f"{parts[1]}.py").exists() else "__init__")
            if parts[0] == "journeys" and other != package and other not in ARROWS[package]:
                wrong.append(f"{file.relative_to(ROOT)} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_files_stay_short():
    long = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in PACKAGE.rglob("*.py")}
    assert not {name: lines for name, lines in long.items() if lines > 600}


def _definitions(*kinds: type[ast.AST]) -> list[tuple[str, Any]]:
    """Return all definitions of some kinds, each with the name of its file."""
    files = sorted(PACKAGE.rglob("*.py"))
    found = [(str(path.relative_to(PACKAGE)), node) for path in files for node in ast.walk(ast.parse(path.read_text()))]
    return [(file, node) for file, node in found if isinstance(node, kinds)]


def test_no_two_classes_have_one_name():
    named = Counter(node.name for _, node in _definitions(ast.ClassDef))
    assert [name for name, count in named.items() if count > 1] == []


def test_long_functions_say_what_they_do():
    long = [(file, node) for file, node in _definitions(ast.FunctionDef) if node.end_lineno - node.lineno >= 14]
    dull = {"__init__", "__post_init__"}  # what they are given is said of the class
    silent = [f"{file}: {node.name}" for file, node in long if node.name not in dull and not ast.get_docstring(node)]
    assert silent == []


def test_what_is_imported_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {"pyspark": "pyspark", "IPython": "ipython"}
    declared = {
        re.split(r"[><=\[; ]", one)[0].replace("-", "_").lower()
        for one in [
            *project["dependencies"],
            *(each for extra in project["optional-dependencies"].values() for each in extra),
        ]
    }
    used = {
        name.split(".")[0]
        for file in PACKAGE.rglob("*.py")
        for name in _imports(file)
        if name.split(".")[0] not in sys.stdlib_module_names
    } - {"journeys"}
    assert {name for name in used if names.get(name, name).lower() not in declared} == set()


def _run(code: str) -> str:
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_an_import_is_light_and_silent():
    found = _run(
        "import sys, builtins\n"
        "before = set(sys.modules)\n"
        "import journeys\n"
        "tops = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(tops - sys.stdlib_module_names))"
    ).split()
    assert {name for name in found if not name.startswith("_")} <= LOADED


def test_an_import_reaches_for_no_network_and_writes_no_file():
    _run(
        "import sys\n"
        "def watch(event, arguments):\n"
        "    writes = event == 'open' and isinstance(arguments[1], str) and set(arguments[1]) & set('wax+')\n"
        "    writes = writes and '__pycache__' not in str(arguments[0])\n"
        "    if writes or event.startswith(('socket.', 'urllib.', 'subprocess.')):\n"
        "        raise RuntimeError(f'{event} {arguments}')\n"
        "sys.addaudithook(watch)\n"
        "import journeys"
    )


def test_an_import_changes_no_setting():
    _run(
        "import polars as pl, locale, os, warnings\n"
        "import numpy\n"  # its import adds warning filters of its own
        "def state():\n"
        "    return pl.Config.state(), locale.setlocale(locale.LC_ALL), dict(os.environ), list(warnings.filters)\n"
        "before = state()\n"
        "import journeys\n"
        "assert state() == before"
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that begin where another one is")
def test_every_module_can_be_the_first_that_is_imported():
    # Packages are imported before what is in them. So a process that has imported a package and nothing else forks for
    # each of its modules that is not loaded yet; one that is loaded was the first, too, together with its package.
    assert not _run(
        "import importlib, os, pkgutil, sys, traceback\n"
        "import journeys\n"
        "def visit(package):\n"
        "    for found in pkgutil.iter_modules(package.__path__, f'{package.__name__}.'):\n"
        "        if found.name.endswith('__main__'):\n"
        "            continue\n"
        "        if found.name not in sys.modules and (child := os.fork()):\n"
        "            os.waitpid(child, 0)\n"
        "            continue\n"
        "        is_first = found.name not in sys.modules\n"
        "        try:\n"
        "            module = importlib.import_module(found.name)\n"
        "            if found.ispkg:\n"
        "                visit(module)\n"
        "        except Exception:\n"
        "            print(found.name, traceback.format_exc(), flush=True)\n"
        "        if is_first:\n"
        "            os._exit(0)\n"
        "visit(journeys)"
    )


def _public() -> dict[str, Any]:
    """Everything an analyst can type: the library's names, the methods of its classes and of every result."""
    found: dict[str, Any] = {f"jn.{name}": getattr(jn, name) for name in jn.__all__}
    classes = {value for value in found.values() if inspect.isclass(value)}
    for module in _modules():
        if module.__name__.startswith("journeys.analyses"):
            classes |= {
                value for value in vars(module).values() if inspect.isclass(value) and issubclass(value, JourneysResult)
            }
    for value in sorted(classes - {JourneysResult}, key=lambda one: one.__qualname__):
        for name, member in inspect.getmembers(value):
            static = inspect.getattr_static(value, name)
            ours = (
                getattr(member, "__module__", None) or getattr(getattr(static, "fget", None), "__module__", "")
            ) or ""
            if not name.startswith("_") and ours.startswith("journeys") and callable(member):
                found[f"{value.__name__}.{name}"] = member
    return found


def _is_function(value: Any) -> bool:
    return callable(value) and not inspect.isclass(value)


PUBLIC = _public()
# how the analyses reach the log: not for those who ask questions
INNER = {f"Journeys.{name}" for name in ()}
# these read as they are said: between(start, end), step(name, condition), funnel(journeys, name)
TWO_POSITIONAL = {"Journeys.between", "jn.step", "Definitions.funnel", "Definitions.segment"}


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_explains_itself(name):
    assert len(inspect.getdoc(PUBLIC[name]) or "") > 10, f"{name} has no docstring"


# what is made by hand; other classes come out of functions that show how
MADE_BY_HAND = {"jn.Journeys", "jn.IdentityRules"}


@pytest.mark.parametrize("name", [name for name, value in PUBLIC.items() if _is_function(value)] + sorted(MADE_BY_HAND))
def test_what_an_analyst_starts_from_shows_an_example(name):
    # a result's own methods may lean on the example of the question that gave it
    if name.startswith(("jn.", "Journeys.")) and name not in INNER:
        assert "Examples\n" in (inspect.getdoc(PUBLIC[name]) or ""), f"{name} shows no example"


@pytest.mark.parametrize("name", [name for name, value in PUBLIC.items() if _is_function(value) and name not in INNER])
def test_the_first_argument_is_positional_the_rest_keyword_only_and_typed(name):
    value: Callable[..., Any] = PUBLIC[name]
    parameters = [*inspect.signature(value).parameters.values()]
    # a question is a function bound in the class body: its first parameter is the journeys asked, as `self` is
    parameters = [one for one in parameters if one.name not in ("self", "journeys")]
    by_place = [one.name for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    assert name in TWO_POSITIONAL or len(by_place) <= 1, f"{name} takes {by_place} by place"
    assert not [one.name for one in parameters if one.annotation is one.empty]
    assert inspect.signature(value).return_annotation is not inspect.Signature.empty


FROZEN = {one for one in PUBLIC.values() if inspect.isclass(one) and dataclasses.is_dataclass(one)}


@pytest.mark.parametrize("value", sorted(FROZEN, key=lambda one: one.__name__))
def test_values_are_frozen(value):
    assert value.__dataclass_params__.frozen


def test_versions_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == jn.__version__
    assert f"## {jn.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_top_level_holds_what_it_should():
    run = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=False)
    if run.returncode or not run.stdout:
        pytest.skip("no git here")
    tops = {line.split("/")[0] for line in run.stdout.splitlines()}
    shape = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "journeys", "notebooks", "sample_data", "tests"}
    assert {top for top in tops - shape if not top.startswith(".")} == set()
