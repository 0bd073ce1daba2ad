#!/bin/sh
# Faker 40.63.0, a usual source of texts for rendered documents: in Arabic (ar_AA, ar_PS, ar_SA), Bulgarian and Gujarati
# five to eight of ten towns are a name with an English ending glued to it, "Николовfort" or an Arabic name and "stad" in
# one word, half of it running to the left and half to the right; so are half to two thirds of all addresses. These locales
# have names but no addresses of their own, so the English rule "name + suffix" makes towns of both. No reader of the
# language ever meets such a word; a recogniser that trains on them learns to change the alphabet inside a word, which is
# the error that look-alike letters tempt it to. Russian, Greek, Hebrew, Hindi and Thai towns have none. In Bosnian 45 job
# titles moreover have Cyrillic letters inside Latin words: they look right and are labelled wrong. One expects made-up
# words, of one alphabet. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet faker==40.63.0 tzdata==2026.6
"$folder/venv/bin/python" - << 'PYTHON'
import re
import unicodedata
from importlib.metadata import version

from faker import Faker
from faker.providers.job.bs_BA import Provider

print("Faker", version("faker"))
MANY = 300


def mixed(text):
    """The words of a text whose letters are of several alphabets."""
    words = re.findall(r"[^\W\d_]+", text)
    return [word for word in words if len({unicodedata.name(letter).split()[0] for letter in word}) > 1]


as_seen = []
for locale in ("ar_AA", "ar_PS", "ar_SA", "bg_BG", "gu_IN", "ru_RU", "el_GR", "he_IL", "hi_IN", "th_TH"):
    faker = Faker(locale)
    Faker.seed(0)
    towns, addresses = [mixed(faker.city()) for _ in range(MANY)], [mixed(faker.address()) for _ in range(MANY)]
    shares = [sum(map(bool, texts)) / MANY for texts in (towns, addresses)]
    examples = [word for words in towns for word in words][:3]
    print(f"{locale}: of towns {shares[0]:.0%}, of addresses {shares[1]:.0%} have such a word: {examples!a}")
    glued = locale in ("ar_AA", "ar_PS", "ar_SA", "bg_BG", "gu_IN")
    as_seen.append(0.4 < shares[0] < 0.85 and 0.4 < shares[1] < 0.75 if glued else shares == [0, 0])
wrong = [job for job in Provider.jobs if mixed(job)]
cyrillic = {letter for job in wrong for letter in job if unicodedata.name(letter).startswith("CYRILLIC")}
print(f"bs_BA: {len(wrong)} of {len(Provider.jobs)} jobs, with", *sorted(unicodedata.name(letter).lower() for letter in cyrillic))
as_seen += [len(wrong) == 45, all(ascii(job) != job for job in wrong)]
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
