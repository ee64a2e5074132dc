# Needs git, make, Python 3.11 or newer and Rust 1.95 or newer, on Linux or macOS; everything else goes into .venv and target.
#
# Each target works alone in an empty clone. Stamps make the second run quick:
#   .venv/.stamps/venv                     the virtual environment exists
#   .venv/.stamps/base, test, lint, bench  those requirements of pyproject.toml are installed (again when it changes)
#   python/comove/_comove.abi3.so          the extension itself; older than a Rust source, a manifest, the lock file or
#                                          pyproject.toml, it is built again
# The stamps live in .venv, so removing that directory is always safe. Pure Python changes need no build: the install is editable.
#
# make test PYTEST_ARGS="-k panel"    make bench BENCH_ARGS="..."    make PYTHON=python3.12 ...

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
EXTENSION := python/comove/_comove.abi3.so
RUST_SOURCES := $(shell find rust -type f \( -name '*.rs' -o -name Cargo.toml \) 2>/dev/null) \
	$(wildcard Cargo.toml Cargo.lock .cargo/config.toml)

# The interpreter for the virtual environment; when empty, the first of the list in the venv rule that is new enough.
PYTHON ?=
PYTEST_ARGS ?=
BENCH_ARGS ?=

# rustup puts cargo where a fresh shell may not look.
CARGO_BIN := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin
export PATH := $(PATH):$(CARGO_BIN)
CARGO := $(or $(shell command -v cargo 2>/dev/null),$(CARGO_BIN)/cargo)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
ifeq ($(CI),true)
export PIP_NO_INPUT := 1
export PIP_PROGRESS_BAR := off
export CARGO_TERM_PROGRESS_WHEN := never
endif

# Requirements of the build and of [project], with the extras named as arguments, one a line. This and not
# `pip install .[test]`, which would build the extension a second time in a copy of its own.
REQUIREMENTS := $(BIN)/python -c "import sys, tomllib; \
t = tomllib.load(open('pyproject.toml', 'rb')); p = t['project']; e = p['optional-dependencies']; \
print(*t['build-system']['requires'], *p['dependencies'], *(r for x in sys.argv[1:] for r in e[x]), sep='\n')"

.DEFAULT_GOAL := help
# Two pip runs in one environment would disturb each other; cargo uses all processors by itself.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo all lint lint-python lint-rust test test-rust test-python test-rl asan bench bench-check build wheel smoke deny clean toolchain

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: $(EXTENSION)  ## simulated market, features, estimated against true betas
	$(BIN)/comove demo

all: lint test test-rl bench-check  ## what CI runs

lint: lint-python lint-rust  ## format, ruff, mypy, stubtest, clippy, rustdoc

lint-python: $(STAMPS)/lint $(EXTENSION)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m mypy
	$(BIN)/python -m mypy.stubtest comove._comove --mypy-config-file pyproject.toml

# PYO3_PYTHON: otherwise pyo3 asks whichever python3 comes first, which may be too old for abi3-py311.
lint-rust: $(STAMPS)/venv | toolchain
	$(CARGO) fmt --all --check
	PYO3_PYTHON="$(CURDIR)/$(BIN)/python" $(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc -p comove-core --no-deps --locked

test: test-rust test-python  ## cargo test in debug and release, then pytest

# The binding crate is left out: it holds no arithmetic, it is tested through Python, and a Rust test binary of it
# would have to link libpython, which many machines lack (no python3-dev, a static build).
test-rust: | toolchain
	$(CARGO) test --workspace --exclude comove-py --locked
	$(CARGO) test --workspace --exclude comove-py --locked --release

# As many processes as processors, each file of tests in one of them; PYTEST_ARGS="-n 0" for one.
test-python: $(STAMPS)/test $(EXTENSION)
	$(BIN)/python -m pytest -n auto --dist loadfile $(PYTEST_ARGS)

# In a folder of its own and not in .venv, so that an installation which is cut short leaves nothing half there, and
# `make test` stays quick. Five minutes: past them the tests are skipped, and say so; any other failure to install is one.
# --no-compile: most of torch is never imported.
RL := target/rl
RL_SECONDS := 300
RL_TESTS := tests/test_rl_environment.py tests/test_rl_training.py tests/test_backtest_agent.py

test-rl: $(STAMPS)/test $(EXTENSION)  ## train agents by PPO; needs torch: 5 GB, 5 minutes at the most
	@$(BIN)/python .ci/install_within.py $(RL_SECONDS) $(RL) rl; case $$? in \
		0) set -x; PYTHONPATH=$(RL) $(BIN)/python -m pytest $(RL_TESTS) $(PYTEST_ARGS);; \
		75) echo "make test-rl: SKIPPED: the extra rl was not installed within $(RL_SECONDS) s, so no agent was trained";; \
		*) exit 1;; \
	esac

