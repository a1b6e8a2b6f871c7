"""The two promises of the package layout, read from the source without importing it.

1. Imports go downwards only, schemas <- engine <- streams, and within streams what runs anywhere <- live <- local <-
   cli. The two lower packages know no clock, no chance, no environment, no network and no framework.
2. No float exists in engine: no literal, no true division, no float type, no numpy call that answers in one.

Both checkers turn a syntax tree into (line, complaint) pairs; the last tests here show that they can fail.
numpy is looked for under the names np and numpy, and ruff (ICN) holds everybody to them.
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("schemas", "engine", "streams")  # each may import itself and those before it
ROOMS = ("streams.live", "streams.local", "streams.cli")  # the same, and the rest of streams imports none of them
PURE = ("schemas", "engine")
FRAMEWORKS = {"aiokafka", "faust", "mode", "redis"}
OUTER_WORLD = {"asyncio", "datetime", "os", "socket", "threading", "time"}
CHANCE = {"numpy.random", "random", "secrets", "uuid"}
IMPURE = FRAMEWORKS | OUTER_WORLD | CHANCE

# numpy names that are float types or answer integers with floats.
FLOAT_NUMPY = re.compile(
    r"float\w*|floating|double|longdouble|single|half|inexact|divide|true_divide|nan|inf|pi|e"
    r"|mean|average|median|std|var|quantile|percentile|sqrt|exp|log\w*|linspace|nanmean|random"
)
# Without a dtype these make float64.
FLOAT_BY_DEFAULT = frozenset({"empty", "eye", "identity", "ones", "zeros"})
# All else in math answers with a float or takes one; ceil and floor are exact for Fraction and int.
EXACT_MATH = frozenset({"ceil", "comb", "factorial", "floor", "gcd", "isqrt", "lcm", "perm", "prod"})
FLOAT_DTYPE = re.compile(r"[<>=|]?(float\w*|f[248]?|d|e|g|double|single|half)")

Fault = tuple[int, str]
Checker = Callable[[ast.AST], Iterator[Fault]]


def imported_names(node: ast.AST) -> Iterator[str]:
    """Full dotted names that an import statement reaches for; relative ones stay at home and give none."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.level == 0:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def import_faults(package: str) -> Checker:
    """The checker of imports for one of LAYERS."""
    above = {*LAYERS[LAYERS.index(package) + 1 :], "tests"}
    impure = IMPURE if package in PURE else set()

    def check(tree: ast.AST) -> Iterator[Fault]:
        for node in ast.walk(tree):
            for name in imported_names(node):
                reached = {name, ".".join(name.split(".")[:2]), name.split(".")[0]}
                if reached & above:
                    yield node.lineno, f"{package} may not import upwards: {name}"
                if reached & impure:
                    yield node.lineno, f"{package} is pure and may not import {name}"

    return check


def room_faults(room: str | None) -> Checker:
    """The checker of imports for one of ROOMS, or for what is in none of them."""
    above = set(ROOMS if room is None else ROOMS[ROOMS.index(room) + 1 :])

    def check(tree: ast.AST) -> Iterator[Fault]:
        for node in ast.walk(tree):
            for name in imported_names(node):
                if ".".join(name.split(".")[:2]) in above:
                    yield node.lineno, f"{room or 'streams'} may not import upwards: {name}"

    return check


def room_of(path: Path) -> str | None:
    """The room of ROOMS that a file of streams stands in."""
    found = ".".join(path.relative_to(ROOT).parts[:2])
    return found if found in ROOMS else None


def float_faults(tree: ast.AST) -> Iterator[Fault]:
    """The checker of engine: every place where a float is written, named, or made."""
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=float() | complex() as value):
                yield node.lineno, f"float literal {value!r}"
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                yield node.lineno, "true division '/' gives a float: name a rounded division"
            case ast.Name(id="float" | "complex" as name):
                yield node.lineno, f"the type {name!r}"
            case ast.Attribute(value=ast.Name(id="np" | "numpy"), attr=name) if FLOAT_NUMPY.fullmatch(name):
                yield node.lineno, f"np.{name} is or gives a float"
            case ast.Attribute(value=ast.Name(id="math"), attr=name) if name not in EXACT_MATH:
                yield node.lineno, f"math.{name} is or gives a float"
            case ast.ImportFrom(module="math" | "numpy" as module, names=aliases):
                yield from from_import_faults(node.lineno, module, [alias.name for alias in aliases])
            case ast.Call():
                yield from call_faults(node)
            case ast.arg(annotation=quoted) | ast.AnnAssign(annotation=quoted) | ast.FunctionDef(returns=quoted):
                yield from quoted_faults(quoted)


def from_import_faults(line: int, module: str, names: list[str]) -> Iterator[Fault]:
    """Float names brought in bare, where the attribute rules would no longer see them."""
    for name in names:
        exact = name in EXACT_MATH if module == "math" else not FLOAT_NUMPY.fullmatch(name)
        if not exact:
            yield line, f"{module}.{name} is or gives a float"


def call_faults(call: ast.Call) -> Iterator[Fault]:
    """numpy calls whose dtype is a float, in letters ('f8') or for want of being named."""
    dtypes = [keyword.value for keyword in call.keywords if keyword.arg == "dtype"]
    match call.func:
        case ast.Attribute(attr="astype" | "dtype" | "view"):
            dtypes += call.args[:1]
        case ast.Attribute(value=ast.Name(id="np" | "numpy"), attr=name) if name in FLOAT_BY_DEFAULT:
            dtypes += call.args[1:]
            if not dtypes:
                yield call.lineno, f"np.{name} without a dtype makes float64"
    for dtype in dtypes:
        match dtype:
            case ast.Constant(value=str(letters)) if FLOAT_DTYPE.fullmatch(letters):
                yield call.lineno, f"float dtype {letters!r}"


