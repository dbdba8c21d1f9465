"""The command line: a subcommand for whatever a rule of the workflow does, so that any step can be run by hand.

What a subcommand does stands in its stage; here its words are read, and what it reads and writes is kept account of.
Those that take a study's config, all but `compare-runs`, find inputs and put outputs where the workflow does: under
results/<study>/. Heavy modules are imported by the subcommand that needs them, so that the others start fast.
"""

import argparse
import inspect
import io
import logging
import math
import os
import re
import sys
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from emorec import __version__, closure, ledger, running
from emorec import config as configs
from emorec.errors import EmorecError
from emorec.paths import Layout

log = logging.getLogger("emorec")

Run = TypeVar("Run", bound=Callable[[argparse.Namespace], int | None])

PARSER = argparse.ArgumentParser(prog="emorec", description=__doc__.split("\n")[0])
PARSER.add_argument("--version", action="version", version=f"emorec {__version__}")
SUBCOMMANDS = PARSER.add_subparsers(title="subcommands", required=True, metavar="SUBCOMMAND")


def option(*names: str, **about: Any) -> argparse.ArgumentParser:
    """An option that subcommands may share."""
    own = argparse.ArgumentParser(add_help=False)
    own.add_argument(*names, **about)
    return own


def either(dest: str, **meanings: str) -> argparse.ArgumentParser:
    """Options that exclude each other, each with what it means; `dest` is the name of the one that is given."""
    own = argparse.ArgumentParser(add_help=False)
    group = own.add_mutually_exclusive_group()
    for name, meaning in meanings.items():
        group.add_argument(f"--{name}", dest=dest, action="store_const", const=name, help=meaning)
    return own


STUDY = (
    option("--config", type=Path, default=Path("config/demo.yaml"), help="the study (default: %(default)s)"),
    option("--results", type=Path, help="folder of all studies' results (default: $EMOREC_RESULTS, or results)"),
)
TOLERANCES = ("auto", "exact", "evaluation", "training")
FORMS = {form: f"print {form.upper()}, with the gate's weights, instead of a table" for form in ("json", "csv")}
LOG = option("--log", type=Path, help="also write the messages to this file")
NETWORK = option("--network", required=True, help="a network of the study; a wrong name lists them")
SEED = option("--seed", required=True, type=int, help="the replicate's seed")
REPLICATE = (
    option("--model", help="a model of the study (default: its first single network)"),
    option("--seed", type=int, help="the replicate's seed (default: the study's first)"),
)


def command(
    *options: argparse.ArgumentParser,
    reads: Sequence[str] | None = None,
    study: Sequence[argparse.ArgumentParser] = STUDY,
) -> Callable[[Run], Run]:
    """Make a function the subcommand of its name, with its docstring for help.

    `reads`: the parts of the study that it reads, whose files are checked before; None where it writes no results.
    """

    def add(run: Run) -> Run:
        name, text = run.__name__.replace("_", "-"), inspect.getdoc(run) or ""
        own = SUBCOMMANDS.add_parser(name, help=text.split("\n")[0], parents=[*study, LOG, *options], description=text)
        own.formatter_class = argparse.RawDescriptionHelpFormatter
        own.set_defaults(run=run, command=name, reads=reads)
        return run

    return add


def main(arguments: list[str] | None = None) -> int:
    """Run a subcommand; 0 if it succeeded, 1 with a line on stderr if something has to be mended first."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # file names may hold what a terminal cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    args = PARSER.parse_args(arguments)
    if "results" in args:
        args.results = args.results or Path(os.environ.get("EMOREC_RESULTS", "results"))
    try:
        _set_up_logging(args.log)
        with _recorded(args):
            running.watch()
            status = args.run(args)
    except EmorecError as error:
        log.error("emorec: error: %s", error)
        return 1
    except OSError as error:
        if error.filename is None:
            raise
        log.error("emorec: error: %s: %s; check the path and its permissions", error.filename, error.strerror)
        return 1
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not re.search("allocate memory|out of memory", str(error)):
            raise  # torch has no class for a lack of memory
        first = (str(error).strip().splitlines() or ["MemoryError"])[0][:200]
        log.error("emorec: error: not enough memory (%s); lower training.batch or raise ulimit -v, mem_mb", first)
        return 1
    except KeyboardInterrupt:
        log.error("emorec: interrupted")
        return 130
    return status or 0


@command(either("what", schema="print the JSON Schema of configs", reference="print all keys, in Markdown"))
def config(args: argparse.Namespace) -> None:
    """Check a config and print it with all defaults filled in; or print what a config may hold."""
    if args.what:
        from emorec.config import schema

        sys.stdout.write(schema.schema() if args.what == "schema" else schema.reference())
    else:
        sys.stdout.write(configs.dump(configs.load(args.config)))


@command(option("--faces-only", action="store_true", help="leave summary.json to `emorec summary`"), reads=())
def data(args: argparse.Namespace) -> None:
    """Read FER2013, or draw the synthetic faces, into data/faces.npz, and sum them up in data/summary.json."""
    from emorec.data.prepare import stage as run

    study, layout = _study(args)
    run(study.data, layout, summary_too=not args.faces_only)


@command(reads=("data/faces.npz",))
def summary(args: argparse.Namespace) -> None:
    """Sum up the faces in data/summary.json, with people's votes, where there are any, in data/votes.npz."""
    from emorec.data.prepare import stage as run

    study, layout = _study(args)
    run(study.data, layout, faces_too=False)


