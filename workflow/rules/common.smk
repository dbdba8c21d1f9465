# The only functions of the workflow: from the validated config to the rules' inputs, parameters and resources.
import os
import re
import shutil
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from emorec import config as configs
from emorec import figures, ledger, running
from emorec.errors import EmorecError
from emorec.files import write_text
from emorec.networks.brought import check_networks
from emorec.paths import Layout
from emorec.published import rebuild
from emorec.report import results

# How much is done again, --config from=...: everything, from the pixels; all but the training, from weights that were
# brought along; or tables, figures and the report, from results/published/<study>. It is no key of a study.
FROM = config.get("from", "pixels")
if FROM not in ("pixels", "weights", "published"):
    raise WorkflowError(f"--config from={FROM}: results are made from pixels, weights or published, nothing else")

MANIFEST = None
try:
    for path in workflow.configfiles:
        configs.read_yaml(Path(path))  # what Snakemake lets pass: a key that stands twice
    STUDY = configs.validate({key: value for key, value in config.items() if key != "from"}, "config")
    PUBLISHED = f"results/published/{STUDY.study}"
    if FROM == "published":
        MANIFEST, STUDY = rebuild.check(Path(PUBLISHED), STUDY)
    if FROM == "weights":
        check_networks(STUDY, Layout(Path("results") / STUDY.study))
except EmorecError as error:
    raise WorkflowError(str(error)) from None

# A study that is rebuilt has a place of its own, beside the run that its reader may have.
ROOT = "results/from-published" if FROM == "published" else "results"
RESULTS = f"{ROOT}/{STUDY.study}"
if workflow.is_main_process:
    try:
        ledger.check(Path(RESULTS))
    except EmorecError as error:
        raise WorkflowError(str(error)) from None
    running.date_back(Path(RESULTS))
CONFIG = f"{RESULTS}/config.yaml"
NETWORKS = configs.networks(STUDY)


shell.prefix(f"set -euo pipefail; export EMOREC_RESULTS={ROOT}; ")


wildcard_constraints:
    network="|".join(NETWORKS),
    model="|".join(STUDY.models),
    grouping="|".join(configs.spectral_groupings(STUDY)) or "none",
    seed=r"\d+",


def hold_the_study():
    """Nobody else may work on the study meanwhile; jobs on this machine end with the workflow, even a killed one."""
    try:
        held = running.hold(Path(RESULTS))
    except EmorecError as error:
        raise WorkflowError(str(error)) from None
    workflow.globals["_held"] = held
    if held and workflow.local_exec:
        os.environ[running.VARIABLE] = f"{Path(held.name).resolve()}\n{running.whose()}"


def write_effective_config():
    """The config that the jobs read: all defaults and command-line changes in it."""
    text = configs.dump(STUDY)
    path = Path(CONFIG)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def goal():
    """What a study ends in: the report, which is about a mixture; without one, what its options are chosen by."""
    if STUDY.has_mixture:
        return [f"{RESULTS}/report/{page}" for page in ("emorec.html", "emorec.pdf", "explorer.html")]
    tables = [f"{RESULTS}/tables/{table}.csv" for table in ("models", "curves", "summary")]
    return [*tables, f"{RESULTS}/figures/curves.svg"]


def say_where_the_report_is():
    for page in ("emorec.html", "emorec.pdf", "explorer.html"):
        path = Path(f"{RESULTS}/report/{page}")
        if path.exists():
            print(f"report: {path}", file=sys.stderr)


def modules(*patterns):
    """The modules that a stage runs, as inputs: an edit of one of them reruns the stage and what depends on it."""
    found = {pattern: sorted(Path("emorec").glob(pattern)) for pattern in patterns}
    for pattern, paths in found.items():
        if not paths:
            raise WorkflowError(f"no module matches emorec/{pattern}; run snakemake in the repository's folder")
    return [str(path) for paths in found.values() for path in paths]


