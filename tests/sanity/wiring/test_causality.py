from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nbinspect.sanity.wiring.causality import CHECK
from tests.sanity.running import run_one

N, T, V = 8, 12, 20


def loss_fn(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


class Decoder(nn.Module):
    """A transformer over tokens, masked in one of several ways."""

    def __init__(self, mask: str = "causal", strict: bool = False) -> None:
        super().__init__()
        self.embed, self.place = nn.Embedding(V, 16), nn.Parameter(torch.randn(T, 16) * 0.02)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.head, self.mask, self.strict = nn.Linear(16, V), mask, strict

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens)
        if self.strict:
            x = F.pad(x, (0, 0, 1, 0))[:, :-1]
        x = x + self.place[: x.shape[1]]
        size = x.shape[1]
        ahead = torch.ones(size, size, dtype=torch.bool)
        masks = {"causal": ahead.triu(1), "late": ahead.triu(2), "transposed": ahead.tril(-1), "none": None}
        return self.head(self.layer(x, src_mask=masks[self.mask]))


class Tiny(nn.Module):
    """Attention through PyTorch's function, in two layers; the second may forget to be causal."""

    def __init__(self, second: bool = True) -> None:
        super().__init__()
        self.embed, self.head, self.second = nn.Embedding(V, 16), nn.Linear(16, V), second

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens)[:, None]
        x = x + F.scaled_dot_product_attention(x, x, x, is_causal=True)
        if self.second:
            x = x + F.scaled_dot_product_attention(x, x, x, is_causal=True)
        else:
            x = x + F.scaled_dot_product_attention(x, x, x)  # looks ahead
        return self.head(x[:, 0])


class Recurrent(nn.Module):
    def __init__(self, both: bool) -> None:
        super().__init__()
        self.embed, self.lstm = nn.Embedding(V, 8), nn.LSTM(8, 8, batch_first=True, bidirectional=both)
        self.head = nn.Linear(16 if both else 8, V)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.lstm(self.embed(tokens))[0])


