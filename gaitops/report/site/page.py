# SPDX-License-Identifier: Apache-2.0
"""One HTML file from a document: style, script and data inside it, and a policy that lets nothing else in.

The browser enforces what the page promises: no request of any kind (``default-src 'none'``), no script and no style but the two
whose digests stand in the policy, and no markup made from strings (``require-trusted-types-for``). Data is a JSON block that
nothing executes, written without any character that could end it.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Final

ASSETS: Final = "assets"
_ESCAPED: Final = (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"))
_FRAME: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="gaitops">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header class="top"><div class="top-in"><nav class="crumbs" aria-label="Where you are"><ol id="crumbs"></ol></nav><div class="tools" id="tools"></div></div></header>
<div class="frame">
<nav class="rail" aria-label="On this page"><ul id="rail"></ul></nav>
<main id="main">
<noscript><h1>{title}</h1><p>This page draws its views with a script of its own. Without it, this is the whole fleet in short:</p><dl>{plain}</dl></noscript>
</main>
</div>
<div id="live" class="visually-hidden" role="status"></div>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
"""


def render_page(document: Mapping[str, object], title: str, plain: Iterable[tuple[str, str]]) -> bytes:
    """The page as UTF-8; equal arguments give equal bytes.

    Args:
        document: What the script reads (:mod:`gaitops.report.site.document`); JSON values only.
        title: Title of the page.
        plain: Labels and values for readers without scripts.
    """
    style, script = _style(), _script()
    text = _FRAME.format(
        policy=html.escape(content_security_policy(style, script)),
        title=html.escape(title),
        style=style,
        plain="".join(
            f"<dt>{html.escape(label)}</dt><dd>{html.escape(value)}</dd>" for label, value in plain
        ),
        data=embedded_json(document),
        script=script,
    )
    return text.encode()


def content_security_policy(style: str, script: str) -> str:
    """Nothing may load, and only this style and this script may act."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_source_hash(script)}'",
            f"style-src '{_source_hash(style)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def embedded_json(document: Mapping[str, object]) -> str:
    """JSON that can stand inside a ``script`` element: ASCII, and without ``<``, ``>`` and ``&``."""
    text = json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character, escape in _ESCAPED:
        text = text.replace(character, escape)
    return text


def _source_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


@cache
def _style() -> str:
    return _asset("page.css")


@cache
def _script() -> str:
    """The parts in the order of their names, in a function of their own: the page has no globals."""
    folder = files(__package__).joinpath(ASSETS)
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".js"))
    parts = "\n".join(_asset(name) for name in names)
    return f'(() => {{\n"use strict";\n{parts}}})();\n'


def _asset(name: str) -> str:
    return files(__package__).joinpath(ASSETS, name).read_bytes().decode().replace("\r\n", "\n")
