"""Which package a font family comes with, where that is not named after the family; nothing is imported of them."""

from __future__ import annotations

PACKAGES = {  # family: package of the Python registry, its module, the file inside
    "ipaexgothic": ("matplotlib-fontja", "matplotlib_fontja", "ipaexg.ttf"),
    "noto-sans-sc": ("pylopdf-fonts-zh-cn", "pylopdf_fonts_zh_cn", "NotoSansSC-Regular.otf"),
    "noto-sans-tc": ("pylopdf-fonts-zh-tw", "pylopdf_fonts_zh_tw", "NotoSansTC-Regular.otf"),
    "noto-serif-sc": ("pylopdf-fonts-zh-cn", "pylopdf_fonts_zh_cn", "NotoSerifSC-Regular.otf"),
    "noto-serif-tc": ("pylopdf-fonts-zh-tw", "pylopdf_fonts_zh_tw", "NotoSerifTC-Regular.otf"),
    "wenquanyi-micro-hei": ("paperang-p2-fonts-cjk", "paperang_p2_fonts_cjk", "wqy-microhei.ttc"),
}
MATPLOTLIB = {  # family: how its files inside matplotlib begin
    "dejavu-sans": "DejaVuSans",
    "dejavu-sans-mono": "DejaVuSansMono",
    "dejavu-serif": "DejaVuSerif",
    "stix-general": "STIXGeneral",
}
_DEBIAN = {  # how a family begins: the package of Debian and Ubuntu
    "ar-pl-mingti2l": "fonts-arphic-bsmi00lp",
    "ar-pl-sungtil": "fonts-arphic-gbsn00lp",
    "ar-pl-ukai": "fonts-arphic-ukai",
    "ar-pl-uming": "fonts-arphic-uming",
    "cwtexkai": "fonts-cwtex-kai",
    "cwtexming": "fonts-cwtex-ming",
    "lxgw-wenkai": "fonts-lxgw-wenkai",
    "noto-sans-cjk": "fonts-noto-cjk",
    "noto-serif-cjk": "fonts-noto-cjk",
    "wenquanyi-zen-hei": "fonts-wqy-zenhei",
}


def how_to_install(*families: str) -> str:
    """Return the command that installs families, as far as it is known: of each installer one, with all packages."""
    packages: dict[str, dict[str, None]] = {}
    for family in families:
        installer, package = _package_of(family)
        packages.setdefault(installer, {})[package] = None
    return " && ".join(f"{installer} install {' '.join(some)}" for installer, some in packages.items())


def _package_of(family: str) -> tuple[str, str]:
    """What installs a family, and the package that brings it."""
    for begins, package in _DEBIAN.items():
        if family.startswith(begins):
            return "apt-get", package
    if family in PACKAGES:
        return "pip", PACKAGES[family][0]
    return "pip", "matplotlib" if family in MATPLOTLIB else f"fontpkg-{family}"