class OwnLoss(nn.Module):
    """A model that shifts inside, as the labels it takes are the tokens themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = Decoder()

    def forward(self, input_ids: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.decoder(input_ids)
        return {"loss": loss_fn(logits[:, :-1], labels[:, 1:]), "logits": logits}


def text(ahead: int) -> list[tuple[Tensor, Tensor]]:
    """Tokens with targets so many steps on."""
    torch.manual_seed(0)
    tokens = torch.randint(V, (N, T + 2))
    return [(tokens[:, :T], tokens[:, ahead : ahead + T])]


def program(model: nn.Module, ahead: int = 1, **arguments: object) -> dict[str, object]:
    return {"model": model, "loader": text(ahead), "loss_fn": loss_fn, **arguments}


def test_a_causal_model_with_targets_one_step_on_passes() -> None:
    """A causal mask and targets that come next are healthy."""
    result = run_one(CHECK, **program(Decoder()))
    assert result.status == "pass"
    assert "1 step on" in result.summary


@pytest.mark.parametrize("mask", ["late", "transposed"])
def test_a_mask_that_lets_the_future_through_fails(mask: str) -> None:
    """A mask that begins one place too far, and one of the wrong triangle, are found by themselves."""
    result = run_one(CHECK, **program(Decoder(mask)))
    assert result.status == "fail"
    assert "multi_head_attention" in result.where
    assert result.place is not None


def test_a_late_mask_lets_just_one_position_through() -> None:
    """The chart agrees with the mask: of the outputs before the cut, the last one alone changes."""
    result = run_one(CHECK, **program(Decoder("late")))
    (bars,) = result.charts[0].values
    cut = next(i for i, bar in enumerate(bars) if bar > 0) + 1
    assert f"before position {cut} " in result.summary
    assert (bars[: cut - 1] == 0).all()


def test_the_layer_that_forgets_the_mask_is_named_by_its_line() -> None:
    """Of two layers, the one that is not causal is the place."""
    result = run_one(CHECK, **program(Tiny(second=False)))
    assert result.status == "fail"
    assert result.place is not None
    with open(result.place.file, encoding="utf-8") as file:  # noqa: PTH123 - reads the one line
        assert "# looks ahead" in file.readlines()[result.place.line - 1]
    assert run_one(CHECK, **program(Tiny())).status == "pass"


@pytest.mark.parametrize("model", [Decoder("none"), Recurrent(both=True)])
def test_targets_one_step_on_are_evidence(model: nn.Module) -> None:
    """A model of both directions could copy targets that are its inputs, one step on."""
    assert run_one(CHECK, **program(model)).status == "fail"


def test_what_the_user_says_counts() -> None:
    """With causal=True a bidirectional model fails on any targets, and with causal=False none does."""
    loader = [(torch.randint(V, (N, T)), torch.randint(V, (N, T)))]
    assert run_one(CHECK, **program(Recurrent(True), causal=True, loader=loader)).status == "fail"
    assert run_one(CHECK, **program(Recurrent(False), causal=True, loader=loader)).status == "pass"
    assert run_one(CHECK, **program(Decoder("late"), causal=False)).status == "skip"


def test_targets_that_are_not_shifted_fail() -> None:
    """A causal model that is asked for the token that it has just read is told by its loss."""
    result = run_one(CHECK, **program(Decoder(), ahead=0))
    assert result.status == "fail"
    assert "not shifted" in result.title
    assert result.measurements[0].measured == "0"
    assert result.where == "F.cross_entropy"


def test_labels_shifted_by_hand_for_a_model_that_shifts_fail() -> None:
    """Labels that are one step on already are shifted twice; the tokens themselves are right."""
    torch.manual_seed(0)
    tokens = torch.randint(V, (N, T + 1))
    twice = {"input_ids": tokens[:, :-1], "labels": tokens[:, 1:]}
    once = {"input_ids": tokens[:, :-1], "labels": tokens[:, :-1]}
    result = run_one(CHECK, model=OwnLoss(), loader=[twice])
    assert result.status == "fail"
    assert "twice" in result.title
    assert result.measurements[0].measured == "2"
    assert run_one(CHECK, model=OwnLoss(), loader=[once]).status == "pass"


def test_a_model_that_shifts_its_inputs_passes() -> None:
    """Where the output at a position sees only what lies before it, targets are the inputs themselves."""
    assert run_one(CHECK, **program(Decoder(strict=True), ahead=0)).status == "pass"
    assert run_one(CHECK, **program(Decoder(strict=True), ahead=1)).status == "fail"


def test_several_tokens_predicted_at_once_pass() -> None:
    """One loss for the next token is enough, whatever further heads predict."""

    def two(logits: Tensor, targets: Tensor) -> Tensor:
        return loss_fn(logits, targets) + loss_fn(logits[:, :-1], targets[:, 1:])

    assert run_one(CHECK, **program(Decoder(), loss_fn=two)).status == "pass"


@pytest.mark.parametrize("form", ["flat", "classes second", "time first"])
def test_outputs_are_read_however_they_lie(form: str) -> None:
    """Logits that are flattened, or have their classes second, or time first, are lined up with the positions."""

    class Laid(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, tokens: Tensor) -> Tensor:
            if form == "time first":
                return self.inner(tokens.t()).transpose(0, 1)
            logits = self.inner(tokens)
            return logits.flatten(0, 1) if form == "flat" else logits.transpose(1, 2)

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        if form == "time first":
            return F.cross_entropy(logits.reshape(-1, V), targets.reshape(-1))
        return F.cross_entropy(logits, targets.flatten() if form == "flat" else targets)

    (batch,) = text(1)
    other = [tuple(part.t() for part in batch)] if form == "time first" else [batch]
    axis = 1 if form == "time first" else 0
    for mask, status in (("causal", "pass"), ("late", "fail")):
        found = run_one(CHECK, model=Laid(Decoder(mask)), loader=other, loss_fn=loss, batch_axis=axis)
        assert found.status == status, found


def test_bidirectional_encoders_are_skipped() -> None:
    """Attention to both sides is no defect where the targets do not come next."""
    loader = [(torch.randint(V, (N, T)), torch.randint(V, (N, T)))]
    assert run_one(CHECK, **program(Decoder("none"), loader=loader)).status == "skip"


def test_a_source_beside_a_causal_decoder_is_silent() -> None:
    """A decoder may see the whole source, though its own tokens are masked."""

    class Translator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.head = nn.Embedding(V, 16), nn.Linear(16, V)
            self.core = nn.Transformer(16, 2, 1, 1, 32, batch_first=True)

        def forward(self, source: Tensor, target: Tensor) -> Tensor:
            mask = nn.Transformer.generate_square_subsequent_mask(target.shape[1])
            return self.head(self.core(self.embed(source), self.embed(target), tgt_mask=mask))

    torch.manual_seed(0)
    tokens = torch.randint(V, (N, T + 1))
    loader = [(tokens[:, :-1], tokens[:, :-1], tokens[:, 1:])]
    assert run_one(CHECK, model=Translator(), loader=loader, loss_fn=loss_fn).status == "pass"


def test_models_of_transformers_are_told_by_their_config() -> None:
    """A published decoder passes on its own labels and fails on shifted ones; an encoder is skipped."""
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(vocab_size=V, n_positions=32, n_embd=16, n_layer=2, n_head=2)
    model = transformers.GPT2LMHeadModel(config)
    torch.manual_seed(0)
    tokens = torch.randint(V, (N, T + 1))
    right = {"input_ids": tokens[:, :-1], "labels": tokens[:, :-1]}
    assert run_one(CHECK, model=model, loader=[right]).status == "pass"
    result = run_one(CHECK, model=model, loader=[{**right, "labels": tokens[:, 1:]}])
    assert result.status == "fail"
    assert "twice" in result.title
    encoder = transformers.BertForMaskedLM(
        transformers.BertConfig(
            vocab_size=V, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
        )
    )
    assert run_one(CHECK, model=encoder, loader=[right]).status == "skip"


@pytest.mark.parametrize(("given", "status"), [("labels", "fail"), ("shifted", "pass"), ("", "skip")])
def test_a_decoder_beside_an_encoder_is_told_by_its_config(given: str, status: str) -> None:
    """Labels as the decoder's inputs fail; shifted by hand, or by the model itself, they are right."""
    transformers = pytest.importorskip("transformers")
    sizes = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2, "dropout_rate": 0.0}
    config = transformers.T5Config(vocab_size=V, decoder_start_token_id=0, pad_token_id=0, **sizes)
    labels = torch.randint(1, V, (N, T))
    shifted = torch.cat([torch.zeros(N, 1, dtype=torch.long), labels[:, :-1]], 1)
    # a text that is to be given back as it is says nothing of the decoder
    batch = {"input_ids": labels.clone(), "labels": labels}
    if given:
        batch["decoder_input_ids"] = {"labels": labels.clone(), "shifted": shifted}[given]
    result = run_one(CHECK, model=transformers.T5ForConditionalGeneration(config), loader=[batch])
    assert result.status == status
    assert status != "fail" or "not shifted" in result.title


