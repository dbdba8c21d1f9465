"""Where everything of a study lies. The workflow's rules name the same paths; a test holds the two together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """The folder of one study, `results/<study>`."""

    root: Path

    @property
    def faces(self) -> Path:
        return self.root / "data" / "faces.npz"

    @property
    def fingerprint(self) -> Path:
        """Of what decided the faces (emorec/data/content.py)."""
        return self.root / "data" / "fingerprint"

    @property
    def known_data(self) -> Path:
        """Digests of the data that the workflow has looked at."""
        return self.root / "data" / "known.json"

    @property
    def summary(self) -> Path:
        return self.root / "data" / "summary.json"

    @property
    def truth(self) -> Path:
        return self.root / "data" / "truth.npz"

    @property
    def votes(self) -> Path:
        return self.root / "data" / "votes.npz"

    def network(self, network: str, seed: int) -> Path:
        return self.root / "networks" / network / f"seed{seed}"

    def grouping(self, name: str) -> Path:
        return self.root / "groupings" / f"{name}.json"

    def predictions(self, model: str, seed: int) -> Path:
        return self.root / "predictions" / model / f"seed{seed}.parquet"

    def embeddings(self, model: str, seed: int) -> Path:
        return self.root / "embeddings" / model / f"seed{seed}.npz"

    def table(self, name: str) -> Path:
        return self.root / "tables" / f"{name}.csv"

    def figure(self, name: str, suffix: str) -> Path:
        return self.root / "figures" / f"{name}.{suffix}"

    @property
    def report(self) -> Path:
        return self.root / "report"
