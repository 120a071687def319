"""The numbers on the page of elman explain are those of Python, for every cell and truncation."""

import re

import numpy as np
import pytest
from selenium.webdriver.common.keys import Keys

from elman.insight.explain.lookup import look_up
from tests.browser.pages import number, same, small

pytestmark = pytest.mark.browser

CELLS = (
    "rnn", "rnn-relu", "lstm", "lstm-peephole", "lstm-coupled", "gru", "gru-before", "mgu", "indrnn",
    "mingru", "minlstm", "sru",
)  # fmt: skip


@pytest.mark.parametrize("cell", CELLS)
def test_each_value_is_shown_as_python_has_it(show, cell):
    page = show(small(cell, 2))
    seen = page.explanation.trace
    page.run("state.set({openAll: true})")
    keys = page.run("return cells.keys")
    for key in [*keys, "x", "logits"]:
        place = {"x": "in", "logits": "out"}.get(key, "1")
        page.set(chosen=f"2/{place}/{key}")
        name = {"x": "layers.0.x", "logits": "output.logits"}.get(key, f"layers.1.{key}")
        symbol = page.run("return symbols.vector(arguments[0], arguments[1], 2)", key, 0 if key == "x" else 1)
        same(page.row(symbol), seen.values[name][2, 0])
    for letter, product in (("U", "Ux_"), ("W", "Wh_")) if seen.reads else (("U", "Ux_"),):
        for gate, name in enumerate(seen.gates):
            page.set(chosen=f"2/1/{letter}_{name}")
            same(page.matrix()[:-1], seen.params[f"layers.1.{letter}"][gate])
            same(page.matrix()[-1], seen.values[f"layers.1.{product}{name}"][2, 0])


def test_what_passes_by_a_memory_is_a_product_or_the_input(show):
    """Of layer 0, whose input is narrower than its state; and of layer 1, whose is not."""
    page = show(small("sru", 2))
    seen = page.explanation.trace
    page.run("state.set({openAll: true})")
    for layer, matrix in enumerate((seen.params["layers.0.U_skip"], np.eye(4))):
        page.set(chosen=f"2/{layer}/U_skip", mode="forward")
        same(page.matrix()[:-1], matrix)
        same(page.matrix()[-1], seen.values[f"layers.{layer}.s"][2, 0])
        page.set(mode="backward")
        same(page.row("sent"), seen.grads[f"layers.{layer}.s"][2, 0] @ matrix.T)
        assert len(page.find_all("#panel table.matrix")) == 1 - layer  # the share of a weight
    assert page.errors() == []


@pytest.mark.parametrize("cell", CELLS)
def test_the_formulas_give_the_values(show, cell):
    """Every definition, forward and read backwards, against the numbers that Python computed."""
    page = show(small(cell, 2))
    off = page.run(
        """const FN = {sigmoid: (a) => 1 / (1 + Math.exp(-a)), tanh: Math.tanh, relu: (a) => Math.max(a, 0)};
        const off = [];
        const hold = (what, got, wanted) => {
          const most = 1e-5 * Math.max(1, ...wanted.map(Math.abs));
          if (got.some((entry, j) => !(Math.abs(entry - wanted[j]) < most))) off.push([what, got, wanted]);
        };
        for (let l = 0; l < 2; l += 1) for (let t = 0; t < 5; t += 1) for (const made of cells.definitions) {
          const parts = made.terms.map((term) => backward.termValue(backward.placed(term, l, t)));
          const sum = data.summed(parts, 4).map(made.fn ? FN[made.fn] : (a) => a);
          hold(`${made.key} ${l} ${t}`, sum, data.value(made.key, l, t));
        }
        for (const loss of [null, 3]) for (const back of [1, 2, 3, 5]) {
          state.set({mode: "backward", back, loss});
          for (let l = 0; l < 2; l += 1) for (let t = 0; t < 5; t += 1)
          for (const key of [...cells.keys, "x"]) {
            if (key === "x" && l === 1) continue;
            const parts = backward.terms(key, l, t).map((term) => backward.termValue(term));
            hold(`d${key} ${l} ${t} back ${back} loss ${loss}`,
              data.summed(parts, key === "x" ? 3 : 4), data.derivative(key, l, t));
          }
        }
        return off""",
    )
    assert off == []


