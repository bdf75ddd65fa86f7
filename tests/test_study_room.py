"""The reading room, as readers and operators meet it."""

from __future__ import annotations

import html
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading_room import NAMES, QUESTIONS, SHAPE, STUDY, TASKS, open_room, prepared

from llmseg import __version__
from llmseg.case import InputError
from llmseg.study import access
from llmseg.study.access import BY_ADDRESS, CONSONANTS, IN_ALL, VOWELS, WINDOW, SignedOut, TooManyAttempts, new_code
from llmseg.study.masks import pack_masks, unpack_masks
from llmseg.study.room import NotCurrent, ReadingRoom, Submitted
from llmseg.study.store import CLOCK, Store

COSTS = access.SCRYPT


@pytest.fixture(autouse=True)
def _quick_codes(monkeypatch):
    """Codes that cost nothing to hash; how costly they are has a test of its own."""
    monkeypatch.setattr(access, "SCRYPT", COSTS | {"n": 16})


@pytest.fixture
def store(database):
    store = Store.open(database)
    yield store
    store.close()


@pytest.fixture
def here(tmp_path):
    """A store of the embedded kind, for what rests on no database."""
    store = Store.open(f"sqlite:///{tmp_path}/study.db")
    yield store
    store.close()


@pytest.fixture
def opened(here):
    return open_room(here)


def place_of(opened, name="Ada"):
    return opened.room.present(opened.tickets[name])


def reach(opened, kind, name="Ada"):
    """Answer up to the first reading of a kind."""
    while (place := place_of(opened, name)).kind != kind:
        opened.answer(name)
    return place


def values(opened, name="Ada"):
    """(reading, question) -> value, of what counts."""
    rows = opened.room.answers(opened.tickets["Olga"])
    return {(row.reading, row.question): row.value for row in rows if row.reader == name}


def kinds(opened, name="Ada"):
    return [event.kind for event in opened.room.audit(opened.tickets["Olga"]) if event.record == name]


# ---- the way through ----


def test_a_reader_goes_from_the_first_reading_to_the_last(store):
    opened = open_room(store)
    places = [place_of(opened)]
    while places[-1].state == "reading":
        places.append(opened.answer("Ada"))
    readings = opened.prepared.readings["Ada"]
    assert [place.reading for place in places] == [*(reading.id for reading in readings), ""]
    assert [(place.number, place.of) for place in places] == [*((n, 8) for n in range(1, 9)), (8, 8)]
    assert [place.kind for place in places[:4]] == ["rate", "rate", "compare", "edit"]
    assert places[-1].state == "done"


def test_readers_do_not_move_each_other(store):
    opened = open_room(store)
    opened.answer("Ada")
    assert (place_of(opened, "Ada").number, place_of(opened, "Ben").number) == (2, 1)
    assert place_of(opened, "Ada").reading not in {reading.id for reading in opened.prepared.readings["Ben"]}


def test_another_machine_and_another_server_go_on_at_the_same_point(store, database):
    opened = open_room(store)
    opened.answer("Ada")
    elsewhere = Store.open(database)
    room = ReadingRoom(opened.prepared, elsewhere, opened.clock)
    ticket = room.sign_in(opened.codes["Ada"].upper().replace("-", " "), "10.9.9.9")
    assert room.present(ticket) == place_of(opened)
    moved = room.answer(ticket, opened.submitted(room.present(ticket)))
    assert place_of(opened) == moved
    elsewhere.close()


def test_the_questions_come_in_the_tasks_order_with_their_labels(opened):
    place = place_of(opened)
    assert place.questions == (QUESTIONS["accept"], QUESTIONS["why"])
    assert place.structures == NAMES
    assert reach(opened, "edit").structures == ("Parotid_L", "SpinalCord")


def test_contours_come_as_a_comparison_shows_them(opened):
    place = reach(opened, "compare")
    shown = opened.room.shown(opened.tickets["Ada"], place.reading)
    expected = [opened.prepared.contours("one", arm) for arm in ("text", "plain")]
    assert [list(each) for each in shown] == [list(NAMES)] * 2
    for mine, theirs in zip(shown, expected, strict=True):
        assert all(np.array_equal(mine[name], theirs[name]) for name in NAMES)


def test_only_the_open_reading_and_the_one_before_can_be_seen(opened):
    ticket, readings = opened.tickets["Ada"], opened.prepared.readings["Ada"]
    for _ in range(3):
        opened.answer("Ada")
    for reading in readings[2:4]:
        assert opened.room.volume(ticket, reading.id).shape == SHAPE
        assert opened.room.shown(ticket, reading.id)
    for reading in (*readings[:2], *readings[4:], opened.prepared.readings["Ben"][0]):
        for see in (opened.room.volume, opened.room.shown, opened.room.edited, opened.room.reference):
            with pytest.raises(NotCurrent):
                see(ticket, reading.id)


