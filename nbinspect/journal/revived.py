"""A report out of its JSON: plain values back into the records that they were made from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from nbinspect.errors import InputError
from nbinspect.records import CheckResult, SanityRecord
from nbinspect.report.interchange import VERSION
from nbinspect.report.report import Report
from nbinspect.revive import made

_NAME = re.compile(r"[\w-]{1,60}")


def revived(text: str) -> Report:
    """Return the report that was written as JSON by `Report.to_json`.

    Raises:
        InputError: for JSON of another form than this nbinspect writes.
    """
    try:
        found = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"report: no JSON ({str(error)[:200]})") from error
    version = found.get("version") if isinstance(found, dict) else None
    if version != VERSION:
        raise InputError(f"report: written in form {version!r:.40}, this nbinspect reads form {VERSION}")
    try:
        return Report(_sound(made(SanityRecord, found)))
    except (InputError, RecursionError) as error:
        raise InputError(f"report: not as nbinspect writes it ({error})") from error


def _sound(record: SanityRecord) -> SanityRecord:
    """Refuse names of checks that are no names, and a diagnosis of others: results are found and shown by them."""
    names = {name for result in record.results for name in _names_in(result)}
    odd = [name for name in record.diagnosis if all(name != result.check for result in record.results)]
    odd += [name for name in names if not _NAME.fullmatch(name)]
    if odd:
        raise InputError(f"a check or a source is called {odd[0]!r:.80}")
    return record


def _names_in(result: CheckResult) -> Iterator[str]:
    yield from (result.check, result.stage, *result.explains, *result.sources)
    if result.explained_by:
        yield result.explained_by
