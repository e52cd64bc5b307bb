# Each target sets up what it needs. Debian packages come through apt where this user may install them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 7860
DURATION ?= 30
SEED ?= 0
OUT ?= out
DEBIAN_APP := $(shell cat packages.txt)
READY := $(VENV)/.ready
READY_DEV := $(VENV)/.ready-dev

.PHONY: help setup setup-dev debian-app debian-test demo song test test-all lint format bench bench-setup clean \
	train-emotion train-hearing train-hearing-audio train-referee train-composer

help:
	@echo "make demo                    set up and open the page (PORT=$(PORT))"
	@echo "make song PICTURE=file.jpg   a picture to music without a browser (DURATION, SEED, OUT)"
	@echo "make test                    set up and run every check; make test-all also the slow and large ones"
	@echo "make lint | format | bench | train-emotion | train-hearing | train-hearing-audio | train-referee | train-composer"

setup: debian-app $(READY)

# A fresh machine has no index of packages, hence the update; -n never asks for a password.
define debian
	@missing=""; for package in $(1); do \
	  dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'install ok installed' || missing="$$missing $$package"; done; \
	if [ -n "$$missing" ]; then \
	  if ! command -v apt-get >/dev/null; then \
	    echo "Please install what Debian calls:$$missing" >&2; exit 1; fi; \
	  if [ "$$(id -u)" = 0 ]; then sudo=""; elif sudo -n true 2>/dev/null; then sudo="sudo -n"; else \
	    echo "These Debian packages are missing:$$missing. Install them with: sudo apt-get install$$missing" >&2; exit 1; fi; \
	  $$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends $$missing; fi
endef

debian-app:
	$(call debian,$(DEBIAN_APP))

debian-test: debian-app
	$(call debian,chromium)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Ekphonia needs Python 3.11 or newer; set PYTHON=, such as make PYTHON=python3.11." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python cannot make a virtual environment; install python3-venv." >&2; exit 1; }
	$(BIN)/python -m pip install -q --upgrade pip

# tinysoundfont, the stand-in synthesizer, asks for PyAudio, which it only needs to play through a sound card.
$(READY): requirements.txt constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -q -r requirements.txt -c constraints.txt
	$(BIN)/python -m pip install -q --no-deps -c constraints.txt tinysoundfont
	@touch $@

$(READY_DEV): $(READY) pyproject.toml
	$(BIN)/python -m pip install -q --group dev --group training -c constraints.txt
	@touch $@

setup-dev: debian-test $(READY_DEV)

demo: setup
	$(BIN)/python app.py --port $(PORT)

song: setup
	@[ -n "$(PICTURE)" ] || { echo "Which picture? make song PICTURE=assets/examples/happy.jpg" >&2; exit 2; }
	$(BIN)/python -m pipelines "$(PICTURE)" --duration $(DURATION) --seed $(SEED) --out "$(OUT)"

test: setup-dev lint
	$(BIN)/python -m pytest -m "not slow and not large"

test-all: setup-dev lint
	$(BIN)/python -m pytest

# gradio writes stubs beside its subclasses, which mypy would read instead of the code.
lint: $(READY_DEV)
	@rm -f page/*.pyi
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY_DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench-setup: setup-dev
	$(BIN)/python -m pip install -q --group bench -c constraints.txt

bench: bench-setup
	$(BIN)/python -m training.bench

train-emotion: setup-dev
	$(BIN)/python -m training.emotion

train-hearing: setup-dev
	$(BIN)/python -m training.hearing

train-hearing-audio: setup-dev
	$(BIN)/python -m training.hearing --audio

train-referee: setup-dev
	$(BIN)/python -m training.metrics.referee --fit

train-composer: setup-dev
	$(BIN)/python -m training.composer

clean:
	rm -rf $(VENV) out runs .mypy_cache .ruff_cache .pytest_cache