@command(reads=("data",))
def twins(args: argparse.Namespace) -> None:
    """Find the faces that leak by a twin, for networks that are trained without them: data/twins.npz."""
    from emorec.data.twins import stage as run

    run(_study(args)[1])


@command(NETWORK, SEED, reads=("data", "networks", "groupings"))
def train(args: argparse.Namespace) -> None:
    """Train one network with one seed; goes on from its last checkpoint if it was stopped before."""
    from emorec.networks.stage import train as run

    study, layout = _study(args)
    run(_network(study, layout, args), args.seed, layout, _training_code(), args.results / ".compiled")


@command(NETWORK, SEED, reads=("data", "networks", "groupings"))
def outputs(args: argparse.Namespace) -> None:
    """Run a network whose weights were brought along over the faces of val and test; `train` does it for others."""
    from emorec.networks.stage import outputs as run

    study, layout = _study(args)
    run(_network(study, layout, args), args.seed, layout)


@command(
    option("--network", action="append", default=[], help="a network of the study; may be repeated"),
    option("--seed", action="append", default=[], type=int, help="the replicate's seed; may be repeated"),
    option("--renew", action="store_true", help="train anew what is of another config, other faces or code"),
    option("--stamp", type=Path, help="write this file when all are there"),
    option("--minutes", type=float, default=math.inf, help="stop after so long; the same command goes on from there"),
)
def networks(args: argparse.Namespace) -> None:
    """Train many networks of a study in one process, all by default, and run each over val and test.

    Networks that are there already are left alone; with --renew only those that are made of the same config, faces,
    code and networks before them. On a GPU, where a network trains in seconds, starting processes and compiling for
    each would take longer, so that there the workflow calls this once, and knows by the --stamp that all are there.
    """
    from emorec.files import write_text
    from emorec.networks.stage import train_all as run

    study, layout = _study(args)
    parts = configs.training_order(study)
    for kind, chosen in (("network", args.network), ("seed", args.seed)):
        for name in chosen:
            _choose([getattr(part, kind) for part in parts], name, kind)
        parts = [part for part in parts if not chosen or getattr(part, kind) in chosen]
    until = time.monotonic() + 60 * args.minutes
    done = run(study, layout, parts, _training_code(), args.results / ".compiled", renew=args.renew, until=until)
    if not done:
        there = sum((layout.network(part.network, part.seed) / "outputs.npz").exists() for part in parts)
        log.info("time is over: %d of %d networks are there; the same command goes on", there, len(parts))
    elif args.stamp:
        write_text(args.stamp, "".join(f"{part.network} {part.seed}\n" for part in parts))


@command(option("destination", type=Path, help="a folder for the archives"), reads=("data", "networks"))
def pack(args: argparse.Namespace) -> None:
    """Put what the trained networks of a study gave into at most eight archives of 16 MB, for another machine.

    With their records and histories, and with features as far as there is room; without weights.
    """
    from emorec.networks.pack import pack as run

    run(*_study(args), args.destination)


@command(option("source", nargs="+", type=Path, help="a folder that `emorec pack` wrote"), reads=("data",))
def merge(args: argparse.Namespace) -> None:
    """Put packed networks into the study's folder; then `snakemake --config from=outputs` combines them."""
    from emorec.networks.pack import merge as run

    run(*_study(args), args.source)


@command(
    option("--grouping", required=True, help="a grouping that is to be found; a wrong name lists them"),
    reads=("data", "networks"),
)
def grouping(args: argparse.Namespace) -> None:
    """Find a grouping from what the single network confuses on val, over all seeds of the study."""
    from emorec.groupings.find import stage as run

    study, layout = _study(args)
    _choose(configs.spectral_groupings(study), args.grouping, "grouping")
    run(args.grouping, study, layout)


