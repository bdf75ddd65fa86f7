"""LoRA adapters: what someone taught a language model, as small matrices beside its weights."""

from __future__ import annotations

import importlib
import re
import warnings

from torch import nn

from llmseg.case import InputError


def adapt(model: nn.Module, adapter: str, stack: str, blocks: nn.ModuleList, *, depth: int, merge: bool) -> None:
    """Put an adapter into a model in place; what it holds for layers that were not loaded is left out.

    Args:
        adapter: a folder or a Hugging Face id.
        stack, blocks: the model's transformer blocks and what they are called.
        depth: how many layers the whole model has.
        merge: add the matrices to the weights, so that they cost nothing to run; quantised weights keep them beside.
    Raises:
        InputError: peft is missing, or the adapter was made for another model.
    """
    try:
        peft = importlib.import_module("peft")
    except ImportError as error:
        raise InputError(f"The adapter {adapter} needs peft. Install it with: pip install peft") from error
    config = peft.PeftConfig.from_pretrained(adapter)
    if config.peft_type != peft.PeftType.LORA:
        raise InputError(f"The adapter {adapter} is of kind {config.peft_type.value}. Choose a LoRA.")
    weights = peft.load_peft_weights(adapter, device="cpu")
    foreign = InputError(f"The adapter {adapter} was made for another model than {model.name_or_path}. Choose its own.")

    names = "|".join({model.base_model_prefix, "text_model"} - {""})
    key = re.compile(rf"base_model\.model\.(?:({names})\.)?{re.escape(stack)}\.(\d+)\.")
    places = [place.groups() for place in map(key.match, weights) if place]
    layers = {int(layer) for _, layer in places}
    if not layers or max(layers) >= depth:
        raise foreign
    if min(layers) >= len(blocks):
        raise InputError(f"The adapter {adapter} changes no layer up to the tapped {len(blocks)}. Tap a later one.")
    # It was trained on the whole model, head and all ("model.layers.0"); here the trunk stands alone ("layers.0"). A
    # shell lends the trunk its old name, so that every pattern in the adapter's config still finds its layers.
    host, name = model, places[0][0]
    if name:
        host = nn.Module()
        host.add_module(name, model)
        for flag in ("is_loaded_in_8bit", "is_loaded_in_4bit"):
            setattr(host, flag, getattr(model, flag, False))
    config.inference_mode = True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # ranks of layers that were left out find no layer
        adapted = peft.LoraModel(host, config, "default")
    try:
        loaded = peft.set_peft_model_state_dict(
            adapted, {key.removeprefix("base_model."): value for key, value in weights.items()}
        )
    except RuntimeError as error:  # sizes differ
        raise foreign from error
    if any("lora_" in key for key in loaded.missing_keys):
        raise foreign
    if merge:
        adapted.merge_and_unload()
