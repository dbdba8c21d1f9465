"""`snakemake` and, in its jobs, `emorec`, forked from processes that have their libraries imported already.

Importing them is half of a dry run and most of a small job. Nothing of emorec is among them: the child imports it from
the checkout that it stands in, as always. Tests of Slurm and of kills start processes of their own.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import multiprocessing
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path

BIN = Path(__file__).parent / "bin"  # whose `emorec` asks `_serve`
OF_SNAKEMAKE = ["snakemake.cli", "pandas", "pydantic", "yaml"]
OF_JOBS = ["torch", "pandas", "pyarrow.parquet", "scipy.optimize", "scipy.stats", "matplotlib.figure", "pydantic"]


@cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(OF_SNAKEMAKE)
    return context


@cache
def _jobs() -> str:
    """The address at which commands of `emorec` are run."""
    folder = tempfile.mkdtemp(prefix="forks-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    address = str(Path(folder) / "socket")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    _server().Process(target=_serve, args=(listener,), daemon=True).start()
    return address


def snakemake(folder: Path, *arguments: str, timeout: float = 900, **env: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in `folder` with `env` over the environment: like subprocess.run with text that is captured."""
    command = ["snakemake", *arguments]
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    with tempfile.TemporaryDirectory() as place:
        files = [str(Path(place) / name) for name in ("out", "err")]
        whole = os.environ | {"PATH": path, "EMOREC_FORKS": _jobs()} | env
        process = _server().Process(target=_snakemake, args=(str(folder), command, whole, files))
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


def _snakemake(folder: str, command: list[str], env: dict[str, str], files: list[str]) -> None:
    streams = [os.open(os.devnull, os.O_RDONLY), *(os.open(file, os.O_WRONLY | os.O_CREAT) for file in files)]
    _become(folder, command, env, streams)
    from snakemake.cli import main

    _end_with(main)


def _serve(listener: socket.socket) -> None:
    """Run each command that comes in a process of its own."""
    for name in OF_JOBS:
        importlib.import_module(name)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who answer
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _answer(connection)
            os._exit(0)
        connection.close()


def _answer(connection: socket.socket) -> None:
    """Run a command; its client gets the exit status, and takes the command with it where it is killed."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, streams, *_ = socket.recv_fds(connection, 4, 3)
    with connection.makefile("rb") as file:
        folder, command, env = json.loads(file.read(int.from_bytes(head, "big")))
    if (job := os.fork()) == 0:
        connection.close()
        _become(folder, command, env, streams)
        from emorec.__main__ import main

        _end_with(main)
    while (ended := os.waitpid(job, os.WNOHANG))[0] == 0:
        if select.select([connection], [], [], 0.01)[0]:
            os.kill(job, signal.SIGTERM)
            ended = os.waitpid(job, 0)
            break
    status = ended[1]
    connection.sendall(str(os.waitstatus_to_exitcode(status) % 256).encode())


def _become(folder: str, command: Sequence[str], env: Mapping[str, str], streams: Sequence[int]) -> None:
    """Be a process that was started in `folder` with this command, environment and standard streams."""
    gc.disable()  # it ends before there is much garbage
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    own = [place for place in env.get("PYTHONPATH", "").split(os.pathsep) if place]
    sys.path[:] = [folder, *own, *(place for place in sys.path if place.startswith(sys.prefix) or "python3" in place)]
    # What another module goes before there, such as a torch that cannot be imported, is imported anew.
    others = {path.stem for place in own if os.path.isdir(place) for path in Path(place).iterdir()}
    for name in [name for name in sys.modules if name.split(".")[0] in others]:
        del sys.modules[name]
    sys.argv = [*command]


def _end_with(main: Callable[[], int | None]) -> None:
    """End this process as an interpreter does that runs `main`."""
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
