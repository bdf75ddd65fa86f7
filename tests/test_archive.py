"""An archive is unpacked where it should be and nowhere else, or refused with nothing left behind."""

from __future__ import annotations

import stat
import struct
import zipfile
from pathlib import Path

import pytest

from llmseg.case import InputError
from llmseg.formats.archive import MOST_FILES, unzip, write_zip


def zipped(path: Path, files: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def all_files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_files_come_out_as_they_went_in(tmp_path):
    files = {"a/one.txt": b"one", "a/b/ct.nii.gz": b"two" * 1000, "DICOMDIR": b""}
    found = unzip(zipped(tmp_path / "z.zip", files), tmp_path / "out")
    assert {name: path.read_bytes() for name, path in found.items()} == files
    assert found["a/b/ct.nii.gz"].name.endswith(".nii.gz")


def test_a_written_folder_comes_out_the_same(tmp_path):
    for name in ("x/a.txt", "b.nii.gz"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(name.encode())
    write_zip(tmp_path / "z.zip", tmp_path / "in")
    found = unzip(tmp_path / "z.zip", tmp_path / "out")
    assert {name: path.read_bytes() for name, path in found.items()} == {
        "x/a.txt": b"x/a.txt",
        "b.nii.gz": b"b.nii.gz",
    }


@pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "C:\\evil", "..\\evil", "a/../../evil", "\u202eevil"])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    before = all_files(tmp_path)
    archive = zipped(tmp_path / "z.zip", {name: b"evil"})
    (path,) = unzip(archive, tmp_path / "out").values()
    assert all_files(tmp_path) - before == {archive, path}
    assert (tmp_path / "out") in path.resolve().parents


def test_a_link_in_an_archive_is_no_link_on_the_disk(tmp_path):
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    (path,) = unzip(tmp_path / "z.zip", tmp_path / "out").values()
    assert not path.is_symlink()
    assert path.read_text() == "/etc/passwd"


def test_what_a_mac_adds_is_passed_over(tmp_path):
    archive = zipped(tmp_path / "z.zip", {"a/1": b"1", "__MACOSX/a/._1": b"x", "a/.DS_Store": b"x"})
    assert list(unzip(archive, tmp_path / "out")) == ["a/1"]


def bomb(path: Path) -> Path:
    return zipped(path, {"a": b"\0" * 5_000_000})


def lying_bomb(path: Path) -> Path:
    """Says that it holds one byte."""
    data = bytearray(bomb(path).read_bytes())
    central = data.index(b"PK\x01\x02")
    struct.pack_into("<I", data, central + 24, 1)
    path.write_bytes(data)
    return path


def crowd(path: Path) -> Path:
    return zipped(path, {str(number): b"" for number in range(MOST_FILES + 1)}, zipfile.ZIP_STORED)


def locked(path: Path) -> Path:
    data = bytearray(zipped(path, {"a": b"secret"}).read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    return path


def cut_short(path: Path) -> Path:
    path.write_bytes(bomb(path).read_bytes()[:-30])
    return path


def damaged(path: Path) -> Path:
    data = bytearray(zipped(path, {"a": bytes(range(256)) * 50}).read_bytes())
    data[60:90] = b"\xff" * 30
    path.write_bytes(data)
    return path


def other(path: Path) -> Path:
    path.write_bytes(b"not an archive at all")
    return path


def empty(path: Path) -> Path:
    return zipped(path, {})


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (bomb, "unpacks to more than"),
        (lying_bomb, "not a whole zip|unpacks to more than"),
        (crowd, "holds 10,001 files; at most 10,000"),
        (locked, "locked with a password"),
        (cut_short, "not a whole zip archive"),
        (damaged, "not a whole zip archive"),
        (other, "not a whole zip archive"),
        (empty, "empty archive"),
    ],
)
def test_a_bad_archive_gives_one_clear_error_and_leaves_nothing(tmp_path, make, said):
    archive = make(tmp_path / "sent.zip")
    with pytest.raises(InputError, match=rf"^sent\.zip .*({said})") as refused:
        unzip(archive, tmp_path / "out", most_bytes=1_000_000)
    assert str(tmp_path) not in str(refused.value)
    assert all_files(tmp_path) == {archive}
