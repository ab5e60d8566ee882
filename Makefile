# `make` alone lists the targets. Everything runs in .venv, which the first target makes.
SHELL := bash
.SHELLFLAGS := -eo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

# One thread per process: two notebooks or two test workers run at once, and small nets train
# several times slower when their threads wait for each other.
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
# Kernels come from .venv, whatever the reader has registered elsewhere.
export JUPYTER_PREFER_ENV_PATH := 1

JOBS ?= 2
PYTHON ?= $(firstword $(foreach python,python3.11 python3.12 python3.13 python3.14 python3 python,\
  $(shell $(python) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
    >/dev/null 2>&1 && echo $(python))))
# For pip; if empty, PyTorch's CPU build is preferred where it can be had.
PIP_ARGS ?=
ENV := .venv/made
RUN := .venv/bin/python

# A short slot on a GPU: with .venv if it is here, else with the machine's own Python and .wheels.
BUDGET ?= 9m
OUT ?= runs/gpu
GPU ?=
GPU_RUN := PYTHONPATH=$(CURDIR)$(if $(wildcard $(RUN)),,:$(CURDIR)/.wheels):$(PYTHONPATH) \
  $(or $(wildcard $(RUN)),python3)
WHEELS := pydantic pydantic-core annotated-types typing-inspection typing-extensions
WHEELS_PYTHON ?= 3.12
WHEELS_PLATFORMS := manylinux2014_x86_64 manylinux_2_17_x86_64

