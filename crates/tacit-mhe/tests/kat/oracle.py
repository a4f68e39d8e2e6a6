#!/usr/bin/env python3
"""An independent, slow implementation of the multiparty protocols: makes `vectors.json`.

    python3 crates/tacit-mhe/tests/kat/oracle.py > crates/tacit-mhe/tests/kat/vectors.json
    python3 crates/tacit-mhe/tests/kat/oracle.py --check     # compares with the committed file

Standard library only. It shares no code and no algorithm with the crates: BLAKE3 from its
specification, whole integers instead of residues, schoolbook products, evaluation point by point. It
was written from the equations and the documented byte conventions. Every protocol's result
is also checked against the key that no party has, before its bytes are written.

The inputs below are repeated in `tests/known_answers.rs`; everything else is derived.
"""

import json
import math
import pathlib
import struct
import sys

import slow_blake3
from slow_blake3 import keyed_stream
from slow_ring import (
    REAL, STANDARD, Ring, Xof, centred, child, crt, find_primes, gaussian, rows_as_bytes,
    rows_as_words, ternary, transcript, u64, uniform, wide_uniform,
)  # fmt: skip

LOG_N, Q_BITS, P_BITS, LOG_SCALE = 4, [50, 40, 40, 40], [50, 50], 40
PARTIES = 3
SCALE = 2.0**LOG_SCALE
SMUDGING = 18
NAMES = {
    1: "collective public key",
    2: "collective Galois key",
    3: "relinearisation key, round one",
    4: "relinearisation key, round two",
    5: "release",
    6: "key switch to a public key",
    7: "refresh",
}


class Params:
    def __init__(self, kind):
        self.kind, self.ring = kind, Ring(kind, LOG_N)
        self.n = self.ring.n
        primes = find_primes(Q_BITS + P_BITS, self.ring.order)
        self.q, self.p = primes[: len(Q_BITS)], primes[len(Q_BITS) :]
        self.all = self.q + self.p
        words = lambda values: b"".join(map(u64, values))
        self.digest = transcript(
            "ckks parameters",
            [u64(kind), u64(LOG_N), u64(LOG_SCALE), words(self.q), words(self.p)],
        )
        width = len(self.p)
        self.digits = [self.q[i : i + width] for i in range(0, len(self.q), width)]

    def at(self, level):
        """The primes of key material for levels up to this one."""
        return self.q[: level + 1] + self.p

    def gadget(self, digit, primes):
        """P·w_j: P modulo the primes of digit j, 0 modulo all others."""
        product = math.prod(self.p)
        own = self.digits[digit]
        return crt([product % x if x in own else 0 for x in primes], primes)

    # Polynomials are coefficient lists modulo the product of the primes of a basis.
    def mul(self, a, b, primes):
        return self.ring.mul(a, b, math.prod(primes))

    def error(self, xof):
        return gaussian(self.n, xof)

    def rows(self, a, primes):
        return rows_as_bytes(self.ring, a, primes)

    def words(self, a, primes):
        return rows_as_words(self.ring, a, primes)


def add(primes, *terms):
    modulus = math.prod(primes)
    return [sum(column) % modulus for column in zip(*terms)]


def neg(a):
    return [-x for x in a]


def scaled(factor, a):
    return [factor * x for x in a]


class Ciphertext:
    def __init__(self, primes, c0, c1, scale=SCALE):
        self.primes, self.c0, self.c1, self.scale = primes, c0, c1, scale

    def encode(self, params):
        header = b"\x01" + params.digest[:8] + bytes([2, len(self.primes) - 1])
        header += struct.pack("<d", self.scale)
        return header + params.rows(self.c0, self.primes) + params.rows(self.c1, self.primes)


# --- context and instances --------------------------------------------------------------------

class Context:
    def __init__(self, plan, roster, nonces):
        parts = [plan, roster, u64(len(nonces))] + nonces
        self.session = transcript("mhe session", parts)
        self.crs = transcript("mhe common random string", parts)
        self.parties = len(nonces)


