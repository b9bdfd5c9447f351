# The front door. Every target installs what is missing (Debian 12), asks nothing, and can be repeated.
#   make run      build, write the telecom project to ./demo, generate events, run, serve on http://127.0.0.1:8000
#   make kafka    a Kafka broker on the loopback, to try Tarn with
#   make check    every test suite; the last line is "N passed, N failed"
PREFIX ?= /usr/local
export DEMO ?= demo
export EVENTS ?= 250000
export PORT ?= 8000
export FUZZ_SECONDS ?= 60
export KAFKA_PORT ?= 9092
SANITIZE = -Db_sanitize=address,undefined -Db_lundef=false

.PHONY: run kafka check build bench soak fuzz asan tsan clean install build-asan build-tsan build-fuzz packages-build packages-check packages-fuzz packages-kafka

run: build
	@tools/demo

# An Apache Kafka broker on 127.0.0.1:$KAFKA_PORT until Ctrl-C, from Maven Central; its data stays in build/kafka-data.
kafka: packages-kafka
	@/usr/bin/python3 tests/kafka/broker.py

check: build build-asan build-tsan packages-check
	@tools/fetch-test-tools
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

# The server and the tests of what its threads share.
build-tsan: packages-build
	@tools/fetch-duckdb
	@tools/configure build-tsan -Db_sanitize=thread -Db_lundef=false $(if $(DUCKDB_DIR),-Dduckdb_dir=$(DUCKDB_DIR))
	@ninja -C build-tsan tarn tests/unit/test_cache tests/unit/test_current tests/unit/test_access tests/unit/test_metrics

build-fuzz: packages-fuzz
	@tools/fetch-duckdb
	@CC=clang-14 tools/configure build-fuzz -Dfuzz=true $(SANITIZE) $(if $(DUCKDB_DIR),-Dduckdb_dir=$(DUCKDB_DIR))
	@ninja -C build-fuzz

# All tests but the kill and load ones under AddressSanitizer and UBSan.
asan: build-asan packages-check
	@tools/fetch-test-tools
	@tools/check asan asan-e2e

# What the server's threads share, under ThreadSanitizer.
tsan: build build-tsan packages-check
	@tools/check tsan

# Each harness of tests/fuzz for FUZZ_SECONDS.
fuzz: build-fuzz
	@tools/fuzz

bench: build packages-check
	@bench/run

# The long versions: 100 kills, long loads; takes hours with FUZZ_SECONDS=3600 make soak fuzz.
soak: build build-asan packages-check
	@tools/fetch-test-tools
	@TARN_SOAK=1 tools/check unit e2e fault kafka asan-e2e

# 10,000 random requests made from the API's own description, each answer held to it.
fuzz-api: build packages-check
	@tools/fetch-test-tools
	@TARN_SOAK=1 /usr/bin/python3 -m pytest -q tests/e2e/test_fuzz_api.py

install: build
	@meson install -C build --no-rebuild

clean:
	rm -rf build build-asan build-tsan build-fuzz

packages-build packages-check packages-fuzz packages-kafka: packages-%:
	@tools/install-packages $*
