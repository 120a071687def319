"""The cost model: its counts by hand and by clocks, its fit, and what it says of clusters."""

import math
import threading
from collections import defaultdict
from queue import Queue

import numpy as np
import pytest

from bench.workloads import Workload
from elman import LanguageModel
from scaling import cost, fit, forecast, noise
from scaling.cost import Constants, Counts
from scaling.work import Core, counted, parameters
from simulated.exchanges import EXCHANGES, bounds

N = 240  # numbers: stretches of whole numbers for 2, 3, 4, 5 and 8 ranks


@pytest.mark.parametrize(
    ("exchange", "p", "messages", "sent", "summed"),
    [
        ("pingpong", 8, 1, 400, 0),
        ("ring", 4, 6, 600, 300),
        ("ring", 3, 4, 1600 / 3, 800 / 3),
        ("fixed", 4, 4, 600, 300),
        ("doubling", 4, 2, 800, 800),
        ("doubling", 3, 3, 1200, 800),  # one gives its numbers first, and gets the sum at the end
        ("doubling", 5, 4, 1600, 1200),
        ("tree", 4, 4, 1600, 800),
        ("tree", 5, 6, 2400, 1200),
        ("halving", 4, 4, 600, 300),
        ("ring", 1, 0, 0, 0),
        ("tree", 1, 0, 0, 0),
    ],
)
def test_counts_are_those_worked_out_by_hand(exchange, p, messages, sent, summed):
    assert cost.counts(exchange, p, 400) == pytest.approx((messages, sent, summed))


def test_a_step_tells_all_ranks_a_few_numbers_twice():
    assert cost.of_a_step("ring", 4, 400) == (6 + 4, 600, 300)
    assert cost.of_a_step("none", 5, 400) == (6, 0, 0)
    assert cost.of_a_step("ring", 1, 400) == (0, 0, 0)


def test_seconds_are_linear_in_the_constants():
    assert Constants(2.0, 0.5, 0.25).seconds(Counts(6, 600, 300)) == 12 + 300 + 75
    assert Counts(1, 2, 3) + Counts(10, 20, 30) == Counts(11, 22, 33)


def test_halving_needs_a_power_of_two():
    with pytest.raises(ValueError, match="power of two"):
        cost.halving(6, 400)
    assert cost.fastest(Constants(1, 0, 0), 6, 400) == ("doubling", 4)


def test_small_vectors_are_summed_by_doubling_and_large_ones_by_halving():
    constants = Constants(1e-4, 1e-9, 0)
    assert cost.fastest(constants, 8, 1_000)[0] == "doubling"
    assert cost.fastest(constants, 8, 100_000_000)[0] == "halving"
    assert cost.fastest(constants, 7, 100_000_000)[0] == "ring"


class Clocks:
    """A communicator between threads whose ranks have clocks: a message of n numbers takes alpha + n beta."""

    def __init__(self, rank, size, lines, alpha, beta):
        self.rank, self.size, self.lines, self.alpha, self.beta = rank, size, lines, alpha, beta
        self.clock = 0.0

    def Send(self, x, to):
        self.clock += self.alpha + self.beta * x.size
        self.lines[self.rank, to].put((self.clock, x.copy()))

    def Recv(self, x, source):
        arrived, numbers = self.lines[source, self.rank].get(timeout=10)
        x[...] = numbers
        self.clock = max(self.clock, arrived)

    def Sendrecv(self, x, to, recvbuf, source):
        self.Send(x, to)
        self.Recv(recvbuf, source)

    def Alltoallv(self, out, into):
        (x, (counts, begins)), (y, (sizes, places)) = out, into
        y, p = y.reshape(-1), self.size
        piece = lambda a, n, at, i: a[at[i] : at[i] + n[i]]  # noqa: E731
        piece(y, sizes, places, self.rank)[...] = piece(x, counts, begins, self.rank)
        for step in range(1, p):  # one after the other over the line, and all on their way at once
            to = (self.rank + step) % p
            self.clock += self.beta * counts[to]
            self.lines[self.rank, to].put((self.clock + self.alpha, piece(x, counts, begins, to).copy()))
        for step in range(1, p):
            source = (self.rank - step) % p
            self.Recv(piece(y, sizes, places, source), source)

    def Allgatherv(self, mine, into):
        x, (counts, begins) = into
        part = [x[b : b + n] for b, n in zip(begins, counts, strict=True)]
        part[self.rank][...] = mine
        p, me = self.size, self.rank
        for step in range(p - 1):
            self.Sendrecv(part[(me - step) % p], (me + 1) % p, part[(me - step - 1) % p], (me - 1) % p)