class Binding:
    """All public inputs of an instance, in order."""

    def __init__(self, params, context, name, instance_round, active=None):
        self.params, self.context = params, context
        self.active = list(range(context.parties)) if active is None else active
        self.parts = [
            context.session,
            name.encode(),
            u64(instance_round),
            u64(context.parties),
            b"".join(p.to_bytes(4, "little") for p in self.active),
            context.crs,
            params.digest,
        ]

    def bytes(self, data):
        self.parts.append(data)
        return self

    def number(self, value):
        return self.bytes(u64(value))

    def scale(self, value):
        return self.number(struct.unpack("<Q", struct.pack("<d", value))[0])

    def poly(self, a, primes, special=0):
        self.number(len(primes) - special).number(special)
        return self.bytes(self.params.words(a, primes))

    def ciphertext(self, ct):
        return self.scale(ct.scale).poly(ct.c0, ct.primes).poly(ct.c1, ct.primes)

    def id(self):
        return transcript("mhe instance", self.parts)

    def crs_xof(self):
        return Xof(transcript("mhe crs polynomial", [self.context.crs, self.id()]))


class Party:
    def __init__(self, params, seed):
        self.params = params
        self.s = ternary(params.n, Xof(child(seed, "mhe secret key")))
        self.share_key = child(seed, "mhe share key")
        self.zero = None  # threshold mode: (own index, {other: seed})

    def stream(self, purpose, instance):
        return Xof(child(self.share_key, purpose, instance))

    def mask(self, binding, index, a, primes):
        """Adds the zero-share of polynomial `index`."""
        if self.zero is None:
            return a
        me, seeds = self.zero
        for other in binding.active:
            if other != me:
                xof = Xof(child(seeds[other], "mhe zero share", binding.id(), u64(index)))
                term = uniform(self.params.ring, primes, xof)
                a = add(primes, a, term if me < other else neg(term))
        return a


def encode_share(params, tag, instance, polys):
    return bytes([1, tag]) + instance + b"".join(params.rows(a, primes) for a, primes in polys)


# --- the protocols: each returns the shares and the result ------------------------------------

def assert_small(values, modulus, bound, what):
    worst = max(abs(centred(x, modulus)) for x in values)
    assert worst <= bound, f"{what}: {worst} > {bound}"


def sum_shares(shares):
    return [add(primes, *(share[k][0] for share in shares)) for k, (_, primes) in enumerate(shares[0])]


def public_key(params, context, parties, instance_round, active=None):
    binding, primes = Binding(params, context, NAMES[1], instance_round, active), params.q
    a = uniform(params.ring, primes, binding.crs_xof())
    shares = []
    for party in parties:
        e = params.error(party.stream("mhe error", binding.id()))
        h = add(primes, e, neg(params.mul(a, party.s, primes)))
        shares.append([(party.mask(binding, 0, h, primes), primes)])
    b = sum_shares(shares)[0]
    return binding.id(), shares, (b, a)


def gadget_polys(params, binding, primes):
    xof = binding.crs_xof()
    digits = [digit for digit in params.digits if digit[0] in primes]
    return [uniform(params.ring, primes, xof) for _ in digits]


def galois_key(params, context, parties, instance_round, g, level=None):
    """For all levels, or for those up to `level`, which is then part of the instance."""
    binding, primes = Binding(params, context, NAMES[2], instance_round).number(g), params.all
    if level is not None:
        binding, primes = binding.number(level), params.at(level)
    a, inverse = gadget_polys(params, binding, primes), pow(g, -1, params.ring.order)
    shares = []
    for party in parties:
        permuted = params.ring.automorphism(inverse, party.s, math.prod(primes))
        xof, share = party.stream("mhe error", binding.id()), []
        for j, a_j in enumerate(a):
            e = params.error(xof)
            h = add(primes, e, neg(params.mul(a_j, permuted, primes)), scaled(params.gadget(j, primes), party.s))
            share.append((h, primes))
        shares.append(share)
    return binding.id(), shares, (sum_shares(shares), a)


def relinearisation_key(params, context, parties, instance_round, level=None):
    """For all levels, or for those up to `level`, which is then part of round one's instance."""
    one, primes = Binding(params, context, NAMES[3], instance_round), params.all
    if level is not None:
        one, primes = one.number(level), params.at(level)
    a = gadget_polys(params, one, primes)
    ephemeral = [ternary(params.n, party.stream("mhe ephemeral u", one.id())) for party in parties]
    first = []
    for party, u in zip(parties, ephemeral):
        xof, h0, h1 = party.stream("mhe error", one.id()), [], []
        for j, a_j in enumerate(a):
            e0 = params.error(xof)
            h0.append(add(primes, e0, neg(params.mul(a_j, u, primes)), scaled(params.gadget(j, primes), party.s)))
            e1 = params.error(xof)
            h1.append(add(primes, e1, params.mul(a_j, party.s, primes)))
        first.append([(h, primes) for h in h0 + h1])
    sums = sum_shares(first)
    h0, h1 = sums[: len(a)], sums[len(a) :]

    two = Binding(params, context, NAMES[4], instance_round).bytes(one.id())
    for h in sums:
        two.poly(h, primes, len(params.p))
    second = []
    for party, u in zip(parties, ephemeral):
        xof, share = party.stream("mhe error", two.id()), []
        for x, y in zip(h0, h1):
            e = params.error(xof)
            u_minus_s = add(primes, u, neg(party.s))
            h = add(primes, e, params.mul(x, party.s, primes), params.mul(y, u_minus_s, primes))
            share.append((h, primes))
        second.append(share)
    return (one.id(), first), (two.id(), second), (sum_shares(second), h1)


