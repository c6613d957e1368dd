"""Keys of blobs: what they say, and in which order they lie in the bucket."""

from headwater_server.artifact.keys import BlobKey, beyond, read_key, upload_key

ONE, TWO = bytes.fromhex("ab" * 32), bytes.fromhex("ab" * 31 + "ac")


def test_a_key_says_its_digest_and_generation():
    base = upload_key(ONE, "default")
    assert read_key(base) == BlobKey(ONE, base, 0)
    assert read_key(upload_key(ONE, "default", 12)) == BlobKey(ONE, base, 12)
    assert upload_key(ONE, "other") != base
    wrong = (
        ".headwater",
        "objects/p/x",
        base + ".0",
        base + ".x",
        base + "/",
        base.replace("ab/ab", "ab/cd"),
        "blobs/",
    )
    assert [read_key(key) for key in wrong] == [None] * len(wrong)


def test_keys_lie_in_the_order_of_digests():
    keys = [upload_key(ONE, "a"), upload_key(ONE, "b", 3), beyond(ONE), upload_key(TWO, "a"), beyond(TWO)]
    assert all(key < beyond(ONE) for key in keys[:2]) and sorted(keys[2:]) == keys[2:]
