"""``elman sweep``: the table, JSON, the picture, the command that follows, bounds and bad input."""

from __future__ import annotations

import json
import re
import shlex
import signal
import sys
import tomllib
from pathlib import Path

import pytest

from elman.sweeps.records import Record
from elman.sweeps.results import Results
from tests.cli.conftest import Command
from tests.small import contents, metrics_of

pytest.importorskip("optuna")

SETTINGS = """
embedding = 5
layers = 1
batch = 4
window = 8
threads = 1
steps = 6
eval_every = 3
"""
SEARCH = """
[search]
lr = { low = 0.001, high = 0.1, log = true }
hidden = [4, 6]
"""


@pytest.fixture
def config(tmp_path: Path, text_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A settings file in the working directory."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "cats.toml"
    path.write_text(f"text = [{json.dumps(str(text_file))}]{SETTINGS}{SEARCH}", encoding="utf-8")
    return path


def test_a_sweep_from_beginning_to_end(run_elman: Command, tmp_path: Path, config: Path) -> None:
    done = run_elman("sweep", "cats.toml", "--trials", "3", "--quiet")
    assert (done.status, done.err) == (0, "")
    head, _, rest = done.out.partition("\n\n")
    lines = head.splitlines()
    assert lines[0].split(maxsplit=1) == ["sweep", "sweeps/cats, study cats in sweeps/cats/study.journal"]
    assert lines[1].split() == ["trials", "3"]
    assert re.fullmatch(
        r"text +[\d,]+ train, [\d,]+ valid, [\d,]+ test char tokens, vocabulary of \d+", lines[2]
    )
    assert lines[3].split(maxsplit=1) == ["search", "lr 0.001 to 0.1 (log); hidden 4, 6"]
    assert [line.split()[:3] for line in lines[4::2]] == [["trial", str(n), "lr"] for n in range(3)]
    assert sum("*best" in line for line in lines) >= 1
    table = rest.splitlines()
    assert table[0].split() == ["trial", "valid", "state", "time", "lr", "hidden"]
    rows = [line.split() for line in table[1:4]]
    losses = {}
    for row in rows:
        run = tmp_path / "sweeps" / "cats" / f"cats-{int(row[0]):04}"
        settings = tomllib.loads((run / "config.toml").read_text())
        losses[row[0]] = min(line["valid_loss"] for line in metrics_of(run) if "valid_loss" in line)
        assert row[1:3] == [f"{losses[row[0]]:.4f}", "complete"]
        assert row[5:] == [f"{settings['lr']:.4g}", str(settings["hidden"])]
    assert [float(row[1]) for row in rows] == sorted(float(row[1]) for row in rows)
    assert table[4] == "The picture is in sweeps/cats/sweep.svg."
    assert (tmp_path / "sweeps" / "cats" / "sweep.svg").exists()
    assert table[5] == "Train the best one longer:"
    best = min(losses, key=losses.__getitem__)
    command = shlex.split(table[6])
    assert command[-7:] == [
        "train", "--config", f"sweeps/cats/cats-{int(best):04}/config.toml", "--steps", "60", "--out",
        "runs/cats-best",
    ]  # fmt: skip
    assert run_elman(*command[-7:], "--quiet").status == 0
    assert metrics_of(tmp_path / "runs" / "cats-best")[-1]["step"] == 60
    # Again: nothing is trained, all is shown.
    again = run_elman("sweep", "cats.toml", "--trials", "3")
    assert "trials    3, of which 3 there already" in again.out
    assert again.out.partition("\n\n")[2].splitlines()[:6] == table[:6]
    assert "runs/cats-best-2" in again.out


def test_evaluations_are_shown_unless_quiet(run_elman: Command, config: Path) -> None:
    done = run_elman("sweep", config, "--trials", "1")
    assert len(re.findall(r"^ +step [36]  valid \d\.\d{4}$", done.out, re.MULTILINE)) == 2


def test_json_and_a_picture_where_it_is_asked_for(run_elman: Command, tmp_path: Path, config: Path) -> None:
    options = ["--study", "two", "--out", "here", "--storage", "there.db", "--pruner", "none", "--seed", "3"]
    done = run_elman("sweep", config, "--trials", "2", *options, "--plot", "loss.png", "--json")
    assert (done.status, done.err) == (0, "")
    found = json.loads(done.out)
    assert found["study"] == "two"
    assert found["storage"] == "there.db"
    assert found["measure"] == "nats a token"
    assert [trial["state"] for trial in found["trials"]] == ["complete"] * 2
    assert found["best"] == found["trials"][0]["number"]
    for trial in found["trials"]:
        assert trial["run"] == str(tmp_path / "here" / f"two-{trial['number']:04}")
        assert trial["loss"] == min(trial["losses"])
        assert len(trial["losses"]) == 2
        assert set(trial["settings"]) == {"lr", "hidden"}
        assert (trial["error"], trial["again"]) == (None, None)
        assert trial["seconds"] > 0
    assert shlex.split(found["command"])[-6:] == [
        "--config", f"here/two-{found['best']:04}/config.toml", "--steps", "60", "--out", "runs/two-best",
    ]  # fmt: skip
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "here" / "sweep.svg").exists()
    other = json.loads(run_elman("sweep", config, "--trials", "1", "--seed", "4", "--json").out)
    assert other["trials"][0]["settings"] not in [trial["settings"] for trial in found["trials"]]


