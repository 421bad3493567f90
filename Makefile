# Everything a visitor or a developer does, by verb. `make run` and `make test` do all the set-up by themselves.
# Options: PYTHON=python3.12 (which Python makes .venv), ARGS="--port 9090" (for run), TESTS="tests/rtc -x" and JOBS=1 (for test).

PYTHON ?= python3
ARGS ?=
TESTS ?=
JOBS ?= 3
BIN = .venv/bin

.DEFAULT_GOAL = help
.PHONY: run test lint types docs bench reliability shots clean help setup setup-test

run: setup ## serve on http://localhost:8080; speak with it there
	@exec $(BIN)/mediaserver serve $(ARGS)

test: setup-test ## lint, types and the whole test suite
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python scripts/check_docs.py
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "not alone and not campaign" $(TESTS) || [ $$? = 5 ]
	$(BIN)/python -m pytest -m "alone and not campaign" $(TESTS) || [ $$? = 5 ]

lint: setup-test ## style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup-test ## mypy --strict
	$(BIN)/mypy

docs: setup-test ## links and code blocks of the documentation
	$(BIN)/python scripts/check_docs.py

bench: setup-test ## all benchmarks in a bounded version, beside their peers: about fifty minutes on a quiet machine
	$(BIN)/python -m benchmarks.floor
	$(BIN)/python -m benchmarks.added_latency --rounds 2 --tries 3
	$(BIN)/python -m benchmarks.sessions_per_core --seconds 5 --tries 3 --plot test-output/growth.svg
	$(BIN)/python -m benchmarks.full_relay --tries 3
	$(BIN)/python -m benchmarks.workers --rounds 2 --tries 3
	$(BIN)/python -m benchmarks.conversation
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.relay
	$(BIN)/python -m benchmarks.voice_to_voice --rounds 2 --turns 6 --tries 2
	$(BIN)/python -m benchmarks.interruption
	$(BIN)/python -m benchmarks.voices
	$(BIN)/python -m benchmarks.cache
	$(BIN)/python -m benchmarks.audio_api --tries 20 --refusals 2
	$(BIN)/python -m benchmarks.long_recording --seconds 3600

reliability: setup-test ## bad networks, hostile datagrams, load and leaks, every provider and its faults: the full amounts, well over an hour
	$(BIN)/python -m pytest -m campaign
	$(BIN)/python -m benchmarks.reliability
	$(BIN)/python -m benchmarks.load
	$(BIN)/python -m benchmarks.matrix
	$(BIN)/python -m benchmarks.faults

shots: setup-test ## pictures of the page in its main states, into test-output/
	$(BIN)/python -m tests.browser.shots

clean: ## forget the virtual environment and everything that was generated
	rm -rf .venv .setup build dist test-output .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup:
	@PYTHON=$(PYTHON) scripts/setup.sh run

setup-test:
	@PYTHON=$(PYTHON) scripts/setup.sh test
