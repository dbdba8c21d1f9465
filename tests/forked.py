"""`snakemake` and, in its jobs, `emorec`, forked from a process that has their libraries imported already.

Importing them is half of a dry run and most of a small job. Nothing of emorec is among them: the child imports it from
the checkout that it stands in, as always. Tests of kills and of jobs that are cut off start processes of their own.

The programs in tests/bin ask that process: `python tests/forked.py SOCKET`, which ends with its standard input.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

BIN = Path(__file__).parent / "bin"
ADDRESS = "EMOREC_FORKS"  # the variable with the socket's path
LIBRARIES = ["snakemake.cli", "yaml", "torch", "pandas", "pyarrow.parquet", "scipy.optimize", "scipy.stats"]
LIBRARIES += ["matplotlib.figure", "pydantic"]


def start() -> None:
    """Start the process, unless this one or its parent has; it ends with the one that started it."""
    if ADDRESS in os.environ:
        return
    folder = tempfile.TemporaryDirectory(prefix="forks-")
    address = str(Path(folder.name) / "socket")
    server = subprocess.Popen([sys.executable, __file__, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin and server.stdout
    server.stdout.readline()  # it listens
    os.environ[ADDRESS] = address
    atexit.register(folder.cleanup)
    atexit.register(server.wait)
    atexit.register(server.stdin.close)


def environment(path: str) -> dict[str, str]:
    """In which commands of `emorec` and `python -m snakemake` are forked; `path` is where other programs are found."""
    start()
    return {"PATH": os.pathsep.join([str(BIN), path]), ADDRESS: os.environ[ADDRESS]}


def snakemake(folder: Path, *arguments: str, timeout: float = 900, **env: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in `folder` with `env` over the environment, and capture what it says."""
    command = [str(BIN / "python"), "-m", "snakemake", *arguments]
    whole = os.environ | environment(os.environ["PATH"]) | env
    return subprocess.run(command, cwd=folder, env=whole, capture_output=True, text=True, timeout=timeout)


def serve(address: str) -> None:
    """Run each command that comes in a process of its own, until standard input closes."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    print("ready", flush=True)
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who answer
    while True:
        ready = select.select([listener, sys.stdin], [], [])[0]
        if sys.stdin in ready:
            return
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            with contextlib.suppress(ConnectionError):  # whoever asked may be gone
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
        if Path(command[0]).name == "emorec":
            from emorec.__main__ import main
        else:  # python -m snakemake
            from snakemake.cli import main

            sys.executable = command[0]
            del sys.argv[:2]
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
    # Anew: the old ones take a pipe for the file that it was.
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, "w" if number else "r", closefd=False) for number in range(3)
    )
    sys.stderr.reconfigure(line_buffering=True)
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
    except BaseException:
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve(sys.argv[1])
