"""A reader study in a real browser: two readers at once, a server that is killed, and nothing that tells arms apart."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import urllib.parse
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from browsing import PATIENCE_MS
from playwright.sync_api import Error
from standin import LEFT
from standin_study import ARMS, CASES, OPERATOR, READERS, Server, write_study
from test_accessible import complaints
from test_editing_page import brush, stroke
from test_viewer import go_to_slice

from llmseg.study.exporting import read_answers
from llmseg.study.preparing import read_prepared

SHOWING = ("reading", "training feedback", "note")


@dataclass
class Visit:
    """A reader's browser of his own, and everything that it received."""

    browser: object
    server: Server
    name: str
    keeps: bool = False
    received: list[tuple[str, dict, bytes]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    clicked: dict[tuple[str, int], dict[str, str]] = field(default_factory=dict)

    def open(self) -> Visit:
        self.context = self.browser.new_context(viewport={"width": 1280, "height": 720})
        self.tab = self.context.new_page()
        self.tab.set_default_timeout(PATIENCE_MS)
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        if self.keeps:
            self.tab.route("**/*", self._hand_over)
        self.tab.goto(self.server.address)
        return self

    def _hand_over(self, route) -> None:
        """Keep what the server answers, whether or not the page reads it to its end."""
        try:
            answer = route.fetch()
        except Error:
            route.abort()  # the server is down
            return
        self.received.append((route.request.url, answer.headers, answer.body()))
        route.fulfill(response=answer)

    @property
    def viewer(self):
        return self.tab.locator(".viewer")

    def view(self, plane: str, panel: str):
        return self.tab.locator(f'.panel[data-panel="{panel}"] .view[data-plane="{plane}"]')

    def data(self, name: str) -> str:
        return self.viewer.get_attribute(f"data-{name}")

    def wait(self, selector: str) -> None:
        self.tab.wait_for_selector(selector)

    def wait_for(self, name: str, value: str) -> None:
        self.wait(f'.viewer[data-{name}="{value}"]')

    def at(self, *states: str) -> str:
        self.wait(", ".join(f'.study[data-state="{state}"]' for state in states))
        return self.tab.get_attribute(".study", "data-state")

    def sign_in(self) -> None:
        self.at("sign-in")
        self.tab.fill(".sign-in input", self.server.codes[self.name].upper().replace("-", " "))
        self.tab.keyboard.press("Enter")

    def begin(self) -> None:
        self.sign_in()
        self.at("introduction")
        self.tab.keyboard.press("Enter")
        self.shown()

    def shown(self) -> dict:
        """The place that the page shows, once its pictures are there."""
        self.tab.wait_for_function(
            """() => {
              const reader = document.querySelector(".study")?.reader;
              if (!reader?.place) return false;
              const isAt = reader.root.dataset.state === reader.place.state;
              return isAt && !reader.root.classList.contains("turning");
            }"""
        )
        return self.tab.evaluate("document.querySelector('.study').reader.place")

    def answer(self, place: dict, ordinal: str, side: str, remark: str = "") -> None:
        """Answer with keys, and note what was pressed."""
        said = {}
        for question in place["questions"]:
            key, measure = question["key"], question["measure"]
            if measure == "text" and remark:
                self.tab.fill(f".question[data-key={key}] textarea", remark)
                self.tab.focus(".stage")
                said[key] = remark
            elif measure == "ordinal":
                self.tab.keyboard.press(ordinal)
                said[key] = ordinal
            elif measure == "choice":
                self.tab.keyboard.press("1")
                said[key] = question["labels"][0]
            elif measure == "preference":
                self.tab.keyboard.press(side)
                said[key] = {"a": "A", "=": "tie", "b": "B"}[side]
        self.clicked[(self.name, place["number"])] = said

    def go_on(self, place: dict) -> dict:
        """Enter, and what comes then."""
        self.tab.keyboard.press("Enter")
        return self.moved(place)

    def moved(self, place: dict) -> dict:
        before = json.dumps([place["state"], place["reading"]])
        self.tab.wait_for_function(
            """(before) => {
              const { place } = document.querySelector(".study").reader;
              return JSON.stringify([place.state, place.reading]) !== before.replaceAll(", ", ",");
            }""",
            arg=before,
        )
        return self.shown()

    def close(self) -> None:
        self.context.close()
        assert self.complaints == []


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("study"), show_note="never")