def test_failed_and_pruned_trials_say_so(run_elman: Command, config: Path) -> None:
    text = config.read_text().replace("eval_every = 3", "eval_every = 2")
    text = text.replace(
        SEARCH, '\noptimizer = "sgd"\nclip = 0.0\n[search]\nlr = [0.5, 0.4, 0.00001, 0.00002, 3e38]\n'
    )
    config.write_text(text, encoding="utf-8")
    done = run_elman("sweep", config, "--trials", "13", "--quiet")
    assert done.status == 0
    table = done.out.partition("\n\n")[2].splitlines()
    kinds = [line.split()[2] for line in table[1:14]]
    assert kinds == sorted(kinds, key=["complete", "pruned", "failed"].index)
    assert set(kinds) == {"complete", "pruned", "failed"}
    assert all("pruned at evaluation 2" in line for line in table if "pruned" in line)
    assert [line.split()[1] for line in table[1:14] if "failed" in line] == ["-"] * kinds.count("failed")
    (errors,) = [line for line in table if "NaN or infinite" in line]
    numbers = [line.split()[0] for line in table[1:14] if "failed" in line]
    assert errors.startswith(f"trial{'s' * (len(numbers) > 1)} {', '.join(numbers)}: ")
    # All that are left fail.
    config.write_text(text.replace("0.5, 0.4, 0.00001, 0.00002", "2e38"), encoding="utf-8")
    line = run_elman("sweep", config, "--trials", "2", "--study", "bad", "--json")
    assert line.status == 2
    assert line.err.startswith("elman: no trial came to its end; trial 0 failed: ")


def test_every_state_in_the_table() -> None:
    from elman.cli.sweeping import table

    records = [
        Record(0, "failed", error="too large", settings={"lr": 1.0}),
        Record(1, "running", (3.0,), {"lr": 0.001}),
        Record(2, "complete", (2.5, 2.25, 2.375), {"lr": 0.1, "tied": True}, 75.0),
        Record(3, "failed", error="too large", settings={"lr": 2.0, "tied": False}, seconds=0.25),
        Record(4, "pruned", (2.0, 2.125), {"lr": 0.123456}, 3600.0),
        Record(5, "killed"),
        Record(6, "surplus"),
        Record(7, "waiting"),
        Record(8, "interrupted", (4.0,), {"lr": 0.5}, 1.0),
        Record(9, "complete", (2.25,), {"lr": 0.2}, 9.96),
        Record(10, "failed", error="NaN"),
    ]
    found = table(Results.of("one", "there", "nats a token", ("lr", "tied"), records))
    assert found == [
        "trial  valid   state                   time        lr      tied",
        "2      2.2500  complete                75 s        0.1     true",
        "9      2.2500  complete                10.0 s      0.2     -",
        "4      2.0000  pruned at evaluation 2  1 h 00 min  0.1235  -",
        "1      3.0000  running                 -           0.001   -",
        "0      -       failed                  -           1       -",
        "3      -       failed                  0.2 s       2       false",
        "10     -       failed                  -           -       -",
        "8      4.0000  interrupted             1.0 s       0.5     -",
        "5      -       killed                  -           -       -",
        "trials 0, 3: too large",
        "trial 10: NaN",
    ]