@pytest.mark.parametrize("most", [200_000, 100])
@pytest.mark.parametrize("cell", [*CELLS, "tied"])
def test_the_derivatives_at_every_truncation_are_those_of_python(show, cell, most):
    """Summed up from what each loss sends; and where that is too large for the page, by the chain rule."""
    page = show(small(cell, 2) if cell != "tied" else tied(), most=most)
    assert page.run("return page.data.omitted") == ([] if most > 100 else ["each"])
    assert page.find_all("#about .note") == []  # nothing is missing that could be looked at
    explanation, T = page.explanation, page.explanation.steps
    for back in range(1, T + 1):
        grads, shares, losses = page.run(
            """state.set({mode: "backward", back: arguments[0], loss: null});
            const T = page.data.sizes.T;
            const steps = Array.from({length: T}, (_, t) => t);
            const at = (name, t, options) => {
              const [, l, key] = /^(?:layers\\.(\\d+)|output)\\.(.*)$/.exec(name);
              return data.derivative(key, l === undefined ? null : Number(l), t, options);
            };
            const table = (names, get) =>
              Object.fromEntries(names.map((name) => [name, steps.map((t) => get(name, t))]));
            const last = (name, t) => at(name, t, {loss: T - 1});
            return [table(arguments[1], at), table(arguments[2], data.share), table(arguments[1], last)]""",
            back,
            list(explanation.each),
            list(explanation.trace.params),
        )
        wanted, wanted_shares = explanation.grads(back), explanation.by_step(back)
        for name in explanation.each:
            hold(grads[name], wanted[name], f"{name}, back {back}")
        for name in explanation.trace.params:
            hold(shares[name], wanted_shares[name], f"share of {name}, back {back}")
        alone = np.where(explanation.reached(back)[-1][:, None], explanation.each["layers.0.h"][-1], 0)
        hold(losses["layers.0.h"], alone, f"one loss, back {back}")


def hold(got, wanted, what):
    """To the six digits that the page has of each summand."""
    np.testing.assert_allclose(
        np.array(got), wanted, rtol=0, atol=2e-6 * max(1, np.abs(wanted).max()), err_msg=what
    )


def tied():
    from elman import LanguageModel
    from elman.data import tokenizer_kind
    from elman.insight.explain import explain

    text = "to be or not to be"
    tokenizer = tokenizer_kind("word").from_text(text + "\n")
    model = LanguageModel(
        vocab_size=tokenizer.vocab_size, cell="gru", embedding=4, hidden=4, tied=True, dtype="float64"
    )
    return explain(model, tokenizer, text)


def test_backward_the_panel_shows_the_derivative_and_its_shares(show):
    page = show(small("gru"))
    explanation = page.explanation
    values = {name: array[:, 0] for name, array in explanation.trace.values.items()}
    grads = explanation.grads(None)
    page.find("[data-mode=backward]").click()
    page.click("2/0/cell")
    same(page.row("dh_{2}"), grads["layers.0.h"][2])
    groups = [row.text for row in page.find_all("#panel .group")]
    assert groups == ["from the loss of this step", "from step 3"]
    page.click("2/0/cell")
    page.click("2/0/a_z")
    same(page.row("da_{z,2}"), grads["layers.0.a_z"][2])
    same(page.matrix(0), np.outer(values["layers.0.x"][2], grads["layers.0.a_z"][2]))
    same(page.matrix(1), np.outer(values["layers.0.h_prev"][2], grads["layers.0.a_z"][2]))
    same(page.row("share-b"), grads["layers.0.a_z"][2])
    page.click("2/out/V")
    same(page.row("sent"), grads["output.logits"][2] @ explanation.trace.params["output.V"].T)
    same(page.matrix(0), explanation.by_step(None)["output.V"][2])
    page.click("2/out/logits")
    shown = [float(cell.text.replace("−", "-")) for cell in page.find_all("#panel [data-dlogit]")]
    same(shown, grads["output.logits"][2])


