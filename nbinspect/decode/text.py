"""Token ids to pieces of text, through a tokenizer, a vocabulary, or as plain ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

import numpy as np
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from nbinspect.decode.names import lookup_in, shortened
from nbinspect.errors import InputError
from nbinspect.records import Flags, Integers, Tokens

Reader: TypeAlias = Callable[[int], Any]
"""Gives the text of an id, None where there is none; may raise."""

_MOST = 512
_ABSENT = -(2**31)
_SPECIAL_PIECE = re.compile(
    r"[<\[]/?\|?(pad|unk|bos|eos|sos|s|cls|sep|mask|start|end|go|blank|start_?of_?text|end_?of_?text)\|?[>\]]", re.I
)


def decode_text(
    ids: Tensor | Sequence[Tensor],
    name: str,
    *,
    tokenizer: Any = None,
    vocabulary: Any = None,
    attention_mask: Tensor | None = None,
    padding_value: float | None = None,
) -> Tokens:
    """Return token ids (N, T), or N sequences (T,) of different lengths, as pieces of text; leaves them unchanged.

    The first 512 tokens are kept. The tokenizer is one of transformers, tokenizers, sentencepiece or tiktoken, or
    anything with `decode`; the vocabulary gives text by id or id by text. What it cannot read stays an id.
    Source: K-before-net.

    Raises:
        InputError: if the ids are not integers or have no axis of tokens.
    """
    own = _ids(ids, name)
    read, source = _reader(tokenizer, vocabulary)
    distinct, index = np.unique(own, return_inverse=True)
    pieces, failures = _pieces(distinct, read)
    known = (distinct != _ABSENT).sum()
    if read is not None and failures and len(failures) == known:
        source = f"ids ({source} gives no text: {shortened(failures[0], 160)})"
    return Tokens(
        name=name,
        ids=np.where(own == _ABSENT, -1, own.clip(_ABSENT, 2**31 - 1)).astype(np.int32),
        pieces=pieces,
        index=index.reshape(own.shape).astype(np.int32),
        special=_special(distinct, pieces, tokenizer, padding_value)[index].reshape(own.shape),
        attended=_attended(attention_mask, ids) if isinstance(ids, Tensor) else own != _ABSENT,
        length=max((each.numel() for each in ids), default=0),
        source=source,
    )


def _ids(ids: Tensor | Sequence[Tensor], name: str) -> Integers:
    """(N, T) int64 on the host, of the first tokens of each sample; shorter ones are filled up with `_ABSENT`."""
    parts = [ids] if isinstance(ids, Tensor) else list(ids)
    for part in parts:
        if part.is_floating_point() or part.dim() == 0:
            raise InputError(
                f"{name}: expected integer token ids (N, T), got {str(part.dtype).removeprefix('torch.')} "
                f"{tuple(part.shape)}; choose another decoder, such as 'table' or 'values'"
            )
    if isinstance(ids, Tensor):
        rows = ids.unsqueeze(1) if ids.dim() == 1 else ids.flatten(1)
        return rows[:, :_MOST].long().cpu().numpy()
    cut = [part.flatten()[:_MOST].long().cpu() for part in parts]
    return pad_sequence(cut, batch_first=True, padding_value=_ABSENT).numpy() if cut else np.zeros((0, 0), np.int64)


def _reader(tokenizer: Any, vocabulary: Any) -> tuple[Reader | None, str]:
    """What gives the text of an id, and in words where that text comes from."""
    if tokenizer is None and vocabulary is None:
        return None, "ids (no tokenizer given)"
    if tokenizer is None:
        try:
            return lookup_in(vocabulary, "vocabulary")[0], "vocabulary"
        except Exception as error:  # noqa: BLE001 - a broken vocabulary costs the text, not the ids
            return None, f"ids ({shortened(error, 160)})"
    kind = type(tokenizer).__name__
    methods = (getattr(tokenizer, name, None) for name in ("convert_ids_to_tokens", "id_to_token", "id_to_piece"))
    convert = next(filter(callable, methods), None)
    if convert is not None:
        return lambda index: _readable_piece(tokenizer, convert(index), index), f"tokenizer {kind}"
    if callable(getattr(tokenizer, "decode", None)):
        return lambda index: tokenizer.decode([index]), f"tokenizer {kind}"
    return None, f"ids (a {kind} has neither convert_ids_to_tokens nor id_to_token nor decode)"


def _readable_piece(tokenizer: Any, piece: Any, index: int) -> Any:
    """The piece as the tokenizer has it; as text where it stands for bytes: ``é`` for ``Ã©``."""
    if piece is None or (piece == getattr(tokenizer, "unk_token", None) and index != tokenizer.unk_token_id):
        return None
    write = getattr(tokenizer, "convert_tokens_to_string", None)
    if not isinstance(piece, str) or piece.isascii() or "▁" in piece or write is None:
        return piece
    text = ""
    with suppress(Exception):  # without a decoder it cannot write before transformers 5
        text = write([piece])
    return piece if not text or "\ufffd" in text else text


def _pieces(distinct: Integers, read: Reader | None) -> tuple[tuple[str, ...], list[str]]:
    """The text of each distinct id, and why it could not be had, for those where it could not."""
    pieces, failures = [], []
    for index in distinct.tolist():
        text = None
        if read is not None and index != _ABSENT:
            try:
                text = read(index)
                reason = f"none for id {index}"
            except Exception as error:  # noqa: BLE001 - a tokenizer may raise anything at an id that it does not know
                reason = f"{type(error).__name__}: {error}"
            if text is None or len(text) == 0:
                failures.append(reason)
        missing = str(index) if read is None else f"⟨id {index}⟩"
        pieces.append("" if index == _ABSENT else shortened(text) if text else missing)
    return tuple(pieces), failures


def _special(distinct: Integers, pieces: tuple[str, ...], tokenizer: Any, padding_value: float | None) -> Flags:
    """(K,) for each distinct id, whether it marks something other than text."""
    special = {*_special_ids(tokenizer), padding_value}
    marked = [
        index < 0 or index in special or (tokenizer is None and bool(_SPECIAL_PIECE.fullmatch(piece)))
        for index, piece in zip(distinct.tolist(), pieces, strict=True)
    ]
    return np.array(marked, dtype=np.bool_)


def _special_ids(tokenizer: Any) -> list[int]:
    try:
        if hasattr(tokenizer, "all_special_ids"):
            return [int(index) for index in tokenizer.all_special_ids]
        if hasattr(tokenizer, "get_added_tokens_decoder"):
            return [index for index, token in tokenizer.get_added_tokens_decoder().items() if token.special]
    except Exception:  # noqa: BLE001 - without this list the tokens are still shown, only not set apart
        return []
    return []


def _attended(mask: Tensor | None, ids: Tensor) -> Flags | None:
    """The mask as flags where it is one of the same batch."""
    if mask is None or mask.shape != ids.shape or ids.dim() != 2:
        return None
    return (mask[:, :_MOST] > 0).cpu().numpy()
