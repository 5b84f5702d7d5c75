"""Rows of a Parquet file: read through once, so that what is damaged is found now and not when somebody pages there."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from shared.datasets.files import BrokenFile, Limits, size_text
from shared.datasets.rows import Tally, check_width, unique_names
from shared.datasets.writer import GROUP_BYTES

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

BATCH_ROWS = 1_024  # a long value may repeat a million times in a small page, so rows are unpacked a few at a time
BATCH_BYTES = 16 << 20


class ParquetSource:
    """A Parquet file that somebody else wrote.

    Attributes:
        names: Column names, made unique.
        rows: Rows by its own count.
        largest: Bytes, as Arrow, of the largest row group, known once all batches were read.
    """

    def __init__(self, path: Path, limits: Limits, name: str = "") -> None:
        import pyarrow as pa

        self._path, self._name, self._limits = path, name or path.name, limits
        self._row = 0
        try:
            with self._open() as file:
                self._meta = file.metadata
                self._schema = file.schema_arrow
        except (pa.ArrowException, OSError) as error:
            raise BrokenFile(
                f"'{self._name}' is not a Parquet file that can be read ({_first_line(error)}). Download it again."
            ) from error
        self.names, self._notes = unique_names(self._schema.names)
        self.rows = self._meta.num_rows
        self.largest = 0
        if not self.names:
            raise BrokenFile(f"'{self._name}' has no columns. Write it again, with the data.")
        check_width(len(self.names), self.rows, limits)
        unpacked = sum(self._meta.row_group(group).total_byte_size for group in range(self._meta.num_row_groups))
        size = path.stat().st_size
        if unpacked > max(limits.unpacked, limits.ratio * size):
            raise BrokenFile(
                f"'{self._name}' has {size_text(size)} and unpacks to {size_text(unpacked)}, over {limits.ratio} times its "
                "size: that looks like a zip bomb, so it was not read."
            )

    def _open(self) -> "pyarrow.parquet.ParquetFile":
        import pyarrow.parquet as pq

        # A buffer instead of whole column chunks: a row group may have gigabytes.
        return pq.ParquetFile(self._path, buffer_size=1 << 20, pre_buffer=False, page_checksum_verification=True)

    @property
    def schema(self) -> "pyarrow.Schema":
        """The schema with unique column names."""
        import pyarrow as pa

        fields = [field.with_name(name) for field, name in zip(self._schema, self.names, strict=True)]
        return pa.schema(fields, metadata=self._schema.metadata)

    @property
    def sane(self) -> bool:
        """Whether the file can be kept as it is: row groups neither too large to hold nor a handful of rows."""
        groups = [self._meta.row_group(number) for number in range(self._meta.num_row_groups)]
        rows, limit = self._limits.batch_rows, GROUP_BYTES
        small = all(0 < group.num_rows <= rows and group.total_byte_size <= limit for group in groups)
        full = len(groups) <= 1 + max(self.rows // 1_000, sum(group.total_byte_size for group in groups) >> 20)
        return small and full and self.largest <= limit and self.names == self._schema.names

    def batches(self, tally: Tally) -> Iterator["pyarrow.RecordBatch"]:
        """All rows, a few at a time; rows with text that is not UTF-8 are refused.

        Raises:
            BrokenFile: A page is damaged, or rows are missing.
        """
        import pyarrow as pa

        for note in self._notes:
            tally.note(note)
        self._row, schema = 0, self.schema
        with self._open() as file:
            for group in range(self._meta.num_row_groups):
                facts = self._meta.row_group(group)
                per_row = max(1, facts.total_byte_size // max(1, facts.num_rows))
                grown = 0
                size = max(1, min(BATCH_ROWS, BATCH_BYTES // per_row))
                try:
                    for batch in file.iter_batches(size, row_groups=[group], use_threads=False):
                        good = self._readable(batch, tally)
                        self._row += batch.num_rows
                        grown += batch.nbytes
                        self.largest = max(self.largest, grown)
                        tally.accepted += good.num_rows
                        yield pa.RecordBatch.from_arrays(good.columns, schema=schema)
                except (pa.ArrowException, OSError) as error:
                    raise BrokenFile(
                        f"'{self._name}' is damaged in row group {group + 1:,} of {self._meta.num_row_groups:,}, after row "
                        f"{self._row:,} of {self.rows:,} ({_first_line(error)}). Download it again."
                    ) from error
        if self._row != self.rows:
            raise BrokenFile(
                f"'{self._name}' says that it has {self.rows:,} rows and has {self._row:,}. Write it again."
            )

    def _readable(self, batch: "pyarrow.RecordBatch", tally: Tally) -> "pyarrow.RecordBatch":
        """The rows without those whose text is not UTF-8."""
        import pyarrow as pa

        try:
            batch.validate(full=True)
        except pa.ArrowInvalid:
            kept = [place for place in range(batch.num_rows) if self._is_text(batch.slice(place, 1), place, tally)]
            return batch.take(pa.array(kept, pa.int64()))
        return batch

    def _is_text(self, row: "pyarrow.RecordBatch", place: int, tally: Tally) -> bool:
        import pyarrow as pa

        for name, column in zip(self.names, row.columns, strict=True):
            try:
                column.validate(full=True)
            except pa.ArrowInvalid as error:
                tally.refuse(self._row + place + 1, f"is not valid: {_first_line(error)}", name)
                return False
        return True


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
