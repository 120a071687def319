"""Turn what benchmarks/results.py kept into docs/results.md and the figures of the READMEs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.pages import fill, where
from render_cells import long_windows
from render_ranks import faults, prepared
from render_recipes import recipes, tang

Found = dict[str, dict[str, Any]]


def render(root: Path, found: Found) -> None:
    """Write docs/results.md, and what stands between the marks of both READMEs."""
    parts = ["# Results\n", INTRODUCTION]
    for section in (
        default,
        shakespeare,
        recipes,
        tang,
        vocabularies,
        long_windows,
        gradients,
        imports,
        memory,
        files,
        fuzz,
        faults,
        prepared,
    ):
        name = {imports: "import", long_windows: "cells", vocabularies: "outputs"}.get(
            section, section.__name__
        )
        if name in found:
            parts.append(section(found[name]))
    (root / "docs" / "results.md").write_text("\n".join(parts))
    for name, written in (("README.md", figures), ("README.zh-CN.md", chinese_figures)):
        readme = root / name
        if "default" in found and readme.exists():
            fill(readme, written(found["default"]))


INTRODUCTION = """
Every figure on this page was measured by a script in `benchmarks/`: by `results.py`, which also wrote the page, or by
the one that a section names. Times are of one run on the machine named; losses are means over all tokens of the part
named, in nats, the state carried from the first token to the last.
"""


def vocabularies(kept: dict[str, Any]) -> str:
    """What the adaptive softmax saves and costs; the guide has all outputs."""
    rows = "\n".join(
        f"| {one['K']:,} | {one['text']} | {'tied' if row['tied'] else ''} | {row['tokens_per_second']['median']:,.0f} | "
        f"**{row['speedup']['median']:.2f}** | {row['more_loss']:+.1%} |"
        for one in sorted(kept["sizes"], key=lambda one: int(one["K"]))
        for row in one["rows"]
        if row["output"] == "adaptive"
    )
    return f"""## The adaptive softmax beside the full one

`python benchmarks/outputs.py --wikitext FOLDER`, a quarter of an hour or more a vocabulary. Two LSTM layers of 200; speed in turns, loss on unseen text after as
many tokens. {{doc}}`guide/outputs` has all outputs. At 250,000 both stand beside the tied full one.

| words | text | | tokens a second | times as fast | loss against full |
| ---: | --- | --- | ---: | ---: | ---: |
{rows}

{where(kept)}
"""


def figures(kept: dict[str, Any]) -> str:
    """The figures of the README."""
    test = kept["test"]
    sample = kept["sample"].rstrip()
    return f"""
`elman train` without arguments took {kept["seconds"]:.0f} seconds on two cores, at
{kept["tokens_per_second"]:,} characters a second. Expect a validation loss near **{kept["valid_loss"]:.2f} nats a
character**; knowing only how often each character occurs gives {kept["unigram_loss"]:.2f}. On the test part it had
{test["nats_per_token"]:.3f} nats: perplexity {test["perplexity"]:.2f}, {test["bits_per_char"]:.2f} bits a character, \
{test["accuracy"]:.0%} of the
characters guessed. Then `elman generate RUN --prompt "The " --length 300 --seed 1` wrote:

```text
{sample}
```

![Training and validation loss by step](docs/images/loss.svg)

{where(kept)}

"""


def chinese_figures(kept: dict[str, Any]) -> str:
    """The figures of the Chinese README: a line a paragraph, for a line end would show as a space."""
    test, m = kept["test"], kept["machine"]
    return f"""
不带参数的 `elman train` 在双核机器上用时 {kept["seconds"]:.0f} 秒，每秒处理 {kept["tokens_per_second"]:,} 个字符。\
验证损失应当在**每字符 {kept["valid_loss"]:.2f} 纳特**（nat）左右；如果只知道各个字符的出现频率，损失是 \
{kept["unigram_loss"]:.2f}。在测试部分，损失为 {test["nats_per_token"]:.3f} 纳特：困惑度 {test["perplexity"]:.2f}，\
每字符 {test["bits_per_char"]:.2f} 比特，猜对了 {test["accuracy"]:.0%} 的字符。随后 \
`elman generate RUN --prompt "The " --length 300 --seed 1` 写出了：

