"""What may hold a machine back, judged from what was read of it, and what measurements make of that.

No measuring and no reading here: a machine and an environment come in, and sentences go out, so that machines
which nobody has at hand can be made up and tested.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from elman.insight.kernels import NAMES, better_kernel, is_x86, kernel_level, processor_level, processor_name
from elman.insight.machine import Machine
from elman.insight.trials import Changes, Comparison

GAIN = 1.1  # times as fast, from which on a difference is one; less is noise on a machine that others use too

WHEEL = "python -m pip install --upgrade --force-reinstall numpy"

# Rates, and how they are called in a sentence.
CALLED = {
    "sgemm_one": "large products are {} times as fast",
    "sgemm_all": "large products on all threads are {} times as fast",
    "step_tokens": "the training step is {} times as fast",
}
PRODUCTS, LOOPS, THREADS = ("sgemm_one", "step_tokens"), ("step_tokens",), ("sgemm_all",)

VARIABLES = {
    "OPENBLAS_CORETYPE": ("OpenBLAS", "chooses OpenBLAS's kernels by hand", PRODUCTS),
    "OPENBLAS_L2_SIZE": ("OpenBLAS", "tells OpenBLAS a size of the processor's cache", PRODUCTS),
    "OPENBLAS_BLOCK_FACTOR": ("OpenBLAS", "sets the blocks in which OpenBLAS multiplies", PRODUCTS),
    "MKL_DEBUG_CPU_TYPE": ("MKL", "chooses MKL's kernels by hand", PRODUCTS),
    "MKL_ENABLE_INSTRUCTIONS": ("MKL", "limits the instructions that MKL uses", PRODUCTS),
    "MKL_CBWR": ("MKL", "limits MKL to kernels whose results repeat to the bit", PRODUCTS),
    "BLIS_ARCH_TYPE": ("BLIS", "chooses BLIS's kernels by hand", PRODUCTS),
    "NPY_DISABLE_CPU_FEATURES": ("", "turns abilities of the processor off in NumPy's own loops", LOOPS),
    "NPY_ENABLE_CPU_FEATURES": ("", "limits NumPy's own loops to the abilities it names", LOOPS),
}
"""Name of a variable: the library that heeds it ("" is NumPy itself), what it does, the rates it bears on."""

THREAD_VARIABLES = {
    "OpenBLAS": (
        "OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OPENBLAS_DEFAULT_NUM_THREADS", "OMP_NUM_THREADS",
    ),
    "MKL": ("MKL_NUM_THREADS", "OMP_NUM_THREADS"),
    "BLIS": ("BLIS_NUM_THREADS", "OMP_NUM_THREADS"),
    "FlexiBLAS": ("FLEXIBLAS_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"),
    "Accelerate": ("VECLIB_MAXIMUM_THREADS",),
}  # fmt: skip


@dataclass(frozen=True)
class Suspicion:
    """Something that may hold the machine back.

    Attributes
    ----------
    topic : str
        The variable's name, or one of "kernel", "blas", "threads", "cores", "python".
    what : str
        What was found, in sentences.
    advice : tuple of str
        What to do if it does hold the machine back: sentences, and commands to type.
    trial : mapping of str to str or None, optional
        The change of the environment that would show what it costs; without one it is certain.
    rates : tuple of str
        The rates it bears on.
    """

    topic: str
    what: str
    advice: tuple[str, ...]
    trial: Changes | None = None
    rates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """What a suspicion came to.

    Attributes
    ----------
    topic : str
        As that of the suspicion.
    holds_back : bool
        Whether something is to be done.
    text : str
        What was found, and what it costs, in sentences.
    advice : tuple of str
        What to do; empty if nothing.
    faster : dict of str to float
        How many times as fast without it, for the rates it bears on; empty where it was not measured.
    """

    topic: str
    holds_back: bool
    text: str
    advice: tuple[str, ...] = ()
    faster: Mapping[str, float] | None = None


def suspect(machine: Machine, environment: Mapping[str, str]) -> list[Suspicion]:
    """Return all that may hold a machine back.

    Parameters
    ----------
    machine : Machine
        What is known of it.
    environment : mapping of str to str
        The variables that the process was started with.
    """
    by_hand = _variables(machine, environment)
    # Kernels that were chosen by hand are no fault of the library's.
    chosen = any(name in ("OPENBLAS_CORETYPE", "BLIS_ARCH_TYPE") for name in (s.topic for s in by_hand))
    return [
        *_python(machine),
        *_blas(machine),
        *by_hand,
        *([] if chosen else _kernel(machine)),
        *_threads(machine, environment),
        *_cores(machine),
    ]


def judge(suspicion: Suspicion, machine: Machine, found: Comparison | None) -> Finding:
    """Return what a suspicion comes to.

    Parameters
    ----------
    suspicion : Suspicion
        One of :func:`suspect`.
    machine : Machine
        The same as there.
    found : Comparison or None
        What its trial showed; None where there was none, or it failed.
    """
    topic, what, advice = suspicion.topic, suspicion.what, suspicion.advice
    if suspicion.trial is None:
        return Finding(topic, True, what, advice)
    if found is None:
        return Finding(topic, True, f"{what} What that costs could not be measured.", advice)
    kernel = machine.blas.kernel if machine.blas else ""
    ratios = {name: found.ratios[name] for name in suspicion.rates}
    # The same kernels are equally fast: what was measured then is the noise.
    heeded = found.kernel != kernel
    if topic == "kernel" and not heeded:
        return Finding(
            topic, True, f"{what} It has no others: {_change(suspicion.trial)} changes nothing.", advice[-2:]
        )
    if topic == "OPENBLAS_CORETYPE" and not heeded:
        return Finding(topic, False, f"{what} OpenBLAS would choose the same ones by itself.", (), ratios)
    measured = " and ".join(CALLED[name].format(f"{ratio:.1f}") for name, ratio in ratios.items())
    change = f"With {_change(suspicion.trial)}" if topic == "kernel" else "Without it"
    if max(ratios.values()) >= GAIN:
        return Finding(topic, True, f"{what} {change} {measured}.", advice, ratios)
    if min(ratios.values()) <= 1 / GAIN:
        better = "Leave it as it is." if topic == "kernel" else "Keep it."
        return Finding(topic, False, f"{what} {change} {measured}. {better}", (), ratios)
    return Finding(topic, False, f"{what} That makes no difference that can be measured.", (), ratios)


def _variables(machine: Machine, environment: Mapping[str, str]) -> list[Suspicion]:
    library = machine.blas.library if machine.blas else ""
    found = []
    for name, (heeds, does, rates) in VARIABLES.items():
        value = environment.get(name)
        if value and heeds in ("", library):
            what = f"The variable {name}={value} {does}{_chosen(machine, name)}."
            found.append(Suspicion(name, what, _unset(machine, [name]), {name: None}, rates))
    return found


def _chosen(machine: Machine, name: str) -> str:
    """Say which kernels a variable has led to, and whether the processor could do better."""
    kernel = machine.blas.kernel if machine.blas else ""
    if name not in ("OPENBLAS_CORETYPE", "BLIS_ARCH_TYPE") or not kernel:
        return ""
    level, most = kernel_level(kernel), processor_level(machine)
    if not is_x86(machine) or level is None or level >= most:
        return f": those for {kernel}"
    return f": those for {kernel}, made for {NAMES[level]}, but this processor has {NAMES[most]}"


def _kernel(machine: Machine) -> list[Suspicion]:
    better, blas = better_kernel(machine), machine.blas
    if blas is None or not better:
        return []
    name = f"{blas.library} {blas.version}".strip()
    if is_x86(machine):
        has = NAMES[processor_level(machine)]
        made = f", made for {NAMES[kernel_level(blas.kernel) or 0]}, but this processor has {has}"
    else:
        made = f", which suit any ARM processor and none well; this is {processor_name(machine)}"
    what = f"{name} has picked its kernels for {blas.kernel}{made}."
    wheel = ("A newer NumPy brings a newer BLAS, which may know this processor:", WHEEL)
    if blas.library != "OpenBLAS":
        return [Suspicion("kernel", what, wheel)]
    try_it = {"OPENBLAS_CORETYPE": better}
    advice = ("Set it before Python starts:", _set(machine, try_it), *wheel)
    return [Suspicion("kernel", what, advice, try_it, PRODUCTS)]


def _threads(machine: Machine, environment: Mapping[str, str]) -> list[Suspicion]:
    blas = machine.blas
    if blas is None:
        return []
    given = {name: environment.get(name, "") for name in THREAD_VARIABLES.get(blas.library, ())}
    # OMP_NUM_THREADS may be a list, for loops within loops; the first number is that of the outermost.
    limits = {name: value for name, value in given.items() if value.split(",")[0].strip().isdecimal()}
    limits = {n: v for n, v in limits.items() if 0 < int(v.split(",")[0]) < machine.allowed}
    if not limits or (blas.threads is not None and blas.threads >= machine.allowed):
        return []
    names = list(limits)
    written = " and ".join(f"{name}={value}" for name, value in limits.items())
    verb, keeps = ("variable", "keeps") if len(names) == 1 else ("variables", "keep")
    threads = blas.threads if blas.threads is not None else int(next(iter(limits.values())).split(",")[0])
    what = (
        f"The {verb} {written} {keeps} {blas.library} to {_many(threads, 'thread')}, where "
        f"{_many(machine.allowed, 'core')} may be used. Training does not mind, for it gives each of its "
        "workers one thread; elman evaluate and products of your own do."
    )
    return [Suspicion("threads", what, _unset(machine, names), dict.fromkeys(names), THREADS)]


def _blas(machine: Machine) -> list[Suspicion]:
    if machine.blas is None:
        what = "NumPy has found no optimised BLAS, and multiplies matrices in plain loops."
        return [Suspicion("blas", what, ("NumPy's own wheels bring one:", WHEEL))]
    if machine.system == "Darwin" and machine.architecture == "arm64" and machine.blas.library == "OpenBLAS":
        what = (
            "NumPy uses OpenBLAS, which does not reach the matrix units of Apple's processors. Apple's own "
            "Accelerate does."
        )
        return [Suspicion("blas", what, ("NumPy's own wheels for macOS 14 or later come with it:", WHEEL))]
    if machine.blas.library == "FlexiBLAS" and "netlib" in machine.blas.kernel.lower():
        what = "FlexiBLAS passes all work on to the reference BLAS, which multiplies matrices in plain loops."
        return [
            Suspicion(
                "blas", what, ("flexiblas list shows the others; choose one:", "flexiblas default NAME")
            )
        ]
    return []


def _python(machine: Machine) -> list[Suspicion]:
    if not (machine.system == "Darwin" and "Apple" in machine.processor.name and is_x86(machine)):
        return []
    what = (
        "This Python is built for Intel's processors, and every instruction of it is translated for Apple's."
    )
    return [Suspicion("python", what, ("Install a Python for arm64, and NumPy in it.",))]


def _cores(machine: Machine) -> list[Suspicion]:
    found = []
    if machine.usable < machine.cores:
        what = f"This process may use {machine.usable} of the machine's {machine.cores} cores."
        advice = (
            "What started it has said so: taskset, a batch system, or the limits of a container. Ask there."
        )
        found.append(Suspicion("cores", what, (advice,)))
    if machine.quota is not None and machine.quota < machine.usable:
        what = (
            f"The container, or another control group, leaves this process the time of {machine.quota:.3g} "
            f"of the {_many(machine.usable, 'core')} it sees. More threads than that wait for one another."
        )
        more = "Give the container more, or train with no more workers than that:"
        found.append(Suspicion("cores", what, (more, f"elman train --threads {machine.allowed}")))
    return found


def _change(changes: Changes) -> str:
    return " ".join(f"{name}={value}" for name, value in changes.items())


def _unset(machine: Machine, names: list[str]) -> tuple[str, ...]:
    commands = [f"set {name}=" if machine.system == "Windows" else f"unset {name}" for name in names]
    return (f"Unset {'it' if len(names) == 1 else 'them'} before Python starts:", *commands)


def _set(machine: Machine, changes: Changes) -> str:
    return f"{'set' if machine.system == 'Windows' else 'export'} {_change(changes)}"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
