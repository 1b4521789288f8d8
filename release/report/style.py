"""Colours and style sheet of the HTML report; no markup and no data.

Colours are variables with a light and a dark value; the tests hold text colours to a contrast of 4.5 with what lies behind
them. Fonts are those of the reader's system: nothing is loaded.
"""

from __future__ import annotations

LIGHT = {
    "page": "#ffffff",
    "panel": "#f6f7f9",
    "line": "#d5d9e0",
    "text": "#1b1f24",
    "muted": "#59616b",
    "challenger": "#0b5cc4",
    "champion": "#6b4e16",
    "pass": "#146c2e",
    "fail": "#b3261e",
    "unsure": "#7a4d00",
    "invalid": "#6a3093",
    "heat": "#0b5cc4",
}
DARK = {
    "page": "#14171b",
    "panel": "#1d2127",
    "line": "#3a414b",
    "text": "#e6e9ed",
    "muted": "#a3abb6",
    "challenger": "#7db4ff",
    "champion": "#e0b568",
    "pass": "#6fd48a",
    "fail": "#ff8f86",
    "unsure": "#f0b04a",
    "invalid": "#d0a3f5",
    "heat": "#3f7fd6",
}


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in colours.items())


_RULES = """
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main,header,footer,nav{max-width:64rem;margin:0 auto;padding:0 1rem}
header{padding-top:1.5rem}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .5rem;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:2rem 0 .5rem;padding-top:.75rem;border-top:1px solid var(--line)}
h3{font-size:.95rem;margin:1rem 0 .25rem}
p{margin:.4rem 0;max-width:48rem}
li{margin:.25rem 0;max-width:48rem}
ul{padding-left:1.2rem}
p,li,dt,dd,td,th,h2,h3,b,small,figcaption{overflow-wrap:anywhere}
.muted,figcaption,caption{color:var(--muted);font-size:.85rem}
.lead{font-size:1.1rem}
a{color:var(--challenger)}
:focus-visible{outline:3px solid var(--challenger);outline-offset:2px;border-radius:.2rem}
nav ul{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.1rem 1rem;font-size:.9rem}
nav li{margin:0}nav a{display:inline-block;padding:.15rem 0}
details{margin:.4rem 0}
summary{cursor:pointer;padding:.25rem 0;font-size:.85rem;overflow-wrap:anywhere}
.badge{display:inline-block;padding:.1rem .6rem;border:2px solid;border-radius:.4rem;font-weight:700;margin-right:.35rem}
.pass{color:var(--pass)}.fail{color:var(--fail)}.unsure{color:var(--unsure)}.invalid{color:var(--invalid)}
.word{font-weight:600;white-space:nowrap}
code{font:.85em/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
pre{background:var(--panel);border:1px solid var(--line);border-radius:.4rem;padding:.6rem .8rem;overflow-x:auto}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums;margin:.5rem 0}
caption{text-align:left;padding-bottom:.25rem}
th,td{padding:.3rem .7rem;text-align:left;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:normal}
th:first-child{padding-left:0;overflow-wrap:break-word;min-width:7rem;max-width:16rem}
thead th{border-bottom:2px solid var(--line);white-space:nowrap}
th[scope=row]{font-weight:600}
.n{text-align:right;white-space:nowrap}
.w{white-space:nowrap}
.forest{list-style:none;padding:0;margin:.5rem 0}
.forest li{display:grid;grid-template-columns:13rem minmax(12rem,1fr) 12.5rem;gap:.1rem .9rem;align-items:center;
 max-width:none;padding:.35rem 0;border-bottom:1px solid var(--line);break-inside:avoid}
.forest b{font-weight:600}
.forest svg{width:100%;height:auto;display:block}
.forest small{color:var(--muted);font-size:.8rem;display:block}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,19rem),1fr));gap:1rem;align-items:start}
figure{margin:0;background:var(--panel);border:1px solid var(--line);border-radius:.5rem;padding:.7rem;
 min-width:0;break-inside:avoid}
figure svg{width:100%;max-width:30rem;height:auto;display:block;margin:0 auto}
figure h3{margin:0 0 .25rem}
.pair{display:flex;flex-wrap:wrap;gap:1rem 2rem}
.pair>*{min-width:0}
.matrix td{text-align:right;padding:.25rem .5rem;border:1px solid var(--line);position:relative}
.matrix th{padding:.25rem .5rem;min-width:0;max-width:8rem;text-align:right}
.matrix .right{font-weight:700}
dl{display:grid;grid-template-columns:minmax(8rem,14rem) minmax(0,1fr);gap:.15rem 1rem;margin:.25rem 0;font-size:.9rem}
dt{color:var(--muted)}dd{margin:0}
footer{padding-bottom:2rem;margin-top:2rem}
svg text{font:11px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:var(--muted)}
svg .key{fill:var(--text)}
svg .over{stroke:var(--panel);stroke-width:3px;paint-order:stroke}
.axis{stroke:var(--muted);stroke-width:1}
.grid{stroke:var(--line);stroke-width:1}
.even{stroke:var(--muted);stroke-width:1;stroke-dasharray:2 3;fill:none}
.zero{stroke:var(--muted);stroke-width:1.5;stroke-dasharray:3 3}
.limit{stroke:var(--text);stroke-width:2.5}
.curve{fill:none;stroke-width:2}
.curve.champion{stroke:var(--champion);stroke-dasharray:5 3}
.curve.challenger{stroke:var(--challenger)}
.mark.champion{fill:var(--panel);stroke:var(--champion);stroke-width:1.5}
.mark.challenger{fill:var(--challenger);stroke:var(--challenger)}
.whisker{stroke-width:1;opacity:.55}
.whisker.champion{stroke:var(--champion)}.whisker.challenger{stroke:var(--challenger)}
.dot{fill-opacity:.45;stroke:none}
.dot.champion{fill:var(--champion)}.dot.challenger{fill:var(--challenger)}
.band{stroke:none;fill-opacity:.16}
.band.champion{fill:var(--champion)}.band.challenger{fill:var(--challenger)}
.area,.bar.against,.bar.within{stroke:none}
.against{fill:var(--fail);fill-opacity:.5}.within{fill:var(--challenger);fill-opacity:.2}
.range{stroke-width:3}
.range.r-champion{stroke:var(--champion);stroke-dasharray:4 2}.range.r-challenger{stroke:var(--challenger)}
.range.r-pass{stroke:var(--pass)}.range.r-fail{stroke:var(--fail)}.range.r-unsure{stroke:var(--unsure)}
.range.r-invalid{stroke:var(--invalid)}
.mark.pass{fill:var(--pass)}.mark.fail{fill:var(--fail)}.mark.unsure{fill:var(--unsure)}.mark.invalid{fill:var(--invalid)}
.i-range{stroke:var(--text)}.p-range{fill:var(--text)}
.bar.positive{fill:var(--challenger);fill-opacity:.8}
.bar.negative{fill:var(--champion);fill-opacity:.55}
.solid{stroke-width:5}.tail{stroke-width:2;stroke-dasharray:2 3}.point{stroke:var(--page);stroke-width:1.5}
.i-pass{stroke:var(--pass)}.i-fail{stroke:var(--fail)}.i-unsure{stroke:var(--unsure)}
.p-pass{fill:var(--pass)}.p-fail{fill:var(--fail)}.p-unsure{fill:var(--unsure)}
@media (max-width:44rem){
 .forest li{grid-template-columns:1fr auto}
 .forest li>:last-child{text-align:right}
 .forest svg,.forest .none{grid-column:1/-1;grid-row:2}
 dl{grid-template-columns:minmax(0,1fr)}dd{margin-bottom:.3rem}
}
@media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}
@media print{
 nav{display:none}details::details-content{content-visibility:visible;display:block}summary{list-style:none}
 body{font-size:11pt}main,header,footer,nav{max-width:none}
 .scroll{overflow:visible}figure{background:none}
 h2{break-after:avoid}thead{display:table-header-group}tr{break-inside:avoid}
}
"""

HEAT = 5
"""Shades of a confusion matrix: `.h0` (none) to `.h5`."""


def sheet() -> str:
    """Return the whole style sheet; printing uses the light colours."""
    shades = "".join(
        f".h{shade}{{background:color-mix(in srgb,var(--heat) {8 * shade}%,transparent)}}" for shade in range(1, HEAT + 1)
    )
    return (
        f":root{{color-scheme:light dark;{_variables(LIGHT)}}}"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}"
        + " ".join(_RULES.split("\n")).strip()
        + shades
    )