def flooded(params, party, ct, instance):
    xof = party.stream("mhe flooding", instance)
    noise = wide_uniform(params.n, SMUDGING, xof)
    return add(ct.primes, noise, params.mul(ct.c1, party.s, ct.primes))


def release(params, context, parties, instance_round, ct, active=None):
    binding = Binding(params, context, NAMES[5], instance_round, active)
    binding.number(SMUDGING).ciphertext(ct)
    shares = []
    for party in parties:
        h = flooded(params, party, ct, binding.id())
        shares.append([(party.mask(binding, 0, h, ct.primes), ct.primes)])
    return binding.id(), shares, add(ct.primes, ct.c0, *sum_shares(shares))


def switch_to_secret(params, context, parties, new, target, instance_round, ct):
    binding = Binding(params, context, "key switch to a secret", instance_round)
    binding.bytes(target).number(SMUDGING).ciphertext(ct)
    shares = []
    for party, other in zip(parties, new):
        h = flooded(params, party, ct, binding.id())
        h = add(ct.primes, h, neg(params.mul(ct.c1, other.s, ct.primes)))
        shares.append([(h, ct.primes)])
    c0 = add(ct.primes, ct.c0, *sum_shares(shares))
    return binding.id(), shares, Ciphertext(ct.primes, c0, ct.c1)


def switch_to_public(params, context, parties, target, instance_round, ct):
    p0, p1 = target
    binding = Binding(params, context, NAMES[6], instance_round).poly(p0, params.q).poly(p1, params.q)
    binding.number(SMUDGING).ciphertext(ct)
    shares, primes = [], ct.primes
    for party in parties:
        h0 = flooded(params, party, ct, binding.id())
        xof = party.stream("mhe encryption", binding.id())
        u = ternary(params.n, xof)
        h0 = add(primes, h0, params.mul(u, p0, primes))
        h1 = add(primes, params.error(xof), params.mul(u, p1, primes))
        shares.append([(h0, primes), (h1, primes)])
    s0, s1 = sum_shares(shares)
    return binding.id(), shares, Ciphertext(primes, add(primes, ct.c0, s0), s1)


def refresh(params, context, parties, instance_round, ct, mask_bits, linear):
    """`linear` is ("multiple", bits), ("scaled", scale, factor) or, with a kind of "diagonals" or "shared",
    (kind, scale, [(g, weight)…])."""
    out = params.q
    binding = Binding(params, context, NAMES[7], instance_round)
    binding.number(len(out) - 1).number(mask_bits)
    # c_0 is bound by its digest.
    binding.scale(ct.scale).bytes(transcript("mhe c0", [params.words(ct.c0, ct.primes)])).poly(ct.c1, ct.primes)
    if linear[0] == "multiple":
        binding.number(linear[1])
        factor = 2.0 ** linear[1]
    elif linear[0] == "scaled":
        factor = linear[1]
        binding.bytes(b"scaled").number(linear[2]).scale(factor)
    elif linear[0] == "shared":
        factor = linear[1]
        parts = [u64(len(linear[2]))]
        for g, weight in linear[2]:
            parts += [u64(g), struct.pack("<d", factor), u64(len(out)), u64(0), params.words(weight, out)]
        binding.bytes(b"shared map").bytes(transcript("mhe refresh map", parts))
    else:
        factor = linear[1]
        binding.number(len(linear[2]))
        for g, weight in linear[2]:
            binding.number(g).scale(factor).poly(weight, out)

    def apply(x):
        if linear[0] == "multiple":
            return scaled(2 ** linear[1], x)
        if linear[0] == "scaled":
            return scaled(linear[2], x)
        terms = [
            params.mul(weight, params.ring.automorphism(g, x, math.prod(out)), out)
            for g, weight in linear[2]
        ]
        return add(out, *terms)

    a, shares = uniform(params.ring, out, binding.crs_xof()), []
    for party in parties:
        mask = wide_uniform(params.n, mask_bits, party.stream("mhe mask", binding.id()))
        xof = party.stream("mhe error", binding.id())
        e = params.error(xof)
        down = add(ct.primes, e, params.mul(ct.c1, party.s, ct.primes), neg(mask))
        e = params.error(xof)
        up = add(out, apply(mask), e, neg(params.mul(a, party.s, out)))
        shares.append([(down, ct.primes), (up, out)])
    down, up = sum_shares(shares)
    modulus = math.prod(ct.primes)
    lifted = [centred(x, modulus) for x in add(ct.primes, ct.c0, down)]
    result = Ciphertext(out, add(out, apply(lifted), up), a, ct.scale * factor)
    return binding.id(), shares, result, apply


