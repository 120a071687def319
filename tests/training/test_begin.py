"""A run that is to be replaced stays until its successor is on disk, and nothing wrong gets that far."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman.data import Text
from elman.errors import CheckpointError, ConfigError, DataError
from elman.network import LanguageModel
from elman.storage.run import Run
from elman.training.opening import begin, resume
from tests.small import contents, sentences
from tests.training.test_fit import TEXT, config_of, go_on, train


def files_of(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != ".lock"}


def fail(*_: Any, **__: Any) -> Any:
    raise CheckpointError("cannot save: no space left on device")


@pytest.mark.parametrize("at", ["write_settings", "save_checkpoint", "take"])
def test_a_failure_at_any_point_leaves_the_old_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    train(tmp_path / "run", steps=1)
    before = contents(tmp_path / "run")
    with monkeypatch.context() as patched:
        patched.setattr(Run, at, fail)
        with pytest.raises(CheckpointError, match="no space left"):
            begin(config_of(), tmp_path / "run", overwrite=True, text=TEXT).__enter__()
    assert contents(tmp_path / "run") == before
    assert ".new" not in files_of(tmp_path / "run")
    go_on(tmp_path / "run", steps=2)


def test_a_replaced_run_is_all_new(tmp_path: Path) -> None:
    train(tmp_path / "run", steps=20)
    with begin(config_of(hidden=3), tmp_path / "run", overwrite=True, text=TEXT):
        pass
    assert files_of(tmp_path / "run") == {"config.toml", "tokenizer.json", "last", "data"}
    assert Run.existing(tmp_path / "run").config.hidden == 3


def test_what_a_killed_process_staged_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "run" / ".new" / "data").mkdir(parents=True)
    (tmp_path / "run" / ".new" / "config.toml").write_text("half")
    train(tmp_path / "run", steps=1)
    assert ".new" not in files_of(tmp_path / "run")
    (tmp_path / "run" / ".new").mkdir()
    go_on(tmp_path / "run")
    assert ".new" not in files_of(tmp_path / "run")


@pytest.mark.parametrize("where", ["text", "train", "valid", "test"])
def test_a_file_name_that_is_not_unicode(tmp_path: Path, where: str) -> None:
    name = "caf\udce9.txt"  # as Python has b"caf\xe9.txt"
    parts = {"train": "a.txt"} if where in ("valid", "test") else {}
    with pytest.raises(ConfigError, match=r"'caf\\udce9\.txt' is not valid Unicode.*rename") as caught:
        config_of(**{**parts, where: [name] if where == "text" else name})
    str(caught.value).encode()


def test_sources_are_looked_for_before_a_directory_is_made(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(sentences(120), "utf-8")
    wrong: list[dict[str, Any]] = [
        {"text": ["nowhere.txt"]},
        {"text": [str(tmp_path / "text.txt"), "nowhere.txt"]},
        {"train": str(tmp_path / "text.txt"), "valid": "nowhere.txt"},
    ]
    for values in wrong:
        with pytest.raises(DataError, match=r"there is no file nowhere\.txt"):
            begin(config_of(**values), tmp_path / "run").__enter__()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"cell": "mingru", "zoneout": 0.1}, "zoneout cannot hold a state of mingru"),
        ({"cell": "gru", "projection": 3}, "gru carries its hidden state over"),
        ({"cell": "sru", "dropout_weights": 0.1, "output": "auto"}, "no effect with cell sru"),
        ({"cell": "indrnn", "projection": 3, "output": "adaptive", "cutoffs": "9,99"}, "cannot be projected"),
        ({"cell": "gru", "projection": 3, "output": "mixture", "experts": 3}, "cannot be projected"),
        ({"hidden": 10**11}, "does not fit into memory"),
    ],
)
def test_what_no_model_can_be_is_refused_before_the_text(
    tmp_path: Path, settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        train(tmp_path / "run", text=Text("too short"), **settings)


@pytest.mark.parametrize("part", ["valid", "test"])
def test_a_part_that_cannot_be_evaluated(tmp_path: Path, part: str) -> None:
    """One character, and no line end in the vocabulary that it could follow."""
    (tmp_path / "train.txt").write_text("abcab" * 50)
    (tmp_path / "valid.txt").write_text("abc")
    (tmp_path / f"{part}.txt").write_text("a")
    parts = {name: str(tmp_path / f"{name}.txt") for name in ("train", "valid", part)}
    with pytest.raises(DataError, match=f"the {part} part has 1 token, and nothing before it"):
        begin(config_of(**parts), tmp_path / "run").__enter__()
    assert not (tmp_path / "run").exists()
    (tmp_path / "train.txt").write_text("abcab\n" * 50)  # now it follows a line end
    with begin(config_of(**parts), tmp_path / "run"):
        pass


@pytest.mark.parametrize(
    ("values", "refused"),
    [
        ({"steps": 10, "warmup": 10}, True),
        ({"steps": 10, "warmup": 9}, False),
        ({"steps": None, "epochs": 1, "warmup": 10_000}, True),
        ({"steps": None, "minutes": 1.0, "warmup": 10_000}, False),  # how many steps is not known
    ],
)
def test_a_warm_up_ends_within_the_run(tmp_path: Path, values: dict[str, Any], refused: bool) -> None:
    def start() -> None:
        with begin(config_of(**values), tmp_path / "run", text=TEXT):
            pass

    if refused:
        with pytest.raises(ConfigError, match=r"warmup .* must be less than the .* steps of the run"):
            start()
    else:
        start()


def test_a_text_in_memory_is_the_only_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="leave one out"):
        begin(config_of(train="a.txt"), tmp_path / "run", text=TEXT).__enter__()


@pytest.mark.parametrize(
    "error", [MemoryError("Unable to allocate 7 TiB"), ValueError("array is too big"), OverflowError()]
)
def test_a_model_larger_than_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def too_large(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(LanguageModel, "_new_params", too_large)
    with pytest.raises(ConfigError, match=r"2 x 6 lstm, embedding 5 .* does not fit into memory"):
        train(tmp_path / "run")


def damage_ids(run: Path, name: str = "train") -> None:
    ids = np.fromfile(run / "data" / f"{name}.ids", "<u2")
    ids[40:60] = 999
    ids.tofile(run / "data" / f"{name}.ids")


def test_ids_outside_the_vocabulary_name_the_file(tmp_path: Path) -> None:
    train(tmp_path / "run", steps=1)
    damage_ids(tmp_path / "run")
    with pytest.raises(CheckpointError, match=r"train\.ids is damaged: it holds token id 999"):
        go_on(tmp_path / "run", steps=9)


def test_the_text_of_another_run_is_refused(tmp_path: Path) -> None:
    train(tmp_path / "run", steps=1)
    train(tmp_path / "other", steps=1, text=Text("vwxyz\n" * 200))
    (tmp_path / "run" / "data").rename(tmp_path / "aside")
    (tmp_path / "other" / "data").rename(tmp_path / "run" / "data")
    with pytest.raises(CheckpointError, match="another vocabulary"):
        go_on(tmp_path / "run", steps=9)
    with pytest.raises(CheckpointError, match="another vocabulary"):
        Run.existing(tmp_path / "run").corpus()


def test_a_shorter_text_of_the_same_vocabulary_is_refused(tmp_path: Path) -> None:
    long, short = Text("abcdefgh\n" * 200), Text("abcdefgh\n" * 30)
    train(tmp_path / "run", steps=30, stop_at=20, text=long)
    train(tmp_path / "other", steps=1, text=short)
    (tmp_path / "run" / "data").rename(tmp_path / "aside")
    (tmp_path / "other" / "data").rename(tmp_path / "run" / "data")
    with pytest.raises(CheckpointError, match="different runs"):
        go_on(tmp_path / "run")


def test_a_run_that_has_not_evaluated_says_how_to_go_on(tmp_path: Path) -> None:
    with begin(config_of(), tmp_path / "run", text=TEXT):
        pass
    run = Run.existing(tmp_path / "run")
    with pytest.raises(CheckpointError, match=r"model\.safetensors is missing.*elman train --resume"):
        run.load_model()


def test_checkpoints_are_counted_in_steps_or_in_minutes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give one of them"):
        config_of(checkpoint_every=3, checkpoint_minutes=1.0)
    with begin(config_of(checkpoint_every=3), tmp_path / "run", text=TEXT) as session:
        pass
    with resume(tmp_path / "run", {"checkpoint_minutes": 0.5}) as session:
        assert session.config.checkpoint_every is None
        assert session.config.checkpoint_minutes == 0.5
