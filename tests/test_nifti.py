"""NIfTI at the door: what goes out comes back, what is broken is named, what cannot be written leaves no trace."""

from __future__ import annotations

import errno
import os

import nibabel
import numpy as np
import pytest

from llmseg.case import InputError, Volume
from llmseg.formats.nifti import read_mask, read_structures, read_volume, write_mask, write_volume

AFFINE = np.array([[0, -2.0, 0, 5], [1.5, 0, 0.2, 6], [0, 0, 3.0, 7], [0, 0, 0, 1]])


def ct(shape=(8, 9, 10)):
    return np.random.default_rng(0).integers(-1000, 1000, shape).astype(np.float32)


def saved(path, array, affine=AFFINE):
    nibabel.save(nibabel.Nifti1Image(array, affine), path)
    return path


@pytest.mark.parametrize("name", ["ct.nii.gz", "ct.nii"])
def test_a_ct_comes_back_as_it_was_written(tmp_path, name):
    write_volume(tmp_path / "new folder" / name, Volume(ct(), AFFINE))
    volume = read_volume(tmp_path / "new folder" / name)
    assert np.array_equal(volume.array, ct())
    assert volume.affine == pytest.approx(AFFINE, abs=1e-5)
    assert volume.name == name
    assert os.listdir(tmp_path / "new folder") == [name]


def test_a_scaled_ct_is_read_in_hu(tmp_path):
    image = nibabel.Nifti1Image((ct() + 1024).astype(np.int16), AFFINE)
    image.header.set_slope_inter(1, -1024)
    nibabel.save(image, tmp_path / "ct.nii.gz")
    assert np.array_equal(read_volume(tmp_path / "ct.nii.gz").array, ct())


def test_masks_come_back_on_their_grid(tmp_path):
    larynx = ct() > 500
    write_mask(tmp_path / "Larynx.nii.gz", larynx, AFFINE)
    write_mask(tmp_path / "PTV_Low.nii.gz", np.zeros_like(larynx), AFFINE)
    mask, affine = read_mask(tmp_path / "Larynx.nii.gz")
    assert mask.dtype == bool
    assert np.array_equal(mask, larynx)
    assert affine == pytest.approx(AFFINE, abs=1e-5)
    structures = read_structures(tmp_path, ("Larynx", "Esophagus", "PTV_Low"))
    assert list(structures) == ["Larynx", "PTV_Low"]
    assert read_structures(tmp_path, ("Esophagus",)) is None


def test_masks_on_different_grids_are_refused(tmp_path):
    write_mask(tmp_path / "Larynx.nii.gz", ct() > 0, AFFINE)
    write_mask(tmp_path / "Esophagus.nii.gz", ct() > 0, np.diag([1, 1, 3, 1]))
    with pytest.raises(InputError, match="Resample all masks"):
        read_structures(tmp_path, ("Larynx", "Esophagus"))


@pytest.mark.parametrize("name", ["ct.nii.gz", "ct.nii"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.95])
def test_a_truncated_file_is_refused(tmp_path, name, share):
    path = saved(tmp_path / name, ct())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"cannot be read as NIfTI .*Export or copy it again") as refused:
        read_volume(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["ct.nii.gz", "ct.nii"])
def test_a_file_that_is_no_nifti_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"Dear colleague, please find attached the CT. " * 50)
    with pytest.raises(InputError, match="cannot be read as NIfTI"):
        read_volume(tmp_path / name)


def test_a_header_of_nonsense_is_refused_without_a_second_message(tmp_path, capfd):
    path = saved(tmp_path / "ct.nii", ct())
    data = bytearray(path.read_bytes())
    data[70:72] = (9999).to_bytes(2, "little")  # the code of the voxels' type
    path.write_bytes(data)
    with pytest.raises(InputError, match="cannot be read as NIfTI"):
        read_volume(path)
    assert capfd.readouterr() == ("", "")


def test_colours_are_refused(tmp_path):
    rgb = np.zeros((8, 9, 10), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    with pytest.raises(InputError, match="cannot be read as NIfTI"):
        read_volume(saved(tmp_path / "ct.nii", rgb))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"ct\.nii\.gz does not exist"):
        read_volume(tmp_path / "ct.nii.gz")


def test_another_format_is_named(tmp_path):
    (tmp_path / "ct.dcm").write_bytes(b"DICM")
    with pytest.raises(InputError, match=r"not named \.nii or \.nii\.gz"):
        read_volume(tmp_path / "ct.dcm")


def holes(value):
    array = ct()
    array[1, 2, 3] = value
    return array


@pytest.mark.parametrize(
    ("array", "affine", "says"),
    [
        (ct((8, 9)), AFFINE, "2 axes"),
        (ct((8, 9, 10, 3)), AFFINE, "4 axes"),
        (holes(np.nan), AFFINE, "NaN or infinite"),
        (holes(-np.inf), AFFINE, "NaN or infinite"),
        (np.zeros((8, 9, 10), np.float32), AFFINE, "constant"),
        (ct(), np.diag([2, 2, 20, 1]), "2 x 2 x 20 mm"),
        (ct(), np.diag([2, 2, 0, 1]), "2 x 2 x 0 mm"),
    ],
)
def test_a_file_no_network_can_use_is_refused_by_its_name(tmp_path, array, affine, says):
    path = tmp_path / "odd.nii.gz"
    image = nibabel.Nifti1Image(array, None)
    image.header.set_sform(affine, code="scanner")
    nibabel.save(nibabel.Nifti1Image(array, None, image.header), path)
    with pytest.raises(InputError, match=f"odd.nii.gz .*{says}"):
        read_volume(path)


def disk_is_full(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("step", ["os.replace", "nibabel.save", "tempfile.mkstemp", "pathlib.Path.mkdir"])
def test_a_full_disk_leaves_the_old_file_and_nothing_half_written(tmp_path, monkeypatch, step):
    path = tmp_path / "Larynx.nii.gz"
    write_mask(path, ct() > 0, AFFINE)
    before = path.read_bytes()
    monkeypatch.setattr(step, disk_is_full)
    with pytest.raises(InputError, match=r"Larynx.nii.gz cannot be written .*No space left.*Free some space"):
        write_mask(path, ct() > 500, AFFINE)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["Larynx.nii.gz"]


def test_a_spacing_of_zero_is_refused_and_not_taken_for_a_millimetre(tmp_path):
    path = tmp_path / "flat.nii"
    nibabel.save(nibabel.Nifti1Image(np.arange(64, dtype=np.float32).reshape(4, 4, 4), np.eye(4)), path)
    header = bytearray(path.read_bytes())
    header[80:92] = np.array([3, 3, 0], dtype="<f4").tobytes()  # pixdim[1:4]
    header[252:256] = bytes(4)  # neither qform nor sform: the spacing alone places the voxels
    path.write_bytes(header)
    with pytest.raises(InputError, match=r"flat\.nii has a voxel spacing of 3 x 3 x 0 mm"):
        read_volume(path)