# --- encryption -------------------------------------------------------------------------------

def encrypt(params, key, message, primes, xof):
    b, a = key
    u = ternary(params.n, xof)
    c0 = add(primes, params.error(xof), params.mul(u, b, primes), message)
    c1 = add(primes, params.error(xof), params.mul(u, a, primes))
    return Ciphertext(primes, c0, c1)


def rerandomise(params, key, party, ct, label):
    digest = transcript(
        "mhe rerandomised ciphertext",
        [params.words(part, params.q) for part in key]
        + [params.words(ct.c0, ct.primes), params.words(ct.c1, ct.primes), SMUDGING.to_bytes(8, "little")],
    )
    xof = Xof(child(party.share_key, "mhe rerandomisation", label, digest))
    zero = encrypt(params, key, [0] * params.n, ct.primes, xof)
    noise = wide_uniform(params.n, SMUDGING, xof)
    return Ciphertext(ct.primes, add(ct.primes, ct.c0, zero.c0, noise), add(ct.primes, ct.c1, zero.c1))


# --- threshold --------------------------------------------------------------------------------

def split(params, party, session, index, threshold, count):
    base = child(party.share_key, "mhe shamir")
    xof = Xof(child(base, "mhe shamir coefficients", session))
    coefficients = [uniform(params.ring, params.all, xof) for _ in range(threshold - 1)]
    out = []
    for to in range(count):
        powers = [scaled((to + 1) ** (k + 1), c) for k, c in enumerate(coefficients)]
        value = add(params.all, party.s, *powers)
        seed = child(base, "mhe pair seed", session, to.to_bytes(4, "little")) if index < to else None
        out.append((value, seed))
    return out


def encode_sub_share(params, sender, to, sub):
    value, seed = sub
    header = b"\x01" + sender.to_bytes(4, "little") + to.to_bytes(4, "little")
    header += b"\0" if seed is None else b"\x01" + seed
    return header + params.rows(value, params.all)


def activate(params, parties, sent, me, active):
    """The additive share of party `me` in the active set."""
    modulus = math.prod(params.all)
    shamir = add(params.all, *(sent[i][me][0] for i in range(len(parties))))
    weight = 1
    for other in active:
        if other != me:
            weight = weight * (other + 1) * pow(other - me, -1, modulus) % modulus
    out = Party.__new__(Party)
    out.params, out.s = params, [weight * x % modulus for x in shamir]
    names = b"".join(p.to_bytes(4, "little") for p in active)
    out.share_key = child(child(parties[me].share_key, "mhe threshold"), "mhe active set", names)
    seeds = {j: sent[min(me, j)][max(me, j)][1] for j in range(len(parties)) if j != me}
    out.zero = (me, seeds)
    return out


# --- vectors ----------------------------------------------------------------------------------

class Vectors(dict):
    """Long values are given by their BLAKE3 digest."""

    def put(self, name, data):
        assert name not in self, name
        self[name] = data.hex() if len(data) <= 640 else "blake3:" + slow_blake3.hash(data).hex()

    def shares(self, name, params, tag, instance, shares):
        self.put(f"{name}/id", instance)
        for index, share in enumerate(shares):
            self.put(f"{name}/share {index}", encode_share(params, tag, instance, share))


def message(n):
    return [((j * j + 1) * 2654435761 + 12345) % 2**34 - 2**33 for j in range(n)]


