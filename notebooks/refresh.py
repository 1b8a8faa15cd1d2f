"""Run the notebooks and store what they show: `python -m notebooks.refresh [NAME ...]`, from the repository's root.

Tables and sentences are stored as they are shown, charts as pictures, since many sites that show notebooks run no
scripts. `--check` compares the stored tables with those of a run and changes nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbclient
import nbformat

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FIGURE = "application/vnd.plotly.v1+json"
WIDTH, HEIGHT = 820, 420
MOST_BYTES = 310_000
Notebook = Any


def execute(path: Path) -> Notebook:
    """Return the notebook with the outputs of a run in an empty folder; warnings of the library are errors."""
    notebook = nbformat.read(path, as_version=4)
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "PYTHONWARNINGS": "error::UserWarning:journeys",
    }
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        client = nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources)
        asyncio.run(client.async_execute(env=env))  # closes its event loop, in this thread
    return notebook


def execute_all(paths: Iterable[Path]) -> dict[Path, Notebook]:
    """Run several notebooks, two at a time."""
    paths = list(paths)
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(paths, pool.map(execute, paths), strict=True))


def code_cells(notebook: Notebook) -> list[Any]:
    """Return the cells that are run."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def list_shown(cell: Any) -> list[Any]:
    """Return the outputs that show something: not the progress of slow machines, which is cleared at the end."""
    return [one for one in cell.outputs if one.output_type == "stream" or any(one.get("data", {}).values())]


def read_texts(cell: Any) -> list[str]:
    """Return what a cell shows in words and numbers: tables, sentences and prints, but not charts."""
    texts = []
    for output in list_shown(cell):
        data = output.get("data", {})
        if output.output_type == "stream":
            texts.append(output.text)
        elif FIGURE not in data and "image/png" not in data:
            texts.append(data.get("text/html") or data.get("text/plain", ""))
    return texts


def find_differences(stored: Notebook, run: Notebook) -> list[str]:
    """Return the first lines of the cells whose stored texts, or whose number of charts, are not those of the run."""
    pairs = list(zip(code_cells(stored), code_cells(run), strict=True))
    differ = [
        old for old, new in pairs if read_texts(old) != read_texts(new) or len(list_shown(old)) != len(list_shown(new))
    ]
    return [cell.source.splitlines()[0] for cell in differ]


def draw_chart(chart: dict[str, Any]) -> bytes:
    """Return a chart of Plotly as the bytes of a PNG."""
    import kaleido
    import plotly.graph_objects as go

    figure = go.Figure(data=chart["data"], layout=chart["layout"])
    size = {"width": figure.layout.width or WIDTH, "height": figure.layout.height or HEIGHT}
    picture: bytes = kaleido.calc_fig_sync(figure, opts={"format": "png", **size})
    return picture


def reduce_colours(picture: bytes, colours: int) -> str:
    """Return the picture with few colours, which makes it a third as large, as text in base 64."""
    from PIL import Image

    small = io.BytesIO()
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.quantize(colours, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return base64.b64encode(small.getvalue()).decode()


def draw_charts(notebook: Notebook) -> None:
    """Replace each chart by its picture, and number the cells as a run from the top does."""
    pictures = []
    for number, cell in enumerate(code_cells(notebook), 1):
        cell.execution_count = number
        cell.metadata.pop("execution", None)
        cell.outputs = list_shown(cell)
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number
            if FIGURE in output.get("data", {}):
                pictures.append((output, draw_chart(output.data[FIGURE])))
                output.metadata = {}
    for colours in (64, 32, 16, 12, 11, 10):
        for output, picture in pictures:
            output.data = {"image/png": reduce_colours(picture, colours)}
        if len(nbformat.writes(notebook).encode()) < MOST_BYTES:
            break


def find_machine_paths(notebook: Notebook) -> Iterator[str]:
    """Yield paths of this machine in what the notebook shows."""
    for cell in code_cells(notebook):
        for text in read_texts(cell):
            yield from re.findall(r"(?:/tmp|/home|/root|/Users|/var|[A-Z]:\\)[\w/\\.-]*", text)


def main() -> None:
    """Refresh, or check, the notebooks that are named; all of them by default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="beginnings of names, such as 03; all by default")
    parser.add_argument("--check", action="store_true", help="compare only")
    asked = parser.parse_args()
    chosen = [path for path in NOTEBOOKS if not asked.names or path.name.startswith(tuple(asked.names))]
    executed = execute_all(chosen)
    if asked.check:
        differ = {path.name: find_differences(nbformat.read(path, as_version=4), executed[path]) for path in chosen}
        sys.exit("\n".join(f"{name}: {', '.join(cells)}" for name, cells in differ.items() if cells) or 0)
    import kaleido

    kaleido.start_sync_server(silence_warnings=True)
    for path, notebook in executed.items():
        draw_charts(notebook)
        notebook.metadata = {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
        nbformat.write(notebook, path)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB", *find_machine_paths(notebook))
    kaleido.stop_sync_server(silence_warnings=True)


if __name__ == "__main__":
    main()
