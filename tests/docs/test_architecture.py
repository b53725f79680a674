# SPDX-License-Identifier: Apache-2.0
"""The rules of ``docs/architecture.md`` hold in the source: one direction of imports, I/O at the edge, sizes, docstrings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.docs.source_tree import ROOT, Module, modules

PAGE = ROOT / "docs" / "architecture.md"
EVERYWHERE = frozenset({"errors", "content", "__version__"})
"""What every package may use."""

MAY_IMPORT: dict[str, frozenset[str]] = {
    "errors": frozenset(),
    "content": frozenset(),
    "documents": frozenset(),
    "git": frozenset(),
    "signing": frozenset({"documents"}),
    "gait": frozenset({"signing", "documents"}),
    "fleet": frozenset({"documents", "gait", "signing"}),
    "directory": frozenset({"fleet", "documents"}),
    "rollout": frozenset({"fleet", "documents", "signing"}),
    "change": frozenset({"rollout", "fleet", "documents", "gait", "signing"}),
    "history": frozenset({"change", "rollout", "fleet", "git", "documents", "gait", "signing"}),
    "release": frozenset({"fleet", "documents", "gait", "signing"}),
    "pin": frozenset({"release", "fleet", "git", "documents", "signing"}),
    "conformance": frozenset({"pin", "release", "rollout", "fleet", "documents", "gait", "signing"}),
    "scaffold": frozenset({"documents", "signing"}),
    "posture": frozenset({"fleet", "gait", "documents"}),
    "signals": frozenset({"fleet", "gait", "documents"}),
    "evidence": frozenset({"posture", "signals", "fleet", "gait", "documents", "signing"}),
    "report": frozenset(
        {
            "evidence", "posture", "signals", "conformance", "history", "change", "rollout", "fleet", "documents", "gait", "release",
            "pin",
        }
    ),
    "demo": frozenset(
        {"cli", "evidence", "release", "pin", "history", "change", "fleet", "git", "documents", "gait", "signing", "scaffold"}
    ),
    "drill": frozenset({"demo", "history", "release", "change", "fleet", "git", "documents", "signing"}),
    "cli": frozenset(
        {
            "release", "pin", "conformance", "history", "report", "scaffold", "change", "rollout", "fleet", "git", "documents", "gait",
            "signing", "demo", "directory", "drill", "evidence", "posture", "signals",
        }
    ),
    "__main__": frozenset({"cli"}),
    "__init__": frozenset(),
}  # fmt: skip
"""Package → the packages that it may import, besides :data:`EVERYWHERE`. The page shows the same as a drawing."""

NARROW_IMPORTS: dict[tuple[str, str], frozenset[str]] = {
    ("signing", "documents"): frozenset({"gaitops.documents.strict_json"}),
    ("gait", "signing"): frozenset({"gaitops.signing.canonical"}),
    ("gait", "documents"): frozenset({"gaitops.documents.strict_json"}),
}
"""Where only some modules of a package may be imported."""

EXTRA_IMPORTS: dict[str, frozenset[str]] = {
    "gaitops/release/collect.py": frozenset({"history"}),
    "gaitops/conformance/fleet_survey.py": frozenset({"git"}),
    "gaitops/conformance/gate.py": frozenset({"change"}),
}
"""Single modules that may import more: ``collect`` is the bridge from a folded history to what a release says,
``fleet_survey`` reads many mirrors in other processes, ``gate`` asks whether a freeze window is active."""

ONLY_IN: dict[str, frozenset[str]] = {
    "pygit2": frozenset({"git"}),
    "_pygit2": frozenset({"git"}),
    "click": frozenset({"cli"}),
    "sqlite3": frozenset({"history"}),
    "yaml": frozenset({"documents", "gait"}),
    "rfc8785": frozenset({"signing"}),
    "cryptography": frozenset({"signing", "gait"}),
    # Clients of KMS and HSM: a signer is all that anybody else sees of them.
    "azure": frozenset({"signing"}),
    "botocore": frozenset({"signing"}),
    "google": frozenset({"signing"}),
    "hvac": frozenset({"signing"}),
    "pkcs11": frozenset({"signing"}),
    "requests": frozenset({"signing"}),
    "sigstore": frozenset({"signing"}),
    "pysequoia": frozenset({"signing"}),
    "tuf": frozenset({"fleet", "release", "pin"}),
    "urllib3": frozenset({"release", "signing", "directory"}),
    # ID tokens of a directory's OpenID provider; signatures of the fleet are never JWTs.
    "jwt": frozenset({"directory"}),
    "pyarrow": frozenset({"evidence"}),
    "deltalake": frozenset({"evidence"}),
    "fsspec": frozenset({"evidence"}),
    "ibis": frozenset({"evidence"}),
    "duckdb": frozenset({"evidence"}),
    "pyspark": frozenset({"evidence"}),
    "subprocess": frozenset({"git", "signing", "cli", "demo"}),
}
"""Libraries that only some packages may know."""

EDGE = frozenset({"cli", "demo", "__main__"})
"""Packages that may print, read the environment and the clock, and exit."""

ENVIRONMENT_EXCEPTIONS = {
    "gaitops/signing/ssh_signer.py": "ssh-keygen finds the user's agent through SSH_AUTH_SOCK; callers may hand in another environment",
}
"""Modules below the edge that read the environment, and why."""

ASSERTS = {"gaitops/change/envelopes.py": "tells the type checker what the line before guarantees"}
"""Modules with an ``assert``, and why nothing rests on it."""

MOST_LINES = 450
LONGEST_FUNCTION = 80
DOCUMENTED_SHARE = 0.95


def top(name: str) -> str:
    """The package below ``gaitops`` that a full module name lies in."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def own_imports(module: Module) -> Iterator[tuple[str, int]]:
    """Imports of other packages of gaitops."""
    for name, line in module.imports():
        if name.split(".")[0] == "gaitops" and top(name) != module.package:
            yield name, line


