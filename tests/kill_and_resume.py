"""Kill `emorec train` at random moments, start it again until it ends, compare the weights' bytes; over and over.

python kill_and_resume.py CONFIG NETWORK RESULTS KILLS SEED prints JSON: `kills`, `resumed` (kills that left a
checkpoint), `ends` (runs brought to their end), `same` (how many of these ended with the bytes of an undisturbed run),
`seconds` (that one's length). Every attempt is a process of its own, forked when the imports are done, as those take
longer than the run.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import emorec.data.faces
import emorec.networks.store  # noqa: F401 - what the command imports
from emorec import cli, config


def start(arguments: list[str]) -> int:
    """Fork a process that runs the command; its process id."""
    child = os.fork()
    if child == 0:
        gc.disable()  # it ends before there is much garbage
        status = 1
        try:
            status = cli.main(arguments)
        finally:
            os._exit(status)
    return child


def end_of(child: int, after: float | None = None) -> int:
    """Wait for a process, or kill it `after` so many seconds; its exit status, negative for a signal."""
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)  # harmless where it has ended by itself: it is a zombie till waited for
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    study, network, results, kills, seed = sys.argv[1:]
    logging.disable()
    folder = Path(results) / config.load(Path(study)).study / "networks" / network / "seed0"
    weights, checkpoint = folder / "weights.safetensors", folder / "checkpoint.safetensors"
    arguments = ["train", "--config", study, "--results", results, "--network", network, "--seed", "0"]
    began = time.perf_counter()
    assert end_of(start(arguments)) == 0
    length = time.perf_counter() - began
    undisturbed = weights.read_bytes()
    shutil.rmtree(folder)

    chance = random.Random(int(seed))
    killed = resumed = ends = same = 0
    while killed < int(kills) or folder.exists():
        # The last run is left to end.
        status = end_of(start(arguments), chance.uniform(0, length) if killed < int(kills) else None)
        if status == -signal.SIGKILL:
            killed += 1
            resumed += checkpoint.exists()
            continue
        assert status == 0, status
        ends += 1
        same += weights.read_bytes() == undisturbed
        leftovers = [path.name for path in folder.iterdir() if path.name.startswith(".")]
        assert not leftovers and not checkpoint.exists(), leftovers
        shutil.rmtree(folder)
    print(json.dumps({"kills": killed, "resumed": resumed, "ends": ends, "same": same, "seconds": round(length, 2)}))


if __name__ == "__main__":
    main()
