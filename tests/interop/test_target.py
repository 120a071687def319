"""What every format asks before a model goes out."""

import numpy as np
import pytest

import elman
from elman.interop import keras, onnx, torch

WRITERS = {
    ".safetensors": torch.write,
    ".keras": keras.write,
    ".onnx": lambda model, path, **options: onnx.export(model, path, **options),
}


def small():
    return elman.LanguageModel(vocab_size=5, cell="gru", embedding=3, hidden=4, layers=1)


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_file_is_replaced_only_when_asked_and_folders_are_not_made(suffix, tmp_path):
    write, target = WRITERS[suffix], tmp_path / f"model{suffix}"
    target.write_bytes(b"mine")
    with pytest.raises(elman.ConfigError, match="exists already: replace it by overwrite"):
        write(small(), target)
    assert target.read_bytes() == b"mine"
    write(small(), target, overwrite=True)
    assert target.read_bytes() != b"mine"
    with pytest.raises(elman.ConfigError, match="there is no folder"):
        write(small(), tmp_path / "no" / f"model{suffix}")
    folder = tmp_path / f"folder{suffix}"
    folder.mkdir()
    with pytest.raises(elman.ConfigError, match="is a folder: name a file"):
        write(small(), folder, overwrite=True)


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_model_that_has_diverged_stays_here(suffix, tmp_path):
    model = small()
    model.params["layers.0.W"][1, 2, 3] = np.nan
    with pytest.raises(elman.DivergenceError, match=r"layers\.0\.W holds NaN or infinity"):
        WRITERS[suffix](model, tmp_path / f"model{suffix}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", WRITERS)
def test_directions_are_those_of_the_layers_however_they_were_written(suffix, tmp_path):
    sizes = {"vocab_size": 5, "cell": "gru", "embedding": 3, "hidden": 4, "layers": 2}
    for way in ("forward", "bidirectional"):
        one, spaced = (elman.LanguageModel(**sizes, direction=d) for d in (way, f"{way}, {way}"))
        assert one.stack.directions == spaced.stack.directions == (way, way)
        assert one.stack.forwards == spaced.stack.forwards == (way == "forward")
        for number, model in enumerate((one, spaced)):
            WRITERS[suffix](model, tmp_path / f"{way}{number}{suffix}")
