"""What the page of a dashboard is told, as JSON values."""

from __future__ import annotations

from typing import Any

from nbinspect.records import RecipeRecord, RecipeStep, RoomName
from nbinspect.subject import Subject
from nbinspect.widgets.dashboard_rooms import ROOMS, badge_of, why_off
from nbinspect.widgets.dashboard_sample import CARRIED, Selected, against
from nbinspect.widgets.dashboard_views import Views


def rooms_state(views: Views, recipe: RecipeRecord, subject: Subject) -> list[dict[str, Any]]:
    """Return every room: whether it is open, and what its tab says."""
    return [_room(room, views, recipe, subject) for room in ROOMS]


def _room(room: RoomName, views: Views, recipe: RecipeRecord, subject: Subject) -> dict[str, Any]:
    view, off = views.open.get(room), why_off(room, subject)
    failed = views.failed.get(room, "")
    state = "opening" if views.opening == room else "open" if room == "recipe" or view is not None else "closed"
    if state == "closed" and (off or failed):
        state = "off" if off else "error"
    text, tone = badge_of(view) if view is not None else ("", "")
    if room == "recipe":
        wrong = any(step.state == "attention" for chapter in recipe.chapters for step in chapter.steps)
        text, tone = f"{recipe.done} of {recipe.total}", "warn" if wrong else ""
    return {
        "name": room,
        "title": room.capitalize(),
        "state": state,
        "model": None if view is None else view.model_id,
        "text": text,
        "tone": tone,
        "why": off or failed,
    }


def recipe_state(record: RecipeRecord) -> dict[str, Any]:
    """Return the recipe."""
    chapters = [
        {"title": chapter.title, "steps": [_step(step) for step in chapter.steps]} for chapter in record.chapters
    ]
    return {
        "chapters": chapters,
        "next": record.next,
        "nextText": record.next_text,
        "done": record.done,
        "total": record.total,
    }


def _step(step: RecipeStep) -> dict[str, Any]:
    return {**vars(step), "sources": list(step.sources)}


def sample_state(selected: Selected, views: Views, subject: Subject) -> dict[str, Any]:
    """Return the selected sample, and where it can be carried, or why not."""
    where: dict[str, Any] = {}
    for room in CARRIED:
        where[room] = why_off(room, subject) or against(room, views.open.get(room), selected) or True
    return {
        "split": selected.split,
        "index": selected.index,
        "position": selected.position,
        "label": selected.label,
        "from": selected.room,
        "where": where,
    }