@command(reads=("data", "networks", "groupings"))
def combine(args: argparse.Namespace) -> None:
    """Combine networks' outputs to the predictions and embeddings of all models."""
    from emorec.predictions.stage import combine as run

    run(*_study(args))


@command(
    option("--group", required=True, help="the tables' group; a wrong one lists them"),
    reads=("data", "networks", "predictions.parquet", "embeddings", "tables", "groupings"),
)
def tables(args: argparse.Namespace) -> None:
    """Make one group of tables from predictions, embeddings and the networks' records."""
    from emorec.tables.groups import GROUPS, write

    study, layout = _study(args)
    _choose(GROUPS, args.group, "group")
    write(args.group, study, layout)


@command(option("--name", nargs="+", required=True, help="the figures' names; a wrong one lists them"))
def figure(args: argparse.Namespace) -> None:
    """Draw figures, each as SVG and PNG."""
    from emorec import figures
    from emorec.figures.stage import draw

    study, layout = _study(args)
    for name in args.name:
        _choose(figures.FIGURES, name, "name")
    for name in args.name:  # each with a ledger of its own, as if it were drawn alone
        with ledger.recorded(layout.root, f"figure-{name}", ("data", "tables")):
            draw(name, study, layout)


@command(reads=("data", "networks", "tables", "figures"))
def stage(args: argparse.Namespace) -> None:
    """Lay out the report's sources with the study's numbers, tables and figures."""
    from emorec.report.stage import lay_out as run

    run(*_study(args), Path("report"))


@command(
    option("--renderer", choices=("auto", "quarto", "pandoc+typst"), default="auto", help="default: %(default)s"),
    reads=("report/source",),
)
def report(args: argparse.Namespace) -> None:
    """Render the laid-out report to HTML and PDF (A4 and letter), with Quarto where it is installed."""
    from emorec.report.render import report as run

    run(_study(args)[1], args.renderer)


@command()
def publish(args: argparse.Namespace) -> None:
    """Make results/published/<study> from a finished run: no images, no weights, a SHA-256 for every file."""
    from emorec.checkout import checkout, commit_date
    from emorec.published.publish import publish as run

    study, layout = _study(args)
    destination = args.results / "published" / study.study
    manifest = run(study, layout, destination, checkout(), commit_date())
    size = sum(file.bytes for file in manifest.files.values())
    log.info("published %s: %d files, %.1f MB", destination, len(manifest.files), size / 1e6)


@command(
    option("first", type=Path, help="a study's folder, results/published/<study> for one"),
    option("second", type=Path, help="the folder of another run of the study"),
    option("--tolerance", choices=TOLERANCES, default="auto", help="default: what the runs' records ask for"),
    option("--write", type=Path, help="write every number that was compared to this CSV file"),
    study=(),
)
def compare_runs(args: argparse.Namespace) -> int:
    """Say number by number whether a run of a study reproduces another, such as a published one; 1 if it does not."""
    from emorec.files import write_csv
    from emorec.published import runs

    comparison = runs.compare_runs(args.first, args.second, None if args.tolerance == "auto" else args.tolerance)
    if args.write:
        write_csv(args.write, comparison.numbers.drop(columns="equal"))
    sys.stdout.write(runs.report(comparison))
    return 0 if comparison.reproduced else 1


@command(option("--published", type=Path, required=True, help="results/published/<study>"), reads=())
def unpack(args: argparse.Namespace) -> None:
    """Take from a published study what its tables, figures and report are made again from."""
    from emorec.published.rebuild import unpack as run

    _, layout = _study(args)
    run(args.published, layout.root)


@command(reads=("data", "predictions.parquet", "tables"))
def explorer(args: argparse.Namespace) -> None:
    """Make the page in which a reader looks at the faces; without pictures where the study's faces are not there."""
    from emorec.explorer.stage import explorer as run

    run(*_study(args))


