"""Cases are prepared once and cut anew; a sample is a function of seed and number, and its note fits its image."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import body

from llmseg.case import PAIRED, STRUCTURES, Case, InputError, Note, Structures, Volume
from llmseg.model.tiling import cut_tile, field_origin
from llmseg.preprocessing import Grid, forward, to_grid
from llmseg.text.encoder import TextFeatures
from llmseg.text.facts import Facts
from llmseg.training import samples
from llmseg.training.prepared import Augmentation, PreparedCase, cut, mirrored_channels, prepare
from llmseg.training.samples import Drawn, NoteBank, SampleStream, collate, is_tuning

NAMES = ("PTV_High", "SpinalCord", "Parotid_R", "Parotid_L")
SWAP = mirrored_channels(NAMES)
FIELD = (32, 24, 32)
GRID = Grid()
BALL, RIGHT_OF_BODY, LEFT_OF_BODY = (23, 15, 17), (27, 15, 20), (9, 13, 18)
"""Voxels of `body`, whose x runs towards the patient's right."""


def ball(centre: tuple[int, int, int], radius: float) -> np.ndarray:
    index = np.indices(body().shape)
    return sum((axis - c) ** 2 for axis, c in zip(index, centre, strict=True)) <= radius**2


def patient(id: str = "one", side: str | None = "right", **changes) -> Case:
    """A head with a bright ball as its target, right of the midline or left; None knows no facts."""
    volume = body()
    masks = {name: np.zeros(volume.shape, bool) for name in NAMES}
    masks["PTV_High"] = ball(BALL, 5)
    masks["Parotid_R"], masks["Parotid_L"] = ball(RIGHT_OF_BODY, 3), ball(LEFT_OF_BODY, 3)
    masks["SpinalCord"][17:19, 12:14, 4:28] = True
    array = np.where(masks["PTV_High"], 900, volume.array.clip(max=100))
    if side == "left":
        array, masks = array[::-1], {PAIRED.get(name, name): mask[::-1] for name, mask in masks.items()}
    case = Case(
        id,
        Note(f"own note of {id}"),
        "training",
        lambda: Volume(array, volume.affine),
        lambda: Structures(masks, volume.affine),
        facts=Facts("larynx", side, side) if side else None,
    )
    return replace(case, **changes)


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """The prepared case of a patient, kept between tests."""
    folder, kept = tmp_path_factory.mktemp("prepared"), {}

    def get(id: str = "one", side: str | None = "right") -> PreparedCase:
        if id not in kept:
            (kept[id],) = prepare([patient(id, side)], GRID, NAMES, folder)
        return kept[id]

    return get


def without(case: Case, *names: str) -> Case:
    kept = {name: mask for name, mask in case.structures.items() if name not in names}
    return replace(case, load_structures=lambda: Structures(kept, case.volume.affine))


def never() -> None:
    pytest.fail("This was prepared before and should have been read from the cache.")


def arrays(prepared: PreparedCase) -> tuple:
    return prepared.image, prepared.targets, prepared.known, np.array(prepared.anchor)


def same(one: PreparedCase, other: PreparedCase) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(arrays(one), arrays(other), strict=True))


# Preparing


def test_a_prepared_case_is_the_grid_and_the_share_of_each_voxel_inside(ready):
    prepared, case = ready(), patient()
    image, placement = forward(case.volume, GRID)
    np.testing.assert_allclose(prepared.image, image.numpy(), atol=1e-3)
    inside = [to_grid(case.structures[name], placement) for name in NAMES]
    np.testing.assert_allclose(prepared.targets / 255, inside, atol=0.5 / 255)
    assert prepared.anchor == placement.anchor
    assert prepared.known.all()


def test_what_was_not_contoured_is_unknown_and_an_empty_contour_is_known(tmp_path):
    case = without(patient(), "Parotid_L", "SpinalCord")
    nothing = {**case.structures, "SpinalCord": np.zeros(case.volume.shape, bool)}
    case = replace(case, load_structures=lambda: Structures(nothing, case.volume.affine))
    (prepared,) = prepare([case], GRID, NAMES, tmp_path)
    assert dict(zip(NAMES, prepared.known.tolist(), strict=True)) == {n: n != "Parotid_L" for n in NAMES}
    assert not prepared.targets[[NAMES.index("Parotid_L"), NAMES.index("SpinalCord")]].any()


