from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, default_collate

from nbinspect.data.network.predicting import Predicting, predict
from nbinspect.errors import CaptureError, InputError, LoaderError
from nbinspect.records import Column
from nbinspect.subject import make_subject
from tests.data.columns import classes, index, record
from tests.dynamics import programs as made

TEN = tuple(map(str, range(10)))


def loader(*tensors, size=7, **options):
    return DataLoader(TensorDataset(*tensors), size, **options)


def predicted(subject, of=None, split="train", **options):
    """Columns by name, on a record of an index alone or with a label."""
    count = len((subject.loader if split == "train" else subject.val_loader).dataset)
    found = predict(subject, split, of or record(index(count)), **options)
    return {column.name: column for column in found}


def own_outputs(model, *inputs):
    """What the model gives in eval mode; it is left in the mode that it was in."""
    before = {name: module.training for name, module in model.named_modules()}
    with torch.no_grad():
        outputs = model.eval()(*inputs)
    for name, module in model.named_modules():
        module.training = before[name]
    return outputs


def labelled(count=600):
    return record(index(count), classes("label", made.CLASSES[:count].numpy(), TEN))


def test_a_classifier_gives_what_its_own_forward_gives():
    """Prediction, confidence, margin, loss and correctness equal those of a plain forward, in the order of the rows."""
    subject = made.digits(made.cnn())
    found, logits, goal = (
        predicted(subject, labelled()),
        own_outputs(subject.model, made.PIXELS[:600]),
        made.CLASSES[:600],
    )
    chances = logits.double().softmax(1)
    own = chances.gather(1, goal[:, None])[:, 0]
    others = chances.scatter(1, goal[:, None], -1).amax(1)
    np.testing.assert_array_equal(found["prediction"].values, logits.argmax(1))
    np.testing.assert_array_equal(found["correct"].values, logits.argmax(1) == goal)
    np.testing.assert_allclose(found["loss"].values, F.cross_entropy(logits, goal, reduction="none"), atol=1e-5)
    np.testing.assert_allclose(found["confidence"].values, chances.amax(1), atol=1e-5)
    np.testing.assert_allclose(found["margin"].values, own - others, atol=1e-5)
    assert list(found) == ["prediction", "confidence", "margin", "loss", "correct"]
    assert found["prediction"].words == TEN
    assert all(column.help and column.about == "model" for column in found.values())


def drawing(count=600):
    """A subject whose loader draws from a generator of its own, and whose model has gradients and train mode."""
    model = made.cnn()
    own = torch.Generator().manual_seed(3)
    batches = loader(made.PIXELS[:count], made.CLASSES[:count], size=64, shuffle=True, generator=own)
    F.cross_entropy(model(made.PIXELS[:8]), made.CLASSES[:8]).backward()
    return make_subject(model, batches, nn.CrossEntropyLoss()), own


def test_nothing_is_left_behind():
    """Weights, batch statistics, gradients, versions, modes, hooks, random states and the loader's generator stay."""
    subject, own = drawing()
    before, drawn = made.everything(subject.model), own.get_state()
    predicted(subject)
    assert made.same(before, made.everything(subject.model)) == []
    assert torch.equal(own.get_state(), drawn)


