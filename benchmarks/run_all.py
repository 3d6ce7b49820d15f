"""Every benchmark and every peer in one report, as Markdown: ``python benchmarks/run_all.py``.

Environments for the peers are made below ``build/``; what cannot be installed is said, with the reason. Each benchmark
runs as a process of its own, one after the other, and what it prints is kept below ``build/benchmarks``. Those that
take many minutes (the zoo, its peers, a million steps) are run only where ``--only`` names them, and otherwise what
they printed last is shown, with its date. ``--write`` also writes the report to ``docs/benchmarks.md``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from limits import limits_in, without_limits
from machine import ROOT, load, machine
from measured import KEPT, Measured, kept, run
from peers.capabilities import COLUMNS, capabilities
from peers.environment import CannotInstallError, Environment, together
from peers.probing import Probed, probed, probed_before
from peers.published import PEERS
from written import written

PAGE, PROBES = ROOT / "docs" / "benchmarks.md", KEPT / "probes.json"
TOOLS = "tools"
"""What `--only` and `--skip` call the question what each tool does here."""


@dataclass(frozen=True)
class Benchmark:
    """A script of this folder."""

    name: str
    title: str
    about: str
    peers: bool = False
    """Whether it finds peers in the environment that it runs in."""
    slow: bool = False
    """Whether it takes many minutes, and is run only when it is named."""
    options: tuple[str, ...] = ()


BENCHMARKS = (
    Benchmark(
        "batch_view", "Showing a batch of pictures", "From 64 normalised pictures to the bytes that a page shows."
    ),
    Benchmark(
        "batch_follow", "Following the batches of a run", "Training steps with and without `batch(follow=True)`."
    ),
    Benchmark("tensor_display", "One batch on a page", "Until a page, a picture or a line is there.", peers=True),
    Benchmark("forward_record", "Recording a forward pass", "Every step with its statistics.", peers=True),
    Benchmark("summary", "A table of the layers", "Of modules only, as torchinfo draws one up.", peers=True),
    Benchmark("forward_click", "A click on Over", "In JupyterLab and Chromium, until the next tensor is drawn."),
    Benchmark("checks_cost", "What the sanity checks cost", "In whole passes and training steps."),
    Benchmark(
        "zoo",
        "The checks on broken and healthy programs",
        "Bugs found, causes named, false alarms: of all that is kept aside, and of one in four of the rest.",
        slow=True,
        options=("--share", "4", "--aside"),
    ),
    Benchmark(
        "peers_checks",
        "The same programs through torchtest2 and torcheck",
        "One in ten, drawn with a fixed seed.",
        slow=True,
        options=("--limit", "60"),
    ),
    Benchmark("dynamics_overhead", "Watching a training run", "Steps bare and watched at the defaults.", peers=True),
    Benchmark(
        "soak",
        "A million steps",
        "Memory, messages and files of an hour of training, told of and not trained.",
        slow=True,
    ),
    Benchmark("scan", "Scanning a data set", "A pass over the loader bare and scanned.", peers=True),
    Benchmark("label_noise", "Flipped labels found again", "On data that scikit-learn ships.", peers=True),
)


def say(text: str) -> None:
    """Tell on the error stream what is being done."""
    print(text, file=sys.stderr, flush=True)


def environment() -> Environment:
    """Return the peers' environment, or this one with the reason why there is none."""
    shared = [peer for peer in PEERS if not peer.apart]
    try:
        return together(shared, say)
    except CannotInstallError as error:
        say(f"no environment for the peers: {error}")
        return Environment(Path(sys.executable), {peer.name: str(error) for peer in shared})


def measured(chosen: Sequence[Benchmark], to_run: set[str], python: Path, *, quick: bool) -> dict[str, Measured]:
    """Return what each benchmark printed, run now, kept, or told by the page; not those that were never run."""
    found, page = {}, PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
    for one in chosen:
        if one.name in to_run:
            say(f"running {one.name}")
            options = (*one.options, "--quick") if quick and not one.slow else one.options
            found[one.name] = run(one.name, python if one.peers else Path(sys.executable), options, quick=quick)
        elif known := kept(one.name, quick=quick) or kept(one.name, quick=False) or written(page, one.name):
            found[one.name] = known
    return found