def test_a_causal_convolution_on_channels_passes() -> None:
    """Time may be the last axis: of (N, C, T) a convolution padded on the left alone is causal."""

    class Convolution(nn.Module):
        def __init__(self, left: int) -> None:
            super().__init__()
            self.conv, self.left = nn.Conv1d(6, 6, 3), left

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(F.pad(x, (self.left, 2 - self.left)))

    loader = [(torch.randn(N, 6, T), torch.randn(N, 6, T))]
    for left, status in ((2, "pass"), (1, "fail")):
        result = run_one(CHECK, model=Convolution(left), loader=loader, loss_fn=nn.MSELoss(), causal=True)
        assert result.status == status


@pytest.mark.parametrize(
    "batch",
    [
        (torch.zeros(N, T, dtype=torch.long), torch.zeros(N, T, dtype=torch.long)),
        (torch.randint(V, (1, T)), torch.randint(V, (1, T))),
        (torch.randint(V, (N, 2)), torch.randint(V, (N, 2))),
    ],
)
def test_ugly_batches_are_no_failure(batch: tuple[Tensor, Tensor]) -> None:
    """Constant tokens, one sample and very short texts give no finding on a causal model."""
    assert run_one(CHECK, **program(Decoder(), loader=[batch], causal=True)).status in ("pass", "skip")


def test_one_label_a_sequence_is_skipped() -> None:
    """A causal encoder under a head for the whole sequence has no output at each position."""
    model = nn.Sequential(nn.Embedding(V, 8), nn.Flatten(), nn.Linear(8 * T, 3))
    loader = [(torch.randint(V, (N, T)), torch.randint(3, (N,)))]
    assert run_one(CHECK, model=model, loader=loader, loss_fn=nn.CrossEntropyLoss(), causal=True).status == "skip"


@pytest.mark.parametrize(("ahead", "status"), [(0, "fail"), (1, "pass")])
def test_targets_that_a_step_cuts_are_lined_up(ahead: int, status: str) -> None:
    """Where only the user's own step can call the model, its targets still have to be one step on."""

    def step(model: nn.Module, batch: Tensor, optimizer: torch.optim.Optimizer) -> Tensor:
        optimizer.zero_grad()
        loss = loss_fn(model(batch[:, :-1]), batch[:, ahead : ahead + T])
        loss.backward()
        optimizer.step()
        return loss

    model = Decoder()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    tokens = torch.randint(V, (N, T + 1), generator=torch.Generator().manual_seed(0))
    found = run_one(CHECK, model=model, loader=[tokens], train_step=step, optimizer=optimizer)
    assert found.status == status


