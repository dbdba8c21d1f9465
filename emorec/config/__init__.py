"""The study's config: types, defaults, validation, and what follows from it (which networks, which models).

One source for schema, defaults and documentation: the models in `sections` and `study`. Unknown keys are errors at
every level, with the nearest known key suggested. `emorec config --config FILE` prints the effective config, defaults
filled in.
"""

from emorec.config.derived import (
    Found,
    all_parts,
    architecture_of,
    expert_networks,
    groups_of,
    networks,
    parameters,
    parts,
    spectral_groupings,
    spent_before,
    training_of,
    training_order,
)
from emorec.config.groups import expert_name, random_groups
from emorec.config.labels import label
from emorec.config.read import dump, extended, load, validate
from emorec.config.sections import (
    SEVEN,
    SIDE,
    Architecture,
    Augmentation,
    Data,
    Ensemble,
    Experts,
    FineTuned,
    Joint,
    Mixture,
    Model,
    Name,
    Random,
    Single,
    Spectral,
    Strict,
    Synthetic,
    Training,
)
from emorec.config.specs import MixtureSpec, NetworkSpec, Part, Teacher, own_outputs
from emorec.config.study import Study

__all__ = [
    "Architecture",
    "Augmentation",
    "Data",
    "Ensemble",
    "Experts",
    "FineTuned",
    "Found",
    "Joint",
    "Mixture",
    "MixtureSpec",
    "Model",
    "Name",
    "NetworkSpec",
    "Part",
    "Random",
    "SEVEN",
    "SIDE",
    "Single",
    "Spectral",
    "Strict",
    "Study",
    "Synthetic",
    "Teacher",
    "Training",
    "all_parts",
    "architecture_of",
    "dump",
    "expert_name",
    "expert_networks",
    "extended",
    "groups_of",
    "label",
    "load",
    "networks",
    "own_outputs",
    "parameters",
    "parts",
    "random_groups",
    "spectral_groupings",
    "spent_before",
    "training_of",
    "training_order",
    "validate",
]
