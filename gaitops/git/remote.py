# SPDX-License-Identifier: Apache-2.0
"""Fetch and push through the user's ``git`` program, which knows the user's credentials, proxies and protocols.

This is the user's own Git acting for the user, so the user's settings apply; what it brings is then verified like
everything else. Hooks, file-system monitors, submodules and replace refs are switched off. Outcomes are told by exit
status, porcelain output and the state of the remote, never by prose.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from gaitops.errors import InternalError, InvalidInputError, MissingDependencyError, VerificationError
from gaitops.git.objects import OBJECT_ID
from gaitops.git.refs import LostRaceError, check_ref_name
from gaitops.git.repository import Repository
from gaitops.git.writing import Person

_KEPT: Final = re.compile(
    r"GIT_(?:SSH|SSH_COMMAND|SSH_VARIANT|ASKPASS|TERMINAL_PROMPT|SSL_[A-Z_]+|HTTP_[A-Z_]+|PROXY_[A-Z_]+"
    r"|CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_[0-9]+|VALUE_[0-9]+)|EXEC_PATH)"
)
"""Variables of Git that say how to reach a remote; all others could redirect it to another repository."""
_SWITCHED_OFF: Final = (
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false"),
)
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@\s]+@")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_REMOTE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_NOT_FOUND: Final = 2
"""Exit status of ``git ls-remote --exit-code`` when no reference matches."""


class GitProgram:
    """The ``git`` program on one repository.

    Args:
        folder: A folder inside the repository, or a bare repository.
        environ: The environment of the user; those ``GIT_*`` variables that would redirect Git are taken out.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder
        kept = {
            name: value
            for name, value in environ.items()
            if (not name.startswith("GIT_") or _KEPT.fullmatch(name)) and name != "LANGUAGE"
        }
        self._environ = kept | {"LC_ALL": "C", "GIT_NO_REPLACE_OBJECTS": "1", "GIT_OPTIONAL_LOCKS": "0"}

    def fetch(self, remote: str, branch: str) -> str:
        """Update ``refs/remotes/<remote>/<branch>`` and return the commit id that it points to now.

        Raises:
            InvalidInputError: ``git.unknown_remote``; ``git.unknown_revision`` when the remote has no such branch.
            InternalError: ``git.remote_failed``, worth another try.
            MissingDependencyError: ``git.not_installed``.
        """
        self._check_remote(remote)
        source, target = _branch(branch), f"refs/remotes/{remote}/{branch}"
        options = ("--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head")
        done = self._run("fetch", *options, remote, f"+{source}:{target}")
        if done.returncode != 0:
            if self._run("ls-remote", "--exit-code", remote, source).returncode == _NOT_FOUND:
                raise InvalidInputError.of(
                    "git.unknown_revision",
                    f"{remote} has no branch {branch!r}",
                    remedy=f"git ls-remote --heads {remote} lists them",
                )
            raise _failed(f"cannot fetch {branch} from {remote}", done)
        commit = Repository.open(self._folder).references.target(target)
        if commit is None:
            raise _failed(f"{remote} did not deliver {branch}", done)
        return commit

    def push(self, commit: str, branch: str, remote: str, expected: str | None) -> None:
        """Move ``branch`` of ``remote`` forward to ``commit`` if it still is at ``expected`` (``None``: does not exist).

        Raises:
            InvalidInputError: ``git.unknown_remote``.
            LostRaceError: ``history.fork`` when the branch is elsewhere by now; fetch and start again.
            VerificationError: ``git.push_rejected`` when the remote refuses for another reason, such as protection;
                ``history.not_descendant`` when ``commit`` would not be a fast-forward.
            InternalError: ``git.remote_failed``, worth another try.
            MissingDependencyError: ``git.not_installed``.
        """
        self._check_remote(remote)
        target = _branch(branch)
        for oid in (commit, expected):
            if oid is not None and OBJECT_ID.fullmatch(oid) is None:
                raise InvalidInputError.of("git.unknown_revision", f"{oid!r} is not a full commit id")
        repository = Repository.open(self._folder)
        if expected is not None and repository.reachable(expected, excluding=[commit]):
            raise VerificationError.of("history.not_descendant", f"{commit} does not contain {expected}")
        # A lease is compare-and-swap; that it also forces is harmless, as the move was just found to be forward.
        lease = f"--force-with-lease={target}:{expected or ''}"
        options = (
            "--porcelain",
            "--no-verify",
            "--recurse-submodules=no",
            "--no-follow-tags",
            "--no-signed",
            lease,
        )
        done = self._run("push", *options, remote, f"{commit}:{target}")
        if done.returncode == 0:
            return
        if not any(line.startswith("!") for line in done.stdout.splitlines()):
            raise _failed(f"cannot push {branch} to {remote}", done)
        if self.remote_branch(remote, branch) != expected:
            raise LostRaceError.of(
                "history.fork",
                f"{branch} of {remote} has moved in the meantime",
                remedy="fetch and start again",
            )
        raise VerificationError.of(
            "git.push_rejected",
            f"{remote} refuses to move {branch}: {_summary(done)}",
            remedy="open a pull request",
        )

    def remote_branch(self, remote: str, branch: str) -> str | None:
        """Commit id of ``branch`` at ``remote`` now, ``None`` when it does not exist; errors as for :meth:`fetch`."""
        self._check_remote(remote)
        target = _branch(branch)
        done = self._run("ls-remote", "--exit-code", remote, target)
        if done.returncode == _NOT_FOUND:
            return None
        for line in done.stdout.splitlines():
            oid, _, name = line.partition("\t")
            if done.returncode == 0 and name == target and OBJECT_ID.fullmatch(oid):
                return oid
        raise _failed(f"cannot ask {remote} for {branch}", done)

    def user_identity(self) -> Person:
        """``user.name`` and ``user.email`` of the user's Git configuration.

        Raises:
            InvalidInputError: ``git.identity`` when they are not set.
            MissingDependencyError: ``git.not_installed``.
        """
        values = []
        for key in ("user.name", "user.email"):
            done = self._run("config", "--get", key)
            value = done.stdout.strip()
            if done.returncode != 0 or not value:
                raise InvalidInputError.of(
                    "git.identity", f"Git does not know your {key}", remedy=f"git config --global {key} …"
                )
            values.append(value)
        return Person(*values)

    def _check_remote(self, remote: str) -> None:
        """Only configured remotes: Git would take any other name for a folder."""
        if _REMOTE_NAME.fullmatch(remote):
            # "git remote get-url" does not see what the environment configures.
            settings = f"^remote[.]{remote.replace('.', '[.]')}[.](url|pushurl)$"
            if self._run("config", "--get-regexp", settings).returncode == 0:
                return
        raise InvalidInputError.of(
            "git.unknown_remote",
            f"{remote!r} is not the name of a configured remote",
            remedy="git remote -v lists them; git remote add NAME URL adds one",
        )

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command: Sequence[str] = ("git", "-C", str(self._folder), *_SWITCHED_OFF, *arguments)
        try:
            return subprocess.run(
                command,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                check=False,
            )
        except FileNotFoundError as error:
            raise MissingDependencyError.of(
                "git.not_installed", "the program git is not on PATH", remedy="install Git 2.34 or newer"
            ) from error
        except (OSError, ValueError) as error:
            raise InternalError.of("git.remote_failed", f"cannot run git: {error}") from error


def _branch(name: str) -> str:
    return "refs/heads/" + check_ref_name(name)


def _failed(what: str, done: subprocess.CompletedProcess[str]) -> InternalError:
    return InternalError.of("git.remote_failed", f"{what}: {_summary(done)}")


def _summary(done: subprocess.CompletedProcess[str]) -> str:
    """The last lines that Git wrote for people, without credentials or control characters."""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    text = "; ".join(lines[-3:]) or f"git ended with status {done.returncode}"
    return _CONTROLS.sub(" ", _CREDENTIALS.sub("…@", text))[:500]