def data_source():
    """FER2013's file or folder where the study reads one, so that a missing data set stops before any training."""
    if STUDY.data.source == "synthetic":
        return []
    from emorec.data.read import find_source

    try:
        source = find_source(Path(STUDY.data.path) if STUDY.data.path else None)
    except EmorecError as error:
        raise WorkflowError(str(error)) from None
    return [given_path(source)]


def given_path(path):
    """A user's path as an input. Snakemake takes any {word} in one for a wildcard, and knows no way to quote it."""
    if re.search(r"\{.*\}", str(path)):
        remedy = "rename the folder, or name a link to it without braces"
        raise WorkflowError(f"{path}: Snakemake takes the braces for a wildcard; {remedy}")
    return str(path)


def votes_source():
    """FER+'s votes where the study has them."""
    from emorec.data.votes import find_votes

    for source in data_source():
        try:
            found = find_votes(Path(STUDY.data.ferplus) if STUDY.data.ferplus else None, Path(source))
        except EmorecError as error:
            raise WorkflowError(str(error)) from None
        if found:
            return [given_path(found)]
    return []


def has_votes():
    """Whether people's votes on the faces are part of the study."""
    return rebuild.has_votes(MANIFEST) if MANIFEST else bool(votes_source())


def other_terms():
    """The tables that claims on other terms than the test faces' labels are read from."""
    names = ["purity", "without_twins", *(["by_majority"] if has_votes() else [])]
    return [f"{RESULTS}/tables/{name}.csv" for name in names]


def report_tables():
    """The tables that this study's report reads."""
    return results.wanted(votes=has_votes(), synthetic=STUDY.data.source == "synthetic")


def report_sources():
    """The report's text and styles; report/published holds what was rendered from them."""
    files = [path for path in sorted(Path("report").rglob("*")) if path.is_file()]
    return [str(path) for path in files if path.parts[1] != "published"]


def trainable():
    """Pattern of the networks that may be trained: none where weights were brought along, however old they are."""
    return "(?!)" if FROM == "weights" else "|".join(NETWORKS)


def training(wildcards):
    """How the wanted network is trained."""
    return NETWORKS[wildcards.network].training


def gpus(wildcards):
    """1 where a network is trained on a GPU: jobs queue for it by Snakemake's resource of that name."""
    device = training(wildcards).device
    return int(device == "cuda" or (device == "auto" and shutil.which("nvidia-smi") is not None))


def grouping_file(wildcards):
    """The file of the grouping that the wanted network waits for, if it does."""
    waits_for = NETWORKS[wildcards.network].grouping
    return [f"{RESULTS}/groupings/{waits_for}.json"] if waits_for else []


def starting_weights(wildcards):
    """Weights and records of the trained networks that the wanted one starts from, if it does."""
    started = configs.starting_points(STUDY, wildcards.network)
    names = ("weights.safetensors", "network.json")
    return [network_file(network, wildcards.seed, name) for network in started for name in names]


def network_file(network, seed, name):
    return f"{RESULTS}/networks/{network}/seed{seed}/{name}"


def parts_of(name):
    """Input function: file `name` of each network that makes up the wanted model."""

    def of_model(wildcards):
        parts = configs.parts(STUDY, wildcards.model, int(wildcards.seed))
        return [network_file(part.network, part.seed, name) for part in parts]

    return of_model


def composition(wildcards):
    """What a model is made of, as a parameter: a change of it reruns the combination."""
    parts = configs.parts(STUDY, wildcards.model, int(wildcards.seed))
    entry = STUDY.models[wildcards.model].model_dump(exclude={"label"})
    return {"model": entry, "parts": [f"{part.network}/{part.seed}" for part in parts]}


def trained(name):
    """File `name` of every network of the study."""
    return [network_file(part.network, part.seed, name) for part in configs.all_parts(STUDY)]


def predictions():
    """Predictions of all models and seeds."""
    return [f"{RESULTS}/predictions/{m}/seed{s}.parquet" for m in STUDY.models for s in STUDY.seeds]


def embeddings():
    """Embeddings of all models and seeds."""
    return [f"{RESULTS}/embeddings/{m}/seed{s}.npz" for m in STUDY.models for s in STUDY.seeds]
