"""The data sets of the second hold-out: tables and pictures. Importing the module adds them to the others."""

import numpy as np
from scipy.ndimage import gaussian_filter
from sklearn import datasets

from tests.faults.data import SETS, Array, Data, clothes, divided, standard

FRESH = 6000
"""The images of clothes before are in the other two benches."""
KINDS = np.array([0, 1, 0, 2, 0, 3, 0, 3, 4, 3])
"""Superclass of each class of Fashion-MNIST: tops, trousers, dresses, shoes, bags."""
HOLE = 7
"""Side of the square that is hidden in a picture of clothes, in pixels."""
PATCH = 10
"""Side of a patch of a photograph, in pixels."""
BLURS = (0.0, 0.6, 1.0, 1.8)
"""Spreads of the blur of a photograph, in pixels."""
DISTRICTS = 8
USERS, FILMS = 30, 40


def _colour() -> Data:
    """Twelve measures of a wine, among them its class → its colour intensity."""
    inputs, labels = datasets.load_wine(return_X_y=True)
    others = np.column_stack([np.delete(inputs, 9, 1), labels])
    return divided(standard(others), standard(np.log(inputs[:, 9])))


def _texture() -> Data:
    """The first ten measures of a tumour → how concave its worst cell is."""
    inputs, _ = datasets.load_breast_cancer(return_X_y=True)
    return divided(standard(inputs[:, :10]), standard(inputs[:, 26]))


def _thirds() -> Data:
    """Ten measures of a patient → the third of the patients in which the disease has moved that far."""
    inputs, targets = datasets.load_diabetes(return_X_y=True)
    return divided(standard(inputs), np.digitize(targets, np.quantile(targets, [1 / 3, 2 / 3])))


def _houses(*, scaled: bool) -> Data:
    """Skewed sizes, incomes and ages of blocks, their places and one of eight districts → the logarithm of a price, as in
    the table of Californian houses."""
    random = np.random.default_rng(41)
    count = 1800
    income, rooms = np.exp(random.normal(1.2, 0.5, count)), np.exp(random.normal(1.6, 0.3, count))
    people, age = np.exp(random.normal(7.0, 0.8, count)), random.uniform(1, 52, count)
    place = random.uniform([32, -124], [42, -114], (count, 2))
    district = random.integers(0, DISTRICTS, count)
    coast = np.exp(-(((place[:, 1] + 122 - 0.5 * (38 - place[:, 0])) / 2) ** 2))
    told = 0.8 * np.log(income) + 0.5 * coast + 0.15 * np.log(rooms) - 0.004 * age - 0.05 * np.log(people)
    told += random.normal(0, 0.25, DISTRICTS)[district] + 0.12 * random.normal(size=count)
    numbers = np.column_stack([income, rooms, people, age, place])
    inputs = np.concatenate([standard(numbers) if scaled else numbers, np.eye(DISTRICTS)[district]], 1)
    return divided(inputs, standard(told))


def _loans() -> Data:
    """Six numbers and three categories of a loan in columns of 0 and 1 [27]; one in seven is not paid back."""
    random = np.random.default_rng(42)
    numbers = random.normal(size=(2400, 6))
    groups = [random.integers(0, size, 2400) for size in (4, 7, 10)]
    told = numbers @ random.normal(size=6) + 1.2 * numbers[:, 0] * numbers[:, 1]
    told += sum(random.normal(size=size)[group] for size, group in zip((4, 7, 10), groups, strict=True))
    told += 0.5 * random.normal(size=2400)
    columns = [np.eye(size)[group] for size, group in zip((4, 7, 10), groups, strict=True)]
    return divided(np.concatenate([numbers, *columns], 1), (told > np.quantile(told, 6 / 7)).astype(np.int64))


def _sites() -> Data:
    """Twenty heaps of points in eight dimensions, which overlap a little."""
    inputs, labels = datasets.make_blobs(2400, 8, centers=20, cluster_std=2.6, random_state=43)
    return divided(standard(inputs), labels)


def _chequers() -> Data:
    """A point on a board of four by four fields; the class is the colour of its field."""
    points = np.random.default_rng(44).uniform(-1, 1, (2000, 2))
    return divided(1.7 * points, np.floor(2 * (points + 1)).astype(np.int64).sum(1) % 2)


def _s_curve() -> Data:
    """A point in space on a sheet bent like an S, under noise → how far along the sheet it lies."""
    inputs, targets = datasets.make_s_curve(1500, noise=0.15, random_state=45)
    return divided(standard(inputs), standard(targets))


def _islands() -> Data:
    """Points of a plane around twelve centres; the class of a point is that of its centre, one of three."""
    inputs, centres = datasets.make_blobs(1500, 2, centers=12, cluster_std=0.7, random_state=46)
    return divided(standard(inputs), centres % 3)


def _ratings() -> Data:
    """The numbers of a user and a film [2] → how far the user's liking of that film lies off the mean: tastes of rank 3."""
    random = np.random.default_rng(47)
    pairs = np.stack(np.divmod(np.arange(USERS * FILMS), FILMS), 1)
    tastes, traits = random.normal(size=(USERS, 3)), random.normal(size=(FILMS, 3))
    told = (tastes[pairs[:, 0]] * traits[pairs[:, 1]]).sum(1) + 0.6 * random.normal(size=FILMS)[pairs[:, 1]]
    shift = np.array([1, 1 + USERS])
    return divided(pairs + shift, standard(told + 0.4 * random.normal(size=len(told))))


