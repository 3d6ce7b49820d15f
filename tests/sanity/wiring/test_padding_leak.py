from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from nbinspect.sanity.wiring.padding_leak import CHECK
from tests.sanity.running import run_one

N, T, V = 16, 10, 9
LENGTHS = torch.tensor([10, 3, 4, 9, 5, 8, 6, 7, 3, 4, 10, 9, 5, 6, 8, 7])
MASK = torch.arange(T) < LENGTHS[:, None]
Y = torch.arange(N) % 2


def tokens(pad: int = 0) -> Tensor:
    torch.manual_seed(0)
    return torch.where(MASK, torch.randint(1, V, (N, T)), pad)


class Reader(nn.Module):
    """Reads padded tokens with a mask, in one of several ways."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.embed, self.how = nn.Embedding(V + 1, 8), how
        self.rnn = nn.LSTM(8, 8, batch_first=True, bidirectional=how.startswith("both"))
        self.attention = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.conv = nn.Conv1d(8, 8, 3, padding=1)
        self.head = nn.Linear(16 if how.startswith("both") else 8, 2)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        lengths = mask.sum(1)
        h = self.embed(x)
        if self.how == "last":
            h = self.rnn(h)[0][:, -1]  # the padded last step
        elif self.how == "own last":
            h = self.rnn(h)[0][torch.arange(len(x)), lengths - 1]
        elif self.how in ("packed", "both packed"):
            packed = pack_padded_sequence(h, lengths, batch_first=True, enforce_sorted=False)
            h = pad_packed_sequence(self.rnn(packed)[0], batch_first=True)[0].sum(1)
        elif self.how in ("both", "steps"):
            h = self.rnn(h)[0]
        elif self.how in ("mean", "masked mean"):
            h = h.mean(1) if self.how == "mean" else (h * mask[:, :, None]).sum(1) / lengths[:, None]
        elif self.how in ("attention", "masked attention"):
            h = self.attention(h, src_key_padding_mask=None if self.how == "attention" else ~mask.bool())[:, 0]
        elif self.how == "conv":
            h = self.conv(h.transpose(1, 2)).transpose(1, 2)
        elif self.how == "fixed":
            h = h.view(len(x), T, 8).mean(1)
        return self.head(h)


def loss_fn(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs if outputs.dim() == 2 else outputs[:, 0], targets)


def program(how: str, mask: Tensor = MASK, **arguments: object) -> dict[str, object]:
    torch.manual_seed(0)
    return {"model": Reader(how), "loader": [(tokens(), mask, Y)], "loss_fn": loss_fn, **arguments}


@pytest.mark.parametrize(
    ("how", "where", "remedy"),
    [
        ("last", "Tensor.__getitem__", "lengths - 1"),
        ("both", "torch.lstm in rnn", "pack_padded_sequence"),
        ("mean", "Tensor.mean", "mask.sum(1)"),
        ("attention", "F.multi_head_attention_forward", "mask"),
    ],
)
def test_padding_that_reaches_real_places_is_named(how: str, where: str, remedy: str) -> None:
    """A state read after the padding, a backward direction, a mean and attention over it fail at their operation."""
    result = run_one(CHECK, **program(how))
    assert result.status == "fail"
    assert where in result.where
    assert remedy in result.remedy
    assert result.place is not None


def test_the_share_agrees_with_the_outputs() -> None:
    """The measured change is that of the outputs with and without padding, by their spread."""
    arguments = program("mean")
    result = run_one(CHECK, **arguments)
    short = LENGTHS.argsort()[:4]
    model = arguments["model"].eval()  # type: ignore[attr-defined]
    most = int(LENGTHS[short].max())
    with torch.no_grad():
        whole = model(tokens()[short], MASK[short])
        less = model(tokens()[short, :most], MASK[short, :most])
    share = float((whole - less).abs().max() / (whole - whole.mean(0)).abs().max())
    assert result.measurements[0].measured == f"{share:.4g}"


@pytest.mark.parametrize("how", ["own last", "packed", "both packed", "steps", "masked mean", "masked attention"])
def test_padding_that_is_left_out_passes(how: str) -> None:
    """Packed, masked and per-step outputs do not change at real places."""
    assert run_one(CHECK, **program(how)).status == "pass"


def test_what_a_convolution_takes_in_is_a_warning() -> None:
    """Padding at the edge of a convolution is worth a look and no certain defect."""
    assert run_one(CHECK, **program("conv")).status == "warn"


@pytest.mark.parametrize("told", ["mask", "lengths", "value"])
def test_padding_is_told_in_three_ways(told: str) -> None:
    """A mask, lengths or the user's padding value tell what is padding."""

    class Model(nn.Module):
        def __init__(self, reads: str) -> None:
            super().__init__()
            self.reader = Reader(reads)

        def forward(self, x: Tensor, extra: Tensor | None = None) -> Tensor:
            mask = x != 0 if extra is None else extra if extra.dim() == 2 else torch.arange(x.shape[1]) < extra[:, None]
            return self.reader(x, mask)

    batch = {"mask": (tokens(), MASK, Y), "lengths": (tokens(), LENGTHS, Y), "value": (tokens(), Y)}[told]
    value = {"padding_value": 0} if told == "value" else {}
    for reads, status in (("last", "fail"), ("own last", "pass")):
        found = run_one(CHECK, model=Model(reads), loader=[batch], loss_fn=loss_fn, **value)
        assert found.status == status


