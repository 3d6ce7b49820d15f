"""A trainer on two ranks that is asked on the first one to stop: ``rank_program FOLDER FRAMEWORK``, as a module."""

from __future__ import annotations

import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset, default_collate

from nbinspect import Inspector, Recorder
from tests.runlog.two_ranks import on_two_ranks

STOP = 5


def recorded(folder: str, model: nn.Module, data: Any, loss_fn: Any) -> Any:
    """A recorder whose observer, on the first rank, asks for a stop during a step."""
    recorder = Recorder(folder, Inspector(model, DataLoader(data, 8), loss_fn))

    def ask(*_: Any) -> None:
        observer = recorder.observer
        if observer is not None and observer.steps == STOP - 1 and torch.is_grad_enabled():  # no reading of the probe
            observer.controls.stop()

    next(model.children()).register_forward_pre_hook(ask)
    return recorder


def with_lightning(folder: str, data: TensorDataset) -> int:
    import lightning.pytorch as lightning

    from nbinspect.integrations.lightning import dynamics_callback

    class Lit(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Linear(8, 4)

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            loss = F.cross_entropy(self.net(batch[0]), batch[1])
            self.log("synchronised", loss, on_step=True, on_epoch=True, sync_dist=True)
            return loss

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1)

        def forward(self, x: Any) -> Any:
            return self.net(x)

    lit = Lit()
    recorder = recorded(folder, lit, data, F.cross_entropy)
    trainer = lightning.Trainer(
        max_epochs=9, accelerator="cpu", devices=2, strategy="ddp", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, callbacks=[dynamics_callback(recorder)], log_every_n_steps=2,
    )  # fmt: skip
    trainer.fit(lit, DataLoader(data, 8))
    return trainer.global_step


def with_transformers(folder: str, data: TensorDataset) -> int:
    from transformers import Trainer, TrainingArguments

    from nbinspect.integrations.transformers import dynamics_callback

    class OwnLoss(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Linear(8, 4)

        def forward(self, x: Any, labels: Any = None) -> dict[str, Any]:
            logits = self.net(x)
            return {"loss": F.cross_entropy(logits, labels), "logits": logits}

    rows = [{"x": x, "labels": y} for x, y in data]
    model = OwnLoss()
    recorder = recorded(folder, model, rows, None)
    with tempfile.TemporaryDirectory() as place:
        arguments = TrainingArguments(
            place, num_train_epochs=9, report_to=[], save_strategy="no", use_cpu=True, disable_tqdm=True
        )
        trainer = Trainer(
            model, arguments, default_collate, train_dataset=rows, callbacks=[dynamics_callback(recorder)]
        )
        trainer.train()
    return trainer.state.global_step


FRAMEWORKS = {
    "lightning": ("lightning.pytorch", with_lightning),
    "transformers": ("transformers.trainer", with_transformers),
}


def work(folder: str, framework: str) -> None:
    """What each rank does."""
    torch.manual_seed(0)
    inputs = torch.randn(96, 8)
    _, train = FRAMEWORKS[framework]
    steps = train(folder, TensorDataset(inputs, inputs[:, :4].argmax(1)))
    Path(folder, f"steps-{os.environ['RANK']}").write_text(str(steps), encoding="utf-8")


if __name__ == "__main__":
    import_module(FRAMEWORKS[sys.argv[2]][0])  # here, for both ranks
    on_two_ranks(work, *sys.argv[1:])
