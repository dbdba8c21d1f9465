"""The study's config: types, defaults, validation, and what follows from it (which networks, which models).

One source for schema, defaults and documentation: the models in `sections` and `study`.
"""

from emorec.config.derived import (
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
from emorec.config.labels import label
from emorec.config.read import dump, extended, load, validate
from emorec.config.sections import (
    SEVEN,
    Architecture,
    Augmentation,
    Data,
    Joint,
    Mixture,
    Model,
    Name,
    Strict,
    Synthetic,
    Training,
)
from emorec.config.specs import MixtureSpec, NetworkSpec, Part, Teacher, own_outputs
from emorec.config.study import Study, expert_name, random_groups