NOTEBOOKS := $(sort $(wildcard notebooks/*.ipynb))
# The last page reads what the others store.
SCORECARD := $(filter notebooks/99_%,$(NOTEBOOKS))
EXECUTED := $(NOTEBOOKS:%=_build/source/%)
PACKAGE := $(shell find modnoise -name '*.py' -o -name '*.pyi' -o -name '*.js' -o -name '*.css')
RESULTS := $(shell find results -type f 2>/dev/null)
PROSE := _config.yml _toc.yml index.md CHANGELOG.md results/verdicts.md \
  $(shell find book -type f) scripts/stage.py

##@ Read
.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo

.PHONY: book
book: $(ENV) ## Run every notebook with papermill, then render the book (only what changed)
	@$(MAKE) --no-print-directory -j$(JOBS) $(EXECUTED)
	@$(MAKE) --no-print-directory _build/html/index.html
	@echo "The book is ready. Open $(CURDIR)/_build/html/index.html"

.PHONY: pdf
pdf: $(ENV) ## Print the built book into one PDF, linked from its home page (needs Chromium)
	$(RUN) scripts/pdf.py

.PHONY: lab
lab: $(ENV) ## Open the notebooks live in JupyterLab
	$(RUN) -m jupyterlab notebooks

##@ Work
.PHONY: env
env: $(ENV) ## Make .venv with the tested versions of constraints.txt

.PHONY: test
test: check unit nbval ## Style, unit tests and doctests, and the stored outputs of all notebooks

.PHONY: check
check: $(ENV) ## Style only: ruff's rules and format, schemas of workflows and citation; repairs nothing
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(RUN) -m check_jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(RUN) -m check_jsonschema --builtin-schema vendor.citation-file-format CITATION.cff

.PHONY: unit
unit: $(ENV) ## Unit tests, doctests, and one small papermill run per notebook
	$(RUN) -m pytest -n $(JOBS)

.PHONY: nbval
nbval: $(ENV) ## Run the notebooks and compare with their stored outputs
ifneq ($(NOTEBOOKS),)
	TQDM_DISABLE=1 $(RUN) -m pytest notebooks -n $(JOBS) --dist loadscope --nbval --nbval-current-env \
	  --nbval-sanitize-with tests/sanitize.cfg --nbval-cell-timeout 600
else
	@echo "notebooks/ holds no notebook: nothing to compare"
endif

.PHONY: test-portable
test-portable: $(ENV) ## Numbers and stored outputs again, as without AVX-512 (where there is any)
	$(RUN) scripts/portable.py -m pytest tests -n $(JOBS) --numeric
	@$(MAKE) --no-print-directory nbval RUN="$(RUN) scripts/portable.py"

.PHONY: look
look: $(ENV) ## Open every page of the built book in Chromium and report what is wrong
	$(RUN) scripts/look.py

.PHONY: format
format: $(ENV) ## Repair style: ruff's safe fixes and format
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

.PHONY: notebooks
notebooks: $(ENV) ## Store new outputs in notebooks/, run at their default parameters
	@printf '%s\n' $(filter-out $(SCORECARD),$(NOTEBOOKS)) | \
	  xargs -r -P $(JOBS) -I {} $(RUN) scripts/execute.py {} {}
	$(if $(SCORECARD),$(RUN) scripts/execute.py $(SCORECARD) $(SCORECARD))

.PHONY: dist
dist: $(ENV) ## Build the source archive and the wheel into dist/, and check what an index asks of them
	rm -rf dist
	$(RUN) -m build --no-isolation --outdir dist .
	$(RUN) -m twine check --strict dist/*

.PHONY: readme
readme: $(ENV) ## Write the README's figure and verdicts, and the page on speed, from records
	$(RUN) scripts/readme.py

.PHONY: bench
bench: $(ENV) ## Time the trainers against plain loops and the bound
	$(RUN) benchmarks/trainers.py $(BENCH)
	$(RUN) benchmarks/transformer.py
	$(RUN) benchmarks/browser.py

.PHONY: bench-portable
bench-portable: $(ENV) ## Time one net again, as on a processor without AVX-512
	$(RUN) scripts/portable.py benchmarks/trainers.py --quick $(BENCH)

.PHONY: gpu
gpu: ## Check a GPU, record the campaign for BUDGET=9m, leave it in OUT=folder
	$(GPU_RUN) scripts/gpu.py --budget $(BUDGET) --out $(OUT) $(GPU)

.PHONY: gpu-wheels
gpu-wheels: ## Fetch what a Python with torch mostly lacks into .wheels, to take along
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --target .wheels --upgrade --no-compile \
	  --no-deps --only-binary=:all: --implementation cp --python-version $(WHEELS_PYTHON) \
	  $(WHEELS_PLATFORMS:%=--platform %) -c constraints.txt $(WHEELS)

.PHONY: campaign
campaign: $(ENV) ## Show what is to be recorded, in its order, as commands
	@$(RUN) scripts/campaign.py

.PHONY: clean
clean: ## Remove the built book and all caches; .venv stays
	rm -rf _build .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -path ./.venv -prune -o -type d \
	  \( -name __pycache__ -o -name .ipynb_checkpoints \) -exec rm -rf {} +

# --- how it is made

$(ENV): pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ]; then \
	  echo "modnoise needs Python 3.11 or newer with its venv module, and found none." >&2; \
	  echo "Install it (on Debian: apt install python3 python3-venv)," >&2; \
	  echo "or name it: make env PYTHON=/path/to/python" >&2; \
	  exit 1; \
	fi
	@echo "Making .venv with $$($(PYTHON) --version): a few minutes, once"
	$(PYTHON) -m venv .venv
	$(RUN) -m pip install --quiet --disable-pip-version-check \
	  $(or $(PIP_ARGS),$$($(RUN) scripts/torch_index.py)) \
	  -c constraints.txt -e ".[book,cluster,dev]"
	@touch $@

# A page is made again when its notebook, the package or a recorded result changed.
_build/source/notebooks/%.ipynb: notebooks/%.ipynb $(PACKAGE) $(RESULTS) scripts/execute.py $(ENV)
	$(RUN) scripts/execute.py $< $@

$(SCORECARD:%=_build/source/%): $(NOTEBOOKS)

# The site is rendered anew each time (seconds): a page that Sphinx keeps from a failed build
# would hide its warnings in the next.
_build/html/index.html: $(EXECUTED) $(PROSE) $(ENV)
	$(RUN) scripts/stage.py _build/source $(NOTEBOOKS)
	rm -rf _build/html
	.venv/bin/jupyter-book build _build/source --path-output . --all -W --keep-going -n
	@touch $@
