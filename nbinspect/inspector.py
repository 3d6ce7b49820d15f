"""`Inspector`: one object that wraps a live model and loader, and opens every widget on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from nbinspect.subject import make_subject

if TYPE_CHECKING:
    from pathlib import Path

    from nbinspect.capture.operations import Level
    from nbinspect.decode.batch import Decoders
    from nbinspect.journal.journal import Journal
    from nbinspect.widgets.batch import BatchView
    from nbinspect.widgets.data import DataView
    from nbinspect.widgets.dynamics import DynamicsView
    from nbinspect.widgets.dynamics_follow import FollowView
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

    def data(self, *, scan: bool = True, limit: int | None = None) -> DataView:
        """Open the view of the data sets of both loaders: scanned, searched, and seen with the network's eyes.

        Args:
            scan: scan them at once: between cells, a batch at a time, or before this returns in a script.
            limit: the most samples to scan of each, drawn at random; of a stream the first ones.

        Raises:
            InputError: for a limit that is no whole number from 1.
            LoaderError: if there is no loader. One that fails is shown in the view instead.

        Each sample is read once, through the user's own transforms; the network runs on a click, or by `predict`, in
        eval mode and without gradients. The model, the loaders with their data sets and generators, and the random
        states are left unchanged. Source: K-look, K-duplicates, K-corrupt, K-sort, K-wrong-predictions, K-human.
        """
        from nbinspect.widgets.data import DataView

        return DataView(self.subject, scan=scan, limit=limit)

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

    @overload
    def dynamics(
        self,
        probe: Any = ...,
        *,
        size: int = ...,
        budget: float = ...,
        train_mode: bool = ...,
        validate: bool = ...,
        follow: None = ...,
    ) -> DynamicsView: ...

    @overload
    def dynamics(self, *, follow: str | Path) -> FollowView: ...

    def dynamics(
        self,
        probe: Any = "first",
        *,
        size: int = 24,
        budget: float = 0.02,
        train_mode: bool = False,
        validate: bool = True,
        follow: str | Path | None = None,
    ) -> DynamicsView | FollowView:
        """Open the view of predictions on a fixed batch while training runs, with its controls.

        ``with inspector.dynamics(): train()`` watches a loop that is not edited; so do ``dynamics.attach()``,
        ``for batch in dynamics.watch(loader)`` and ``dynamics.run_in_background(train)``.

        Args:
            probe: the batch to watch, or how to choose it from the loader: ``"first"``, ``"stratified"`` by class,
                ``"hardest"``; None for none.
            size: samples of a probe that is chosen.
            budget: share of the run's time that watching may take, 0.02 = 2 %.
            train_mode: evaluate the probe as training sees it, with dropout and batch statistics.
            validate: evaluate the whole validation set, whenever the budget has paid for it.
            follow: instead of all that, the folder of a `Recorder` in another process, whose run is shown.

        Raises:
            InputError: for arguments that cannot be used. A loader that fails is shown in the view instead.

        Nothing is run before training is watched; then weights, buffers, gradients, modes and random states are bit
        for bit those of a run alone. Source: K-dynamics, K-full-eval, D-spike, S-weights.
        """
        if follow is not None:
            from nbinspect.widgets.dynamics_follow import FollowView

            return FollowView(follow)
        from nbinspect.widgets.dynamics import DynamicsView

        options = {"size": size, "budget": budget, "train_mode": train_mode, "validate": validate}
        return DynamicsView(self.subject, probe=probe, journal=self.journal, **options)

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
