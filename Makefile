# `make check` is all that CI runs on the checkout; `make bench` prints every benchmark's rows.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: check format bench clean

# Editable, so that commands started elsewhere by a test run the checkout too.
.venv/made: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -c constraints.txt -e ".[all,dev]"
	touch $@

check: .venv/made
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy --strict
	$(BIN)/pytest -n 2 --dist loadfile

format: .venv/made
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

# A benchmark is a script that ends in harness.main; each row names its commit, machine and seed.
bench: .venv/made
	@for file in $$(grep -l '^    sys.exit(harness.main(' benchmarks/*.py); do \
	    name=$$(basename $$file .py); \
	    echo "== $$name"; \
	    $(BIN)/python -m benchmarks.$$name --quick || exit 1; \
	done

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
