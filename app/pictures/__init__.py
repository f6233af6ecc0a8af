"""Pictures to quantise an encoder with: an operator's folder, or generated surfaces."""

from app.pictures.sources import COUNT, FolderPictures, GeneratedPictures

__all__ = ["COUNT", "FolderPictures", "GeneratedPictures"]
