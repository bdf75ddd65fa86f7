"""The house stands: imports go down the floors, never up and never in a circle."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import NamedTuple

import pytest

import llmseg

ROOT = Path(__file__).parents[1]

FLOORS = {
    "app": 6,
    "llmseg.__main__": 6,
    "llmseg.cli": 6,
    "llmseg.study_commands": 6,
    "llmseg.progress": 6,
    "llmseg.ui": 5,
    "llmseg.training": 4,
    "llmseg.evaluation": 4,
    "llmseg.experiments": 4,
    "llmseg.study": 4,
    "llmseg.explain": 4,
    "llmseg.segmenter": 3,
    "llmseg.model": 2,
    "llmseg.text": 1,
    "llmseg.datasets": 1,
    "llmseg.formats": 1,
    "llmseg.gate": 1,
    "llmseg.preprocessing": 1,
    "llmseg.metrics": 1,
    "llmseg.plots": 1,
    "llmseg.case": 0,
    "llmseg.memory": 0,
    "llmseg.revision": 0,
    "llmseg": 0,
}
"""A room (a module or package of llmseg, and app.py) imports from floors below it, or from its own without a circle."""

GRADIO_ROOMS = ("app", "llmseg.ui")
HEAVY = (
    *("torch", "transformers", "monai", "scipy", "nibabel", "pydicom", "gradio", "matplotlib", "plotly"),
    *("sqlalchemy", "alembic", "psycopg", "pandas", "statsmodels"),
)
OPTIONAL = {"spaces"}
"""Used where a host provides it; never required."""


class Import(NamedTuple):
    module: str
    name: str | None
    line: int


def modules_of(root: Path) -> dict[str, Path]:
    paths = [*(root / "llmseg").rglob("*.py"), *root.glob("app.py")]
    parts = {path: path.relative_to(root).with_suffix("").parts for path in sorted(paths)}
    return {".".join(p[:-1] if p[-1] == "__init__" else p): path for path, p in parts.items()}


def room_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def imports_of(module: str, modules: dict[str, Path]) -> Iterator[Import]:
    path = modules[module]
    package = module.split(".") if path.stem == "__init__" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, None, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                yield Import(inner, None, node.lineno) if inner in modules else Import(source, alias.name, node.lineno)


def violations(root: Path) -> list[str]:
    """Every way in which the source under `root` breaks the floors, one sentence each."""
    modules, found = modules_of(root), []
    between_modules, between_rooms = defaultdict(set), defaultdict(set)
    for module, path in modules.items():
        room = room_of(module)
        if room not in FLOORS:
            found.append(f"{room} is on no floor")
            continue
        for imported in imports_of(module, modules):
            top, target = imported.module.split(".")[0], room_of(imported.module)
            where = f"{path.relative_to(root)}:{imported.line}"
            if top in ("gradio", "gradio_client") and room not in GRADIO_ROOMS:
                found.append(f"{where} imports Gradio outside llmseg/ui")
            if top not in ("llmseg", "app"):
                continue
            between_modules[module].add(imported.module)
            if target == room:
                continue
            if target not in FLOORS:
                found.append(f"{where} imports {imported.module}, which is on no floor")
            elif FLOORS[target] > FLOORS[room]:
                found.append(f"{where} goes up from {room} to {target}")
            elif FLOORS[target] == FLOORS[room]:
                between_rooms[room].add(target)
            if target == "llmseg" and imported.name != "__version__":
                found.append(f"{where} imports {imported.name} through llmseg/__init__.py; import it from its room")
            elif (imported.name or "").startswith("_") and imported.name != "__version__":
                found.append(f"{where} takes the private {imported.name} from {target}")
    return found + circles(between_rooms) + circles(between_modules)


def circles(graph: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return ["circle: " + " -> ".join(reversed(error.args[1]))]
    return []


def write_house(root: Path, **sources: str) -> Path:
    for module, source in sources.items():
        path = root / (module.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return root


def test_imports_respect_the_floors():
    assert violations(ROOT) == []


def test_every_room_of_the_package_was_looked_at():
    assert {"llmseg", "llmseg.case", "llmseg.text.facts", "llmseg.formats.nifti"} <= set(modules_of(ROOT))


def test_a_house_that_respects_the_floors_passes(tmp_path):
    write_house(
        tmp_path,
        app="import gradio\nfrom llmseg.ui import page",
        llmseg__ui__page="import gradio\nfrom llmseg.segmenter import Segmenter\nfrom . import viewer",
        llmseg__ui__viewer="import numpy",
        llmseg__segmenter="from llmseg import __version__\nfrom llmseg.text import facts",
        llmseg__text__facts="import llmseg.case",
        llmseg__case="import numpy",
    )
    assert violations(tmp_path) == []


@pytest.mark.parametrize(
    ("sources", "complaint"),
    [
        ({"llmseg__text__facts": "from llmseg.model import net"}, "goes up from llmseg.text to llmseg.model"),
        ({"llmseg__case": "def late():\n    import llmseg.metrics"}, "llmseg/case.py:2 goes up"),
        ({"llmseg__text__facts": "from ..segmenter import Segmenter"}, "goes up from llmseg.text to llmseg.segmenter"),
        ({"llmseg__segmenter": "import app"}, "goes up from llmseg.segmenter to app"),
        ({"llmseg__metrics": "import llmseg.plots", "llmseg__plots": "import llmseg.metrics"}, "circle: "),
        ({"llmseg__text__a": "from . import b", "llmseg__text__b": "from llmseg.text import a"}, "circle: "),
        ({"llmseg__evaluation__report": "import gradio as gr"}, "imports Gradio outside llmseg/ui"),
        ({"llmseg__cli": "from gradio.themes import Base"}, "imports Gradio outside llmseg/ui"),
        ({"llmseg__helpers": "import numpy"}, "llmseg.helpers is on no floor"),
        ({"llmseg__cli": "from llmseg.helpers import x"}, "imports llmseg.helpers, which is on no floor"),
        ({"llmseg__cli": "from llmseg import Segmenter"}, "import it from its room"),
        ({"llmseg__cli": "from llmseg.case import _read_only"}, "takes the private _read_only"),
    ],
)
def test_each_way_to_break_the_floors_is_caught(tmp_path, sources, complaint):
    found = violations(write_house(tmp_path, **sources))
    assert any(complaint in sentence for sentence in found), found


def test_every_import_is_in_the_requirements():
    listed = {
        re.match(r"[\w.-]+", line)[0].lower()
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if line.strip() and not line.startswith("#")
    }
    modules, providers = modules_of(ROOT), packages_distributions()
    imported = {found.module.split(".")[0] for module in modules for found in imports_of(module, modules)}
    foreign = imported - set(sys.stdlib_module_names) - {"llmseg", "app", "tomllib"} - OPTIONAL
    missing = {name for name in foreign if not listed & {p.lower() for p in providers.get(name, [name])}}
    assert not missing


@pytest.mark.parametrize("module", ["llmseg", "llmseg.cli"])
def test_nothing_heavy_loads_before_it_is_used(module):
    code = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules.keys() & set({HEAVY!r}))))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert json.loads(ran.stdout) == []


@pytest.mark.parametrize("name", llmseg.__all__)
def test_each_public_name_is_found(name):
    assert getattr(llmseg, name) is not None
    assert name in dir(llmseg)


def test_an_unknown_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Segmentor'"):
        _ = llmseg.Segmentor
