VENV := .venv
BIN := $(VENV)/bin
EVENTS ?= 0
MINUTES ?= 20
SCOPE ?= partition
PROCESSES ?= auto
LOWEST ?= .venv-lowest

.PHONY: install install-dev test check lowest soak demo clean

# What the service and the demo need; and what the checks need beyond it, in the same place.
install: $(VENV)/.demo
install-dev: $(VENV)/.dev

$(VENV)/.demo $(VENV)/.dev: $(VENV)/.%: deploy/install.sh pyproject.toml constraints.txt
	deploy/install.sh $(VENV) $*
	touch $@

check: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: check
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

# What needs no broker, with the lowest versions that pyproject.toml allows, in an environment of its own.
lowest:
	deploy/install.sh $(LOWEST) dev lowest
	$(LOWEST)/bin/python -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder \
		-m "not kafka and not slow and not device"

soak: install-dev
	$(BIN)/python -m tests.faults.soak --minutes $(MINUTES) --scope $(SCOPE)

demo: install
	$(BIN)/ithaca demo --events $(EVENTS)

clean:
	rm -rf $(VENV) $(LOWEST) .mypy_cache .pytest_cache .ruff_cache
