"""One graphics card for each process, where a machine has several and no scheduler hands them out.

Snakemake counts cards (`gpu` in the profile) but gives a job none, and CUDA takes the first. Here a process locks a
file that stands for a card and makes that card the only one that it sees. Slurm's jobs see theirs alone anyway.
"""

import logging
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from emorec.files import try_lock

log = logging.getLogger(__name__)


def visible() -> list[str]:
    """The cards that this process may use, as CUDA_VISIBLE_DEVICES names them: its value, or all by their UUIDs."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [card.strip() for card in given.split(",") if card.strip() not in ("", "-1")]
    if shutil.which("nvidia-smi") is None:
        return []
    try:
        listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        log.warning("nvidia-smi lists no cards: %s", error)
        return []
    return re.findall(r"^GPU \d+:.*\(UUID: (\S+?)\)", listed.stdout, flags=re.MULTILINE)


@contextmanager
def own_card(device: str, folder: Path | None = None) -> Iterator[str | None]:
    """Hold a card of one's own, by CUDA_VISIBLE_DEVICES, while the block runs; wait for one if all are held.

    To be entered before CUDA is used. Yields the card's name; None where there is nothing to choose.
    """
    cards = [] if device == "cpu" else visible()
    if len(cards) < 2:
        yield None
        return
    folder = folder or Path(tempfile.gettempdir()) / f"emorec-cards-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    lock, card = _first_free(cards, folder)
    os.environ["CUDA_VISIBLE_DEVICES"] = card
    log.info("graphics card %s of %d", card, len(cards))
    try:
        yield card
    finally:
        lock.close()
        if before is None:
            del os.environ["CUDA_VISIBLE_DEVICES"]
        else:
            os.environ["CUDA_VISIBLE_DEVICES"] = before


def _first_free(cards: list[str], folder: Path) -> tuple[IO[str], str]:
    waited = False
    while True:
        for card in cards:
            name = re.sub(r"[^A-Za-z0-9-]", "_", card)
            lock = open(folder / f"{name}.lock", "w", encoding="utf-8")  # noqa: SIM115 - open as long as it is held
            if try_lock(lock):
                return lock, card
            lock.close()
        if not waited:
            log.info("all %d graphics cards are in use by other jobs: waiting for one", len(cards))
            waited = True
        time.sleep(0.2)
