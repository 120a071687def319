"""The page of elman explain: what it shows is what Python computed."""

import numpy as np
import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.pages import Opened, same, small

pytestmark = pytest.mark.browser

CELLS = ("rnn", "rnn-relu", "lstm", "gru", "mgu")


@pytest.fixture
def show(browser, tmp_path):
    """Return a function that opens a page; afterwards its console must be empty and its requests local."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    opened = []

    def open_page(explanation, **settings):
        opened.append(Opened(browser, tmp_path / f"page{len(opened)}.html", explanation, **settings))
        return opened[-1]

    yield open_page
    assert opened[-1].errors() == []
    strangers = [url for url in opened[-1].requests() if not url.startswith(("file:", "data:", "blob:"))]
    assert strangers == []


def test_at_first_it_is_forward_and_at_the_first_word(show):
    page = show(small(), source="a test")
    assert page.find("[data-mode=forward]").get_attribute("aria-pressed") == "true"
    assert page.thing("0/in/word").get_attribute("aria-pressed") == "true"
    assert "press Play" in page.text("#lead")
    assert "a test" in page.text("#about")
    assert page.text("[data-fact=id]") == str(page.explanation.words[0].id)
    assert not page.find("#heat").is_displayed()
    assert not page.find("#back").is_displayed()
    assert "reads “I”" in page.text("#now")
    assert len(page.find_all("#network .cell")) == 5


def test_click_a_cell_then_open_it_and_click_a_gate_and_an_arrow(show):
    page = show(small("lstm"))
    values = {name: array[:, 0] for name, array in page.explanation.trace.values.items()}
    page.click("2/0/cell")
    same(page.row("h_{2}"), values["layers.0.h"][2])
    same(page.row("f_{2}"), values["layers.0.f"][2])
    assert page.find_all('#network [data-id="2/0/f"]') == []
    page.click("2/0/cell")  # once more: it opens
    page.click("2/0/f")
    same(page.row("f_{2}"), values["layers.0.f"][2])
    assert "σ(af,2)" in page.text("#panel .formula").replace(" ", "")
    page.click("2/0/i>c")
    same(page.row("sent"), values["layers.0.i"][2] * values["layers.0.g"][2])
    page.click("2/0/W_o")
    same(page.matrix()[:-1], page.explanation.trace.params["layers.0.W"][2])
    same(page.matrix()[-1], values["layers.0.Wh_o"][2])
    page.click("1/0/W")  # of all gates: the first, until another is chosen
    same(page.matrix()[-1], values["layers.0.Wh_i"][1])
    page.find('#panel [data-gate="3"]').click()
    same(page.matrix()[-1], values["layers.0.Wh_g"][1])
    page.click("0/0/cell")
    page.find("#panel [data-act=open]").click()
    assert page.thing("0/0/f").is_displayed()


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
    for gate, (letter, product) in enumerate([("U", "Ux_"), ("W", "Wh_")] * len(seen.gates)):
        name = seen.gates[gate // 2]
        page.set(chosen=f"2/1/{letter}_{name}")
        same(page.matrix()[:-1], seen.params[f"layers.1.{letter}"][gate // 2])
        same(page.matrix()[-1], seen.values[f"layers.1.{product}{name}"][2, 0])


@pytest.mark.parametrize("cell", CELLS)
def test_the_formulas_give_the_values(show, cell):
    """Every definition, forward and read backwards, against the numbers that Python computed."""
    page = show(small(cell, 2))
    off = page.run(
        """const FN = {sigmoid: (a) => 1 / (1 + Math.exp(-a)), tanh: Math.tanh, relu: (a) => Math.max(a, 0)};
        const off = [];
        const hold = (what, got, wanted) => {
          if (got.some((entry, j) => !(Math.abs(entry - wanted[j]) < 1e-5 * Math.max(1, ...wanted.map(Math.abs))))) off.push([what, got, wanted]);
        };
        for (let l = 0; l < 2; l += 1) for (let t = 0; t < 5; t += 1) for (const made of cells.definitions) {
          const parts = made.terms.map((term) => backward.termValue(backward.placed(term, l, t)));
          const sum = data.summed(parts, 4).map(made.fn ? FN[made.fn] : (a) => a);
          hold(`${made.key} ${l} ${t}`, sum, data.value(made.key, l, t));
        }
        for (const loss of [null, 3]) for (const back of [1, 2, 3, 5]) {
          state.set({mode: "backward", back, loss});
          for (let l = 0; l < 2; l += 1) for (let t = 0; t < 5; t += 1) for (const key of [...cells.keys, "x"]) {
            if (key === "x" && l === 1) continue;
            const parts = backward.terms(key, l, t).map(backward.termValue);
            hold(`d${key} ${l} ${t} back ${back} loss ${loss}`,
              data.summed(parts, key === "x" ? 3 : 4), data.derivative(key, l, t));
          }
        }
        return off""",
    )
    assert off == []


@pytest.mark.parametrize("cell", [*CELLS, "tied"])
def test_the_derivatives_at_every_truncation_are_those_of_python(show, cell):
    page = show(small(cell, 2) if cell != "tied" else tied())
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
            const table = (names, get) => Object.fromEntries(names.map((name) => [name, steps.map((t) => get(name, t))]));
            return [table(arguments[1], at), table(arguments[2], data.share), table(arguments[1], (name, t) => at(name, t, {loss: T - 1}))]""",
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
    np.testing.assert_allclose(np.array(got), wanted, rtol=0, atol=2e-6 * max(1, np.abs(wanted).max()), err_msg=what)


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


