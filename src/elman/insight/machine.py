"""What the arithmetic runs on: the processor, the BLAS, NumPy's own loops, the cores; read, not judged."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

LIBRARIES = {"openblas": "OpenBLAS", "mkl": "MKL", "blis": "BLIS", "flexiblas": "FlexiBLAS"}

# What NumPy was built with where it found no BLAS, or the plain reference one, which has no kernels.
PLAIN = {"", "none", "auto", "blas", "cblas", "lapack", "netlib", "unknown"}

V3 = "sse42 avx avx2 fma"
V4 = f"{V3} avx512f avx512cd avx512bw avx512dq avx512vl"
# Names of NumPy's that stand for other ones, or for several at once.
GROUPS = {
    "x86v2": "sse42",
    "x86v3": V3,
    "x86v4": V4,
    "avx512skx": V4,
    "avx512icl": f"{V4} avx512vnni",
    "avx512spr": f"{V4} avx512vnni avx512bf16 avx512fp16",
    "fma3": "fma",
    "neon": "asimd",
}


@dataclass(frozen=True)
class Blas:
    """The library that multiplies matrices.

    Attributes
    ----------
    library, version : str
        Its name and version; the version is "" where nobody tells it.
    kernel : str
        The processor that its kernels were written for, in its own words; "" where nobody tells it.
    threads : int or None
        How many threads it uses; None where nobody tells, and then nobody can limit them either.
    """

    library: str
    version: str = ""
    kernel: str = ""
    threads: int | None = None


@dataclass(frozen=True)
class Processor:
    """What the operating system says of the processor.

    Attributes
    ----------
    name : str
        Such as "AMD EPYC 7B13"; where the system gives none, that of the architecture.
    flags : frozenset of str
        Abilities, in lower case and without underscores: "avx2", "avx512f", "asimd", "sve".
    part : str
        Implementer and part of an ARM processor, such as "0x41:0xd0c"; "" for others.
    """

    name: str
    flags: frozenset[str] = frozenset()
    part: str = ""


@dataclass(frozen=True)
class Machine:
    """All that is known of where the arithmetic runs.

    Attributes
    ----------
    system, architecture : str
        Such as "Linux" and "x86_64".
    processor : Processor
        Its abilities are those that the system or NumPy knows of.
    cores, usable : int
        Of the machine, and those that this process may run on.
    quota : float or None
        The share of them, in cores, that a container's limit leaves; None where there is no limit.
    numpy : str
        NumPy's version.
    blas : Blas or None
        None where NumPy has no BLAS but plain loops.
    loops : dict of str to str
        For some of NumPy's functions in float32 the instructions that they were compiled for.
    """

    system: str
    architecture: str
    processor: Processor
    cores: int
    usable: int
    quota: float | None
    numpy: str
    blas: Blas | None
    loops: dict[str, str]

    @property
    def allowed(self) -> int:
        """How many threads can run at once, at least 1."""
        return max(1, min(self.usable, int(self.quota or self.usable)))


def this_machine() -> Machine:
    """Read what there is to know; what a system does not tell stays empty."""
    import numpy as np
    from threadpoolctl import threadpool_info

    built: Mapping[str, Any] = np.show_config(mode="dicts")
    system, architecture = platform.system(), platform.machine()
    processor = read_processor(system)
    simd = built.get("SIMD Extensions", {})
    known = tidy([*simd.get("baseline", ()), *simd.get("found", ())])
    cores = os.cpu_count() or 1
    return Machine(
        system=system,
        architecture=architecture,
        processor=Processor(processor.name or architecture, processor.flags | known, processor.part),
        cores=cores,
        usable=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores,
        quota=read_quota(),
        numpy=np.__version__,
        blas=which_blas(threadpool_info(), built.get("Build Dependencies", {}).get("blas", {})),
        loops=read_loops(),
    )


def which_blas(loaded: Iterable[Mapping[str, Any]], built: Mapping[str, Any]) -> Blas | None:
    """Return the BLAS that NumPy uses.

    Parameters
    ----------
    loaded : iterable of mapping
        The libraries in this process, as threadpoolctl lists them.
    built : mapping
        What NumPy says it was built with. It alone knows of libraries that threadpoolctl does not see,
        such as Apple's Accelerate.
    """
    found = [info for info in loaded if info.get("user_api") == "blas"]
    if found:
        # Other packages may have brought their own.
        info = next((info for info in found if "numpy" in str(info.get("filepath"))), found[0])
        return Blas(
            LIBRARIES.get(info["internal_api"], info["internal_api"]),
            info.get("version") or "",
            info.get("architecture") or info.get("current_backend") or "",
            info.get("num_threads"),
        )
    name = str(built.get("name", "")).lower()
    if name in PLAIN or not built.get("found", True):
        return None
    version = str(built.get("version", ""))
    return Blas("Accelerate" if "accelerate" in name else name, "" if version == "unknown" else version)


def read_processor(system: str, root: Path = Path("/")) -> Processor:
    """Return what the system says of the processor.

    Parameters
    ----------
    system : str
        As :func:`platform.system` names it.
    root : pathlib.Path
        Where Linux keeps its own files.
    """
    cpuinfo = root / "proc" / "cpuinfo"
    if cpuinfo.exists():
        return parse_cpuinfo(cpuinfo.read_text("utf-8", errors="replace"))
    if system == "Darwin":
        return Processor(_sysctl("machdep.cpu.brand_string"))
    return Processor(platform.processor())


def parse_cpuinfo(text: str) -> Processor:
    """Return what Linux says of the first processor in ``/proc/cpuinfo``."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip().lower(), value.strip())
    flags = tidy(fields.get("flags", fields.get("features", "")).split())
    arm = "cpu implementer" in fields
    part = f"{fields['cpu implementer']}:{fields.get('cpu part', '')}".lower() if arm else ""
    return Processor(fields.get("model name", fields.get("hardware", "")), flags, part)


