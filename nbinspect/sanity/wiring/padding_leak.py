"""`padding-leak`: do outputs stay the same when there is less padding?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from nbinspect.records import CheckResult
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, warned
from nbinspect.sanity.evidence.samples.awake import awakened
from nbinspect.sanity.evidence.samples.dependence import require_no_draws, run_eval
from nbinspect.sanity.evidence.samples.padding import (
    change_of,
    find_padding,
    goes_beyond,
    lack_one,
    mixes_places,
    shortened,
    takes_masked,
    words_of,
)
from nbinspect.sanity.evidence.samples.spread import first_spread, given_at, require_within
from nbinspect.sanity.program import Program


def run(program: Program, batch: Batch, *, fail_above: float = 1e-3, warn_above: float = 1e-4) -> CheckResult:
    """Fail where the same sequences with less padding give other outputs at their real places."""
    padding = find_padding(batch)
    before, after, lengths = shortened(batch, padding)
    probe = awakened(program, before)
    whole, short = run_eval(probe, before), run_eval(probe, after)
    if lack_one(whole, short, lengths, padding.steps):  # which is to be padding in both
        before, after, lengths = shortened(batch, padding, spare=1)
        whole, short = run_eval(probe, before), run_eval(probe, after)
    length = int(lengths.max())
    share = change_of(whole, short, lengths, padding.steps)
    if share is None:
        settle = "Let the model take sequences of any length, or return one row a sample or a place."
        return inconclusive("outputs of the two cannot be lined up", settle=settle)
    fewer = f"change with {length} places instead of {padding.steps}, as a share of the spread"
    found = measured(fewer, share, f"0 (fails above {fail_above:g})")
    if share <= warn_above:
        return passed(f"{share:.1g} of the outputs' spread", found)
    require_no_draws(probe, before)
    spreads: Callable[[Tensor, Tensor], bool] = partial(goes_beyond, lengths=lengths, steps=padding.steps)
    source = first_spread(probe, before, after, spreads)
    require_within(probe, source)
    given = given_at(probe, before, source)[0] if source is not None else []
    certain = share > fail_above and (mixes_places(source) or takes_masked(source, given, lengths, padding.steps))
    title, remedy = words_of(source)
    unmarked = f", of which {padding.unmarked_by} marks none," if padding.unmarked_by else ""
    return (failed if certain else warned)(
        f"less padding changes outputs by {share:.2g} of their spread",
        found,
        title=title,
        detail=f"{padding.told_by}{unmarked} says what is padding; the same sequences with {length} places instead of "
        f"{padding.steps} give other outputs: a prediction depends on how long the others in the batch are.",
        remedy=f"Let {padding.unmarked_by} tell padded places: it calls all real." if unmarked else remedy,
        where="" if source is None else source.where,
        place=source.place if source else None,
    )


class _Reads(nn.Module):
    """Reads sequences of (N, T) tokens with their lengths; `packs` tells the recurrent layer about them."""

    def __init__(self, *, packs: bool) -> None:
        super().__init__()
        self.embed, self.rnn, self.head, self.packs = (
            nn.Embedding(9, 8),
            nn.GRU(8, 8, batch_first=True),
            nn.Linear(8, 2),
            packs,
        )

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        x = self.embed(tokens)
        if self.packs:
            x = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        out: Tensor = self.head(self.rnn(x)[1][-1])
        return out


def good() -> Arguments:
    """Return a recurrent network that is told how long its sequences are."""
    lengths = torch.randint(3, 12, (16,)).clamp_max(10)
    lengths[0] = 10
    tokens = torch.where(torch.arange(10) < lengths[:, None], torch.randint(1, 9, (16, 10)), 0)
    batch = (tokens, lengths, torch.randint(2, (16,)))
    return {"model": _Reads(packs=True), "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


def bad() -> Arguments:
    """Return one that reads its state after the padding."""
    return {**good(), "model": _Reads(packs=False)}


CHECK = Check(
    name="padding-leak",
    stage="wiring",
    question="Does padding leave the outputs alone?",
    why="A mask that is not used, or a state read after the padding, makes each prediction depend on its neighbours.",
    remedy="Pack or mask padded places, and read each sequence at its own last step.",
    cost=1,
    run=run,
    good=good,
    bad=bad,
    explains=(),
    sources=("S-masking",),
    silent="changes at the padded places themselves; what a convolution, and a maximum of its outputs, takes in warns",
)
