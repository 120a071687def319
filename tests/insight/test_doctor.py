"""elman doctor: what is read of machines, what is made of it, and what is measured."""

import json
import statistics
import time
from dataclasses import replace

import pytest

from elman.errors import ConfigError
from elman.insight import rates
from elman.insight.diagnosis import THREAD_VARIABLES, VARIABLES, Suspicion, judge, suspect
from elman.insight.doctor import Report, examine
from elman.insight.kernels import abilities, better_kernel, processor_name
from elman.insight.machine import (
    Blas,
    Machine,
    Processor,
    parse_cpuinfo,
    read_processor,
    read_quota,
    tidy,
    which_blas,
)
from elman.insight.rates import Bench, Rates, Sizes, median_time
from elman.insight.trials import Comparison, changed, compare, measure

TINY = Sizes(matrix=16, embedding=3, hidden=4, layers=1, vocab_size=5, batch=2, window=3, rounds=1, seconds=0)

AVX = "sse42 avx"
AVX2 = f"{AVX} avx2 fma"
PHI = f"{AVX2} avx512f avx512cd"
AVX512 = f"{PHI} avx512bw avx512dq avx512vl"
GRAVITON3 = Processor("", frozenset(("asimd", "sve")), "0x41:0xd40")
APPLE = Processor("Apple M3", frozenset(("asimd",)))


def a_machine(blas=("OpenBLAS", "0.3.31", "SkylakeX", 4), flags=AVX512, name="Intel(R) Xeon(R)", **others):
    """A machine with four cores on which nothing is wrong."""
    return replace(
        Machine(
            system="Linux",
            architecture="x86_64",
            processor=Processor(name, frozenset(flags.split())),
            cores=4,
            usable=4,
            quota=None,
            numpy="2.4.6",
            blas=blas and Blas(*blas),
            loops={"tanh": "X86_V4"},
        ),
        **others,
    )


def kernels(kernel, library="OpenBLAS"):
    return (library, "0.3.31", kernel, 4)


def arm(kernel, processor=GRAVITON3, **others):
    return a_machine(kernels(kernel), architecture="aarch64", processor=processor, **others)


def a_mac(blas=("Accelerate",), architecture="arm64", processor=APPLE):
    return a_machine(blas, system="Darwin", architecture=architecture, processor=processor)


def found_by(ratio, kernel="SkylakeX", **others):
    """What a trial shows when everything becomes so many times as fast."""
    ratios = dict.fromkeys(("sgemm_one", "sgemm_all", "step_tokens", "step_gflops"), ratio)
    return Comparison({**ratios, **others}, kernel)


FINE = {
    "Intel with AVX-512": a_machine(),
    "its newest kernels": a_machine(kernels("SapphireRapids")),
    "AMD with AVX-512": a_machine(kernels("Cooperlake"), name="AMD EPYC 9654"),
    "AMD with AVX2": a_machine(kernels("Zen"), AVX2, "AMD EPYC 7B13"),
    "Zen's kernels on Intel": a_machine(kernels("Zen"), AVX2),
    "Xeon Phi": a_machine(kernels("Haswell"), PHI),
    "AVX": a_machine(kernels("Sandybridge"), AVX),
    "an old one": a_machine(kernels("Nehalem"), "sse42"),
    "kernels of an unknown name": a_machine(kernels("Diamondrapids")),
    "MKL": a_machine(("MKL", "2025.0", "", 4)),
    "BLIS": a_machine(kernels("zen4", "BLIS"), name="AMD EPYC 9654"),
    "FlexiBLAS": a_machine(kernels("OPENBLAS-OPENMP", "FlexiBLAS")),
    "ARM": arm("neoversev1"),
    "a small ARM": arm("armv8", Processor("", frozenset({"asimd"}), "0x41:0xd03")),
    "Apple": a_mac(),
    "an Intel Mac": a_mac(kernels("Haswell"), "x86_64", Processor("Intel(R) Core(TM) i7", tidy(["X86_V3"]))),
    "Windows": a_machine(kernels("Haswell"), AVX2, system="Windows", architecture="AMD64"),
    "POWER": a_machine(kernels("POWER9"), "", architecture="ppc64le"),
    "room for all cores": a_machine(quota=4.0),
}