def test_one_unit_is_written_out(show):
    page = show(small())
    page.click("2/0/cell")
    page.find("#panel [data-unit='1']").click()
    first, *_ = page.find_all("#panel .written")
    x, h = (page.explanation.trace.values[f"layers.0.{key}"][2, 0] for key in ("x", "h_prev"))
    U, W = (page.explanation.trace.params[f"layers.0.{key}"][0] for key in "UW")
    for left, right in [(x[0], U[0, 1]), (h[3], W[3, 1])]:
        parts = [f"({v:.4f})".replace("-", "−") if v < 0 else f"{v:.4f}" for v in (left, right)]
        assert " · ".join(parts) in first.text
    total = page.explanation.trace.values["layers.0.a_h"][2, 0, 1]
    assert f"= {total:.4f}".replace("-", "−") in first.text
    assert page.driver.switch_to.active_element.get_attribute("data-unit") == "1"  # the focus stayed


def test_of_one_loss_nothing_goes_further_than_the_truncation(show):
    page = show(small(back=3))
    page.find("[data-mode=backward]").click()
    assert page.find("#back").get_attribute("value") == "3"
    page.find("#loss option[value='4']").click()
    cut = [page.thing(f"{t}/0/W").get_attribute("data-cut") for t in range(1, 5)]
    assert cut == ["true", "true", "false", "false"]
    page.click("2/0/cell")
    same(page.row("dh_{2}"), page.explanation.each["layers.0.h"][4, 2])
    page.click("1/0/cell")
    same(page.row("dh_{1}"), np.zeros(4))


def test_what_is_too_large_is_left_out_and_named(show):
    page = show(small("lstm", 1, hidden=20, back=3), most=250)
    assert page.text("[data-note=omitted] code") == "params.layers.0.W, each"
    page.find("[data-mode=backward]").click()
    page.set(chosen="2/0/cell")
    same(page.row("dh_{2}"), page.explanation.grads(3)["layers.0.h"][2])
    page.find("#back").send_keys(Keys.ARROW_LEFT)
    assert "at a truncation of 3 alone" in page.text("#panel")
    page.set(mode="forward", chosen="2/0/W")
    assert "too large for this page" in page.text("#panel")
    page.set(mode="backward", chosen="2/0/W", back=3)


def test_a_cell_of_ones_own_and_a_sentence_of_one_word(show, softsign):
    page = show(small(softsign))
    page.find("[data-mode=backward]").click()
    page.find("#open-all").click()
    page.click("2/0/h")
    same(page.row("dh_{2}"), page.explanation.grads(None)["layers.0.h"][2])
    page.find("[data-mode=forward]").click()
    same(page.row("h_{2}"), page.explanation.trace.values["layers.0.h"][2, 0])
    assert page.errors() == []
    page = show(small("lstm", sentence="hello"))
    page.find("[data-mode=backward]").click()
    assert page.find("#back").get_attribute("max") == "1"
    page.click("0/0/cell")
    same(page.row("dh_{0}"), page.explanation.grads(None)["layers.0.h"][0])


@pytest.mark.parametrize("back", [None, 2])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_command_named_in_the_panel_gives_the_same_numbers(show, cell, back):
    explanation = small(cell, 2, back=back)
    page = show(explanation)
    seen = page.run(
        """const seen = [];
        for (const mode of ["forward", "backward"]) {
          state.set({mode, openAll: true});
          for (const id of things.column(2)) {
            state.set({chosen: id});
            const total = document.querySelector("#panel tr.total[data-row]");
            const cells = total && [...total.querySelectorAll("td")].map((cell) => cell.textContent);
            seen.push([id, mode, document.querySelector("#panel .called code")?.textContent, cells]);
          }
        }
        return seen"""
    )
    compared = 0
    for name, mode, command, cells in seen:
        if command is None:
            assert name.endswith(("word", "loss", "nll", "softmax", "_prev", "/p")) or ">" in name, name
            continue
        options = dict(re.findall(r"--(\w+) (\w+)", command))
        assert options.pop("truncate", None) == (None if back is None or mode == "forward" else str(back))
        step, layer = (int(options[key]) if key in options else None for key in ("step", "layer"))
        found = look_up(explanation, options["what"], step=step, layer=-1 if layer is None else layer)
        if cells and "/U" not in name and "/W" not in name and not name.endswith(("/V", "/E")):
            same([number(cell) for cell in cells], found)
            compared += 1
    assert compared > 30
