from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nbinspect.sanity.wiring.train_eval_mode import CHECK
from tests.sanity.running import run_one

N = 32
Y = torch.arange(N) % 2


class Drops(nn.Module):
    """Drops units by the function, told the mode in one of several ways."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.body, self.head, self.how = nn.Linear(4, 64), nn.Linear(64, 2), how

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.body(x)) + 0.1
        if self.how == "default":
            h = F.dropout(h, 0.5)  # always on
        elif self.how == "in place":
            F.dropout(h, 0.5, inplace=True)  # always on
        elif self.how == "on purpose":
            h = F.dropout(h, 0.5, training=True)
        elif self.how == "flag":
            h = F.dropout(h, 0.5, self.training)
        elif self.how == "no share":
            h = F.dropout(h, 0.0)
        return self.head(h)


class Layers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.norm, self.drop, self.head = (
            nn.Linear(4, 16),
            nn.BatchNorm1d(16),
            nn.Dropout(0.5),
            nn.Linear(16, 2),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(torch.relu(self.norm(self.body(x)))))


class Variational(nn.Module):
    """Samples its code in either mode."""

    def __init__(self) -> None:
        super().__init__()
        self.encode, self.decode = nn.Linear(4, 8), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        mean, spread = self.encode(x).chunk(2, 1)
        return self.decode(mean + spread.exp() * torch.randn_like(mean))


def program(model: nn.Module, **arguments: Any) -> dict[str, Any]:
    torch.manual_seed(0)
    return {"model": model, "loader": [(torch.randn(N, 4), Y)], "loss_fn": nn.CrossEntropyLoss(), **arguments}


def train_step(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
    model.train()
    return stepped(model, batch, optimizer)


def stepped(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss


def in_eval_mode(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
    model.eval()
    return stepped(model, batch, optimizer)


def with_frozen_norm(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
    model.train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.eval()
    return stepped(model, batch, optimizer)


def eval_step(model: nn.Module, batch: Any) -> Tensor:
    model.eval()
    with torch.no_grad():
        return F.cross_entropy(model(batch[0]), batch[1])


def without_eval(model: nn.Module, batch: Any) -> Tensor:
    with torch.no_grad():
        return F.cross_entropy(model(batch[0]), batch[1])


def with_dropout_on(model: nn.Module, batch: Any) -> Tensor:
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.train()
    with torch.no_grad():
        return torch.stack([model(batch[0]) for _ in range(3)]).mean(0)


def trained(model: nn.Module, **arguments: Any) -> dict[str, Any]:
    return program(model, optimizer=torch.optim.SGD(model.parameters(), 0.1, momentum=0.9), **arguments)


@pytest.mark.parametrize("how", ["default", "in place"])
def test_dropout_that_ignores_the_flag_is_named(how: str) -> None:
    """A dropout function that is not told the mode fails at its line, with the flag to pass."""
    result = run_one(CHECK, **program(Drops(how)))
    assert result.status == "fail"
    assert result.where == "F.dropout"
    assert result.place is not None
    with open(result.place.file, encoding="utf-8") as file:  # noqa: PTH123 - reads the one line
        assert "# always on" in file.readlines()[result.place.line - 1]
    assert "training=self.training" in result.code


def test_the_share_is_that_of_dropped_and_scaled_values() -> None:
    """Every value that is not zero is dropped or doubled."""
    result = run_one(CHECK, **program(Drops("default")))
    assert float(result.measurements[0].measured) == 1.0


@pytest.mark.parametrize("model", [Drops("flag"), Drops("no share"), Layers(), Variational(), nn.Linear(4, 2)])
def test_what_heeds_the_flag_passes(model: nn.Module) -> None:
    """Dropout that is told, layers, and sampling on purpose are silent."""
    assert run_one(CHECK, **program(model)).status == "pass"


def test_dropout_kept_on_by_name_is_a_warning() -> None:
    """Who writes training=True may mean it."""
    assert run_one(CHECK, **program(Drops("on purpose"))).status == "warn"


def test_without_steps_the_needs_are_named() -> None:
    """What could not be asked is said."""
    summary = run_one(CHECK, **program(Layers())).summary
    assert "needs train_step" in summary
    assert "needs eval_step" in summary


def test_steps_in_their_own_modes_pass() -> None:
    """Steps that switch the mode themselves are healthy, whatever mode the model is in."""
    for mode in (True, False):
        model = Layers().train(mode)
        result = run_one(CHECK, **trained(model, train_step=train_step, eval_step=eval_step))
        assert result.status == "pass"
        assert "train_step runs in train mode; eval_step runs in eval mode" in result.summary
        assert model.training is mode


def test_training_in_eval_mode_fails() -> None:
    """A training step that switches to eval mode is found, with the layers that it stills."""
    result = run_one(CHECK, **trained(Layers(), train_step=in_eval_mode))
    assert result.status == "fail"
    assert result.code == "+ model.train()"
    assert "norm" in result.measurements[0].quantity


@pytest.mark.parametrize(("frozen", "status"), [("all", "pass"), ("weights", "fail"), ("none", "fail")])
def test_eval_mode_that_keeps_frozen_norms_at_rest_is_meant(frozen: str, status: str) -> None:
    """Where all that heeds the mode is BatchNorm that is frozen as a whole, training in eval mode keeps it so."""
    model = Layers()
    model.drop.p = 0.0
    for name, parameter in model.norm.named_parameters():
        parameter.requires_grad_(frozen == "none" or (frozen == "weights" and name == "bias"))
    result = run_one(CHECK, **trained(model, train_step=in_eval_mode))
    assert result.status == status
    assert ("at rest" in result.summary) == (status == "pass")


def evaluating_every_third_call(*, comes_back: bool, trains: bool = True) -> Any:
    """Return a step that looks at its progress at every third call."""
    calls = 0

    def step(model: nn.Module, batch: Any, optimizer: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls % 3 == 0 and not trains:
            return eval_step(model, batch), model.train()
        loss = stepped(model, batch, optimizer)
        if calls % 3 == 0:
            eval_step(model, batch)
            if comes_back:
                model.train()
        return loss

    return step


def test_a_step_that_leaves_eval_mode_on_now_and_then_fails() -> None:
    """An evaluation after the third call without model.train() leaves the fourth one in eval mode."""
    loader = [(torch.randn(N, 4), Y) for _ in range(5)]
    result = run_one(
        CHECK, **trained(Layers(), train_step=evaluating_every_third_call(comes_back=False)) | {"loader": loader}
    )
    assert result.status == "fail"
    assert "call 4" in result.summary
    assert result.detail.startswith("Call 3 leaves the model in eval mode")
    assert result.code == "+ model.train()"


def test_a_step_that_ends_an_epoch_in_eval_mode_is_a_warning() -> None:
    """Where an epoch ends with that call, the loop around it may well switch back."""
    step = evaluating_every_third_call(comes_back=False)
    loader = [(torch.randn(N, 4), Y) for _ in range(3)]
    assert run_one(CHECK, **trained(Layers(), train_step=step) | {"loader": loader}).status == "warn"


@pytest.mark.parametrize("trains", [True, False])
def test_a_step_that_comes_back_from_eval_mode_passes(trains: bool) -> None:
    """An evaluation now and then, beside an update or instead of one, is no defect where train mode follows."""
    loader = [(torch.randn(N, 4), Y) for _ in range(5)]
    step = evaluating_every_third_call(comes_back=True, trains=trains)
    assert run_one(CHECK, **trained(Layers(), train_step=step) | {"loader": loader}).status == "pass"


def looking_every(rounds: int, *, comes_back: str, epoch: int = 40) -> Any:
    """Return a step that is told its number, and looks at its progress once in so many calls."""

    def step(model: nn.Module, batch: Any, optimizer: Any, step: int) -> Tensor:
        if step % epoch == 0 or (comes_back == "next call" and step % rounds == 0):
            model.train()
        loss = stepped(model, batch, optimizer)
        if (step + 1) % rounds == 0:
            eval_step(model, batch)
            if comes_back == "at once":
                model.train()
        return loss

    return step


@pytest.mark.parametrize("rounds", [10, 25])
def test_a_step_that_is_told_its_number_is_called_where_it_evaluates(rounds: int) -> None:
    """An evaluation once in so many calls, which leaves eval mode on within an epoch, is found at the call after it."""
    loader = [(torch.randn(N, 4), Y) for _ in range(40)]
    step = looking_every(rounds, comes_back="with the epoch")
    result = run_one(CHECK, **trained(Layers(), train_step=step) | {"loader": loader})
    assert result.status == "fail"
    assert result.detail.startswith(f"Call {rounds} leaves the model in eval mode")


@pytest.mark.parametrize("begins", [True, False])
@pytest.mark.parametrize(
    ("rounds", "comes_back"), [(10, "at once"), (10, "next call"), (40, "with the epoch"), (25, "at once")]
)
def test_a_step_that_is_told_its_number_and_comes_back_passes(rounds: int, comes_back: str, begins: bool) -> None:
    """Train mode at once, at the next call, or with the epoch that the evaluation ends, is how it should be."""
    loader = [(torch.randn(N, 4), Y) for _ in range(40)]
    step, model = looking_every(rounds, comes_back=comes_back), Layers().train(begins)
    assert run_one(CHECK, **trained(model, train_step=step) | {"loader": loader}).status == "pass"


def aside(every: int, rest: int, *, trains: bool = True) -> Any:
    """Return a step of which one in so many runs in eval mode by itself, and goes back to train mode."""

    def step(model: nn.Module, batch: Any, optimizer: Any, step: int) -> Tensor:
        if step % every != rest:
            return stepped(model, batch, optimizer)
        model.eval()
        x, y = batch
        loss: Tensor = stepped(model, batch, optimizer) if trains else nn.functional.cross_entropy(model(x), y)
        model.train()
        return loss.detach()

    return step


@pytest.mark.parametrize(("every", "rest"), [(10, 9), (4, 3), (50, 0), (2, 1)])
@pytest.mark.parametrize("trains", [True, False])
def test_a_call_that_goes_to_eval_mode_by_itself_and_back_passes(every: int, rest: int, trains: bool) -> None:
    """A call that only evaluates, or trains with its norms at rest, leaves nothing in eval mode; all of them do."""
    given = trained(Layers(), train_step=aside(every, rest, trains=trains))
    assert run_one(CHECK, **given).status == "pass"


def test_a_step_that_goes_to_eval_mode_by_itself_each_time_fails_at_its_first_call() -> None:
    """Train mode that comes back after each call is train mode that no call trains in."""
    result = run_one(CHECK, **trained(Layers(), train_step=aside(1, 0)))
    assert result.status == "fail"
    assert result.detail.startswith("Called as it is, train_step")


def test_calls_that_are_left_out_between_say_nothing_of_the_mode() -> None:
    """What a call left in eval mode, and another between takes back that is not made, is no finding."""
    inner = looking_every(25, comes_back="at once")

    def step(model: nn.Module, batch: Any, optimizer: Any, step: int) -> Tensor:
        if step == 8:
            model.train()
        loss: Tensor = inner(model, batch, optimizer, step)
        if step == 7:
            eval_step(model, batch)
        return loss

    loader = [(torch.randn(N, 4), Y) for _ in range(40)]
    assert run_one(CHECK, **trained(Layers(), train_step=step) | {"loader": loader}).status == "pass"


LIVE: dict[str, Any] = {}


def by_global(batch: Any) -> Tensor:
    return in_eval_mode(LIVE["model"], batch, LIVE["optimizer"])


def by_helper(batch: Any) -> Tensor:
    return by_global(batch)


class Owner:
    """Holds model and optimizer, as a trainer does."""

    def __init__(self, model: nn.Module, optimizer: Any) -> None:
        self.model, self.optimizer = model, optimizer

    def step(self, batch: Any) -> Tensor:
        return in_eval_mode(self.model, batch, self.optimizer)


def left_to_the_loop(model: nn.Module, batch: Any) -> Tensor:
    return F.cross_entropy(model(batch[0]), batch[1])


def test_a_step_whose_loop_may_set_the_mode_is_a_warning() -> None:
    """An evaluation that leaves gradients and mode to the loop around it, as frameworks have it, is no defect."""
    result = run_one(CHECK, **trained(Layers(), eval_step=left_to_the_loop))
    assert result.status == "warn"
    assert "loop around it" in result.remedy


def test_evaluation_in_train_mode_fails() -> None:
    """An evaluation that does not switch to eval mode is found."""
    result = run_one(CHECK, **trained(Layers(), eval_step=without_eval))
    assert result.status == "fail"
    assert result.code == "+ model.eval()"


def test_a_model_left_in_eval_mode_is_a_warning() -> None:
    """A model that comes in eval mode may have a loop that switches it before the step."""
    assert run_one(CHECK, **trained(Layers().eval(), train_step=stepped)).status == "warn"
    assert run_one(CHECK, **trained(Layers().eval(), eval_step=without_eval)).status == "pass"


def test_frozen_norms_and_dropout_on_purpose_are_silent() -> None:
    """A BatchNorm frozen inside a training model, and dropout on inside an evaluated one, are meant."""
    result = run_one(CHECK, **trained(Layers(), train_step=with_frozen_norm, eval_step=with_dropout_on))
    assert result.status == "pass"


def test_models_without_such_layers_are_silent() -> None:
    """Where nothing heeds the mode there is nothing to find."""
    assert run_one(CHECK, **trained(nn.Linear(4, 2), eval_step=without_eval, train_step=in_eval_mode)).status == "pass"


def test_the_users_objects_are_left_alone() -> None:
    """The steps run on copies: weights, buffers, modes and the optimizer's state stay."""
    model = Layers()
    arguments = trained(model, train_step=train_step, eval_step=eval_step)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    run_one(CHECK, **arguments)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert model.training
    assert not arguments["optimizer"].state
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("way", ["closure", "global", "self", "default", "helper"])
def test_steps_that_reach_the_model_by_themselves_are_judged(way: str) -> None:
    """A step that is not given the model runs on a copy all the same, and the user's own is not trained."""
    model = Layers()
    arguments = trained(model)
    optimizer = arguments["optimizer"]

    def closing(batch: Any) -> Tensor:
        return in_eval_mode(model, batch, optimizer)

    def with_defaults(batch: Any, net: Any = model, opt: Any = optimizer) -> Tensor:
        return in_eval_mode(net, batch, opt)

    LIVE.update(model=model, optimizer=optimizer)
    step = {
        "closure": closing,
        "global": by_global,
        "self": Owner(model, optimizer).step,
        "default": with_defaults,
        "helper": by_helper,
    }[way]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    result = run_one(CHECK, **{**arguments, "train_step": step})
    LIVE.clear()
    assert result.status == "fail", result.summary
    assert "norm" in result.measurements[0].quantity
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert model.training


