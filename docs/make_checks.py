"""Writes ``docs/checks/``: a page for each check, from the check itself, and the index. Run it after a change there."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from nbinspect.sanity.check import Check
from nbinspect.sanity.registry import CHECKS

FOLDER = Path(__file__).parent / "checks"
SYMPTOMS = FOLDER.parent / "symptoms.md"
STAGES = {
    "data": "looks at batches",
    "wiring": "a forward pass, its operations and its autograd graph",
    "init": "the untrained network on one batch",
    "backward": "one or two backward passes",
    "training": "short runs on copies",
}
ASIDE = re.compile(r"  # (?:type: ignore|noqa).*")
INTRODUCTION = """\
Each asks one question about a live program, and leaves it as it was. All of them, those of a stage, or one:

```python
report = nbinspect.check(model, loader, loss_fn)
report = nbinspect.check(model, loader, loss_fn, only=["data", "loss-input"])
```

In a shell or in CI, where `program` is a function that returns these arguments as a dict; the exit status is 0 without
a defect, 1 if a check failed, 2 if one could not finish or the program cannot be built:

```sh
nbinspect check package.module:program --junit report.xml --html report.html
```

| mark | status | means |
|---|---|---|
| ✕ | fail | a defect, which a healthy program never shows |
| ▲ | warn | worth a look; healthy programs may have it |
| ● | pass | nothing is wrong |
| ? | inconclusive | the evidence supports neither; the result says what would settle it |
| ○ | waived | found, and what you mean to do: `intended={"loss-direction": "policy gradient"}` |
| – | skip | what it needs is not there, and is named |
| ! | error | the check could not finish, with the cause |

Cost is in forward and backward passes beyond those that the checks share, at most; of checks that train, in training
steps on copies. All of them together take at most 600 steps, and on a healthy small program about 200.
"""
HEAD = "<!-- Written by docs/make_checks.py from the check itself: change it there. -->"


def pages() -> dict[str, str]:
    """Return the text of every page by its file's name."""
    return {"README.md": _index(CHECKS), **{f"{check.name}.md": _page(check) for check in CHECKS}}


def _index(checks: Iterable[Check]) -> str:
    lines = [HEAD, "", "# The sanity checks", "", INTRODUCTION]
    for stage, about in STAGES.items():
        own = [check for check in checks if check.stage == stage]
        if own:
            lines += [f"## {stage}: {about}", "", "| check | asks | cost |", "|---|---|---|"]
            lines += [f"| [`{c.name}`]({c.name}.md) | {c.question} | {_cost(c)} |" for c in own] + [""]
    return "\n".join(lines).rstrip() + "\n"


def _page(check: Check) -> str:
    facts = check.facts
    parts = [HEAD, f"# `{facts.name}`", f"> {facts.question}", facts.why, f"**Remedy.** {facts.remedy}"]
    parts += [f"**Silent on** {_ended(facts.silent)}"] if facts.silent else []
    parts.append(_table(check, ", ".join(facts.needs)))
    if facts.thresholds:
        name, default = facts.thresholds[0]
        rows = "\n".join(f"| `{name}` | `{default}` |" for name, default in facts.thresholds)
        parts.append(f"## Thresholds\n\n| name | default |\n|---|---|\n{rows}")
        parts.append(
            _code(f'nbinspect.check(model, loader, loss_fn, thresholds={{"{facts.name}": {{"{name}": {default}}}}})')
        )
    parts += ["## A program on which it stays silent", _example(check.good)]
    if check.bad is not None:
        parts += ["## A program on which it speaks", _example(check.bad)]
    return "\n\n".join(parts) + "\n"


def _table(check: Check, needs: str) -> str:
    explains = ", ".join(f"[`{name}`]({name}.md)" if _is_there(name) else f"`{name}`" for name in check.explains)
    rows = {"stage": check.stage, "needs": needs, "cost": _cost(check), "explains findings of": explains}
    rows["seen as"] = ", ".join(_seen_as(check.name))
    rows["serves"] = ", ".join(f"[{source}](../recipe.md)" for source in check.sources)
    return "| | |\n|---|---|\n" + "\n".join(f"| {name} | {value} |" for name, value in rows.items() if value)


def _seen_as(name: str) -> list[str]:
    """Return links to the symptoms under which the guide names a check."""
    sections = SYMPTOMS.read_text(encoding="utf-8").split("\n## ")[1:]
    titles = [section.partition("\n")[0] for section in sections if f"](checks/{name}.md)" in section]
    return [f"[{title}](../symptoms.md#{re.sub(r'[^a-z]+', '-', title.lower())})" for title in titles]


def _is_there(name: str) -> bool:
    return any(check.name == name for check in CHECKS)


def _cost(check: Check) -> str:
    if check.stage == "training":
        return f"at most {check.cost:g} training steps" if check.cost else "no training step"
    return f"{check.cost:g} pass{'' if check.cost == 1 else 'es'}" if check.cost else "no pass of its own"


def _ended(text: str) -> str:
    return text.rstrip(".") + "."


def _code(text: str) -> str:
    return f"```python\n{text}\n```"


def _example(build: Callable[[], object]) -> str:
    """Return the source of a function with what it uses of its own module, and the call that checks what it returns."""
    source = inspect.getsource(sys.modules[build.__module__])
    nodes = {name: node for node in ast.parse(source).body for name in names_of(node) if name != "Arguments"}
    wanted, waiting = {build.__name__}, [build.__name__]
    while waiting:
        used = {each.id for each in ast.walk(nodes[waiting.pop()]) if isinstance(each, ast.Name)} & nodes.keys()
        waiting += used - wanted
        wanted |= used
    kept = list(dict.fromkeys(node for name, node in nodes.items() if name in wanted))
    imports = [_import(node, wanted) for node in kept if isinstance(node, ast.Import | ast.ImportFrom)]
    own = [_text(source, node) for node in kept if not isinstance(node, ast.Import | ast.ImportFrom)]
    head = "\n".join([*sorted(imports, key=lambda line: (line.startswith("from"), line)), "", "import nbinspect"])
    return _code("\n\n\n".join([head, *own, f"report = nbinspect.check(**{build.__name__}())"]))


def names_of(node: ast.stmt) -> list[str]:
    """Return the names that a statement of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    return [each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)]


def _import(node: ast.Import | ast.ImportFrom, wanted: set[str]) -> str:
    """Return an import of the wanted names alone."""
    node.names = [alias for alias in node.names if (alias.asname or alias.name.partition(".")[0]) in wanted]
    return ast.unparse(node)


def _text(source: str, node: ast.stmt) -> str:
    first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
    lines = source.splitlines()[first - 1 : node.end_lineno]
    return "\n".join(ASIDE.sub("", line) for line in lines).replace(" -> Arguments:", ":")


def main() -> None:
    """Write every page, and remove those of checks that are gone."""
    FOLDER.mkdir(exist_ok=True)
    written = pages()
    for path in FOLDER.glob("*.md"):
        if path.name not in written:
            path.unlink()
    for name, text in written.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
