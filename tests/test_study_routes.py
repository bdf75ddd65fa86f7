"""The routes of a study's server, without a browser: who may ask what, and what comes of it."""

from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from standin import LEFT, SHAPE, ball, head
from standin_study import OPERATOR, READERS, write_study

from llmseg.study.exporting import read_answers
from llmseg.ui.study.desk import Desk
from llmseg.ui.study.routes import COOKIES, EDIT_BODY, SMALL_BODY, add_routes
from llmseg.ui.viewer import frame_of

ANSWERS = {"accept": "3", "who": "A person", "better": "A", "remark": "=1+1 <b>fine</b>"}
READING = {
    "place": "GET",
    "scene": "GET",
    "files/0/ct": "GET",
    "answer": "POST",
    "edit": "POST",
    "back": "POST",
    "on": "POST",
}
OPERATING = {"overview": "GET", "export": "GET", "pause": "POST", "revoke": "POST", "code": "POST"}
ROUTES = {f"/reading/{path}": method for path, method in READING.items()} | {
    f"/operating/{path}": method for path, method in OPERATING.items()
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("study"))


@pytest.fixture
def desk(folder, tmp_path):
    desk = Desk.open(folder, f"sqlite:///{tmp_path}/study.db")
    yield desk
    desk.close()


@pytest.fixture
def codes(desk):
    return desk.room.enroll()


@pytest.fixture
def visit(desk):
    """A browser without a cookie."""
    app = FastAPI()
    add_routes(app, desk)
    return lambda: TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def reader(visit, codes):
    client = visit()
    assert client.post("/reading/sign-in", json={"code": codes[READERS[0]]}).status_code == 200
    return client


@pytest.fixture
def operator(visit, codes):
    client = visit()
    assert client.post("/operating/sign-in", json={"code": codes[OPERATOR]}).status_code == 200
    return client


def answer_of(place: dict, **changes: object) -> dict:
    answers = {question["key"]: ANSWERS[question["key"]] for question in place["questions"]}
    body = {"reading": place["reading"], "answers": answers, "key": f"key-{place['number']:08d}", "active_seconds": 4.5}
    return body | changes


def read_to(client, kind: str) -> dict:
    """Answer until a reading of this kind is open."""
    place = client.get("/reading/place").json()
    while (place["state"], place["kind"]) != ("reading", kind):
        if place["state"] == "reading":
            place = client.post("/reading/answer", json=answer_of(place)).json()
        else:
            place = client.post("/reading/on", json={"reading": place["reading"]}).json()
    return place


def test_without_a_ticket_nothing_is_told(visit):
    client = visit()
    for cookies in ({}, dict.fromkeys(COOKIES.values(), "made-up")):
        client.cookies = cookies
        for path, method in ROUTES.items():
            asked = client.request(method, path, json={"reading": "0", "name": READERS[0], "yes": True})
            assert (asked.status_code, set(asked.json())) == (401, {"error"}), path


def test_a_reader_is_no_operator_whatever_cookie_he_shows(desk, reader):
    reader.cookies = {COOKIES["operator"]: reader.cookies[COOKIES["reader"]]}
    for path, method in OPERATING.items():
        asked = reader.request(method, f"/operating/{path}", json={"name": READERS[1], "yes": True})
        assert asked.status_code == 422, path
        assert "Only an operator" in asked.json()["error"]
    found = desk.room.overview(desk.room.owner())
    assert not found.is_paused
    assert "revoked" not in {one.state for one in found.readers}


def test_each_code_opens_its_own_door(visit, codes):
    client = visit()
    for path, name in (("/operating/sign-in", READERS[0]), ("/reading/sign-in", OPERATOR)):
        asked = client.post(path, json={"code": codes[name]})
        assert asked.status_code == 422
        assert "Sign in on the" in asked.json()["error"]
        assert not client.cookies


