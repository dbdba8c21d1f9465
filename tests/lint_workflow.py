"""`snakemake --lint json | python tests/lint_workflow.py`: what Snakemake finds, but for one of its wishes.

It wants a conda environment for each rule. There is one for all, which is active, as its jobs are the installed package.
"""

from __future__ import annotations

import json
import sys

NOT_WANTED = "Specify a conda environment or container for each rule."


def main() -> int:
    text = sys.stdin.read()
    try:
        found = json.loads(text[text.index("{") :])
    except ValueError:
        print(text or "snakemake --lint said nothing", file=sys.stderr)
        return 1
    told = 0
    for part in (*found.get("rules", []), *found.get("snakefiles", [])):
        for lint in part["lints"]:
            if not lint["title"].startswith(NOT_WANTED.rstrip(".")):
                print(f"{part['for']}: {lint['title']}: {lint['body']}", file=sys.stderr)
                told += 1
    return int(told > 0)


if __name__ == "__main__":
    sys.exit(main())
