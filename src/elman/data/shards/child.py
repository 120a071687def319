"""``python -m elman.data.shards.child``: one process of elman.data.shards.pool, at the end of a pipe."""

import json
import os
import queue
import sys
import threading
from typing import Any

from elman.data.shards.work import WORK
from elman.errors import ElmanError


def main() -> None:
    """Answer orders, a line each, until there is nobody to give them."""
    # Our standard output is the line to the first process; whatever else prints shall not speak on it.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    orders: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    while True:
        work, order = json.loads(orders.get())
        answers.write(json.dumps(_answer(work, order)).encode() + b"\n")
        answers.flush()


def _answer(work: str, order: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"answer": WORK[work](order)}
    except ElmanError as error:
        return {"error": type(error).__name__, "says": str(error)}
    except OSError as error:
        return {"error": "OSError", "number": error.errno, "says": error.strerror or str(error)}


def _listen(orders: "queue.SimpleQueue[bytes]") -> None:
    for line in sys.stdin.buffer:
        orders.put(line)
    os._exit(0)  # in the midst of whatever is being done: who gave the orders has gone, or wants no more


if __name__ == "__main__":
    main()
