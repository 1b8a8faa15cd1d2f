(function(){
"use strict";
var data=JSON.parse(document.getElementById("charts").textContent);
var dark=matchMedia("(prefers-color-scheme: dark)"),printing=matchMedia("print");
var A4=800,ZOOM=.86,PAGE=1024,TALLEST=1100,LOST=35,SPARE=40;
function channels(hex){return [1,3,5].map(function(i){return parseInt(hex.substr(i,2),16)}).join(",")}
function recolour(text,colours){
var map={};
Object.keys(colours).forEach(function(c){map[c]=colours[c];map["rgba("+channels(c)+","]="rgba("+channels(colours[c])+","});
return text.replace(/#[0-9a-f]{6}|rgba\([0-9]+,[0-9]+,[0-9]+,/g,function(c){return map[c]||c});
}
// Lists that several figures have in common are kept once; {"shared": position} stands for them.
function restore(value,isShared){
if(!value||typeof value!=="object")return value;
if(Array.isArray(value))return value.map(function(one){return restore(one)});
if("shared" in value&&!isShared)return restore(data.shared[value.shared],true);
var found={};
Object.keys(value).forEach(function(key){found[key]=restore(value[key])});
return found;
}
function draw(onPaper){
document.querySelectorAll(".chart").forEach(function(box){
var forms=restore(data.charts[box.id]);
if(!forms)return;
var room=box.parentNode.clientWidth;
var form=onPaper?forms.paper||forms.wide:(room<620&&forms.narrow)||forms.wide;
var text=JSON.stringify({figure:form,template:data.template});
var both=JSON.parse(recolour(text,dark.matches&&!onPaper?data.dark:data.own));
var layout=both.figure.layout;
layout.template=both.template;
layout.width=Math.max(onPaper?A4:room,form.least||0);
layout.autosize=false;
if(onPaper&&layout.height>TALLEST)layout.height=TALLEST;
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
// A chart that does not fit into the rest of a page of paper comes after the text and the numbers that do.
// Rest 500, chart 600, text 80, numbers 390: chart first leaves 500 empty, after the text 420, after both 30.
function arrange(){
var main=document.querySelector("main");
var print=[].filter.call(document.styleSheets[0].cssRules,function(r){return r.media&&r.media.mediaText==="print"})[0];
print.media.mediaText="all";
main.style.width="688px";
var used=main.firstElementChild.offsetHeight;
document.querySelectorAll("section").forEach(function(section){
var parts=[].filter.call(section.children,function(part){return part.offsetHeight>2});
var sizes=parts.map(function(part){return part.offsetHeight+parseFloat(getComputedStyle(part).marginBottom)});
var figure=parts.findIndex(function(part){return part.tagName==="FIGURE"});
var head=parseFloat(getComputedStyle(section).paddingTop),whole=section.offsetHeight;
var best={gap:1e9};
sizes.forEach(function(size,i){if(i<figure)head+=size});
for(var last=figure,before=head;figure>=0&&last<parts.length;last++){
if(last>figure)before+=sizes[last];
var rest=PAGE-used%PAGE,top=last===figure?0:Math.min(head+60,before);
var gap=top>rest?rest:0,left=PAGE-(used+gap+before)%PAGE;
if(SPARE+(last===figure?head:0)+sizes[figure]>(last===figure?rest:left))gap+=last===figure?rest:left;
if(gap<best.gap-PAGE/20)best={gap:gap,last:last};
}
parts.forEach(function(part,i){part.style.order=i<figure?0:i===figure?2:i<=best.last?1:3});
var end=used+whole+(best.last===undefined?0:best.gap);
// At the foot of each page, a line that keeps to the next leaves some room.
used=end+LOST*(Math.floor(end/PAGE)-Math.floor(used/PAGE));
});
main.style.width="";
print.media.mediaText="print";
}
addEventListener("beforeprint",function(){unfold(true);draw(true);arrange()});
addEventListener("afterprint",function(){unfold(false);draw(false)});
document.documentElement.setAttribute("data-drawn","yes");
})();
