"""What each subcommand imports, and what that costs: `python -m benchmarks.startup`, JSON first, then a table.

Every job of the workflow is a process that imports before it works; on a cluster two Snakemakes come before it. The
cost is processor time, the least of `--repeats` runs, less that of a Python that imports nothing: wall time says more
about what else the machine does. Subcommands import at their head, so that a config that is missing shows it all.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys

COMMANDS = {
    "config": [],
    "data": [],
    "train": ["--network", "n", "--seed", "0"],
    "outputs": ["--network", "n", "--seed", "0"],
    "combine": [],
    "tables": ["--group", "results"],
    "figure": ["--name", "recall"],
    "stage": [],
    "report": [],
}
LARGE = ("torch", "torch._dynamo", "torchvision", "pandas", "scipy", "matplotlib", "seaborn", "sklearn", "pydantic")
# What surrounds a subcommand reads the config before it, and would end it before its imports.
SCRIPT = """
import contextlib, sys
from emorec import cli
cli._recorded = lambda args: contextlib.nullcontext()
assert cli.main(sys.argv[1:]) == 1
print(*sys.modules, sep="\\n")
"""


def processor_seconds(command: list[str], repeats: int) -> tuple[float, str]:
    """The least processor time of `repeats` runs, and what the last one printed."""
    least, output = float("inf"), ""
    for _ in range(repeats):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        least = min(least, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return least, output


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    empty, _ = processor_seconds([sys.executable, "-c", "pass"], repeats)
    found = {}
    for name, options in COMMANDS.items():
        command = [sys.executable, "-c", SCRIPT, name, *options, "--config", "no-such-file.yaml"]
        seconds, modules = processor_seconds(command, repeats)
        found[name] = {"seconds": seconds - empty, "large": [m for m in LARGE if m in modules.split()]}
    workflow = [sys.executable, "-m", "snakemake", "--configfile", "tests/mini.yaml"]
    for name, options in {
        "snakemake alone": ["--version"],
        "snakemake, parsing the workflow": ["--list-rules"],
    }.items():
        seconds, _ = processor_seconds([*workflow, *options], repeats)
        found[name] = {"seconds": seconds - empty, "large": []}
    print(json.dumps({"benchmark": "startup", "python": sys.version.split()[0], "empty": empty, "found": found}))
    print(f"\n{'command':32} {'processor s':>12}  imports of size")
    for name, result in found.items():
        print(f"{name:32} {result['seconds']:>12.2f}  {', '.join(result['large'])}")


if __name__ == "__main__":
    main()