def test_the_second_time_a_case_is_read_and_not_computed(tmp_path):
    computed = prepare([patient()], GRID, NAMES, tmp_path)[0]
    read = prepare([patient(load_volume=never, load_structures=never)], GRID, NAMES, tmp_path)[0]
    assert same(computed, read)
    assert [a.dtype for a in arrays(computed)] == [a.dtype for a in arrays(read)]


@pytest.mark.parametrize(("grid", "names"), [(Grid((5, 5, 5)), NAMES), (GRID, NAMES[::-1])])
def test_another_grid_or_order_of_structures_is_prepared_apart(tmp_path, grid, names):
    prepare([patient()], GRID, NAMES, tmp_path)
    (other,) = prepare([patient()], grid, names, tmp_path)
    assert same(other, prepare([patient()], grid, names, tmp_path / "fresh")[0])


@pytest.mark.parametrize("damage", ["empty", "text", "truncated", "scrambled", "another file"])
def test_a_damaged_cache_file_is_prepared_again_and_said_so(tmp_path, damage, caplog):
    computed = prepare([patient()], GRID, NAMES, tmp_path)[0]
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    middle = len(content) // 2
    if damage == "another file":
        np.savez(path, something=np.zeros(3))
    else:
        path.write_bytes(
            {
                "empty": b"",
                "text": b"not an archive",
                "truncated": content[:middle],
                "scrambled": content[: middle - 50] + bytes(100) + content[middle + 50 :],
            }[damage]
        )
    assert same(prepare([patient()], GRID, NAMES, tmp_path)[0], computed)
    assert [(r.levelno, path.name in r.getMessage()) for r in caplog.records] == [(logging.WARNING, True)]
    assert same(prepare([patient(load_volume=never)], GRID, NAMES, tmp_path)[0], computed)


