"""Mutation testing of the code that shares money (docs/mutation.md): mutmut, also inside dataclasses, and its survivors
in words.

mutmut leaves decorated classes and properties alone, for what a decorator may do; a dataclass and a property do nothing
that a mutant could disturb, and half of a waterfall is methods of dataclasses.
"""

from __future__ import annotations

import argparse
import ast
import importlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from random import Random
from typing import Any

import libcst as cst
import pytest
from _pytest.config import get_config
from mutmut import __main__ as mutmut
from mutmut.configuration import Config
from mutmut.mutation import file_mutation

# The tests that may judge a module whose tests are focused: nearly every test divides something somewhere, and a mutant
# that survives would run them all. The clearing house is judged by every test of the selection that comes to it.
FOCUSED = {
    "engine.allocation": ("allocation",),
    "engine.deleveraging": ("deleveraging", "deleveraging_layer", "deleveraging_receipts"),
    "engine.waterfall": (
        "assessments",
        "deleveraging_layer",
        "loss_variants",
        "receipts",
        "settle",
        "waterfall_variants",
        "ladder",
    ),
}
PLAIN = {"dataclass", "property", "cached_property"}
SPLIT = "__mutmut_"


def enter_dataclasses() -> None:
    """Have mutmut mutate methods of dataclasses, and properties; and leave `strict=` alone."""
    visitor, arrange = file_mutation.MutationVisitor, file_mutation.function_trampoline_arrangement
    skips = visitor._skip_node_and_children

    def skip(self: Any, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Decorator) or _is_strict(node):
            return True
        return skips(self, node.with_changes(decorators=[]) if _is_plain(node) else node)

    def arranged(function: cst.FunctionDef, mutants: Iterable[Any], class_name: str | None) -> Any:
        able = [one for one in mutants if not _drops_strict(one.original_node, one.mutated_node)]
        before, (first, *copies), after, names = arrange(function, able, class_name)
        return before, [first, *(one.with_changes(decorators=[]) for one in copies)], after, names

    visitor._skip_node_and_children = skip
    file_mutation.function_trampoline_arrangement = arranged


def _is_plain(node: cst.CSTNode) -> bool:
    """Whether all decorators of a class or a function are harmless."""
    return isinstance(node, cst.ClassDef | cst.FunctionDef) and all(
        any(isinstance(x, cst.Name) and x.value in PLAIN for x in (one.decorator, getattr(one.decorator, "func", None)))
        for one in node.decorators
    )


def _is_strict(node: cst.CSTNode) -> bool:
    """`strict=` of a zip: a guard against a defect next to it, which no input can reach."""
    return isinstance(node, cst.Arg) and node.keyword is not None and node.keyword.value == "strict"


def _drops_strict(before: cst.CSTNode, after: cst.CSTNode) -> bool:
    """Whether a mutant changes `strict=` and nothing else."""
    if not (isinstance(before, cst.Call) and isinstance(after, cst.Call) and any(map(_is_strict, before.args))):
        return False
    both = [[arg for arg in call.args if not _is_strict(arg)] for call in (before, after)]
    return before.func is after.func and both[0] == both[1]


class Runner(mutmut.PytestRunner):
    """Tests are collected once, before the forks: most mutants die in less time than a collection takes."""

    def prepare_main_test_run(self) -> None:
        """The items of the selection, by their ids; a failing example kills, and need not be shrunk."""
        if hasattr(self, "items"):
            return
        options = ["-o", "addopts=--import-mode=importlib", "-p", "no:terminal", "--capture=no"]
        selected = [*options, *self._pytest_add_cli_args, *self._pytest_add_cli_args_test_selection]
        with mutmut.change_cwd("mutants"):
            config = get_config()
            config.parse(["--rootdir=.", *selected])
            config._do_configure()
            session = pytest.Session.from_config(config)
            config.hook.pytest_sessionstart(session=session)
            config.hook.pytest_collection(session=session)
        runner = importlib.import_module("hypothesis.internal.conjecture.engine").ConjectureRunner
        runner.shrink_interesting_test_cases = lambda _: None
        self.session, self.items = session, {item.nodeid: item for item in session.items}

    def run_tests(self, *, mutant_name: str | None, tests: Iterable[str]) -> int:
        """In the child of one mutant: its tests until one fails, at the end those that need a crash to be replayed."""
        if mutant_name is None:
            return super().run_tests(mutant_name=mutant_name, tests=tests)
        with mutmut.change_cwd("mutants"):
            items = [self.items[test] for test in sorted(tests, key=lambda test: "receipts.py" in test)]
            for item, following in zip(items, [*items[1:], None], strict=True):
                try:
                    item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                except Exception:  # noqa: BLE001 - hypothesis may fail while it tells of a failure
                    return 1
                if self.session.testsfailed:
                    return 1
        return 0


