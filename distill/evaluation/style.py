"""How the pages look that the suite writes for a browser: light or dark as the reader has it, wide or narrow."""

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --bad: #c62828; --look: #b26a00; --bar: #4a7fb5; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --look: #ffca6b; --bar: #7fb0e0; } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; padding: 0 1rem; max-width: 76rem; }
h1, h2 { line-height: 1.2; overflow-wrap: anywhere; } h2 { margin-top: 2.2rem; }
table { border-collapse: collapse; } th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); }
th { text-align: left; font-weight: 600; } .n { text-align: right; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .5rem 0; padding: .45rem .8rem; }
summary { cursor: pointer; overflow-wrap: anywhere; } .problem b { color: var(--bad); } .note b { color: var(--look); }
.lines { display: grid; gap: .6rem; margin: .6rem 0;
  grid-template-columns: repeat(auto-fill, minmax(min(22rem, 100%), 1fr)); }
figure { margin: 0; padding: .5rem; background: var(--soft); border-radius: .3rem; overflow-wrap: anywhere; }
figure img { max-width: 100%; display: block; margin-bottom: .25rem; }
figcaption { font-size: .85rem; } code { font-family: ui-monospace, monospace; white-space: pre-wrap; }
.classes { columns: 19rem; font-size: .85rem; } .classes div { break-inside: avoid; display: grid; gap: .5rem;
  grid-template-columns: 4rem 3rem 3rem 3rem 1fr; } .classes i { background: var(--bar); height: .6rem; }
"""
