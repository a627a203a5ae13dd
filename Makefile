# Two commands from a fresh checkout: `make demo` and `make test`. Each sets up .venv first; the second time that is quick.

PYTHON ?= python3
VENV := .venv
IN := $(VENV)/bin
INSTALL := $(IN)/python -m pip install --quiet --disable-pip-version-check -c .ci/constraints.txt
WANTED := pyproject.toml .ci/constraints.txt
DATA := examples/data
FAULTS := build/faults
SLICES := 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20

FRAMEWORKS := build/frameworks

.PHONY: demo test frameworks kills lint faults clean

demo: $(VENV)/.installed $(DATA)/.digits
	$(IN)/advisor train examples/digits_troubled.toml --headless --mode auto

test: $(VENV)/.installed-test
	OMP_NUM_THREADS=1 $(IN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

# Logs that Lightning, Keras and the others write now; they are installed beside $(VENV), not into it.
frameworks: $(FRAMEWORKS)/.installed
	OMP_NUM_THREADS=1 $(FRAMEWORKS)/bin/python -m pytest -m slow tests/logs/test_libraries.py

kills: $(VENV)/.installed-test
	$(IN)/python -m tests.kills --kills 200

lint: $(VENV)/.installed-test
	$(IN)/ruff check
	$(IN)/ruff format --check
	$(IN)/mypy
	$(IN)/lint-imports

# The whole fault bench in twenty slices: some hours on two cores. What $(FAULTS) holds already is not run again, so it can
# be broken off at any time; `make -j2 faults` runs two slices at once.
faults: $(SLICES:%=faults-%)
	$(IN)/python -m tests.faults --matrix $(FAULTS)

faults-%: $(VENV)/.installed-test
	OMP_NUM_THREADS=1 $(IN)/python -m tests.faults --out $(FAULTS) --slice $*/$(words $(SLICES))

$(IN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(WANTED) | $(IN)/python
	$(INSTALL) -e '.[compress,vision,web]'
	touch $@

$(VENV)/.installed-test: $(WANTED) | $(IN)/python
	$(INSTALL) -e '.[compress,vision,web,test]'
	touch $@ $(VENV)/.installed

$(FRAMEWORKS)/.installed: .ci/frameworks.txt $(VENV)/.installed-test
	$(IN)/python -m venv --clear $(FRAMEWORKS)
	$(IN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" \
	    > "$$($(FRAMEWORKS)/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/beside.pth"
	$(FRAMEWORKS)/bin/python -m pip install --quiet --disable-pip-version-check -r .ci/frameworks.txt
	touch $@

$(DATA)/.digits: examples/digits_images.py $(VENV)/.installed
	$(IN)/python examples/digits_images.py $(DATA)/digits
	touch $@

clean:
	rm -rf $(VENV) $(DATA) build dist