def test_the_slider_cuts_arrows_and_entries_of_the_heat_map(show):
    page = show(small("lstm"))
    explanation = page.explanation
    page.find("[data-mode=backward]").click()
    slider = page.find("#back")
    assert slider.get_attribute("max") == "5"
    for back in (4, 3, 2, 1):
        slider.send_keys(Keys.ARROW_LEFT)
        assert slider.get_attribute("value") == str(back)
        assert f"{back} step" in slider.get_attribute("aria-valuetext")
        for t in range(1, 5):
            for arrow in ("W", "c_prev"):
                strands = page.thing(f"{t}/0/{arrow}").find_elements("css selector", "path.line")
                cut = [int(s.get_attribute("data-loss")) for s in strands if "cut" in s.get_attribute("class")]
                # What loss s sends from step t to the one before must reach that.
                assert cut == [s for s in range(t, 5) if not explanation.reached(back)[s, t - 1]]
                assert page.thing(f"{t}/0/{arrow}").get_attribute("data-cut") == str(back == 1).lower()
        cut = page.run("return [...document.querySelectorAll('#heat td[data-cut]')].map((td) => td.dataset.cut)")
        reached = explanation.reached(back)
        assert cut == [str(not reached[t, k]).lower() for t in range(5) for k in range(t + 1)]
        for letter in "UW":
            missing, cosine = explanation.cut[back - 1][f"layers.0.{letter}"]
            row = page.text(f"#missing [data-param='layers.0.{letter}']")
            assert f"{100 * missing:.1f} %" in row
            assert f"{cosine:.4f}" in row
    page.click("3/0/W")
    assert page.find_all("#panel [data-note=cut]")


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


def test_a_number_of_the_heat_map_shows_its_vector_and_its_path(show):
    page = show(small("gru", 2))
    sent = page.explanation.sent(1)
    page.find("[data-mode=backward]").click()
    page.find("#heat button[data-t='3'][data-k='1']").click()
    same(page.row("path", "#path"), page.explanation.each["layers.1.h"][3, 1])
    assert f"{sent[3, 1]:.4f}" in page.text("#path .walk")
    marked = {node.get_attribute("data-id") for node in page.find_all("#network .on-path")}
    assert {"3/out/loss", "3/1/cell", "3/1/W", "2/1/W", "1/1/cell"} <= marked
    assert "1/1/W" not in marked
    page.find("#heat button[data-t='3'][data-k='1']").send_keys(Keys.ARROW_DOWN, Keys.ENTER)
    same(page.row("path", "#path"), page.explanation.each["layers.1.h"][4, 1])
    page.find("#heat-layers button").click()
    same(float(page.text("#heat button[data-t='3'][data-k='1']")), round(page.explanation.sent(0)[3, 1], 2))
    headers = page.run("return [...document.querySelectorAll('#heat th')].map((th) => th.scope)")
    assert headers == ["col"] * 5 + ["row"] * 5
    assert page.find("#heat caption").text


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_both_languages_for_everything_that_can_be_chosen(show, cell):
    page = show(small(cell, read="I like to hop ."))
    assert page.run("return document.documentElement.lang") == "en"
    page.find("[data-language=zh]").click()
    assert page.run("return document.documentElement.lang") == "zh-Hans"
    assert page.driver.title == "看懂一个循环网络"
    assert page.find("#play").text == "播放"
    page.set(chosen="1/out/p")
    assert "对下一个词的预测" in page.text("#panel")
    assert "概率" in page.text("#panel table")
    assert "第 1 步" in page.thing("1/0/cell").get_attribute("aria-label")
    left = page.run(
        """const found = [];
        const english = /\\b(the|of|step|state|gate|loss|word|arrow|this|what)\\b/i;
        for (const mode of ["forward", "backward"]) {
          state.set({mode, openAll: true, back: 2});
          for (const id of [...things.column(0), ...things.column(3)]) {
            state.set({chosen: id});
            const text = (document.getElementById("panel").innerText + document.getElementById("now").innerText)
              .replace(/elman explain [^，。：]*?--what \\w+( --step \\d+)?/g, "");
            if (english.test(text) || /undefined|NaN|\\{\\w+\\}|null|\\[object/.test(text)) found.push([mode, id, text]);
          }
        }
        return found""",
    )
    assert left == []
    page.find("[data-language=en]").click()
    assert page.find("#play").text == "Play"


