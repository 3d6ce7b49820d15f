"""A report out of its JSON: plain values back into the records that they were made from."""

from __future__ import annotations

import json

from nbinspect.errors import InputError
from nbinspect.records import SanityRecord
from nbinspect.report.interchange import VERSION
from nbinspect.report.report import Report
from nbinspect.revive import made


def revived(text: str) -> Report:
    """Return the report that was written as JSON by `Report.to_json`.

    Raises:
        InputError: for JSON of another form than this nbinspect writes.
    """
    found = json.loads(text)
    if found.get("version") != VERSION:
        raise InputError(f"report: written in form {found.get('version')}, this nbinspect reads form {VERSION}")
    try:
        return Report(made(SanityRecord, found))
    except InputError as error:
        raise InputError(f"report: not as nbinspect writes it ({error})") from error
