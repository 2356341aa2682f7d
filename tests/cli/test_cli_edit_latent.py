"""``layerize edit --latent`` and ``--style`` with the shipped model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from layerize.formats import load


def test_a_layer_changes_and_the_others_keep_their_bytes(cli, folder: Path) -> None:
    cli("edit", folder, "-o", "out.layers", "--latent", "1", "hue=120", "brightness=10%")
    before, after = list(load(folder).walk()), list(load("out.layers").walk())
    red, green, _, _ = after[1].pixels[5, 5].tolist()
    assert red < 150 < green
    for place in (0, 2):
        name = f"layers/{place:02d}.png"
        assert (folder / name).read_bytes() == Path("out.layers", name).read_bytes()
    assert np.array_equal(before[1].pixels[..., 3], after[1].pixels[..., 3])


def test_style_of_a_picture(cli, folder: Path) -> None:
    Image.new("RGB", (50, 40), (20, 60, 220)).save("example.jpg")
    cli("edit", folder, "-o", "out.psd", "--style", "Shape 1, red", "example.jpg", "strength=0.9")
    red, _, blue, _ = list(load("out.psd").walk())[1].pixels[5, 5]
    assert red < 100 < blue


def test_refusals(cli, folder: Path) -> None:
    for words, code, message in (
        (("--latent", "1"), 2, "--latent: say which way to go: brightness="),
        (("--latent", "1", "hue=400"), 1, "--latent: hue 400 is out of range"),
        (("--latent", "Shape 9", "hue=4"), 1, "there is no layer 'Shape 9'"),
        (("--latent", "1", "size=4"), 2, "--latent has no setting size="),
        (("--latent", "1", "hue=4", "model=absent"), 1, "absent: no such model"),
        (("--style", "1", "absent.jpg"), 1, "absent.jpg"),
    ):
        assert message in cli("edit", folder, "-o", "out.layers", *words, code=code).stderr
    assert not Path("out.layers").exists()
