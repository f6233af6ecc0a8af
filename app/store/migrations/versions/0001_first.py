"""Categories, their samples with scores, and the inspection log."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Written out rather than imported: what the code's types become later must not change this.
_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON(none_as_null=True)
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "categories",
        sa.Column("key", sa.String, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("object", sa.String, nullable=False),
        sa.Column("domain", sa.String, nullable=False),
        sa.Column("normal_states", _JSON),
        sa.Column("abnormal_states", _JSON),
        sa.Column("rvs", sa.String),
        sa.Column("alpha", sa.Double, nullable=False),
        sa.Column("roi", _JSON),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("updated", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_categories"),
    )
    op.create_table(
        "samples",
        sa.Column("sequence", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("category_key", sa.String, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("image_sha256", sa.String, nullable=False),
        sa.Column("filename", sa.String),
        sa.PrimaryKeyConstraint("sequence", name="pk_samples"),
        sa.ForeignKeyConstraint(
            ["category_key"],
            ["categories.key"],
            name="fk_samples_category_key_categories",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("category_key", "id", name="uq_samples_category_key_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "sample_scores",
        sa.Column("sample", _ROW_ID, nullable=False),
        sa.Column("position", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("method", sa.String, nullable=False),
        sa.Column("fingerprint", sa.String, nullable=False),
        sa.Column("score", sa.Double, nullable=False),
        sa.Column("map_max", sa.Double, nullable=False),
        sa.Column("map_median", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("sample", "position", name="pk_sample_scores"),
        sa.ForeignKeyConstraint(
            ["sample"],
            ["samples.sequence"],
            name="fk_sample_scores_sample_samples",
            ondelete="CASCADE",
        ),
    )
    op.create_table(
        "inspections",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("time", _TIME, nullable=False),
        sa.Column("request_id", sa.String, nullable=False),
        sa.Column("part_id", sa.String),
        sa.Column("station", sa.String),
        sa.Column("category", sa.String, nullable=False),
        sa.Column("category_key", sa.String, nullable=False),
        sa.Column("method", sa.String, nullable=False),
        sa.Column("score", sa.Double, nullable=False),
        sa.Column("threshold", sa.Double),
        sa.Column("p_value", sa.Double),
        sa.Column("is_anomalous", sa.Boolean),
        sa.Column("fingerprint", sa.String, nullable=False),
        sa.Column("image_sha256", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_inspections"),
        sqlite_autoincrement=True,
    )
    for columns in (["time"], ["category_key", "id"], ["part_id", "id"], ["request_id"]):
        op.create_index(f"ix_inspections_{'_'.join(columns)}", "inspections", columns)
