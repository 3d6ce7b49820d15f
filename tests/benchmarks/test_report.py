from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("figure", "bound", "met"),
    [
        *((1.0, {"most": 1.02}, True), (1.02, {"most": 1.02}, True), (1.03, {"most": 1.02}, False)),
        *((20.0, {"least": 20}, True), (19.0, {"least": 20}, False), (0.0, {"most": 0}, True)),
    ],
)
def test_a_limit_is_read_back_as_it_was_judged(figure, bound, met, capsys):
    """What a benchmark prints of a limit gives the figure, the limit and the verdict again."""
    from limits import limits_in, print_limit, without_limits

    assert print_limit("a step ÷ bare", figure, **bound) is met
    printed = "a table\n" + capsys.readouterr().out + "its end\n"
    [judged] = limits_in(printed)
    assert (judged.what, float(judged.measured), judged.met) == ("a step ÷ bare", figure, met)
    assert f"{next(iter(bound.values())):g}" in judged.limit
    assert without_limits(printed) == "a table\nits end"


def test_every_ability_is_of_a_known_tool_and_every_note_is_used():
    """The table of abilities has a cell for each tool in each row, and its notes are those that its cells ask for."""
    from peers.capabilities import COLUMNS, NOTES, capabilities

    lines = capabilities({})
    rows = [line for line in lines if line.startswith("|")]
    assert {line.count("|") for line in rows} == {len(COLUMNS) + 2}
    told = [line.partition(". ")[2] for line in lines if line[:1].isdigit()]
    assert sorted(told) == sorted(NOTES.values())


def test_what_could_not_be_run_rests_on_documentation():
    """A tool that is missing here has no cell that says it was run."""
    from peers.capabilities import COLUMNS, capabilities

    place = list(COLUMNS.values()).index("torchinfo") + 2
    cells = [line.split("|")[place].strip() for line in capabilities({}, ["torchinfo"]) if line.startswith("| ")]
    assert cells.count("yes ᵈ") == 2
    assert not [cell for cell in cells if cell.startswith(("yes", "partly")) and "ᵈ" not in cell]


def test_the_report_shows_what_failed_and_what_was_not_measured():
    """A report names every benchmark, its failure in words that cannot become markup, and limits that are missed."""
    from measured import Measured
    from peers.environment import Peer
    from peers.probing import Probed
    from run_all import BENCHMARKS, report

    printed = "a table\nlimit | a step | 1.5 | at most 1 | MISSED"
    results = {
        "scan": Measured(printed, "", "2026-01-01 00:00 UTC", "abc", (0.5, 1.0), 3.0),
        "summary": Measured("", "ValueError: `<b>`", "2026-01-01 00:00 UTC", "abc", (0.5, 1.0), 3.0),
    }
    peer = Peer("torchinfo", "1.8.0", "https://github.com/tyleryep/torchinfo")
    page = report(BENCHMARKS, results, [Probed(peer, "", "", "", "<script>|", None)], (0.0, 2.0))
    assert "0 of 1 limits are met" in page
    assert "**MISSED**" in page
    assert "**It failed**: `ValueError: <b>`" in page
    assert "&lt;script>\\|" in page
    assert page.count("Not measured") == len(BENCHMARKS) - 2
    assert all(f"benchmarks/{one.name}.py" in page for one in BENCHMARKS)


def test_a_written_report_tells_again_what_was_measured():
    """What a report says of a benchmark is read back from the page, with its limits, its failure and its options."""
    from limits import limits_in, without_limits
    from measured import Measured
    from run_all import BENCHMARKS, report
    from written import written

    table = "a table\n  of two lines: 1, 2: met"
    printed = f"{table}\nlimit | CNN: steps | 1.5 | at most 1 | MISSED\nlimit | passes | 20 | at least 3 | met"
    results = {
        "scan": Measured(printed, "", "2026-01-01 00:00 UTC", "abc with changes", (0.5, 1.0), 3.0),
        "peers_checks": Measured("no limits", "", "2026-01-02 00:00 UTC", "def", None, 4.0, ("--limit", "60")),
        "summary": Measured("", "ValueError: why", "2026-01-01 00:00 UTC", "abc", (0.5, 1.0), 3.0),
    }
    page = report(BENCHMARKS, results, [], (0.0, 2.0))
    again = {one.name: known for one in BENCHMARKS if (known := written(page, one.name))}
    assert again.keys() == results.keys()
    assert without_limits(again["scan"].printed) == table
    assert limits_in(again["scan"].printed) == limits_in(printed)
    assert report(BENCHMARKS, again, [], (0.0, 2.0)) == page


def test_what_was_printed_is_kept(tmp_path, monkeypatch):
    """A benchmark that ran is read back with what it printed, and apart from a quick run of it."""
    import measured

    monkeypatch.setattr(measured, "KEPT", tmp_path)
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "short.py").write_text("import sys; print(sys.argv[1:]); raise SystemExit(1)")
    (tmp_path / "benchmarks" / "broken.py").write_text("print('half'); raise ValueError('why')")
    monkeypatch.setattr(measured, "ROOT", tmp_path)
    ran = measured.run("short", Path(sys.executable), ("--limit", "60"), quick=False)
    assert (ran.printed, ran.failed) == ("['--limit', '60']", "")
    assert measured.kept("short", quick=False) == ran
    assert measured.kept("short", quick=True) is None
    assert measured.run("broken", Path(sys.executable), (), quick=True).failed == "ValueError: why"
    (tmp_path / "benchmarks" / "killed.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert measured.run("killed", Path(sys.executable), (), quick=True).failed == "exit status -9"


def test_each_benchmark_is_in_the_report_once():
    """No script is named twice, for it would be run twice and what it printed stand there twice."""
    from run_all import BENCHMARKS

    names = [one.name for one in BENCHMARKS]
    assert sorted(names) == sorted(set(names))


def test_the_first_batch_of_a_stream_is_fed():
    """A loader of an iterable data set, which has no length, gives its first batch to the tools."""
    import torch
    from peers.feeding import first_fed, subject_of

    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter([(torch.ones(3), 1.0), (torch.zeros(3), 0.0)])

    loader = torch.utils.data.DataLoader(Stream(), batch_size=2)
    fed = first_fed(subject_of({"model": torch.nn.Linear(3, 1), "loader": loader}))
    assert [tensor.tolist() for tensor in fed.inputs.values()] == [[[1.0] * 3, [0.0] * 3]]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda program: None, []),
        (lambda program: program.model.train(), ["modes"]),
        (lambda program: program.model(program.x), ["buffers", "torch's random state"]),
        (lambda program: program.model[0].register_forward_hook(print), ["hooks"]),
        (lambda program: program.optimizer.param_groups[0].update(lr=1.0), ["optimizer"]),
        (lambda program: setattr(program.model, "looked_at", True), ["attributes"]),
        (lambda program: random.random(), ["Python's random state"]),
    ],
)
def test_a_probe_names_what_a_tool_left_changed(change, named):
    """Each part of a program that is not as it was is named, and no other."""
    from peers.probes import Program, same, state

    program = Program()
    before = dict(state(program))
    change(program)
    after = dict(state(program))
    assert [part for part in before if not same(before[part], after[part])] == named
