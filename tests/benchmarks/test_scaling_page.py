"""The page about scaling: its tables are what was kept, and what the model makes of it."""

import json
import re
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

import network
import ranks
import render_scaling
from bench.pairs import Contest
from scaling import forecast, found
from scaling.cost import Constants
from scaling.work import Core

from .conftest import BENCHMARKS
from .test_page import MACHINE

PAGE = BENCHMARKS.parent / "docs" / "scaling.md"
NETS = {"10g-0.1ms": Constants(1.2e-4, 1e-9, 1e-10), "1g-1ms": Constants(1.1e-3, 8.5e-9, 1e-10)}
CROWD = Constants(2e-5, 5e-10, 1e-10)
"""What hosts that share a core add; two cores have two hosts each where there are four."""
PACKED = {"sum": 4e-10, "top": 1e-9, "placed": 1e-9, "bit": 1e-9, "unbit": 1e-10}
CORE = Core(call=6e-5, weight=4e-10, operation=1 / 70e9, update=2e-9)


@pytest.fixture(scope="module")
def kept():
    """What a machine that obeys the model would have shown: one exchange took twice as long as it should."""
    traffic = []
    for name, constants in NETS.items():
        for hosts in (2, 4):
            for size in network.SIZES:
                for exchange in ("ring", "doubling", "pingpong", "own"):
                    row = {"network": name, "hosts": hosts, "wiring": "switch", "exchange": exchange,
                           "bytes": size}  # fmt: skip
                    there = found.Fitted(constants, CROWD, 2, [], None).at(hosts)
                    traffic.append({**row, "median": found.predicted(row, there)})
    traffic[0]["median"] *= 2
    steps = [
        {"H": w.H, "B": w.B, "T": w.T, "K": w.K, "E": w.E, "layers": w.layers,
         "median": CORE.seconds(w, w.B)} for w in network.WORK
    ]  # fmt: skip
    run = {"wiring": "switch", "model": "2 x 128", "window": 50, "parameters": 250_000}
    training = [
        {**run, "network": "10g-0.1ms", "hosts": 1, "kind": "weak", "batch": 32, "tokens_per_second": 1600.0},
        {**run, "network": "1g-1ms", "hosts": 2, "kind": "weak", "batch": 64, "tokens_per_second": 3000.0},
        {**run, "network": "1g-1ms", "hosts": 4, "kind": "weak", "batch": 128, "tokens_per_second": 3000.0},
    ]
    return {
        "traffic": traffic, "work": {"steps": steps, "packing": PACKED},
        "noise": [{"step": 200, "loss": 2.5, "noise_scale": 1234.5},
                  {"step": 400, "loss": 2.0, "noise_scale": None}],
        "training": training, "machine": MACHINE, "date": "2026-11-30",
    }  # fmt: skip


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "scaling.md"
    path.write_text(PAGE.read_text("utf-8"), "utf-8")
    return path


def between(page, name):
    return re.search(
        rf"<!-- {name}: begin -->\n(.*?)<!-- {name}: end -->", page.read_text("utf-8"), re.DOTALL
    )[1]


def test_the_committed_page_is_what_the_kept_results_say(page):
    render_scaling.write(page)
    current = page.read_text("utf-8") == PAGE.read_text("utf-8")
    assert current, "docs/scaling.md is not current: run python benchmarks/network.py --write"


def test_fits_find_the_constants_and_name_their_errors(page, kept):
    render_scaling.write(page, kept)
    text = between(page, "fits")
    assert "2 cores of Acme" in text
    assert "γ is 0.100 ns a byte" in text
    assert "| 1 Gbit/s, 1 ms | switch | 1,100 | 8.50 | 1.06 | 20 | 0.500 | 36 | 0% | 0% | 0% | 4% |" in text
    assert re.search(
        r"\| 10 Gbit/s, 0.1 ms \| switch \| 1\d\d \| \S+ \| 1.2\d \| \d+ \| \S+ \| 36 "
        r"\| \d% \| \d% \| \d\d% \| \d+% \|",
        text,
    )


def test_measured_and_modelled_stand_side_by_side(page, kept):
    render_scaling.write(page, kept)
    text = between(page, "simulated")
    # Two messages of 1.1 ms, 100 MB at 8.5 ns a byte, and half of them summed at 0.1 ns.
    assert "| 2 | ring | 2.21 / 2.21 | 10.8 / 10.7 | 857 / 857 |" in text
    assert text.count("| 2 | pingpong |") == 2
    assert "| 4 | pingpong |" not in text  # it is between two, however many there are
    assert "| 4 | own | 2.26 / 2.26 |" in text


