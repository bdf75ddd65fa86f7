"""A checkpoint is a folder: config.json, model.safetensors, README.md."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from llmseg.case import InputError
from llmseg.model.architectures import build_network
from llmseg.model.network import ContourNetwork, NetworkConfig
from llmseg.model.refinement import Refinement
from llmseg.preprocessing import Grid
from llmseg.text.encoder import EncoderSpec

FORMAT = 1


@dataclass(frozen=True)
class CheckpointConfig:
    """What a checkpoint says of itself.

    Args:
        network, grid, encoder: how to build the network, preprocess a CT and encode a note.
        encoder_fingerprint: of the language model it was trained with; another one is refused.
        trained: how and on what (manifest hashes, steps, seed), with the scores on the tuning patients.
        refinement: what is done to the probabilities; a checkpoint that names none has none.
    """

    network: NetworkConfig
    grid: Grid
    encoder: EncoderSpec
    encoder_fingerprint: str
    trained: Mapping[str, object] = field(default_factory=dict)
    refinement: Refinement = field(default_factory=Refinement)

    def to_json(self) -> dict[str, object]:
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> CheckpointConfig:
        if values.get("format") != FORMAT:
            raise InputError(f"Checkpoint format {values.get('format')!r}; this version reads {FORMAT}. Update llmseg.")
        return cls(
            NetworkConfig(**values["network"]),
            Grid(**values["grid"]),
            EncoderSpec(**values["encoder"]),
            values["encoder_fingerprint"],
            values["trained"],
            Refinement(**values.get("refinement", {})),
        )


def save_checkpoint(folder: str | Path, network: ContourNetwork, config: CheckpointConfig, card: str) -> None:
    """Write the whole folder or nothing; weights as float16.

    Raises:
        InputError: a full disk or a folder that cannot be written; what was there before stays.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    folder, scratch = Path(folder), None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".saving-"))
        scratch.chmod(0o755)
        weights = {k: v.detach().cpu().to(torch.float16).contiguous() for k, v in network.state_dict().items()}
        save_file(weights, scratch / "model.safetensors")
        (scratch / "model.safetensors").chmod(0o644)
        (scratch / "config.json").write_text(json.dumps(config.to_json(), indent=2) + "\n")
        (scratch / "README.md").write_text(card)
        _put_in_place(scratch, folder)
    except (OSError, SafetensorError) as error:  # safetensors has an error of its own for a full disk
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{folder} cannot be written ({reason}). Free some space or pick another.") from error
    finally:
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)


def _put_in_place(scratch: Path, folder: Path) -> None:
    """Rename a finished folder to its name; one that stood there gives way, or comes back if that fails."""
    if not folder.exists():
        os.replace(scratch, folder)
        return
    replaced = scratch.with_name(scratch.name.replace("saving", "replaced"))
    os.replace(folder, replaced)
    try:
        os.replace(scratch, folder)
    except OSError:
        os.replace(replaced, folder)
        raise
    shutil.rmtree(replaced, ignore_errors=True)


def load_checkpoint(folder: str | Path) -> tuple[ContourNetwork, CheckpointConfig]:
    """Build the network a checkpoint describes and fill in its weights, key by key.

    Raises:
        InputError: a missing or damaged file, or weights with missing, extra or misshapen keys.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = Path(folder)
    try:
        described = json.loads((folder / "config.json").read_text())
        if not isinstance(described, dict):
            raise TypeError("config.json does not hold an object")
        config = CheckpointConfig.from_json(described)
        weights = load_file(folder / "model.safetensors")
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        reason = "is missing" if missing else f"cannot be read: {error.strerror or error}"
        raise InputError(
            f"{folder} is not a checkpoint ({Path(error.filename or 'model.safetensors').name} {reason}). "
            "Point to a folder with config.json and model.safetensors."
        ) from error
    except (SafetensorError, json.JSONDecodeError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise InputError(f"The checkpoint {folder} is damaged ({error}). Copy or train it again.") from error
    network = build_network(config.network)
    expected = network.state_dict()
    wrong = sorted(expected.keys() ^ weights.keys()) or sorted(
        key for key in weights if weights[key].shape != expected[key].shape
    )
    if wrong:
        raise InputError(
            f"The checkpoint {folder} does not fit its config: {len(wrong)} keys missing, extra or misshapen, "
            f"first {wrong[0]!r}. Use the config.json it was saved with."
        )
    network.load_state_dict({key: value.float() for key, value in weights.items()})
    return network.eval().requires_grad_(False), config


def digest_of(folder: str | Path) -> str:
    """sha256 of what a checkpoint computes with: its config and its weights.

    Raises:
        InputError: one of the files cannot be read.
    """
    digest = hashlib.sha256()
    for name in ("config.json", "model.safetensors"):
        try:
            digest.update((Path(folder) / name).read_bytes())
        except OSError as error:
            raise InputError(
                f"{folder} is no checkpoint ({name}: {error.strerror}). Pass a checkpoint folder."
            ) from error
    return digest.hexdigest()
