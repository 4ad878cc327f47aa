"""The notebook of the documentation runs as it stands, cell by cell, against a real api and a real run."""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs/notebooks").glob("*.ipynb"))


def cells(notebook: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == "code"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(notebook: Path, url: str, run: Path) -> None:
    mpl.use("agg")
    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        for cell in cells(notebook):
            assert cell["outputs"] == [], "strip the outputs"
            exec(compile("".join(cell["source"]), f"{notebook.name}:{cell['id']}", "exec"), names)
            if "parameters" in cell["metadata"].get("tags", ()):
                names |= {"URL": url, "RUN": str(run)}
        assert len(plt.get_fignums()) == 3
    finally:
        plt.close("all")
    # Instruments are imperfect, but they are instruments.
    assert names["errors"].loc["pm25", "r"] > 0.9
    assert names["errors"].loc["pm25", "rmse"] > 0
    assert names["on_map"].shape[0] > 10
    assert names["rose"].to_numpy().sum() == pytest.approx(1)