def test_a_case_without_contours_cannot_be_learned_from(tmp_path):
    with pytest.raises(InputError, match="one has no structures"):
        prepare([patient(load_structures=lambda: None)], GRID, NAMES, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_names_the_cache_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(InputError, match=r"one-.*No space left"):
        prepare([patient()], GRID, NAMES, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_progress_is_told_case_by_case(tmp_path):
    told = []
    prepare([patient("a"), patient("b")], GRID, NAMES, tmp_path, lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


# Cutting


@pytest.mark.parametrize("field", [FIELD, (16, 16, 16), (48, 48, 48)])
def test_cut_straight_is_a_plain_crop_at_the_anchor(ready, field):
    prepared = ready()
    origin = field_origin(prepared.anchor, field)
    sample = cut(prepared, field)
    for drawn, plain in ((sample.image, prepared.image), (sample.targets, prepared.targets / 255)):
        expected = cut_tile(torch.from_numpy(plain.astype(np.float32)), origin, field)
        torch.testing.assert_close(drawn, expected, atol=2e-4, rtol=0)
    assert sample.known.all()


def test_a_mirror_turns_the_image_and_exchanges_paired_organs(ready):
    straight, mirrored = cut(ready(), FIELD), cut(ready(), FIELD, mirror=True, swap=SWAP)
    assert torch.equal(mirrored.image, straight.image.flip(1))
    for name in NAMES:
        seen, real = NAMES.index(name), NAMES.index(PAIRED.get(name, name))
        assert torch.equal(mirrored.targets[seen], straight.targets[real].flip(0))
    assert not torch.equal(mirrored.targets[2], straight.targets[2].flip(0))


def test_a_mirrored_patient_is_the_patient_with_its_sides_exchanged(ready):
    mirrored, other = cut(ready(), FIELD, mirror=True, swap=SWAP), cut(ready("other", "left"), FIELD)
    for row in range(len(NAMES)):
        here, there = (sample.targets[row].nonzero().float().mean(0) for sample in (mirrored, other))
        # The field hangs on whole voxels, so its middle lies up to half a voxel beside the patient's.
        assert (here - there).abs().max() <= 1


def test_a_mirror_exchanges_what_is_known_too(tmp_path):
    (prepared,) = prepare([without(patient(), "Parotid_L")], GRID, NAMES, tmp_path)
    known = cut(prepared, FIELD, mirror=True, swap=SWAP).known
    assert dict(zip(NAMES, known.tolist(), strict=True)) == {n: n != "Parotid_R" for n in NAMES}


def test_two_mirrors_are_none():
    assert [SWAP[i] for i in SWAP] == list(range(len(NAMES)))
    assert [STRUCTURES[i] for i in mirrored_channels(STRUCTURES)] == [PAIRED.get(n, n) for n in STRUCTURES]


SHAPE_ONLY = Augmentation(rotation_deg=15, scale=0.2, shift=0.05, far_shift=0.05, contrast=0, brightness=0, noise=0)


def drawn_with(prepared: PreparedCase, seed: int, augment: Augmentation = SHAPE_ONLY, mirror: bool = False):
    rng = torch.Generator().manual_seed(seed)
    return cut(prepared, FIELD, mirror, SWAP, augment, GRID.spacing_mm, rng)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("mirror", [False, True])
def test_image_and_targets_deform_together(ready, seed, mirror):
    # Where the image shows nothing but the target, it must still do so after both were bent.
    target = ready().targets[0] / 255
    sample = drawn_with(replace(ready(), image=(0.9 * target[None]).astype(np.float16)), seed, mirror=mirror)
    sharp = 0.9 * sample.targets[:1]
    blurred = torch.nn.functional.avg_pool3d(sharp, 3, stride=1, padding=1)
    seen = sharp > 0.03
    assert seen.sum() > 100
    assert min((sample.image - shown)[seen].abs().max() for shown in (sharp, blurred)) < 5e-3
    straight = cut(ready(), FIELD, mirror, SWAP).targets[0] > 0.5
    assert not torch.equal(straight, sample.targets[0] > 0.5)


def test_the_same_seed_gives_the_same_sample_and_another_seed_another(ready):
    one, again, other = (drawn_with(ready(), seed, Augmentation()) for seed in (3, 3, 4))
    assert torch.equal(one.image, again.image)
    assert torch.equal(one.targets, again.targets)
    assert not torch.equal(one.image, other.image)


@pytest.mark.parametrize("seed", range(4))
def test_a_sample_stays_in_range_and_air_stays_air(ready, seed):
    rough = Augmentation(contrast=0.5, brightness=0.2, noise=0.3)
    sample = drawn_with(ready(), seed, rough)
    assert 0 <= sample.image.min() < sample.image.max() <= 1
    assert 0 <= sample.targets.min() < sample.targets.max() <= 1 + 1e-6
    shape = drawn_with(ready(), seed, replace(rough, contrast=0, brightness=0, noise=0)).image
    assert not sample.image[shape == 0].any()


@pytest.mark.parametrize("seed", range(3))
def test_lost_slices_are_fainter_from_edge_to_edge_and_the_targets_stay(ready, seed):
    whole, torn = (drawn_with(ready(), seed, replace(SHAPE_ONLY, lost=lost)) for lost in (0.0, 1.0))
    assert torch.equal(whole.targets, torn.targets)
    shown = whole.image[0].amax((0, 1)) > 0
    left = torn.image[0].sum((0, 1))[shown] / whole.image[0].sum((0, 1))[shown]
    assert 0 <= left.min() < left.max() == 1
    for z, share in zip(shown.nonzero()[:, 0].tolist(), left, strict=True):
        torch.testing.assert_close(torn.image[0, :, :, z], whole.image[0, :, :, z] * share)


def test_a_slice_that_the_ct_lost_is_still_there_in_another_image(ready):
    case = replace(ready(), image=ready().image.repeat(2, axis=0))
    whole, torn = (drawn_with(case, 0, replace(SHAPE_ONLY, lost=lost)) for lost in (0.0, 1.0))
    assert not torch.equal(torn.image[0], whole.image[0])
    assert torch.equal(torn.image[1], whole.image[1])


# Drawing


class FakeEncoder:
    """Turns each note into one token that says which note it is; remembers what it was asked."""

    def __init__(self):
        self.notes: list[str] = []

    def encode(self, notes, on_progress=None) -> TextFeatures:
        for note in notes:
            if note not in self.notes:
                self.notes.append(note)
        tokens = torch.tensor([[[float(self.notes.index(note))]] for note in notes])
        return TextFeatures(tokens, torch.ones(tokens.shape[:2], dtype=torch.bool))

    def read(self, tokens: torch.Tensor) -> str:
        return self.notes[int(tokens[0, 0])]


@pytest.fixture
def spelled(monkeypatch):
    """Prompts say all facts and nothing else."""
    monkeypatch.setattr(samples, "said_of", lambda facts, seed: (facts, seed))
    monkeypatch.setattr(samples, "prompt_of", lambda said: f"{said[0].side} {said[0].neck} {said[1]}")


CALM = Augmentation(far_shift=0.1)
"""Keeps the target in sight."""


def stream(patients, extras=(), encoder=None, **changes) -> SampleStream:
    cases = [p.case for p in (*patients, *extras)]
    options = {
        "count": 400,
        "field": (16, 16, 16),
        "structures": NAMES,
        "spacing_mm": GRID.spacing_mm,
        "extra_share": 0.25,
        "drop_note": 0.3,
        "seed": 11,
        "augment": CALM,
    }
    return SampleStream(patients, extras, encoder and NoteBank(cases, encoder, 3), **{**options, **changes})


def side_of(sample) -> str:
    """Where the target lies in the field."""
    x = torch.arange(sample.targets.shape[1]) - (sample.targets.shape[1] - 1) / 2
    return "right" if (sample.targets[0].sum((1, 2)) * x).sum() > 0 else "left"


def test_the_note_of_a_sample_names_the_side_the_image_shows(ready, spelled):
    encoder = FakeEncoder()
    drawn = stream([ready(), ready("other", "left")], encoder=encoder, field=FIELD)
    seen = Counter()
    for number in range(40):
        sample, tokens, *_ = drawn[number]
        side, neck, seed = encoder.read(tokens).split()
        assert (side, neck) == (side_of(sample),) * 2
        seen[seed.split("/")[0], side] += 1
    assert len(seen) == 4  # each patient as it is and mirrored
    assert min(seen.values()) > 3


def test_mirrored_facts_are_worded_and_encoded_anew(ready, spelled):
    encoder = FakeEncoder()
    NoteBank([ready().case], encoder, 3)
    assert Counter(note.split()[0] for note in encoder.notes) == {"right": 3, "left": 3}
    assert len(set(encoder.notes)) == 6


def test_a_case_without_facts_is_never_mirrored_and_keeps_its_own_note(ready):
    encoder = FakeEncoder()
    drawn = stream([ready("unknown", None)], encoder=encoder, field=FIELD)
    for number in range(20):
        sample, tokens, *_ = drawn[number]
        assert side_of(sample) == "right"
        assert encoder.read(tokens) == "own note of unknown"


def test_a_pair_of_which_only_one_is_drawn_forbids_the_mirror(tmp_path):
    names = ("PTV_High", "Parotid_L")
    prepared = prepare([patient()], GRID, names, tmp_path)
    drawn = stream(prepared, structures=names, field=FIELD)
    assert {side_of(drawn[number][0]) for number in range(20)} == {"right"}


def test_an_image_only_network_needs_no_notes(ready):
    sample, tokens, *_ = stream([ready()])[0]
    assert tokens is None
    assert collate([stream([ready()])[n] for n in (0, 1)]).text is None
    assert sample.image.shape == (1, 16, 16, 16)


def test_extras_and_dropped_notes_have_their_share(ready):
    encoder, counts = FakeEncoder(), Counter()
    drawn = stream([ready("unknown", None)], [ready("extra", None)], encoder, field=(8, 8, 8))
    for number in range(len(drawn)):
        _, tokens, keep, _ = drawn[number]
        counts["extra"] += encoder.read(tokens) == "own note of extra"
        counts["kept"] += keep
    assert abs(counts["extra"] / len(drawn) - 0.25) < 0.06
    assert abs(counts["kept"] / len(drawn) - 0.7) < 0.06


def test_without_extras_every_sample_is_a_patients(ready):
    encoder = FakeEncoder()
    drawn = stream([ready("unknown", None)], encoder=encoder, extra_share=0.9, field=(8, 8, 8))
    assert {encoder.read(drawn[number][1]) for number in range(20)} == {"own note of unknown"}


def loaded(drawn: SampleStream, start: int = 0, workers: int = 0, count: int = 12) -> list:
    loader = torch.utils.data.DataLoader(
        drawn, batch_size=2, sampler=range(start, count), num_workers=workers, collate_fn=collate
    )
    return list(loader)


def assert_same_batches(ours: list, theirs: list) -> None:
    assert len(ours) == len(theirs) > 0
    for one, other in zip(ours, theirs, strict=True):
        for name in ("image", "targets", "known", "keep"):
            assert torch.equal(getattr(one, name), getattr(other, name))
        assert torch.equal(one.text.tokens, other.text.tokens)


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_the_nth_sample_depends_on_seed_and_n_alone(ready):
    def fresh(**changes) -> SampleStream:
        return stream([ready(), ready("other", "left")], [ready("extra", None)], FakeEncoder(), **changes)

    every = loaded(fresh())
    torch.manual_seed(99)
    assert_same_batches(loaded(fresh(), start=4), every[2:])
    assert_same_batches(loaded(fresh(count=7_000)), every)
    assert_same_batches(loaded(fresh(), workers=2), every)
    assert not torch.equal(loaded(fresh(seed=12))[0].image, every[0].image)


def test_a_sample_leaves_the_global_random_state_alone(ready):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    _ = stream([ready()])[3]
    assert torch.equal(torch.get_rng_state(), before)


def test_notes_of_unlike_length_share_a_batch_and_padding_is_marked(ready):
    sample = cut(ready(), (8, 8, 8))
    tokens = [torch.ones(length, 4).half() for length in (3, 1)]
    batch = collate([(sample, row, True, Drawn("one", False, 0)) for row in tokens])
    assert batch.text.tokens.shape == (2, 3, 4)
    assert batch.text.tokens.dtype == torch.float32
    assert batch.text.mask.tolist() == [[True] * 3, [True, False, False]]
    assert not batch.text.tokens[~batch.text.mask].any()
    assert batch.keep.tolist() == [True, True]


def test_a_batch_knows_which_samples_it_holds(ready):
    drawn = stream([ready(), ready("other", "left")])
    batch = collate([drawn[number] for number in range(8)])
    assert {sample.case_id for sample in batch.drawn} == {"one", "other"}
    assert {sample.mirror for sample in batch.to(torch.device("cpu")).drawn} == {False, True}


# Keeping some for choices

IDS = [f"pt_{number}" for number in range(5000)]


def test_the_tuning_share_is_about_what_was_asked():
    for share in (0.05, 0.12, 0.5):
        assert abs(np.mean([is_tuning(id, share) for id in IDS]) - share) < 0.02
    assert not any(is_tuning(id, 0.0) for id in IDS)


def test_tuning_depends_on_the_id_alone_and_never_changes():
    # Figures in model cards stand on these patients: another hash would mix them with those trained on.
    assert [id for id in IDS[:60] if is_tuning(id, 0.12)] == [
        f"pt_{number}" for number in (7, 21, 24, 34, 39, 46, 50, 56)
    ]


def test_a_larger_share_keeps_the_tuning_patients_of_a_smaller_one():
    assert {id for id in IDS if is_tuning(id, 0.1)} < {id for id in IDS if is_tuning(id, 0.2)}
