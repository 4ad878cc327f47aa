"""Makes files of the embedded store what earlier versions left."""

import duckdb


def with_one_entry_per_device(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the ledger that of schemas 1 to 3, in which an entry replaced the one before it."""
    connection.execute("""
        CREATE TABLE ledger (
            site VARCHAR, device VARCHAR, boot VARCHAR, last_seq BIGINT, received BIGINT, repeated BIGINT, missing BIGINT, late BIGINT,
            rejected BIGINT, gaps VARCHAR DEFAULT '', PRIMARY KEY (site, device));
        INSERT INTO ledger BY NAME FROM ledger_entries;
        DROP TABLE ledger_entries;
    """)
