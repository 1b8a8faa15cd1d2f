"""The README shows only what runs."""

import re
from pathlib import Path

import plotly.graph_objects as go
import pytest

import journeys as jn

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.DOTALL)


def test_the_python_runs_as_it_stands(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    for language, code in BLOCKS:
        if language == "python":
            exec(compile(code, "README.md", "exec"), names)  # noqa: S102
    j, f = names["j"], names["f"]
    assert isinstance(j, jn.Journeys)
    assert f.table["people"].is_sorted(descending=True)
    assert f.table["people"][-1] > 0
    assert isinstance(f.plot(), go.Figure)


def test_the_analyst_types_few_lines():
    code = "".join(code for language, code in BLOCKS if language == "python")
    lines = [line for line in code.splitlines() if line.strip() and not line.startswith("import")]
    assert len(lines) == 10


def test_its_commands_are_the_ones_that_are_checked():
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = [line for language, code in BLOCKS if language == "console" for line in code.splitlines()]
    tests = "pytest -n auto --dist loadfile"
    assert {f'python -m pip install ".[test]" && {tests}', "python -m pip install . && journeys demo"} <= set(commands)
    assert '".[test]"' in run
    assert f"{tests} -p no:cacheprovider\n" in run
    assert "journeys demo --out" in run


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)]+)\)", README))
def test_what_it_points_to_is_there(link: str):
    assert (ROOT / link).exists()