def test_the_work_of_a_core_is_found(page, kept):
    render_scaling.write(page, kept)
    text = between(page, "work")
    assert (
        "A call costs 60.0 µs, a recurrent weight 0.400 ns a time step, products run at 70.0 GFLOP/s" in text
    )
    assert "an update costs 2.00 ns a parameter. The median error is 0%" in text
    assert len(re.findall(r"^\| 2 x \d+ \|", text, re.MULTILINE)) == len(network.WORK)


def test_training_is_predicted_from_one_host_and_a_sum(page, kept):
    """32 rows of 50 steps take a second; a million bytes over two hosts 10.75 ms, and talk 2.2."""
    render_scaling.write(page, kept)
    text = between(page, "training")
    assert "| 2 x 128 | weak | 1 |  | 32 | 1,600 |  |  |" in text
    rate = 3200 / 1.01295
    assert f"| 2 x 128 | weak | 2 | 1 Gbit/s, 1 ms | 64 | 3,000 | {rate:,.0f} | +5% |" in text
    # Four hosts on two cores: twice as long, and eight messages, 1.5 times the bytes, of crowded hosts.
    rate = 6400 / (2 + 8 * 1.12e-3 + 1.5 * 9e-3 + 2 * 0.75e-4)
    assert f"| 2 x 128 | weak | 4 | 1 Gbit/s, 1 ms | 128 | 3,000 | {rate:,.0f} | +5% |" in text


def test_clusters_and_options_have_a_row_each(page, kept):
    render_scaling.write(page, kept)
    text = between(page, "forecast")
    assert text.count("| 2 x 6144 | 1,024 | 1 Gbit/s, 1 ms |") == len(render_scaling.KINDS)
    assert "| 2 x 6144 | 1,006,714,880 | 32,768 | 4,832 | 4,027 |" in text
    rows = re.findall(
        r"^\| 2 \| 1 Gbit/s, 1 ms \| 2 x 512 \| 64 \| (.*) \|$", between(page, "options"), re.MULTILINE
    )
    (cells,) = (row.split(" | ") for row in rows)
    assert len(cells) == len(forecast.OPTIONS)
    assert float(cells[1]) > 1.5  # local SGD


def test_options_are_shown_beside_the_default(page, kept):
    assert "Not measured yet" in (render_scaling.write(page, kept) or between(page, "measured options"))
    rates = {"flat": 2000.0, "overlap": 2500.0, "local SGD": 3100.0}
    options = [
        {"network": "1g-1ms", "model": "2 x 128", "option": name, "tokens_per_second": rate}
        for name, rate in rates.items()
    ]
    render_scaling.write(page, {**kept, "options": options})
    text = between(page, "measured options")
    assert "| LSTM | network | flat, tokens/s | overlap | local SGD |" in text
    assert "| 2 x 128 | 1 Gbit/s, 1 ms | 2,000 | 1.25 | 1.55 |" in text


def test_every_option_is_asked_for_and_runs_long_enough_for_a_speed():
    assert set(network.OPTIONS) == {"flat", *forecast.OPTIONS} - {"none", "another sum"}
    for model, steps in network.OPTION_STEPS.items():
        words = network.training(model, 64, False, steps)
        assert words[words.index("--steps") + 1] == words[words.index("--eval-every") + 1] == str(steps)
        assert steps // 16 - 1 >= 3  # lines of the metrics, of which the last is of an evaluation


def test_noise_is_shown_as_it_was_measured(page, kept):
    render_scaling.write(page, kept)
    text = between(page, "noise")
    assert "| 200 | 2.500 | 1,234 |" in text
    assert "| 400 | 2.000 | lost in the noise |" in text


def test_a_page_of_nothing_says_so(page):
    render_scaling.write(page, {})
    assert page.read_text("utf-8").count("Not measured yet.") == len(render_scaling.SECTIONS)
    page.write_text("nothing marked")
    with pytest.raises(SystemExit, match="has lost the marks around its fits"):
        render_scaling.write(page, {})


def test_times_are_told_in_their_unit():
    told = [render_scaling._time(seconds) for seconds in (90, 600, 8_000, 200_000, 1e8)]
    assert told == ["90.0 seconds", "10.0 minutes", "2.22 hours", "2.31 days", "3.17 years"]
    assert [render_scaling._power(n) for n in (10**9, 10**12)] == ["10⁹", "10¹²"]
    assert [render_scaling._bytes(n) for n in (999, 1_000, 100_000_000)] == ["999 bytes", "1 kB", "100 MB"]


