"""Synthetic faces as pixels: analytic soft-edged shapes on a (B, 48, 48) grid, one batch of faces at a time.

`b` counts faces, rows and columns are pixels. Every shape is a signed distance, or nearly, in face units (see
`appearance`); its coverage is the distance clamped over one pixel. Features that come in pairs are drawn once, in |x|.
The numbers were set by eye on sample sheets: each AU should look like its description in the FACS manual.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emorec import SIDE
from emorec.data.synthetic.action_units import NAMES
from emorec.data.synthetic.appearance import Appearance

UNIT = 20.0  # pixels a face unit
CENTRE_Y = -0.10  # of the head
# Rows that eyes and brows, or mouth and beard, can reach in any pose: the rest of the frame need not be computed.
EYE_ROWS = slice(0, 34)
MOUTH_ROWS = slice(19, 48)

Array = np.ndarray


def draw(action_units: Array, look: Appearance, noise: Array) -> Array:
    """Faces (B, 48, 48) uint8 with the AUs (B, U); `noise` (B, 48, 48) is standard normal."""
    au = {int(name[2:]): action_units[:, index, None, None] for index, name in enumerate(NAMES)}
    head, face = _coordinates(look)
    canvas = _backdrop(head, look)
    skin, skin_mask = _head(canvas, head, look, au)
    skin += _relief(face, look, au) * look.skin
    _brows(skin[:, EYE_ROWS], face.rows(EYE_ROWS), look, au)
    _eyes(skin[:, EYE_ROWS], face.rows(EYE_ROWS), look, au)
    _nose(skin, face, look, au)
    mouth = _mouth(skin[:, MOUTH_ROWS], face.rows(MOUTH_ROWS), look, au)
    _beard(skin[:, MOUTH_ROWS], face.rows(MOUTH_ROWS), mouth, look)
    _over(canvas, skin_mask, skin)
    _fringe(canvas, head, look)
    _glasses(canvas, face, look)
    return _camera(canvas, look, noise)


@dataclass
class _Grid:
    """Pixel centres in face units, (B, 48, 48): `x`, `y`, the folded `side` = |x|; `sharp` (B, 1, 1): pixels a unit."""

    x: Array
    y: Array
    side: Array
    sharp: Array

    def rows(self, rows: slice) -> _Grid:
        return _Grid(self.x[:, rows], self.y[:, rows], self.side[:, rows], self.sharp)


def _coordinates(look: Appearance) -> tuple[_Grid, _Grid]:
    """The head's own grid, and the grid on its front that turns with yaw and pitch as on an ellipsoid."""
    axis = ((np.arange(SIDE) - (SIDE - 1) / 2) / UNIT).astype(np.float32)
    x, y = axis[None, None, :] - look.shift_x, axis[None, :, None] - look.shift_y
    cos, sin = np.cos(look.roll) / look.scale, np.sin(look.roll) / look.scale
    head_x, head_y = x * cos + y * sin, y * cos - x * sin
    depth = np.maximum(1.0 - 1.1 * head_x**2 - 0.45 * head_y**2, 0.0)
    face_x, face_y = head_x - look.yaw * depth, head_y - look.pitch * depth
    sharp = UNIT * look.scale
    return _Grid(head_x, head_y, np.abs(head_x), sharp), _Grid(face_x, face_y, np.abs(face_x), sharp)


def _cover(distance: Array, sharp: Array | float) -> Array:
    """How much of each pixel lies inside (`distance` < 0)."""
    return np.clip(0.5 - distance * sharp, 0.0, 1.0)


def _over(canvas: Array, alpha: Array, tone: Array | float) -> None:
    """Paint `tone` over `canvas`, in place."""
    canvas += alpha * (tone - canvas)


def _bump(x: Array, y: Array, centre_x: Array | float, centre_y: Array | float, width: float, height: float) -> Array:
    """A smooth hump of height 1 that ends at `width` and `height` from its centre."""
    inside = np.maximum(1.0 - ((x - centre_x) / width) ** 2 - ((y - centre_y) / height) ** 2, 0.0)
    return inside * inside


