"""Fifty readers of one study at once, over HTTP through the served app: how long saving takes, and whether all is kept.

    python benchmarks/study.py [--think SECONDS]

Each reader signs in and goes through every reading as a page does: the place, the scene, the CT and the contours, an
answer with a key of its own; where contours are to be edited, a drawing first. Between two answers he thinks for a
while, drawn from an exponential distribution; the server and all readers share this machine's cores. At the end each
answer in the study's store is set against what its reader sent.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import httpx  # noqa: E402
from postgresql import Cluster, programs  # noqa: E402
from standin_study import Server, write_study  # noqa: E402

READERS = 50
THINK_S = 3.0
CASES = tuple(f"case{number}" for number in range(3))
WORDS = {"ordinal": "1234", "preference": ("A", "tie", "B")}


@dataclass
class Reader:
    """One reader and what he sent."""

    server: Server
    name: str
    rng: random.Random
    think_s: float
    sent: dict[tuple[str, str], str] = field(default_factory=dict)
    saving_s: list[float] = field(default_factory=list)

    def read(self, ready: threading.Barrier) -> None:
        with httpx.Client(base_url=self.server.address, timeout=60) as client:
            place = self._said(client.post("/reading/sign-in", json={"code": self.server.codes[self.name]}))
            ready.wait()
            time.sleep(self.rng.uniform(0, self.think_s))
            while place["state"] != "done":
                place = self._one(client, place)

    def _one(self, client: httpx.Client, place: dict) -> dict:
        scene = self._said(client.get("/reading/scene"))
        for file in (scene["ct"], *scene["masks"].values()):
            client.get(f"/{file['url']}").raise_for_status()
        if place["state"] != "reading":
            return self._said(client.post("/reading/on", json={"reading": place["reading"]}))
        time.sleep(self.rng.expovariate(1 / self.think_s))
        if place["kind"] == "edit":
            self._timed(client, "/reading/edit", _drawing(place, self._key()))
        return self._timed(client, "/reading/answer", self._answer(place))

    def _answer(self, place: dict) -> dict[str, object]:
        answers = {question["key"]: self._word(question) for question in place["questions"]}
        self.sent.update({(place["reading"], key): value for key, value in answers.items()})
        return {"reading": place["reading"], "answers": answers, "key": self._key(), "active_seconds": 1.0}

    def _word(self, question: Mapping) -> str:
        if question["measure"] == "text":
            return f"{self.name} {self._key()}"  # nobody else's: a crossed answer would be found
        return self.rng.choice(WORDS.get(question["measure"], question["labels"]))

    def _key(self) -> str:
        return f"{self.rng.getrandbits(128):032x}"

    def _timed(self, client: httpx.Client, path: str, body: dict) -> dict:
        start = time.perf_counter()
        answer = client.post(path, json=body)
        self.saving_s.append(time.perf_counter() - start)
        assert self._said(answer)["saved"] == body["key"]
        return answer.json()

    def _said(self, answer: httpx.Response) -> dict:
        answer.raise_for_status()
        return answer.json()


def _drawing(place: dict, key: str) -> dict[str, object]:
    bits = np.packbits(np.ones(6 * 6 * 3, np.uint8), bitorder="little").tobytes()
    return {
        "reading": place["reading"],
        "key": key,
        "after": place["edited"],
        "table": [{"name": "PTV_High", "box": [[10, 16], [10, 16], [10, 13]]}],
        "bits": base64.b64encode(gzip.compress(bits)).decode(),
        "seconds": {"PTV_High": 1.0},
    }


def measure(url: str = "", think_s: float = THINK_S, readers: int = READERS) -> dict[str, float]:
    """Read a study of stand-ins with so many readers at once.

    Args:
        url: of the store; "" for SQLite in the study's folder.
    """
    names = [f"Reader {number}" for number in range(readers)]
    with tempfile.TemporaryDirectory() as folder:
        study = write_study(Path(folder), readers=names, cases=CASES, training=())
        server = Server(study, url).start()
        try:
            people = [Reader(server, name, random.Random(number), think_s) for number, name in enumerate(names)]
            ready = threading.Barrier(readers)
            with ThreadPoolExecutor(readers) as pool:
                for done in [pool.submit(person.read, ready) for person in people]:
                    done.result()
            wrong = _wrong(people, study, url)
        finally:
            server.stop()
    saving_ms = [1000 * seconds for person in people for seconds in person.saving_s]
    return {
        "p50_ms": float(np.percentile(saving_ms, 50)),
        "p95_ms": float(np.percentile(saving_ms, 95)),
        "saves": len(saving_ms),
        **wrong,
    }


def measure_everywhere(think_s: float = THINK_S) -> dict[str, dict[str, float]]:
    """With SQLite, and with a PostgreSQL of its own where Debian's package is installed."""
    found = {"SQLite": measure("", think_s)}
    if programs():
        cluster = Cluster(programs())
        try:
            found["PostgreSQL"] = measure(cluster.create(), think_s)
        finally:
            cluster.close()
    return {where: {**one, "wrong": one["lost"] + one["doubled"] + one["crossed"]} for where, one in found.items()}


def _wrong(people: list[Reader], study: Path, url: str) -> dict[str, int]:
    """Answers that are not in the store, are there twice, or are another's."""
    from llmseg.ui.study.desk import Desk

    desk = Desk.open(study, url or None)
    rows = desk.room.answers(desk.room.owner())
    desk.close()
    readings = {(name, r.number): r for name, own in desk.prepared.readings.items() for r in own}
    arms = {(name, r.id): r.arms for (name, _), r in readings.items()}
    found = [(row.reader, readings[row.reader, row.reading].id, row.question) for row in rows]
    values = dict(zip(found, rows, strict=True))
    sent = {(person.name, *key): value for person in people for key, value in person.sent.items()}
    said = {key: _unblinded(value, arms[key[:2]]) for key, value in sent.items()}
    return {
        "lost": len(said.keys() - values.keys()),
        "doubled": sum(count - 1 for count in Counter(found).values()),
        "crossed": sum(row.value != said.get(key) for key, row in values.items()),
    }


def _unblinded(value: str, arms: tuple[str, ...]) -> str:
    return {"A": arms[0], "B": arms[-1]}.get(value, value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--think", type=float, default=THINK_S, help="mean seconds between two answers")
    print(json.dumps(measure_everywhere(parser.parse_args().think), indent=1))


if __name__ == "__main__":
    main()
