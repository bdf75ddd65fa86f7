"""Speed and memory of llmseg: prints a table and writes benchmarks/latest.json.

    python benchmarks/run.py [--only NAME ...] [--checkpoint FOLDER]

Times are medians of five; a ratio compares two times of one run. Everything heavy is measured in a process of its
own, so that one figure never pays for another.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LATEST = Path(__file__).with_name("latest.json")
REPEATS = 5

PHANTOM_SEED = 500_000
CTS = {  # voxels, mm, and how much chest
    "usual": ((400, 400, 130), (1.0, 1.0, 2.5), 0.0),
    "large": ((512, 512, 200), (500 / 512, 500 / 512, 2.5), 250.0),
}
LETTER = (
    "Dear Dr. Anna Kowalska, thank you for referring Mr. John Miller (MRN 4471982), a 66-year-old man with T2N1M0 "
    "squamous cell carcinoma of the left tonsil, p16 positive. The right neck is clear. He has diabetes and a right "
    "hip replacement. We plan 70 Gy in 35 fractions to the primary and 56 Gy to both sides of the neck, levels II-IV. "
)
NOTE = "Squamous cell carcinoma of the left oropharynx. 70 Gy to the primary, 56 Gy to both sides of the neck."


class NotMeasured(Exception):
    """Why a figure cannot be had on this machine."""


def row(name: str, value: float | None, unit: str, bar: float | None = None) -> dict[str, object]:
    """One figure; `bar` is the most it may be, or None where it is only reported."""
    holds = None if value is None or bar is None else bool(value <= bar)
    return {"name": name, "value": None if value is None else round(value, 3), "unit": unit, "bar": bar, "holds": holds}


# What is measured: each returns its rows.


def start_up(checkpoint: Path) -> list[dict]:
    timed_import = "import time; t = time.perf_counter(); import llmseg; print(time.perf_counter() - t)"
    importing = [float(_python("-c", timed_import)) for _ in range(REPEATS)]
    helping = [_seconds(lambda: _python("-m", "llmseg", "--help")) for _ in range(REPEATS)]
    return [
        row("import llmseg", statistics.median(importing), "s", 1.0),
        row("python -m llmseg --help", statistics.median(helping), "s", 2.0),
    ]


def viewing(checkpoint: Path) -> list[dict]:
    try:
        import viewer
    except ImportError as error:
        raise NotMeasured(f"benchmarks/viewer.py cannot be imported ({error})") from error
    found = viewer.p90_ms()
    return [
        row("slice change in the browser, 90th percentile", found["slices"], "ms", 16.0),
        row("stroke of the brush in the browser, 90th percentile", found["strokes"], "ms", 16.0),
    ]


def the_page(checkpoint: Path) -> list[dict]:
    found = _child("time_page")
    return [
        row("first paint of the page", found["first_paint_s"], "s", 2.0),
        row("a case on screen, from then", found["case_s"], "s", 1.0),
        row("Run to contours in the page", found["run_s"], "s"),
        row("the same without a page", found["parts_s"], "s"),
        row("Run less 0.5 s, against the same without a page", found["run_ratio"], "x", 1.3),
        row("a new result's size", found["kb"], "kB", 200),
        row("the page's memory after 50 runs, against five", found["memory_ratio"], "x", 1.2),
        row("wrong pictures in ten sessions at once", found["wrong_pictures"], "pages", 0),
    ]


def end_to_end(checkpoint: Path) -> list[dict]:
    with tempfile.TemporaryDirectory() as folder:
        _child("write_ct", "usual", Path(folder) / "ct.nii.gz")
        found = _child("time_end_to_end", checkpoint, Path(folder) / "ct.nii.gz")
    return [
        row("segment, end to end", found["whole_s"], "s"),
        row("segment, its bare parts", found["parts_s"], "s"),
        row("segment against its bare parts", found["ratio"], "x", 1.3),
    ]


def large_ct(checkpoint: Path) -> list[dict]:
    with tempfile.TemporaryDirectory() as folder:
        _child("write_ct", "large", Path(folder) / "ct.nii.gz")
        found = _child("segment_large_ct", checkpoint, Path(folder) / "ct.nii.gz")
    return [
        row("512x512x200 CT, first note", found["first_s"], "s"),
        row("512x512x200 CT, second note", found["second_s"], "s"),
        row("second note against the first", found["ratio"], "x"),
        row("image encodings for the second note", found["image_encodings"], "calls", 0),
        row("language model loads for the second note", found["model_loads"], "calls", 0),
        row("512x512x200 CT, peak memory", found["peak_gb"], "GB", 4.0),
    ]


def notes(checkpoint: Path) -> list[dict]:
    found = _child("time_notes", checkpoint)
    return [
        row("de-identify and parse a note of 1,000 words", found["read_ms"], "ms CPU", 50.0),
        row("read a new note against the bare forward", found["ratio"], "x", 1.2),
        row("decodes to explain ten phrases", found["decodes"], "calls", 12),
        row("language model loads for cached prompts", found["model_loads"], "calls", 0),
    ]


def training_step(checkpoint: Path) -> list[dict]:
    seconds = _child("time_training")
    ratio = seconds["training"] / seconds["ContextUNETR"]
    bare = [name for name in seconds if name != "training"]
    return [
        row("training step against its bare arithmetic", ratio, "x", 1.1),
        *(row(f"training steps, {name}", 1 / seconds[name], "1/s") for name in bare),
    ]


def reader_study(checkpoint: Path) -> list[dict]:
    rows = []
    for where, found in _child("time_study").items():
        rows += [
            row(f"50 readers on {where}: saving, 95th percentile", found["p95_ms"], "ms", 300),
            row(f"50 readers on {where}: saving, median", found["p50_ms"], "ms"),
            row(f"50 readers on {where}: lost, doubled, crossed", found["wrong"], "", 0),
        ]
    return rows


BENCHMARKS: tuple[Callable[[Path], list[dict]], ...] = (
    start_up,
    viewing,
    the_page,
    notes,
    end_to_end,
    large_ct,
    training_step,
    reader_study,
)


# What runs in a process of its own: takes words, returns what JSON can carry.


def time_end_to_end(checkpoint: str, image: str) -> dict[str, float]:
    from llmseg.formats.nifti import read_volume
    from llmseg.formats.segmentation import write_segmentation
    from llmseg.segmenter import Segmenter

    segmenter = Segmenter.load(checkpoint, device="cpu")

    def whole(out: Path) -> None:
        write_segmentation(out, segmenter.open(read_volume(image)).segment(_new_note(segmenter)))

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        whole(out)  # loads the language model, and whatever else is loaded once
        _bare_parts(segmenter, image, out)
        pairs = [(_seconds(lambda: whole(out)), _bare_parts(segmenter, image, out)) for _ in range(REPEATS)]
    return {
        "whole_s": statistics.median(whole_s for whole_s, _ in pairs),
        "parts_s": statistics.median(parts_s for _, parts_s in pairs),
        "ratio": statistics.median(whole_s / parts_s for whole_s, parts_s in pairs),
    }


def _bare_parts(segmenter, image: str, out: Path) -> float:
    """Seconds that read, resample, encode, one decode in each view, inverse and write cost, with nothing around them.

    Reading a new note is not among the parts; `whole` pays for it.
    """
    import nibabel
    import numpy as np
    import torch

    from llmseg.case import Volume
    from llmseg.model.precision import autocast
    from llmseg.model.tiling import blend, tiles_of
    from llmseg.preprocessing import forward, inverse_mask

    text = segmenter.encode_prompts([NOTE])
    network, config = segmenter.network, segmenter.config
    spent = Stopwatch()
    with spent:
        file = nibabel.load(image)
        array = np.asarray(file.dataobj, dtype=np.float32)
    volume = Volume(array, file.affine)
    with spent:
        tensor, placement = forward(volume, config.grid)
    field = config.network.field
    tiles = tiles_of(tensor, placement.anchor, field)
    cut = [tile.cut(tensor, field) for tile in tiles]
    for view in segmenter.refinement.views:
        shown = [view.shown(tile)[None] for tile in cut]
        with torch.inference_mode(), autocast(segmenter.device, config.network), spent:
            features = [network.encode_image(tile) for tile in shown]
            drawn = [network.probabilities(network.decode(feature, text))[0] for feature in features]
    probabilities = blend(drawn, tiles, placement.size)
    with spent:
        masks = [inverse_mask(probability, placement) for probability in probabilities]
    with spent:
        for name, mask in zip(config.network.structures, masks, strict=True):
            nibabel.save(nibabel.Nifti1Image(mask.astype(np.uint8), file.affine), out / f"{name}.nii.gz")
    return spent.seconds


class Stopwatch:
    """Adds up the time spent inside it."""

    seconds = 0.0

    def __enter__(self) -> Stopwatch:
        self._began = time.perf_counter()
        return self

    def __exit__(self, *exception: object) -> None:
        self.seconds += time.perf_counter() - self._began


def write_ct(kind: str, path: str) -> None:
    """A phantom with its chest, resampled to a scanner's grid and given a scanner's noise."""
    import numpy as np
    from scipy import ndimage

    from llmseg.case import Volume
    from llmseg.datasets.phantom import make_phantom
    from llmseg.formats.nifti import write_volume

    shape, spacing_mm, chest_mm = CTS[kind]
    phantom = make_phantom(PHANTOM_SEED, chest_mm=chest_mm).volume
    step = np.divide(spacing_mm, phantom.spacing_mm)
    offset = (np.array(phantom.shape) - np.array(shape) * step) / 2
    array = ndimage.affine_transform(phantom.array, step, offset, shape, np.float32, order=1, cval=-1000)
    array += np.random.default_rng(0).normal(0, 8, shape).astype(np.float32)
    write_volume(path, Volume(array.clip(-1024, 3071), np.diag([*spacing_mm, 1.0])))


def time_page() -> dict[str, float]:
    import page

    return page.measure()


def time_training() -> dict[str, float]:
    import training

    return training.measure(repeats=REPEATS)


def time_study() -> dict[str, dict[str, float]]:
    import study

    return study.measure_everywhere()


def time_notes(checkpoint: str) -> dict[str, float]:
    """The text side alone: rules on a long note, a new prompt, and how often explaining a note decodes."""
    import torch

    from llmseg.case import Note
    from llmseg.datasets.phantom import make_phantom
    from llmseg.explain import ablate
    from llmseg.segmenter import Segmenter
    from llmseg.text.note import read_note

    long = " ".join((LETTER * 20).split()[:1000])
    read_note(long)  # compiles the patterns
    began = time.process_time()
    for _ in range(REPEATS):
        read_note(long)
    read_ms = 1000 * (time.process_time() - began) / REPEATS
    segmenter = Segmenter.load(checkpoint, device="cpu")
    segmenter.warm_up()
    ratios = []
    for _ in range(3 * REPEATS):
        text = _new_note(segmenter).prompt
        whole = _seconds(lambda text=text: segmenter.encoder.encode([text]))
        ratios.append(whole / _seconds(lambda text=text: _bare_forward(segmenter.encoder, text)))
    volume = make_phantom(PHANTOM_SEED).volume
    explained = ablate(segmenter.open(volume), Note(LETTER))
    again = Segmenter.load(checkpoint, device="cpu")
    with _counted(again) as calls, torch.inference_mode():
        ablate(again.open(volume), Note(LETTER))
    return {
        "read_ms": read_ms,
        "ratio": statistics.median(ratios),
        "decodes": explained.decodes,
        "model_loads": calls["model_loads"],
    }


def _bare_forward(encoder, text: str) -> None:
    import torch

    words = encoder._words()
    ids = torch.tensor([[words.start, *words.ids(text)]])
    with torch.inference_mode():
        encoder._model(ids, torch.ones_like(ids))


def segment_large_ct(checkpoint: str, path: str) -> dict[str, float]:
    from llmseg.formats.nifti import read_volume
    from llmseg.segmenter import Segmenter

    segmenter = Segmenter.load(checkpoint, device="cpu")
    volume = read_volume(path)
    with _counted(segmenter) as calls:
        segmenter.open(volume).segment(_new_note(segmenter))  # loads the language model
    assert all(calls.values()), f"the counters do not count: {calls}"
    pairs, image_encodings, model_loads = [], 0, 0
    for _ in range(REPEATS):
        start = time.perf_counter()
        ct = segmenter.open(volume)
        ct.segment(_new_note(segmenter))
        first = time.perf_counter() - start
        with _counted(segmenter) as calls:
            start = time.perf_counter()
            ct.segment(_new_note(segmenter))
            pairs.append((first, time.perf_counter() - start))
        image_encodings += calls["image_encodings"]
        model_loads += calls["model_loads"]
    return {
        "first_s": statistics.median(first for first, _ in pairs),
        "second_s": statistics.median(second for _, second in pairs),
        "ratio": statistics.median(second / first for first, second in pairs),
        "image_encodings": image_encodings,
        "model_loads": model_loads,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT / 1e9,
    }


_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@contextlib.contextmanager
def _counted(segmenter) -> Iterator[dict[str, int]]:
    """Counts what a second note must not cost: encoding the image, and loading any pretrained model."""
    from unittest.mock import patch

    from transformers import PreTrainedModel

    load, calls = PreTrainedModel.from_pretrained.__func__, {"image_encodings": 0, "model_loads": 0}

    def counted_load(cls, *arguments, **options):
        calls["model_loads"] += 1
        return load(cls, *arguments, **options)

    with (
        patch.object(segmenter.network, "encode_image", wraps=segmenter.network.encode_image) as encode,
        patch.object(PreTrainedModel, "from_pretrained", classmethod(counted_load)),
    ):
        yield calls
        calls["image_encodings"] = encode.call_count


def _new_note(segmenter):
    # Never seen before and read as written, so that no cache on disk answers for the language model.
    from llmseg.case import Note

    return segmenter.read(Note(f"{NOTE} Reference {uuid.uuid4().hex[:8]}."), template="as-written")


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _python(*arguments: object) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, *map(str, arguments)], env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return ran.stdout


def _child(function: str, *arguments: object) -> dict[str, float]:
    return json.loads(_python(__file__, "--call", function, *arguments).splitlines()[-1])


def _measure(benchmark: Callable[[Path], list[dict]], checkpoint: Path) -> list[dict]:
    print(f"measuring {benchmark.__name__} ...", file=sys.stderr, flush=True)
    try:
        return benchmark(checkpoint)
    except NotMeasured as reason:
        print(f"  not measured: {reason}", file=sys.stderr)
    except subprocess.CalledProcessError as error:
        print(f"  not measured: a measuring process failed (exit code {error.returncode})", file=sys.stderr)
    return [row(benchmark.__name__, None, "")]


def _table(rows: list[dict]) -> str:
    lines = [f"{'figure':<46} {'value':>12} {'':<6} {'at most':>8}  holds"]
    for figure in rows:
        value = "not measured" if figure["value"] is None else f"{figure['value']:g}"
        bar = "" if figure["bar"] is None else f"{figure['bar']:g}"
        holds = {None: "", True: "yes", False: "NO"}[figure["holds"]]
        lines.append(f"{figure['name']:<46} {value:>12} {figure['unit']:<6} {bar:>8}  {holds}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure llmseg's speed and memory.")
    names = [benchmark.__name__ for benchmark in BENCHMARKS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="measure these; latest.json is kept")
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "assets" / "checkpoints" / "openkbp")
    parser.add_argument("--call", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.call:
        function, *given = arguments.call
        print(json.dumps(globals()[function](*given)))
        return
    chosen = [benchmark for benchmark in BENCHMARKS if benchmark.__name__ in arguments.only]
    rows = [figure for benchmark in chosen for figure in _measure(benchmark, arguments.checkpoint)]
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, median of {REPEATS}")
    print(_table(rows))
    if len(chosen) == len(BENCHMARKS):
        LATEST.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
