"""Which kernels of a BLAS suit which processor: tables, and a judgement made from them alone."""

from __future__ import annotations

from elman.insight.machine import Machine

# How far a kernel, or a processor, goes.
SSE, AVX, AVX2, AVX512 = range(4)
NAMES = ("SSE", "AVX", "AVX2", "AVX-512")

# OpenBLAS names its kernels by the processor they were first written for, BLIS likewise.
X86 = {
    AVX512: "skylakex cooperlake sapphirerapids skx knl zen4 zen5",
    AVX2: "haswell zen zen2 zen3 excavator",
    AVX: "sandybridge bulldozer piledriver steamroller",
    SSE: "generic prescott core2 katmai coppermine northwood banias atom penryn dunnington nehalem athlon "
    "opteron opteron_sse3 barcelona nano bobcat",
}
LEVELS = {name: level for level, names in X86.items() for name in names.split()}

# What AVX-512 kernels need; Xeon Phi has the first alone, and rightly gets those for AVX2.
FULL_AVX512 = {"avx512f", "avx512bw", "avx512dq", "avx512vl"}

# ARM: implementer and part, its name, the kernels that OpenBLAS has for it or for the nearest to it.
ARM = {
    "0x41:0xd0b": ("Arm Cortex-A76", "NEOVERSEN1"),
    "0x41:0xd0c": ("Arm Neoverse N1", "NEOVERSEN1"),
    "0x41:0xd40": ("Arm Neoverse V1", "NEOVERSEV1"),
    "0x41:0xd49": ("Arm Neoverse N2", "NEOVERSEN2"),
    "0x41:0xd4f": ("Arm Neoverse V2", "NEOVERSEN2"),
    "0x41:0xd07": ("Arm Cortex-A57", "CORTEXA57"),
    "0x41:0xd08": ("Arm Cortex-A72", "CORTEXA72"),
    "0xc0:0xac3": ("AmpereOne", "NEOVERSEN1"),
}
GENERIC_ARM = ("armv8", "generic")

ABILITIES = (
    ("SSE4.2", "sse42"),
    ("AVX", "avx"),
    ("FMA", "fma"),
    ("AVX2", "avx2"),
    ("AVX-512", "avx512f"),
    ("AVX-512 VNNI", "avx512vnni"),
    ("AVX-512 BF16", "avx512bf16"),
    ("AVX-512 FP16", "avx512fp16"),
    ("AMX", "amxtile"),
    ("NEON", "asimd"),
    ("NEON FP16", "asimdhp"),
    ("SVE", "sve"),
    ("SVE2", "sve2"),
    ("SME", "sme"),
)


def abilities(machine: Machine) -> list[str]:
    """Return the abilities that count for arithmetic on arrays, in the words of the makers."""
    flags = machine.processor.flags
    return [name for name, signs in ABILITIES if flags & set(signs.split())]


def processor_name(machine: Machine) -> str:
    """Return the processor's name; Linux on ARM gives a number for it."""
    processor = machine.processor
    return ARM[processor.part][0] if processor.part in ARM else processor.name


def is_x86(machine: Machine) -> bool:
    """Say whether the machine has Intel's instructions."""
    return machine.architecture.lower() in ("x86_64", "amd64", "i386", "i686", "x86")


def processor_level(machine: Machine) -> int:
    """Return how far an x86 processor goes."""
    flags = machine.processor.flags
    if flags >= FULL_AVX512:
        return AVX512
    if flags >= {"avx2", "fma"}:
        return AVX2
    return AVX if "avx" in flags else SSE


def kernel_level(kernel: str) -> int | None:
    """Return how far kernels for x86 go; None where the name is not known."""
    return LEVELS.get(kernel.lower())


def better_kernel(machine: Machine) -> str:
    """Return the kernels of OpenBLAS that suit the processor better than those in use; "" if none do.

    Only kernels for more abilities are better. Among equals, such as Haswell's and Zen's, the library is
    trusted to know.
    """
    kernel = machine.blas.kernel if machine.blas else ""
    if is_x86(machine):
        level, most = kernel_level(kernel), processor_level(machine)
        if level is None or level >= most:
            return ""
        amd = any(maker in machine.processor.name for maker in ("AMD", "Hygon"))
        # AMD's processors with AVX-512 use Intel's kernels for it: OpenBLAS has no others.
        return {AVX512: "SkylakeX", AVX2: "Zen" if amd else "Haswell", AVX: "Sandybridge"}[most]
    if kernel.lower() not in GENERIC_ARM:
        return ""
    if machine.processor.part in ARM:
        return ARM[machine.processor.part][1]
    return "ARMV8SVE" if "sve" in machine.processor.flags else ""
