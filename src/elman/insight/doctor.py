"""``elman doctor``: what the arithmetic runs on, how fast it is, and what holds it back."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from elman.insight.diagnosis import Finding, judge, suspect
from elman.insight.kernels import abilities, processor_name
from elman.insight.machine import Machine, this_machine
from elman.insight.rates import Rates, Sizes
from elman.insight.trials import measure

WIDTH = 100  # of the sentences printed
IDLE = 0.9  # of the time that we had a processor, from which on nobody else is in the way


@dataclass(frozen=True)
class Report:
    """What an examination found. ``print(report)`` shows it.

    Attributes
    ----------
    machine : Machine
        What the arithmetic runs on.
    sizes : Sizes
        What was measured.
    rates : Rates
        How fast it is.
    findings : tuple of Finding
        What may hold it back, and whether it does.
    """

    machine: Machine
    sizes: Sizes
    rates: Rates
    findings: tuple[Finding, ...]

    @property
    def held_back(self) -> bool:
        """Whether something is to be done."""
        return any(finding.holds_back for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, as ``elman doctor --json`` prints it."""
        machine, blas = self.machine, self.machine.blas
        return {
            "numpy": machine.numpy,
            "loops": machine.loops,
            "blas": asdict(blas) if blas else None,
            "processor": processor_name(machine),
            "architecture": machine.architecture,
            "system": machine.system,
            "abilities": abilities(machine),
            "cores": machine.cores,
            "usable_cores": machine.usable,
            "quota": machine.quota,
            "sizes": asdict(self.sizes),
            "rates": {**asdict(self.rates), "step_share": self.rates.step_share},
            "held_back": self.held_back,
            "findings": [
                {
                    "topic": finding.topic,
                    "holds_back": finding.holds_back,
                    "text": finding.text,
                    "advice": list(finding.advice),
                    "faster": dict(finding.faster or {}),
                }
                for finding in self.findings
            ],
        }

    def __str__(self) -> str:
        """Write it for people."""
        rows = [f"{name:<16}{value}" for name, value in self._rows()]
        if self.rates.running < IDLE:
            taken = f"Other work took {1 - self.rates.running:.0%} of the processor's time meanwhile."
            rows += ["", taken, "The rates are too low: measure again when there is none."]
        for finding in self.findings:
            rows += ["", *textwrap.wrap(finding.text, WIDTH, break_long_words=False, break_on_hyphens=False)]
            # A sentence ends with a point or introduces a command with a colon; the rest is to be typed.
            rows += [line if line.endswith((".", ":")) else f"    {line}" for line in finding.advice]
        if not self.held_back and self.rates.running >= IDLE:
            rows += ["", "Nothing holds this machine back."]
        return "\n".join(rows)

    def _rows(self) -> list[tuple[str, str]]:
        machine, rates, sizes = self.machine, self.rates, self.sizes
        loops = ", ".join(f"{name} with {_instructions(uses)}" for name, uses in machine.loops.items())
        step = f"{rates.step_tokens:,.0f} tokens/s, {_gflops(rates.step_gflops)} with 1 thread"
        return [
            ("numpy", f"{machine.numpy}{f'; its own loops: {loops}' if loops else ''}"),
            ("blas", _blas(machine)),
            ("processor", processor_name(machine)),
            ("abilities", ", ".join(abilities(machine)) or "none that is known"),
            ("cores", _cores(machine)),
            ("large products", _products(machine, rates)),
            ("", f"sgemm of {sizes.matrix:,} x {sizes.matrix:,}"),
            ("training step", f"{step}: {rates.step_share:.0%} of the rate of large products"),
            (
                "",
                f"LSTM {sizes.layers} x {sizes.hidden}, embedding {sizes.embedding}, vocabulary "
                f"{sizes.vocab_size}, batch {sizes.batch}, window {sizes.window}, float32",
            ),
        ]


def examine(sizes: Sizes | None = None, environment: Mapping[str, str] | None = None) -> Report:
    """Read what the arithmetic runs on, measure how fast it is, and judge what holds it back.

    What a variable of the environment costs is measured in a second process that starts without it.

    Parameters
    ----------
    sizes : Sizes, optional
        What to measure; by default what takes a second or two.
    environment : mapping of str to str, optional
        The variables to judge; by default those of this process.

    Returns
    -------
    Report
        To print, or to read.

    Examples
    --------
    >>> from elman.insight.doctor import examine
    >>> from elman.insight.rates import Sizes
    >>> report = examine(Sizes(matrix=64, hidden=8, batch=2, window=3, rounds=1, seconds=0), environment={})
    >>> report.rates.sgemm_one > 0, 0 < report.rates.step_share
    (True, True)
    """
    sizes, machine = sizes or Sizes(), this_machine()
    suspicions = suspect(machine, os.environ if environment is None else environment)
    trials = [suspicion.trial for suspicion in suspicions if suspicion.trial is not None]
    rates, comparisons = measure(sizes, trials)
    compared = iter(comparisons)
    findings = [
        judge(suspicion, machine, None if suspicion.trial is None else next(compared))
        for suspicion in suspicions
    ]
    return Report(machine, sizes, rates, tuple(findings))


def _blas(machine: Machine) -> str:
    blas = machine.blas
    if blas is None:
        return "none; NumPy's plain loops"
    parts = [f"{blas.library} {blas.version}".strip()]
    parts += [f"kernels for {blas.kernel}"] if blas.kernel else []
    parts += [_threads(blas.threads)] if blas.threads else []
    return ", ".join(parts)


def _cores(machine: Machine) -> str:
    usable = f", {machine.usable} of them usable" if machine.usable < machine.cores else ""
    return f"{machine.cores}{usable}{f', the time of {machine.quota:.3g}' if machine.quota else ''}"


def _products(machine: Machine, rates: Rates) -> str:
    threads = machine.blas.threads if machine.blas else 1
    if threads is None:
        return f"{_gflops(rates.sgemm_all)} with the threads that the library chooses"
    one = f"{_gflops(rates.sgemm_one)} with 1 thread"
    return one if threads == 1 else f"{one}, {_gflops(rates.sgemm_all)} with {_threads(threads)}"


def _threads(count: int) -> str:
    return f"{count} thread{'' if count == 1 else 's'}"


def _gflops(rate: float) -> str:
    return f"{rate:,.0f} GFLOP/s" if rate >= 100 else f"{rate:.3g} GFLOP/s"


def _instructions(name: str) -> str:
    """Return NumPy's name for a set of instructions as the makers of processors would say it."""
    if "512" in name or name == "X86_V4":
        return "AVX-512"
    return "AVX2" if "AVX2" in name or name == "X86_V3" else name
