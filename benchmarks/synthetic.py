"""How many synthetic faces a second: `python -m benchmarks.synthetic [--faces 8192]`, JSON first, then a table.

The workflow's requirement is 2,000 faces a second on 2 cores. Each figure is the best of three runs, as other work on
the machine can only slow a run down; faces per second of processor time tell how much of a slow run was that.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from emorec.data.synthetic import draw_faces


def measure(faces: int, threads: int, repeats: int = 3) -> dict[str, float]:
    """Best of `repeats` runs, in faces a second of wall time and of processor time."""
    wall, processor = [], []
    for seed in range(repeats):
        start, start_processor = time.perf_counter(), time.process_time()
        draw_faces(faces, seed, threads=threads)
        wall.append(time.perf_counter() - start)
        processor.append(time.process_time() - start_processor)
    return {"faces_per_second": faces / min(wall), "faces_per_processor_second": faces / min(processor)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=int, default=8192)
    faces = parser.parse_args().faces
    draw_faces(256, 0)  # first calls import and allocate
    results = {threads: measure(faces, threads) for threads in (1, 2)}
    print(json.dumps({"benchmark": "synthetic", "numpy": np.__version__, "faces": faces, "threads": results}))
    print(f"\n{'threads':>8} {'synthetic faces/s':>18} {'per processor second':>21}")
    for threads, result in results.items():
        print(f"{threads:>8} {result['faces_per_second']:>18,.0f} {result['faces_per_processor_second']:>21,.0f}")


if __name__ == "__main__":
    main()
