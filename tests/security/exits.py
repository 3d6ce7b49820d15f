"""Every place where text leaves records: static pages, texts for a terminal, figures.

Each exit is a function of a record, beside a way to make one that has something to say in every field. A function
that is new in `nbinspect.figures` is entered here, or a test fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from nbinspect.capture.forward import record_forward
from nbinspect.decode.activation import view_activation
from nbinspect.figures.baselines import baselines_figure, learning_curve_figure
from nbinspect.figures.batch import batch_figure
from nbinspect.figures.batch_page import batch_html, batch_text
from nbinspect.figures.dashboard_page import dashboard_html, dashboard_text
from nbinspect.figures.data import data_figure
from nbinspect.figures.data_page import data_html, data_text
from nbinspect.figures.decomposition import decomposition_figure
from nbinspect.figures.dynamics import dynamics_figure
from nbinspect.figures.dynamics_page import dynamics_html, dynamics_text
from nbinspect.figures.errors_of import confusion_figure, outputs_figure, slices_figure
from nbinspect.figures.forward import activation_figure, forward_figure
from nbinspect.figures.forward_page import forward_html, forward_text
from nbinspect.figures.human import human_figure
from nbinspect.figures.page import waiting_html, waiting_text
from nbinspect.figures.recipe_page import recipe_html, recipe_text
from nbinspect.figures.sanity import chart_figure
from nbinspect.figures.sanity_page import sanity_html, sanity_text
from nbinspect.recipe.evidence import Evidence
from nbinspect.recipe.progress import recipe_of
from nbinspect.records import (
    ActivationView,
    BaselineRecord,
    BaselineScore,
    Boxes,
    Confusion,
    DecodedBatch,
    DecompositionRecord,
    DynamicsRecord,
    ErrorLevel,
    ErrorPart,
    Failure,
    ForwardRecord,
    HumanRecord,
    LearningCurve,
    Masks,
    Moment,
    OutputHistogram,
    RecipeRecord,
    Slice,
    Slices,
    SwapRecord,
    SwapRun,
)
from nbinspect.reference.page import swap_figure, swap_html, swap_text
from nbinspect.subject import make_subject
from tests.dynamics.records_of_runs import run_of
from tests.figures.sanity_runs import chart, sick
from tests.figures.sheets_of_data import sheet
from tests.runlog.logged import decoded_batch


@dataclass(frozen=True)
class Exit:
    """One way for text to leave."""

    make: Callable[[], Any]
    """Makes the record."""
    page: Callable[[Any], str] | None = None
    text: Callable[[Any], str] | None = None
    figure: Callable[[Any], Any] | None = None
    turns: int = 20
    """How many times it is tried, each time with other texts in each place; dear ones are tried less often."""


def batch(kind: str) -> DecodedBatch:
    """A batch with an error, notes, findings, predictions, masks and boxes."""
    made = decoded_batch(kind)
    assert made.labels is not None
    own = replace(
        made.batch, error="RuntimeError: no", autocast="bfloat16", origin=replace(made.batch.origin, notes=("n",))
    )
    masks = Masks(np.zeros((4, 8, 8), np.uint8), ("a",)) if kind == "image" else None
    boxes = Boxes(np.zeros(1, np.int32), np.array([[0.1, 0.1, 0.5, 0.5]], np.float32), ("a",))
    right = np.array([1, 0, -1, 1], np.int8)
    said: dict[str, Any] = {"predictions": made.labels, "correct": right, "masks": masks, "notes": ("n",)}
    return replace(made, batch=own, boxes=boxes if kind == "image" else None, **said)


def forward_pass() -> ForwardRecord:
    """A pass with gradients, parameters and a failure."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    given = (torch.randn(4, 3), torch.tensor([0, 1, 1, 0]))
    made = record_forward(make_subject(model, [given], nn.functional.cross_entropy), given, gradients=True)
    steps = tuple(replace(step, note="a view of step 3") for step in made.steps)
    place = next(step.place for step in steps if step.place) if any(step.place for step in steps) else None
    return replace(made, steps=steps, autocast="bfloat16", notes=("n",), failure=Failure("E: no", 1, place, "because"))


def activation() -> ActivationView:
    """Values of a step whose rows and columns have names."""
    named: dict[str, Any] = {"row_names": tuple("abcd"), "column_names": tuple("abcde")}
    return replace(view_activation(torch.randn(4, 5), step=0, output=0, name="a", size=4), **named, note="n")


@dataclass(frozen=True)
class Looked:
    """A pass, and the values that are looked at."""

    record: ForwardRecord
    view: ActivationView


def run() -> DynamicsRecord:
    """A run with two probes, spikes, notes and moments of every kind."""
    made = run_of(steps=200, second=True)
    kinds: tuple[Any, ...] = (
        "alert",
        "spike",
        "broken",
        "rate",
        "pin",
        "pause",
        "back",
        "note",
        "checkpoint",
        "problem",
    )
    moments = tuple(Moment(10 * place, kind, "said") for place, kind in enumerate(kinds, 1))
    return replace(made, moments=moments, notes=("n",) * 3)


def baselines() -> BaselineRecord:
    scores = tuple(BaselineScore(name, 0.5, 0.4, 0.6, float("nan"), "n") for name in ("constant", "your network"))
    told: tuple[Any, ...] = ("learnable", "It can be learned.", 100, 3, 2, 5, ("n",), 1.0)
    return BaselineRecord("numbers", "R²", "mm", scores, *told)


def learning_curve() -> LearningCurve:
    sizes, scores = np.array([25, 50, 100]), np.array([0.7, 0.8, 0.85])
    told: tuple[Any, ...] = (150, 0.02, 0.01, 0.03, "helps", "It would help.", ("n",), 1.0)
    return LearningCurve("logistic regression", "accuracy", sizes, scores, scores - 0.05, scores + 0.02, *told)


