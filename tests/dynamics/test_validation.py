"""Loss and accuracy over whole validation data."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.dynamics.validation import Validation
from nbinspect.errors import CaptureError, InputError, LoaderError
from nbinspect.subject import make_subject
from tests.dynamics import programs as made
from tests.dynamics.programs import everything, same


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("model", [made.mlp, made.cnn, made.Recurrent])
@pytest.mark.parametrize("workers", [0, 2])
def test_the_whole_is_what_one_batch_of_all_gives(model, workers):
    """Loss and accuracy over batches, the last one smaller, are those of all samples at once, in eval mode."""
    data = TensorDataset(made.PIXELS[600:1000], made.CLASSES[600:1000])
    loader = DataLoader(data, 64, num_workers=workers, shuffle=True)
    subject = made.digits(model().train(), val_loader=loader)
    before = everything(subject.model)
    result = Validation(subject).evaluate()
    assert not same(before, everything(subject.model))
    with torch.no_grad():
        outputs = subject.model.eval()(made.PIXELS[600:1000])
    assert result.samples == 400
    assert result.loss == pytest.approx(float(F.cross_entropy(outputs, made.CLASSES[600:1000])), rel=1e-5)
    assert result.accuracy == pytest.approx(float((outputs.argmax(1) == made.CLASSES[600:1000]).float().mean()))


def test_persistent_workers_and_generators_are_not_disturbed():
    """The order of the user's own next pass over the validation loader is as it would have been."""
    orders = []
    for look in (False, True):
        data = TensorDataset(made.PIXELS[:100], made.CLASSES[:100])
        draws = torch.Generator().manual_seed(8)
        loader = DataLoader(data, 10, shuffle=True, num_workers=1, persistent_workers=True, generator=draws)
        subject = made.digits(val_loader=loader)
        next(iter(loader))
        if look:
            Validation(subject).evaluate()
        orders.append(torch.cat([y for _, y in loader]))
        loader._iterator._shutdown_workers()
    assert torch.equal(*orders)


def test_tokens_count_each_for_itself():
    """For a language model the loss is the mean over tokens, not over batches of different padding."""
    model, ids = made.gpt2(), made.ids(10, 9)
    labels = ids.clone()
    for row in range(10):
        labels[row, 9 - row % 7 :] = -100
    loader = DataLoader(made.Named(input_ids=ids, labels=labels), 4)
    result = Validation(make_subject(model, None, None, val_loader=loader)).evaluate()
    with torch.no_grad():
        outputs = model.eval()(ids).logits[:, :-1]
    goal = labels[:, 1:]
    assert result.loss == pytest.approx(float(F.cross_entropy(outputs.transpose(1, 2), goal)), rel=1e-4)
    known = goal != -100
    assert result.accuracy == pytest.approx(float((outputs.argmax(-1) == goal)[known].float().mean()))


def test_pixels_count_for_masks():
    """Accuracy of a segmentation is the share of pixels; those without a class do not count."""
    model, pictures, goal = made.Down(3), torch.randn(6, 1, 8, 8), torch.randint(0, 3, (6, 8, 8))
    goal[0] = -100
    loader = DataLoader(TensorDataset(pictures, goal), 4)
    result = Validation(make_subject(model, None, nn.CrossEntropyLoss(), val_loader=loader)).evaluate()
    with torch.no_grad():
        outputs = model.eval()(pictures)
    known = goal != -100
    assert result.accuracy == pytest.approx(float((outputs.argmax(1) == goal)[known].float().mean()))
    assert result.loss == pytest.approx(float(F.cross_entropy(outputs, goal)), rel=1e-5)


@pytest.mark.parametrize(
    ("model", "threshold"), [(nn.Linear(64, 1), 0.0), (nn.Sequential(nn.Linear(64, 1), nn.Sigmoid()), 0.5)]
)
def test_one_logit_or_probability_is_right_or_wrong(model, threshold):
    """A binary task has an accuracy, whether the network gives logits or probabilities."""
    loss = nn.BCELoss() if threshold else nn.BCEWithLogitsLoss()
    goal = (made.CLASSES[:90] > 4).float()[:, None]
    loader = DataLoader(TensorDataset(made.PIXELS[:90], goal), 32)
    result = Validation(make_subject(model, None, loss, val_loader=loader)).evaluate()
    with torch.no_grad():
        right = (model(made.PIXELS[:90]) > threshold).float() == goal
    assert result.accuracy == pytest.approx(float(right.float().mean()))


def test_numbers_have_no_accuracy():
    """A regression has the mean loss by sample, also where the loss sums over its batch."""
    model, x, goal = nn.Linear(3, 2), torch.randn(10, 3), torch.randn(10, 2)
    for loss, each in ((nn.MSELoss(), 1.0), (nn.MSELoss(reduction="sum"), 2.0)):
        loader = DataLoader(TensorDataset(x, goal), 4)
        result = Validation(make_subject(model, None, loss, val_loader=loader)).evaluate()
        with torch.no_grad():
            assert result.loss == pytest.approx(each * float(F.mse_loss(model(x), goal)), rel=1e-5)
        assert result.accuracy is None


def test_a_pass_may_be_stopped_between_batches():
    """Each part has what was seen so far, and nothing of the model or the random states has changed in between."""
    subject = made.digits(made.cnn().train())
    before, parts = everything(subject.model), Validation(subject).parts()
    assert next(parts).samples == 64
    assert not same(before, everything(subject.model))
    assert next(parts).samples == 128
    parts.close()
    assert not same(before, everything(subject.model))


def test_a_bad_batch_is_named():
    """A batch that the model cannot take stops the pass with its number; the model is as before."""
    model = made.mlp().train()
    batches = [(made.PIXELS[:8], made.CLASSES[:8]), (made.PIXELS[:8, :9], made.CLASSES[:8])]
    before = everything(model)
    with pytest.raises(CaptureError, match="batch 1"):
        Validation(made.digits(model, val_loader=batches)).evaluate()
    assert not same(before, everything(model))


def test_what_cannot_be_validated_is_refused():
    """No loader, a one-shot iterator and a loader without batches are each named."""
    with pytest.raises(InputError, match="val_loader"):
        Validation(made.digits(val_loader=None))
    with pytest.raises(InputError, match="one-shot"):
        Validation(made.digits(val_loader=iter([])))
    with pytest.raises(LoaderError):
        Validation(made.digits(val_loader=[])).evaluate()