def _stroke(distance: Array, along: Array, start: Array | float, stop: Array | float, width: float) -> Array:
    """A soft line: `distance` across it, fading at its ends `start` and `stop` of the coordinate `along`."""
    across = np.maximum(1.0 - (distance / width) ** 2, 0.0)
    middle, half = (start + stop) / 2, (stop - start) / 2
    return across * np.maximum(1.0 - ((along - middle) / half) ** 2, 0.0)


def _backdrop(head: _Grid, look: Appearance) -> Array:
    """Background, hair that hangs behind, neck and clothes."""
    canvas = look.background + look.background_slope_x * head.x + look.background_slope_y * head.y
    canvas = canvas + 0.05 * np.sin(2.3 * head.x + look.texture_phase) * np.sin(1.9 * head.y + 2 * look.texture_phase)
    width = look.head_width + look.hair_volume
    cap = np.sqrt((head.x / width) ** 2 + ((head.y - CENTRE_Y) / (look.head_height + look.hair_volume)) ** 2)
    fall = np.where(head.y > CENTRE_Y, head.side - width - 0.06 * head.y, (cap - 1.0) * 0.8)
    short = np.maximum((cap - 1.0) * 0.8, head.y - 0.12)
    tone = look.hair * (0.80 + _strands(head.side, head.y, look))
    hair = look.long_hair * _cover(fall, head.sharp) + (1 - look.long_hair) * _cover(short, head.sharp)
    _over(canvas, hair * (1 - look.bald), tone)
    neck = np.maximum(head.side - 0.62 * look.head_width - 0.15 * np.maximum(head.y - 0.9, 0), 0.45 - head.y)
    _over(canvas, _cover(neck, head.sharp), look.skin * (0.50 + 0.35 * look.light_x * head.x))
    collar = 0.98 + 0.30 * np.maximum(head.side - 0.5, 0.0) + 0.6 * np.maximum(0.5 - head.side, 0.0) - head.y
    _over(canvas, _cover(collar, head.sharp), look.clothes)
    return canvas


def _head(canvas: Array, head: _Grid, look: Appearance, au: dict[int, Array]) -> tuple[Array, Array]:
    """Paint the ears; return the head's shaded skin and its coverage, to be painted once the features are on it."""
    below = np.clip((head.y - 0.05) / 1.05, 0.0, 1.0)
    width = look.head_width * (1.0 - look.jaw * below * below)
    # An open jaw lengthens the face.
    lower = look.head_height * (1.12 + 0.12 * au[26] + 0.21 * au[27] - 0.02 * au[17])
    height = np.where(head.y > CENTRE_Y, lower, look.head_height)
    u, v = head.x / width, (head.y - CENTRE_Y) / height
    square = u * u + v * v - 0.22 * (u * v) ** 2  # the last term squares the jaw off a little
    shade = _shade(u, v, square, look)
    ear_x, ear_y = head.side - look.head_width - 0.015, head.y + 0.02
    ear = (np.sqrt((ear_x / 0.085) ** 2 + (ear_y / 0.19) ** 2) - 1.0) * 0.1
    # Turning the head hides the far ear.
    seen = np.clip(1.0 + 6.0 * look.yaw * np.sign(head.x), 0.0, 1.0) * (1 - look.long_hair)
    inner = 0.30 * _bump(ear_x, ear_y, 0.0, 0.0, 0.06, 0.13)
    _over(canvas, _cover(ear, head.sharp) * seen, look.skin * (0.78 + 0.4 * look.light_x * head.x - inner))
    return look.skin * shade, _cover((np.sqrt(square) - 1.0) * 0.85, head.sharp)


def _strands(x: Array, y: Array, look: Appearance) -> Array:
    """Locks of hair: two incommensurate waves, so that no stripes show."""
    locks = 1.0 + np.sin(13.0 * x - 7.0 * y - look.texture_phase)
    return 0.09 * locks * np.sin(31.0 * x + 9.0 * x * y + look.texture_phase)


