"""Files and Hub sets become datasets: one Parquet file in the store, with what is known about it beside it."""
