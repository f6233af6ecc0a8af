"""The parts of the service as the settings want them; how they go together is said in `main`."""

from concurrent.futures import ThreadPoolExecutor

from app.categories import Category, parse_category
from app.clipad.build import build_detector
from app.clipad.rvs import Rvs
from app.cpus import image_threads, usable_cpus
from app.errors import ConfigurationError, ObjectNameError
from app.finding import Detector
from app.runtime import choose_runtime
from app.service import Policy
from app.settings import PREFIX, Settings, keyring
from app.store.store import Store

TEXT_THREADS = 4


def load_detector(settings: Settings) -> Detector:
    """The detector of the settings; raises ConfigurationError for all that can be wrong."""
    chosen = choose_runtime(settings)
    return build_detector(
        backbone=settings.backbone,
        weights=settings.weights,
        heads=settings.heads_in_use,
        device=chosen.device,
        dtype=chosen.dtype,
        runtime=chosen.runtime,
        rvs=Rvs(settings.rvs, settings.dbscan_eps, settings.dbscan_min_samples),
        taps=settings.taps,
        sigma=settings.smoothing_sigma,
        model_dir=settings.model_dir,
        demo=settings.demo,
    )


def open_store(settings: Settings) -> Store:
    """The database of the settings, its folder made where it is ours; raises ConfigurationError."""
    if settings.database_url is None:
        try:
            settings.data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"{PREFIX}DATA_DIR={str(settings.data_dir)!r}: cannot be made "
                f"({type(error).__name__}); expected a folder that can be written to"
            ) from error
    return Store(settings.database)


class Pools:
    """Threads for images and for texts, so that neither waits for the other."""

    def __init__(self) -> None:
        self.images = ThreadPoolExecutor(image_threads(usable_cpus()), thread_name_prefix="image")
        self.texts = ThreadPoolExecutor(TEXT_THREADS, thread_name_prefix="text")

    def shutdown(self) -> None:
        """End the threads that have nothing to do; returns at once."""
        for pool in (self.images, self.texts):
            pool.shutdown(wait=False, cancel_futures=True)


def make_policy(settings: Settings) -> Policy:
    """What the operator chose that concerns requests; raises ConfigurationError."""
    return Policy(
        default_category=_default_category(settings),
        allow_new_categories=settings.allow_new_categories,
        method=settings.method,
        timeout_s=settings.request_timeout_s,
        max_upload_bytes=settings.max_upload_bytes,
        max_images=settings.max_images,
        max_calibration_images=settings.max_calibration_images,
        keys=keyring(settings),
    )


def _default_category(settings: Settings) -> Category | None:
    if settings.default_category is None:
        return None
    try:
        return parse_category(settings.default_category)
    except ObjectNameError as error:
        raise ConfigurationError(f"{PREFIX}DEFAULT_CATEGORY: {error}") from error
