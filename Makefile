# `make help` lists what there is to do.
SHELL := bash
.DEFAULT_GOAL := help
PYTHON ?= python3
# Processes that `make test` runs the tests in; each has its own servers, and waits more than it computes.
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null || echo $(BIN)/uv)
GRPC_TOOLS := 1.68.1

.PHONY: help setup demo test test-fast chaos lint format types proto docs bench lock clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  \033[36m%-10s\033[0m %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## Create .venv with everything, locked by hash; .venv/bin/headwater works afterwards

$(VENV)/.ready: requirements.lock services/pyproject.toml clients/python/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Headwater needs Python 3.11 or newer; this is $$($(PYTHON) --version). Name one: make setup PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@command -v uv >/dev/null 2>&1 || test -x $(BIN)/uv || $(BIN)/python -m pip install -q --disable-pip-version-check uv
	$(UV) pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e clients/python -e services
	@$(BIN)/python -m compileall -q clients/python/src services
	@touch $@

demo: setup ## From a flow to a promoted model: the whole platform on this machine
	@$(BIN)/python examples/digits/demo.py

test: setup ## All tests, against real servers that they start themselves; JOBS=1 one after the other
	$(BIN)/pytest -n $(JOBS) --dist loadscope --no-loadscope-reorder tests/chaos tests/e2e tests/integration tests/contract tests/unit

test-fast: setup ## Only the tests that start nothing
	$(BIN)/pytest tests/unit

chaos: setup ## Only the tests that kill parts of a running platform
	$(BIN)/pytest tests/chaos

lint: setup ## Formatting, lint, architecture, types, protos, generated pages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/buf lint proto
	@if git rev-parse -q --verify origin/main >/dev/null; then $(BIN)/buf breaking proto --against '.git#ref=refs/remotes/origin/main,subdir=proto'; fi
	$(BIN)/pyright
	$(BIN)/python infra/generate.py --check

format: setup ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

proto: setup ## Generate the Python stubs from proto/ (with the oldest protobuf that we support)
	$(BIN)/buf lint proto
	$(UV) run -q --no-project --with 'grpcio-tools==$(GRPC_TOOLS)' --with 'setuptools<80' python -m grpc_tools.protoc -I proto \
	  --python_out=clients/python/src --pyi_out=clients/python/src --grpc_python_out=clients/python/src $$(cd proto && find headwater -name '*.proto')

docs: setup ## Generate the pages that come from code (settings, OpenAPI, AsyncAPI, infrastructure)
	$(BIN)/python infra/generate.py

bench: setup ## Measure; with PEERS=<venv with metaflow and mlflow> side by side; POINTS=100000000: that ingest, too
	$(BIN)/python tests/bench/run.py $(if $(PEERS),--peers $(PEERS))
	$(BIN)/python tests/bench/tracking.py $(if $(PEERS),--peers $(PEERS)) $(if $(POINTS),--points $(POINTS))

lock: ## Resolve the dependencies again
	$(UV) pip compile -q --universal --generate-hashes --no-header --python-version 3.11 services/pyproject.toml clients/python/pyproject.toml \
	  --all-extras --group pyproject.toml:dev --no-emit-package headwater -o requirements.lock $(ARGS)

clean: ## Remove the environment and caches
	rm -rf $(VENV) .ruff_cache .hypothesis .pytest_cache
