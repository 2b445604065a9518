"""The fixtures of the PostgreSQL tests, for mail."""

from tests.stores.postgresql import cluster, postgresql

__all__ = ["cluster", "postgresql"]
