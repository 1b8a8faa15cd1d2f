"""Every notebook runs from top to bottom on the sample data, and shows what it is stored with."""

import os
import tomllib
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

from notebooks import refresh  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
again = os.environ.get("POLARS_ENGINE_AFFINITY") == "in-memory"
# These are written for readers who come with one question: short, without functions, ending in a file or a decision.
PLAYBOOK = [path for path in refresh.NOTEBOOKS if path.name[:2] in {"00", "08", "09", "10", "11", "12", "13", "14"}]


@pytest.fixture(scope="module")
def executed():
    """All notebooks with the outputs of a run, two at a time."""
    return refresh.execute_all(refresh.NOTEBOOKS)


@pytest.mark.parametrize("path", refresh.NOTEBOOKS, ids=lambda path: path.stem)
def test_is_stored_with_what_it_shows(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")
    cells = refresh.code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    kinds = {kind for cell in cells for output in cell.outputs for kind in output.get("data", {})}
    assert "image/png" in kinds
    assert not {refresh.FIGURE, "application/javascript"} & kinds, "many sites that show notebooks run no scripts"
    assert path.stat().st_size < refresh.MOST_BYTES
    assert list(refresh.find_machine_paths(notebook)) == []


@pytest.mark.parametrize("path", PLAYBOOK, ids=lambda path: path.stem)
def test_answers_one_question_in_few_lines(path):
    cells = refresh.code_cells(nbformat.read(path, as_version=4))
    lines = [line for cell in cells for line in cell.source.splitlines() if line.strip()]
    assert len(lines) <= 40
    assert [line for line in lines if line.lstrip().startswith(("def ", "class ")) or "lambda" in line] == []


@pytest.mark.skipif(again, reason="notebooks tell the analysis; the engines are compared elsewhere")
@pytest.mark.parametrize("path", refresh.NOTEBOOKS, ids=lambda path: path.stem)
def test_shows_what_is_stored(path, executed):
    notebook = executed[path]
    shown = [output for cell in refresh.code_cells(notebook) for output in cell.outputs]
    assert [output.text for output in shown if output.output_type == "stream" and output.name == "stderr"] == []
    assert any(refresh.FIGURE in output.get("data", {}) for output in shown), "no chart was shown"
    differing = refresh.find_differences(nbformat.read(path, as_version=4), notebook)
    assert differing == [], f"run: python -m notebooks.refresh {path.name[:2]}"


def test_a_stored_table_that_differs_is_named():
    path = refresh.NOTEBOOKS[0]
    stored, other = nbformat.read(path, as_version=4), nbformat.read(path, as_version=4)
    assert refresh.find_differences(stored, other) == []
    cell = next(cell for cell in refresh.code_cells(other) if refresh.read_texts(cell))
    output = next(output for output in cell.outputs if "image/png" not in output.get("data", {}))
    output.data = {"text/plain": "107 people"}
    assert refresh.find_differences(stored, other) == [cell.source.splitlines()[0]]


def test_what_the_notebooks_need_comes_with_them():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    sources = " ".join(path.read_text(encoding="utf-8") for path in refresh.NOTEBOOKS)
    needed = {"to_excel": "excel", "to_deltalake": "lakes", ".on(": "spark"}
    for word, extra in needed.items():
        if word in sources:
            assert set(extras[extra]) <= set(extras["notebook"])
    needs = {name.split(">")[0] for name in extras["notebook"]}
    assert {"pandas"} <= needs
