"""Both rings on whole integers: schoolbook products, automorphisms, evaluation one point at a time.

A polynomial is a list of N integers modulo the product of the primes of its basis, in coefficient
form always. The residue-number system and the evaluation form exist only where bytes are made or
read, and there each value is a sum over all coefficients.
"""

from decimal import Decimal, getcontext
from math import prod

import slow_blake3

STANDARD, REAL = 0, 1


# --- randomness -----------------------------------------------------------------------------

def transcript(domain, parts):
    """BLAKE3 in derive-key mode over length-prefixed parts."""
    data = b"".join(len(part).to_bytes(8, "little") + part for part in parts)
    return slow_blake3.derive_key("tacit v1 " + domain, data)


def u64(value):
    return value.to_bytes(8, "little")


def child(seed, domain, *parts):
    return transcript(domain, (seed,) + parts)


class Xof:
    """BLAKE3 in keyed mode over the empty message, read from the start."""

    def __init__(self, seed):
        self.bytes = slow_blake3.keyed_stream(seed)

    def fill(self, count):
        return slow_blake3.take(self.bytes, count)

    def word(self):
        return int.from_bytes(self.fill(8), "little")


# --- samplers -------------------------------------------------------------------------------

def ternary(n, xof):
    out = []
    while len(out) < n:
        for byte in xof.fill(256):
            if byte < 243 and len(out) < n:
                out += [byte // 3**k % 3 - 1 for k in range(5)]
    return out[:n]


def gaussian_table():
    """floor(2^63 · P(|X| <= k)) of the discrete Gaussian with sigma = 3.2."""
    getcontext().prec = 100
    weight = [(Decimal(-(k * k)) / (2 * Decimal("3.2") ** 2)).exp() for k in range(300)]
    total = weight[0] + 2 * sum(weight[1:])
    return [int(2**63 * (weight[0] + 2 * sum(weight[1 : k + 1])) / total) for k in range(30)]


GAUSSIAN_TABLE = gaussian_table()


def gaussian(n, xof):
    out = []
    for word in [xof.word() for _ in range(n)]:
        magnitude = sum(entry <= word >> 1 for entry in GAUSSIAN_TABLE)
        out.append(-magnitude if word & 1 else magnitude)
    return out


def wide_uniform(n, bits, xof):
    limbs = (bits + 1 + 63) // 64
    columns = [[xof.word() for _ in range(n)] for _ in range(limbs)]
    kept = 64 - (64 * limbs - (bits + 1))  # bits of the top word that stay: its highest
    out = []
    for i in range(n):
        top = columns[-1][i] >> (64 - kept)
        if top >> (kept - 1):
            top -= 1 << kept
        low = sum(columns[k][i] << (64 * k) for k in range(limbs - 1))
        out.append((top << (64 * (limbs - 1))) + low)
    return out


# --- primes ---------------------------------------------------------------------------------

def is_prime(n):
    if n < 2 or any(n % p == 0 and n != p for p in (2, 3, 5, 7, 11, 13)):
        return False
    odd, shift = n - 1, 0
    while odd % 2 == 0:
        odd, shift = odd // 2, shift + 1
    for base in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37):
        x = pow(base, odd, n)
        if base % n and x != 1 and all(pow(x, 1 << k, n) != n - 1 for k in range(shift)):
            return False
    return True


def find_primes(bits, step):
    """For each size the largest unused prime = 1 (mod step) below 2^size."""
    chosen = []
    for size in bits:
        candidate = (1 << size) + 1 - step
        while not is_prime(candidate) or candidate in chosen:
            candidate -= step
        chosen.append(candidate)
    return chosen


def residue_bytes(prime):
    return (prime.bit_length() + 7) // 8


# --- rings ----------------------------------------------------------------------------------