def focus() -> None:
    """Have each mutant judged by the tests of its module alone."""
    collect = mutmut.collect_or_load_stats

    def collected(*args: Any, **named: Any) -> None:
        collect(*args, **named)
        for function, tests in mutmut.mutmut.tests_by_mangled_function_name.items():
            for module, names in FOCUSED.items():
                if function.startswith(f"{module}."):
                    tests &= {test for test in tests if test.split(".py")[0].removeprefix("tests/test_") in names}

    mutmut.collect_or_load_stats = collected


def sample(count: int, seed: int) -> None:
    """Have mutmut try a random choice of so many mutants of each module."""
    collect = mutmut.collect_source_file_mutation_data

    def collected(**named: Any) -> Any:
        mutants, data = collect(**named)
        by_path: dict[Path, list[Any]] = {}
        for one in sorted(mutants, key=lambda one: one[1]):
            by_path.setdefault(one[0].path, []).append(one)
        chosen = [Random(f"{seed}/{at}").sample(each, min(count, len(each))) for at, each in by_path.items()]
        return [one for each in chosen for one in each], data

    mutmut.collect_source_file_mutation_data = collected


def report(modules: Sequence[str]) -> Iterator[str]:
    """A line a module, then a line a survivor: file:line, and the line before and after."""
    survivors: list[str] = []
    yield "| module | mutants | tried | killed | timed out | survived | score |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for path in sorted(mutmut.walk_mutatable_files()):
        if modules and not any(str(path).startswith(one) for one in modules):
            continue
        data = mutmut.SourceFileMutationData(path=path)
        data.load()
        every = {name: mutmut.status_by_exit_code[code] for name, code in data.exit_code_by_key.items()}
        found = {name: status for name, status in every.items() if status != "not checked"}
        count = Counter(found.values())
        alive = [name for name, status in found.items() if status not in ("killed", "timeout", "segfault")]
        survivors += [f"{where(path, name)} ({found[name]})" for name in alive]
        if found:
            score = f"{1 - len(alive) / len(found):.1%}"
            row = (path, len(every), len(found), count["killed"], count["timeout"], len(alive), score)
            yield f"| {' | '.join(map(str, row))} |"
    yield from ("", *survivors)


def where(path: Path, name: str) -> str:
    """`file:line`, what stands there, and what the mutant makes of it."""
    sides = [cst.Module([one]).code.strip().split("\n") for one in mutmut.read_functions_from_index(name, path)]
    function, owner = mutmut.orig_function_and_class_names_from_key(name)
    starts = [at for at, line in enumerate(sides[0]) if line.lstrip().startswith("def ")]
    changes = [one for one in SequenceMatcher(None, *sides, autojunk=False).get_opcodes() if one[0] != "equal"]
    _, first, last, other, end = changes[0]
    line = _line_of(path, function, owner) + first - starts[0]
    old, new = (" ".join(x.strip() for x in side) for side in (sides[0][first:last], sides[1][other:end]))
    return f"{path}:{line}: `{old}` -> `{new}`"


def _line_of(path: Path, function: str, owner: str | None) -> int:
    tree = ast.parse(path.read_text())
    body = tree.body
    if owner is not None:
        body = next(one.body for one in body if isinstance(one, ast.ClassDef) and one.name == owner)
    return next(one.lineno for one in body if isinstance(one, ast.FunctionDef) and one.name == function)


def main() -> None:
    """Run the mutants of some modules, then tell."""
    parser = argparse.ArgumentParser(prog="script/mutation", description="Mutants of the code that shares money.")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="file or folder, such as engine/waterfall; all")
    parser.add_argument("--sample", type=int, metavar="N", help="a random choice of so many mutants of each module")
    parser.add_argument("--seed", type=int, default=1, help="of the choice (%(default)s)")
    parser.add_argument("--children", type=int, default=2, help="how many mutants at a time (%(default)s)")
    said = parser.parse_args()
    Config.ensure_loaded()
    enter_dataclasses()
    focus()
    mutmut.PytestRunner = Runner
    pytest.Item._nodeid = property(lambda item: item.nodeid)  # mutmut 3.7 asks pytest 9 by its old name
    if said.sample is not None:
        sample(said.sample, said.seed)
    mutmut._run([one.removesuffix(".py").replace("/", ".") + "*" for one in said.modules], said.children)
    print("\n".join(report(said.modules)))


if __name__ == "__main__":
    main()