def _shade(u: Array, v: Array, square: Array, look: Appearance) -> Array:
    """Lambert's law on an ellipsoid, with ambient light and darker rims."""
    depth = np.sqrt(np.maximum(1.0 - 0.85 * square, 0.02))
    facing = np.maximum(0.9 * (look.light_x * u + look.light_y * v) + depth, 0.0)
    return look.ambient + (1.0 - look.ambient) * facing


def _relief(face: _Grid, look: Appearance, au: dict[int, Array]) -> Array:
    """Soft shading of the skin by bone and muscle, as a change of shade: sockets, cheeks, folds, furrows, chin."""
    x, y, side, eye_y, mouth_y = face.x, face.y, face.side, look.eye_height, look.mouth_height
    raised = np.maximum(au[6], 0.6 * au[12])
    # Eye sockets beside the nose's bridge, darker when the brow is down on them.
    shade = -(0.20 + 0.16 * au[4]) * _bump(side, y, look.eye_distance - 0.04, eye_y - 0.07, 0.27, 0.20)
    # Cheeks: lit above, shaded below; raised by 6 and 12.
    cheek_y = 0.20 - 0.07 * raised
    cheek = _bump(side, y, 0.42, cheek_y, 0.25, 0.21)
    shade += cheek * (0.07 + 0.16 * raised) * (1.0 - 1.6 * (y - cheek_y) + 0.6 * look.light_x * np.sign(x))
    # The bag under the eye that raised cheeks push up, and crow's feet.
    bag = _stroke(y - (eye_y + 0.135) - 0.5 * (side - look.eye_distance) ** 2, side, 0.17, 0.56, 0.035)
    shade -= (0.10 * look.age + 0.26 * au[6] + 0.12 * au[7] + 0.12 * au[9]) * bag
    feet = np.abs(y - eye_y - 0.02) - 0.55 * (side - 0.50)
    shade -= 0.22 * au[6] * _stroke(feet, side, 0.50, 0.70, 0.03)
    # From the nose's wings to the mouth's corners.
    fold = np.clip(0.25 * look.age + 0.55 * au[12] + 0.6 * au[10] + 0.55 * au[9] + 0.15 * au[15] + 0.1 * au[20], 0, 1)
    corner = look.mouth_width + 0.07 + 0.11 * au[12] + 0.06 * au[20]
    top = 0.20 - 0.06 * au[9] - 0.03 * au[10]
    reach = np.clip((y - top) / (mouth_y + 0.02 - top), 0.0, 1.2)
    line = 0.15 + (corner - 0.15) * reach * (1.25 - 0.25 * reach + 0.25 * au[10] * (1 - reach))
    shade -= 0.34 * fold * _stroke(side - line, y, top - 0.05, mouth_y + 0.14, 0.055)
    # Forehead: horizontal lines when the brows rise, centre by 1 and sides by 2; vertical furrows by 4.
    lines = np.maximum(np.sin(38.0 * (y - 0.15 * side * side)), 0.0) * _bump(side, y, 0.0, -0.56, 0.62, 0.16)
    outwards = np.minimum(2.2 * side, 1.0)
    shade -= 0.26 * lines * (au[1] * (1.0 - outwards) + au[2] * outwards + 0.15 * look.age)
    furrow = np.maximum(au[4], 0.5 * au[9]) * (1 - 0.35 * au[1])
    shade -= 0.45 * furrow * _stroke(side - 0.055 - 0.1 * (y + 0.35), y, -0.52, -0.20, 0.032)
    # Nose: bright ridge, dark flanks, shadow under the tip; wrinkles across the bridge by 9.
    tip = eye_y + look.nose_length
    flank = side - 0.055 - 0.10 * np.clip((y - eye_y) / look.nose_length, 0, 1)
    shade += 0.13 * _stroke(side, y, eye_y - 0.12, tip + 0.03, 0.07)
    shade -= (0.15 + 0.25 * look.light_x * np.sign(x)) * _stroke(flank, y, eye_y - 0.14, tip + 0.06, 0.06)
    shade += 0.10 * _bump(x, y, 0.0, tip - 0.04, 0.10, 0.09)
    wrinkle = (0.3 + np.sin(46.0 * (y + 0.7 * side))) * _bump(side, y, 0.02, eye_y + 0.11, 0.19, 0.21)
    shade -= 0.30 * au[9] * np.maximum(wrinkle, 0.0)
    # Chin and the hollow under the lower lip; 17 pushes the chin up and dimples it.
    drop = _jaw_drop(au)
    chin_y = mouth_y + 0.32 + drop - 0.04 * au[17]
    ball = _bump(x, y, 0.0, chin_y, 0.24, 0.17)
    shade += ball * (0.06 + 0.10 * au[17] * (1.0 + 0.9 * np.sin(45.0 * x) * np.sin(45.0 * y)))
    shade -= (0.12 + 0.30 * au[17]) * _bump(x, y, 0.0, mouth_y + 0.165 + drop - 0.05 * au[17], 0.24, 0.055)
    # Hollows beside the corners that 15 pulls down, and 20 and 23 pull tight.
    hollow = _bump(side, y, look.mouth_width + 0.06 * au[20] + 0.02, mouth_y + 0.12, 0.09, 0.12)
    return shade - (0.30 * au[15] + 0.12 * au[20]) * hollow


