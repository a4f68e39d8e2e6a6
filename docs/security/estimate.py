#!/usr/bin/env python3
"""Estimate the cost of the best known lattice attacks on Tacit's parameter sets.

The attacks and cost models are those of the lattice estimator
(https://github.com/malb/lattice-estimator), which is not part of this
repository. Get it, then:

    python3 -m venv venv
    venv/bin/pip install passagemath-symbolics==10.8.13 passagemath-modules==10.8.13 \
        passagemath-plot==10.8.13 passagemath-repl==10.8.13 passagemath-schemes==10.8.13
    venv/bin/python docs/security/estimate.py --estimator PATH/TO/lattice-estimator

With a full SageMath installation `sage -python` serves as well. The output is
compared with `estimates.txt` by eye: the first lines name the versions.

What is estimated is the problem that one honest party's share hides behind:
ring-LWE of dimension N modulo QP, seen as plain LWE (no attack on the ring
structure is known to do better), secret uniform over {-1, 0, 1}, error a
discrete Gaussian of standard deviation 3.2, samples unlimited (a party answers
with many shares under one secret).
"""

import argparse
import importlib
import math
import platform
import sys
import time
import types
from functools import partial
from importlib import metadata

# (what it is, log2 N, log2 QP). The tables are the two published ones for a ternary
# secret, 128 bits, classical; the sets are Tacit's.
ROWS = [
    ("table, eprint 2024/463", 12, 106),
    ("table, HE standard", 12, 109),
    ("table, eprint 2024/463; set 44+3x40 +50", 13, 214),
    ("table, HE standard", 13, 218),
    ("table, eprint 2024/463; set 50+7x40 +2x50", 14, 430),
    ("table, HE standard", 14, 438),
    ("set 50+15x40 +4x50", 15, 850),
    ("table, eprint 2024/463", 15, 868),
    ("table, HE standard", 15, 881),
    ("largest accepted", 16, 1747),
]


def sage_all():
    """The estimator imports everything from `sage.all`; modular Sage wheels have only parts."""
    try:
        importlib.import_module("sage.all")
        return
    except ModuleNotFoundError:
        pass
    import sage

    everything = types.ModuleType("sage.all")
    for part in (
        "environment objects categories pari ntl flint gsl modules plot polyhedra singular "
        "schemes symbolics"
    ).split():
        names = vars(importlib.import_module("sage.all__sagemath_" + part))
        everything.__dict__.update({k: v for k, v in names.items() if not k.startswith("__")})
    sys.modules["sage.all"] = everything
    sage.all = everything


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--estimator", required=True, help="a checkout of the lattice estimator")
    arguments.add_argument("--revision", default="unknown", help="its commit, for the record")
    arguments.add_argument("--min-log-n", type=int, default=12)
    arguments.add_argument("--max-log-n", type=int, default=16)
    arguments.add_argument("--hybrid-max-log-n", type=int, default=13)
    options = arguments.parse_args()

    sage_all()
    sys.path.insert(0, options.estimator)
    from estimator import LWE, ND, RC

    try:
        sage_version = "passagemath-modules " + metadata.version("passagemath-modules")
    except metadata.PackageNotFoundError:
        sage_version = "SageMath"
    print("lattice-estimator", options.revision)
    print(sage_version, "on Python", platform.python_version())
    print("secret uniform ternary, error discrete Gaussian 3.2, samples unlimited")
    print("rop = operations, log2; beta = block size of the strongest reduction; d = lattice dimension")
    print()

    models = [
        ("MATZOV", RC.MATZOV),  # classical, gate count of sieving with list-decoding
        ("BDGL16", RC.BDGL16),  # 2^(0.292 beta + 16.4 + log2(8 d)), the HE standard's model
        ("ADPS16 classical", RC.ADPS16),  # core-SVP: 2^(0.292 beta), a lower bound
        ("ADPS16 quantum", type(RC.ADPS16)(mode="quantum")),  # 2^(0.265 beta)
    ]
    attacks = [
        ("primal uSVP", lambda model: partial(LWE.primal_usvp, red_cost_model=model)),
        ("primal BDD", lambda model: partial(LWE.primal_bdd, red_cost_model=model)),
        ("dual", lambda model: partial(LWE.dual, red_cost_model=model)),
        ("dual hybrid", lambda model: partial(LWE.dual_hybrid, red_cost_model=model)),
    ]
    hybrid = (
        "primal hybrid",
        lambda model: partial(LWE.primal_hybrid, red_cost_model=model, mitm=False, babai=True),
    )
    for what, log_n, log_q in ROWS:
        if not options.min_log_n <= log_n <= options.max_log_n:
            continue
        print(f"N = 2^{log_n}, log2 QP = {log_q}   ({what})")
        parameters = LWE.Parameters(
            n=2**log_n, q=2**log_q, Xs=ND.Uniform(-1, 1), Xe=ND.DiscreteGaussian(3.2)
        )
        for model_name, model in models:
            best = math.inf
            # Guessing part of a dense secret does not pay and takes minutes to cost: shown once.
            with_hybrid = model_name == "MATZOV" and log_n <= options.hybrid_max_log_n
            for attack_name, attack in attacks + [hybrid] * with_hybrid:
                started = time.process_time()
                cost = attack(model)(parameters)
                seconds = time.process_time() - started
                rop = math.log2(cost["rop"]) if cost["rop"] < 2**2000 else math.inf
                best = min(best, rop)
                print(
                    f"  {model_name:17s} {attack_name:14s} rop {rop:6.1f}"
                    f"  beta {int(cost['beta']):4d}  d {int(cost['d']) if 'd' in cost else 0:6d}"
                    f"  [{seconds:.1f} s]",
                    flush=True,
                )
            print(f"  {model_name:17s} {'smallest':14s} rop {best:6.1f}")
        print(flush=True)


if __name__ == "__main__":
    main()
