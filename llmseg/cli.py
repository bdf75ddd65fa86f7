"""The command line: reads flags, calls one function below, prints. Nothing heavy is imported until it is needed."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from llmseg import study_commands
from llmseg.case import InputError
from llmseg.progress import Bar


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
    _add_data(commands.add_parser("data", help="make a dataset folder, or check one"))
    _add_text(commands.add_parser("text", help="read, embed and compare clinical notes"))
    _add_pretrain(commands.add_parser("pretrain", help="teach a network which note belongs to which CT"))
    _add_train(commands.add_parser("train", help="train a network on a dataset folder"))
    _add_segment(commands.add_parser("segment", help="contour one CT"))
    _add_evaluate(commands.add_parser("evaluate", help="score a checkpoint with and without the note"))
    _add_refine(commands.add_parser("refine", help="choose what is done to a checkpoint's probabilities"))
    _add_experiments(commands.add_parser("experiments", help="compare networks, notes and patients; write the report"))
    study_commands.add(commands.add_parser("study", help="let readers judge contours blinded, from protocol to report"))
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
    phantom.add_argument("--pet", action="store_true", help="with a PET beside each CT")
    phantom.add_argument("--split", default="test", help="training, validation or test (default)")
    phantom.set_defaults(run=_data_phantom)
    _add_data_import(kinds.add_parser("import", help="bring in your own DICOM or NIfTI scans, contours and notes"))
    check = kinds.add_parser("check", help="read every case and list what is wrong; exit code 2 when there are errors")
    check.add_argument("dataset", type=Path)
    check.set_defaults(run=_data_check)


def _add_data_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, help="DICOM studies with RTSTRUCTs, or NIfTI files: docs/own-data.md")
    parser.add_argument("dest", type=Path)
    parser.add_argument("--notes", type=Path, metavar="CSV", help="columns id, note; default: SRC/notes.csv")
    parser.add_argument("--names", type=Path, metavar="TOML", help="which of your names mean which structure")
    parser.add_argument("--validation", type=float, default=0.1, metavar="SHARE", help="of the patients (default 0.1)")
    parser.add_argument("--test", type=float, default=0.1, metavar="SHARE", help="of the patients (default 0.1)")
    parser.add_argument("--absent-targets", choices=("unknown", "empty"), help="what a PTV without a contour means")
    parser.add_argument("--salt", type=Path, metavar="FILE", help="the secret behind the ids; default: DEST.salt")
    parser.set_defaults(run=_data_import)


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


def _add_encoder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--encoder", help="Hugging Face id or folder; default: the packaged SmolLM2")
    parser.add_argument("--revision", default="main")
    parser.add_argument("--layer", type=int, default=16, help="0 means the last")
    parser.add_argument("--precision", default="auto", help="auto, fp32, fp16, bf16, int8 or int4")
    parser.add_argument("--adapter", default="", help="a LoRA adapter, by id or folder")


def _add_pretrain(parser: argparse.ArgumentParser) -> None:
    _add_run(parser)
    parser.set_defaults(run=_pretrain)


def _add_train(parser: argparse.ArgumentParser) -> None:
    _add_run(parser)
    parser.add_argument(
        "--init",
        type=Path,
        action="append",
        default=[],
        metavar="CHECKPOINT",
        help="start from its image encoder and reader; repeated, a later one's weights go over an earlier one's",
    )
    parser.set_defaults(run=_train)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="TOML file, for example examples/openkbp.toml")
    parser.add_argument(
        "--data", type=Path, required=True, action="append", help="dataset folder; more add extra cases"
    )
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--resume", action="store_true")


def _add_segment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", type=Path, help="CT in HU, .nii or .nii.gz")
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="MODALITY=FILE",
        dest="others",
        help="an image beside the CT, as in pet=pet.nii.gz, for a network that looks at one",
    )
    note = parser.add_mutually_exclusive_group(required=True)
    note.add_argument("--note", help="the clinical note")
    note.add_argument("--note-file", type=Path)
    note.add_argument("--no-text", action="store_true", help="contour without a note")
    parser.add_argument("--out", type=Path, required=True, help="folder for one mask per structure")
    parser.add_argument("--uncertainty", action="store_true", help="write how unsure each voxel is, in percent")
    _add_model(parser)
    parser.set_defaults(run=_segment)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="validation")
    parser.add_argument("--notes", choices=("essential", "expanded"), help="written anew; default: the dataset's own")
    parser.add_argument("--save-masks", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    _add_model(parser)
    parser.set_defaults(run=_evaluate)


def _add_experiments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(required=True, metavar="ACTION")
    kinds.add_parser("list", help="the experiments and their arms").set_defaults(run=_experiments_list)
    run = kinds.add_parser("run", help="train and test the arms that have no result yet")
    run.add_argument("name", help="of the experiment; `experiments list` knows them")
    run.add_argument("--only", action="append", default=[], metavar="ARM", help='"image-only-*" takes many')
    run.add_argument("--config", type=Path, help="protocol of all arms; default: examples/experiments.toml")
    run.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")
    run.set_defaults(run=_experiments_run)
    external = kinds.add_parser("external", help="test a checkpoint on another institution's patients")
    external.add_argument("--split", default="", help="default: every case")
    external.set_defaults(run=_experiments_external)
    for action in (run, external):
        action.add_argument("--data", type=Path, required=True, help="dataset folder")
        action.add_argument("--out", type=Path, required=True, help="folder of the results")
        action.add_argument(
            "--checkpoint",
            action="append",
            default=[],
            metavar="[ARM=]FOLDER",
            help="for arms that test one instead of training; default: the shipped one",
        )
    report = kinds.add_parser("report", help="write every table and figure from stored results")
    report.add_argument("results", type=Path, nargs="?", help="default: the json folder of --out")
    report.add_argument("--out", type=Path, default=Path("assets/results"))
    report.set_defaults(run=_experiments_report)


def _add_refine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, help="folder")
    parser.add_argument("--data", type=Path, required=True, help="the dataset it was trained on")
    parser.add_argument("--out", type=Path, required=True, help="the refined checkpoint")
    parser.add_argument("--shift", type=int, default=0, help="try views moved by so many voxels too; 3 times the work")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.set_defaults(run=_refine)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, help="folder; default: the shipped one")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--template", default="essential", help="how a prompt is made of the note; or as-written")
    parser.add_argument("--encoder", help="another language model, by Hugging Face id or folder")
    parser.add_argument("--allow-encoder-mismatch", action="store_true", help="accept it, at a cost: docs/encoders.md")
    parser.add_argument("--no-refinement", action="store_true", help="draw what the bare network draws")
    parser.add_argument("--one-view", action="store_true", help="leave out the mirrored view, for twice the speed")


def _data_openkbp(options: argparse.Namespace) -> None:
    from llmseg.datasets.openkbp import convert

    with Bar("patients") as bar:
        report = convert(options.source, options.dest, limit=options.limit, on_progress=bar.count)
    for patient, reason in report.skipped.items():
        print(f"skipped {patient}: {reason}")
    for patient, levels in report.scraps.items():
        print(f"{patient}: {' and '.join(levels)} left empty, nothing but scraps beside another target")
    print(f"{len(report.converted)} converted, {len(report.kept)} already there, {len(report.skipped)} skipped")


def _data_phantom(options: argparse.Namespace) -> None:
    from llmseg.datasets.folder import write_phantoms

    with Bar("phantoms") as bar:
        write_phantoms(
            options.dest,
            options.count,
            options.seed,
            teaching=options.teaching,
            split=options.split,
            pet=options.pet,
            on_progress=bar.count,
        )
    print(f"{options.count} phantoms in {options.dest}")


def _data_import(options: argparse.Namespace) -> None:
    from llmseg.datasets.importing import import_patients

    with Bar("files") as files, Bar("scans") as scans:
        report = import_patients(
            options.source,
            options.dest,
            notes=options.notes,
            names=options.names,
            validation=options.validation,
            test=options.test,
            absent_targets=options.absent_targets,
            salt=options.salt,
            on_files=files.count,
            on_progress=scans.count,
        )
    for id, label in {**report.kept, **report.imported}.items():
        print(f"{id}  from {label}")
    for label, reason in report.skipped.items():
        print(f"skipped {label}: {reason}")
    for doubt in report.doubts:
        print(f"warning: {doubt}")
    for id in report.unmatched:
        print(f"warning: notes.csv has a row for {id!r}, but no scan of that name was found")
    for name, count in report.unmapped.items():
        print(f"name not in the table: {name!r} ({count} plan{'s' * (count > 1)})")
    splits = ", ".join(f"{count} {split}" for split, count in report.splits.items())
    print(f"{len(report.imported)} imported, {len(report.kept)} already there, {len(report.skipped)} skipped: {splits}")
    print(f"Notes are kept as written and de-identified only when read. Next: llmseg data check {options.dest}")


def _data_check(options: argparse.Namespace) -> None:
    from llmseg.datasets.checking import check_dataset

    with Bar("cases") as bar:
        report = check_dataset(options.dataset, on_progress=bar.count)
    for finding in report.findings:
        print(f"{finding.severity:7} {finding.where}: {finding.text}")
    warnings = len(report.findings) - report.errors
    print(f"{report.cases} cases, {report.errors} errors, {warnings} warnings")
    if report.errors:
        raise InputError(f"{options.dataset} has {report.errors} errors. Correct them and check again.")


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
    with Bar("prompts") as bar:
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


def _pretrain(options: argparse.Namespace) -> None:
    from llmseg.training.contrastive import pretrain

    _learn(pretrain, options)


def _train(options: argparse.Namespace) -> None:
    from llmseg.training.finetune import train

    _learn(train, options, init=options.init)


def _learn(learn: Callable[..., Path], options: argparse.Namespace, **more: object) -> None:
    from llmseg.datasets.folder import read_dataset
    from llmseg.text.package import cache_folder
    from llmseg.training.config import read_config

    config = read_config(options.config, options.settings)
    datasets = [read_dataset(path) for path in options.data]
    reporter = _TrainingReport(config.log_every)
    given = {"cache": cache_folder(), "resume": options.resume, "report": reporter, **more}
    checkpoint = learn(config, datasets, options.out, **given)
    if os.environ.get("RANK", "0") == "0":  # one of several processes speaks for all
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
    volume, others = read_volume(options.image), _read_others(options.others)
    segmenter = _load(options)
    print(f"checkpoint {segmenter.checkpoint_name}; note read by {segmenter.encoder_name if note else 'nobody'}")
    reading = segmenter.read(note) if note else None
    segmentation = segmenter.open(volume, others=others).segment(reading)
    for warning in check(reading, segmentation.structures) if reading else ():
        print(f"warning: {warning}")
    if segmentation.provenance["note_cut"]:
        print(f"warning: only the first {segmenter.encoder.spec.max_tokens} tokens of the note were read")
    write_segmentation(options.out, segmentation, uncertainty=options.uncertainty)
    voxel_ml = float(abs(_determinant(segmentation.structures.affine))) / 1000
    for name, mask in segmentation.structures.items():
        agreement = segmentation.agreement.get(name)
        views = f"   views agree to DSC {agreement:.2f}" if agreement is not None else ""
        print(f"{name:14} {mask.sum() * voxel_ml:8.1f} ml{views}")


def _evaluate(options: argparse.Namespace) -> None:
    from llmseg.datasets.folder import read_dataset
    from llmseg.evaluation.protocol import HONESTY, evaluate

    cases = read_dataset(options.data).split(options.split)
    if not cases:
        raise InputError(f"{options.data} lists no {options.split} case. Choose another --split.")
    segmenter = _load(options)
    with Bar("cases") as bar:
        summary = evaluate(
            segmenter,
            cases,
            options.out,
            conditions=_conditions(options.notes),
            save_masks=options.save_masks,
            on_progress=lambda done, total, id: bar.count(done, total),
        )
    print(_table(summary))
    for id, reason in summary["skipped"].items():
        print(f"skipped {id}: {reason}")
    print(HONESTY)


def _conditions(notes: str | None) -> Mapping:
    """The dataset's own notes, or notes of one kind written anew, against none."""
    from llmseg.evaluation.notes import noted
    from llmseg.evaluation.protocol import CONDITIONS

    return {**CONDITIONS, "text": lambda case: noted(case, notes)} if notes else CONDITIONS


