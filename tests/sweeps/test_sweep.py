"""Sweeps in one process: what is trained, pruned, failed, interrupted and taken up again."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import elman
from elman.errors import CheckpointError, ConfigError
from elman.storage.run import Run
from elman.sweeps import texts
from elman.sweeps.records import Record, best, count
from elman.sweeps.results import Results
from elman.sweeps.storages import open_storage
from elman.sweeps.study import Asked
from elman.sweeps.sweep import Sweep
from elman.sweeps.trial import TrialBegun, TrialEnded, TrialEvaluated
from tests.small import checkpoint_of, metrics_of
from tests.sweeps.small import do, outcome, run_outcome, sweep_in, text_in

optuna = pytest.importorskip("optuna")

BAD = {"lr": [0.05, 1e-7], "hidden": {"low": 3, "high": 8}}
"""A rate that learns, and one that does not."""

TRIALS = 10
"""Of which the median may prune the last five."""


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sweep, list[Any]]]:
    """A sweep of four trials, and what happened."""
    with sweep_in(tmp_path_factory.mktemp("swept")) as sweep:
        yield sweep, do(sweep, 4)


def test_trials_are_ordinary_runs(swept: tuple[Sweep, list[Any]]) -> None:
    sweep, _ = swept
    records = sweep.records()
    assert [record.state for record in records] == ["complete"] * 4
    for number, record in enumerate(records):
        run = Path(record.run)
        assert run == (sweep.out / f"one-{number:04}").resolve()
        model = elman.load(run)
        assert record.settings == {"lr": model.config.lr, "hidden": model.config.hidden}
        assert 0.001 <= record.settings["lr"] <= 0.1
        assert record.settings["hidden"] in (4, 6)
        lines = metrics_of(run)
        assert record.losses == tuple(line["valid_loss"] for line in lines if "valid_loss" in line)
        assert lines[-1]["step"] == 12
        assert record.loss == min(record.losses)
        assert record.seconds > 0
    assert len({record.settings["lr"] for record in records}) == 4
    found = best(records)
    assert found is not None
    assert found.loss == min(loss for record in records for loss in record.losses)


def test_what_happens_is_told_in_order(swept: tuple[Sweep, list[Any]]) -> None:
    sweep, events = swept
    assert [type(event) for event in events] == 4 * [TrialBegun, *4 * [TrialEvaluated], TrialEnded]
    for number, record in enumerate(sweep.records()):
        begun, *evaluated, ended = events[6 * number : 6 * number + 6]
        assert (begun.number, begun.settings, begun.again) == (number, record.settings, None)
        assert [(e.index, e.step) for e in evaluated] == [(1, 3), (2, 6), (3, 9), (4, 12)]
        assert tuple(e.loss for e in evaluated) == record.losses
        assert ended.record == record


def test_the_text_is_encoded_once(swept: tuple[Sweep, list[Any]]) -> None:
    sweep, _ = swept
    (folder,) = (sweep.out / "texts").iterdir()
    for name in ("corpus.json", "train.ids", "valid.ids", "tokenizer.json"):
        paths = [folder / name, *(Path(r.run) / "data" / name for r in sweep.records())]
        assert len({path.stat().st_ino for path in paths}) == 1, name
    # What goes on with a run of its own leaves the others as they are.
    run, other = (Path(record.run) for record in sweep.records()[:2])
    before = (other / "data" / "train.ids").read_bytes()
    elman.train(
        text_in(sweep.out.parent), out=run, overwrite=True, lowercase=True, tokens="word", steps=1, batch=2
    )
    assert (other / "data" / "train.ids").read_bytes() == before


def test_nothing_more_is_done_than_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with sweep_in(tmp_path) as sweep:
        assert len(do(sweep, 2)) == 12
        assert do(sweep, 2) == []
        assert do(sweep, 1) == []
    monkeypatch.setattr(texts, "text_of", None)  # the text is there
    with sweep_in(tmp_path) as again:
        assert do(again, 2) == []
        assert len(do(again, 3)) == 6
        assert [record.number for record in again.records()] == [0, 1, 2]
        assert not (again.out / ".workers").exists()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    """The trials of a sweep with good and bad rates that nothing disturbs."""
    with sweep_in(tmp_path_factory.mktemp("unbroken"), BAD) as sweep:
        do(sweep, TRIALS)
        return sweep.records()


@pytest.fixture(scope="module")
def unbroken(undisturbed: list[Record]) -> tuple[Any, ...]:
    """What it found, and what is in its runs."""
    return outcome(undisturbed), [run_outcome(record) for record in undisturbed]


def test_the_same_seed_finds_the_same(tmp_path: Path, unbroken: tuple[Any, ...]) -> None:
    with sweep_in(tmp_path, BAD, storage="study.db") as sweep:  # and in another kind of storage
        do(sweep, TRIALS)
        records = sweep.records()
        assert (outcome(records), [run_outcome(record) for record in records]) == unbroken
    with sweep_in(tmp_path, BAD, seed=1, out="other") as other:
        do(other, 3)
        assert [settings for _, settings, _ in outcome(other.records())] != [s for _, s, _ in unbroken[0][:3]]


def after(calls: int) -> Callable[[], bool]:
    left = iter(range(calls))
    return lambda: next(left, None) is None


def test_interruptions_change_nothing(tmp_path: Path, unbroken: tuple[Any, ...]) -> None:
    """A sweep that is stopped again and again, in the middle of trials, ends as one that was left alone."""
    sessions = 0
    while True:
        with sweep_in(tmp_path, BAD) as sweep:
            do(sweep, TRIALS, stop=after(17))
            records = sweep.records()
        sessions += 1
        if len(outcome(records)) == TRIALS:
            break
    assert sessions > 4
    broken = [record for record in records if record.state == "interrupted"]
    assert len(broken) > 2
    for record in broken:
        (again,) = [other for other in records if other.again == record.number]
        assert again.settings == record.settings
        assert again.run == record.run
    done = [record for record in records if record.counted]
    assert (outcome(records), [run_outcome(record) for record in done]) == unbroken
    assert {record.state for record in records} == {"complete", "pruned", "interrupted"}


def test_what_was_killed_before_it_was_pruned_is_pruned(
    tmp_path: Path, unbroken: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    end = Asked.end

    def die(self: Asked, state: str, loss: float | None = None) -> Record:
        if state == "pruned":
            raise KeyboardInterrupt
        return end(self, state, loss)

    with sweep_in(tmp_path, BAD) as sweep:
        with monkeypatch.context() as patched:
            patched.setattr(Asked, "end", die)
            with pytest.raises(KeyboardInterrupt):
                do(sweep, TRIALS)
        done = count(sweep.records()) + 1
        do(sweep, done)
        assert outcome(sweep.records()) == unbroken[0][:done]
        assert sweep.records()[-1].state == "pruned"


def test_the_command_that_trains_longer_has_whole_numbers(
    swept: tuple[Sweep, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    records = swept[0].records()
    config = replace(Run(records[0].run).config, steps=123_457, minutes=0.25)
    monkeypatch.setattr(Run, "config", config)
    words = Results.of("one", "there", "nats a token", ("lr",), records).longer()
    assert words[3:-2] == ["--steps", "1234570", "--minutes", "2.5"]


@pytest.mark.parametrize("damage", ["half", "another"])
def test_a_damaged_checkpoint_is_no_hindrance(tmp_path: Path, unbroken: tuple[Any, ...], damage: str) -> None:
    """Nor is another run in its place: the trial begins anew, in a directory of its own."""
    with sweep_in(tmp_path, BAD) as sweep:
        do(sweep, 1, stop=after(9))
        (broken,) = [record for record in sweep.records() if record.state == "interrupted"]
        if damage == "half":
            Run(broken.run).checkpoint_path.write_bytes(b"half")
        else:
            elman.train(
                text_in(tmp_path), out=broken.run, overwrite=True, hidden=9, layers=1, steps=1, batch=2
            )
        do(sweep, 1)
        again = sweep.records()[-1]
        assert (again.again, again.state, again.run != broken.run) == (broken.number, "complete", True)
        assert (outcome(sweep.records()), run_outcome(again)) == (unbroken[0][:1], unbroken[1][0])


def test_the_median_prunes(unbroken: tuple[Any, ...], tmp_path: Path) -> None:
    """Every decision is that of the rule, worked out here from the losses alone."""
    found = unbroken[0]
    pruned = 0
    for place, (state, _, losses) in enumerate(found):
        complete = [other for kind, _, other in found[:place] if kind == "complete"]
        for index in range(1, len(losses) + 1):
            worse = (
                len(complete) >= 5
                and index >= 2
                and min(losses[:index]) > statistics.median(other[index - 1] for other in complete)
            )
            last = index == len(losses)
            assert worse == (state == "pruned" and last) or index == 4
        pruned += state == "pruned"
        assert len(losses) == 4 or state == "pruned"
    assert pruned > 1
    with sweep_in(tmp_path, BAD, pruner="none") as sweep:
        do(sweep, 8)
        assert {record.state for record in sweep.records()} == {"complete"}


def test_a_pruned_run_is_short_and_can_go_on(undisturbed: list[Record], unbroken: tuple[Any, ...]) -> None:
    record = next(record for record in undisturbed if record.state == "pruned")
    run = Path(record.run)
    assert len(record.losses) < 4
    assert checkpoint_of(run)[1]["step"] == 3 * len(record.losses) + 1  # the step in which it was told
    elman.train(resume=run)
    assert checkpoint_of(run)[1]["step"] == 12


def test_hyperband_prunes(tmp_path: Path) -> None:
    with sweep_in(tmp_path, BAD, pruner="hyperband") as sweep:
        do(sweep, 12)
        states = [record.state for record in sweep.records()]
    assert set(states) == {"complete", "pruned"}


DIVERGING = {"lr": [20.0, 3e38]}
"""A rate at which the loss goes up and down, and one at which it is soon no number."""


def test_a_trial_that_diverges_fails_and_the_sweep_goes_on(tmp_path: Path) -> None:
    with sweep_in(tmp_path, DIVERGING, optimizer="sgd", clip=0.0, schedule="constant") as sweep:
        events = do(sweep, 8)
        records = sweep.records()
    assert [record.number for record in records] == list(range(8))
    assert {record.state for record in records} == {"complete", "failed"}
    for record in records:
        assert (record.state == "failed") == (record.settings["lr"] == 3e38)
        assert (record.error != "") == (record.state == "failed")
        assert "NaN or infinite" in record.error or record.state == "complete"
        assert Run(record.run).checkpoint_path.exists()
    # Of trials that Optuna has as failed its sampler would learn nothing, and choose the same again.
    known = optuna.load_study(study_name="one", storage=open_storage(sweep.study.storage)).trials
    assert {trial.state.name for trial in known} == {"COMPLETE", "PRUNED"}
    for trial, record in zip(known, records, strict=True):
        assert (trial.state.name == "PRUNED") == (record.state == "failed")
        assert record.state == "failed" or trial.value == min(record.losses)
    assert any(
        trial.value < list(trial.intermediate_values.values())[-1] for trial in known if trial.value
    ), "rises"
    assert [event.record.state for event in events if isinstance(event, TrialEnded)] == [
        r.state for r in records
    ]


def test_where_every_trial_fails_that_is_an_error(tmp_path: Path) -> None:
    with sweep_in(tmp_path, {"lr": [2e38, 3e38]}, optimizer="sgd", clip=0.0) as sweep:
        do(sweep, 2)
        found = Results.of("one", "there", "nats a token", ("lr",), sweep.records())
    assert found.best is None
    with pytest.raises(ConfigError, match=r"^no trial came to its end; trial 0 failed: .*NaN or infinite"):
        found.check()


def test_a_combination_that_contradicts_itself_fails_alone(tmp_path: Path) -> None:
    """What lies within the ends of a space is not all checked before."""
    search = {"embedding": {"low": 4, "high": 6}, "hidden": {"low": 4, "high": 6}}
    both = {"connections": "residual"}
    said = r"^with embedding 4, hidden 6: connections residual has no effect"
    with pytest.raises(ConfigError, match=said), sweep_in(tmp_path, search, **both):
        pass
    with sweep_in(tmp_path, {"hidden": {"low": 4, "high": 6}, "lr": [0.1, 0.2]}) as sweep:
        sweep.plan.base["tied"] = True  # as if it had been missed
        sweep.plan.base["embedding"] = 5
        do(sweep, 9)
        records = sweep.records()
    assert {(record.state, record.settings["hidden"] == 5) for record in records} == {
        ("complete", True), ("failed", False),
    }  # fmt: skip
    assert all("tied needs an embedding" in record.error for record in records if record.state == "failed")


def test_trials_of_several_kinds_of_tokens_are_compared_by_bits_a_byte(tmp_path: Path) -> None:
    search = {"kind": [{"tokens": "char"}, {"tokens": "word", "max_vocab": 9}], "lr": [0.02, 0.05]}
    with sweep_in(tmp_path, search) as sweep:
        do(sweep, 5, stop=after(9))
        do(sweep, 5)
        records = [record for record in sweep.records() if record.counted]
        assert [record.again for record in records] == [0, None, None, None, None]
    assert len(list((sweep.out / "texts").iterdir())) == 2
    assert {record.settings["tokens"] for record in records} == {"char", "word"}
    for record in records:
        lines = metrics_of(Path(record.run))
        assert record.losses == tuple(line["valid_bits_per_byte"] for line in lines if "valid_loss" in line)
        assert elman.load(record.run).config.tokens == record.settings["tokens"]


def test_a_prepared_text_is_read_where_it_is(tmp_path: Path) -> None:
    path = text_in(tmp_path)
    elman.prepare_corpus(path, tmp_path / "prepared", shards=3, workers=1)
    with sweep_in(tmp_path) as sweep:
        do(sweep, 2)
        expected = [(record.settings, record.losses) for record in sweep.records()]
    with sweep_in(tmp_path, out="other", text=[], data=str(tmp_path / "prepared")) as sweep:
        do(sweep, 1, stop=after(5))
        do(sweep, 2)
        records = [record for record in sweep.records() if record.counted]
        assert [(record.settings, record.losses) for record in records] == expected
        assert records[0].again == 0
        assert not (sweep.out / "texts").exists()
        assert not (Path(records[0].run) / "data").exists()
    elman.prepare_corpus(path, tmp_path / "whole", shards=1, workers=1, split=(0.9, 0.0, 0.1))
    said = r"^a sweep goes by the validation loss, but there is no validation part: prepare"
    whole = {"text": [], "data": str(tmp_path / "whole")}
    with pytest.raises(ConfigError, match=said), sweep_in(tmp_path, out="third", **whole):
        pass


def test_a_full_disk_ends_the_sweep_and_not_the_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise CheckpointError("cannot save: no space left on device")

    with sweep_in(tmp_path) as sweep:
        do(sweep, 1)
        with monkeypatch.context() as patched:
            patched.setattr(Run, "save_model", full)
            with pytest.raises(CheckpointError, match="no space left"):
                do(sweep, 3)
        assert [record.state for record in sweep.records()] == ["complete", "interrupted", "waiting"]
        do(sweep, 3)
        assert [record.state for record in sweep.records()] == [
            "complete",
            "interrupted",
            "complete",
            "complete",
        ]