def tidy(names: Iterable[str]) -> frozenset[str]:
    """Write the abilities that Linux and NumPy name differently in one way, and groups of them in full."""
    plain = [name.lower().replace("_", "") for name in names]
    return frozenset(ability for name in plain for ability in GROUPS.get(name, name).split())


def read_quota(root: Path = Path("/")) -> float | None:
    """Return how many cores' time the control groups of Linux leave to this process; None without a limit.

    A limit holds for all groups below the one it is set for, and so the least on the way up counts.
    """
    try:
        lines = (root / "proc" / "self" / "cgroup").read_text("utf-8").splitlines()
    except OSError:
        return None
    quotas: list[float] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        names = controllers.split(",")
        if controllers and "cpu" not in names:
            continue
        tops = [
            root / "sys" / "fs" / "cgroup" / part for part in ([controllers, "cpu"] if controllers else [""])
        ]
        # Within a container the path is often that outside; then only the top is there.
        inner = PurePosixPath(path.lstrip("/"))
        folders = [top / above for top in tops for above in (inner, *inner.parents)]
        quotas += [quota for folder in folders if (quota := _quota_of(folder)) is not None]
    return min(quotas, default=None)


def _quota_of(folder: Path) -> float | None:
    try:
        if (folder / "cpu.max").exists():  # version 2: "max 100000", "150000 100000"
            quota, period = (folder / "cpu.max").read_text("utf-8").split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text("utf-8")
            period = (folder / "cpu.cfs_period_us").read_text("utf-8")
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError):
        return None


def read_loops() -> dict[str, str]:
    """Return which instructions NumPy's own tanh and product use, where it says so (from 2.1 on)."""
    try:
        from numpy.lib.introspect import opt_func_info

        found = opt_func_info(func_name="^(tanh|multiply)$", signature="float32")
        uses = {name: next(iter(kinds.values()))["current"] for name, kinds in found.items() if kinds}
    except (ImportError, AttributeError, KeyError, TypeError):
        return {}
    return {name: re.sub(r"\(.*", "", used) for name, used in sorted(uses.items(), reverse=True)}


def _sysctl(name: str) -> str:
    try:
        done = subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, check=True, timeout=5)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
