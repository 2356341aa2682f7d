"""SVG files as design files: levels, what acts on all layers, text, fonts; nothing is fetched, bombs are refused."""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from layerize.data.design_file import DesignFile
from layerize.data.readers import read_design
from layerize.errors import InputError, LimitError
from layerize.formats.svg_draw import Renderer
from layerize.formats.svg_source import parse_svg
from layerize.stack import Group, Layer, flatten, iter_nodes

pytest.importorskip("resvg_py")
HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape" '
)
RED, BLUE = (
    '<rect id="red" width="200" height="200" fill="red"/>',
    '<circle id="dot" cx="300" cy="200" r="50" fill="blue"/>',
)


def read(tmp_path: Path, body: str, size: str = 'width="400" height="300"', name: str = "x.svg") -> DesignFile:
    (tmp_path / name).write_text(f"{HEAD}{size}>{body}</svg>", encoding="utf-8")
    return read_design(tmp_path / name)


def names(design: DesignFile) -> list[str]:
    return [node.name for node in iter_nodes(design.stack.layers) if isinstance(node, Layer)]


def error(design: DesignFile) -> float:
    """Mean absolute difference between the stack and the drawing as a whole, over white and over black."""
    assert design.preview is not None
    found = []
    for ground in ((0, 0, 0), (255, 255, 255)):
        whole = flatten(design.stack.with_layers([Layer(pixels=design.preview)]), background=ground)
        found.append(np.abs(flatten(design.stack, background=ground).astype(int) - whole).mean())
    return float(max(found))


def kinds(design: DesignFile) -> set[str]:
    return {flag.kind for flag in design.flags}


def test_the_first_level_with_two_things_is_taken(tmp_path: Path) -> None:
    hidden = '<rect id="frame" width="400" height="300" fill="none"/><g id="nothing"/>'
    design = read(tmp_path, f'{hidden}<g><g transform="translate(20 10)">{RED}{BLUE}</g></g>')
    assert names(design) == ["red", "dot"]
    red, dot = design.stack.layers
    assert isinstance(red, Layer)
    assert isinstance(dot, Layer)
    assert (red.offset, red.size) == ((20, 10), (200, 200))
    assert (dot.offset, dot.size) == ((270, 160), (100, 100))
    assert error(design) < 0.1


def test_groups_become_groups_and_labels_names(tmp_path: Path) -> None:
    body = f'<g inkscape:label="Ebene 1">{RED}{BLUE}</g><g id="g2"><title>Titel</title><path d="M0 250h400v50z"/></g>'
    design = read(tmp_path, body)
    first, second = design.stack.layers
    assert isinstance(first, Group)
    assert (first.name, names(design)[:2], second.name) == ("Ebene 1", ["red", "dot"], "Titel")


def test_what_acts_on_all_layers_stays(tmp_path: Path) -> None:
    clip = '<clipPath id="c"><rect width="100" height="300"/></clipPath>'
    design = read(
        tmp_path, f'<defs>{clip}</defs><g clip-path="url(#c)" opacity="0.5">{RED}{RED.replace("red", "lime")}</g>'
    )
    group = design.stack.layers[0]
    assert isinstance(group, Group)
    assert (group.opacity, len(group.layers)) == (0.5, 2)
    assert all(layer.size[0] == 100 for layer in group.layers if isinstance(layer, Layer))
    assert "filter" in kinds(design)
    assert error(design) < 0.5


def test_a_used_sibling_is_still_drawn(tmp_path: Path) -> None:
    design = read(tmp_path, f'{RED}{BLUE}<use id="again" xlink:href="#dot" x="-100"/>')
    assert names(design) == ["red", "dot", "again"]
    assert error(design) < 0.1


def test_hidden_layers_and_blend_modes(tmp_path: Path) -> None:
    design = read(
        tmp_path, f'{RED}<g id="off" style="display:none">{BLUE}</g><g style="mix-blend-mode:multiply">{BLUE}</g>'
    )
    red, off, multiplied = design.stack.layers
    assert [node.visible for node in (red, off, multiplied)] == [True, False, True]
    assert isinstance(off, Layer)
    assert off.size == (100, 100)
    assert multiplied.blend == "multiply"


def test_text_and_fonts(tmp_path: Path) -> None:
    text = '<text id="t" x="10" y="40" font-family="No Such Font, serif" font-size="30">Hello <tspan>you</tspan></text>'
    flow = "<flowRoot><flowPara>lost words</flowPara></flowRoot>"
    design = read(tmp_path, f"{RED}{text}{flow}")
    assert design.stack.layers[1].text == {"content": "Hello you"}  # type: ignore[union-attr]
    details = {flag.kind: flag.detail for flag in design.flags}
    assert details["missing-font"] == "No Such Font"
    assert details["lost-text"] == "flowRoot: lost words"


def test_units_and_sizes(tmp_path: Path) -> None:
    millimetres = read(tmp_path, RED + BLUE, 'width="100mm" height="50mm" viewBox="0 0 400 300"')
    assert millimetres.stack.size == (378, 189)
    icon = read(tmp_path, RED + BLUE, 'viewBox="0 0 40 30"')
    assert icon.stack.size == (256, 192)
    assert "scaled" in kinds(icon)
    assert max(read(tmp_path, RED + BLUE, 'width="9000" height="3000"').stack.size) == 2048
    with pytest.raises(InputError, match="1000 times the other"):
        read(tmp_path, RED, 'width="900000" height="3"')


