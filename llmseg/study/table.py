"""One table of a TOML file, taken key by key: what is wrong, missing or left over is said with the table's name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from llmseg.case import InputError
from llmseg.datasets.folder import check_id

LARGEST = 1_000_000


class Table:
    """One table of the file: each key is taken once, and `close` refuses what nobody took."""

    def __init__(self, values: object, where: str):
        self._where = where
        if not isinstance(values, Mapping):
            raise self.refusal("is no table. Write it as docs/studies.md shows.")
        self._left, self._known = dict(values), []

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def offers(self, key: str) -> bool:
        """Whether a key that may be left out is there."""
        self._known.append(key)
        return key in self

    def refusal(self, text: str) -> InputError:
        return InputError(f"{self._where}: {text}")

    def close(self) -> None:
        for key in self._left:
            raise self.refusal(f"unknown key {key!r}. Known keys: {', '.join(dict.fromkeys(self._known))}.")

    def _take(self, key: str, default: object) -> object:
        self._known.append(key)
        if key not in self._left and default is None:
            raise self.refusal(f"{key!r} is missing. Add it; docs/studies.md says what it means.")
        return self._left.pop(key, default)

    def _wrong(self, key: str, value: object, expected: str) -> InputError:
        return self.refusal(f"{key} = {value!r:.100} cannot be used; expected {expected}. Correct it.")

    def text(self, key: str, default: str | None = None) -> str:
        value = self._take(key, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise self._wrong(key, value, "text in quotation marks")
        return value.strip()

    def one_of(self, key: str, known: Sequence[str], default: str | None = None) -> str:
        value = self._take(key, default)
        if value not in known:
            raise self._wrong(key, value, f"one of {', '.join(known)}")
        return value

    def yes_or_no(self, key: str, default: bool) -> bool:
        value = self._take(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, value, "true or false")
        return value

    def whole(self, key: str, default: int | None, *, least: int = 0, most: int | None = None) -> int:
        value = self._take(key, default)
        if type(value) is not int or value < least or (most is not None and value > most):
            raise self._wrong(key, value, f"a whole number {_range(least, most)}")
        return value

    def number(self, key: str, default: float, *, above: float | None = None, most: float = LARGEST) -> float:
        value = self._take(key, default)
        # Comparisons that NaN fails too.
        if type(value) not in (int, float) or not 0 <= value <= most or (above is not None and not value > above):
            raise self._wrong(key, value, f"a number {_range(0, most) if above is None else f'above {above:g}'}")
        return float(value)

    def texts(self, key: str, default: Sequence[str] | None = None) -> tuple[str, ...]:
        values = self._take(key, default)
        if not isinstance(values, list | tuple) or not all(isinstance(v, str) and v.strip() for v in values):
            raise self._wrong(key, values, "a list of texts")
        if default is None and not values:
            raise self._wrong(key, values, "one or more")
        stripped = tuple(value.strip() for value in values)
        for value, count in Counter(stripped).items():
            if count > 1:
                raise self.refusal(f"{key} has {value!r} {count} times. Leave one there.")
        return stripped

    def id(self, key: str) -> str:
        return self._checked(self.text(key))

    def ids(self, key: str, default: Sequence[str] | None = None) -> tuple[str, ...]:
        return tuple(self._checked(text) for text in self.texts(key, default))

    def _checked(self, id: str) -> str:
        try:
            check_id(id)
        except InputError as error:
            raise self.refusal(str(error)) from error
        return id

    def pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        values = self._take(key, None)
        if not isinstance(values, list) or not values:
            raise self._wrong(key, values, 'pairs of arms, [["one", "other"]]')
        for pair in values:
            if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(arm, str) for arm in pair):
                raise self._wrong(key, pair, 'pairs of arms, [["one", "other"]]')
        return tuple((first, second) for first, second in values)

    def named(self, key: str, *, required: bool = True) -> Iterator[tuple[str, Table]]:
        """The tables [key.<name>], in the file's order."""
        inner = Table(self._take(key, None if required else {}), f"{self._where}: [{key}]")
        if required and not inner._left:
            raise inner.refusal("holds nothing. Add one; docs/studies.md has an example.")
        for name, values in inner._left.items():
            yield inner._checked(name), Table(values, f"{self._where}: [{key}.{name}]")

    def listed(self, key: str) -> Iterator[Table]:
        """The tables [[key]], in the file's order."""
        values = self._take(key, None)
        if not isinstance(values, list) or not values:
            raise self._wrong(key, values, f"one table [[{key}]] or more")
        for number, inner in enumerate(values, start=1):
            yield Table(inner, f"{self._where}: [[{key}]] number {number}")


def _range(least: float, most: float | None) -> str:
    return f"of {least:g} or more" if most in (None, LARGEST) else f"from {least:g} to {most:g}"