def test_the_keyboard_alone(show):
    page = show(small("mgu"))
    body = page.find("body")
    for _ in range(30):
        body.send_keys(Keys.TAB) if _ == 0 else page.driver.switch_to.active_element.send_keys(Keys.TAB)
        if page.driver.switch_to.active_element.get_attribute("data-id"):
            break
    active = lambda: page.driver.switch_to.active_element  # noqa: E731
    assert active().get_attribute("data-id") == "0/in/word"
    assert len(page.find_all("#network [tabindex='0']")) == 1
    active().send_keys(Keys.ARROW_UP)
    assert active().get_attribute("data-id") == "0/in/E"
    active().send_keys(Keys.ARROW_RIGHT)
    assert active().get_attribute("data-id") == "1/in/E"
    assert page.thing("0/in/word").get_attribute("aria-pressed") == "true"  # moving chooses nothing
    active().send_keys(Keys.ENTER)
    assert page.thing("1/in/E").get_attribute("aria-pressed") == "true"
    for _ in range(4):
        active().send_keys(Keys.ARROW_UP)
    assert active().get_attribute("data-id") == "1/0/cell"
    active().send_keys(Keys.SPACE)
    active().send_keys(Keys.ENTER)  # a second time: it opens, and the focus stays
    assert active().get_attribute("data-id") == "1/0/cell"
    active().send_keys(Keys.ARROW_UP)
    assert active().get_attribute("data-id") == "1/0/U_f"
    active().send_keys(Keys.ARROW_RIGHT)  # that cell is closed
    assert active().get_attribute("data-id") == "2/0/cell"
    active().send_keys(Keys.END)
    assert active().get_attribute("data-id") == "4/in/word"
    active().send_keys(Keys.ARROW_RIGHT)  # the edge
    assert active().get_attribute("data-id") == "4/in/word"
    outline = page.run("return getComputedStyle(arguments[0].querySelector('.box')).strokeWidth", active())
    assert outline == "4px"


def test_everything_has_a_name_and_a_role(show):
    page = show(small("lstm", 2))
    page.run("state.set({mode: 'backward', openAll: true})")
    nameless = page.run(
        """const name = (node) => node.getAttribute("aria-label") || node.textContent.trim() || node.labels?.length;
        const drawn = [...document.querySelectorAll("#network [data-id]")];
        const other = [...document.querySelectorAll("button, select, input, section, table")];
        return [...drawn.filter((node) => node.getAttribute("role") !== "button"),
          ...[...drawn, ...other].filter((node) => !name(node) && !node.hasAttribute("aria-labelledby"))]
          .map((node) => node.outerHTML.slice(0, 90))""",
    )
    assert nameless == []
    label = page.thing("1/1/f").get_attribute("aria-label")
    f = page.explanation.grads(None)["layers.1.f"][1]
    assert label.startswith("forget gate f, layer 1, step 1, derivative: ")
    same([float(n.replace("−", "-")) for n in label.split(": ")[1].split()], f)
    assert page.find("#now").get_attribute("aria-live") == "polite"


def test_played_step_by_step(show):
    page = show(small())
    order = page.run("return player.order()")
    assert len(order) == 2 * 5 * 5 + 2 * 5  # word, x, cell, scores, prediction, loss; there and back
    assert [entry["mode"] for entry in order] == ["forward"] * 30 + ["backward"] * 30
    assert order[0]["id"] == "0/in/word"
    assert order[29]["id"] == order[30]["id"] == "4/out/loss"
    page.find("#next").click()
    assert page.thing("0/in/x").get_attribute("aria-pressed") == "true"
    assert page.text("#now").startswith("Forward, step 0 (2 of 60): word vector")
    page.find("#previous").click()
    page.find("#previous").click()  # there is nothing before
    assert page.thing("0/in/word").get_attribute("aria-pressed") == "true"
    page.set(chosen="4/out/loss")
    page.find("#next").click()
    assert page.find("[data-mode=backward]").get_attribute("aria-pressed") == "true"
    assert page.text("#now").startswith("Backward, step 4 (31 of 60): loss")
    page.find("#speed option[value='4']").click()
    page.find("#play").click()
    assert page.find("#play").text == "Pause"
    wait(lambda: page.run("return state.now.chosen") in ("4/0/cell", "4/in/x"))
    page.find("#play").click()
    stopped = page.run("return state.now.chosen")
    assert page.find("#play").text == "Play"
    page.set(chosen="0/in/x")
    page.find("#play").click()
    wait(lambda: page.find("#play").text == "Play")  # at the end it stops by itself
    assert stopped != page.run("return state.now.chosen") == "0/in/word"
    page.find("#open-all").click()
    assert {"id": "0/0/a_h", "mode": "forward"} in page.run("return player.order()")