def test_minutes_leave_off_and_the_same_command_goes_on(
    run_elman: Command, tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(config.read_text().replace("steps = 6", "steps = 4000"), encoding="utf-8")
    done = run_elman("sweep", config, "--trials", "2", "--minutes", "0.01")
    assert (done.status, done.err) == (0, "")
    assert "interrupted" in done.out
    assert "The minutes are over: 0 of 2 trials are done." in done.out
    lines = done.out.splitlines()
    assert shlex.split(lines[-1])[-6:] == ["sweep", str(config), "--trials", "2", "--minutes", "0.01"]
    assert lines[-2] == "Go on by the same command:"
    again = run_elman("sweep", config, "--trials", "2", "--minutes", "0.01")
    assert "again for 0" in again.out


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_signal_finishes_the_step_and_saves(
    run_elman: Command, config: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, status: int
) -> None:
    from elman.sweeps.study import Asked

    report = Asked.report

    def report_and_signal(self: Asked, loss: float, index: int) -> bool:
        signal.raise_signal(number)
        return report(self, loss, index)

    with monkeypatch.context() as patched:
        patched.setattr(Asked, "report", report_and_signal)
        done = run_elman("sweep", config, "--trials", "2", "--json")
    assert (done.status, done.err) == (status, "")
    (trial,) = json.loads(done.out)["trials"]
    assert (trial["state"], len(trial["losses"])) == ("interrupted", 1)
    again = json.loads(run_elman("sweep", config, "--trials", "2", "--json").out)["trials"]
    assert sorted((t["number"], t["state"], t["again"]) for t in again) == [
        (0, "interrupted", None), (1, "complete", 0), (2, "complete", None),
    ]  # fmt: skip
    assert {t["run"] for t in again if t["number"] < 2} == {trial["run"]}


@pytest.mark.parametrize(
    ("change", "options", "says"),
    [
        (("[search]", "[serach]"), [], "unknown setting 'serach'; did you mean 'search'?"),
        (("[search]\nlr = {", "lr = {"), [], "nothing is searched: give a table [search]"),
        ((SEARCH, ""), [], "nothing is searched: give a table [search]"),
        (("hidden = [4, 6]", "hidden = [4, 0]"), [], "with lr 0.001, hidden 0: hidden must be at"),
        (("hidden = [4, 6]", "hidden = 4"), [], "[search] hidden is 4: give a list"),
        (("log = true", "lgo = true"), [], "[search] lr has 'lgo', but a range is"),
        (("layers = 1", "hidden = 3"), [], "hidden has a value and is searched as well"),
        (("layers = 1", "layrs = 1"), [], "unknown setting 'layrs'; did you mean 'layers'?"),
        (("batch = 4", "batch = 4000"), [], "elman: the train text has"),
        (("layers = 1", "epochs = 1\nwarmup = 5000"), [], "elman: warmup"),
        (
            ("hidden = [4, 6]", "size = [{ hidden = 4 }, { min_count = 10000 }]"), [],
            "elman: with lr 0.001, min_count 10000: ",
        ),
        (("text = [", 'text = ["none.txt", '), [], "there is no file none.txt"),
        (("layers = 1", 'recipe = "none"'), [], "there is no recipe 'none'"),
        (("layers = 1", "overwrite = true"), [], "unknown setting 'overwrite'"),
        (("", ""), ["--minutes", "0"], "minutes must be greater than 0, not 0"),
        (("", ""), ["--minutes", "nan"], "minutes must be greater than 0, not nan"),
        (("", ""), ["--pruner", "medain"], "pruner must be one of median, hyperband, none, not 'medain'"),
        (("", ""), ["--study", "a/b"], "study 'a/b' names directories too"),
        (("", ""), ["--storage", "study"], "storage study: give a file that ends in .journal"),
        (("", ""), ["--plot", "sweep.jpg"], "name the picture .png or .svg"),
        (("", ""), ["--trials", "0"], "trials"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_before_the_first_trial(
    run_elman: Command, tmp_path: Path, config: Path, change: tuple[str, str], options: list[str], says: str
) -> None:
    config.write_text(config.read_text().replace(*change), encoding="utf-8")
    line = run_elman("sweep", config, "--trials", "2", *options).complaint()
    assert says in line
    assert not list(tmp_path.glob("sweeps/*/cats-*"))


def test_files_that_are_not_there(run_elman: Command, tmp_path: Path, config: Path) -> None:
    assert "cannot read" in run_elman("sweep", "none.toml", "--trials", "1").complaint()
    (tmp_path / "cats.txt").write_text("a = ")
    assert "is not valid TOML" in run_elman("sweep", "cats.txt", "--trials", "1").complaint()
    assert "trials" in run_elman("sweep", config).complaint()
    assert contents(tmp_path).keys() == {"cats.toml", "cats.txt"}


def test_the_settings_of_a_run_and_a_recipe_serve_as_a_beginning(
    run_elman: Command, tmp_path: Path, config: Path, trained: Path
) -> None:
    lines = (trained / "config.toml").read_text().splitlines()
    kept = [line for line in lines if not line.startswith("lr = ")]
    config.write_text("\n".join([*kept, "[search]", "lr = [0.01, 0.02]"]), encoding="utf-8")
    done = run_elman("sweep", config, "--trials", "1", "--json")
    assert (done.status, done.err) == (0, "")
    config.write_text(
        'recipe = "char-small"\nsteps = 2\nout = "there"\n' + config.read_text(), encoding="utf-8"
    )
    lines = [
        line for line in config.read_text().splitlines() if not line.startswith(("steps = 20", "format"))
    ]
    config.write_text(
        "\n".join(line for line in lines if not line.startswith("vocab_size")), encoding="utf-8"
    )
    found = json.loads(run_elman("sweep", config, "--trials", "1", "--json", "--study", "two").out)
    assert found["trials"][0]["run"] == str(tmp_path / "there" / "two-0000")


def test_without_optuna(run_elman: Command, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "optuna"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "optuna", None)
    line = run_elman("sweep", config, "--trials", "1").complaint()
    assert line == "elman: elman sweep needs optuna, which is not installed: python -m pip install optuna"
