(function(){
"use strict";
var data=JSON.parse(document.getElementById("charts").textContent);
var dark=matchMedia("(prefers-color-scheme: dark)"),printing=matchMedia("print");
var A4=800,ZOOM=.86;
function channels(hex){return [1,3,5].map(function(i){return parseInt(hex.substr(i,2),16)}).join(",")}
function recolour(text,colours){
var map={};
Object.keys(colours).forEach(function(c){map[c]=colours[c];map["rgba("+channels(c)+","]="rgba("+channels(colours[c])+","});
return text.replace(/#[0-9a-f]{6}|rgba\([0-9]+,[0-9]+,[0-9]+,/g,function(c){return map[c]||c});
}
function draw(onPaper){
document.querySelectorAll(".chart").forEach(function(box){
var forms=data.charts[box.id];
if(!forms)return;
var room=box.parentNode.clientWidth;
var form=onPaper?forms.paper||forms.wide:(room<620&&forms.narrow)||forms.wide;
var text=JSON.stringify({figure:form,template:data.template});
var both=JSON.parse(recolour(text,dark.matches&&!onPaper?data.dark:data.own));
var layout=both.figure.layout;
layout.template=both.template;
layout.width=Math.max(onPaper?A4:room,form.least||0);
layout.autosize=false;
box.style.zoom=onPaper?ZOOM*A4/layout.width:"";
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
function unfold(isOpen){
document.querySelectorAll("details").forEach(function(fold){
if(isOpen){fold.dataset.wasOpen=fold.open?"yes":"";fold.open=true}
else fold.open=fold.dataset.wasOpen==="yes";
});
}
addEventListener("beforeprint",function(){unfold(true);draw(true)});
addEventListener("afterprint",function(){unfold(false);draw(false)});
document.documentElement.setAttribute("data-drawn","yes");
})();
