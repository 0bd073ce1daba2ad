#!/bin/sh
# pykakasi 2.3.0, a usual way from Japanese text to kana or Latin letters: where a character has no reading in its dictionary,
# what stood before it comes twice, or what stands behind it is lost. "50㎡" becomes "50", "㎡" with an empty reading, and "50"
# once more, so that its kana are "5050" and "1㎏" is "11"; the surname "山﨑" is "山山", without its second character, "宮﨑様"
# "宮宮様". The store "髙島屋" loses its "島" and is read "ya", the chain "𠮷野家" its first. Receipts, forms and lists of names
# have such forms every day; a try with each of the 6,355 kanji of JIS X 0208 alone shows nothing. The fields "orig" are
# meant to be the words as they were: together they are another text than the one that went in, of another length, and
# nothing is said. One expects what has no reading to stand as it is, as "№" and "①" do.
# Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-deps pykakasi==2.3.0 jaconv==0.5.0 deprecated==1.3.1 wrapt==2.5.2
"$folder/venv/bin/python" - << 'PYTHON'
from importlib.metadata import version

import pykakasi

print(*(f"{name} {version(name)}" for name in ("pykakasi", "jaconv")))
convert = pykakasi.kakasi().convert
CASES = {  # the text: its words put together again, and its kana
    "50㎡": ("50㎡50", "5050"),
    "1㎏": ("1㎏1", "11"),
    "株式会社㈱": ("株式会社㈱株式会社", "かぶしきがいしゃかぶしきがいしゃ"),
    "山﨑": ("山山", "やまやま"),
    "宮﨑様": ("宮宮様", "みやみやさま"),
    "髙島屋": ("髙屋", "や"),
    "𠮷野家": ("野家", "のえ"),
    "№1": ("№1", "№1"),
    "①東京": ("①東京", "①とうきょう"),
    "高島屋": ("高島屋", "たかしまや"),
}
as_seen = []
for text, expected in CASES.items():
    words = convert(text)
    found = tuple("".join(word[field] for word in words) for field in ("orig", "hira"))
    print(f"{text}: words {found[0]}, kana {found[1]}")
    as_seen.append(found == expected)
cells = [bytes([row, cell]) for row in range(0xB0, 0xF5) for cell in range(0xA1, 0xFF)]
plain = [character for cell in cells if (character := cell.decode("euc_jp", "ignore"))]
kept = sum("".join(word["orig"] for word in convert(character)) == character for character in plain)
print(f"of {len(plain)} kanji of JIS X 0208 {kept} come back")
as_seen.append(len(plain) == kept == 6355)
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
