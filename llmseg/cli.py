"""The command line: reads flags, calls one function below, prints. Nothing heavy is imported until it is needed."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from llmseg.case import InputError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when done, 2 with one line on stderr when the input cannot be used."""
    options = _parser().parse_args(arguments)
    _configure_logging()
    try:
        options.run(options)
    except InputError as error:
        print(f"llmseg: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        # A full disk or a folder without permission ends here wherever it was met.
        print(
            f"llmseg: {error.filename or 'a file'}: {error.strerror}. Free some space or check access.", file=sys.stderr
        )
        return 2
    except KeyboardInterrupt:
        print("llmseg: stopped.", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="llmseg", description="Radiotherapy contours steered by the clinical note.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_data(commands.add_parser("data", help="make a dataset folder"))
    _add_text(commands.add_parser("text", help="read, embed and compare clinical notes"))
    _add_train(commands.add_parser("train", help="train a network on a dataset folder"))
    _add_segment(commands.add_parser("segment", help="contour one CT"))
    _add_evaluate(commands.add_parser("evaluate", help="score a checkpoint with and without the note"))
    return parser


def _add_data(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(required=True, metavar="KIND")
    openkbp = kinds.add_parser("openkbp", help="convert the public OpenKBP layout")
    openkbp.add_argument("source", type=Path, help="folder with train-pats, validation-pats and/or test-pats")
    openkbp.add_argument("dest", type=Path)
    openkbp.add_argument("--limit", type=int, help="patients in all")
    openkbp.set_defaults(run=_data_openkbp)
    phantom = kinds.add_parser("phantom", help="make synthetic patients")
    phantom.add_argument("dest", type=Path)
    phantom.add_argument("--count", type=int, required=True)
    phantom.add_argument("--seed", type=int, required=True)
    phantom.add_argument("--teaching", action="store_true", help="two identical lesions; only the note says which")
    phantom.add_argument("--split", default="test", help="training, validation or test (default)")
    phantom.set_defaults(run=_data_phantom)


def _add_text(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(required=True, metavar="KIND")
    parse = kinds.add_parser("parse", help="de-identify a note, find its facts and build the prompt; never certified")
    parse.add_argument("file", help="a text file, or - for stdin")
    parse.add_argument("--json", action="store_true", help="print one JSON object")
    parse.add_argument("--template", default="essential", help="a packaged template or a .toml file")
    parse.set_defaults(run=_text_parse)
    embed = kinds.add_parser("embed", help="encode every note of a dataset once, into the cache")
    embed.add_argument("--data", type=Path, required=True)
    embed.add_argument("--template", default="essential", help="or as-written")
    _add_encoder(embed)
    embed.set_defaults(run=_text_embed)
    compare = kinds.add_parser("compare", help="how well a linear probe reads facts from each embedding")
    compare.add_argument("--notes", type=int, default=1200, help="generated notes to learn from")
    compare.add_argument("--layers", type=int, nargs="+", default=[8, 16, 24, 30], help="for the learned queries")
    compare.add_argument("--encoder", action="append", default=[], help="further models, by id or folder")
    compare.set_defaults(run=_text_compare)
    settle = kinds.add_parser("settle", help="teach a checkpoint's reader one context for all wordings of a fact")
    settle.add_argument("checkpoint", type=Path)
    settle.add_argument("--out", type=Path, required=True)
    settle.set_defaults(run=_text_settle)


def _add_encoder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--encoder", help="Hugging Face id or folder; default: the packaged SmolLM2")
    parser.add_argument("--revision", default="main")
    parser.add_argument("--layer", type=int, default=16, help="0 means the last")
    parser.add_argument("--precision", default="auto", help="auto, fp32, fp16, bf16, int8 or int4")
    parser.add_argument("--adapter", default="", help="a LoRA adapter, by id or folder")


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="TOML file, for example examples/openkbp.toml")
    parser.add_argument(
        "--data", type=Path, required=True, action="append", help="dataset folder; more add extra cases"
    )
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--resume", action="store_true")
    parser.set_defaults(run=_train)


def _add_segment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", type=Path, help="CT in HU, .nii or .nii.gz")
    note = parser.add_mutually_exclusive_group(required=True)
    note.add_argument("--note", help="the clinical note")
    note.add_argument("--note-file", type=Path)
    note.add_argument("--no-text", action="store_true", help="contour without a note")
    parser.add_argument("--out", type=Path, required=True, help="folder for one mask per structure")
    _add_model(parser)
    parser.set_defaults(run=_segment)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="validation")
    parser.add_argument("--save-masks", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    _add_model(parser)
    parser.set_defaults(run=_evaluate)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, help="folder; default: the shipped one")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--template", default="essential", help="how a prompt is made of the note; or as-written")
    parser.add_argument("--encoder", help="another language model, by Hugging Face id or folder")
    parser.add_argument("--allow-encoder-mismatch", action="store_true", help="accept it, at a cost: docs/encoders.md")


def _data_openkbp(options: argparse.Namespace) -> None:
    from llmseg.datasets.openkbp import convert

    with _Bar("patients") as bar:
        report = convert(options.source, options.dest, limit=options.limit, on_progress=bar.count)
    for patient, reason in report.skipped.items():
        print(f"skipped {patient}: {reason}")
    print(f"{len(report.converted)} converted, {len(report.kept)} already there, {len(report.skipped)} skipped")


def _data_phantom(options: argparse.Namespace) -> None:
    from llmseg.datasets.folder import write_phantoms

    with _Bar("phantoms") as bar:
        write_phantoms(
            options.dest,
            options.count,
            options.seed,
            teaching=options.teaching,
            split=options.split,
            on_progress=bar.count,
        )
    print(f"{options.count} phantoms in {options.dest}")


def _text_parse(options: argparse.Namespace) -> None:
    from llmseg.text.note import read_note

    reading = read_note(_read_note(options.file), template=options.template)
    if options.json:
        print(json.dumps(reading.to_json(), ensure_ascii=False, indent=1))
        return
    print(reading.text.strip(), end="\n\n")
    for name, text in reading.sections.items():
        print(f"{name}: {text}")
    print()
    for name, value in reading.facts.to_json().items():
        print(f"{name:10} {', '.join(map(str, value)) if isinstance(value, list) else value or ''}".rstrip())
    print(f"\n{reading.prompt}")


def _text_embed(options: argparse.Namespace) -> None:
    from llmseg.datasets.folder import read_dataset
    from llmseg.text.encoder import PACKAGED, EncoderSpec, TextEncoder
    from llmseg.text.note import read_note

    spec = EncoderSpec(
        options.encoder or PACKAGED,
        options.layer,
        options.revision,
        precision=options.precision,
        adapter=options.adapter,
    )
    encoder = TextEncoder(spec)
    cases = [case for case in read_dataset(options.data).cases if case.note.text.strip()]
    fit = {"budget": spec.max_tokens, "count_tokens": encoder.count}
    prompts = [read_note(case.note.text, template=options.template, **fit).prompt for case in cases]
    distinct = sorted({prompt for prompt in prompts if prompt})
    with _Bar("prompts") as bar:
        encoder.encode(distinct, on_progress=lambda share: bar.count(round(share * len(distinct)), len(distinct)))
    print(f"{len(cases)} notes, {len(distinct)} different prompts, {encoder.name}; kept in {encoder.folder}")
    if empty := len(prompts) - sum(map(bool, prompts)):
        print(f"{empty} notes state nothing that the template {options.template} asks for")


def _text_compare(options: argparse.Namespace) -> None:
    import tempfile

    from llmseg.evaluation.probes import FACTS, compare, ways
    from llmseg.text.encoder import PACKAGED, EncoderSpec, write_random_twin

    with tempfile.TemporaryDirectory() as folder:
        twin = write_random_twin(EncoderSpec(PACKAGED), Path(folder) / "twin", seed=0)
        asked = ways([("SmolLM2", EncoderSpec(PACKAGED))], options.layers)
        asked += ways([("random weights", EncoderSpec(str(twin)))], [16])[1:]
        asked += [way for id in options.encoder for way in ways([(id, EncoderSpec(id))], options.layers)[1:]]
        print(f"{'model':20} {'layer':>5}  {'pooling':8} {'read from':9}" + "".join(f"{fact:>9}" for fact in FACTS))
        for score in compare(asked, notes=options.notes):
            layer = "" if score.way.spec is None else score.way.spec.layer or "last"
            row = f"{score.way.name:20} {layer:>5}  {score.way.pooling:8} {'prompt' if score.rebuilt else 'note':9}"
            print(row + "".join(f"{score.accuracy[fact]:9.2f}" for fact in FACTS), flush=True)


def _text_settle(options: argparse.Namespace) -> None:
    from llmseg.training.settling import settle_checkpoint

    for name, share in settle_checkpoint(options.checkpoint, options.out).items():
        print(f"{name:16} {share:.3f}")
    print(f"checkpoint: {options.out}")


def _train(options: argparse.Namespace) -> None:
    from llmseg.datasets.folder import read_dataset
    from llmseg.text.package import cache_folder
    from llmseg.training.config import read_config
    from llmseg.training.finetune import train

    config = read_config(options.config, options.settings)
    datasets = [read_dataset(path) for path in options.data]
    reporter = _TrainingReport(config.log_every)
    checkpoint = train(config, datasets, options.out, cache=cache_folder(), resume=options.resume, report=reporter)
    print(f"checkpoint: {checkpoint}")


def _segment(options: argparse.Namespace) -> None:
    from llmseg.case import Note
    from llmseg.explain import check
    from llmseg.formats.nifti import read_volume
    from llmseg.formats.segmentation import write_segmentation

    note = None
    if options.note is not None:
        note = Note(options.note)
    elif options.note_file is not None:
        note = Note(_read_note(options.note_file), str(options.note_file))
    if note is not None and not note.text.strip():
        raise InputError("The note is empty. Write one, or pass --no-text.")
    volume = read_volume(options.image)
    segmenter = _load(options)
    print(f"checkpoint {segmenter.checkpoint_name}; note read by {segmenter.encoder_name if note else 'nobody'}")
    reading = segmenter.read(note) if note else None
    segmentation = segmenter.open(volume).segment(reading)
    for warning in check(reading, segmentation.structures) if reading else ():
        print(f"warning: {warning}")
    if segmentation.provenance["note_cut"]:
        print(f"warning: only the first {segmenter.encoder.spec.max_tokens} tokens of the note were read")
    write_segmentation(options.out, segmentation)
    voxel_ml = float(abs(_determinant(segmentation.structures.affine))) / 1000
    for name, mask in segmentation.structures.items():
        print(f"{name:14} {mask.sum() * voxel_ml:8.1f} ml")


def _evaluate(options: argparse.Namespace) -> None:
    from llmseg.datasets.folder import read_dataset
    from llmseg.evaluation.protocol import HONESTY, evaluate

    cases = read_dataset(options.data).split(options.split)
    if not cases:
        raise InputError(f"{options.data} lists no {options.split} case. Choose another --split.")
    segmenter = _load(options)
    with _Bar("cases") as bar:
        summary = evaluate(
            segmenter,
            cases,
            options.out,
            save_masks=options.save_masks,
            on_progress=lambda done, total, id: bar.count(done, total),
        )
    print(_table(summary))
    for id, reason in summary["skipped"].items():
        print(f"skipped {id}: {reason}")
    print(HONESTY)


def _load(options: argparse.Namespace):
    from llmseg.segmenter import DEFAULT_CHECKPOINT, Segmenter

    return Segmenter.load(
        options.checkpoint or DEFAULT_CHECKPOINT,
        options.device,
        encoder=options.encoder,
        allow_encoder_mismatch=options.allow_encoder_mismatch,
        template=options.template,
    )


def _table(summary: dict) -> str:
    lines = [f"{'structure':14} {'n':>3}  {'DSC text':>15} {'DSC no text':>15} {'gain':>6}  {'p':>8}  {'HD95 mm':>13}"]
    for name, by in summary["structures"].items():
        text, without, gain = by["text"], by["no-text"], by["gain"]
        if text["n"] == 0:
            continue

        def dice(figures: dict) -> str:
            return f"{figures['dice_mean']:.3f} +- {figures.get('dice_sd', 0):.3f}"

        lines.append(
            f"{name:14} {text['n']:3}  {dice(text):>15} {dice(without):>15} {gain.get('dice_mean', 0):+6.3f}  "
            f"{gain.get('wilcoxon_p', 1):8.1e}  {text['hd95_mm_mean']:5.1f} / {without['hd95_mm_mean']:5.1f}"
        )
    return "\n".join(lines)


def _read_note(path: str | Path) -> str:
    """A note from a file, or from stdin for "-"."""
    try:
        content = sys.stdin.buffer.read() if str(path) == "-" else Path(path).read_bytes()
        return content.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist. Check the path of the note.") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 text (byte {error.start} is 0x{content[error.start]:02x}). Save it as plain UTF-8."
        ) from error


def _determinant(affine) -> float:
    import numpy as np

    return float(np.linalg.det(affine[:3, :3]))


def _configure_logging() -> None:
    import logging

    logging.basicConfig(level=logging.WARNING, format="llmseg: %(message)s")
    logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)  # our own error says what it would say


