"""The facts a note states, each with the words that state it: site, side, stage, doses, nodal levels, neck, surgery.

Every pattern proposes mentions; each is judged by the sentence it stands in (negated, historical, of another organ, an
extension, a dose limit) and the best one stands. What is not stated stays None: nothing is guessed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from llmseg.text.facts import Facts
from llmseg.text.laterality import neck_of, side_of, site_of
from llmseg.text.nodes import nodes_of
from llmseg.text.numbers import doses_of, fractions_of, levels_of, stage_of, surgery_of
from llmseg.text.reading import Mention, Page


@dataclass(frozen=True)
class StatedFacts:
    """What a note says; None, or an empty tuple, where it says nothing.

    Args:
        site: nasopharynx, oropharynx, hypopharynx, larynx, oral cavity, salivary gland, sinonasal, thyroid or
            unknown primary.
        subsite: the part of it that is named, for example "tonsil".
        side: of the primary: left, right, bilateral or midline.
        t_stage, n_stage, m_stage: "T4a", "N2b", "M0".
        dose_gy: prescribed dose levels, highest first.
        levels: nodal levels named, "Ib" to "VII".
        nodes: (side, level, dose in Gy) of each nodal level that is given a dose.
        neck: to be treated: left, right, bilateral or none.
        surgery: operations on the head and neck.
    """

    site: str | None = None
    subsite: str | None = None
    side: str | None = None
    t_stage: str | None = None
    n_stage: str | None = None
    m_stage: str | None = None
    dose_gy: tuple[float, ...] = ()
    fractions: int | None = None
    levels: tuple[str, ...] = ()
    nodes: tuple[tuple[str, str, float], ...] = ()
    neck: str | None = None
    surgery: tuple[str, ...] = ()

    @classmethod
    def of(cls, facts: Facts) -> StatedFacts:
        """What a note that states all of these facts says."""
        return cls(
            site=facts.site,
            side=facts.side,
            neck=facts.neck,
            dose_gy=facts.dose_gy,
            t_stage=facts.t_stage,
            n_stage=facts.n_stage,
            nodes=facts.nodes or (),
        )

    def to_json(self) -> dict[str, object]:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def stated_facts(page: Page) -> tuple[StatedFacts, tuple[Mention, ...]]:
    """Read the facts off a page, and where each is said (offsets in the note)."""
    nodes, node_words = nodes_of(page)
    levels, level_words = levels_of(page)
    doses, dose_words = doses_of(page)
    # A nodal plan is full of sides that are not the primary's.
    page = page.without(node_words)
    site, subsite, site_words = site_of(page)
    side, side_words = side_of(page, site)
    stage, stage_words = stage_of(page)
    fractions, fraction_words = fractions_of(page)
    neck, neck_words = neck_of(page, side)
    if neck is None and nodes:
        sides = {side for side, *_ in nodes}
        neck, neck_words = "bilateral" if len(sides) == 2 else sides.pop(), node_words
    surgery, surgery_words = surgery_of(page)
    facts = StatedFacts(
        site=site,
        subsite=subsite,
        side=side,
        t_stage=stage.get("T"),
        n_stage=stage.get("N"),
        m_stage=stage.get("M"),
        dose_gy=doses,
        fractions=fractions,
        levels=levels,
        nodes=nodes,
        neck=neck,
        surgery=surgery,
    )
    said = (
        site_words,
        side_words,
        stage_words,
        dose_words,
        fraction_words,
        level_words,
        node_words,
        neck_words,
        surgery_words,
    )
    mentions = {mention for words in said for mention in words}
    return facts, tuple(sorted(mentions, key=lambda m: (m.start, m.end, m.fact)))