def _odd() -> Data:
    """A written digit [1, 8, 8], the later half of them; the class is whether it is odd."""
    images, digits = datasets.load_digits(return_X_y=True)
    return divided((images[700:] / 8 - 1).reshape(-1, 1, 8, 8), digits[700:] % 2)


def _halves() -> Data:
    """The upper half of a written digit [32], under a little noise → its lower half [32], as well as it can be told."""
    images, _ = datasets.load_digits(return_X_y=True)
    grainy = images / 8 - 1 + 0.1 * np.random.default_rng(48).normal(size=images.shape)
    return divided(grainy[:, :32], grainy[:, 32:])


def _greater() -> Data:
    """Two written digits [2, 8, 8]; the class is whether the first is the greater one."""
    images, digits = datasets.load_digits(return_X_y=True)
    random = np.random.default_rng(49)
    one, other = np.unique(random.integers(0, len(digits), (2, 3600)), axis=1)
    apart = digits[one] != digits[other]
    inputs = np.stack([images[one[apart]], images[other[apart]]], 1).reshape(-1, 2, 8, 8) / 8 - 1
    return divided(inputs, (digits[one[apart]] > digits[other[apart]]).astype(np.int64))


def _covered() -> Data:
    """Clothes [1, 14, 14] of which a square is hidden; the class is one of five kinds."""
    images, labels = clothes()
    random = np.random.default_rng(50)
    chosen = images[FRESH : FRESH + 2000].copy()
    for image in chosen:
        top, left = random.integers(0, image.shape[1] - HOLE, 2)
        image[0, top : top + HOLE, left : left + HOLE] = random.uniform(-1, 1)
    return divided(chosen, KINDS[labels[FRESH : FRESH + 2000]])


def _upright() -> Data:
    """Clothes [1, 14, 14] turned by so many quarters; the class is how many."""
    images, _ = clothes()
    quarters = np.random.default_rng(51).integers(0, 4, 1600)
    turned = [np.rot90(image, quarter, (1, 2)) for image, quarter in zip(images[-1600:], quarters, strict=True)]
    return divided(np.stack(turned), quarters)


def _photographs() -> list[Array]:
    """Return two photographs in grey, [H, W] in [-1, 1]."""
    return [image.mean(2) / 127.5 - 1 for image in datasets.load_sample_images().images]


def _blurs() -> Data:
    """Patches [1, 10, 10] of photographs with some contrast; the class is how much they were blurred."""
    random = np.random.default_rng(52)
    blurred = [[gaussian_filter(image, spread) for spread in BLURS] for image in _photographs()]
    inputs, labels = [], []
    while len(labels) < 2000:
        chosen, level = random.integers(0, len(blurred)), random.integers(0, len(BLURS))
        patch = _patch(blurred[chosen][level], random)
        if patch.std() > 0.06:
            inputs.append((patch - patch.mean()) / patch.std())
            labels.append(level)
    return divided(np.stack(inputs)[:, None], np.array(labels))


def _patch(image: Array, random: np.random.Generator) -> Array:
    top, left = random.integers(0, image.shape[0] - PATCH), random.integers(0, image.shape[1] - PATCH)
    return image[top : top + PATCH, left : left + PATCH]


def _grain() -> Data:
    """Patches [1, 10, 10] of photographs under noise → the sixteen pixels in their middle without it."""
    random = np.random.default_rng(53)
    images = _photographs()
    clean = np.stack([_patch(images[number % 2], random) for number in range(1800)])
    noisy = clean + 0.25 * random.normal(size=clean.shape)
    return divided(noisy[:, None], clean[:, 3:7, 3:7].reshape(len(clean), -1))


def _kinds_of_five() -> Data:
    """Five binary marks of a point of a plane: on which side of each of five circles it lies [5]."""
    random = np.random.default_rng(54)
    points = random.uniform(-1.5, 1.5, (1500, 2))
    circles = np.array([(-0.6, -0.6, 0.7), (0.6, -0.5, 0.8), (0.0, 0.7, 0.7), (0.7, 0.8, 0.6), (-0.8, 0.5, 0.6)])
    apart = ((points[:, None] - circles[:, :2]) ** 2).sum(2)
    return divided(points, (apart < circles[:, 2] ** 2).astype(np.float32))


def _steps() -> Data:
    """A wavy curve of one number with a jump → its height under noise; three columns that do not count."""
    random = np.random.default_rng(55)
    inputs = random.uniform(-2, 2, (1200, 4))
    told = np.sin(3 * inputs[:, 0]) + 0.4 * inputs[:, 0] + (inputs[:, 0] > 0.7)
    return divided(inputs, standard(told + 0.15 * random.normal(size=1200)))


def _bicluster() -> Data:
    """Rows of a chequered matrix under noise, all columns in an order of their own; the class is the block of the row."""
    matrix, rows, _ = datasets.make_checkerboard((1400, 24), (6, 3), noise=14.0, minval=0, maxval=40, random_state=56)
    return divided(standard(matrix), rows[::3].argmax(0))


SETS |= {
    "colour": _colour,
    "texture": _texture,
    "thirds": _thirds,
    "houses": lambda: _houses(scaled=True),
    "houses_raw": lambda: _houses(scaled=False),
    "loans": _loans,
    "sites": _sites,
    "chequers": _chequers,
    "s_curve": _s_curve,
    "islands": _islands,
    "ratings": _ratings,
    "odd": _odd,
    "halves": _halves,
    "greater": _greater,
    "covered": _covered,
    "upright": _upright,
    "blurs": _blurs,
    "grain": _grain,
    "kinds_of_five": _kinds_of_five,
    "steps": _steps,
    "bicluster": _bicluster,
}