def test_a_mask_derived_from_the_tokens_is_left_intact() -> None:
    """A model that finds its last real token by the padding's own value passes, as padded places are never filled."""
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(
        vocab_size=V, n_positions=32, n_embd=16, n_layer=2, n_head=2, pad_token_id=0, bos_token_id=1, eos_token_id=1
    )
    model = transformers.GPT2ForSequenceClassification(config)
    batch = {"input_ids": tokens(), "attention_mask": MASK.long(), "labels": Y}
    assert run_one(CHECK, model=model, loader=[batch]).status == "pass"


def test_published_encoders_pass_with_their_mask() -> None:
    """A small BERT that gets its mask passes, and one that has to do without it does not."""
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=V, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16
    )
    model = transformers.BertForTokenClassification(config)
    batch = {"input_ids": tokens(), "attention_mask": MASK.long(), "labels": tokens() % 2}
    assert run_one(CHECK, model=model, loader=[batch]).status == "pass"
    bare = {"input_ids": tokens(), "labels": tokens() % 2}
    assert run_one(CHECK, model=model, loader=[bare], padding_value=0).status == "fail"


def test_time_first_batches_are_read() -> None:
    """Padded sequences of (T, N) are cut along their first axis."""

    class TimeFirst(nn.Module):
        def __init__(self, last: bool) -> None:
            super().__init__()
            self.embed, self.rnn, self.head, self.last = nn.Embedding(V, 8), nn.GRU(8, 8), nn.Linear(8, 2), last

        def forward(self, x: Tensor) -> Tensor:
            h = self.rnn(self.embed(x))[0]
            return self.head(h[-1] if self.last else h)

    loader = [(tokens().t().contiguous(), Y)]
    arguments = {"loader": loader, "batch_axis": 1, "padding_value": 0, "loss_fn": lambda o, t: o.square().mean()}
    assert run_one(CHECK, model=TimeFirst(True), **arguments).status == "fail"
    assert run_one(CHECK, model=TimeFirst(False), **arguments).status == "pass"


def test_changes_at_padded_places_are_silent() -> None:
    """What a model gives at padded places may be anything."""

    class Marks(Reader):
        def forward(self, x: Tensor, mask: Tensor) -> Tensor:
            return torch.where(mask[:, :, None], super().forward(x, mask), float(x.shape[1]))

    torch.manual_seed(0)
    assert run_one(CHECK, model=Marks("steps"), loader=[(tokens(), MASK, Y)], loss_fn=loss_fn).status == "pass"


