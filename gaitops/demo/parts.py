# SPDX-License-Identifier: Apache-2.0
"""Turns that come again and again in the story."""

from __future__ import annotations

from gaitops.demo.actions import Action, Command


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


def signed(verb: str, *names: str, shows: tuple[str, ...] = ()) -> tuple[Action, ...]:
    """Signatures of several people on the change that is checked out."""
    return tuple(
        Command(f"gaitops {verb} --as {name} --key ../keys/{name}.pem --yes", shows=shows) for name in names
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
