"""What a worker says about itself over HTTP: whether it lives, whether it keeps up, figures, and one account."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any

from aiohttp import web
from mode import Service
from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily

from engine.clearing.door import Clearing
from engine.margin.estimate import liquidation_ticks
from engine.shard.door import Shard
from streams.live.counts import Counts
from streams.live.desk import Desk
from streams.live.settings import HttpSettings
from streams.present import Terms, json_document

METRICS = "text/plain; version=0.0.4; charset=utf-8"


class Health(Service):
    """The HTTP server of one process. `halted` are reasons why a reader takes no further step."""

    def __init__(self, settings: HttpSettings, counts: Counts, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings, self.counts = settings, counts
        self.halted: list[str] = []
        self.readers: list[dict[int, Desk]] = []
        self.port = 0
        counts.registry.register(self)
        self._runner: web.AppRunner | None = None

    async def on_start(self) -> None:
        """Listen."""
        site = web.Application()
        site.router.add_get("/healthz", self._alive)
        site.router.add_get("/readyz", self._ready)
        site.router.add_get("/metrics", self._metrics)
        site.router.add_get("/accounts/{account:.+}", self._account)
        self._runner = web.AppRunner(site, access_log=None)
        await self._runner.setup()
        listener = web.TCPSite(self._runner, self.settings.host, self.settings.port)
        await listener.start()
        self.port = self._runner.addresses[0][1]

    async def on_stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def desks(self) -> Iterator[Desk]:
        """All readers at work here."""
        for desks in self.readers:
            yield from desks.values()

    async def _alive(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _ready(self, _: web.Request) -> web.Response:
        """Ready: nothing halted here, and every reader has read what the journal held when it was assigned."""
        behind = [desk.table.name for desk in self.desks() if desk.position < desk.end]
        waiting = [desk.table.name for desk in self.desks() if desk.is_waiting]
        is_idle = bool(waiting) and len(waiting) == len(list(self.desks()))
        body = {"ready": not (self.halted or behind or is_idle), "halted": self.halted, "catching_up": behind}
        body["waiting"] = waiting
        body["readers"] = [{"table": desk.table.name, "position": desk.position} for desk in self.desks()]
        return _json(body, 200 if body["ready"] else 503)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self.counts.registry), headers={"Content-Type": METRICS})

    async def _account(self, request: web.Request) -> web.Response:
        """The margin statement of an account that is kept here."""
        name = request.match_info["account"]
        for desk in self.desks():
            reader = desk.fold.reader
            shard = reader.machine if reader else None
            if reader and isinstance(shard, Shard) and request.query.get("book", reader.book.name) == reader.book.name:
                row = shard.state.accounts.row_of.get(name)
                if row is not None:
                    return _json(_statement(shard, row), 200)
        return _json({"error": f"no account {name} is kept by this worker"}, 404)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Figures of the readers as they stand."""
        yield _gauge("rhodian_build_info", "What runs here.", ["version"], [((version("rhodian"),), 1)])
        yield _gauge("rhodian_halted", "Readers that take no further step.", [], [((), len(self.halted))])
        for name, (told, labels) in _GAUGES.items():
            found = [sample for desk in self.desks() for sample in _samples(desk, name)]
            yield _gauge(name, told, labels, found)


_GAUGES = {
    "rhodian_position": ("Offset of the journal that is read next.", ["reader"]),
    "rhodian_watermark_seconds": ("Event time of the book.", ["reader"]),
    "rhodian_event_lag_seconds": ("Wall clock less event time of the book.", ["reader"]),
    "rhodian_accounts": ("Accounts kept.", ["reader"]),
    "rhodian_hot_accounts": ("Accounts in a margin call, a liquidation or below zero.", ["reader"]),
    "rhodian_open_rounds": ("Rounds under way.", ["reader"]),
    "rhodian_open_windows": ("Event windows open.", ["reader"]),
    "rhodian_fund_units": ("Balances of named accounts, in units of the settlement asset.", ["reader", "fund"]),
}
Sample = tuple[tuple[str, ...], float]


def _samples(desk: Desk, name: str) -> list[Sample]:
    """The values of one gauge for one reader."""
    reader, label = desk.fold.reader, desk.table.name
    if name == "rhodian_position":
        return [((label,), desk.position)]
    if reader is None:
        return []
    if name == "rhodian_watermark_seconds":
        return [((label,), reader.book.clock_ms / 1000)]
    if name == "rhodian_event_lag_seconds":
        return [((label,), time.time() - reader.book.clock_ms / 1000)]
    machine = reader.machine
    return _of_clearing(machine, label, name) if isinstance(machine, Clearing) else _of_shard(machine, label, name)


def _of_shard(shard: Shard, label: str, name: str) -> list[Sample]:
    state = shard.state
    if name == "rhodian_accounts":
        return [((label,), len(state.accounts))]
    if name == "rhodian_hot_accounts":
        return [((label,), len({*state.liquidations, *state.calls, *state.holes, *state.bankrupt}))]
    return []


def _of_clearing(clearing: Clearing, label: str, name: str) -> list[Sample]:
    state = clearing.state
    if name == "rhodian_open_rounds":
        return [((label,), int(state.round is not None))]
    if name == "rhodian_open_windows":
        return [((label,), int(state.window is not None))]
    if name == "rhodian_fund_units":
        funds = ((fund, units) for fund, units in state.ledger.cash.items() if not fund.startswith("@guarantee/"))
        return [((label, fund), units) for fund, units in funds]
    return []


def _gauge(name: str, told: str, labels: list[str], samples: list[Sample]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, told, labels=labels)
    for values, value in samples:
        family.add_metric(list(values), value)
    return family


def _statement(shard: Shard, row: int) -> dict[str, Any]:
    """Integers decide, texts are for people."""
    state = shard.state
    own, terms, name = state.statement(row), Terms(state.book), state.accounts.names[row]
    money = {"cash": state.accounts.take(row).cash, "equity": own.equity, "im": own.im, "mm": own.mm}
    positions = [
        {
            "instrument": state.book.contracts[line.column].name, "lots": line.lots,
            "quantity": terms.quantity(state.book.contracts[line.column].name, line.lots),
            "mark_ticks": state.book.price(line.column), "value_units": line.value, "mm_units": line.mm,
            "liquidation_ticks": liquidation_ticks(state.book, state.accounts, row, line.column),
        }
        for line in own.lines
    ]  # fmt: skip
    head = {"book": state.book.name, "seq": state.book.seq, "time_ms": state.book.clock_ms, "account": name}
    head |= {"status": state.accounts.status_of(row).word}
    texts = {key: terms.money(units) for key, units in money.items()}
    return {**head, **{f"{key}_units": units for key, units in money.items()}, **texts, "positions": positions}


def _json(body: Any, status: int) -> web.Response:
    return web.Response(body=json_document(body) + b"\n", status=status, content_type="application/json")
