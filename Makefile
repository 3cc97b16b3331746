# What a machine with Python 3.11, pip and make can do with this repository; `make` alone lists it.
PYTHON ?= python3
UV ?= uv

BIN := .venv/bin
READY := .venv/ready

# The official client of JavaScript is tried where there is something to run it.
JAVASCRIPT := $(if $(shell command -v npm),.compat/javascript/ready)

# What needs packages that neither Ochre nor its tests need; they are in an environment of their own.
PACKAGE_TESTS := $(addprefix tests/compat/test_,packages.py openai.py bm25.py sentence_transformers.py)

# Older releases, whose folders are read; the newest is in an environment of its own anyway.
CHROMAS := 0.4.24 0.5.23 0.6.3

.DEFAULT_GOAL := help
.PHONY: help demo test test-compat test-engines test-image soak test-newest lint format bench docs lock clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile

demo: $(READY) ## Install into .venv and show what Ochre does
	@$(BIN)/ochre demo

test: $(READY) ## Run all tests
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

test-compat: $(READY) .compat/chroma/ready $(CHROMAS:%=.compat/chroma-%/ready) .compat/packages/ready .compat/server/ready $(JAVASCRIPT) ## Compare with the real chromadb, and run packages that use one
	CHROMA_PYTHON=.compat/chroma/bin/python CHROMA_RELEASES=.compat SCHEMATHESIS=$(abspath .compat/server/bin/schemathesis) \
		$(if $(JAVASCRIPT),CHROMA_JAVASCRIPT=.compat/javascript) $(BIN)/python -m pytest tests/compat
	OCHRE_PACKAGES=yes .compat/packages/bin/python -m pytest $(PACKAGE_TESTS)

test-engines: .engines/ready ## Start a real Milvus, and run the contract of engines and more on it and on Qdrant
	.engines/bin/python -m tests.engines

test-image: $(READY) ## Build the Docker image with buildah, and run it; wants root and installs Debian packages
	@{ command -v buildah && command -v debootstrap; } >/dev/null || { apt-get update && \
		DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends buildah debootstrap; }
	OCHRE_IMAGE=yes $(BIN)/python -m pytest tests/image

soak: $(READY) ## Kill thousands of writers, and churn for half an hour
	$(BIN)/python -m tests.crash

test-newest: $(READY) ## Run the main tests on the newest Python that is here
	$(BIN)/python tests/newest.py

lint: $(READY) ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## Write the code as `make lint` wants it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## Measure Ochre beside its peers
	$(BIN)/python -m bench

docs: $(READY) ## Write docs/reference from the code
	$(BIN)/python docs/generate.py

lock: ## Choose the newest versions of all dependencies; needs uv
	$(UV) pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade --generate-hashes \
		--no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --quiet --output-file requirements.lock

clean: ## Remove what the targets above have made
	rm -rf .venv .venv-* .bench .compat .engines .image .mypy_cache .ruff_cache .pytest_cache .hypothesis ochre_demo

# Everybody gets the same versions, those that the tests ran with: the lock has each with its checksum. The file `ready`
# is the last thing to be written, so that an installation that broke off is taken up again.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Ochre needs Python 3.11 or newer, '$(PYTHON)' is not: try 'make PYTHON=python3.12'" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
		{ echo "'$(PYTHON)' cannot make virtual environments: on Debian and Ubuntu, 'apt install python3-venv'" >&2; exit 1; }
	@echo "Installing into .venv ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable .
	@touch $(READY)

# The packages run without chromadb, whose place Ochre takes: --no-deps, because they ask for it.
.compat/chroma/ready: tests/compat/requirements-chroma.txt
	@echo "Installing into .compat/chroma ..."
	@$(PYTHON) -m venv .compat/chroma
	@.compat/chroma/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --requirement $<
	@touch $@

.compat/chroma-%/ready: tests/compat/requirements-chroma-%.txt
	@echo "Installing into .compat/chroma-$* ..."
	@$(PYTHON) -m venv .compat/chroma-$*
	@.compat/chroma-$*/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --requirement $<
	@touch $@

.compat/server/ready: tests/compat/requirements-server.txt
	@echo "Installing into .compat/server ..."
	@$(PYTHON) -m venv .compat/server
	@.compat/server/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --requirement $<
	@touch $@

# Milvus, the server, has wheels for x86-64 Linux and for macOS; without it the other engines are tested all the same.
.engines/ready: tests/engines/requirements.txt tests/engines/requirements-milvus.txt pyproject.toml
	@echo "Installing into .engines ..."
	@$(PYTHON) -m venv .engines
	@.engines/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --requirement $<
	@.engines/bin/python -m pip --disable-pip-version-check install --quiet --no-deps \
		--requirement tests/engines/requirements-milvus.txt || echo "without Milvus: its package has no wheel here" >&2
	@.engines/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.compat/javascript/ready: tests/compat/javascript/package.json
	@echo "Installing into .compat/javascript ..."
	@mkdir -p .compat/javascript
	@cp $< .compat/javascript
	@cd .compat/javascript && npm install --no-audit --no-fund --no-package-lock --loglevel error
	@touch $@

.compat/packages/ready: tests/compat/requirements-packages.txt pyproject.toml
	@echo "Installing into .compat/packages ..."
	@$(PYTHON) -m venv .compat/packages
	@.compat/packages/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --requirement $<
	@.compat/packages/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
