"""What every test stands on: no network, no waiting for a random order, browser tests that cannot hide."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
from pathlib import Path

import pytest
from hypothesis import settings

# Before anything imports them: workers share the cores, figures need no screen, nothing phones out.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.update(MPLBACKEND="Agg", HF_HUB_OFFLINE="1", GRADIO_ANALYTICS_ENABLED="False")

settings.register_profile("llmseg", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("llmseg")

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: tests in a browser wait much of their time."""
    return os.cpu_count() + 1


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    connect = socket.socket.connect

    def local_only(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            pytest.fail(f"This test reached for {address[0]}; tests have no network.")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the installed Chromium; without one the test is skipped."""
    found = os.environ.get("LLMSEG_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    return found


@pytest.fixture(scope="session")
def smollm2_cache(tmp_path_factory) -> Path:
    """A cache without notes but with the default language model's weights, converted once for all runs."""
    from llmseg.text.encoder import converted_package
    from llmseg.text.package import MODULE

    if importlib.util.find_spec(MODULE) is None:
        pytest.skip(f"the language model is not installed ({MODULE})")
    cache = tmp_path_factory.mktemp("smollm2")
    (cache / "models").symlink_to(converted_package().parent)
    return cache


@pytest.fixture(scope="session")
def postgresql():
    """A running PostgreSQL of this session's own; where none is installed the test is skipped."""
    from postgresql import Cluster, programs

    if (found := programs()) is None:
        reason = "no PostgreSQL is installed (Debian: apt-get install postgresql)"
        if os.environ.get("LLMSEG_REQUIRE_POSTGRES") == "1":
            pytest.fail(f"LLMSEG_REQUIRE_POSTGRES=1 allows no skip: {reason}")
        pytest.skip(reason)
    cluster = Cluster(found)
    yield cluster
    cluster.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path) -> str:
    """The address of an empty database for a study, of either kind."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql").create()
    return f"sqlite:///{tmp_path}/study.db"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped and item.get_closest_marker("browser") and os.environ.get("LLMSEG_REQUIRE_BROWSER") == "1":
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = "failed", f"LLMSEG_REQUIRE_BROWSER=1 allows no skip. {reason}"
    return report


@pytest.fixture
def bench(tmp_path):
    """The app without a page, on the small cases and a stand-in for the network."""
    from pressing import workbench
    from standin import StandIn

    return workbench(tmp_path, StandIn())