@pytest.fixture(scope="module")
def server(study):
    server = Server(study).start()
    yield server
    server.stop()


@contextlib.contextmanager
def visiting(browser, server: Server, name: str, **options) -> Iterator[Visit]:
    visit = Visit(browser, server, name, **options).open()
    yield visit
    visit.close()


# ---- the whole study ----


def read_on(visit: Visit, place: dict, until: int) -> dict:
    """Answer until so many readings are behind him, each in its own way."""
    while place["state"] in SHOWING and place["number"] < until:
        place = read_one(visit, place)
    return place


def read_one(visit: Visit, place: dict) -> dict:
    if place["state"] != "reading":
        return visit.go_on(place)
    number = place["number"]
    remark = f"=2+{number} <i>{visit.name[0]}</i>" if number % 2 else ""
    visit.answer(place, str(1 + (number + len(visit.name)) % 4), "a=b"[number % 3], remark)
    return visit.go_on(place)


def test_two_readers_read_to_the_end_over_a_killed_server_and_the_export_is_what_they_pressed(
    browser, server, study, tmp_path
):
    with contextlib.ExitStack() as stack:
        visits = [stack.enter_context(visiting(browser, server, name, keeps=name == READERS[0])) for name in READERS]
        for visit in visits:
            visit.begin()
        places = [read_on(visit, visit.shown(), until=5) for visit in visits]
        # The power fails while one has drawn and the other has answered and not yet saved.
        visits[0].answer(places[0], "2", "a", "kept on the page")
        server.kill()
        visits[0].tab.keyboard.press("Enter")
        visits[0].wait(".asking .notice:has-text('Your answer is kept on this page')")
        assert visits[0].tab.inner_text(".saved") == "Not saved yet"
        server.start()
        places[0] = visits[0].moved(places[0])
        assert visits[0].tab.inner_text(".saved").startswith("Saved ")
        # The other goes on at the exact point, after a reload of the page.
        before = places[1]
        visits[1].tab.reload()
        places[1] = visits[1].shown()
        assert (places[1]["reading"], places[1]["number"]) == (before["reading"], before["number"])
        for visit, place in zip(visits, places, strict=True):
            assert read_on(visit, place, until=99)["state"] == "done"
            assert "All" in visit.tab.inner_text(".words")
        clicked = visits[0].clicked | visits[1].clicked
        look_through(visits[0], study)
    rows = read_answers(exported(browser, server, tmp_path))
    prepared = read_prepared(study)
    arms = {(r.reader, r.number): r.arms for rows in prepared.readings.values() for r in rows}
    assert {(row.reader, row.reading) for row in rows} == set(arms)
    found = {(row.reader, row.reading, row.question): row.value for row in rows}
    pressed = [(who, *answer) for who, said in clicked.items() for answer in said.items()]
    assert found == {(*who, question): unblinded(value, arms[who]) for who, question, value in pressed}
    assert all(row.active_seconds > 0 for row in rows)


def unblinded(value: str, arms: tuple[str, ...]) -> str:
    return {"A": arms[0], "B": arms[-1]}.get(value, value)


def exported(browser, server, folder):
    """What the operator's page gives, unpacked: the table."""
    with visiting(browser, server, OPERATOR) as visit:
        visit.tab.goto(f"{server.address}/operator")
        visit.sign_in()
        visit.at("open")
        visit.wait("tr[data-reader] td:has-text('finished')")
        with visit.tab.expect_download() as coming:
            visit.tab.click(".export")
        with zipfile.ZipFile(coming.value.path()) as archive:
            archive.extractall(folder)
    return folder / "answers.csv"


# ---- nothing that tells ----


def look_through(visit: Visit, study) -> None:
    """Everything that a reader's browser received names no arm, case, file, note, other person or secret."""
    secret = (study / "secret").read_bytes()
    names = [part for name in (*READERS, OPERATOR) for part in (name, *name.split())]
    forbidden = [*ARMS, *CASES, "rating", "comparing", ".nii", str(study), "Oropharynx", *names]
    forbidden += [secret.hex(), urllib.parse.quote(secret), *visit.server.codes.values()]
    dom = visit.tab.content() + json.dumps(visit.tab.evaluate("[{...localStorage}, {...sessionStorage}]"))
    config = visit.tab.evaluate("JSON.stringify(window.gradio_config)")
    texts = {"the page": dom, "its config": config}
    for url, headers, body in visit.received:
        body = unzipped(url, body)
        texts[url] = "\n".join([url, json.dumps(headers), body.decode("latin-1")])
    assert sum("/reading/files/" in url for url in texts) > 5
    assert any(url.endswith("/reading/scene") for url in texts)
    words = re.compile("|".join(rf"(?<![a-z]){re.escape(word.lower())}(?![a-z])" for word in forbidden))
    assert words.search("an okapi-like contour") is not None
    told = {where: found[0] for where, text in texts.items() if (found := words.search(text.lower()))}
    assert told == {}
    assert secret not in b"".join(body for _, _, body in visit.received)


