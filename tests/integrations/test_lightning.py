from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import optimizer as optimizers
from torch.utils.data import DataLoader, TensorDataset

from nbinspect import Inspector, Recorder
from nbinspect.errors import InputError, NbinspectError
from nbinspect.integrations.lightning import dynamics_callback
from nbinspect.records import DynamicsRecord

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),  # a test's data is in memory
    pytest.mark.filterwarnings("ignore:.*num_workers.*bottleneck.*"),  # the same, in other words
    pytest.mark.filterwarnings("ignore:.*isinstance.treespec, LeafSpec.*"),  # Lightning's own use of torch
    pytest.mark.filterwarnings("ignore:.*is smaller than the logging interval.*"),  # tests log how they like
]
SAMPLES = 96


class Lit(lightning.LightningModule):
    """A module with dropout and batch statistics that logs what people log."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(20, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 4))
        self.losses: list[float] = []
        self.fails_at: int | None = None
        self.error: type[BaseException] = ValueError

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        if len(self.losses) == self.fails_at:
            raise self.error("planted")
        loss = F.cross_entropy(self(batch[0]), batch[1])
        self.losses.append(loss.item())
        self.log("loss", loss)
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", F.cross_entropy(self(batch[0]), batch[1]))

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=3e-3)


class TwoOptimizers(Lit):
    """A module that makes the steps of two optimizers itself."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        for optimizer in self.optimizers():
            loss = F.cross_entropy(self(batch[0]), batch[1])
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()
        self.losses.append(loss.item())
        return loss

    def configure_optimizers(self) -> Any:
        body, head = self.net[:4], self.net[4]
        return torch.optim.Adam(body.parameters(), lr=3e-3), torch.optim.SGD(head.parameters(), lr=1e-2)


def data() -> tuple[DataLoader[Any], DataLoader[Any]]:
    """Training and validation loader, built anew with the same seed."""
    inputs = torch.randn(SAMPLES, 20, generator=torch.Generator().manual_seed(1))
    whole = TensorDataset(inputs, inputs[:, :4].argmax(1))
    return DataLoader(whole, 16, shuffle=True), DataLoader(whole, 32)


def fit(
    kind: type[Lit] = Lit,
    watched: Callable[[Inspector], Any] | None = lambda inspector: inspector.dynamics(),
    prepare: Callable[[Lit, Any], object] = lambda lit, dynamics: None,
    callbacks: tuple[Any, ...] = (),
    **options: Any,
) -> tuple[Lit, Any, Any]:
    """Train for three epochs of six batches, watched by what `watched` makes; give module, trainer and watcher."""
    torch.manual_seed(0)
    lit = kind()
    loader, val_loader = data()
    dynamics = watched(Inspector(lit, loader, F.cross_entropy, val_loader=val_loader)) if watched else None
    prepare(lit, dynamics)
    trainer = lightning.Trainer(
        max_epochs=3,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[*([dynamics_callback(dynamics)] if dynamics else []), *callbacks],
        **{"log_every_n_steps": 2, **options},
    )
    trainer.fit(lit, loader, val_loader)
    return lit, trainer, dynamics


def curve(record: DynamicsRecord, name: str) -> tuple[list[int], list[float]]:
    """Steps and values of a number of the run as a whole."""
    trace = next(one for one in record.traces if (one.name, one.part) == (name, ""))
    return trace.step.tolist(), trace.mean.tolist()


def hooks_of(lit: nn.Module) -> int:
    """How many hooks are on a module, and on every optimizer."""
    own = sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in lit.modules())
    return own + len(optimizers._global_optimizer_pre_hooks) + len(optimizers._global_optimizer_post_hooks)


@pytest.fixture(autouse=True)
def no_hook_left() -> Iterator[None]:
    """Every optimizer is as it was in the end."""
    before = len(optimizers._global_optimizer_post_hooks)
    yield
    assert len(optimizers._global_optimizer_post_hooks) == before


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (Lit, {}),
        (Lit, {"accumulate_grad_batches": 4}),
        (Lit, {"precision": "bf16-mixed"}),
        (Lit, {"gradient_clip_val": 0.1, "val_check_interval": 2}),
        (TwoOptimizers, {}),
    ],
)
def test_weights_are_those_of_a_run_alone(kind: type[Lit], options: dict[str, Any]) -> None:
    """Three epochs with the callback end with the weights, statistics and losses of three without, to the bit."""
    alone, *_ = fit(kind, None, **options)
    lit, _, dynamics = fit(kind, **options)
    assert lit.losses == alone.losses
    for name, value in alone.state_dict().items():
        assert torch.equal(value, lit.state_dict()[name]), name
    assert not [one for one in dynamics.record.moments if one.kind == "problem"]
    assert len(dynamics.record.readings[0]) >= 2


def test_every_step_has_the_loss_of_the_module() -> None:
    """Steps are the trainer's, each with the loss that its training step returned; sanity batches count nothing."""
    lit, trainer, dynamics = fit()
    steps, losses = curve(dynamics.record, "loss")
    assert steps == list(range(1, 19))
    assert trainer.global_step == dynamics.record.steps == 18
    assert np.allclose(losses, lit.losses, rtol=1e-6)


def test_accumulated_batches_are_one_step() -> None:
    """With four batches to a step, its loss is their mean, also at the end of an epoch, where two are left."""
    lit, trainer, dynamics = fit(accumulate_grad_batches=4)
    steps, losses = curve(dynamics.record, "loss")
    groups = [lit.losses[start : start + count] for start, count in ((0, 4), (4, 2), (6, 4), (10, 2), (12, 4), (16, 2))]
    assert steps == list(range(1, trainer.global_step + 1)) == [1, 2, 3, 4, 5, 6]
    assert np.allclose(losses, [sum(group) / len(group) for group in groups], rtol=1e-6)


