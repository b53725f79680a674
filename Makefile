# Everything a developer or CI needs; each target creates what it lacks.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What users install; developing needs more, among it Spark.
STAMP := $(VENV)/.installed
DEV := $(VENV)/.installed-dev
WORKERS ?= auto
FUZZ_SECONDS ?= 60
# Tests that need Node.js are skipped without it; lint fails without it.
NODE_TOOLS := tools/node_modules/.installed
TEST_TOOLS := $(if $(shell command -v npm),$(NODE_TOOLS))

.PHONY: demo test lint fuzz bench docs clean

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[evidence]'
	touch $(STAMP)

$(DEV): $(STAMP)
	$(BIN)/python -m pip install --quiet --editable '.[s3,spark]' --group dev
	touch $(DEV)

$(NODE_TOOLS): tools/package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund --prefix tools
	touch $@

demo: $(STAMP) ## the whole story in a scratch directory
	$(BIN)/gaitops demo

test: $(DEV) $(TEST_TOOLS) ## all tests
	$(BIN)/python -m pytest -q -n $(WORKERS)

lint: $(DEV) $(NODE_TOOLS) ## style, types, workflows, generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tools/lint_workflows.py

fuzz: $(DEV) ## readers of hostile bytes, for FUZZ_SECONDS seconds
	$(BIN)/python -m tests.fuzz.fuzz_artifacts -max_total_time=$(FUZZ_SECONDS)

bench: $(DEV) ## measured ratios of docs/performance, takes minutes
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.evidence

docs: $(STAMP) ## write generated references and schemas
	$(BIN)/python -m gaitops.cli.reference --write

clean:
	rm -rf $(VENV) tools/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis
