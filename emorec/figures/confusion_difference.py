"""How the primary mixture's confusions differ from the single's and from its control's: blue is better everywhere."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from emorec import EMOTIONS
from emorec.figures import style
from emorec.figures.confusion import matrices, rates


def differences(confusion: pd.DataFrame, model: str, reference: str) -> pd.DataFrame:
    """`model`'s rates less `reference`'s (true × predicted, test split, mean over seeds), in points."""
    return rates(confusion, model) - rates(confusion, reference)


def draw(models: pd.DataFrame, confusion: pd.DataFrame) -> Figure:
    """A matrix a reference of the primary mixture; tables as models.csv and confusion.csv."""
    contests = style.contests(models)
    if not contests:
        return style.nothing("This study has no mixture to compare with another model.")
    labels = style.model_labels(models)
    titles = [f"{style.wrap(labels[own], 34)}\n{style.wrap(f'− {labels[other]}', 34)}" for own, other in contests]
    changes = [differences(confusion, model, reference) for model, reference in contests]
    # One scale for all, symmetric about nothing.
    limit = max([1.0, *(float(np.nanmax(np.abs(change.to_numpy()))) for change in changes)])
    look = {"vmin": -limit, "vmax": limit, "cmap": style.GAIN_LOSS}
    look |= {"fmt": "", "annot_kws": {"size": 7, "color": style.INK}}
    looks = [look | {"annot": change.map(style.signed).to_numpy()} for change in changes]
    figure = style.new_figure(86, squares=True)
    # Coloured by gains: more on the diagonal and less off it are both positive.
    bar = matrices(figure, titles, [change * (2 * np.eye(len(EMOTIONS)) - 1) for change in changes], looks)
    bar.set_ticks([-limit, 0, limit], labels=["worse", "0", "better"])
    bar.ax.tick_params(length=0)
    return figure
