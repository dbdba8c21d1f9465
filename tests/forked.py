"""`python -m snakemake`, forked from a process that has its libraries imported already, which take half of a dry run.

Nothing of emorec is among them: Snakemake imports it from the checkout that it stands in, as always.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import subprocess
import sys
import tempfile
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path


@cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["snakemake.cli", "pandas", "pydantic", "ruamel.yaml", "yaml"])
    return context


def snakemake(folder: Path, *arguments: str, timeout: float = 900, **env: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in `folder` with `env` over the environment: like subprocess.run with text that is captured."""
    command = ["snakemake", *arguments]
    with tempfile.TemporaryDirectory() as place:
        files = [str(Path(place) / name) for name in ("out", "err")]
        process = _server().Process(target=_child, args=(str(folder), command, os.environ | env, files))
        process.start()
        process.join(timeout)
        late = process.is_alive()
        if late:
            process.kill()
            process.join()
        out, err = (Path(file).read_text(encoding="utf-8", errors="replace") for file in files)
        if late:
            raise subprocess.TimeoutExpired(command, timeout, out, err)
    return subprocess.CompletedProcess(command, process.exitcode or 0, out, err)


def _child(folder: str, command: list[str], env: dict[str, str], files: list[str]) -> None:
    for number, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    own = [place for place in env.get("PYTHONPATH", "").split(os.pathsep) if place]
    sys.path[:] = [folder, *own, *(place for place in sys.path if place.startswith(sys.prefix) or "python3" in place)]
    sys.argv = command
    from snakemake.cli import main

    status = 1
    try:
        status = main() or 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
