"""The margin terms of a listing (RULEBOOK 4, 15.1, 17.17): brackets, and the variants that a message may ask for."""

from __future__ import annotations

from dataclasses import replace

from engine.brackets import Brackets, compile_brackets, require_im_above_mm
from engine.margin.interest import scaled_ppm
from engine.rules import money
from schemas.codes import Code, Refused
from schemas.decimals import count_of, ratio_of
from schemas.governed import InstrumentMessage


def compile_margin(
    message: InstrumentMessage, decimals: int, lot: tuple[int, int], limit: int
) -> tuple[Brackets, Brackets]:
    """MM and IM of a contract. Refuses CROSSED_PARAMETERS: brackets out of order, IM below MM, a rate above one."""
    mm = compile_brackets(message.mm_brackets, decimals).with_fee(message.closing_cost_ppm or 0)
    im = _by_interest(message, compile_brackets(message.im_brackets, decimals), decimals)
    require_im_above_mm(im, mm)
    if message.rate_per_unit:
        free = count_of(message.free_quantity or "0", *lot, Code.OFF_LOT)
        if free < 0:
            raise Refused(Code.NOT_POSITIVE, f"free_quantity {message.free_quantity} is below zero")
        mm, im = (table.sloped(ratio_of(message.rate_per_unit), lot, free) for table in (mm, im))
    elif message.free_quantity:
        raise Refused(Code.CROSSED_PARAMETERS, "free_quantity without rate_per_unit")
    for table in (mm, im):
        num, den = table.rate(len(table.floors) - 1, limit)
        if num > den:
            raise Refused(Code.CROSSED_PARAMETERS, "a margin rate above one at the position limit")
    return mm, im


def _by_interest(message: InstrumentMessage, im: Brackets, decimals: int) -> Brackets:
    """IM at the open interest of the message. One bracket only: of several, the deductions would not be whole."""
    said = [message.open_interest, message.interest_lower, message.interest_upper]
    if not any(said):
        return im
    interest, lower, upper = (money(text or "0", decimals) for text in said)
    if len(im.rates_ppm) > 1 or not lower < upper:
        raise Refused(Code.CROSSED_PARAMETERS, "IM by open interest takes one bracket and a lower below an upper cap")
    return replace(im, rates_ppm=(scaled_ppm(im.rates_ppm[0], interest, lower, upper),))
