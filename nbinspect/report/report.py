"""`Report`: what a run of checks found, to read, to export, and to fail a test with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbinspect.errors import InputError, NbinspectError
from nbinspect.figures.document import write_document
from nbinspect.figures.sanity import chart_figure
from nbinspect.figures.sanity_page import sanity_frame, sanity_html, sanity_text
from nbinspect.figures.verdicts import counts, findings, lines_of
from nbinspect.figures.words import plural
from nbinspect.records import CheckResult, SanityRecord
from nbinspect.report.interchange import as_json, as_junit, title_of
from nbinspect.sanity.choose import near
from nbinspect.whole_files import write_whole

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from nbinspect.integrations.optuna import Space


class ChecksFailedError(NbinspectError, AssertionError):
    """Checks failed or could not finish: raised by `Report.raise_for_failures`, with each finding, causes first."""


class Report:
    """What a run of checks found.

    Args:
        record: the run, as plain records.
    """

    def __init__(self, record: SanityRecord) -> None:
        self.record = record

    @property
    def results(self) -> tuple[CheckResult, ...]:
        """A result for each check of the run, in the order of the catalogue."""
        return self.record.results

    @property
    def diagnosis(self) -> tuple[CheckResult, ...]:
        """What failed and what warned, causes before symptoms: the first is the thing to mend."""
        return tuple(self[name] for name in self.record.diagnosis)

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the checks that found a defect."""
        return self._named("fail")

    @property
    def warned(self) -> tuple[str, ...]:
        """Names of the checks that found something worth a look."""
        return self._named("warn")

    @property
    def inconclusive(self) -> tuple[str, ...]:
        """Names of the checks whose evidence supports neither."""
        return self._named("inconclusive")

    @property
    def skipped(self) -> tuple[str, ...]:
        """Names of the checks that lacked what they need."""
        return self._named("skip")

    @property
    def errors(self) -> tuple[str, ...]:
        """Names of the checks that could not finish."""
        return self._named("error")

    @property
    def ok(self) -> bool:
        """Whether no check failed and none ended in an error."""
        return not self.failed and not self.errors

    def _named(self, status: str) -> tuple[str, ...]:
        return tuple(result.check for result in self.results if result.status == status)

    def __getitem__(self, name: str) -> CheckResult:
        """Return the result of a check.

        Raises:
            InputError: for a check that is not in this run, with the nearest name.
        """
        for result in self.results:
            if result.check == name:
                return result
        raise InputError(f"no check {name!r} in this report{near(name, [result.check for result in self.results])}")

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas DataFrame with a row a check, in the order of the catalogue."""
        return sanity_frame(self.record)

    def figure(self, name: str) -> Figure:
        """Return the picture of a check's evidence as a matplotlib figure; the first, where it has several.

        Raises:
            InputError: for a check that is not in this run, or has no picture.
        """
        charts = self[name].charts
        if not charts:
            pictured = [result.check for result in self.results if result.charts]
            raise InputError(f"{name} has no picture here; those that have: {', '.join(pictured) or 'none'}")
        return chart_figure(charts[0])

    def to_json(self) -> str:
        """Return the run as JSON; its field ``version`` changes when its form does."""
        return as_json(self.record)

    def to_junit(self, path: str | Path) -> None:
        """Write the run as JUnit XML, a test case a check, for CI servers; an existing file is replaced.

        Raises:
            OSError: where nothing can be written there.
        """
        write_whole(path, as_junit(self.record))

    def to_html(self, path: str | Path, *, hover: bool = True) -> Path:
        """Write the run as one HTML file that needs no network, and return its path; an existing file is replaced.

        Args:
            path: of the file.
            hover: with a small script that reads pictures under the pointer; without it all can be read too.

        Raises:
            UnwritableError: for a path that cannot be written; an `InputError` and an `OSError`.
        """
        return write_document(path, title_of(self.record), sanity_html(self.record), hover=hover)

    def to_optuna(self, **options: Any) -> Space:
        """Return a space of hyperparameters around what the run suggests; options as `integrations.optuna` takes."""
        from nbinspect.integrations.optuna import to_optuna

        return to_optuna(self, **options)

    def raise_for_failures(self) -> None:
        """Do nothing if `ok`, so that a test passes.

        Raises:
            ChecksFailedError: if a check failed or could not finish, with each finding, causes first.
        """
        if self.ok:
            return
        wrong = [result for result in findings(self.record) if result.status != "warn"]
        head = f"{counts(wrong)}, of {plural(len(self.results), 'check')}"
        raise ChecksFailedError("\n".join([head, *(line for result in wrong for line in lines_of(result))]))

    def __str__(self) -> str:
        return sanity_text(self.record)

    def __repr__(self) -> str:
        return f"Report(failed={self.failed}, warned={self.warned}, errors={self.errors})"

    def _repr_html_(self) -> str:
        return sanity_html(self.record)
