"""Healthy programs that a careless check of dependencies and of what is used would take for broken."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset, default_collate
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    ElectraConfig,
    ElectraForSequenceClassification,
    LlamaConfig,
    LlamaForCausalLM,
    RobertaConfig,
    RobertaForSequenceClassification,
    T5Config,
    T5ForConditionalGeneration,
    ViTConfig,
    ViTForImageClassification,
)

from tests.zoo.own.data_for_lookalikes import (
    digits,
    letters,
    loaders,
    parted,
    passages_for_transformers,
    standard_digits,
    table,
)
from tests.zoo.own.datasets_for_lookalikes import Domains, digit_graphs
from tests.zoo.own.models_for_lookalikes import perceptron
from tests.zoo.own.models_for_lookalikes_sequence import (
    AttentionPool,
    LetterModel,
    RowsFirst,
    SwitchClassifier,
    next_letter,
)
from tests.zoo.own.models_for_lookalikes_special import Affinity, GraphNet, Graphs, TwoDomains, WithOptions, same_class
from tests.zoo.program import Arguments, healthy

SMALL = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96}


@healthy(resembles="batch-leak", source="scikit-learn")
def likeness_of_every_two_images() -> Arguments:
    """The output is an (N, N) table whose entry i, j depends on both images, as is meant."""
    torch.manual_seed(0)
    model = Affinity()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=same_class, optimizer=optimizer, task="other", **loaders(standard_digits(), 48))


def together(graphs: list[tuple[Tensor, Tensor, Tensor]]) -> tuple[Graphs, Tensor]:
    """Graphs as one, with the edges of each moved behind the nodes of those before."""
    nodes, edges, labels = zip(*graphs, strict=True)
    sizes = torch.tensor([len(n) for n in nodes])
    starts = sizes.cumsum(0) - sizes
    moved = torch.cat([e + start for e, start in zip(edges, starts, strict=True)], dim=1)
    return Graphs(torch.cat(nodes), moved, torch.arange(len(sizes)).repeat_interleave(sizes)), torch.stack(labels)


@healthy(resembles="batch-leak", source="scikit-learn")
def graphs_of_inked_pixels() -> Arguments:
    """A batch of graphs is one large graph: its first axis counts nodes, and nodes of one graph see each other."""
    torch.manual_seed(0)
    parts = digits(400)
    model = GraphNet(3, 10)
    return {
        "model": model,
        "loader": DataLoader(digit_graphs(parts.x, parts.y), batch_size=20, shuffle=True, collate_fn=together),
        "val_loader": DataLoader(digit_graphs(parts.x_val, parts.y_val), batch_size=20, collate_fn=together),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-2),
    }


def steps_first(rows: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Image rows as (T, N, F), which torch's recurrent layers take by default."""
    x, y = default_collate(rows)
    return x.squeeze(1).transpose(0, 1).contiguous(), y


@healthy(resembles="batch-leak", source="scikit-learn")
def samples_along_the_second_axis() -> Arguments:
    """Inputs are (T, N, F), so their first axis is time, and outputs and targets are (N, …)."""
    torch.manual_seed(0)
    parts = standard_digits(1000)
    model = RowsFirst()
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(parts.x, parts.y), batch_size=32, shuffle=True, collate_fn=steps_first),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-2),
        "batch_axis": 1,
    }


@healthy(resembles="causality", source="transformers")
def labels_are_the_inputs() -> Arguments:
    """The labels are the inputs themselves, because the model shifts them inside."""
    torch.manual_seed(0)
    ids, alphabet = letters(24, 500)
    config = LlamaConfig(**SMALL, vocab_size=alphabet, max_position_embeddings=32, bos_token_id=0, eos_token_id=0)
    model = LlamaForCausalLM(config)
    rows = [{"input_ids": i, "labels": i.clone()} for i in ids]
    return {
        "model": model,
        "loader": DataLoader(rows[:400], batch_size=32, shuffle=True),
        "val_loader": DataLoader(rows[400:], batch_size=32),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
        "causal": True,
    }


@healthy(resembles="causality", source="published")
def targets_shifted_by_hand() -> Arguments:
    """A GPT written out, which does not shift: the loader pairs each letter with the next."""
    torch.manual_seed(0)
    windows, alphabet = letters(25, 600)
    model = LetterModel(alphabet, 24)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    parts = parted(windows[:, :-1], windows[:, 1:])
    return dict(model=model, loss_fn=next_letter, optimizer=optimizer, causal=True, **loaders(parts))


@healthy(resembles="causality", source="transformers")
def encoder_that_looks_both_ways() -> Arguments:
    """A bidirectional encoder classifies whole passages, so each word may look at those after it."""
    torch.manual_seed(0)
    rows, vocabulary = passages_for_transformers()
    config = RobertaConfig(**SMALL, vocab_size=vocabulary, max_position_embeddings=32, pad_token_id=0, num_labels=4)
    model = RobertaForSequenceClassification(config)
    return {
        "model": model,
        "loader": DataLoader(rows[:416], batch_size=32, shuffle=True),
        "val_loader": DataLoader(rows[416:], batch_size=32),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
    }


