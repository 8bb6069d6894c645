# `make demo` and `make test` do all their set-up themselves, in .venv and js/node_modules.
BIN := .venv/bin
READY := .venv/.ready
JS_READY := js/node_modules/.ready

.PHONY: help demo test system check test-python test-js bench lock clean

help:
	@echo "make demo   train a small network, convert it, prove it, write demo-out/report.html"
	@echo "make test   everything that CI runs: ruff, mypy, import rules, pytest, JavaScript tests"
	@echo "make check  ruff, mypy and import rules only"
	@echo "make bench  the benchmarks, side by side with peers (about an hour)"
	@echo "make lock   make the lock files anew"

demo: $(READY)
	$(BIN)/littoral demo -o demo-out

test: system check test-python test-js

system:
	sh scripts/system.sh

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test-python: $(READY) $(JS_READY)
	$(BIN)/pytest -q -n 2

test-js: $(JS_READY)
	cd js && npm test --silent

bench: $(READY) $(JS_READY)
	$(BIN)/python -m benchmarks.convert
	$(BIN)/python -m benchmarks.devices
	$(BIN)/python -m benchmarks.openvino_rows
	$(BIN)/python -m benchmarks.peers
	$(BIN)/python -m benchmarks.fuzz_tflite
	$(BIN)/python -m benchmarks.edgetpu_placement
	$(BIN)/python -m benchmarks.poses
	$(BIN)/python -m benchmarks.coral_faults
	$(BIN)/python -m benchmarks.webnn
	$(BIN)/python -m benchmarks.functions

$(READY): requirements.lock bootstrap.lock pyproject.toml scripts/setup.sh
	sh scripts/setup.sh
	@touch $@

$(JS_READY): js/package.json js/package-lock.json js/scripts/unpack-chromium.mjs
	cd js && npm ci --ignore-scripts --no-audit --no-fund && node scripts/unpack-chromium.mjs
	@touch $@

lock: $(READY)
	echo uv | $(BIN)/uv pip compile - --universal --generate-hashes --no-emit-index-url --no-header --upgrade -o bootstrap.lock
	$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.10 \
	    --generate-hashes --no-emit-index-url --no-header --upgrade -o requirements.lock
	cd js && npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved

clean:
	rm -rf .venv js/node_modules js/dist demo-out
