"""What scikit-learn reaches on the rows that `strength.rs` wrote: strength.py FOLDER"""

import sys
import time

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, LinearSVC

folder = sys.argv[1]
for kind, columns in [("moons", 2), ("mixture", 4)]:
    data = {}
    for part in ["train", "validation", "test"]:
        x = np.fromfile(f"{folder}/{kind}-{part}.x", "<f4").reshape(-1, columns)
        data[part] = x, np.fromfile(f"{folder}/{kind}-{part}.y", "u1")
    scale = StandardScaler().fit(data["train"][0])
    (x, y), (vx, vy), (tx, ty) = ((scale.transform(a), b) for a, b in data.values())

    def logistic(degree):
        return make_pipeline(PolynomialFeatures(degree), StandardScaler(), LogisticRegression(C=1e3, max_iter=500))

    families = {
        "logistic": [logistic(1)],
        "logistic-2": [logistic(2)],
        "logistic-3": [logistic(3)],
        "svm-linear": [LinearSVC()],
        "svm-kernel": [SVC(C=c, gamma=g / columns) for c in [1, 10] for g in [0.5, 2]],
        "nearest-neighbours": [KNeighborsClassifier(k) for k in [1, 5, 15, 45, 75, 125, 201]],
        "random-forest": [RandomForestClassifier(160, min_samples_leaf=m, n_jobs=2, random_state=1) for m in [1, 8, 50]],
        "gradient-boosting": [HistGradientBoostingClassifier(max_iter=400, max_leaf_nodes=m, early_stopping=True, random_state=1) for m in [8, 31]],
        "dense-network": [MLPClassifier((64, 64), batch_size=256, max_iter=60, early_stopping=True, random_state=1)],
    }
    print(kind)
    for name, models in families.items():
        start = time.time()
        best = max((m.fit(x, y) for m in models), key=lambda m: m.score(vx, vy))
        print(f"  {name:24} {best.score(tx, ty):.4f}  {time.time() - start:6.2f} s", flush=True)
