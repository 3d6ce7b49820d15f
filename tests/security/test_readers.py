from __future__ import annotations

import json
import pickle
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbinspect import Journal, Report
from nbinspect.data.human.asking import HumanBaseline
from nbinspect.errors import InputError, NbinspectError
from nbinspect.journal.comparison import compared
from nbinspect.journal.revived import revived
from nbinspect.journal.storage import JournalError
from nbinspect.report.program import program_named
from nbinspect.runlog.follow import Follow
from nbinspect.runlog.log import RunLog
from tests.figures.sanity_runs import result, sick
from tests.figures.sanity_runs import run as sanity_run
from tests.runlog.logged import news
from tests.security.hostile import HOSTILE
from tests.security.markup import Walked
from tests.security.running import nothing_runs, obeyed, refused_plainly

pytestmark = [  # text of any script is drawn, of which matplotlib's font lacks some
    pytest.mark.filterwarnings("ignore:Glyph .* missing from:UserWarning"),
    pytest.mark.filterwarnings("ignore:Matplotlib currently does not support:UserWarning"),
    pytest.mark.filterwarnings("ignore:.* not applied because axes sizes collapsed:UserWarning"),
]

FUZZ = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Bomb:
    """What runs when it is unpickled."""

    def __reduce__(self) -> Any:
        return exec, ("import os; os.environ['NBINSPECT_BOMB'] = '1'",)


BOMB = pickle.dumps(Bomb())
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.binary(max_size=20),
    st.sampled_from([BOMB, *(text for text in HOSTILE.values() if "\ud800" not in text)]),
    st.sampled_from(["[]", "{}", '{"commit": 1}', '{"seed": [1]}', '{"commit": {"id": 3}}', "[" * 9999, "NaN", '"x"']),
)
JSONS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


def filled(file: Path) -> Path:
    """A journal with a run, a report and an action."""
    journal = Journal(file)
    with journal.run("a run", config={"lr": 0.1}, note="a note") as run:
        run.log(0, 1.0, accuracy=0.5)
        run.log(1, 0.5, accuracy=0.7)
    journal.add(Report(sanity_run(result("label-range", "fail", title="a title"), diagnosis=("label-range",))))
    journal.act("cancel")
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
    return file


def changed(file: Path, *statements: tuple[str, tuple[Any, ...]]) -> None:
    """Change a journal as another program could."""
    with closing(sqlite3.connect(file)) as db:
        for statement, values in statements:
            db.execute(statement, values)
        db.commit()


def read_whole(file: Path) -> None:
    """Read all that a journal has, show it, and compare it with itself."""
    journal = Journal(file)
    journal.runs()
    for entry in range(1, len(journal) + 1):
        found = journal[entry]
        assert not obeyed(str(found))
        assert not obeyed(str(compared(found, found)))
        if found.json is not None:
            assert not Walked(found.report._repr_html_()).wrong
            assert not obeyed(str(found.report))
    assert not Walked(journal.compare(1, 1)._repr_html_()).wrong


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = filled(tmp_path_factory.mktemp("journal") / "runs.db")
    read_whole(file)  # imports what it needs once
    return file


COLUMNS = {
    "entry": ("kind", "name", "status", "began", "ended", "process", "configuration", "checks", "report"),
    "value": ("at", "step", "name", "value"),
    "note": ("at", "text"),
}


@FUZZ
@given(st.sampled_from([(table, name) for table, names in COLUMNS.items() for name in names]), VALUES)
def test_a_journal_of_odd_values_is_shown_or_refused(kept: Path, place: tuple[str, str], value: Any) -> None:
    """Whatever another program has written into a column, it is shown as text or one clear error, and never run."""
    table, column = place
    file = shutil.copy(kept, kept.with_name("odd.db"))
    try:
        changed(file, (f"UPDATE {table} SET {column} = ?", (value,)))
    except sqlite3.IntegrityError:
        return
    with nothing_runs(), refused_plainly(InputError, JournalError):
        read_whole(file)


@FUZZ
@given(st.data())
def test_a_damaged_journal_is_read_or_refused(kept: Path, data: st.DataObject) -> None:
    """Bytes changed or cut anywhere in the file give values or one clear error."""
    whole = bytearray(kept.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    file = kept.with_name("damaged.db")
    file.write_bytes(whole[: data.draw(st.one_of(st.just(len(whole)), st.integers(0, len(whole))))])
    with nothing_runs(), refused_plainly(InputError, JournalError):
        read_whole(file)


SCHEMAS = {
    "trigger": ["CREATE TRIGGER more AFTER INSERT ON note BEGIN DELETE FROM entry; END"],
    "view": [
        "DROP TABLE note",
        "CREATE VIEW note AS SELECT 1 AS id, 1 AS entry, 1.0 AS at, load_extension('x') AS text",
    ],
    "view of another case": ["DROP TABLE note", "CREATE VIEW NOTE AS SELECT 1 AS id, 1 AS entry, 'x' AS text"],
    "endless view": [
        "DROP TABLE value",
        "CREATE VIEW value AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id FROM n) SELECT * FROM n",
    ],
    "generated column": [
        "DROP TABLE note",
        "CREATE TABLE note (id, entry, at, text AS (hex(zeroblob(1000000000))))",
    ],
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_journal_with_a_will_of_its_own_is_refused(kept: Path, name: str) -> None:
    """Triggers, views and computed columns are refused by reader and writer, and the file is left unchanged."""
    file = shutil.copy(kept, kept.with_name(f"{name}.db"))
    changed(file, *((statement, ()) for statement in SCHEMAS[name]))
    before = file.read_bytes()
    journal = Journal(file)
    for ask in (journal.runs, lambda: journal[1], lambda: journal.act("x"), lambda: journal.run("x")):
        with pytest.raises(InputError, match="are not those that nbinspect makes"):
            ask()
    assert file.read_bytes() == before


@pytest.fixture(scope="module")
def revives() -> None:
    """A report was read before: types of records are looked up once."""
    str(revived(Report(sick()).to_json()))


@pytest.mark.usefixtures("revives")
@FUZZ
@given(st.data())
def test_any_json_is_a_report_or_refused(data: st.DataObject) -> None:
    """A report with any part changed is shown as one that is whole, or is refused with one clear error."""
    found: Any = json.loads(Report(sick()).to_json())
    place = found
    while isinstance(place, dict | list) and place:
        key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else list(range(len(place)))))
        if data.draw(st.booleans()):
            place[key] = data.draw(st.one_of(JSONS, st.sampled_from(list(HOSTILE.values()))))
            break
        place = place[key]
    with nothing_runs(), refused_plainly(InputError):
        report = revived(json.dumps(found))
        assert not obeyed(str(report))
        assert Report.to_json(report)


