"""The model card that every checkpoint carries."""

from __future__ import annotations

from collections.abc import Mapping

from llmseg.model.checkpoint import CheckpointConfig

_CARD = """---
license: apache-2.0
tags: [radiotherapy, segmentation, head-and-neck, language-conditioned]
---
# llmseg checkpoint

Contours {structures} on a head-and-neck planning CT. **Research use only.**

- **Data**: {patients} training patients and {phantoms} cases of further datasets; {tuning} further training patients
  chose the step.{datasets}
{reading}
- **Network**: {network} encoder, {fusion} fusion, {spacing} mm grid, {activation} outputs; step {steps}.
- **Tuning patients, mean DSC on the network's grid**: {scores}.
- **Limits**: contours vary between physicians; rare organs (Esophagus, Larynx) are weak; at this grid thin
  structures are coarse; notes are English and short; never evaluated prospectively. Not a medical device.
"""

_NOTES = """- **Notes**: site, side, neck coverage and dose levels; expanded ones also a stage (by the target's volume)
  and which neck level gets which dose. Where these were read off the contours, scores with text measure how well the
  model uses words, not clinical benefit.
- **Language model**: {encoder}, frozen; fingerprint `{fingerprint}`. Another one is refused.{read}"""

_READING = """
- **Reader**: taught on generated notes before any patient was seen; of notes in wordings never seen, as written, it
  names {accuracy}."""

_ALIGNED = """---
license: apache-2.0
tags: [radiotherapy, head-and-neck, language-conditioned]
---
# llmseg checkpoint, pretrained

**It contours nothing yet**: its image encoder has learned which note belongs to which head-and-neck planning CT, and
`llmseg train --init` starts from it. **Research use only.**

- **Data**: {patients} training patients and {phantoms} cases of further datasets; {tuning} further training patients
  chose the step.{datasets}
{reading}
- **Network**: {network} encoder, {spacing} mm grid; step {steps}.
- **Tuning patients, retrieval**: {scores}.
"""

_IMAGE_ONLY = "- **Notes**: none; it contours from the image alone, and a note changes nothing."

_SOURCES = {
    "openkbp": "Babier et al., Medical Physics 48, 5549-5561, 2021. Its validation patients were neither trained nor "
    "tuned on. In 87 of its 203 patients the scan ends within 10 mm of the targets, which may tell where those end."
}


def model_card(config: CheckpointConfig) -> str:
    """Markdown that says what the checkpoint is, what it learned from, and what it is not for."""
    trained = config.trained
    scores = {k: v for k, v in trained["tuning_scores"].items() if k != "score"}
    card = _ALIGNED if trained.get("stage") == "pretrain" else _CARD
    return card.format(
        structures=", ".join(config.network.structures),
        patients=trained["patients"],
        phantoms=trained["phantoms"],
        tuning=len(trained["tuning_patients"]),
        datasets="".join(map(_dataset_line, trained.get("datasets", ()))),
        reading=_IMAGE_ONLY
        if config.network.fusion == "none"
        else _NOTES.format(
            encoder=f"{config.encoder.model}, layer {config.encoder.layer or 'last'}",
            fingerprint=config.encoder_fingerprint,
            read=_reading_line(trained.get("reading", {})),
        ),
        network=config.network.encoder,
        fusion=config.network.fusion,
        spacing=" x ".join(f"{v:g}" for v in config.grid.spacing_mm),
        activation=config.network.activation,
        steps=_steps(trained),
        scores="; ".join(f"{name} {value:.2f}" for name, value in scores.items()),
    )


def _steps(trained: Mapping[str, object]) -> str:
    before = trained.get("init", {}).get("steps")
    return f"{trained['steps']}" + (f", after {before} of the checkpoint it started from" if before else "")


def _reading_line(accuracy: Mapping[str, float]) -> str:
    said = ", ".join(
        f"{name} {share:.2f}" for name, share in accuracy.items() if not name.startswith("prompt") and name != "apart"
    )
    return _READING.format(accuracy=said) if accuracy else ""


def _dataset_line(dataset: Mapping[str, str]) -> str:
    name = dataset["name"]
    return f"\n  - {name}: " + " ".join(filter(None, (dataset["description"], _SOURCES.get(name))))