def test_a_second_segment_is_no_padding() -> None:
    """Token types look like a mask of the end, and are none."""

    class Segments(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.types, self.head = nn.Embedding(V, 8), nn.Embedding(2, 8), nn.Linear(8, 2)

        def forward(self, input_ids: Tensor, token_type_ids: Tensor) -> Tensor:
            return self.head((self.embed(input_ids) + self.types(token_type_ids)).mean(1))

    batch = {"input_ids": torch.randint(1, V, (N, T)), "token_type_ids": (~MASK).long(), "labels": Y}
    assert run_one(CHECK, model=Segments(), loader=[batch], loss_fn=loss_fn).status == "skip"


@pytest.mark.parametrize(
    "mask",
    [
        torch.ones(N, T, dtype=torch.bool),
        torch.rand(N, T, generator=torch.Generator().manual_seed(0)) > 0.5,
        MASK.flip(1),
    ],
)
def test_masks_that_tell_no_padding_at_the_end_skip(mask: Tensor) -> None:
    """Without padding, with random masks and with padding at the front there is nothing to ask."""
    assert run_one(CHECK, **program("masked mean", mask | (mask.sum(1, keepdim=True) == 0))).status == "skip"


@pytest.mark.parametrize(("ends", "status"), [(LENGTHS, "fail"), (torch.where(LENGTHS < T, T - 1, T), "skip")])
def test_a_mask_that_marks_no_padding_is_not_believed_beside_padding_that_is_declared(
    ends: Tensor, status: str
) -> None:
    """Attention fails under a mask full of ones over places of the `padding_value`, unless one at most ends a row."""
    torch.manual_seed(0)
    x = torch.where(torch.arange(T) < ends[:, None], torch.randint(1, V, (N, T)), 0)
    batch = {"x": x, "mask": torch.ones(N, T, dtype=torch.long), "labels": Y}
    model = Reader("masked attention")
    result = run_one(CHECK, model=model, loader=[batch], loss_fn=loss_fn, padding_value=0)
    assert result.status == status
    assert ("of which mask marks none" in result.detail) == (status == "fail")
    assert ("Let mask tell padded places" in result.remedy) == (status == "fail")


def test_nothing_that_tells_skips() -> None:
    """Rows of a table and a model of a fixed length are skipped."""
    rows = [(torch.randn(N, 4), Y)]
    arguments = {"loader": rows, "loss_fn": nn.CrossEntropyLoss()}
    assert run_one(CHECK, model=nn.Linear(4, 2), **arguments).status == "skip"
    assert run_one(CHECK, model=nn.Linear(4, 2), padding_value=0, **arguments).status == "skip"
    assert run_one(CHECK, **program("fixed")).status == "skip"


class _Mean(nn.Module):
    def __init__(self, *, by_length: bool) -> None:
        super().__init__()
        self.table, self.head, self.by_length = nn.Embedding(20, 8, padding_idx=0), nn.Linear(8, 3), by_length

    def forward(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        words = self.table(ids)
        return self.head(words.sum(1) / lengths[:, None] if self.by_length else words.mean(1))


@pytest.mark.parametrize(("by_length", "status"), [(False, "fail"), (True, "pass")])
def test_lengths_tell_what_is_padding_where_none_is_as_long_as_the_tensor(by_length: bool, status: str) -> None:
    """Sequences padded to one size for all data, with their lengths beside them: what lies behind is all one value."""
    torch.manual_seed(0)
    lengths = torch.arange(8) % 5 + 3
    ids = torch.randint(1, 20, (8, 12)) * (torch.arange(12) < lengths[:, None])
    batch = (ids, lengths, torch.arange(8) % 3)
    found = run_one(CHECK, model=_Mean(by_length=by_length), loader=[batch], loss_fn=nn.CrossEntropyLoss())
    assert found.status == status


def test_a_mean_behind_a_published_encoder_is_named() -> None:
    """The encoder takes fewer steps where no mask is needed, and the mean is still found."""
    transformers = pytest.importorskip("transformers")
    config = transformers.DistilBertConfig(vocab_size=V, dim=16, n_layers=1, n_heads=2, hidden_dim=16)

    class Mean(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = transformers.DistilBertModel(config), nn.Linear(16, 2)

        def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
            return self.head(self.body(input_ids, attention_mask).last_hidden_state.mean(1))

    batch = {"input_ids": tokens(), "attention_mask": MASK.long(), "labels": Y}
    result = run_one(CHECK, model=Mean(), loader=[batch], loss_fn=nn.CrossEntropyLoss())
    assert (result.status, result.where) == ("fail", "Tensor.mean")


def test_sequences_that_are_all_padding_are_left_out() -> None:
    """Many samples without a single real place leave the others to be judged."""
    x = tokens()
    x[:5] = 0

    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.head = nn.Embedding(V, 8), nn.Linear(8, 2)

        def forward(self, ids: Tensor) -> Tensor:
            real = (ids != 0).float().unsqueeze(2)
            return self.head((self.embed(ids) * real).sum(1) / real.sum(1).clamp_min(1))

    given = {"loader": [(x, Y)], "loss_fn": nn.CrossEntropyLoss(), "padding_value": 0}
    assert run_one(CHECK, model=Masked(), **given).status == "pass"


class Translator(nn.Module):
    """Reads a source beside all but the last token of a target, and gives one row a token."""

    def __init__(self, masked: bool, flat: bool = True) -> None:
        super().__init__()
        self.embed, self.core = nn.Embedding(V + 1, 8), nn.Transformer(8, 2, 1, 1, 16, batch_first=True)
        self.head, self.masked, self.flat = nn.Linear(8, V + 1), masked, flat

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        read = target[:, :-1]
        hidden = source == 0 if self.masked else None
        ahead = torch.ones(read.shape[1], read.shape[1], dtype=torch.bool).triu(1)
        named = {"src_key_padding_mask": hidden, "memory_key_padding_mask": hidden}
        out = self.head(self.core(self.embed(source), self.embed(read), tgt_mask=ahead, **named))
        return out.flatten(0, 1) if self.flat else out


@pytest.mark.parametrize("longer", [0, 3])
@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize(("masked", "status"), [(True, "pass"), (False, "fail")])
def test_rows_of_all_but_the_last_token_are_lined_up(masked: bool, status: str, flat: bool, longer: int) -> None:
    """A translator's rows are compared place by place, whether its source is as long as the target or longer."""
    torch.manual_seed(0)
    source = F.pad(tokens(), (0, longer)) if not longer else torch.cat([torch.ones(N, longer).long(), tokens()], 1)
    found = run_one(
        CHECK,
        model=Translator(masked, flat),
        loader=[(source, tokens())],
        forward=lambda model, batch: model(*batch),
        split=lambda batch: (batch, batch[1][:, 1:].flatten()),
        loss_fn=lambda logits, y: F.cross_entropy(logits.reshape(-1, V + 1), y, ignore_index=0),
        padding_value=0,
    )
    assert found.status == status


def test_of_a_target_longer_than_its_source_no_real_token_is_cut() -> None:
    """Where both are padded to one size, places count as real up to the end of the longer one."""

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.rnn = nn.Embedding(V + 1, 8), nn.GRU(8, 8, batch_first=True, bidirectional=True)
            self.head = nn.Linear(16, 2)

        def forward(self, source: Tensor, target: Tensor) -> Tensor:
            lengths = (target != 0).sum(1)
            packed = pack_padded_sequence(self.embed(target), lengths, batch_first=True, enforce_sorted=False)
            mean = (self.embed(source) * (source != 0)[:, :, None]).sum(1).repeat(1, 2)
            return self.head(pad_packed_sequence(self.rnn(packed)[0], batch_first=True)[0] + mean[:, None])

    source = torch.where(torch.arange(T) < LENGTHS[:, None] - 2, tokens(), 0)
    loader = [(source, tokens(), Y)]
    assert run_one(CHECK, model=Both(), loader=loader, loss_fn=loss_fn, padding_value=0).status == "pass"


def test_a_last_token_that_the_model_leaves_out_is_not_missed_in_one_of_two() -> None:
    """A model of both directions that leaves out the last place is given a padded one there, and passes."""

    class Cutting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.head = nn.Embedding(V + 1, 8), nn.Linear(8, V + 1)
            self.attention = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            read = x[:, :-1]
            return self.head(self.attention(self.embed(read), src_key_padding_mask=read == 0))

    loader = [(tokens(), tokens()[:, 1:])]
    found = run_one(CHECK, model=Cutting(), loader=loader, loss_fn=loss_fn_of_tokens, padding_value=0)
    assert found.status == "pass"


def loss_fn_of_tokens(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits.transpose(1, 2), targets)


@pytest.mark.parametrize(("backwards", "status"), [(False, "pass"), (True, "fail")])
def test_flat_outputs_may_have_the_places_first(backwards: bool, status: str) -> None:
    """Rows of (T · N) are those of one place after the other, where the batch has its samples along axis 1."""

    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.rnn, self.head = (
                nn.Embedding(V + 1, 8),
                nn.LSTM(8, 8, bidirectional=backwards),
                nn.Linear(8, 2),
            )

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.rnn(self.embed(x))[0][..., -8:].reshape(-1, 8))

    aims = torch.where(MASK, tokens() % 2, -100)
    named = {"loader": [(tokens().T.contiguous(), aims.T.flatten())], "batch_axis": 1, "padding_value": 0}
    assert run_one(CHECK, model=Flat(), loss_fn=nn.CrossEntropyLoss(), **named).status == status


def test_a_step_that_hides_words_at_random_is_not_judged() -> None:
    """Fewer places take other draws, which hide other words: that is no leak."""
    model = Reader("own last")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def train_step(hidden: bool, batch: tuple[Tensor, ...]) -> None:
        words, mask, targets = batch
        hides = (torch.rand(words.shape) < 0.5) & mask & hidden
        optimizer.zero_grad()
        F.cross_entropy(model(torch.where(hides, V, words), mask), targets).backward()
        optimizer.step()

    def plainly(batch: Any) -> None:
        train_step(False, batch)

    def hiding(batch: Any) -> None:
        train_step(True, batch)

    for step, status in ((plainly, "pass"), (hiding, "skip")):
        given = {"model": model, "loader": [(tokens(), MASK, Y)], "optimizer": optimizer, "train_step": step}
        assert run_one(CHECK, **given).status == status


class Highest(nn.Module):
    """Pools the packed states of a recurrent layer, or those of a convolution, by their largest values over time."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.embed, self.how = nn.Embedding(V, 8, padding_idx=0), how
        self.rnn, self.conv, self.head = nn.LSTM(8, 8, batch_first=True), nn.Conv1d(8, 8, 3, padding=1), nn.Linear(8, 2)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        h = self.embed(x)
        if self.how == "convolution":
            return self.head(torch.tanh(self.conv(h.transpose(1, 2))).amax(2))
        packed = pack_padded_sequence(h, mask.sum(1), batch_first=True, enforce_sorted=False)
        h = pad_packed_sequence(self.rnn(packed)[0], batch_first=True, total_length=x.shape[1])[0]
        if self.how == "rectified":
            h = torch.relu(h)
        if self.how == "filled":
            h = h.masked_fill(~mask[..., None], float("-inf"))
        if self.how == "pooled":
            return self.head(F.adaptive_max_pool1d(h.transpose(1, 2), 1).squeeze(2))
        return self.head(h.max(1)[0] if self.how == "max" else h.amax(1))


@pytest.mark.parametrize("how", ["max", "amax", "pooled", "filled", "rectified", "convolution"])
def test_a_maximum_that_takes_the_zeros_of_masked_places_fails(how: str) -> None:
    """Where all states are below 0 a padded one wins; not where it is filled with less, nor among rectified ones."""
    result = run_one(CHECK, **program("mean", model=(torch.manual_seed(0), Highest(how))[1]))
    wanted = {"filled": "pass", "rectified": "pass", "convolution": "warn"}.get(how, "fail")
    assert result.status == wanted, result
    assert wanted != "fail" or "masked_fill" in result.remedy
