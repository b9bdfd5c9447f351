"""Who may ask the server for what: keys, scopes, rates, other origins, other machines; and the headers that keep answers safe."""
import hashlib
import json


# ---- making keys ----

def test_a_key_is_told_once_and_only_its_hash_is_stored(tarn, tmp_path):
    file = tmp_path / "keys"
    key = tarn("keys", "dashboard", "--rate", "600/m", "--file", file).stdout.strip()
    assert key.startswith("tarn_") and len(key) == 48
    assert file.read_text() == f"dashboard sha256:{hashlib.sha256(key.encode()).hexdigest()} read 600/m\n"
    tarn("keys", "ops", "--scopes", "read,admin", "--file", file)
    assert [line.split()[::2] for line in file.read_text().splitlines()] == [["dashboard", "read"], ["ops", "read,admin"]]


def test_a_key_for_people_and_for_programs(tarn):
    people = tarn("keys", "x").stdout.splitlines()
    assert [line.split()[0] for line in people] == ["key", "line"]
    made = json.loads(tarn("keys", "x", "--json").stdout)
    assert made["line"] == f"x sha256:{hashlib.sha256(made['key'].encode()).hexdigest()} read -"


def test_a_key_cannot_take_the_name_of_another(tarn, tmp_path):
    file = tmp_path / "keys"
    tarn("keys", "x", "--file", file)
    before = file.read_text()
    again = tarn("keys", "x", "--file", file, check=False)
    assert again.returncode == 2 and "has a key 'x' already" in again.stderr and again.stdout == ""
    assert file.read_text() == before
