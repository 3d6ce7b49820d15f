from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tokenizers
import torch
from tokenizers import decoders, models, pre_tokenizers, trainers
from transformers import BertTokenizer, PreTrainedTokenizer, PreTrainedTokenizerFast

from nbinspect.decode.text import decode_text
from nbinspect.errors import InputError
from nbinspect.records import Tokens

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "##s", "你"]
IDS = [[2, 5, 6, 8, 3, 0], [2, 7, 1, 9, 3, 0]]


def texts(tokens: Tokens) -> list[list[str]]:
    """The text of every token, by the index into the pieces."""
    return [[tokens.pieces[place] for place in row] for row in tokens.index]


def bert(folder: Path) -> BertTokenizer:
    path = folder / "vocab.txt"
    path.write_text("\n".join(WORDS), encoding="utf-8")
    return BertTokenizer(str(path))


def word_level() -> tokenizers.Tokenizer:
    plain = tokenizers.Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    plain.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    return plain


def byte_level() -> tokenizers.Tokenizer:
    plain = tokenizers.Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    plain.train_from_iterator(
        ["le café est là"] * 3,
        trainers.BpeTrainer(vocab_size=400, special_tokens=["<|endoftext|>"], show_progress=False),
    )
    return plain


class Own(PreTrainedTokenizer):
    """A tokenizer in plain Python, as people write them: an id that it does not know becomes the unknown token."""

    def get_vocab(self) -> dict[str, int]:
        return {word: index for index, word in enumerate(WORDS)}

    @property
    def vocab_size(self) -> int:
        return len(WORDS)

    def _convert_token_to_id(self, token: str) -> int:
        return WORDS.index(token)

    def _convert_id_to_token(self, index: int) -> str:
        return WORDS[index] if index in range(len(WORDS)) else "[UNK]"


def own() -> Own:
    return Own(unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]")


@pytest.mark.parametrize("kind", ["bert", "fast", "own", "tokenizers"])
def test_tokenizers_give_pieces_and_special_tokens(kind: str, tmp_path: Path) -> None:
    """Real tokenizers of transformers and tokenizers give each id's own piece, and which ids are special."""
    tokenizer: Any = {
        "bert": lambda: bert(tmp_path),
        "fast": lambda: PreTrainedTokenizerFast(
            tokenizer_object=word_level(), unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
        ),
        "own": own,
        "tokenizers": word_level,
    }[kind]()
    tokens = decode_text(torch.tensor(IDS), "input_ids", tokenizer=tokenizer)
    assert texts(tokens) == [[WORDS[index] for index in row] for row in IDS]
    assert tokens.special.tolist() == [[index < 4 for index in row] for row in IDS]
    assert tokens.source == f"tokenizer {type(tokenizer).__name__}"
    assert (tokens.ids.tolist(), tokens.ids.dtype, tokens.length) == (IDS, np.int32, 6)


class Speechless:
    """Knows its pieces, and cannot write them as text."""

    def convert_ids_to_tokens(self, index: int) -> str:
        return WORDS[index]

    def convert_tokens_to_string(self, pieces: list[str]) -> str:
        raise AttributeError("no decoder")


def test_a_piece_that_cannot_be_written_as_text_stands_as_it_is() -> None:
    """A tokenizer that raises when it is to write a piece has told the piece all the same."""
    tokens = decode_text(torch.tensor(IDS), "input_ids", tokenizer=Speechless())
    assert texts(tokens) == [[WORDS[index] for index in row] for row in IDS]


