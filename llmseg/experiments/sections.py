"""A chapter of the results page, and the words that all chapters share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from llmseg.experiments.comparing import TARGET, change, in_words, mean_sd, paired, said, target_of
from llmseg.experiments.stored import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT, PLAIN = "text", "no-text"


@dataclass(frozen=True)
class Section:
    """One chapter: what was found, then file name -> table or figure."""

    title: str
    text: tuple[str, ...]
    tables: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)


def what_the_note_brings(results: Sequence[Result]) -> str:
    """With the note against without it, on the high-dose target, by the same networks."""
    gain = paired(target_of(results, TEXT), target_of(results, PLAIN))
    if gain is None:
        return f"No patient has a {TARGET} to compare."
    headline = said(
        gain,
        f"With the note {TARGET} is contoured better",
        f"With the note {TARGET} is contoured worse",
        f"Whether the note helps {TARGET} cannot be told",
    )
    means = f"DSC {mean_sd(target_of(results, TEXT))} with it and {mean_sd(target_of(results, PLAIN))} without"
    return f"**{headline}**: {means}, {in_words(gain)}."


def against_image_only(network: Sequence[Result], image_only: Sequence[Result]) -> list[str]:
    """The network that reads notes, with one and without, against its twin that was trained without notes."""
    sentences = []
    for condition, who in ((TEXT, "with the note"), (PLAIN, "without a note")):
        found = paired(target_of(network, condition), target_of(image_only, PLAIN))
        if found:
            verb = said(found, "is ahead of", "is behind", "cannot be told apart from")
            sentences.append(
                f"The network that reads notes, {who}, {verb} the one trained without notes on {TARGET}: "
                f"{in_words(found)}."
            )
    return sentences


def change_of_target(a: Sequence[Result], condition: str, b: Sequence[Result], base: str) -> str:
    return change(paired(target_of(a, condition), target_of(b, base)))