def protocol_vectors(kind):
    params, out = Params(kind), Vectors()
    ring, n, q = params.ring, params.n, math.prod(params.q)
    qp = math.prod(params.all)
    context = Context(b"\1" * 32, b"\2" * 32, [bytes([3 + i]) * 32 for i in range(PARTIES)])
    parties = [Party(params, bytes([10 + i]) * 32) for i in range(PARTIES)]
    new = [Party(params, bytes([20 + i]) * 32) for i in range(PARTIES)]
    s = [sum(column) for column in zip(*(party.s for party in parties))]
    m = message(n)
    growth = 2 * n * PARTIES  # of a product of a small polynomial with a sum of ternary secrets
    fresh = 40 * growth + 100  # bound on the noise of a fresh encryption under the collective key

    out.put("primes", b"".join(map(u64, params.all)))
    out.put("parameters digest", params.digest)
    out.put("session", context.session)
    out.put("common random string", context.crs)

    # The transform, and products and automorphisms seen through it.
    out.put("transform", params.words(m, params.all))
    out.put("product", params.words(params.mul(m, m, params.all), params.all))
    g = ring.galois(3)
    out.put("rotation by 3/element", u64(g))
    out.put("rotation by 3", params.words(ring.automorphism(g, m, qp), params.all))

    instance, shares, key = public_key(params, context, parties, 0)
    b, a = key
    assert_small(add(params.q, b, params.mul(a, s, params.q)), q, 30 * PARTIES, "public key")
    out.shares("public key", params, 1, instance, shares)
    header = b"\x01\x01" + params.digest[:8]
    out.put("public key/result", header + params.rows(b, params.q) + params.rows(a, params.q))

    def put_switching(name, result, primes=params.all):
        b, a = result
        level = len(primes) - len(params.p) - 1
        rows = b"".join(params.rows(x, primes) for x in b + a)
        out.put(f"{name}/result", b"\x02\x02" + params.digest[:8] + bytes([level]) + rows)

    # Level 2 cuts through the second digit.
    for name, instance_round, level in [("Galois key", 2, None), ("Galois key at level 2", 3, 2)]:
        primes = params.all if level is None else params.at(level)
        instance, shares, result = galois_key(params, context, parties, instance_round, g, level)
        permuted = ring.automorphism(pow(g, -1, ring.order), s, math.prod(primes))
        for j, (b, a) in enumerate(zip(*result)):
            noise = add(primes, b, params.mul(a, permuted, primes), neg(scaled(params.gadget(j, primes), s)))
            assert_small(noise, math.prod(primes), 30 * PARTIES, name)
        out.shares(name, params, 2, instance, shares)
        put_switching(name, result, primes)

    for suffix, instance_round, level in [("", 1, None), (" at level 2", 4, 2)]:
        primes = params.all if level is None else params.at(level)
        one, two, result = relinearisation_key(params, context, parties, instance_round, level)
        square = params.mul(s, s, primes)
        for j, (b, a) in enumerate(zip(*result)):
            noise = add(primes, b, params.mul(a, s, primes), neg(scaled(params.gadget(j, primes), square)))
            assert_small(noise, math.prod(primes), 100 * PARTIES * growth, f"relinearisation key{suffix}")
        out.shares(f"relinearisation round one{suffix}", params, 3, *one)
        out.shares(f"relinearisation round two{suffix}", params, 4, *two)
        put_switching(f"relinearisation{suffix}", result, primes)

    def ciphertext(tag, primes=params.q):
        ct = encrypt(params, key, m, primes, Xof(bytes([tag]) * 32))
        decrypted = add(primes, ct.c0, params.mul(ct.c1, s, primes), neg(m))
        assert_small(decrypted, math.prod(primes), fresh, "encryption")
        return ct

    ct = ciphertext(50)
    out.put("encryption", ct.encode(params))

    flooding = PARTIES * 2**SMUDGING
    instance, shares, result = release(params, context, parties, 5, ct)
    assert_small(add(params.q, result, neg(m)), q, fresh + flooding, "release")
    out.shares("release", params, 5, instance, shares)
    out.put("release/result", params.rows(result, params.q))

    ct = ciphertext(51)
    instance, shares, result = switch_to_secret(params, context, parties, new, b"\x09" * 32, 6, ct)
    other = [sum(column) for column in zip(*(party.s for party in new))]
    error = add(params.q, result.c0, params.mul(result.c1, other, params.q), neg(m))
    assert_small(error, q, fresh + flooding, "key switch to a secret")
    out.shares("switch to secret", params, 5, instance, shares)
    out.put("switch to secret/result", result.encode(params))

    ct = ciphertext(52)
    querier = ternary(n, Xof(b"\x4d" * 32))
    xof = Xof(b"\x4e" * 32)
    a = uniform(ring, params.q, xof)
    target = (add(params.q, params.error(xof), neg(params.mul(a, querier, params.q))), a)
    instance, shares, result = switch_to_public(params, context, parties, target, 7, ct)
    error = add(params.q, result.c0, params.mul(result.c1, querier, params.q), neg(m))
    assert_small(error, q, 2 * fresh + flooding, "key switch to a public key")
    out.shares("switch to public", params, 6, instance, shares)
    out.put("switch to public/result", result.encode(params))

    mask_bits = math.ceil(64 + 36 + math.log2(n) + math.log2(100))
    weights = [[(7 * j + 3) % 21 - 10 for j in range(n)], [(5 * j + 1) % 17 - 8 for j in range(n)]]
    diagonals = ("diagonals", 2.0**20, [(1, weights[0]), (g, weights[1])])
    refreshes = [
        ("refresh", ("multiple", 0)),
        ("refresh times 128", ("multiple", 7)),
        ("refresh mapped", diagonals),
        ("refresh scaled", ("scaled", 201.25, 201)),
        ("refresh by a shared map", ("shared",) + diagonals[1:]),
    ]
    for index, (name, linear) in enumerate(refreshes):
        ct = ciphertext(53 + index, params.q[:3])
        instance, shares, result, apply = refresh(params, context, parties, 8 + index, ct, mask_bits, linear)
        error = add(params.q, result.c0, params.mul(result.c1, s, params.q), neg(apply(m)))
        assert_small(error, q, 256 * 2 * n * (fresh + 60 * PARTIES), name)
        out.shares(name, params, 7, instance, shares)
        out.put(f"{name}/result", result.encode(params))

    ct = ciphertext(60)
    result = rerandomise(params, key, parties[0], ct, b"round 1")
    error = add(params.q, result.c0, params.mul(result.c1, s, params.q), neg(m))
    assert_small(error, q, 2 * fresh + 2**SMUDGING, "re-randomisation")
    out.put("re-randomisation", result.encode(params))

    threshold, active = 2, [0, 2]
    sent = [split(params, p, context.session, i, threshold, PARTIES) for i, p in enumerate(parties)]
    for i in range(PARTIES):
        for j in range(PARTIES):
            out.put(f"sub-share {i} to {j}", encode_sub_share(params, i, j, sent[i][j]))
    acting = [activate(params, parties, sent, me, active) for me in active]
    assert [x % qp for x in s] == add(params.all, *(party.s for party in acting))
    ct = ciphertext(61)
    instance, shares, result = release(params, context, acting, 12, ct, active)
    assert_small(add(params.q, result, neg(m)), q, fresh + flooding, "threshold release")
    out.shares("threshold release", params, 5, instance, shares)
    out.put("threshold release/result", params.rows(result, params.q))
    return out


