"""The tables. What they hold is said in `records`; how they came to be, in `migrations`.

    categories 1 --- n samples 1 --- n sample_scores        inspections

Deleting a category deletes its samples, deleting a sample its scores. The inspection log
stands alone: it outlives the categories it names.
"""

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from app.store.columns import Json, RowId, UtcTime

# Every constraint has a name, so that a later migration can speak of it.
METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

CATEGORIES = Table(
    "categories",
    METADATA,
    Column("key", String, primary_key=True),
    Column("id", String, nullable=False),
    Column("object", String, nullable=False),
    Column("domain", String, nullable=False),
    Column("normal_states", Json),
    Column("abnormal_states", Json),
    Column("rvs", String),
    Column("alpha", Double, nullable=False),
    Column("roi", Json),
    Column("created", UtcTime, nullable=False),
    Column("updated", UtcTime, nullable=False),
)

# An id is unique within its category only: an export may be imported under another name
# beside its original.
SAMPLES = Table(
    "samples",
    METADATA,
    Column("sequence", RowId, primary_key=True, autoincrement=True),
    Column("category_key", ForeignKey(CATEGORIES.c.key, ondelete="CASCADE"), nullable=False),
    Column("id", String, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("image_sha256", String, nullable=False),
    Column("filename", String),
    UniqueConstraint("category_key", "id"),
    sqlite_autoincrement=True,
)

SAMPLE_SCORES = Table(
    "sample_scores",
    METADATA,
    Column("sample", ForeignKey(SAMPLES.c.sequence, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("method", String, nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("score", Double, nullable=False),
    Column("map_max", Double, nullable=False),
    Column("map_median", Double, nullable=False),
)

# An id is never given twice (sqlite_autoincrement), even after pruning: pages go by it.
INSPECTIONS = Table(
    "inspections",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("time", UtcTime, nullable=False),
    Column("request_id", String, nullable=False),
    Column("part_id", String),
    Column("station", String),
    Column("category", String, nullable=False),
    Column("category_key", String, nullable=False),
    Column("method", String, nullable=False),
    Column("score", Double, nullable=False),
    Column("threshold", Double),
    Column("p_value", Double),
    Column("is_anomalous", Boolean),
    Column("fingerprint", String, nullable=False),
    Column("image_sha256", String, nullable=False),
    Index(None, "time"),
    Index(None, "category_key", "id"),
    Index(None, "part_id", "id"),
    Index(None, "request_id"),
    sqlite_autoincrement=True,
)
