"""The methods paragraphs of a study's report, in the words and with the facts that a journal's reviewer asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from llmseg.study.analysis import Analysis
from llmseg.study.crossed import LEAST_READERS
from llmseg.study.exporting import ACCEPTABLE_LABELS
from llmseg.study.preparing import Prepared
from llmseg.study.protocol import (
    CHOICE,
    COMPARE,
    EDIT,
    MASKS,
    ORDINAL,
    PREFERENCE,
    RATE,
    REFERENCE,
    TEXT,
    WITH_TEXT,
    WITHOUT_TEXT,
    Study,
)

if TYPE_CHECKING:
    from llmseg.study.protocol import Arm, Question, Task

_KINDS = {
    RATE: "rated one set of contours at a time",
    COMPARE: "compared two sets of contours side by side",
    EDIT: "edited one set of contours until they would use it, timed without pauses",
}
_MEASURES = {
    ORDINAL: "from worst to best",
    PREFERENCE: "a tie was an answer",
    CHOICE: "in no order",
}
_CONTOURS = {
    WITH_TEXT: "drawn by the network with the clinical note",
    WITHOUT_TEXT: "drawn by the network without a note",
    REFERENCE: "the reference contours that came with the case",
    MASKS: "contours that were given as files",
}
_NOTES = {
    "never": "The clinical note was not shown.",
    "after": "The clinical note was shown only after the answer.",
    "before": "The clinical note was shown before the answer.",
}


def methods(analysis: Analysis, prepared: Prepared | None) -> list[str]:
    """Paragraphs: design, what was shown, readers and cases, statistics, software.

    Args:
        prepared: the study as it was frozen; without it only what the answers themselves show is said.
    """
    if prepared is None:
        opening = [
            "**Design.** The answers were analyzed from a table alone. What it does not hold (blinding, order, "
            "washout, wording of the questions, hashes of networks) has to be written from the protocol; analyze the "
            "prepared study to have it written here."
        ]
    else:
        study = prepared.study
        opening = [_design(study), _shown(study), _asked(study), _frozen(prepared)]
    return [*opening, _people(analysis), _statistics(analysis), *_models(analysis), _software(analysis, prepared)]


def _design(study: Study) -> str:
    sentences = [
        f"**Design.** *{study.title}* is a blinded, randomised, multi-reader multi-case study with "
        f"{_count(len(study.readers), 'reader')}, {_count(len(study.cases), 'case')} and "
        f"{_count(len(study.arms), 'arm')}, fully crossed: in each task every reader read every case in each of the "
        "task's arms or pairs.",
        "Each reader met the readings in an order of their own, drawn with the protocol's seed "
        f"({study.seed}) before anyone read; arms took turns so that each came equally early, and sittings were spread "
        "over cases and readers as a Latin square.",
    ]
    if any(task.pairs for task in study.tasks):
        sentences.append("Of a pair, each arm stood left (A) and right (B) in turns, balanced over cases and readers.")
    if study.sessions > 1:
        washout = f"at least {study.washout_days:g} days apart" if study.washout_days else "with no set time between"
        sentences.append(
            f"Readings were divided into {study.sessions} sittings, {washout}, as a Latin square of arms and cases."
        )
    else:
        sentences.append("There was no washout; the arms of a case were kept apart.")
    if study.training:
        sentences.append(
            f"{_count(len(study.training), 'case').capitalize()} for training came first, with feedback, and counted "
            "nowhere."
        )
    shares = {study.repeats_of(task) for task in study.tasks}
    if max(shares) > 0:
        sentences.append(
            f"For agreement within readers, {_range(shares)} of the readings were done a second time, unannounced and "
            "with sides swapped."
        )
    return " ".join(sentences)


def _shown(study: Study) -> str:
    arms = "; ".join(f"*{arm.key}*: {_arm(arm)}" for arm in study.arms.values())
    return (
        f"**Blinding.** The arms were {arms}. Readers saw neither arm, case identifier, file name, metric nor other "
        "readers' answers; readings had opaque identifiers, and every arm the same colours, structures and tools. "
        f"{_NOTES[study.show_note]} Answers could be changed up to {_count(study.back, 'reading')} back; the last one "
        "counts and all were kept."
    )


def _arm(arm: Arm) -> str:
    extra = [
        " (notes of its own)" if arm.note or arm.notes else "",
        " (a network of its own)" if arm.checkpoint else "",
    ]
    return _CONTOURS[arm.contours] + "".join(extra)


def _asked(study: Study) -> str:
    return "**Tasks and scales.** " + " ".join(_task(study, task) for task in study.tasks)


def _task(study: Study, task: Task) -> str:
    structures = ", ".join(task.structures) or "all structures that every arm had"
    questions = "; ".join(_question(study.questions[key]) for key in task.questions)
    asked = f" They were asked: {questions}." if questions else ""
    return f"In *{task.key}*, readers {_KINDS[task.kind]} ({structures}).{asked}"


def _question(question: Question) -> str:
    if question.scale.measure == TEXT:
        return f"“{question.text}” (free text)"
    labels = " / ".join(question.scale.labels)
    return f"“{question.text}” ({labels}; {_MEASURES[question.scale.measure]})"


def _frozen(prepared: Prepared) -> str:
    study = prepared.study
    networks = {
        str(sha256)
        for case in study.cases
        for arm in study.arms
        if (sha256 := prepared.provenance(case, arm).get("checkpoint_sha256"))
    }
    drawn = f" Networks by SHA-256: {', '.join(sorted(networks))}." if networks else ""
    return (
        "**Contours.** All contours were drawn and frozen before the first reading, so that every reader saw the same "
        f"ones; the study's frozen record has SHA-256 {prepared.sha256}, and holds the hash of every CT, note and "
        f"contour. It was prepared with llmseg {prepared.version}.{drawn}"
    )


def _people(analysis: Analysis) -> str:
    chosen = analysis.sample
    days = sorted({chosen.first_day, chosen.last_day} - {""})
    when = f", answered {'on' if len(days) == 1 else 'from'} {' to '.join(days)}," if days else ""
    sentences = [
        f"**Readers, cases and readings.** {_count(chosen.readings, 'reading')} by "
        f"{_count(len(chosen.readers), 'reader')} of {_count(len(chosen.cases), 'case')}{when} were analyzed.",
        f"{_count(chosen.training, 'training reading')} {_were(chosen.training)} left out; "
        f"{_count(chosen.repeated, 'second reading')} {_were(chosen.repeated)} used only for agreement within readers.",
        _missing(analysis),
    ]
    return " ".join(sentences)


def _missing(analysis: Analysis) -> str:
    chosen = analysis.sample
    planned = "of the protocol" if chosen.planned else "that any reader has read"
    if not chosen.unfinished:
        return f"No reading {planned} is missing."
    names = ", ".join(f"{row.reader} ({row.read} of {row.of})" for row in chosen.unfinished)
    if chosen.left_out:
        return f"Readers who had not finished were left out, with all their readings: {names}."
    return (
        f"{_count(chosen.missing, 'reading')} {planned} {_are(chosen.missing)} missing, of readers who had not "
        f"finished: {names}. What they read is analyzed; nothing was filled in."
    )


def _statistics(analysis: Analysis) -> str:
    return "**Statistics.** " + " ".join(_statistical_sentences(analysis))


def _statistical_sentences(analysis: Analysis) -> Iterator[str]:
    yield (
        "Intervals are 95% and account for readers and cases both being samples: the variance of each estimate is put "
        "together from parts of readers, cases and single readings (one-shot multi-reader multi-case variance, Gallas "
        "2006; jackknife of cases and infinitesimal jackknife of readers), with Satterthwaite's degrees of freedom. "
        "Shares take Wilson's interval with the effective number of readings, kappa and rank correlation Fisher's z."
    )
    if len(analysis.sample.readers) < LEAST_READERS:
        yield (
            f"With {_count(len(analysis.sample.readers), 'reader')}, intervals are over cases alone and say nothing of "
            "other readers."
        )
    if analysis.ratings:
        yield (
            f"A rating counts as acceptable with one of the {ACCEPTABLE_LABELS} best labels. Arms were compared paired "
            "by reader and case; the test is Wilcoxon's signed rank on the cases' means over readers, with the "
            "matched-pairs rank-biserial correlation as effect size, and p values corrected by Holm's method over all "
            "such comparisons. The test takes the readers as they are; the intervals also allow for other readers, and "
            "may include no difference where the test does not."
        )
        yield (
            "Agreement between readers is weighted kappa (linear and quadratic weights; Cohen's for two readers, the "
            "same over all pairs for more) and Fleiss' kappa; agreement within readers is weighted kappa of first and "
            "second readings, and the share equal."
        )
    if analysis.preferences:
        yield "The net preference is the share of wins minus that of losses, with ties counted as neither."
    if analysis.efforts:
        yield (
            "Edit time was compared as a ratio of geometric means; added path length (APL) is the length of the edited "
            "contour that lies off the one it began with, in mm, and was compared as a difference."
        )
    if analysis.correlations:
        yield (
            "Spearman's correlation with DSC, the 95th percentile of the Hausdorff distance (HD95) and surface DSC at "
            "3 mm was calculated within each reader, over cases and arms, and averaged."
        )


def _models(analysis: Analysis) -> list[str]:
    fitted = [found.model for found in analysis.ratings if found.model.effects]
    if not fitted:
        return []
    return [
        "**Model.** Ratings were modelled as numbers with a fixed effect of arm and crossed random effects of reader, "
        "case, reader by arm and case by arm (linear mixed model, restricted maximum likelihood); intervals use t with "
        "the smaller number of readers and cases, less one, as degrees of freedom."
    ]


def _software(analysis: Analysis, prepared: Prepared | None) -> str:
    from importlib.metadata import version

    from llmseg import __version__
    from llmseg.revision import commit

    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "statsmodels"))
    taken = f" Answers were taken with version {_listed(analysis.versions)}." if analysis.versions else ""
    return f"**Software.** llmseg {__version__} ({commit() or 'no commit known'}), {libraries}.{taken}"


def _range(shares: set[float]) -> str:
    low, high = min(shares), max(shares)
    return f"{100 * high:.0f}%" if low == high else f"{100 * low:.0f}% to {100 * high:.0f}% (by task)"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