def test_many_loose_objects_are_grouped(tmp_path: Path) -> None:
    dots = "".join(f'<circle id="d{i}" cx="{10 + 37 * i % 380}" cy="{10 + i * 3}" r="3"/>' for i in range(90))
    design = read(tmp_path, dots)
    assert 2 <= len(names(design)) <= 32
    assert "grouped" in kinds(design)
    assert error(design) < 0.5


def test_nothing_outside_is_read(tmp_path: Path) -> None:
    Image.new("RGB", (50, 50), (0, 255, 0)).save(tmp_path / "secret.png")
    for reference in (str(tmp_path / "secret.png"), (tmp_path / "secret.png").as_uri(), "http://127.0.0.1:9/x.png"):
        image = f'<image id="i" xlink:href="{reference}" width="50" height="50"/>'
        design = read(tmp_path, f"{RED}{BLUE}{image}")
        assert names(design) == ["red", "dot"]
        assert {flag.detail for flag in design.flags if flag.kind == "external-link"} == {reference[:200]}
    inner = (
        f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{tmp_path / "secret.png"}" width="9" height="9"/></svg>'
    )
    nested = base64.b64encode(inner.encode()).decode()
    assert "lost" in kinds(read(tmp_path, f'{RED}<image href="data:image/svg+xml;base64,{nested}"/>'))


def test_embedded_pictures_are_drawn_within_limits(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (4, 4), (0, 255, 0)).save(stream, "PNG")
    png = base64.b64encode(stream.getvalue()).decode()
    image = f'<image id="i" href="data:image/png;base64,{png}" width="90" height="90"/>'
    assert names(read(tmp_path, RED + image)) == ["red", "i"]
    huge = io.BytesIO()
    Image.new("1", (9_000, 9_000)).save(huge, "PNG")
    bomb = f'<image href="data:image/png;base64,{base64.b64encode(huge.getvalue()).decode()}" width="90" height="90"/>'
    with pytest.raises(LimitError, match="megapixels"):
        read(tmp_path, RED + bomb)


def test_document_types(tmp_path: Path) -> None:
    plain = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x.dtd" [<!ENTITY ns_svg "http://www.w3.org/2000/svg">]>'
    body = f'<svg xmlns="&ns_svg;" width="400" height="300">{RED}{BLUE}</svg>'
    (tmp_path / "ai.svg").write_text(plain + body)
    assert names(read_design(tmp_path / "ai.svg")) == ["red", "dot"]
    nested = "".join(f'<!ENTITY a{i} "&a{i - 1};&a{i - 1};">' for i in range(1, 60))
    outside = '<!ENTITY a SYSTEM "file:///etc/passwd">'
    for entities in (f'<!ENTITY a0 "ha">{nested}', outside, '<!ENTITY % p "x">%p;'):
        (tmp_path / "bomb.svg").write_text(f"<!DOCTYPE svg [{entities}]>{body}")
        with pytest.raises(InputError):
            read_design(tmp_path / "bomb.svg")


def test_bombs_of_references_and_of_compression(tmp_path: Path) -> None:
    doubled = "".join(f'<g id="g{i}">{f"""<use xlink:href="#g{i - 1}"/>""" * 10}</g>' for i in range(1, 12))
    with pytest.raises(LimitError, match="once its references are followed"):
        read(tmp_path, f'<g id="g0">{RED}</g>{doubled}')
    (tmp_path / "x.svgz").write_bytes(gzip.compress(bytes(80_000_000)))
    with pytest.raises(LimitError, match="unpacks to more"):
        read_design(tmp_path / "x.svgz")
    with pytest.raises(LimitError, match="levels"):
        read(tmp_path, "<g>" * 5000 + RED + "</g>" * 5000)


def test_packed_files(tmp_path: Path) -> None:
    (tmp_path / "x.svgz").write_bytes(gzip.compress(f'{HEAD}width="400" height="300">{RED}{BLUE}</svg>'.encode()))
    assert names(read_design(tmp_path / "x.svgz")) == ["red", "dot"]


def test_empty_drawings(tmp_path: Path) -> None:
    assert names(read(tmp_path, "")) == []
    with pytest.raises(InputError):
        read_design(_written(tmp_path / "no.svg", "<html/>"))


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_renderer_can_be_asked_for_parts(tmp_path: Path) -> None:
    root = parse_svg(f'{HEAD}width="400" height="300">{RED}{BLUE}</svg>'.encode(), "x", 10**6)
    renderer = Renderer(root, "x", 10**6)
    assert renderer.draw([root], [root[1]])[200, 300].tolist() == [0, 0, 255, 255]
    assert renderer.draw([root], [root[1]], long_side=40).shape == (30, 40, 4)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutations_are_read_or_refused(data: st.DataObject, tmp_path: Path) -> None:
    body = (
        f'{HEAD}width="40" height="30" viewBox="0 0 400 300"><g opacity="0.5">{RED}{BLUE}</g><use href="#dot"/></svg>'
    )
    good = bytearray(body.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(32, 126))
    (tmp_path / "x.svg").write_bytes(good)
    with contextlib.suppress(InputError):
        assert read_design(tmp_path / "x.svg", max_pixels=10**6).stack.size[0] > 0