def _brows(skin: Array, face: _Grid, look: Appearance, au: dict[int, Array]) -> None:
    inner = 0.135 - 0.055 * au[4]
    outer = look.eye_distance + 0.235 - 0.01 * au[4]
    along = (face.side - inner) / (outer - inner)
    base = look.eye_height + look.brow_height
    inner_y = base + look.brow_tilt + 0.015 - 0.125 * au[1] + 0.115 * au[4] * (1 - 0.45 * au[1]) + 0.06 * au[9]
    outer_y = base - look.brow_tilt + 0.035 - 0.120 * au[2] + 0.015 * au[4] + 0.025 * au[1] * (1 - au[2])
    arch = look.brow_arch + 0.055 * au[2] - 0.03 * au[4] - 0.02 * au[1] * (1 - au[2])
    middle = inner_y + (outer_y - inner_y) * along - 4.0 * arch * along * (1.0 - along)
    thickness = look.brow_thickness * (1.15 - 0.55 * np.clip(along, 0.0, 1.0)) + 0.008 * au[4]
    across = np.abs(face.y - middle) - thickness
    ends = np.maximum(inner - face.side, face.side - outer)
    hairs = 0.88 + 0.12 * np.sin(60.0 * face.side + 25.0 * face.y)
    alpha = _cover(across, 0.8 * face.sharp) * _cover(ends, 0.6 * face.sharp) * hairs
    tone = np.minimum(0.75 * look.hair, 0.55 * look.skin)
    _over(skin, 0.9 * alpha, tone)


