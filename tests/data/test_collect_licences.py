"""Licences: texts known by their phrases, addresses, tags, metadata, and which file speaks for which."""

from __future__ import annotations

import pytest

from layerize.data.collect.licence_texts import of_address, recognise
from layerize.data.collect.licences import LicenceFinder, licence_in

# ruff: noqa: E501

MIT = """MIT License\n\nCopyright (c) 2020 Somebody\n\nPermission is hereby granted, free of charge, to any person obtaining a
copy of this software ... to whom the Software is furnished to do so, subject to the following conditions:\n\nThe above
copyright notice and this permission notice shall be included in all copies or substantial portions of the Software."""
BSD2 = """Redistribution and use in source and binary forms, with or without modification, are permitted provided that
1. Redistributions of source code must retain the above copyright notice ..."""
BSD3 = f"{BSD2}\n3. Neither the name of the copyright holder nor the names of its contributors may be used to endorse\nor promote products derived from this software without specific prior written permission."
ISC = """Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby
granted, provided that the above copyright notice and this permission notice appear in all copies."""

TEXTS = {
    "MIT": MIT,
    "MIT-0": MIT.split("subject to")[0],
    "BSD-2-Clause": BSD2,
    "BSD-3-Clause": BSD3,
    "BSD-4-Clause": BSD3 + "\nAll advertising materials mentioning features or use of this software must display",
    "ISC": ISC,
    "0BSD": ISC.split(", provided")[0] + ".",
    "Apache-2.0": "                              Apache License\n                        Version 2.0, January 2004",
    "GPL-2.0-only": "GNU GENERAL PUBLIC LICENSE\nVersion 2, June 1991\n ... the GNU Lesser General Public License instead",
    "GPL-3.0-only": "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n",
    "AGPL-3.0-only": "GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3, 19 November 2007",
    "LGPL-3.0-only": "GNU LESSER GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\nThis version ... incorporates the terms",
    "LGPL-2.1-only": "GNU LESSER GENERAL PUBLIC LICENSE\nVersion 2.1, February 1999\nPreamble",
    "MPL-2.0": "Mozilla Public License Version 2.0\n====",
    "Unlicense": "This is free and unencumbered software released into the public domain.",
    "WTFPL": "DO WHAT THE FUCK YOU WANT TO PUBLIC LICENSE\nVersion 2, December 2004",
    "OFL-1.1": "SIL OPEN FONT LICENSE Version 1.1 - 26 February 2007",
    "Zlib": "This software is provided 'as-is', without any express or implied warranty... 2. Altered source versions must",
    "CC0-1.0": "Creative Commons Legal Code\n\nCC0 1.0 Universal\n",
    "CC-BY-4.0": "Creative Commons\nAttribution 4.0 International\n\n=====",
    "CC-BY-SA-4.0": "Creative Commons Corporation ... Attribution-ShareAlike 4.0 International Public License",
    "CC-BY-SA-3.0": "Creative Commons Legal Code\nAttribution-ShareAlike 3.0 Unported",
    "CC-BY-NC-4.0": "Creative Commons Attribution-NonCommercial 4.0 International",
    "CC-BY-NC-SA-4.0": "Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International",
    "CC-BY-ND-4.0": "Creative Commons Attribution-NoDerivatives 4.0 International",
    "CC-BY-3.0": "All art is licensed under CC-BY 3.0.",
    "CC-BY-SA-2.0": "see https://creativecommons.org/licenses/by-sa/2.0/ for the terms",
    "MIT AND CC-BY-4.0": MIT + "\n\nThe images are under a Creative Commons Attribution 4.0 International licence.",
    "Apache-2.0 OR MIT": "// SPDX-License-Identifier: Apache-2.0 OR MIT\n",
}  # fmt: skip


@pytest.mark.parametrize("spdx", TEXTS)
def test_texts(spdx: str) -> None:
    assert recognise(TEXTS[spdx]) == spdx
    assert recognise(TEXTS[spdx].replace("\n", "\r\n * ")) == spdx, "as a comment of a program"


@pytest.mark.parametrize(
    "text", ["", "All rights reserved.", "You may not use this.", "Copyright 2020 Somebody", "\x00\xff" * 50]
)
def test_no_licence_is_made_up(text: str) -> None:
    assert recognise(text) is None


@pytest.mark.parametrize(
    ("address", "spdx"),
    [
        ("http://creativecommons.org/licenses/by-sa/4.0/", "CC-BY-SA-4.0"),
        ("https://creativecommons.org/licenses/by-nc-nd/3.0/de/", "CC-BY-NC-ND-3.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://opensource.org/licenses/MIT", "MIT"), ("https://opensource.org/license/bsd-3-clause", "BSD-3-Clause"),
        ("http://www.apache.org/licenses/LICENSE-2.0", "Apache-2.0"),
        ("https://www.gnu.org/licenses/gpl-3.0.html", "GPL-3.0-only"),
        ("https://www.gnu.org/licenses/old-licenses/lgpl-2.1.txt", "LGPL-2.1-only"),
        ("https://spdx.org/licenses/CC-BY-4.0.html", "CC-BY-4.0"), ("https://example.org/licence", None),
        ("http://artlibre.org/licence/lal", "LAL-1.3"),
    ],
)  # fmt: skip
def test_addresses(address: str, spdx: str | None) -> None:
    assert of_address(address) == spdx


def svg(inside: str) -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg"><metadata>{inside}</metadata></svg>'.encode()


