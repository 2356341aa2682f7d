"""Functions for children of ``run_isolated``: they answer, raise, hang, grow, crash."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import numpy as np

from layerize.errors import InputError


def act(job: dict[str, Any]) -> dict[str, Any]:
    """What ``job["do"]`` says."""
    match job["do"]:
        case "answer":
            return {"twice": 2 * job["value"], "process": os.getpid()}
        case "refuse":
            raise InputError("this file is damaged.")
        case "raise":
            raise KeyError("left\nright")
        case "exit":
            raise SystemExit(3)
        case "hang":
            time.sleep(60)
        case "spin":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True:
                pass
        case "grow":
            return {"sum": float(np.ones(3 << 27).sum())}
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "leave":
            os._exit(7)
        case "print":
            os.write(1, b"noise on stdout")
            return {}
    return {}
