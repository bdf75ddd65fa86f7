"""What was freed serves again; where the C library cannot be told so, nothing happens."""

from __future__ import annotations

import subprocess
import sys

import pytest

from llmseg import memory

FAULTS = """
import resource, threading
from llmseg.memory import reuse_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    b"x" * (1 << 26)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def in_a_thread():
    found = []
    thread = threading.Thread(target=lambda: found.extend(faults() for _ in range(3)))
    thread.start()
    thread.join()
    return found[-1]

print(faults(), int(reuse_freed_memory()), in_a_thread())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the C library is another")
def test_memory_that_was_freed_serves_again_in_whatever_thread():
    ran = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    before, taken, after = map(int, ran.stdout.split())
    assert taken
    assert before > 1000  # the kernel hands out 64 MB anew, page by page
    assert after < before / 100


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    assert not memory.reuse_freed_memory()
