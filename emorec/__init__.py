"""emorec: does a mixture of emotion experts beat a single ResNet on facial emotion recognition?

The words of the project (study, network, model, grouping, seed, split) are defined in docs/design.md.
"""

from typing import Literal, get_args

__version__ = "0.1.0"

Emotion = Literal["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
# The order of the classes everywhere: labels are indices into this tuple (FER2013's own numbering).
EMOTIONS: tuple[str, ...] = get_args(Emotion)

# FER2013 calls these Training, PublicTest and PrivateTest; split codes are indices into this tuple.
SPLITS = ("train", "val", "test")

SIDE = 48  # of a face, in pixels
