(function(){
"use strict";
var data=JSON.parse(document.getElementById("charts").textContent);
var dark=matchMedia("(prefers-color-scheme: dark)"),printing=matchMedia("print");
var A4=960;
function channels(hex){return [1,3,5].map(function(i){return parseInt(hex.substr(i,2),16)}).join(",")}
function recolour(text){
var map={};
Object.keys(data.dark).forEach(function(c){map[c]=data.dark[c];map["rgba("+channels(c)+","]="rgba("+channels(data.dark[c])+","});
return text.replace(/#[0-9a-f]{6}|rgba\([0-9]+,[0-9]+,[0-9]+,/g,function(c){return map[c]||c});
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