def decomposition() -> DecompositionRecord:
    levels = (ErrorLevel("train", 0.01, 0.008, 0.012, 500), ErrorLevel("validation", 0.15, 0.13, 0.17, 100))
    parts = (
        ErrorPart("bias", "train", 0.01, 0.008, 0.012, "clear", "more layers"),
        ErrorPart("variance", "validation − train", 0.14, 0.12, 0.16, "clear", "more data"),
    )
    return DecompositionRecord("rmse", "mm", levels, parts, "variance", "Of 15 % error", ("n",))


def confusion() -> Confusion:
    counts = np.arange(16).reshape(4, 4)
    return Confusion(tuple("abcd"), counts, int(counts.trace()), int(counts.sum()), 0, 0, (), "30 are right.")


def slices() -> Slices:
    each = tuple(Slice(text, "q", 120, 0.4, 0.3, 0.5, 0.05, 0.001, 0.3) for text in "abcd")
    return Slices("error rate", 0.07, 5000, each, 700, 50, "The error rate is 40 %.")


def outputs() -> OutputHistogram:
    ones = np.ones(4, int)
    words, nothing = tuple("abcd"), np.zeros((0, 0), int)
    return OutputHistogram("class", "label", words, np.zeros(0), ones, 2 * ones, nothing, 3, "mm", "3 samples.", ("n",))


def human() -> HumanRecord:
    counts, none = np.array([[8, 2, 0], [1, 8, 1]]), np.zeros(0, np.int64)
    told: tuple[Any, ...] = (20, 16, 1, 0.85, 0.6, 0.95, 5, 4, -0.1, 2.1)
    return HumanRecord(*told, tuple("ab"), counts, none, none, None, "A person is right on 85 %.", ("n",))


def swap() -> SwapRecord:
    numbers = np.array([1.0, 2.0])
    told: tuple[Any, ...] = (np.array([0, 5]), numbers, 0.5, 0.1, "learns", "E: no")
    runs = tuple(
        SwapRun(model, data, "SGD", *told) for model in ("yours", "reference") for data in ("yours", "reference")
    )
    facts: tuple[Any, ...] = ("a net", "a set", "classification", 0, 1.0, ("n",))
    return SwapRecord("Net", "model", "It is the model.", runs, (1.0, 2.0), (0.0, 0.0), *facts)


def recipe() -> RecipeRecord:
    return recipe_of(Evidence())


@dataclass(frozen=True)
class Waiting:
    """Why a view has nothing to show yet."""

    why: str = "why"


@dataclass(frozen=True)
class Facts:
    """What a dashboard says of a program."""

    model: str = "Net"
    parameters: str = "10"
    trainable: str = "9"
    device: str = "cpu"
    dtype: str = "float32"
    loader: str = "DataLoader"
    validation: str = "12"
    loss: str = "F.cross_entropy"
    optimizer: str = "SGD"
    rate: str = "0.1"

    @property
    def all(self) -> dict[str, str | None]:
        return dict(vars(self))


EXITS: dict[str, Exit] = {
    **{
        f"batch of {kind}": Exit(lambda kind=kind: batch(kind), batch_html, batch_text)
        for kind in ("image", "text", "table", "series", "audio")
    },
    "waiting": Exit(
        Waiting,
        lambda waiting: waiting_html("batch", waiting.why),
        lambda waiting: waiting_text("batch", waiting.why),
    ),
    "dashboard": Exit(
        Facts, lambda facts: dashboard_html(facts.all, recipe()), lambda facts: dashboard_text(facts.all, recipe())
    ),
    "recipe": Exit(recipe, recipe_html, recipe_text, turns=10),
    "swap": Exit(swap, swap_html, swap_text, lambda record: swap_figure(record, "yours"), turns=5),
    "figure of a batch": Exit(lambda: batch("image"), figure=batch_figure, turns=2),
    "figure of a table": Exit(lambda: batch("table"), figure=batch_figure, turns=2),
    "figure of tokens": Exit(lambda: batch("text"), figure=batch_figure, turns=2),
    "data": Exit(lambda: sheet(decoded_batch("image")), data_html, data_text, turns=5),
    "figure of data": Exit(lambda: sheet(decoded_batch("image")), figure=data_figure, turns=2),
    "forward": Exit(
        lambda: Looked(forward_pass(), activation()),
        lambda looked: forward_html(looked.record, looked.view),
        lambda looked: forward_text(looked.record),
        turns=5,
    ),
    "figure of a pass": Exit(forward_pass, figure=forward_figure, turns=2),
    "figure of values": Exit(activation, figure=activation_figure, turns=2),
    "dynamics": Exit(run, dynamics_html, dynamics_text, turns=6),
    "figure of a run": Exit(run, figure=dynamics_figure, turns=2),
    "sanity": Exit(sick, sanity_html, sanity_text, turns=3),
    **{
        f"chart of {kind}": Exit(lambda kind=kind: chart(kind, [1.0, 2.0], [2.0, 3.0]), figure=chart_figure, turns=3)
        for kind in ("lines", "bars", "histogram", "matrix")
    },
    "baselines": Exit(baselines, figure=baselines_figure, turns=3),
    "learning curve": Exit(learning_curve, figure=learning_curve_figure, turns=3),
    "decomposition": Exit(decomposition, figure=decomposition_figure, turns=3),
    "confusion": Exit(confusion, figure=confusion_figure, turns=3),
    "slices": Exit(slices, figure=slices_figure, turns=3),
    "outputs": Exit(outputs, figure=lambda record: outputs_figure([record]), turns=3),
    "human": Exit(human, figure=human_figure, turns=3),
}
