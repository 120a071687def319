"""Hosts as network namespaces: made, joined, and taken away again whatever happens."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.environment import BENCHMARKS
from bench.side import SideFailed
from simulated.networks import Network

PREFIX = "elman"  # namespaces are called elman-PID-NUMBER, and so are told from those of others
ADDRESSES = "198.18.0"  # of the block that is set apart for measuring networks (RFC 2544)
MOST = 64
QUEUE = 100_000  # frames that netem holds; more than a second of the fastest network
GRACE = 2.0  # seconds that processes of a host have to end

# A connection that slept must not start slowly again: every step of a training sends after a pause.
SETTINGS = {"ipv4/tcp_slow_start_after_idle": 0, "ipv6/conf/all/disable_ipv6": 1}
NETEM, SWITCH, BRIDGE = "netem", "switch", "bridge"


@dataclass
class Hosts:
    """Hosts that are up.

    Parameters
    ----------
    prefix : str
        What the names of their namespaces begin with.
    count : int
        How many there are.
    network : Network
        What joins them.
    wiring : str
        How it is simulated: ``bridge`` (no limit), ``netem`` (a bridge with netem at its ports), or
        ``switch`` (`simulated.switch`).
    """

    prefix: str
    count: int
    network: Network
    wiring: str
    switch: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def namespaces(self) -> list[str]:
        """The namespace of each host."""
        return [f"{self.prefix}-{i}" for i in range(self.count)]

    @property
    def addresses(self) -> list[str]:
        """The address of each host."""
        return [address(i) for i in range(self.count)]

    def check(self) -> None:
        """See that what joins the hosts still runs."""
        if self.switch is not None and self.switch.poll() is not None:
            raise SideFailed("the switch between the simulated hosts has ended; what it said stands above")


def address(number: int) -> str:
    """Return the address of a host."""
    return f"{ADDRESSES}.{number + 1}"


def lacking() -> str | None:
    """Return what keeps this machine from simulating hosts, and what to do about it; or nothing."""
    if not sys.platform.startswith("linux"):
        return f"hosts are simulated with network namespaces, which {sys.platform} has not: run this on Linux"
    missing = [program for program in ("ip", "tc") if shutil.which(program) is None]
    if missing:
        return f"{' and '.join(missing)} cannot be found: apt-get install iproute2, or your system's like"
    if shutil.which("unshare") is None:
        return "unshare cannot be found: install util-linux"
    if os.geteuid() != 0:
        return "network namespaces need root: run this as root, or in a container that may (CAP_SYS_ADMIN)"
    name = f"{PREFIX}-{os.getpid()}-try"
    made = _tried("ip", "netns", "add", name)
    try:
        if made:
            return f"this machine makes no network namespaces: {made}"
        found = _tried("ip", "-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
        return f"the kernel has no veth devices (CONFIG_VETH): {found}" if found else None
    finally:
        _tried("ip", "netns", "del", name)


def has_netem() -> bool:
    """Say whether the kernel has netem, the queue that delays."""
    name = f"{PREFIX}-{os.getpid()}-try"
    try:
        return not (
            _tried("ip", "netns", "add", name)
            or _tried("tc", "-n", name, "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms")
        )
    finally:
        _tried("ip", "netns", "del", name)


def wiring_for(network: Network) -> str:
    """Return how a network is simulated here: netem where there is one, else the switch in user space."""
    if not network.gigabits and not network.delay:
        return BRIDGE
    return NETEM if has_netem() else SWITCH


@contextmanager
def joined(
    count: int, network: Network, *, wiring: str | None = None, realtime: bool = True
) -> Iterator[Hosts]:
    """Make hosts, join them, and take them away at the end, also after an error or Ctrl-C.

    Parameters
    ----------
    count : int
        How many hosts.
    network : Network
        What joins them.
    wiring : str, optional
        How; by default the best that the kernel has.
    realtime : bool
        Whether the switch in user space goes before all other work of the machine. Without it frames come
        late while ranks compute.

    Raises
    ------
    SideFailed
        If this machine cannot.
    """
    found = lacking()
    if found:
        raise SideFailed(found)
    if not 1 <= count <= MOST:
        raise SideFailed(f"{count} hosts cannot be simulated: from 1 to {MOST}")
    sweep()
    there = Hosts(f"{PREFIX}-{os.getpid()}", count, network, wiring or wiring_for(network))
    try:
        _build(there, realtime)
        yield there
    finally:
        with _undisturbed():
            _take_away(there)


def sweep() -> list[str]:
    """Take away what runs that were killed have left; return the namespaces."""
    left = []
    for name in _namespaces():
        owner = re.fullmatch(rf"{PREFIX}-(\d+)-\w+", name)
        if owner and not Path(f"/proc/{owner.group(1)}").exists():
            left.append(name)
    _end(left)
    return left


def _build(there: Hosts, realtime: bool) -> None:
    for name in there.namespaces:
        _do("ip", "netns", "add", name)
        _do("ip", "-n", name, "link", "set", "lo", "up")
        for setting, value in SETTINGS.items():
            place = f"/proc/sys/net/{setting}"  # not there in a kernel without IPv6
            _do("ip", "netns", "exec", name, "sh", "-c", f"[ ! -e {place} ] || echo {value} >{place}")
    if there.wiring == SWITCH:
        _start_switch(there, realtime)
    else:
        _lay_bridge(there)
    for i, name in enumerate(there.namespaces):
        _do("ip", "-n", name, "link", "set", "eth0", "address", f"02:00:00:00:00:{i:02x}")
        _do("ip", "-n", name, "link", "set", "eth0", "txqueuelen", "5000")
        _do("ip", "-n", name, "addr", "add", f"{address(i)}/24", "dev", "eth0")
        _do("ip", "-n", name, "link", "set", "eth0", "up")
        # The machine's own choice may be one that paces itself by what it believes of the network (bbr).
        route = ("route", "replace", f"{ADDRESSES}.0/24", "dev", "eth0", "src", address(i))
        if _tried("ip", "-n", name, *route, "congctl", "cubic"):
            _do("ip", "-n", name, *route, "congctl", "reno")


def _lay_bridge(there: Hosts) -> None:
    """Join the hosts by a bridge in a namespace of its own; netem at both ends of every line."""
    hub, network = f"{there.prefix}-hub", there.network
    _do("ip", "netns", "add", hub)
    _do("ip", "-n", hub, "link", "add", "br0", "type", "bridge")
    _do("ip", "-n", hub, "link", "set", "br0", "up")
    for i, name in enumerate(there.namespaces):
        port = f"port{i}"
        _do("ip", "link", "add", "eth0", "netns", name, "type", "veth", "peer", "name", port, "netns", hub)
        _do("ip", "-n", hub, "link", "set", port, "master", "br0", "up")
        if there.wiring == NETEM:
            _do("tc", "-n", name, "qdisc", "add", "dev", "eth0", "root", *netem(network, network.delay))
            if network.gigabits:
                _do("tc", "-n", hub, "qdisc", "add", "dev", port, "root", *netem(network, 0.0))


def netem(network: Network, delay: float) -> list[str]:
    """Return the words that tell netem of a delay in milliseconds and of the rate of the network."""
    words = ["netem", "limit", str(QUEUE)]
    words += ["delay", f"{delay:g}ms"] if delay else []
    return words + (["rate", f"{network.gigabits:g}gbit"] if network.gigabits else [])


def _start_switch(there: Hosts, realtime: bool) -> None:
    network = there.network
    there.switch = subprocess.Popen(
        [sys.executable, "-m", "simulated.switch", there.prefix, str(there.count), str(network.gigabits),
         str(network.delay), str(int(realtime))],
        cwd=BENCHMARKS, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert there.switch.stdout is not None
    if there.switch.stdout.readline() != "ready\n":
        raise SideFailed("the switch between the simulated hosts did not start; what it said stands above")


def _take_away(there: Hosts) -> None:
    if there.switch is not None:
        with there.switch as switch:  # closes its pipes, by which it ends
            switch.terminate()
    mine = [name for name in _namespaces() if name.startswith(f"{there.prefix}-")]
    _end(mine)


def _end(namespaces: list[str]) -> None:
    """End what runs in namespaces, and delete them."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        running = [pid for name in namespaces for pid in _processes(name)]
        for pid in running:
            with suppress(ProcessLookupError):
                os.kill(pid, sent)
        deadline = time.monotonic() + GRACE
        while running and time.monotonic() < deadline:
            time.sleep(0.02)
            running = [pid for name in namespaces for pid in _processes(name)]
        if not running:
            break
    for name in namespaces:
        _tried("ip", "netns", "del", name)


def _processes(namespace: str) -> list[int]:
    done = subprocess.run(["ip", "netns", "pids", namespace], text=True, capture_output=True)
    return [int(pid) for pid in done.stdout.split()]


def _namespaces() -> list[str]:
    done = subprocess.run(["ip", "netns", "list"], text=True, capture_output=True)
    return [line.split()[0] for line in done.stdout.splitlines() if line.strip()]


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let no second Ctrl-C cut the tidying up short."""
    signals = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _do(*command: str) -> None:
    found = _tried(*command)
    if found:
        raise SideFailed(f"{' '.join(command)} failed: {found}")


def _tried(*command: str) -> str:
    """Run a command; return what it complained of, or nothing."""
    try:
        done = subprocess.run(command, text=True, capture_output=True)
    except OSError as error:
        return str(error)
    return (done.stderr.strip() or f"status {done.returncode}") if done.returncode else ""
