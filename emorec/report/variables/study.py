"""What the study is: its data, its methods, what made the report."""

from __future__ import annotations

from emorec import SPLITS
from emorec.data.faces import SIDE
from emorec.report.lookups import Tree, hardware, mean_score, reference_record
from emorec.report.results import Results
from emorec.report.wording import study as say
from emorec.report.wording import text as w
from emorec.tables.pairs import HARD_PAIRS


def branches(results: Results, meta: Tree) -> Tree:
    """The variables of this part, by branch."""
    return {
        "meta": _meta(results, meta),
        "data": _data(results),
        "study": _study(results),
        "methods": _methods(results),
    }


def _meta(results: Results, meta: Tree) -> Tree:
    commit = str(meta.get("commit") or "")
    dirty = bool(meta.get("dirty"))
    versions = {**results.networks[0].get("versions", {}), **(meta.get("versions") or {})}
    return {
        "study": str(meta.get("study") or "unnamed"),
        "commit": commit[:12] or "unknown",
        "commit_full": commit or "unknown",
        "tree": "with changes that were not committed" if dirty else "clean" if commit else "unknown",
        "config_sha256": str(meta.get("config_sha256") or "unknown"),
        "date": str(meta.get("date") or "undated"),
        "versions": w.listing([f"{name} {version}" for name, version in versions.items()]) or "unknown",
        "hardware": hardware(results),
    }


def _data(results: Results) -> Tree:
    data = results.data
    synthetic = bool(data["synthetic"])
    classes = results["classes"]
    train, test = (classes[classes.split == s].set_index("emotion") for s in ("train", "test"))
    most, least = str(train.faces.idxmax()), str(train.faces.idxmin())
    times = w.number(train.faces[most] / max(train.faces[least], 1))
    accuracy = mean_score(results, results.reference, "accuracy")
    faces = int(test.faces.sum())
    error = (accuracy * (1 - accuracy) / faces) ** 0.5
    sizes = {split: w.count(classes.loc[classes.split == split, "faces"].sum()) for split in SPLITS}
    return {
        "name": "synthetic faces" if synthetic else "FER2013",
        "phrase": "synthetic faces, which a program draws from facial action units" if synthetic else "FER2013",
        "kind": "synthetic" if synthetic else "FER2013",
        "source": str(data["source"]),
        "note": w.clause(data.get("note") or "The splits are the ones that the data come with"),
        "sha256": str(data["sha256"]),
        "faces": w.count(data["faces"]),
        **sizes,
        "pixel_mean": w.number(data["mean"], 3),
        "pixel_std": w.number(data["std"], 3),
        "balance": (
            f"The most frequent emotion among the {sizes['train']} training faces is {most} "
            f"({w.percent(train.share[most])}), the rarest {least} ({w.percent(train.share[least])}), "
            f"of which there are {times} times fewer; always answering {most} would be right for "
            f"{w.percent(test.share[most])} of the test faces"
        ),
        "error_sentence": (
            f"With {w.count(faces)} test faces, the standard error of one accuracy of {w.percent(accuracy)} is "
            f"{w.size(error, 2)} from the draw of the faces alone"
        ),
        "duplicates": _duplicates(data["duplicates"]),
    }


def _duplicates(audit: Tree) -> str:
    names = {"train": "training", "val": "validation", "test": "test"}
    within = [f"{w.count(audit['exact_within'][s])} among the {names[s]} faces" for s in SPLITS]
    across = [
        f"{w.count(value)} between {names[a]} and {names[b]} faces"
        for (a, b), value in ((key.split("-"), value) for key, value in audit["exact_across"].items())
    ]
    if not any(audit["exact_within"].values()) and not any(audit["exact_across"].values()):
        return "No face has an exact copy, pixel by pixel, in its own split or in another"
    return (
        f"Counting faces that are an exact copy, pixel by pixel, of another one, there are {w.listing(within)}; copies "
        f"that reach across splits number {w.listing(across)}"
    )


def _study(results: Results) -> Tree:
    networks = {n["network"] for n in results.networks}
    return {
        "seeds": w.word(results.seeds),
        "seeds_phrase": w.many(results.seeds, "seed"),
        "models": w.word(len(results["models"])),
        "networks": w.word(len(networks)),
        "trainings": w.count(len(results.networks)),
        "repeated": say.repeated(results.seeds),
        "replicates": say.replicates(results.seeds),
        "spread_sentence": say.spread(results.seeds),
    }


def _methods(results: Results) -> Tree:
    spec = reference_record(results)["spec"]
    architecture = spec.get("architecture", spec)
    training = spec.get("training", spec)
    return {
        "architecture": say.architecture(architecture, reference_record(results)["parameters"]),
        "training": say.training(training),
        "augmentation": say.augmentation(training.get("augmentation") or {}, training.get("crop", SIDE), SIDE),
        "views": say.views(training.get("views", "none"), training.get("crop", SIDE), SIDE),
        "hard_pairs": w.listing([w.pair(*pair) for pair in HARD_PAIRS]),
    }
