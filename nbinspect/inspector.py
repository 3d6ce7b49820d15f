"""`Inspector`: one object that wraps a live model and loader, and opens every widget on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbinspect.subject import make_subject

if TYPE_CHECKING:
    from nbinspect.capture.operations import Level
    from nbinspect.decode.batch import Decoders
    from nbinspect.journal.journal import Journal
    from nbinspect.widgets.batch import BatchView
    from nbinspect.widgets.forward import ForwardView
    from nbinspect.widgets.sanity import SanityView


class Inspector:
    """Inspects a live model and loader in a notebook.

    Args:
        model: the `torch.nn.Module` that is trained; DataParallel, DistributedDataParallel and compiled ones too.
        loader: any iterable of batches; None before there is any data, for views that do without.
        loss_fn: ``loss_fn(outputs, targets)``; None when the model returns an object with ``.loss``.
        journal: a `Journal`, or the path of one, that keeps each run of the sanity panel and what is done there.
        **options: `optimizer`, `val_loader`; `split` (``batch -> (inputs, targets)``) and `forward`
            (``(model, batch) -> outputs``) for unusual batches; `class_names`, `feature_names`, `normalisation`
            (``(mean, std)`` that was applied to images), `tokenizer` or `vocabulary`, `sample_rate` in Hz,
            `padding_value`, `device`. For the sanity tests also `train_step`, `eval_step`, `scheduler`, `scaler`,
            `total_steps`, `task`, `causal`, `batch_axis`, `intended`, `thresholds`; see `nbinspect.check`.

    Raises:
        InputError: for an unknown keyword, with the nearest known one, or an object of the wrong kind.
        JournalError: if the journal cannot be read, or made.

    Nothing is called, moved or changed until a widget is opened; see each widget for what it does then.
    """

    def __init__(
        self, model: Any, loader: Any = None, loss_fn: Any = None, *, journal: Any = None, **options: Any
    ) -> None:
        self.subject = make_subject(model, loader, loss_fn, **options)
        self.journal = None if journal is None else _opened(journal)
        """What keeps the runs; None where nothing was given."""

    def batch(self, batch: Any = None, *, follow: bool = False, decoder: Decoders = None) -> BatchView:
        """Open the view of the exact batch that enters the network.

        Args:
            batch: a batch to show; by default the loader is asked for one, without disturbing it.
            follow: show the batches that enter while your own training runs, at most once a second.
            decoder: how to show tensors, by name for all of them (``"image"``) or for some (``{"x": "series"}``).

        Raises:
            InputError: for an unknown decoder. A loader or model that fails is shown in the view instead.

        One forward is run and undone: the model, the loader's own iterators and the random states are left unchanged.
        Source: K-before-net, D-look, T-dtype.
        """
        from nbinspect.widgets.batch import BatchView

        return BatchView(self.subject, batch, follow=follow, decoder=decoder)

    def forward(
        self,
        batch: Any = None,
        *,
        input_shape: tuple[int, ...] | None = None,
        level: Level = "operation",
        training: bool | None = None,
    ) -> ForwardView:
        """Open the forward pass, to step through it as in a debugger.

        Args:
            batch: a batch to step through; by default the loader is asked for one, without disturbing it.
            input_shape: instead of a batch, the shape of a random one, ``(N, C, H, W)``, before any data exists.
            level: what counts as a step: each ``operation``, or only each ``module``.
            training: train or eval mode; by default the model's own.

        Raises:
            InputError: for a batch and an input_shape at once, or a shape that is none.
            NbinspectError: if there is no batch. A forward that fails is shown in the view instead.

        The pass runs on a clone that shares the parameters, on a thread of its own; the model, the loader's own
        iterators and the random states are left unchanged.
        Source: S-layers, S-generalise-output, S-fake-batch, T-shapes, T-numerics.
        """
        from nbinspect.widgets.forward import ForwardView

        return ForwardView(self.subject, batch, input_shape=input_shape, level=level, training=training)

    def sanity(self, *, seed: int = 0, time_budget: float = 120) -> SanityView:
        """Open the sanity checks, to run all, a stage or one of them by a click; nothing is run before.

        Args:
            seed: what random draws depend on: the same seed gives the same report.
            time_budget: of each run, in seconds; checks that no time is left for are skipped.

        Raises:
            InputError: if `intended` or `thresholds` name a check or a threshold that there is not.

        The model, its gradients, buffers, modes and hooks, the optimizer, the loaders' generators and the random
        states are left unchanged. Source: each check names its own.
        """
        from nbinspect.widgets.sanity import SanityView

        return SanityView(self.subject, seed=seed, time_budget=time_budget, journal=self.journal)

    def __repr__(self) -> str:
        return f"Inspector({type(self.subject.network).__name__}, {type(self.subject.loader).__name__})"


def _opened(journal: Any) -> Journal:
    from nbinspect.journal.journal import journal_at

    return journal_at(journal)
