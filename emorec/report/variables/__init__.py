"""Tables to the report's variables: every number and every claiming sentence of the prose, by dotted name.

`variables` is the table of contents; each module returns some branches of the tree. All leaves are text, formatted as
they stand in the report.
"""

from __future__ import annotations

from typing import Any

import yaml

from emorec.report import experiments as x
from emorec.report import origins, walltimes
from emorec.report.lookups import Tree
from emorec.report.results import Results
from emorec.report.variables import answer, performance, study, trust


def variables(results: Results, meta: Tree) -> Tree:
    """All variables of the report as nested text.

    `meta` says what the tables cannot: study, commit, dirty, config_sha256, date, versions; a gap is called unknown.
    """
    return {
        **study.branches(results, meta),
        **performance.branches(results),
        **answer.branches(results),
        **trust.branches(results),
        "experiments": x.sentences(results),
        "groupings": {"inside": x.inside(results)},
        "control": {"matched": x.matched(results)},
        "figures": origins.origins(meta),
        "walltimes": {"sentence": walltimes.sentence(results.jobs)},
    }


def to_yaml(tree: Tree) -> str:
    """The tree as YAML in which every leaf is quoted, so that no reader takes a commit for a number."""
    return yaml.dump(tree, Dumper=_Quoted, sort_keys=False, allow_unicode=True, width=10**9)


class _Quoted(yaml.SafeDumper):
    """Plain keys, double-quoted values."""

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        node = super().represent_mapping(tag, mapping, flow_style)
        for _, value in node.value:
            if isinstance(value, yaml.ScalarNode):
                value.style = '"'
        return node
