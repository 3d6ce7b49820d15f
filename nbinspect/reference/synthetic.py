"""Learnable problems of any shape: a planted teacher gives inputs from which the targets can be told.

Source: T-synthetic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from nbinspect.errors import InputError
from nbinspect.reference.data import ReferenceData, chance_score, loader_of

_USED = 10
"""At most this many classes, labels or tokens carry information; a short run cannot learn more."""
_FEWEST = 4
_NOISE = 0.5
_SHARE_OF_RULE = 0.9
"""Of tokens that follow from the one before; the others are drawn at random."""
_METRICS = {"regression": "R²", "language-model": "nats a token"}


@dataclass(frozen=True)
class Problem:
    """A problem for a teacher to plant: what its inputs and targets look like."""

    task: str
    shape: tuple[int, ...]
    """Of one input: (C, H, W), (F,), (T, F), or (T,) tokens."""
    target_shape: tuple[int, ...] = ()
    """Of one target: () a class or a number, (K,) labels or numbers, (H, W) or (T,) one at each place."""
    classes: int | None = None
    tokens: tuple[int, ...] = field(default=(), repr=False)
    """The token ids that inputs are made of; empty for inputs that are numbers."""
    dtype: torch.dtype = torch.float32
    target_dtype: torch.dtype = torch.int64
    follows: Literal["next", "same", "rule"] = "next"
    """Of targets (T,) for tokens: the next token; the same, for a model that shifts inside; a class by a rule."""

    @property
    def used(self) -> int:
        """How many classes, labels or hidden numbers there are to learn."""
        if self.task == "regression":
            return max(1, min(4, math.prod(self.target_shape)))
        return min(_USED, 2 if self.task == "binary" else self.classes or 2)

    @property
    def is_dense(self) -> bool:
        """Whether each place of an input has a target of its own."""
        if len(self.shape) == 2:
            return self.target_shape in (self.shape[:1], (self.shape[0], 1), self.shape)
        return len(self.shape) > 2 and self.target_shape in (self.shape[1:], (1, *self.shape[1:]), self.shape)


def synthetic(
    task: str,
    shape: tuple[int, ...],
    target_shape: tuple[int, ...] = (),
    *,
    classes: int | None = None,
    tokens: int | None = None,
    dtype: torch.dtype = torch.float32,
    samples: int = 1024,
    batch_size: int = 32,
    seed: int = 0,
) -> ReferenceData:
    """Return a data set of these shapes that a healthy network of any kind learns; global random states stay unchanged.

    Args:
        task: ``classification``, ``binary``, ``multilabel``, ``regression``, ``segmentation`` or ``language-model``.
        shape: of one input: an image (C, H, W), a row (F,), a series (T, F), tokens (T,), or () a single number.
        target_shape: of one target; empty for a single class or number.
        classes: number of classes or labels; at most ten carry information.
        tokens: size of the vocabulary; inputs are token ids then.
        dtype: of inputs that are numbers.
        samples: how many for training, 4 or more; a quarter of that for validation.
        batch_size: samples a batch.
        seed: of the teacher and of the samples.

    Raises:
        InputError: for a task, or shapes, that no teacher is known for; for fewer samples than 4.
    """
    if task not in ("classification", "binary", "multilabel", "regression", "segmentation", "language-model"):
        raise InputError(f"task: there is no synthetic data for {task!r}")
    if task in ("classification", "multilabel", "segmentation") and not classes:
        raise InputError(f"classes: {task} needs their number")
    if task == "language-model" and not tokens:
        raise InputError("tokens: language-model needs the size of the vocabulary")
    if samples < _FEWEST:
        raise InputError(f"samples: expected {_FEWEST} or more, of which a quarter is for validation; got {samples}")
    whole = task in ("classification", "segmentation", "language-model")
    pool = tuple(range(min(tokens, 256))) if tokens else ()
    wanted = torch.int64 if whole else torch.float32
    problem = Problem(task, shape, target_shape, classes, pool, dtype, wanted)
    train, validation = drawn(problem, samples, seed, 0), drawn(problem, samples // 4, seed, 1)
    return ReferenceData(
        name="synthetic",
        task=task,
        train=loader_of(*train, batch_size, shuffle=True),
        validation=loader_of(*validation, batch_size, shuffle=False),
        class_names=tuple(map(str, range(classes or (2 if task == "binary" else 0)))),
        feature_names=(),
        shape=shape,
        target_shape=target_shape,
        classes=classes or tokens,
        source=f"made by a planted teacher, seed {seed}",
        metric=_METRICS.get(task, "accuracy"),
        chance=chance_score(task, validation[1]),
        known=None,
    )


def drawn(problem: Problem, samples: int, seed: int, part: int) -> tuple[Tensor, Tensor]:
    """Return inputs and targets of a problem, on the CPU; one seed is one teacher, and its parts are other samples.

    Raises:
        InputError: for shapes that no teacher is known for.
    """
    with torch.device("cpu"):  # where the generators are, whatever the default device is
        return _drawn(problem, samples, seed, part)


def _drawn(problem: Problem, samples: int, seed: int, part: int) -> tuple[Tensor, Tensor]:
    teacher = torch.Generator().manual_seed(seed)
    draws = torch.Generator().manual_seed(1_000_003 * (seed + 1) + part)
    if problem.tokens and problem.target_shape == problem.shape and problem.task != "multilabel":
        return _token_by_token(problem, samples, teacher, draws)
    if problem.is_dense and problem.task != "multilabel":
        return _place_by_place(problem, samples, teacher, draws)
    if len(problem.target_shape) > 1 and problem.task != "regression":
        raise InputError(f"no learnable data are known for targets {problem.target_shape} of inputs {problem.shape}")
    if not problem.shape:
        inputs, targets = _as_a_whole(replace(problem, shape=(1,)), samples, teacher, draws)
        return inputs.squeeze(1), targets
    return _as_a_whole(problem, samples, teacher, draws)


def _as_a_whole(
    problem: Problem, samples: int, teacher: torch.Generator, draws: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw samples that have one hidden code each, which all of the input tells of."""
    used = problem.used
    if problem.task == "regression":
        code = torch.randn(samples, used, generator=draws)
        count = max(1, math.prod(problem.target_shape))
        answers = code[:, torch.arange(count) % used].view(samples, *problem.target_shape)
    elif problem.task == "multilabel":
        bits = torch.randint(2, (samples, used), generator=draws)
        code, answers = 2.0 * bits - 1, bits[:, torch.arange(problem.classes or used) % used]
    else:
        labels = torch.randint(used, (samples,), generator=draws)
        code = torch.eye(used)[labels]
        answers = labels.view(samples, *[1] * len(problem.target_shape)).expand(samples, *problem.target_shape)
        if problem.task == "classification" and problem.target_dtype.is_floating_point:
            answers = torch.eye(problem.classes or used)[labels]
    inputs = _tokens_of(problem, code, draws) if problem.tokens else _numbers_of(problem, code, teacher, draws)
    return inputs, answers.to(problem.target_dtype)