def _eyes(skin: Array, face: _Grid, look: Appearance, au: dict[int, Array]) -> None:
    squint = np.maximum(0.85 * au[7], au[6])
    droop = au[1] * (1 - au[2]) * (1 - au[5])
    upper = look.eye_opening * 0.072 + 0.055 * au[5] - 0.030 * squint - 0.016 * droop - 0.018 * au[9]
    lower = look.eye_opening * 0.050 + 0.016 * au[5] - 0.042 * squint - 0.018 * au[9]
    upper, lower = np.maximum(upper, 0.012), np.maximum(lower, 0.006)
    offset = (face.side - look.eye_distance) / look.eye_width
    bow = 1.0 - offset * offset
    y = face.y - look.eye_height + (look.eye_tilt - 0.025 * droop) * offset
    lid_up, lid_low = -upper * bow, lower * bow
    # Distances to lids are vertical: scaled down a little towards the corners, where the lids slope.
    inside = np.maximum(lid_up - y, y - lid_low)
    opening = _cover(inside, face.sharp) * (bow > 0)
    iris_x = np.where(face.x > 0, face.side - look.gaze_x, face.side + look.gaze_x) - look.eye_distance
    iris_y = y - look.gaze_y + 0.008
    radius = np.sqrt(iris_x * iris_x + iris_y * iris_y)
    white = 0.60 + 0.32 * look.ambient - 0.18 * np.clip(offset * offset, 0, 1) - 0.20 * _cover(y - lid_up - 0.03, 10.0)
    ball = white * (0.75 + 0.25 * look.skin)
    _over(ball, _cover(radius - 0.082, face.sharp), look.iris)
    _over(ball, _cover(radius - 0.036, face.sharp), 0.03)
    glint = _bump(face.side * np.sign(face.x), iris_y, np.sign(face.x) * look.eye_distance - 0.025, -0.03, 0.035, 0.035)
    _over(ball, np.minimum(1.3 * glint, 1.0), 0.95)
    # Crease of the upper lid: hidden by a lowered brow, opened by 5.
    crease = _stroke(y - lid_up + 0.05 + 0.015 * au[5], offset, -1.15, 1.15, 0.028)
    _over(skin, (0.35 + 0.2 * au[5]) * crease, 0.35 * look.skin)
    _over(skin, opening, ball)
    lash = _stroke(y - lid_up + 0.008, offset, -1.25, 1.3, 0.040)
    _over(skin, np.minimum(1.25 * lash, 1.0) * 0.9, 0.12 * look.skin)
    under = _stroke(y - lid_low - 0.008, offset, -1.15, 1.2, 0.028)
    _over(skin, (0.45 + 0.25 * squint) * under, 0.35 * look.skin)


def _nose(skin: Array, face: _Grid, look: Appearance, au: dict[int, Array]) -> None:
    """Nostrils and wings; 9 and 10 raise and widen them. The ridge belongs to the relief."""
    lift = 0.055 * au[9] + 0.03 * au[10]
    tip = look.eye_height + look.nose_length - lift
    wide = look.nose_width + 0.025 * au[9] + 0.01 * au[10] + 0.02 * au[12]
    nostril = _bump(face.side, face.y, 0.52 * wide, tip + 0.045, 0.062, 0.042)
    _over(skin, np.minimum(1.3 * nostril, 1.0) * 0.75, 0.18 * look.skin)
    wing = _stroke(face.side - wide - 0.25 * (face.y - tip), face.y, tip - 0.09 - 0.03 * au[9], tip + 0.075, 0.032)
    _over(skin, (0.40 + 0.25 * au[9]) * wing, 0.35 * look.skin)
    _over(skin, 0.30 * _bump(face.x, face.y, 0.0, tip + 0.085, 0.20, 0.045), 0.45 * look.skin)


def _jaw_drop(au: dict[int, Array]) -> Array:
    """How far the lower lip and the chin go down with the jaw."""
    return 0.085 * au[25] + 0.19 * au[26] + 0.31 * au[27]


