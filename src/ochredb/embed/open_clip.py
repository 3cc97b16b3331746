"""CLIP models of the OpenCLIP library, run in this process: texts and images in one space."""

from typing import Any, NamedTuple

import numpy as np

from ochredb.embed.base import Dense, Loading, library, refuse_unless_texts, require
from ochredb.embed.protocol import Embeddable, Embeddings

PACKAGE = "open-clip-torch"


class OpenCLIPEmbeddingFunction(Loading, Dense[Embeddable]):
    """Texts, and images as arrays, through a CLIP model; needs `open-clip-torch`, which brings PyTorch and Pillow.

    Args:
        model_name: An architecture that the library knows.
        checkpoint: Weights for it that the library knows, or the path of a file.
        device: Such as `cpu` or `cuda`.
    """

    stored_as = "open_clip"
    required = ("model_name", "checkpoint", "device")
    fixed = ("model_name", "checkpoint")

    def __init__(
        self, model_name: str = "ViT-B-32", checkpoint: str = "laion2b_s34b_b79k", device: str | None = "cpu"
    ) -> None:
        require("open_clip", PACKAGE)
        self.model_name = model_name
        self.checkpoint = checkpoint
        self.device = device

    def __call__(self, input: Embeddable) -> Embeddings:  # noqa: A002 # the name is part of Chroma's contract
        """Embed each text and image; vectors have length 1."""
        refuse_unless_texts([item for item in input if not isinstance(item, np.ndarray)], "Open CLIP")
        with library("torch", "torch").no_grad():
            return [self._unit(item) for item in input]

    def settings(self) -> dict[str, Any]:
        """Give what the model is loaded with."""
        return {"model_name": self.model_name, "checkpoint": self.checkpoint, "device": self.device}

    def load(self, settings: dict[str, Any]) -> Any:
        """Load the model, how it sees images, and its tokenizer."""
        open_clip = library("open_clip", PACKAGE)
        model, _, preprocess = open_clip.create_model_and_transforms(
            model_name=settings["model_name"], pretrained=settings["checkpoint"]
        )
        model.to(settings["device"])
        return _Clip(model, preprocess, open_clip.get_tokenizer(model_name=settings["model_name"]))

    def _unit(self, item: Any) -> Any:
        clip: _Clip = self.model()
        if isinstance(item, str):
            features = clip.model.encode_text(clip.tokenizer(item).to(self.device))
        else:
            picture = library("PIL.Image", "pillow").fromarray(item)
            features = clip.model.encode_image(clip.preprocess(picture).unsqueeze(0).to(self.device))
        return (features / features.norm(dim=-1, keepdim=True)).squeeze().cpu().numpy()


class _Clip(NamedTuple):
    model: Any
    preprocess: Any
    tokenizer: Any