def quoted_faults(annotation: ast.expr | None) -> Iterator[Fault]:
    """Floats inside annotations that are written as strings."""
    for node in ast.walk(annotation) if annotation else ():
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search(r"\bfloat", node.value):
            yield node.lineno, f"the annotation {node.value!r}"


def faults_of(package: str, check: Checker) -> list[str]:
    """All complaints about a package as 'file:line: complaint'; none while the package does not exist yet."""
    return [fault for path in sorted((ROOT / package).rglob("*.py")) for fault in faults_in(path, check)]


def faults_in(path: Path, check: Checker) -> list[str]:
    """The same, of one file."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    return [f"{path.relative_to(ROOT)}:{line}: {complaint}" for line, complaint in sorted(check(tree))]


@pytest.mark.parametrize("package", LAYERS)
def test_imports_go_downwards_and_stay_pure(package: str) -> None:
    """schemas <- engine <- streams, and the lower two reach for nothing outside the computation."""
    faults = faults_of(package, import_faults(package))
    assert not faults, "\n" + "\n".join(faults)


def test_rooms_of_streams_are_entered_from_above() -> None:
    """The command line stands on brokers of this machine, they on workers, workers on what needs no broker."""
    files = sorted((ROOT / "streams").rglob("*.py"))
    assert {room_of(path) for path in files} == {None, *ROOMS}
    faults = [fault for path in files for fault in faults_in(path, room_faults(room_of(path)))]
    assert not faults, "\n" + "\n".join(faults)


@pytest.mark.parametrize(
    ("room", "snippet"),
    [
        ("streams.live", "from streams.cli.exits import FINDINGS"),
        ("streams.live", "from streams.cli import main"),
        ("streams.live", "import streams.local.process"),
        ("streams.local", "def f():\n    from streams.cli import world"),
        (None, "from streams.live import worker"),
        (None, "from streams import cli"),
    ],
)
def test_an_import_from_a_room_above_is_flagged(room: str | None, snippet: str) -> None:
    """In every spelling, also inside functions."""
    assert [line for line, _ in room_faults(room)(ast.parse(snippet))] == [snippet.count("\n") + 1]


def test_engine_holds_no_float() -> None:
    """Balances, margins and allocations cannot meet a float, because engine has none."""
    faults = faults_of("engine", float_faults)
    assert not faults, "\n" + "\n".join(faults)


@pytest.mark.parametrize(
    ("package", "snippet"),
    [
        ("schemas", "import engine.numbers"),
        ("schemas", "from engine import numbers"),
        ("schemas", "from streams.cli import main"),
        ("schemas", "import datetime as dt"),
        ("engine", "import streams"),
        ("engine", "from tests.twin import book"),
        ("engine", "def f():\n    from time import monotonic"),
        ("engine", "import os.path"),
        ("engine", "from numpy import random"),
        ("engine", "import numpy.random as chance"),
        ("engine", "if TYPE_CHECKING:\n    import faust"),
        ("streams", "import tests"),
    ],
)
def test_a_bad_import_is_flagged(package: str, snippet: str) -> None:
    """Upward and impure imports are seen in every spelling, also inside functions and type checks."""
    faults = list(import_faults(package)(ast.parse(snippet)))
    assert [line for line, _ in faults] == [snippet.count("\n") + 1]


@pytest.mark.parametrize(
    "snippet",
    [
        "rate = 0.5",
        "rate = 1e6",
        "a = b / c",
        "a /= b",
        "a = float(b)",
        "a = b.astype(float)",
        "a = b.astype(np.float64)",
        "a = b.astype('float64')",
        "a = b.view('<f8')",
        "a = np.dtype('d')",
        "a = np.array(b, dtype='f8')",
        "a = np.zeros(3)",
        "a = np.ones(3, 'f4')",
        "a = np.mean(b)",
        "a = math.sqrt(b)",
        "from math import log",
        "from numpy import float64",
        "def f(a: float): ...",
        "def f(a: 'float'): ...",
        "def f() -> 'list[float]': ...",
        "a: dict[str, float]",
        "a: 'float | None' = None",
        "a: NDArray[np.float64]",
    ],
)
def test_a_float_is_flagged(snippet: str) -> None:
    """Each way of writing, naming or making a float is seen."""
    assert list(float_faults(ast.parse(snippet)))


def test_integer_code_is_not_flagged() -> None:
    """What the engine is meant to look like passes both checkers."""
    snippet = """
import math
import numpy as np
from numpy.typing import NDArray
from schemas import units
from . import fixed
from engine.numbers import div_down

def share(loss_units: int, weights: NDArray[np.int64]) -> NDArray[np.int64]:
    '''Half of 0.5 / 1.0 in prose is not a float.'''
    parts = np.zeros(len(weights), dtype=np.int64)
    ones = np.ones(3, np.int64)
    parts += loss_units * weights // math.gcd(2, 4)
    return parts.astype(np.int64)
"""
    tree = ast.parse(snippet)
    assert not list(float_faults(tree))
    assert not list(import_faults("engine")(tree))


def test_a_complaint_names_file_and_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message leads straight to the place."""
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "bad.py").write_text("a = 1\nb = a / 2\n")
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (fault,) = faults_of("engine", float_faults)
    assert fault.startswith("engine/bad.py:2: true division")