@pytest.mark.parametrize(("shown", "states"), [("never", []), ("before", ["reading"]), ("after", ["note"])])
def test_the_note_is_shown_when_the_protocol_says(here, shown, states):
    opened = open_room(here, prepared(show_note=shown))
    found, place = [], place_of(opened)
    for _ in range(8):
        found += [place.state] if place.note else []
        place = opened.answer("Ada")
        if place.state == "note":
            found += [place.state] if place.note else []
            assert place.note == "Note of one." or place.number > 4
            place = opened.room.go_on(opened.tickets["Ada"], place.reading)
    assert found == states * 8
    assert place.state == "done"


# ---- what a reader receives ----


def test_nothing_that_a_reader_receives_says_arm_case_or_anyone_else(here):
    secrets = "zebra", "quail", "jackal", "heron", "lynx", "Ben", "Olga", "dice", "hd95", "nii"
    rename = {"text": "zebra", "plain": "quail"}
    tasks = tuple(
        replace(
            task, arms=tuple(map(rename.get, task.arms)), pairs=tuple(tuple(map(rename.get, p)) for p in task.pairs)
        )
        for task in TASKS
    )
    cases = {"cases": ("jackal", "heron"), "training": ("lynx",), "references": ("lynx",)}
    opened = open_room(here, prepared(tasks=tasks, sessions=2, **cases))
    ticket, received = opened.tickets["Ada"], []
    while (place := opened.room.present(ticket)).state != "done":
        received += [place, repr(opened.room.shown(ticket, place.reading))]
        received += [opened.room.volume(ticket, place.reading).name]
        is_feedback = place.state == "training feedback"
        received += [opened.room.go_on(ticket, place.reading) if is_feedback else opened.answer("Ada")]
        for refused in (lambda: opened.room.volume(ticket, "another"), lambda: opened.room.back(ticket, "another")):
            with pytest.raises(NotCurrent) as error:
                refused()
            received += [str(error.value)]
    told = " ".join(map(str, received))
    assert len(received) > 5 * 12
    assert [secret for secret in secrets if secret in told] == []


def test_a_prepared_file_that_is_gone_does_not_tell_its_name(here):
    class Broken(type(prepared())):
        def contours(self, case, arm):
            raise InputError(f"contours/{case}/{arm}/Brainstem.nii.gz is gone.")

    whole = prepared()
    opened = open_room(here, Broken(whole.study, whole.readings))
    with pytest.raises(InputError, match="cannot be read on the server") as refused:
        opened.room.shown(opened.tickets["Ada"], place_of(opened).reading)
    assert refused.value.__cause__ is None
    assert "text" not in str(refused.value)


# ---- answers ----


def test_what_comes_out_is_what_was_answered_with_the_blinding_undone(store):
    opened = open_room(store, prepared(references=("one",)))
    for value in ("A", "tie", "B"):
        place = reach(opened, "compare")
        opened.room.answer(opened.tickets["Ada"], opened.submitted(place, value, active_seconds=12.5))
        if value != "B":
            opened.room.back(opened.tickets["Ada"])
    row = opened.room.answers(opened.tickets["Olga"])[-1]
    reading = opened.prepared.readings["Ada"][2]
    assert (row.reader, row.reading, row.task, row.kind, row.case) == ("Ada", 3, "compare", "compare", "one")
    assert (row.arm, row.other, row.question, row.measure, row.value) == (
        "text",
        "plain",
        "better",
        "preference",
        "plain",
    )
    assert (row.dice, row.hd95_mm, row.surface_dice_3mm) == (0.9, 3.0, 0.8)
    assert row.active_seconds == 3 * 12.5
    assert row.contour_sha256 == "|".join(opened.prepared.contour_sha256("one", arm) for arm in reading.arms)
    assert (row.app_version, row.study, row.training, row.repeats) == (__version__, "small", False, None)
    assert row.answered_at == opened.room.audit(opened.tickets["Olga"])[-1].at.isoformat(timespec="milliseconds")


def test_each_preference_becomes_the_arm_that_stood_there(here):
    swapped = prepared(tasks=(replace(TASKS[1], pairs=(("plain", "text"),)),))
    opened = open_room(here, swapped)
    for value in ("A", "B"):
        opened.answer("Ada", value)
    opened.answer("Ben", "tie")
    assert list(values(opened).values()) == ["plain", "text"]
    assert list(values(opened, "Ben").values()) == ["tie"]


@given(text=st.text(min_size=1, max_size=200).filter(str.strip))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_words_come_out_to_the_last_character(opened, text):
    ticket = opened.tickets["Ada"]
    place = place_of(opened)
    opened.room.answer(ticket, opened.submitted(place, answers={"accept": "2", "why": text}))
    assert values(opened)[place.number, "why"] == text
    opened.room.back(ticket)


def test_html_and_formulas_are_kept_as_they_were_typed(store):
    opened = open_room(store)
    typed = '<script>alert(1)</script>\n=HYPERLINK("http://x";"y") & \'q\' \x00 ünï 😀 --'
    opened.answer("Ada", None, answers={"accept": "1", "why": typed})
    assert values(opened)[1, "why"] == typed
    assert html.unescape(html.escape(typed)) == typed


