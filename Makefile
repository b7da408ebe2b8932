# Everything here works from a fresh clone with Python 3.11 or newer, make and git.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo test test-fast check docs nightly bench bench-peers frameworks clean kernels
help: ## show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

demo: $(VENV)/.demo kernels ## one experiment on real products, from agents that learn to a policy that is served
	$(BIN)/shopgym run experiments/configs/online_retail.yaml --overwrite

test: $(VENV)/.dev kernels ## all tests
	$(BIN)/python -m pytest -n 2

test-fast: $(VENV)/.dev kernels ## the tests that take little time: under two minutes on two cores
	$(BIN)/python -m pytest -n 2 -m 'not slow'

check: $(VENV)/.dev ## style, types, layers, unused code, what is in the wheel, and the documentation
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/dead_code.py
	$(BIN)/python tests/wheel_contents.py
	$(BIN)/python -m pytest -n0 -m 'not slow' tests/test_docs.py tests/test_doc_blocks.py
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/docs

docs: $(VENV)/.dev ## the documentation as a site, in build/docs
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/docs
	@echo "open build/docs/index.html"

nightly: $(VENV)/.dev kernels ## pages whose figures need the run on real products, a Ray cluster that loses a worker, and MLflow (minutes)
	$(PIP) install -c constraints.txt ray -e '.[mlflow]'
	SHOPGYM_NIGHTLY=1 $(BIN)/python -m pytest -n0 tests/test_doc_blocks.py tests/experiments/test_ray.py \
		tests/experiments/test_mlflow.py tests/realism/test_calibration_loop.py

bench: $(VENV)/.dev kernels ## our own speed; 'make bench-peers' first adds the peers to the comparison
	for file in benchmarks/bench_*.py; do $(BIN)/python $$file || exit 1; done

bench-peers: ## install the systems we compare with, each in its own environment under .peers/
	$(PYTHON) benchmarks/peers.py

frameworks: kernels ## train the environments with five frameworks, in an environment of their own (nightly)
	test -d .peers/frameworks || $(PYTHON) -m venv .peers/frameworks
	.peers/frameworks/bin/python -m pip --disable-pip-version-check --quiet install 'torch==2.13.0'
	.peers/frameworks/bin/python -m pip --disable-pip-version-check --quiet install -r examples/requirements.txt -e .
	SHOPGYM_RLLIB=1 .peers/frameworks/bin/python -m pytest -n0 tests/envs/test_frameworks.py

# numba looks only at a kernel's own file: drop what it compiled when any source is newer.
kernels:
	@oldest=$$(find src -name '*.nbi' -exec ls -tr {} + 2>/dev/null | head -1); \
	if [ -n "$$oldest" ] && [ -n "$$(find src -name '*.py' -newer "$$oldest" | head -1)" ]; then \
		find src -name '*.nb[ic]' -delete; fi

clean: ## remove the environment, caches and results
	rm -rf $(VENV) .peers runs build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each environment is what constraints.txt pins, so that everybody has versions that work together.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "shopgym needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 2; }
	@echo "setting up $(VENV) (once, a few minutes)"
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade pip
	@touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP) install -c constraints.txt -e '.[bandits,serve]'
	@touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP) install -c constraints.txt 'torch==2.13.0'
	$(PIP) install -c constraints.txt -e '.[agents,serve,dev]'
	@touch $@ $(VENV)/.demo
