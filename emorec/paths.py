"""Where everything of a study lies. The workflow's rules name the same paths; a test holds the two together."""

from pathlib import Path

# The columns of history.csv: a row an epoch; row 0, without a training loss, is what a network starts from.
HISTORY = ("epoch", "lr", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "seconds")

# The tables of every study, by the job that makes them: from pixels, from embeddings, from all else.
TABLES: dict[str, tuple[str, ...]] = {
    "pixels": ("audit", "twins"),
    "embeddings": ("representation", "purity", "projections"),
    "results": (
        *("models", "classes", "curves", "scores", "recall", "confusion", "pairs", "spread", "summary"),
        *("groupings", "comparisons", "pair_comparisons", "error_flow", "group_scores", "routing", "twins_scores"),
        *("gate", "gate_use", "calibration", "calibration_summary", "reliability"),
    ),
}
# Of a study without a mixture, one of options to be chosen on val; with FER+'s votes; of synthetic faces.
TABLES_OF_OPTIONS = TABLES["results"][:9]
TABLES_OF_VOTES = ("ferplus", "by_majority")
TABLES_OF_TRUTH = ("truth", "planted")


def results_tables(*, mixture: bool, votes: bool, synthetic: bool) -> tuple[str, ...]:
    """The tables of the job `results` of a study: with a mixture or one of options, with votes, of synthetic faces."""
    if not mixture:
        return TABLES_OF_OPTIONS
    return TABLES["results"] + (TABLES_OF_VOTES if votes else ()) + (TABLES_OF_TRUTH if synthetic else ())


class Layout:
    """The folder of one study, `results/<study>`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.faces = root / "data" / "faces.npz"
        self.fingerprint = root / "data" / "fingerprint"  # of what decided the faces (emorec/data/content.py)
        self.known_data = root / "data" / "known.json"  # digests of the data that the workflow has looked at
        self.summary = root / "data" / "summary.json"
        self.truth = root / "data" / "truth.npz"
        self.twins = root / "data" / "twins.npz"
        self.votes = root / "data" / "votes.npz"
        self.predictions = root / "predictions.parquet"
        self.report = root / "report"

    def network(self, network: str, seed: int) -> Path:
        return self.root / "networks" / network / f"seed{seed}"

    def grouping(self, name: str) -> Path:
        return self.root / "groupings" / f"{name}.json"

    def embeddings(self, model: str, seed: int) -> Path:
        return self.root / "embeddings" / model / f"seed{seed}.npz"

    def table(self, name: str) -> Path:
        return self.root / "tables" / f"{name}.csv"

    def figure(self, name: str, suffix: str) -> Path:
        return self.root / "figures" / f"{name}.{suffix}"
