"""Average-linkage cosine agglomeration by SciPy; prints agglomeration.json.

    python3 tests/oracles/scipy_agglomeration.py > tests/oracles/agglomeration.json
"""
import json

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

random = np.random.RandomState(20)
cases = []
for count, dimension, groups in [(2, 3, 2), (7, 3, 3), (25, 4, 6), (60, 8, 10)]:
    vectors = random.randn(count, dimension).round(4)
    tree = linkage(vectors, method="average", metric="cosine")
    labels = fcluster(tree, groups, criterion="maxclust")
    cases.append(dict(count=count, dimension=dimension, groups=groups,
                      vectors=vectors.ravel().tolist(), labels=labels.tolist()))
print(json.dumps(cases))