def _experiments_list(options: argparse.Namespace) -> None:
    from llmseg.experiments.plans import EXPERIMENTS

    for experiment in EXPERIMENTS.values():
        print(f"{experiment.name}: {experiment.question}")
        series = Counter(arm.series for arm in experiment.arms)
        print(f"    {len(experiment.arms)} arms: {', '.join(f'{name} ({n})' for name, n in series.items())}")


def _experiments_run(options: argparse.Namespace) -> None:
    from llmseg.experiments.plans import find
    from llmseg.experiments.running import run

    experiment = find(options.name)
    setting = _experiments_setting(options)
    reporter = _ArmReport(len(experiment.chosen(options.only)))
    for path in run(experiment, setting, only=options.only, report=reporter):
        print(path)


def _experiments_external(options: argparse.Namespace) -> None:
    from llmseg.experiments.running import run_external

    print(run_external(_experiments_setting(options), _ArmReport(1)))


def _experiments_setting(options: argparse.Namespace):
    from llmseg.datasets.folder import read_dataset
    from llmseg.experiments.running import PROTOCOL, Setting
    from llmseg.text.package import cache_folder

    named = [text.rpartition("=") for text in options.checkpoint]
    return Setting(
        read_dataset(options.data),
        options.out,
        cache_folder(),
        getattr(options, "config", None) or PROTOCOL,
        tuple(getattr(options, "settings", ())),
        {arm: Path(folder) for arm, _, folder in named},
        getattr(options, "split", "validation"),
    )


