"""``elman train --profile``: the table at the end, and none where it was not asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from elman.cli.progress import profile_table
from elman.network.clock import Clock
from elman.training import profile as profile_module
from elman.training.profile import Profile
from tests.cli.conftest import Command
from tests.small import FLAGS, assert_same_run

HEAD = re.compile(r"^(\d[\d,]*) steps in (\d+\.\d) s(, as the first of \d+ workers sees it)?:$", re.M)
ROW = re.compile(r"^  (\S.*?)  +(\d+\.\d\d) +(\d+\.\d)% +(\d+\.\d{3})(?: +([\d,]+\.\d))?$", re.M)
PARTS = {"input products", "recurrent products", "elementwise", "softmax", "update", "data"}


def table_of(out: str) -> dict[str, tuple[float, float, float, str]]:
    """Return seconds, share, milliseconds a step, and calls a step, by part."""
    found = ROW.findall(out)
    assert len({row[0] for row in found}) == len(found)
    return {name: (float(s), float(share), float(ms), calls) for name, s, share, ms, calls in found}


@pytest.mark.parametrize("more", [(), ("--quiet",)], ids=["plain", "quiet"])
def test_the_table_says_where_the_time_went(
    run_elman: Command, tmp_path: Path, text_file: Path, more: tuple[str, ...]
) -> None:
    out = tmp_path / "run"
    done = run_elman("train", text_file, *FLAGS, "--steps", "20", "--out", out, "--profile", *more)
    assert (done.status, done.err) == (0, "")
    head, table = HEAD.search(done.out), table_of(done.out)
    assert head is not None
    assert head[1] == "20"
    assert head[3] is None
    assert table.keys() >= PARTS | {"evaluation", "checkpoints", "sum of gradients"}
    *_, last = table
    assert last == "the rest"
    seconds = float(head[2])
    for own, share, ms, _ in table.values():
        assert abs(own - seconds * share / 100) < 0.06 * share / 100 + 1e-3 * seconds + 0.01
        assert abs(ms - own / 20 * 1000) < 0.006 / 20 * 1000
    assert abs(sum(share for _, share, _, _ in table.values()) - 100) < 0.06 * len(table)
    calls = {name: row[3] for name, row in table.items()}
    assert calls["update"] == calls["data"] == calls["softmax"] == "1.0"
    assert calls["recurrent products"] == "32.0"  # 8 steps, 2 layers, there and back
    assert calls["elementwise"] == "34.0"
    assert calls["the rest"] == ""
    # What comes next is still said, after the table.
    assert done.out.index("the rest") < done.out.index("Try next:")


def test_no_table_that_was_not_asked_for(run_elman: Command, tmp_path: Path, text_file: Path) -> None:
    """Nor does a profile change the run: the settings that are kept know nothing of it."""
    outs = []
    for name, more in (("one", ("--profile",)), ("two", ())):
        done = run_elman("train", text_file, *FLAGS, "--steps", "10", "--out", tmp_path / name, *more)
        assert done.status == 0
        outs.append(done.out)
    assert HEAD.search(outs[0])
    assert not HEAD.search(outs[1])
    assert not ROW.search(outs[1])
    assert_same_run(tmp_path / "one", tmp_path / "two")
    assert "profile" not in (tmp_path / "one" / "config.toml").read_text("utf-8")


def test_a_run_that_is_taken_up_is_profiled_from_there(run_elman: Command, trained: Path) -> None:
    done = run_elman("train", "--resume", trained, "--steps", "35", "--profile")
    assert done.status == 0, done
    head = HEAD.search(done.out)
    assert head is not None
    assert head[1] == "15"
    assert table_of(done.out).keys() >= PARTS
    again = run_elman("train", "--resume", trained, "--steps", "40")
    assert again.status == 0
    assert not HEAD.search(again.out)


def test_a_run_at_its_end_has_no_steps_to_profile(run_elman: Command, trained: Path) -> None:
    done = run_elman("train", "--resume", trained, "--profile")
    assert (done.status, done.err) == (0, "")
    head = HEAD.search(done.out)
    assert head is not None
    assert head[1] == "0"
    assert table_of(done.out).keys() <= {"the rest"}
    assert "This run was at its end" in done.out


def test_a_table_to_the_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(profile_module, "perf_counter", lambda: now[0])
    clock = Clock()
    profile = Profile(clock)
    clock.seconds.update({"softmax": 1.5, "elementwise": 8.25, "never": 0.0})
    clock.calls.update({"softmax": 2000, "elementwise": 500_000, "never": 0})
    now[0] = 12.5
    profile.end(2000)
    head = "2,000 steps in 12.5 s"
    rows = [
        "  part                  seconds   share   ms a step  calls a step",
        "  elementwise              8.25   66.0%       4.125         250.0",
        "  softmax                  1.50   12.0%       0.750           1.0",
        "  the rest                 2.75   22.0%       1.375",
    ]
    assert profile_table(profile, 1).splitlines() == [f"{head}:", *rows]
    first = f"{head}, as the first of 3 workers sees it:"
    assert profile_table(profile, 3).splitlines() == [first, *rows]
