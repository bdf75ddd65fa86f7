"""Which state of the source is running."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit() -> str | None:
    """The source's commit, with a + where files differ from it; None outside a checkout."""
    asked = ("git", "-C", str(Path(__file__).parent), "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*")
    try:
        found = subprocess.run(asked, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return found.stdout.strip() or None
