"""Images beside the CT: each brought to its grid, normalised in its own way, and looked at."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from patients import write_config
from scipy import ndimage
from tiny import body, network, network_config

from llmseg.case import PAIRED, STRUCTURES, Case, InputError, Note, Volume, kind_of
from llmseg.cli import main
from llmseg.datasets.folder import read_dataset, write_case, write_manifest, write_phantoms
from llmseg.datasets.phantom import make_phantom
from llmseg.evaluation.protocol import evaluate
from llmseg.model.architectures import build_network
from llmseg.model.checkpoint import CheckpointConfig, load_checkpoint, save_checkpoint
from llmseg.model.network import ARCHITECTURES, shown
from llmseg.model.refinement import Refinement
from llmseg.preprocessing import Grid, affine_on_grid, forward, to_grid
from llmseg.segmenter import Segmenter
from llmseg.text.encoder import EncoderSpec
from llmseg.training.config import read_config
from llmseg.training.finetune import train
from llmseg.training.losses import dice_focal
from llmseg.training.prepared import Augmentation, _recipe, cut, prepare

GRID = Grid()
COARSE = {"spacing_mm": (8.0, 8.0, 8.0)}
TURNED = np.array([[0, 0, -3.0, 60], [2.0, 0, 0, -50], [0, -2.5, 0, 90], [0, 0, 0, 1]])
"""A grid of its own: axes swapped, two of them running backwards, other voxels."""


def sampled(values, affine: np.ndarray = TURNED, shape=(70, 60, 60), name: str = "pet.nii.gz") -> Volume:
    """A function of the place (mm) on a grid."""
    index = np.stack([*np.indices(shape), np.ones(shape)])
    x, y, z, _ = np.einsum("ij,j...->i...", affine, index)
    return Volume(values(x, y, z), affine, name)


def slope(x, y, z) -> np.ndarray:
    return 6 + 0.03 * x + 0.02 * y - 0.04 * z


@pytest.mark.parametrize("turn", [np.eye(4), np.diag([-1.0, -1, 1, 1])], ids=["RAS", "LPS"])
def test_another_image_lands_where_the_ct_is(turn):
    ct = body()
    ct = Volume(ct.array, ct.affine @ turn)
    tensor, placement = forward(ct, GRID, {"pet": sampled(slope, np.diag([5.0, 5, 5, 1]) @ turn)})
    index = np.stack([*np.indices(placement.size), np.ones(placement.size)])
    x, y, z, _ = np.einsum("ij,j...->i...", affine_on_grid(placement), index)
    inside = (tensor[1] > 0).numpy()
    assert inside.sum() > 500
    np.testing.assert_allclose(tensor[1].numpy()[inside], (slope(x, y, z) / 15)[inside], atol=1e-4)


def test_a_grid_of_any_turn_shows_the_same():
    straight, _ = forward(body(), GRID, {"pet": sampled(slope, np.diag([4.0, 4, 4, 1]) + np.eye(4, k=3) * -70)})
    turned, _ = forward(body(), GRID, {"pet": sampled(slope)})
    both = (straight[1] > 0) & (turned[1] > 0)
    assert both.sum() > 500
    torch.testing.assert_close(straight[1][both], turned[1][both], atol=1e-3, rtol=0)


def test_the_ct_is_as_it_was_alone():
    alone, placement = forward(body(), GRID)
    beside, same = forward(body(), GRID, {"pet": sampled(slope)})
    assert torch.equal(beside[0], alone[0])
    assert same.size == placement.size
    assert same.anchor == placement.anchor


def test_outside_the_body_every_image_is_nothing():
    tensor, _ = forward(body(), GRID, {"pet": sampled(slope), "mr": sampled(slope)})
    air = ~ndimage.binary_dilation(tensor[0] > 0, iterations=2)
    assert air.any()
    assert not tensor[1:, air].any()


def test_a_pet_is_clipped_to_its_window():
    hot = sampled(lambda x, y, z: np.where(x > 40, 40.0, 3.0))
    tensor, _ = forward(body(), Grid(window_suv=(0, 10)), {"pet": hot})
    assert tensor[1].max() == 1
    assert torch.isclose(tensor[1], torch.tensor(0.3)).any()


def test_an_mr_is_the_same_whatever_its_scale():
    one, _ = forward(body(), GRID, {"mr-t1": sampled(slope)})
    other, _ = forward(body(), GRID, {"mr-t1": sampled(lambda *place: 300 + 75 * slope(*place))})
    torch.testing.assert_close(one, other, atol=1e-5, rtol=0)
    assert one[1].min() == 0
    assert one[1].max() == 1


def test_a_finer_image_is_averaged_and_not_picked_from():
    rng = np.random.default_rng(0)
    fine = sampled(lambda x, y, z: 7 + rng.standard_normal(x.shape), np.diag([1.0, 1, 1, 1]) + np.eye(4, k=3) * -70,
                   (150, 150, 150))  # fmt: skip
    tensor, _ = forward(body(), Grid(), {"pet": fine})
    values = tensor[1][tensor[1] > 0] * 15
    assert abs(values.mean() - 7) < 0.05
    assert values.std() < 0.3


@pytest.mark.parametrize(
    ("modality", "values", "affine", "says"),
    [
        ("pet", lambda x, y, z: 9000 + 0 * x + np.sin(x), TURNED, "pet.nii.gz does not look like SUV: .* up to 9,00"),
        ("pet", slope, TURNED + np.eye(4, k=3) * 900, "pet.nii.gz misses the body in the CT. Register it"),
        ("mr", lambda x, y, z: np.where(y < -45, 1.0, 0.0), TURNED, "pet.nii.gz is 0 everywhere in the body"),
        ("us", slope, TURNED, "Modality 'us' is none of ct, pet, mr"),
    ],
)
def test_an_image_that_cannot_be_used_is_refused_in_one_line(modality, values, affine, says):
    with pytest.raises(InputError, match=says) as refused:
        forward(body(), GRID, {modality: sampled(values, affine)})
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"window_suv": (5, 5)}, "SUV window"),
        ({"window_suv": (-1, 5)}, "SUV window"),
        ({"window_percent": (5, 101)}, "MR window"),
        ({"window_percent": (50,)}, "MR window"),
    ],
)
def test_a_window_that_shows_nothing_is_refused(changes, says):
    with pytest.raises(InputError, match=says):
        Grid(**changes)


@pytest.mark.parametrize(
    ("modalities", "says"),
    [
        (("pet", "ct"), "expected ct first"),
        ((), "expected ct first"),
        (("ct", "mr", "mr"), "each once"),
        (("ct", "us"), "Modality 'us' is none"),
        (("ct", "ct-late"), "one CT"),
    ],
)
def test_modalities_that_cannot_be_are_refused(modalities, says):
    with pytest.raises(InputError, match=says):
        network_config(modalities=modalities)


def test_two_mr_sequences_are_of_one_kind():
    assert kind_of("mr-t1") == kind_of("mr-t2") == "mr"
    assert network_config(modalities=["ct", "mr-t1", "mr-t2", "pet"]).inputs == 5


def test_a_network_looks_at_the_ct_in_two_windows_and_at_each_other_image_in_one():
    image = torch.rand(2, 3, 4, 4, 4)
    channels = shown(image)
    assert channels.shape == (2, 4, 4, 4, 4)
    assert torch.equal(channels[:, :2], shown(image[:, :1]))
    assert torch.equal(channels[:, 2:], image[:, 1:] * 2 - 1)


def test_a_network_of_a_ct_alone_looks_at_what_it_did_before():
    image = torch.rand(2, 1, 4, 4, 4)
    before = torch.cat((image * 2 - 1, ((image - 0.42) * 10).clamp(-2, 2)), dim=1)
    assert torch.equal(shown(image), before)
    assert network_config().modalities == ("ct",)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_network_takes_more_than_one_image(architecture):
    torch.manual_seed(0)
    field = (32, 32, 40) if architecture == "swin-unetr" else (16, 16, 16)
    changes = {"architecture": architecture, "modalities": ("ct", "pet"), "field": field, "vit_width": 8}
    network = build_network(network_config(**changes)).eval()
    image = torch.rand(1, 2, *field)
    drawn, without = (network(i, None) for i in (image, image * torch.tensor([1.0, 0])[:, None, None, None]))
    assert drawn.shape == (1, 10, *field)
    assert torch.equal(drawn, without) == (architecture == "text-only")


def test_a_checkpoint_remembers_its_modalities(tmp_path):
    config = network_config(modalities=("ct", "pet"))
    described = CheckpointConfig(config, Grid(window_suv=(0, 20)), EncoderSpec("a/model", 3), "0", {})
    save_checkpoint(tmp_path / "point", build_network(config), described, "")
    _, read = load_checkpoint(tmp_path / "point")
    assert read.network.modalities == ("ct", "pet")
    assert read.grid.window_suv == (0, 20)


# Datasets.


def test_a_dataset_lists_images_beside_the_ct(tmp_path):
    pet = sampled(slope)
    entry = write_case(tmp_path, "one", body(), None, "A note.", {"pet": pet})
    write_manifest(tmp_path, {"test": [entry, write_case(tmp_path, "two", body(), None, "A note.")]}, "d", "")
    one, two = read_dataset(tmp_path).cases
    read = one.others(["pet"])["pet"]
    np.testing.assert_array_equal(read.array, pet.array)  # SUV are no whole numbers
    np.testing.assert_allclose(read.affine, pet.affine, atol=1e-5)
    assert one.others([]) == two.others([]) == {}
    with pytest.raises(InputError, match='Case two has no image "pet"'):
        two.others(["pet"])


@pytest.mark.parametrize(
    ("images", "says"),
    [
        ({"pet": "pet/lost.nii.gz"}, "does not exist"),
        ({"pet": "../pet.nii.gz"}, "leads out of the dataset"),
        ({"us": "pet/one.pet.nii.gz"}, "Modality 'us'"),
        ({"ct": "pet/one.pet.nii.gz"}, "lists a second CT"),
        (["pet"], "is no table"),
    ],
)
def test_a_broken_list_of_images_is_refused_in_one_line(tmp_path, images, says):
    entry = write_case(tmp_path, "one", body(), None, "A note.", {"pet": sampled(slope)})
    write_manifest(tmp_path, {"test": [{**entry, "images": images}]}, "d", "")
    with pytest.raises(InputError, match=says) as refused:
        read_dataset(tmp_path)
    assert "\n" not in str(refused.value)


def test_phantoms_are_written_with_a_pet_on_request(tmp_path):
    write_phantoms(tmp_path, 1, 900_201, spacing_mm=(8.0, 8.0, 8.0), workers=1, pet=True)
    (entry,) = json.loads((tmp_path / "dataset.json").read_text())["test"]
    assert entry["images"] == {"pet": "pet/phantom_0900201.pet.nii.gz"}
    (case,) = read_dataset(tmp_path).cases
    assert case.others(["pet"])["pet"].array.max() > 5


# Phantoms with a PET.


@pytest.fixture(scope="module")
def phantoms() -> list:
    return [make_phantom(seed, **COARSE, pet=True) for seed in (900_201, 900_202, 900_203)]


def test_a_pet_leaves_the_ct_of_a_phantom_as_it_is(phantoms):
    plain = make_phantom(900_201, **COARSE)
    assert plain.pet is None
    np.testing.assert_array_equal(phantoms[0].volume.array, plain.volume.array)
    np.testing.assert_array_equal(make_phantom(900_201, **COARSE, pet=True).pet.array, phantoms[0].pet.array)


def test_the_tumour_takes_up_most_but_not_alone(phantoms):
    for phantom in phantoms:
        tensor, placement = forward(phantom.volume, GRID, {"pet": phantom.pet})
        suv = tensor[1].numpy() * 15
        heights = np.indices(placement.size)[2]
        brain = heights > placement.anchor[2] - 25
        target = (to_grid(phantom.structures["PTV_High"], placement) > 0.5) & ~brain
        assert suv[target].max() > 5
        assert np.percentile(suv[brain & (suv > 0)], 80) > 5
        assert suv[target].mean() > 2 * np.median(suv[suv > 0])


def test_twin_lesions_take_up_alike_whichever_is_the_target():
    left, right = (make_phantom(900_210, **COARSE, teaching=True, side=side, pet=True) for side in ("left", "right"))
    np.testing.assert_array_equal(left.pet.array, right.pet.array)


# Training.


def cases(phantoms) -> list[Case]:
    return [
        Case(f"p{i}", Note("A note."), "training", lambda p=p: p.volume, lambda p=p: p.structures, p.facts,
             load_others={"pet": lambda p=p: p.pet})
        for i, p in enumerate(phantoms)
    ]  # fmt: skip


def test_the_pet_moves_with_the_ct_and_is_cached_beside_it(phantoms, tmp_path):
    (prepared,) = prepare(cases(phantoms[:1]), GRID, ("PTV_High",), tmp_path, modalities=("ct", "pet"))
    assert prepared.image.shape[0] == 2
    straight, mirrored = (cut(prepared, (16, 16, 16), mirror=m, swap=[0]) for m in (False, True))
    assert torch.equal(mirrored.image, straight.image.flip(1))
    (again,) = prepare(cases(phantoms[:1]), GRID, ("PTV_High",), tmp_path, modalities=("ct", "pet"))
    np.testing.assert_array_equal(again.image, prepared.image)
    (alone,) = prepare(cases(phantoms[:1]), GRID, ("PTV_High",), tmp_path)
    np.testing.assert_array_equal(alone.image[0], prepared.image[0])


def test_a_ct_prepared_before_there_were_other_images_is_still_read(phantoms, tmp_path):
    case = cases(phantoms[:1])[0]
    (prepared,) = prepare([case], GRID, ("PTV_High",), tmp_path)
    (path,) = tmp_path.iterdir()
    with np.load(path) as file:
        before = {**file, "image": file["image"][0]}  # it had no axis of modalities
    np.savez_compressed(path, **before)
    (read,) = prepare([replace(case, load_volume=lambda: pytest.fail("prepared again"))], GRID, ("PTV_High",), tmp_path)
    np.testing.assert_array_equal(read.image, prepared.image)


def test_a_ct_alone_is_cached_under_the_name_it_always_had():
    assert _recipe(Grid(), STRUCTURES, ("ct",)) == "53599bdcbc5c"
    assert _recipe(Grid((6.0, 6.0, 6.0)), STRUCTURES, ("ct",)) == "3499bded64ae"


def test_only_the_windows_of_the_images_that_are_looked_at_are_part_of_the_name():
    narrow = Grid(window_suv=(0, 5))
    assert _recipe(GRID, STRUCTURES, ("ct", "mr")) == _recipe(narrow, STRUCTURES, ("ct", "mr"))
    assert _recipe(GRID, STRUCTURES, ("ct", "pet")) != _recipe(narrow, STRUCTURES, ("ct", "pet"))
    orders = (("ct", "mr"), ("ct", "mr-t1"), ("ct", "pet", "mr"), ("ct", "mr", "pet"), ("ct",))
    assert len({_recipe(GRID, STRUCTURES, modalities) for modalities in orders}) == len(orders)


def test_augmentation_bends_both_images_alike(phantoms, tmp_path):
    (prepared,) = prepare(cases(phantoms[:1]), GRID, ("PTV_High",), tmp_path, modalities=("ct", "pet"))
    twice = replace(prepared, image=np.stack((prepared.image[0],) * 2))
    still = Augmentation(contrast=0, brightness=0, noise=0)
    sample = cut(twice, (16, 16, 16), augment=still, rng=torch.Generator().manual_seed(1))
    torch.testing.assert_close(sample.image[0], sample.image[1])


def test_a_network_trained_on_both_images_looks_at_both(phantoms, tmp_path):
    grid, names = Grid((10.0, 10.0, 10.0)), ("PTV_High", "Bone_Mandible")
    prepared = prepare(cases(phantoms), grid, names, tmp_path, modalities=("ct", "pet"))
    samples = [cut(p, (24, 24, 32)) for p in prepared]
    image, targets, known = (torch.stack([getattr(s, name) for s in samples]) for name in ("image", "targets", "known"))
    torch.manual_seed(0)
    config = network_config(modalities=("ct", "pet"), fusion="none", field=(24, 24, 32), structures=names)
    network = build_network(config)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2)

    def loss_of(shown: torch.Tensor) -> torch.Tensor:
        return dice_focal(network(shown, None), targets, known, torch.ones(2)).total

    before = loss_of(image).item()
    for _ in range(25):
        optimiser.zero_grad()
        loss_of(image).backward()
        optimiser.step()
    network.eval()
    with torch.no_grad():
        after, *without = (
            loss_of(image * torch.tensor(keep)[:, None, None, None]) for keep in ([1, 1], [0, 1], [1, 0])
        )
    assert after < 0.9 * before
    assert min(without) > 1.02 * after


# From a dataset with a PET to contours.

SETTINGS = ("network.fusion=none", 'network.modalities=["ct", "pet"]', "tuning_share=0", "steps=40")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> SimpleNamespace:
    """A dataset of phantoms with a PET, made on the command line's path, and a run over it."""
    root = tmp_path_factory.mktemp("run")
    write_phantoms(root / "data", 3, 900_201, split="training", workers=1, pet=True, **COARSE)
    dataset = read_dataset(root / "data")
    config = read_config(write_config(root / "run.toml", "none"), SETTINGS)
    checkpoint = train(config, [dataset], root / "out", cache=root / "cache")
    return SimpleNamespace(config=config, dataset=dataset, root=root, checkpoint=checkpoint)


