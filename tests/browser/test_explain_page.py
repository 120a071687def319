"""The page of elman explain: clicks, keys, languages, the slider, the player, and that it stays by itself."""

import numpy as np
import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.pages import same, small

pytestmark = pytest.mark.browser


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


def test_a_request_would_be_seen(show):
    """Though the page may not send any: its own rule forbids it, and the log shows the attempt."""
    page = show(small())
    assert page.requests() == [page.address]
    page.run("new Image().src = 'http://localhost:9/picture.png'")
    wait(lambda: "http://localhost:9/picture.png" in page.requests())
    wait(lambda: "Content Security Policy" in "".join(page.errors()))


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
                cut = [
                    int(s.get_attribute("data-loss")) for s in strands if "cut" in s.get_attribute("class")
                ]
                # What loss s sends from step t to the one before must reach that.
                assert cut == [s for s in range(t, 5) if not explanation.reached(back)[s, t - 1]]
                assert page.thing(f"{t}/0/{arrow}").get_attribute("data-cut") == str(back == 1).lower()
        cut = page.run(
            "return [...document.querySelectorAll('#heat td[data-cut]')].map((td) => td.dataset.cut)"
        )
        reached = explanation.reached(back)
        assert cut == [str(not reached[t, k]).lower() for t in range(5) for k in range(t + 1)]
        for letter in "UW":
            missing, cosine = explanation.cut[back - 1][f"layers.0.{letter}"]
            row = page.text(f"#missing [data-param='layers.0.{letter}']")
            assert f"{100 * missing:.1f} %" in row
            assert f"{cosine:.4f}" in row
    page.click("3/0/W")
    assert page.find_all("#panel [data-note=cut]")


def test_the_way_back_begins_at_the_last_loss(show):
    page = show(small("rnn"))
    page.find("[data-mode=backward]").click()
    last = page.explanation.steps - 1
    assert page.thing(f"{last}/out/loss").get_attribute("aria-pressed") == "true"
    page.set(chosen="0/in/word")  # its end
    page.find("#play").click()
    assert page.driver.execute_script("return [state.now.mode, state.now.chosen]") == [
        "backward",
        f"{last}/out/loss",
    ]
    page.find("#play").click()


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
    assert "h 1 (1)" in page.find("#path [role=group]").get_attribute("aria-label")
    page.find("#heat-layers button").click()
    assert page.driver.switch_to.active_element.text == "layer 0"  # the focus stayed
    np.testing.assert_allclose(
        float(page.text("#heat button[data-t='3'][data-k='1']")), page.explanation.sent(0)[3, 1], rtol=0.06
    )
    headers = page.run("return [...document.querySelectorAll('#heat th')].map((th) => th.scope)")
    assert headers == ["col"] * 5 + ["row"] * 5
    assert page.find("#heat caption").text


def test_the_path_is_all_ways_from_the_loss_to_the_state(show):
    """An arrow lies on it if, and only if, one loss sends something along it that the state has a part in."""
    page = show(small("lstm", 2))
    page.set(mode="backward", path={"l": 0, "t": 3, "k": 1})
    marked = {node.get_attribute("data-id") for node in page.find_all("#network .edge.on-path")}
    up = {f"{t}/1/U" for t in (1, 2, 3)}
    along = {f"{t}/{layer}/W" for t in (2, 3) for layer in (0, 1)}
    memories = {
        "3/0/c_prev",
        "2/1/c_prev",
        "3/1/c_prev",
    }  # not 2/0: the memory of step 1 is not made of its state
    top = {f"3/out/{key}" for key in ("nll", "softmax", "V")}
    assert marked == up | along | memories | top


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
            const all = ["panel", "now"].map((name) => document.getElementById(name).innerText).join(" ");
            const text = all.replace(/elman explain [^，。：]*?--what \\w+( --\\w+ \\d+)*/g, "");
            const wrong = /undefined|NaN|\\{\\w+\\}|null|\\[object/;
            if (english.test(text) || wrong.test(text)) found.push([mode, id, text]);
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
        """const name = (node) =>
          node.getAttribute("aria-label") || node.textContent.trim() || node.labels?.length;
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
    assert page.find("#now").get_attribute("aria-live") == "off"  # or a screen reader could not follow
    wait(lambda: page.run("return state.now.chosen") in ("4/0/cell", "4/in/x"))
    page.find("#play").click()
    stopped = page.run("return state.now.chosen")
    assert page.find("#play").text == "Play"
    assert page.find("#now").get_attribute("aria-live") == "polite"
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
    features = [
        {"name": "prefers-color-scheme", "value": "dark"},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
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
            """return [".stage", "#panel"].map((name) =>
              document.querySelector(name).getBoundingClientRect().toJSON())"""
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
    sentence = (
        "</script><script>document.title='x'</script> <b>bold</b> \"q\" 'a' {{data}} 😀 床前 שלום &amp;"
    )
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
    drawn = page.run(
        "return [...document.querySelectorAll('#network .word')].map((node) => node.textContent)"
    )
    assert [word for word in drawn if not word.endswith("…")] == [s for s in symbols if len(s) < 10]


def test_where_the_model_comes_from_is_said_in_the_language_of_the_page(show):
    page = show(small(), source={"en": "a run", "zh": "一次训练"})
    assert "a run" in page.text("#about")
    page.find("[data-language=zh]").click()
    assert "一次训练" in page.text("#about")
    assert "a run" not in page.text("#about")


def test_signs_that_cannot_be_seen_and_words_that_are_not_known(show):
    page = show(small("rnn", sentence="a b\tc", read="a\tz b", tokens="char"))
    drawn = page.run(
        "return [...document.querySelectorAll('#network .node .plain')].map((node) => node.textContent)"
    )
    assert {"␣", "⇥", "z"} <= set(drawn)
    assert "each “word” is a single character" in page.text("#about")
    assert "z" in page.text("#about")
    page.click("2/in/word")
    assert "not in the vocabulary" in page.text("#panel")
    assert "<unk>" in page.text("#panel")
