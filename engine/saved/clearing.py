"""The clearing house as a document, and back."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.book import Book, WindingDown
from engine.clearing.door import Clearing
from engine.clearing.dues import Borne, Call, Uncured
from engine.clearing.state import ClearingState, Round, Window
from engine.layers import Waterfall
from engine.ledger import Ledger
from engine.saved.book import Document
from engine.waterfall.assess import CappedPeriod
from engine.waterfall.losses import Losses
from schemas.journal import Allocation
from schemas.rows import Batch, Credit

# Plain fields: saved as they are, loaded as the type beside them.
_PLAIN: dict[str, Any] = {
    "ledger": Ledger,
    "deferred": list[str],
    "news": bool,
    "round": Round | None,
    "rounds": int,
    "allocation": Allocation | None,
    "allocations": int,
    "windows": int,
    "closed_on": dict[str, tuple[int, int]],
    "pace_interval": int,
    "pace_used_units": int,
    "resume_ms": int,
    "placed_scope": str,
    "left": list[str],
    "place_tried": int,
    "settled": int,
    "previous": str,
    "calls": list[Call],
    "assessed": dict[str, int],
    "period": CappedPeriod | None,
    "batches": list[Batch],
    "leaving": dict[int, Batch],
    "giving": Batch | None,
    "given": int,
    "deleveragings": int,
    "reserved": dict[str, dict[str, int]],
    "uncured": list[Uncured],
    "winding": WindingDown,
    "borne": list[Borne],
    "recoveries": int,
    "credits": list[Credit],
    "refills": list[Call],
}


_ASSESSMENTS = {"calls", "assessed", "period", "refills"}
_SINCE = _ASSESSMENTS | {"uncured", "winding", "borne", "recoveries", "credits"}  # what older versions did not save


def save_clearing(clearing: Clearing) -> Document:
    """Everything the clearing house knows beside the common data."""
    state = clearing.state
    found = {name: msgspec.to_builtins(getattr(state, name), str_keys=True) for name in _PLAIN}
    found["raised"] = [[what, account, seq] for (what, account), seq in sorted(state.raised.items())]
    found["expected"] = sorted(state.expected)
    found["window"] = None if state.window is None else _save_window(state.window)
    return found


def load_clearing(book: Book, saved: Document) -> Clearing:
    """The clearing house as it was saved. What an older version did not save yet begins as ever: there was none."""
    clearing = Clearing(book)
    state: ClearingState = clearing.state
    for name, kind in _PLAIN.items():
        if name not in _SINCE or name in saved:
            setattr(state, name, msgspec.convert(saved[name], kind, strict=False))
    state.raised = {(what, account): seq for what, account, seq in saved["raised"]}
    state.expected = set(saved["expected"])
    state.window = None if saved["window"] is None else _load_window(saved["window"])
    return clearing


def _save_window(window: Window) -> Document:
    cells = [[member, scope, units] for (member, scope), units in sorted(window.losses.cells.items())]
    fields = {name: getattr(window, name) for name in Window.__dataclass_fields__ if name != "losses"}
    return {**msgspec.to_builtins(fields), "losses": cells}


def _load_window(saved: Document) -> Window:
    fields = {name: value for name, value in saved.items() if name not in ("losses", "waterfall")}
    losses = Losses({(member, scope): units for member, scope, units in saved["losses"]})
    return Window(**fields, waterfall=msgspec.convert(saved["waterfall"], Waterfall), losses=losses)
