# Two commands on a fresh machine: `make demo` and `make test`.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
# uv does not read pip's settings
UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
export UV_FIND_LINKS
# without bytecode each of the many processes that tests start compiles torch anew
unexport PYTHONDONTWRITEBYTECODE
export OMP_NUM_THREADS ?= 1
WORKERS ?= 2

.PHONY: demo test lint types unit docs fuzz kills experiments benchmarks clean

demo: $(VENV)/.installed
	$(BIN)/remblai train wae-mmd --data digits --cost perceptual --cost.weight 0.2 --steps 2000 --sampler auto --out runs/demo --overwrite
	@echo "open runs/demo/report.html"

test: lint types unit

lint: $(VENV)/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.tested
	$(BIN)/mypy

unit: $(VENV)/.tested
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not slow"

# Damaged files, random problems, random words: a slice of it runs with the suite, this for minutes.
fuzz: $(VENV)/.tested
	REMBLAI_FUZZ=fuzz $(BIN)/pytest tests/fuzz -n $(WORKERS) -m "not slow"

# 100 kills of trainings of each kind, whose bytes are compared: an hour, which goes on where it was stopped.
kills: $(VENV)/.tested
	$(BIN)/python benchmarks/kills.py --kills 100

# The site, into build/site; a broken link or name ends it.
docs: $(VENV)/.documented
	$(BIN)/mkdocs build --strict

# Experiments of minutes: the figures in the README and the docs.
experiments: $(VENV)/.tested
	$(BIN)/pytest -m slow

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache

$(VENV)/.made:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "error: Python's venv module is missing; install it first (Debian, Ubuntu: apt install python3-venv)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml constraints.txt
	./install.sh $(BIN) -e ".[exact]"
	@touch $@

$(VENV)/.tested: $(VENV)/.made pyproject.toml constraints.txt
	./install.sh $(BIN) -e ".[test]"
	@touch $@ $(VENV)/.installed

$(VENV)/.documented: $(VENV)/.made pyproject.toml constraints.txt
	./install.sh $(BIN) -e ".[docs]"
	@touch $@
