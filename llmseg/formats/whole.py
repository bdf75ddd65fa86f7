"""Files written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from llmseg.case import InputError


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write a file beside its place and move it there, so that nobody ever meets half of it.

    Raises:
        InputError: a full disk or a folder that cannot be written; what was there before stays.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}). Free space or pick another folder.") from error
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