@pytest.mark.parametrize("text", ["", "[]", "1", "null", "{", "[" * 99999, '{"version": 1}', '{"version": "\\u001b"}'])
def test_what_is_no_report_is_refused(text: str) -> None:
    """Any other JSON, or none, is one clear error."""
    with pytest.raises(InputError, match="report: "):
        revived(text)


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log") / "run"
    log = RunLog(folder, about={"model": HOSTILE["img"]})
    log.write(news(1, 3))
    log.close()
    followed(folder)
    return folder


def followed(folder: Path) -> None:
    follow = Follow(folder)
    assert not obeyed(follow.text)
    follow.poll()
    assert follow.about is not None
    assert follow.alive in (True, False, None)
    assert not obeyed(follow.text)


@FUZZ
@given(st.data())
def test_a_damaged_run_log_is_read_or_refused(logged: Path, data: st.DataObject) -> None:
    """Bytes changed anywhere in the file of a run give records or one clear error, and nothing is run."""
    folder = logged.with_name("damaged")
    folder.mkdir(exist_ok=True)
    whole = bytearray((logged / "rank-0.sqlite").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    (folder / "rank-0.sqlite").write_bytes(whole)
    with nothing_runs(), refused_plainly(NbinspectError):
        followed(folder)


def test_names_of_tables_that_are_no_text_are_damage(kept: Path, logged: Path) -> None:
    """Where SQLite's own message would hold bytes that are no text, a file is refused as damaged."""
    folder = logged.with_name("renamed")
    folder.mkdir()
    files = (shutil.copy(kept, kept.with_name("renamed.db")), shutil.copy(logged / "rank-0.sqlite", folder))
    spoilt = "UPDATE sqlite_master SET name = CAST(x'73ff' AS TEXT), sql = 'CREATE TABLE !' WHERE rowid = 1"
    for file in files:
        changed(file, ("PRAGMA writable_schema = ON", ()), (spoilt, ()))
    with pytest.raises(JournalError, match="it is damaged"):
        read_whole(files[0])
    with pytest.raises(NbinspectError, match="it is damaged"):
        followed(folder)


SESSION = ("process", "began", "beat", "ended", "status", "steps", "seconds", "about")


@FUZZ
@given(
    st.sampled_from([*(("session", name) for name in SESSION), *(("news", n) for n in ("sizes", "record", "data"))]),
    VALUES,
)
def test_a_run_log_of_odd_values_is_read_or_refused(logged: Path, place: tuple[str, str], value: Any) -> None:
    """Whatever another program has written into a column of a run's log, there is a record or one clear error."""
    folder = logged.with_name("odd")
    folder.mkdir(exist_ok=True)
    file = shutil.copy(logged / "rank-0.sqlite", folder / "rank-0.sqlite")
    try:
        changed(file, (f"UPDATE {place[0]} SET {place[1]} = ?", (value,)))
    except sqlite3.IntegrityError:
        return
    with nothing_runs(), refused_plainly(NbinspectError):
        followed(folder)


def baseline(path: Path) -> HumanBaseline:
    return HumanBaseline([3, 5, 8, 9], [0, 1, 0, 1], ("cat", HOSTILE["ansi"]), n=3, seed=0, path=path)


@FUZZ
@given(st.data())
def test_answers_of_a_person_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    """Any bytes in place of, or within, a file of answers give answers or one clear error."""
    path = tmp_path / "answers.jsonl"
    path.unlink(missing_ok=True)
    asked = baseline(path)
    asked.answer(1)
    whole = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    else:
        line = data.draw(st.one_of(st.binary(max_size=40), JSONS.map(lambda value: json.dumps(value).encode())))
        whole += data.draw(st.sampled_from([line + b"\n", BOMB, b"[" * 9999 + b"\n", line]))
    path.write_bytes(whole)
    with nothing_runs(), refused_plainly(NbinspectError):
        baseline(path)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
def test_a_program_of_any_name_is_one_clear_error(text: str) -> None:
    """The name of a program on the command line is a module and a function, or one line that says what it is not."""
    for name in (text, f"{text}:{text}", f"json:{text}"):
        with pytest.raises(InputError) as raised:
            program_named(name, 10)
        assert not obeyed(str(raised.value))
