# The one door. `make` is lint + test; `make demo` and `make test` do all the set-up on a fresh machine.
SHELL := /bin/sh
BIN := .venv/bin

.DEFAULT_GOAL := check
.PHONY: check setup demo test lint oracles bench docs catalogue torture lock clean

check: lint test

setup: ## install what Drillyard needs into .venv, from wheels, without root
	@sh scripts/setup.sh runtime

demo: setup ## play incident 5 from beginning to end and print where its report is
	@$(BIN)/drill demo

test: ## every test that wheels alone can run, in two processes (WORKERS=n)
	@sh scripts/setup.sh dev
	@PYTHONPATH= $(BIN)/python -m pytest -q -m "not oracle and not long" -n $(or $(WORKERS),2) --dist loadfile

lint: ## ruff, strict types, the layers of the house
	@sh scripts/setup.sh dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

oracles: ## our imitations against the real systems that this machine has or can install
	@sh scripts/setup.sh dev
	@sh scripts/oracles.sh

bench: setup ## measure, and write the figures of README and docs to docs/figures.md (ONLY=section, ROUNDS=n)
	@PYTHONPATH=scripts $(BIN)/python -m bench $(if $(ONLY),--only $(ONLY)) $(if $(ROUNDS),--rounds $(ROUNDS))

docs: setup ## write again the pages that are generated from the code
	@$(BIN)/python scripts/docs.py

catalogue: ## every incident twice in a row, three in an order drawn by the day, each one sabotaged, and the long tests (CATALOGUE_SEED=text)
	@sh scripts/setup.sh dev
	@PYTHONPATH= CATALOGUE=all $(BIN)/python -m pytest -q -m "not oracle" tests/incidents --durations=0

torture: setup ## the long ones: drills in a row, every pod killed under load, and more (ONLY=section)
	@PYTHONPATH=scripts $(BIN)/python -m torture $(if $(ONLY),--only $(ONLY))

lock: ## resolve the dependencies again (needs the dev environment)
	@$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header -q -o requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-header -q -c requirements.lock -o requirements-dev.lock

clean:
	rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache .hypothesis