def test_a_question_that_needs_no_answer_may_be_left_empty(opened):
    opened.answer("Ada", None, answers={"accept": "1", "why": "  "})
    assert values(opened) == {(1, "accept"): "1"}


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({}, "“Would you use it\\?” is not answered"),
        ({"accept": " "}, "is not answered"),
        ({"accept": "0"}, "takes one of 1, 2, 3, 4"),
        ({"accept": "5"}, "takes one of 1, 2, 3, 4"),
        ({"accept": "3.0"}, "takes one of"),
        ({"accept": "٣"}, "takes one of"),
        ({"accept": "Use as is"}, "takes one of"),
        ({"accept": 3}, "3', which is no text"),
        ({"accept": None}, "no text"),
        ({"accept": "3", "better": "A"}, "no question 'better'"),
        ({"accept": "3", 7: "A"}, "no text"),
        ({"accept": "3", "why": "x" * 10_001}, "10001 characters. Shorten"),
        ("accept", "no text"),
        (None, "no text"),
    ],
)
def test_an_answer_out_of_range_is_refused_and_nothing_is_kept(opened, answers, said):
    before = place_of(opened)
    with pytest.raises(InputError, match=said):
        opened.answer("Ada", None, answers=answers)
    assert (place_of(opened), values(opened)) == (before, {})


@pytest.mark.parametrize("value", ["3", "a", "text", "plain", "TIE", "A is better"])
def test_a_preference_is_a_side_or_a_tie(opened, value):
    reach(opened, "compare")
    with pytest.raises(InputError, match="takes one of A, tie, B"):
        opened.answer("Ada", value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reading": "f" * 32}, "Another reading is open"),
        ({"reading": None}, "which reading"),
        ({"key": "short"}, "8 to 64 letters"),
        ({"key": "k" * 65}, "8 to 64 letters"),
        ({"key": "'; DROP TABLE events"}, "8 to 64 letters"),
        ({"key": 12345678}, "8 to 64 letters"),
        ({"active_seconds": -1.0}, "seconds"),
        ({"active_seconds": float("nan")}, "seconds"),
        ({"active_seconds": float("inf")}, "seconds"),
        ({"active_seconds": "10"}, "seconds"),
        ({"active_seconds": True}, "seconds"),
        ({"active_seconds": 10**400}, "seconds"),
        ({"client_time": "<b>"}, "ISO 8601"),
        ({"client_time": 7}, "ISO 8601"),
    ],
)
def test_what_no_page_would_send_is_refused(opened, change, said):
    before = place_of(opened)
    with pytest.raises(InputError, match=said):
        opened.answer("Ada", **change)
    assert (place_of(opened), values(opened)) == (before, {})


def test_what_another_reader_reads_cannot_be_answered(opened):
    with pytest.raises(NotCurrent):
        opened.answer("Ada", reading=opened.prepared.readings["Ben"][0].id)


# ---- sent again, and from two tabs ----


def test_an_answer_sent_again_is_one_answer(store):
    opened = open_room(store)
    submitted = opened.submitted(place_of(opened), "2", client_time="2026-03-02T09:00:00Z")
    places = [
        opened.room.answer(opened.tickets["Ada"], replace(submitted, client_time=time))
        for time in ("2026-03-02T09:00:00Z", "2026-03-02T09:00:07Z")
    ]
    assert places[0] == places[1]
    assert kinds(opened).count("answer") == 1


def test_an_answer_sent_again_much_later_still_moves_nobody(opened):
    first = opened.submitted(place_of(opened), "2")
    opened.room.answer(opened.tickets["Ada"], first)
    now = opened.answer("Ada", "3")
    assert opened.room.answer(opened.tickets["Ada"], first) == now
    assert values(opened)[1, "accept"] == "2"


@pytest.mark.parametrize("change", [{"answers": {"accept": "1"}}, {"active_seconds": 1.0}, {"reading": "next"}])
def test_an_answer_replayed_with_another_content_is_refused(opened, change):
    first = opened.submitted(place_of(opened), "4")
    place = opened.room.answer(opened.tickets["Ada"], first)
    change = {name: place.reading if value == "next" else value for name, value in change.items()}
    with pytest.raises(InputError, match="saved before with another content"):
        opened.room.answer(opened.tickets["Ada"], replace(first, **change))
    assert values(opened)[1, "accept"] == "4"
    assert place_of(opened) == place


def test_a_second_tab_sees_the_same_reading_and_is_told_of_the_answer(opened):
    tabs = [place_of(opened), place_of(opened)]
    assert tabs[0] == tabs[1]
    opened.room.answer(opened.tickets["Ada"], opened.submitted(tabs[0], "1"))
    with pytest.raises(NotCurrent, match="answered already, perhaps in another tab"):
        opened.room.answer(opened.tickets["Ada"], opened.submitted(tabs[1], "4"))
    assert values(opened)[1, "accept"] == "1"
    assert place_of(opened).number == 2


def test_of_two_tabs_that_answer_at_once_exactly_one_counts(store):
    opened = open_room(store)
    while (place := place_of(opened)).state == "reading":
        value = {"rate": "3", "edit": "3", "compare": "tie"}[place.kind]
        tabs = [opened.submitted(place, value) for _ in range(3)]

        def send(submitted: Submitted) -> bool:
            try:
                opened.room.answer(opened.tickets["Ada"], submitted)
            except NotCurrent:
                return False
            return True

        with ThreadPoolExecutor(3) as threads:
            assert sorted(threads.map(send, tabs)) == [False, False, True]
    answered = [event.reading for event in store.record("Ada") if event.kind == "answer"]
    assert answered == [reading.id for reading in opened.prepared.readings["Ada"]]


def test_a_tab_left_behind_cannot_answer_what_the_other_went_back_from(opened):
    opened.answer("Ada")
    left = place_of(opened)
    opened.room.back(opened.tickets["Ada"], left.reading)
    with pytest.raises(NotCurrent, match="Another reading is open"):
        opened.room.answer(opened.tickets["Ada"], opened.submitted(left))


# ---- going back ----


def test_an_answer_can_be_changed_and_the_last_one_counts(store):
    opened = open_room(store)
    opened.answer("Ada", "1", answers={"accept": "1", "why": "Poor."})
    ahead = place_of(opened)
    back = opened.room.back(opened.tickets["Ada"])
    assert (back.number, back.answers) == (1, {"accept": "1", "why": "Poor."})
    assert opened.answer("Ada", answers={"accept": "4"}) == ahead
    assert values(opened) == {(1, "accept"): "4"}
    assert kinds(opened).count("answer") == 2


def test_one_goes_back_no_further_than_the_protocol_lets(opened):
    for _ in range(3):
        opened.answer("Ada")
    ticket = opened.tickets["Ada"]
    numbers = []
    while (place := place_of(opened)).can_go_back:
        numbers.append(opened.room.back(ticket, place.reading).number)
    assert numbers == [3, 2]
    with pytest.raises(InputError, match="cannot go back any further"):
        opened.room.back(ticket)
    assert opened.room.go_on(ticket, place.reading).number == 4


def test_the_last_reading_can_be_changed_after_the_end(opened):
    while opened.answer("Ada").state == "reading":
        pass
    done = place_of(opened)
    assert done.can_go_back
    assert opened.room.back(opened.tickets["Ada"], "").number == 8
    assert opened.answer("Ada", "1").state == "done"
    assert values(opened)[8, "accept"] == "1"


def test_a_protocol_may_forbid_going_back(here):
    opened = open_room(here, prepared(back=0))
    opened.answer("Ada")
    assert not place_of(opened).can_go_back
    with pytest.raises(InputError, match="cannot go back"):
        opened.room.back(opened.tickets["Ada"])


def test_two_clicks_on_back_are_one_step(opened):
    for _ in range(2):
        opened.answer("Ada")
    here = place_of(opened).reading
    opened.room.back(opened.tickets["Ada"], here)
    with pytest.raises(NotCurrent):
        opened.room.back(opened.tickets["Ada"], here)
    assert place_of(opened).number == 2


def test_one_does_not_go_back_to_where_the_note_was_seen(here):
    opened = open_room(here, prepared(show_note="after"))
    place = opened.answer("Ada")
    assert (place.state, place.number, place.can_go_back) == ("note", 1, False)
    place = opened.room.go_on(opened.tickets["Ada"], place.reading)
    assert (place.state, place.number, place.can_go_back) == ("reading", 2, False)


# ---- training ----


def test_training_shows_the_reference_once_it_is_answered(here):
    opened = open_room(here, prepared(training=("trial",), references=("trial",)))
    ticket, place = opened.tickets["Ada"], place_of(opened)
    assert place.training
    with pytest.raises(NotCurrent):
        opened.room.reference(ticket, place.reading)
    after = opened.answer("Ada")
    assert (after.state, after.reading, after.can_go_back) == ("training feedback", place.reading, False)
    reference = opened.room.reference(ticket, place.reading)
    assert np.array_equal(reference["Brainstem"], opened.prepared.reference("trial")["Brainstem"])
    assert place_of(opened) == after
    with pytest.raises(NotCurrent, match="answered already"):
        opened.room.answer(ticket, opened.submitted(after, "1"))
    onward = opened.room.go_on(ticket, place.reading)
    assert (onward.state, onward.number) == ("reading", 2)
    assert opened.room.go_on(ticket, place.reading) == onward


def test_training_without_a_reference_goes_on_at_once(here):
    opened = open_room(here, prepared(training=("trial",)))
    assert opened.answer("Ada").state == "reading"
    assert opened.room.answers(opened.tickets["Olga"])[0].training


# ---- sittings ----


def later(opened, days):
    """Come back after so many days; tickets have ended by then."""
    opened.clock.turn(days=days)
    opened.tickets["Ada"] = opened.room.sign_in(opened.codes["Ada"], "10.0.0.1")
    return place_of(opened)


@pytest.fixture
def sittings(here):
    return open_room(here, prepared(sessions=2, washout_days=3.0))


def to_washout(opened):
    while (place := opened.answer("Ada")).state == "reading":
        pass
    return place


def test_a_sitting_waits_for_its_washout(sittings):
    place = to_washout(sittings)
    assert (place.state, place.number, place.reading) == ("washout", 4, "")
    assert timedelta(days=2.99) < place.until - sittings.clock.time < timedelta(days=3)
    assert later(sittings, 2.9).state == "washout"
    place = later(sittings, 0.1)
    assert (place.state, place.number, place.session, place.can_go_back) == ("reading", 5, 2, False)


def test_nothing_of_the_next_sitting_can_be_seen_or_answered_in_the_washout(sittings):
    to_washout(sittings)
    following = sittings.prepared.readings["Ada"][4]
    with pytest.raises(NotCurrent):
        sittings.room.shown(sittings.tickets["Ada"], following.id)
    submitted = Submitted(following.id, {"accept": "3"}, sittings.key(), 1.0)
    with pytest.raises(NotCurrent):
        sittings.room.answer(sittings.tickets["Ada"], submitted)


def test_the_washout_counts_from_the_last_change_of_its_sitting(sittings):
    to_washout(sittings)
    assert later(sittings, 2).state == "washout"
    assert sittings.room.back(sittings.tickets["Ada"]).number == 4
    place = sittings.answer("Ada", "1")
    assert place.state == "washout"
    assert place.until - sittings.clock.time > timedelta(days=2.99)


@pytest.mark.parametrize("wrong_by", [1, 400])
def test_a_clock_set_back_shortens_no_washout_and_makes_none_endless(sittings, wrong_by):
    to_washout(sittings)
    sittings.clock.turn(days=-wrong_by)
    assert place_of(sittings).state == "washout"
    assert kinds(sittings)[-1] == CLOCK
    assert later(sittings, 2.9).state == "washout"
    assert later(sittings, 0.2).state == "reading"


def test_a_sitting_that_has_begun_is_not_closed_by_a_clock_set_back(sittings):
    to_washout(sittings)
    begun = later(sittings, 3)
    assert begun.number == 5
    assert later(sittings, -2.5) == begun
    assert sittings.answer("Ada").number == 6


def test_the_order_is_the_same_whatever_the_clock_does(opened):
    numbers = []
    for hours in (0, -5, 3, -100, 0, 48, -1, 0):
        opened.clock.turn(hours=hours)
        numbers.append(place_of(opened).number)
        opened.answer("Ada", {3: "A", 7: "B"}.get(numbers[-1], "2"))
    assert numbers == list(range(1, 9))
    assert sorted(number for number, question in values(opened) if question != "why") == list(range(1, 9))
    assert kinds(opened).count(CLOCK) == 3


# ---- edits ----


def drawn(*where: slice) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[where] = True
    return mask


def test_an_edit_is_there_again_on_every_machine(store, database):
    opened = open_room(store)
    ticket, place = opened.tickets["Ada"], reach(opened, "edit")
    assert opened.room.edited(ticket, place.reading) is None
    first = {"Parotid_L": drawn(slice(2, 9), slice(3, 6), slice(1, 3))}
    second = {"Parotid_L": drawn(slice(1, 4)), "SpinalCord": drawn(slice(0))}
    opened.room.save_edit(ticket, place.reading, "save-0001", first, {"Parotid_L": 4.0})
    opened.room.save_edit(
        ticket, place.reading, "save-0002", second, {"Parotid_L": 2.5, "SpinalCord": 1.0}, "save-0001"
    )
    elsewhere = Store.open(database)
    room = ReadingRoom(opened.prepared, elsewhere, opened.clock)
    other = room.sign_in(opened.codes["Ada"], "10.0.0.2")
    again = room.present(other)
    assert (again.edited, again.edit_seconds) == ("save-0002", {"Parotid_L": 6.5, "SpinalCord": 1.0})
    edited = room.edited(other, place.reading)
    assert list(edited) == ["Parotid_L", "SpinalCord"]
    assert all(np.array_equal(edited[name], second[name]) for name in second)
    elsewhere.close()


def test_an_edit_comes_out_with_its_time_and_path_length(opened):
    ticket, place = opened.tickets["Ada"], reach(opened, "edit")
    start = opened.room.shown(ticket, place.reading)[0]["Parotid_L"]
    wider = start.copy()
    wider[2:8, 2:6, 2] = True  # 2 columns of 4 voxels more, in one slice; voxels have edges of 2 mm there
    save = opened.room.save_edit
    save(ticket, place.reading, "save-0001", {"Parotid_L": drawn(slice(None))}, {"Parotid_L": 30.0})
    save(ticket, place.reading, "save-0002", {"Parotid_L": wider}, {"Parotid_L": 12.0}, "save-0001")
    opened.answer("Ada", "4")
    row = opened.room.answers(opened.tickets["Olga"])[-1]
    # Added outline: the far column (4), and the two ends of the near one (2).
    assert (row.kind, row.edit_seconds, row.apl_mm) == ("edit", 42.0, 6 * 2.0)


def test_what_was_acceptable_as_it_was_took_no_time(opened):
    reach(opened, "edit")
    opened.answer("Ada", "4")
    row = opened.room.answers(opened.tickets["Olga"])[-1]
    assert (row.edit_seconds, row.apl_mm) == (0, 0)


def test_drawing_after_the_answer_counts_once_it_is_answered_again(opened):
    ticket, place = opened.tickets["Ada"], reach(opened, "edit")
    opened.answer("Ada", "4")
    opened.room.back(ticket)
    opened.room.save_edit(ticket, place.reading, "save-0001", {}, {"Parotid_L": 5.0})
    assert opened.room.answers(opened.tickets["Olga"])[-1].edit_seconds == 0
    opened.answer("Ada", "3")
    assert opened.room.answers(opened.tickets["Olga"])[-1].edit_seconds == 5


def test_an_edit_is_an_answer_by_itself(here):
    opened = open_room(here, prepared(tasks=(replace(TASKS[2], questions=()),)))
    place = place_of(opened)
    opened.room.save_edit(opened.tickets["Ada"], place.reading, "save-0001", {}, {"SpinalCord": 7.0})
    opened.answer("Ada", answers={})
    (row,) = opened.room.answers(opened.tickets["Olga"])
    assert (row.question, row.value, row.edit_seconds) == ("", "", 7.0)


def test_a_save_sent_again_is_one_save(store):
    opened = open_room(store)
    ticket, place = opened.tickets["Ada"], reach(opened, "edit")
    for _ in range(2):
        opened.room.save_edit(ticket, place.reading, "save-0001", {"SpinalCord": drawn(slice(3))}, {"SpinalCord": 4.0})
    assert place_of(opened).edit_seconds == {"SpinalCord": 4.0}
    with pytest.raises(InputError, match="saved before with another content"):
        opened.room.save_edit(ticket, place.reading, "save-0001", {"SpinalCord": drawn(slice(4))}, {"SpinalCord": 4.0})


def test_a_save_from_another_tab_is_not_drawn_over(opened):
    ticket, place = opened.tickets["Ada"], reach(opened, "edit")
    opened.room.save_edit(ticket, place.reading, "save-0001", {"SpinalCord": drawn(slice(3))}, {})
    with pytest.raises(NotCurrent, match="edited in another tab"):
        opened.room.save_edit(ticket, place.reading, "save-0002", {"SpinalCord": drawn(slice(4))}, {})
    assert np.array_equal(opened.room.edited(ticket, place.reading)["SpinalCord"], drawn(slice(3)))


@pytest.mark.parametrize(
    ("masks", "seconds", "said"),
    [
        ({"Brainstem": drawn()}, {}, "'Brainstem', which is not edited here"),
        ({}, {"Larynx": 1.0}, "'Larynx', which is not edited here"),
        ({"SpinalCord": np.zeros((2, 2, 2), bool)}, {}, "not on the CT's grid"),
        ({"SpinalCord": np.zeros(SHAPE)}, {}, "not on the CT's grid"),
        ({}, {"SpinalCord": -1.0}, "seconds"),
        ({}, {"SpinalCord": float("nan")}, "seconds"),
        (None, {}, "no contour"),
    ],
)
def test_an_edit_that_no_page_would_send_is_refused(opened, masks, seconds, said):
    place = reach(opened, "edit")
    with pytest.raises(InputError, match=said):
        opened.room.save_edit(opened.tickets["Ada"], place.reading, "save-0001", masks, seconds)
    assert place_of(opened).edited == ""


def test_only_what_is_to_be_edited_can_be(opened):
    place = place_of(opened)
    with pytest.raises(InputError, match="Nothing is edited in this reading"):
        opened.room.save_edit(opened.tickets["Ada"], place.reading, "save-0001", {}, {})


@given(st.lists(st.tuples(*[st.integers(1, 5)] * 3), max_size=3), st.randoms(use_true_random=False))
def test_masks_survive_packing(shapes, random):
    masks = {
        f"S{number}": np.array([random.random() < 0.5 for _ in range(int(np.prod(shape)))], bool).reshape(shape)
        for number, shape in enumerate(shapes)
    }
    found = unpack_masks(pack_masks(masks))
    assert list(found) == list(masks)
    assert all(np.array_equal(found[name], masks[name]) for name in masks)
    assert pack_masks(masks) == pack_masks(found)


# ---- operating ----


def test_an_operator_sees_how_far_everyone_is(store):
    opened = open_room(store)
    for _ in range(3):
        opened.answer("Ada")
    overview = opened.room.overview(opened.tickets["Olga"])
    ada, ben = overview.readers
    assert (ada.name, ada.state, ada.answered, ada.of, ada.active_minutes) == ("Ada", "reading", 3, 8, 0.5)
    assert (ben.name, ben.answered) == ("Ben", 0)
    assert ada.last_seen > ben.last_seen
    assert (overview.is_paused, overview.wrong_codes) == (False, 0)


def test_a_pause_stops_everyone_and_keeps_what_is_being_drawn(store):
    opened = open_room(store)
    ticket, place = opened.tickets["Ada"], reach(opened, "edit")
    opened.room.pause(opened.tickets["Olga"], True)
    assert place_of(opened).state == "paused"
    assert place_of(opened).reading == ""
    opened.room.save_edit(ticket, place.reading, "save-0001", {"SpinalCord": drawn(slice(3))}, {})
    for act in (
        lambda: opened.room.answer(ticket, opened.submitted(place)),
        lambda: opened.room.back(ticket),
        lambda: opened.room.go_on(ticket, place.reading),
        lambda: opened.room.shown(ticket, place.reading),
    ):
        with pytest.raises(InputError, match="paused"):
            act()
    opened.room.pause(opened.tickets["Olga"], False)
    assert place_of(opened) == replace(place, edited="save-0001", can_go_back=True)


