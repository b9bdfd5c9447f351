# The front door. Every target installs what is missing (Debian 12), asks nothing, and can be repeated.
#   make run      build, write the telecom project to ./demo, generate events, run, serve on http://127.0.0.1:8000
#   make check    every test suite; the last line is "N passed, N failed"
PREFIX ?= /usr/local
export DEMO ?= demo
export EVENTS ?= 250000
export PORT ?= 8000
export FUZZ_SECONDS ?= 60
SANITIZE = -Db_sanitize=address,undefined -Db_lundef=false

.PHONY: run check build bench soak fuzz asan clean install build-asan build-fuzz packages-build packages-check packages-fuzz

run: build
	@tools/demo

check: build build-asan packages-check
	@tools/check

# The program, as build/tarn: optimised, with debug information and assertions.
build: packages-build
	@tools/fetch-duckdb
	@tools/configure build -Dprefix=$(PREFIX) $(if $(DUCKDB_DIR),-Dduckdb_dir=$(DUCKDB_DIR))
	@ninja -C build

build-asan: packages-build
	@tools/fetch-duckdb
	@tools/configure build-asan $(SANITIZE) $(if $(DUCKDB_DIR),-Dduckdb_dir=$(DUCKDB_DIR))
	@ninja -C build-asan

build-fuzz: packages-fuzz
	@tools/fetch-duckdb
	@CC=clang-14 tools/configure build-fuzz -Dfuzz=true $(SANITIZE) $(if $(DUCKDB_DIR),-Dduckdb_dir=$(DUCKDB_DIR))
	@ninja -C build-fuzz

# All tests but the kill and load ones under AddressSanitizer and UBSan.
asan: build-asan packages-check
	@tools/check asan asan-e2e

# Each harness of tests/fuzz for FUZZ_SECONDS.
fuzz: build-fuzz
	@tools/fuzz

bench: build packages-check
	@bench/run

# The long versions: 100 kills, long loads; takes hours with FUZZ_SECONDS=3600 make soak fuzz.
soak: build packages-check
	@TARN_SOAK=1 tools/check unit e2e fault

install: build
	@meson install -C build --no-rebuild

clean:
	rm -rf build build-asan build-fuzz

packages-build packages-check packages-fuzz: packages-%:
	@tools/install-packages $*
