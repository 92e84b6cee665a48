"""Sealed persons: bound to their record, readable while the service key and the data key exist."""

from __future__ import annotations

import os
from itertools import count

import pytest

from shared.platform.crypto import Keyring, Undecryptable
from shared.verification.models import DataKey
from shared.verification.vault import Vault
from tests.factories.verifications import person

OLD, NEW = bytes([1]) * 32, bytes([2]) * 32
HASH = "a" * 64


def vault(current: str = "old", **keys: bytes) -> Vault:
    return Vault(Keyring(current, keys or {"old": OLD}), os.urandom)


def test_what_was_sealed_opens_again() -> None:
    data_key, sealed = vault().seal(person(), HASH, None)
    assert vault().open(data_key, sealed, HASH) == person()


@pytest.mark.parametrize("name", ["José Núñez", "李 小龙", "O’Brien-Smith", "Nguyễn Văn An"])
def test_names_of_every_script(name: str) -> None:
    data_key, sealed = vault().seal(person(full_name=name), HASH, None)
    assert vault().open(data_key, sealed, HASH).full_name == name


def test_nothing_readable_is_in_the_sealed_part() -> None:
    data_key, sealed = vault().seal(person(), HASH, None)
    assert not [part for part in (b"Jos", b"1990", b"1234", b"c-1", b"example") if part in sealed + data_key.wrapped]


def test_the_same_person_is_sealed_differently_each_time() -> None:
    entropy = count()
    made = Vault(Keyring("old", {"old": OLD}), lambda size: next(entropy).to_bytes(size, "big"))
    (first_key, first), (second_key, second) = (made.seal(person(), HASH, None) for _ in range(2))
    assert first != second
    assert first_key != second_key


def test_a_blob_moved_to_another_record_stays_closed() -> None:
    data_key, sealed = vault().seal(person(), HASH, None)
    with pytest.raises(Undecryptable):
        vault().open(data_key, sealed, "b" * 64)


@pytest.mark.parametrize("position", [0, 11, 12, 40, -1])
def test_an_altered_blob_stays_closed(position: int) -> None:
    data_key, sealed = vault().seal(person(), HASH, None)
    altered = bytearray(sealed)
    altered[position] ^= 1
    with pytest.raises(Undecryptable):
        vault().open(data_key, bytes(altered), HASH)


@pytest.mark.parametrize("blob", [b"", b"short", b"x" * 12])
def test_a_truncated_blob_stays_closed(blob: bytes) -> None:
    data_key, _ = vault().seal(person(), HASH, None)
    with pytest.raises(Undecryptable):
        vault().open(data_key, blob, HASH)


def test_another_customer_s_data_key_does_not_open() -> None:
    _, sealed = vault().seal(person(), HASH, None)
    other_key, _ = vault().seal(person(), HASH, None)
    with pytest.raises(Undecryptable):
        vault().open(other_key, sealed, HASH)


# --- rotation of the service key


def test_a_retired_key_still_opens() -> None:
    data_key, sealed = vault().seal(person(), HASH, None)
    assert vault("new", new=NEW, old=OLD).open(data_key, sealed, HASH) == person()


def test_a_new_record_is_wrapped_with_the_current_key_and_keeps_the_data_key() -> None:
    data_key, sealed = vault().seal(person(), HASH, None)
    rotated = vault("new", new=NEW, old=OLD)
    wrapped_anew, _ = rotated.seal(person(full_name="Other Name"), HASH, data_key)
    assert (data_key.key_id, wrapped_anew.key_id) == ("old", "new")
    # The data key is the same: it opens the earlier blob too, now without the retired service key.
    assert vault("new", new=NEW).open(wrapped_anew, sealed, HASH) == person()


def test_a_key_that_is_gone_is_named() -> None:
    data_key, sealed = vault().seal(person(), HASH, None)
    with pytest.raises(Undecryptable, match="'old'"):
        vault("new", new=NEW).open(data_key, sealed, HASH)


def test_a_key_under_another_s_id_does_not_open() -> None:
    data_key, sealed = vault().seal(person(), HASH, None)
    with pytest.raises(Undecryptable):
        vault("old", old=NEW).open(data_key, sealed, HASH)
    with pytest.raises(Undecryptable):
        vault("new", new=OLD, old=OLD).open(DataKey(key_id="new", wrapped=data_key.wrapped), sealed, HASH)


def test_a_person_is_not_shown_by_their_repr() -> None:
    shown = repr(person())
    assert not [part for part in ("Núñez", "1990", "1234", "c-1", "example") if part in shown]
