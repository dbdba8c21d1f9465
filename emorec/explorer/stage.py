"""The explorer's edge: a study's predictions, tables and faces to its page."""

from emorec.config import Study
from emorec.data.faces import load_faces
from emorec.data.votes import load_votes
from emorec.explorer.data import explorer_data
from emorec.explorer.page import page
from emorec.files import write_text
from emorec.frames import read_table
from emorec.inputs import made_of
from emorec.paths import Layout
from emorec.predictions.store import read_gates, read_predictions


def explorer(study: Study, layout: Layout) -> None:
    """Make the page in which a reader looks at the faces; without pictures where the study's faces are not there."""
    tables = [layout.table(name) for name in ("models", "projections", "twins")]
    faces = load_faces(layout.faces) if layout.faces.exists() else None
    votes = load_votes(layout.votes) if layout.votes.exists() else None
    predictions = read_predictions(layout.predictions, study.replicates)
    gates = read_gates(layout.predictions, study.replicates)
    models, projections, twins = map(read_table, tables)
    with made_of(tables):
        data = explorer_data(study.study, models, predictions, gates, projections, twins, faces, votes)
    synthetic = study.data.source == "synthetic"
    write_text(layout.report / "explorer.html", page(data, synthetic=synthetic, report=study.has_report))