def test_imports_point_downwards_only() -> None:
    """No package imports one that the table does not allow; type-checking and lazy imports count too."""
    wrong = []
    for module in modules():
        allowed = MAY_IMPORT[module.package] | EVERYWHERE | EXTRA_IMPORTS.get(module.name, frozenset())
        for name, line in own_imports(module):
            narrow = NARROW_IMPORTS.get((module.package, top(name)))
            if top(name) not in allowed or (narrow is not None and name not in narrow):
                wrong.append(f"{module.name}:{line} imports {name}")
    assert wrong == []


def test_the_table_of_imports_has_no_circles() -> None:
    """The direction is one direction: apart from the command line's demo, the table is a graph without cycles."""
    order: list[str] = []
    left = {name: set(allowed) for name, allowed in MAY_IMPORT.items()}
    left["demo"].discard("cli")
    while left:
        ready = sorted(name for name, needs in left.items() if not needs - set(order))
        assert ready, f"a circle among {sorted(left)}"
        order += ready
        for name in ready:
            del left[name]


def test_libraries_stay_where_they_belong() -> None:
    """Only ``git`` knows pygit2, only ``cli`` knows click, and so on."""
    wrong = [
        f"{module.name}:{line} imports {name}"
        for module in modules()
        for name, line in module.imports()
        if module.package not in ONLY_IN.get(name.split(".")[0], {module.package})
    ]
    assert wrong == []


def edge_calls(module: Module) -> Iterator[tuple[int, str]]:
    """(line, what) for everything that only the edge may do."""
    for node in module.nodes():
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            spelled = f"{node.value.id}.{node.attr}"
            if spelled in {"os.environ", "os.getenv", "os.environb"}:
                yield node.lineno, "environment"
            elif re.fullmatch(r"(datetime|date)\.(now|utcnow|today)|time\.(time|time_ns)", spelled):
                yield node.lineno, "clock"
            elif spelled in {"sys.exit", "sys.stdout", "sys.stderr", "sys.stdin", "sys.argv", "os._exit"}:
                yield node.lineno, spelled
        elif isinstance(node, ast.Name) and node.id in {"print", "input", "exit", "quit", "breakpoint"}:
            yield node.lineno, node.id