def test_pausing_twice_is_pausing_once(opened):
    for yes in (True, True, False):
        opened.room.pause(opened.tickets["Olga"], yes)
    assert place_of(opened).state == "reading"
    assert kinds(opened, "").count("pause") == 2


def test_access_ends_at_once_and_the_answers_stay(store):
    opened = open_room(store)
    opened.answer("Ada", "2")
    place = place_of(opened)
    opened.room.revoke(opened.tickets["Olga"], "Ada")
    assert place_of(opened).state == "revoked"
    for act in (
        lambda: opened.room.answer(opened.tickets["Ada"], opened.submitted(place)),
        lambda: opened.room.volume(opened.tickets["Ada"], place.reading),
        lambda: opened.room.sign_in(opened.codes["Ada"], "10.0.0.1"),
    ):
        with pytest.raises(InputError, match="access to this study was ended"):
            act()
    assert values(opened)[1, "accept"] == "2"
    revoked = [event for event in opened.room.audit(opened.tickets["Olga"]) if event.kind == "revoke"]
    assert [(event.record, event.who) for event in revoked] == [("Ada", "Olga")]


def test_a_new_code_gives_access_back_and_ends_the_old_code(opened):
    opened.room.revoke(opened.tickets["Olga"], "Ada")
    (code,) = opened.room.enroll(["Ada"]).values()
    with pytest.raises(SignedOut, match="new code since"):
        place_of(opened)
    with pytest.raises(InputError, match="nobody's code"):
        opened.room.sign_in(opened.codes["Ada"], "10.0.0.1")
    assert opened.room.present(opened.room.sign_in(code, "10.0.0.1")).state == "reading"


@pytest.mark.parametrize("name", ["Nobody", "", "Olga"])
def test_only_another_person_of_the_study_can_be_shut_out(opened, name):
    with pytest.raises(InputError, match="cannot be ended here"):
        opened.room.revoke(opened.tickets["Olga"], name)


def test_each_role_does_its_own_and_no_ticket_does_nothing(opened):
    room, place = opened.room, place_of(opened)
    reader = {
        "present": (),
        "answer": (opened.submitted(place),),
        "save_edit": (place.reading, "save-0001", {}, {}),
        "back": (),
        "go_on": (place.reading,),
        "volume": (place.reading,),
        "shown": (place.reading,),
        "edited": (place.reading,),
        "reference": (place.reading,),
    }
    operator = {"overview": (), "pause": (True,), "revoke": ("Ben",), "answers": (), "audit": ()}
    for name, arguments in reader.items():
        with pytest.raises(InputError, match="Only a reader"):
            getattr(room, name)(opened.tickets["Olga"], *arguments)
    for name, arguments in operator.items():
        with pytest.raises(InputError, match="Only an operator"):
            getattr(room, name)(opened.tickets["Ada"], *arguments)
    for name, arguments in (reader | operator | {"sign_out": (), "role": ()}).items():
        for ticket in ("", "x" * 43, "\ud800", opened.codes["Ada"]):
            with pytest.raises(SignedOut, match="not signed in"):
                getattr(room, name)(ticket, *arguments)
    assert (place_of(opened), values(opened)) == (place, {})


def test_an_operator_who_is_shut_out_operates_no_more(here):
    from llmseg.study.protocol import OPERATOR, Person

    opened = open_room(here, prepared(people=(*STUDY.people, Person("Otto", OPERATOR))))
    opened.room.revoke(opened.tickets["Olga"], "Otto")
    with pytest.raises(InputError, match="access to this study was ended"):
        opened.room.answers(opened.tickets["Otto"])


def test_whoever_has_the_folder_needs_no_code(opened):
    opened.answer("Ada", "2")
    owner = opened.room.owner()
    assert owner.role == "operator"
    assert opened.room.answers(owner)[0].value == "2"
    assert owner.secret not in repr(owner)


def test_the_audit_trail_says_who_did_what_when_and_of_which_contours(opened):
    opened.answer("Ada", "2", client_time="2026-03-02T10:00:00+01:00")
    trail = opened.room.audit(opened.tickets["Olga"])
    assert [event.seq for event in trail] == sorted(event.seq for event in trail)
    answer = trail[-1]
    assert (answer.who, answer.kind, answer.content["answers"]["accept"]) == ("Ada", "answer", "2")
    assert (answer.app_version, answer.client_time) == (__version__, "2026-03-02T10:00:00+01:00")
    assert answer.contour_sha256 == opened.prepared.contour_sha256("one", "text")
    assert answer.content_sha256
    assert "scrypt" not in str(trail)


def test_a_store_belongs_to_one_study(store):
    open_room(store)
    with pytest.raises(InputError, match="holds another study"):
        ReadingRoom(prepared(seed=2), store, lambda: None)


# ---- coming in ----


