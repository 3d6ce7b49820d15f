from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, expect
from sklearn.datasets import load_digits, load_sample_images, load_wine

pytestmark = pytest.mark.browser

DIGITS = load_digits()
PRELUDE = """
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset
from sklearn.datasets import load_digits
from nbinspect import Inspector

torch.manual_seed(0)
digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1)
labels = torch.tensor(digits.target)
model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
names = [f"digit {i}" for i in range(10)]

def show(size=64, **options):
    loader = DataLoader(TensorDataset(images, labels), batch_size=size)
    return Inspector(model, loader, nn.CrossEntropyLoss(), **{"class_names": names, **options}).batch()
"""


class View:
    """What a person sees of the batch view in one cell's output."""

    def __init__(self, notebook: Any, cell: int = -1) -> None:
        self.page = notebook.page
        self.root: Locator = notebook.output(cell).locator(".nbinspect")
        self.grid = self.root.get_by_role("grid")
        self.cells = self.root.get_by_role("gridcell")
        self.detail = self.root.get_by_role("region", name="Chosen sample")
        self.statistics = self.root.get_by_role("region", name="Statistics")
        expect(self.root).to_be_visible()

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def cell(self, at: int) -> Locator:
        """The cell at this place of the current order."""
        return self.grid.locator(f".nb-cell[data-at='{at}']")

    def expect_labels(self, first: int) -> None:
        """The first ten cells show the digits from sample `first` of the data set on, by position and label."""
        for at in range(10):
            line = self.cell(at).locator(".nb-line").first.locator("span")
            expect(line).to_have_text([str(at), f"digit {DIGITS.target[first + at]}"])

    def order(self) -> list[int]:
        """The samples in the order shown, of the cells that are drawn."""
        expect(self.cells.first).to_be_visible()
        texts = self.grid.evaluate(
            """grid => [...grid.querySelectorAll('.nb-cell')].sort((a, b) => a.dataset.at - b.dataset.at)
                .map(cell => cell.querySelector('.nb-line span').textContent)"""
        )
        return [int(text) for text in texts]

    def point_at(self, canvas: Locator, row: int, column: int, rows: int, columns: int) -> None:
        """Move the mouse to the middle of a pixel."""
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        assert box
        self.page.mouse.move(
            box["x"] + (column + 0.5) / columns * box["width"], box["y"] + (row + 0.5) / rows * box["height"]
        )


def opened(lab: Any, code: str, **options: str) -> View:
    """A notebook that shows what `code` makes."""
    notebook = lab.open(PRELUDE, code, **options)
    notebook.run()
    return View(notebook)


def pixels(canvas: Locator) -> np.ndarray:
    """What a canvas shows, (H, W, 4)."""
    width, height, values = canvas.evaluate(
        """canvas => [canvas.width, canvas.height,
            [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]]"""
    )
    return np.array(values, dtype=np.uint8).reshape(height, width, 4)


def test_the_batch_is_shown_and_the_next_one_follows(lab: Any, kernel: str) -> None:
    """The grid shows each sample with its label, and the next batch by a click and by a key, on each ipykernel."""
    view = opened(lab, "show()", kernel=kernel)
    view.expect_labels(0)
    np.testing.assert_array_equal(pixels(view.cell(9).locator("canvas"))[..., 0] > 127, DIGITS.images[9] > 8)
    view.button("Next batch").click()
    view.expect_labels(64)
    view.cell(0).click()
    view.page.keyboard.press("n")
    view.expect_labels(128)


