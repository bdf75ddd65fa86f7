"""Any Hugging Face language model by its id, loaded up to the tapped layer and no further."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn

from llmseg.case import InputError
from llmseg.text.int8 import quantise
from llmseg.text.onehot import FINGERPRINT as VOCABULARY_FINGERPRINT
from llmseg.text.onehot import ONE_HOT
from llmseg.text.package import GGUF_SHA256, converted_package

PACKAGED = "SmolLM2-135M-Instruct-Q4_1.gguf"
"""The default: the quantised weights that install from the package index. The hub's own weights are another encoder."""

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
PRECISIONS = ("auto", *DTYPES, "int8", "int4")


@dataclass(frozen=True)
class EncoderSpec:
    """Which language model reads, and where it is tapped.

    Args:
        model: PACKAGED, a Hugging Face id ("meta-llama/Llama-2-7b-hf" is the paper's) or a local folder; or ONE_HOT for
            none, the prompt's facts as the rules read them.
        layer: the hidden states after this many blocks are used; 0 means the last, the paper's way.
        revision: branch, tag or commit of a Hugging Face id.
        max_tokens: longer notes are cut here, and said to be.
        precision: "fp32", "fp16", "bf16", "int8", "int4" (GPU only), or "auto": fp32 on a CPU, 16 bits on a GPU.
        adapter: a LoRA for this model, as a folder or a Hugging Face id; "" for none.
    """

    model: str = PACKAGED
    layer: int = 16
    revision: str = "main"
    max_tokens: int = 256
    precision: str = "auto"
    adapter: str = ""

    def __post_init__(self):
        if self.layer < 0 or self.max_tokens < 8:
            raise InputError(
                f"Text layer {self.layer} or budget {self.max_tokens} is too small. Use layer >= 0, max_tokens >= 8."
            )
        if self.precision not in PRECISIONS:
            raise InputError(f"Precision {self.precision!r} is unknown. Choose one of {', '.join(PRECISIONS)}.")

    @property
    def fingerprint(self) -> str:
        """Names what decides the states of a note: weights, layer, budget, and what departs from the defaults."""
        if self.model == ONE_HOT:
            return VOCABULARY_FINGERPRINT
        weights = GGUF_SHA256 if self.model == PACKAGED else _identity(self.model, f"{self.model}@{self.revision}")
        described = f"{weights}|layer {self.layer}|{self.max_tokens} tokens|no sink|float16"
        if self.precision != "auto":
            described += f"|{self.precision}"
        if self.adapter:
            described += f"|adapter {_identity(self.adapter, self.adapter)}"
        return hashlib.sha256(described.encode()).hexdigest()[:16]

    def __str__(self) -> str:
        if self.model == ONE_HOT:
            return "one-hot facts, no language model"
        extras = [self.precision] * (self.precision != "auto") + [f"adapter {self.adapter}"] * bool(self.adapter)
        return ", ".join([self.model, f"layer {self.layer or 'last'}", *extras])


def _identity(place: str, otherwise: str) -> str:
    """A folder is known by its files, wherever it lies; an id by its name."""
    folder = Path(place)
    if not folder.is_dir():
        return otherwise
    files = sorted(p for p in folder.iterdir() if p.suffix in {".safetensors", ".bin", ".json", ".model"})
    if not files:
        raise InputError(f"{folder} holds no model files. Point to a folder saved with save_pretrained.")
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode())
        with path.open("rb") as handle:
            while block := handle.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


class Vocabulary:
    """A model's tokenizer, and how many tokens of a note the model can hold. Loads in a fraction of the model's time.

    Raises:
        InputError: it cannot be loaded.
    """

    def __init__(self, spec: EncoderSpec, models: Path | None = None):
        from transformers import AutoTokenizer

        config = _read_config(spec, models)
        with explained("language model", spec.model):
            self._tokenizer = AutoTokenizer.from_pretrained(_source(spec, models), revision=spec.revision)
        self.pad = self._tokenizer.pad_token_id or 0
        own = self._tokenizer("")["input_ids"][:1]  # what the model was trained to find first; some have nothing there
        named = [i for i in (self._tokenizer.bos_token_id, self._tokenizer.cls_token_id) if i is not None]
        self.start = (own or named or [self.pad])[0]
        positions = getattr(config, "max_position_embeddings", None) or self._tokenizer.model_max_length
        # A tokenizer's limit is the lower one where a family keeps positions for itself, as RoBERTa does.
        self.budget = min(spec.max_tokens, min(positions, self._tokenizer.model_max_length) - 1)

    def ids(self, note: str) -> list[int]:
        """All tokens of a note, without those that only mark its start and end."""
        return self._tokenizer(note, add_special_tokens=False)["input_ids"]