```text
{kept["sample"].rstrip()}
```

![训练损失与验证损失随步数的变化](docs/images/loss.svg)

测于 {kept["date"]}：{m["processor"]} 的 {m["cores"]} 个核，Python {m["python"]}，\
NumPy {m["numpy"]}（{m["blas"]}）。

"""


def default(kept: dict[str, Any]) -> str:
    return f"## The default run\n{figures(kept).replace('docs/images', 'images')}"


def shakespeare(kept: dict[str, Any]) -> str:
    rows = "\n".join(f"| {step:,} | {seconds:.0f} | {loss:.4f} |" for step, seconds, loss in kept["curve"])
    return f"""## Tiny Shakespeare

Characters, LSTM 2 x 128, {kept["minutes"]:g} minutes on two cores; the loss is on the last 10 % of the text. The
best is **{kept["best"]:.4f} nats a character**.

```console
$ {kept["command"]}
```

| step | seconds | loss |
| ---: | ---: | ---: |
{rows}

{kept["steps"]:,} steps, {kept["tokens_per_second"]:,} characters a second, evaluations included. A sample at
temperature 0.8:

```text
{kept["sample"].rstrip()}
```

{where(kept)}
"""


def gradients(kept: dict[str, Any]) -> str:
    rows = "\n".join(
        f"| `{cell}` | {errors['every element']} | {errors['5 directions']} |"
        for cell, errors in kept["cells"].items()
    )
    return f"""## Gradients

The worst relative error of any gradient against central differences in float64: depth 3, batch 3, 5 steps,
weights with a spread of 1, states that are not zero. `elman gradcheck --cell NAME --layers 3` prints it, array
by array. What follows a name are further options.

| cell | every element | 5 random directions |
| --- | ---: | ---: |
{rows}

{where(kept)}
"""


def imports(kept: dict[str, Any]) -> str:
    return f"""## Import

`import elman` takes {kept["elman_us"] / 1000:.1f} ms and `import numpy` {kept["numpy_us"] / 1000:.1f} ms (medians of 15,
`python -X importtime`): names are loaded when they are first used.

{where(kept)}
"""


def memory(kept: dict[str, Any]) -> str:
    blocks = "\n\n".join(
        f"Tokens `{tokens}`:\n\n```text\n" + "\n".join(lines) + "\n```"
        for tokens, lines in kept["lines"].items()
    )
    return f"""## Memory

Peak resident memory of `elman train` on synthetic texts of two sizes, encoding included
(`benchmarks/memory.py`).

{blocks}

{where(kept)}
"""


def files(kept: dict[str, Any]) -> str:
    trips, suite = "\n".join(kept["trips"]), "\n".join(kept["suite"])
    agreed = "the same, character by character, as" if kept["same_text"] else "NOT the text of"
    return f"""## Files of others

Random models of PyTorch, read by `elman import torch`'s reader, written by `elman export onnx`'s and run in ONNX
Runtime, and written back to PyTorch; the largest difference between logits, relative to the larger of 1 and the
largest logit (`python benchmarks/round_trips.py --configurations 200`):

```text
{trips}
```

onnx's own backend test suite on `elman.interop.onnx.Backend`
(`pytest tests/interop/onnx/test_backend_suite.py`):

```text
{suite}
```

The default run as ONNX has {kept["onnx_bytes"]:,} bytes, and differs from the run's model by at most
{kept["disagreement"]:.1e}. What `examples/onnx_generate.py` wrote with ONNX Runtime alone is {agreed}
`elman generate --temperature 0`:

```text
{kept["text"].rstrip()}
```

{where(kept)}
"""


def fuzz(kept: dict[str, Any]) -> str:
    rows = "\n".join(
        f"| {reader} | {found['said']} | {'none' if found['status'] == 0 else 'some'} |"
        for reader, found in kept["readers"].items()
    )
    return f"""## Changed files

Each of these readers of files, ten minutes of files changed at random and by what they reach (`python -m tests.fuzz READER`).
A file may be refused with an error of elman's; anything else is a finding, and so are five seconds, and four GiB.

| reader | in ten minutes | findings |
| --- | --- | --- |
{rows}

{where(kept)}
"""