def test_a_causal_model_that_cleans_its_tokens_passes() -> None:
    """A step that spoils the tokens itself may ask for them as they were, at each position its own."""

    def step(model: nn.Module, batch: Tensor, optimizer: torch.optim.Optimizer) -> Tensor:
        spoilt = torch.where(torch.rand(batch.shape) < 0.3, torch.randint(V, batch.shape), batch)
        optimizer.zero_grad()
        loss = loss_fn(model(spoilt), batch)
        loss.backward()
        optimizer.step()
        return loss

    model = Decoder()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    tokens = torch.randint(V, (N, T), generator=torch.Generator().manual_seed(0))
    assert run_one(CHECK, model=model, loader=[tokens], train_step=step, optimizer=optimizer).status == "pass"


class Reader(nn.Module):
    """An autoencoder: what it reads of the whole text goes to a decoder that sees what lies before each place."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.embed, self.reader, self.code = nn.Embedding(V, 16), nn.GRU(16, 16, batch_first=True), nn.Linear(16, 16)
        self.writer = nn.GRU(32 if how == "at each place" else 16, 16, batch_first=True)
        self.core, self.head, self.how = nn.Transformer(16, 2, 1, 1, 32, batch_first=True), nn.Linear(16, V), how

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens)
        if self.how == "attention":
            memory = self.core.encoder(x)
            mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
            return self.head(self.core.decoder(self.embed(tokens), memory, tgt_mask=mask))
        state = torch.tanh(self.code(self.reader(x)[1]))
        if self.how == "as its state":
            return self.head(self.writer(x, state)[0])
        return self.head(self.writer(torch.cat([x, state[0][:, None].expand_as(x)], 2))[0])


@pytest.mark.parametrize("length", [T, 16, 17])
@pytest.mark.parametrize("how", ["as its state", "at each place", "attention"])
def test_an_autoencoder_may_read_all_that_it_is_to_write(how: str, length: int) -> None:
    """A decoder that is told of the whole text by a code or by an encoder's memory is no defect unless declared so."""
    tokens = torch.randint(V, (N, length + 1), generator=torch.Generator().manual_seed(0))
    batch = (tokens[:, :-1], tokens[:, 1:])
    found = run_one(CHECK, **program(Reader(how), loader=[batch]))
    assert found.status == "inconclusive"
    assert "causal=False" in found.detail
    assert run_one(CHECK, **program(Reader(how), loader=[batch], causal=True)).status == "fail"


class Cutting(nn.Module):
    """Takes a text whole, leaves the last token out, and gives one row a token."""

    def __init__(self, mask: str, flat: bool = True) -> None:
        super().__init__()
        self.inner, self.flat = Decoder(mask), flat

    def forward(self, tokens: Tensor) -> Tensor:
        logits = self.inner(tokens[:, :-1])
        return logits.flatten(0, 1) if self.flat else logits


@pytest.mark.parametrize("length", [4, 5, T])
@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize(("mask", "status"), [("causal", "pass"), ("late", "fail"), ("none", "fail")])
def test_tokens_that_the_model_cuts_are_lined_up(mask: str, status: str, flat: bool, length: int) -> None:
    """Outputs of all but the last token, in rows or not, are read by position, with targets that the batch holds."""
    tokens = torch.randint(V, (N, length), generator=torch.Generator().manual_seed(0))

    def split(batch: Tensor) -> tuple[Tensor, Tensor]:
        return batch, batch[:, 1:].flatten() if flat else batch[:, 1:]

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(logits.reshape(-1, V), targets.flatten())

    found = run_one(CHECK, model=Cutting(mask, flat), loader=[tokens], loss_fn=loss, split=split)
    assert found.status == status


def test_classes_as_many_as_tokens_are_no_positions() -> None:
    """One row of classes a text is not read as one value a position, whatever their number."""

    class Judge(nn.Module):
        def __init__(self, classes: int) -> None:
            super().__init__()
            self.inner, self.head = Decoder(), nn.Linear(V, classes)

        def forward(self, tokens: Tensor) -> Tensor:
            return self.head(self.inner(tokens).mean(1))

    for classes in (T, T - 1):
        loader = [(torch.randint(V, (N, T)), torch.randint(classes, (N,)))]
        found = run_one(CHECK, model=Judge(classes), loader=loader, loss_fn=nn.CrossEntropyLoss())
        assert found.status == "skip", found


