from __future__ import annotations

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect import Inspector

X = torch.randn(40, 4, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()
START = """
model = nn.Linear(4, 2)
optimizer = torch.optim.Adam(model.parameters())
loader, val_loader, loss_fn = DataLoader(data, 10), DataLoader(data, 20), nn.CrossEntropyLoss()
inspector = Inspector(model, loader, loss_fn, optimizer=optimizer, val_loader=val_loader)
dashboard = inspector.dashboard()
"""


@pytest.fixture
def cell():
    """Runs a cell of a notebook that has a dashboard, and gives the notebook's variables."""
    shell = InteractiveShell.instance()
    shell.user_ns.update(torch=torch, nn=nn, DataLoader=DataLoader, Inspector=Inspector, data=TensorDataset(X, Y))

    def run(code):
        shell.run_cell(code).raise_error()
        return shell.user_ns

    run(START)
    yield run
    InteractiveShell.clear_instance()


def test_a_model_and_an_optimizer_of_one_cell_are_taken_over_together(cell):
    """Model and optimizer that were made anew in one cell are inspected, time after time."""
    for rate in (0.1, 0.2):
        cell(f"model = nn.Linear(4, 2); optimizer = torch.optim.SGD(model.parameters(), {rate})")
        space = cell("dashboard.renew()")
        own = space["inspector"].subject
        assert (own.model, own.optimizer) == (space["model"], space["optimizer"])
        assert (space["dashboard"].facts["rate"], space["dashboard"].status["stale"]) == (f"{rate}", None)


def test_other_loaders_and_losses_are_named_and_taken_over(cell):
    """The notice names every variable that means another object; ticks of the data go with the loader they are of."""
    space = cell("dashboard.act('order'); dashboard.open('batch')")
    dashboard = space["dashboard"]
    assert dashboard.recipe.step("exact-batch").state == "done"
    cell("loss_fn = nn.NLLLoss()")
    assert dashboard.status["stale"] == "loss_fn is another object now: this shows the old one"
    cell("dashboard.renew()")
    assert dashboard.facts["loss"] == "NLLLoss"
    order = dashboard.recipe.step("order").state
    assert order in ("done", "attention")
    assert dashboard.recipe.step("exact-batch").state == "todo"
    cell("loader = DataLoader(data, 10, shuffle=True); val_loader = DataLoader(data, 5); other = 1")
    assert dashboard.status["stale"] == "loader and val_loader are other objects now: this shows the old ones"
    cell("dashboard.renew()")
    own = space["inspector"].subject
    assert (own.loader, own.val_loader) == (space["loader"], space["val_loader"])
    assert own.optimizer is space["optimizer"]
    assert dashboard.recipe.step("order").state == "todo"
    cell("dashboard.open('batch')")
    assert dashboard.recipe.step("exact-batch").state == "done"


def test_an_optimizer_of_the_old_model_is_left_out_with_a_word(cell):
    """Where only the model was made anew its optimizer is dropped, and the dashboard says so beyond the cell."""
    dashboard = cell("model = nn.Linear(4, 2)")["dashboard"]
    cell("dashboard.renew()")
    assert dashboard.facts["optimizer"] is None
    assert "the optimizer does not train the new model" in dashboard.status["text"]


def test_loops_and_things_of_another_kind_are_no_news(cell):
    """A name that a loop gives to both loaders is not said to be another; what is no loader is not taken over."""
    cell("dashboard.close()")
    dashboard = cell("for each in (loader, val_loader): pass\ndashboard = inspector.dashboard()")["dashboard"]
    cell("for each in (val_loader, loader): pass")
    assert dashboard.status["stale"] is None
    cell("best = model")
    cell("best = None")
    assert dashboard.status["stale"] is None
    cell("loader = 3")
    assert (dashboard.status["stale"] or "").startswith("loader is another object now")
    assert not dashboard.status["renew"]