def _experiments_report(options: argparse.Namespace) -> None:
    from llmseg.experiments.report import write_report

    for path in write_report(options.results, options.out):
        print(path)


def _refine(options: argparse.Namespace) -> None:
    from llmseg.datasets.folder import read_dataset
    from llmseg.evaluation.protocol import HONESTY
    from llmseg.evaluation.refining import refine, table, tuning_cases
    from llmseg.model.checkpoint import load_checkpoint

    _, config = load_checkpoint(options.checkpoint)
    cases = tuning_cases(config, read_dataset(options.data))
    kwargs = {"shift_voxels": options.shift, "device": options.device}
    with Bar("patients") as bar:
        findings = refine(options.checkpoint, cases, options.out, on_progress=bar.count, **kwargs)
    print(table(findings))
    print(HONESTY)
    print(f"checkpoint: {options.out}")


def _load(options: argparse.Namespace):
    from llmseg.segmenter import DEFAULT_CHECKPOINT, Segmenter

    return Segmenter.load(
        options.checkpoint or DEFAULT_CHECKPOINT,
        options.device,
        encoder=options.encoder,
        allow_encoder_mismatch=options.allow_encoder_mismatch,
        template=options.template,
        refinement=False if options.no_refinement else None,
        one_view=options.one_view,
    )


