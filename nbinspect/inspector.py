"""`Inspector`: one object that wraps a live model and loader, and opens every widget on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from torch import nn

from nbinspect.errors import written_out
from nbinspect.subject import Subject, make_subject, named_optimizers

if TYPE_CHECKING:
    from pathlib import Path

    from nbinspect.capture.operations import Level
    from nbinspect.decode.batch import Decoders
    from nbinspect.journal.journal import Journal
    from nbinspect.recipe.recipe import Recipe
    from nbinspect.widgets.batch import BatchView
    from nbinspect.widgets.dashboard import Dashboard
    from nbinspect.widgets.data import DataView
    from nbinspect.widgets.dynamics import DynamicsView
    from nbinspect.widgets.dynamics_follow import FollowView
    from nbinspect.widgets.forward import ForwardView
    from nbinspect.widgets.sanity import SanityView
    from nbinspect.widgets.witness import Witness


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
        self._witness: Witness | None = None
        self._dashboard: Dashboard | None = None
        self._called: tuple[Subject, Subject] | None = None

    def dashboard(self) -> Dashboard:
        """Return the dashboard: the recipe, the five views, and one sample carried through them.

        Showing the inspector in a notebook shows it. There is one, and another after it was closed. It runs nothing
        before a room is opened, which does then what the method of that name does. Source: K-look, K-one-at-a-time.
        """
        if self._dashboard is None or self._dashboard.comm is None:
            from nbinspect.widgets.dashboard import Dashboard

            self._dashboard = Dashboard(self)
        return self._dashboard

    def recipe(self) -> Recipe:
        """Return what practitioners do before they trust a training run, and how far this one has come with it.

        Steps are ticked by what has been run on this inspector, on its views and by `check`; nothing is run for it.
        """
        from nbinspect.recipe.recipe import Recipe

        return Recipe(self.witness.evidence)

    def inspect(
        self,
        model: Any = None,
        *,
        loader: Any = None,
        val_loader: Any = None,
        loss_fn: Any = None,
        optimizer: Any = None,
    ) -> None:
        """Inspect another model from now on, other data, or another loss; views that are open stay with the old ones.

        The recipe forgets what was run on the old ones: all but the data, and that too where a loader is another.

        Args:
            model: takes the place of the one before; None leaves it, as in what follows.
            loader: of the training data.
            val_loader: of the validation data.
            loss_fn: takes the place of the one before.
            optimizer: by default the one before, where it trains this model, and else none.

        Raises:
            InputError: for an object of the wrong kind; then nothing is changed.
        """
        before = self.subject
        parts = {"model": model, "loader": loader, "val_loader": val_loader, "loss_fn": loss_fn, "optimizer": optimizer}
        given = {**vars(before), **{name: part for name, part in parts.items() if part is not None}}
        if optimizer is not None or (model is not None and not _trains(before.optimizer, model)):
            given |= {"optimizer": optimizer, "scheduler": None, "scaler": None}
        self.subject, self._called = make_subject(**given), None
        self.witness.begin(self.subject)
        if self.subject.loader is not before.loader or self.subject.val_loader is not before.val_loader:
            self._forget()

    def _forget(self) -> None:
        """Begin anew with the notes of what was run; those who listen to them listen to the new ones."""
        listeners, self._witness = self.witness.listeners, None
        self.witness.listeners.update(listeners)

    @property
    def witness(self) -> Witness:
        """What takes note of all that is run on this inspector."""
        if self._witness is None:
            from nbinspect.widgets.witness import Witness

            self._witness = Witness(self.subject, self.journal)
        return self._witness

    def batch(self, batch: Any = None, *, follow: bool = False, decoder: Decoders = None) -> BatchView:
        """Open the view of the exact batch that enters the network.

        Args:
            batch: a batch to show; by default the loader is asked for one, without disturbing it.
            follow: show the batches that enter while your own training runs, at most once a second.
            decoder: how to show tensors, by name for all of them (``"image"``) or for some (``{"x": "series"}``).

        Raises:
            InputError: for an unknown decoder. A loader or model that fails is shown in the view instead.

        One forward is run and undone: the model, the loader's own iterators and the random states are left unchanged.
        With a `train_step` the model is called as that calls it, which ends there, on copies; so in `forward`.
        Source: K-before-net, D-look, T-dtype.
        """
        from nbinspect.widgets.batch import BatchView

        return self.witness.watched(BatchView(self._as_called(), batch, follow=follow, decoder=decoder))

    def _as_called(self) -> Subject:
        """Return the subject, called as its `train_step` calls it where that says more."""
        if self._called is None or self._called[0] is not self.subject:
            from nbinspect.sanity.step_call import called_as_in_step

            self._called = (self.subject, called_as_in_step(self.subject))
        return self._called[1]

    def data(self, *, scan: bool = True, limit: int | None = None) -> DataView:
        """Open the view of the data sets of both loaders: scanned, searched, and seen with the network's eyes.

        Args:
            scan: scan them at once: between cells, a batch at a time, or before this returns in a script.
            limit: the most samples to scan of each, drawn at random; of a stream the first ones, and without a limit a
                million of one that tells no length.

        Raises:
            InputError: for a limit that is no whole number from 1.
            LoaderError: if there is no loader. One that fails is shown in the view instead.

        Each sample is read once, through the user's own transforms; the network runs on a click, or by `predict`, in
        eval mode and without gradients. The model, the loaders with their data sets and generators, and the random
        states are left unchanged. Source: K-look, K-duplicates, K-corrupt, K-sort, K-wrong-predictions, K-human.
        """
        from nbinspect.widgets.data import DataView

        return self.witness.watched(DataView(self.subject, scan=scan, limit=limit))

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

        options: dict[str, Any] = {"input_shape": input_shape, "level": level, "training": training}
        subject = self._as_called() if input_shape is None else self.subject
        return self.witness.watched(ForwardView(subject, batch, **options))

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
        return self.witness.watched(DynamicsView(self.subject, probe=probe, journal=self.journal, **options))

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

        view = SanityView(self.subject, seed=seed, time_budget=time_budget, journal=self.journal)
        return self.witness.watched(view)

    def _ipython_display_(self) -> None:
        self.dashboard()._ipython_display_()

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        return self.dashboard()._repr_mimebundle_(**options)

    def __repr__(self) -> str:
        return written_out(f"Inspector({type(self.subject.network).__name__}, {type(self.subject.loader).__name__})")


def _trains(optimizer: Any, model: Any) -> bool:
    """Tell whether an optimizer, or one of several, has parameters of this model; a factory makes one for any."""
    parts = named_optimizers(optimizer).values()
    if not any(hasattr(part, "param_groups") for part in parts) or not isinstance(model, nn.Module):
        return True
    own = {id(parameter) for parameter in model.parameters()}
    groups = [group for part in parts for group in getattr(part, "param_groups", ())]
    return any(id(parameter) in own for group in groups for parameter in group["params"])


def _opened(journal: Any) -> Journal:
    from nbinspect.journal.journal import journal_at

    return journal_at(journal)
