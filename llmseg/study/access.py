"""Who may come in: personal codes, tickets that stand for them, and limits on trying."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import math
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from llmseg.case import InputError
from llmseg.study.protocol import Person
from llmseg.study.store import ATTEMPTS, EVENTS, TICKETS, Event, Store

CODE, SIGN_IN, SIGN_OUT, REVOKE = "code", "sign in", "sign out", "revoke"

CONSONANTS, VOWELS = "bdfghjklmnprstvz", "aiou"
WORDS = 4
"""Words of 16 bits in a code: 64 bits together."""
SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}
"""16 MB and about 40 ms a code: one guess, or one reader who signs in."""

WINDOW = timedelta(minutes=15)
BY_ADDRESS, IN_ALL = 10, 100
"""Wrong codes within the window, after which nobody is let in there, or anywhere."""
SIGNING_IN = 0x6C6C6D736569
"""PostgreSQL's advisory lock while attempts are counted."""

TICKET_LASTS = timedelta(hours=12)
_LATER = EVENTS.alias("later")
_LAST_CODE = sa.select(sa.func.max(_LATER.c.turn)).where(_LATER.c.record == EVENTS.c.record, _LATER.c.kind == CODE)
_HOLDER = (
    sa.select(EVENTS.c.record, EVENTS.c.turn > _LAST_CODE.scalar_subquery())
    .join(TICKETS, TICKETS.c.event == EVENTS.c.seq)
    .where(TICKETS.c.secret_sha256 == sa.bindparam("secret_sha256"), TICKETS.c.expires > sa.bindparam("now"))
)
"""Who holds a ticket, and whether it is newer than his code."""


class SignedOut(InputError):
    """The ticket opens nothing any more, or never did: sign in."""


class TooManyAttempts(InputError):
    """No code is looked at before `until`."""

    def __init__(self, message: str, until: datetime):
        super().__init__(message)
        self.until = until


@dataclass(frozen=True)
class Ticket:
    """What stands for a person who signed in.

    Args:
        secret: whoever has it is that person, until it expires.
        role: reader or operator, for the page to know what to show; the server looks it up for itself.
    """

    secret: str = field(repr=False)
    role: str


