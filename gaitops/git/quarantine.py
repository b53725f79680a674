# SPDX-License-Identifier: Apache-2.0
"""Objects of a push that has not been accepted yet (git-receive-pack(1), "Quarantine environment").

While a ``pre-receive`` hook runs, what was pushed lies in a folder of its own below the repository's ``objects``,
and is moved into it only if the hook agrees. Reading from there is the one exception to the rule that all
objects come from the repository itself, so the folder must be exactly that: one level below ``objects``, no symlink, and
borrowing from nowhere. What lies in it is a stranger's; like every object it counts only under its own hash.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from gaitops.errors import VerificationError
from gaitops.git.location import Location

_PART_OF_STORE: Final = re.compile(r"pack|info|[0-9a-f]{2}", re.ASCII)
"""Names below ``objects`` that belong to the repository's own objects."""


def quarantine_folder(location: Location, named: Path) -> Path:
    """The quarantine ``named`` by the server, resolved.

    Raises:
        VerificationError: ``git.alternates`` when it is not a plain folder of its own directly below the repository's
            objects, or borrows objects; ``git.partial_clone`` when it holds a pack that promises objects.
    """
    try:
        resolved = named.resolve(strict=True)
        is_inside = resolved.parent == location.objects.resolve(strict=True) and resolved.is_dir()
        if not is_inside or named.is_symlink() or _PART_OF_STORE.fullmatch(resolved.name):
            raise _outside(named)
        borrowed = resolved / "info" / "alternates"
        if borrowed.is_symlink() or borrowed.exists():
            raise VerificationError.of("git.alternates", f"the quarantine {named} borrows objects itself")
        if next((resolved / "pack").glob("*.promisor"), None) is not None:
            raise VerificationError.of("git.partial_clone", f"the quarantine {named} lacks promised objects")
    except OSError as error:
        raise VerificationError.of(
            "git.alternates", f"the quarantine {named} cannot be read: {error}"
        ) from error
    return resolved


def _outside(named: Path) -> VerificationError:
    return VerificationError.of(
        "git.alternates",
        f"the pushed objects are at {named}, not in a folder of their own below the repository's objects",
        remedy="let git receive-pack itself run the hook, in the repository that receives the push",
    )
