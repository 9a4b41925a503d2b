# Everything that a newcomer types. Each target sets up what it needs; the first one takes some minutes.
#
#   PYTHON=python3.12 make run               another Python than python3 (3.11 to 3.13)
#   make run RUN="--profile full --seed 7"   options of `chorale run`
#   make lab LAB="--no-browser"              options of JupyterLab

PYTHON ?= python3
RUN ?= --profile demo
LAB ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
PYTEST := $(BIN)/python -m pytest

# Whatever environment is active in the caller's shell, programs and kernels are those of this one.
export VIRTUAL_ENV := $(abspath $(VENV))
export PATH := $(abspath $(BIN)):$(PATH)
export JUPYTER_PREFER_ENV_PATH := 1
unexport PYTHONHOME PYTHONPATH JUPYTER_PATH

.PHONY: help run test lab notebooks rules book slides clean
.DEFAULT_GOAL := help

help:
	@echo "make run        set up, then the six notebooks in order, into a new folder of outputs/runs"
	@echo "make test       set up, then every test: the package, the project, the stored outputs of the notebooks"
	@echo "make lab        set up, then JupyterLab on the notebooks"
	@echo "make notebooks  set up, then execute the notebooks in place: renews their stored outputs"
	@echo "make rules      set up, then write docs/counterpoint.md and its pictures from the rules of part-writing"
	@echo "make book       set up, then build the book, a web site, into outputs/book"
	@echo "make slides     set up, then make slides with sound for a lecture, in outputs/slides"
	@echo "make clean      remove the environment and what was built; runs are kept"

run: $(READY)
	$(BIN)/chorale run $(RUN)

# Tests, the examples in docstrings and the notebooks, divided among two processes. The notebooks are
# checked as copies, so that they train from the beginning and leave a learner's own run alone. Each
# process computes with one thread: two that wait for each other's cores would take longer.
WORKERS ?= 2
ONE_THREAD := OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1
CHECKED := outputs/runs/checked
test: $(READY)
	rm -rf $(CHECKED) && mkdir -p $(CHECKED) && cp -R notebooks $(CHECKED)/
	$(ONE_THREAD) $(PYTEST) -n $(WORKERS) --dist loadgroup --doctest-modules --nbval --nbval-current-env \
		--nbval-cell-timeout=900 --nbval-sanitize-with=tests/nbval_sanitize.cfg \
		tests chorale_utils $(CHECKED)/notebooks

# Jupyter shows the SVG and the players of a stored notebook only where the notebook is trusted.
lab: $(READY)
	$(BIN)/jupyter-trust notebooks/*.ipynb
	$(BIN)/jupyter-lab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/01_data_exploration.ipynb $(LAB)

notebooks: $(READY)
	rm -rf outputs/runs/notebooks
	$(BIN)/chorale refresh

rules: $(READY)
	$(BIN)/python -m chorale_utils.part_writing.rules_page

# The stamp is written last, so an installation that failed is done again from the start. Changed
# requirements are installed over what is there; another Python than the one asked for is replaced.
CHOSEN := $(if $(filter file,$(origin PYTHON)),,$(shell $(PYTHON) --version))
ifneq ($(CHOSEN),$(if $(CHOSEN),$(shell $(BIN)/python --version 2>/dev/null)))
.PHONY: $(READY)
endif
$(READY): pyproject.toml constraints.txt
	@[ -e $@ ] && [ -z "$(CHOSEN)" -o "$(CHOSEN)" = "$$($(BIN)/python --version)" ] || $(PYTHON) -m venv --clear $(VENV)
	@rm -f $@
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[all]'
	@touch $@
# The book, a site of static pages. Nothing is executed, and nothing is fetched.
BOOK := build/book
book: $(READY)
	rm -rf $(BOOK) outputs/book && mkdir -p outputs
	$(BIN)/sphinx-build --fail-on-warning --quiet -c docs -d $(BOOK)/doctrees . $(BOOK)/html
	cp -R $(BOOK)/html outputs/book
	@echo "outputs/book/index.html"

slides: $(READY)
	$(BIN)/python -m chorale_utils.teaching.slides

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .hypothesis .benchmarks .mypy_cache .ruff_cache \
		.import_linter_cache
	find chorale_utils tests notebooks -name __pycache__ -prune -exec rm -rf {} +
