# SPDX-License-Identifier: Apache-2.0
"""``--require``: which signatures the statements of a pin must have. The consumer says so, and nobody else.

Option, variable and configuration add up, so that a workflow in a repository cannot lower what its organization set.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gaitops.errors import InvalidInputError

if TYPE_CHECKING:
    from gaitops.pin.require import Require, Word

REQUIRE_VARIABLE = "GAITOPS_REQUIRE"
_WORDS: dict[str, Word] = {"key": "key", "keyless": "keyless", "both": "both"}

_F = TypeVar("_F", bound=Callable[..., Any])


def require(function: _F) -> _F:
    """``--require key|keyless|both`` as ``require: Require``.

    Raises, when settled:
        InvalidInputError: ``config.malformed`` for another word in variable or configuration.
    """
    return click.option(
        "--require",
        type=click.Choice(list(_WORDS)),
        callback=_settled,
        help=f"Signatures that every statement must have: the publishers' keys (default), keyless by a workload that "
        f"the root names, or both. {REQUIRE_VARIABLE} and the user's configuration add to it.",
    )(function)


def _settled(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> Require | None:
    if ctx.resilient_parsing:
        return None
    from gaitops.cli.user import configuration_file, configured_require
    from gaitops.pin.require import Require

    configured = configured_require()
    variable = os.environ.get(REQUIRE_VARIABLE) or None
    for word, where in ((variable, REQUIRE_VARIABLE), (configured, str(configuration_file()))):
        if word is not None and word not in _WORDS:
            raise InvalidInputError.of(
                "config.malformed",
                f"{word!r} is none of {', '.join(_WORDS)}",
                path=where,
                field="require",
                remedy="correct it; a word that nobody knows must not pass for the weakest",
            )
    return Require.of(_WORDS[word] for word in (value, variable, configured) if word is not None)
