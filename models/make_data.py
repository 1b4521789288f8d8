"""Make the data files of the three shipped models from the sets that scikit-learn carries, split once and for all.

`python models/make_data.py` writes `models/<model>/data/{train,test}.csv`; with `--check` it writes nothing and says whether
the files in the tree are the ones it would write. Numbers are written exactly: reading them gives the loader's floats.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from release.data.holdout import split
from release.data.tables import to_csv

HERE = Path(__file__).resolve().parent
SEED = 2026


def breast_cancer() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split the Wisconsin diagnostic set in halves: with fewer malignant rows held out no honest margin can pass."""
    bunch = load_breast_cancer()
    # "radius error" -> radius_error; scikit-learn's target counts benign as 1, ours counts what one looks for.
    frame = pd.DataFrame(bunch.data, columns=[name.replace(" ", "_") for name in bunch.feature_names])
    frame["malignant"] = 1 - bunch.target
    frame.insert(0, "sample_id", [f"wdbc-{number:03}" for number in range(1, len(frame) + 1)])
    return split(frame, "malignant", task="binary", share=0.5, seed=SEED, ignore=["sample_id"])


def diabetes() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split the diabetes set in the units it was measured in, two fifths held out."""
    bunch = load_diabetes(scaled=False)
    frame = pd.DataFrame(bunch.data, columns=bunch.feature_names)
    frame["progression"] = bunch.target
    frame.insert(0, "patient_id", [f"patient-{number:03}" for number in range(1, len(frame) + 1)])
    return split(frame, "progression", task="regression", share=0.4, seed=SEED, ignore=["patient_id"])


def digits() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split the handwritten digits, 8 by 8 pixels of 0 to 16, two fifths held out."""
    bunch = load_digits()
    frame = pd.DataFrame(bunch.data, columns=bunch.feature_names)
    frame["digit"] = bunch.target
    frame.insert(0, "image_id", [f"digit-{number:04}" for number in range(1, len(frame) + 1)])
    return split(frame, "digit", task="multiclass", share=0.4, seed=SEED, ignore=["image_id"])


def files() -> dict[Path, bytes]:
    """Return every data file by its path."""
    made = {}
    for model, parts in (("breast-cancer", breast_cancer()), ("diabetes", diabetes()), ("digits", digits())):
        for name, frame in zip(("train", "test"), parts, strict=True):
            made[HERE / model / "data" / f"{name}.csv"] = to_csv(frame)
    return made


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)


def main(arguments: list[str]) -> int:
    """Write the files, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file differs")
    check = parser.parse_args(arguments).check
    made = files()
    differing = [path for path, content in made.items() if not path.exists() or path.read_bytes() != content]
    if not check:
        for path, content in made.items():
            write(path, content)
    for path in differing:
        print(f"{path.relative_to(HERE)}: {'differs from what this script makes' if check else 'written'}")
    if not differing:
        print("all data files are what this script makes")
    return 1 if check and differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
