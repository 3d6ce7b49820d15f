from __future__ import annotations

import json
import platform
import subprocess

import pytest
import torch
from torch import nn

import nbinspect
from nbinspect import Inspector, check
from nbinspect.journal.configuration import configuration_of
from tests.journal.programs import HOSTILE, inspector


def of(program: Inspector, **rest):
    found = configuration_of(program.subject, **rest)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


def differs(a, b):
    one, other = of(a), of(b)
    return [section for section in one if one[section] != other[section]]


def test_each_part_of_a_program_is_told():
    """Model, optimizer, loader, loss, device, seed and the user's own settings are those of the live objects."""
    torch.manual_seed(11)
    found = of(inspector(rate=0.25, task="classification"), config={"lr": 0.25})
    assert found["config"] == {"lr": 0.25}
    assert found["model"]["class"] == "Sequential"
    assert (found["model"]["parameters"], found["model"]["trainable"]) == (6 * 16 + 16 + 16 * 3 + 3,) * 2
    assert found["optimizer"]["class"] == "SGD"
    assert found["optimizer"]["groups"][0]["lr"] == 0.25
    assert found["optimizer"]["groups"][0]["tensors"] == 4
    loader = found["loader"]
    assert (loader["batch_size"], loader["shuffle"], loader["samples"]) == (8, True, 64)
    assert found["steps"]["loss_fn"]["class"] == "CrossEntropyLoss"
    assert found["settings"]["task"] == "classification"
    assert (found["device"], found["seed"]) == ("cpu", {"torch": 11})
    assert found["versions"]["torch"] == torch.__version__
    assert found["versions"]["Python"] == platform.python_version()
    assert found["versions"]["nbinspect"] == nbinspect.__version__
    assert "unread" not in found


class Net(nn.Module):
    def __init__(self, slope=0.0, **parts):
        super().__init__()
        self.out, self.slope = nn.Linear(6, 3), slope
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x):
        return self.out(x).relu()


class Other(Net):
    def forward(self, x):
        return self.out(x).tanh()


def test_one_change_shows_in_its_section_alone():
    """Another rate, width, loss, batch of data or forward differs where it belongs and nowhere else."""
    same = inspector()
    assert differs(same, inspector()) == []
    assert differs(same, inspector(rate=0.2)) == ["optimizer"]
    assert differs(same, inspector(width=17)) == ["model"]
    assert differs(same, inspector(offset=1.0)) == ["data"]
    assert differs(same, inspector(size=4)) == ["loader", "data"]
    assert differs(same, inspector(task="classification")) == ["settings"]
    one, other = Net(), Other()
    other.__class__.__qualname__ = "Net"
    assert differs(Inspector(one), Inspector(other)) == ["model"]
    step = {"train_step": lambda model, batch: model(batch)}
    assert differs(Inspector(one, **step), Inspector(one, train_step=lambda model, batch: None)) == ["steps"]


def test_the_architecture_is_told_apart_from_the_weights():
    """Other weights and frozen parameters are the same architecture, and another dropout is not."""

    def architecture(model):
        return of(Inspector(model))["model"]["architecture"]

    plain = architecture(Net())
    assert architecture(Net().requires_grad_(False)) == plain
    assert of(Inspector(Net().requires_grad_(False)))["model"]["trainable"] == 0
    dropouts = [architecture(Net(drop=nn.Dropout(share))) for share in (0.1, 0.2)]
    assert len({plain, *dropouts, architecture(Net(lazy=nn.LazyLinear(3)))}) == 4


class Hostile(nn.Module):
    def extra_repr(self):
        raise RuntimeError(HOSTILE)


class Raises:
    def __iter__(self):
        raise OSError("gone")

    def __len__(self):
        raise OSError("gone")


def test_what_cannot_be_read_is_named_and_the_rest_is_kept():
    """A model, loader or data that raise are named with their error, and every other section is there."""
    found = of(Inspector(Hostile(), Raises(), optimizer=lambda parameters: None))
    assert set(found["unread"]) == {"model", "loader", "data"}
    assert "gone" in found["unread"]["data"]
    assert found["optimizer"]["function"].endswith("<lambda>")
    assert {"seed", "versions", "device"} <= set(found)


def test_a_report_alone_tells_what_it_knows():
    """Without a program a report gives its model, task, device and seed."""
    program = inspector()
    record = check(program, only=["runs"], seed=5).record
    found = configuration_of(record=record)
    assert found["model"] == {"class": "Sequential"}
    assert (found["device"], found["seed"]["checks"], found["task"]) == ("cpu", 5, "classification")
    assert "data" not in found


def git(folder, *words):
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_is_that_of_the_folder(tmp_path, monkeypatch):
    """The commit is git's own, dirty once a tracked file has changed, and files that are not tracked do not count."""
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init")
    assert "commit" not in configuration_of()
    (tmp_path / "a.py").write_text("1")
    git(tmp_path, "add", "a.py")
    git(tmp_path, "commit", "-m", "a")
    (tmp_path / "runs.db").touch()
    head = git(tmp_path, "rev-parse", "HEAD")
    assert configuration_of()["commit"] == {"id": head, "dirty": False}
    (tmp_path / "a.py").write_text("2")
    assert configuration_of()["commit"] == {"id": head, "dirty": True}


@pytest.mark.parametrize("script", [None, "#!/bin/sh\nexit 128\n", "#!/bin/sh\nprintf '\\377'; exit 1\n"])
def test_no_git_is_no_trouble(tmp_path, monkeypatch, script):
    """Without git, or with one that fails, there is no commit and no error."""
    if script is not None:
        (tmp_path / "git").write_text(script)
        (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "commit" not in configuration_of()


def test_the_program_is_left_unchanged():
    """Weights, modes, hooks, optimizer, generators and the random states are the same after it was read."""
    program = inspector()
    subject = program.subject
    before = {name: tensor.clone() for name, tensor in subject.model.state_dict().items()}
    state, groups = torch.get_rng_state(), repr(subject.optimizer.state_dict())
    of(program)
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(before[name], tensor) for name, tensor in subject.model.state_dict().items())
    assert repr(subject.optimizer.state_dict()) == groups
    assert torch.initial_seed() == configuration_of()["seed"]["torch"]
    assert not any(module._forward_hooks for module in subject.model.modules())