# The plugin interface is the only unsafe code. RUSTC_BOOTSTRAP: the flag is a nightly one. PYO3_BUILD_EXTENSION_MODULE: as
# maturin does, so that no second libpython is linked. The runtime is gcc's, for rustc's own is static. A copy of the
# package takes the library, so that the one in python/comove stays.
ASAN_TESTS := tests/test_polars_door.py tests/test_same_answer.py tests/test_errors.py tests/test_options.py tests/test_arrays_door.py

asan: $(STAMPS)/test | toolchain  ## the plugin's tests under the address sanitizer (Linux, needs gcc)
	@set -e; host=$$($(CARGO) -vV | sed -n 's/^host: //p'); runtime=$$(gcc -print-file-name=libasan.so); \
	case "$$runtime" in /*) ;; *) echo "make asan needs gcc and its libasan.so" >&2; exit 1;; esac; \
	set -x; RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address PYO3_BUILD_EXTENSION_MODULE=1 CARGO_PROFILE_DEV_OPT_LEVEL=1 \
		PYO3_PYTHON="$(CURDIR)/$(BIN)/python" $(CARGO) build -p comove-py --locked --target $$host --target-dir target/asan; \
	rm -rf target/asan/python; cp -R python target/asan/python; rm -f target/asan/python/comove/*.so; \
	cp target/asan/$$host/debug/lib_comove.so target/asan/python/comove/_comove.abi3.so; \
	LD_PRELOAD="$$runtime" ASAN_OPTIONS=detect_leaks=0 PYTHONPATH=target/asan/python \
		$(BIN)/python -m pytest -p no:cacheprovider $(ASAN_TESTS) $(PYTEST_ARGS)

bench: $(STAMPS)/bench $(EXTENSION)  ## measure against the rivals and write the table of benches/README.md
	$(BIN)/python benches/run.py $(BENCH_ARGS)

bench-check: $(STAMPS)/bench $(EXTENSION)  ## does every bench run? tiny sizes, nothing is written
	$(BIN)/python benches/run.py --quick

build: $(EXTENSION)  ## build the extension into .venv (release profile)

wheel: $(STAMPS)/base | toolchain  ## build the abi3 wheel into dist
	rm -rf dist
	$(BIN)/maturin build --release --locked --strip --interpreter $(BIN)/python --out dist

smoke: wheel  ## install that wheel into an environment of its own and try it
	$(BIN)/python -m venv --clear target/smoke
	target/smoke/bin/python -m pip install --quiet dist/*.whl
	target/smoke/bin/python -I .ci/smoke.py
	cd target && smoke/bin/comove demo

deny:  ## licences and advisories of the crates (needs cargo-deny)
	$(CARGO) deny check

clean:  ## remove everything that was built or installed
	rm -rf $(VENV) target dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	rm -f python/comove/*.so
	find python tests benches -type d -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

toolchain:
	@$(CARGO) --version >/dev/null 2>&1 || { echo "comove needs Rust 1.95 or newer: cargo was not found" >&2; exit 1; }

$(STAMPS)/venv:
	@set -e; python="$(PYTHON)"; \
	if [ -z "$$python" ]; then \
		for name in python3 python3.14 python3.13 python3.12 python3.11; do \
			if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; \
		done; \
	fi; \
	if [ -z "$$python" ]; then echo "comove needs Python 3.11 or newer; name one: make PYTHON=/path/to/python" >&2; exit 1; fi; \
	echo "$$python -m venv $(VENV)"; "$$python" -m venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/base: $(STAMPS)/venv pyproject.toml
	@$(REQUIREMENTS) > $@.txt
	$(BIN)/python -m pip install --quiet -r $@.txt
	@touch $@

$(STAMPS)/test $(STAMPS)/lint $(STAMPS)/bench: $(STAMPS)/base
	@$(REQUIREMENTS) $(@F) > $@.txt
	$(BIN)/python -m pip install --quiet -r $@.txt
	@touch $@

# The old library goes first: Polars loads the first one it finds in the package, and one that is mapped by a running
# process must not be written over.
$(EXTENSION): $(STAMPS)/base $(RUST_SOURCES) pyproject.toml | toolchain
	@rm -f python/comove/*.so
	unset CONDA_PREFIX; VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(BIN)/maturin develop --release --locked
	@touch -c $@
