# Every command sets up what it needs: a virtual environment from uv.lock, and nothing outside this folder.
# Needs git, make and Python 3.11 or newer.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
ONLY ?=

.PHONY: help setup demo up test slow check bench contracts contracts-lint clean-state faults browser javascript containers compose format

help: ## Show the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 16

# uv itself lives in .boot, so that nothing of yours is touched.
.boot/bin/uv:
	@echo "Setting up: fetching uv"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (set PYTHON=...)"; exit 1; }
	@$(PYTHON) -m venv .boot || { echo "This Python has no venv: install it (Debian: apt install python3-venv)"; exit 1; }
	@.boot/bin/pip install --quiet --disable-pip-version-check 'uv>=0.13.9,<0.14'

.venv/.ready: .boot/bin/uv uv.lock pyproject.toml $(wildcard shared/pyproject.toml services/*/pyproject.toml deploy/operator/pyproject.toml)
	@echo "Setting up: installing what uv.lock pins into .venv"
	@UV_PYTHON=$(PYTHON) .boot/bin/uv sync --frozen --no-progress $(UV_SYNC) 2> .boot/sync.log || { cat .boot/sync.log; exit 1; }
	@touch $@

setup: .venv/.ready ## Set up the environment, nothing else

demo: setup ## Play the first loop live (ARGS="--exit --people 10000")
	@$(BIN)/sinergi demo $(ARGS)

up: setup ## Run everything without the story
	@$(BIN)/sinergi up $(ARGS)

clean-state: setup ## Forget everything that demo and up keep
	@$(BIN)/sinergi clean

test: setup ## Run the tests on real servers
	@$(BIN)/pytest tests --ignore tests/faults --ignore tests/browser -m "not javascript and not slow" -n 3 --dist loadfile --durations 8 $(ARGS)

slow: setup ## Tests that kill processes, try any order of commands, or measure
	@$(BIN)/pytest tests --ignore tests/faults --ignore tests/browser -m slow -n 2 --dist loadfile --timeout 600 --durations 8 $(ARGS)

check: setup ## Lint architecture, style and types; compare contracts
	@$(BIN)/lint-imports --no-cache > .boot/imports.log || { cat .boot/imports.log; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/python -m sinergi_operator.contracts --check --events

contracts: setup ## Write shared/contracts anew from the code
	@$(BIN)/python -m sinergi_operator.contracts

LINT := tests/contracts/lint
contracts-lint: ## The contracts before AsyncAPI's own parser and spectral (needs node)
	@cd $(LINT) && npm ci --silent --ignore-scripts
	@cd $(LINT) && node parse.mjs $(CURDIR)/shared/contracts/asyncapi/*.json
	@cd $(LINT) && npx spectral lint --fail-severity warn $(CURDIR)/shared/contracts/openapi/*.json $(CURDIR)/shared/contracts/asyncapi/*.json

format: setup ## Format the code
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

# The peers that benches compare with (Splink and its pandas) are installed for them alone.
.venv/.bench: .venv/.ready
	@echo "Setting up: installing the benches' peers"
	@UV_PYTHON=$(PYTHON) .boot/bin/uv sync --frozen --no-progress --group bench $(UV_SYNC) 2> .boot/sync.log || { cat .boot/sync.log; exit 1; }
	@touch $@

bench: .venv/.bench ## Measure the promises (ONLY=P1)
	@$(BIN)/python -m bench $(ONLY)

faults: setup ## kill -9 of everything, under load
	@$(BIN)/pytest tests/faults $(ARGS)

browser: setup ## Click through BPTSP's answer in Debian's Chromium
	@$(BIN)/pytest tests/browser $(ARGS)

javascript: setup ## The plug-ins in plain JavaScript, under node
	@$(BIN)/pytest tests/agency tests/journeys -m javascript $(ARGS)

containers: setup ## The tests of the library on the images of docker-compose.yml
	@SINERGI_TEST_BACKEND=containers TESTCONTAINERS_RYUK_DISABLED=true $(BIN)/pytest tests/shared $(ARGS)

compose: ## Build the images, run everything in them, play the story against it
	@docker compose up --build --wait && docker compose run --rm demo
