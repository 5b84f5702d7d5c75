"""The Parquet file of a dataset: row groups of bounded size, the same bytes for the same rows."""

import shutil
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from shared.datasets.files import Limits, size_text
from shared.errors import PlaygroundError

if TYPE_CHECKING:
    import pyarrow

GROUP_BYTES = 32 << 20


class Writer:
    """Writes batches of one schema; a row group has at most `limits.batch_rows` rows and, as Arrow, about 32 MiB."""

    def __init__(self, path: Path, schema: "pyarrow.Schema", limits: Limits) -> None:
        import pyarrow.parquet as pq

        self._path, self._limits = path, limits
        self._held: list[pyarrow.RecordBatch] = []
        self._rows = self._bytes = 0
        self._file = pq.ParquetWriter(path, schema, compression="zstd", compression_level=1)

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        self._file.close()

    def write(self, batch: "pyarrow.RecordBatch") -> None:
        """Take rows; they are on disk when the block ends.

        Raises:
            PlaygroundError: The disk is full.
        """
        per_row = max(1, batch.nbytes // max(1, batch.num_rows))
        step = max(1, min(self._limits.batch_rows, GROUP_BYTES // per_row))
        for at in range(0, batch.num_rows, step):
            part = batch.slice(at, step)
            if self._held and (
                self._rows + part.num_rows > self._limits.batch_rows or self._bytes + part.nbytes > GROUP_BYTES
            ):
                self._flush()
            self._held.append(part)
            self._rows += part.num_rows
            self._bytes += part.nbytes

    def _flush(self) -> None:
        import pyarrow as pa

        if self._held:
            check_disk(self._path.parent, self._bytes, self._limits)
            self._file.write_table(pa.Table.from_batches(self._held), row_group_size=self._rows)
            self._held, self._rows, self._bytes = [], 0, 0


def check_disk(folder: Path, needed: int, limits: Limits) -> None:
    """Stop before the disk is full.

    Raises:
        PlaygroundError: So many bytes more would leave less than `limits.spare`.
    """
    free = shutil.disk_usage(folder).free
    if free - needed < limits.spare:
        raise PlaygroundError(
            f"The disk of the workspace has {size_text(free)} left, and {size_text(limits.spare)} must stay free. Make room, "
            "or set PLAYGROUND_HOME to a folder on a larger disk."
        )
