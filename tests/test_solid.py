"""Surfaces of the structures: closed, in the right place, small enough to travel."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from pressing import pressed_run
from standin import LEFT, RIGHT, SPACING_MM, ball, head

from llmseg.case import InputError
from llmseg.ui import solid
from llmseg.ui.session import Session
from llmseg.ui.solid import UNIT_MM, figure_of, layers_of, surface_of

TURNED = np.array([[0, -2.5, 0, 10], [2.5, 0, 0, -20], [0, 0, 4, 30], [0, 0, 0, 1]], float)
AFFINES = (np.diag([*SPACING_MM, 1.0]), TURNED, np.diag([-2.5, -2.5, 4.0, 1.0]))


def volume_mm3(surface) -> float:
    """By the divergence theorem; negative where triangles face inwards."""
    corners = surface.vertices[surface.triangles].astype(float) - surface.vertices.mean(axis=0)
    return float(np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))) / 6


@pytest.mark.parametrize("affine", AFFINES)
def test_a_balls_surface_is_closed_and_lies_around_its_middle(affine):
    surface = surface_of(ball(LEFT), affine)
    middle = affine[:3, :3] @ LEFT + affine[:3, 3]
    np.testing.assert_allclose(np.linalg.norm(surface.vertices - middle, axis=1), 16, atol=2.5)
    assert abs(volume_mm3(surface)) == pytest.approx(ball(LEFT).sum() * np.prod(SPACING_MM), rel=0.1)
    edges = Counter(tuple(sorted(edge)) for a, b, c in surface.triangles for edge in ((a, b), (b, c), (c, a)))
    assert set(edges.values()) == {2}


def test_triangles_face_outwards():
    assert volume_mm3(surface_of(ball(RIGHT), AFFINES[0])) > 0


def test_what_is_thinner_than_a_cell_has_no_surface():
    thin = np.zeros((20, 20, 20), bool)
    thin[10, 10, 10] = True
    assert len(surface_of(thin, np.eye(4)).triangles) == 0


def test_the_notes_contours_are_whole_and_the_others_are_veils(bench):
    session = bench.choose(Session.start(), "0/one")
    figure = bench.solid(session)
    meshes = [trace for trace in figure.data if trace.type == "mesh3d"]
    assert [(mesh.legendgroup, mesh.name, mesh.opacity == 1, mesh.visible) for mesh in meshes] == [
        ("With the note", "PTV_High", True, True),
        ("Without the note", "PTV_High", False, True),
        ("Reference", "PTV_High", False, "legendonly"),
    ]
    frame = session.shown.frame
    for mesh, centre in zip(meshes, (LEFT, RIGHT, LEFT), strict=True):
        middle = head().affine[:3, :3] @ centre + head().affine[:3, 3]
        np.testing.assert_allclose([np.mean(axis) * UNIT_MM for axis in (mesh.x, mesh.y, mesh.z)], middle, atol=1.5)
    assert figure.layout.uirevision == "0/one"
    assert figure_of((), frame, "0/one") is None


def test_a_comparison_stands_in_the_place_of_the_contour_without_a_note(bench):
    session, _ = pressed_run(bench, bench.choose(Session.start(), "0/one"), "Oropharynx, right.")
    assert [layer.title for layer in layers_of(bench.beside(session, 1))] == ["With the note", "Note 1", "Reference"]
    empty, _ = pressed_run(bench, bench.choose(Session.start(), "0/two"), " ")
    assert [layer.title for layer in layers_of(empty)] == ["Without the note", "Reference"]
    assert layers_of(bench.choose(Session.start(), "0/two")) == ()


def test_many_large_surfaces_are_made_of_larger_cells(bench, monkeypatch):
    session = bench.choose(Session.start(), "0/one")
    before = sum(len(trace.x) for trace in bench.solid(session).data)
    monkeypatch.setattr(solid, "MOST_VERTICES", before // 3)
    assert 0 < sum(len(trace.x) for trace in bench.solid(session).data) <= before // 3 + len(solid.LETTERS)


def test_contours_that_were_cleared_are_asked_for_again(bench):
    session = bench.choose(Session.start(), "0/one")
    gone = replace(session.results["text"].masks, path="/nowhere.gz")
    lost = replace(session, results={"text": replace(session.results["text"], masks=gone)})
    with pytest.raises(InputError, match="Press Run again"):
        bench.solid(lost)