def _numbers_of(problem: Problem, code: Tensor, teacher: torch.Generator, draws: torch.Generator) -> Tensor:
    patterns = torch.stack([_pattern(problem.shape, place, code.shape[1], teacher) for place in range(code.shape[1])])
    if code.shape[1] > 1 and problem.task in ("classification", "binary", "segmentation"):
        patterns = patterns - patterns.mean(0)
    signal = torch.einsum("nk,k...->n...", code, patterns)
    return _finished(problem, signal / signal.std().clamp_min(1e-6), draws)


def _finished(problem: Problem, signal: Tensor, draws: torch.Generator) -> Tensor:
    values = (signal + _NOISE * torch.randn(signal.shape, generator=draws)) / math.hypot(1, _NOISE)
    if not problem.dtype.is_floating_point:
        values = (values * 40 + 128).clamp(0, 255)  # pixels as bytes
    return values.to(problem.dtype)


def _pattern(shape: tuple[int, ...], place: int, count: int, teacher: torch.Generator) -> Tensor:
    """Return a pattern that can be told from others by its mean in each channel, and by its waves along other axes."""
    channels = 0 if len(shape) != 2 else 1
    level = torch.randn(shape[channels], generator=teacher)
    if shape[channels] == 1 and count > 1:
        level = torch.tensor([2.0 * place / (count - 1) - 1])
    pattern = level.view([-1 if axis == channels else 1 for axis in range(len(shape))]).expand(shape).clone()
    for axis, size in enumerate(shape):
        if axis != channels and size > 1:
            cycles, phase = torch.rand(2, generator=teacher).tolist()
            wave = torch.cos(2 * math.pi * ((0.5 + 2.5 * cycles) * torch.arange(size) / size + phase))
            pattern += 0.7 * wave.view([-1 if other == axis else 1 for other in range(len(shape))])
    return pattern


