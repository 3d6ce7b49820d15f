"""What each tool can and cannot do, as one table with notes on how that was found out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

COLUMNS = {
    "nbinspect": "nbinspect",
    "ts": "treescope",
    "lt": "lovely-tensors",
    "ti": "torchinfo",
    "tl": "TorchLens",
    "t2": "torchtest2",
    "tc": "torcheck",
    "tb": "TensorBoard",
    "wb": "wandb",
    "cl": "cleanlab",
    "fd": "fastdup",
    "co": "Cockpit",
}
"""By a short name the title of each tool."""

NOTES = {
    "names": "Of a tensor it raises on torch 2.13 (above); of a NumPy array it shows what its documentation says.",
    "handed": "What you hand to it at a place in your code, not what enters the network after its last transform.",
    "logged": "What you log by a call of your own.",
    "modules": "The modules and their parameters; no activations, for it runs no pass.",
    "graph": "As a drawing of the graph.",
    "numbers": "The values can be asked for; no findings are drawn from them.",
    "bisected": "NaN and Inf are bisected, dead and exploding gradients traced to their layer; not saturated units.",
    "steps": "Of parameters and gradients over the steps; not of data, loss, batch or evaluation.",
    "beforehand": "What is to change is said before the pass, or replayed after it; the pass is not held for you.",
    "parameters": "Of parameters, not of activations.",
    "norms": "Norms and ratios of each layer over the steps; no histograms of parameters.",
    "four": "Does a parameter change, NaN, Inf, and ranges that you give; the cause is yours to find.",
    "raises": "It raises while your training runs.",
    "hooks": "By hooks on the optimizer, after a line of yours that says what to watch.",
    "one-run": "Of one run.",
    "folder": "Whoever reads the folder of the run can follow it; there is no server.",
    "server": "A server over a folder.",
    "optuna": "By Optuna, which a function wraps.",
    "hparams": "Shows the results of a search that something else runs.",
    "features": "Of features or probabilities that you work out and give.",
    "pictures": "Of files of pictures.",
    "merged": "As near duplicates, once you have put both splits into one.",
    "iframe": "Its server inside a frame.",
    "html": "A page of HTML, without the kernel.",
    "text": "As text.",
    "drawn": "As a picture.",
    "sisters": "By sister packages.",
    "preview": "As a preview, by its own word.",
    "memory": "On tensors of pictures up to 50,000 and on rows up to a million (above); no larger set was tried.",
    "cpu": "By its own word; here 40 pictures were tried.",
    "class": "Of classes only.",
}

_ROWS: tuple[tuple[str, str], ...] = (
    ("**Tensors**", ""),
    (
        "one tensor: a picture or its statistics",
        "nbinspect:r ts:p names lt:r tl:pd numbers tb:pd logged wb:pd logged",
    ),
    ("the batch as it enters the network, decoded", "nbinspect:r lt:p handed tb:pd logged wb:pd logged"),
    ("**The forward pass**", ""),
    ("table of the layers with shapes", "nbinspect:r ts:pd modules ti:r tl:d tb:p graph wb:pd graph"),
    ("multiply-adds", "ti:r tl:d"),
    ("every operation with its tensor", "nbinspect:r tl:r"),
    ("NaN, dead and saturated units named where they begin", "nbinspect:r tl:pd bisected"),
    ("stop at a step, change a tensor, go on", "nbinspect:r tl:pd beforehand"),
    ("drawing of the graph", "tl:d tb:r wb:d"),
    ("gradients of activations", "nbinspect:r tl:d tb:pd parameters wb:pd parameters co:pd parameters"),
    ("**Silent bugs**", ""),
    ("checks that name a cause", "nbinspect:r tl:pd steps t2:r tc:p four"),
    ("trains on a batch to see whether it can", "nbinspect:r t2:r"),
    ("assertions for unit tests", "nbinspect:r t2:d tc:pd raises"),
    ("behaviour of a trained model: invariance, direction", "t2:d"),
    ("**Training**", ""),
    ("watches a loop that is not edited", "nbinspect:r tl:pd hooks tc:p hooks"),
    ("predictions on the same samples over the steps", "nbinspect:r tb:pd logged wb:pd logged"),
    ("curves, and runs beside each other", "nbinspect:r tb:d wb:d co:pd one-run"),
    ("histograms of parameters and gradients", "nbinspect:p norms tb:r wb:r co:d"),
    ("curvature and gradient noise", "co:d"),
    ("pause, change the rate, go back to an earlier state", "nbinspect:r"),
    ("other machines, and a team", "nbinspect:p folder tb:pd server wb:d"),
    ("search for hyperparameters", "nbinspect:p optuna tb:pd hparams wb:d"),
    ("**Data**", ""),
    ("duplicates and outliers", "nbinspect:r cl:p features fd:p pictures"),
    ("labels that are likely wrong", "nbinspect:r class cl:p features fd:pd pictures"),
    ("labels of tokens, boxes, several labels", "cl:d"),
    ("the same sample in two splits", "nbinspect:r cl:pd merged fd:pd pictures"),
    ("millions of pictures", "nbinspect:p memory fd:pd cpu"),
    ("**Where it lives**", ""),
    ("live in the notebook, with the kernel", "nbinspect:r ts:pd html tb:pd iframe wb:pd iframe"),
    ("a file to read without kernel or server", "nbinspect:r ts:p html ti:p text tl:d fd:pd html co:pd drawn"),
    ("other than torch", "ts:d lt:pd sisters tl:pd preview tb:d wb:d cl:d fd:d"),
)
"""A capability, and for each tool that has it ``name:how`` and the note: `r` run here, `d` by its documentation, with
`p` before it in part. What is not named cannot do it: neither its documentation nor the names in it speak of it."""

_WORDS = {"r": "yes", "d": "yes ᵈ", "p": "partly", "pd": "partly ᵈ"}


@dataclass(frozen=True)
class _Cell:
    how: str
    note: str


def _cells(told: str) -> dict[str, _Cell]:
    found: dict[str, _Cell] = {}
    name = ""
    for word in told.split():
        if ":" in word:
            name, _, how = word.partition(":")
            found[name] = _Cell(how, "")
        else:
            found[name] = _Cell(found[name].how, word)
    return found


def capabilities(links: Mapping[str, str], missing: Sequence[str] = ()) -> list[str]:
    """Return the table and its notes as lines of Markdown.

    Args:
        links: by a tool's title the address of its documentation.
        missing: titles of tools that could not be run here: what was run elsewhere rests on the documentation.
    """
    numbers: dict[str, int] = {}
    lines = ["| | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for title, told in _ROWS:
        cells = _cells(told)
        row = [_written(cells.get(name), title in missing, numbers) for name, title in COLUMNS.items()] if told else []
        lines.append(f"| {title} | " + " | ".join(row or [""] * len(COLUMNS)) + " |")
    lines += ["", "yes, partly: run here, at the versions above. ᵈ: by its documentation, not run here: "]
    lines[-1] += ", ".join(f"[{title}]({links[title]})" for title in COLUMNS.values() if title in links)
    lines[-1] += ". –: neither the documentation nor the names in the package speak of it."
    lines += ["", *(f"{number}. {NOTES[note]}" for note, number in numbers.items())]
    return lines


def _written(cell: _Cell | None, missing: bool, numbers: dict[str, int]) -> str:
    if cell is None:
        return "–"
    words = _WORDS[cell.how if not missing or cell.how.endswith("d") else cell.how.replace("r", "") + "d"]
    return f"{words} ({numbers.setdefault(cell.note, len(numbers) + 1)})" if cell.note else words
