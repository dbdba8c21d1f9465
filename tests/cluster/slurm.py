"""A Slurm of one node on this machine, for tests: its own munged, slurmctld and slurmd, with its own configuration.

`python tests/cluster/slurm.py FOLDER` starts one in FOLDER, prints a line `ready` when it takes jobs, and stops it, its
jobs and its daemons when its standard input closes. Whoever started it need not tidy up: a pipe closes with the process
at its other end, however that ends. With FOLDER/bin first in PATH, sbatch, srun, squeue and so on are this cluster's.

Everything listens and speaks on 127.0.0.1 alone. There is no accounting. The node claims more cores and memory than the
machine has, and graphics cards that are links to /dev/null: Slurm hands them out like any other.
"""

from __future__ import annotations

import ctypes
import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

CORES, MEMORY_MB, GPUS = 4, 16000, 2
# All that the executor calls: one that finds no configuration asks the name server for it.
CLIENTS = ("sbatch", "srun", "squeue", "scontrol", "scancel", "sinfo", "sacct", "sacctmgr", "sshare")
PROGRAMS = ("munged", "slurmctld", "slurmd", *CLIENTS)
# Debian puts daemons there, which is not on every user's path.
os.environ["PATH"] += os.pathsep + os.pathsep.join(("/usr/sbin", "/usr/local/sbin"))

# Short intervals: whoever waits for Slurm waits for these. Jobs stay on record for an hour, as nothing else keeps them.
SLURM_CONF = """\
ClusterName=emorec
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
TaskProlog={folder}/prolog
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=100000,bf_interval=5
GresTypes=gpu
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/completed.txt
MailProg=/bin/true
ReturnToService=2
MinJobAge=3600
KillWait=5
InactiveLimit=0
JobRequeue=1
NodeName=node NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory} Gres=gpu:{gpus}
PartitionName=main Nodes=node Default=YES MaxTime=INFINITE State=UP
PartitionName=gpus Nodes=node MaxTime=INFINITE State=UP
"""

# What each step of a job was given; a step that asks for no card has none of the variable.
PROLOG = """\
#!/bin/sh
echo "$SLURM_JOB_ID $SLURM_STEP_ID ${{CUDA_VISIBLE_DEVICES-none}}" >> {folder}/devices.txt
"""


# Not by SLURM_CONF in the environment: the executor clears all of Slurm's variables before it calls srun.
CLIENT = """\
#!/bin/sh
SLURM_CONF={folder}/slurm.conf exec {program} "$@"
"""


def missing() -> list[str]:
    """Programs of Slurm and munge that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


def configure(folder: Path) -> None:
    """Write configuration, key and cards into `folder`, which should be new."""
    for name in ("state", "spool", "bin"):
        (folder / name).mkdir(parents=True)
    for number in range(GPUS):
        (folder / f"gpu{number}").symlink_to("/dev/null")
    (folder / "munge.key").write_bytes(secrets.token_bytes(128))
    (folder / "munge.key").chmod(0o600)
    values = {
        "folder": folder,
        "host": socket.gethostname().split(".")[0],
        "user": getpass.getuser(),
        "cores": CORES,
        "memory": MEMORY_MB,
        "gpus": GPUS,
        "controller_port": _free_port(),
        "node_port": _free_port(),
    }
    (folder / "slurm.conf").write_text(SLURM_CONF.format(**values))
    (folder / "gres.conf").write_text(f"NodeName=node Name=gpu File={folder}/gpu[0-{GPUS - 1}]\n")
    (folder / "prolog").write_text(PROLOG.format(**values))
    for client in CLIENTS:
        (folder / "bin" / client).write_text(CLIENT.format(folder=folder, program=shutil.which(client)))
    for script in (folder / "prolog", *(folder / "bin").iterdir()):
        script.chmod(0o755)


def serve(folder: Path) -> None:
    """Run the cluster in `folder` till standard input closes."""
    configure(folder)
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        files = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "pid", "log", "seed")]
        daemons.append(_daemon(folder, "munged", "--foreground", "--force", f"--socket={folder}/munge.socket", *files))
        _wait_for(lambda: (folder / "munge.socket").exists(), daemons, folder)
        daemons.append(_daemon(folder, "slurmctld", "-D"))
        daemons.append(_daemon(folder, "slurmd", "-D", "-N", "node"))
        _wait_for(lambda: "idle" in _output("sinfo", "--noheader", "--format=%T"), daemons, folder)
        print("ready", flush=True)
        sys.stdin.read()
    finally:
        _stop(daemons)


def _stop(daemons: list[subprocess.Popen[bytes]]) -> None:
    """End the jobs first: without slurmd they would go on."""
    if len(daemons) == 3 and all(daemon.poll() is None for daemon in daemons):
        _output("scancel", "--user", getpass.getuser())
        _output("scancel", "--user", getpass.getuser(), "--signal=KILL", "--full")
        deadline = time.monotonic() + 20
        while _output("squeue", "--noheader").strip() and time.monotonic() < deadline:
            time.sleep(0.2)
    for daemon in reversed(daemons):
        daemon.terminate()
        try:
            daemon.wait(10)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def _daemon(folder: Path, *command: str) -> subprocess.Popen[bytes]:
    """A daemon in the foreground, which ends with this process even where that is killed."""
    libc = ctypes.CDLL(None)
    set_parent_death_signal = 1

    def follow_parent() -> None:
        libc.prctl(set_parent_death_signal, signal.SIGTERM)

    with open(folder / f"{command[0]}.out", "wb") as out:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, preexec_fn=follow_parent
        )


def _wait_for(true: Callable[[], bool], daemons: list[subprocess.Popen[bytes]], folder: Path) -> None:
    deadline = time.monotonic() + 60
    while not true():
        dead = [daemon for daemon in daemons if daemon.poll() is not None]
        if dead or time.monotonic() > deadline:
            logs = [path.read_text(errors="replace")[-2000:] for path in sorted(folder.glob("*.out"))]
            raise RuntimeError(f"Slurm did not start; {dead or 'no daemon ended'}\n" + "\n".join(logs))
        time.sleep(0.1)


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=30).stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    serve(Path(sys.argv[1]).resolve())