@pytest.mark.parametrize("name", FINE)
def test_nothing_is_suspected_where_nothing_is_wrong(name):
    assert suspect(FINE[name], {"PATH": "/bin", "OMP_NUM_THREADS": "4"}) == []


@pytest.mark.parametrize(
    ("machine", "better"),
    [
        (a_machine(kernels("Haswell")), "SkylakeX"),
        (a_machine(kernels("Zen"), name="AMD EPYC 9654"), "SkylakeX"),
        (a_machine(kernels("Prescott")), "SkylakeX"),
        (a_machine(kernels("Sandybridge"), AVX2), "Haswell"),
        (a_machine(kernels("Barcelona"), AVX2, "AMD Ryzen 9"), "Zen"),
        (a_machine(kernels("Core2"), AVX2, "Hygon C86"), "Zen"),
        (a_machine(kernels("Nehalem"), AVX), "Sandybridge"),
        (arm("armv8"), "NEOVERSEV1"),
        (arm("armv8", Processor("", frozenset({"asimd"}), "0x41:0xd0c")), "NEOVERSEN1"),
        (arm("armv8", Processor("", frozenset(("asimd", "sve")), "0x46:0x001")), "ARMV8SVE"),
    ],
)
def test_kernels_for_less_than_the_processor_has(machine, better):
    assert better_kernel(machine) == better
    (suspicion,) = suspect(machine, {})
    assert suspicion.topic == "kernel"
    assert suspicion.trial == {"OPENBLAS_CORETYPE": better}
    assert f"picked its kernels for {machine.blas.kernel}" in suspicion.what
    # Faster in the trial: say by how much, and what to set. As fast: nothing to do. Not heeded: no setting
    # helps.
    slow = judge(suspicion, machine, found_by(1.94, better, step_tokens=1.3))
    assert slow.holds_back
    assert f"With OPENBLAS_CORETYPE={better} large products are 1.9 times as fast and" in slow.text
    assert "training step is 1.3 times" in slow.text
    assert f"export OPENBLAS_CORETYPE={better}" in slow.advice
    assert not judge(suspicion, machine, found_by(1.02, better)).holds_back
    deaf = judge(suspicion, machine, found_by(1.3, machine.blas.kernel))
    assert deaf.holds_back
    assert "changes nothing" in deaf.text
    assert not any("export" in line for line in deaf.advice)
    assert any("pip install" in line for line in deaf.advice)


def test_what_kernels_are_for_is_said_in_words():
    assert (
        "made for AVX2, but this processor has AVX-512" in suspect(a_machine(kernels("Haswell")), {})[0].what
    )
    assert "this is Arm Neoverse V1" in suspect(arm("armv8"), {})[0].what
    (blis,) = suspect(a_machine(kernels("generic", "BLIS")), {})
    assert (blis.topic, blis.trial) == ("kernel", None)  # it does not heed OpenBLAS's variable


@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable_is_tried_without(name):
    library = VARIABLES[name][0] or "OpenBLAS"
    machine = a_machine((library, "1", "", 4))
    (suspicion,) = suspect(machine, {name: "something"})
    assert (suspicion.topic, suspicion.trial) == (name, {name: None})
    assert f"{name}=something" in suspicion.what
    assert suspicion.advice[-1] == f"unset {name}"
    assert suspect(machine, {name: ""}) == []
    (windows,) = suspect(replace(machine, system="Windows"), {name: "something"})
    assert windows.advice[-1] == f"set {name}="
    # Another library does not heed it.
    other = suspect(a_machine(("Accelerate",)), {name: "something"})
    assert (other == []) == bool(VARIABLES[name][0])


