# Two commands need nothing before them: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check drill fuzz bench gallery docs lock clean

demo: .venv/runs
	$(BIN)/mergecast demo

test: .venv/tests
	bash .ci/tools
	$(MAKE) --no-print-directory check
	$(BIN)/python -m pytest -n 2

check: .venv/tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

drill: .venv/tests
	$(BIN)/python -m tests.year
	$(BIN)/python -m tests.crash

fuzz: .venv/tests
	$(BIN)/python -m tests.fuzz

bench: .venv/tests
	$(BIN)/python -m benchmarks

# Every MJML attribute, or the templates in FOLDER, beside what the MJML compiler makes of them; needs node and Chromium.
gallery: .venv/tests .gallery/node_modules
	$(BIN)/python -m tests.gallery $(FOLDER)

docs: .venv/tests
	$(BIN)/python docs/write.py

lock: .venv/tests
	$(BIN)/python .ci/lock.py

clean:
	rm -rf .venv .gallery mergecast-demo

.gallery/node_modules:
	npm install --silent --ignore-scripts --no-save --prefix .gallery mjml@4.18.0 puppeteer-core@24

.venv/runs: requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

.venv/tests: .venv/runs requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@
