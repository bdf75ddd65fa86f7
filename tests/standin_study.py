"""A small study on stand-in cases, prepared without a network: its two arms are masks from folders."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from standin import LEFT, RIGHT, ball, cord, head, write_dataset

from llmseg.formats.nifti import write_mask
from llmseg.study.preparing import prepare

ROOT = Path(__file__).parents[1]
ARMS = {"zebra": LEFT, "okapi": RIGHT}
"""Arm -> where its target lies; the names stand nowhere else, so that a page that tells them is found out."""
CASES = ("giraffe", "walrus")
READERS = ("Marjorie Quux", "Wilhelmina Xyzzy")
OPERATOR = "Olga Plugh"
PROTOCOL = """
key = "standin"
title = "A study of stand-ins"
introduction = "Look at each case and say what you think."
seed = 7
cases = [{cases}]
training = [{training}]
sessions = {sessions}
washout_days = {washout_days}
show_note = "{show_note}"
back = {back}

[arms.zebra]
contours = "masks"
masks = "zebra"

[arms.okapi]
contours = "masks"
masks = "okapi"

[questions.accept]
text = "Would you use these contours?"
scale = "acceptability-4"

[questions.who]
text = "Who drew them?"
scale = "turing"

[questions.better]
text = "Which would you rather start from?"
scale = "preference"

[questions.remark]
text = "Anything to add?"
scale = "text"
required = false

{tasks}

{people}
"""
TASKS = {
    "rate": ("rating", 'arms = ["zebra", "okapi"]', ("accept", "who", "remark"), ""),
    "compare": ("comparing", 'pairs = [["zebra", "okapi"]]', ("better", "remark"), ""),
    "edit": ("editing", 'arms = ["zebra"]', ("accept",), 'structures = ["PTV_High"]'),
}


def _task(kind: str) -> str:
    key, shown, questions, structures = TASKS[kind]
    asked = ", ".join(f'"{question}"' for question in questions)
    return f'[[tasks]]\nkey = "{key}"\nkind = "{kind}"\n{shown}\nquestions = [{asked}]\n{structures}\n'


def write_study(
    folder: Path,
    *,
    readers: Sequence[str] = READERS,
    cases: Sequence[str] = CASES,
    training: Sequence[str] = ("training",),
    tasks: Sequence[str] = ("rate", "compare", "edit"),
    **keys: object,
) -> Path:
    """A prepared study in a folder of its own; `keys` replace those of PROTOCOL."""
    ids = (*training, *cases)
    dataset = write_dataset(folder / "data", ids)
    for arm, centre in ARMS.items():
        for id in ids:
            write_mask(folder / arm / id / "PTV_High.nii.gz", ball(centre), head().affine)
            write_mask(folder / arm / id / "SpinalCord.nii.gz", cord(), head().affine)
    people = [(name, "reader") for name in readers] + [(OPERATOR, "operator")]
    filled = {"sessions": 1, "washout_days": 0, "show_note": "never", "back": 1} | keys
    text = PROTOCOL.format(
        cases=", ".join(f'"{id}"' for id in cases),
        training=", ".join(f'"{id}"' for id in training),
        tasks="\n".join(_task(kind) for kind in tasks),
        people="\n".join(f'[[people]]\nname = "{name}"\nrole = "{role}"\n' for name, role in people),
        **filled,
    )
    (folder / "study.toml").write_text(text)
    prepare(folder / "study.toml", [dataset], folder / "study")
    return folder / "study"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@dataclass
class Server:
    """`study serve` as a process of its own, which can be killed and started again at its address."""

    study: Path
    store: str = ""
    port: int = field(default_factory=free_port)
    codes: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Server:
        command = [sys.executable, "-m", "llmseg", "study", "serve", str(self.study), "--port", str(self.port)]
        command += ["--store", self.store] if self.store else []
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if found := re.match(r"  (\S.*?)\s+((?:[a-z]{5}-){3}[a-z]{5})$", line.rstrip("\n")):
                self.codes[found[1]] = found[2]
            if line.startswith("operators:"):
                break
        self._wait()
        return self

    def _wait(self) -> None:
        until = time.monotonic() + 120
        while True:
            assert self.process.poll() is None, "the server ended by itself"
            assert time.monotonic() < until, "the server does not answer"
            try:
                httpx.get(f"{self.address}/reading/place")
                return
            except httpx.TransportError:
                select.select([], [], [], 0.1)

    def kill(self) -> None:
        """At once, as when the power fails."""
        os.kill(self.process.pid, signal.SIGKILL)
        self._end()

    def stop(self) -> None:
        self.process.terminate()
        self._end()

    def _end(self) -> None:
        self.process.wait(timeout=30)
        self.process.stdout.close()
