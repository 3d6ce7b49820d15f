"""Outputs of a probe, reduced on their own device to what a reading needs of them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from nbinspect.evaluation.layout import NO_CLASS, TOKENS, Layout, mask_of, places


def numbers_of(layout: Layout, outputs: Tensor, goal: Tensor | None) -> Tensor:
    """Return all that a reading needs of outputs (n, …), as (n, K) float32 on their device; left unchanged."""
    if layout.kind == "language-model" and goal is not None:
        return _of_tokens(layout, outputs, goal)
    if layout.kind == "segmentation":
        return _of_masks(layout, outputs, goal)
    if layout.kind == "other":
        return torch.zeros(len(outputs), 0, device=outputs.device)
    rows = outputs.reshape(len(outputs), -1)
    return (
        rows[:, layout.columns.tolist()] if layout.kind == "regression" and layout.columns is not None else rows
    ).float()


def token_losses(layout: Layout, outputs: Tensor, goal: Tensor) -> Tensor:
    """Return the loss of each token (n, T), at the token's own place; NaN where none counts."""
    return _tokens(layout, outputs, goal)[0]


def _tokens(layout: Layout, outputs: Tensor, goal: Tensor) -> list[Tensor]:
    """Loss, guess, confidence and margin of each token, (n, T) each."""
    scores, goal = layout.scores(outputs), goal.long()
    if layout.shift:
        scores, goal = scores[:, :-1], goal[:, 1:]
    counted = (goal != layout.ignored) & (goal >= 0) & (goal < scores.shape[-1])
    whole = scores.logsumexp(-1)
    best, likely = scores.topk(min(2, scores.shape[-1]), -1)
    own = scores.gather(-1, goal.clamp(0, scores.shape[-1] - 1)[..., None])[..., 0]
    other = torch.where(likely[..., 0] == goal, best[..., -1], best[..., 0])
    confidence = (best[..., 0] - whole).exp()
    margin = (own - whole).exp() - (other - whole).exp()
    guesses = torch.where(confidence.isfinite(), likely[..., 0], -1).float()
    found = [torch.where(counted, whole - own, torch.nan), guesses, confidence]
    found.append(torch.where(counted, margin, torch.nan))
    if not layout.shift:
        return found
    return [functional.pad(each, (1, 0), value=-1 if each is guesses else torch.nan) for each in found]


def _of_tokens(layout: Layout, outputs: Tensor, goal: Tensor) -> Tensor:
    loss, guesses, confidence, margin = _tokens(layout, outputs, goal)
    rest = torch.stack([part.nanmean(1) for part in (loss, confidence, margin)], 1)
    return torch.cat([loss[:, :TOKENS], guesses[:, :TOKENS], rest], 1)


def _of_masks(layout: Layout, outputs: Tensor, goal: Tensor | None) -> Tensor:
    rows, columns = (torch.tensor(places(side), device=outputs.device) for side in layout.shape[-2:])
    few = outputs.index_select(-2, rows).index_select(-1, columns).float()
    few = few[:, None] if few.dim() == 3 else few
    if few.shape[1] == 1:
        share = few if layout.chances else few.sigmoid()
        chances = torch.cat([1 - share, share], 1)
    else:
        chances = few if layout.chances else few.softmax(1)
    best, likely = chances.topk(2, 1)
    classes = torch.where(best[:, 0].isfinite(), likely[:, 0], NO_CLASS).clamp(max=NO_CLASS)
    margin = torch.full_like(best[:, 0], torch.nan)
    mask = None if goal is None else mask_of(goal, layout)
    if mask is not None:
        own_class = mask.index_select(-2, rows).index_select(-1, columns)
        own = chances.gather(1, own_class.clamp(min=0)[:, None])[:, 0]
        other = torch.where(likely[:, 0] == own_class, best[:, 1], best[:, 0])
        margin = torch.where(own_class >= 0, own - other, torch.nan)
    means = [best[:, 0].flatten(1).mean(1, keepdim=True), margin.flatten(1).nanmean(1, keepdim=True)]
    return torch.cat([classes.flatten(1).float(), *means], 1)