def summed(name, p, n, alpha=1.0, beta=0.125):
    """Let p threads sum vectors; return the sums, and the latest clock."""
    lines = defaultdict(Queue)
    comms = [Clocks(rank, p, lines, alpha, beta) for rank in range(p)]
    for source in range(p):
        for to in range(p):
            _ = lines[source, to]  # made here: threads must not
    vectors = [np.random.default_rng([n, rank]).standard_normal(n).astype(np.float32) for rank in range(p)]
    wanted = np.sum(vectors, axis=0, dtype=np.float64)
    room = [np.full(n + p, np.nan, np.float32) for _ in range(p)]
    threads = [
        threading.Thread(target=EXCHANGES[name], args=each) for each in zip(comms, vectors, room, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return vectors, wanted, max(comm.clock for comm in comms)


@pytest.mark.parametrize("p", [2, 3, 4, 5, 8])
@pytest.mark.parametrize("name", sorted(set(EXCHANGES) - {"own"}))
def test_every_rank_has_the_sum(name, p):
    if name == "halving" and p & (p - 1):
        return
    for n in (N, 1, 7, 61):
        vectors, wanted, _ = summed(name, p, n)
        for x in vectors:
            np.testing.assert_allclose(x, wanted, rtol=0, atol=1e-5)
            np.testing.assert_array_equal(x, vectors[0])  # the same bits on all ranks


@pytest.mark.parametrize("p", [2, 3, 4, 5, 8])
@pytest.mark.parametrize("name", sorted(set(EXCHANGES) - {"own"}))
def test_the_model_counts_what_the_code_sends(name, p):
    """The latest clock is the time of the longest path. A tree of no power of two has a shorter one."""
    if name in ("halving", "tree") and p & (p - 1):
        return
    _, _, clock = summed(name, p, N)
    assert clock == pytest.approx(Constants(1.0, 0.125, 0.0).seconds(cost.counts(name, p, N)))


def test_the_fixed_sum_is_that_in_the_order_of_the_ranks():
    p = 5
    vectors, _, _ = summed("fixed", p, 61)
    each = [np.random.default_rng([61, rank]).standard_normal(61).astype(np.float32) for rank in range(p)]
    wanted = each[0].copy()
    for other in each[1:]:
        wanted += other
    np.testing.assert_array_equal(vectors[0], wanted)


def test_stretches_cover_a_vector():
    assert bounds(10, 4) == [0, 2, 5, 7, 10]
    assert bounds(2, 3) == [0, 0, 1, 2]


def test_a_fit_weighs_errors_by_the_measurement():
    """(c / 1 - 1)^2 + (c / 2 - 1)^2 is least at c = 1.2; without either, c is the other."""
    found = fit.fit([[1.0], [1.0]], [1.0, 2.0])
    assert found.constants == pytest.approx([1.2])
    assert found.errors == pytest.approx([0.2, -0.4])
    assert found.unseen == pytest.approx([1.0, -0.5])
    assert fit.spread(found.unseen) == pytest.approx({"median": 0.75, "largest": 1.0})


def test_a_fit_finds_the_constants_that_measurements_were_made_of():
    constants = Constants(1.5e-4, 8e-9, 1e-10)
    each = [cost.counts(name, p, n) for name in cost.SUMS for p in (2, 4, 8) for n in (1e3, 1e5, 1e8)]
    seconds = [constants.seconds(one) for one in each]
    found = fit.fit(
        [one[:2] for one in each], seconds, [constants.gamma * one.summed for one in each]
    )  # fmt: skip
    assert found.constants == pytest.approx(constants[:2], rel=1e-9)
    assert np.abs(found.unseen).max() < 1e-9


def test_no_constant_is_below_zero():
    rows = [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]
    assert fit.fit(rows, [3.0, 2.0, 1.0]).constants[1] == 0.0
    assert (fit.solve(-np.eye(2), np.ones(2)) == 0).all()


def test_there_must_be_something_to_fit_to():
    with pytest.raises(ValueError, match="nothing to fit"):
        fit.fit([], [])
    with pytest.raises(ValueError, match="took no time"):
        fit.fit([[1.0]], [0.0])


@pytest.mark.parametrize(("layers", "H", "E", "K"), [(1, 8, 4, 11), (2, 8, 8, 5), (3, 4, 6, 7)])
def test_parameters_are_those_of_the_model(layers, H, E, K):
    model = LanguageModel(vocab_size=K, cell="lstm", embedding=E, hidden=H, layers=layers)
    assert parameters(Workload("w", "lstm", layers, H=H, E=E, K=K, B=1, T=1)) == model.n_params


def test_a_step_is_counted_by_hand():
    w = Workload("w", "lstm", 2, H=10, E=10, K=50, B=4, T=3)
    weights = 2 * 4 * 10 * 20 + 10 * 50
    assert counted(w) == [6, 3 * 2 * 400, 6 * weights * 4 * 3, parameters(w)]
    core = Core(call=2.0, weight=1e-3, operation=1e-5, update=1e-4)
    parts = core.parts(w, rows=8, cores=2)
    assert parts["thin rows"] == pytest.approx(12 + 2.4)
    assert parts["compute"] == pytest.approx(6 * weights * 12e-5 + parameters(w) * 1e-4 / 2)
    assert core.parts(w, rows=1, cores=4)["compute"] < core.parts(w, rows=1, cores=2)["compute"]  # the update
    assert core.seconds(w, 8, 2) == pytest.approx(sum(parts.values()))


W = Workload("w", "lstm", 1, H=1, E=1, K=1, B=1, T=1)
P = 1 + 12 + 1 + 1
PACKING = forecast.Packing(0.0, 0.0, 0.0, 0.0)


def cluster(p, alpha=0.0, beta=0.0, gamma=0.0, operation=0.0, cores=1):
    return forecast.Cluster(p, cores, Core(0.0, 0.0, operation, 0.0), Constants(alpha, beta, gamma))


def test_a_step_of_a_cluster_is_its_parts():
    assert parameters(W) == P
    one = forecast.step(W, 8, cluster(4, alpha=1.0, beta=0.1, gamma=0.01, operation=0.5))
    compute = 0.5 * 6 * 9 * 2  # nine weights, two rows a machine
    assert one.parts == pytest.approx({
        "thin rows": 0.0, "compute": compute, "latency": 4.0 + 2 * 2, "bandwidth": 0.1 * 1.5 * 4 * P,
        "sums": 0.01 * 0.75 * 4 * P,
    })  # fmt: skip
    assert one.tokens_per_second == pytest.approx(8 / sum(one.parts.values()))
    assert one.binds == "compute"
    assert forecast.step(W, 8, cluster(4, alpha=1.0)).binds == "latency"
    assert forecast.step(W, 8, cluster(4, beta=1.0)).binds == "bandwidth"


def test_a_batch_of_the_critical_size_needs_twice_the_tokens():
    assert forecast.critical_batch() == pytest.approx(2.1e8 / 4**4.8)
    one = forecast.Step(forecast.critical_batch(), {"compute": 2.0})
    assert one.waste == pytest.approx(2.0)
    assert one.progress == pytest.approx(one.tokens / 4)
    larger = forecast.Step(20 * forecast.critical_batch(), {"compute": 9.0, "bandwidth": 1.0})
    assert larger.binds == "batch size"  # 20 parts of 21 are lost


def speed(name, there, packing=PACKING):
    plain = forecast.step(W, 8, there)
    return plain.seconds / forecast.option(name, W, 8, there, packing).seconds


def test_local_sgd_averages_three_vectors_every_so_many_steps():
    assert speed("local SGD", cluster(4, alpha=1.0, beta=0.3)) == pytest.approx(forecast.EVERY / 3)


def test_overlap_hides_at_most_the_way_back():
    compute = 6 * 9 * 2 * 0.5
    hidden = cluster(4, alpha=compute / 8 * 2 / 3, operation=0.5)  # eight messages: two thirds of the compute
    assert speed("overlap", hidden) == pytest.approx(5 / 3)
    assert speed("overlap", hidden._replace(network=Constants(compute / 8, 0, 0))) == pytest.approx(1.5)
    slow = hidden._replace(core=Core(0.0, 0.0, 0.5, update=compute / P))  # it waits for the sums
    assert speed("overlap", slow) == pytest.approx((2 + 2 / 3) / 2)
    slow = slow._replace(network=Constants(compute / 8, 0, 0))
    assert speed("overlap", slow) == pytest.approx(3 / (2 + 1 / 3))


def test_another_sum_saves_messages():
    assert speed("another sum", cluster(8, alpha=1.0)) == pytest.approx((8 + 6) / (3 + 6))
    assert speed("another sum", cluster(8, beta=1.0)) == pytest.approx(1.0)


def test_compression_saves_bytes():
    dense, bit = 2 * 4, 1 / 8 + 4 / 1024
    assert speed("top-k", cluster(4, beta=1.0)) == pytest.approx(dense * 3 / 4 / (0.08 * 3))
    assert speed("top-k", cluster(100, beta=1.0)) == pytest.approx(1.0)
    for p in (4, 1024):
        assert speed("1-bit", cluster(p, beta=1.0)) == pytest.approx(4 / bit)
    # Two lists of everybody's are rings; the sum is a ring and a message. Signs and sizes are a sum each.
    assert speed("top-k", cluster(8, alpha=1.0)) == pytest.approx((8 + 6) / (14 + 6))
    assert speed("1-bit", cluster(8, alpha=1.0)) == pytest.approx((8 + 6) / (16 + 6))


def test_compression_costs_the_core_that_sums():
    packing = forecast.Packing(top=1.0, placed=100.0, bit=10.0, unbit=1000.0)
    packed = {
        name: forecast.option(name, W, 8, cluster(4, cores=2), packing).parts["packing"] / P
        for name in ("top-k", "1-bit")
    }
    assert packed == pytest.approx({"top-k": 1 + 4, "1-bit": 10 * (1 + 1 / 4) + 2000})
    assert speed("top-k", cluster(1, operation=1.0), packing) == 1.0  # nothing is sent


def test_the_best_batch_is_no_worse_than_those_beside_it():
    there = cluster(64, alpha=1e-4, beta=1e-9, operation=1e-11, cores=2)
    for w in forecast.MODELS:
        rows, one = forecast.best("none", w, there, PACKING)
        for other in (rows // 2, rows * 2):
            if other:
                assert forecast.step(w, other * 64, there).progress <= one.progress


def test_the_largest_model_has_a_billion_parameters():
    assert math.isclose(parameters(forecast.MODELS[-1]), 1e9, rel_tol=0.01)


def test_the_noise_scale_is_found_without_bias():
    """Gradients with a scatter of S / n in all, about a true one of length 2: S is 4,000 tokens' worth."""
    rng = np.random.default_rng(0)
    true, tokens, S = np.zeros(50), 100, 4_000.0
    true[:4] = 1.0
    seen = []
    for _ in range(400):
        scatter = rng.standard_normal((noise.SHARES, 50)) * np.sqrt(S / tokens / 50)
        gradients = [{"U": (true + one)[:20], "W": (true + one)[20:]} for one in scatter]
        one, mean = noise.lengths(gradients)
        np.testing.assert_allclose(mean["U"], true[:20] + scatter.mean(axis=0)[:20])
        seen.append(one)
    assert noise.noise_scale(seen, tokens) == pytest.approx(S / 4, rel=0.1)
    assert noise.noise_scale([noise.Lengths(8.0, 0.5)], tokens) is None


def test_a_model_is_trained_while_its_noise_is_measured():
    ids = np.tile(np.arange(5, dtype=np.int32), 400)
    sizes = {"layers": 1, "H": 8, "E": 4, "B": 16, "T": 10, "lr": 0.05}
    rows = noise.trained(ids, 5, 60, 30, sizes)
    assert [row["step"] for row in rows] == [30, 60]
    assert rows[0]["loss"] > rows[1]["loss"]
    assert rows[1]["loss"] < np.log(5) - 0.1