def unzipped(url: str, body: bytes) -> bytes:
    """A file's content, after a look at what its wrapping says."""
    if "/reading/files/" not in url:
        return body
    assert body[3] == 0
    assert body[4:8] == bytes(4), "a file's header holds no name and no time"
    return body + gzip.decompress(body)


# ---- the page ----


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """Another study, read by one test after the other: a pair, then contours to edit, twice."""
    folder = tmp_path_factory.mktemp("quiet")
    names = ("Quinn", "Rosa", "Sven", "Tove")
    server = Server(write_study(folder, readers=names, training=(), tasks=("rate", "compare", "edit"), back=1)).start()
    yield server
    server.stop()


def test_a_rating_by_keys_pauses_with_the_tab_goes_back_and_is_accessible(browser, quiet):
    with visiting(browser, quiet, "Quinn") as visit:
        visit.at("sign-in")
        assert complaints(visit) == {}
        visit.begin()
        place = visit.shown()
        assert complaints(visit) == {}
        # Enter alone saves nothing: it says what is missing, and marks it.
        visit.tab.keyboard.press("Enter")
        visit.wait(".asking .notice:has-text('not answered yet')")
        visit.tab.keyboard.press("4")
        assert visit.tab.get_attribute(".question[data-key=accept] [data-value='4']", "aria-checked") == "true"
        visit.wait(".question.current[data-key=who]")
        visit.tab.keyboard.press("3")
        visit.tab.keyboard.press("?")
        visit.wait(".help[open]")
        assert complaints(visit) == {}
        visit.tab.keyboard.press("Escape")
        # Time stands still while the tab is hidden, and idle time counts for ten seconds at most.
        seconds = visit.tab.evaluate(CLOCK)
        assert seconds == {"before": 3, "hidden": 3, "after": 4, "idle": 14}
        visit.tab.reload()
        assert visit.shown()["reading"] == place["reading"]
        kept = visit.tab.get_attribute(".question[data-key=accept] [data-value='4']", "aria-checked")
        assert kept == "true", "what is not saved yet survives a reload"
        second = visit.go_on(place)
        assert second["can_go_back"]
        visit.tab.keyboard.press("Backspace")
        again = visit.moved(second)
        assert (again["reading"], again["answers"]) == (place["reading"], {"accept": "4", "who": "Cannot tell"})
        visit.tab.keyboard.press("1")
        visit.tab.focus(".question[data-key=accept] [data-value='4']")
        visit.tab.keyboard.press("ArrowUp")
        assert visit.tab.get_attribute(".question[data-key=accept] [data-value='3']", "aria-checked") == "true"
        visit.tab.focus(".stage")
        assert visit.go_on(again)["reading"] == second["reading"]


CLOCK = """() => {
  const { reader } = document.querySelector(".study");
  let now = 0;
  const at = (ms) => { now = ms; };
  reader.clock = new reader.clock.constructor(() => now);
  const found = {};
  const hide = (isHidden) => {
    Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  };
  const move = () => document.dispatchEvent(new Event("pointermove"));
  move();
  at(3000); move();
  found.before = reader.seconds();
  hide(true);
  at(63_000); hide(false);
  found.hidden = reader.seconds();
  at(64_000); move();
  found.after = reader.seconds();
  at(300_000); move();
  found.idle = reader.seconds();
  delete document.hidden;
  return found;
}"""


