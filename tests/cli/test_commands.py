"""What the commands print and write when all is well."""

from __future__ import annotations

import json
import math
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import elman
from elman.storage.config import TrainConfig
from tests.cli.conftest import Command
from tests.small import FLAGS, REGULARISED, metrics_of
from tests.training.test_fit import give_losses

TRAIN = ["train", *FLAGS, "--quiet"]
NAMES = [
    "train", "evaluate", "generate", "next", "score", "rerank", "explain", "gradcheck", "info", "plot",
    "inspect", "doctor",
]  # fmt: skip

SMALL_CHECK = "--layers 1 --hidden 3 --embedding 2 --vocab-size 4 --batch 2 --window 3"


def test_training_prints_the_commands_to_try_next(
    run_elman: Command, tmp_path: Path, text_file: Path
) -> None:
    out = tmp_path / "my run"  # with a space, so that it must be quoted
    done = run_elman("train", text_file, *FLAGS, "--steps", "20", "--out", out)
    assert (done.status, done.err) == (0, "")
    assert "to beat" in done.out
    assert "*best" in done.out
    tries = [line.strip() for line in done.out.splitlines() if line.startswith("  elman ")]
    assert [line.split()[1] for line in tries] == ["generate", "next", "evaluate", "plot"]
    import shlex

    for line in tries[:3]:
        assert run_elman(*shlex.split(line)[1:]).status == 0, line
    # Every number that a reader may want is in the metrics.
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text("utf-8").splitlines()]
    for line in lines:
        assert {"step", "tokens", "seconds", "train_loss", "lr"} <= line.keys()
        assert all(math.isfinite(line[name]) for name in ("seconds", "train_loss", "lr"))
        assert line["tokens"] == line["step"] * 4 * 8
    assert [line["step"] for line in lines if "valid_loss" in line] == list(range(2, 21, 2))
    assert all("sample" in line for line in lines if "valid_loss" in line)


