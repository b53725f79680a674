# SPDX-License-Identifier: Apache-2.0
"""``gait.config``."""

from __future__ import annotations

from collections.abc import Iterator

from gaitops.conformance.control import Control, failed, passed, unknown, warned
from gaitops.conformance.files import Found, find_file
from gaitops.conformance.inputs import Context, Required, Subject
from gaitops.conformance.model import Assessment, Outcome
from gaitops.documents.models.policy import POLICY_FILE
from gaitops.gait.policy_digest import digest_policy
from gaitops.gait.project_files import CONFIG_FILE, POLICY_FILES, UnreadableFileError, configured_policy
from gaitops.pin.layout import ENFORCED, FOLDER, files_folder


def _evaluate(subject: Subject, _required: Required | None, _context: Context) -> Assessment:
    if subject.claimed is None:
        return unknown("there is no readable pin whose policy Gait could use")
    found = [*_configured(subject), *_policies(subject)]
    if not found:
        return failed(f"neither {CONFIG_FILE} nor {POLICY_FILES[0]} names a policy", _remedy(subject))
    worst = (Outcome.FAIL, Outcome.INSUFFICIENT_DATA, Outcome.WARN, Outcome.PASS)
    return min(found, key=lambda item: worst.index(item.outcome))


def _configured(subject: Subject) -> Iterator[Assessment]:
    """What project defaults name."""
    config = find_file(subject.snapshot, CONFIG_FILE)
    if config is None:
        return
    try:
        policy = configured_policy(config.data)
    except UnreadableFileError as error:
        yield unknown(
            f"{CONFIG_FILE} cannot be read with certainty: {error}", _remedy(subject), path=CONFIG_FILE
        )
        return
    if policy is None:
        return
    target = find_file(subject.snapshot, policy.path)
    if target is None:
        reason = f"gate.policy names {policy.path}, which is no file of this repository"
        yield failed(reason, _remedy(subject), path=CONFIG_FILE, line=policy.line)
    else:
        yield _judged(subject, target, f"gate.policy of {CONFIG_FILE}", CONFIG_FILE)


def _policies(subject: Subject) -> Iterator[Assessment]:
    """Policies at the top of the repository, which some of Gait's commands find by themselves."""
    found = find_file(subject.snapshot, POLICY_FILES[0])
    if found is not None:
        yield _judged(subject, found, POLICY_FILES[0], POLICY_FILES[0])


def _judged(subject: Subject, found: Found, what: str, path: str) -> Assessment:
    """Whether a file that Gait uses is the enforced policy: the pinned file itself, or one that Gait reads alike."""
    if found.path == _pinned_path(subject.environment):
        return passed(f"{what} is the pinned policy")
    reading = digest_policy(found.data)
    if reading.digest is None:
        reason = f"{what} names {found.path}, whose Gait digest was not computed"
        return unknown(reason, _remedy(subject), path=path)
    others = subject.reading.pin.environments if subject.reading.pin is not None else {}
    matching = [name for name, item in sorted(others.items()) if item.enforced.gait_digest == reading.digest]
    if subject.environment in matching:
        return passed(f"{what} is {found.path}, which Gait reads as the pinned policy")
    if matching:
        return warned(
            f"{what} is the policy of environment {matching[0]}, not of {subject.environment}",
            f"name the policy where agents of {subject.environment} start: gaitops pin gait-args",
            path=path,
        )
    return failed(f"{what} is {found.path}, another policy than the pinned one", _remedy(subject), path=path)


def _pinned_path(environment: str) -> str:
    return f"{FOLDER}/{files_folder(environment, ENFORCED)}{POLICY_FILE}"


def _remedy(subject: Subject) -> str:
    return f"in {CONFIG_FILE} set gate: {{policy: {_pinned_path(subject.environment)}}}, and remove other policies"


CONTROL = Control(
    id="gait.config",
    title="Gait is configured to use the pinned policy",
    why="A pin that Gait does not read protects nobody.",
    measured="`gate.policy` in `.gait/config.yaml` leads to the enforced policy in `.gaitops/`, or to a file with the "
    "same Gait digest; a `.gait.yaml` beside it is the same policy; at least one of the two is there. "
    "`gait.yaml` is not looked at: it holds regress configuration. Warns where the default is the policy of another "
    "pinned environment. Relative paths are seen from the top of the repository; links are followed inside it.",
    remedy="set gate.policy in .gait/config.yaml to .gaitops/ENVIRONMENT/enforced/gait.policy.yaml",
    evaluate=_evaluate,
)
