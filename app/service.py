"""The running service as its routes see it: what is allowed, where it stands, what answers.

Built by the composition root, found by the routes in `app.state.service`.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from app.admission import Admission
from app.categories import Category, parse_category
from app.errors import FieldError, NotReadyError, UnknownCategoryError
from app.inspection import Inspector
from app.lifecycle import Lifecycle
from app.telemetry import Metrics
from app.uploads import UploadLimits


@dataclass(frozen=True)
class Policy:
    """What the operator chose that concerns requests."""

    default_category: Category | None
    allow_new_categories: bool
    method: str | None
    timeout_s: float
    max_upload_bytes: int
    max_images: int
    api_keys: frozenset[str] = field(repr=False)

    def upload_limits(self, images: int) -> UploadLimits:
        """Limits of a request with up to that many images."""
        return UploadLimits(self.max_upload_bytes, images)

    def category(self, text: str | None) -> Category:
        """The posted category, or the default one.

        Raises FieldError when there is neither, ObjectNameError outside the rules,
        UnknownCategoryError where new ones are not allowed.
        """
        if text is None:
            if self.default_category is None:
                raise FieldError("category: is missing; expected the name of the part")
            return self.default_category
        category = parse_category(text)
        known = self.default_category is not None and category.key == self.default_category.key
        if not known and not self.allow_new_categories:
            raise UnknownCategoryError(
                f"category {category.id!r} is not known and new ones are not allowed"
            )
        return category


class Service:
    """One process: policy, lifecycle, metrics and, once the model is loaded, the inspector."""

    def __init__(
        self, policy: Policy, lifecycle: Lifecycle, admission: Admission, metrics: Metrics
    ) -> None:
        self.policy = policy
        self.lifecycle = lifecycle
        self.admission = admission
        self.metrics = metrics
        self.loaded: Inspector | None = None

    def admit(self, places: int = 1) -> AbstractContextManager[None]:
        """A request under way that holds up to so many images.

        Raises NotReadyError or, without room, QueueFullError.
        """
        self.lifecycle.require_ready()
        return self.admission.admit(places)

    @property
    def inspector(self) -> Inspector:
        """What answers questions; raises NotReadyError before the weights are loaded."""
        if self.loaded is None:
            raise NotReadyError(f"the service is {self.lifecycle.state}: no model is loaded")
        return self.loaded
