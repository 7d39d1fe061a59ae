# make run    sets everything up and opens the window (without a display: the same lesson, headless, into out/)
# make test   sets everything up and runs lint, types, import rules and the whole suite, the window's tests under Xvfb
# make bench | fuzz | hostile | kills | problems | rows | soak | monkey | lint | suite | report | screenshots | clean

PYTHON ?= python3
BIN := .venv/bin
LESSON := assets/lessons/02-silhouette.toml
# What Qt, VisPy's software GL and the virtual display need on Debian; everything else comes from PyPI.
APT := xvfb xauth libegl1 libgl1 libdbus-1-3 libglib2.0-0 libfontconfig1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 \
	libxcb-keysyms1 libxcb-shape0 python3-venv

# Every engine is a process of its own: without bytecode each would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test suite bench fuzz hostile kills problems rows soak monkey lint report screenshots catalog assets system clean

run: .venv/ready
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname)" = Darwin ]; then $(BIN)/rimlight; else \
	  echo "No display: fitting $(LESSON) headless into out/."; \
	  $(BIN)/rimlight fit $(LESSON) --out out && \
	  echo "Look at out/fit.gif, out/view_00.png, out/loss.png and out/report.json." && \
	  echo "For the window, run 'make run' in a desktop session, or over 'ssh -X', or as: xvfb-run -s '-screen 0 1440x900x24' make run"; fi

# The type checker is busy for a minute on one core: beside the suite that is half a minute less.
test: .venv/ready .venv/atheris
	$(MAKE) -j 2 --no-print-directory lint suite

suite: .venv/ready .venv/atheris
	$(BIN)/python -m pytest -n 2 --dist loadfile -q

# What guides the search for bytes that a reader does not survive; where it cannot be had, that test is skipped.
.venv/atheris: .venv/ready
	@if $(BIN)/pip install -q --only-binary :all: -c requirements.lock atheris; then touch $@; \
	  else echo "atheris cannot be had here (it is for Linux): files are spoilt at random only"; fi

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright

bench: .venv/ready
	$(BIN)/pip install -q -c requirements.lock -e '.[bench]' || true
	$(BIN)/python -m benchmarks

# Looks for bytes that a reader does not survive; SECONDS=3600 make fuzz looks longer. Where atheris cannot be had (it is
# for Linux), HOW=--random looks without its coverage.
fuzz: .venv/ready .venv/atheris
	$(BIN)/python -m tests.hostile.fuzz --seconds $${SECONDS:-300} $(HOW)

# Random sequences of what a user may do, on the window; SEQUENCES=50 plays fewer.
monkey: .venv/ready
	$(BIN)/python -m tests.display $(BIN)/python -m tests.hostile.actions --sequences $${SEQUENCES:-500}

# Kills the engine, and the whole program, at random moments and says what was lost.
kills: .venv/ready
	$(BIN)/python -m tests.display $(BIN)/python -m tests.hostile.kills --kills $${KILLS:-30}

# A long fit with every panel open, both processes watched: out/soak.csv. HOURS=0.3 make soak is shorter.
soak: .venv/ready
	$(BIN)/python -m tests.display $(BIN)/python -m tests.hostile.soak --opens $${OPENS:-50}
	$(BIN)/python -m tests.display $(BIN)/python -m tests.hostile.soak --hours $${HOURS:-2}

# Sixty small problems of every kind, opened in one engine one after another.
problems: .venv/ready
	$(BIN)/python -m tests.hostile.problems --problems $${PROBLEMS:-60}

# Every row of the shared table of malformed files, and a sibling of each, through fit and the window.
rows: .venv/ready
	$(BIN)/python -m tests.display $(BIN)/python -m tests.hostile.rows

# Random scenes that upset renderers, a thousand a method: images and gradients must stay finite.
hostile: .venv/ready
	$(BIN)/python -m tests.hostile.scenes --scenes $${SCENES:-1000}

report: .venv/ready
	$(BIN)/rimlight derive --report --out out/report

screenshots: .venv/ready
	mkdir -p docs
	$(BIN)/python -m tests.display $(BIN)/python -m app.screenshots docs/window-dark.png --pixel 96,60
	$(BIN)/python -m tests.display $(BIN)/python -m app.screenshots docs/window-light.png --theme light --method splat
	$(BIN)/python -m tests.display $(BIN)/python -m app.screenshots docs/lesson.png --text --method naive --steps 12
	$(BIN)/python -m tests.display $(BIN)/python -m app.screenshots docs/compare.png --compare --steps 40
	$(BIN)/python -m tests.display $(BIN)/python -m app.screenshots docs/timeline.png --fork --steps 60

catalog: .venv/ready
	$(BIN)/python -m core.make_catalog

assets: .venv/ready
	$(BIN)/python -m assets.make_assets

.venv/ready: pyproject.toml requirements.lock | system
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Rimlight needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check -c requirements.lock -e '.[dev]'
	$(BIN)/python -m compileall -q app core kernels assets
	@touch $@

# Installs the system libraries where it may; otherwise prints the one line to run. Nothing to do outside Debian.
system:
	@if ! command -v apt-get >/dev/null || dpkg -s $(APT) >/dev/null 2>&1; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then SUDO=; elif sudo -n true 2>/dev/null; then SUDO=sudo; else \
	  echo "Some system libraries are missing. Run this once, then try again:"; \
	  echo "  sudo apt-get install -y $(APT)"; exit 0; fi; \
	echo "Installing system libraries"; \
	$$SUDO env DEBIAN_FRONTEND=noninteractive sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends $(APT)' >/dev/null

clean:
	rm -rf .venv out build dist *.egg-info .pytest_cache .ruff_cache
