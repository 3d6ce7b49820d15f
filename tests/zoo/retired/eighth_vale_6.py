"""Programs with reported bugs in pooling, first weights, sampling, activations and dropout, with mended twins."""

# mypy: disable-error-code="no-any-return,no-untyped-call"

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import BertConfig, BertModel

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eighth_vale_parts import (
    digits_in_unit_range,
    in_random_order,
    one_after_another,
    padded_topics,
    seed_all_three,
    train_and_validation,
)


class SentenceClassifier(nn.Module):
    """A BERT whose last hidden states are averaged to an embedding of the sentence, and a classifier on it."""

    def __init__(self, over_all: bool) -> None:
        """Build the encoder and the head."""
        super().__init__()
        config = BertConfig(
            vocab_size=40,
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=16,
            initializer_range=0.1,
        )
        self.encoder = BertModel(config, add_pooling_layer=False)
        self.head = nn.Linear(32, 4)
        self.over_all = over_all

    def forward(self, input_ids: Tensor) -> Tensor:
        """Logits of the topic."""
        mask = (input_ids != 0).long()
        states = self.encoder(input_ids, attention_mask=mask).last_hidden_state
        if self.over_all:
            return self.head(states.mean(1))
        used = mask[..., None].to(states.dtype)
        return self.head((states * used).sum(1) / used.sum(1))


@pair("padding-leak", group="wiring", source="transformers")
def mean_over_padded_states_too(sick: bool) -> Arguments:
    """The embedding of a sentence is the mean over all positions, those of the padding among them.

    (jsboige/CoursIA#15045)
    """
    seed_all_three()
    train, validation = train_and_validation(*padded_topics(700))
    model = SentenceClassifier(over_all=sick)
    return {
        "model": model,
        "loader": in_random_order(train),
        "val_loader": one_after_another(validation),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
        "padding_value": 0,
    }


class ConvolutionExercise(nn.Module):
    """The network of an exercise: two convolutions, a locally connected part made of a third, and a linear layer."""

    def __init__(self, std: float) -> None:
        """Build the layers; ``std`` is the deviation of the weights of the second convolution."""
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1)
        self.local3, self.linear = nn.Conv2d(16, 16, 3, padding=1), nn.Linear(256, 10)
        nn.init.normal_(self.conv2.weight, std=std)
        if self.conv2.bias is not None:
            nn.init.zeros_(self.conv2.bias)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of the classes."""
        x = F.max_pool2d(F.relu(self.conv1(image)), 2)
        x = F.relu(self.local3(F.relu(self.conv2(x))))
        return self.linear(x.flatten(1))


@pair("vanishing-gradients", "init-scale", group="backward", source="published")
def second_convolution_almost_zero(sick: bool) -> Arguments:
    """The weights of the second convolution begin with a deviation of 1e-4, by a slip, and no gradient passes.

    (tensorflow/tensorflow#2374)
    """
    seed_all_three()
    train, validation = train_and_validation(*digits_in_unit_range(images=True))
    model = ConvolutionExercise(std=1e-4 if sick else 0.1)
    return {
        "model": model,
        "loader": in_random_order(train),
        "val_loader": one_after_another(validation),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
    }


class Embedder(nn.Module):
    """Scores of triples of a knowledge graph by DistMult."""

    def __init__(self, entities: int = 60, relations: int = 4, width: int = 24) -> None:
        """Build the embeddings."""
        super().__init__()
        self.entity, self.relation = nn.Embedding(entities, width), nn.Embedding(relations, width)
        for table in (self.entity, self.relation):
            nn.init.normal_(table.weight, std=0.5)

    def forward(self, subject: Tensor, relation: Tensor, thing: Tensor) -> Tensor:
        """One score a triple."""
        return (self.entity(subject) * self.relation(relation) * self.entity(thing)).sum(-1)


class NegativeSampling:
    """A step on true triples and on triples with drawn objects, filtered fast by a table of the true ones."""

    def __init__(self, triples: Tensor, own_numbers: bool, negatives: int = 8) -> None:
        """Make the table; the fast filter has random numbers of its own, or those of NumPy's global seed."""
        self.true = torch.zeros(60, 4, 60, dtype=torch.bool)
        self.true[triples[:, 0], triples[:, 1], triples[:, 2]] = True
        self.own_numbers, self.negatives = own_numbers, negatives

    def draw(self, subject: Tensor, relation: Tensor) -> Tensor:
        """Objects that are not true of subject and relation."""
        generator = np.random.RandomState(None if self.own_numbers else np.random.randint(2**31))
        drawn = torch.as_tensor(generator.randint(60, size=(len(subject), self.negatives)))
        for _ in range(20):
            hit = self.true[subject[:, None], relation[:, None], drawn]
            if not hit.any():
                break
            drawn = torch.where(hit, torch.as_tensor(generator.randint(60, size=tuple(drawn.shape))), drawn)
        return drawn

    def __call__(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        """One update."""
        subject, relation, thing = batch
        optimizer.zero_grad()
        things = torch.cat([thing[:, None], self.draw(subject, relation)], 1)
        scores = model(subject[:, None], relation[:, None], things)
        loss = F.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long))
        loss.backward()
        optimizer.step()
        return loss.detach()


