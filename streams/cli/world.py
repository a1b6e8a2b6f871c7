"""The terminal around a command: signals, progress on stderr, JSON on stdout."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from schemas.inputs import TOPICS
from streams.logs import SUFFIXES
from streams.present import Fields, iso, json_document
from streams.under_way import Watch

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def say(text: str) -> None:
    """A message for the person at the terminal."""
    print(f"rhodian: {text}", file=sys.stderr)


def say_unread(logs: Path) -> None:
    """Files that look like logs but are of no topic: a misspelt name would else be a topic that nobody misses."""
    known = {*TOPICS, "events", "journal", "dead-letters"}  # a result may stand beside its logs
    names = list[str]()
    with suppress(OSError):  # whoever reads the logs will tell
        names = sorted(path.name for path in logs.iterdir() if path.name.endswith(SUFFIXES))
    unread = [name for name in names if name.partition(".")[0] not in known]
    if unread:
        say(f"not read, no topic has such a name: {', '.join(unread)}")


def print_json(fields: Fields) -> None:
    """The result of a command, alone on stdout."""
    sys.stdout.buffer.write(json_document(fields) + b"\n")
    sys.stdout.buffer.flush()


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Rich would end the process with code 1, which says that lines were refused."""
        raise BrokenPipeError


def result_console(width: int) -> Console:
    """stdout for tables, as wide as the terminal, or `width` where there is none."""
    console = _Console(highlight=False)
    return console if console.is_terminal else _Console(width=width, highlight=False)


@contextmanager
def watching(title: str) -> Iterator[Watch]:
    """A watch whose run ends at the first SIGINT or SIGTERM (a second one kills); progress if stderr is a terminal."""
    watch = Watch()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def stop(_number: int, _frame: FrameType | None) -> None:
        watch.is_stopped = True
        _restore(before)
        say("stopping; the files will be complete up to here (again: give up at once)")

    for number in SIGNALS:
        signal.signal(number, stop)
    try:
        with _bar(title, watch):
            yield watch
    finally:
        _restore(before)


def _restore(before: Mapping[signal.Signals, object]) -> None:
    for number, handler in before.items():
        signal.signal(number, handler)  # type: ignore[arg-type]  # what getsignal gave


@contextmanager
def _bar(title: str, watch: Watch) -> Iterator[None]:
    """A progress bar on stderr if that is a terminal; nothing else."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    columns = (
        TextColumn(title),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[time]}"),
    )
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task(title, total=1.0, time="")

        def show(share: float, time_ms: int) -> None:
            shown = iso(time_ms)[:16].replace("T", " ") if time_ms >= 0 else ""
            progress.update(task, completed=share, time=shown)

        watch.progress = show
        yield