@healthy(resembles="causality", source="transformers")
def words_spelt_backwards() -> Arguments:
    """T5 reverses a string: its encoder looks both ways, and its decoder shifts the labels inside."""
    torch.manual_seed(0)
    ids = torch.randint(2, 14, (600, 5))
    config = T5Config(vocab_size=16, d_model=48, d_kv=12, d_ff=96, num_layers=2, num_heads=4, decoder_start_token_id=0)
    model = T5ForConditionalGeneration(config)
    rows = [{"input_ids": i, "labels": torch.cat([i.flip(0), i.new_ones(1)])} for i in ids]
    return {
        "model": model,
        "loader": DataLoader(rows[:500], batch_size=32, shuffle=True),
        "val_loader": DataLoader(rows[500:], batch_size=32),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
    }


@healthy(resembles="padding-leak", source="transformers")
def padded_passages_under_a_mask() -> Arguments:
    """Passages are padded to 24 words, and the attention mask in the batch hides the padding."""
    torch.manual_seed(0)
    rows, vocabulary = passages_for_transformers()
    config = ElectraConfig(**SMALL, embedding_size=32, vocab_size=vocabulary, max_position_embeddings=32, num_labels=4)
    model = ElectraForSequenceClassification(config)
    return {
        "model": model,
        "loader": DataLoader(rows[:416], batch_size=26, shuffle=True),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "class_names": ["types", "formatstrings", "debugger", "compound"],
    }


def pretrain(model: nn.Module, loader: DataLoader) -> None:
    """Two epochs with Adam."""
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(2):
        for batch in loader:
            optimizer.zero_grad()
            model(**batch).loss.backward()
            optimizer.step()


@healthy(resembles="unused-parameters", source="transformers")
def head_on_a_frozen_backbone() -> Arguments:
    """All of a pretrained vision transformer is frozen but its new classifier, and so has no gradient."""
    torch.manual_seed(0)
    config = ViTConfig(**SMALL, image_size=8, patch_size=2, num_channels=1, num_labels=10)
    model = ViTForImageClassification(config)
    parts = standard_digits(1000)
    rows = [{"pixel_values": x, "labels": y} for x, y in zip(parts.x, parts.y, strict=True)]
    loader = DataLoader(rows, batch_size=32, shuffle=True)
    pretrain(model, loader)
    for parameter in model.vit.parameters():
        parameter.requires_grad = False
    model.classifier = nn.Linear(48, 10)
    optimizer = torch.optim.Adam(model.classifier.parameters(), lr=3e-2)
    return {"model": model, "loader": loader, "optimizer": optimizer}


@healthy(resembles="unused-parameters", source="published")
def experts_that_no_sample_picked() -> Arguments:
    """Sixteen experts and one for each of eight samples: most get no gradient in a batch."""
    torch.manual_seed(0)
    model = SwitchClassifier()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(standard_digits(), 8))


@healthy(resembles="unused-parameters", source="scikit-learn")
def one_head_a_domain() -> Arguments:
    """Each batch is of one domain and goes through that domain's head alone."""
    torch.manual_seed(0)
    x, y = standard_digits()[:2]
    domain = torch.arange(len(x)) % 2
    x = torch.where(domain[:, None, None, None] == 1, x.transpose(2, 3), x)
    model = TwoDomains()
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(x, domain, y), batch_sampler=Domains(len(x), 32)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


@healthy(resembles="unused-parameters", source="transformers")
def words_that_no_passage_holds() -> Arguments:
    """A vocabulary of 6,000 of which a batch holds a few hundred: the other embedding rows get no gradient."""
    torch.manual_seed(0)
    rows, _ = passages_for_transformers()
    model = BertForSequenceClassification(
        BertConfig(**SMALL, vocab_size=6000, max_position_embeddings=32, num_labels=4)
    )
    loader = DataLoader(rows, batch_size=32, shuffle=True)
    return {"model": model, "loader": loader, "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3)}


@healthy(resembles="unused-input", source="scikit-learn")
def columns_kept_for_later() -> Arguments:
    """Three of the columns are all zero, reserved for measurements that are still to come."""
    torch.manual_seed(0)
    parts = table("wine")
    padded = [F.pad(x, (0, 3)) for x in (parts.x, parts.x_val)]
    model = perceptron(16, 32, 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    parts = parts._replace(x=padded[0], x_val=padded[1])
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(parts, 16))


@healthy(resembles="unused-input", source="scikit-learn")
def strides_that_skip_the_border() -> Arguments:
    """A kernel of 3 at stride 2 without padding never reads the last row and column of an image of 8 × 8."""
    torch.manual_seed(0)
    trunk = nn.Sequential(nn.Conv2d(1, 24, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(216, 48), nn.ReLU())
    model = nn.Sequential(*trunk, nn.Linear(48, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(standard_digits()))


@healthy(resembles="unused-input")
def options_that_only_select() -> Arguments:
    """Of three inputs two are a mask and an index, which choose what is read and can have no gradient."""
    torch.manual_seed(0)
    options, mask = torch.randn(900, 6, 5), torch.rand(900, 6) < 0.7
    mask[:, 0] = True
    asked = torch.randint(0, 5, (900,))
    value = options.gather(2, asked[:, None, None].expand(-1, 6, 1)).squeeze(2)
    best = value.masked_fill(~mask, -9.0).amax(1, keepdim=True)
    model = WithOptions()
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(options, mask, asked, best), batch_size=45, shuffle=True),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-2),
    }


@healthy(resembles="unused-result", source="scikit-learn")
def states_weights_and_halves() -> Arguments:
    """LSTM states, attention weights, the indices of a maximum and the size of the batch are dropped."""
    torch.manual_seed(0)
    parts = standard_digits(800)
    parts = parts._replace(x=parts.x.squeeze(1), x_val=parts.x_val.squeeze(1))
    model = AttentionPool()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(parts))
