"""TOML files, read whole."""

from __future__ import annotations

from pathlib import Path

from llmseg.case import InputError


def read_toml(path: Path) -> dict:
    """The tables of a file.

    Raises:
        InputError: it cannot be read, or is not TOML.
    """
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        import tomli as tomllib
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}). Check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid TOML ({error}). Correct that line.") from error
