# Everything runs in the project's own .venv; nothing is installed outside it, but for Chromium (browser tests, as root on Debian).
PYTHON ?= python3
PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
NPM := npm --no-audit --no-fund --no-update-notifier
# Versions beside the current one that the browser tests run on: the last 6, and the last 7 that answers clicks of itself.
KERNELS := .kernels/ipykernel-6.31.0 .kernels/ipykernel-7.3.0
HAS_NODE := $(shell command -v node >/dev/null && command -v npm >/dev/null && echo yes)
UNIT := --ignore=tests/browser --ignore=tests/notebooks
# Two processes with half of the tests each, neighbours together, of which one that has ended takes over from the other.
TWO := -n 2 --dist worksteal
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help tour test ready zoo check lint build frontend chromium docs benchmark peers clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

tour: .venv/notebooks.stamp ## the guided tour in JupyterLab; with HEADLESS=1 as a page in build/tour.html
ifdef HEADLESS
	$(PY) notebooks/export.py notebooks/00_tour.ipynb build/tour.html
else
	$(PY) -m jupyterlab --LabApp.default_url=/lab/tree/notebooks/00_tour.ipynb $(AS_ROOT)
endif

test: ## all that CI asks for
	$(MAKE) -j 2 ready
	$(PY) -m pytest $(TWO) $(UNIT)
	$(PY) -m pytest $(TWO) tests/browser tests/notebooks

# Two at a time: what is fetched is waited for, what is checked is not.
ready: lint frontend chromium $(KERNELS) .frontends

zoo: .venv/dev.stamp ## every sanity check on every program of the zoo, or one in SHARE=…; fails on a false alarm
	$(PY) benchmarks/zoo.py --check --share $(or $(SHARE),1)

check: lint ## the quick loop: format, lint, types, unit tests without the slow ones; with ROOM=data all of one room and the conventions
	$(PY) -m pytest -q $(TWO) $(if $(ROOM),tests/$(ROOM) tests/conventions,$(UNIT) -m 'not slow')

lint: .venv/dev.stamp
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy

ifdef HAS_NODE
build: frontend/node_modules/.package-lock.json ## bundle frontend/ into nbinspect/static/
	cd frontend && $(NPM) run build

# A build must give the files that are there, or what users get is not what was reviewed.
frontend: frontend/node_modules/.package-lock.json
	rm -rf build/static && mkdir -p build && cp -R nbinspect/static build/static
	cd frontend && $(NPM) run build -- ../build/static
	@diff -ru nbinspect/static build/static || { echo "nbinspect/static is not what frontend/ builds: make build, and commit it"; exit 1; }
	cd frontend && $(NPM) run check && $(NPM) test

frontend/node_modules/.package-lock.json: frontend/package.json frontend/package-lock.json
	cd frontend && $(NPM) ci
	@touch $@
else
build frontend:
	@echo "SKIPPED: the front end is neither built nor tested, for there is no Node with npm on this machine"
	@test "$@" = frontend && test "$(CI)" != true
endif

chromium:
	@if command -v chromium || command -v chromium-browser || command -v google-chrome; then exit 0; \
	elif [ "$(AS_ROOT)" ] && command -v apt-get >/dev/null; then \
	    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y chromium; \
	else echo "SKIPPED: browser tests need Chromium; install it, on Debian with: sudo apt-get install chromium"; fi

docs: .venv/dev.stamp ## the documentation as a site in build/site, after its examples and the pages of the checks
	$(PY) docs/make_checks.py
	$(PY) docs/make_examples.py
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --quiet --strict
	@echo "build/site/index.html; with search: $(PY) -m http.server -d build/site"

benchmark: .venv/dev.stamp ## measure against peers and limits, and write docs/benchmarks.md; with QUICK=1 a few rounds, printed alone
	$(PY) benchmarks/run_all.py $(if $(QUICK),--quick,--write)

peers: .venv/dev.stamp ## the whole zoo through published tools that test networks
	$(PY) benchmarks/peers_checks.py

clean: ## remove all that was made here
	rm -rf .venv .kernels .frontends build dist frontend/node_modules tests/browser/screenshots
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("nbinspect needs Python 3.10 or later, this is " + sys.version)'
	$(PYTHON) -m venv .venv

# Compiled by both processors, without what is never imported here; files that no Python can read are left as they are.
.venv/%.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) install --no-compile -c constraints.txt -e ".[$*]"
	@$(PY) -m compileall -qq -j 2 -x '/tests?/|/transformers/models/' .venv/lib nbinspect || true
	@touch $@

.kernels/ipykernel-%: | .venv/dev.stamp
	$(PIP) install --quiet --no-deps --target $@.partial ipykernel==$*
	@mv $@.partial $@

# Beside .venv, which stays as it is; each with what it needs beyond JupyterLab. Schemas and themes are looked for in one place.
.frontends: | .venv/dev.stamp
	rm -rf $@.partial
	$(PIP) install --quiet --no-deps --target $@.partial notebook==7.6.5 voila==0.5.13 websockets marimo==0.25.2 docutils itsdangerous \
	    loro msgspec 'pymdown-extensions<12' python-multipart starlette uvicorn
	cp -R .venv/share/jupyter/lab/schemas .venv/share/jupyter/lab/themes $@.partial/share/jupyter/lab/
	@mv $@.partial $@