def test_a_code_is_long_and_can_be_read_out():
    code = new_code()
    words = code.split("-")
    assert [len(word) for word in words] == [5, 5, 5, 5]
    assert all(letter in (CONSONANTS, VOWELS)[place % 2] for word in words for place, letter in enumerate(word))
    assert (len(CONSONANTS) ** 3 * len(VOWELS) ** 2) ** 4 == 2**64
    assert len({new_code() for _ in range(100)}) == 100


def test_a_guess_costs_memory_and_time():
    assert COSTS["n"] * COSTS["r"] * 128 >= 16 * 2**20


def test_codes_are_shown_once_and_only_their_hashes_are_kept(store, database):
    opened = open_room(store)
    assert set(opened.codes) == {"Ada", "Ben", "Olga"}
    assert opened.room.enroll() == {}
    kept = json.dumps([event.content for record in store.records().values() for event in record]).lower()
    for code, ticket in zip(opened.codes.values(), opened.tickets.values(), strict=True):
        assert all(word not in kept for word in code.split("-"))
        assert ticket.secret.lower() not in kept


def test_nobody_but_people_of_the_study_gets_a_code(opened):
    with pytest.raises(InputError, match="'Mallory' is nobody in this study"):
        opened.room.enroll(["Ada", "Mallory"])
    assert opened.room.sign_in(opened.codes["Ada"], "10.0.0.1")


def test_a_ticket_ends_by_itself_and_with_signing_out(opened):
    first, second = (opened.room.sign_in(opened.codes["Ada"], "10.0.0.1") for _ in range(2))
    opened.room.sign_out(first)
    with pytest.raises(SignedOut):
        opened.room.present(first)
    assert opened.room.present(second).state == "reading"
    opened.clock.turn(hours=12)
    with pytest.raises(SignedOut, match="your work is kept"):
        opened.room.present(second)


def guess(opened, address: str, code: str = "lusab-babad-gutih-tugad"):
    try:
        return opened.room.sign_in(code, address)
    except TooManyAttempts as refused:
        return refused
    except InputError as wrong:
        return str(wrong)


def test_after_ten_wrong_codes_an_address_waits(store):
    opened = open_room(store)
    tried = [guess(opened, "10.6.6.6") for _ in range(100)]
    assert sum(isinstance(each, TooManyAttempts) for each in tried) == 100 - BY_ADDRESS
    assert tried[0] == "This is nobody's code. Look at it again, letter by letter: it has 4 words of 5."
    assert re.fullmatch(r"Too many wrong codes\. The next one is looked at in 14 min, at 09:15 UTC\.", str(tried[-1]))
    assert isinstance(guess(opened, "10.6.6.6", opened.codes["Ada"]), TooManyAttempts)
    assert opened.room.overview(opened.tickets["Olga"]).wrong_codes == BY_ADDRESS
    assert opened.room.sign_in(opened.codes["Ada"], "10.0.0.1")
    opened.clock.turn(seconds=(tried[-1].until - opened.clock.time).total_seconds())
    assert opened.room.sign_in(opened.codes["Ada"], "10.6.6.6")


def test_guessing_from_many_addresses_is_limited_too(opened):
    tried = [guess(opened, f"10.7.{number}.1") for number in range(IN_ALL + 1)]
    assert [isinstance(each, TooManyAttempts) for each in tried] == [False] * IN_ALL + [True]


def test_guesses_at_once_are_counted_one_by_one(store, database):
    opened = open_room(store)
    elsewhere = Store.open(database)
    rooms = [opened, replace(opened, room=ReadingRoom(opened.prepared, elsewhere, opened.clock))]
    with ThreadPoolExecutor(6) as threads:
        tried = list(threads.map(lambda number: guess(rooms[number % 2], "10.8.8.8"), range(16)))
    assert sum(isinstance(each, str) for each in tried) == BY_ADDRESS
    elsewhere.close()


def test_many_who_sign_in_from_one_hospital_do_not_lock_each_other_out(opened):
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: guess(opened, "10.1.1.1", opened.codes["Ada"]), range(15)))
    assert [ticket.role for ticket in found] == ["reader"] * 15


def test_an_address_of_ipv6_is_as_wide_as_one_line(opened):
    for number in range(BY_ADDRESS):
        guess(opened, f"2001:db8:1:2::{number:x}")
    assert isinstance(guess(opened, "2001:db8:1:2:ffff::1"), TooManyAttempts)
    assert isinstance(guess(opened, "2001:db8:1:3::1"), str)


def test_a_clock_set_back_locks_nobody_out_for_longer(opened):
    for _ in range(BY_ADDRESS):
        guess(opened, "10.6.6.6")
    opened.clock.turn(days=-30)
    assert isinstance(guess(opened, "10.6.6.6"), TooManyAttempts)
    opened.clock.turn(seconds=WINDOW.total_seconds())
    assert opened.room.sign_in(opened.codes["Ada"], "10.6.6.6")


@pytest.mark.parametrize("code", ["", " ", "x" * 10_000, "\ud800", "lusab", None])
def test_what_is_no_code_is_nobodys(opened, code):
    with pytest.raises(InputError, match="nobody's code"):
        opened.room.sign_in(code, "10.0.0.1")
