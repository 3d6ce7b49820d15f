from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import optimizer as optimizers
from torch.utils.data import DataLoader, Dataset
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    default_data_collator,
)

from nbinspect import Inspector, Recorder
from nbinspect.errors import InputError, NbinspectError
from nbinspect.integrations.transformers import dynamics_callback
from nbinspect.records import DynamicsRecord

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*pin_memory.*"),  # Trainer asks for it, also without an accelerator
]
SAMPLES, LENGTH = 24, 8


class Sentences(Dataset[Any]):
    """Random tokens, each sentence with as many labels as the task has."""

    def __init__(self, causal: bool) -> None:
        generator = torch.Generator().manual_seed(1)
        self.tokens = torch.randint(2, 30, (SAMPLES, LENGTH), generator=generator)
        self.causal = causal

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> dict[str, Any]:
        tokens = self.tokens[index]
        labels = torch.where(torch.arange(LENGTH) < LENGTH - index % 3, tokens, -100)
        return {"input_ids": tokens, "labels": labels if self.causal else int(tokens[0] > 15)}


def language_model() -> nn.Module:
    config = GPT2Config(n_layer=1, n_head=2, n_embd=16, vocab_size=30, n_positions=8, bos_token_id=0, eos_token_id=1)
    return GPT2LMHeadModel(config)


def classifier() -> nn.Module:
    config = BertConfig(
        num_hidden_layers=1, num_attention_heads=2, hidden_size=16, intermediate_size=32, vocab_size=30, num_labels=2
    )
    return BertForSequenceClassification(config)


class Planted(TrainerCallback):
    """Does something at the end of a step, as another callback may."""

    def __init__(self, act: Callable[[int], object]) -> None:
        self._act = act

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._act(state.global_step)


def untrained(
    folder: Path,
    make: Callable[[], nn.Module] = language_model,
    watched: Callable[[Inspector], Any] | None = lambda inspector: inspector.dynamics(),
    act: Callable[[Any, int], object] = lambda dynamics, step: None,
    **options: Any,
) -> tuple[Trainer, Any]:
    """Make a trainer of three epochs of six batches, watched by what `watched` makes."""
    torch.manual_seed(0)
    model, data = make(), Sentences(make is language_model)
    loader = DataLoader(data, 4, collate_fn=default_data_collator)
    dynamics = watched(Inspector(model, loader)) if watched else None
    arguments = TrainingArguments(
        str(folder),
        num_train_epochs=3,
        per_device_train_batch_size=4,
        learning_rate=1e-3,
        report_to=[],
        save_strategy="no",
        logging_steps=1,
        disable_tqdm=True,
        use_cpu=True,
        **options,
    )
    callbacks = [Planted(lambda step: act(dynamics, step)), *([dynamics_callback(dynamics)] if dynamics else [])]
    return Trainer(model, arguments, train_dataset=data, eval_dataset=data, callbacks=callbacks), dynamics


def fit(*arguments: Any, **options: Any) -> tuple[Trainer, Any]:
    """Train with a trainer as `untrained` makes it."""
    trainer, dynamics = untrained(*arguments, **options)
    trainer.train()
    return trainer, dynamics


def curve(record: DynamicsRecord, name: str) -> tuple[list[int], list[float]]:
    """Steps and values of a number of the run as a whole."""
    trace = next(one for one in record.traces if (one.name, one.part) == (name, ""))
    return trace.step.tolist(), trace.mean.tolist()


def reported(trainer: Trainer, name: str) -> tuple[list[int], list[float]]:
    """Steps and values that the trainer itself has logged."""
    found = [(entry["step"], entry[name]) for entry in trainer.state.log_history if name in entry]
    return [step for step, _ in found], [value for _, value in found]


def hooks() -> int:
    """How many hooks are on the steps of every optimizer."""
    return len(optimizers._global_optimizer_pre_hooks) + len(optimizers._global_optimizer_post_hooks)


@pytest.fixture(autouse=True)
def no_hook_left() -> Iterator[None]:
    """Every optimizer is as it was in the end."""
    before = hooks()
    yield
    assert hooks() == before


@pytest.mark.parametrize("make", [language_model, classifier])
@pytest.mark.parametrize("options", [{}, {"gradient_accumulation_steps": 4}, {"bf16": True, "eval_strategy": "epoch"}])
def test_weights_are_those_of_a_run_alone(make: Any, options: dict[str, Any], tmp_path: Path) -> None:
    """Three epochs with the callback end with weights and reported losses of three without, to the bit."""
    alone, _ = fit(tmp_path, make, None, **options)
    trainer, dynamics = fit(tmp_path, make, **options)
    assert reported(trainer, "loss") == reported(alone, "loss")
    for name, value in alone.model.state_dict().items():
        assert torch.equal(value, trainer.model.state_dict()[name]), name
    assert not [one for one in dynamics.record.moments if one.kind == "problem"]
    assert len(dynamics.record.readings[0]) >= 2


