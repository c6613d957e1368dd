"""scikit-learn's handwritten digits, always split alike: 1,077 images to train on, 360 to choose with, 360 held out."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

# Images as rows of 64 grey values from 0 to 1, and the digits they show.
Split = tuple[np.ndarray, np.ndarray]


def load(seed: int) -> tuple[Split, Split, Split]:
    """(train, validation, held out), stratified by digit."""
    digits = load_digits()
    images = (digits.data / 16.0).astype(np.float32)
    rest_x, held_x, rest_y, held_y = train_test_split(
        images, digits.target, test_size=0.2, stratify=digits.target, random_state=seed
    )
    train_x, valid_x, train_y, valid_y = train_test_split(
        rest_x, rest_y, test_size=0.25, stratify=rest_y, random_state=seed
    )
    return (train_x, train_y), (valid_x, valid_y), (held_x, held_y)
