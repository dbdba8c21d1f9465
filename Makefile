# make report   the default study, from nothing to HTML and PDF, and the papers of published studies
# make test     lint and all tests but the half hour of test-faults
# Both set up .venv from the lock first; PYTHON names the interpreter (3.11 or newer), CORES how many cores to use.
PYTHON ?= python3
CORES ?= all
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
# The workflow's jobs call `emorec`; pip's own options from the environment stay in force.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Hundreds of short processes start from here: each would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: report published papers test tests test-faults browser slurm test-cluster coverage fuzz audit lint reference bench clean

report: $(READY)
	@echo "1. The demo study, on faces that the program draws: it trains all networks, scores the models and writes the"
	@echo "   paper. Four to eight minutes on two cores. What is there already is kept, and Ctrl-C loses little."
	@echo "2. The papers of the published studies, from their predictions: half a minute to a minute each."
	snakemake --cores $(CORES)
	@$(MAKE) --no-print-directory published
	@echo
	@echo "The paper:            results/demo/report/emorec.html"
	@echo "The paper to print:   results/demo/report/emorec.pdf"
	@echo "The faces, to browse: results/demo/report/explorer.html"
	@echo "Open them with a double click, xdg-open FILE (Linux) or open FILE (macOS); from another machine:"
	@echo "python3 -m http.server --directory results/demo/report, then http://THIS-MACHINE:8000/emorec.html"

# Papers of the published studies, from their predictions.
published: $(READY)
	@for config in results/published/*/config.yaml; do \
		[ ! -e "$$config" ] || snakemake --cores $(CORES) $(ANEW) --configfile "$$config" --config from=published || exit 1; \
	done

# What report/published holds: these papers, as the present code makes them, each with the present commit in its colophon.
papers: ANEW := --forcerun stage
papers: published
	@mkdir -p report/published
	@for study in $(notdir $(wildcard results/published/*)); do \
		cp results/from-published/$$study/report/emorec.html report/published/$$study.html; \
		cp results/from-published/$$study/report/emorec.pdf report/published/$$study.pdf; \
	done

# Lint beside the tests. A process more than cores, up to four (each may take a gigabyte), since Slurm's tests mostly wait;
# a file's tests stay together, as they share studies. One thread each: more would wait for one another.
test: $(READY) browser
	$(MAKE) --no-print-directory --jobs 2 lint tests

tests: $(READY)
	MAKEFLAGS= OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m pytest --dist loadfile --no-loadscope-reorder \
		--numprocesses $$(python -c 'import os; print(os.cpu_count() + 1)') --maxprocesses 4

# The workflow on a Slurm of one node that the tests start themselves; `make test` runs it too where Slurm is installed.
test-cluster: $(READY) slurm
	CI=true python -m pytest tests/cluster

slurm:
	@PATH="$$PATH:/usr/sbin"; command -v slurmctld >/dev/null && command -v munged >/dev/null || { \
		test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
			|| { echo "Slurm and munge are not installed: apt-get install slurm-wlm munge, as root"; exit 1; }; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends slurm-wlm munge; }

# Half an hour: kills, full disks, jumping clocks. As root it mounts small file systems of its own; else these are skipped.
test-faults: $(READY)
	python -m pytest -m long tests/faults -rs

# What the tests reach of the package, without those that start processes of their own.
coverage: $(READY)
	python -m pytest --cov=emorec --cov-report=term-missing:skip-covered --cov-fail-under=90 \
		--ignore=tests/test_workflow.py --ignore=tests/test_resume_kill.py

# Coverage-guided fuzzing of the readers for some minutes; atheris is installed for it alone, as it has wheels for Linux only.
fuzz: $(READY)
	$(PIP) atheris==3.0.0
	python tests/fuzz/fuzz_csv.py -max_total_time=300 -max_len=400

# Known vulnerabilities of the pinned packages; asks PyPI's database, so that it needs the network.
audit: $(READY)
	$(PYTHON) -m venv $(VENV)-audit
	$(VENV)-audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	$(VENV)-audit/bin/pip-audit --disable-pip --require-hashes --requirement requirements.lock
	rm -rf $(VENV)-audit

# The explorer is tested in a browser: one from the system's packages, where there is none yet and root asks for it.
BROWSERS := chromium chromium-browser google-chrome google-chrome-stable
browser:
	@for name in $(BROWSERS); do command -v $$name >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && apt-get install -qq --yes --no-install-recommends chromium >/dev/null; \
	else echo "no Chromium: the explorer's test in a browser is skipped, or fails where CI=true"; fi

lint: $(READY)
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check Snakefile workflow
	@# No environment a rule: there is one for all, which is active, since its jobs are the installed package.
	! snakemake --lint 2>&1 | grep -E '^    \* |Error' | grep -v 'Specify a conda environment or container for each rule'

# What follows from the models of the config: the schema for editors, the reference of keys for people.
reference: $(READY)
	emorec config --schema >config/schema.json
	emorec config --reference >config/README.md

bench: $(READY)
	python -m benchmarks.synthetic
	python -m benchmarks.trainer
	python -m benchmarks.startup
	python -m benchmarks.scaling
	python -m benchmarks.schedule

# --no-deps: the locks are complete.
PIP := python -m pip install --quiet --disable-pip-version-check
# torch's CPU build is a tenth of the CUDA build, which PyPI has for Linux. Without an NVIDIA driver it is looked for first:
# the locked one in pip's own sources, then the one for this Python and processor in PyTorch's index (told by its version;
# the lock has the hash of one file alone). What PyPI has is taken last, or at once where there is a driver.
TORCH := $(shell sed -n 's/^torch==\([0-9.]*\).*/\1/p' requirements-cpu.lock)
TORCH_INDEX := https://download.pytorch.org/whl/cpu
LOCKED := $(PIP) --require-hashes --no-deps --requirement
$(READY): requirements.lock requirements-cpu.lock requirements-cuda.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "emorec needs Python 3.11 or newer; name one with make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	@if command -v nvidia-smi >/dev/null; then \
		echo "an NVIDIA driver: torch $(TORCH) with CUDA, some 3 GB to download"; $(LOCKED) requirements-cuda.lock; \
	else \
		echo "no NVIDIA driver: torch $(TORCH) for CPU, some 200 MB to download"; \
		$(LOCKED) requirements-cpu.lock 2>/dev/null \
		|| { echo "not in pip's sources for this Python and processor: from $(TORCH_INDEX)"; \
			$(PIP) --no-deps --retries 1 --timeout 20 --index-url $(TORCH_INDEX) torch==$(TORCH) 2>/dev/null; } \
		|| { echo "not there, either: PyPI's build, on Linux with CUDA, some 3 GB to download"; \
			$(LOCKED) requirements-cuda.lock; }; \
	fi
	$(LOCKED) requirements.lock
	@python -c 'import importlib.metadata as m; print("installed: torch", m.version("torch"))'; du -sh $(VENV)
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

clean:
	rm -rf $(VENV) .snakemake results/demo
