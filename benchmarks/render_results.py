"""Turn what benchmarks/results.py kept into docs/results.md and the figures of the README."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

Found = dict[str, dict[str, Any]]


def render(root: Path, found: Found) -> None:
    """Write docs/results.md, and what stands between the marks in README.md."""
    parts = ["# Results\n", INTRODUCTION]
    for section in (default, shakespeare, gradients, imports, memory):
        name = section.__name__.removesuffix("s") if section is imports else section.__name__
        if name in found:
            parts.append(section(found[name]))
    (root / "docs" / "results.md").write_text("\n".join(parts))
    readme = root / "README.md"
    if "default" in found and readme.exists():
        marked = re.compile(r"(<!-- figures: begin -->\n).*?(<!-- figures: end -->)", re.DOTALL)
        text = readme.read_text()
        if not marked.search(text):
            raise SystemExit("README.md has lost the marks around its figures")
        readme.write_text(marked.sub(lambda m: m[1] + figures(found["default"]) + m[2], text))


INTRODUCTION = """
Every figure on this page was measured by `benchmarks/results.py`, which also wrote the page. Times are of
one run on the machine named; losses are means over all tokens of the part named, in nats, the state carried
from the first token to the last.
"""


def where(kept: dict[str, Any]) -> str:
    m = kept["machine"]
    return (
        f"Measured {kept['date']} on {m['cores']} cores of {m['processor']}, Python {m['python']}, "
        f"NumPy {m['numpy']} ({m['blas']})."
    )


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
by array.

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
