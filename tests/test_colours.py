"""The structures' colours can be told apart by readers who see no red or no green, and stand out on a dark page."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from llmseg.plots import COLOURS

SIGHT = {
    "trichromat": np.eye(3),
    "protanope": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "deuteranope": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
}
"""What a reader sees of linear RGB. Source: Machado et al. 2009, severity 1."""

XYZ = np.array([[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]])
WHITE = np.array([0.9505, 1.0, 1.0888])
PAGE = "#0d1116"


def linear(colour: str) -> np.ndarray:
    value = np.array([int(colour[n : n + 2], 16) for n in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB."""
    x, y, z = np.cbrt(np.maximum(XYZ @ np.clip(rgb, 0, 1) / WHITE, 0.0089))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(first: str, second: str) -> float:
    """WCAG 2's ratio of relative luminances."""
    light, dark = sorted((float(XYZ[1] @ linear(colour)) for colour in (first, second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("reader", SIGHT)
def test_any_two_structures_differ_for_every_reader(reader):
    """By 15 in CIELAB; a difference of 2 to 3 can just be seen side by side."""
    seen = {name: lab(SIGHT[reader] @ linear(colour)) for name, colour in COLOURS.items()}
    apart = {pair: float(np.linalg.norm(seen[pair[0]] - seen[pair[1]])) for pair in combinations(seen, 2)}
    assert {pair: distance for pair, distance in apart.items() if distance < 15} == {}


def test_a_pair_known_to_be_confused_is_confused_here_too():
    red, green = (lab(SIGHT["deuteranope"] @ linear(colour)) for colour in ("#c46a4a", "#8c8c46"))
    blue = lab(SIGHT["deuteranope"] @ linear("#4a6ac4"))
    assert np.linalg.norm(red - green) < 15 < np.linalg.norm(red - blue)


@pytest.mark.parametrize("name", COLOURS)
def test_every_colour_stands_out_on_the_page(name):
    """WCAG asks 3 to 1 of what is not text."""
    assert contrast(COLOURS[name], PAGE) >= 4
