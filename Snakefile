# One study, from pixels to paper. Which study: --configfile config/<study>.yaml; the default is the embedded demo.
# Without training: --config from=weights, --config from=published.
from snakemake.utils import min_version

min_version("9.0")


# A study's config replaces the default as a whole: merged, the default's models would creep into every study. Without a
# file of its own, a study of another name is the default one by that name.
if not workflow.configfiles or "study" not in config:

    configfile: "config/demo.yaml"


include: "workflow/rules/common.smk"


if FROM == "published":

    include: "workflow/rules/published.smk"

else:

    include: "workflow/rules/data.smk"
    include: "workflow/rules/networks.smk"
    include: "workflow/rules/predictions.smk"

    if not ONE_PROCESS:

        include: "workflow/rules/groupings.smk"


include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"


report: "workflow/captions/workflow.rst"


rule all:
    default_target: True
    input:
        goal(),
    localrule: True


onstart:
    hold_the_study()
    write_effective_config()
    keep_what_the_data_are()


onsuccess:
    say_where_the_report_is()
