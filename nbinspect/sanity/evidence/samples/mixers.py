"""What to say of the operation that mixes the samples of a batch, and what to write instead."""

from __future__ import annotations

import re

from nbinspect.capture.kinds import word_of
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.evidence.samples.dependence import Dependence
from nbinspect.sanity.evidence.samples.spread import Spread
from nbinspect.sanity.evidence.source.statements import line_at
from nbinspect.sanity.recorded import Recorded

_VIEWS = frozenset({"view", "reshape", "unflatten", "flatten"})
_SEQUENCES = re.compile(r"lstm|gru|rnn\w*|multi_head_attention_forward|scaled_dot_product_attention")
_LINES_UP = re.compile(_SEQUENCES.pattern + r"|b?mm|matmul|conv1d")
_ON_PURPOSE = re.compile(r"batch_?norm|mini_?batch|std_?dev|moe|expert|router|switch|contrast|quantized", re.IGNORECASE)
_SOFTMAX = frozenset({"softmax", "log_softmax", "softmin", "gumbel_softmax", "logsumexp", "cumsum", "cumprod"})
_AXIS = re.compile(r"(dim\s*=\s*|axis\s*=\s*|,\s*|\()(0|-2)(?=\s*[,)])")


def doubt_of(found: Dependence, recorded: Recorded, batches: tuple[Batch, ...]) -> str:
    """Return why the dependence may be meant, in a sentence; empty where it cannot be."""
    source, network = found.source, recorded.batch.subject.network
    parts = (source.path if source else "").split(".")
    paths = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
    kinds = {path: type(module) for path, module in network.named_modules()}
    owners = [kinds[path] for path in paths if path in kinds]
    named = [word for kind in owners for word in (kind.__name__, kind.__module__) if _ON_PURPOSE.search(word)]
    routed = [
        type(m).__name__ for m in network.modules() if re.search(r"moe|expert|router", type(m).__name__, re.IGNORECASE)
    ]
    if named or routed:
        return f"{(named or routed)[0]} may do so by design: state it under intended=… then."
    if recorded.batch.indices is not None:
        return ""
    if len({batch.size for batch in batches[:-1]}) > 1:
        return "Batches differ in size: if the first axis is time, and each batch one sequence, all is well."
    sequential = source is None or _LINES_UP.fullmatch(word_of(source.name)) is not None
    flat = all(tensor.dim() < 3 for _, tensor in recorded.batch.inputs)
    unbatched = source is not None and bool(source.given) and (len(source.given[0]) < 3 or source.given[0][1] == 1)
    if sequential and (found.keeps_places or (flat and unbatched)):
        return "If the first axis of the batch is time, all is well: say batch_axis=1 then."
    return ""


def title_of(source: Spread | None, recorded: Recorded) -> str:
    """Return the finding as a headline."""
    if source is None:
        return "Samples of a batch depend on each other"
    word = word_of(source.name)
    if word in _VIEWS:
        return f"A {word} mixes the samples of the batch"
    if forgot_batch_first(source, recorded):
        return "batch_first forgotten: the batch is read as a sequence"
    if _SEQUENCES.fullmatch(word):
        return "The samples of the batch are read as one sequence"
    return f"{word.replace('_', ' ').capitalize()} over the axis of samples"


def remedy_of(source: Spread | None, recorded: Recorded) -> tuple[str, str]:
    """Return what to do in a sentence, and as a change of code where that is certain, else an empty text."""
    if source is None:
        return "Look for an operation that works along the first axis, and give it the axis of features.", ""
    word, line = word_of(source.name), line_at(recorded.record, source.place)
    if word in _VIEWS:
        return _of_view(word, line, source)
    if forgot_batch_first(source, recorded):
        layer = f"self.{_owner(source.path, recorded)}"
        return f"Make {layer} with batch_first=True, for the first axis of its input is the batch.", (
            f"+ {layer} = …(…, batch_first=True)"
        )
    if _SEQUENCES.fullmatch(word):
        return f"Put the axis of time where {source.name} expects it, with transpose(0, 1).", ""
    code = ""
    changed, count = _AXIS.subn(lambda found: f"{found[1]}-1", line)
    keeps_shape = word in (*_SOFTMAX, "normalize") or "keepdim" in line  # else what follows would not broadcast
    if word in line and count == 1 and keeps_shape:
        code = f"- {line}\n+ {changed}"
    axis = "dim=-1, the axis of classes or features" if word in _SOFTMAX else "an axis other than the first"
    return f"Give {source.name} {axis}.", code


def forgot_batch_first(source: Spread, recorded: Recorded) -> bool:
    """Whether the operation belongs to a layer that has a `batch_first` which is off."""
    module = dict(recorded.batch.subject.network.named_modules()).get(source.path)
    mixes = _SEQUENCES.fullmatch(word_of(source.name)) is not None
    return mixes and bool(source.path) and getattr(module, "batch_first", True) is False


def _owner(path: str, recorded: Recorded) -> str:
    """Return the layer that the user has made: not the attention inside of it."""
    modules = dict(recorded.batch.subject.network.named_modules())
    parts = path.split(".") if path else []
    paths = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
    theirs = (one for one in paths if type(modules.get(one)).__module__.startswith("torch.nn.modules.transformer"))
    return next(theirs, path)


def _of_view(word: str, line: str, source: Spread) -> tuple[str, str]:
    given, made = source.given[0] if source.given else (), source.made
    if re.search(r"\.(permute|transpose|swapaxes)\(|\.m?T\b", line):
        return f"Keep the axis of samples first in what .{word}(…) is given: here {given} becomes {made}.", ""
    swaps = len(given) > 1 and made == (given[1], given[0], *given[2:])
    instead = ".transpose(0, 1)" if swaps else ".permute(…)"
    calls = re.findall(rf"\.{word}\((?:[^()]|\([^()]*\))*\)", line)
    code = f"- {line}\n+ {line.replace(calls[0], instead)}" if swaps and len(calls) == 1 else ""
    text = f"Write {instead} instead of .{word}(…): {given} to {made} re-reads memory, it does not swap axes."
    return text, code