class TappedModel(nn.Module):
    """A language model that returns the states of its topmost block.

    Where blocks above were left out, that is a middle layer, and it is read where its block ends: the closing norm,
    which every family keeps under another name, belongs to the last layer alone.
    """

    def __init__(self, model: nn.Module, *, middle: bool):
        super().__init__()
        self.model, self.config, self._middle = model, model.config, middle
        self._passing = threading.local()
        if middle:
            blocks_of(model)[1][-1].register_forward_hook(self._keep)

    def _keep(self, _block: nn.Module, _inputs: tuple, output: torch.Tensor | tuple) -> None:
        self._passing.states = output[0] if isinstance(output, tuple) else output

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T) token ids and mask -> (B, T, D) states."""
        last = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        return self._passing.__dict__.pop("states") if self._middle else last


def load_model(spec: EncoderSpec, models: Path | None = None, device: str = "cpu") -> TappedModel:
    """Load the blocks up to the tapped one onto a device, at the precision asked for, the adapter merged in.

    Args:
        models: where the packaged model is kept once converted.
    Raises:
        InputError: a model or adapter that cannot be loaded, or a precision that this device does not have.
    """
    _check_device(spec.precision, device)
    from transformers import AutoModel

    config = _read_config(spec, models)
    depth = config.num_hidden_layers
    if spec.layer > depth:
        raise InputError(f"{spec.model} has {depth} layers; layer {spec.layer} was asked for. Choose 0 to {depth}.")
    config.num_hidden_layers, config.use_cache = spec.layer or depth, False
    bits = spec.precision in ("int8", "int4")
    dtype = _dtype(spec.precision, device, saved=config.dtype)
    options = _bitsandbytes(spec.precision, device, dtype) if bits and _is_cuda(device) else {}
    with explained("language model", spec.model):
        model = AutoModel.from_pretrained(
            _source(spec, models), config=config, revision=spec.revision, dtype=dtype, **options
        )
    if getattr(model, "pooler", None) is not None:
        model.pooler = None  # it stands above the last layer, and many checkpoints have none
    if spec.adapter:
        from llmseg.text.lora import adapt

        with explained("adapter", spec.adapter):
            adapt(model, spec.adapter, *blocks_of(model), depth=depth, merge=not options)
    if bits and not options:
        quantise(blocks_of(model)[1])
        model.float()
    tapped = TappedModel(model, middle=0 < spec.layer < depth)
    return tapped if options else tapped.to(device)


def blocks_of(model: nn.Module) -> tuple[str, nn.ModuleList]:
    """The stack of transformer blocks and its name in the model, whatever the family calls it."""
    for name, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == model.config.num_hidden_layers:
            return name, module
    raise InputError(
        f"A {model.config.model_type} model shares its layers; none can be tapped. Choose one like BERT or LLaMA."
    )


def write_random_twin(spec: EncoderSpec, folder: Path, seed: int, models: Path | None = None) -> Path:
    """Save a model of the same shape and vocabulary that has learned nothing: the baseline of any claim about reading.

    Raises:
        InputError: the model cannot be loaded, or the folder is already there or cannot be written.
    """
    from transformers import AutoModel, AutoTokenizer

    config = _read_config(spec, models)
    with explained("language model", spec.model):
        tokenizer = AutoTokenizer.from_pretrained(_source(spec, models), revision=spec.revision)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            twin = AutoModel.from_config(config, dtype=torch.float32)
    scratch = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.mkdtemp(dir=folder.parent, prefix=".twin-")
        twin.to(config.dtype or torch.float32).save_pretrained(scratch)
        tokenizer.save_pretrained(scratch)
        os.replace(scratch, folder)
    except OSError as error:
        raise InputError(
            f"The random twin cannot be kept in {folder} ({error.strerror}). Choose a new folder on a disk with room."
        ) from error
    finally:
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _source(spec: EncoderSpec, models: Path | None) -> str:
    return str(converted_package(models)) if spec.model == PACKAGED else spec.model


def _read_config(spec: EncoderSpec, models: Path | None):
    from transformers import AutoConfig
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()  # the layers above the tapped one are left out on purpose
    with explained("language model", spec.model):
        config = AutoConfig.from_pretrained(_source(spec, models), revision=spec.revision)
    if config.is_encoder_decoder:
        raise InputError(f"{spec.model} is an encoder-decoder. Choose a model like BERT or LLaMA.")
    if config.model_type == "clip":
        config, dtype = config.text_config, config.dtype
        config.dtype = config.dtype or dtype
    alone = config.get_text_config() is config
    if not alone or not hasattr(config, "vocab_size") or not hasattr(config, "num_hidden_layers"):
        raise InputError(
            f"{spec.model} ({config.model_type}) is no model of text alone. Choose one, or CLIP for its text tower."
        )
    return config


def _is_cuda(device: str) -> bool:
    return str(device).startswith("cuda")


def _check_device(precision: str, device: str) -> None:
    if _is_cuda(device) and not torch.cuda.is_available():
        raise InputError("No CUDA GPU was found to run the language model on. Choose the device cpu.")
    if precision == "int4" and not _is_cuda(device):
        raise InputError("int4 needs a CUDA GPU. Choose int8, which runs on a CPU too, or the device cuda.")
    if precision in ("int8", "int4") and _is_cuda(device) and find_spec("bitsandbytes") is None:
        raise InputError(f"{precision} on a GPU needs bitsandbytes. Install it with: pip install bitsandbytes")


def _dtype(precision: str, device: str, saved: torch.dtype | None) -> torch.dtype:
    if precision in DTYPES:
        return DTYPES[precision]
    if _is_cuda(device):
        # bitsandbytes multiplies 8 bits in float16, whatever it is given.
        narrow = (
            precision == "int8" or saved == torch.float16 or not torch.cuda.is_bf16_supported(including_emulation=False)
        )
        return torch.float16 if narrow else torch.bfloat16
    # Before weights shrink to int8 they need not grow to 32 bits first.
    return saved if precision == "int8" and saved in DTYPES.values() else torch.float32


def _bitsandbytes(precision: str, device: str, dtype: torch.dtype) -> dict:
    from transformers import BitsAndBytesConfig

    if precision == "int8":
        config = BitsAndBytesConfig(load_in_8bit=True)
    else:
        config = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype)
    return {"quantization_config": config, "device_map": {"": device}}


@contextmanager
def explained(what: str, name: str) -> Iterator[None]:
    """Turn whatever a hub, a file or a library raises into one line that says what, why and what to do."""
    from safetensors import SafetensorError

    try:
        yield
    except InputError:
        raise
    except (OSError, ValueError, RuntimeError, ImportError, SafetensorError) as error:
        reason, remedy = _diagnosis(error, name)
        raise InputError(f"The {what} {name} cannot be loaded ({reason}). {remedy}") from error


def _diagnosis(error: BaseException, name: str) -> tuple[str, str]:
    from transformers.utils import hub

    private = "a gated or private one needs an access token (HF_TOKEN)"
    causes, cause = [], error
    while cause is not None:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__

    def caused_by(*kinds: type) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if not Path(name).is_dir() and name != PACKAGED and not re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", name):
        return "neither a folder nor an id like owner/name", f"Correct it; {private}."
    if caused_by(hub.GatedRepoError):  # a kind of RepositoryNotFoundError, so asked first
        return (
            "it is gated",
            f"Accept its licence on https://huggingface.co/{name} and set HF_TOKEN to your access token.",
        )
    if caused_by(hub.RevisionNotFoundError):
        return "it has no such revision", f"See https://huggingface.co/{name} for its branches and tags."
    if caused_by(hub.RepositoryNotFoundError):
        return "Hugging Face knows no such id", f"Correct it; {private}."
    if caused_by(hub.LocalEntryNotFoundError, hub.OfflineModeIsEnabled):
        return "no network, and it is not in the local cache", f"Connect once, or give a folder; {private}."
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    if caused_by(ImportError):
        return reason, "Install what is missing with pip."
    return (
        reason,
        "Check the id, the network and, for a gated model, your access token (HF_TOKEN); or use the default.",
    )
