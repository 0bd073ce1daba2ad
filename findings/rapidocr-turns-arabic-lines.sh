#!/bin/sh
# rapidocr 3.10.0: its classifier of lines that stand on their heads (PP-OCR mobile v2.0, in the package and on by default) turns
# upright Arabic words upside down before they are read. Of 40 words, black on white, it turns about a third in Noto Sans
# Arabic and in Amiri, each with a confidence above 0.9, its limit; of the same words upside down it turns no more. So it knows
# nothing of the script, and says so with certainty. Of 20 English words it turns none, and all 20 that stand
# on their heads. It has learnt Chinese and English, and serves the recognisers of all languages, those of Arabic,
# Persian and Urdu among them; a word that it turned is read as another one. Lines of several words are turned more rarely, so that
# it shows in tables and forms first. use_cls=False is the way out. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet rapidocr==3.10.0 onnxruntime==1.32.0 numpy==2.4.6 pillow==13.0.0 \
    opencv-python-headless==5.0.0.93 omegaconf==2.4.0 pyclipper==1.4.0 shapely==2.2.0 PyYAML==6.0.4 six==1.17.0 \
    tqdm==4.70.1 requests==2.34.2 colorlog==6.12.0 arabic-reshaper==3.1.0 python-bidi==0.6.12 \
    fontpkg-noto-sans-arabic==2.12 fontpkg-amiri==1.2
"$folder/venv/bin/python" - << 'PYTHON'
from importlib.metadata import distribution, version

import arabic_reshaper
import numpy as np
from bidi.algorithm import get_display
from PIL import Image, ImageDraw, ImageFont
from rapidocr import RapidOCR

print(*(f"{name} {version(name)}" for name in ("rapidocr", "onnxruntime", "fontpkg-noto-sans-arabic", "fontpkg-amiri")))
ARABIC = (
    "المجموع شكرا مرحبا فاتورة العميل القاهرة الرقم التاريخ السعر الكمية الضريبة الإجمالي المبلغ الدفع نقدا بطاقة هاتف عنوان شارع مدينة "
    "دمشق بغداد الرياض عمان بيروت تونس الجزائر المغرب محمد أحمد فاطمة علي كتاب مدرسة جامعة مستشفى وزارة قانون الصفحة رسالة"
).split()
ENGLISH = (
    "Total Thank Hello Invoice Customer London Number Price Quantity Amount "
    "Payment Cash Telephone Address Street Receipt Page Letter Hospital School"
).split()
threads = {f"EngineConfig.onnxruntime.{which}_op_num_threads": 1 for which in ("intra", "inter")}
ocr = RapidOCR(params={**threads, "Global.log_level": "error"})


def font(package, file):
    (path,) = (each for each in distribution(package).files if each.name == file)
    return ImageFont.truetype(str(path.locate()), 40, layout_engine=ImageFont.Layout.BASIC)


def word(text, typeface):
    """A picture of a word; what runs to the left is joined and put in the order of the picture first."""
    text = get_display(arabic_reshaper.reshape(text))
    left, top, right, bottom = typeface.getbbox(text)
    picture = Image.new("RGB", (round(right - left) + 12, round(bottom - top) + 12), "white")
    ImageDraw.Draw(picture).text((6 - left, 6 - top), text, "black", typeface)
    return np.asarray(picture)


def turned(pictures):
    """How many of some pictures the classifier is sure to stand on their heads."""
    found = [ocr(picture, use_det=False, use_cls=True, use_rec=False).cls_res[0] for picture in pictures]
    return sum(label == "180" and score > 0.9 for label, score in found)


print("the limit is", ocr.cfg.Cls.cls_thresh, "and the classifier is on by default:", ocr.cfg.Global.use_cls)
as_seen = [ocr.cfg.Cls.cls_thresh == 0.9, ocr.cfg.Global.use_cls]
SETS = {
    "Noto Sans Arabic": (ARABIC, font("fontpkg-noto-sans-arabic", "NotoSansArabic[wdth,wght].ttf")),
    "Amiri": (ARABIC, font("fontpkg-amiri", "Amiri-Regular.ttf")),
    "English": (ENGLISH, ImageFont.load_default(40)),
}
for name, (words, typeface) in SETS.items():
    upright = [word(text, typeface) for text in words]
    wrongly, rightly = turned(upright), turned([np.ascontiguousarray(each[::-1, ::-1]) for each in upright])
    print(f"{name}: of {len(words)} upright words {wrongly} are turned, of the same upside down {rightly}")
    as_seen.append(wrongly == 0 and rightly >= 16 if words is ENGLISH else 8 <= wrongly <= 24 and rightly <= 20)
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
