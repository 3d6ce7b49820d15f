from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.data.explorer import works
from nbinspect.data.explorer.arrangement import Sort
from nbinspect.data.explorer.explorer import Explorer
from nbinspect.errors import CaptureError, InputError
from nbinspect.subject import Subject

HEARD: list[works.Doing] = []


def blobs(count, seed):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    return TensorDataset(torch.randn(count, 6, generator=generator) + 3 * nn.functional.one_hot(labels, 6), labels)


def trained(data):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 3))
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    for _ in range(30):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(data.tensors[0]), data.tensors[1]).backward()
        optimizer.step()
    return model.train()


def explorer(model=None, **options):
    train, validation = blobs(120, 0), blobs(60, 1)
    loaders = [DataLoader(each, batch_size=32) for each in (train, validation)]
    own = Explorer(
        Subject(model or trained(train), loaders[0], nn.CrossEntropyLoss(), val_loader=loaders[1], **options)
    )
    own.scan()
    return own


@pytest.fixture(scope="module")
def predicted():
    own = explorer()
    for _ in works.predicting(own):
        pass
    return own


def test_predictions_become_columns_with_the_largest_loss_first(predicted):
    """Losses and correctness are those of the network in eval mode, and the order is by loss."""
    data, model = blobs(120, 0), predicted.subject.model
    with torch.no_grad():
        logits = model.eval()(data.tensors[0])
    model.train()
    losses = nn.functional.cross_entropy(logits, data.tensors[1], reduction="none").numpy()
    np.testing.assert_allclose(predicted.view.record.column("loss").values, losses, rtol=1e-4, atol=1e-6)
    correct = (logits.argmax(1) == data.tensors[1]).numpy()
    np.testing.assert_array_equal(predicted.view.record.column("correct").values, correct)
    assert predicted.view.asked.sort == Sort("loss", True)
    np.testing.assert_allclose(losses[predicted.view.shown.rows], np.sort(losses)[::-1], rtol=1e-4, atol=1e-6)


def test_a_second_prediction_takes_the_place_of_the_first(predicted):
    """Columns of the network are there once, however often it predicts, and findings stay."""
    names = list(predicted.view.columns)
    for _ in works.predicting(predicted):
        pass
    assert list(predicted.view.columns) == names
    assert "duplicate" in names


def test_a_cancelled_prediction_keeps_what_it_has():
    """Rows that were not predicted have no loss, and the others have."""
    own = explorer()
    for doing in works.predicting(own):
        if doing.done:
            own.cancel()
    losses = own.view.record.column("loss").values
    assert 0 < np.isfinite(losses).sum() < 120


def test_a_network_that_raises_leaves_the_record():
    """An error of the forward is told, and the columns are as before."""
    own = explorer(nn.Linear(7, 3))
    names = list(own.view.columns)
    with pytest.raises(CaptureError, match="forward raised"):
        list(works.predicting(own))
    assert list(own.view.columns) == names


def test_what_follows_of_predictions_is_of_the_split_that_is_looked_at(predicted):
    """Confusion, slices and outputs count the samples of the split, and agree with the predictions."""
    right = int(predicted.view.record.column("correct").values.sum())
    confused = works.confusion(predicted, HEARD.append)
    assert (confused.counts.sum(), confused.right) == (120, right)
    assert works.slices(predicted, HEARD.append).samples == 120
    (drawn,) = works.outputs(predicted, HEARD.append).histograms
    assert (drawn.samples, drawn.kind) == (120, "class")


def test_without_predictions_what_needs_them_is_refused():
    """Confusion, slices, outputs, nearest samples and a map of features ask for predictions first."""
    own = explorer()
    for work in (works.confusion, works.slices, works.outputs):
        with pytest.raises(InputError):
            work(own, HEARD.append)
    with pytest.raises(InputError, match="predict first"):
        works.nearest(own, HEARD.append, row=0)
    with pytest.raises(InputError, match="predict first"):
        works.map_of(own, HEARD.append, of="network")
    with pytest.raises(InputError, match="'inputs' or 'network'"):
        works.map_of(own, HEARD.append, of="pixels")


def test_label_issues_become_columns(predicted):
    """Out-of-sample qualities of the labels are added beside the predictions, and survive the next one."""
    found = works.label_issues(predicted, HEARD.append)
    assert found.judged == 120
    quality = predicted.view.record.column("label_quality").values
    assert ((quality >= 0) & (quality <= 1)).all()
    for _ in works.predicting(predicted):
        pass
    assert predicted.view.record.column("label_quality") is not None


def test_nearest_training_samples_are_those_of_the_features(predicted):
    """Samples nearest by the cosine of what enters the last layer are found, in the training data for both splits."""
    found = works.nearest(predicted, HEARD.append, row=4, count=3)
    with torch.no_grad():
        features = predicted.subject.model[:2](blobs(120, 0).tensors[0])
    likeness = nn.functional.cosine_similarity(features[4:5], features).numpy()
    likeness[4] = -2
    assert found.split == "train"
    np.testing.assert_allclose(found.distances, 1 - np.sort(likeness)[::-1][:3], atol=1e-5)
    own = explorer()
    own.switch("validation")
    for _ in works.predicting(own):
        pass
    assert works.nearest(own, HEARD.append, row=0).split == "train"
    with pytest.raises(InputError, match="rows"):
        works.nearest(own, HEARD.append, row=60)


def test_maps_are_of_inputs_or_of_the_network(predicted):
    """A map has a point for each sample, by what was scanned or by the network's features."""
    for of in ("inputs", "network"):
        found = works.map_of(predicted, HEARD.append, of=of)
        assert found.rows.tolist() == list(range(120))
        assert np.isfinite(found.x).all()


def test_simple_models_are_scored_with_progress(predicted):
    """Baselines and the learning curve tell how far they are, and find that blobs can be learned."""
    HEARD.clear()
    assert works.baselines(predicted, HEARD.append).verdict not in ("nothing to learn", "cannot be told")
    assert works.learning_curve(predicted, HEARD.append).scores[-1] > 0.8
    shares = [doing.done for doing in HEARD if doing.work == "curve"]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_baselines_of_series_name_those_of_futures():
    """For series with numbers for targets it is said what scores the last value and a seasonal mean."""
    steps = torch.randn(80, 300, 2, generator=torch.Generator().manual_seed(0)).cumsum(1)
    data = TensorDataset(steps, steps[:, -1, 0] + 1)
    own = Explorer(Subject(nn.Flatten(), DataLoader(data, batch_size=16), nn.MSELoss()))
    own.scan()
    assert own.view.record.form == "series"
    assert "series_baselines(history, future)" in works.baselines(own, HEARD.append).notes[-1]


def test_cancelled_work_has_no_answer(predicted):
    """A cancel while models are fitted ends the work."""

    def cancel(doing):
        if doing.done:
            predicted.cancel()

    with pytest.raises(works.CancelledError):
        works.baselines(predicted, cancel)
    assert works.confusion(predicted, HEARD.append).known == 120