class Refusing(nn.Module):
    """Raises at the sample whose first value is above a hundred, after it has drawn and changed its statistics."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.body, self.error = made.cnn(), error
        self.seen = 0

    def forward(self, x: Tensor) -> Tensor:
        self.seen += 1
        torch.rand(3)
        out = self.body(x)
        if (x[:, 0] > 100).any():
            self.body.train()
            raise self.error
        return out


@pytest.mark.parametrize("error", [ValueError("too bright"), KeyboardInterrupt()])
def test_what_was_predicted_stands_when_the_forward_fails(error):
    """An exception tells its place, an interrupt goes on; the rows before are predicted, and all else is as before."""
    pixels = made.PIXELS[:300].clone()
    pixels[200, 0] = 1000
    model = Refusing(error)
    subject = make_subject(model, loader(pixels, made.CLASSES[:300], size=32), nn.CrossEntropyLoss())
    before = made.everything(model)
    work = Predicting(subject, "train", record(index(300)))
    with pytest.raises(CaptureError if isinstance(error, ValueError) else KeyboardInterrupt) as raised:
        list(work)
    if isinstance(error, ValueError):
        assert "stopped at samples 192 to 223: the forward raised ValueError: too bright" in str(raised.value)
        assert "test_predicting.py" in str(raised.value)
    assert (work.result.samples, work.result.complete) == (192, False)
    by_name = {column.name: column for column in work.result.columns}
    np.testing.assert_array_equal(np.isnan(by_name["loss"].values), np.arange(300) >= 192)
    assert (by_name["prediction"].values[192:] == -1).all()
    assert by_name["correct"].kind == "number"
    assert made.same(before, made.everything(model)) == []
    assert model.seen == 0


def test_it_can_be_cancelled():
    """After a cancel no further batch is run, and what was predicted stands."""
    work = Predicting(made.digits(), "train", labelled())
    for progress in work:
        if progress.done >= 128:
            work.cancel()
    assert (progress.done, progress.total, work.result.samples) == (128, 600, 128)
    assert progress.left > 0


def test_the_size_of_batches_makes_no_difference():
    """Batches of one, and of seven with a smaller last one, give the same columns, also with a loss of the user's."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 1), nn.Flatten(0))
    logits = own_outputs(model, made.PIXELS[:60])
    order = (logits - 0.25).abs().argsort()  # the first logit, seen alone, looks like a probability
    pixels, goal, logits = made.PIXELS[order], (made.CLASSES[order] > 4).float(), logits[order]
    assert 0 < logits[0] < 0.5

    def own(outputs: Tensor, targets: Tensor) -> Tensor:
        return F.softplus(outputs * (1 - 2 * targets)).mean()

    ones, sevens = (
        predicted(make_subject(model, loader(pixels, goal, size=size), own, task="binary")) for size in (1, 7)
    )
    np.testing.assert_array_equal(ones["prediction"].values, logits > 0)
    for name, column in sevens.items():
        np.testing.assert_allclose(ones[name].values, column.values, atol=1e-6)
    assert sevens["prediction"].words == ("0", "1")


