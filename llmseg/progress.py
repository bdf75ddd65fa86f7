"""How far a long command has come, on the terminal."""

from __future__ import annotations


class Bar:
    """A progress bar that learns its length with the first call."""

    def __init__(self, unit: str):
        self._unit, self._bar = unit, None

    def __enter__(self) -> Bar:
        return self

    def count(self, done: int, total: int) -> None:
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=total, unit=f" {self._unit}")
        self._bar.update(done - self._bar.n)

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            if exception[0] is None:
                self._bar.update(self._bar.total - self._bar.n)
            self._bar.close()
