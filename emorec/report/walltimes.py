"""What the networks' jobs took: wall time, processor time and memory, as the workflow measured them."""

from __future__ import annotations

import pandas as pd

from emorec.report.wording import text as w

_STAGES = {"train": "training", "outputs": "running the trained networks over the held-out faces"}


def sentence(jobs: pd.DataFrame) -> str:
    """The sum of all jobs. Energy is not among what was measured."""
    if jobs.empty:
        return "The workflow's measurements of the training jobs are not part of this study's files"
    stages = w.listing([said for stage, said in _STAGES.items() if (jobs.stage == stage).any()])
    text = (
        f"The workflow measured {w.many(len(jobs), 'job')}, of {stages}: {w.duration(jobs.seconds.sum())} by the clock "
        f"and {w.duration(jobs.processor.sum())} of processor time, added up over all jobs"
    )
    return f"{text}. A job that was stopped and resumed counts from its last start"


def by_network(jobs: pd.DataFrame) -> pd.DataFrame:
    """Jobs by stage and network, mean over seeds: jobs, seconds, processor (seconds), memory (MB, the most)."""
    grouped = jobs.groupby(["stage", "network"], sort=False)
    measured = grouped[["seconds", "processor"]].mean()
    return measured.assign(jobs=grouped.size(), memory=grouped.memory.max()).reset_index()
