"""What trained arms tell apart: text or none, many patients or few, one network or another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from llmseg.case import ORGANS
from llmseg.evaluation.statistics import Comparison
from llmseg.experiments import figures
from llmseg.experiments.comparing import (
    TARGET,
    adjusted,
    by_series,
    change,
    in_words,
    mean_sd,
    of_patients,
    of_share,
    over_seeds,
    p_value,
    paired,
    pooled,
    said,
    shares_of,
    table,
    target_of,
    verdict,
)
from llmseg.experiments.sections import PLAIN, TEXT, Section, against_image_only, what_the_note_brings
from llmseg.experiments.stored import Result

Arms = Mapping[str, Sequence[Result]]


def with_without(results: Sequence[Result]) -> Section | None:
    """Text, no text and image-only under the reduced protocol."""
    arms = by_series(results, "with-without-text")
    if not {"multimodal", "image-only"} <= set(arms):
        return None
    multimodal, image_only = arms["multimodal"], arms["image-only"]
    lines = (
        ("reads notes, with the note", multimodal, TEXT),
        ("reads notes, without one", multimodal, PLAIN),
        ("trained without notes", image_only, PLAIN),
    )
    header = ["Network", "seeds", f"{TARGET} DSC", "Mean DSC", f"{TARGET} HD95 (mm)"]
    rows = [
        [
            who,
            len(found),
            mean_sd(over_seeds(found, condition, TARGET)),
            mean_sd(over_seeds(found, condition)),
            mean_sd(target_of(found, condition, "hd95_mm"), 1),
        ]
        for who, found, condition in lines
    ]
    text = (what_the_note_brings(multimodal), *against_image_only(multimodal, image_only))
    return Section("With and without text", text, {"with-without-text": table(header, rows)})


# Data efficiency


def data_efficiency(results: Sequence[Result]) -> Section | None:
    """DSC against the number of training patients, and what text saves."""
    arms = by_series(results, "data-efficiency")
    if not arms:
        return None
    lines = {name: (found, PLAIN if name == "image-only" else TEXT) for name, found in arms.items()}
    if "multimodal" in arms:
        lines["multimodal, no note"] = (arms["multimodal"], PLAIN)
    every = [result for found in arms.values() for result in found]
    shares = shares_of(every)
    header = ["Training patients", "n", *(f"{label}: {what}" for label in lines for what in (TARGET, "mean"))]
    rows = []
    for share in shares:
        cells = [mean_sd(over_seeds(of_share(f, share), c, s)) for f, c in lines.values() for s in (TARGET, None)]
        rows.append([f"{100 * share:g}%", of_share(every, share)[0].patients, *cells])
    panels = {
        title: {label: _points(found, condition, structure) for label, (found, condition) in lines.items()}
        for title, structure in ((f"{TARGET}, the same test patients", TARGET), ("Mean over the structures", None))
    }
    ticks = [100 * share for share in shares if share <= 0.75 or share == 1]
    figure = figures.curves(panels, "share of the training patients (%)", ticks)
    text = (*_savings(arms), *_gains_by_share(arms), *_organs(arms), *_words_alone(arms))
    drawn = {"data-efficiency": figure}
    return Section("Does text save data?", text, {"data-efficiency": table(header, rows)}, drawn)


def _points(found: Sequence[Result], condition: str, structure: str | None) -> dict[float, list[float]]:
    return {100 * share: over_seeds(of_share(found, share), condition, structure) for share in shares_of(found)}


def _savings(arms: Arms) -> tuple[str, ...]:
    """How few patients with notes match all patients without."""
    multimodal, image_only = arms.get("multimodal"), arms.get("image-only")
    if not multimodal or not image_only:
        return ("Whether text saves data cannot be told before both multimodal and image-only arms have run.",)
    most = shares_of(image_only)[-1]
    whole = of_share(image_only, most)
    goal = float(np.mean(over_seeds(whole, PLAIN, TARGET)))
    reached = {s: np.mean(over_seeds(of_share(multimodal, s), TEXT, TARGET)) for s in shares_of(multimodal)}
    enough = [share for share, dice in reached.items() if dice >= goal]
    start = (
        f"Trained on {100 * most:g}% of the patients ({whole[0].patients}), the image-only network reaches "
        f"a {TARGET} DSC of {goal:.3f} (seeds: {len(whole)})"
    )
    if enough and enough[0] < most:
        few = of_share(multimodal, enough[0])[0].patients
        return (
            f"**Text saves data for {TARGET} here.** {start}; with the note {100 * enough[0]:g}% of "
            f"them ({few}) are enough for {reached[enough[0]]:.3f}.",
        )
    ending = "it takes as many patients" if enough else "no share of the patients reaches that"
    return (f"**Text saves no data for {TARGET} here.** {start}; with the note {ending}.",)


def _gains_by_share(arms: Arms) -> tuple[str, ...]:
    """At each share, the multimodal network against the image-only one."""
    gains = []
    for share in shares_of(arms.get("multimodal", ())):
        with_text, without = (of_share(arms.get(name, ()), share) for name in ("multimodal", "image-only"))
        found = paired(target_of(with_text, TEXT), target_of(without, PLAIN))
        if found:
            gains.append(f"{100 * share:g}%: {change(found)}, {p_value(found.p)}")
    said_of = f"{TARGET} DSC with the note, less that of the image-only network, at each share of the patients"
    return (f"{said_of}: {'; '.join(gains)}.",) if gains else ()


def _organs(arms: Arms) -> tuple[str, ...]:
    """Whether the note helps where it says nothing."""
    scores = []
    for name, condition in (("multimodal", TEXT), ("image-only", PLAIN)):
        found = arms.get(name, ())
        whole = of_share(found, shares_of(found)[-1]) if found else ()
        scores.append(of_patients({key: v for key, v in pooled(whole, condition).items() if key[1] in ORGANS}))
    gap = paired(*scores)
    if not gap:
        return ()
    verb = said(gap, "helps", "costs", "makes no difference that can be told")
    return (f"For the organs, of which the note says nothing, it {verb}: {in_words(gap)} with all patients.",)


def _words_alone(arms: Arms) -> tuple[str, ...]:
    """How far the note gets without the image."""
    found = arms.get("text-only")
    if not found:
        return ()
    share = shares_of(found)[-1]
    dice = mean_sd(over_seeds(of_share(found, share), TEXT, TARGET))
    return (
        f"The note alone, without the image, reaches a {TARGET} DSC of {dice} with {100 * share:g}% of the patients.",
    )


# Which one wins


def ranking(experiment: str, title: str, reference: str) -> Callable[[Sequence[Result]], Section | None]:
    """A chapter that ranks the series of an experiment by mean DSC and tests each against a reference."""

    def section(results: Sequence[Result]) -> Section | None:
        arms = by_series(results, experiment)
        if not arms:
            return None
        ranked = sorted(arms, key=lambda name: -np.mean(over_seeds(arms[name])))
        base = of_patients(pooled(arms.get(reference, ())))
        gaps = {name: paired(of_patients(pooled(arms[name])), base) for name in ranked if name != reference}
        gaps = {name: gap for name, gap in gaps.items() if gap}
        groups = {
            name: {"all structures": over_seeds(arms[name]), TARGET: over_seeds(arms[name], "", TARGET)}
            for name in ranked
        }
        tables = {experiment: _ranks(ranked, arms, gaps, reference)}
        return Section(title, (_winner(ranked, arms, gaps, reference),), tables, {experiment: figures.bars(groups)})

    return section


def _ranks(ranked: Sequence[str], arms: Arms, gaps: Mapping[str, Comparison], reference: str) -> str:
    p_values = adjusted(gaps)
    header = ["Network", "seeds", "weights", "Mean DSC", f"{TARGET} DSC", f"{TARGET} HD95 (mm)"]
    header += [f"Patients' mean DSC, against {reference}", "p (Holm)"]
    rows = [
        [
            name,
            len(arms[name]),
            f"{arms[name][0].checkpoint['weights'] / 1e6:.2f} M",
            mean_sd(over_seeds(arms[name])),
            mean_sd(over_seeds(arms[name], "", TARGET)),
            mean_sd(target_of(arms[name], "", "hd95_mm"), 1),
            change(gaps.get(name)),
            f"{p_values[name]:.2g}" if name in gaps else "–",
        ]
        for name in ranked
    ]
    return table(header, rows)


def _winner(ranked: Sequence[str], arms: Arms, gaps: Mapping[str, Comparison], reference: str) -> str:
    best = ranked[0]
    score = f"mean DSC {mean_sd(over_seeds(arms[best]))}"
    if not gaps:
        return f"**{best} is first** ({score}); there is nothing to test it against yet."
    scores = of_patients(pooled(arms[best]))
    others = [name for name in ranked[1:] if name != reference or best == reference]
    leads = {name: paired(scores, of_patients(pooled(arms[name]))) for name in others}
    ties = {name: lead for name, lead in leads.items() if lead and verdict(lead) == 0}
    near = [f"{name} ({tie.mean_difference:+.3f}, {p_value(tie.p)})" for name, tie in ties.items()]
    close = f"{' and '.join(near)} cannot be told apart from it" if near else "it is ahead of every other beyond chance"
    if best == reference:
        return f"**{best} is first** ({score}); {close}."
    close = f"; {close}" if others else ""
    word = said(gaps[best], "wins", "is first by its mean", f"is first, but cannot be told apart from {reference}")
    return f"**{best} {word}** ({score}): against {reference} {in_words(gaps[best])}{close}."


# Which patients


def against_chance(
    experiment: str, title: str, method: str, chance: str, done: str
) -> Callable[[Sequence[Result]], Section | None]:
    """A chapter that compares a way of choosing patients with chance at the same number of patients."""

    def section(results: Sequence[Result]) -> Section | None:
        arms = by_series(results, experiment)
        if not {method, chance} <= set(arms):
            return None
        text, rows = [], []
        for share in shares_of(arms[method]):
            ours, theirs = (of_share(arms[name], share) for name in (method, chance))
            gap = paired(of_patients(pooled(ours)), of_patients(pooled(theirs)))
            if gap:
                verb = said(gap, "is better than", "is worse than", "cannot be told apart from")
                who = f"At {100 * share:g}% of the patients ({ours[0].patients})"
                text.append(f"{who}, {done} {verb} chance: mean DSC {in_words(gap)}.")
        for name in (*(n for n in arms if n not in (method, chance, "fold")), method, chance):
            for share in shares_of(arms[name]):
                found = of_share(arms[name], share)
                scores = [mean_sd(over_seeds(found, "", structure)) for structure in (None, TARGET)]
                rows.append([name, f"{100 * share:g}%", found[0].patients, len(found), *scores])
        header = ["Chosen", "share", "patients", "seeds", "Mean DSC", f"{TARGET} DSC"]
        return Section(title, tuple(text), {experiment: table(header, rows)})

    return section
