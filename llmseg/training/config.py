"""How a run is set up: defaults here, a TOML file over them, `--set key=value` over both."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path

from llmseg.case import InputError
from llmseg.formats.toml import read_toml
from llmseg.model.network import NetworkConfig
from llmseg.preprocessing import Grid
from llmseg.text.encoder import EncoderSpec
from llmseg.training.prepared import Augmentation

_POSITIVE = (
    "steps",
    "batch",
    "accumulate",
    "learning_rate",
    "wordings",
    "validate_every",
    "save_every",
    "log_every",
    "fraction",
)
_LOSS = ("dice_weight", "focal_weight", "focal_gamma", "target_weight")


@dataclass(frozen=True)
class ContrastConfig:
    """How images meet their notes before anything is contoured.

    Args:
        width: length of the embeddings that are compared.
        temperature: what their cosine is divided by at the start; it is learned, between 0.01 and 1. The paper gives
            none; CLIP starts at 0.07.
        negatives: notes per sample that differ from its own in one fact.
        memory: past samples, images and notes, that each step compares with as well.
    """

    width: int = 128
    temperature: float = 0.07
    negatives: int = 4
    memory: int = 256

    def __post_init__(self):
        for name in ("width", "temperature"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} = {getattr(self, name)}; it must be above 0. Correct the config.")
        for name in ("negatives", "memory"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} = {getattr(self, name)}; it must be 0 or more. Correct the config.")


@dataclass(frozen=True)
class TrainConfig:
    """One training run.

    Args:
        network, grid, encoder: see their classes.
        augment: how far training samples stray from their patients.
        contrast: of `pretrain` alone.
        steps, batch: length of the run, and samples per process and forward pass.
        accumulate: forward passes whose gradients make one step: with n processes a step sees n * batch * accumulate
            samples.
        learning_rate, weight_decay, warmup: AdamW with a linear warm-up (steps), then a cosine to a hundredth.
        dice_weight, focal_weight, focal_gamma: alpha, beta and gamma of the loss. The paper gives none.
        squared_dice: see `llmseg.training.losses.dice_focal`; the shipped network was trained without.
        target_weight: how much more a target counts than an organ.
        drop_note: share of samples trained without their note, so that one network serves both.
        extra_share: share of samples taken from the datasets after the first (phantoms, for one).
        wordings: how many ways each case's note is written for training.
        ema: decay of the running average of weights; the average is what is validated and shipped.
        seed: of everything random.
        validate_every, save_every, log_every: steps.
        patience: validations without a better one after which training stops; 0 never stops it.
        tuning_share: part of the training patients, by hash of their id, kept for every choice.
        fraction: share of the other training patients to learn from; a smaller one's are among a larger one's.
        patients: only these training patients, by id; empty means all of them.
        workers: processes that prepare samples ahead of the step; 0 does it in line.
    """

    network: NetworkConfig = field(default_factory=NetworkConfig)
    grid: Grid = field(default_factory=Grid)
    encoder: EncoderSpec = field(default_factory=EncoderSpec)
    augment: Augmentation = field(default_factory=Augmentation)
    contrast: ContrastConfig = field(default_factory=ContrastConfig)
    steps: int = 2400
    batch: int = 2
    accumulate: int = 1
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warmup: int = 100
    dice_weight: float = 1.0
    focal_weight: float = 10.0
    focal_gamma: float = 2.0
    squared_dice: bool = False
    target_weight: float = 2.0
    drop_note: float = 0.3
    extra_share: float = 0.2
    wordings: int = 6
    ema: float = 0.998
    seed: int = 0
    validate_every: int = 200
    save_every: int = 100
    log_every: int = 10
    patience: int = 0
    tuning_share: float = 0.12
    fraction: float = 1.0
    patients: tuple[str, ...] = ()
    workers: int = 1
    precision: str = "auto"

    def __post_init__(self):
        object.__setattr__(self, "patients", tuple(self.patients))
        for name in _POSITIVE:
            if not getattr(self, name) > 0:  # so that NaN is refused too
                raise InputError(f"{name} = {getattr(self, name)}; it must be above 0. Correct the config.")
        for name in ("weight_decay", "warmup", "workers", "seed", "patience", *_LOSS):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} = {getattr(self, name)}; it must be 0 or more. Correct the config.")
        for name in ("drop_note", "extra_share", "ema", "tuning_share"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"{name} = {getattr(self, name)}; it must be in [0, 1). Correct the config.")
        if self.patience and not self.tuning_share:
            raise InputError(f"patience = {self.patience} waits for tuning patients; tuning_share = 0. Raise it.")
        if self.fraction > 1:
            raise InputError(f"fraction = {self.fraction}; it must be in (0, 1]. Correct the config.")
        if self.precision not in ("auto", "no", "bf16", "fp16"):
            raise InputError(f"precision = {self.precision!r} is not one of auto, no, bf16, fp16. Correct the config.")

    def to_json(self) -> dict[str, object]:
        # Through JSON, so that it compares equal to what a run's folder remembers.
        return json.loads(json.dumps(asdict(self)))


def read_config(path: str | Path | None = None, settings: Iterable[str] = ()) -> TrainConfig:
    """Read a TOML file and `key=value` settings ("steps=10", "network.encoder=vit") over the defaults.

    Raises:
        InputError: broken TOML, an unknown key, or a value out of range; names it.
    """
    config = TrainConfig()
    if path is not None:
        config = _merge(config, read_toml(Path(path)), str(path))
    settings = list(settings)
    # All at once: a new width and the heads that divide it only make sense together.
    return _merge(config, _nested(settings), " ".join(f"--set {setting}" for setting in settings))


def _nested(settings: Iterable[str]) -> dict:
    nested: dict = {}
    for setting in settings:
        key, separator, value = setting.partition("=")
        if not separator:
            raise InputError(f"--set {setting} has no '='. Write --set key=value.")
        inner = nested
        *parents, last = key.strip().split(".")
        for parent in parents:
            if not isinstance(inner.get(parent), dict):
                inner[parent] = {}
            inner = inner[parent]
        inner[last] = _parse(value.strip())
    return nested


def _parse(value: str) -> object:
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _merge(config: object, values: Mapping[str, object], where: str) -> object:
    known = {f.name: getattr(config, f.name) for f in fields(config)}
    changes = {}
    for key, value in values.items():
        if key not in known:
            raise InputError(f"{where}: unknown key {key!r}. Known keys: {', '.join(known)}.")
        default = known[key]
        if is_dataclass(default) and isinstance(value, Mapping):
            changes[key] = _merge(default, value, where)
        elif (fitting := _as_kind_of(default, value)) is None:
            raise InputError(
                f"{where}: {key} = {value!r} has the wrong type. Look up its default in llmseg/training/config.py."
            )
        else:
            changes[key] = fitting
    return replace(config, **changes)


def _as_kind_of(default: object, value: object) -> object | None:
    """The value as the type of its default, or None where it is of another."""
    if isinstance(default, tuple):
        kind = default[0] if default else ""  # only names come in lists that start empty
        items = [_as_kind_of(kind, item) for item in value] if isinstance(value, list) else [None]
        return None if None in items else tuple(items)
    if isinstance(default, float) and type(value) is int:
        return float(value)
    return value if type(value) is type(default) else None
