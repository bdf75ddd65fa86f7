"""A protocol is read whole, or refused with one line that names the table, the key and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from studies import PROTOCOL, write_protocol

from llmseg.case import InputError
from llmseg.study.protocol import COMPARE, MINUTES, SCALES, Arm, Person, read_study

EXAMPLE = Path(__file__).parents[1] / "examples" / "study.toml"
DOCUMENTED = Path(__file__).parents[1] / "docs" / "studies.md"

TASK = 'questions = ["use", "words"]'
SCALE = '[scales.own]\nmeasure = "{}"\nlabels = {}\n[questions.use]\ntext = "?"\nscale = "own"'
USE = '[questions.use]\ntext = "Would you use it?"\nscale = "acceptability-4"'


def refusal(folder: Path, *changes: tuple[str, str]) -> str:
    with pytest.raises(InputError) as caught:
        read_study(write_protocol(folder, *changes))
    assert "\n" not in str(caught.value)
    assert str(folder / "study.toml") in str(caught.value)
    return str(caught.value)


def test_a_protocol_is_read_as_it_is_written(tmp_path):
    study = read_study(write_protocol(tmp_path))
    assert (study.key, study.seed, study.cases, study.training) == ("small", 7, ("one", "two"), ("three",))
    assert list(study.arms) == ["noted", "plain", "drawn"]
    assert [task.key for task in study.tasks] == ["rating", "comparing", "editing"]
    assert study.tasks[0].combinations == (("noted",), ("plain",), ("drawn",))
    assert study.tasks[1].combinations == (("noted", "plain"),)
    assert study.questions["use"].scale == SCALES["acceptability-4"]
    assert (study.questions["use"].required, study.questions["words"].required) == (True, False)
    assert study.readers == (Person("Ada"), Person("Ben"))
    assert study.people[2] == Person("Olga", "operator")


def test_what_is_left_out_has_its_default(tmp_path):
    study = read_study(write_protocol(tmp_path))
    assert (study.sessions, study.washout_days, study.show_note, study.back, study.introduction) == (
        *(1, 0.0, "never", 1, ""),
    )
    assert study.minutes == {task.key: MINUTES[task.kind] for task in study.tasks}
    assert [study.repeats_of(task) for task in study.tasks] == [0.5, 0.5, 0.0]


def test_paths_are_relative_to_the_protocol(tmp_path):
    study = read_study(write_protocol(tmp_path / "far", ('"reference"', '"masks"\nmasks = "by-hand"')))
    assert study.arms["drawn"] == Arm("drawn", "masks", masks=tmp_path / "far" / "by-hand")


def test_a_scale_of_ones_own_is_used(tmp_path):
    own = SCALE.format("ordinal", '["Bad", "Good"]')
    scale = read_study(write_protocol(tmp_path, (USE, own))).questions["use"].scale
    assert (scale.key, scale.measure, scale.labels) == ("own", "ordinal", ("Bad", "Good"))


def test_the_example_is_a_study_of_about_ten_minutes():
    study = read_study(EXAMPLE)
    assert {task.kind for task in study.tasks} == {"rate", "compare", "edit"}
    assert study.training
    assert [person.role for person in study.people] == ["reader", "reader", "operator"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('key = "small"', 'key = "small"\nseeds = 1', "unknown key 'seeds'. Known keys: "),
        ('key = "small"', 'key = "a/b"', "'a/b' cannot name a file"),
        ('key = "small"', "", "'key' is missing"),
        ("seed = 7", "seed = -1", "seed = -1 cannot be used; expected a whole number of 0 or more"),
        ("seed = 7", "seed = true", "seed = True cannot be used"),
        ('title = "A small study"', 'title = " "', "title = ' ' cannot be used"),
        ('["one", "two"]', "[]", "cases = [] cannot be used"),
        ('["one", "two"]', '["one", "two", "one"]', "cases has 'one' 2 times"),
        ('["one", "two"]', '["one", "../two"]', "'../two' cannot name a file"),
        ('["three"]', '["one"]', "case 'one' stands in cases and in training"),
        ("repeats = 0.5", "repeats = 1.5", "repeats = 1.5 cannot be used; expected a number from 0 to 1"),
        ("repeats = 0.5", "repeats = nan", "repeats = nan cannot be used"),
        ("seed = 7", "seed = 7\nsessions = 0", "sessions = 0 cannot be used; expected a whole number from 1 to 100"),
        ("seed = 7", "seed = 7\nwashout_days = 3", "washout_days = 3 lies between sittings, and sessions = 1"),
        ("seed = 7", "seed = 7\nsessions = 2\nwashout_days = inf", "washout_days = inf cannot be used"),
        ("seed = 7", f"seed = 7\nsessions = 2\nwashout_days = 1{'0' * 400}", "cannot be used"),
        ("seed = 7", 'seed = 7\nshow_note = "always"', "show_note = 'always' cannot be used; expected one of never,"),
        ("seed = 7", "seed = 7\nback = -1", "back = -1 cannot be used"),
    ],
)
def test_nonsense_in_the_study_itself_is_refused(tmp_path, old, new, said):
    assert said in refusal(tmp_path, (old, new))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('contours = "text"', 'contours = "texts"', "[arms.noted]: contours = 'texts' cannot be used; expected one of"),
        ('contours = "text"', 'contours = "no-text"', "arms 'noted' and 'plain' are the same contours"),
        ('contours = "text"', 'contours = "masks"', "[arms.noted]: 'masks' is missing"),
        ('contours = "text"', 'contours = "text"\nmasks = "m"', "'masks' means nothing with contours = 'text'"),
        ('"no-text"', '"no-text"\nnote = "n"', "[arms.plain]: 'note' means nothing with contours = 'no-text'"),
        ('"reference"', '"reference"\ncheckpoint = "c"', "'checkpoint' means nothing with contours = 'reference'"),
        ('contours = "text"', 'contours = "text"\nnote = "a"\nnotes = "b"', "has 'note' and 'notes'"),
        ('contours = "text"', 'contours = "text"\ncolour = "red"', "unknown key 'colour'. Known keys: contours, note,"),
        ("[arms.plain]", '[arms.idle]\ncontours = "text"\nnote = "n"\n[arms.plain]', "arm 'idle' stands in no task"),
        ("[arms.plain]", "[arms.tie]", "'tie' is what no preference is called"),
        ("[arms.plain]", '[arms."a|b"]', "'a|b' cannot name a file"),
        ("[arms.plain]", "[arms.other]", "[[tasks]] number 1: unknown arm 'plain'. Known: noted, other, drawn"),
    ],
)
def test_an_arm_that_makes_no_sense_is_refused(tmp_path, old, new, said):
    assert said in refusal(tmp_path, (old, new))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('["use", "words"]', '["use", "word"]', "[[tasks]] number 1: unknown question 'word'. Known: use, better"),
        ('["use", "words"]', '["use"]', "question 'words' stands in no task"),
        ('["use", "words"]', "[]", "questions = [] cannot be used"),
        ('["use", "words"]', '["better", "words"]', "question 'better' asks for a preference, and kind = 'rate'"),
        ('scale = "preference"', 'scale = "favourite"', "[questions.better]: scale = 'favourite' cannot be used"),
        ("required = false", 'required = "no"', "[questions.words]: required = 'no' cannot be used"),
        (USE, SCALE.format("ordinal", '["Good"]'), "[scales.own]: labels = ['Good'] leaves no choice"),
        (USE, SCALE.format("ordinal", '["Good", "Good"]'), "labels has 'Good' 2 times"),
        (USE, SCALE.format("preference", '["A", "B"]'), "labels has 2 texts; a preference has 3"),
        (USE, SCALE.format("slider", '["A", "B"]'), "measure = 'slider' cannot be used"),
        (USE, SCALE.replace("own", "turing").format("choice", '["A", "B"]'), "'turing' is a scale already"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(tmp_path, old, new, said):
    assert said in refusal(tmp_path, (old, new))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "rate"', 'kind = "score"', "kind = 'score' cannot be used; expected one of rate, compare, edit"),
        ('kind = "rate"', 'kind = "compare"', "a task of kind 'compare' has 'pairs' and no 'arms'"),
        ('key = "comparing"', 'key = "rating"', "task 'rating' is given 2 times"),
        ('["noted", "plain", "drawn"]', '["noted", "noted", "drawn"]', "arms has 'noted' 2 times"),
        ('[["noted", "plain"]]', '[["noted", "noted"]]', "compares an arm with itself"),
        ('[["noted", "plain"]]', '[["noted", "plain"], ["plain", "noted"]]', "stands there twice"),
        ('[["noted", "plain"]]', '[["noted"]]', "pairs = ['noted'] cannot be used; expected pairs of arms"),
        ('[["noted", "plain"]]', '[["noted", "plain"], ["noted", "drawn"]]', "the arms are unbalanced: 'noted' stands"),
        ('structures = ["PTV_High"]', 'structures = "PTV_High"', "structures = 'PTV_High' cannot be used"),
        ('kind = "edit"', 'kind = "edit"\nminutes = 0', "minutes = 0 cannot be used; expected a number above 0"),
        ('kind = "edit"', 'kind = "edit"\nminute = 1', "[[tasks]] number 3: unknown key 'minute'"),
    ],
)
def test_a_task_that_makes_no_sense_is_refused(tmp_path, old, new, said):
    assert said in refusal(tmp_path, (old, new))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "Ben"', 'name = "ada"', "name 'ada' is given 2 times"),
        ('name = "Ben"', 'name = "Ben\\nBenson"', "is no name"),
        ('name = "Ben"', f'name = "{"B" * 81}"', "is no name"),
        ('role = "operator"', 'role = "owner"', "[[people]] number 3: role = 'owner' cannot be used"),
        ('role = "operator"', 'role = "operator"\ncode = "1234"', "[[people]] number 3: unknown key 'code'"),
    ],
)
def test_people_who_cannot_be_told_apart_are_refused(tmp_path, old, new, said):
    assert said in refusal(tmp_path, (old, new))


def test_a_study_without_a_reader_is_refused(tmp_path):
    role = 'role = "operator"'
    said = refusal(tmp_path, ('name = "Ada"', f'name = "Ada"\n{role}'), ('name = "Ben"', f'name = "Ben"\n{role}'))
    assert "nobody of people has the role 'reader'" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("key = ", "is not valid TOML"),
        ('arms = "none"', "[arms]: is no table"),
        ("[arms]", "[arms]: holds nothing"),
        ('[arms.a]\ncontours = "text"\n[questions]\nuse = 1', "[questions.use]: is no table"),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path, text, said):
    (tmp_path / "study.toml").write_text(text)
    with pytest.raises(InputError) as caught:
        read_study(tmp_path / "study.toml")
    assert said in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_study(tmp_path / "study.toml")


LINES = PROTOCOL.splitlines()


@given(number=some.integers(0, len(LINES) - 1), value=some.sampled_from(["1", "'x'", "[]", "[[1]]", "{}", "-1.5", ""]))
def test_whatever_one_line_says_it_is_read_or_refused_in_one_line(tmp_path_factory, number, value):
    key, separator, _ = LINES[number].partition("=")
    changed = [*LINES[:number], f"{key}= {value}" if separator and value else "", *LINES[number + 1 :]]
    path = tmp_path_factory.getbasetemp() / "changed.toml"
    path.write_text("\n".join(changed))
    try:
        study = read_study(path)
    except InputError as error:
        said = str(error)
    else:
        said = study.title
        assert study.readers
        assert all(task.combinations for task in study.tasks)
        assert all(len(pair) == 2 for task in study.tasks if task.kind == COMPARE for pair in task.combinations)
    assert "\n" not in said


@pytest.mark.parametrize("table", ["study", "scales", "arms", "questions", "tasks", "people"])
def test_every_key_is_documented(tmp_path, table):
    """The keys that a table knows are those that it names when it meets an unknown one."""
    places = {
        "study": ('key = "small"', 'key = "small"\nodd = 1'),
        "scales": (USE, SCALE.format("ordinal", '["Bad", "Good"]\nodd = 1')),
        "arms": ('"reference"', '"reference"\nodd = 1'),
        "questions": ("required = false", "required = false\nodd = 1"),
        "tasks": ('kind = "edit"', 'kind = "edit"\nodd = 1'),
        "people": ('role = "operator"', 'role = "operator"\nodd = 1'),
    }
    known = refusal(tmp_path, places[table]).rpartition("Known keys: ")[2].rstrip(".").split(", ")
    text = DOCUMENTED.read_text(encoding="utf-8")
    assert [key for key in known if f"`{key}`" not in text and f"[{key}" not in text] == []
