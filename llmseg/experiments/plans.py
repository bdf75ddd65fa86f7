"""What each experiment compares: its arms, what they change in the shared protocol, and what they are tested on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from types import MappingProxyType

from llmseg.case import InputError
from llmseg.text.onehot import ONE_HOT, WIDTH

SEEDS = (0, 1, 2)
ANCHOR_PERCENT, BETWEEN_PERCENT = (100, 5, 25, 50, 10, 75), (90, 92, 95, 98)
"""Shares of the training patients: those that draw the curve first, those that fill its end later."""


@dataclass(frozen=True)
class Condition:
    """One way to test a network.

    Args:
        note: "as-written" (the dataset's), another kind of note (`llmseg.evaluation.notes`), or "" for none.
        corruption, level: what happens to the CT before it is contoured; see `llmseg.experiments.corruptions`.
    """

    name: str
    note: str = "as-written"
    corruption: str = ""
    level: float = 0.0


TEXT, NO_TEXT = Condition("text"), Condition("no-text", note="")
EXPANDED = Condition("expanded", note="expanded")
WITH_AND_WITHOUT = (TEXT, NO_TEXT)
REFERENCE = Condition("reference")


@dataclass(frozen=True)
class Choice:
    """How an arm's training patients are chosen, where it is not by share alone; see `llmseg.experiments.selection`.

    Args:
        kind: "uncertain" or "random" add to the patients of the arm before; "fold" leaves a third out; "consistent"
            and "fewer" drop some of all.
        share: of all training patients that the arm ends up with.
        fold: which third is left out.
    """

    kind: str
    share: float
    fold: int = 0


@dataclass(frozen=True)
class Arm:
    """One network, trained and tested one way.

    Args:
        name: of its result file.
        series: what its line or row is called in the report; arms of one series differ in seed and share only.
        settings: `key=value` over the protocol.
        conditions: what it is tested under.
        trains: otherwise a given checkpoint is tested.
        choice, after: how its training patients are chosen, and the arms whose networks that takes.
        full: every metric and pictures; otherwise DSC and HD95.
        spacing_mm: above 0, no network is tested but the reference itself, brought to voxels of this edge and back.
        seen: above 0, tested on so many of the patients it was trained on instead, chosen by a hash of the id.
        exact: tested on the target alone, told exact facts of it beside the note; see `measure_exact`.
    """

    name: str
    series: str
    settings: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = WITH_AND_WITHOUT
    trains: bool = True
    choice: Choice | None = None
    after: tuple[str, ...] = ()
    full: bool = False
    spacing_mm: float = 0.0
    seen: int = 0
    exact: bool = False


@dataclass(frozen=True)
class Experiment:
    """A question and the arms that answer it, the ones worth most first."""

    name: str
    question: str
    arms: tuple[Arm, ...]

    def chosen(self, only: Sequence[str]) -> list[Arm]:
        """The arms whose names match one of the patterns ("image-only-*"); all where there is none.

        Raises:
            InputError: a pattern that fits no arm.
        """
        for pattern in only:
            if not any(fnmatch(arm.name, pattern) for arm in self.arms):
                names = ", ".join(arm.name for arm in self.arms)
                raise InputError(f"{self.name} has no arm {pattern!r}. Its arms: {names}.")
        return [arm for arm in self.arms if not only or any(fnmatch(arm.name, pattern) for pattern in only)]

    def arm(self, name: str) -> Arm:
        return next(arm for arm in self.arms if arm.name == name)


IMAGE_ONLY = ("network.fusion=none",)
TEXT_ONLY = (
    "network.architecture=text-only",
    "squared_dice=false",
    *(f"augment.{move}=0.0" for move in ("rotation_deg", "scale", "shift", "far_shift", "elastic_mm")),
)
"""Learned on patients that stay where they are, for it cannot see them move; and with a loss that makes it choose: by
squared Dice what is unsure stays below one half, and a prior is never sure."""
WIDE = ("network.channels=[32, 64, 128, 192]", "network.heads=6")
"""The inner network of the one that ships (examples/openkbp-coarse.toml); MONAI's UNETR and SwinUNETR are as large."""
TWICE_AS_WIDE = ("network.channels=[64, 128, 256, 384]", "network.heads=6")
FACTS = (f"encoder.model={ONE_HOT}", f"network.token_width={WIDTH}")
RANDOM_TWIN = "random-twin"
"""Stands for the packaged language model with random weights, which is written where an arm is trained."""


def _seeded(series: str, settings: Sequence[str] = (), conditions: tuple[Condition, ...] = WITH_AND_WITHOUT):
    return [Arm(f"{series}-s{seed}", series, (*settings, f"seed={seed}"), conditions) for seed in SEEDS]


def _interleaved(groups: Sequence[Sequence[Arm]]) -> tuple[Arm, ...]:
    """The first seed of every series, then the second: stopped early, it still compares all of them."""
    return tuple(arm for arms in zip(*groups, strict=True) for arm in arms)


def _data_efficiency() -> Iterator[Arm]:
    kinds = (
        ("multimodal", (), WITH_AND_WITHOUT),
        ("image-only", IMAGE_ONLY, (NO_TEXT,)),
        ("text-only", TEXT_ONLY, (TEXT,)),
    )
    for percents in (ANCHOR_PERCENT, BETWEEN_PERCENT):
        for seed in SEEDS:
            for percent in percents:
                for series, settings, conditions in kinds:
                    # All patients is the default: those arms are the ones other experiments train, too.
                    share = () if percent == 100 else (f"fraction={percent / 100}",)
                    settings_of_arm = (*settings, *share, f"seed={seed}")
                    yield Arm(f"{series}-{percent:03d}-s{seed}", series, settings_of_arm, conditions)


def _baselines() -> tuple[Arm, ...]:
    image_only = {name: (f"network.architecture={name}",) for name in ("unetr", "swin-unetr", "dynunet")}
    return _interleaved(
        [
            _seeded("full"),
            _seeded("image-only", IMAGE_ONLY, (NO_TEXT,)),
            _seeded("text-only", TEXT_ONLY, (TEXT,)),
            _seeded("one-hot", FACTS),
            _seeded("two-way", ("network.fusion=two-way",)),
            *(_seeded(name, settings, (NO_TEXT,)) for name, settings in image_only.items()),
            _seeded("full-wide", WIDE),
            _seeded("image-only-wide", (*WIDE, *IMAGE_ONLY), (NO_TEXT,)),
            _seeded("dynunet-wide", (*WIDE, *image_only["dynunet"]), (NO_TEXT,)),
        ]
    )


def _encoders() -> tuple[Arm, ...]:
    layers = {"layer-8": 8, "layer-24": 24, "last-layer": 0}
    return _interleaved(
        [
            _seeded("layer-16"),
            _seeded("random-weights", (f"encoder.model={RANDOM_TWIN}",)),
            _seeded("one-hot", FACTS),
            *(_seeded(name, (f"encoder.layer={layer}",)) for name, layer in layers.items()),
            _seeded("mean-pooled", ("network.pooling=mean",)),
        ]
    )


NOTE_KINDS = ("essential", "expanded", "sparse", "wrong", "empty")
LEVELS = MappingProxyType(
    {
        "noise": (20.0, 60.0, 120.0),
        "streaks": (200.0, 600.0, 1200.0),
        "missing-slices": (0.05, 0.1, 0.2),
        "shifted-hu": (-100.0, -50.0, 50.0, 100.0),
        "field-of-view": (400.0, 300.0, 240.0),
    }
)
"""How far each corruption goes; units in `llmseg.experiments.corruptions`."""


def _robustness() -> Iterator[Arm]:
    yield Arm("clean", "clean", trains=False)
    for corruption, levels in LEVELS.items():
        conditions = tuple(
            Condition(f"{kind.name}/{corruption}={level:g}", kind.note, corruption, level)
            for level in levels
            for kind in WITH_AND_WITHOUT
        )
        yield Arm(corruption, corruption, conditions=conditions, trains=False)


EXACT: Mapping[str, str] = MappingProxyType(
    {
        "volume": "its volume",
        "slices": "its top and bottom slice",
        "outline": "the outline of all targets together",
        "everything": "all three",
    }
)
"""What is told of the target beside a note, and in words."""


def _exact_facts() -> Arm:
    conditions = tuple(
        Condition(f"{kind.name}+{fact}" if fact else kind.name, kind.note)
        for kind in (TEXT, EXPANDED)
        for fact in ("", *EXACT)
    )
    return Arm("network", "network", conditions=conditions, trains=False, exact=True)


def _active_learning() -> Iterator[Arm]:
    for seed in SEEDS:
        start = f"start-10-s{seed}"
        yield Arm(start, "start", ("fraction=0.1", f"seed={seed}"))
        for kind in ("uncertain", "random"):
            before = start
            for percent in (20, 40):
                name = f"{kind}-{percent}-s{seed}"
                choice = Choice(kind, percent / 100)
                yield Arm(name, kind, (f"seed={seed}",), choice=choice, after=(before,))
                before = name


def _pruning() -> Iterator[Arm]:
    for seed in SEEDS:
        folds = tuple(f"fold-{fold}-s{seed}" for fold in range(3))
        for fold, name in enumerate(folds):
            yield Arm(name, "fold", (f"seed={seed}",), (TEXT,), choice=Choice("fold", 2 / 3, fold))
        for percent in (90, 75):
            for kind in ("consistent", "fewer"):
                after = folds if kind == "consistent" else ()
                choice = Choice(kind, percent / 100)
                yield Arm(f"{kind}-{percent}-s{seed}", kind, (f"seed={seed}",), choice=choice, after=after)
        yield Arm(f"all-s{seed}", "all", (f"seed={seed}",))


_NOTES = tuple(Condition(kind, note=kind) for kind in NOTE_KINDS)

EXPERIMENTS = MappingProxyType(
    {
        e.name: e
        for e in (
            Experiment(
                "flagship",
                "How well does the shipped checkpoint contour with the note and without, and how well does a twin that "
                "was trained without notes?",
                (
                    Arm("network", "network", conditions=(TEXT, EXPANDED, NO_TEXT), trains=False, full=True),
                    Arm("image-only", "image-only", conditions=(NO_TEXT,), trains=False, full=True),
                ),
            ),
            Experiment(
                "with-without-text",
                "Does the note help, and is a network that reads notes as good without one as one that never could?",
                _interleaved([_seeded("multimodal"), _seeded("image-only", IMAGE_ONLY, (NO_TEXT,))]),
            ),
            Experiment("data-efficiency", "Does text save training patients?", tuple(_data_efficiency())),
            Experiment("baselines", "Which network wins under one protocol?", _baselines()),
            Experiment(
                "fusion",
                "How should the note enter the decoder?",
                _interleaved(
                    [_seeded(name, (f"network.fusion={name}",)) for name in ("gated", "film", "cross", "two-way")]
                ),
            ),
            Experiment("encoder", "What must read the note?", _encoders()),
            Experiment(
                "size",
                "Would a larger network do better than one as wide as what ships?",
                _interleaved([_seeded("as-shipped", WIDE), _seeded("twice-as-wide", TWICE_AS_WIDE)]),
            ),
            Experiment(
                "notes",
                "What if the note says more, less, nothing, or the wrong thing?",
                (Arm("network", "network", conditions=(*_NOTES, NO_TEXT), trains=False),),
            ),
            Experiment(
                "robustness", "How much do poor scans cost, and does the note make up for it?", tuple(_robustness())
            ),
            Experiment(
                "resolution",
                "How much DSC do voxels of a size leave to a network that makes no mistake?",
                tuple(
                    Arm(f"{mm}-mm", f"{mm} mm", conditions=(REFERENCE,), trains=False, spacing_mm=mm)
                    for mm in (2, 3, 4, 6, 8)
                ),
            ),
            Experiment(
                "fit",
                "How well does the shipped checkpoint contour the very patients it was trained on?",
                (Arm("seen", "seen", conditions=(TEXT, EXPANDED, NO_TEXT), trains=False, seen=33),),
            ),
            Experiment(
                "exact-facts",
                "How much of what is missing would exact facts about the target mend, beside the note?",
                (_exact_facts(),),
            ),
            Experiment(
                "active-learning",
                "Is it worth contouring the patients first that the network is least sure of?",
                tuple(_active_learning()),
            ),
            Experiment(
                "pruning",
                "Is it worth leaving out the patients whose contours a network trained without them contradicts?",
                tuple(_pruning()),
            ),
        )
    }
)


def find(name: str) -> Experiment:
    """The experiment of this name.

    Raises:
        InputError: there is none; lists those there are.
    """
    if name not in EXPERIMENTS:
        raise InputError(f"There is no experiment {name!r}. Choose one of {', '.join(EXPERIMENTS)}.")
    return EXPERIMENTS[name]
