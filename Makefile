# The two commands are `make run` and `make test`; `make help` lists the rest.
# Each target is one script, so that a shell without make can do the same.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:

# Everything that is built stays inside the tree.
export CARGO_TARGET_DIR := $(CURDIR)/target

# Arguments for the program that run, desktop, crowd or bench starts.
ARGS ?=

.PHONY: help run desktop bundle test crowd bench package fmt clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' $(MAKEFILE_LIST)
	@echo '  ARGS="..." hands arguments to the program that run, desktop, crowd or bench starts.'

run: ## Build the server and start it
	@scripts/run $(ARGS)

desktop: ## Build the desktop program and start it
	@scripts/desktop $(ARGS)

bundle: ## Build the Debian and RPM packages of the desktop program
	@scripts/bundle

test: ## Check and test everything
	@scripts/test

crowd: ## Join a headless crowd to a running server
	@scripts/crowd $(ARGS)

bench: ## Measure server and crowd, and write docs/BENCHMARKS.md
	@scripts/bench $(ARGS)

package: ## Build the Debian and RPM packages of the server
	@scripts/package

fmt: ## Format the Rust code
	@cargo fmt --all

clean: ## Remove what was built
	@rm -rf -- "$(CARGO_TARGET_DIR)"