def test_the_ticket_is_out_of_reach_of_scripts_and_other_pages(visit, codes):
    given = visit().post("/reading/sign-in", json={"code": codes[READERS[0]]})
    flags = {flag.strip().lower() for flag in given.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=strict"} <= flags
    assert "secret" not in given.text


def test_signing_out_ends_the_ticket_itself(reader):
    secret = reader.cookies[COOKIES["reader"]]
    assert reader.post("/reading/sign-out", json={}).status_code == 200
    reader.cookies = {COOKIES["reader"]: secret}
    assert reader.get("/reading/place").status_code == 401


def test_a_reader_gets_his_own_readings_alone(visit, codes, reader):
    other = visit()
    place = other.post("/reading/sign-in", json={"code": codes[READERS[1]]}).json()
    for path in (f"files/{place['reading']}/ct", f"files/{place['reading']}/a"):
        assert other.get(f"/reading/{path}").status_code == 200
        assert reader.get(f"/reading/{path}").status_code == 409
    assert reader.post("/reading/answer", json=answer_of(place)).status_code == 409
    assert other.get("/reading/place").json() == place


def test_a_file_that_is_not_shown_is_not_sent(reader):
    place = reader.get("/reading/place").json()
    assert place["kind"] == "rate"
    for name in ("b", "reference", "started", "edited-x", "zebra", "..%2Fsecret", "ct.gz"):
        assert reader.get(f"/reading/files/{place['reading']}/{name}").status_code in (404, 409, 422), name


def test_what_is_sent_of_an_image_says_nothing_but_the_image(reader):
    place = reader.get("/reading/place").json()
    for name in ("ct", "a"):
        sent = reader.get(f"/reading/files/{place['reading']}/{name}")
        assert sent.content[:2] == b"\x1f\x8b"
        assert sent.content[3] == 0, "no name, no comment"
        assert sent.content[4:8] == bytes(4), "no time"
        assert not {"etag", "last-modified", "content-disposition"} & set(sent.headers)
    hu = np.frombuffer(gzip.decompress(reader.get(f"/reading/files/{place['reading']}/ct").content), "<i2")
    scene = reader.get("/reading/scene").json()["scene"]
    assert hu.size == np.prod(scene["shape"])


def test_an_answer_counts_once_however_often_it_is_sent(desk, reader):
    place = reader.get("/reading/place").json()
    body = answer_of(place)
    told = [reader.post("/reading/answer", json=body).json() for _ in range(3)]
    assert [one["saved"] for one in told] == [body["key"]] * 3
    assert told[0] == told[2]
    changed = reader.post("/reading/answer", json=body | {"answers": body["answers"] | {"accept": "1"}})
    assert changed.status_code == 422
    rows = desk.room.answers(desk.room.owner())
    assert {row.question: row.value for row in rows} == body["answers"]


def test_a_body_that_no_page_sends_is_refused(reader):
    before = reader.get("/reading/place").json()
    for content, kind, status in (
        (b"{}", "text/plain", 415),
        (b"not json", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"[]", "application/json", 400),
        (b'"' + b"x" * SMALL_BODY + b'"', "application/json", 413),
        (b"{}", "application/json", 422),
    ):
        asked = reader.post("/reading/answer", content=content, headers={"Content-Type": kind})
        assert asked.status_code == status, content[:20]
    assert reader.get("/reading/place").json() == before


def test_an_edit_has_room_for_a_drawing_and_no_more(reader):
    headers = {"Content-Type": "application/json"}
    for size, status in ((SMALL_BODY + 1, 409), (EDIT_BODY + 1, 413)):
        body = json.dumps({"reading": "x", "bits": "a" * size}).encode()
        assert reader.post("/reading/edit", content=body, headers=headers).status_code == status


def drawing(place: dict, mask: np.ndarray, **changes: object) -> dict:
    """A save as the page makes it."""
    frame = frame_of(head(), {"PTV_High": ball(LEFT)})
    shown = frame.show(mask)
    spans = [np.flatnonzero(shown.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    box = [[int(span[0]), int(span[-1]) + 1] for span in spans]
    bits = np.packbits(shown[tuple(slice(*span) for span in box)].T.ravel(), bitorder="little").tobytes()
    body = {
        "reading": place["reading"],
        "key": "drawing-1",
        "after": "",
        "table": [{"name": "PTV_High", "box": box}],
        "bits": base64.b64encode(gzip.compress(bits)).decode(),
        "seconds": {"PTV_High": 7.5},
    }
    return body | changes


def test_a_drawing_is_kept_to_the_voxel_also_while_the_study_is_paused(desk, reader):
    place = read_to(reader, "edit")
    mask = ball((40, 40, 20))
    assert mask.shape == SHAPE
    desk.room.pause(desk.room.owner(), True)
    assert reader.post("/reading/edit", json=drawing(place, mask)).json() == {"saved": "drawing-1"}
    assert reader.post("/reading/edit", json=drawing(place, mask)).json() == {"saved": "drawing-1"}
    desk.room.pause(desk.room.owner(), False)
    place = reader.get("/reading/place").json()
    assert (place["edited"], place["edit_seconds"]) == ("drawing-1", {"PTV_High": 7.5})
    ticket = reader.cookies[COOKIES["reader"]]
    np.testing.assert_array_equal(desk.room.edited(ticket, place["reading"])["PTV_High"], mask)
    masks = reader.get("/reading/scene").json()["masks"]
    assert set(masks) == {"started", "edited"}
    assert reader.get(f"/{masks['edited']['url']}").status_code == 200
    stale = reader.post("/reading/edit", json=drawing(place, mask, key="drawing-2"))
    assert stale.status_code == 409


def test_a_drawing_that_cannot_be_is_not_kept(reader):
    place = read_to(reader, "edit")
    empty = base64.b64encode(gzip.compress(b"")).decode()
    for changes in (
        {"table": [{"name": "SpinalCord", "box": None}], "bits": empty},
        {"table": [{"name": "PTV_High", "box": [[0, 9999], [0, 1], [0, 1]]}]},
        {"bits": "!"},
        {"seconds": {"PTV_High": -1}},
        {"key": "x"},
        {"after": 7},
    ):
        asked = reader.post("/reading/edit", json=drawing(place, ball(LEFT), **changes))
        assert asked.status_code in (409, 422), changes
    assert reader.get("/reading/place").json()["edited"] == ""


def test_an_operator_pauses_revokes_gives_codes_and_exports(visit, codes, reader, operator, tmp_path):
    place = reader.get("/reading/place").json()
    assert operator.post("/operating/pause", json={"yes": True}).json()["is_paused"]
    assert reader.post("/reading/answer", json=answer_of(place)).status_code == 422
    assert reader.get("/reading/place").json()["state"] == "paused"
    operator.post("/operating/pause", json={"yes": False})
    assert reader.post("/reading/answer", json=answer_of(place)).status_code == 200
    seen = operator.get("/operating/overview").json()["readers"]
    assert [(one["answered"], one["median_seconds"]) for one in seen] == [(1, 4.5), (0, None)]
    with zipfile.ZipFile(io.BytesIO(operator.get("/operating/export").content)) as archive:
        archive.extractall(tmp_path)
    assert {row.question: row.value for row in read_answers(tmp_path / "answers.csv")} == answer_of(place)["answers"]
    operator.post("/operating/revoke", json={"name": READERS[0]})
    assert reader.get("/reading/place").json()["state"] == "revoked"
    code = operator.post("/operating/code", json={"name": READERS[0]}).json()["code"]
    assert code != codes[READERS[0]]
    assert visit().post("/reading/sign-in", json={"code": codes[READERS[0]]}).status_code == 422
    assert visit().post("/reading/sign-in", json={"code": code}).json()["number"] == 1
