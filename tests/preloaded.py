"""What the processes of `tests.forking` find imported: all that takes long, nothing that acts."""

import app.main
import app.offline.evaluation.command
import app.offline.training.run  # noqa: F401
