"""A recorded pass as its users meet it: a record with a table, a figure, a page and a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbinspect.records import ForwardRecord, Step

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True, repr=False)
class RecordedPass:
    """Every step of a forward pass, with the statistics of what it made."""

    record: ForwardRecord

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps, in the order in which they began."""
        return self.record.steps

    def to_frame(self) -> pd.DataFrame:
        """Return a row a step and output as a pandas DataFrame."""
        from nbinspect.figures.forward_page import forward_frame

        return forward_frame(self.record)

    def figure(self, **options: Any) -> Figure:
        """Return the statistics through the depth of the network as a matplotlib figure."""
        from nbinspect.figures.forward import forward_figure

        return forward_figure(self.record, **options)

    def _repr_html_(self) -> str:
        from nbinspect.figures.forward_page import forward_html

        return forward_html(self.record)

    def __repr__(self) -> str:
        from nbinspect.figures.forward_page import forward_text

        return forward_text(self.record)