def test_pieces_of_bytes_are_shown_as_text() -> None:
    """Byte-level pieces read as the text they stand for, in the order of the sentence."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=byte_level())
    ids = tokenizer("le café est là")["input_ids"]
    tokens = decode_text(torch.tensor([ids]), "input_ids", tokenizer=tokenizer)
    assert "".join(texts(tokens)[0]) == "le café est là"
    assert tokens.special.sum() == 0


@pytest.mark.parametrize("unknown", [10, 9999, -1, -100, 2**40])
@pytest.mark.parametrize("kind", ["bert", "own", "tokenizers", "list", "dict", "decode", "none"])
def test_ids_that_nobody_knows_stay_ids(kind: str, unknown: int, tmp_path: Path) -> None:
    """An id outside the vocabulary is shown as an id, and the others keep their text."""
    known: dict[str, dict[str, Any]] = {
        "bert": {"tokenizer": bert(tmp_path)},
        "own": {"tokenizer": own()},
        "tokenizers": {"tokenizer": word_level()},
        "list": {"vocabulary": WORDS},
        "dict": {"vocabulary": {word: i for i, word in enumerate(WORDS)}},
        "decode": {"tokenizer": SimpleNamespace(decode=lambda ids: {6: "cat"}[ids[0]])},
        "none": {},
    }
    tokens = decode_text(torch.tensor([[6, unknown]]), "x", **known[kind])
    assert texts(tokens) == [["6", str(unknown)] if kind == "none" else ["cat", f"⟨id {unknown}⟩"]]


@pytest.mark.parametrize(
    "vocabulary",
    [
        WORDS,
        tuple(WORDS),
        dict(enumerate(WORDS)),
        {str(index): word for index, word in enumerate(WORDS)},
        {word: index for index, word in enumerate(WORDS)},
        SimpleNamespace(get_itos=lambda: WORDS),
        SimpleNamespace(lookup_token=lambda index: WORDS[index]),
        np.array(WORDS),
    ],
    ids=["list", "tuple", "by id", "by id as text", "by text", "get_itos", "lookup_token", "array"],
)
def test_vocabularies_of_every_form_read_the_same(vocabulary: Any) -> None:
    """A vocabulary may be a sequence, a mapping either way round, or an object that looks tokens up."""
    tokens = decode_text(torch.tensor(IDS), "x", vocabulary=vocabulary)
    assert texts(tokens) == [[WORDS[index] for index in row] for row in IDS]
    assert tokens.source == "vocabulary"
    assert tokens.special.tolist() == [[index < 4 for index in row] for row in IDS]


def test_characters_are_a_vocabulary() -> None:
    """A string gives its characters, of which white space keeps a visible sign."""
    tokens = decode_text(torch.tensor([[3, 0, 1, 2]]), "x", vocabulary="b \na")
    assert texts(tokens) == [["a", "b", " ", "↵"]]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tokenizer": object()}, "neither convert_ids_to_tokens nor id_to_token nor decode"),
        ({"tokenizer": SimpleNamespace(decode=lambda ids: 1 / 0)}, "ZeroDivisionError: division by zero"),
        ({"vocabulary": 7}, "vocabulary: expected a list of names"),
        ({"vocabulary": {"a", "b"}}, "vocabulary: expected a list of names"),
    ],
)
def test_a_broken_tokenizer_costs_the_text_only(given: dict[str, Any], said: str) -> None:
    """What cannot be read leaves the ids, with the reason in words."""
    tokens = decode_text(torch.tensor([[5, 6]]), "x", **given)
    assert said in tokens.source
    assert tokens.source.startswith("ids (")
    assert [piece.strip("⟨id ⟩") for piece in texts(tokens)[0]] == ["5", "6"]


def test_long_sequences_are_cut_and_say_their_length() -> None:
    """Of more than 512 tokens the first 512 are kept, and the original's length is told."""
    tokens = decode_text(torch.arange(1200).reshape(2, 600), "x")
    assert tokens.ids.tolist() == [list(range(512)), list(range(600, 1112))]
    assert (tokens.length, tokens.index.shape) == (600, (2, 512))


def test_ragged_sequences_are_filled_up_and_told_apart() -> None:
    """A list of sequences is filled up with nothing, and what was filled up is marked as not attended."""
    tokens = decode_text([torch.tensor([5, 6, 7]), torch.tensor([6]), torch.tensor([], dtype=torch.int64)], "x")
    assert texts(tokens) == [["5", "6", "7"], ["6", "", ""], ["", "", ""]]
    assert tokens.attended is not None
    assert tokens.attended.tolist() == [[True, True, True], [True, False, False], [False, False, False]]
    assert tokens.special.tolist() == [[False, False, False], [False, True, True], [True, True, True]]
    assert tokens.length == 3


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.float32, torch.uint8])
def test_the_attention_mask_is_kept_where_it_fits(dtype: torch.dtype) -> None:
    """A mask of the ids' own shape is handed on as flags, one of another shape is left out."""
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]]).to(dtype)
    ids = torch.zeros(2, 3, dtype=torch.int64)
    attended = decode_text(ids, "x", attention_mask=mask).attended
    assert attended is not None
    assert attended.tolist() == [[True, True, False], [True, False, False]]
    assert decode_text(ids, "x", attention_mask=mask[:, :2]).attended is None


def test_the_padding_value_is_special() -> None:
    """The id that the user names as padding counts as special without any tokenizer."""
    assert decode_text(torch.tensor([[4, 9, 9]]), "x", padding_value=9).special.tolist() == [[False, True, True]]


@pytest.mark.parametrize("shape", [(0, 4), (3, 0), (0, 0)])
def test_empty_batches_are_empty(shape: tuple[int, int]) -> None:
    """A batch without samples or tokens gives records of that very shape."""
    tokens = decode_text(torch.zeros(shape, dtype=torch.int64), "x", vocabulary=WORDS)
    assert tokens.ids.shape == tokens.index.shape == tokens.special.shape == shape


def test_tokens_of_one_axis_or_more_are_laid_end_to_end() -> None:
    """One token a sample is a sequence of one; choices (N, K, T) follow each other."""
    assert decode_text(torch.tensor([4, 5]), "x").ids.tolist() == [[4], [5]]
    tokens = decode_text(torch.arange(12).reshape(2, 2, 3), "x")
    assert tokens.ids.tolist() == [list(range(6)), list(range(6, 12))]
    assert tokens.length == 6


def test_floats_are_no_ids() -> None:
    """Floats are refused, with what to choose instead."""
    with pytest.raises(InputError, match=r"x: expected integer token ids \(N, T\), got float32 \(2, 3\).*'table'"):
        decode_text(torch.zeros(2, 3), "x")


def test_hostile_pieces_are_kept_short_and_visible() -> None:
    """A piece is cut at 60 characters, and characters that reorder or break lines are written out."""
    tokens = decode_text(torch.tensor([[0, 1, 2]]), "x", vocabulary=["x" * 10_000, "a\u202eb", "<img src=x onerror=1>"])
    assert texts(tokens)[0] == ["x" * 59 + "…", "a\\u202eb", "<img src=x onerror=1>"]
