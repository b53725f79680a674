# SPDX-License-Identifier: Apache-2.0
"""Repetitions and ratios that survive a noisy machine.

Contenders take turns, so that a slow minute slows all of them, and a ratio is the median of the ratios of each turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

Contender = Callable[[], float]
"""Does the work once and returns its seconds."""


def interleave(contenders: Mapping[str, Contender], repeats: int) -> dict[str, list[float]]:
    """Seconds of every contender in every turn, after one turn that is thrown away."""
    for contender in contenders.values():
        contender()
    turns = [{name: contender() for name, contender in contenders.items()} for _ in range(repeats)]
    return {name: [turn[name] for turn in turns] for name in contenders}


def ratio(seconds: Sequence[float], peer: Sequence[float]) -> float:
    """How many times as long as its peer, by the median of paired ratios."""
    return median(own / other for own, other in zip(seconds, peer, strict=True))


def processor_time(work: Callable[[], object]) -> float:
    """Processor time of this thread: what "per core" means, whoever else uses the machine."""
    start = time.thread_time()
    work()
    return time.thread_time() - start