@pytest.mark.parametrize("make", [language_model, classifier])
@pytest.mark.parametrize("accumulated", [1, 4])
def test_every_step_has_the_loss_that_the_trainer_reports(make: Any, accumulated: int, tmp_path: Path) -> None:
    """Steps are the trainer's, each with its loss, also where it takes several batches for one."""
    trainer, dynamics = fit(tmp_path, make, gradient_accumulation_steps=accumulated)
    steps, losses = curve(dynamics.record, "loss")
    assert steps == reported(trainer, "loss")[0] == list(range(1, trainer.state.global_step + 1))
    assert np.allclose(losses, reported(trainer, "loss")[1], atol=1e-4)
    assert np.allclose(curve(dynamics.record, "logged loss"), reported(trainer, "loss"), atol=1e-4)


def test_logged_numbers_are_drawn(tmp_path: Path) -> None:
    """What the trainer logs of steps and evaluations is drawn at its step."""
    trainer, dynamics = fit(tmp_path, eval_strategy="epoch")
    for name in ("grad_norm", "eval_loss"):
        steps, values = curve(dynamics.record, name)
        assert steps == reported(trainer, name)[0]
        assert np.allclose(values, reported(trainer, name)[1])


def test_a_stop_ends_training_in_order(tmp_path: Path) -> None:
    """A stop that is asked for during a step ends training after the next one at the latest, and `train` returns."""
    trainer, dynamics = fit(tmp_path, act=lambda dynamics, step: dynamics.stop() if step == 4 else None)
    assert trainer.state.global_step == dynamics.record.steps == 4
    assert dynamics.status["state"] == "stopped"


def test_after_an_exception_watching_ends_when_it_is_told(tmp_path: Path) -> None:
    """A trainer tells of no exception: `detach` removes what was left, and so does the next training."""
    before, steps = hooks(), []

    def fail(dynamics: Any, step: int) -> None:
        steps.append(step)
        if len(steps) == 3:
            raise ValueError("planted")

    dynamics: list[Any] = []
    with pytest.raises(ValueError, match="planted"):
        fit(tmp_path, watched=lambda inspector: dynamics.append(inspector.dynamics()) or dynamics[0], act=fail)
    dynamics[0].detach()
    assert hooks() == before
    assert dynamics[0].record.steps == 3


def test_after_an_exception_a_loop_of_ones_own_can_be_stopped(tmp_path: Path) -> None:
    """What the callback left behind does not keep a stop from ending another loop."""

    def fail(dynamics: Any, step: int) -> None:
        raise ValueError("planted")

    trainer, dynamics = untrained(tmp_path, act=fail)
    with pytest.raises(ValueError, match="planted"):
        trainer.train()
    dynamics.detach()
    steps = 0
    with dynamics:
        for steps in range(1, 10):
            trainer.model(**default_data_collator([trainer.train_dataset[0]])).loss.backward()
            if steps == 2:
                dynamics.stop()
            trainer.optimizer.step()
    assert steps == 2


def test_the_next_training_goes_on_after_an_exception(tmp_path: Path) -> None:
    """Training that raised and is begun anew is watched to its end, with the steps of both."""
    failing = [True]

    def fail(dynamics: Any, step: int) -> None:
        if step == 3 and failing:
            failing.clear()
            raise ValueError("planted")

    trainer, dynamics = untrained(tmp_path, act=fail)
    with pytest.raises(ValueError, match="planted"):
        trainer.train()
    trainer.train()
    assert dynamics.record.steps == 3 + trainer.state.global_step == 21


def test_a_recorder_takes_the_place_of_the_view(tmp_path: Path) -> None:
    """A run that a recorder keeps can be followed, with the losses that the trainer reports."""
    trainer, _ = fit(tmp_path, watched=lambda inspector: Recorder(tmp_path / "run", inspector))
    record = Inspector(trainer.model).dynamics(follow=tmp_path / "run").record
    assert record.steps == 18
    assert np.allclose(curve(record, "loss")[1], reported(trainer, "loss")[1], atol=1e-4)


def test_all_ranks_stop_at_the_same_step(tmp_path: Path) -> None:
    """A stop that is asked for on the first of two ranks ends both after that step, and each keeps its log."""
    command = [sys.executable, "-m", "tests.integrations.rank_program", str(tmp_path / "run"), "transformers"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert [(tmp_path / "run" / f"steps-{rank}").read_text() for rank in (0, 1)] == ["5", "5"]
    assert [(tmp_path / "run" / f"rank-{rank}.sqlite").exists() for rank in (0, 1)] == [True, True]


def test_without_transformers_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where transformers is missing, the error says how to install it."""
    dynamics = Inspector(nn.Linear(2, 2)).dynamics()
    assert isinstance(dynamics_callback(dynamics), TrainerCallback)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(NbinspectError, match=r"nbinspect\[transformers\]"):
        dynamics_callback(dynamics)


def test_what_cannot_watch_is_refused() -> None:
    """A model in place of the view is named in the error."""
    with pytest.raises(InputError, match="Linear"):
        dynamics_callback(nn.Linear(2, 2))