class Access:
    """The study's door."""

    def __init__(self, store: Store, people: Iterable[Person], salt: bytes, now: Callable[[], datetime]):
        self._store, self._salt, self._now = store, salt, now
        self._people = {person.name: person for person in people}
        # One code at a time: hashing costs memory, and no more attempts than this are under way when they are counted.
        self._door = Lock()

    def enroll(self, names: Iterable[str] | None = None) -> Mapping[str, str]:
        """Name -> new code; an earlier code and its tickets open nothing any more.

        Args:
            names: None for everyone who was never given a code.
        """
        if names is None:
            codes = {name: self._new_code(name, is_first=True) for name in self._people}
            return {name: code for name, code in codes.items() if code}
        return {name: self._new_code(name) for name in _known(names, self._people)}

    def _new_code(self, name: str, is_first: bool = False) -> str | None:
        code = new_code()
        event = Event(name, self._now(), "", CODE, {"scrypt": self._hash(code)})
        # Asked in the same breath: of two commands that enroll at once, only one shows codes.
        record = self._store.act(name, lambda record: None if is_first and _last(record, CODE) else event)
        return code if record[-1].content == event.content else None

    def sign_in(self, code: str, address: str) -> Ticket:
        """Let in whoever has this code.

        Args:
            code: as it was typed; case, spaces and hyphens do not matter.
            address: where the request came from.
        Raises:
            TooManyAttempts: too many wrong codes; the code was not looked at.
            InputError: a wrong code, or its person's access was ended.
        """
        with self._door:
            attempt = self._attempt(_network(address))
            name = self._whose(code)
            if name is None:
                raise InputError("This is nobody's code. Look at it again, letter by letter: it has 4 words of 5.")
            self._forgive(attempt)
        person, secret = self._people[name], secrets.token_urlsafe(32)
        record = self._store.act(name, lambda record: self._entering(person, record))
        row = {"secret_sha256": _sha256(secret), "event": record[-1].seq, "expires": self._now() + TICKET_LASTS}
        with self._store.writing() as connection:
            connection.execute(sa.delete(TICKETS).where(TICKETS.c.expires < self._now()))
            connection.execute(sa.insert(TICKETS).values(row))
        return Ticket(secret, person.role)

    def _entering(self, person: Person, record: tuple[Event, ...]) -> Event:
        if is_revoked(record):
            raise InputError("Your access to this study was ended. Ask the person who runs it.")
        return Event(person.name, self._now(), person.name, SIGN_IN)

    def holder(self, ticket: Ticket | str) -> Person:
        """Whose ticket this is.

        Raises:
            SignedOut: nobody's, expired, or older than the person's code.
        """
        values = {"secret_sha256": _sha256(_secret(ticket)), "now": self._now()}
        with self._store.reading() as connection:
            name, is_newest = connection.execute(_HOLDER, values).one_or_none() or (None, False)
        if name not in self._people:
            raise SignedOut("You are not signed in, or not any more. Sign in with your code; your work is kept.")
        if not is_newest:
            raise SignedOut("You were given a new code since. Sign in with it; your work is kept.")
        return self._people[name]

    def sign_out(self, ticket: Ticket | str) -> None:
        """End this ticket; others of the same person stay."""
        name = self.holder(ticket).name
        self._store.act(name, lambda _: Event(name, self._now(), name, SIGN_OUT))
        with self._store.writing() as connection:
            connection.execute(sa.delete(TICKETS).where(TICKETS.c.secret_sha256 == _sha256(_secret(ticket))))

    def wrong_codes(self) -> int:
        """How many there were within the window."""
        query = sa.select(sa.func.count()).select_from(ATTEMPTS).where(ATTEMPTS.c.at > self._now() - WINDOW)
        with self._store.reading() as connection:
            return connection.execute(query).scalar_one()

    # ---- codes ----

    def _whose(self, code: str) -> str | None:
        typed = self._hash(code)
        given = self._store.records(self._people, CODE)
        found = [name for name, codes in given.items() if hmac.compare_digest(codes[-1].content["scrypt"], typed)]
        return found[0] if found else None

    def _hash(self, code: str) -> str:
        letters = "".join(letter for letter in str(code)[:200].lower() if letter.isalnum())
        # One salt for the study: the codes are random and long, so that equal ones do not occur.
        return hashlib.scrypt(letters.encode(errors="replace"), salt=self._salt, **SCRYPT).hex()

    # ---- attempts: each is wrong until it is forgiven, so that none goes uncounted ----

    def _attempt(self, network: str) -> int:
        """Count an attempt before its code is looked at."""
        now = self._now()
        with self._counting() as connection:
            connection.execute(sa.delete(ATTEMPTS).where(ATTEMPTS.c.at <= now - WINDOW))
            # Made before the clock was set back: they count from now on, not from a time to come.
            connection.execute(sa.update(ATTEMPTS).where(ATTEMPTS.c.at > now).values(at=now))
            until = max(
                _full_until(connection, BY_ADDRESS, now, ATTEMPTS.c.address == network),
                _full_until(connection, IN_ALL, now),
            )
            if until <= now:
                row = {"address": network, "at": now}
                return connection.execute(sa.insert(ATTEMPTS).values(row)).inserted_primary_key[0]
        minutes = math.ceil((until - now).total_seconds() / 60)
        raise TooManyAttempts(
            f"Too many wrong codes. The next one is looked at in {minutes} min, at {until:%H:%M} UTC.", until
        )

    def _forgive(self, attempt: int) -> None:
        with self._store.writing() as connection:
            connection.execute(sa.delete(ATTEMPTS).where(ATTEMPTS.c.id == attempt))

    @contextmanager
    def _counting(self) -> Iterator[Connection]:
        with self._store.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(SIGNING_IN)))
            yield connection


def new_code() -> str:
    """A personal code of 64 random bits that can be read out over a telephone, for example "lusab-babad-gutih-tugad".

    Source: Wilkerson, A Proposal for Proquints, arXiv:0901.4016.
    """
    return "-".join(_word(secrets.randbits(16)) for _ in range(WORDS))


def _word(bits: int) -> str:
    """Consonants (4 bits) and vowels (2 bits) in turn."""
    return "".join(
        letters[bits >> shift & len(letters) - 1]
        for letters, shift in ((CONSONANTS, 12), (VOWELS, 10), (CONSONANTS, 6), (VOWELS, 4), (CONSONANTS, 0))
    )


def _known(names: Iterable[str], people: Mapping[str, Person]) -> tuple[str, ...]:
    names = tuple(names)
    for name in names:
        if name not in people:
            raise InputError(f"{name!r} is nobody in this study. Name one of: {', '.join(people)}.")
    return names


def is_revoked(record: tuple[Event, ...]) -> bool:
    """Whether the person's access was ended, and no new code given since."""
    revoked, code = _last(record, REVOKE), _last(record, CODE)
    return revoked is not None and (code is None or code.turn < revoked.turn)


def _last(record: tuple[Event, ...], kind: str) -> Event | None:
    return next((event for event in reversed(record) if event.kind == kind), None)


def _full_until(connection: Connection, limit: int, now: datetime, *which: sa.ColumnElement) -> datetime:
    """When there are fewer attempts than the limit again; now, where there are."""
    query = sa.select(ATTEMPTS.c.at).where(*which).order_by(ATTEMPTS.c.at.desc()).limit(limit)
    times = connection.execute(query).scalars().all()
    return times[-1] + WINDOW if len(times) == limit else now


def _network(address: str) -> str:
    """What one person commands: an IPv4 address, or a whole /64 of IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if parsed.version == 6 and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def _secret(ticket: Ticket | str) -> str:
    return ticket.secret if isinstance(ticket, Ticket) else str(ticket)


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