def cell(text: str) -> str:
    """Return text as it may stand in a cell of a table."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")


def machine_lines(loads: tuple[float, float]) -> Iterator[str]:
    """Yield the machine and the versions."""
    yield from ("## Machine and versions", "", "| | |", "|---|---|")
    yield from (f"| {name} | {cell(value)} |" for name, value in machine().items())
    yield f"| processes that wanted a core | {loads[0]:.1f} at the start, {loads[1]:.1f} at the end |"


def limit_lines(results: Mapping[str, Measured]) -> Iterator[str]:
    """Yield every limit, and whether it is met."""
    rows = [
        (one, judged) for one in BENCHMARKS if one.name in results for judged in limits_in(results[one.name].printed)
    ]
    missed = sum(not judged.met for _, judged in rows)
    yield from ("", "## Limits", "", f"{len(rows) - missed} of {len(rows)} limits are met.", "")
    yield from ("| benchmark | figure | measured | limit | |", "|---|---|---|---|---|")
    for one, judged in rows:
        verdict = judged.verdict if judged.met else f"**{judged.verdict}**"
        link = f"[{one.name}](#{one.name.replace('_', '-')})"
        yield f"| {link} | {cell(judged.what)} | {judged.measured} | {judged.limit} | {verdict} |"


def peer_lines(found: Sequence[Probed]) -> Iterator[str]:
    """Yield what each tool did here."""
    yield from ("", "## The tools, each asked once", "")
    if not found:
        yield f"Not asked: run `python benchmarks/run_all.py --only {TOOLS}`."
        return
    yield "Each is given a small network with dropout and a frozen batch normalisation, in its own way, and what it"
    yield "leaves changed of the network, its optimizer and the random states is looked for."
    yield from ("", "| tool | version | asked to | what came of it | left changed |", "|---|---|---|---|---|")
    for one in found:
        came = f"**failed**: {cell(one.failed)}" if one.failed else cell(one.result)
        changed = "" if one.changed is None else cell(", ".join(one.changed) or "nothing")
        task = one.task[:1].lower() + one.task[1:]
        yield f"| [{one.peer.name}]({one.peer.url}) | {one.version or '–'} | {task} | {came} | {changed} |"


def benchmark_lines(one: Benchmark, known: Measured | None) -> Iterator[str]:
    """Yield the section of one benchmark."""
    command = " ".join(("python", f"benchmarks/{one.name}.py", *(known.options if known else one.options)))
    yield from ("", f"## {one.title} {{ #{one.name.replace('_', '-')} }}", "", f"{one.about} Alone: `{command}`", "")
    if known is None:
        yield f"Not measured: run `python benchmarks/run_all.py --only {one.name}`."
        return
    busy = "; {:.1f} and {:.1f} processes wanted a core before and after".format(*known.load) if known.load else ""
    yield f"Measured {known.when} at {known.commit} in {known.seconds:.0f} s{busy}."
    if known.failed:
        yield from ("", f"**It failed**: `{known.failed.replace('`', '')}`")
    if known.printed:
        yield from ("", "```text", without_limits(known.printed).replace("```", "'''"), "```")
    judged = limits_in(known.printed)
    if judged:
        yield ""
        yield from (f"- {cell(each.what)}: {each.measured}, {each.limit}: {each.verdict}" for each in judged)


def ability_lines(found: Sequence[Probed]) -> Iterator[str]:
    """Yield what each tool can and cannot do."""
    titles = {title.lower(): title for title in COLUMNS.values()} | {"cockpit-for-pytorch": COLUMNS["co"]}
    links = {titles[peer.name]: peer.url for peer in PEERS}
    missing = [titles[one.peer.name] for one in found if one.failed and one.peer.name != "treescope"]
    yield from ("", "## What each can and cannot do", "", *capabilities(links, missing))


def report(
    chosen: Sequence[Benchmark], results: Mapping[str, Measured], found: Sequence[Probed], loads: tuple[float, float]
) -> str:
    """Return the whole report."""
    lines = [
        "# Benchmarks",
        "",
        "Made by `python benchmarks/run_all.py --write`, which installs the tools of others below `build/`. Ways that "
        "are compared take turns, and medians are given: ratios carry over to other machines, milliseconds do not, and "
        "where more processes wanted a core than there are cores, ratios are rough too.",
        "",
        *machine_lines(loads),
        *limit_lines(results),
        *peer_lines(found),
    ]
    for one in chosen:
        lines += benchmark_lines(one, results.get(one.name))
    return "\n".join([*lines, *ability_lines(found)]) + "\n"


def main() -> None:
    """Measure, and print the report."""
    names = [TOOLS, *(one.name for one in BENCHMARKS)]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=names, help="run these alone")
    parser.add_argument("--skip", nargs="+", choices=names, default=[], help="do not run these")
    parser.add_argument("--quick", action="store_true", help="a few rounds of each, to see that all runs")
    parser.add_argument("--write", action="store_true", help=f"also write {PAGE.relative_to(ROOT)}")
    given = parser.parse_args()
    to_run = set(given.only or [TOOLS, *(one.name for one in BENCHMARKS if not one.slow)]) - set(given.skip)
    # a page is written whole, with what was kept of the others
    chosen = [one for one in BENCHMARKS if given.write or not given.only or one.name in given.only]
    before = load()
    shared = environment()
    found = probed(shared, say, PROBES) if TOOLS in to_run else probed_before(PROBES)
    results = measured(chosen, to_run, shared.python, quick=given.quick)
    page = report(chosen, results, found, (before, load()))
    print(page)
    if given.write:
        PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