def test_kernels_chosen_by_hand_are_not_laid_to_the_library():
    machine = a_machine(kernels("Haswell"))
    (suspicion,) = suspect(machine, {"OPENBLAS_CORETYPE": "Haswell"})
    assert suspicion.topic == "OPENBLAS_CORETYPE"
    assert "made for AVX2, but this processor has AVX-512" in suspicion.what
    finding = judge(suspicion, machine, found_by(1.9))
    assert finding.holds_back
    assert "Without it large products are 1.9 times as fast" in finding.text
    assert finding.faster == {"sgemm_one": 1.9, "step_tokens": 1.9}
    # The same kernels are equally fast, whatever the noise says.
    assert not judge(suspicion, machine, found_by(1.9, "Haswell")).holds_back


@pytest.mark.parametrize(
    ("ratio", "holds_back", "said"),
    [
        (1.5, True, "Without it the training step is 1.5 times as fast."),
        (1.05, False, "no difference that can be measured"),
        (0.95, False, "no difference that can be measured"),
        (0.5, False, "Without it the training step is 0.5 times as fast. Keep it."),
    ],
)
def test_a_variable_is_judged_by_the_rates_it_bears_on(ratio, holds_back, said):
    machine = a_machine()
    (suspicion,) = suspect(machine, {"NPY_DISABLE_CPU_FEATURES": "AVX2"})
    finding = judge(suspicion, machine, found_by(7.0, step_tokens=ratio))
    assert (finding.holds_back, bool(finding.advice)) == (holds_back, holds_back)
    assert said in finding.text
    assert finding.faster == {"step_tokens": ratio}


def test_a_trial_that_failed_leaves_the_suspicion():
    machine = a_machine()
    (suspicion,) = suspect(machine, {"OPENBLAS_L2_SIZE": "64"})
    finding = judge(suspicion, machine, None)
    assert finding.holds_back
    assert "could not be measured" in finding.text
    assert finding.advice


@pytest.mark.parametrize("library", THREAD_VARIABLES)
def test_fewer_threads_than_cores(library):
    for name in THREAD_VARIABLES[library]:
        machine = a_machine((library, "1", "", 1))
        (suspicion,) = suspect(machine, {name: "1"})
        assert (suspicion.topic, suspicion.trial) == ("threads", {name: None})
        assert f"{name}=1 keeps {library} to 1 thread, where 4 cores may be used" in suspicion.what
        finding = judge(suspicion, machine, found_by(1.0, "", sgemm_all=3.5))
        assert finding.holds_back
        assert "on all threads are 3.5 times" in finding.text


def test_which_variable_limits_the_threads():
    one = a_machine(("OpenBLAS", "1", "SkylakeX", 1))
    both = {"OMP_NUM_THREADS": "1,2", "OPENBLAS_NUM_THREADS": "2", "MKL_NUM_THREADS": "1"}
    (suspicion,) = suspect(one, both)
    assert suspicion.trial == {"OPENBLAS_NUM_THREADS": None, "OMP_NUM_THREADS": None}
    assert suspicion.advice[-2:] == ("unset OPENBLAS_NUM_THREADS", "unset OMP_NUM_THREADS")
    # As many threads as may run, or a value that is none: no limit.
    assert suspect(a_machine(), both) == []
    assert [s.topic for s in suspect(replace(one, quota=1.5), both)] == ["cores"]
    for value in ("", "many", "0", "-1", "4", "9"):
        assert suspect(one, {"OMP_NUM_THREADS": value}) == [], value
    # Accelerate does not say how many it uses.
    (told,) = suspect(a_mac(), {"VECLIB_MAXIMUM_THREADS": "2"})
    assert "to 2 threads" in told.what


def test_fewer_cores_than_the_machine_has():
    (pinned,) = suspect(a_machine(usable=1, blas=("OpenBLAS", "1", "SkylakeX", 1)), {})
    assert "1 of the machine's 4 cores" in pinned.what
    machine = a_machine(quota=2.5)
    (limited,) = suspect(machine, {})
    assert "the time of 2.5 of the 4 cores" in limited.what
    assert limited.advice[-1] == "elman train --threads 2"
    assert judge(limited, machine, None).holds_back
    assert a_machine(quota=0.2).allowed == 1


def test_no_blas_or_the_plain_one():
    for machine in (a_machine(None), a_machine(("FlexiBLAS", "3.4", "NETLIB", 1))):
        (suspicion,) = suspect(machine, {})
        assert suspicion.topic == "blas"
        assert "plain loops" in suspicion.what
        assert judge(suspicion, machine, None).holds_back