class Ring:
    def __init__(self, kind, log_n):
        self.kind, self.n = kind, 1 << log_n
        self.order = (2 if kind == STANDARD else 4) * self.n
        self.bits = log_n

    def _reduce(self, out, exponent, value):
        """Adds value·X^exponent, or value·(X^exponent + X^-exponent), to out."""
        n, exponent = self.n, exponent % self.order
        if self.kind == STANDARD:
            if exponent < n:
                out[exponent] += value
            else:
                out[exponent - n] -= value
        else:
            # T(m) = X^m + X^-m with X^2N = -1: T(-m) = T(m), T(2N - m) = -T(m), T(N) = 0, T(0) = 2.
            if exponent > 2 * n:
                exponent = 4 * n - exponent
            if exponent > n:
                exponent, value = 2 * n - exponent, -value
            if exponent == 0:
                out[0] += 2 * value
            elif exponent < n:
                out[exponent] += value

    def mul(self, a, b, modulus):
        out = [0] * self.n
        for i, x in enumerate(a):
            for j, y in enumerate(b):
                if self.kind == STANDARD:
                    self._reduce(out, i + j, x * y)
                elif i == 0 or j == 0:
                    out[i + j] += x * y
                else:
                    self._reduce(out, i + j, x * y)
                    self._reduce(out, i - j, x * y)
        return [x % modulus for x in out]

    def automorphism(self, g, a, modulus):
        """X -> X^g."""
        out = [0] * self.n
        for i, x in enumerate(a):
            if i == 0:
                out[0] += x
            else:
                self._reduce(out, i * g, x)
        return [x % modulus for x in out]

    def galois(self, steps):
        slots = self.n // 2 if self.kind == STANDARD else self.n
        return pow(5, steps % slots, self.order)

    def points(self, prime):
        """zeta^(step·br(k) + 1) for k = 0, 1, …, with the zeta of the smallest base."""
        exponent = (prime - 1) // self.order
        zeta = next(
            z for z in (pow(base, exponent, prime) for base in range(2, prime))
            if pow(z, self.order // 2, prime) == prime - 1
        )
        step = self.order // self.n
        reverse = [int(format(k, f"0{self.bits}b")[::-1], 2) for k in range(self.n)]
        return [pow(zeta, step * r + 1, prime) for r in reverse]

    def evaluate(self, a, prime):
        out = []
        for x in self.points(prime):
            inverse = pow(x, -1, prime)
            value = a[0]
            for j in range(1, self.n):
                value += a[j] * pow(x, j, prime)
                if self.kind == REAL:
                    value += a[j] * pow(inverse, j, prime)
            out.append(value % prime)
        return out

    def interpolate(self, values, prime):
        """The inverse of `evaluate`, by orthogonality of the characters."""
        points = self.points(prime)
        scale = pow(self.n if self.kind == STANDARD else 2 * self.n, -1, prime)
        out = []
        for j in range(self.n):
            total = 0
            for value, x in zip(values, points):
                total += value * pow(x, -j, prime)
                if self.kind == REAL:
                    total += value * pow(x, j, prime)
            out.append(total * scale % prime)
        return out


def crt(residues, primes):
    total = prod(primes)
    return sum(r * (total // p) * pow(total // p, -1, p) for r, p in zip(residues, primes)) % total


def centred(x, modulus):
    x %= modulus
    return x - modulus if x > modulus // 2 else x


def uniform(ring, primes, xof):
    """Drawn in evaluation form, row by row; returned as coefficients modulo the product."""
    rows = []
    for prime in primes:
        mask = (1 << prime.bit_length()) - 1
        row = [xof.word() & mask for _ in range(ring.n)]
        for i in range(ring.n):
            while row[i] >= prime:
                row[i] = xof.word() & mask
        rows.append(ring.interpolate(row, prime))
    return [crt(column, primes) for column in zip(*rows)]


def row_values(ring, a, primes):
    return [ring.evaluate(a, prime) for prime in primes]


def rows_as_words(ring, a, primes):
    """Eight bytes a residue: what is hashed."""
    return b"".join(u64(x) for row in row_values(ring, a, primes) for x in row)


def rows_as_bytes(ring, a, primes):
    """As few bytes a residue as its prime needs: what is sent."""
    return b"".join(
        x.to_bytes(residue_bytes(prime), "little")
        for row, prime in zip(row_values(ring, a, primes), primes)
        for x in row
    )
