"""Every error this project raises on purpose, as one small tree.

    ClipAdError
    ├── ConfigurationError            the process cannot start as configured
    │   ├── BackboneError             unknown architecture, or one the method does not fit
    │   ├── WeightsError              missing, unreadable or not of the backbone's shape
    │   ├── HeadsError                linear heads missing or made for another backbone
    │   └── DatasetError              a data set's file missing, unreadable or unlike its layout
    ├── InputError                    what a client sent cannot be used
    │   ├── ImageFormatError          not an allowed image format, or a form of one that is not
    │   ├── ImageDecodeError          claims to be an allowed format, but does not decode
    │   ├── ImageTooLargeError        more bytes or more pixels than allowed
    │   ├── NothingVisibleError       a picture that is transparent everywhere
    │   ├── BodyTooLargeError         more bytes of JSON than allowed
    │   ├── ObjectNameError           an id, object or state outside its rules or CLIP's context
    │   ├── UnknownCategoryError      not registered, where it has to be
    │   ├── UnknownSampleError        no such calibration sample
    │   ├── MethodError               an unknown method, or one that needs heads not loaded
    │   └── FieldError                another field missing or out of range
    ├── CapacityError                 nothing was computed; trying again later helps
    │   ├── QueueFullError
    │   └── TooManyNewCategoriesError
    ├── DeadlineError                 the request's deadline passed
    └── NotReadyError                 starting, draining, or not well for the moment
        ├── ModelMemoryError          no memory for even one image
        └── SpoolError                no room on the disk for what was posted

A message names what is wrong, its value, and what was expected. How an error becomes an
HTTP status is decided once, in `app.http.problems`.
"""


class ClipAdError(Exception):
    """Base of everything raised on purpose."""


class ConfigurationError(ClipAdError):
    """The process cannot start as configured."""


class BackboneError(ConfigurationError):
    """An unknown architecture, or one the method does not fit."""


class WeightsError(ConfigurationError):
    """Weights are missing, unreadable or not of the backbone's shape."""


class HeadsError(ConfigurationError):
    """Linear heads are missing, unreadable or made for another backbone."""


class DatasetError(ConfigurationError):
    """A file of a data set is missing, unreadable or not what the layout says."""


class InputError(ClipAdError):
    """What a client sent cannot be used."""


class ImageFormatError(InputError):
    """The bytes are not in one of the allowed image formats, or in a form that is not supported."""


class ImageDecodeError(InputError):
    """The bytes claim to be an allowed image format but do not decode."""


class ImageTooLargeError(InputError):
    """More bytes or more pixels than allowed."""


class NothingVisibleError(InputError):
    """Every pixel of a picture is transparent."""


class BodyTooLargeError(InputError):
    """More bytes of a body that is no image than allowed."""


class ObjectNameError(InputError):
    """An id, object name or state word outside its rules or longer than CLIP's context."""


class UnknownCategoryError(InputError):
    """The category is not registered, and has to be."""


class UnknownSampleError(InputError):
    """The category has no such calibration sample."""


class MethodError(InputError):
    """An unknown method, or one that needs heads which are not loaded."""


class FieldError(InputError):
    """Another field is missing or out of range."""


class CapacityError(ClipAdError):
    """No room at present: nothing was computed.

    `retry_after_s` is the suggested wait in seconds.
    """

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class QueueFullError(CapacityError):
    """The request queue is full."""


class TooManyNewCategoriesError(CapacityError):
    """More new object names per minute, or more categories in all, than allowed."""


class DeadlineError(ClipAdError):
    """The request's deadline passed."""


class NotReadyError(ClipAdError):
    """The service is starting, draining, or not well for the moment."""


class ModelMemoryError(NotReadyError):
    """The model found no memory for even one image."""


class SpoolError(NotReadyError):
    """What was posted cannot be kept on the disk until its turn, or is not given back."""