def test_several_labels_are_told_in_words():
    """Of a network for several labels the prediction is the text of those that it gives more than a half."""
    goal = (torch.rand(40, 3, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    model = nn.Linear(64, 3)
    subject = make_subject(model, loader(made.PIXELS[:40], goal), nn.BCEWithLogitsLoss(), class_names=["a", "b", "c"])
    found, flags = predicted(subject), own_outputs(model, made.PIXELS[:40]) > 0
    text = [found["prediction"].words[code] for code in found["prediction"].values]
    assert text == [", ".join(itertools.compress("abc", row)) or "(none)" for row in flags.tolist()]
    np.testing.assert_array_equal(found["correct"].values, (flags == (goal > 0.5)).all(1))


@pytest.mark.parametrize("outputs", [1, 3])
def test_numbers_have_errors_in_original_units(outputs):
    """Predictions are in the units of the targets, errors in those before scaling; there is no right and wrong."""
    goal = torch.randn(50, outputs, generator=torch.Generator().manual_seed(0))
    model = nn.Linear(64, outputs)
    subject = make_subject(model, loader(made.PIXELS[:50], goal), nn.MSELoss())
    found, own = predicted(subject, target_scale=(100.0, 20.0)), own_outputs(model, made.PIXELS[:50])
    for place in range(outputs):
        number = "" if outputs == 1 else f"_{place}"
        np.testing.assert_allclose(found[f"prediction{number}"].values, own[:, place], rtol=1e-5)
        wanted = 20 * (own - goal)[:, place]
        np.testing.assert_allclose(found[f"error{number}"].values, wanted, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found["loss"].values, (own - goal).square().mean(1), rtol=1e-4)
    assert not {"correct", "confidence", "margin"} & set(found)


def test_masks_and_pictures_have_a_loss_and_no_invented_class():
    """Of a network for masks there are loss, confidence and margin, of one for pictures the loss alone."""
    pictures = made.PIXELS[:20].reshape(20, 1, 8, 8)
    subject = make_subject(made.Down(3), loader(pictures, (pictures[:, 0] * 2.9).long()), nn.CrossEntropyLoss())
    found = predicted(subject)
    logits = own_outputs(subject.model, pictures)
    wanted = F.cross_entropy(logits, (pictures[:, 0] * 2.9).long(), reduction="none").mean((1, 2))
    assert list(found) == ["confidence", "margin", "loss"]
    np.testing.assert_allclose(found["loss"].values, wanted, atol=1e-5)
    assert list(predicted(make_subject(made.Down(1), loader(pictures, pictures), nn.MSELoss()))) == ["loss"]


def test_a_language_model_has_the_mean_loss_of_its_tokens():
    """Batches of different lengths are read, padding is left out, and there is no class for a sample."""
    model = made.Tokens(across=True)
    rows = made.ids(12)
    rows[3, 6:] = -100
    subject = make_subject(model, loader(rows.clamp(min=0), rows, size=5), nn.CrossEntropyLoss())
    found = predicted(subject)
    each = F.cross_entropy(own_outputs(model, rows.clamp(min=0)), rows, reduction="none")
    wanted = each.sum(1) / (rows != -100).sum(1)
    np.testing.assert_allclose(found["loss"].values, wanted, atol=1e-5)
    assert "prediction" not in found


@pytest.mark.parametrize("kind", ["gpt2", "BertForSequenceClassification"])
def test_models_that_compute_their_own_loss(kind):
    """The losses of a model of transformers are those of its samples, taken one by one."""
    torch.manual_seed(0)
    rows = made.ids(11)
    if kind == "gpt2":
        model, columns = made.gpt2(), {"input_ids": rows, "labels": rows}
    else:
        model, columns = made.bert(kind), {"input_ids": rows, "labels": torch.arange(11) % 3}
    subject = make_subject(model, DataLoader(made.Named(**columns), 4))
    found = predicted(subject)
    each = [own_outputs_of(model, {name: part[n : n + 1] for name, part in columns.items()}) for n in range(11)]
    np.testing.assert_allclose(found["loss"].values, each, rtol=1e-4)
    assert ("prediction" in found) == (kind != "gpt2")


def own_outputs_of(model, batch):
    with torch.no_grad():
        loss = model.eval()(**batch).loss
    model.train()
    return float(loss)


def test_the_users_own_forward_and_split_are_used():
    """What the user says of batches holds here as well."""
    model = made.mlp()
    rows = made.Named(picture=made.PIXELS[:30], kind=made.CLASSES[:30])
    subject = make_subject(
        model,
        DataLoader(rows, 8),
        nn.CrossEntropyLoss(),
        forward=lambda network, batch: network(batch["picture"] * 2),
        split=lambda batch: (batch["picture"], batch["kind"]),
    )
    wanted = own_outputs(model, made.PIXELS[:30] * 2).argmax(1)
    np.testing.assert_array_equal(predicted(subject)["prediction"].values, wanted)


def test_samples_without_a_label_are_neither_right_nor_wrong():
    """Where the loss ignores a label there is a prediction, and no correctness, margin or word made up for it."""
    goal = made.CLASSES[:30].clone()
    goal[5] = -100
    found = predicted(make_subject(made.mlp(), loader(made.PIXELS[:30], goal), nn.CrossEntropyLoss()))
    assert found["prediction"].values[5] >= 0
    assert np.isnan(found["correct"].values[5])
    assert np.isnan(found["margin"].values[5])
    assert set(np.delete(found["correct"].values, 5)) <= {0.0, 1.0}


def test_without_labels_there_are_predictions():
    """Inputs alone give no loss and no correctness; confidence stands where the task is told."""
    subject = make_subject(made.mlp(), loader(made.PIXELS[:30]), task="classification")
    assert list(predicted(subject)) == ["prediction", "confidence"]


def test_classes_are_called_as_in_the_labels():
    """A word of the label column is the word of that class in the predictions, however the labels are numbered."""
    goal = made.CLASSES[:200]
    labels = classes("label", 9 - goal.numpy(), [f"digit {9 - place}" for place in range(10)])
    found = predicted(made_of(goal), record(index(200), labels))
    assert found["prediction"].words == tuple(f"digit {place}" for place in range(10))


def made_of(goal):
    return make_subject(made.mlp(), loader(made.PIXELS[: len(goal)], goal, size=50), nn.CrossEntropyLoss())


def test_rows_follow_the_record():
    """Of a record of some samples those alone are predicted, each in its own row."""
    subject, chosen = made.digits(), np.array([3, 77, 78, 401])
    some = record(index(600))
    some = record(type(some.columns[0])("index", "index", chosen, "sample"))
    found = predicted(subject, some)
    np.testing.assert_array_equal(found["prediction"].values, own_outputs(subject.model, made.PIXELS[chosen]).argmax(1))


class Stream(IterableDataset):
    def __iter__(self):
        return zip(made.PIXELS[:50], made.CLASSES[:50], strict=True)


def test_streams_are_predicted_in_the_order_of_reading():
    """An iterable data set is gone through once more, and its rows are counted as they come."""
    subject = make_subject(made.mlp(), DataLoader(Stream(), 8), nn.CrossEntropyLoss())
    found = {column.name: column for column in predict(subject, "train", record(index(50)))}
    np.testing.assert_array_equal(found["prediction"].values, own_outputs(subject.model, made.PIXELS[:50]).argmax(1))


def test_the_validation_split_is_read_from_its_loader():
    """It has its own rows, and without a loader for it there is one error."""
    subject = made.digits()
    found = predicted(subject, split="validation")
    np.testing.assert_array_equal(
        found["prediction"].values, own_outputs(subject.model, made.PIXELS[600:1000]).argmax(1)
    )
    with pytest.raises(LoaderError, match="no validation loader"):
        predict(make_subject(made.mlp(), subject.loader), "validation", labelled())


@pytest.mark.parametrize("scale", [3.0, (0, 0), (0, float("nan")), ("a", "b"), (1, 2, 3)])
def test_a_scale_that_is_none_is_refused(scale):
    """Before anything is run one error says what was expected."""
    with pytest.raises(InputError, match="target_scale"):
        Predicting(made.digits(), "train", labelled(), target_scale=scale)


def test_outputs_of_another_shape_are_told():
    """A network whose outputs differ between batches cannot be read as one classifier."""

    class Widening(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, : 10 if x[0, 0] < 5 else 12] * 1.0

    pixels = made.PIXELS[:200].clone()
    pixels[150:, 0] = 9
    subject = make_subject(Widening(), loader(pixels, made.CLASSES[:200], size=50), nn.CrossEntropyLoss())
    with pytest.raises(CaptureError, match=r"shape \(12,\), and had \(10,\)"):
        predicted(subject)


def test_nan_outputs_have_no_prediction():
    """A sample whose logits are NaN has no class, no confidence, and is neither right nor wrong."""
    pixels = made.PIXELS[:30].clone()
    pixels[4] = torch.nan
    found = predicted(make_subject(nn.Linear(64, 10), loader(pixels, made.CLASSES[:30]), nn.CrossEntropyLoss()))
    assert found["prediction"].values[4] == -1
    assert np.isnan([found[name].values[4] for name in ("confidence", "margin", "loss", "correct")]).all()


class Gaps(Dataset):
    """Gives None for what cannot be read, for the collation to leave out."""

    def __len__(self) -> int:
        return 40

    def __getitem__(self, place: int) -> tuple[Tensor, int] | None:
        return None if place in (5, 11, 12) else (made.PIXELS[place], int(made.CLASSES[place]))


def without_gaps(samples):
    return default_collate([sample for sample in samples if sample is not None])


@pytest.mark.parametrize("rows", [np.arange(40), np.delete(np.arange(40), [5, 11, 12]), np.array([3, 6, 30])])
@pytest.mark.parametrize("workers", [0, 1])
def test_a_collate_that_drops_samples_keeps_the_others_in_their_rows(rows, workers):
    """Each sample has its own prediction, those that were dropped none, and a note tells how many there are."""
    batches = DataLoader(Gaps(), 8, collate_fn=without_gaps, num_workers=workers)
    subject = make_subject(made.mlp(), batches, nn.CrossEntropyLoss())
    work = Predicting(subject, "train", record(Column("index", "index", rows, "sample")))
    list(work)
    wanted = np.where(np.isin(rows, (5, 11, 12)), -1, own_outputs(subject.model, made.PIXELS[rows]).argmax(1))
    np.testing.assert_array_equal(work.result.columns[0].values, wanted)
    assert any("could not be read, the first at index 5" in note for note in work.result.notes)


def test_a_collate_that_makes_two_of_one_is_told():
    """Where no sample has a batch of its own, one error says what was made of how many."""
    rows = TensorDataset(made.PIXELS[:20], made.CLASSES[:20])
    twice = DataLoader(rows, 10, collate_fn=lambda samples: default_collate([*samples, *samples]))
    with pytest.raises(CaptureError, match=r"none of the samples can be read.* of 1 sample has 2 entries"):
        predicted(make_subject(made.mlp(), twice, nn.CrossEntropyLoss()))


@pytest.mark.parametrize("place", [3, 70])
def test_a_bad_label_leaves_its_own_sample_without_a_loss(place):
    """Wherever a label outside of the classes is, all other losses stand, and a note names the sample."""
    goal = made.CLASSES[:100].clone()
    goal[place], goal[80] = 12, -1
    subject = make_subject(made.mlp(), loader(made.PIXELS[:100], goal, size=16), F.cross_entropy)
    work = Predicting(subject, "train", record(index(100)))
    list(work)
    found = {column.name: column for column in work.result.columns}
    wanted = F.cross_entropy(own_outputs(subject.model, made.PIXELS[:100]), made.CLASSES[:100], reduction="none")
    wanted[[place, 80]] = torch.nan
    np.testing.assert_allclose(found["loss"].values, wanted, atol=1e-5)
    assert np.flatnonzero(np.isnan(found["correct"].values)).tolist() == [place, 80]
    (note,) = work.result.notes
    assert note.startswith(f"2 samples have no loss, the first at index {place}: the loss raised IndexError: Target 12")
    assert note.rstrip(".") in found["loss"].help


def test_a_loss_that_takes_no_sample_is_told():
    """Without losses a note says what the user's loss raised, and predictions stand."""
    subject = make_subject(made.mlp(), loader(made.PIXELS[:20], made.CLASSES[:20]), lambda a, b: a / None)
    work = Predicting(subject, "train", record(index(20)))
    list(work)
    assert "loss" not in [column.name for column in work.result.columns]
    assert work.result.notes[0].startswith("There are no losses: the loss raised TypeError")


class Boxes(Dataset):
    def __len__(self) -> int:
        return 9

    def __getitem__(self, place: int):
        return torch.full((3, 4, 4), float(place)), {"boxes": torch.full((place + 1, 4), place / 2)}


class Detector(nn.Module):
    """Gives three boxes for each picture, at its mean."""

    def forward(self, pictures):
        return [{"boxes": picture.mean().expand(len(pictures), 4)} for picture in pictures]


def as_lists(samples):
    return [picture for picture, _ in samples], [target for _, target in samples]


def test_lists_of_boxes_are_read_sample_by_sample():
    """A detector has the losses of its samples, and no class is made up of boxes that are as many as samples."""

    def loss(outputs, targets):
        pairs = zip(outputs, targets, strict=True)
        return sum((a["boxes"][:1] - b["boxes"]).abs().mean() for a, b in pairs) / len(outputs)

    found = predicted(make_subject(Detector(), DataLoader(Boxes(), 3, collate_fn=as_lists), loss))
    assert list(found) == ["loss"]
    np.testing.assert_allclose(found["loss"].values, np.arange(9) / 2, atol=1e-6)


def test_outputs_that_cannot_be_told_apart_are_told():
    """Without a row and a loss for each sample one sentence says what came, and asks for a forward, not a split."""
    subject = make_subject(Detector(), DataLoader(Boxes(), 3, collate_fn=as_lists), split=lambda batch: batch)
    with pytest.raises(CaptureError, match=r"for 3 samples the network returned list.*give forward=…") as raised:
        predicted(subject)
    assert "give `split`" not in str(raised.value)


def test_packed_sequences_are_counted_by_their_targets():
    """Sequences of different lengths, packed by the collation, have a prediction each."""
    rows = [torch.randn(3 + n % 4, 2, generator=torch.Generator().manual_seed(n)) for n in range(10)]

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.head = nn.GRU(2, 8), nn.Linear(8, 3)

        def forward(self, packed):
            return self.head(self.rnn(packed)[1][0])

    def packing(samples):
        return nn.utils.rnn.pack_sequence([rows[n] for n in samples], enforce_sorted=False), torch.tensor(samples) % 3

    model = Last()
    subject = make_subject(model, DataLoader(range(10), 4, collate_fn=packing), nn.CrossEntropyLoss())
    wanted = [int(own_outputs(model, nn.utils.rnn.pack_sequence([row])).argmax()) for row in rows]
    np.testing.assert_array_equal(predicted(subject)["prediction"].values, wanted)


def test_words_that_the_loss_turns_into_classes_are_neither_right_nor_wrong():
    """Where labels are strings and no class_names tell their order, there are losses and no correctness."""
    words = ["cat", "dog"]
    rows = [(pixels, words[place % 2]) for place, pixels in enumerate(made.PIXELS[:30])]

    def loss(outputs, targets):
        return F.cross_entropy(outputs, torch.tensor([words.index(word) for word in targets]))

    model = nn.Linear(64, 2)
    labels = classes("label", np.arange(30) % 2, words)
    found = predicted(make_subject(model, DataLoader(rows, 8), loss), record(index(30), labels))
    wanted = F.cross_entropy(own_outputs(model, made.PIXELS[:30]), torch.arange(30) % 2, reduction="none")
    np.testing.assert_allclose(found["loss"].values, wanted, atol=1e-5)
    assert "correct" not in found


def test_many_numbers_have_one_error_for_each_sample():
    """Of twelve numbers a target it is their root mean square in original units; pictures have a loss alone."""
    goal = torch.randn(50, 12, generator=torch.Generator().manual_seed(0))
    model = nn.Linear(64, 12)
    subject = make_subject(model, loader(made.PIXELS[:50], goal), nn.MSELoss())
    found = predicted(subject, target_scale=(100.0, 20.0))
    off = 20 * (own_outputs(model, made.PIXELS[:50]) - goal)
    np.testing.assert_allclose(found["error"].values, off.square().mean(1).sqrt(), rtol=1e-5)
    assert list(found) == ["loss", "error"]
    assert "12 numbers" in found["error"].help


class Files(Dataset):
    """Samples that are made anew each time, from a random state of the data set's own, as augmentation does."""

    def __init__(self) -> None:
        self.drawn = np.random.default_rng(0)

    def __len__(self) -> int:
        return 40

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        if place == 11:
            raise OSError("cannot be read")
        self.drawn.random()
        return made.PIXELS[place], int(made.CLASSES[place])


@pytest.mark.parametrize("workers", [0, 2])
def test_samples_that_cannot_be_read_are_left_out(workers):
    """A row that the scan had, and that raises now, has no prediction; all others stand, with workers and without."""
    rows = Files()
    subject = make_subject(made.mlp(), DataLoader(rows, 8, num_workers=workers), nn.CrossEntropyLoss())
    found, state = predicted(subject), rows.drawn.bit_generator.state
    wanted = own_outputs(subject.model, made.PIXELS[:40]).argmax(1).numpy()
    wanted[11] = -1
    np.testing.assert_array_equal(found["prediction"].values, wanted)
    assert state == np.random.default_rng(0).bit_generator.state


@pytest.mark.gpu
def test_a_model_on_an_accelerator_gives_the_same():
    """Predictions, losses and features of a network on a GPU are those of its copy on the processor."""
    subject = made.digits(made.cnn().eval())
    here = Predicting(subject, "train", labelled())
    list(here)
    subject.model.cuda()
    there = Predicting(subject, "train", labelled())
    list(there)
    for one, other in zip(here.result.columns, there.result.columns, strict=True):
        np.testing.assert_allclose(one.values, other.values, atol=1e-3)
    np.testing.assert_allclose(here.result.features.values, there.result.features.values, atol=1e-3)


@pytest.mark.parametrize("loss", [nn.MSELoss(), nn.BCEWithLogitsLoss()])
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_a_squeeze_that_takes_the_batch_axis_is_told(loss):
    """Where the last batch is of one sample and the network squeezes it away, one sentence says so; the rest stands."""

    class Squeezed(nn.Linear):
        def forward(self, x):
            return super().forward(x).squeeze()

    subject = make_subject(Squeezed(6, 1), loader(torch.randn(33, 6), torch.arange(33.0) % 2, size=16), loss)
    predicting = Predicting(subject, "train", record(index(33)))
    with pytest.raises(CaptureError, match=r"samples 32 to 32: for 1 sample the network .* shape \(\), .*squeeze\(\)"):
        list(predicting)
    assert predicting.result.samples == 32


class Houses(Dataset):
    """Pixels with three targets by name, the classes not first."""

    def __len__(self):
        return 60

    def __getitem__(self, place):
        kind = made.CLASSES[place]
        return made.PIXELS[place], {"price": made.PIXELS[place].mean(), "kind": kind, "odd": (kind % 2)[None].float()}


class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.kind, self.price, self.odd = nn.Linear(64, 10), nn.Linear(64, 1), nn.Linear(64, 1)

    def forward(self, x):
        x = x.flatten(1)
        return {"kind": self.kind(x), "price": self.price(x).squeeze(1), "odd": self.odd(x)}


def by_head(outputs, targets):
    return (
        F.cross_entropy(outputs["kind"], targets["kind"])
        + F.mse_loss(outputs["price"], targets["price"])
        + F.binary_cross_entropy_with_logits(outputs["odd"], targets["odd"])
    )


def test_the_first_of_several_heads_is_read_by_its_own_loss_and_target():
    """Predictions are classes where cross-entropy gets that head, whatever loss is last, and judged by its target."""
    torch.manual_seed(0)
    model, data = Heads(), Houses()
    subject = make_subject(model, DataLoader(data, 7), by_head)
    found = predicted(subject)
    logits, goal = own_outputs(model, made.PIXELS[:60])["kind"], made.CLASSES[:60]
    np.testing.assert_array_equal(found["prediction"].values, logits.argmax(1))
    np.testing.assert_allclose(found["confidence"].values, logits.double().softmax(1).amax(1), rtol=1e-5)
    np.testing.assert_array_equal(found["correct"].values, logits.argmax(1) == goal)


def test_classes_of_one_of_several_targets_are_called_as_it_calls_them():
    """The target that goes with the head is found by its values, whatever the others are."""
    data, words = Houses(), [f"kind {number}" for number in range(10)]
    subject = make_subject(Heads(), DataLoader(data, 7), by_head)
    kinds = made.CLASSES[:60].numpy()
    targets = classes("odd", kinds % 2, ["even", "odd"]), classes("kind", 9 - kinds, words[::-1])
    found = predicted(subject, record(index(60), *targets))
    assert found["prediction"].words == tuple(words)


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(64, 16)

    def forward(self, one, other):
        return self.body(one.flatten(1)), self.body(other.flatten(1))


def contrastive(outputs, same):
    far = (outputs[0] - outputs[1]).norm(dim=1)
    return (same * far**2 + (1 - same) * F.relu(1 - far) ** 2).mean()


@pytest.mark.parametrize("kind", [torch.float32, torch.int64])
def test_pairs_have_a_loss_and_no_invented_class(kind):
    """Embeddings of two inputs are no classes: there is the loss of each pair, and nothing is right or wrong."""
    same = (made.CLASSES[:60] == made.CLASSES[1:61]).to(kind)
    subject = make_subject(Siamese(), loader(made.PIXELS[:60], made.PIXELS[1:61], same), contrastive)
    assert list(predicted(subject)) == ["loss"]
