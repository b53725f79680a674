# SPDX-License-Identifier: Apache-2.0
"""Turns that come again and again in the story."""

from __future__ import annotations

from typing import Final

from gaitops.demo.actions import Action, Command

SIGN_IN: Final = ("bob", "carol", "rosa")
"""Who signs in where the story is told without keys (:mod:`gaitops.demo.keyless`)."""
CONFIG: Final = "sigstore.json"
"""Where Sigstore is then, in the folder of the whole story: its ``ClientTrustConfig``."""
TOKENS: Final = "tokens"
"""Folder of the tokens that signing in gave."""


def branch(name: str) -> Command:
    """A new branch."""
    return Command(f"git switch --quiet --create {name}")


def committed(message: str) -> tuple[Action, ...]:
    """Everything in the working tree, committed."""
    return (Command("git add ."), Command(f"git commit --quiet -m '{message}'"))


def merged(branch: str) -> tuple[Action, ...]:
    """A branch, merged into main."""
    return (
        Command("git switch --quiet main"),
        Command(f"git merge --quiet --no-ff -m 'Merge {branch}' {branch}"),
    )


def signed(verb: str, *names: str, shows: tuple[str, ...] = (), root: bool = False) -> tuple[Action, ...]:
    """Signatures of several people on the change that is checked out; as ``root`` people they always use their keys."""
    return tuple(
        Command(
            f"gaitops {verb} --as {name} --key ../keys/{name}.pem --yes",
            shows=shows,
            keyless=f"gaitops {verb} --as {name} --sigstore --sigstore-config ../{CONFIG} \\\n"
            f"    --identity-token-file ../{TOKENS}/{name} --yes"
            if name in SIGN_IN and not root
            else None,
        )
        for name in names
    )


def published(continues: str) -> tuple[Command, ...]:
    """A release that both publishers sign."""
    return (
        Command(f"gaitops publish --out ../release --key ../keys/pia.pem {continues}", shows=("release",)),
        Command(
            f"gaitops publish --out ../release --key ../keys/quinn.pem {continues} --cosign",
            shows=("release", "content", "expires"),
        ),
    )
