"""Collects what the benchmarks measure and writes the table that README.md quotes."""

import os
import platform
from pathlib import Path

import pytest

TABLE = Path(__file__).with_name("table.md")
OTHER_UNITS = {"nats a note": "{:.4f}", "MB": "{:.1f}"}  # what is no time, and how it is written


@pytest.fixture(scope="session")
def table():
    """A dict of row label -> (reference or None, ours, unit), both in seconds, or in seconds for
    each unit of work, such as 'a note', or in a unit of `OTHER_UNITS`; written out as
    tests/benchmarks/table.md when the last benchmark has run."""
    rows = {}
    yield rows
    lines = [
        f"Medians of at least three; {os.cpu_count()} cores, {platform.machine()}, Python "
        f"{platform.python_version()}. `pytest tests/benchmarks` writes this table.",
        "",
        "| what | the obvious way | here | ratio |",
        "|---|---|---|---|",
    ]
    for label, (reference, ours, unit) in rows.items():
        ratio = (
            ""
            if reference is None
            else f"{reference / ours:,.{0 if reference > 10 * ours else 2}f} times"
        )
        obvious = "" if reference is None else _shown(reference, unit)
        lines.append(f"| {label} | {obvious} | {_shown(ours, unit)} | {ratio} |")
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def median_seconds(benchmark):
    """A function of a call and a number of rounds: median seconds of the call, after one that is
    not counted."""

    def measure(call, rounds=3):
        benchmark.pedantic(call, rounds=rounds, warmup_rounds=1)
        return benchmark.stats.stats.median

    return measure


def _shown(seconds, unit):
    if unit in OTHER_UNITS:
        return f"{OTHER_UNITS[unit].format(seconds)} {unit}"
    if unit:
        return f"{seconds * 1e6:,.2f} µs {unit}"
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{seconds * 1e3:.0f} ms"
