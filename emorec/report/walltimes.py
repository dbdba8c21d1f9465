"""What the networks' jobs took: wall time, processor time and memory, as the workflow measured them."""

from __future__ import annotations

import pandas as pd

from emorec.report.wording import text as w


def sentence(jobs: pd.DataFrame) -> str:
    """The sum of all jobs. Energy is not among what was measured."""
    if jobs.empty:
        return "The workflow's measurements of the training jobs are not part of this study's files"
    return (
        f"The workflow measured {w.count(len(jobs))} jobs, of training and of running the trained networks over the "
        f"held-out faces: {w.duration(jobs.seconds.sum())} by the clock and {w.duration(jobs.processor.sum())} of "
        "processor time, added up over all jobs. A job that was stopped and resumed counts from its last start"
    )


def by_network(jobs: pd.DataFrame) -> pd.DataFrame:
    """Jobs by stage and network, mean over seeds: jobs, seconds, processor (seconds), memory (MB, the most)."""
    grouped = jobs.groupby(["stage", "network"], sort=False)
    measured = grouped[["seconds", "processor"]].mean()
    return measured.assign(jobs=grouped.size(), memory=grouped.memory.max()).reset_index()
