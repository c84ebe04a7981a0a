# make run   sets everything up and runs the scheduler (first on the examples, nothing configured)
# make test  sets everything up and runs the tests
# make lint  style and types
# make bench measurements
.PHONY: run test lint bench slow
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

run: $(VENV)/.installed
	@$(BIN)/python main.py run

test: $(VENV)/.installed-dev
	@$(BIN)/python -m pytest -n 4

slow: $(VENV)/.installed-dev
	@$(BIN)/python -m pytest -m slow

lint: $(VENV)/.installed-dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy .

bench: $(VENV)/.installed-dev
	@for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

# uv is fast where its wheel exists; pip is the way where it does not. What they print is shown only when both fail.
define install
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	@echo "Setting up $(VENV) from $(1) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@( $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.8 \
	   && $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r $(1) ) > $(VENV)/install.log 2>&1 \
	 || $(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(1) >> $(VENV)/install.log 2>&1 \
	 || { cat $(VENV)/install.log; exit 1; }
	@touch $(2)
endef

$(VENV)/.installed: requirements.txt
	$(call install,requirements.txt,$@)

$(VENV)/.installed-dev: requirements-dev.txt requirements.txt
	$(call install,requirements-dev.txt,$@)
	@touch $(VENV)/.installed
