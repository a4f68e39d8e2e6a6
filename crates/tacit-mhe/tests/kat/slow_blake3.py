"""BLAKE3 from its specification, slowly: keyed hashing, key derivation, extendable output.

https://github.com/BLAKE3-team/BLAKE3-specs, sections 2.1 to 2.6. Names follow the specification.
"""

IV = (
    0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
    0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
)  # fmt: skip
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
CHUNK_START, CHUNK_END, PARENT, ROOT = 1, 2, 4, 8
KEYED_HASH, DERIVE_KEY_CONTEXT, DERIVE_KEY_MATERIAL = 16, 32, 64
MASK = 0xFFFFFFFF


def words(data):
    return [int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)]


def compress(h, block, t, length, flags):
    m = words(block.ljust(64, b"\0"))
    v = list(h) + list(IV[:4]) + [t & MASK, t >> 32, length, flags]

    def g(a, b, c, d, x, y):
        for message, r1, r2 in ((x, 16, 12), (y, 8, 7)):
            v[a] = (v[a] + v[b] + message) & MASK
            v[d] ^= v[a]
            v[d] = (v[d] >> r1 | v[d] << (32 - r1)) & MASK
            v[c] = (v[c] + v[d]) & MASK
            v[b] ^= v[c]
            v[b] = (v[b] >> r2 | v[b] << (32 - r2)) & MASK

    for _ in range(7):
        for i in range(4):
            g(i, 4 + i, 8 + i, 12 + i, m[2 * i], m[2 * i + 1])
        for i in range(4):
            g(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, m[8 + 2 * i], m[9 + 2 * i])
        m = [m[p] for p in PERMUTATION]
    return [v[i] ^ v[i + 8] for i in range(8)] + [v[i + 8] ^ h[i] for i in range(8)]


def chunk_node(key, chunk, index, flags):
    """The last compression of a chunk, not yet done: (h, block, t, length, flags)."""
    blocks = [chunk[i : i + 64] for i in range(0, len(chunk), 64)] or [b""]
    h = key
    for i, block in enumerate(blocks):
        node_flags = flags | (CHUNK_START if i == 0 else 0)
        if i == len(blocks) - 1:
            return (h, block, index, len(block), node_flags | CHUNK_END)
        h = compress(h, block, index, 64, node_flags)[:8]


def tree_node(key, data, first_chunk, flags):
    if len(data) <= 1024:
        return chunk_node(key, data, first_chunk, flags)
    chunks = (len(data) + 1023) // 1024
    left = 1 << (chunks - 1).bit_length() - 1  # the largest power of two below `chunks`
    block = b""
    for part, start in ((data[: 1024 * left], first_chunk), (data[1024 * left :], first_chunk + left)):
        value = compress(*tree_node(key, part, start, flags))[:8]
        block += b"".join(w.to_bytes(4, "little") for w in value)
    return (key, block, 0, 64, flags | PARENT)


def stream(key, data, flags):
    """The output, block after block."""
    h, block, _, length, node_flags = tree_node(key, data, 0, flags)
    t = 0
    while True:
        for w in compress(h, block, t, length, node_flags | ROOT):
            yield from w.to_bytes(4, "little")
        t += 1


def take(iterator, count):
    return bytes(next(iterator) for _ in range(count))


def hash(data):
    return take(stream(IV, data, 0), 32)


def derive_key(context, material):
    context_key = take(stream(IV, context.encode(), DERIVE_KEY_CONTEXT), 32)
    return take(stream(words(context_key), material, DERIVE_KEY_MATERIAL), 32)


def keyed_stream(key, data=b""):
    return stream(words(key), data, KEYED_HASH)


def self_test():
    # From the test vectors of the specification: input byte i is i mod 251.
    data = bytes(i % 251 for i in range(31744))
    for length, digest in (
        (0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
        (1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
        (1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"),
        (31744, "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47"),
    ):
        assert hash(data[:length]).hex() == digest, length
