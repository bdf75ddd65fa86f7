"""The page is written from stored JSON alone, says what the numbers say, and names what is missing."""

from __future__ import annotations

import gzip
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up import PATIENTS, every_result, made_up
from standin import write_dataset

from llmseg.case import InputError, Structures
from llmseg.experiments.pictures import ct_of, masks_of, picture, spread_by_rank
from llmseg.experiments.plans import EXPERIMENTS
from llmseg.experiments.report import write_report
from llmseg.experiments.stored import Row, mean_dice, path_of, read_result, read_results, write_result


def store(folder: Path, results) -> Path:
    for result in results:
        write_result(path_of(folder, result.experiment, result.arm), result)
    return folder


def arms_of(experiment: str, *names: str):
    return [EXPERIMENTS[experiment].arm(name) for name in names]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The report on every arm of every experiment."""
    folder = tmp_path_factory.mktemp("report")
    write_report(store(folder / "results", every_result()), folder / "out")
    return folder / "out"


# Stored results


@pytest.mark.parametrize("name", ["one.json", "one.json.gz"])
def test_a_result_is_read_as_it_was_written(tmp_path, name):
    [arm] = arms_of("notes", "network")
    written = made_up("notes", arm, {"text": 0.5, "no-text": 0.25})
    write_result(tmp_path / name, written)
    read = read_result(tmp_path / name)
    assert replace(read, rows=()) == replace(written, rows=())
    assert len(read.rows) == len(written.rows)
    assert all(
        theirs.values[metric] == pytest.approx(ours.values[metric], abs=1e-4)
        for theirs, ours in zip(read.rows, written.rows, strict=True)
        for metric in ours.values
    )


def test_what_was_empty_on_both_sides_stays_out_of_every_mean(tmp_path):
    [arm] = arms_of("notes", "network")
    rows = (
        Row("a", "Larynx", "text", {"dice": 0.5, "hd95_mm": 3.0}),
        Row("b", "Larynx", "text", {"dice": math.nan, "hd95_mm": math.nan}),
    )
    path = tmp_path / "one.json"
    write_result(path, made_up("notes", arm, {"text": 0.5}, rows=rows))
    assert read_result(path).scores("text") == {("a", "Larynx"): 0.5}
    summary = json.loads(path.read_text())["summary"]["text"]["Larynx"]
    assert (summary["n"], summary["both_empty"], summary["dice_mean"]) == (1, 1, 0.5)


def test_a_rare_structure_weighs_as_much_as_a_common_one():
    assert mean_dice({("a", "Larynx"): 1.0, ("a", "Brainstem"): 0.0, ("b", "Brainstem"): 0.0}) == 0.5


def test_the_same_result_is_packed_to_the_same_bytes(tmp_path):
    [arm] = arms_of("notes", "network")
    for name in ("one.json.gz", "two.json.gz"):
        write_result(tmp_path / name, made_up("notes", arm, {"text": 0.5}))
    assert (tmp_path / "one.json.gz").read_bytes() == (tmp_path / "two.json.gz").read_bytes()


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[]", b'{"format": 1}'])
def test_a_damaged_result_is_refused_by_name(tmp_path, content):
    path = tmp_path / "results" / "notes" / "network.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"network\.json"):
        read_results(tmp_path / "results")


def test_a_packed_result_that_was_cut_off_is_refused(tmp_path):
    [arm] = arms_of("notes", "network")
    path = tmp_path / "network.json.gz"
    write_result(path, made_up("notes", arm, {"text": 0.5}))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="damaged"):
        read_result(path)


# What is shipped


def test_the_shipped_page_comes_back_from_its_json(tmp_path, request):
    shipped = request.config.rootpath / "assets" / "results"
    shutil.copytree(shipped / "json", tmp_path / "json")
    write_report(None, tmp_path)
    for path in shipped.glob("*.md"):
        assert (tmp_path / path.name).read_text() == path.read_text(), path.name
    assert {path.name for path in tmp_path.glob("*.*")} == {path.name for path in shipped.glob("*.*")}


def test_the_readme_shows_the_shipped_main_table(request):
    root = request.config.rootpath
    assert (root / "assets" / "results" / "main.md").read_text().strip() in (root / "README.md").read_text()


# The page


def test_every_experiment_has_its_chapter_table_and_figure(page):
    text = (page / "README.md").read_text()
    assert "Not run yet" not in text
    tables = (
        "main metrics limits fit exact-facts resolution per-patient subgroups with-without-text data-efficiency "
        "baselines fusion encoder size notes robustness active-learning pruning"
    )
    figures = "per-patient data-efficiency baselines fusion encoder size notes robustness"
    for name in tables.split():
        assert (page / f"{name}.md").read_text().strip() in text
    for name in figures.split():
        assert (page / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert f"({name}.png)" in text


def test_the_page_comes_back_from_what_is_shipped_alone(page, tmp_path):
    shutil.copytree(page / "json", tmp_path / "json")
    write_report(None, tmp_path)
    for path in page.glob("*.*"):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_each_shipped_result_names_the_command_that_made_it(page):
    for path in page.glob("json/*/*.json.gz"):
        command = json.loads(gzip.decompress(path.read_bytes()))["command"]
        assert command.startswith(f"python -m llmseg experiments run {path.parent.name}")
        assert command in (page / "README.md").read_text()


def test_patients_are_listed_in_their_order_with_mean_and_sd(page):
    lines = (page / "per-patient.md").read_text().splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == [*PATIENTS, "**Mean**", "**SD**"]


def test_the_page_says_that_notes_were_read_off_the_contours(page):
    assert "read off the contours" in (page / "README.md").read_text()


def page_on(tmp_path, results) -> str:
    write_report(store(tmp_path / "results", results), tmp_path / "out")
    return (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize(
    ("text", "plain", "sentence"),
    [
        (0.7, 0.6, "With the note PTV_High is contoured better"),
        (0.5, 0.6, "With the note PTV_High is contoured worse"),
        (0.6, 0.6, "Whether the note helps PTV_High cannot be told"),
    ],
)
def test_the_page_says_whether_text_is_ahead(tmp_path, text, plain, sentence):
    [arm] = arms_of("flagship", "network")
    assert sentence in page_on(tmp_path, [made_up("flagship", arm, {"text": text, "no-text": plain})])


@pytest.mark.parametrize(
    ("dice", "sentence"), [(0.9, "Short of the aim: none."), (0.5, "Short of the aim: PTV_High (by 0.1")]
)
def test_the_page_says_which_aims_were_missed(tmp_path, dice, sentence):
    [arm] = arms_of("flagship", "network")
    assert sentence in page_on(tmp_path, [made_up("flagship", arm, {"text": dice, "no-text": 0.4})])


@pytest.mark.parametrize(("dice", "gap"), [(0.6796, "less than 0.001"), (0.6785, "0.002"), (0.5, "0.180")])
def test_an_aim_missed_by_a_hair_is_not_said_to_be_missed_by_nothing(tmp_path, dice, gap):
    [arm] = arms_of("flagship", "network")
    plain = made_up("flagship", arm, {"text": 0.9, "no-text": 0.4})
    rows = [replace(r, values={**r.values, "dice": dice}) if r.structure == "PTV_High" else r for r in plain.rows]
    assert f"Short of the aim: PTV_High (by {gap})." in page_on(tmp_path, [replace(plain, rows=tuple(rows))])


def test_the_page_says_what_is_scored_without_a_contour_that_the_voxels_do_not_hold(tmp_path):
    [network], [voxels] = arms_of("flagship", "network"), arms_of("resolution", "4-mm")
    plain, itself = (
        made_up("flagship", network, {"text": 0.8, "expanded": 0.9, "no-text": 0.8}),
        made_up("resolution", voxels, {"reference": 0.9}),
    )
    lost = ("pt_10", "PTV_High")

    def scored(result, dice):
        rows = (
            replace(r, values={**r.values, "dice": dice}) if (r.id, r.structure) == lost else r for r in result.rows
        )
        return replace(result, rows=tuple(rows))

    text = page_on(tmp_path, [scored(plain, 0.0), scored(itself, 0.1)])
    assert "scraps or outside the scan: PTV_High of pt_10 (0.10). What was reached counts them all" in text
    cells = next(line for line in text.splitlines() if line.startswith("| PTV_High | 8 | 0.68")).split(" | ")
    assert float(cells[3]) < 0.72 < 0.78 < float(cells[5].split()[0])
    assert cells[5].endswith("(1 fewer)")
    without = text.partition("Without them PTV_High has ")[2]
    assert 0.78 < float(without.split()[0]) < 0.82
    assert 0.88 < float(without.partition("with the note, ")[2].split()[0]) < 0.92
    assert "Lost contours" not in page_on(tmp_path / "all", [plain, itself])


def test_the_page_says_what_is_scored_without_a_patient_whose_contours_lie_beside_the_anatomy(tmp_path):
    [network], [voxels] = arms_of("flagship", "network"), arms_of("resolution", "4-mm")
    plain, itself = (
        made_up("flagship", network, {"text": 0.8, "no-text": 0.7}),
        made_up("resolution", voxels, {"reference": 0.9}),
    )

    def on_bone(share):
        beside = ("pt_10", "Brainstem")
        return tuple(
            replace(r, values={**r.values, "on_bone": share if (r.id, r.structure) == beside else 0.1})
            for r in itself.rows
        )

    text = page_on(tmp_path, [plain, replace(itself, rows=on_bone(0.76))])
    assert "contours and CT do not belong together: pt_10 (76%). What was reached counts them all" in text
    for name in ("PTV_High | 8 | 0.68", "SpinalCord | 8 | 0.72"):  # all of the patient's, not only what tells
        assert "(1 fewer)" in next(line for line in text.splitlines() if line.startswith(f"| {name}"))
    assert "Displaced" not in page_on(tmp_path / "all", [plain, replace(itself, rows=on_bone(0.3))])


@pytest.mark.parametrize(
    ("experiment", "names", "ahead", "not_ahead"),
    [
        ("baselines", ("one-hot-s0", "full-s0"), "a flawless reader could add", "reading is not what limits it"),
        ("size", ("twice-as-wide-s0", "as-shipped-s0"), "a larger one would do better", "size is not what limits it"),
    ],
)
def test_the_page_says_whether_reading_or_size_limits_what_is_reached(tmp_path, experiment, names, ahead, not_ahead):
    [network] = arms_of("flagship", "network")
    arms = [arm for name in names for arm in arms_of(experiment, name)]
    for gain, said in ((0.1, ahead), (-0.1, not_ahead)):
        results = [made_up("flagship", network, {"text": 0.6, "no-text": 0.5})]
        for arm, dice in zip(arms, (0.6 + gain, 0.6), strict=True):
            results.append(made_up(experiment, arm, {"text": dice, "no-text": 0.4}))
        text = page_on(tmp_path / said, results)
        assert said in text
        assert f"| {gain:+.3f} (" in next(
            line for line in text.splitlines() if line.startswith("| PTV_High | 8 | 0.68")
        )


def test_the_page_says_nothing_of_reading_where_a_network_follows_no_note(tmp_path):
    [network], [facts], [full] = (
        arms_of(*named) for named in (("flagship", "network"), ("baselines", "one-hot-s0"), ("baselines", "full-s0"))
    )
    results = [made_up("flagship", network, {"text": 0.6, "no-text": 0.5})]
    results += [made_up("baselines", facts, {"text": 0.5, "no-text": 0.5})]
    results += [made_up("baselines", full, {"text": 0.6, "no-text": 0.5})]
    text = page_on(tmp_path, results)
    assert "no note helps one-hot there, so it says little of reading" in text
    assert "reading is not what limits it" not in text


def test_the_page_says_which_experiments_were_made_on_which_version_of_the_dataset(tmp_path):
    [network], [full] = arms_of("flagship", "network"), arms_of("baselines", "full-s0")
    both = [
        made_up("flagship", network, {"text": 0.8, "no-text": 0.7}),
        made_up("baselines", full, {"text": 0.6, "no-text": 0.5}),
    ]
    assert "has changed" not in page_on(tmp_path / "one", both)
    both[1] = replace(both[1], data={**both[1].data, "sha256": "1234567890"})
    assert "changed between experiments: 12345678 in baselines; 0 in flagship." in page_on(tmp_path / "two", both)


def test_the_page_says_which_experiments_tested_other_weights_than_the_checkpoints(tmp_path):
    [network], [notes] = arms_of("flagship", "network"), arms_of("notes", "network")
    both = [
        made_up("flagship", network, {"text": 0.8, "no-text": 0.7}, identity={"checkpoint": "new"}),
        made_up("notes", notes, {"essential": 0.8, "empty": 0.7}, identity={"checkpoint": "new"}),
    ]
    assert "Other weights" not in page_on(tmp_path / "same", both)
    both[1] = replace(both[1], identity={"checkpoint": "old"})
    assert "Other weights than the checkpoint's were tested in notes." in page_on(tmp_path / "other", both)


def test_the_page_says_what_is_scored_without_a_contour_that_can_hardly_be_that_organ(tmp_path):
    [arm] = arms_of("flagship", "network")
    plain = made_up("flagship", arm, {"text": 0.8, "no-text": 0.8})
    volumes = {id: {"SpinalCord": 24.0 + i, "PTV_High": 10.0 * 3**i} for i, id in enumerate(PATIENTS)}
    volumes["pt_10"]["SpinalCord"] = 500.0
    rows = [replace(r, values={**r.values, "reference_ml": volumes[r.id].get(r.structure, 20.0)}) for r in plain.rows]
    poor = ("pt_10", "SpinalCord")
    rows = [replace(r, values={**r.values, "dice": 0.1}) if (r.id, r.structure) == poor else r for r in rows]
    text = page_on(tmp_path, [replace(plain, rows=tuple(rows))])
    # A target may have any volume.
    assert "above 3.5): SpinalCord of pt_10 (500 ml). What was reached counts them all" in text
    cells = next(line for line in text.splitlines() if line.startswith("| SpinalCord | 8 | 0.72")).split(" | ")
    assert float(cells[3]) < 0.75 < 0.78 < float(cells[5].split()[0])
    assert cells[5].endswith("(1 fewer)")


def efficiency(multimodal: dict[float, float], image_only: dict[float, float]):
    experiment = EXPERIMENTS["data-efficiency"]
    found = []
    for share in multimodal:
        few, plain = (experiment.arm(f"{name}-{round(100 * share):03d}-s0") for name in ("multimodal", "image-only"))
        scores = {"text": multimodal[share], "no-text": 0.4}
        found.append(made_up("data-efficiency", few, scores, fraction=share))
        found.append(made_up("data-efficiency", plain, {"no-text": image_only[share]}, fraction=share))
    return found


@pytest.mark.parametrize(
    ("multimodal", "sentence"),
    [
        ({0.05: 0.4, 0.25: 0.61, 1.0: 0.7}, "Text saves data for PTV_High here"),
        ({0.05: 0.4, 0.25: 0.5, 1.0: 0.7}, "it takes as many patients"),
        ({0.05: 0.4, 0.25: 0.5, 1.0: 0.55}, "no share of the patients reaches that"),
    ],
)
def test_the_page_says_whether_text_saves_data(tmp_path, multimodal, sentence):
    text = page_on(tmp_path, efficiency(multimodal, {0.05: 0.3, 0.25: 0.5, 1.0: 0.6}))
    assert sentence in text
    assert ("25% of them (25) are enough for 0.6" in text) == ("saves data for" in sentence)


@pytest.mark.parametrize(
    ("rival", "sentence"),
    [(0.5, "**full is first**"), (0.7, "**dynunet wins**"), (0.6, "cannot be told apart from")],
)
def test_the_page_says_who_wins(tmp_path, rival, sentence):
    full, dynunet = arms_of("baselines", "full-s0", "dynunet-s0")
    results = [made_up("baselines", full, {"text": 0.6}), made_up("baselines", dynunet, {"no-text": rival})]
    assert sentence in page_on(tmp_path, results)


@pytest.mark.parametrize(
    ("next_best", "sentence"),
    [(0.6, "; it is ahead of every other beyond chance."), (0.7, "; dynunet-wide (+0.000, p")],
)
def test_a_winner_is_tested_against_every_other(tmp_path, next_best, sentence):
    scores = {"full-s0": {"text": 0.5}, "full-wide-s0": {"text": 0.7}, "dynunet-wide-s0": {"no-text": next_best}}
    arms = arms_of("baselines", *scores)
    text = page_on(tmp_path, [made_up("baselines", arm, scores[arm.name]) for arm in arms])
    assert "**full-wide wins**" in text
    assert sentence in text


def test_what_is_missing_is_named_with_the_command_that_makes_it(tmp_path):
    [arm] = arms_of("baselines", "full-s0")
    text = page_on(tmp_path, [made_up("baselines", arm, {"text": 0.6})])
    assert "python -m llmseg experiments run fusion --data" in text
    assert "32 of 33 arms of baselines" in text
    assert "--only image-only-s0" in text


def test_a_report_on_nothing_says_what_to_run(tmp_path):
    with pytest.raises(InputError, match="experiments run"):
        write_report(tmp_path / "nowhere", tmp_path / "out")
    assert not (tmp_path / "out").exists()


# Pictures


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("cases")).split("test")


def test_a_picture_keeps_the_slice_through_the_target(cases):
    case = cases[0]
    stored = json.loads(json.dumps(picture(case, {"text": case.structures, "no-text": empty(case)}, 0.5)))
    middle = int(np.median(np.nonzero(case.structures["PTV_High"])[2]))
    expected = case.structures["PTV_High"][:, :, middle]
    assert masks_of(stored, "text")["PTV_High"].sum() == expected.sum() > 0
    assert (masks_of(stored, "reference")["PTV_High"] == masks_of(stored, "text")["PTV_High"]).all()
    assert not masks_of(stored, "no-text")["PTV_High"].any()
    assert ct_of(stored).shape == tuple(stored["shape"])
    assert ct_of(stored).max() > ct_of(stored).min()


def empty(case) -> Structures:
    return Structures({name: np.zeros_like(mask) for name, mask in case.structures.items()}, case.structures.affine)


def test_pictures_run_from_the_worst_to_the_best(cases):
    rows = [Row(case.id, "PTV_High", "text", {"dice": dice}) for case, dice in zip(cases, (0.9, 0.2), strict=True)]
    assert [(case.id, dice) for case, dice in spread_by_rank(cases, rows, "text", 6)] == [("two", 0.2), ("one", 0.9)]


def test_pictures_are_drawn_on_the_page(tmp_path, cases):
    [arm] = arms_of("flagship", "network")
    shown = tuple(picture(c, {"text": c.structures, "no-text": empty(c)}, 0.5) for c in cases)
    text = page_on(tmp_path, [made_up("flagship", arm, {"text": 0.7, "no-text": 0.6}, pictures=shown)])
    assert "(contours.png)" in text
    assert (tmp_path / "out" / "contours.png").read_bytes().startswith(b"\x89PNG")
