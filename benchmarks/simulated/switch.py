"""A switch in user space, for kernels without netem: it delays frames, and lets them pass at a rate.

``python -m simulated.switch PREFIX HOSTS GIGABITS DELAY REALTIME`` makes a TAP device ``eth0`` in each of the
namespaces ``PREFIX-0``, ``PREFIX-1`` and so on, says ``ready``, and carries frames between them until its
standard input ends.

Frames are as large as TCP makes them (up to 64 kB: the devices take segmentation upon themselves), so that a
second at 10 Gbit/s is some twenty thousand of them and not a million.
"""

from __future__ import annotations

import ctypes
import fcntl
import gc
import os
import select
import struct
import sys
import time
from collections import deque

TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
OFFLOADS = 0x01 | 0x02 | 0x04  # checksums, and segmentation of TCP over IPv4 and IPv6
CLONE_NEWNET = 0x40000000
PR_SET_TIMERSLACK = 29
VNET = 10  # bytes before a frame, struct virtio_net_hdr: what of checksums and segmentation is left to do
LARGEST = 1 << 17
AT_ONCE = 16  # frames read from a host before the others have their turn
AROUND = 24  # bytes on a cable around each packet: preamble, check sum, gap


class Lines:
    """When frames arrive: each host has a line to the switch and one from it, both busy at a rate.

    Parameters
    ----------
    hosts : int
        How many there are.
    rate : float
        Bytes a second of a line; 0 stands for no limit.
    delay : float
        Seconds from host to host that come on top.
    """

    def __init__(self, hosts: int, rate: float, delay: float) -> None:
        self.rate, self.delay = rate, delay
        self._out, self._in = [0.0] * hosts, [0.0] * hosts  # when each line is free again

    @classmethod
    def of(cls, hosts: int, gigabits: float, milliseconds: float) -> Lines:
        """Return the lines of a network that is told in 10^9 bits a second and in milliseconds."""
        return cls(hosts, gigabits * 1e9 / 8, milliseconds / 1000)

    def arrival(self, now: float, source: int, target: int, size: int) -> float:
        """Return when a frame of so many bytes, sent now, has arrived."""
        busy = size / self.rate if self.rate else 0.0
        # The switch passes on what it receives while it receives it: an idle line in costs no second time.
        left = self._out[source] = max(now, self._out[source]) + busy
        there = self._in[target] = max(left, self._in[target] + busy)
        return there + self.delay


def on_the_cable(frame: bytes) -> int:
    """Return the bytes a frame takes on a cable: one that TCP left to be cut has its headers many times."""
    kind, header, segment = struct.unpack_from("=xBHH", frame)
    length = len(frame) - VNET
    if kind == 0 or segment == 0:
        return length + AROUND
    packets = max(1, -(-(length - header) // segment))
    return length + (packets - 1) * header + packets * AROUND


def carry(devices: list[int], lines: Lines, until: int) -> None:
    """Carry frames between the devices until the file `until` ends."""
    queues: list[deque[tuple[float, bytes]]] = [deque() for _ in devices]
    number = {device: i for i, device in enumerate(devices)}
    clock = time.monotonic
    while True:
        due = min((queue[0][0] for queue in queues if queue), default=None)
        wait = None if due is None else max(0.0, due - clock())
        ready, _, _ = select.select([*devices, until], [], [], wait)
        for device in ready:
            if device == until:
                if not os.read(until, 4096):
                    return
                continue
            source = number[device]
            for _ in range(AT_ONCE):
                try:
                    frame = os.read(device, LARGEST)
                except BlockingIOError:
                    break
                size, now = on_the_cable(frame), clock()
                for target in targets(frame, source, len(devices)):
                    queues[target].append((lines.arrival(now, source, target, size), frame))
        now = clock()
        for device, queue in zip(devices, queues, strict=True):
            while queue and queue[0][0] <= now:
                put(device, queue.popleft()[1])


def targets(frame: bytes, source: int, hosts: int) -> list[int]:
    """Return whom a frame is for: the host whose number its address ends with, or all for a group."""
    if frame[VNET] & 1:
        return [host for host in range(hosts) if host != source]
    host = frame[VNET + 5]
    return [host] if host < hosts and host != source else []


def put(device: int, frame: bytes) -> None:
    """Hand a frame to a host; one that does not take it loses it, as on a cable."""
    try:
        os.write(device, frame)
    except OSError as error:
        print(f"a frame of {len(frame)} bytes was lost: {error}", file=sys.stderr, flush=True)


def tap(namespace: str) -> int:
    """Make the device ``eth0`` of a namespace; return the file that stands for its other end."""
    libc = ctypes.CDLL(None, use_errno=True)
    place = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if libc.setns(place, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter the namespace {namespace}")
    finally:
        os.close(place)
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"eth0", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
    fcntl.ioctl(device, TUNSETOFFLOAD, OFFLOADS)
    return device


def main() -> None:
    """Make the devices, say so, and carry frames."""
    prefix, hosts, gigabits, delay, realtime = sys.argv[1:]
    devices = [tap(f"{prefix}-{i}") for i in range(int(hosts))]
    if realtime == "1":
        # Ranks wait by looking again and again; without this a frame would wait for one of them to tire.
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)  # sleep as long as was asked, not 50 us more
    gc.disable()
    print("ready", flush=True)
    carry(devices, Lines.of(len(devices), float(gigabits), float(delay)), 0)


if __name__ == "__main__":
    main()