@pair("nondeterminism", group="backward", source="published")
def filter_with_random_numbers_of_its_own(sick: bool) -> Arguments:
    """The filter of false negatives draws from a generator of its own, which no seed of the program reaches.

    (uma-pi1/kge#139)
    """
    seed_all_three()
    group = torch.randint(6, (60,))
    every = torch.cartesian_prod(torch.arange(60), torch.arange(4), torch.arange(60))
    true = every[(group[every[:, 0]] + every[:, 1] + 1) % 6 == group[every[:, 2]]]
    true = true[torch.randperm(len(true))[:1200]]
    train, _ = train_and_validation(*true.unbind(1), share=0.9)
    model = Embedder()
    return {
        "model": model,
        "loader": in_random_order(train, 64),
        "split": lambda batch: (tuple(batch), None),
        "forward": lambda model, batch: model(*batch),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-2),
        "train_step": NegativeSampling(true, own_numbers=sick),
        "task": "other",
    }


class PopulationMap(nn.Module):
    """Occupants of each building, from its features, times the building's area: the census of a region."""

    def __init__(self, last: nn.Module) -> None:
        """Build the layers; ``last`` keeps the occupants above zero."""
        super().__init__()
        self.scale = nn.Sequential(nn.Linear(6, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 1), last)

    def forward(self, features: Tensor, area: Tensor) -> Tensor:
        """The census of each region."""
        return (self.scale(features).squeeze(2) * area).sum(1)


def regions(count: int = 600, buildings: int = 10) -> tuple[Tensor, Tensor, Tensor]:
    """Features and areas of the buildings of each region, areas summing to about one, and the census."""
    features = torch.randn(count, buildings, 6) * 0.5
    area = torch.rand(count, buildings) * 2 / buildings
    occupants = F.softplus(features @ torch.tensor([1.0, -1, 0.5, 0.5, -0.5, 0.8]) * 2)
    return features, area, (occupants * area).sum(1)


@pair("dead-units", "constant-output", group="init", source="published")
def occupants_through_a_dead_relu(sick: bool) -> Arguments:
    """The last ReLU is below zero for every building from the first weights on: zeros, and no gradient.

    (jvargasmu/population_estimation#68)
    """
    seed_all_three(7)
    train, validation = train_and_validation(*regions())
    model = PopulationMap(nn.ReLU() if sick else nn.Softplus())
    return {
        "model": model,
        "loader": in_random_order(train),
        "val_loader": one_after_another(validation),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "regression",
    }


class ExerciseNetwork(nn.Module):
    """The network of an exercise on dropout: convolutions, pooling, and two linear layers."""

    def __init__(self, dropped: bool) -> None:
        """Build the layers."""
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1)
        self.drop1, self.drop2 = nn.Dropout(0.25), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(256, 64), nn.Linear(64, 10)
        self.dropped = dropped

    def forward(self, image: Tensor) -> Tensor:
        """Logits of the classes."""
        pool = F.max_pool2d(F.relu(self.conv2(F.relu(self.conv1(image)))), 2)
        fc1 = F.relu(self.fc1(self.drop1(pool.flatten(1))))
        fc1_drop = self.drop2(fc1)
        return self.fc2(fc1_drop) if self.dropped else self.fc2(fc1)


@pair("unused-result", group="wiring", source="published")
def dropout_made_and_passed_by(sick: bool) -> Arguments:
    """The output of the second dropout is made and not used, as the last layer takes what came before it.

    (ageron/handson-ml#304)
    """
    seed_all_three()
    train, validation = train_and_validation(*digits_in_unit_range(images=True))
    model = ExerciseNetwork(dropped=not sick)
    return {
        "model": model,
        "loader": in_random_order(train),
        "val_loader": one_after_another(validation),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }
