"""Verifiers of examples/, run in this process."""

from __future__ import annotations

import io
import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest


def ended(script: Path, events: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> str:
    """What a script ends with when it is given these events: the one thing that is wrong, or nothing."""
    lines = "".join(json.dumps(event) + "\n" for event in events)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    try:
        runpy.run_path(str(script))
    except SystemExit as end:
        return str(end)
    return ""
