"""The fixed batch, and reading it in the midst of training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.dynamics.observer import Observer
from nbinspect.dynamics.probe import choose_probe
from nbinspect.errors import CaptureError, InputError, NbinspectError
from nbinspect.figures.dynamics_words import headline
from nbinspect.subject import make_subject
from tests.dynamics import programs as made
from tests.dynamics.programs import everything, same

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def softmax(rows):
    shares = np.exp(rows - rows.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


@pytest.mark.parametrize("model", [made.mlp, made.cnn, made.Recurrent])
def test_a_reading_of_classes_is_what_the_model_gives_in_eval_mode(model):
    """Logits, guesses, losses, margins and correctness are those of the model's own outputs in eval mode."""
    subject = made.digits(model().train())
    probe = choose_probe(subject, (made.PIXELS[:24], made.CLASSES[:24]))
    reading = probe.read(0)
    with torch.no_grad():
        logits = subject.model.eval()(made.PIXELS[:24])
    goal, shares = made.CLASSES[:24].numpy(), softmax(logits.double().numpy())
    np.testing.assert_allclose(reading.values, logits.numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(reading.guesses, shares.argmax(1))
    np.testing.assert_array_equal(reading.correct, shares.argmax(1) == goal)
    np.testing.assert_allclose(reading.losses, -np.log(shares[np.arange(24), goal]), rtol=1e-4)
    np.testing.assert_allclose(reading.confidence, shares.max(1), rtol=1e-5)
    for sample in range(24):
        others = np.delete(shares[sample], goal[sample]).max()
        assert reading.margin[sample] == pytest.approx(shares[sample, goal[sample]] - others, abs=1e-5)
    assert probe.record.task == "classification"
    assert (probe.record.targets == goal).all()
    assert probe.record.batch.predictions is not None


def trained(observed: bool, train_mode: bool, kind) -> tuple[dict[str, object], list[float]]:
    torch.manual_seed(5)
    np.random.seed(5)
    model = kind().train()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    subject = made.digits(model, optimizer=optimizer)
    probe = choose_probe(subject, how="stratified", train_mode=train_mode) if observed else None
    losses = []
    for step, (x, y) in enumerate(subject.loader):
        loss = F.cross_entropy(model(x), y)
        if probe is not None:
            probe.read(2 * step)  # a graph waits for its backward
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if probe is not None:
            probe.read(2 * step + 1)
        losses.append(loss.item())
    return everything(model), losses


@pytest.mark.parametrize("train_mode", [False, True])
@pytest.mark.parametrize("kind", [made.mlp, made.cnn, made.Recurrent])
def test_training_goes_on_as_if_nobody_had_looked(kind, train_mode):
    """With a reading before and after every update, a run of dropout and batch statistics ends bit for bit the same."""
    bare, losses = trained(False, train_mode, kind)
    watched, seen = trained(True, train_mode, kind)
    assert losses == seen
    unequal = [name for name in same(bare, watched) if not name.startswith(("identity", "version"))]
    assert not unequal


@pytest.mark.parametrize("train_mode", [False, True])
def test_a_forward_that_raises_leaves_no_trace(train_mode):
    """An exception in the midst of a reading becomes a CaptureError, and everything is as before."""

    class Fails(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.head, self.fails = nn.BatchNorm1d(64), nn.Linear(64, 10), False

        def forward(self, x):
            x = self.head(F.dropout(self.norm(x), 0.5, True))
            if self.fails:
                raise ValueError("no more")
            return x

    model = Fails().train()
    probe = choose_probe(made.digits(model), train_mode=train_mode)
    model.fails = True
    before = everything(model)
    with pytest.raises(CaptureError, match="no more"):
        probe.read(1)
    assert not same(before, everything(model))


def test_dropout_and_batch_statistics_show_in_train_mode_alone():
    """In train mode a reading has dropout, as training sees it; in eval mode two readings agree."""
    model = made.cnn().train()
    subject = made.digits(model)
    evaluated, as_trained = (choose_probe(subject, train_mode=mode) for mode in (False, True))
    first = as_trained.read(0)
    torch.rand(1)
    assert not np.allclose(first.values, as_trained.read(1).values)
    assert np.allclose(evaluated.read(0).values, evaluated.read(1).values)
    assert as_trained.record.train_mode


def test_the_loader_is_not_disturbed():
    """Choosing in each way, with workers, leaves the order of the epoch that follows as it would have been."""
    for how in ("first", "stratified", "hardest"):
        orders = []
        for look in (False, True):
            torch.manual_seed(1)
            subject = made.digits(workers=2)
            if look:
                choose_probe(subject, how=how)
            orders.append(torch.cat([y for _, y in subject.loader]))
        assert torch.equal(*orders)


def test_models_of_transformers_that_need_labels_are_read():
    """GPT-2 computes its own loss: token losses are its shifted ones, and ignored tokens have none."""
    model, ids = made.gpt2().train(), made.ids()
    labels = ids.clone()
    labels[:, -2:] = -100
    subject = make_subject(model, DataLoader(made.Named(input_ids=ids, labels=labels), 4))
    probe = choose_probe(subject, {"input_ids": ids, "labels": labels})
    reading = probe.read(0)
    assert probe.record.task == "language-model"
    with torch.no_grad():
        shares = model.eval()(ids).logits.log_softmax(-1)
    for sample in range(len(ids)):
        wanted = [float("nan")] + [-float(shares[sample, t - 1, ids[sample, t]]) for t in range(1, 7)]
        np.testing.assert_allclose(reading.values[sample], [*wanted, np.nan, np.nan], rtol=1e-4)
        np.testing.assert_array_equal(reading.guesses[sample, 1:], shares[sample, :-1].argmax(-1).numpy())
        with torch.no_grad():
            alone = model(ids[[sample]], labels=labels[[sample]]).loss
        assert reading.losses[sample] == pytest.approx(float(alone), rel=1e-4)


def test_a_classifier_that_computes_its_own_loss_has_losses_of_samples():
    """BERT with three classes and no loss function beside it: each loss is that of the model on the sample alone."""
    model, ids = made.bert("BertForSequenceClassification"), made.ids()
    labels = torch.arange(12) % 3
    probe = choose_probe(make_subject(model), {"input_ids": ids, "labels": labels})
    reading = probe.read(0)
    model.eval()
    with torch.no_grad():
        alone = [float(model(ids[[n]], labels=labels[[n]]).loss) for n in range(12)]
    assert probe.record.task == "classification"
    np.testing.assert_allclose(reading.losses, alone, rtol=1e-4)


def test_masked_tokens_of_bert_are_not_shifted():
    """A masked language model speaks of the token in its place, and only masked tokens have a loss."""
    model, ids = made.bert("BertForMaskedLM"), made.ids()
    labels = torch.where(torch.rand(ids.shape) < 0.4, ids, -100)
    reading = choose_probe(make_subject(model), {"input_ids": ids, "labels": labels}).read(0)
    with torch.no_grad():
        shares = model.eval()(ids).logits.log_softmax(-1)
    wanted = -shares.gather(-1, ids[..., None])[..., 0]
    np.testing.assert_allclose(reading.values, wanted.where(labels >= 0, torch.nan).numpy(), rtol=1e-4)


@pytest.mark.parametrize("across", [False, True])
def test_tokens_are_read_on_either_axis(across):
    """Outputs (N, T, V) with a flattening loss and (N, V, T) with PyTorch's own give the same kind of reading."""
    model, ids = made.Tokens(across), made.ids()
    goal = ids.roll(-1, 1)
    loss = nn.CrossEntropyLoss() if across else (lambda o, t: F.cross_entropy(o.flatten(0, 1), t.flatten()))
    reading = choose_probe(make_subject(model, [(ids, goal)], loss)).read(0)
    with torch.no_grad():
        outputs = model(ids) if across else model(ids).transpose(1, 2)
    wanted = F.cross_entropy(outputs, goal, reduction="none")
    np.testing.assert_allclose(reading.values, wanted.numpy(), rtol=1e-4)
    np.testing.assert_allclose(reading.losses, wanted.mean(1).numpy(), rtol=1e-4)


def test_masks_are_read_smaller():
    """A segmentation of 100 × 100 pixels is kept as 64 × 64 classes, the nearest ones."""
    model, pictures = made.Down(3), torch.randn(4, 1, 100, 100)
    goal = torch.randint(0, 3, (4, 100, 100))
    probe = choose_probe(make_subject(model, [(pictures, goal)], nn.CrossEntropyLoss()))
    reading = probe.read(0)
    with torch.no_grad():
        whole = model(pictures).argmax(1).numpy()
    assert reading.values.shape == probe.record.targets.shape == (4, 64, 64)
    for row, column in ((0, 0), (10, 63), (63, 31)):
        down, along = int((row + 0.5) * 100 / 64), int((column + 0.5) * 100 / 64)
        np.testing.assert_array_equal(reading.values[:, row, column], whole[:, down, along])
        np.testing.assert_array_equal(probe.record.targets[:, row, column], goal[:, down, along])
    assert np.isfinite(reading.losses).all()


def test_a_probe_that_does_not_fit_is_read_in_parts():
    """Where memory holds five samples at most, the reading is the same, in parts; where it holds none, that is said."""

    class Narrow(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.most = nn.Linear(64, 10), 64

        def forward(self, x):
            if len(x) > self.most:
                raise RuntimeError("CUDA out of memory. Tried to allocate 20 GiB")
            return self.head(x)

    model = Narrow()
    subject, batch = made.digits(model), (made.PIXELS[:24], made.CLASSES[:24])
    whole = choose_probe(subject, batch).read(0)
    model.most = 5
    probe = choose_probe(subject, batch)
    parts = probe.read(0)
    np.testing.assert_allclose(parts.values, whole.values, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(parts.losses, whole.losses, rtol=1e-5)
    model.most = 0
    with pytest.raises(CaptureError, match="one sample at a time"):
        probe.read(1)


def test_outputs_that_change_shape_are_named():
    """A head that is replaced by a wider one ends the readings with an error that names both shapes."""
    model = made.mlp()
    probe = choose_probe(made.digits(model))
    model[3] = nn.Linear(32, 12)
    with pytest.raises(NbinspectError, match=r"\(12,\).*\(10,\)"):
        probe.read(1)


def test_outputs_that_are_not_finite_are_kept():
    """NaN weights give NaN values, no guess and no verdict; a later sound reading goes on."""
    model = made.mlp()
    probe = choose_probe(made.digits(model))
    probe.read(0)
    kept = model[3].bias.detach().clone()
    with torch.no_grad():
        model[3].bias.fill_(torch.nan)
    broken = probe.read(1)
    assert np.isnan(broken.values).all()
    assert (broken.correct == -1).all()
    assert (broken.guesses == -1).all()
    assert (broken.flips == 0).all()
    with torch.no_grad():
        model[3].bias.copy_(kept)
    assert (probe.read(2).flips == 0).all()


def test_a_forward_that_writes_to_parameters_is_undone():
    """Embeddings that are renormalised as they are read, and weights written in forward, stay as they were."""

    class Writes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(64, 10)

        def forward(self, x):
            with torch.no_grad():
                self.head.bias.add_(1)
            return self.head(x)

    model = Writes()
    before = everything(model)
    probe = choose_probe(made.digits(model))
    probe.read(0)
    probe.read(1)
    assert not same(before, everything(model))


def test_classes_beyond_thirty_two_are_left_out():
    """Of 50 classes the targets' own are kept first, in 32 columns, and guesses still name any class."""
    model, x = nn.Linear(4, 50), torch.randn(6, 4)
    goal = torch.tensor([49, 3, 3, 40, 7, 49])
    probe = choose_probe(make_subject(model, [(x, goal)], nn.CrossEntropyLoss(), class_names=[*map(str, range(50))]))
    reading = probe.read(0)
    columns = probe.record.columns
    assert columns[:4].tolist() == [3, 7, 40, 49]
    assert len(set(columns.tolist())) == 32 == reading.values.shape[1]
    with torch.no_grad():
        np.testing.assert_allclose(reading.values, model(x).numpy()[:, columns], rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(reading.guesses, model(x).argmax(1).numpy())
    assert probe.record.classes == tuple(map(str, columns))


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"how": "best"}, "stratified"),
        ({"size": 0}, "size"),
        ({"size": True}, "size"),
        ({"split": "test"}, "split"),
        ({"given": "text"}, "batch with tensors"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(options, hint):
    """Each is refused before the model has been run."""
    model = made.mlp()
    model.register_forward_hook(lambda *_: pytest.fail("the model was run"))
    with pytest.raises(InputError, match=hint):
        choose_probe(made.digits(model), **options)


def test_a_stream_cannot_give_a_probe():
    """A one-shot iterator is refused with the way out; so is the validation split where there is no such loader."""
    batches = iter([(made.PIXELS[:4], made.CLASSES[:4])])
    with pytest.raises(InputError, match="probe=batch"):
        choose_probe(make_subject(made.mlp(), batches, nn.CrossEntropyLoss()))
    assert next(batches)
    with pytest.raises(InputError, match="val_loader"):
        choose_probe(made.digits(val_loader=None), split="validation")


def test_compiled_models_are_not_compiled_again():
    """Readings run a compiled model as it was written, and training afterwards needs no other compilation."""
    compiled = []

    def backend(graph, examples):
        compiled.append(graph)
        return graph.forward

    torch._dynamo.reset()
    model = made.cnn().train()
    whole = torch.compile(model, backend=backend)
    probe = choose_probe(made.digits(whole))
    for step in range(4):
        F.cross_entropy(whole(made.PIXELS[:16]), made.CLASSES[:16]).backward()
        probe.read(step)
    torch._dynamo.reset()
    assert len(compiled) == 1


def test_losses_of_a_seldom_kind_are_taken_seldom():
    """A loss that needs one call a sample is taken at every reading of few samples, at every eighth of many."""
    loss = lambda out, goal: ((out - F.one_hot(goal, 10)) ** 2).mean()  # noqa: E731 - a user's own
    for size, known in ((24, 9), (40, 2)):
        probe = choose_probe(made.digits(loss_fn=loss, task="classification"), size=size)
        assert sum(bool(np.isfinite(probe.read(step).losses).all()) for step in range(9)) == known


def test_what_the_forward_writes_to_its_inputs_is_not_kept():
    """A model that scales its inputs in place sees the same probe at every reading, and so does the user's batch."""

    class Scales(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(64, 10)

        def forward(self, x):
            return self.head(x.mul_(2))

    x = made.PIXELS[:5].clone()
    probe = choose_probe(made.digits(Scales()), (x, made.CLASSES[:5]))
    np.testing.assert_array_equal(probe.read(0).values, probe.read(1).values)
    assert torch.equal(x, made.PIXELS[:5])


def test_packed_sequences_are_read_whole():
    """A batch that cannot be cut is the probe as it is, with a row for each of its targets."""

    class Packed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.head = nn.LSTM(3, 6), nn.Linear(6, 4)

        def forward(self, packed):
            return self.head(self.lstm(packed)[1][0][-1])

    packed = nn.utils.rnn.pack_sequence([torch.randn(length, 3) for length in (5, 4, 2)])
    probe = choose_probe(make_subject(Packed(), [(packed, torch.tensor([0, 3, 1]))], nn.CrossEntropyLoss()))
    assert probe.read(0).values.shape == (3, 4)


def test_a_probe_with_time_first_has_the_losses_of_its_samples():
    """With batch_axis=1 the samples' batch, predictions and losses are those of each series run alone."""
    model = made.Tokens(across=False)
    ids = made.ids(12, 9).T.contiguous()
    goal = ids.roll(-1, 0)
    loss = lambda out, goal: F.cross_entropy(out.flatten(0, 1), goal.flatten())  # noqa: E731 - a user's own
    subject = make_subject(model, [(ids, goal)], loss, batch_axis=1)
    probe = choose_probe(subject, size=5)
    with torch.no_grad():
        alone = [loss(model(ids[:, [n]]), goal[:, [n]]).item() for n in range(5)]
    assert probe.record.batch.batch.size == 5
    np.testing.assert_allclose(probe.record.batch.losses, alone, rtol=1e-4)
    guess = model(ids).argmax(-1) == goal
    np.testing.assert_allclose(probe.record.batch.predictions.values, guess.float().mean(0)[:5].numpy(), rtol=1e-6)


def whole_batches(outputs, targets):
    """A loss that refuses anything but batches of 64."""
    if len(outputs) != 64:
        raise ValueError("wants 64 samples")
    return F.cross_entropy(outputs, targets)


def spread(outputs, targets):
    """A loss that speaks of a batch as a whole, and that no single sample has."""
    if len(outputs) < 2:
        raise ValueError("wants several samples")
    return outputs[:-1].sub(outputs[1:]).square().mean()


def varied(outputs, targets):
    """A loss that is no number for a sample alone."""
    return (outputs - outputs.mean(0)).square().sum() / (len(outputs) - 1)


@pytest.mark.parametrize(
    ("loss_fn", "why"),
    [
        (whole_batches, "the train probe has no losses: the loss raised ValueError: wants 64 samples"),
        (spread, "the train probe has no losses: the loss cannot be taken a sample at a time"),
        (varied, "the train probe has no losses: the loss cannot be taken a sample at a time"),
    ],
)
def test_a_probe_without_losses_says_why(loss_fn, why):
    """Where the loss takes no sample of the probe, the time line says why, and no head line tells of a probe loss."""
    loader = DataLoader(TensorDataset(made.PIXELS[:128], made.CLASSES[:128]), 64)
    observer = Observer(make_subject(made.mlp(), loader, loss_fn), validate=False)
    with observer:
        pass
    assert [moment.text for moment in observer.record.moments if moment.text.startswith(why)]
    assert not any(trace.name == "probe loss" for trace in observer.record.traces)
    assert not any("loss" in told for told in headline(observer.record))


def test_a_probe_without_a_loss_function_says_nothing_of_losses():
    """Where no loss was given there is none to miss, and no number of it."""
    loader = DataLoader(TensorDataset(made.PIXELS[:128], made.CLASSES[:128]), 64)
    observer = Observer(make_subject(made.mlp(), loader), validate=False)
    with observer:
        pass
    assert not any("losses" in moment.text for moment in observer.record.moments)
    assert not any(trace.name == "probe loss" for trace in observer.record.traces)