def test_two_optimizers_are_one_run() -> None:
    """With manual optimization of two, the steps of the first count, with the loss that the training step returns."""
    lit, trainer, dynamics = fit(TwoOptimizers)
    assert dynamics.record.steps == 18
    assert trainer.global_step == 36
    assert sorted(dynamics.record.optimizers) == ["Adam", "SGD"]
    assert np.allclose(curve(dynamics.record, "loss")[1], lit.losses, rtol=1e-6)


class Told(lightning.Callback):
    """Notes what the trainer itself reports at the ends of epochs."""

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = {}

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        for name, value in trainer.callback_metrics.items():
            self.values.setdefault(name, []).append(float(value))


def test_logged_numbers_are_drawn() -> None:
    """What the module logs comes at the trainer's own pace, and of each epoch, as the trainer reports it."""
    told = Told()
    lit, _, dynamics = fit(callbacks=(told,))
    assert curve(dynamics.record, "val_loss")[0] == [6, 12, 18]
    assert np.allclose(curve(dynamics.record, "val_loss")[1], told.values["val_loss"])
    assert curve(dynamics.record, "train_loss_epoch")[0] == [6, 12, 18]
    assert np.allclose(curve(dynamics.record, "train_loss_epoch")[1], told.values["train_loss_epoch"])
    steps, values = curve(dynamics.record, "train_loss_step")
    assert sorted(set(steps)) == list(range(2, 19, 2))
    assert np.allclose(values, [lit.losses[step - 1] for step in steps])
    assert set(curve(dynamics.record, "logged loss")[0]) == set(steps)


def test_a_stop_ends_the_fit_in_order() -> None:
    """A stop that is asked for while the fit goes on ends it after that step, and the trainer calls it finished."""

    def stop_at_five(lit: Lit, dynamics: Any) -> None:
        lit.on_train_batch_start = lambda batch, batch_idx: dynamics.stop() if len(lit.losses) == 4 else None

    lit, trainer, dynamics = fit(prepare=stop_at_five)
    assert len(lit.losses) == dynamics.record.steps == 5
    assert trainer.state.finished
    assert dynamics.status["state"] == "stopped"
    assert hooks_of(lit) == 0


@pytest.mark.parametrize(("error", "raised"), [(ValueError, ValueError), (KeyboardInterrupt, SystemExit)])
def test_an_exception_leaves_no_hook(error: type[BaseException], raised: type[BaseException]) -> None:
    """After an exception or an Interrupt, which Lightning turns into an exit, nothing of the watching is left."""
    seen: list[tuple[Lit, Any]] = []

    def fail(lit: Lit, dynamics: Any) -> None:
        lit.fails_at, lit.error = 7, error
        seen.append((lit, dynamics))

    with pytest.raises(raised):
        fit(prepare=fail)
    (lit, dynamics), *_ = seen
    assert hooks_of(lit) == 0
    assert dynamics.record.steps == 7
    assert dynamics.status["state"] == "ended"


def test_a_second_fit_goes_on() -> None:
    """Another fit with the same callback adds its steps to the run."""
    lit, trainer, dynamics = fit()
    trainer.fit_loop.max_epochs = 4
    trainer.fit(lit, *data())
    assert dynamics.record.steps == trainer.global_step == 24


def test_closing_the_view_leaves_the_fit_alone() -> None:
    """A view that is closed in the middle ends watching, and the fit goes on to its end."""

    def close_at_five(lit: Lit, dynamics: Any) -> None:
        lit.on_train_batch_start = lambda batch, batch_idx: dynamics.close() if len(lit.losses) == 5 else None

    _, trainer, dynamics = fit(prepare=close_at_five)
    assert trainer.global_step == 18
    assert dynamics.record.steps == 5


def test_a_recorder_takes_the_place_of_the_view(tmp_path: Path) -> None:
    """A run that a recorder keeps can be followed, with the losses of the fit."""
    lit, _, recorder = fit(watched=lambda inspector: Recorder(tmp_path / "run", inspector))
    record = Inspector(lit).dynamics(follow=tmp_path / "run").record
    assert record.steps == 18
    assert np.allclose(curve(record, "loss")[1], lit.losses, rtol=1e-6)
    assert recorder.log is None


def test_all_ranks_stop_at_the_same_step(tmp_path: Path) -> None:
    """A stop that is asked for on the first of two ranks ends both after that step, and each keeps its log."""
    command = [sys.executable, "-m", "tests.integrations.rank_program", str(tmp_path / "run"), "lightning"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert [(tmp_path / "run" / f"steps-{rank}").read_text() for rank in (0, 1)] == ["5", "5"]
    assert [(tmp_path / "run" / f"rank-{rank}.sqlite").exists() for rank in (0, 1)] == [True, True]


def test_the_callback_is_of_the_package_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a callback of `lightning`, and of `pytorch_lightning` where that is what is used."""
    dynamics = Inspector(Lit()).dynamics()
    assert isinstance(dynamics_callback(dynamics), lightning.Callback)
    import pytorch_lightning

    monkeypatch.setitem(sys.modules, "lightning.pytorch", None)
    assert isinstance(dynamics_callback(dynamics), pytorch_lightning.Callback)
    monkeypatch.setitem(sys.modules, "pytorch_lightning", None)
    with pytest.raises(NbinspectError, match=r"nbinspect\[lightning\]"):
        dynamics_callback(dynamics)


def test_what_cannot_watch_is_refused() -> None:
    """A model in place of the view is named in the error."""
    with pytest.raises(InputError, match="Lit"):
        dynamics_callback(Lit())