def test_a_run_that_names_a_pet_learns_from_it(run):
    lines = [json.loads(line) for line in (run.root / "out" / "metrics.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if "loss" in line]
    assert np.mean(losses[-6:]) < 0.9 * np.mean(losses[:6])
    trained, described = load_checkpoint(run.checkpoint)
    assert described.network.modalities == ("ct", "pet")
    torch.manual_seed(run.config.seed)
    fresh = build_network(run.config.network).state_dict()
    first = next(name for name, value in fresh.items() if name.startswith("encoder.stages.0") and value.shape[1] == 3)
    assert not torch.allclose(trained.state_dict()[first][:, 2], fresh[first][:, 2], atol=1e-3)


def test_a_run_names_the_case_that_lacks_the_pet(run, tmp_path):
    first, *others = run.dataset.cases
    dataset = replace(run.dataset, cases=(replace(first, load_others={}), *others), manifest_hash="b" * 64)
    with pytest.raises(InputError, match=f'{first.id} has no image "pet", which the network looks at'):
        train(run.config, [dataset], tmp_path / "out", cache=tmp_path / "cache")
    assert not (tmp_path / "out").exists()


def test_a_case_is_evaluated_with_its_pet(run, tmp_path):
    segmenter, case = Segmenter.load(run.checkpoint, "cpu"), run.dataset.cases[0]
    only = {"no-text": lambda case: None}
    assert evaluate(segmenter, [case], tmp_path / "results", conditions=only)["cases"] == 1
    with pytest.raises(InputError, match='has no image "pet"'):
        evaluate(segmenter, [replace(case, load_others={})], tmp_path / "none", conditions=only)
    assert not (tmp_path / "none").exists()


def test_one_patient_is_segmented_with_a_pet_from_a_file(run, tmp_path, capsys):
    (ct, *_), (pet, *_) = (sorted((run.dataset.root / folder).iterdir()) for folder in ("images", "pet"))
    command = ["segment", str(ct), "--no-text", "--checkpoint", str(run.checkpoint), "--device", "cpu", "--out"]
    assert main([*command, str(tmp_path / "out"), "--image", f"pet={pet}"]) == 0
    assert json.loads((tmp_path / "out" / "segmentation.json").read_text())["modalities"] == ["ct", "pet"]
    capsys.readouterr()
    for images, says in (
        ([], 'looks at an image "pet" beside the CT, and there is none. Pass it: --image pet=FILE'),
        (["--image", f"pet={pet}", "--image", f"mr={pet}"], 'does not look at an image "mr". Leave it out'),
        (["--image", str(pet)], "is no MODALITY=FILE"),
        (["--image", "pet="], "is no MODALITY=FILE"),
        (["--image", f"pet={pet}", "--image", f"pet={pet}"], "a second of its kind"),
        (["--image", "pet=lost.nii.gz"], "lost.nii.gz does not exist"),
    ):
        assert main([*command, str(tmp_path / "none"), *images]) == 2
        error = capsys.readouterr().err
        assert says in error
        assert error.count("\n") == 1
    assert not (tmp_path / "none").exists()


def test_phantoms_are_made_with_a_pet_on_the_command_line(tmp_path, monkeypatch):
    asked = {}
    monkeypatch.setattr("llmseg.datasets.folder.write_phantoms", lambda *_, **options: asked.update(options))
    for flags, pet in ([], False), (["--pet"], True):
        assert main(["data", "phantom", str(tmp_path), "--count", "1", "--seed", "900201", *flags]) == 0
        assert asked["pet"] is pet


# Contours of a network that looks at both.


def segmenter_of(*modalities: str, **options) -> Segmenter:
    config = {"fusion": "none", "modalities": ("ct", *modalities)}
    described = CheckpointConfig(network_config(**config), GRID, EncoderSpec("none", 1), "none", {"steps": 1})
    reader = SimpleNamespace(spec=described.encoder, cuts=lambda prompt: False)
    return Segmenter(network(**config), described, reader, torch.device("cpu"), "both", **options)


def test_a_mirrored_patient_with_a_mirrored_pet_gets_the_mirrored_contours():
    def mirrored(volume: Volume) -> Volume:
        return Volume(np.flip(volume.array, 0).copy(), volume.affine, volume.name)

    ct = body()
    pet = replace(ct, array=np.abs(ct.array) / 100)
    segmenter = segmenter_of("pet", refinement=Refinement(mirror=True))
    plain = segmenter.open(ct, others={"pet": pet}).segment(None).structures
    other = segmenter.open(mirrored(ct), others={"pet": mirrored(pet)}).segment(None).structures
    astray = segmenter.open(mirrored(ct), others={"pet": pet}).segment(None).structures
    for name, mask in plain.items():
        assert np.array_equal(np.flip(mask, 0), other[PAIRED.get(name, name)]), name
    assert any(not np.array_equal(other[name], astray[name]) for name in plain)


def test_images_come_in_the_networks_order_however_they_are_named():
    segmenter, pet, mr = segmenter_of("pet", "mr"), sampled(slope), sampled(lambda x, y, z: np.sin(x / 20) * y)
    one, other = (
        segmenter.open(body(), others=others).segment(None).probabilities
        for others in ({"pet": pet, "mr": mr}, {"mr": mr, "pet": pet})
    )
    assert all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("modalities", "given", "says"),
    [
        (("pet",), (), 'both looks at an image "pet" beside the CT, and there is none'),
        (("pet", "mr-t1"), ("pet",), '"mr-t1" beside the CT'),
        ((), ("pet",), 'both does not look at an image "pet". Leave it out'),
    ],
)
def test_other_images_than_the_network_looks_at_are_refused(modalities, given, says):
    with pytest.raises(InputError, match=says):
        segmenter_of(*modalities).open(body(), others={modality: sampled(slope) for modality in given})
