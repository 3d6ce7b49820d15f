"""What every view of a training run has in common, whether the run trains here or in another process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets

from nbinspect.figures.dynamics import dynamics_figure
from nbinspect.figures.dynamics_animation import dynamics_animation
from nbinspect.figures.dynamics_table import dynamics_frame, readings_frame
from nbinspect.records import DynamicsRecord
from nbinspect.widgets.notebook_view import NotebookView, front_end
from nbinspect.wire import PACKED

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class ShownRun(NotebookView):
    """A run on the page, and as figure, table and animation."""

    _esm, _css = front_end("dynamics")
    history = traitlets.Any(None, allow_none=True).tag(sync=True)
    news = traitlets.Any(None, allow_none=True).tag(sync=True)
    status = traitlets.Dict().tag(**PACKED)

    @property
    def record(self) -> DynamicsRecord:
        """All that is known of the run so far, as a plain record."""
        raise NotImplementedError

    def figure(self, **options: Any) -> Figure:
        """Return the run as a matplotlib figure; options as in `nbinspect.figures.dynamics.dynamics_figure`."""
        return dynamics_figure(self.record, **options)

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers of the run as a pandas DataFrame, a row a step."""
        return dynamics_frame(self.record)

    def readings_frame(self, probe: int = 0) -> pd.DataFrame:
        """Return the readings of a probe as a pandas DataFrame, a row a step and sample."""
        return readings_frame(self.record, probe)

    def animation(self, path: str | Path | None = None, **options: Any) -> bytes | Path:
        """Return a GIF of the predictions moving, or write it; see `nbinspect.figures.dynamics_animation`."""
        return dynamics_animation(self.record, path, **options)
