# Headwater. `make demo` and `make test` install what they need on Debian and Ubuntu, after saying so.

SOURCES := Sources Tests Package.swift

.PHONY: build demo test soak canaries bench bench-quick install uninstall schema format lint clean

build: ## both binaries, self-contained
	@scripts/bootstrap.sh build
	@scripts/build.sh

demo: ## a real directory to four peers behind real SSH servers on this machine
	@scripts/bootstrap.sh build demo
	@scripts/build.sh
	@scripts/demo.sh

test: ## everything that CI runs
	@scripts/bootstrap.sh build test
	@scripts/test.sh

soak: ## the long variants: 100 kills of each end, cuts that only silence tells, two million histories, all small trees
	@scripts/bootstrap.sh build test
	@scripts/build.sh
	@HEADWATER_SOAK=1 HEADWATER_BIN_DIR="$$(scripts/build.sh --show-bin-path)" \
		swift test --disable-xctest --filter 'EndToEndTests|ReconciliationTests'

canaries: ## one line of the product changed at a time: the rig of reconciliation must find each
	@scripts/bootstrap.sh build test
	@scripts/canaries.sh

bench: ## the whole scoreboard beside rsync, at least five times each, some three hours; writes Benchmarks/RESULTS.md
	@scripts/bootstrap.sh build test bench
	@scripts/build.sh
	@Benchmarks/bench.py

bench-quick: ## the same with small trees in under five minutes; prints only
	@scripts/bootstrap.sh build bench
	@scripts/build.sh
	@Benchmarks/bench.py --quick

install: ## to DESTDIR/PREFIX; /usr/local for root, else ~/.local; with completions and the schema
	@scripts/bootstrap.sh build
	@scripts/build.sh
	@scripts/install.sh

uninstall: ## takes away what install put there; the same DESTDIR and PREFIX
	@scripts/install.sh --uninstall

schema: ## the JSON Schema of topology files, from the program
	@swift build --product headwater
	@"$$(swift build --show-bin-path)/headwater" schema > docs/schema/headwater.schema.json.new
	@mv docs/schema/headwater.schema.json.new docs/schema/headwater.schema.json

format:
	swift format --in-place --recursive $(SOURCES)

lint:
	swift format lint --strict --recursive $(SOURCES)

clean:
	rm -rf .build Benchmarks/work