@pytest.mark.parametrize(
    ("content", "spdx"),
    [
        (svg('<cc:license rdf:resource="http://creativecommons.org/licenses/by/3.0/" />'), "CC-BY-3.0"),
        (svg('<cc:license\n     rdf:resource=""/>'), None),
        (svg("<cc:license>CC0 1.0 Universal</cc:license>"), "CC0-1.0"),
        (b"8BPS....<xmpRights:WebStatement>https://creativecommons.org/licenses/by-sa/4.0/</x>", "CC-BY-SA-4.0"),
        (b"<svg><!-- SPDX-License-Identifier: MIT --></svg>", "MIT"),
        (svg("<dc:rights>mine</dc:rights>"), None), (b"", None),
    ],
)  # fmt: skip
def test_what_a_file_says_itself(content: bytes, spdx: str | None) -> None:
    found = licence_in(content)
    assert (found.spdx if found else None) == spdx


def finder(files: dict[str, str]) -> LicenceFinder:
    return LicenceFinder(files, lambda path: files[path].encode())


def found(files: dict[str, str], path: str, content: bytes = b"") -> tuple[str, str] | None:
    licence = finder(files).licence_of(path, content)
    return (licence.spdx, licence.found_in) if licence else None


def test_the_nearest_licence_file_speaks() -> None:
    files = {
        "LICENSE": MIT,
        "art/COPYING.txt": TEXTS["CC-BY-SA-4.0"],
        "art/deep/a.psd": "",
        "b.psd": "",
        "art2/c.psd": "",
    }
    assert found(files, "art/deep/a.psd") == ("CC-BY-SA-4.0", "art/COPYING.txt")
    assert found(files, "b.psd") == ("MIT", "LICENSE")
    assert found(files, "art2/c.psd") == ("MIT", "LICENSE")


def test_a_file_that_says_nothing_is_passed_over() -> None:
    files = {"LICENSE": MIT, "art/COPYRIGHT": "by Somebody", "art/a.psd": ""}
    assert found(files, "art/a.psd") == ("MIT", "LICENSE")
    assert found({"README.md": MIT, "a.psd": ""}, "a.psd") is None


@pytest.mark.parametrize(
    "name", ["LICENSE", "licence.md", "COPYING", "UNLICENSE", "LICENSE.txt", "COPYING.LESSER", "LICENSE-MIT"]
)
def test_names_of_licence_files(name: str) -> None:
    assert found({name: MIT, "a.psd": ""}, "a.psd") == ("MIT", name)


def test_the_licence_of_the_art_goes_before_that_of_the_code() -> None:
    files = {"LICENSE": TEXTS["GPL-3.0-only"], "LICENSE-ART.md": TEXTS["CC-BY-4.0"], "a.psd": ""}
    assert found(files, "a.psd") == ("CC-BY-4.0", "LICENSE-ART.md")
    both = {"LICENSE-MIT": MIT, "LICENSE-APACHE": TEXTS["Apache-2.0"], "a.psd": ""}
    assert found(both, "a.psd") == ("Apache-2.0 AND MIT", "LICENSE-APACHE, LICENSE-MIT")


def test_what_is_nearer_to_the_file_goes_first() -> None:
    own = svg('<cc:license rdf:resource="http://creativecommons.org/publicdomain/zero/1.0/"/>')
    files = {"LICENSE": MIT, "a.svg": "", "a.svg.license": "SPDX-License-Identifier: CC-BY-4.0"}
    assert found(files, "a.svg", own) == ("CC-BY-4.0", "a.svg.license")
    del files["a.svg.license"]
    assert found(files, "a.svg", own) == ("CC0-1.0", "the file's metadata")
    assert found(files, "a.svg") == ("MIT", "LICENSE")


def test_reuse_annotations() -> None:
    toml = """version = 1\n[[annotations]]\npath = "art/**"\nSPDX-License-Identifier = "CC-BY-SA-4.0"
[[annotations]]\npath = ["art/logo.svg", "x"]\nSPDX-License-Identifier = ["CC0-1.0", "MIT"]\n"""
    files = {"LICENSE": MIT, "REUSE.toml": toml, "art/deep/a.psd": "", "art/logo.svg": "", "b.psd": ""}
    assert found(files, "art/deep/a.psd") == ("CC-BY-SA-4.0", "REUSE.toml")
    assert found(files, "art/logo.svg") == ("CC0-1.0 AND MIT", "REUSE.toml")
    assert found(files, "b.psd") == ("MIT", "LICENSE")
    dep5 = "Format: https://x\n\nFiles: art/*\n other/*.svg\nCopyright: 2020 Me\nLicense: OFL-1.1\n\nFiles: b.psd\nLicense: MIT"
    files = {".reuse/dep5": dep5, "art/deep/a.psd": "", "other/x.svg": "", "b.psd": ""}
    assert found(files, "art/deep/a.psd") == found(files, "other/x.svg") == ("OFL-1.1", ".reuse/dep5")
    assert found(files, "b.psd") == ("MIT", ".reuse/dep5")
    debian = "Files: *\nLicense: GPL-2+\n\nFiles: brushes/*\nLicense: CC0 or Expat\n full text\n"
    files = {"COPYING": TEXTS["GPL-2.0-only"], "Licenses.dep5": debian, "brushes/x.ora": "", "a.ora": ""}
    assert found(files, "brushes/x.ora") == ("CC0-1.0 OR MIT", "Licenses.dep5")
    assert found(files, "a.ora") == ("GPL-2.0-or-later", "Licenses.dep5")
    files |= {"svg/LICENSE": MIT, "svg/a.svg": ""}
    assert found(files, "svg/a.svg") == ("MIT", "svg/LICENSE"), "nearer than what is said of everything"
    assert found({"REUSE.toml": "not [ toml", "a.psd": ""}, "a.psd") is None
