"""Layered samples for training: one by one (``LayeredDataset``) or in batches (``LayerBatches``, ``LayerLoader``).

Both read a dataset folder or shards. Batch ``i`` of a stream depends on the data, the options and ``i`` only: not on
the number of workers, nor on where the run began.

Shape letters: ``B`` batch, ``K`` layers, ``H W`` pixels.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

from layerize.data.augment import NOTHING, Augment, augmented
from layerize.data.buckets import BatchPlan, Draw, PlanOptions, Size, draw, nearest_size, plan
from layerize.data.sample_store import SampleStore, open_store
from layerize.errors import InputError, UsageError

U8 = npt.NDArray[np.uint8]
OnError = Literal["raise", "skip"]


@dataclass(frozen=True, kw_only=True, eq=False)
class LayeredExample:
    """One design at training size.

    Attributes:
        id: Of the sample.
        picture_u8_HW3: The composite of the layers, RGB.
        layers_u8_KHW4: Straight RGBA, bottom to top, the first opaque.
        names: One per layer.
        caption: One sentence, or ``""``.
    """

    id: str
    picture_u8_HW3: U8
    layers_u8_KHW4: U8
    names: tuple[str, ...]
    caption: str


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerBatch:
    """Designs of one size; values 0..1, alpha straight.

    Attributes:
        picture_B3HW: The pictures.
        layers_BK4HW: Their layers, bottom to top, zero above each design's count.
        mask_BK: True where there is a layer.
        count_B: Number of layers.
        captions: One each, ``""`` where there is none.
        names: Layer names of each.
        ids: Of the samples.
        skipped: (id, reason) of samples that could not be read; others stand in their places.
    """

    picture_B3HW: Tensor
    layers_BK4HW: Tensor
    mask_BK: Tensor
    count_B: Tensor
    captions: tuple[str, ...]
    names: tuple[tuple[str, ...], ...]
    ids: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def groups(self) -> tuple[tuple[Tensor, Tensor], ...]:
        """For each layer count: places in the batch (n,), and layers without padding (n, K, 4, H, W)."""
        counts = self.count_B.tolist()
        found = []
        for count in dict.fromkeys(counts):
            index = torch.tensor([i for i, own in enumerate(counts) if own == count])
            found.append((index, self.layers_BK4HW[index, :count]))
        return tuple(found)

    def pin_memory(self) -> LayerBatch:
        """In page-locked memory, for DataLoader(pin_memory=True)."""
        tensors = ("picture_B3HW", "layers_BK4HW", "mask_BK", "count_B")
        return LayerBatch(**{**vars(self), **{name: getattr(self, name).pin_memory() for name in tensors}})


def collate(examples: Sequence[LayeredExample], skipped: Sequence[tuple[str, str]] = ()) -> LayerBatch:
    """Examples of one size as a batch, padded to the largest layer count.

    Raises:
        UsageError: No examples, or of different sizes.
    """
    sizes = {example.picture_u8_HW3.shape for example in examples}
    if len(sizes) != 1:
        raise UsageError(f"a batch needs examples of one size, not {sorted(sizes)}; give the dataset one size.")
    counts = [len(example.layers_u8_KHW4) for example in examples]
    height, width, _ = sizes.pop()
    layers = np.zeros((len(examples), max(counts), height, width, 4), np.uint8)
    for target, example in zip(layers, examples, strict=True):
        target[: len(example.layers_u8_KHW4)] = example.layers_u8_KHW4
    count_B = torch.tensor(counts)
    return LayerBatch(
        picture_B3HW=_to_float(np.stack([example.picture_u8_HW3 for example in examples])),
        layers_BK4HW=_to_float(layers),
        mask_BK=torch.arange(max(counts))[None] < count_B[:, None],
        count_B=count_B,
        captions=tuple(example.caption for example in examples),
        names=tuple(example.names for example in examples),
        ids=tuple(example.id for example in examples),
        skipped=tuple(skipped),
    )


class LayeredDataset(Dataset[LayeredExample]):
    """Samples one by one, each at the size whose aspect ratio is nearest.

    Args:
        where: Dataset folder, or folder or URL of shards.
        split: ``train``, ``val`` or ``test``.
        sizes: Canvas sizes (width, height) to choose from.
        augment: What may happen to a sample; None: nothing. A sample looks the same every time until ``epoch`` changes.
        seed: Of the augmentation.

    Raises:
        InputError: No dataset, or the split is empty.
    """

    def __init__(
        self,
        where: str | Path,
        split: str = "train",
        *,
        sizes: Sequence[Size] = ((128, 128),),
        augment: Augment | None = None,
        seed: int = 0,
    ) -> None:
        self._store = open_store(where, split)
        self._options = PlanOptions(sizes=tuple(sizes), drop=augment.drop if augment else 0.0, seed=seed)
        self._augment = augment or NOTHING
        self.epoch = 0

    def __len__(self) -> int:
        return len(self._store.entries)

    def __getitem__(self, index: int) -> LayeredExample:
        """The sample.

        Raises:
            InputError: It is damaged; the message names it.
        """
        entry = self._store.entries[index]
        drawn = draw(entry, self._options, self.epoch)
        return _example(self._store, drawn, nearest_size(entry.size, self._options.sizes), self._augment)


class LayerBatches(IterableDataset[LayerBatch]):
    """An endless (or one epoch's) stream of batches; ``LayerLoader`` reads it in worker processes.

    Args:
        where: Dataset folder, or folder or URL of shards.
        options: Sizes, groups, layer counts, seed.
        split: ``train``, ``val`` or ``test``.
        augment: What may happen to a sample; None: nothing.
        endless: See ``buckets.plan``.
        process: This process, and of how many: each gets every ``processes``-th batch.
        processes: How many there are.
        on_error: What a damaged sample does: ``raise`` an InputError that names it, or ``skip``: another sample of its
            group takes its place and the batch tells.

    Raises:
        InputError: No dataset, or the split is empty.
        UsageError: An argument is out of range.
    """

    def __init__(
        self,
        where: str | Path,
        options: PlanOptions,
        *,
        split: str = "train",
        augment: Augment | None = None,
        endless: bool = True,
        process: int = 0,
        processes: int = 1,
        on_error: OnError = "raise",
    ) -> None:
        if not 0 <= process < processes or on_error not in ("raise", "skip"):
            raise UsageError(
                f"process {process} of {processes}, on_error {on_error!r}: allowed: 0 to processes - 1; raise or skip."
            )
        self.start = 0
        self.options = _with_drop(options, augment)
        self._store = open_store(where, split)
        self._augment = augment or NOTHING
        self._endless, self._process, self._processes, self._on_error = endless, process, processes, on_error

    def plans(self) -> Iterator[BatchPlan]:
        """This process's batches from ``start`` on, as plans."""
        everything = plan(self._store.entries, self.options, endless=self._endless)
        mine = itertools.islice(everything, self._process, None, self._processes)
        return itertools.islice(mine, self.start, None)

    def __iter__(self) -> Iterator[LayerBatch]:
        """Batches from ``start`` on, an empty one where all samples are damaged; a worker makes its share of them."""
        info = get_worker_info()
        first, step = (info.id, info.num_workers) if info is not None else (0, 1)
        for batch in itertools.islice(self.plans(), first, None, step):
            yield self._made(batch)

    def _made(self, batch: BatchPlan) -> LayerBatch:
        """A batch; an empty one if all of its samples are damaged."""
        examples: list[LayeredExample] = []
        skipped: list[tuple[str, str]] = []
        for group in batch.groups:
            good: list[LayeredExample | None] = []
            for drawn in group:
                try:
                    good.append(_example(self._store, drawn, batch.size, self._augment))
                except InputError as error:
                    if self._on_error == "raise":
                        raise
                    skipped.append((drawn.entry.id, str(error)))
                    good.append(None)
            there = [example for example in good if example is not None]
            if there:
                examples += [example or there[i % len(there)] for i, example in enumerate(good)]
        return collate(examples, skipped) if examples else _empty(batch.size, skipped)


class LayerLoader:
    """Reads a stream in worker processes, in the stream's order, and can go on in the middle of an epoch.

    Args:
        batches: The stream.
        workers: Processes that read ahead; 0 reads in this one.
        ahead: Batches that each worker prepares.
        pin_memory: For copies to a GPU.

    Attributes:
        skipped: Id and reason of every damaged sample so far.
    """

    def __init__(self, batches: LayerBatches, *, workers: int = 0, ahead: int = 2, pin_memory: bool = False) -> None:
        self._batches = batches
        self._settings: dict[str, Any] = {"num_workers": workers, "pin_memory": pin_memory, "batch_size": None}
        if workers:
            self._settings |= {"prefetch_factor": ahead}
        self._given = 0
        self.skipped: dict[str, str] = {}

    def __iter__(self) -> Iterator[LayerBatch]:
        """Batches from where the state says."""
        self._batches.start = self._given
        for batch in DataLoader(self._batches, **self._settings):
            self._given += 1
            self.skipped.update(batch.skipped)
            if batch.ids:
                yield batch
        self._given = 0

    def state_dict(self) -> dict[str, int]:
        """How many batches were given out: all that is needed to go on."""
        return {"batch": self._given}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on after the batches of another loader with the same data and options.

        Raises:
            UsageError: Not such a state.
        """
        batch = state.get("batch")
        if not isinstance(batch, int) or batch < 0:
            raise UsageError(f"{state!r} is no state of a loader; give what state_dict() returned.")
        self._given = batch


def _empty(size: Size, skipped: Sequence[tuple[str, str]]) -> LayerBatch:
    width, height = size
    return LayerBatch(
        picture_B3HW=torch.zeros(0, 3, height, width),
        layers_BK4HW=torch.zeros(0, 0, 4, height, width),
        mask_BK=torch.zeros(0, 0, dtype=torch.bool),
        count_B=torch.zeros(0, dtype=torch.int64),
        captions=(),
        names=(),
        ids=(),
        skipped=tuple(skipped),
    )


def _with_drop(options: PlanOptions, augment: Augment | None) -> PlanOptions:
    return PlanOptions(**{**vars(options), "drop": augment.drop if augment else 0.0})


def _example(store: SampleStore, drawn: Draw, size: Size, options: Augment) -> LayeredExample:
    stored = store.read(drawn.entry)
    sample = augmented(stored, size, drawn.count, drawn.entry.opaque, options, drawn.seed)
    return LayeredExample(
        id=sample.id,
        picture_u8_HW3=np.ascontiguousarray(sample.picture()[..., :3]),
        layers_u8_KHW4=sample.layers_u8_KHW4,
        names=sample.names,
        caption=sample.caption,
    )


def _to_float(channels_last: U8) -> Tensor:
    """``u8`` (..., H, W, C) to float (..., C, H, W) in 0..1."""
    return torch.from_numpy(channels_last).movedim(-1, -3).float() / 255
