# The whole contributor interface. `make run` and `make test` need Python >= 3.11, make and git, nothing else.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
APP ?=

# Tests are compiled once (pytest rewrites every assert), not at each run; the bytecode stays out of the tree.
test check verify: export PYTHONDONTWRITEBYTECODE :=
test check verify: export PYTHONPYCACHEPREFIX := $(CURDIR)/out/bytecode

.PHONY: run test check lint verify bench docs download embedded-models format clean

run: $(VENV)/.installed ## start the portal and every app; APP=dataset_explorer for one alone
	@exec $(PY) playground.py $(APP)

test: $(VENV)/.tested ## everything a change must pass: lint, types, layers, unit, API, browser
	@$(MAKE) --no-print-directory lint
	@$(PY) -m pytest -q -n 2 -m "not slow" tests/house tests/unit --cov --cov-report=json:out/coverage.json --cov-report=
	@$(PY) -m pytest -q -m "not slow" tests/api tests/browser
	@$(PY) -m tests.house.figures

check: $(VENV)/.tested ## seconds: lint, types, layers, house rules, unit tests, and the figures of DESIGN section 8
	@$(MAKE) --no-print-directory lint
	@$(PY) -m pytest -q -n 2 -m "not slow and not browser and not hub and not api" tests/house tests/unit
	@$(PY) -m tests.house.figures

lint:
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check --quiet .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports --no-cache

verify: $(VENV)/.tested ## what takes long: kill storms, faults, big files, fresh processes
	@$(PY) -m pytest -q -m "slow"

bench: $(VENV)/.tested out/peers/.installed ## every speed and memory claim, as a ratio against the peer in the same run
	@for claim in $$(ls benchmarks/*.py | grep -v __init__); do name=$$(basename $$claim .py); echo "== $$name"; \
	  PYTHONPATH=$$([ -f benchmarks/$$name.txt ] && echo out/peers) $(PY) -m benchmarks.$$name || exit 1; done

docs: $(VENV)/.tested ## write the generated parts of README.md and docs/api.md
	@$(PY) -m tests.house.documents --write

download: $(VENV)/.installed ## fetch what manifests/models.txt and datasets.txt name
	@$(PY) -m shared.downloads $(ARGS)

embedded-models: $(VENV)/.installed ## train the models that ship, again from nothing; goes on where it stopped
	@$(PY) -m embedded $(ARGS)

format: $(VENV)/.tested
	@$(PY) -m ruff check --fix . ; $(PY) -m ruff format .

clean:
	rm -rf $(VENV) out .mypy_cache .ruff_cache .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=/path/to/it")'
	@$(PYTHON) -m venv $(VENV) 2>$(VENV).log || { $(PYTHON) bootstrap.py $(VENV); }; rm -f $(VENV).log

# torch first and alone: its pin must win before anything else asks for a torch of its own.
$(VENV)/.installed: requirements.txt requirements-nodeps.txt | $(VENV)/bin/python
	@echo "Installing what the suite needs into $(VENV) (a few minutes the first time)"
	@$(PIP) install $$(grep '^torch==' requirements.txt)
	@$(PIP) install -r requirements.txt
	@$(PIP) install --no-deps -r requirements-nodeps.txt
	@touch $@

$(VENV)/.tested: $(VENV)/.installed requirements-dev.txt requirements-dev-nodeps.txt requirements-lm-eval.txt
	@echo "Installing what the tests need"
	@$(PIP) install -r requirements-dev.txt
	@$(PIP) install --no-deps -r requirements-dev-nodeps.txt -r requirements-lm-eval.txt
	@$(PY) tests/browser/chromium.py
	@mkdir -p out && touch $@

# Peers stay out of the environment: nothing here may change what the suite runs on.
out/peers/.installed: $(wildcard benchmarks/*.txt)
	@echo "Installing the peers that benchmarks measure against"
	@mkdir -p out/peers
	@for list in benchmarks/*.txt; do $(PIP) install --no-deps --upgrade --target out/peers -r $$list || exit 1; done
	@touch $@
