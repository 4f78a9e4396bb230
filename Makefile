# The commands of this repository. `make` alone lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
RUN    := $(VENV)/.installed-run
TEST   := $(VENV)/.installed-test
NODE_TOOLS := tests/snarkjs/node_modules/.installed
CODE   := ledger consensus zkp contracts client workflows explorer node cli

.DEFAULT_GOAL := help
.PHONY: help install native native-once bytecode demo test check sim sim-mutants fuzz bench accept vectors wheels lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(RUN): pyproject.toml requirements/run.lock
	@scripts/require-python "$(PYTHON)"
	@$(PIP) --version >/dev/null 2>&1 || "$(PYTHON)" -m venv $(VENV)
	@echo "Installing what running needs into $(VENV) (about a minute, once)"
	@$(PIP) install --require-hashes -r requirements/run.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(TEST): $(RUN) requirements/test.lock
	@echo "Installing what the tests need"
	@$(PIP) install --require-hashes -r requirements/test.lock
	@touch $@

$(NODE_TOOLS): tests/snarkjs/package-lock.json
	@if command -v npm >/dev/null; then \
	  echo "Installing snarkjs, the outside judge of our proofs"; \
	  cd tests/snarkjs && npm ci --silent --no-audit --no-fund && touch node_modules/.installed; \
	else echo "npm is not here: the tests against snarkjs will be skipped, or fail under CI"; fi

# The crate where cargo is: never an error, and nothing to do a second time.
native-once: $(RUN)
	@$(BIN)/python scripts/build_native.py

native: $(RUN)  ## build the native engine, also after an attempt that failed
	@$(BIN)/python scripts/build_native.py --retry

# As pip does for what it installs: where Python may not write it, each start would compile anew.
bytecode: $(RUN)
	@$(BIN)/python -m compileall -q $(CODE)

install: native bytecode  ## create .venv with the quorate command and, where cargo is, the native engine
	@$(BIN)/quorate version | head -n 1

demo: native-once bytecode  ## four departments, their equity transfers and the cheats, from nothing
	@$(BIN)/python scripts/demo.py

test: $(TEST) $(NODE_TOOLS) native-once  ## all tests but `vectors` and `accept`
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

check: $(TEST)  ## ruff, mypy strict, import-linter, doctests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest --doctest-modules --no-header -p no:cacheprovider \
	  --ignore-glob='*/native.py' \
	  $(CODE)

sim: $(TEST)  ## SEED=n replays one simulation; SEEDS=k START=n runs k of them
	@$(BIN)/python -m tests.simulation.run $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),100) --start $(or $(START),1))

sim-mutants: $(TEST)  ## [PATCH=FILE]: does simulation find each planted protocol fault?
	@$(BIN)/python -m tests.simulation.mutants $(if $(PATCH),--patch $(PATCH))

fuzz: $(TEST) native-once  ## SEED=n [SECONDS=s]: damaged bytes for every parser, then the engines' duel
	@$(BIN)/python -m tests.fuzz.parsers --seed $(or $(SEED),1) --seconds $(or $(SECONDS),60)
	@$(BIN)/python -m tests.fuzz.engines --seed $(or $(SEED),1)

bench: $(TEST) native-once  ## the benchmarks: tables here, figures in build/bench/
	@for benchmark in benchmarks/*.py; do $(BIN)/python $$benchmark || exit 1; done

accept: $(TEST) $(NODE_TOOLS) native-once  ## ON=topic [ONLY=name]: the long acceptance runs
	@$(BIN)/python -m tests.acceptance.run $(or $(ON),transfer) $(if $(ONLY),--only $(ONLY))

vectors: $(TEST) native-once  ## Ethereum's suites in full, and other long conformance runs
	@test -d ../shared/vectors/ethereum || \
	  { echo "expected Ethereum's suites in ../shared/vectors/ethereum, found nothing"; exit 1; }
	@$(BIN)/python -m pytest -rA -m "vectors or suites" $(ARGS)

wheels: $(RUN)  ## wheels for an offline installation, in build/wheels
	@$(BIN)/python -m scripts.wheels

lock:  ## renew the lock files from pyproject.toml
	@$(PIP) install pip-tools
	@$(BIN)/pip-compile -q $(LOCK_OPTIONS) -o requirements/run.lock pyproject.toml requirements/build.in
	@$(BIN)/pip-compile -q $(LOCK_OPTIONS) --extra test -c requirements/run.lock \
	  -o requirements/test.lock pyproject.toml requirements/build.in
	@$(BIN)/pip-compile -q $(LOCK_OPTIONS) -o requirements/native.lock requirements/native.in
LOCK_OPTIONS := --generate-hashes --no-emit-index-url --no-emit-find-links \
  --no-emit-trusted-host --strip-extras --allow-unsafe

clean:  ## remove what was built; keeps .venv
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