def test_an_evaluation_needs_no_optimizer() -> None:
    """An evaluation that closes over the model is judged where nothing could train it."""
    model = Layers()
    result = run_one(CHECK, **program(model, eval_step=lambda batch: without_eval(model, batch)))
    assert result.status == "fail"
    assert result.code == "+ model.eval()"


@pytest.mark.parametrize("missing", ["optimizer", "parameter", "raises"])
def test_a_step_that_cannot_be_run_is_no_finding(missing: str) -> None:
    """Without an optimizer, with an unknown parameter, and where it raises, the reason is said."""

    def unknown(model: nn.Module, batch: Any, schedule: Any) -> None:
        raise AssertionError

    def raising(model: nn.Module, batch: Any) -> None:
        raise ValueError("<b>no</b>")

    step = {"optimizer": train_step, "parameter": unknown, "raises": raising}[missing]
    result = run_one(CHECK, **program(Layers(), train_step=step))
    assert result.status == "pass"
    assert "train_step: needs" in result.summary


class Attends(nn.Module):
    """Attention by PyTorch's fused function, whose rate is told the mode or is not."""

    def __init__(self, *, heeds: bool, rate: float = 0.3) -> None:
        super().__init__()
        self.inward, self.head, self.heeds, self.rate = nn.Linear(4, 8), nn.Linear(8, 2), heeds, rate

    def forward(self, x: Tensor) -> Tensor:
        h = self.inward(x).unflatten(1, (2, 4))
        rate = self.rate if self.training or not self.heeds else 0.0
        return self.head(F.scaled_dot_product_attention(h, h, h, dropout_p=rate).flatten(1))