def sampler_vectors():
    out = Vectors()
    seed = bytes(range(32))
    signed = lambda values: b"".join(x.to_bytes(8, "little", signed=True) for x in values)
    out.put("expansion", slow_blake3.take(keyed_stream(seed), 200))
    out.put("derivation", transcript("known answer", [b"ab", b"", b"c"]))
    out.put("child", child(seed, "known answer", b"ab", b"c"))
    out.put("ternary", signed(ternary(1000, Xof(seed))))
    out.put("gaussian", signed(gaussian(1000, Xof(seed))))
    for bits in (1, 63, 64, 117):
        # Little-endian, as many bytes as the integers' 64-bit words.
        width = 8 * ((bits + 64) // 64)
        values = wide_uniform(20, bits, Xof(seed))
        out.put(f"wide uniform {bits}", b"".join(x.to_bytes(width, "little", signed=True) for x in values))
    return out


def main():
    slow_blake3.self_test()
    vectors = {
        "samplers": sampler_vectors(),
        "standard": protocol_vectors(STANDARD),
        "conjugate-invariant": protocol_vectors(REAL),
    }
    text = json.dumps(vectors, indent=1) + "\n"
    if sys.argv[1:] == ["--check"]:
        committed = pathlib.Path(__file__).with_name("vectors.json").read_text()
        if text != committed:
            sys.exit("vectors.json is not what this oracle computes: run it and look at the difference")
        print(f"oracle: {sum(map(len, vectors.values()))} vectors agree with vectors.json")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