def test_a_lost_connection_keeps_the_answer_and_two_tabs_count_once(browser, quiet):
    with visiting(browser, quiet, "Rosa") as visit:
        visit.begin()
        place = visit.shown()
        other = visit.context.new_page()
        other.set_default_timeout(PATIENCE_MS)
        other.goto(quiet.address)
        other.wait_for_selector(".study[data-state=introduction]")
        other.keyboard.press("Enter")
        other.wait_for_selector(".viewer[data-ready]")
        sent = []
        visit.tab.route("**/reading/answer", lambda route: (sent.append(route.request.post_data), route.abort()))
        visit.answer(place, "2", "a", "said once")
        visit.tab.keyboard.press("Enter")
        visit.wait(".asking .notice:has-text('No connection to the server.')")
        assert not visit.tab.inner_text(".saved").startswith("Saved")
        visit.tab.unroute("**/reading/answer")
        with visit.tab.expect_request("**/reading/answer") as again:
            visit.tab.evaluate("window.dispatchEvent(new Event('online'))")
        assert again.value.post_data == sent[-1], "the very same is sent again"
        second = visit.moved(place)
        assert second["number"] == 2
        # The other tab still shows the first reading; what it answers is refused, and it goes on from where he is.
        for key in ("4", "1", "Enter"):
            other.keyboard.press(key)
        other.wait_for_selector(".asking .notice:has-text('answered already')")
        assert other.evaluate("document.querySelector('.study').reader.place.reading") == second["reading"]
        other.close()


def test_a_pair_lies_side_by_side_and_an_edit_ends_when_it_is_acceptable(browser, quiet):
    with visiting(browser, quiet, "Sven") as visit:
        visit.begin()
        place = read_on(visit, visit.shown(), until=5)
        assert place["kind"] == "compare"
        assert complaints(visit) == {}
        a, b = (visit.view("axial", panel).bounding_box() for panel in "ab")
        assert (a["y"], a["width"]) == (b["y"], b["width"])
        assert a["x"] < b["x"]
        go_to_slice(visit, 20)
        assert visit.data("contours-a") != visit.data("contours-b")
        reading = next(r for r in read_prepared(quiet.study).readings["Sven"] if r.id == place["reading"])
        assert lies_left(visit, "a") == (ARMS[reading.arms[0]] == LEFT)
        assert lies_left(visit, "b") == (ARMS[reading.arms[1]] == LEFT)
        place = read_on(visit, place, until=7)
        assert place["kind"] == "edit"
        assert visit.data("editing") == "brush"
        assert complaints(visit) == {}
        go_to_slice(visit, 20)
        brush(visit, 23.5)
        stroke(visit, (40, 40, 20))
        assert visit.data("unsaved") == "1"
        visit.tab.keyboard.press("3")
        drawn = visit.data("contours-edited")
        # A drawing is saved before the page is left, and is there again on another machine.
        visit.tab.evaluate("document.querySelector('.viewer').viewer.editor.save()")
        visit.wait(".viewer[data-unsaved='0']")
        with visiting(browser, quiet, "Sven") as elsewhere:
            elsewhere.sign_in()
            assert elsewhere.shown()["reading"] == place["reading"]
            go_to_slice(elsewhere, 20)
            assert elsewhere.data("contours-edited") == drawn
        assert visit.go_on(place)["number"] == place["number"] + 1
        assert visit.tab.inner_text(".saved").startswith("Saved ")


def lies_left(visit: Visit, panel: str) -> bool:
    mask = f"document.querySelector('.viewer').viewer.arms.get('{panel}').structures.get('PTV_High')"
    return visit.tab.evaluate(f"{mask}.low[0]") < 36


def test_an_operator_sees_who_is_where_pauses_and_lets_go_on(browser, quiet):
    with visiting(browser, quiet, "Tove") as reader, visiting(browser, quiet, OPERATOR) as visit:
        reader.begin()
        visit.tab.goto(f"{quiet.address}/operator")
        visit.sign_in()
        visit.at("open")
        assert complaints(visit) == {}
        assert visit.tab.locator("tr[data-reader]").count() == 4
        visit.tab.click(".pause")
        visit.wait(".running.paused")
        reader.tab.reload()
        reader.at("paused")
        assert complaints(reader) == {}
        visit.tab.click(".pause")
        visit.wait(".running:not(.paused)")
        reader.at("reading")
        visit.tab.click("[data-does=code][data-name=Tove]")
        visit.wait(".sure[open]")
        assert complaints(visit) == {}
        visit.tab.click(".yes")
        visit.wait(".given:has-text('The new code of Tove')")
        reader.tab.reload()
        reader.at("sign-in")
