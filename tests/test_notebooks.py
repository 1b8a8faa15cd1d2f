"""Every notebook runs from top to bottom on the sample data, and is stored without what it showed."""

import os
import tomllib
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
again = os.environ.get("POLARS_ENGINE_AFFINITY") == "in-memory"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert cells
    assert [cell.source for cell in cells if cell.outputs or cell.execution_count is not None] == []
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.skipif(again, reason="notebooks tell the analysis; the engines are compared elsewhere")
def test_runs_to_its_end(path, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])))
    monkeypatch.setenv("PYTHONWARNINGS", "error::UserWarning:journeys")
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert [output.text for output in shown if output.output_type == "stream" and output.name == "stderr"] == []
    assert any("application/vnd.plotly.v1+json" in output.get("data", {}) for output in shown), "no chart was shown"


def test_what_the_notebooks_need_comes_with_them():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    sources = " ".join(path.read_text(encoding="utf-8") for path in NOTEBOOKS)
    needed = {"to_excel": "excel", "to_deltalake": "lakes", ".on(": "spark"}
    for word, extra in needed.items():
        if word in sources:
            assert set(extras[extra]) <= set(extras["notebook"])
