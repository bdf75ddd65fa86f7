"""Open the app in a browser; also the entry of a Gradio Space, which serves `demo`.

python app.py [--data DATASET] [--checkpoint C] [--port P] [--device auto|cpu|cuda] [--runs RUNS] [--allow-training]
              [--lessons FOLDER]
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from contextlib import suppress
from pathlib import Path

from llmseg.case import InputError
from llmseg.datasets.folder import read_dataset
from llmseg.memory import reuse_freed_memory
from llmseg.segmenter import DEFAULT_CHECKPOINT, Segmenter
from llmseg.ui.app import build_app, launch_options
from llmseg.ui.training import Trainer

ROOT = Path(__file__).resolve().parent
BUNDLED = tuple(ROOT / "examples" / name for name in ("teaching", "phantoms"))
LESSONS = ROOT / "examples" / "lessons"


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Contour head and neck CT, steered by the clinical note.")
    parser.add_argument("--data", metavar="DATASET", action="append", default=[], help="a dataset to offer; repeatable")
    parser.add_argument("--checkpoint", metavar="C", default=DEFAULT_CHECKPOINT, type=Path, help="trained network")
    parser.add_argument("--host", default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"))
    parser.add_argument("--port", default=int(os.environ.get("GRADIO_SERVER_PORT", "7860")), type=int)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--runs", metavar="RUNS", type=Path, help="folder of training runs to watch on /training")
    parser.add_argument("--allow-training", action="store_true", help="let whoever opens the page start and stop runs")
    parser.add_argument("--lessons", metavar="FOLDER", type=Path, help="teaching lessons, a .toml file for each")
    return parser.parse_args(arguments)


def build(options: argparse.Namespace):
    reuse_freed_memory()  # here already: threads that begin before it get memory of their own
    # The bundled cases come first: they have stored results to show before anyone presses Run.
    datasets = [read_dataset(folder) for folder in (*filter(Path.is_dir, BUNDLED), *options.data)]

    def load() -> Segmenter:
        return Segmenter.load(options.checkpoint, device=options.device)

    gpu = None
    if importlib.util.find_spec("spaces"):
        import spaces

        gpu = spaces.GPU
    return build_app(load, datasets, gpu=gpu, trainer=trainer_of(options), lessons_in=lessons_of(options))


def lessons_of(options: argparse.Namespace) -> Path | None:
    """The folder that the operator names, or else the bundled lessons, where all of the bundled cases are."""
    has_bundled = all(map(Path.is_dir, (LESSONS, *BUNDLED)))
    return options.lessons or (LESSONS if has_bundled else None)


def trainer_of(options: argparse.Namespace) -> Trainer | None:
    """Nobody watches runs unless the operator names their folder or allows to start some."""
    if options.runs is None and not options.allow_training:
        return None
    configs = {path.stem: path for path in sorted((ROOT / "examples").glob("*.toml"))}
    datasets = {Path(folder).name: Path(folder) for folder in options.data}
    return Trainer(options.runs or Path("runs"), configs, datasets, allowed=options.allow_training)


def main(options: argparse.Namespace) -> None:
    """Serve the app; both models load while the browser opens."""
    try:
        demo = build(options)
    except InputError as error:
        sys.stderr.write(f"app.py: {error}\n")
        sys.exit(2)
    # Gradio asks its own address whether it runs; a hospital's proxy must not be asked instead.
    os.environ["no_proxy"] = ",".join(filter(None, (os.environ.get("no_proxy"), "127.0.0.1", "localhost")))
    demo.launch(server_name=options.host, server_port=options.port, prevent_thread_lock=True, **launch_options())
    with suppress(InputError):  # the page shows it, and Run says it
        demo.workbench.model.get().warm_up()
    demo.block_thread()


if __name__ == "__main__":
    main(parse(None))
else:
    demo = build(parse([]))