@command(
    option("face", nargs="+", type=Path, metavar="FACE", help="an image file, a folder of them, or -"),
    *REPLICATE,
    either("form", **FORMS),
)
def predict(args: argparse.Namespace) -> None:
    """Label image files of faces with a trained model.

    A folder stands for all image files in it and below, - for one image in standard input. Each image shows one face,
    cropped as in FER2013: from the hairline to the chin, filling the frame. Any size, grey or colour; it is made grey
    and 48×48 pixels, without keeping a frame's proportions that is no square; what is transparent is white. No face is
    looked for: whatever the picture shows gets a label. It says which expression people would see, not what the person
    feels.
    """
    from emorec.apply import label
    from emorec.apply.model import load_parts, model_outputs, use_temperature

    study, layout = _study(args)
    model, seed = _replicate(study, args)
    files = label.find_files(args.face)
    images = label.read_faces(files, getattr(sys.stdin, "buffer", None))
    networks = load_parts(study, layout, model, seed)
    temperature = use_temperature(study, layout, model, seed)
    combined = model_outputs(study.models[model], networks, images, temperature, study.training.device)
    sys.stdout.write(label.FORMS[args.form or "table"](label.label_frame(files, combined)))


@command(
    *REPLICATE,
    option("--input", choices=("uint8", "float32"), default="uint8", help="default: %(default)s"),
    option("--output", type=Path, help="the file (default: STUDY-MODEL-seedN.onnx)"),
)
def export(args: argparse.Namespace) -> None:
    """Write a trained model as one ONNX file: faces in, probabilities out.

    Input `faces` is (b, 1, 48, 48), grey values from 0 (black) to 255 as uint8, or float32 with --input float32; any
    number b of faces. Scaling, views and combination are part of the file. Outputs are `probabilities`, (b, 7) in the
    order angry, disgust, fear, happy, sad, surprise, neutral, and `gate`, (b, experts), where the model has a gate.
    """
    from emorec.apply import export as exporting
    from emorec.apply.model import load_parts, use_temperature

    study, layout = _study(args)
    model, seed = _replicate(study, args)
    networks = load_parts(study, layout, model, seed)
    path = args.output or Path(f"{study.study}-{model}-seed{seed}.onnx")
    whole = exporting.Whole(study.models[model], networks, use_temperature(study, layout, model, seed))
    exporting.export(path, whole, args.input, {"study": study.study, "model": model, "seed": str(seed)})
    log.info("%s: %s with seed %d, ONNX opset %d", path, configs.label(study, model), seed, exporting.OPSET)


def _study(args: argparse.Namespace) -> tuple[configs.Study, Layout]:
    study = configs.load(args.config)
    return study, Layout(args.results / study.study)


def _training_code() -> str:
    """A digest of the code that decides a network."""
    return closure.digest("emorec.networks.stage:train", comments=False)


def _recorded(args: argparse.Namespace) -> AbstractContextManager[None]:
    """Checks what the subcommand reads and writes down what it wrote, where it is one of the workflow's."""
    if args.reads is None:
        return nullcontext()
    chosen = [str(getattr(args, option)) for option in ("network", "grouping", "seed", "group") if option in args]
    job = "-".join([args.command, *(re.sub(r"[^A-Za-z0-9_-]", "_", each) for each in chosen)])
    return ledger.recorded(args.results / configs.load(args.config).study, job, args.reads)


def _choose(known: Collection[Any], name: Any, kind: str) -> None:
    """Raise EmorecError, with those that there are, for a name that the study does not have."""
    if name not in known:
        there = ", ".join(str(each) for each in dict.fromkeys(known))
        raise EmorecError(f"--{kind} {name}: no such {kind} in the study; it has {there}")


def _replicate(study: configs.Study, args: argparse.Namespace) -> tuple[str, int]:
    """A model and a seed that the study has; by default the single that all are compared with, and the first seed."""
    model = study.reference if args.model is None else args.model
    seed = study.seeds[0] if args.seed is None else args.seed
    _choose(study.models, model, "model")
    _choose(study.seeds, seed, "seed")
    return model, seed


def _network(study: configs.Study, layout: Layout, args: argparse.Namespace) -> configs.NetworkSpec:
    from emorec.groupings.read import network_spec

    _choose(configs.networks(study), args.network, "network")
    _choose([part.seed for part in configs.all_parts(study) if part.network == args.network], args.seed, "seed")
    return network_spec(study, layout, args.network)


def _set_up_logging(path: Path | None) -> None:
    logging.raiseExceptions = False  # a log that cannot be written any more is no reason for a traceback
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(os.environ.get("EMOREC_TERMINAL", "NOTSET"))  # in a workflow, which has a line a job
    logging.basicConfig(level="INFO", format="%(message)s", handlers=[terminal], force=True)
    logging.getLogger("matplotlib").setLevel("WARNING")  # which tells of its list of fonts when it is first used
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        logging.getLogger().addHandler(logging.FileHandler(path, "w", "utf-8", errors="backslashreplace"))
