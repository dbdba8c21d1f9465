# The only functions of the workflow: from the validated config to the rules' inputs, parameters and resources.
import os
import re
import shutil
import sys
from functools import cache, reduce
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from emorec import config as configs
from emorec import closure, figures, ledger, progress, running
from emorec.errors import EmorecError
from emorec.files import write_text
from emorec.gpus import visible
from emorec.mappings import over
from emorec.networks.pretrained import check_networks, has_features
from emorec.paths import TABLES, Layout, results_tables

if shutil.which("emorec") is None:
    raise WorkflowError("emorec is not on the PATH; activate its environment (source .venv/bin/activate) and run again")

DRY_RUN = workflow.output_settings.dryrun
if workflow.is_main_process and not (DRY_RUN or workflow.output_settings.verbose or workflow.output_settings.quiet):
    progress.take_over(logger)

# How much is done again, --config from=...: everything, from the pixels; all but the training, from weights that were
# brought along; what follows the networks, from their outputs (`emorec merge`); or tables, figures and the report, from
# results/published/<study>. It is no key of a study.
FROM = config.get("from", "pixels")
if FROM not in ("pixels", "weights", "outputs", "published"):
    raise WorkflowError(f"--config from={FROM}: results are made from pixels, weights, outputs or published")

MANIFEST = None
try:
    # Snakemake's own reading lets a key pass that stands twice, and knows nothing of `extends`.
    files = reduce(over, (configs.extended(Path(path)) for path in workflow.configfiles))
    own = {key: value for key, value in config.items() if key not in ("from", "extends")}
    STUDY = configs.validate(over(files, own), "config")
    PUBLISHED = f"results/published/{STUDY.study}"
    if FROM == "published":
        from emorec.published import rebuild  # scipy among what it imports, half a second that others need not wait

        MANIFEST, STUDY = rebuild.check(Path(PUBLISHED), STUDY)
    if FROM in ("weights", "outputs"):
        check_networks(STUDY, Layout(Path("results") / STUDY.study), FROM)
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
    if not DRY_RUN:
        running.date_back(Path(RESULTS))
CONFIG = f"{RESULTS}/config.yaml"
LAYOUT = Layout(Path(RESULTS))
NETWORKS = configs.networks(STUDY)


# The jobs' messages are in their logs; EMOREC_TERMINAL=INFO shows them, too.
shell.prefix(f'set -euo pipefail; export EMOREC_RESULTS={ROOT} EMOREC_TERMINAL="${{{{EMOREC_TERMINAL:-WARNING}}}}"; ')


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


def keep_what_the_data_are():
    """Digests of the data, so that they are not read at each look at the workflow."""
    if FROM == "pixels" and STUDY.data.source != "synthetic":
        from emorec.data import content

        content.keep([seen(source) for source in (*data_source(), *votes_source())], LAYOUT.known_data)


def goal():
    """What a study ends in: the report, which is about a mixture; without one, what its options are chosen by."""
    if STUDY.has_report:
        return [f"{RESULTS}/report/{page}" for page in ("emorec.html", "emorec.pdf", "explorer.html")]
    tables = [f"{RESULTS}/tables/{table}.csv" for table in ("models", "curves", "summary")]
    return [*tables, f"{RESULTS}/figures/curves.svg"]


def say_where_the_report_is():
    """The three pages of a study, and how they are opened."""
    pages = {"The paper:": "emorec.html", "To print:": "emorec.pdf", "The faces:": "explorer.html"}
    made = {name: Path(f"{RESULTS}/report/{page}") for name, page in pages.items()}
    made = {name: path for name, path in made.items() if path.exists()}
    for name, path in made.items():
        print(f"{name:11}{path}", file=sys.stderr)
    if made:
        print("Open them with a double click, xdg-open FILE (Linux) or open FILE (macOS).", file=sys.stderr)