def _mouth(skin: Array, face: _Grid, look: Appearance, au: dict[int, Array]) -> Array:
    """Lips, the open mouth and its teeth; returns the coverage of the whole mouth, for the beard to leave out."""
    centre = look.mouth_height + 0.015 * au[27] - 0.02 * au[9] - 0.02 * au[10]
    stretch = 0.125 * au[12] + 0.105 * au[20] + 0.02 * au[15] - 0.035 * au[24] - 0.03 * au[23]
    half = look.mouth_width + stretch - 0.09 * au[26] * (1 - au[20]) - 0.13 * au[27] - 0.015 * au[17]
    corner = centre + look.mouth_curve - 0.115 * au[12] + 0.105 * au[15] + 0.02 * au[20] + 0.035 * au[17]
    corner = corner + 0.07 * au[26] + 0.11 * au[27] + 0.03 * au[16] + 0.02 * au[10]
    part = _jaw_drop(au) + 0.045 * au[16] + 0.075 * au[12] * au[25]  # a smile bares the upper teeth
    # Heights of the lips' inner edges in the middle of the mouth.
    bend = 0.025 * au[12] - 0.015 * au[15]
    edge_up = centre + bend - 0.30 * _jaw_drop(au) - 0.040 * au[10] - 0.02 * au[9] - 0.045 * au[17]
    edge_low = np.maximum(centre + bend + 0.85 * part - 0.045 * au[17], edge_up)
    offset = face.side / half
    square = np.minimum(offset * offset, 1.0)
    parabola = 1.0 - square
    oval = np.sqrt(parabola)
    # A stretched jaw makes an oval, a raised or stretched lip a box.
    round_ = np.clip(0.2 + 0.9 * au[27] + 0.6 * au[26] + 0.5 * au[20] + 0.4 * au[10], 0, 1)
    profile = parabola + round_ * (oval - parabola)
    # The corner's own height joins the middle's by a parabola: lines at rest stay lines.
    upper = corner + (edge_up - corner) * profile
    lower = corner + (edge_low - corner) * profile
    tight = np.clip(1.0 - 0.65 * au[24] - 0.45 * au[23] - 0.3 * au[20] - 0.25 * au[12] - 0.15 * au[17], 0.2, 1.0)
    bow = 1.0 - 0.25 * np.maximum(1.0 - 7.0 * offset, 0.0)
    top = upper - 0.058 * look.lips * tight * parabola * bow
    pout = 0.02 * au[17] * (1 - au[24])
    bottom = lower + (0.082 * look.lips * tight + pout) * np.sqrt(parabola) * (0.6 + 0.4 * parabola)
    y = face.y
    ends = _cover(face.side - half, face.sharp)
    lips = _cover(np.maximum(top - y, y - bottom), 0.85 * face.sharp) * ends
    upper_lip = (0.60 - 0.18 * look.lipstick) * look.skin
    lower_lip = (0.68 - 0.22 * look.lipstick) * look.skin
    middle = (upper + lower) / 2
    gloss = 0.10 * look.skin * _bump(face.x, y, 0.0, bottom - 0.05, 0.2, 0.04)
    tone = np.where(y < middle, upper_lip, lower_lip + gloss)
    _over(skin, 0.85 * lips, tone)
    # The line between closed lips, heavier at the corners, stays as the rim of the open mouth.
    seam = np.maximum(1.0 - ((y - middle) / 0.030) ** 2, 0.0) * _cover(face.side - half - 0.015, face.sharp)
    _over(skin, seam * (0.72 + 0.15 * np.maximum(au[23], au[24])), 0.22 * look.skin)
    gap = np.maximum(upper - y, y - lower)
    # Nothing to see between lips that touch.
    opened = _cover(gap, face.sharp) * ends * np.clip((edge_low - edge_up) / 0.05 - 0.3, 0.0, 1.0)
    inside = 0.05 + 0.10 * _bump(face.x, y, 0.0, lower - 0.02, 0.22, 0.10)
    show_up = np.clip(0.35 + 0.6 * au[12] + 0.5 * au[10] + 0.25 * au[20] - 0.25 * au[27] - 0.1 * au[26], 0.0, 1.0)
    show_low = np.clip(0.9 * au[16] + 0.5 * au[20] + 0.35 * au[10] - 0.2 * au[27], 0.0, 1.0)
    gaps = 1.0 - 0.10 * np.maximum(np.sin(44.0 * face.x), 0.0)
    teeth = (0.95 - 0.45 * square * square) * gaps
    _over(inside, _cover(y - upper - 0.115 * show_up * oval, face.sharp) * (show_up > 0.15), teeth)
    _over(inside, _cover(lower - y - 0.060 * show_low * oval, face.sharp) * (show_low > 0.1), 0.92 * teeth)
    _over(skin, opened, inside)
    margin = _cover(np.maximum(top - y, y - bottom) - 0.03, face.sharp) * _cover(face.side - half - 0.04, face.sharp)
    return np.maximum(margin, opened)


def _beard(skin: Array, face: _Grid, mouth: Array, look: Appearance) -> None:
    grain = 0.85 + 0.15 * np.sin(70.0 * face.x + 31.0 * face.y) * np.sin(63.0 * face.y - 17.0 * face.x)
    jaw = np.clip(3.2 * (face.y - 0.30 - 0.75 * np.maximum(0.62 - face.side, 0.0)), 0.0, 1.0)
    lip = _bump(face.side, face.y, 0.10, look.mouth_height - 0.125, 0.34, 0.10)
    alpha = np.maximum(look.beard * jaw, look.moustache * np.minimum(2.2 * lip, 1.0)) * (1.0 - mouth) * grain
    _over(skin, 0.66 * alpha, 0.8 * look.hair + 0.1 * look.skin)


