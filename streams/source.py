"""What a run reads (RULEBOOK 16.2, 16.3): the topic logs of a directory, or a journal; never one of two in silence."""

from __future__ import annotations

from pathlib import Path

from schemas.inputs import TOPICS
from streams.journal import find_journal
from streams.logs import SUFFIXES, Log, LogsError, find_logs
from streams.outputs import WHAT_IF, WRITTEN


def find_source(path: Path) -> list[Log] | Path:
    """The topic logs of a directory, else its journal dump, or the dump itself. Raises LogsError, also for both."""
    if path.is_dir():
        journal = find_journal(path)
        if journal is None:
            return find_logs(path)
        beside = sorted(f"{topic}{suffix}" for topic in TOPICS for suffix in SUFFIXES if _is_there(path, topic, suffix))
        if beside:
            found = f"{journal.name} and {', '.join(beside)} in {path}"
            raise LogsError(f"a journal beside topic logs: {found}; to replay the journal, name it")
        return journal
    if path.is_file() and path.name in {f"journal{suffix}" for suffix in SUFFIXES}:
        return path
    if path.exists():
        raise LogsError(f"expected a directory of logs or a journal.jsonl, found {path}")
    raise LogsError(f"no such directory: {path}")


def _is_there(path: Path, topic: str, suffix: str) -> bool:
    return (path / f"{topic}{suffix}").exists()


def require_apart(source: list[Log] | Path, out: Path) -> None:
    """A run never writes, nor clears away, what it reads, by whatever name. Raises LogsError."""
    kind, files = ("journal is", [source]) if isinstance(source, Path) else ("logs are", [log.path for log in source])
    ours = [folder / name for folder in (out, out / WHAT_IF) for name in WRITTEN]
    touched = [(out, file.parent) for file in files] + [(target, file) for target in ours for file in files]
    if any(target.exists() and target.samefile(file) for target, file in touched):
        raise LogsError(f"--out is where the {kind}: {out}")
