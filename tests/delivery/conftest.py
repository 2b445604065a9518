from tests.stores.postgresql import cluster, postgresql

__all__ = ["cluster", "postgresql"]