def test_apples_processors_without_what_apple_made_for_them():
    (suspicion,) = suspect(a_mac(kernels("neoversen1")), {})
    assert (suspicion.topic, "Accelerate" in suspicion.what) == ("blas", True)
    translated = a_mac(
        kernels("Nehalem"), "x86_64", Processor("VirtualApple @ 2.50GHz", frozenset({"sse42"}))
    )
    (suspicion,) = suspect(translated, {})
    assert (suspicion.topic, "arm64" in suspicion.advice[0]) == ("python", True)


def test_which_blas():
    ours = {"user_api": "blas", "internal_api": "openblas", "filepath": "/numpy.libs/libopenblas.so",
            "version": "0.3.31", "num_threads": 2, "architecture": "Zen"}  # fmt: skip
    theirs = {**ours, "filepath": "/scipy.libs/libopenblas.so", "architecture": "Prescott"}
    openmp = {"user_api": "openmp", "internal_api": "openmp", "filepath": "libgomp.so", "num_threads": 8}
    assert which_blas([openmp, theirs, ours], {}) == Blas("OpenBLAS", "0.3.31", "Zen", 2)
    mkl = {"user_api": "blas", "internal_api": "mkl", "filepath": "libmkl_rt.so", "version": None,
           "num_threads": 6}  # fmt: skip
    assert which_blas([mkl], {}) == Blas("MKL", "", "", 6)
    # What threadpoolctl does not see, NumPy may still have been built with.
    assert which_blas([openmp], {"name": "accelerate", "version": "unknown"}) == Blas("Accelerate")
    assert which_blas([], {"name": "armpl", "version": "24.04"}) == Blas("armpl", "24.04")
    for built in ({}, {"name": "auto"}, {"name": "blas"}, {"name": "openblas", "found": False}):
        assert which_blas([openmp], built) is None, built


def test_cpuinfo():
    x86 = parse_cpuinfo(
        "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC 7B13\n"
        "flags\t\t: fpu sse4_2 avx fma avx2 avx512_vnni\n\n"
        "processor\t: 1\nmodel name\t: other\nflags\t: none\n"
    )
    assert x86 == Processor("AMD EPYC 7B13", frozenset(["fpu", "sse42", "avx", "fma", "avx2", "avx512vnni"]))
    graviton = parse_cpuinfo(
        "processor\t: 0\nBogoMIPS\t: 2100.00\nFeatures\t: fp asimd asimdhp sve\n"
        "CPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xD40\n"
    )
    assert graviton == Processor("", frozenset(["fp", "asimd", "asimdhp", "sve"]), "0x41:0xd40")
    machine = arm("neoversev1", graviton)
    assert processor_name(machine) == "Arm Neoverse V1"
    assert abilities(machine) == ["NEON", "NEON FP16", "SVE"]


def test_names_of_abilities_are_those_of_linux():
    assert tidy(["FMA3", "AVX512_VNNI", "NEON"]) == {"fma", "avx512vnni", "asimd"}
    assert tidy(["X86_V4"]) == tidy(["AVX512_SKX"]) == frozenset(AVX512.split())
    assert tidy(["X86_V3"]) == frozenset(AVX2.split())


def test_the_processor_where_there_is_no_cpuinfo(tmp_path, monkeypatch):
    import platform

    monkeypatch.setattr(platform, "processor", lambda: "Intel64 Family 6")
    assert read_processor("Windows", tmp_path) == Processor("Intel64 Family 6")
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cpuinfo").write_text("model name : Xeon\n")
    assert read_processor("Linux", tmp_path).name == "Xeon"
    monkeypatch.setenv("PATH", "")  # so that there is no sysctl
    assert read_processor("Darwin", tmp_path / "proc") == Processor("")