def code(*entries, comments=True):
    """The code behind a rule, as a parameter: a change of it, but for `comments`, reruns the rule (emorec/closure.py).

    Comments count where all is made again in a minute, but no network is trained anew for one.
    """
    return lambda wildcards: closure.digest(*entries, comments=comments)


@cache
def seen(source):
    """A glance at a file or folder of data, and the digest of what it holds."""
    from emorec.data import content

    try:
        return content.look(Path(source), LAYOUT.known_data)
    except EmorecError as error:
        raise WorkflowError(str(error)) from None


def votes_from(wildcards):
    """What people's votes are read from, as a parameter: their content."""
    return [digest for _, digest in map(seen, votes_source())]


@cache
def faces_from(wildcards=None):
    """What decides the faces, as a parameter of what is made of them (see emorec.data.content.fingerprint)."""
    if FROM == "published":
        return None
    from emorec.data import content

    try:
        return content.fingerprint(STUDY.data, LAYOUT.known_data)
    except EmorecError as error:
        raise WorkflowError(str(error)) from None


def faces():
    """The study's faces as inputs. While they are what they would be if they were made again, their dates are of no
    concern. (What is `ancient` and has other reasons to be made again is overlooked where the job before it runs, which
    is why that one makes the faces alone.)"""
    paths = [str(LAYOUT.faces), str(LAYOUT.fingerprint)]
    there = LAYOUT.faces.exists() and LAYOUT.fingerprint.exists()
    made = there and LAYOUT.fingerprint.read_text(encoding="utf-8").strip()
    return [ancient(path) for path in paths] if made == faces_from() else paths


@cache
def data_source():
    """FER2013's file or folder where the study reads one, so that a missing data set stops before any training."""
    if STUDY.data.source == "synthetic":
        return []
    from emorec.data.read import find_source

    try:
        source = find_source(STUDY.data.path)
    except EmorecError as error:
        raise WorkflowError(str(error)) from None
    return [given_path(source)]


def given_path(path):
    """A user's path as an input. Snakemake takes any {word} in one for a wildcard, and knows no way to quote it."""
    if re.search(r"\{.*\}", str(path)):
        remedy = "rename the folder, or name a link to it without braces"
        raise WorkflowError(f"{path}: Snakemake takes the braces for a wildcard; {remedy}")
    return str(path)


@cache
def votes_source():
    """FER+'s votes where the study has them."""
    from emorec.data.votes import find_votes

    for source in data_source():
        try:
            found = find_votes(STUDY.data.ferplus, Path(source))
        except EmorecError as error:
            raise WorkflowError(str(error)) from None
        if found:
            return [given_path(found)]
    return []


def has_votes():
    """Whether people's votes on the faces are part of the study."""
    return "data/votes.npz" in MANIFEST.files if MANIFEST else bool(votes_source())


def report_tables():
    """The tables that this study's report reads."""
    return [*results_tables(**KIND), *TABLES["pixels"], *TABLES["embeddings"]]


def report_sources():
    """The report's text and styles; report/published holds what was rendered from them."""
    files = [path for path in sorted(Path("report").rglob("*")) if path.is_file()]
    return [str(path) for path in files if path.parts[1] != "published"]


def drawn_from(names):
    """The tables, and for some the faces, that these figures are drawn from."""
    wanted = dict.fromkeys(path for name in names for path in figures.INPUTS[name])
    of_faces = faces() if "data/faces.npz" in wanted else []
    return [*of_faces, *(f"{RESULTS}/{path}" for path in wanted if path != "data/faces.npz")]


def drawings(names):
    """The files of figures; Snakemake's own report shows the pictures."""
    files = [f"{RESULTS}/figures/{name}.svg" for name in names]
    for name in names:
        picture = f"{RESULTS}/figures/{name}.png"
        labels = {"figure": name, "code": figures.source(name)}
        files += [report(picture, caption="../captions/figure.rst", category="Figures", labels=labels)]
    return files