def _table(summary: dict) -> str:
    """One line a structure; two numbers with a stroke are with the note / without."""
    lines = [
        f"{'structure':14} {'n':>3} {'empty':>5}  {'DSC text':>15}  {'DSC no text':>15}  {'gain (95% interval)':>25}  "
        f"{'Holm p':>7}  {'HD95 mm':>13}  {'sDSC 3 mm':>13}"
    ]
    for name, by in summary["structures"].items():
        text, without, gain = by["text"], by["no-text"], by["gain"]
        lines.append(
            f"{name:14} {text['n']:3} {text['both_empty']:5}  {_mean_sd(text):>15}  {_mean_sd(without):>15}  "
            f"{_gain(gain):>25}  {_figure(gain, 'holm_p', '.1e'):>7}  "
            + "  ".join(
                f"{_figure(text, metric, digits):>5} / {_figure(without, metric, digits):>5}"
                for metric, digits in (("hd95_mm_mean", ".1f"), ("surface_dice_3mm_mean", ".3f"))
            )
        )
    return "\n".join(lines)


def _mean_sd(figures: dict) -> str:
    return f"{_figure(figures, 'dice_mean', '.3f')} +- {_figure(figures, 'dice_sd', '.3f')}"


def _gain(figures: dict) -> str:
    mean, low, high = (_figure(figures, f"dice_{name}", "+.3f") for name in ("mean", "low", "high"))
    return f"{mean} ({low} to {high})"


