PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EVENTS ?= 0
MINUTES ?= 20
PROCESSES ?= auto

.PHONY: install test check soak demo clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: check
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

soak: install
	$(BIN)/python -m tests.faults.soak --minutes $(MINUTES)

demo: install
	$(BIN)/ithaca demo --events $(EVENTS)

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache
