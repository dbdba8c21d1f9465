"""A synthetic face but for its expression: identity, pose, light and camera, drawn independently of the emotion.

Lengths are in face units, in which the frame is 2.4 wide (20 pixels a unit), x grows to the right and y downwards, and
the head is centred a little above the origin. Tones are albedos or grey levels from 0 (black) to 1 (white).
"""

from types import SimpleNamespace

import numpy as np

Appearance = SimpleNamespace  # one array (N, 1, 1) float32 a name in `draw_appearance`, to be broadcast over pixels


def draw_appearance(count: int, rng: np.random.Generator, pose: float = 1.0) -> Appearance:
    """`count` independent faces; `pose` scales how far heads turn, nod, lean, move and come near."""

    def normal(mean: float, deviation: float) -> np.ndarray:
        # Two and a half deviations: no monster is worth a test face.
        return mean + deviation * np.clip(rng.standard_normal(count), -2.5, 2.5)

    def uniform(low: float, high: float) -> np.ndarray:
        return rng.uniform(low, high, count)

    def chance(probability: float | np.ndarray) -> np.ndarray:
        return (rng.random(count) < probability).astype(float)

    def choose(yes: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.where(yes > 0, first, second)

    skin = choose(chance(0.72), normal(0.74, 0.05), uniform(0.36, 0.62))
    fair = chance(0.30) * (skin > 0.65)
    grey = chance(0.12)
    hair = choose(grey, uniform(0.55, 0.80), choose(fair, uniform(0.35, 0.62), uniform(0.05, 0.24)))
    # Beards, moustaches and baldness on one half of the faces, long hair and lipstick mostly on the other.
    male = chance(0.5)
    beard = male * chance(0.28) * uniform(0.45, 1.0)
    values = {  # what is there or not is 0 or 1
        # Identity: shape
        "head_width": normal(0.755, 0.04) + 0.02 * male,
        "head_height": normal(1.0, 0.04),
        "jaw": normal(0.27, 0.06) - 0.06 * male,  # how much the head narrows towards the chin
        "eye_distance": normal(0.345, 0.022),
        "eye_height": normal(-0.17, 0.025),
        "eye_width": normal(0.165, 0.013),
        "eye_opening": normal(1.0, 0.14),
        "eye_tilt": normal(0.0, 0.02),
        "brow_thickness": normal(0.042, 0.010) + 0.012 * male,
        "brow_height": normal(-0.225, 0.025) + 0.025 * male,
        "brow_arch": normal(0.045, 0.018),
        "brow_tilt": normal(0.0, 0.022),
        "nose_length": normal(0.43, 0.035),
        "nose_width": normal(0.145, 0.02),
        "mouth_width": normal(0.29, 0.025),
        "mouth_height": normal(0.55, 0.03),
        "mouth_curve": normal(-0.018, 0.010),  # corners at rest: positive is down
        "lips": normal(1.0, 0.22),
        "age": np.clip(normal(0.25, 0.28), 0.0, 1.0),  # depth of the folds at rest
        # Identity: tones, hair and things worn
        "skin": skin,
        "hair": hair,
        "iris": choose(fair, uniform(0.18, 0.42), uniform(0.05, 0.18)),
        "hairline": normal(-0.68, 0.06) - 0.04 * male,
        "hairline_bow": uniform(-0.25, 0.8),
        "parting": normal(0.0, 0.16),
        "hair_volume": uniform(0.04, 0.16),
        "long_hair": choose(male, chance(0.08), chance(0.75)),
        "bald": male * chance(0.16),
        "beard": beard,
        "moustache": np.maximum(beard * chance(0.85), male * chance(0.08)),
        "lipstick": (1 - male) * chance(0.5) * uniform(0.3, 1.0),
        "glasses": chance(0.16),
        "glasses_size": uniform(0.215, 0.265),
        "glasses_roundness": uniform(0.0, 1.0),
        "glasses_tone": choose(chance(0.75), uniform(0.04, 0.2), uniform(0.45, 0.7)),
        "clothes": uniform(0.05, 0.95),
        # Pose
        "roll": normal(0.0, 0.11 * pose),  # radians
        "yaw": normal(0.0, 0.17 * pose),  # sine of the turn
        "pitch": normal(0.0, 0.045 * pose),
        "shift_x": normal(0.0, 0.055 * pose),
        "shift_y": normal(-0.02, 0.045 * pose),
        "scale": normal(1.15, 0.065 * pose),
        "gaze_x": normal(0.0, 0.022),
        "gaze_y": normal(0.0, 0.010),
        # Light and camera
        "light_x": normal(0.0, 0.40),
        "light_y": normal(-0.32, 0.20),
        "ambient": uniform(0.45, 0.72),
        "background": choose(chance(0.3), uniform(0.85, 1.0), uniform(0.04, 0.85)),
        "background_slope_x": normal(0.0, 0.08),
        "background_slope_y": normal(0.0, 0.08),
        "exposure": normal(1.0, 0.12),
        "contrast": normal(1.07, 0.13),
        "blur": 0.6 * uniform(0.0, 1.0) ** 2,  # weight of the two neighbours together, 0 to 2/3
        "noise": np.abs(normal(0.0, 0.014)) + 0.006,  # grey levels of 0..1
        "texture_phase": uniform(0.0, 6.28),
    }
    return Appearance(**{name: value.astype(np.float32)[:, None, None] for name, value in values.items()})