def test_only_the_edge_prints_and_reads_clock_and_environment() -> None:
    """Below the command line a time and an environment are arguments, and results are values."""
    wrong = [
        f"{module.name}:{line} uses {what}"
        for module in modules()
        if module.package not in EDGE
        for line, what in edge_calls(module)
        if not (what == "environment" and module.name in ENVIRONMENT_EXCEPTIONS)
    ]
    assert wrong == []


def test_the_exceptions_are_still_needed() -> None:
    """An exception whose reason is gone is removed from the list."""
    known = {module.name: module for module in modules()}
    for name in ENVIRONMENT_EXCEPTIONS:
        assert any(what == "environment" for _line, what in edge_calls(known[name])), name
    for name, extra in EXTRA_IMPORTS.items():
        assert extra <= {top(found) for found, _line in own_imports(known[name])}, name


def test_the_clock_is_read_in_one_module() -> None:
    """``cli.clock`` is the only place with a current time."""
    readers = {module.name for module in modules() for _line, what in edge_calls(module) if what == "clock"}
    assert readers == {"gaitops/cli/clock.py"}


def test_every_module_begins_with_licence_and_docstring() -> None:
    """The SPDX line comes first, then a docstring."""
    wrong = [
        module.name
        for module in modules()
        if not module.text.startswith("# SPDX-License-Identifier: Apache-2.0\n")
        or not ast.get_docstring(module.tree)
    ]
    assert wrong == []


def test_packages_say_what_they_own_and_import_nothing() -> None:
    """A package's ``__init__`` is its statement of purpose; importing a package loads nothing."""
    packages = [module for module in modules() if module.path.name == "__init__.py"]
    assert [
        module.name for module in packages for name, _line in module.imports() if name != "__future__"
    ] == []
    top_level = {module.package: ast.get_docstring(module.tree) or "" for module in packages}
    assert {name for name, text in top_level.items() if name != "__init__" and "\n" not in text} == set()


def test_modules_have_a_readable_size() -> None:
    """No module is longer than a reader's patience."""
    assert {m.name: m.text.count("\n") for m in modules() if m.text.count("\n") > MOST_LINES} == {}


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method."""
    for node in module.nodes():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_functions_fit_in_the_head() -> None:
    """95 of 100 functions have at most 60 lines, and none more than 80."""
    sizes = {
        f"{module.name}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for module in modules()
        for node in functions(module)
    }
    assert {name: size for name, size in sizes.items() if size > LONGEST_FUNCTION} == {}
    assert sorted(sizes.values())[int(len(sizes) * 0.95)] <= 60


def public_definitions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """Public classes and functions of a module, and public methods of public classes."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                for member in node.body:
                    if isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
                        yield member


def test_everything_public_is_documented() -> None:
    """What other modules may call says what it is for."""
    wrong = [
        f"{module.name}:{node.lineno} {node.name}"
        for module in modules()
        for node in public_definitions(module.tree)
        if not ast.get_docstring(node)
    ]
    assert wrong == []


def test_no_assert_guards_a_rule() -> None:
    """``assert`` disappears under ``python -O``; no decision may rest on one."""
    found = {module.name for module in modules() for node in module.nodes() if isinstance(node, ast.Assert)}
    assert found - ASSERTS.keys() == set()


def test_the_page_describes_every_package() -> None:
    """``docs/architecture.md`` has a row for each package, and none for what is gone."""
    page = PAGE.read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `gaitops/([a-z]+)/` \|", page, re.MULTILINE))
    present = {module.package for module in modules() if module.path.name == "__init__.py"} - {"__init__"}
    assert rows == present


def test_the_page_names_only_files_that_exist() -> None:
    """Every path in the page is there."""
    page = PAGE.read_text(encoding="utf-8")
    paths = set(re.findall(r"`((?:gaitops|tests|docs|tools|schemas|benchmarks)/[\w./-]*\w)`", page))
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []
