"""What a loss says of the outputs that it gets, by its own name and the names that its code uses."""

from __future__ import annotations

from typing import Any

from torch import nn

_COMPARE = ("contrastive", "cosineembedding", "cosinesimilarity", "pairwisedistance", "triplet", "marginranking")
_CLASSIFY = ("crossentropy", "nll", "bce", "hinge", "softmax")
_OF_TWO = ("bce", "binarycrossentropy", "softmargin")


def classifies(loss_fn: Any) -> bool:
    """Whether a loss takes outputs for logits or probabilities of classes."""
    return any(word in name for name in _names(loss_fn) for word in _CLASSIFY)


def compares(loss_fn: Any) -> bool:
    """Whether a loss compares embeddings or distances, as contrastive ones do, and takes no outputs for classes."""
    return any(word in name for name in _names(loss_fn) for word in _COMPARE)


def tells_two_apart(loss_fn: Any) -> bool:
    """Whether a loss compares each output with one of two values, as binary cross-entropy does."""
    return any(word in name and "multi" not in name for name in _names(loss_fn) for word in _OF_TWO)


def is_of_cosines(loss_fn: Any) -> bool:
    """Whether a loss is one of cosines, not of distances."""
    return any("cosine" in name for name in _names(loss_fn))


def _names(loss_fn: Any) -> list[str]:
    """Return its own name and those of what its code calls, plain."""
    called = loss_fn.forward if isinstance(loss_fn, nn.Module) else loss_fn
    code = getattr(getattr(called, "__func__", called), "__code__", None)
    own = str(getattr(loss_fn, "__name__", type(loss_fn).__name__))
    return [name.lower().replace("_", "") for name in (own, *getattr(code, "co_names", ()))]
