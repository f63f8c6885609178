"""A command in another language: runs one query and prints its rows, columns parted by tabs."""

import sys

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import read, types


def cells(column, count):
    """The values of one column of a batch; null is None."""
    data = column.data.value
    if isinstance(column.data, (types.ColumnData_Texts, types.ColumnData_Bytes)):
        # Offsets count bytes.
        run = data.data.encode() if isinstance(data.data, str) else data.data
        data = [run[data.offsets[row] : data.offsets[row + 1]].decode() for row in range(count)]
    nulls = column.nulls or bytes((count + 7) // 8)
    return [None if nulls[row // 8] >> row % 8 & 1 else data[row] for row in range(count)]


def text(cell):
    if cell is None or isinstance(cell, types.Value_Null):
        return "NULL"
    return str(getattr(cell, "value", cell))


def show(sql):
    options = types.ConnectOptions(connect_timeout_ms=0, statement_timeout_ms=0)
    with types.Connection.open("default", options) as connection, read.query(connection, sql, []) as rows:
        while (batch := rows.next()) is not None:
            for row in zip(*(cells(column, batch.rows) for column in batch.columns)):
                print("\t".join(text(cell) for cell in row))


class Run(exports.Run):
    def run(self):
        try:
            show(sys.argv[1] if len(sys.argv) > 1 else "SELECT 1 AS one")
        except Err as error:
            print(f"error: {error.value}", file=sys.stderr)
            # The component answers "failed", which the host turns into exit code 1.
            raise Err(None) from error
        finally:
            sys.stdout.flush()