def _figure(figures: dict, name: str, digits: str) -> str:
    """One number, or a dash where there is none."""
    return format(figures[name], digits) if name in figures else "-"


def _read_others(named: Sequence[str]) -> dict:
    """Images beside the CT, of "pet=FILE"."""
    from llmseg.formats.nifti import read_volume

    others = {}
    for text in named:
        modality, _, path = text.partition("=")
        if not path or modality in others:
            raise InputError(f"--image {text} is no MODALITY=FILE, or a second of its kind. Write --image pet=FILE.")
        others[modality] = read_volume(path)
    return others


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


class _ArmReport:
    """Prints now and then what an arm is doing, and when all are done if the others take as long as those before."""

    def __init__(self, arms: int, every_seconds: float = 30.0):
        self._arms, self._every = arms, every_seconds
        self._ended: set[str] = set()
        self._spent: list[float] = []
        self._began = self._told = time.monotonic()
        self._stage: tuple[str, str] = ("", "")

    def __call__(self, arm: str, what: str, share: float, figures: dict) -> None:
        now = time.monotonic()
        if arm != self._stage[0]:
            self._began = now
        if (arm, what) != self._stage or now - self._told >= self._every:
            self._stage, self._told = (arm, what), now
            said = "".join(f"  {name} {value:.3g}" for name, value in figures.items() if isinstance(value, float))
            print(f"[{len(self._ended) + 1}/{self._arms}] {arm}: {what} {share:.0%}{said}", flush=True)
        if what == "stored" or "left" in what or what == "already there":
            self._end(arm, now - self._began if what == "stored" else None)

    def _end(self, arm: str, seconds: float | None) -> None:
        self._ended.add(arm)
        if seconds is not None:
            self._spent.append(seconds)
            left = (self._arms - len(self._ended)) * sum(self._spent) / len(self._spent)
            print(f"    {seconds / 60:.1f} min; at this rate {left / 60:.0f} min left", flush=True)


class _TrainingReport:
    """Prints a line now and then: what, how far, how long still."""

    def __init__(self, every: int):
        self._every, self._stage = every, ""
        self._first: dict | None = None
        self._waiting: list[float] = []

    def __call__(self, what: str, share: float, figures: dict) -> None:
        if what == "validation":
            print("  tuning  " + "  ".join(f"{k} {v:.3f}" for k, v in figures.items()), flush=True)
        elif what == "training":
            self._step(share, figures)
        elif what == "trained":
            each, waiting = figures["seconds per step"], figures["waiting"]
            print(f"{figures['steps']} steps, {each:.2f} s/step, {waiting:.1%} of it waiting for data", flush=True)
        elif what != self._stage or share == 1.0:
            print(f"{what} {share:.0%} {json.dumps(figures) if figures else ''}", flush=True)
        self._stage = what

    def _step(self, share: float, figures: dict) -> None:
        step = figures["step"]
        self._waiting.append(figures["waiting"])
        self._first = self._first or figures
        if step % self._every:
            return
        each = (figures["seconds"] - self._first["seconds"]) / max(1, step - self._first["step"])
        left = each * step * (1 - share) / share
        print(
            f"step {step}  loss {figures['loss']:.3f}  rate {figures['rate']:.1e}  {each:.2f} s/step  "
            f"{sum(self._waiting) / len(self._waiting):.0%} waiting  {left / 60:.0f} min left",
            flush=True,
        )
        self._waiting.clear()


if __name__ == "__main__":
    sys.exit(main())