def test_a_sample_is_chosen_by_mouse_and_keys(lab: Any) -> None:
    """A click shows a sample large; arrow keys walk and Enter chooses, and JupyterLab's shortcuts stay away."""
    view = opened(lab, "show()")
    title = view.detail.get_by_role("heading").first
    view.cell(9).click()
    expect(title).to_have_text("Sample 9 · label digit 9")
    expect(view.cell(9)).to_have_attribute("aria-selected", "true")
    for key, sample in [("ArrowRight", 10), ("ArrowLeft", 9), ("ArrowLeft", 8), ("Home", None), ("End", None)]:
        view.page.keyboard.press(key)
        focused = view.grid.locator(".nb-cell:focus")
        expect(focused).to_have_count(1)
        if sample is not None:
            expect(focused).to_have_attribute("data-at", str(sample))
    view.cell(8).focus()
    columns = int(view.grid.get_attribute("aria-colcount") or 0)
    view.page.keyboard.press("ArrowDown")
    view.page.keyboard.press("Enter")
    expect(title).to_have_text(f"Sample {8 + columns} · label digit {DIGITS.target[8 + columns]}")
    for key in "aab":
        view.page.keyboard.press(key)
    expect(view.page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(2)


def test_order_and_filter_work_in_the_page(lab: Any) -> None:
    """Sorting by mean and by label, turning the order round and keeping one label agree with NumPy."""
    view = opened(lab, "show()")
    means, targets = DIGITS.images[:64].mean(axis=(1, 2)), DIGITS.target[:64]
    sort = view.root.get_by_label("Sort")
    sort.select_option("mean")
    shown = view.order()
    assert shown == list(np.argsort(means, kind="stable")[: len(shown)])
    view.root.get_by_role("button", name=re.compile("^Ascending")).click()
    shown = view.order()
    np.testing.assert_allclose(means[shown], np.sort(means)[::-1][: len(shown)])
    view.root.get_by_role("button", name=re.compile("^Descending")).click()
    sort.select_option("label")
    assert list(targets[view.order()]) == sorted(targets)[: len(view.order())]
    view.root.get_by_label("Label", exact=True).select_option("digit 3")
    expect(view.root.locator(".nb-tally")).to_have_text(f"{(targets == 3).sum()} of 64 samples")
    assert view.order() == list(np.flatnonzero(targets == 3))


def test_the_value_under_the_pointer_is_the_tensors_own(lab: Any) -> None:
    """Hovering gives row, column and the very value, in the grid and in the large picture."""
    view = opened(lab, "show()")
    value = DIGITS.images[9][3, 5]
    assert value not in (0, DIGITS.images[9][5, 3])
    view.cell(9).click()
    view.point_at(view.detail.locator("canvas.nb-plate"), 3, 5, 8, 8)
    expect(view.detail.locator(".nb-readout").first).to_contain_text(f"pixel (3, 5) = {value:.4g}")
    view.point_at(view.cell(9).locator("canvas"), 3, 5, 8, 8)
    expect(view.root.locator(".nb-under")).to_contain_text(f"sample 9  pixel (3, 5) = {value:.4g}")


def test_what_is_suspicious_is_marked(lab: Any) -> None:
    """Raw grey levels are marked as not normalised, with figures that NumPy agrees with."""
    view = opened(lab, "show()")
    row = view.statistics.get_by_role("row").filter(has=view.page.get_by_role("rowheader")).first
    first = DIGITS.images[:64]
    expect(row).to_contain_text(f"{first.mean():.4g}")
    expect(row).to_contain_text(f"{first.std():.4g}")
    expect(row).to_contain_text(f"▲ not normalised: std {first.std():.1g}")


NOISY = """
class Noisy(Dataset):
    def __len__(self):
        return 32
    def __getitem__(self, index):
        return images[index] / 16 + 0.3 * torch.rand(1, 8, 8), labels[index]

Inspector(model, DataLoader(Noisy(), batch_size=8, shuffle=True), nn.CrossEntropyLoss()).batch()
"""


def test_the_same_batch_again_stands_beside_the_first(lab: Any) -> None:
    """The same samples come augmented anew, in two panes with the same labels and other pixels."""
    view = opened(lab, NOISY)
    before = [view.cell(at).locator(".nb-line").first.inner_text() for at in range(8)]
    old = pixels(view.cell(0).locator("canvas"))
    view.button("Same batch again").click()
    expect(view.cell(0).locator("canvas")).to_have_count(2)
    expect(view.cell(0).locator(".nb-caption")).to_have_text(["this time", "before"])
    assert [view.cell(at).locator(".nb-line").first.inner_text() for at in range(8)] == before
    now, then = (pixels(view.cell(0).locator("canvas").nth(i)) for i in (0, 1))
    np.testing.assert_array_equal(then, old)
    assert (now != then).any()
    view.root.get_by_role("button", name=re.compile("Drop comparison")).click()
    expect(view.cell(0).locator("canvas")).to_have_count(1)


PHOTOGRAPHS = """
from sklearn.datasets import load_sample_images
mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
photographs = torch.stack([torch.tensor(image[:64, :64]).permute(2, 0, 1) for image in load_sample_images().images])
fed = (photographs / 255 - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
network = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
Inspector(network, [(fed, torch.tensor([0, 1]))], nn.CrossEntropyLoss(), normalisation=(mean, std)).batch()
"""


def test_pictures_are_shown_as_fed_and_de_normalised(lab: Any) -> None:
    """De-normalised pixels are those of the photograph within the step of 8 bits; both ways stand side by side."""
    view = opened(lab, PHOTOGRAPHS)
    expect(view.button("As fed")).to_have_attribute("aria-pressed", "true")
    as_fed = pixels(view.cell(0).locator("canvas"))
    view.button("De-normalised").click()
    expect(view.button("De-normalised")).to_have_attribute("aria-pressed", "true")
    shown = pixels(view.cell(0).locator("canvas"))
    original = load_sample_images().images[0][:64, :64]
    assert np.abs(shown[..., :3].astype(int) - original).max() <= 2
    assert np.abs(shown.astype(int) - as_fed).max() > 5
    view.button("Both").click()
    expect(view.cell(0).locator("canvas")).to_have_count(2)
    view.cell(1).click()
    view.point_at(view.detail.locator("canvas.nb-plate").first, 10, 20, 64, 64)
    red = load_sample_images().images[1][10, 20, 0] / 255
    readout = view.detail.locator(".nb-readout").first
    expect(readout).to_contain_text("pixel (10, 20) =")
    expect(readout).to_contain_text(f"{(red - 0.485) / 0.229:.4g}".replace("-", "−"))
    expect(readout).to_contain_text(f"de-normalised red {red:.4g}")
    expect(view.root).to_contain_text("argument")


TOKENS = """
class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.Embedding(6, 4), nn.Linear(4, 2)
    def forward(self, input_ids, attention_mask):
        return self.head(self.embed(input_ids).mean(1))

words = ["[PAD]", "silent", "bugs", "hide", "well", "<i>here</i>"]
batch = {
    "input_ids": torch.tensor([[1, 2, 3, 4, 5], [2, 3, 4, 0, 0]]),
    "attention_mask": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]),
    "labels": torch.tensor([0, 1]),
}
Inspector(Tagger(), [batch], nn.CrossEntropyLoss(), vocabulary=words, class_names=["yes", "no"]).batch()
"""
TABLE = """
from sklearn.datasets import load_wine
wine = load_wine()
rows = (torch.tensor(wine.data).float(), torch.tensor(wine.target))
Inspector(nn.Linear(13, 3), [rows], nn.CrossEntropyLoss(), feature_names=wine.feature_names).batch()
"""
SOUND = """
seconds = torch.arange(8000) / 8000
notes = 0.3 * torch.sin(6.2832 * torch.tensor([[220.0], [440.0]]) * seconds).unsqueeze(1)
listener = nn.Sequential(nn.Flatten(), nn.Linear(8000, 2))
Inspector(listener, [(notes, torch.tensor([0, 1]))], nn.CrossEntropyLoss(), sample_rate=8000).batch()
"""
MASKS = """
mask = torch.zeros(4, 16, 16, dtype=torch.long)
mask[:, :, 8:] = 1
segmenter = nn.Conv2d(3, 2, 1)
Inspector(segmenter, [(torch.rand(4, 3, 16, 16), mask)], nn.CrossEntropyLoss(), class_names=["left", "right"]).batch()
"""


def test_each_kind_of_tensor_has_its_view(lab: Any) -> None:
    """Tokens are words, rows have feature names, sound is played, and masks lie over pictures."""
    notebook = lab.open(PRELUDE, TOKENS, TABLE, SOUND, MASKS)
    notebook.run()

    tokens = View(notebook, 1)
    expect(tokens.cell(0).locator(".nb-token")).to_have_text(["silent", "bugs", "hide", "well", "<i>here</i>"])
    expect(tokens.cell(1).locator(".nb-masked")).to_have_text(["[PAD]", "[PAD]"])
    tokens.cell(0).locator(".nb-token").nth(2).hover()
    expect(tokens.root.locator(".nb-under")).to_contain_text("token 2  id 3  “hide”  attended")

    table = View(notebook, 2)
    expect(table.root.locator(".nb-feature").first).to_have_text("alcohol")
    expect(table.cell(0)).to_contain_text("14.2")
    table.cell(0).click()
    above = "cell => getComputedStyle(cell, '::after').zIndex - getComputedStyle(cell.querySelector('.nb-side')).zIndex"
    assert table.cell(0).evaluate(above) > 0, "the outline goes on over the column that stays in sight"
    expect(table.statistics).to_contain_text(f"{load_wine().data.std(axis=0)[-1]:.4g}")

    sound = View(notebook, 3)
    sound.cell(1).click()
    sound.root.get_by_role("button", name="▶ Load sound").click()
    audio = sound.root.locator("audio")
    expect(audio).to_be_visible()
    duration = audio.evaluate(
        """async audio => {
            while (audio.readyState < 1) await new Promise(requestAnimationFrame);
            return audio.duration;
        }"""
    )
    assert duration == pytest.approx(1.0, abs=0.01)

    masks = View(notebook, 4)
    masks.point_at(masks.cell(0).locator("canvas"), 4, 12, 16, 16)
    expect(masks.root.locator(".nb-under")).to_contain_text("mask: right")
    masks.point_at(masks.cell(0).locator("canvas"), 4, 3, 16, 16)
    expect(masks.root.locator(".nb-under")).to_contain_text("mask: left")
    left, right = (
        pixels(masks.cell(0).locator("canvas"))[:, part].astype(int).mean() for part in (slice(8), slice(8, None))
    )
    masks.button("Masks").click()
    expect(masks.button("Masks")).to_have_attribute("aria-pressed", "false")
    assert abs(left - right) > 1


def test_hostile_names_are_shown_as_text(lab: Any) -> None:
    """A class that is named like markup, or very long, is shown and not run."""
    hostile = "<img src=x onerror=alert(1)>"
    view = opened(lab, f"show(class_names=[{hostile!r}, 'long ' * 2000, *names[2:]])")
    expect(view.cell(0)).to_contain_text(hostile)
    view.cell(0).click()
    expect(view.detail.get_by_role("heading").first).to_contain_text(hostile)
    assert view.root.locator("img").count() == 0
    box = view.cell(1).bounding_box()
    assert box
    assert box["width"] < 300


def test_only_what_is_in_sight_is_drawn(lab: Any) -> None:
    """Of 512 samples a small part is in the page at any time, and the last one is reached by a key and by the wheel."""
    view = opened(lab, "show(512)")
    expect(view.root.locator(".nb-tally")).to_have_text("512 samples")
    assert view.cells.count() < 200
    view.cell(0).click()
    view.page.keyboard.press("Control+End")
    expect(view.cell(511)).to_be_focused()
    assert view.cells.count() < 200
    view.page.keyboard.press("Control+Home")
    expect(view.cell(0)).to_be_focused()
    view.grid.hover()
    view.page.mouse.wheel(0, 100_000)
    expect(view.cell(511)).to_be_visible()
    assert view.cells.count() < 200
    fetched = view.page.evaluate("() => performance.getEntriesByType('resource').map(entry => entry.name)")
    assert all(name.startswith(("http://127.0.0.1", "data:", "blob:")) for name in fetched)


def test_predictions_are_added_on_request(lab: Any) -> None:
    """Predict gives each sample the network's class and loss, as torch computes them in the kernel."""
    notebook = lab.open(PRELUDE, "show()")
    notebook.run()
    view = View(notebook)
    view.button("Predict").click()
    second = view.cell(0).locator(".nb-line").nth(1)
    expect(second).to_be_visible()
    told = notebook.execute(
        "logits = model(images[:8])\nlosses = nn.functional.cross_entropy(logits, labels[:8], reduction='none')\n"
        "import json; print(json.dumps([logits.argmax(1).tolist(), losses.tolist()]))"
    )
    for at, (predicted, loss) in enumerate(zip(*json.loads(told), strict=True)):
        line = view.cell(at).locator(".nb-line").nth(1)
        expect(line).to_contain_text(f"digit {predicted}")
        expect(line).to_contain_text(f"{loss:.3g}")


def test_a_forward_that_raises_is_shown_with_its_batch(lab: Any) -> None:
    """The error and its line stand above the batch, which is still whole."""
    code = """
class Broken(nn.Module):
    def forward(self, x):
        return x.view(-1, 7)

model = Broken()
show()
"""
    view = opened(lab, code)
    expect(view.root).to_contain_text("RuntimeError")
    expect(view.root).to_contain_text("invalid for input of size")
    view.expect_labels(0)


def test_a_frozen_view_is_pure_html(lab: Any) -> None:
    """`freeze` leaves a picture and the figures in the output, with neither widget nor script."""
    notebook = lab.open(PRELUDE, "view = show(); view")
    notebook.run()
    expect(View(notebook).cell(0)).to_be_visible()
    notebook.execute("view.freeze()")
    output = notebook.output()
    expect(output.locator(".nbinspect canvas, .jupyter-widgets, script")).to_have_count(0)
    expect(output.locator("img[src^='data:image/png']").first).to_be_visible()
    expect(output).to_contain_text("digit 9")
    expect(output).to_contain_text(f"{DIGITS.images[:64].std():.3g}")
    notebook.screenshot("batch-frozen", output)


def test_a_rebound_model_is_said_to_be_old(lab: Any) -> None:
    """When the notebook's variable means another model, the view says that it shows the old one."""
    notebook = lab.open(PRELUDE, "show()", "model = nn.Linear(64, 10)")
    notebook.run()
    view = View(notebook, 1)
    expect(view.root).to_contain_text("model is another object now: this view shows the old one")


def test_a_click_during_a_cell_waits_visibly(lab: Any, kernel: str, tmp_path: Path) -> None:
    """While a cell runs, looking goes on, a request is seen to wait, and it is served when the cell has ended."""
    flag = tmp_path / "go"
    busy = f"import pathlib, time\nwhile not pathlib.Path({str(flag)!r}).exists():\n    time.sleep(0.05)"
    notebook = lab.open(PRELUDE, "show()", busy, kernel=kernel)
    notebook.start()
    view = View(notebook, 1)
    view.expect_labels(0)
    following = view.button("Next batch")
    following.click()
    expect(following).to_have_attribute("aria-busy", "true")
    view.root.get_by_label("Label", exact=True).select_option("digit 3")
    expect(view.root.locator(".nb-tally")).to_contain_text("of 64 samples")
    view.root.get_by_label("Label", exact=True).select_option("all")
    view.expect_labels(0)
    flag.touch()
    view.expect_labels(64)
    expect(following).not_to_have_attribute("aria-busy", "true")


def test_the_view_follows_training(lab: Any, kernel: str) -> None:
    """With `follow=True` the batch that entered last is shown, with the step at which it did, on each ipykernel."""
    loop = """
loss_fn = nn.CrossEntropyLoss()
loader = DataLoader(TensorDataset(images, labels), batch_size=64)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
followed = Inspector(model, loader, loss_fn, class_names=names).batch(follow=True)
followed
"""
    train = """
for step, (x, y) in zip(range(20), loader):
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
"""
    notebook = lab.open(PRELUDE, loop, train, kernel=kernel)
    notebook.run()
    view = View(notebook, 1)
    expect(view.root).to_contain_text("captured at Sequential.forward, step 20")
    view.expect_labels(19 * 64)


def test_both_themes_are_legible(lab: Any) -> None:
    """Text and ground differ by a contrast of at least 4.5, with dark text in the light theme and light in the dark."""
    notebook = lab.open(PRELUDE, "show()")
    notebook.run()
    view = View(notebook)
    view.cell(9).click()
    for theme in ("dark", "light"):
        notebook.theme(theme)
        text, ground = view.root.locator(".nb-sheet").evaluate(
            "sheet => [getComputedStyle(sheet).color, getComputedStyle(sheet).backgroundColor]"
        )
        light, dark = (luminance(colour) for colour in ((ground, text) if theme == "light" else (text, ground)))
        assert (light + 0.05) / (dark + 0.05) >= 4.5
        notebook.screenshot(f"batch-{theme}", view.root)


def luminance(colour: str) -> float:
    """Relative luminance of a CSS colour, as accessibility guidelines define it."""
    shares = np.array([float(part) for part in re.findall(r"[\d.]+", colour)[:3]]) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