def test_the_quota_of_control_groups(tmp_path):
    def put(name, text):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    assert read_quota(tmp_path) is None
    put("proc/self/cgroup", "0::/system.slice/job\n")
    assert read_quota(tmp_path) is None
    put("sys/fs/cgroup/system.slice/job/cpu.max", "max 100000\n")
    assert read_quota(tmp_path) is None
    put("sys/fs/cgroup/system.slice/cpu.max", "150000 100000\n")
    assert read_quota(tmp_path) == 1.5
    put("sys/fs/cgroup/system.slice/job/cpu.max", "300000 100000\n")  # the group above allows less
    assert read_quota(tmp_path) == 1.5
    put("sys/fs/cgroup/system.slice/cpu.max", "damaged")
    assert read_quota(tmp_path) == 3.0
    # Version 1, where the path is that outside of the container.
    put("proc/self/cgroup", "5:memory:/others\n4:cpu,cpuacct:/docker/12ab\n")
    put("sys/fs/cgroup/cpu/others/cpu.cfs_quota_us", "10000\n")
    put("sys/fs/cgroup/cpu/others/cpu.cfs_period_us", "100000\n")
    put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n")
    put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n")
    assert read_quota(tmp_path) == 0.5
    put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n")
    assert read_quota(tmp_path) is None


def test_operations_are_counted_from_the_parameters():
    sizes = replace(TINY, layers=2)
    D, H, K = sizes.embedding, sizes.hidden, sizes.vocab_size
    weights = 4 * D * H + 4 * H * H + 4 * H * H + 4 * H * H + H * K
    found = Bench(sizes).round()
    assert found.step_gflops / found.step_tokens * 1e9 == pytest.approx(6 * weights)
    assert found.step_share == pytest.approx(found.step_gflops / found.sgemm_one)


def test_one_thread_is_measured_with_one(monkeypatch):
    from threadpoolctl import threadpool_info, threadpool_limits

    def used():
        return {info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"}

    with threadpool_limits(2, user_api="blas"):
        before, bench = used(), Bench(TINY)
        seen = []
        monkeypatch.setattr(rates, "median_time", lambda call, _: seen.append((call, used())) or len(seen))
        found = bench.round()
        assert used() == before  # nothing is left behind
    assert [threads for _, threads in seen] == [before, {1}, {1}]
    assert found.sgemm_all == pytest.approx(2 * found.sgemm_one)  # it took 1, and the other 2
    assert found.step_tokens == pytest.approx(TINY.batch * TINY.window / 3)


def test_the_median_of_repetitions(monkeypatch):
    clock = iter([0, 5, 10, 11, 20, 22])
    monkeypatch.setattr(rates, "perf_counter", lambda: next(clock))
    assert median_time(lambda: None, 7.5) == 2  # of 5, 1 and 2
    clock = iter([0, 5])
    assert median_time(lambda: None, 0) == 5


def test_sides_are_compared_round_by_round():
    def at(rate):
        return Rates(rate, 10 * rate, rate, rate)

    # Another job slowed both sides down in the second round, and this side alone in the third.
    here, there = [at(10.0), at(1.0), at(2.0)], [at(20.0), at(2.0), at(20.0)]
    found = compare(here, there, "Zen")
    assert found == Comparison(
        dict.fromkeys(("sgemm_one", "sgemm_all", "step_tokens", "step_gflops"), 2.0), "Zen"
    )
    assert statistics.median([20.0, 2.0, 20.0]) / statistics.median([10.0, 1.0, 2.0]) == 10.0
    assert compare(here, [*there[:2], None], "Zen") is None


def test_another_process_measures_the_same_and_one_that_fails_is_no_error():
    # Python refuses to start with such a seed: so the change has reached it, and its end is noticed.
    found, (other, none) = measure(
        replace(TINY, rounds=2), [{"ELMAN_NOTHING": "1"}, {"PYTHONHASHSEED": "none"}]
    )
    assert min(vars(found).values()) > 0
    assert none is None
    assert other is not None
    assert min(other.ratios.values()) > 0
    machine = examine(TINY, {}).machine
    assert other.kernel == (machine.blas.kernel if machine.blas else "")


def test_an_environment_is_changed_in_a_copy():
    before = {"A": "1", "B": "2"}
    assert changed(before, {"A": None, "C": "3", "D": None}) == {"B": "2", "C": "3"}
    assert before == {"A": "1", "B": "2"}


@pytest.mark.parametrize("wrong", [{"matrix": 0}, {"rounds": 0}, {"hidden": -1}, {"seconds": -0.5}])
def test_sizes_that_leave_nothing_to_do(wrong):
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))} must be at least"):
        replace(TINY, **wrong)