def training(wildcards):
    """How the wanted network is trained."""
    return NETWORKS[wildcards.network].training


cards = cache(visible)


def on_gpu(how):
    """Whether a network with this training is trained on a GPU."""
    return how.device == "cuda" or (how.device == "auto" and bool(cards()))


def gpus(wildcards):
    """1 where a network is trained on a GPU: jobs queue for it by Snakemake's resource of that name."""
    return int(on_gpu(training(wildcards)))


def grouping_file(wildcards):
    """The file of the grouping that the wanted network waits for, if it does."""
    waits_for = NETWORKS[wildcards.network].grouping
    return [f"{RESULTS}/groupings/{waits_for}.json"] if waits_for else []


def twins_file(wildcards):
    """The file of faces with twins, where the wanted network is trained without them."""
    return left_out(training(wildcards))


def left_out(*trainings):
    """The file of faces with twins, where one of the trainings leaves them out."""
    return [f"{RESULTS}/data/twins.npz"] if any(how.twins == "drop" for how in trainings) else []


def starting_weights(wildcards):
    """Weights and records of the trained networks that the wanted one starts or learns from, if it does."""
    before = NETWORKS[wildcards.network].before(int(wildcards.seed))
    names = ("weights.safetensors", "network.json")
    return [network_file(part.network, part.seed, name) for part in before for name in names]


def network_file(network, seed, name):
    return f"{RESULTS}/networks/{network}/seed{seed}/{name}"


def composition():
    """What each model is made of, as a parameter: a change of it reruns the combination."""

    def of(name, entry):
        parts = [part for seed in STUDY.seeds for part in configs.parts(STUDY, name, seed)]
        return {"model": entry.model_dump(exclude={"label"}), "parts": [f"{p.network}/{p.seed}" for p in parts]}

    return {name: of(name, entry) for name, entry in STUDY.models.items()}


def trained(name):
    """File `name` of every network of the study; where all are one job, what says that they are there."""
    if ONE_PROCESS:
        return [STAMP]
    return [network_file(part.network, part.seed, name) for part in configs.all_parts(STUDY)]


def embeddings():
    """Embeddings of all models and seeds, of gathered networks of those that came with all their features."""

    def known(model, seed):
        if FROM != "outputs":
            return True
        return all(has_features(LAYOUT.network(part.network, part.seed)) for part in configs.parts(STUDY, model, seed))

    return [f"{RESULTS}/embeddings/{m}/seed{s}.npz" for m in STUDY.models for s in STUDY.seeds if known(m, s)]


# A fast GPU trains a network in less time than a process takes to start and compile.
ONE_PROCESS = FROM == "pixels" and workflow.local_exec and any(on_gpu(spec.training) for spec in NETWORKS.values())
STAMP = f"{RESULTS}/networks/trained.txt"
# What decides which tables a study has.
KIND = dict(mixture=STUDY.has_report, votes=has_votes(), synthetic=STUDY.data.source == "synthetic")


# The figures of the study, and which of them each job draws: those of faces come with what is published.
SHOWN = ("curves",)
if STUDY.has_report:
    published = MANIFEST.files if MANIFEST else None
    SHOWN = figures.available(published, photographs=STUDY.data.source != "synthetic", votes=has_votes())
DRAWN = {job: [name for name in names if name in SHOWN] for job, names in figures.JOBS.items()}
if MANIFEST:
    DRAWN["faces"] = []


def tables_of(names):
    """The files of tables; those that Snakemake's own report shows, with its words on them."""
    shown = {"models": "models and their cost", "summary": "scores", "comparisons": "comparisons"}
    files = {name: f"{RESULTS}/tables/{name}.csv" for name in names}
    for name in shown.keys() & files.keys():
        labels = {"table": shown[name]}
        files[name] = report(files[name], caption=f"../captions/{name}.rst", category="Tables", labels=labels)
    return list(files.values())