class _Bar:
    """A progress bar that learns its length with the first call."""

    def __init__(self, unit: str):
        self._unit, self._bar = unit, None

    def __enter__(self) -> _Bar:
        return self

    def count(self, done: int, total: int) -> None:
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=total, unit=f" {self._unit}")
        self._bar.update(done - self._bar.n)

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            if exception[0] is None:
                self._bar.update(self._bar.total - self._bar.n)
            self._bar.close()


class _TrainingReport:
    """Prints a line now and then: what, how far, how long still."""

    def __init__(self, every: int):
        self._every, self._stage = every, ""
        self._began = time.monotonic()
        self._first: int | None = None

    def __call__(self, what: str, share: float, figures: dict) -> None:
        if what == "validation":
            print("  tuning  " + "  ".join(f"{k} {v:.3f}" for k, v in figures.items()), flush=True)
        elif what == "training":
            self._step(share, figures)
        elif what != self._stage or share == 1.0:
            print(f"{what} {share:.0%} {json.dumps(figures) if figures else ''}", flush=True)
        self._stage = what

    def _step(self, share: float, figures: dict) -> None:
        step = figures["step"]
        if self._first is None:
            self._first, self._began = step, time.monotonic()
        if step % self._every:
            return
        each = (time.monotonic() - self._began) / max(1, step - self._first)
        left = each * step * (1 - share) / share
        print(
            f"step {step}  loss {figures['loss']:.3f}  rate {figures['rate']:.1e}  {each:.2f} s/step  "
            f"{left / 60:.0f} min left",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