RATES = Rates(sgemm_one=120.0, sgemm_all=231.4, step_tokens=41234.5, step_gflops=60.0)
BUSY = replace(RATES, running=0.75)


def test_a_report_for_people():
    good = Report(a_machine(), Sizes(), RATES, ())
    for said in (
        "OpenBLAS 0.3.31, kernels for SkylakeX, 4 threads",
        "2.4.6; its own loops: tanh with AVX-512",
        "120 GFLOP/s with 1 thread, 231 GFLOP/s with 4 threads",
        "41,234 tokens/s, 60 GFLOP/s with 1 thread: 50% of the rate of large products",
        "LSTM 2 x 128",
        "Nothing holds this machine back.",
    ):
        assert said in str(good)
    machine = a_machine(usable=2, quota=1.5)
    bad = Report(machine, Sizes(), RATES, tuple(judge(s, machine, None) for s in suspect(machine, {})))
    lines = str(bad).splitlines()
    assert "cores           4, 2 of them usable, the time of 1.5" in lines
    assert lines[-1] == "    elman train --threads 1"
    assert "Nothing holds" not in str(bad)
    assert max(map(len, lines)) <= 110
    assert "the threads that the library chooses" in str(Report(a_mac(), Sizes(), RATES, ()))
    assert "none; NumPy's plain loops" in str(Report(a_machine(None), Sizes(), RATES, ()))


def test_other_work_at_the_time_is_noticed(monkeypatch):
    assert "Other work took 25% of the processor's time" in str(Report(a_machine(), Sizes(), BUSY, ()))
    assert "Other work" not in str(Report(a_machine(), Sizes(), replace(RATES, running=0.95), ()))
    bench = Bench(TINY)
    assert 0 < bench.round().running < 1.5
    monkeypatch.setattr(bench, "_step", lambda: time.sleep(0.05))  # as if another had the processor
    assert bench.round().running < 0.5


def test_what_changes_nothing_is_said_and_holds_nothing_back():
    machine = a_machine()
    (suspicion,) = suspect(machine, {"OPENBLAS_CORETYPE": "SkylakeX"})
    shown = Report(machine, Sizes(), RATES, (judge(suspicion, machine, found_by(1.0)),))
    assert "would choose the same ones by itself" in str(shown)
    assert str(shown).endswith("Nothing holds this machine back.")


def test_a_report_for_programs():
    machine = a_machine()
    suspicion = Suspicion("OPENBLAS_L2_SIZE", "What.", ("Do.",), {"OPENBLAS_L2_SIZE": None}, ("sgemm_one",))
    report = Report(machine, Sizes(), BUSY, (judge(suspicion, machine, found_by(1.5)),))
    found = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert found["blas"] == {"library": "OpenBLAS", "version": "0.3.31", "kernel": "SkylakeX", "threads": 4}
    assert found["rates"] == {
        "sgemm_one": 120.0,
        "sgemm_all": 231.4,
        "step_tokens": 41234.5,
        "step_gflops": 60.0,
        "running": 0.75,
        "step_share": 0.5,
    }
    assert found["held_back"] is True
    (finding,) = found["findings"]
    assert finding == {
        "topic": "OPENBLAS_L2_SIZE",
        "holds_back": True,
        "text": "What. Without it large products are 1.5 times as fast.",
        "advice": ["Do."],
        "faster": {"sgemm_one": 1.5},
    }
    assert Report(a_machine(None), Sizes(), RATES, ()).as_dict()["blas"] is None


def test_an_examination_of_this_machine():
    report = examine(TINY, {})
    assert {finding.topic for finding in report.findings} <= {"kernel", "blas", "cores", "python"}
    assert report.machine.cores >= report.machine.usable >= 1
    assert report.machine.numpy
    assert processor_name(report.machine)
