"""The report's words: numbers as text, and sentences chosen from numbers.

Every function here is pure and short, so that a test can hold each wording against the sign that it stands for. The
sentences are parted like the report's variables.
"""

from emorec.report.wording import answer, experiments, performance, study, text, trust

__all__ = ["answer", "experiments", "performance", "study", "text", "trust"]
