"""Signals on their way to the ranks that were started on this machine."""

from __future__ import annotations

import signal
import subprocess
from types import SimpleNamespace
from typing import cast

from elman.ranks.launch import STOP, _Forward


def test_signals_wait_for_the_engine_and_only_a_second_ctrl_c_ends_all_at_once() -> None:
    sent: list[int] = []
    forward = _Forward()
    forward(signal.SIGTERM, None)
    forward.to(cast("subprocess.Popen[str]", SimpleNamespace(send_signal=sent.append)))
    assert sent == [STOP]
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        forward(number, None)
    assert sent == [STOP, STOP, STOP, STOP, signal.SIGTERM]
    assert forward.asked[0] == signal.SIGTERM
