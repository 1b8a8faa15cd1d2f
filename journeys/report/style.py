"""The report's style sheet and its one script: words first, charts in the reader's theme, nothing from the network."""

from __future__ import annotations

from journeys.charts.theme import DARK, FONT, LIGHT, Colours

__all__ = ["SCRIPT", "sheet"]


def _variables(theme: Colours) -> str:
    roles = {"paper": theme.paper, "ink": theme.ink, "muted": theme.muted, "grid": theme.grid, "goal": theme.goal}
    return "".join(f"--{name}:{colour};" for name, colour in roles.items())


def sheet() -> str:
    """Write the style sheet."""
    light, dark = _variables(LIGHT), _variables(DARK)
    # In print paper is white, whatever the screen was.
    return (
        f":root{{color-scheme:light dark;{light}}}"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}" + _RULES.replace("FONT", FONT)
    )


_RULES = """
*{box-sizing:border-box}
html{scroll-padding-top:1rem;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 FONT;overflow-wrap:break-word}
a{color:var(--goal);text-underline-offset:.18em}
a:focus-visible,summary:focus-visible{outline:2px solid var(--goal);outline-offset:2px}
main,nav{max-width:1120px;margin:0 auto;padding:0 20px}
header{padding:2.5rem 0 1rem}
h1{font-size:2rem;line-height:1.2;margin:0;max-width:34ch;text-wrap:balance}
h2{font-size:1.45rem;line-height:1.3;margin:.1rem 0 .4rem;max-width:46ch;text-wrap:balance}
p,ul,ol{max-width:72ch;margin:.6rem 0}
.period,.definition,.small,.question{color:var(--muted)}
.period{margin:.4rem 0 1.2rem}
.definition,.small{font-size:.9rem;line-height:1.5}
.question{font-size:.9rem;font-weight:600;margin:0}
.findings{padding:0;margin:1.6rem 0 0;list-style:none;counter-reset:f;max-width:76ch}
.findings li{counter-increment:f;padding:.7rem 0 .7rem 2.4rem;position:relative;border-top:1px solid var(--grid)}
.findings li::before{content:counter(f);position:absolute;left:.3rem;color:var(--muted)}
.findings a{color:var(--ink);text-decoration-color:var(--grid);text-decoration-thickness:2px}
.findings a:hover{color:var(--goal)}
section{padding:2.6rem 0 0}
figure{margin:1rem 0 .6rem}
.chart{max-width:1080px;width:100%}
.scroll{overflow-x:auto;max-width:1080px}
.reading{max-width:72ch}
.reading p{margin:.35rem 0}
details{margin:.7rem 0;max-width:1080px}
summary{cursor:pointer;color:var(--muted);font-size:.95rem}
nav.contents{padding-top:1rem;font-size:.9rem}
nav.contents p{margin:0 0 .3rem;color:var(--muted)}
nav.contents ol{margin:0;padding:0;list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem}
nav.contents a{color:var(--muted)}
nav.contents a:hover{color:var(--ink)}
footer{padding:3rem 0 3rem;color:var(--muted);font-size:.85rem}
.jn table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums;margin:.5rem 0}
.jn{overflow-x:auto}
.jn th{text-align:left;font-weight:600;border-bottom:1px solid var(--muted);
padding:.25rem 1rem .25rem 0;vertical-align:bottom}
.jn td{padding:.2rem 1rem .2rem 0;vertical-align:top;max-width:26em}
.jn .r{text-align:right;white-space:nowrap}
.jn .n{white-space:nowrap}
.jn .jn-small{color:var(--muted);font-size:.85rem}
@media screen and (min-width:1340px){
body{display:grid;grid-template-columns:210px minmax(0,1120px);justify-content:center;column-gap:10px}
nav.contents{position:sticky;top:0;align-self:start;max-height:100vh;overflow-y:auto;margin:0;
padding:3.1rem 0 1rem 20px}
nav.contents ol{display:block}
nav.contents li{margin:.45rem 0;line-height:1.4}
main{margin:0}
}
@media (max-width:560px){
h1{font-size:1.55rem}h2{font-size:1.25rem}
main,nav{padding:0 14px}
header{padding-top:1.4rem}
.findings li{padding-left:1.7rem}
section{padding-top:2rem}
}
@media print{
@page{size:A4;margin:14mm}
body{font-size:10.5pt}
nav.contents,.modebar{display:none}
header{padding-top:0}
.answer,figure,.reading,.findings li,tr{break-inside:avoid}
h2,.question,.definition{break-after:avoid}
section{padding-top:1.2rem}
.scroll{overflow:visible}
.chart{zoom:.7}
a{color:inherit;text-decoration:none}
}
@media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}
"""

# Each chart is stored in the light theme; the dark one is the same drawing with each colour's partner. For print it is
# drawn afresh, without the transitions that would leave it half drawn, at a width that the style sheet fits to A4; what
# needs more to keep its words apart is made smaller as a whole.
SCRIPT = """
(function(){
"use strict";
var data=JSON.parse(document.getElementById("charts").textContent);
var dark=matchMedia("(prefers-color-scheme: dark)"),printing=matchMedia("print");
var A4=960;
function channels(hex){return [1,3,5].map(function(i){return parseInt(hex.substr(i,2),16)}).join(",")}
function recolour(text){
var map={};
Object.keys(data.dark).forEach(function(c){map[c]=data.dark[c];map["rgba("+channels(c)+","]="rgba("+channels(data.dark[c])+","});
return text.replace(/#[0-9a-f]{6}|rgba\\([0-9]+,[0-9]+,[0-9]+,/g,function(c){return map[c]||c});
}
function draw(onPaper){
document.querySelectorAll(".chart").forEach(function(box){
var forms=data.charts[box.id];
if(!forms)return;
var room=box.parentNode.clientWidth;
var form=onPaper?forms.wide:(room<620&&forms.narrow)||forms.wide;
var text=JSON.stringify({figure:form,template:data.template});
var both=JSON.parse(dark.matches&&!onPaper?recolour(text):text);
var layout=both.figure.layout;
layout.template=both.template;
layout.width=Math.max(onPaper?A4:room,form.least||0);
layout.autosize=false;
box.style.zoom=onPaper?0.7*A4/layout.width:"";
box.style.width=layout.width+"px";
box.style.maxWidth="none";
var options={displayModeBar:false,responsive:false,doubleClick:false};
if(onPaper){Plotly.purge(box);Plotly.newPlot(box,both.figure.data,layout,options)}
else Plotly.react(box,both.figure.data,layout,options);
});
}
var width=innerWidth,waiting=0;
draw(false);
addEventListener("resize",function(){
if(innerWidth===width||printing.matches)return;
width=innerWidth;
clearTimeout(waiting);
waiting=setTimeout(function(){draw(false)},120);
});
dark.addEventListener("change",function(){draw(false)});
addEventListener("beforeprint",function(){draw(true)});
addEventListener("afterprint",function(){draw(false)});
document.documentElement.setAttribute("data-drawn","yes");
})();
"""