def test_packing_is_measured_a_number():
    spent = network.measure_packing(1000)
    assert set(spent) == set(PACKED)
    assert all(0 < seconds < 1e-3 for seconds in spent.values())


def test_the_work_of_a_step_is_kept_in_seconds(monkeypatch):
    contest = Contest(rates={"elman": [100.0, 200.0, 400.0]}, seconds=1.0)  # steps a second
    for name, patch in {
        "prepared": lambda workload: nullcontext({}), "started": lambda make: nullcontext([]),
        "contest": lambda *_: contest, "measure_packing": lambda n: PACKED,
    }.items():  # fmt: skip
        monkeypatch.setattr(network, name, patch)
    work = network.measure_work(SimpleNamespace(quick=True))
    assert [row["median"] for row in work["steps"]] == [0.005] * len(work["steps"])
    assert found.gamma({"work": work}) == pytest.approx(1e-10)


def test_training_is_asked_for_what_the_model_is_told():
    words = network.training("2 x 512", 64, quick=False)
    asked = dict(zip(words[::2], words[1::2], strict=False))
    assert asked["--hidden"] == asked["--embedding"] == "512"
    assert (asked["--batch"], asked["--window"], asked["--threads"]) == ("64", "64", "1")


def test_the_most_hosts_are_asked_about_of_a_fit_to_fewer():
    """Two hosts obey the model, four take a quarter longer: nothing of four may be in the fit."""
    constants, rows = Constants(1e-3, 8e-9, 1e-10), []
    for hosts, slower in ((2, 1.0), (4, 1.25)):
        for exchange in ("ring", "tree", "pingpong"):
            for size in (1_000, 100_000_000):
                row = {"hosts": hosts, "exchange": exchange, "bytes": size}
                late = 1.0 if exchange == "pingpong" else slower
                rows.append({**row, "median": late * found.predicted(row, constants)})
    assert found.beyond(found.network(rows, 1e-10, 4)) == pytest.approx(0.2)
    assert found.beyond(found.network([row for row in rows if row["hosts"] == 2], 1e-10, 4)) is None


def test_what_hosts_cost_that_share_a_core_is_no_part_of_a_network():
    alone = Constants(1e-3, 8e-9, 1e-10)
    rows = [
        {"hosts": hosts, "exchange": exchange, "bytes": size}
        for hosts in (2, 4, 8) for exchange in ("ring", "tree", "fixed") for size in (1_000, 100_000_000)
    ]  # fmt: skip
    for row in rows:
        excess = {2: 0, 4: 1, 8: 3}[row["hosts"]]
        there = Constants(*(a + excess * b for a, b in zip(alone, CROWD, strict=True)))
        row["median"] = found.predicted(row, there)
    fitted = found.network(rows, 1e-10, 2)
    assert fitted.constants == pytest.approx(alone)
    assert fitted.crowd == pytest.approx(CROWD)
    assert found.beyond(fitted) == pytest.approx(0, abs=1e-9)
    apart = found.network(rows, 1e-10, 8)  # a core for each
    assert apart.at(8) == apart.constants
    assert apart.constants.alpha > 1.001 * alone.alpha


@pytest.mark.parametrize("given", [["1"], ["2", "65"]])
def test_numbers_of_hosts_that_cannot_be(monkeypatch, capsys, given):
    monkeypatch.setattr(sys, "argv", ["network.py", "--hosts", *given])
    with pytest.raises(SystemExit):
        network.main()
    assert f"--hosts {given[-1]}: give from 2 to 64" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["2,4", "1,0", "1,two"])
def test_numbers_of_ranks_that_cannot_be(monkeypatch, capsys, given):
    monkeypatch.setattr(sys, "argv", ["ranks.py", "--ranks", given])
    with pytest.raises(SystemExit):
        ranks.main()
    assert f"--ranks {given}: give numbers joined by commas, 1 among them" in capsys.readouterr().err


@pytest.mark.parametrize("steps", [ranks.QUICK, *ranks.STEPS.values()])
def test_a_run_of_several_ranks_is_long_enough_for_a_speed(tmp_path, steps):
    """A line for every ten steps, as training writes them; ten steps of the second half take a second."""
    lines = [
        {"tokens": 100 * step, "seconds": 5.0 + step / 10, "train_loss": 2.0} for step in range(10, steps, 10)
    ]
    lines.append({"tokens": 100 * steps, "seconds": 99.0, "train_loss": 2.0, "valid_loss": 2.0})
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert ranks.speed(tmp_path)[0] == pytest.approx(1000.0)