def wait(condition):
    import time

    for _ in range(100):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("it did not happen within five seconds")


def test_light_and_dark(show):
    page = show(small())
    ground = "return getComputedStyle(document.body).backgroundColor"
    light = page.run(ground)
    page.find("#page-theme").click()
    assert page.run("return document.documentElement.dataset.theme") == "dark"
    assert page.run(ground) != light
    features = [{"name": "prefers-color-scheme", "value": "dark"}, {"name": "prefers-reduced-motion", "value": "reduce"}]
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    try:
        page.driver.refresh()
        assert page.run("return document.documentElement.dataset.theme") == "dark"
        assert page.run(ground) != light
        page.find("#next").click()  # without smooth scrolling it is there at once
        assert page.thing("0/in/x").get_attribute("aria-pressed") == "true"
    finally:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_screen_or_on_top_of_another(show, width):
    page = show(small("lstm", 2))
    page.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False},
    )
    for mode in ("forward", "backward"):
        page.run("state.set({mode: arguments[0], openAll: true, chosen: '2/1/a_f', unit: 0})", mode)
        assert page.run("return document.documentElement.scrollWidth") <= width
        stage, panel = page.run(
            "return ['.stage', '#panel'].map((name) => document.querySelector(name).getBoundingClientRect().toJSON())"
        )
        if width == 390:
            assert panel["top"] >= stage["bottom"]
        else:
            assert panel["left"] >= stage["right"]
    overlapping = page.run(
        """const boxes = [...document.querySelectorAll("#network .node .box")].map((box) => box.getBBox());
        return boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) =>
          a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height))"""
    )
    assert overlapping == []


def test_a_sentence_is_text_whatever_it_holds(show):
    sentence = "</script><script>document.title='x'</script> <b>bold</b> \"q\" 'a' {{data}} 😀 床前 שלום &amp;"
    page = show(small("rnn", sentence=sentence), source="<i>source</i>")
    assert page.text("#sentence") == sentence
    assert page.driver.title == "A network, explained"
    assert page.find_all("main b") == page.find_all("#about i") == []
    assert "<i>source</i>" in page.text("#about")
    symbols = [word.symbol for word in page.explanation.words]
    assert {"<", "script", '"', "😀", "床", "前", "שלום"} <= set(symbols)
    for t, symbol in enumerate(symbols):
        page.set(chosen=f"{t}/in/word")
        assert page.text("#panel h2") == f"Word “{symbol}”"
    drawn = page.run("return [...document.querySelectorAll('#network .word')].map((node) => node.textContent)")
    assert [word for word in drawn if not word.endswith("…")] == [s for s in symbols if len(s) < 10]


def test_signs_that_cannot_be_seen_and_words_that_are_not_known(show):
    page = show(small("rnn", sentence="a b\tc", read="a\tz b", tokens="char"))
    drawn = page.run("return [...document.querySelectorAll('#network .node .plain')].map((node) => node.textContent)")
    assert {"␣", "⇥", "z"} <= set(drawn)
    assert "z" in page.text("#about")
    page.click("2/in/word")
    assert "not in the vocabulary" in page.text("#panel")
    assert "<unk>" in page.text("#panel")


def test_what_is_too_large_is_left_out_and_named(show):
    page = show(small("lstm", 1, hidden=20, back=3), most=390)
    assert page.text("[data-note=omitted] code") == "params.layers.0.W, each"
    page.find("[data-mode=backward]").click()
    page.set(chosen="2/0/cell")
    same(page.row("dh_{2}"), page.explanation.grads(3)["layers.0.h"][2])
    page.find("#back").send_keys(Keys.ARROW_LEFT)
    assert "at a truncation of 3 alone" in page.text("#panel")
    page.set(mode="forward", chosen="2/0/W")
    assert "too large for this page" in page.text("#panel")
    page.set(mode="backward", chosen="2/0/W", back=3)


def test_a_cell_of_ones_own_and_a_sentence_of_one_word(show):
    import elman

    class Leaky(elman.Cell):
        name, gates = "leaky-page", 1

        def forward(self, a, r, prev, new, keep, work):
            np.add(a, r, out=a)
            np.divide(a[0], 1 + np.abs(a[0]), out=new[0])

        def backward(self, a, d, prev, new, keep, work):
            np.multiply((1 - np.abs(new[0])) ** 2, d[0], out=a[0])

    elman.register_cell(Leaky())
    page = show(small("leaky-page"))
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
