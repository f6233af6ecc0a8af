"""The running service as its routes see it: what is allowed, where it stands, what answers.

Built by the composition root, found by the routes in `app.state.service`.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from app.categories import Category, parse_category
from app.errors import FieldError, NotReadyError, UnknownCategoryError
from app.http.spool import Spools
from app.http.telemetry import Metrics
from app.http.uploads import UploadLimits
from app.inspection import Inspector
from app.keyring import Keyring
from app.ledger import Ledger
from app.serving.admission import Admission
from app.serving.lifecycle import Lifecycle
from app.standing import Standing
from app.store.store import Store


@dataclass(frozen=True)
class Policy:
    """What the operator chose that concerns requests."""

    default_category: Category | None
    allow_new_categories: bool
    method: str | None
    timeout_s: float
    max_upload_bytes: int
    max_images: int
    max_calibration_images: int
    keys: Keyring = field(repr=False)

    def upload_limits(self, images: int) -> UploadLimits:
        """Limits of a request with up to that many images."""
        return UploadLimits(self.max_upload_bytes, images)

    def category(self, text: str | None) -> Category:
        """The posted category, or the default one, as if nobody had registered it.

        Raises FieldError when there is neither, ObjectNameError outside the rules.
        """
        if text is None:
            if self.default_category is None:
                raise FieldError("category: is missing; expected the name of the part")
            return self.default_category
        return parse_category(text)

    def require_known(self, category: Category, registered: bool) -> None:
        """Raises UnknownCategoryError where new categories are not allowed and this is one."""
        known = self.default_category is not None and category.key == self.default_category.key
        if not (known or registered or self.allow_new_categories):
            raise UnknownCategoryError(
                f"category {category.id!r} is not known and new ones are not allowed"
            )


class Service:
    """One process: policy, lifecycle, metrics and, once the model is loaded, the inspector.

    spools: where requests of many images keep them until their turn.
    """

    def __init__(
        self,
        policy: Policy,
        lifecycle: Lifecycle,
        admission: Admission,
        metrics: Metrics,
        spools: Spools,
    ) -> None:
        self.policy = policy
        self.lifecycle = lifecycle
        self.admission = admission
        self.metrics = metrics
        self.spools = spools
        self.loaded: Inspector | None = None
        self.opened: Ledger | None = None

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

    @property
    def ledger(self) -> Ledger:
        """What is remembered; raises NotReadyError before the database is open."""
        if self.opened is None:
            raise NotReadyError(f"the service is {self.lifecycle.state}: no database is open")
        return self.opened

    @property
    def store(self) -> Store:
        """The ledger's store; raises NotReadyError before it is open."""
        return self.ledger.store

    async def standing(self, text: str | None) -> Standing:
        """The posted category, or the default one, with what is registered and calibrated of it.

        Raises what `Policy.category` and `Policy.require_known` raise, NotReadyError when the
        database does not answer.
        """
        category = self.policy.category(text)
        found = await self.ledger.registry.find(category)
        self.policy.require_known(category, found.registered)
        return found