@pytest.mark.parametrize(("heeds", "rate", "status"), [(False, 0.3, "fail"), (True, 0.3, "pass"), (False, 0.0, "pass")])
def test_fused_attention_that_drops_in_eval_mode_fails(heeds: bool, rate: float, status: str) -> None:
    """Fused attention with a rate in eval mode fails with that rate, and passes where the rate is 0 then."""
    model = Attends(heeds=heeds, rate=rate)
    result = run_one(CHECK, model=model, loader=[(torch.randn(N, 4), Y)], loss_fn=nn.CrossEntropyLoss())
    assert result.status == status
    if status == "fail":
        assert float(result.measurements[0].measured) == pytest.approx(rate)
        assert "dropout_p" in result.remedy


class OnGraph(nn.Module):
    """A network on the nodes of a graph, which takes all of them or none."""

    def __init__(self, heeds: bool) -> None:
        super().__init__()
        self.one, self.two, self.heeds = nn.Linear(4, 16), nn.Linear(16, 2), heeds

    def forward(self, x: Tensor, adj: Tensor) -> Tensor:
        h = torch.relu(adj @ self.one(x)) + 0.1
        return self.two(adj @ F.dropout(h, 0.5, self.training if self.heeds else True))


@pytest.mark.parametrize(("heeds", "status"), [(True, "pass"), (False, "fail")])
def test_a_model_of_a_whole_graph_is_judged_on_the_whole(heeds: bool, status: str) -> None:
    """Dropout that stays on is found, and one that heeds the mode passes, where no smaller batch fits the model."""
    generator = torch.Generator().manual_seed(0)
    nodes, adj = torch.randn(N, 4, generator=generator), torch.rand(N, N, generator=generator) / N
    result = run_one(CHECK, model=OnGraph(heeds), loader=[(nodes, adj, Y)], loss_fn=nn.CrossEntropyLoss())
    assert result.status == status


def test_values_that_are_no_numbers_are_not_taken_for_dropped() -> None:
    """Dropout that is off hands on what is NaN in some rows, which is no change."""

    class Broken(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            weights = torch.softmax(torch.where(x[:, :1] > 0, x, -torch.inf), 1)
            return self.head(F.dropout(weights, 0.5, self.training))

    assert run_one(CHECK, **program(Broken())).status == "pass"


class Scaled(Drops):
    """Takes what no loader gives."""

    def forward(self, x: Tensor, scale: float) -> Tensor:  # type: ignore[override] # another call
        return super().forward(scale * x)


@pytest.mark.parametrize(("how", "status"), [("flag", "pass"), ("default", "fail")])
def test_what_a_training_step_drops_around_the_model_is_for_training(how: str, status: str) -> None:
    """Of a program that its step alone runs, dropout of the inputs passes, and one in the model fails that stays on."""
    model = Scaled(how)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def train_step(batch: Any) -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(F.dropout(batch[0], 0.2), 1.0), batch[1]).backward()
        optimizer.step()

    batch = (torch.randn(N, 4), Y)
    assert run_one(CHECK, model=model, loader=[batch], optimizer=optimizer, train_step=train_step).status == status