def _fringe(canvas: Array, head: _Grid, look: Appearance) -> None:
    """Hair on the forehead and at the temples, down to the hairline."""
    x = head.x - look.parting
    # Hair may fall to the temples, but never over the eyes, which carry the expression.
    line = np.minimum(look.hairline + look.hairline_bow * x * x * (1.0 + 0.6 * look.long_hair), -0.45)
    ragged = 0.025 * np.sin(9.0 * head.x - look.texture_phase) * np.sin(19.0 * head.x + look.texture_phase)
    front = head.y - line - ragged
    temple = look.head_width - 0.17 + 0.22 * (head.y + 0.78) - head.side
    width = look.head_width + look.hair_volume
    cap = np.sqrt((head.x / width) ** 2 + ((head.y - CENTRE_Y) / (look.head_height + look.hair_volume)) ** 2)
    shape = np.maximum(np.minimum(front, temple), (cap - 1.0) * 0.8)
    shape = np.maximum(shape, head.y - 0.10 - 0.6 * look.long_hair)
    shine = 0.30 * _bump(head.x, head.y, 0.5 * look.light_x, -0.92, 0.6, 0.16) * (0.15 + 0.5 * look.hair)
    tone = look.hair * (0.9 + _strands(x, head.y, look) + 0.5 * look.light_x * head.x) + shine
    _over(canvas, _cover(shape, 0.7 * head.sharp) * (1 - look.bald), tone)


def _glasses(canvas: Array, face: _Grid, look: Appearance) -> None:
    width, height = look.glasses_size, look.glasses_size * (0.66 + 0.30 * look.glasses_roundness)
    y = face.y - look.eye_height - 0.02
    u, v = ((face.side - look.eye_distance - 0.005) / width) ** 2, (y / height) ** 2
    box, circle = np.sqrt(np.sqrt(u * u + v * v)), np.sqrt(u + v)
    radius = box + look.glasses_roundness * (circle - box)
    frame = _cover(np.abs(radius - 1.0) * 0.2 - 0.017, face.sharp)
    bridge = _cover(np.maximum(face.side - look.eye_distance + width, np.abs(y + 0.04) - 0.018), face.sharp)
    arm = np.maximum(np.abs(y + 0.05) - 0.018, np.maximum(look.eye_distance + width - face.side, face.side - 0.80))
    _over(canvas, 0.10 * look.glasses * (radius < 1), 0.75)
    rim = np.maximum(np.maximum(frame, bridge), _cover(arm, face.sharp))
    _over(canvas, 0.9 * look.glasses * rim, look.glasses_tone)


def _camera(canvas: Array, look: Appearance, noise: Array) -> Array:
    """Exposure, contrast, a three-tap blur in both directions, noise and rounding."""
    # A camera's automatic exposure, half-hearted: it evens out the mean, so that few faces drown in black or white.
    mean = canvas.mean(axis=(1, 2), keepdims=True)
    canvas = 0.5 + look.contrast * (canvas * look.exposure * np.sqrt(0.50 / np.maximum(mean, 0.1)) - 0.5)
    canvas = np.minimum(canvas, 0.74 + 0.5 * (canvas - 0.74))  # highlights are compressed, not clipped
    for axis in (1, 2):
        padded = np.pad(canvas, [(1, 1) if a == axis else (0, 0) for a in range(3)], mode="edge")
        before, after = (padded[:, :-2], padded[:, 2:]) if axis == 1 else (padded[:, :, :-2], padded[:, :, 2:])
        canvas = canvas + 0.5 * look.blur * (before + after - 2.0 * canvas)
    canvas += look.noise * noise
    return np.clip(canvas * 255.0 + 0.5, 0, 255).astype(np.uint8)
