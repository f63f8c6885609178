# Every target can be repeated: the second time it only does what is missing.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run commands check test bench install

PREFIX ?= /usr/local
DESTDIR ?=
export PATH := $(HOME)/.cargo/bin:$(PATH)
export CARGO_TARGET_DIR ?= $(CURDIR)/target
export GUEST_TARGET_DIR ?= $(CURDIR)/commands-wasm/target
export HOST_TESTS_CACHE ?= $(HOME)/.cache/host-tests
COMPONENTS = $(CURDIR)/commands-wasm/target/components

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

run: ## install what is missing, build, and show migrations of a demo project
	@tools/setup.sh run
	@cargo build --locked
	@commands-wasm/build.sh
	@HOST=$(CARGO_TARGET_DIR)/debug/host HOST_COMMANDS=$(COMPONENTS) tools/demo.sh

commands: ## build the standard commands as WebAssembly components
	@tools/setup.sh run
	@commands-wasm/build.sh

check: ## formatting, lints and build, without services
	@tools/setup.sh check
	@tools/lint.sh

test: ## install what is missing, build, lint, and run every test against real services
	@tools/setup.sh test
	@tools/lint.sh
	@commands-wasm/build.sh
	@tests/guests/python/build.sh commands-wasm/target/test-guests/python.wasm $(HOST_TESTS_CACHE)/venv
	@cargo test --locked --manifest-path commands-wasm/Cargo.toml --target-dir $(GUEST_TARGET_DIR)
	@HOST_COMMANDS=$(COMPONENTS) cargo test --locked

bench: ## measure speed and memory as ratios to other programs
	@tools/setup.sh test
	@cargo build --locked --release
	@commands-wasm/build.sh
	@HOST_COMMANDS=$(COMPONENTS) tests/bench/run.sh

install: ## put the host, its standard commands and completions under PREFIX (/usr/local)
	@tools/setup.sh run
	@cargo build --locked --release
	@commands-wasm/build.sh
	@HOST=$(CARGO_TARGET_DIR)/release/host HOST_COMMANDS=$(COMPONENTS) tools/install.sh "$(DESTDIR)$(PREFIX)"