def test_training_says_when_it_begins_to_average(
    run_elman: Command, tmp_path: Path, text_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_losses(monkeypatch, [3.0, 2.0, 2.1, 2.2, 2.3, 1.9])
    run, often = tmp_path / "run", ["--steps", "12", "--eval-every", "2"]
    done = run_elman(
        *TRAIN, text_file, *often, "--average", "2", "--random-window", "--window", "10", "--out", run
    )
    lines = [line for line in done.out.splitlines() if line.startswith(("step", "note"))]
    assert [" averaged " in line for line in lines] == [False] * 6 + [True]
    assert (
        lines[5]
        .split(maxsplit=1)[1]
        .startswith("no progress over 2 evaluations: from here on the parameters")
    )
    assert "4 rows x about 10 steps" in done.out
    table = run_elman("info", run).out
    assert re.search(r"^average +2$", table, re.MULTILINE)
    assert re.search(r"^random window +True$", table, re.MULTILINE)


def test_quiet_training_prints_no_samples(run_elman: Command, tmp_path: Path, text_file: Path) -> None:
    done = run_elman(*TRAIN, text_file, "--steps", "10", "--out", tmp_path / "run")
    assert "\n    " not in done.out
    assert not any("sample" in line for line in metrics_of(tmp_path / "run"))


def test_evaluate(run_elman: Command, trained: Path, text_file: Path) -> None:
    as_json = run_elman("evaluate", trained, text_file, "--json")
    found = json.loads(as_json.out)
    assert as_json.out.count("\n") == 1
    expected = {
        "nats_per_token",
        "perplexity",
        "bits_per_char",
        "bits_per_byte",
        "accuracy",
        "tokens",
        "unknown",
        "replaced",
        "chars",
        "bytes",
        "eos",
        "vocabulary",
        "vocab_size",
        "unknown_learnt",
        "dynamic",
        "cache",
        "tuned",
    }
    assert expected == found.keys()
    assert found["tokens"] == text_file.stat().st_size
    assert found["perplexity"] == pytest.approx(math.exp(found["nats_per_token"]))
    assert found["bits_per_char"] == pytest.approx(found["nats_per_token"] / math.log(2))
    other = json.loads(
        run_elman("evaluate", trained, text_file, "--json", "--batch", "3", "--window", "7").out
    )
    kinds = found.pop("vocabulary"), other.pop("vocabulary")
    assert kinds == ("closed", "closed")
    for method in ("dynamic", "cache"):  # the model as it is
        assert (found.pop(method), other.pop(method)) == (None, None)
    assert other == pytest.approx(found, rel=1e-6)
    table = run_elman("evaluate", trained, text_file).out
    for shown in (f"{found['nats_per_token']:.4f}", f"{found['accuracy']:.2%}", "perplexity", "a byte"):
        assert shown in table


def test_next(run_elman: Command, trained: Path) -> None:
    found = json.loads(run_elman("next", trained, "the c", "--top", "5", "--json").out)
    assert len(found) == 5
    assert [set(row) for row in found] == [{"token", "probability"}] * 5
    probabilities = [row["probability"] for row in found]
    assert probabilities == sorted(probabilities, reverse=True)
    table = run_elman("next", trained, "the c", "--top", "5").out.splitlines()
    assert len(table) == 5
    assert f"{probabilities[0]:.2%}" in table[0]
    everything = json.loads(run_elman("next", trained, "the c", "--top", "1000", "--json").out)
    assert sum(row["probability"] for row in everything) == pytest.approx(1.0, abs=1e-6)
    assert "'\\n'" in run_elman("next", trained, "the c", "--top", "1000").out  # a line end can be seen


def test_generate(run_elman: Command, trained: Path) -> None:
    command = ["generate", trained, "--prompt", "the", "--length", "30", "--seed", "4"]
    one, again = run_elman(*command).out, run_elman(*command).out
    assert one == again
    assert one.startswith("the")
    assert len(one) == 3 + 30 + 1
    assert run_elman(*command[:-1], "5").out != one
    as_json = json.loads(run_elman(*command, "--json").out)
    assert as_json == [one.removesuffix("\n")]
    several = json.loads(run_elman(*command, "--json", "--samples", "3").out)
    assert (several[0], len(several), len(set(several))) == (as_json[0], 3, 3)
    shown = run_elman(*command, "--samples", "2").out
    assert shown == f"--- 1 ---\n{several[0]}\n--- 2 ---\n{several[1]}\n"
    stopped = run_elman(*command, "--stop", one[5:7]).out
    assert stopped == one[: 3 + one[3:].index(one[5:7])] + "\n"
    assert run_elman("generate", trained, "--prompt", r"the\n", "--length", "1").out.startswith("the\n")
    assert run_elman("generate", trained, "--length", "4").status == 0


def test_generation_streams_to_the_terminal(
    run_elman: Command, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    monkeypatch.setattr("elman.cli.generate._write", written.append)
    run_elman("generate", trained, "--prompt", "the", "--length", "6")
    assert len(written) == 7  # the prompt with the first piece, the other five, the line end
    assert written[-1] == "\n"


def test_info(run_elman: Command, trained: Path) -> None:
    found = json.loads(run_elman("info", trained, "--json").out)
    model = elman.load(trained).model
    assert found["parameters"] == model.n_params
    assert found["arrays"] == {name: list(array.shape) for name, array in model.params.items()}
    assert (found["steps"], found["cell"], found["hidden"]) == (20, "lstm", 6)
    losses = {line["step"]: line["valid_loss"] for line in metrics_of(trained) if "valid_loss" in line}
    assert found["best_valid_loss"] == min(losses.values()) == losses[found["best_step"]]
    table = run_elman("info", trained).out
    for name in (*model.params, f"{model.n_params:,}"):
        assert name in table
    assert "None" not in table


def test_info_of_settings_with_long_names(run_elman: Command, text_file: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    sizes = "--hidden 6 --embedding 6 --batch 4 --window 8 --steps 2 --dropout-embedding 0.1 --learn-state"
    shown = run_elman("train", text_file, *sizes.split(), "--out", run, "--quiet").out
    assert "embedding 6, learnt first state, " in shown
    table = run_elman("info", run).out.partition("arrays")[0].splitlines()
    assert "dropout embedding 0.1" in table
    assert f"{'cell':<18}lstm" in table


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_plot(run_elman: Command, trained: Path, tmp_path: Path, suffix: str) -> None:
    picture = tmp_path / f"loss.{suffix}"
    done = run_elman("plot", trained, trained, "--out", picture, "--against", "tokens")
    assert (done.status, done.err, done.out) == (0, "", f"wrote {picture}\n")
    assert picture.stat().st_size > 1000


@pytest.mark.parametrize("projections", ["0", "4"])
def test_gradcheck(run_elman: Command, projections: str) -> None:
    flags = SMALL_CHECK.split()
    done = run_elman("gradcheck", "--cell", "gru", *flags, "--projections", projections)
    assert (done.status, done.err) == (0, "")
    if projections == "0":
        assert "layers.0.W" in done.out


def test_gradcheck_with_everything_that_is_dropped_held_and_penalised(run_elman: Command) -> None:
    """Under a fixed seed; of masks alone the loss depends."""
    flags = [part for name, value in REGULARISED.items() for part in _flag(name, value)]
    values = []
    flags += ["--layers", "2", "--zoneout-cell", "0.2", "--projections", "2"]
    for seed in ("1", "2", "1"):
        done = run_elman("gradcheck", *SMALL_CHECK.split(), *flags, "--seed", seed)
        assert (done.status, done.err) == (0, "")
        values.append(done.out)
    assert values[0] == values[2] != values[1]


def test_gradcheck_sees_a_wrong_gradient_through_masks(
    run_elman: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("elman.network.masks.Dropped.complete", lambda self, grads: None)
    assert run_elman("gradcheck", *SMALL_CHECK.split()).status == 0
    done = run_elman("gradcheck", *SMALL_CHECK.split(), "--dropout-weights", "0.5")
    assert done.status == 1
    assert "layers.0.W" in done.out


def _flag(name: str, value: Any) -> list[str]:
    flag = f"--{name.replace('_', '-')}"
    return [flag] if value is True else [flag, str(value)]


def test_penalties_are_reported_beside_the_loss(run_elman: Command, tmp_path: Path, text_file: Path) -> None:
    """What is called loss stays what perplexity is of; the run goes by the sum."""
    out = tmp_path / "run"
    flags = ["--activation-reg", "500", "--temporal-reg", "1", "--lr", "1e-9", "--steps", "10"]
    assert run_elman(*TRAIN, text_file, *flags, "--out", out).status == 0
    last = metrics_of(out)[-1]
    assert last["penalty"] > 1
    assert last["train_loss"] == pytest.approx(last["valid_loss"], abs=0.1)
    assert run_elman(*TRAIN, text_file, *flags[4:], "--out", tmp_path / "plain").status == 0
    plain = metrics_of(tmp_path / "plain")[-1]
    assert "penalty" not in plain
    assert plain["train_loss"] == pytest.approx(last["train_loss"], abs=1e-5)
    found = json.loads(run_elman("info", out, "--json").out)
    assert (found["activation_reg"], found["temporal_reg"], found["zoneout"]) == (500, 1, 0)
    table = run_elman("info", out).out
    assert "activation reg  500" in table
    assert "zoneout" not in table


def test_gradcheck_fails_where_a_gradient_is_wrong(
    run_elman: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from elman.network.inputs import embedding_backward

    def wrong(dx: Any, x: Any, dE: Any) -> None:
        embedding_backward(dx, x, dE)
        dE *= 1.001

    monkeypatch.setattr("elman.network.inputs.embedding_backward", wrong)
    flags = SMALL_CHECK.split()
    done = run_elman("gradcheck", *flags)
    assert done.status == 1
    assert "embedding.E" in done.out


@pytest.mark.parametrize("name", ["", *NAMES])
def test_help(run_elman: Command, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    done = run_elman(*[name] * bool(name), "--help")
    assert (done.status, done.err) == (0, "")
    if not name:
        assert all(command in done.out for command in NAMES)
    if name == "train":
        for setting in fields(TrainConfig):
            # An argument; of imported models alone; and what a run notes of its text.
            if setting.name not in ("text", "direction", "data_index"):
                assert f"--{setting.name.replace('_', '-')}" in done.out
    if name == "plot":
        assert "plot" in done.out.split("needs")[1][:40]


def test_version(run_elman: Command) -> None:
    assert run_elman("--version").out == f"elman {elman.__version__}\n"
