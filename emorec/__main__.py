"""The program `emorec`: it can be interrupted from its first moment on, while it is still importing its parts."""

import sys

from emorec.running import stopped_by_signals


def main() -> int:
    """Run the command line; its exit status."""
    try:
        with stopped_by_signals():
            from emorec.cli import main as run

            return run()
    except KeyboardInterrupt:  # before the command line was there to take it
        print("emorec: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