def _tokens_of(problem: Problem, code: Tensor, draws: torch.Generator) -> Tensor:
    """Draw tokens, half of which are those of the code's groups, the other half any."""
    groups = code.shape[1]
    own = torch.arange(groups) % len(problem.tokens)
    weight = torch.sigmoid(2 * code) / groups if problem.task in ("regression", "multilabel") else code / 2
    chances = torch.cat([weight, 1 - weight.sum(1, keepdim=True)], 1)
    length = math.prod(problem.shape)
    picked = torch.multinomial(chances, length, replacement=True, generator=draws)
    noise = torch.randint(len(problem.tokens), picked.shape, generator=draws)
    places = torch.where(picked < groups, own[picked.clamp(max=groups - 1)], noise)
    return torch.tensor(problem.tokens)[places].view(len(code), *problem.shape)


def _token_by_token(
    problem: Problem, samples: int, teacher: torch.Generator, draws: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw sequences in which one token mostly tells the next, or in which each token has a class."""
    used, length = min(_USED, len(problem.tokens)), problem.shape[0]
    ids = torch.tensor(problem.tokens)[torch.randperm(len(problem.tokens), generator=teacher)[:used]]
    if problem.follows == "rule":
        rule = torch.arange(used) % (problem.classes or used)
        places = torch.randint(used, (samples, length), generator=draws)
        return ids[places], rule[places].to(problem.target_dtype)
    places = torch.randint(used, (samples, length + 1), generator=draws)
    ruled = torch.rand(samples, length + 1, generator=draws) < _SHARE_OF_RULE
    for at in range(1, length + 1):
        places[:, at] = torch.where(ruled[:, at], (places[:, at - 1] + 1) % used, places[:, at])
    sequences = ids[places]
    first = 0 if problem.follows == "same" else 1
    return sequences[:, :length], sequences[:, first : first + length].to(problem.target_dtype)


def _place_by_place(
    problem: Problem, samples: int, teacher: torch.Generator, draws: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw inputs in which each place has a class, told by its level, or a clean value under noise."""
    shape = problem.shape
    channels = 0 if len(shape) != 2 else 1
    sizes = [size for axis, size in enumerate(shape) if axis != channels]
    field_of_places = _smooth(samples, sizes, draws)
    if problem.task == "regression":
        levels = torch.linspace(1, 0.5, shape[channels])
        clean = torch.stack([level * field_of_places for level in levels], 1 + channels)
        answers = clean if problem.target_shape == shape else field_of_places.view(samples, *problem.target_shape)
        return _finished(problem, clean, draws), answers.to(problem.target_dtype)
    used = min(4, problem.used)
    edges = torch.quantile(field_of_places.flatten()[:100_000], torch.arange(1, used) / used)
    answers = torch.bucketize(field_of_places, edges)
    levels = torch.randn(used, shape[channels], generator=teacher)
    levels[:, 0] = torch.linspace(-1.7, 1.7, used)
    signal = levels[answers].movedim(-1, 1 + channels)
    return _finished(problem, signal, draws), answers.view(samples, *problem.target_shape).to(problem.target_dtype)


def _smooth(samples: int, sizes: list[int], draws: torch.Generator) -> Tensor:
    """Return (samples, *sizes) smooth fields of mean 0 and standard deviation 1."""
    total = torch.zeros(samples, *sizes)
    for axis, size in enumerate(sizes):
        waves = torch.rand(samples, 2, 1, generator=draws)
        wave = torch.cos(2 * math.pi * ((0.5 + 1.5 * waves[:, 0]) * torch.arange(size) / size + waves[:, 1]))
        total = total + wave.view(samples, *[-1 if other == axis else 1 for other in range(len(sizes))])
    return (total - total.mean()) / total.std().clamp_min(1e-6)