@pytest.mark.parametrize(("mask", "status"), [("causal", "pass"), ("late", "fail"), ("none", "fail")])
def test_targets_that_a_forward_hands_on_are_no_tokens_seen(mask: str, status: str) -> None:
    """A forward of the user's gives the model its targets for the loss; that the logits ignore them says nothing."""

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Decoder(mask)

        def forward(self, tokens: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
            logits = self.inner(tokens)
            return logits, loss_fn(logits, targets)

    found = run_one(CHECK, **program(Both(), forward=lambda model, batch: model(*batch)[0]))
    assert found.status == status


@pytest.mark.parametrize(("hidden", "status"), [(True, "pass"), (False, "fail")])
def test_a_translator_that_gives_rows_is_judged_by_its_own_tokens(hidden: bool, status: str) -> None:
    """A source as long as the target, padding at the end of both, and one row a token: the decoder alone is asked."""

    class Translator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.head = nn.Embedding(V, 16), nn.Linear(16, V)
            self.core = nn.Transformer(16, 2, 1, 1, 32, batch_first=True)

        def forward(self, source: Tensor, target: Tensor) -> Tensor:
            read = target[:, :-1]
            mask = nn.Transformer.generate_square_subsequent_mask(read.shape[1]) if hidden else None
            return self.head(self.core(self.embed(source), self.embed(read), tgt_mask=mask)).view(-1, V)

    tokens = torch.randint(2, V, (N, T), generator=torch.Generator().manual_seed(0))
    target = torch.where(torch.arange(T) < torch.tensor([12, 10, 9, 8, 12, 8, 7, 6])[:, None], tokens, 0)
    found = run_one(
        CHECK,
        model=Translator(),
        loader=[(target.flip(1), target)],
        forward=lambda model, batch: model(*batch),
        split=lambda batch: (batch, batch[1][:, 1:].flatten()),
        loss_fn=nn.CrossEntropyLoss(ignore_index=0),
    )
    assert found.status == status
    assert status == "pass" or "core.decoder" in found.where


class Forced(nn.Module):
    """Reads its labels one step back, as a decoder does that is forced, and compares what it says with some of them."""

    def __init__(self, ahead: tuple[int, ...]) -> None:
        super().__init__()
        self.encode, self.embed, self.head = nn.Embedding(20, 16), nn.Embedding(21, 16), nn.Linear(16, 20)
        self.gru, self.ahead = nn.GRU(16, 16, batch_first=True), ahead

    def forward(self, input_ids: Tensor, labels: Tensor) -> dict[str, Tensor]:
        before = torch.cat([torch.full_like(labels[:, :1], 20), labels[:, :-1]], 1).clamp_min(0)
        logits = self.head(self.gru(self.embed(before) + self.encode(input_ids).mean(1, keepdim=True))[0])
        length = labels.shape[1]
        losses = [loss_fn(logits[:, : length - at], labels[:, at:]) for at in self.ahead]
        return {"loss": torch.stack(losses).sum(), "logits": logits}


@pytest.mark.parametrize(("ahead", "status"), [((1,), "fail"), ((0,), "skip"), ((0, 1), "skip")])
def test_labels_that_a_decoder_shifts_and_its_loss_once_more_fail(ahead: tuple[int, ...], status: str) -> None:
    """A decoder that reads labels one step back is to be compared with them as they are, padding left out."""
    torch.manual_seed(0)
    tokens = torch.randint(20, (8, 9))
    labels = torch.where(torch.arange(9) < torch.randint(5, 10, (8, 1)), tokens, -100)
    result = run_one(CHECK, model=Forced(ahead), loader=[{"input_ids": torch.randint(20, (8, 9)), "labels": labels}])
    assert result.status == status
    if status == "fail":
        assert "twice" in result.title
        assert result.measurements[0].measured == "2"


@pytest.mark.parametrize(("first", "status"), [(0, "pass"), (1, "fail")])
@pytest.mark.parametrize("flat", [False, True])
def test_a_decoder_that_is_given_its_targets_fails(first: int, status: str, flat: bool) -> None:
    """All but the first token in place of all but the last are the targets themselves; at each place its own."""

    def forward(model: nn.Module, batch: Tensor) -> Tensor:
        logits = model(batch[:, 1:] if first else batch[:, :-1])
        return logits.flatten(0, 1) if flat else logits

    found = run_one(
        CHECK,
        model=Decoder(),
        loader=[torch.randint(V, (N, T), generator=torch.Generator().manual_seed(0))],
        forward=forward,
        split=lambda batch: (batch, batch[:, 1:].flatten() if flat else batch[:, 1:]),
        loss_fn=lambda logits, y: F.cross_entropy(logits.reshape(-1, V), y.flatten()),
    )
    assert found.status == status
    assert status == "pass" or "not shifted" in found.title


class Forecaster(nn.Module):
    """An encoder of what has been, and a decoder of learned queries for what comes, under a causal mask."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head, self.queries = nn.Linear(3, 16), nn.Linear(16, 3), nn.Parameter(torch.randn(1, T, 16))
        self.body = nn.Transformer(16, 2, 1, 2, 32, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        queries = self.queries[:, : x.shape[1]].expand(len(x), -1, -1)
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        return self.head(self.body(self.embed(x), queries, tgt_mask=mask))


def test_a_decoder_of_learned_queries_may_read_all_that_has_been() -> None:
    """Its mask is between the steps to come; each of these goes on from the whole past, which is as long."""
    course = torch.randn(N, 2 * T, 3).cumsum(1)
    loader = [(course[:, :T], course[:, T:])]
    assert run_one(CHECK, model=Forecaster(), loader=loader, loss_fn=nn.MSELoss()).status == "skip"


class Prefixed(Decoder):
    """Reads its first five tokens in both directions, and goes on from them."""

    def forward(self, tokens: Tensor) -> Tensor:
        size = tokens.shape[1]
        blocked = torch.ones(size, size, dtype=torch.bool).triu(1)
        blocked[:, :5] = False
        return self.head(self.layer(self.embed(tokens) + self.place[:size], src_mask=blocked))


@pytest.mark.parametrize(("first", "status"), [(4, "inconclusive"), (0, "fail")])
def test_a_text_that_is_given_whole_may_be_read_whole_where_no_loss_asks_for_it(first: int, status: str) -> None:
    """What is read in both directions, and then gone on with, leaks where the loss asks for its tokens too."""
    tokens = torch.randint(V, (N, T + 1), generator=torch.Generator().manual_seed(0))

    def asked(logits: Tensor, targets: Tensor) -> Tensor:
        return loss_fn(logits[:, first:], targets[:, first:])

    loader = [(tokens[:, :-1], tokens[:, 1:])]
    assert run_one(CHECK, model=Prefixed(), loader=loader, loss_fn=asked).status == status


@pytest.mark.parametrize("looks", [0, 2])
def test_several_rows_of_flat_outputs_may_belong_to_one_position(looks: int) -> None:
    """The next token and the one after it, side by side, are as many rows of each position; a look ahead shows."""

    class Twofold(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.rnn, self.head = (
                nn.Embedding(V, 16),
                nn.GRU(16, 16, batch_first=True),
                nn.Linear(16, 2 * V),
            )

        def forward(self, tokens: Tensor) -> Tensor:
            x = self.embed(tokens)
            return self.head(self.rnn(x + x.roll(-looks, 1) if looks else x)[0]).reshape(-1, V)

    tokens = torch.randint(V, (N, T + 2), generator=torch.Generator().manual_seed(0))
    aims = torch.stack([tokens[:, 1:-1], tokens[:, 2:]], 2).flatten()
    named = {"loader": [(tokens[:, :-2], aims)], "loss_fn": nn.CrossEntropyLoss(), "causal": True}
    assert run_one(CHECK, model=Twofold(), **named).status == ("fail" if looks else "pass")


class Ensemble(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        planes = torch.vmap(lambda row: row.outer(row).tanh().sum(0))(x)
        mixed = torch.sparse.mm(torch.eye(T).to_sparse(), planes.T).T
        ragged = torch.nested.nested_tensor([row[None] for row in mixed])
        return super().forward(ragged.to_padded_tensor(0.0).squeeze(1))


def test_tensors_without_planes_are_left_alone() -> None:
    """Sparse and nested tensors are no masks; nor is what `torch.vmap` handed on, which cannot be read any more."""
    loader = [(torch.randn(N, T), torch.arange(N) % 3)]
    found = run_one(CHECK, model=Ensemble(T, 3), loader=loader, loss_fn=F.cross_entropy)
    assert found.status in ("pass", "skip")
