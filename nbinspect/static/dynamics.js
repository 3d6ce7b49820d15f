// Built from frontend/src; do not edit.

/* uPlot
The MIT License (MIT)

Copyright (c) 2022 Leon Sorokin

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in
all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN
THE SOFTWARE. */
var uPlot = (() => {
var uPlot=(function(){"use strict";const ys="uplot",vs="u-hz",ks="u-vt",xs="u-title",Ts="u-wrap",bs="u-under",Ms="u-over",As="u-axis",Nt="u-off",Es="u-select",Ps="u-cursor-x",Ds="u-cursor-y",Ls="u-cursor-pt",Cs="u-legend",Vs="u-live",Rs="u-inline",zs="u-series",Fs="u-marker",wi="u-label",Os="u-value",Dl="width",Ll="height",Si="bottom",tl="left",wn="right",Sn="#000",_i=Sn+"0",_n="mousemove",yi="mousedown",yn="mouseup",vi="mouseenter",ki="mouseleave",xi="dblclick",Hs="resize",Ns="scroll",Ti="change",Ul="dppxchange",vn="--",ll=typeof window<"u",kn=ll?document:null,nl=ll?window:null,Ws=ll?navigator:null;let ie,Kl;function xn(){let e=devicePixelRatio;ie!=e&&(ie=e,Kl&&Mn(Ti,Kl,xn),Kl=matchMedia(`(min-resolution: ${ie-.001}dppx) and (max-resolution: ${ie+.001}dppx)`),Wt(Ti,Kl,xn),nl.dispatchEvent(new CustomEvent(Ul)))}function qe(e,i){if(i!=null){let o=e.classList;!o.contains(i)&&o.add(i)}}function Tn(e,i){let o=e.classList;o.contains(i)&&o.remove(i)}function he(e,i,o){e.style[i]=o+"px"}function ct(e,i,o,n){let s=kn.createElement(e);return i!=null&&qe(s,i),o?.insertBefore(s,n),s}function lt(e,i){return ct("div",e,i)}const bi=new WeakMap;function St(e,i,o,n,s){let a="translate("+i+"px,"+o+"px)",u=bi.get(e);a!=u&&(e.style.transform=a,bi.set(e,a),i<0||o<0||i>n||o>s?qe(e,Nt):Tn(e,Nt))}const Mi=new WeakMap;function Ai(e,i,o){let n=i+o,s=Mi.get(e);n!=s&&(Mi.set(e,n),e.style.background=i,e.style.borderColor=o)}const Ei=new WeakMap;function Pi(e,i,o,n){let s=i+""+o,a=Ei.get(e);s!=a&&(Ei.set(e,s),e.style.height=o+"px",e.style.width=i+"px",e.style.marginLeft=n?-i/2+"px":0,e.style.marginTop=n?-o/2+"px":0)}const bn={passive:!0},Gs={...bn,capture:!0};function Wt(e,i,o,n){i.addEventListener(e,o,n?Gs:bn)}function Mn(e,i,o,n){i.removeEventListener(e,o,bn)}ll&&xn();function at(e,i,o,n){let s;o=o||0,n=n||i.length-1;let a=n<=2147483647;for(;n-o>1;)s=a?o+n>>1:Je((o+n)/2),i[s]<e?o=s:n=s;return e-i[o]<=i[n]-e?o:n}function Di(e){return(o,n,s)=>{let a=-1,u=-1;for(let h=n;h<=s;h++)if(e(o[h])){a=h;break}for(let h=s;h>=n;h--)if(e(o[h])){u=h;break}return[a,u]}}const Li=e=>e!=null,Ci=e=>e!=null&&e>0,jl=Di(Li),Is=Di(Ci);function Ys(e,i,o,n=0,s=!1){let a=s?Is:jl,u=s?Ci:Li;[i,o]=a(e,i,o);let h=e[i],m=e[i];if(i>-1)if(n==1)h=e[i],m=e[o];else if(n==-1)h=e[o],m=e[i];else for(let g=i;g<=o;g++){let y=e[g];u(y)&&(y<h?h=y:y>m&&(m=y))}return[h??ce,m??-ce]}function ql(e,i,o,n){let s=zi(e),a=zi(i);e==i&&(s==-1?(e*=o,i/=o):(e/=o,i*=o));let u=o==10?Mt:Fi,h=s==1?Je:nt,m=a==1?nt:Je,g=h(u(be(e))),y=m(u(be(i))),d=il(o,g),w=il(o,y);return o==10&&(g<0&&(d=ae(d,-g)),y<0&&(w=ae(w,-y))),n||o==2?(e=d*s,i=w*a):(e=Yi(e,d),i=Zl(i,w)),[e,i]}function An(e,i,o,n){let s=ql(e,i,o,n);return e==0&&(s[0]=0),i==0&&(s[1]=0),s}const En=.1,Vi={mode:3,pad:En},Cl={pad:0,soft:null,mode:0},Bs={min:Cl,max:Cl};function $l(e,i,o,n){return Ql(o)?Ri(e,i,o):(Cl.pad=o,Cl.soft=n?0:null,Cl.mode=n?3:0,Ri(e,i,Bs))}function te(e,i){return e??i}function Us(e,i,o){for(i=te(i,0),o=te(o,e.length-1);i<=o;){if(e[i]!=null)return!0;i++}return!1}function Ri(e,i,o){let n=o.min,s=o.max,a=te(n.pad,0),u=te(s.pad,0),h=te(n.hard,-ce),m=te(s.hard,ce),g=te(n.soft,ce),y=te(s.soft,-ce),d=te(n.mode,0),w=te(s.mode,0),L=i-e,D=Mt(L),O=Ne(be(e),be(i)),N=Mt(O),G=be(N-D);(L<1e-24||G>10)&&(L=0,(e==0||i==0)&&(L=1e-24,d==2&&g!=ce&&(a=0),w==2&&y!=-ce&&(u=0)));let k=L||O||1e3,H=Mt(k),x=il(10,Je(H)),q=k*(L==0?e==0?.1:1:a),P=ae(Yi(e-q,x/10),24),$=e>=g&&(d==1||d==3&&P<=g||d==2&&P>=g)?g:ce,U=Ne(h,P<$&&e>=$?$:pt($,P)),X=k*(L==0?i==0?.1:1:u),B=ae(Zl(i+X,x/10),24),T=i<=y&&(w==1||w==3&&B>=y||w==2&&B<=y)?y:-ce,j=pt(m,B>T&&i<=T?T:Ne(T,B));return U==j&&U==0&&(j=100),[U,j]}const Ks=new Intl.NumberFormat(ll?Ws.language:"en-US"),Pn=e=>Ks.format(e),$e=Math,Jl=$e.PI,be=$e.abs,Je=$e.floor,Me=$e.round,nt=$e.ceil,pt=$e.min,Ne=$e.max,il=$e.pow,zi=$e.sign,Mt=$e.log10,Fi=$e.log2,js=(e,i=1)=>$e.sinh(e)*i,Dn=(e,i=1)=>$e.asinh(e/i),ce=1/0;function Oi(e){return(Mt((e^e>>31)-(e>>31))|0)+1}function Ln(e,i,o){return pt(Ne(e,i),o)}function Hi(e){return typeof e=="function"}function Q(e){return Hi(e)?e:()=>e}const qs=()=>{},Ni=e=>e,Wi=(e,i)=>i,$s=e=>null,Gi=e=>!0,Ii=(e,i)=>e==i,Js=/\.\d*?(?=9{6,}|0{6,})/gm,Gt=e=>{if(Ui(e)||Lt.has(e))return e;const i=`${e}`,o=i.match(Js);if(o==null)return e;let n=o[0].length-1;if(i.indexOf("e-")!=-1){let[s,a]=i.split("e");return+`${Gt(s)}e${a}`}return ae(e,n)};function It(e,i){return Gt(ae(Gt(e/i))*i)}function Zl(e,i){return Gt(nt(Gt(e/i))*i)}function Yi(e,i){return Gt(Je(Gt(e/i))*i)}function ae(e,i=0){if(Ui(e))return e;let o=10**i,n=e*o*(1+Number.EPSILON);return Me(n)/o}const Lt=new Map;function Bi(e){return((""+e).split(".")[1]||"").length}function Vl(e,i,o,n){let s=[],a=n.map(Bi);for(let u=i;u<o;u++){let h=be(u),m=ae(il(e,u),h);for(let g=0;g<n.length;g++){let y=e==10?+`${n[g]}e${u}`:n[g]*m,d=(u>=0?0:h)+(u>=a[g]?0:a[g]),w=e==10?y:ae(y,d);s.push(w),Lt.set(w,d)}}return s}const Rl={},Cn=[],ol=[null,null],Ct=Array.isArray,Ui=Number.isInteger,Zs=e=>e===void 0;function Ki(e){return typeof e=="string"}function Ql(e){let i=!1;if(e!=null){let o=e.constructor;i=o==null||o==Object}return i}function Qs(e){return e!=null&&typeof e=="object"}const Xs=Object.getPrototypeOf(Uint8Array),ji="__proto__";function sl(e,i=Ql){let o;if(Ct(e)){let n=e.find(s=>s!=null);if(Ct(n)||i(n)){o=Array(e.length);for(let s=0;s<e.length;s++)o[s]=sl(e[s],i)}else o=e.slice()}else if(e instanceof Xs)o=e.slice();else if(i(e)){o={};for(let n in e)n!=ji&&(o[n]=sl(e[n],i))}else o=e;return o}function xe(e){let i=arguments;for(let o=1;o<i.length;o++){let n=i[o];for(let s in n)s!=ji&&(Ql(e[s])?xe(e[s],sl(n[s])):e[s]=sl(n[s]))}return e}const er=0,tr=1,lr=2;function nr(e,i,o){for(let n=0,s,a=-1;n<i.length;n++){let u=i[n];if(u>a){for(s=u-1;s>=0&&e[s]==null;)e[s--]=null;for(s=u+1;s<o&&e[s]==null;)e[a=s++]=null}}}function ir(e,i){if(rr(e)){let u=e[0].slice();for(let h=1;h<e.length;h++)u.push(...e[h].slice(1));return fr(u[0])||(u=sr(u)),u}let o=new Set;for(let u=0;u<e.length;u++){let m=e[u][0],g=m.length;for(let y=0;y<g;y++)o.add(m[y])}let n=[Array.from(o).sort((u,h)=>u-h)],s=n[0].length,a=new Map;for(let u=0;u<s;u++)a.set(n[0][u],u);for(let u=0;u<e.length;u++){let h=e[u],m=h[0];for(let g=1;g<h.length;g++){let y=h[g],d=Array(s).fill(void 0),w=i?i[u][g]:tr,L=[];for(let D=0;D<y.length;D++){let O=y[D],N=a.get(m[D]);O===null?w!=er&&(d[N]=O,w==lr&&L.push(N)):d[N]=O}nr(d,L,s),n.push(d)}}return n}const or=typeof queueMicrotask>"u"?e=>Promise.resolve().then(e):queueMicrotask;function sr(e){let i=e[0],o=i.length,n=Array(o);for(let a=0;a<n.length;a++)n[a]=a;n.sort((a,u)=>i[a]-i[u]);let s=[];for(let a=0;a<e.length;a++){let u=e[a],h=Array(o);for(let m=0;m<o;m++)h[m]=u[n[m]];s.push(h)}return s}function rr(e){let i=e[0][0],o=i.length;for(let n=1;n<e.length;n++){let s=e[n][0];if(s.length!=o)return!1;if(s!=i){for(let a=0;a<o;a++)if(s[a]!=i[a])return!1}}return!0}function fr(e,i=100){const o=e.length;if(o<=1)return!0;let n=0,s=o-1;for(;n<=s&&e[n]==null;)n++;for(;s>=n&&e[s]==null;)s--;if(s<=n)return!0;const a=Ne(1,Je((s-n+1)/i));for(let u=e[n],h=n+a;h<=s;h+=a){const m=e[h];if(m!=null){if(m<=u)return!1;u=m}}return!0}const qi=["January","February","March","April","May","June","July","August","September","October","November","December"],$i=["Sunday","Monday","Tuesday","Wednesday","Thursday","Friday","Saturday"];function Ji(e){return e.slice(0,3)}const ur=$i.map(Ji),cr=qi.map(Ji),ar={MMMM:qi,MMM:cr,WWWW:$i,WWW:ur};function zl(e){return(e<10?"0":"")+e}function pr(e){return(e<10?"00":e<100?"0":"")+e}const hr={YYYY:e=>e.getFullYear(),YY:e=>(e.getFullYear()+"").slice(2),MMMM:(e,i)=>i.MMMM[e.getMonth()],MMM:(e,i)=>i.MMM[e.getMonth()],MM:e=>zl(e.getMonth()+1),M:e=>e.getMonth()+1,DD:e=>zl(e.getDate()),D:e=>e.getDate(),WWWW:(e,i)=>i.WWWW[e.getDay()],WWW:(e,i)=>i.WWW[e.getDay()],HH:e=>zl(e.getHours()),H:e=>e.getHours(),h:e=>{let i=e.getHours();return i==0?12:i>12?i-12:i},AA:e=>e.getHours()>=12?"PM":"AM",aa:e=>e.getHours()>=12?"pm":"am",a:e=>e.getHours()>=12?"p":"a",mm:e=>zl(e.getMinutes()),m:e=>e.getMinutes(),ss:e=>zl(e.getSeconds()),s:e=>e.getSeconds(),fff:e=>pr(e.getMilliseconds())};function Vn(e,i){i=i||ar;let o=[],n=/\{([a-z]+)\}|[^{]+/gi,s;for(;s=n.exec(e);)o.push(s[0][0]=="{"?hr[s[1]]:s[0]);return a=>{let u="";for(let h=0;h<o.length;h++)u+=typeof o[h]=="string"?o[h]:o[h](a,i);return u}}const mr=new Intl.DateTimeFormat().resolvedOptions().timeZone;function gr(e,i){let o;return i=="UTC"||i=="Etc/UTC"?o=new Date(+e+e.getTimezoneOffset()*6e4):i==mr?o=e:(o=new Date(e.toLocaleString("en-US",{timeZone:i})),o.setMilliseconds(e.getMilliseconds())),o}const Zi=e=>e%1==0,Xl=[1,2,2.5,5],dr=Vl(10,-32,0,Xl),Qi=Vl(10,0,32,Xl),wr=Qi.filter(Zi),Yt=dr.concat(Qi),Rn=`
`,Xi="{YYYY}",eo=Rn+Xi,to="{M}/{D}",Fl=Rn+to,en=Fl+"/{YY}",lo="{aa}",rl="{h}:{mm}"+lo,no=Rn+rl,io=":{ss}",se=null;function oo(e){let i=e*1e3,o=i*60,n=o*60,s=n*24,a=s*30,u=s*365,m=(e==1?Vl(10,0,3,Xl).filter(Zi):Vl(10,-3,0,Xl)).concat([i,i*5,i*10,i*15,i*30,o,o*5,o*10,o*15,o*30,n,n*2,n*3,n*4,n*6,n*8,n*12,s,s*2,s*3,s*4,s*5,s*6,s*7,s*8,s*9,s*10,s*15,a,a*2,a*3,a*4,a*6,u,u*2,u*5,u*10,u*25,u*50,u*100]);const g=[[u,Xi,se,se,se,se,se,se,1],[s*28,"{MMM}",eo,se,se,se,se,se,1],[s,to,eo,se,se,se,se,se,1],[n,"{h}"+lo,en,se,Fl,se,se,se,1],[o,rl,en,se,Fl,se,se,se,1],[i,io,en+" "+rl,se,Fl+" "+rl,se,no,se,1],[e,io+".{fff}",en+" "+rl,se,Fl+" "+rl,se,no,se,1]];function y(d){return(w,L,D,O,N,G)=>{let k=[],H=N>=u,x=N>=a&&N<u,q=d(D),P=ae(q*e,3),$=zn(q.getFullYear(),H?0:q.getMonth(),x||H?1:q.getDate()),U=ae($*e,3);if(x||H){let X=x?N/a:0,B=H?N/u:0,T=P==U?P:ae(zn($.getFullYear()+B,$.getMonth()+X,1)*e,3),j=new Date(Me(T/e)),C=j.getFullYear(),I=j.getMonth();for(let F=0;T<=O;F++){let ee=zn(C+B*F,I+X*F,1),z=ee-d(ae(ee*e,3));T=ae((+ee+z)*e,3),T<=O&&k.push(T)}}else{let X=N>=s?s:N,B=Je(D)-Je(P),T=U+B+Zl(P-U,X);k.push(T);let j=d(T),C=j.getHours()+j.getMinutes()/o+j.getSeconds()/n,I=N/n,F=w.axes[L]._space,ee=G/F;for(;T=ae(T+N,e==1?0:3),!(T>O);)if(I>1){let z=Je(ae(C+I,6))%24,le=d(T).getHours()-z;le>1&&(le=-1),T-=le*n,C=(C+I)%24;let fe=k[k.length-1];ae((T-fe)/N,3)*ee>=.7&&k.push(T)}else k.push(T)}return k}}return[m,g,y]}const[Sr,_r,yr]=oo(1),[vr,kr,xr]=oo(.001);Vl(2,-53,53,[1]);function so(e,i){return e.map(o=>o.map((n,s)=>s==0||s==8||n==null?n:i(s==1||o[8]==0?n:o[1]+n)))}function ro(e,i){return(o,n,s,a,u)=>{let h=i.find(D=>u>=D[0])||i[i.length-1],m,g,y,d,w,L;return n.map(D=>{let O=e(D),N=O.getFullYear(),G=O.getMonth(),k=O.getDate(),H=O.getHours(),x=O.getMinutes(),q=O.getSeconds(),P=N!=m&&h[2]||G!=g&&h[3]||k!=y&&h[4]||H!=d&&h[5]||x!=w&&h[6]||q!=L&&h[7]||h[1];return m=N,g=G,y=k,d=H,w=x,L=q,P(O)})}}function Tr(e,i){let o=Vn(i);return(n,s,a,u,h)=>s.map(m=>o(e(m)))}function zn(e,i,o){return new Date(e,i,o)}function fo(e,i){return i(e)}const br="{YYYY}-{MM}-{DD} {h}:{mm}{aa}";function uo(e,i){return(o,n,s,a)=>a==null?vn:i(e(n))}function Mr(e,i){let o=e.series[i];return o.width?o.stroke(e,i):o.points.width?o.points.stroke(e,i):null}function Ar(e,i){return e.series[i].fill(e,i)}const Er={show:!0,live:!0,isolate:!1,mount:qs,markers:{show:!0,width:2,stroke:Mr,fill:Ar,dash:"solid"},idx:null,idxs:null,values:[]};function Pr(e,i){let o=e.cursor.points,n=lt(),s=o.size(e,i);he(n,Dl,s),he(n,Ll,s);let a=s/-2;he(n,"marginLeft",a),he(n,"marginTop",a);let u=o.width(e,i,s);return u&&he(n,"borderWidth",u),n}function Dr(e,i){let o=e.series[i].points;return o._fill||o._stroke}function Lr(e,i){let o=e.series[i].points;return o._stroke||o._fill}function Cr(e,i){return e.series[i].points.size}const Fn=[0,0];function Vr(e,i,o){return Fn[0]=i,Fn[1]=o,Fn}function tn(e,i,o,n=!0){return s=>{s.button==0&&(!n||s.target==i)&&o(s)}}function On(e,i,o,n=!0){return s=>{(!n||s.target==i)&&o(s)}}const Rr={show:!0,x:!0,y:!0,lock:!1,move:Vr,points:{one:!1,show:Pr,size:Cr,width:0,stroke:Lr,fill:Dr},bind:{mousedown:tn,mouseup:tn,click:tn,dblclick:tn,mousemove:On,mouseleave:On,mouseenter:On},drag:{setScale:!0,x:!0,y:!1,dist:0,uni:null,click:(e,i)=>{i.stopPropagation(),i.stopImmediatePropagation()},_x:!1,_y:!1},focus:{dist:(e,i,o,n,s)=>n-s,prox:-1,bias:0},hover:{skip:[void 0],prox:null,bias:0},left:-10,top:-10,idx:null,dataIdx:null,idxs:null,event:null},co={show:!0,stroke:"rgba(0,0,0,0.07)",width:2},Hn=xe({},co,{filter:Wi}),ao=xe({},Hn,{size:10}),po=xe({},co,{show:!1}),Nn='12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Noto Sans", sans-serif, "Apple Color Emoji", "Segoe UI Emoji", "Segoe UI Symbol", "Noto Color Emoji"',ho="bold "+Nn,mo=1.5,go={show:!0,scale:"x",stroke:Sn,space:50,gap:5,alignTo:1,size:50,labelGap:0,labelSize:30,labelFont:ho,side:2,grid:Hn,ticks:ao,border:po,font:Nn,lineGap:mo,rotate:0},zr="Value",Fr="Time",wo={show:!0,scale:"x",auto:!1,sorted:1,min:ce,max:-ce,idxs:[]};function Or(e,i,o,n,s){return i.map(a=>a==null?"":Pn(a))}function Hr(e,i,o,n,s,a,u){let h=[],m=Lt.get(s)||0;o=u?o:ae(Zl(o,s),m);for(let g=o;g<=n;g=ae(g+s,m))h.push(Object.is(g,-0)?0:g);return h}function Wn(e,i,o,n,s,a,u){const h=[],m=e.scales[e.axes[i].scale].log,g=m==10?Mt:Fi,y=Je(g(o));s=il(m,y),m==10&&(s=Yt[at(s,Yt)]);let d=o,w=s*m;m==10&&(w=Yt[at(w,Yt)]);do h.push(d),d=d+s,m==10&&!Lt.has(d)&&(d=ae(d,Lt.get(s))),d>=w&&(s=d,w=s*m,m==10&&(w=Yt[at(w,Yt)]));while(d<=n);return h}function Nr(e,i,o,n,s,a,u){let m=e.scales[e.axes[i].scale].asinh,g=n>m?Wn(e,i,Ne(m,o),n,s):[m],y=n>=0&&o<=0?[0]:[];return(o<-m?Wn(e,i,Ne(m,-n),-o,s):[m]).reverse().map(w=>-w).concat(y,g)}const So=/./,Wr=/[12357]/,Gr=/[125]/,_o=/1/,Gn=(e,i,o,n)=>e.map((s,a)=>i==4&&s==0||a%n==0&&o.test(s.toExponential()[s<0?1:0])?s:null);function Ir(e,i,o,n,s){let a=e.axes[o],u=a.scale,h=e.scales[u],m=e.valToPos,g=a._space,y=m(10,u),d=m(9,u)-y>=g?So:m(7,u)-y>=g?Wr:m(5,u)-y>=g?Gr:_o;if(d==_o){let w=be(m(1,u)-y);if(w<g)return Gn(i.slice().reverse(),h.distr,d,nt(g/w)).reverse()}return Gn(i,h.distr,d,1)}function Yr(e,i,o,n,s){let a=e.axes[o],u=a.scale,h=a._space,m=e.valToPos,g=be(m(1,u)-m(2,u));return g<h?Gn(i.slice().reverse(),3,So,nt(h/g)).reverse():i}function Br(e,i,o,n){return n==null?vn:i==null?"":Pn(i)}const yo={show:!0,scale:"y",stroke:Sn,space:30,gap:5,alignTo:1,size:50,labelGap:0,labelSize:30,labelFont:ho,side:3,grid:Hn,ticks:ao,border:po,font:Nn,lineGap:mo,rotate:0};function Ur(e,i){let o=3+(e||1)*2;return ae(o*i,3)}function Kr(e,i){let{scale:o,idxs:n}=e.series[0],s=e._data[0],a=e.valToPos(s[n[0]],o,!0),u=e.valToPos(s[n[1]],o,!0),h=be(u-a),m=e.series[i],g=h/(m.points.space*ie);return n[1]-n[0]<=g}const vo={scale:null,auto:!0,sorted:0,min:ce,max:-ce},ko=(e,i,o,n,s)=>s,xo={show:!0,auto:!0,sorted:0,gaps:ko,alpha:1,facets:[xe({},vo,{scale:"x"}),xe({},vo,{scale:"y"})]},To={scale:"y",auto:!0,sorted:0,show:!0,spanGaps:!1,gaps:ko,alpha:1,points:{show:Kr,filter:null},values:null,min:ce,max:-ce,idxs:[],path:null,clip:null};function jr(e,i,o,n,s){return o/10}const bo={time:!0,auto:!0,distr:1,log:10,asinh:1,min:null,max:null,dir:1,ori:0},qr=xe({},bo,{time:!1,ori:1}),Mo={};function Ao(e,i){let o=Mo[e];return o||(o={key:e,plots:[],sub(n){o.plots.push(n)},unsub(n){o.plots=o.plots.filter(s=>s!=n)},pub(n,s,a,u,h,m,g){for(let y=0;y<o.plots.length;y++)o.plots[y]!=s&&o.plots[y].pub(n,s,a,u,h,m,g)}},e!=null&&(Mo[e]=o)),o}const fl=1,In=2;function Bt(e,i,o){const n=e.mode,s=e.series[i],a=n==2?e._data[i]:e._data,u=e.scales,h=e.bbox;let m=a[0],g=n==2?a[1]:a[i],y=n==2?u[s.facets[0].scale]:u[e.series[0].scale],d=n==2?u[s.facets[1].scale]:u[s.scale],w=h.left,L=h.top,D=h.width,O=h.height,N=e.valToPosH,G=e.valToPosV;return y.ori==0?o(s,m,g,y,d,N,G,w,L,D,O,nn,ul,sn,Do,Co):o(s,m,g,y,d,G,N,L,w,O,D,on,cl,Un,Lo,Vo)}function Yn(e,i){let o=0,n=0,s=te(e.bands,Cn);for(let a=0;a<s.length;a++){let u=s[a];u.series[0]==i?o=u.dir:u.series[1]==i&&(u.dir==1?n|=1:n|=2)}return[o,n==1?-1:n==2?1:n==3?2:0]}function $r(e,i,o,n,s){let a=e.mode,u=e.series[i],h=a==2?u.facets[1].scale:u.scale,m=e.scales[h];return s==-1?m.min:s==1?m.max:m.distr==3?m.dir==1?m.min:m.max:0}function At(e,i,o,n,s,a){return Bt(e,i,(u,h,m,g,y,d,w,L,D,O,N)=>{let G=u.pxRound;const k=g.dir*(g.ori==0?1:-1),H=g.ori==0?ul:cl;let x,q;k==1?(x=o,q=n):(x=n,q=o);let P=G(d(h[x],g,O,L)),$=G(w(m[x],y,N,D)),U=G(d(h[q],g,O,L)),X=G(w(a==1?y.max:y.min,y,N,D)),B=new Path2D(s);return H(B,U,X),H(B,P,X),H(B,P,$),B})}function ln(e,i,o,n,s,a){let u=null;if(e.length>0){u=new Path2D;const h=i==0?sn:Un;let m=o;for(let d=0;d<e.length;d++){let w=e[d];if(w[1]>w[0]){let L=w[0]-m;L>0&&h(u,m,n,L,n+a),m=w[1]}}let g=o+s-m,y=10;g>0&&h(u,m,n-y/2,g,n+a+y)}return u}function Jr(e,i,o){let n=e[e.length-1];n&&n[0]==i?n[1]=o:e.push([i,o])}function Bn(e,i,o,n,s,a,u){let h=[],m=e.length;for(let g=s==1?o:n;g>=o&&g<=n;g+=s)if(i[g]===null){let d=g,w=g;if(s==1)for(;++g<=n&&i[g]===null;)w=g;else for(;--g>=o&&i[g]===null;)w=g;let L=a(e[d]),D=w==d?L:a(e[w]),O=d-s;L=u<=0&&O>=0&&O<m?a(e[O]):L;let G=w+s;D=u>=0&&G>=0&&G<m?a(e[G]):D,D>=L&&h.push([L,D])}return h}function Eo(e){return e==0?Ni:e==1?Me:i=>It(i,e)}function Po(e){let i=e==0?nn:on,o=e==0?(s,a,u,h,m,g)=>{s.arcTo(a,u,h,m,g)}:(s,a,u,h,m,g)=>{s.arcTo(u,a,m,h,g)},n=e==0?(s,a,u,h,m)=>{s.rect(a,u,h,m)}:(s,a,u,h,m)=>{s.rect(u,a,m,h)};return(s,a,u,h,m,g=0,y=0)=>{g==0&&y==0?n(s,a,u,h,m):(g=pt(g,h/2,m/2),y=pt(y,h/2,m/2),i(s,a+g,u),o(s,a+h,u,a+h,u+m,g),o(s,a+h,u+m,a,u+m,y),o(s,a,u+m,a,u,y),o(s,a,u,a+h,u,g),s.closePath())}}const nn=(e,i,o)=>{e.moveTo(i,o)},on=(e,i,o)=>{e.moveTo(o,i)},ul=(e,i,o)=>{e.lineTo(i,o)},cl=(e,i,o)=>{e.lineTo(o,i)},sn=Po(0),Un=Po(1),Do=(e,i,o,n,s,a)=>{e.arc(i,o,n,s,a)},Lo=(e,i,o,n,s,a)=>{e.arc(o,i,n,s,a)},Co=(e,i,o,n,s,a,u)=>{e.bezierCurveTo(i,o,n,s,a,u)},Vo=(e,i,o,n,s,a,u)=>{e.bezierCurveTo(o,i,s,n,u,a)};function Ro(e){return(i,o,n,s,a)=>Bt(i,o,(u,h,m,g,y,d,w,L,D,O,N)=>{let{pxRound:G,points:k}=u,H,x;g.ori==0?(H=nn,x=Do):(H=on,x=Lo);const q=ae(k.width*ie,3);let P=(k.size-k.width)/2*ie,$=ae(P*2,3),U=new Path2D,X=new Path2D,{left:B,top:T,width:j,height:C}=i.bbox;sn(X,B-$,T-$,j+$*2,C+$*2);const I=F=>{if(m[F]!=null){let ee=G(d(h[F],g,O,L)),z=G(w(m[F],y,N,D));H(U,ee+P,z),x(U,ee,z,P,0,Jl*2)}};if(a)a.forEach(I);else for(let F=n;F<=s;F++)I(F);return{stroke:q>0?U:null,fill:U,clip:X,flags:fl|In}})}function zo(e){return(i,o,n,s,a,u)=>{n!=s&&(a!=n&&u!=n&&e(i,o,n),a!=s&&u!=s&&e(i,o,s),e(i,o,u))}}const Zr=zo(ul),Qr=zo(cl);function Fo(e){const i=te(e?.alignGaps,0);return(o,n,s,a)=>Bt(o,n,(u,h,m,g,y,d,w,L,D,O,N)=>{[s,a]=jl(m,s,a);let G=u.pxRound,k=C=>G(d(C,g,O,L)),H=C=>G(w(C,y,N,D)),x,q;g.ori==0?(x=ul,q=Zr):(x=cl,q=Qr);const P=g.dir*(g.ori==0?1:-1),$={stroke:new Path2D,fill:null,clip:null,band:null,gaps:null,flags:fl},U=$.stroke;let X=!1;if(a-s>=O*4){let C=V=>o.posToVal(V,g.key,!0),I=null,F=null,ee,z,Ue,we=k(h[P==1?s:a]),le=k(h[s]),fe=k(h[a]),J=C(P==1?le+1:fe-1);for(let V=P==1?s:a;V>=s&&V<=a;V+=P){let Ae=h[V],Se=(P==1?Ae<J:Ae>J)?we:k(Ae),re=m[V];Se==we?re!=null?(z=re,I==null?(x(U,Se,H(z)),ee=I=F=z):z<I?I=z:z>F&&(F=z)):re===null&&(X=!0):(I!=null&&q(U,we,H(I),H(F),H(ee),H(z)),re!=null?(z=re,x(U,Se,H(z)),I=F=ee=z):(I=F=null,re===null&&(X=!0)),we=Se,J=C(we+P))}I!=null&&I!=F&&Ue!=we&&q(U,we,H(I),H(F),H(ee),H(z))}else for(let C=P==1?s:a;C>=s&&C<=a;C+=P){let I=m[C];I===null?X=!0:I!=null&&x(U,k(h[C]),H(I))}let[T,j]=Yn(o,n);if(u.fill!=null||T!=0){let C=$.fill=new Path2D(U),I=u.fillTo(o,n,u.min,u.max,T),F=H(I),ee=k(h[s]),z=k(h[a]);P==-1&&([z,ee]=[ee,z]),x(C,z,F),x(C,ee,F)}if(!u.spanGaps){let C=[];X&&C.push(...Bn(h,m,s,a,P,k,i)),$.gaps=C=u.gaps(o,n,s,a,C),$.clip=ln(C,g.ori,L,D,O,N)}return j!=0&&($.band=j==2?[At(o,n,s,a,U,-1),At(o,n,s,a,U,1)]:At(o,n,s,a,U,j)),$})}function Xr(e){const i=te(e.align,1),o=te(e.ascDesc,!1),n=te(e.alignGaps,0),s=te(e.extend,!1);return(a,u,h,m)=>Bt(a,u,(g,y,d,w,L,D,O,N,G,k,H)=>{[h,m]=jl(d,h,m);let x=g.pxRound,{left:q,width:P}=a.bbox,$=le=>x(D(le,w,k,N)),U=le=>x(O(le,L,H,G)),X=w.ori==0?ul:cl;const B={stroke:new Path2D,fill:null,clip:null,band:null,gaps:null,flags:fl},T=B.stroke,j=w.dir*(w.ori==0?1:-1);let C=U(d[j==1?h:m]),I=$(y[j==1?h:m]),F=I,ee=I;s&&i==-1&&(ee=q,X(T,ee,C)),X(T,I,C);for(let le=j==1?h:m;le>=h&&le<=m;le+=j){let fe=d[le];if(fe==null)continue;let J=$(y[le]),V=U(fe);i==1?X(T,J,C):X(T,F,V),X(T,J,V),C=V,F=J}let z=F;s&&i==1&&(z=q+P,X(T,z,C));let[Ue,we]=Yn(a,u);if(g.fill!=null||Ue!=0){let le=B.fill=new Path2D(T),fe=g.fillTo(a,u,g.min,g.max,Ue),J=U(fe);X(le,z,J),X(le,ee,J)}if(!g.spanGaps){let le=[];le.push(...Bn(y,d,h,m,j,$,n));let fe=g.width*ie/2,J=o||i==1?fe:-fe,V=o||i==-1?-fe:fe;le.forEach(Ae=>{Ae[0]+=J,Ae[1]+=V}),B.gaps=le=g.gaps(a,u,h,m,le),B.clip=ln(le,w.ori,N,G,k,H)}return we!=0&&(B.band=we==2?[At(a,u,h,m,T,-1),At(a,u,h,m,T,1)]:At(a,u,h,m,T,we)),B})}function Oo(e,i,o,n,s,a,u=ce){if(e.length>1){let h=null;for(let m=0,g=1/0;m<e.length;m++)if(i[m]!==void 0){if(h!=null){let y=be(e[m]-e[h]);y<g&&(g=y,u=be(o(e[m],n,s,a)-o(e[h],n,s,a)))}h=m}}return u}function ef(e){e=e||Rl;const i=te(e.size,[.6,ce,1]),o=e.align||0,n=e.gap||0;let s=e.radius;s=s==null?[0,0]:typeof s=="number"?[s,0]:s;const a=Q(s),u=1-i[0],h=te(i[1],ce),m=te(i[2],1),g=te(e.disp,Rl),y=te(e.each,L=>{}),{fill:d,stroke:w}=g;return(L,D,O,N)=>Bt(L,D,(G,k,H,x,q,P,$,U,X,B,T)=>{let j=G.pxRound,C=o,I=n*ie,F=h*ie,ee=m*ie,z,Ue;x.ori==0?[z,Ue]=a(L,D):[Ue,z]=a(L,D);const we=x.dir*(x.ori==0?1:-1);let le=x.ori==0?sn:Un,fe=x.ori==0?y:(A,pe,Ee,ml,jt,yt,qt)=>{y(A,pe,Ee,jt,ml,qt,yt)},J=te(L.bands,Cn).find(A=>A.series[0]==D),V=J!=null?J.dir:0,Ae=G.fillTo(L,D,G.min,G.max,V),We=j($(Ae,q,T,X)),Se,re,ht,Ze=B,ye=j(G.width*ie),_t=!1,Et=null,it=null,Vt=null,al=null;d!=null&&(ye==0||w!=null)&&(_t=!0,Et=d.values(L,D,O,N),it=new Map,new Set(Et).forEach(A=>{A!=null&&it.set(A,new Path2D)}),ye>0&&(Vt=w.values(L,D,O,N),al=new Map,new Set(Vt).forEach(A=>{A!=null&&al.set(A,new Path2D)})));let{x0:pl,size:Ol}=g;if(pl!=null&&Ol!=null){C=1,k=pl.values(L,D,O,N),pl.unit==2&&(k=k.map(Ee=>L.posToVal(U+Ee*B,x.key,!0)));let A=Ol.values(L,D,O,N);Ol.unit==2?re=A[0]*B:re=P(A[0],x,B,U)-P(0,x,B,U),Ze=Oo(k,H,P,x,B,U,Ze),ht=Ze-re+I}else Ze=Oo(k,H,P,x,B,U,Ze),ht=Ze*u+I,re=Ze-ht;ht<1&&(ht=0),ye>=re/2&&(ye=0),ht<5&&(j=Ni);let rn=ht>0,Ut=Ze-ht-(rn?ye:0);re=j(Ln(Ut,ee,F)),Se=(C==0?re/2:C==we?0:re)-C*we*((C==0?I/2:0)+(rn?ye/2:0));const Ge={stroke:null,fill:null,clip:null,band:null,gaps:null,flags:0},hl=_t?null:new Path2D;let Pt=null;if(J!=null)Pt=L.data[J.series[1]];else{let{y0:A,y1:pe}=g;A!=null&&pe!=null&&(H=pe.values(L,D,O,N),Pt=A.values(L,D,O,N))}let Kt=z*re,K=Ue*re;for(let A=we==1?O:N;A>=O&&A<=N;A+=we){let pe=H[A];if(pe==null)continue;if(Pt!=null){let Ke=Pt[A]??0;if(pe-Ke==0)continue;We=$(Ke,q,T,X)}let Ee=x.distr!=2||g!=null?k[A]:A,ml=P(Ee,x,B,U),jt=$(te(pe,Ae),q,T,X),yt=j(ml-Se),qt=j(Ne(jt,We)),Qe=j(pt(jt,We)),ot=qt-Qe;if(pe!=null){let Ke=pe<0?K:Kt,mt=pe<0?Kt:K;_t?(ye>0&&Vt[A]!=null&&le(al.get(Vt[A]),yt,Qe+Je(ye/2),re,Ne(0,ot-ye),Ke,mt),Et[A]!=null&&le(it.get(Et[A]),yt,Qe+Je(ye/2),re,Ne(0,ot-ye),Ke,mt)):le(hl,yt,Qe+Je(ye/2),re,Ne(0,ot-ye),Ke,mt),fe(L,D,A,yt-ye/2,Qe,re+ye,ot)}}return ye>0?Ge.stroke=_t?al:hl:_t||(Ge._fill=G.width==0?G._fill:G._stroke??G._fill,Ge.width=0),Ge.fill=_t?it:hl,Ge})}function tf(e,i){const o=te(i?.alignGaps,0);return(n,s,a,u)=>Bt(n,s,(h,m,g,y,d,w,L,D,O,N,G)=>{[a,u]=jl(g,a,u);let k=h.pxRound,H=z=>k(w(z,y,N,D)),x=z=>k(L(z,d,G,O)),q,P,$;y.ori==0?(q=nn,$=ul,P=Co):(q=on,$=cl,P=Vo);const U=y.dir*(y.ori==0?1:-1);let X=H(m[U==1?a:u]),B=X,T=[],j=[];for(let z=U==1?a:u;z>=a&&z<=u;z+=U)if(g[z]!=null){let we=m[z],le=H(we);T.push(B=le),j.push(x(g[z]))}const C={stroke:e(T,j,q,$,P,k),fill:null,clip:null,band:null,gaps:null,flags:fl},I=C.stroke;let[F,ee]=Yn(n,s);if(h.fill!=null||F!=0){let z=C.fill=new Path2D(I),Ue=h.fillTo(n,s,h.min,h.max,F),we=x(Ue);$(z,B,we),$(z,X,we)}if(!h.spanGaps){let z=[];z.push(...Bn(m,g,a,u,U,H,o)),C.gaps=z=h.gaps(n,s,a,u,z),C.clip=ln(z,y.ori,D,O,N,G)}return ee!=0&&(C.band=ee==2?[At(n,s,a,u,I,-1),At(n,s,a,u,I,1)]:At(n,s,a,u,I,ee)),C})}function lf(e){return tf(nf,e)}function nf(e,i,o,n,s,a){const u=e.length;if(u<2)return null;const h=new Path2D;if(o(h,e[0],i[0]),u==2)n(h,e[1],i[1]);else{let m=Array(u),g=Array(u-1),y=Array(u-1),d=Array(u-1);for(let w=0;w<u-1;w++)y[w]=i[w+1]-i[w],d[w]=e[w+1]-e[w],g[w]=y[w]/d[w];m[0]=g[0];for(let w=1;w<u-1;w++)g[w]===0||g[w-1]===0||g[w-1]>0!=g[w]>0?m[w]=0:(m[w]=3*(d[w-1]+d[w])/((2*d[w]+d[w-1])/g[w-1]+(d[w]+2*d[w-1])/g[w]),isFinite(m[w])||(m[w]=0));m[u-1]=g[u-2];for(let w=0;w<u-1;w++)s(h,e[w]+d[w]/3,i[w]+m[w]*d[w]/3,e[w+1]-d[w]/3,i[w+1]-m[w+1]*d[w]/3,e[w+1],i[w+1])}return h}const Kn=new Set;function Ho(){for(let e of Kn)e.syncRect(!0)}ll&&(Wt(Hs,nl,Ho),Wt(Ns,nl,Ho,!0),Wt(Ul,nl,()=>{Oe.pxRatio=ie}));const of=Fo(),sf=Ro();function No(e,i,o,n){return(n?[e[0],e[1]].concat(e.slice(2)):[e[0]].concat(e.slice(1))).map((a,u)=>jn(a,u,i,o))}function rf(e,i){return e.map((o,n)=>n==0?{}:xe({},i,o))}function jn(e,i,o,n){return xe({},i==0?o:n,e)}function Wo(e,i,o){return i==null?ol:[i,o]}const ff=Wo;function uf(e,i,o){return i==null?ol:$l(i,o,En,!0)}function Go(e,i,o,n){return i==null?ol:ql(i,o,e.scales[n].log,!1)}const cf=Go;function Io(e,i,o,n){return i==null?ol:An(i,o,e.scales[n].log,!1)}const af=Io;function pf(e,i,o,n,s){let a=Ne(Oi(e),Oi(i)),u=i-e,h=at(s/n*u,o);do{let m=o[h],g=n*m/u;if(g>=s&&a+(m<5?Lt.get(m):0)<=17)return[m,g]}while(++h<o.length);return[0,0]}function Yo(e){let i,o;return e=e.replace(/(\d+)px/,(n,s)=>(i=Me((o=+s)*ie))+"px"),[e,i,o]}function hf(e){e.show&&[e.font,e.labelFont].forEach(i=>{let o=ae(i[2]*ie,1);i[0]=i[0].replace(/[0-9.]+px/,o+"px"),i[1]=o})}function Oe(e,i,o){const n={mode:te(e.mode,1)},s=n.mode;function a(t,l,r,f){let c=l.valToPct(t);return f+r*(l.dir==-1?1-c:c)}function u(t,l,r,f){let c=l.valToPct(t);return f+r*(l.dir==-1?c:1-c)}function h(t,l,r,f){return l.ori==0?a(t,l,r,f):u(t,l,r,f)}n.valToPosH=a,n.valToPosV=u;let m=!1;n.status=0;const g=n.root=lt(ys);if(e.id!=null&&(g.id=e.id),qe(g,e.class),e.title){let t=lt(xs,g);t.textContent=e.title}const y=ct("canvas"),d=n.ctx=y.getContext("2d"),w=lt(Ts,g);Wt("click",w,t=>{t.target===D&&(me!=bl||_e!=Ml)&&Fe.click(n,t)},!0);const L=n.under=lt(bs,w);w.appendChild(y);const D=n.over=lt(Ms,w);e=sl(e);const O=+te(e.pxAlign,1),N=Eo(O);(e.plugins||[]).forEach(t=>{t.opts&&(e=t.opts(n,e)||e)});const G=e.ms||.001,k=n.series=s==1?No(e.series||[],wo,To,!1):rf(e.series||[null],xo),H=n.axes=No(e.axes||[],go,yo,!0),x=n.scales={},q=n.bands=e.bands||[];q.forEach(t=>{t.fill=Q(t.fill||null),t.dir=te(t.dir,-1)});const P=s==2?k[1].facets[0].scale:k[0].scale,$={axes:Pf,series:Tf},U=(e.drawOrder||["axes","series"]).map(t=>$[t]);function X(t){const l=t.distr==3?r=>Mt(r>0?r:t.clamp(n,r,t.min,t.max,t.key)):t.distr==4?r=>Dn(r,t.asinh):t.distr==100?r=>t.fwd(r):r=>r;return r=>{let f=l(r),{_min:c,_max:p}=t,S=p-c;return(f-c)/S}}function B(t){let l=x[t];if(l==null){let r=(e.scales||Rl)[t]||Rl;if(r.from!=null){B(r.from);let f=xe({},x[r.from],r,{key:t});f.valToPct=X(f),x[t]=f}else{l=x[t]=xe({},t==P?bo:qr,r),l.key=t;let f=l.time,c=l.range,p=Ct(c);if((t!=P||s==2&&!f)&&(p&&(c[0]==null||c[1]==null)&&(c={min:c[0]==null?Vi:{mode:1,hard:c[0],soft:c[0]},max:c[1]==null?Vi:{mode:1,hard:c[1],soft:c[1]}},p=!1),!p&&Ql(c))){let S=c;c=(_,v,b)=>v==null?ol:$l(v,b,S)}l.range=Q(c||(f?ff:t==P?l.distr==3?cf:l.distr==4?af:Wo:l.distr==3?Go:l.distr==4?Io:uf)),l.auto=Q(p?!1:l.auto),l.clamp=Q(l.clamp||jr),l._min=l._max=null,l.valToPct=X(l)}}}B("x"),B("y"),s==1&&k.forEach(t=>{B(t.scale)}),H.forEach(t=>{B(t.scale)});for(let t in e.scales)B(t);const T=x[P],j=T.distr;let C,I;T.ori==0?(qe(g,vs),C=a,I=u):(qe(g,ks),C=u,I=a);const F={};for(let t in x){let l=x[t];(l.min!=null||l.max!=null)&&(F[t]={min:l.min,max:l.max},l.min=l.max=null)}const ee=e.tzDate||(t=>new Date(Me(t/G))),z=e.fmtDate||Vn,Ue=G==1?yr(ee):xr(ee),we=ro(ee,so(G==1?_r:kr,z)),le=uo(ee,fo(br,z)),fe=[],J=n.legend=xe({},Er,e.legend),V=n.cursor=xe({},Rr,{drag:{y:s==2}},e.cursor),Ae=J.show,We=V.show,Se=J.markers;J.idxs=fe,Se.width=Q(Se.width),Se.dash=Q(Se.dash),Se.stroke=Q(Se.stroke),Se.fill=Q(Se.fill);let re,ht,Ze,ye=[],_t=[],Et,it=!1,Vt={};if(J.live){const t=k[1]?k[1].values:null;it=t!=null,Et=it?t(n,1,0):{_:0};for(let l in Et)Vt[l]=vn}if(Ae)if(re=ct("table",Cs,g),Ze=ct("tbody",null,re),J.mount(n,re),it){ht=ct("thead",null,re,Ze);let t=ct("tr",null,ht);ct("th",null,t);for(var al in Et)ct("th",wi,t).textContent=al}else qe(re,Rs),J.live&&qe(re,Vs);const pl={show:!0},Ol={show:!1};function rn(t,l){if(l==0&&(it||!J.live||s==2))return ol;let r=[],f=ct("tr",zs,Ze,Ze.childNodes[l]);qe(f,t.class),t.show||qe(f,Nt);let c=ct("th",null,f);if(Se.show){let _=lt(Fs,c);if(l>0){let v=Se.width(n,l);v&&(_.style.border=v+"px "+Se.dash(n,l)+" "+Se.stroke(n,l)),_.style.background=Se.fill(n,l)}}let p=lt(wi,c);t.label instanceof HTMLElement?p.appendChild(t.label):p.textContent=t.label,l>0&&(Se.show||(p.style.color=t.width>0?Se.stroke(n,l):Se.fill(n,l)),Ge("click",c,_=>{if(V._lock)return;Jt(_);let v=k.indexOf(t);if((_.ctrlKey||_.metaKey)!=J.isolate){let b=k.some((M,E)=>E>0&&E!=v&&M.show);k.forEach((M,E)=>{E>0&&kt(E,b?E==v?pl:Ol:pl,!0,Te.setSeries)})}else kt(v,{show:!t.show},!0,Te.setSeries)},!1),dl&&Ge(vi,c,_=>{V._lock||(Jt(_),kt(k.indexOf(t),El,!0,Te.setSeries))},!1));for(var S in Et){let _=ct("td",Os,f);_.textContent="--",r.push(_)}return[f,r]}const Ut=new Map;function Ge(t,l,r,f=!0){const c=Ut.get(l)||{},p=V.bind[t](n,l,r,f);p&&(Wt(t,l,c[t]=p),Ut.set(l,c))}function hl(t,l,r){const f=Ut.get(l)||{};for(let c in f)(t==null||c==t)&&(Mn(c,l,f[c]),delete f[c]);t==null&&Ut.delete(l)}let Pt=0,Kt=0,K=0,A=0,pe=0,Ee=0,ml=pe,jt=Ee,yt=K,qt=A,Qe=0,ot=0,Ke=0,mt=0;n.bbox={};let qn=!1,fn=!1,gl=!1,$t=!1,un=!1,st=!1;function $n(t,l,r){(r||t!=n.width||l!=n.height)&&Bo(t,l),vl(!1),gl=!0,fn=!0,kl()}function Bo(t,l){n.width=Pt=K=t,n.height=Kt=A=l,pe=Ee=0,wf(),Sf();let r=n.bbox;Qe=r.left=It(pe*ie,.5),ot=r.top=It(Ee*ie,.5),Ke=r.width=It(K*ie,.5),mt=r.height=It(A*ie,.5)}const mf=3;function gf(){let t=!1,l=0;for(;!t;){l++;let r=Af(l),f=Ef(l);t=l==mf||r&&f,t||(Bo(n.width,n.height),fn=!0)}}function df({width:t,height:l}){$n(t,l)}n.setSize=df;function wf(){let t=!1,l=!1,r=!1,f=!1;H.forEach((c,p)=>{if(c.show&&c._show){let{side:S,_size:_}=c,v=S%2,b=c.label!=null?c.labelSize:0,M=_+b;M>0&&(v?(K-=M,S==3?(pe+=M,f=!0):r=!0):(A-=M,S==0?(Ee+=M,t=!0):l=!0))}}),Zt[0]=t,Zt[1]=r,Zt[2]=l,Zt[3]=f,K-=Rt[1]+Rt[3],pe+=Rt[3],A-=Rt[2]+Rt[0],Ee+=Rt[0]}function Sf(){let t=pe+K,l=Ee+A,r=pe,f=Ee;function c(p,S){switch(p){case 1:return t+=S,t-S;case 2:return l+=S,l-S;case 3:return r-=S,r+S;case 0:return f-=S,f+S}}H.forEach((p,S)=>{if(p.show&&p._show){let _=p.side;p._pos=c(_,p._size),p.label!=null&&(p._lpos=c(_,p.labelSize))}})}if(V.dataIdx==null){let t=V.hover,l=t.skip=new Set(t.skip??[]);l.add(void 0);let r=t.prox=Q(t.prox),f=t.bias??=0;V.dataIdx=(c,p,S,_)=>{if(p==0)return S;let v=S,b=r(c,p,S,_)??ce,M=b>=0&&b<ce,E=T.ori==0?K:A,Y=V.left,oe=i[0],ne=i[p];if(l.has(ne[S])){v=null;let Z=null,W=null,R;if(f==0||f==-1)for(R=S;Z==null&&R-- >0;)l.has(ne[R])||(Z=R);if(f==0||f==1)for(R=S;W==null&&R++<ne.length;)l.has(ne[R])||(W=R);if(Z!=null||W!=null)if(M){let de=Z==null?-1/0:C(oe[Z],T,E,0),ve=W==null?1/0:C(oe[W],T,E,0),Re=Y-de,ue=ve-Y;Re<=ue?Re<=b&&(v=Z):ue<=b&&(v=W)}else v=W==null?Z:Z==null?W:S-Z<=W-S?Z:W}else M&&be(Y-C(oe[S],T,E,0))>b&&(v=null);return v}}const Jt=t=>{V.event=t};V.idxs=fe,V._lock=!1;let He=V.points;He.show=Q(He.show),He.size=Q(He.size),He.stroke=Q(He.stroke),He.width=Q(He.width),He.fill=Q(He.fill);const vt=n.focus=xe({},e.focus||{alpha:.3},V.focus),dl=vt.prox>=0,wl=dl&&He.one;let rt=[],Sl=[],_l=[];function Uo(t,l){let r=He.show(n,l);if(r instanceof HTMLElement)return qe(r,Ls),qe(r,t.class),St(r,-10,-10,K,A),D.insertBefore(r,rt[l]),r}function Ko(t,l){if(s==1||l>0){let r=s==1&&x[t.scale].time,f=t.value;t.value=r?Ki(f)?uo(ee,fo(f,z)):f||le:f||Br,t.label=t.label||(r?Fr:zr)}if(wl||l>0){t.width=t.width==null?1:t.width,t.paths=t.paths||of||$s,t.fillTo=Q(t.fillTo||$r),t.pxAlign=+te(t.pxAlign,O),t.pxRound=Eo(t.pxAlign),t.stroke=Q(t.stroke||null),t.fill=Q(t.fill||null),t._stroke=t._fill=t._paths=t._focus=null;let r=Ur(Ne(1,t.width),1),f=t.points=xe({},{size:r,width:Ne(1,r*.2),stroke:t.stroke,space:r*2,paths:sf,_stroke:null,_fill:null},t.points);f.show=Q(f.show),f.filter=Q(f.filter),f.fill=Q(f.fill),f.stroke=Q(f.stroke),f.paths=Q(f.paths),f.pxAlign=t.pxAlign}if(Ae){let r=rn(t,l);ye.splice(l,0,r[0]),_t.splice(l,0,r[1]),J.values.push(null)}if(We){fe.splice(l,0,null);let r=null;wl?l==0&&(r=Uo(t,l)):l>0&&(r=Uo(t,l)),rt.splice(l,0,r),Sl.splice(l,0,0),_l.splice(l,0,0)}Ve("addSeries",l)}function _f(t,l){l=l??k.length,t=s==1?jn(t,l,wo,To):jn(t,l,{},xo),k.splice(l,0,t),Ko(k[l],l)}n.addSeries=_f;function yf(t){if(k.splice(t,1),Ae){J.values.splice(t,1),_t.splice(t,1);let l=ye.splice(t,1)[0];hl(null,l.firstChild),l.remove()}We&&(fe.splice(t,1),rt.splice(t,1)[0].remove(),Sl.splice(t,1),_l.splice(t,1)),Ve("delSeries",t)}n.delSeries=yf;const Zt=[!1,!1,!1,!1];function vf(t,l){if(t._show=t.show,t.show){let r=t.side%2,f=x[t.scale];f==null&&(t.scale=r?k[1].scale:P,f=x[t.scale]);let c=f.time;t.size=Q(t.size),t.space=Q(t.space),t.rotate=Q(t.rotate),Ct(t.incrs)&&t.incrs.forEach(S=>{!Lt.has(S)&&Lt.set(S,Bi(S))}),t.incrs=Q(t.incrs||(f.distr==2?wr:c?G==1?Sr:vr:Yt)),t.splits=Q(t.splits||(c&&f.distr==1?Ue:f.distr==3?Wn:f.distr==4?Nr:Hr)),t.stroke=Q(t.stroke),t.grid.stroke=Q(t.grid.stroke),t.ticks.stroke=Q(t.ticks.stroke),t.border.stroke=Q(t.border.stroke);let p=t.values;t.values=Ct(p)&&!Ct(p[0])?Q(p):c?Ct(p)?ro(ee,so(p,z)):Ki(p)?Tr(ee,p):p||we:p||Or,t.filter=Q(t.filter||(f.distr>=3&&f.log==10?Ir:f.distr==3&&f.log==2?Yr:Wi)),t.font=Yo(t.font),t.labelFont=Yo(t.labelFont),t._size=t.size(n,null,l,0),t._space=t._rotate=t._incrs=t._found=t._splits=t._values=null,t._size>0&&(Zt[l]=!0,t._el=lt(As,w))}}function Hl(t,l,r,f){let[c,p,S,_]=r,v=l%2,b=0;return v==0&&(_||p)&&(b=l==0&&!c||l==2&&!S?Me(go.size/3):0),v==1&&(c||S)&&(b=l==1&&!p||l==3&&!_?Me(yo.size/2):0),b}const jo=n.padding=(e.padding||[Hl,Hl,Hl,Hl]).map(t=>Q(te(t,Hl))),Rt=n._padding=jo.map((t,l)=>t(n,l,Zt,0));let ze,Pe=null,De=null;const cn=s==1?k[0].idxs:null;let gt=null,Nl=!1;function qo(t,l){if(i=t??[],n.data=n._data=i,s==2){ze=0;for(let r=1;r<k.length;r++)ze+=i[r][0].length}else{i.length==0&&(n.data=n._data=i=[[]]),gt=i[0],ze=gt.length;let r=i;if(j==2){r=i.slice();let f=r[0]=Array(ze);for(let c=0;c<ze;c++)f[c]=c}n._data=i=r}if(vl(!0),Ve("setData"),j==2&&(gl=!0),l!==!1){let r=T;r.auto(n,Nl)?Jn():Ft(P,r.min,r.max),$t=$t||V.left>=0,st=!0,kl()}}n.setData=qo;function Jn(){Nl=!0;let t,l;s==1&&(ze>0?(Pe=cn[0]=0,De=cn[1]=ze-1,t=i[0][Pe],l=i[0][De],j==2?(t=Pe,l=De):t==l&&(j==3?[t,l]=ql(t,t,T.log,!1):j==4?[t,l]=An(t,t,T.log,!1):T.time?l=t+Me(86400/G):[t,l]=$l(t,l,En,!0))):(Pe=cn[0]=t=null,De=cn[1]=l=null)),Ft(P,t,l)}let an,yl,Zn,Qn,Xn,ei,ti,li,ni,je;function $o(t,l,r,f,c,p){t??=_i,r??=Cn,f??="butt",c??=_i,p??="round",t!=an&&(d.strokeStyle=an=t),c!=yl&&(d.fillStyle=yl=c),l!=Zn&&(d.lineWidth=Zn=l),p!=Xn&&(d.lineJoin=Xn=p),f!=ei&&(d.lineCap=ei=f),r!=Qn&&d.setLineDash(Qn=r)}function Jo(t,l,r,f){l!=yl&&(d.fillStyle=yl=l),t!=ti&&(d.font=ti=t),r!=li&&(d.textAlign=li=r),f!=ni&&(d.textBaseline=ni=f)}function ii(t,l,r,f,c=0){if(f.length>0&&t.auto(n,Nl)&&(l==null||l.min==null)){let p=te(Pe,0),S=te(De,f.length-1),_=r.min==null?Ys(f,p,S,c,t.distr==3):[r.min,r.max];t.min=pt(t.min,r.min=_[0]),t.max=Ne(t.max,r.max=_[1])}}const Zo={min:null,max:null};function kf(){for(let f in x){let c=x[f];F[f]==null&&(c.min==null||F[P]!=null&&c.auto(n,Nl))&&(F[f]=Zo)}for(let f in x){let c=x[f];F[f]==null&&c.from!=null&&F[c.from]!=null&&(F[f]=Zo)}F[P]!=null&&vl(!0);let t={};for(let f in F){let c=F[f];if(c!=null){let p=t[f]=sl(x[f],Qs);if(c.min!=null)xe(p,c);else if(f!=P||s==2)if(ze==0&&p.from==null){let S=p.range(n,null,null,f);p.min=S[0],p.max=S[1]}else p.min=ce,p.max=-ce}}if(ze>0){k.forEach((f,c)=>{if(s==1){let p=f.scale,S=F[p];if(S==null)return;let _=t[p];if(c==0){let v=_.range(n,_.min,_.max,p);_.min=v[0],_.max=v[1],Pe=at(_.min,i[0]),De=at(_.max,i[0]),De-Pe>1&&(i[0][Pe]<_.min&&Pe++,i[0][De]>_.max&&De--),f.min=gt[Pe],f.max=gt[De]}else f.show&&f.auto&&ii(_,S,f,i[c],f.sorted);f.idxs[0]=Pe,f.idxs[1]=De}else if(c>0&&f.show&&f.auto){let[p,S]=f.facets,_=p.scale,v=S.scale,[b,M]=i[c],E=t[_],Y=t[v];E!=null&&ii(E,F[_],p,b,p.sorted),Y!=null&&ii(Y,F[v],S,M,S.sorted),f.min=S.min,f.max=S.max}});for(let f in t){let c=t[f],p=F[f];if(c.from==null&&(p==null||p.min==null)){let S=c.range(n,c.min==ce?null:c.min,c.max==-ce?null:c.max,f);c.min=S[0],c.max=S[1]}}}for(let f in t){let c=t[f];if(c.from!=null){let p=t[c.from];if(p.min==null)c.min=c.max=null;else{let S=c.range(n,p.min,p.max,f);c.min=S[0],c.max=S[1]}}}let l={},r=!1;for(let f in t){let c=t[f],p=x[f];if(p.min!=c.min||p.max!=c.max){p.min=c.min,p.max=c.max;let S=p.distr;p._min=S==3?Mt(p.min):S==4?Dn(p.min,p.asinh):S==100?p.fwd(p.min):p.min,p._max=S==3?Mt(p.max):S==4?Dn(p.max,p.asinh):S==100?p.fwd(p.max):p.max,l[f]=r=!0}}if(r){k.forEach((f,c)=>{s==2?c>0&&l.y&&(f._paths=null):l[f.scale]&&(f._paths=null)});for(let f in l)gl=!0,Ve("setScale",f);We&&V.left>=0&&($t=st=!0)}for(let f in F)F[f]=null}function xf(t){let l=Ln(Pe-1,0,ze-1),r=Ln(De+1,0,ze-1);for(;t[l]==null&&l>0;)l--;for(;t[r]==null&&r<ze-1;)r++;return[l,r]}function Tf(){if(ze>0){let t=k.some(l=>l._focus)&&je!=vt.alpha;t&&(d.globalAlpha=je=vt.alpha),k.forEach((l,r)=>{if(r>0&&l.show&&(Qo(r,!1),Qo(r,!0),l._paths==null)){let f=je;je!=l.alpha&&(d.globalAlpha=je=l.alpha);let c=s==2?[0,i[r][0].length-1]:xf(i[r]);l._paths=l.paths(n,r,c[0],c[1]),je!=f&&(d.globalAlpha=je=f)}}),k.forEach((l,r)=>{if(r>0&&l.show){let f=je;je!=l.alpha&&(d.globalAlpha=je=l.alpha),l._paths!=null&&Xo(r,!1);{let c=l._paths!=null?l._paths.gaps:null,p=l.points.show(n,r,Pe,De,c),S=l.points.filter(n,r,p,c);(p||S)&&(l.points._paths=l.points.paths(n,r,Pe,De,S),Xo(r,!0))}je!=f&&(d.globalAlpha=je=f),Ve("drawSeries",r)}}),t&&(d.globalAlpha=je=1)}}function Qo(t,l){let r=l?k[t].points:k[t];r._stroke=r.stroke(n,t),r._fill=r.fill(n,t)}function Xo(t,l){let r=l?k[t].points:k[t],{stroke:f,fill:c,clip:p,flags:S,_stroke:_=r._stroke,_fill:v=r._fill,_width:b=r.width}=r._paths;b=ae(b*ie,3);let M=null,E=b%2/2;l&&v==null&&(v=b>0?"#fff":_);let Y=r.pxAlign==1&&E>0;if(Y&&d.translate(E,E),!l){let oe=Qe-b/2,ne=ot-b/2,Z=Ke+b,W=mt+b;M=new Path2D,M.rect(oe,ne,Z,W)}l?oi(_,b,r.dash,r.cap,v,f,c,S,p):bf(t,_,b,r.dash,r.cap,v,f,c,S,M,p),Y&&d.translate(-E,-E)}function bf(t,l,r,f,c,p,S,_,v,b,M){let E=!1;v!=0&&q.forEach((Y,oe)=>{if(Y.series[0]==t){let ne=k[Y.series[1]],Z=i[Y.series[1]],W=(ne._paths||Rl).band;Ct(W)&&(W=Y.dir==1?W[0]:W[1]);let R,de=null;ne.show&&W&&Us(Z,Pe,De)?(de=Y.fill(n,oe)||p,R=ne._paths.clip):W=null,oi(l,r,f,c,de,S,_,v,b,M,R,W),E=!0}}),E||oi(l,r,f,c,p,S,_,v,b,M)}const es=fl|In;function oi(t,l,r,f,c,p,S,_,v,b,M,E){$o(t,l,r,f,c),(v||b||E)&&(d.save(),v&&d.clip(v),b&&d.clip(b)),E?(_&es)==es?(d.clip(E),M&&d.clip(M),hn(c,S),pn(t,p,l)):_&In?(hn(c,S),d.clip(E),pn(t,p,l)):_&fl&&(d.save(),d.clip(E),M&&d.clip(M),hn(c,S),d.restore(),pn(t,p,l)):(hn(c,S),pn(t,p,l)),(v||b||E)&&d.restore()}function pn(t,l,r){r>0&&(l instanceof Map?l.forEach((f,c)=>{d.strokeStyle=an=c,d.stroke(f)}):l!=null&&t&&d.stroke(l))}function hn(t,l){l instanceof Map?l.forEach((r,f)=>{d.fillStyle=yl=f,d.fill(r)}):l!=null&&t&&d.fill(l)}function Mf(t,l,r,f){let c=H[t],p;if(f<=0)p=[0,0];else{let S=c._space=c.space(n,t,l,r,f),_=c._incrs=c.incrs(n,t,l,r,f,S);p=pf(l,r,_,f,S)}return c._found=p}function si(t,l,r,f,c,p,S,_,v,b){let M=S%2/2;O==1&&d.translate(M,M),$o(_,S,v,b,_),d.beginPath();let E,Y,oe,ne,Z=c+(f==0||f==3?-p:p);r==0?(Y=c,ne=Z):(E=c,oe=Z);for(let W=0;W<t.length;W++)l[W]!=null&&(r==0?E=oe=t[W]:Y=ne=t[W],d.moveTo(E,Y),d.lineTo(oe,ne));d.stroke(),O==1&&d.translate(-M,-M)}function Af(t){let l=!0;return H.forEach((r,f)=>{if(!r.show)return;let c=x[r.scale];if(c.min==null){r._show&&(l=!1,r._show=!1,vl(!1));return}else r._show||(l=!1,r._show=!0,vl(!1));let p=r.side,S=p%2,{min:_,max:v}=c,[b,M]=Mf(f,_,v,S==0?K:A);if(M==0)return;let E=c.distr==2,Y=r._splits=r.splits(n,f,_,v,b,M,E),oe=c.distr==2?Y.map(R=>gt[R]):Y,ne=c.distr==2?gt[Y[1]]-gt[Y[0]]:b,Z=r._values=r.values(n,r.filter(n,oe,f,M,ne),f,M,ne);r._rotate=p==2?r.rotate(n,Z,f,M):0;let W=r._size;r._size=nt(r.size(n,Z,f,t)),W!=null&&r._size!=W&&(l=!1)}),l}function Ef(t){let l=!0;return jo.forEach((r,f)=>{let c=r(n,f,Zt,t);c!=Rt[f]&&(l=!1),Rt[f]=c}),l}function Pf(){for(let t=0;t<H.length;t++){let l=H[t];if(!l.show||!l._show)continue;let r=l.side,f=r%2,c,p,S=l.stroke(n,t),_=r==0||r==3?-1:1,[v,b]=l._found;if(l.label!=null){let Ye=l.labelGap*_,tt=Me((l._lpos+Ye)*ie);Jo(l.labelFont[0],S,"center",r==2?"top":Si),d.save(),f==1?(c=p=0,d.translate(tt,Me(ot+mt/2)),d.rotate((r==3?-Jl:Jl)/2)):(c=Me(Qe+Ke/2),p=tt);let el=Hi(l.label)?l.label(n,t,v,b):l.label;d.fillText(el,c,p),d.restore()}if(b==0)continue;let M=x[l.scale],E=f==0?Ke:mt,Y=f==0?Qe:ot,oe=l._splits,ne=M.distr==2?oe.map(Ye=>gt[Ye]):oe,Z=M.distr==2?gt[oe[1]]-gt[oe[0]]:v,W=l.ticks,R=l.border,de=W.show?W.size:0,ve=Me(de*ie),Re=Me((l.alignTo==2?l._size-de-l.gap:l.gap)*ie),ue=l._rotate*-Jl/180,ke=N(l._pos*ie),Xe=(ve+Re)*_,Ie=ke+Xe;p=f==0?Ie:0,c=f==1?Ie:0;let ft=l.font[0],dt=l.align==1?tl:l.align==2?wn:ue>0?tl:ue<0?wn:f==0?"center":r==3?wn:tl,Tt=ue||f==1?"middle":r==2?"top":Si;Jo(ft,S,dt,Tt);let et=l.font[1]*l.lineGap,ut=oe.map(Ye=>N(h(Ye,M,E,Y))),wt=l._values;for(let Ye=0;Ye<wt.length;Ye++){let tt=wt[Ye];if(tt!=null){f==0?c=ut[Ye]:p=ut[Ye],tt=""+tt;let el=tt.indexOf(`
`)==-1?[tt]:tt.split(/\n/gm);for(let Be=0;Be<el.length;Be++){let _s=el[Be];ue?(d.save(),d.translate(c,p+Be*et),d.rotate(ue),d.fillText(_s,0,0),d.restore()):d.fillText(_s,c,p+Be*et)}}}W.show&&si(ut,W.filter(n,ne,t,b,Z),f,r,ke,ve,ae(W.width*ie,3),W.stroke(n,t),W.dash,W.cap);let bt=l.grid;bt.show&&si(ut,bt.filter(n,ne,t,b,Z),f,f==0?2:1,f==0?ot:Qe,f==0?mt:Ke,ae(bt.width*ie,3),bt.stroke(n,t),bt.dash,bt.cap),R.show&&si([ke],[1],f==0?1:0,f==0?1:2,f==1?ot:Qe,f==1?mt:Ke,ae(R.width*ie,3),R.stroke(n,t),R.dash,R.cap)}Ve("drawAxes")}function vl(t){k.forEach((l,r)=>{r>0&&(l._paths=null,t&&(s==1?(l.min=null,l.max=null):l.facets.forEach(f=>{f.min=null,f.max=null})))})}let mn=!1,ri=!1,Wl=[];function Df(){ri=!1;for(let t=0;t<Wl.length;t++)Ve(...Wl[t]);Wl.length=0}function kl(){mn||(or(ts),mn=!0)}function Lf(t,l=!1){mn=!0,ri=l,t(n),ts(),l&&Wl.length>0&&queueMicrotask(Df)}n.batch=Lf;function ts(){if(qn&&(kf(),qn=!1),gl&&(gf(),gl=!1),fn){if(he(L,tl,pe),he(L,"top",Ee),he(L,Dl,K),he(L,Ll,A),he(D,tl,pe),he(D,"top",Ee),he(D,Dl,K),he(D,Ll,A),he(w,Dl,Pt),he(w,Ll,Kt),y.width=Me(Pt*ie),y.height=Me(Kt*ie),H.forEach(({_el:t,_show:l,_size:r,_pos:f,side:c})=>{if(t!=null)if(l){let p=c===3||c===0?r:0,S=c%2==1;he(t,S?"left":"top",f-p),he(t,S?"width":"height",r),he(t,S?"top":"left",S?Ee:pe),he(t,S?"height":"width",S?A:K),Tn(t,Nt)}else qe(t,Nt)}),an=yl=Zn=Xn=ei=ti=li=ni=Qn=null,je=1,Yl(!0),pe!=ml||Ee!=jt||K!=yt||A!=qt){vl(!1);let t=K/yt,l=A/qt;if(We&&!$t&&V.left>=0){V.left*=t,V.top*=l,xl&&St(xl,Me(V.left),0,K,A),Tl&&St(Tl,0,Me(V.top),K,A);for(let r=0;r<rt.length;r++){let f=rt[r];f!=null&&(Sl[r]*=t,_l[r]*=l,St(f,nt(Sl[r]),nt(_l[r]),K,A))}}if(ge.show&&!un&&ge.left>=0&&ge.width>0){ge.left*=t,ge.width*=t,ge.top*=l,ge.height*=l;for(let r in hi)he(Al,r,ge[r])}ml=pe,jt=Ee,yt=K,qt=A}Ve("setSize"),fn=!1}Pt>0&&Kt>0&&(d.clearRect(0,0,y.width,y.height),Ve("drawClear"),U.forEach(t=>t()),Ve("draw")),ge.show&&un&&(gn(ge),un=!1),We&&$t&&(Xt(null,!0,!1),$t=!1),J.show&&J.live&&st&&(ai(),st=!1),m||(m=!0,n.status=1,Ve("ready")),Nl=!1,mn=!1}n.redraw=(t,l)=>{gl=l||!1,t!==!1?Ft(P,T.min,T.max):kl()};function fi(t,l){let r=x[t];if(r.from==null){if(ze==0){let f=r.range(n,l.min,l.max,t);l.min=f[0],l.max=f[1]}if(l.min>l.max){let f=l.min;l.min=l.max,l.max=f}if(ze>1&&l.min!=null&&l.max!=null&&l.max-l.min<1e-16)return;t==P&&r.distr==2&&ze>0&&(l.min=at(l.min,i[0]),l.max=at(l.max,i[0]),l.min==l.max&&l.max++),F[t]=l,qn=!0,kl()}}n.setScale=fi;let ui,ci,xl,Tl,ls,ns,bl,Ml,is,os,me,_e,zt=!1;const Fe=V.drag;let Le=Fe.x,Ce=Fe.y;We&&(V.x&&(ui=lt(Ps,D)),V.y&&(ci=lt(Ds,D)),T.ori==0?(xl=ui,Tl=ci):(xl=ci,Tl=ui),me=V.left,_e=V.top);const ge=n.select=xe({show:!0,over:!0,left:0,width:0,top:0,height:0},e.select),Al=ge.show?lt(Es,ge.over?D:L):null;function gn(t,l){if(ge.show){for(let r in t)ge[r]=t[r],r in hi&&he(Al,r,t[r]);l!==!1&&Ve("setSelect")}}n.setSelect=gn;function Cf(t){if(k[t].show)Ae&&Tn(ye[t],Nt);else if(Ae&&qe(ye[t],Nt),We){let r=wl?rt[0]:rt[t];r!=null&&St(r,-10,-10,K,A)}}function Ft(t,l,r){fi(t,{min:l,max:r})}function kt(t,l,r,f){l.focus!=null&&Of(t),l.show!=null&&k.forEach((c,p)=>{p>0&&(t==p||t==null)&&(c.show=l.show,Cf(p),s==2?(Ft(c.facets[0].scale,null,null),Ft(c.facets[1].scale,null,null)):Ft(c.scale,null,null),kl())}),r!==!1&&Ve("setSeries",t,l),f&&Bl("setSeries",n,t,l)}n.setSeries=kt;function Vf(t,l){xe(q[t],l)}function Rf(t,l){t.fill=Q(t.fill||null),t.dir=te(t.dir,-1),l=l??q.length,q.splice(l,0,t)}function zf(t){t==null?q.length=0:q.splice(t,1)}n.addBand=Rf,n.setBand=Vf,n.delBand=zf;function Ff(t,l){k[t].alpha=l,We&&rt[t]!=null&&(rt[t].style.opacity=l),Ae&&ye[t]&&(ye[t].style.opacity=l)}let Dt,Ot,Qt;const El={focus:!0};function Of(t){if(t!=Qt){let l=t==null,r=vt.alpha!=1;k.forEach((f,c)=>{if(s==1||c>0){let p=l||c==0||c==t;f._focus=l?null:p,r&&Ff(c,p?1:vt.alpha)}}),Qt=t,r&&kl()}}Ae&&dl&&Ge(ki,re,t=>{V._lock||(Jt(t),Qt!=null&&kt(null,El,!0,Te.setSeries))});function xt(t,l,r){let f=x[l];r&&(t=t/ie-(f.ori==1?Ee:pe));let c=K;f.ori==1&&(c=A,t=c-t),f.dir==-1&&(t=c-t);let p=f._min,S=f._max,_=t/c,v=p+(S-p)*_,b=f.distr;return b==3?il(10,v):b==4?js(v,f.asinh):b==100?f.bwd(v):v}function Hf(t,l){let r=xt(t,P,l);return at(r,i[0],Pe,De)}n.valToIdx=t=>at(t,i[0]),n.posToIdx=Hf,n.posToVal=xt,n.valToPos=(t,l,r)=>x[l].ori==0?a(t,x[l],r?Ke:K,r?Qe:0):u(t,x[l],r?mt:A,r?ot:0),n.setCursor=(t,l,r)=>{me=t.left,_e=t.top,Xt(null,l,r)};function ss(t,l){he(Al,tl,ge.left=t),he(Al,Dl,ge.width=l)}function rs(t,l){he(Al,"top",ge.top=t),he(Al,Ll,ge.height=l)}let Gl=T.ori==0?ss:rs,Il=T.ori==1?ss:rs;function Nf(){if(Ae&&J.live)for(let t=s==2?1:0;t<k.length;t++){if(t==0&&it)continue;let l=J.values[t],r=0;for(let f in l)_t[t][r++].firstChild.nodeValue=l[f]}}function ai(t,l){if(t!=null&&(t.idxs?t.idxs.forEach((r,f)=>{fe[f]=r}):Zs(t.idx)||fe.fill(t.idx),J.idx=fe[0]),Ae&&J.live){for(let r=0;r<k.length;r++)(r>0||s==1&&!it)&&Wf(r,fe[r]);Nf()}st=!1,l!==!1&&Ve("setLegend")}n.setLegend=ai;function Wf(t,l){let r=k[t],f=t==0&&j==2?gt:i[t],c;it?c=r.values(n,t,l)??Vt:(c=r.value(n,l==null?null:f[l],t,l),c=c==null?Vt:{_:c}),J.values[t]=c}function Xt(t,l,r){is=me,os=_e,[me,_e]=V.move(n,me,_e),V.left=me,V.top=_e,We&&(xl&&St(xl,Me(me),0,K,A),Tl&&St(Tl,0,Me(_e),K,A));let f,c=Pe>De;Dt=ce,Ot=null;let p=T.ori==0?K:A,S=T.ori==1?K:A;if(me<0||ze==0||c){f=V.idx=null;for(let _=0;_<k.length;_++){let v=rt[_];v!=null&&St(v,-10,-10,K,A)}dl&&kt(null,El,!0,t==null&&Te.setSeries),J.live&&(fe.fill(f),st=!0)}else{let _,v,b;s==1&&(_=T.ori==0?me:_e,v=xt(_,P),f=V.idx=at(v,i[0],Pe,De),b=C(i[0][f],T,p,0));let M=-10,E=-10,Y=0,oe=0,ne=!0,Z="",W="";for(let R=s==2?1:0;R<k.length;R++){let de=k[R],ve=fe[R],Re=ve==null?null:s==1?i[R][ve]:i[R][1][ve],ue=V.dataIdx(n,R,f,v),ke=ue==null?null:s==1?i[R][ue]:i[R][1][ue];if(st=st||ke!=Re||ue!=ve,fe[R]=ue,R>0&&de.show){let Xe=ue==null?-10:ue==f?b:C(s==1?i[0][ue]:i[R][0][ue],T,p,0),Ie=ke==null?-10:I(ke,s==1?x[de.scale]:x[de.facets[1].scale],S,0);if(dl&&ke!=null){let ft=T.ori==1?me:_e,dt=be(vt.dist(n,R,ue,Ie,ft));if(dt<Dt){let Tt=vt.bias;if(Tt!=0){let et=xt(ft,de.scale),ut=ke>=0?1:-1,wt=et>=0?1:-1;wt==ut&&(wt==1?Tt==1?ke>=et:ke<=et:Tt==1?ke<=et:ke>=et)&&(Dt=dt,Ot=R)}else Dt=dt,Ot=R}}if(st||wl){let ft,dt;T.ori==0?(ft=Xe,dt=Ie):(ft=Ie,dt=Xe);let Tt,et,ut,wt,bt,Ye,tt=!0,el=He.bbox;if(el!=null){tt=!1;let Be=el(n,R);ut=Be.left,wt=Be.top,Tt=Be.width,et=Be.height}else ut=ft,wt=dt,Tt=et=He.size(n,R);if(Ye=He.fill(n,R),bt=He.stroke(n,R),wl)R==Ot&&Dt<=vt.prox&&(M=ut,E=wt,Y=Tt,oe=et,ne=tt,Z=Ye,W=bt);else{let Be=rt[R];Be!=null&&(Sl[R]=ut,_l[R]=wt,Pi(Be,Tt,et,tt),Ai(Be,Ye,bt),St(Be,nt(ut),nt(wt),K,A))}}}}if(wl){let R=vt.prox,de=Qt==null?Dt<=R:Dt>R||Ot!=Qt;if(st||de){let ve=rt[0];ve!=null&&(Sl[0]=M,_l[0]=E,Pi(ve,Y,oe,ne),Ai(ve,Z,W),St(ve,nt(M),nt(E),K,A))}}}if(ge.show&&zt)if(t!=null){let[_,v]=Te.scales,[b,M]=Te.match,[E,Y]=t.cursor.sync.scales,oe=t.cursor.drag;if(Le=oe._x,Ce=oe._y,Le||Ce){let{left:ne,top:Z,width:W,height:R}=t.select,de=t.scales[E].ori,ve=t.posToVal,Re,ue,ke,Xe,Ie,ft=_!=null&&b(_,E),dt=v!=null&&M(v,Y);ft&&Le?(de==0?(Re=ne,ue=W):(Re=Z,ue=R),ke=x[_],Xe=C(ve(Re,E),ke,p,0),Ie=C(ve(Re+ue,E),ke,p,0),Gl(pt(Xe,Ie),be(Ie-Xe))):Gl(0,p),dt&&Ce?(de==1?(Re=ne,ue=W):(Re=Z,ue=R),ke=x[v],Xe=I(ve(Re,Y),ke,S,0),Ie=I(ve(Re+ue,Y),ke,S,0),Il(pt(Xe,Ie),be(Ie-Xe))):Il(0,S)}else mi()}else{let _=be(is-ls),v=be(os-ns);if(T.ori==1){let Y=_;_=v,v=Y}Le=Fe.x&&_>=Fe.dist,Ce=Fe.y&&v>=Fe.dist;let b=Fe.uni;b!=null?Le&&Ce&&(Le=_>=b,Ce=v>=b,!Le&&!Ce&&(v>_?Ce=!0:Le=!0)):Fe.x&&Fe.y&&(Le||Ce)&&(Le=Ce=!0);let M,E;Le&&(T.ori==0?(M=bl,E=me):(M=Ml,E=_e),Gl(pt(M,E),be(E-M)),Ce||Il(0,S)),Ce&&(T.ori==1?(M=bl,E=me):(M=Ml,E=_e),Il(pt(M,E),be(E-M)),Le||Gl(0,p)),!Le&&!Ce&&(Gl(0,0),Il(0,0))}if(Fe._x=Le,Fe._y=Ce,t==null){if(r){if(Ss!=null){let[_,v]=Te.scales;Te.values[0]=_!=null?xt(T.ori==0?me:_e,_):null,Te.values[1]=v!=null?xt(T.ori==1?me:_e,v):null}Bl(_n,n,me,_e,K,A,f)}if(dl){let _=r&&Te.setSeries,v=vt.prox;Qt==null?Dt<=v&&kt(Ot,El,!0,_):Dt>v?kt(null,El,!0,_):Ot!=Qt&&kt(Ot,El,!0,_)}}st&&(J.idx=f,ai()),l!==!1&&Ve("setCursor")}let Ht=null;Object.defineProperty(n,"rect",{get(){return Ht==null&&Yl(!1),Ht}});function Yl(t=!1){t?Ht=null:(Ht=D.getBoundingClientRect(),Ve("syncRect",Ht))}function fs(t,l,r,f,c,p,S){V._lock||zt&&t!=null&&t.movementX==0&&t.movementY==0||(pi(t,l,r,f,c,p,S,!1,t!=null),t!=null?Xt(null,!0,!0):Xt(l,!0,!1))}function pi(t,l,r,f,c,p,S,_,v){if(Ht==null&&Yl(!1),Jt(t),t!=null)r=t.clientX-Ht.left,f=t.clientY-Ht.top;else{if(r<0||f<0){me=-10,_e=-10;return}let[b,M]=Te.scales,E=l.cursor.sync,[Y,oe]=E.values,[ne,Z]=E.scales,[W,R]=Te.match,de=l.axes[0].side%2==1,ve=T.ori==0?K:A,Re=T.ori==1?K:A,ue=de?p:c,ke=de?c:p,Xe=de?f:r,Ie=de?r:f;if(ne!=null?r=W(b,ne)?h(Y,x[b],ve,0):-10:r=ve*(Xe/ue),Z!=null?f=R(M,Z)?h(oe,x[M],Re,0):-10:f=Re*(Ie/ke),T.ori==1){let ft=r;r=f,f=ft}}v&&(l==null||l.cursor.event.type==_n)&&((r<=1||r>=K-1)&&(r=It(r,K)),(f<=1||f>=A-1)&&(f=It(f,A))),_?(ls=r,ns=f,[bl,Ml]=V.move(n,r,f)):(me=r,_e=f)}const hi={width:0,height:0,left:0,top:0};function mi(){gn(hi,!1)}let us,cs,as,ps;function hs(t,l,r,f,c,p,S){zt=!0,Le=Ce=Fe._x=Fe._y=!1,pi(t,l,r,f,c,p,S,!0,!1),t!=null&&(Ge(yn,kn,ms,!1),Bl(yi,n,bl,Ml,K,A,null));let{left:_,top:v,width:b,height:M}=ge;us=_,cs=v,as=b,ps=M}function ms(t,l,r,f,c,p,S){zt=Fe._x=Fe._y=!1,pi(t,l,r,f,c,p,S,!1,!0);let{left:_,top:v,width:b,height:M}=ge,E=b>0||M>0,Y=us!=_||cs!=v||as!=b||ps!=M;if(E&&Y&&gn(ge),Fe.setScale&&E&&Y){let oe=_,ne=b,Z=v,W=M;if(T.ori==1&&(oe=v,ne=M,Z=_,W=b),Le&&Ft(P,xt(oe,P),xt(oe+ne,P)),Ce)for(let R in x){let de=x[R];R!=P&&de.from==null&&de.min!=ce&&Ft(R,xt(Z+W,R),xt(Z,R))}mi()}else V.lock&&(V._lock=!V._lock,Xt(l,!0,t!=null));t!=null&&(hl(yn,kn),Bl(yn,n,me,_e,K,A,null))}function Gf(t,l,r,f,c,p,S){if(V._lock)return;Jt(t);let _=zt;if(zt){let v=!0,b=!0,M=10,E,Y;T.ori==0?(E=Le,Y=Ce):(E=Ce,Y=Le),E&&Y&&(v=me<=M||me>=K-M,b=_e<=M||_e>=A-M),E&&v&&(me=me<bl?0:K),Y&&b&&(_e=_e<Ml?0:A),Xt(null,!0,!0),zt=!1}me=-10,_e=-10,fe.fill(null),Xt(null,!0,!0),_&&(zt=_)}function gs(t,l,r,f,c,p,S){V._lock||(Jt(t),Jn(),mi(),t!=null&&Bl(xi,n,me,_e,K,A,null))}function ds(){H.forEach(hf),$n(n.width,n.height,!0)}Wt(Ul,nl,ds);const Pl={};Pl.mousedown=hs,Pl.mousemove=fs,Pl.mouseup=ms,Pl.dblclick=gs,Pl.setSeries=(t,l,r,f)=>{let c=Te.match[2];r=c(n,l,r),r!=-1&&kt(r,f,!0,!1)},We&&(Ge(yi,D,hs),Ge(_n,D,fs),Ge(vi,D,t=>{Jt(t),Yl(!1)}),Ge(ki,D,Gf),Ge(xi,D,gs),Kn.add(n),n.syncRect=Yl);const dn=n.hooks=e.hooks||{};function Ve(t,l,r){ri?Wl.push([t,l,r]):t in dn&&dn[t].forEach(f=>{f.call(null,n,l,r)})}(e.plugins||[]).forEach(t=>{for(let l in t.hooks)dn[l]=(dn[l]||[]).concat(t.hooks[l])});const ws=(t,l,r)=>r,Te=xe({key:null,setSeries:!1,filters:{pub:Gi,sub:Gi},scales:[P,k[1]?k[1].scale:null],match:[Ii,Ii,ws],values:[null,null]},V.sync);Te.match.length==2&&Te.match.push(ws),V.sync=Te;const Ss=Te.key,gi=Ao(Ss);function Bl(t,l,r,f,c,p,S){Te.filters.pub(t,l,r,f,c,p,S)&&gi.pub(t,l,r,f,c,p,S)}gi.sub(n);function If(t,l,r,f,c,p,S){Te.filters.sub(t,l,r,f,c,p,S)&&Pl[t](null,l,r,f,c,p,S)}n.pub=If;function Yf(){gi.unsub(n),Kn.delete(n),Ut.clear(),Mn(Ul,nl,ds),g.remove(),re?.remove(),Ve("destroy")}n.destroy=Yf;function di(){Ve("init",e,i),qo(i||e.data,!1),F[P]?fi(P,F[P]):Jn(),un=ge.show&&(ge.width>0||ge.height>0),$t=st=!0,$n(e.width,e.height)}return k.forEach(Ko),H.forEach(vf),o?o instanceof HTMLElement?(o.appendChild(g),di()):o(n,di):di(),n}Oe.assign=xe,Oe.fmtNum=Pn,Oe.rangeNum=$l,Oe.rangeLog=ql,Oe.rangeAsinh=An,Oe.orient=Bt,Oe.pxRatio=ie,Oe.join=ir,Oe.fmtDate=Vn,Oe.tzDate=gr,Oe.sync=Ao;{Oe.addGap=Jr,Oe.clipGaps=ln;let e=Oe.paths={points:Ro};e.linear=Fo,e.stepped=Xr,e.bars=ef,e.spline=lf}return Oe})();
return uPlot;
})();

// src/dom.js
function h(tag, attributes = {}, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) {
		if (typeof value === "function") element.addEventListener(name.slice(2), value);
		else attribute(element, name, value);
	}
	append(element, children);
	return element;
}
function attribute(element, name, value) {
	const text = value === true ? "true" : String(value);
	if (value === null || value === void 0 || value === false) element.removeAttribute(name);
	else if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}
function append(element, children) {
	for (const child of children) {
		if (child === null || child === void 0 || child === false) continue;
		element.append(child instanceof Node ? child : String(child));
	}
}
function fill(element, ...children) {
	element.replaceChildren();
	append(element, children);
}
function say(element, text) {
	if (element.textContent !== text) element.textContent = text;
}
function changed(before, now, names) {
	return before === null || names.some((name) => before[name] !== now[name]);
}
function context(canvas, width, height) {
	const ratio = globalThis.devicePixelRatio || 1;
	canvas.width = Math.max(1, Math.round(width * ratio));
	canvas.height = Math.max(1, Math.round(height * ratio));
	canvas.style.width = `${width}px`;
	canvas.style.height = `${height}px`;
	const drawing = canvas.getContext("2d");
	drawing?.setTransform(ratio, 0, 0, ratio, 0, 0);
	return drawing;
}
function keepKeys(event) {
	const focused = (
		/** @type {Element} */
		event.target
	);
	focused.setAttribute("data-lm-suppress-shortcuts", "true");
}

// src/numbers.js
var minus = (text) => text.replaceAll("-", "−");
function figure(value, integer = false) {
	if (Number.isNaN(value)) return "NaN";
	if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "−Inf";
	if (value === 0) return integer ? "0" : "0.000";
	if (integer && Number.isInteger(value)) return minus(value.toLocaleString("en-US"));
	const size = Math.abs(value);
	if (size >= 1e6 || size < 1e-4) return minus(value.toExponential(2));
	if (size >= 1e4) return minus(value.toLocaleString("en-US", { maximumFractionDigits: 0 }));
	return minus(value.toPrecision(4));
}
function brief(value) {
	if (!Number.isFinite(value)) return figure(value);
	const size = Math.abs(value);
	if (size !== 0 && (size >= 1e5 || size < 1e-3)) return minus(value.toExponential(1));
	return minus(String(Number(value.toPrecision(size >= 1e3 ? 5 : 3))));
}
function share(part, whole) {
	if (!whole) return "–";
	const percent = 100 * part / whole;
	if (part > 0 && percent < 0.1) return "<0.1 %";
	return `${part === 0 || part === whole ? percent : Math.min(percent, part < whole ? 99.9 : percent).toFixed(1)} %`;
}
var count = (value) => minus(value.toLocaleString("en-US"));
var plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;
function shorten(text, limit) {
	return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
}
function shortenName(text, limit) {
	const dotted = text.length > limit && /^[\w.]+$/.test(text) && text.includes(".");
	return dotted ? `…${text.slice(1 - limit)}` : shorten(text, limit);
}
var tooltip = (text) => shorten(text, 500);

// src/picked.js
function createPicked(model, names, follow) {
	const values = () => names.map((name) => model.get(name) ?? null);
	let last = JSON.stringify(values());
	let open = true;
	function heard() {
		queueMicrotask(() => {
			const now = JSON.stringify(values());
			if (!open || now === last) return;
			last = now;
			follow(values());
		});
	}
	for (const name of names) model.on(`change:${name}`, heard);
	return {
		values,
		/** Tells Python what a person has picked. @param {any[]} picked a value for each trait */
		tell(picked) {
			if (JSON.stringify(picked) === last) return;
			last = JSON.stringify(picked);
			names.forEach((name, i) => model.set(name, picked[i]));
			save(model);
		},
		close() {
			open = false;
			for (const name of names) model.off(`change:${name}`, heard);
		}
	};
}
function save(model) {
	try {
		model.save_changes();
	} catch {
	}
}

// src/unpack.js
var ARRAYS = {
	bool: Uint8Array,
	uint8: Uint8Array,
	int8: Int8Array,
	uint16: Uint16Array,
	int16: Int16Array,
	uint32: Uint32Array,
	int32: Int32Array,
	float32: Float32Array,
	float64: Float64Array
};
function unpack(value, buffers = []) {
	if (Array.isArray(value)) return value.map((entry) => unpack(entry, buffers));
	if (value === null || typeof value !== "object") return value;
	if (typeof value.dtype === "string" && Array.isArray(value.shape)) {
		const bytes = "buffer" in value ? buffers[value.buffer] : value.data;
		if (bytes !== void 0) return { shape: value.shape, data: typed(value.dtype, bytes) };
	}
	return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, unpack(entry, buffers)]));
}
function typed(dtype, bytes) {
	const own = bytes instanceof ArrayBuffer ? bytes.slice(0) : (
		/** @type {ArrayBuffer} */
		bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
	);
	if (dtype === "float16") return Float32Array.from(new Uint16Array(own), half);
	if (dtype === "int64") return Float64Array.from(new BigInt64Array(own), Number);
	if (dtype === "uint64") return Float64Array.from(new BigUint64Array(own), Number);
	const array = ARRAYS[dtype];
	if (!array) throw new TypeError(`expected an array of numbers, got dtype ${dtype}`);
	return new array(own);
}
function half(bits) {
	const sign = bits & 32768 ? -1 : 1;
	const exponent = bits >> 10 & 31;
	const fraction = bits & 1023;
	if (exponent === 31) return fraction ? NaN : sign * Infinity;
	return exponent ? sign * 2 ** (exponent - 25) * (1024 + fraction) : sign * 2 ** -24 * fraction;
}

// src/requests.js
var ENDED = "The kernel of this view was restarted, or has ended: run its cell again.";
function createRequests(model) {
	const open = new Map();
	const prefix = Math.random().toString(36).slice(2);
	let number = 0;
	function receive(message, buffers) {
		const asked = open.get(message?.id);
		if (!asked) return;
		open.delete(message.id);
		if (message.ok) asked.resolve(unpack(message.payload, buffers));
		else asked.reject(new Error(String(message.error)));
	}
	model.on("msg:custom", receive);
	function ended() {
		for (const asked of open.values()) asked.reject(new Error(ENDED));
		open.clear();
		const status = model.get("status");
		if (["busy", "waiting"].includes(status?.state)) model.set("status", { ...status, state: "error", text: ENDED, work: null });
	}
	model.on("comm_live_update", ended);
	return {
		/**
		 * No time-out: an answer may wait for the end of a running cell.
		 * @param {string} method
		 * @param {object} [params]
		 * @returns {Promise<any>}
		 */
		ask(method, params = {}) {
			const id = `${prefix}-${++number}`;
			return new Promise((resolve, reject) => {
				open.set(id, { resolve, reject });
				try {
					model.send({ id, method, params });
				} catch (error) {
					open.delete(id);
					const words = error instanceof Error ? error.message : String(error);
					reject(new Error(/cannot send/i.test(words) ? ENDED : words));
				}
			});
		},
		close() {
			model.off("msg:custom", receive);
			model.off("comm_live_update", ended);
			open.clear();
		}
	};
}

// src/store.js
function createStore(initial, derive2) {
	let state = initial;
	const listeners = new Set();
	return {
		get: () => state,
		set(patch) {
			state = derive2({ ...state, ...patch }, state);
			for (const listener of [...listeners]) listener(state);
		},
		subscribe(listener) {
			listeners.add(listener);
			return () => void listeners.delete(listener);
		}
	};
}

// src/theme.js
function isDark(colour) {
	const whole = colour.startsWith("color(") ? 1 : 255;
	const [r, g, b] = (colour.match(/(?<![\w.])[\d.]+/g) ?? [whole, whole, whole]).map(Number);
	return (0.299 * r + 0.587 * g + 0.114 * b) / whole < 0.5;
}
function paintedAround(element) {
	for (let node = (
		/** @type {any} */
		element.parentNode
	); node; node = node.parentNode ?? node.host) {
		const colour = node.nodeType === Node.ELEMENT_NODE ? getComputedStyle(node).backgroundColor : "";
		if (colour && !/^transparent$|[,/] 0\)$/.test(colour)) return colour;
	}
	return "";
}
function followTheme(root, sheet) {
	const preference = globalThis.matchMedia?.("(prefers-color-scheme: dark)");
	function apply() {
		const style = getComputedStyle(root);
		const named = ["--jp-layout-color1", "--vscode-editor-background"].some((name) => style.getPropertyValue(name).trim());
		const painted = named ? getComputedStyle(sheet).backgroundColor : paintedAround(root);
		const marked = document.documentElement.getAttribute("theme") === "dark";
		const dark = painted ? isDark(painted) : marked || Boolean(preference?.matches);
		root.dataset.theme = dark ? "dark" : "light";
	}
	const watch = new MutationObserver(apply);
	for (const element of [document.documentElement, document.body]) watch.observe(element, { attributes: true });
	preference?.addEventListener?.("change", apply);
	root.addEventListener("pointerenter", apply);
	const first = requestAnimationFrame(apply);
	apply();
	return () => {
		cancelAnimationFrame(first);
		watch.disconnect();
		preference?.removeEventListener?.("change", apply);
	};
}

// src/dynamics/marks.js
var SIGNS = {
	alert: { icon: "▲", tone: "warn", word: "alert" },
	spike: { icon: "◆", tone: "bad", word: "loss spike" },
	broken: { icon: "✕", tone: "bad", word: "no number" },
	problem: { icon: "!", tone: "bad", word: "problem" },
	pin: { icon: "◎", tone: "accent", word: "pin" },
	rate: { icon: "↕", tone: "muted", word: "rate changed" },
	back: { icon: "↩", tone: "accent", word: "went back" },
	pause: { icon: "‖", tone: "muted", word: "paused" },
	note: { icon: "✎", tone: "muted", word: "note" },
	checkpoint: { icon: "▣", tone: "muted", word: "checkpoint" },
	checks: { icon: "✓", tone: "muted", word: "checks" }
};
var TONES = { warn: "--nb-warn", bad: "--nb-bad", muted: "--nb-soft", accent: "--nb-accent" };
var signOf = (moment) => SIGNS[moment.kind] ?? SIGNS.note;
var told = (moments) => moments.filter(({ kind }) => kind !== "pause" && kind !== "pin");

// src/dynamics/measures.js
var MEANINGS = {
	index: "place in the probe batch",
	loss: "loss of the sample at this reading",
	flips: "flips: how often the likeliest class has differed from the one at the reading before",
	jitter: "jitter: how far the reading before strays from the straight line between its neighbours in time, 0 … 1; steady drift is no jitter",
	forgotten: "forgetting events: how often a right prediction has become wrong",
	margin: "margin: probability of the target less that of the likeliest other class, −1 … 1"
};
function valuesOf(reading, key) {
	if (key === "index") return null;
	return reading[key === "loss" ? "losses" : key].data;
}
function orderOf(reading, key) {
	const samples = Array.from({ length: reading?.losses.shape[0] ?? 0 }, (_, i) => i);
	const values = reading && valuesOf(reading, key);
	if (!values) return samples;
	const sign = key === "margin" ? 1 : -1;
	return samples.sort((a, b) => {
		const [x, y] = [values[a], values[b]];
		if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || a - b;
		return sign * (x - y) || a - b;
	});
}
function probabilities(probe, reading, sample) {
	const columns = reading.values.shape[1] ?? 0;
	const own = Float64Array.from(reading.values.data.subarray(sample * columns, (sample + 1) * columns));
	if (probe.task === "multilabel" || columns === 1) return own.map((value) => 1 / (1 + Math.exp(-value)));
	const most = own.reduce((a, b) => Math.max(a, b), -Infinity);
	const powers = own.map((value) => Math.exp(value - most));
	const sum = powers.reduce((a, b) => a + b, 0);
	const shares = powers.map((value) => value / sum);
	return shares.map((value) => value * kept(probe, reading, sample, shares));
}
function kept(probe, reading, sample, shares) {
	const confidence = reading.confidence.data[sample];
	const guess = columnOf(probe, reading.guesses.data[sample]);
	if (guess >= 0) return Number.isFinite(confidence) && shares[guess] > 0 ? Math.min(confidence / shares[guess], 1) : 1;
	const target = targetColumns(probe, sample)[0] ?? -1;
	const own = confidence + reading.margin.data[sample];
	return target >= 0 && Number.isFinite(own) && shares[target] > 0 ? Math.min(Math.max(own, 0) / shares[target], 1) : 1;
}
var hasClasses = ({ task }) => task === "classification" || task === "binary" || task === "multilabel";
var columnOf = (probe, index) => probe.columns.data.indexOf(index);
function targetColumns(probe, sample) {
	const { targets, task } = probe;
	if (!targets) return [];
	const width = targets.shape.length > 1 ? targets.shape.slice(1).reduce((a, b) => a * b, 1) : 1;
	if (task === "classification" || task === "binary" && width === 1) {
		const target = targets.data[sample];
		const column = columnOf(probe, target);
		return probe.columns.data.length === 1 ? target ? [0] : [] : column < 0 ? [] : [column];
	}
	const own = targets.data.subarray(sample * width, (sample + 1) * width);
	return [...own].flatMap((value, c) => value > 0.5 ? [c] : []);
}
function className(probe, index) {
	if (probe.columns.data.length !== 1) return probe.classes[columnOf(probe, index)] ?? String(index);
	if (probe.classes.length === 1) return index ? probe.classes[0] : `not ${probe.classes[0]}`;
	return probe.classes[index] ?? String(index);
}
var columnName = (probe, column) => probe.columns.data.length === 1 && probe.classes.length === 2 ? probe.classes[1] : probe.classes[column] ?? String(probe.columns.data[column] ?? column);
function targetText(probe, sample) {
	const text = probe.batch.labels?.text[sample];
	if (text !== void 0) return text;
	const target = probe.targets && probe.targets.shape.length === 1 ? probe.targets.data[sample] : null;
	return target === null ? "" : hasClasses(probe) ? className(probe, target) : String(target);
}
function guessText(probe, reading, sample) {
	if (probe.task === "multilabel") {
		const on = [...probabilities(probe, reading, sample)].flatMap((p, c) => p > 0.5 ? [columnName(probe, c)] : []);
		return on.length ? on.join(", ") : "none";
	}
	if (probe.task === "regression") return [...rowOf(reading.values, sample)].map((value) => String(Number(value.toPrecision(3)))).join(", ");
	if (reading.guesses.shape.length !== 1) return "";
	const guess = reading.guesses.data[sample];
	return guess < 0 ? "no number" : className(probe, guess);
}
function rowOf({ shape: shape3, data }, row) {
	const width = shape3.slice(1).reduce((a, b) => a * b, 1);
	return data.subarray(row * width, (row + 1) * width);
}
function changes(from, to) {
	const found = Array.from({ length: Math.min(from.losses.shape[0], to.losses.shape[0]) }, (_, sample) => {
		const moved = to.losses.data[sample] - from.losses.data[sample];
		const [a, b] = [rowOf(from.guesses, sample), rowOf(to.guesses, sample)];
		return { sample, moved: Number.isNaN(moved) ? 0 : moved, changed: a.some((guess, i) => guess !== b[i]) };
	});
	return found.sort((a, b) => Number(b.changed) - Number(a.changed) || Math.abs(b.moved) - Math.abs(a.moved) || a.sample - b.sample);
}

// src/dynamics/state.js
var INITIAL = {
	record: null,
	status: { state: "idle", text: "", stale: null, live: "unknown", liveText: "", step: 0, rates: [], canPause: false, whyNot: "", following: null, background: false, journal: false },
	probe: 0,
	at: null,
	playing: false,
	pinned: [],
	sample: null,
	tab: "predictions",
	sort: "index",
	spike: null,
	log: false,
	smoothing: 0,
	pending: [],
	failure: null,
	said: "",
	reading: null,
	readings: [],
	order: []
};
var TABS = {
	classification: ["predictions", "paths", "confusion"],
	binary: ["predictions", "confusion"],
	multilabel: ["predictions", "paths"],
	regression: ["predictions", "paths", "residuals"],
	segmentation: ["predictions"],
	"language-model": ["predictions"],
	other: ["predictions"]
};
function tabsOf({ record, probe, pinned }) {
	const task = record?.probes[probe]?.task ?? "other";
	return [...TABS[task] ?? TABS.other, ...pinned.length === 2 ? (
		/** @type {Tab[]} */
		["compare"]
	) : [], ...record?.spikes.length ? (
		/** @type {Tab[]} */
		["spikes"]
	) : []];
}
function nearest(readings, step) {
	let [low, high] = [0, readings.length - 1];
	while (low < high) {
		const middle = low + high >> 1;
		if (readings[middle].step < step) low = middle + 1;
		else high = middle;
	}
	if (low > 0 && step - readings[low - 1].step < readings[low].step - step) return low - 1;
	return Math.max(low, 0);
}
function choicesOf({ probe, pinned, sample, tab, sort, spike, log, smoothing, at, reading }) {
	return { choices: { probe, pinned, sample, tab, sort, spike, log, smoothing }, step: at === null ? null : reading?.step ?? null };
}
function choose(store, { choices, step }) {
	store.set(choices);
	if (step !== null) store.set({ at: nearest(store.get().readings, step) });
}
function derive(state, before) {
	const next = { ...state };
	const { record } = next;
	next.probe = Math.min(next.probe, Math.max((record?.probes.length ?? 1) - 1, 0));
	next.readings = record?.readings[next.probe] ?? [];
	const last = next.readings.length - 1;
	if (next.readings !== before.readings && next.at !== null && before.reading) next.at = nearest(next.readings, before.reading.step);
	if (next.at !== null) next.at = last < 0 ? null : Math.min(Math.max(next.at, 0), last);
	next.reading = next.readings[next.at ?? last] ?? null;
	const samples = next.reading?.losses.shape[0] ?? 0;
	if (next.sample !== null && next.sample >= samples) next.sample = null;
	const tabs = tabsOf(next);
	if (!tabs.includes(next.tab)) next.tab = tabs[0];
	if (next.spike !== null && next.spike >= (record?.spikes.length ?? 0)) next.spike = null;
	if (next.reading !== before.reading || next.sort !== before.sort) {
		const order = orderOf(next.reading, next.sort);
		const same = order.length === before.order.length && order.every((sample, i) => sample === before.order[i]);
		next.order = same ? before.order : order;
	}
	return next;
}

// src/dynamics/around.js
var MOST = 100;
var views = 0;
function createAround(store) {
	let zoomed = null;
	const plots = new Set();
	return {
		key: `nbinspect-${views++}`,
		plots,
		span() {
			const { record } = store.get();
			const last = (record?.traces ?? []).reduce((most, trace) => Math.max(most, trace.step.data.at(-1) ?? 0), record?.steps ?? 0);
			return zoomed ?? [0, Math.max(last, 1)];
		},
		isZoomed: () => zoomed !== null,
		zoom(span2) {
			zoomed = span2 && span2[1] - span2[0] >= 2 ? [Math.max(span2[0], 0), span2[1]] : null;
			for (const plot of plots) plot.redraw(true);
			store.set({});
		},
		choose(step) {
			const { readings } = store.get();
			if (readings.length) store.set({ at: nearest(readings, step), playing: false });
		},
		at: () => store.get().at === null ? null : store.get().reading?.step ?? null,
		moments: () => told(store.get().record?.moments ?? []).slice(-MOST)
	};
}

// src/forward/controls.js
function button(text, act, attributes = {}, ...after) {
	const click = (event) => {
		if (
			/** @type {Element} */
			event.currentTarget.getAttribute("aria-disabled") !== "true"
		) act();
	};
	return h("button", { type: "button", ...attributes, onclick: click }, text, ...after);
}
function enable(element, { reason = "", busy = false, title = "" }) {
	attribute(element, "aria-disabled", reason || busy ? "true" : null);
	attribute(element, "aria-busy", busy ? "true" : null);
	attribute(element, "title", tooltip(reason ? `Not now: ${reason}` : busy ? "asked; the answer is on its way" : title) || null);
	attribute(element, "aria-description", reason || null);
}
function choice(name, act) {
	const select = h("select", { "aria-label": name, onchange: () => act(select.value) });
	const element = h("span", { class: "nf-control" }, h("span", { "aria-hidden": true }, name), select);
	let written = "";
	return {
		element,
		select,
		/** @param {[string, string][]} options value and text @param {string} value */
		show(options, value) {
			const key = JSON.stringify(options);
			if (key !== written) select.replaceChildren(...options.map(([own, text]) => h("option", { value: own }, text)));
			written = key;
			select.value = value;
		}
	};
}
function spin(name, act, attributes = {}) {
	const input = h("input", { type: "number", "aria-label": name, class: "nf-number", min: 0, step: 1, ...attributes });
	input.addEventListener("change", () => {
		const value = Number(input.value);
		const most = input.max === "" ? Infinity : Number(input.max);
		if (input.value !== "" && Number.isFinite(value)) act(Math.min(Math.max(value, Number(input.min || -Infinity)), most));
	});
	return input;
}
var activeIn = (element) => (
	/** @type {Document | ShadowRoot} */
	element.getRootNode().activeElement
);

// src/dynamics/lines.js
function smooth(values, weight) {
	const out = Float64Array.from(values);
	if (!weight) return out;
	let [mean, share2] = [0, 0];
	for (let i = 0; i < out.length; i++) {
		if (!Number.isFinite(out[i])) continue;
		mean = weight * mean + (1 - weight) * out[i];
		share2 = weight * share2 + (1 - weight);
		out[i] = mean / share2;
	}
	return out;
}
function steps(traces) {
	const first = traces[0]?.step.data;
	if (first && traces.every((trace) => alike(trace.step.data, first))) return Float64Array.from(first);
	const all = new Float64Array(traces.reduce((sum, trace) => sum + trace.step.data.length, 0));
	let end = 0;
	for (const trace of traces) {
		all.set(
			/** @type {ArrayLike<number>} */
			trace.step.data,
			end
		);
		end += trace.step.data.length;
	}
	all.sort();
	return all.filter((step, i) => i === 0 || step !== all[i - 1]);
}
function alike(a, b) {
	if (a === b) return true;
	if (a.length !== b.length) return false;
	for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
	return true;
}
function place(x, at, values, log) {
	const row = new Array(x.length).fill(void 0);
	for (let i = 0, j = 0; i < at.length; i++) {
		while (j < x.length && x[j] < at[i]) j++;
		if (j < x.length) row[j] = Number.isFinite(values[i]) && (!log || values[i] > 0) ? values[i] : null;
	}
	return row;
}
function held(trace, until) {
	const { step, low, mean, high, broken } = trace;
	const longer = (array, value) => ({ shape: [array.data.length + 1], data: [...array.data, value] });
	const last = step.data.length - 1;
	if (last < 0 || step.data[last] >= until) return trace;
	return (
		/** @type {any} */
		{ ...trace, step: longer(step, until), low: longer(low, low.data[last]), mean: longer(mean, mean.data[last]), high: longer(high, high.data[last]), broken: longer(broken, 0) }
	);
}
function isThinned({ low, high }) {
	for (let i = 0; i < low.data.length; i++) if (high.data[i] > low.data[i]) return true;
	return false;
}
function brokenStretches({ step, broken }) {
	const found = [];
	for (let i = 0; i < broken.data.length; i++) {
		if (!broken.data[i]) continue;
		const before = found.at(-1);
		if (before && i > 0 && broken.data[i - 1]) before[1] = step.data[i];
		else found.push([step.data[i], step.data[i]]);
	}
	return found;
}
function reach(low, high, { log, zero = false }) {
	if (low === null || high === null || !Number.isFinite(low) || !Number.isFinite(high)) return log ? [0.1, 1] : [0, 1];
	if (log) return [toDigit(low * 0.95, Math.floor), toDigit(high * 1.05, Math.ceil)];
	const from = zero ? Math.min(low, 0) : low;
	const width = high - from || Math.abs(high) || 1;
	return [zero && from === 0 ? 0 : from - 0.06 * width, high + 0.06 * width];
}
function logTicks(splits, room) {
	const power = (value) => Math.round(Math.log10(value));
	const first = (value) => Math.round(value / 10 ** Math.floor(Math.log10(value) + 1e-6));
	const whole = splits.filter((split) => first(split) === 1).length;
	if (whole < 2) return splits.map((split) => splits.length <= room || [1, 2, 5].includes(first(split)) ? split : null);
	const every = Math.ceil(whole / Math.max(room, 2));
	return splits.map((split) => first(split) === 1 && power(split) % every === 0 ? split : null);
}
function toDigit(value, round) {
	const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-30)));
	return Math.max(round(value / power), 1) * power;
}

// src/dynamics/plot.js
function createPlot(title, height, around) {
	const keys = h("span", { class: "nd-keys" });
	const place2 = h("div", { class: "nd-plot", role: "img", title: "click: move the scrubber here; drag: zoom; double click: all" });
	const caption = h("figcaption", {}, h("span", { class: "nd-charttitle" }, title), keys);
	const element = h("figure", { class: "nd-chart" }, caption, place2);
	const here = h("span", { class: "nd-here", hidden: true, "aria-hidden": true });
	const drawable = h("canvas").getContext("2d") !== null;
	let plot = null;
	let shown = null;
	let form = "";
	let values = [];
	const colour = (name) => getComputedStyle(element).getPropertyValue(name).trim() || "#808080";
	const font = () => `11px ${colour("--nb-mono")}`;
	function options({ lines, log, zero, stepped, guide }) {
		const series = [{}];
		const paths = stepped ? uPlot.paths.stepped?.({ align: 1 }) : void 0;
		const bands = [];
		for (const line of lines) {
			const own2 = `--nd-${line.colour % 8}`;
			if (line.low && line.high) {
				const edge = { stroke: "transparent", paths, points: { show: false } };
				series.push(edge, { ...edge });
				bands.push({ series: [series.length - 2, series.length - 1], fill: () => faded(colour(own2), 22) });
			}
			if (line.faint) series.push({ stroke: () => faded(colour(own2), 35), width: 1, paths, points: { show: false } });
			series.push({ stroke: () => colour(own2), width: 1.6, dash: line.dash, paths, points: { show: lone(line.row), size: 5 } });
		}
		const kept2 = (_, splits) => log ? logTicks(splits, (height - 30) / 20) : splits;
		const axis = { stroke: () => colour("--nb-soft"), font: font(), ticks: { show: false } };
		return {
			width: Math.max(place2.clientWidth, 120),
			height,
			series,
			bands,
			padding: [8, 18, 0, 0],
			legend: { show: false },
			scales: { x: { time: false, range: () => around.span() }, y: { distr: log ? 3 : 1, range: (_, low, high) => reach(low, high, { log, zero }) } },
			axes: [
				{ ...axis, size: 22, gap: 2, space: 70, grid: { show: false }, values: (_, ticks) => ticks.map((tick) => Number.isInteger(tick) ? count(tick) : "") },
				{ ...axis, size: 48, gap: 4, space: 26, filter: kept2, grid: { stroke: () => colour("--nb-rule"), width: 1, filter: kept2 }, values: (_, ticks) => ticks.map((tick) => tickText(tick, log)) }
			],
			cursor: { y: false, points: { show: false }, sync: { key: around.key, scales: ["x", null] }, drag: { x: true, y: false, setScale: false } },
			hooks: { drawClear: [(u) => paintBelow(u, guide)], draw: [paintAbove], setCursor: [readOut], setSelect: [chosen] }
		};
	}
	function paintBelow(u, guide) {
		const { ctx, bbox } = u;
		ctx.save();
		ctx.font = scaled(10);
		for (const [from, to] of shown?.broken ?? []) {
			const [left, right] = [u.valToPos(from, "x", true), u.valToPos(to, "x", true)];
			const wide = Math.max(right - left, 3);
			ctx.fillStyle = faded(colour("--nb-bad"), 22);
			ctx.fillRect(left, bbox.top, wide, bbox.height);
			ctx.fillStyle = colour("--nb-bad");
			ctx.fillText("NaN", Math.min(left + 2, bbox.left + bbox.width - 26 * uPlot.pxRatio), bbox.top + bbox.height - 4);
		}
		if (guide !== void 0) {
			ctx.strokeStyle = colour("--nb-soft");
			ctx.setLineDash([2, 4]);
			stroke(u, bbox.left, u.valToPos(guide, "y", true), bbox.left + bbox.width, u.valToPos(guide, "y", true));
		}
		ctx.restore();
	}
	function paintAbove(u) {
		const { ctx, bbox } = u;
		const [from, to] = around.span();
		ctx.save();
		ctx.font = scaled(11);
		ctx.textAlign = "center";
		for (const moment of around.moments()) {
			if (moment.step < from || moment.step > to) continue;
			const { icon, tone } = signOf(moment);
			const x = u.valToPos(moment.step, "x", true);
			ctx.strokeStyle = ctx.fillStyle = colour(TONES[tone]);
			ctx.setLineDash([4, 4]);
			stroke(u, x, bbox.top + 4 * uPlot.pxRatio, x, bbox.top + bbox.height);
			ctx.fillText(icon, x, bbox.top + 5 * uPlot.pxRatio);
		}
		ctx.fillStyle = colour("--nb-soft");
		ctx.setLineDash([]);
		for (const step of shown?.flips ?? []) ctx.fillText("▴", u.valToPos(step, "x", true), bbox.top + bbox.height - 1);
		const at = around.at();
		if (at !== null && at >= from && at <= to) {
			ctx.strokeStyle = colour("--nb-accent");
			stroke(u, u.valToPos(at, "x", true), bbox.top, u.valToPos(at, "x", true), bbox.top + bbox.height);
		}
		ctx.restore();
	}
	const scaled = (size) => `${size * uPlot.pxRatio}px ${colour("--nb-mono")}`;
	function chosen(u) {
		const { left, width } = u.select;
		if (width < 4) return;
		around.zoom([u.posToVal(left, "x"), u.posToVal(left + width, "x")]);
		u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
	}
	function readOut(u) {
		const at = u.cursor.idx;
		here.hidden = at === null || at === void 0;
		if (at !== null && at !== void 0) {
			const left = u.valToPos(u.data[0][at], "x");
			say(here, count(u.data[0][at]));
			here.style.left = `${left}px`;
		}
		writeValues(at ?? null);
	}
	function writeValues(cursor) {
		if (!shown) return;
		const { x, lines } = shown;
		const step = around.at();
		const at = cursor ?? (step === null ? x.length - 1 : x.findLastIndex((one) => one <= step));
		lines.forEach(({ row, said = row }, i) => {
			let place3 = at;
			while (place3 > 0 && said[place3] === void 0) place3--;
			const value = said[place3];
			say(values[i], value === void 0 || value === null ? "–" : brief(value));
		});
	}
	function build() {
		plot?.destroy();
		plot = null;
		if (!drawable || !shown || !place2.isConnected || place2.clientWidth === 0) return;
		plot = new uPlot(options(shown), dataOf(shown), place2);
		const made = plot;
		plot.over.append(here);
		plot.over.addEventListener("click", () => {
			const left = made.cursor.left ?? -1;
			if (left >= 0) around.choose(made.posToVal(left, "x"));
		});
		plot.over.addEventListener("dblclick", () => around.zoom(null));
	}
	const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => {
		if (place2.clientWidth === 0) return;
		if (plot) plot.setSize({ width: place2.clientWidth, height });
		else build();
	});
	watch?.observe(place2);
	const own = {
		element,
		caption,
		/** @param {Picture} picture */
		show(picture) {
			shown = picture;
			const now = JSON.stringify([picture.log, picture.zero, picture.stepped, picture.lines.map((line) => [line.name, line.colour, line.dash, Boolean(line.faint), Boolean(line.low), lone(line.row)])]);
			if (now !== form) {
				form = now;
				writeKeys(picture);
				build();
			} else if (plot) plot.setData(dataOf(picture));
			else build();
			attribute(place2, "aria-label", shorten(`${title} over steps; last: ${picture.lines.map(({ name, row }) => `${name} ${lastOf(row)}`).join(", ")}${picture.broken.length ? "; with NaN" : ""}`, 600));
			writeValues(plot?.cursor.idx ?? null);
		},
		/** Draws again what is not in the lines: marks, colours, the steps in sight. @param {boolean} [spanned] whether those changed */
		redraw(spanned = false) {
			if (spanned && plot) plot.setScale("x", { min: around.span()[0], max: around.span()[1] });
			else plot?.redraw(false);
			writeValues(plot?.cursor.idx ?? null);
		},
		destroy() {
			around.plots.delete(own);
			watch?.disconnect();
			plot?.destroy();
		}
	};
	around.plots.add(own);
	return own;
	function writeKeys({ lines }) {
		values = lines.map(() => h("span", { class: "nd-value" }));
		const alone = lines.length === 1 && (lines[0].name === "" || lines[0].name === title.toLowerCase());
		const own2 = lines.map((line, i) => {
			const sample = h("span", { class: "nd-stroke", "data-colour": line.colour % 8, "data-dash": line.dash ? line.dash[0] < 3 ? "dots" : "dashes" : null, "aria-hidden": true });
			return h("span", { class: "nd-key", title: tooltip(line.name) }, alone ? null : sample, alone ? "" : shortenName(line.name || "all", 28), values[i]);
		});
		fill(keys, ...own2);
	}
}
var lastOf = (row) => {
	const value = row.findLast((one) => one !== void 0);
	return value === null || value === void 0 ? "none" : brief(value);
};
var lone = (row) => {
	let points = 0;
	for (const value of row) if (typeof value === "number" && ++points > 2) return false;
	return true;
};
var dataOf = ({ x, lines }) => [
	/** @type {any} */
	x,
	...lines.flatMap(({ row, faint, low, high }) => [...low && high ? [high, low] : [], ...faint ? [faint] : [], row])
];
function stroke({ ctx }, x0, y0, x1, y1) {
	ctx.lineWidth = uPlot.pxRatio;
	ctx.beginPath();
	ctx.moveTo(x0, y0);
	ctx.lineTo(x1, y1);
	ctx.stroke();
}
var faded = (colour, percent) => `color-mix(in srgb, ${colour} ${percent}%, transparent)`;
function tickText(tick, log) {
	if (tick === null) return "";
	const size = Math.abs(tick);
	if (size !== 0 && (size < 0.01 || size >= 1e5)) return tick.toExponential(log ? 0 : 1).replace("e+", "e").replaceAll("-", "−").replace(".0e", "e");
	return String(Number(tick.toPrecision(4))).replace("-", "−");
}

// src/dynamics/charts.js
var FIRST = [
	{ title: "Loss", names: ["loss", "validation loss", "probe loss"], height: 160, hint: "training loss of each step; validation over the whole validation set", words: { loss: "train", "validation loss": "validation", "probe loss": "probe" } },
	{ title: "Jitter of predictions on the probe batch", names: ["jitter"], height: 112, zero: true, hint: "how far the reading before strays from the straight line between its neighbours in time; steady drift is no jitter", words: { jitter: "first probe" } },
	{ title: "Update ÷ weight, per layer", names: ["update ratio"], height: 130, log: true, guide: 1e-3, hint: "norm of the change of a layer's parameters in one step over the norm of the parameters before; about 1e-3 is usual (dotted)" },
	{ title: "Accuracy", names: ["validation accuracy", "probe accuracy"], height: 118, hint: "share of samples whose likeliest class is right", words: { "validation accuracy": "validation", "probe accuracy": "probe" } },
	{ title: "Learning rate", names: ["rate"], height: 110, log: true, stepped: true, hint: "of each parameter group" },
	{ title: "Gradient norm", names: ["gradient norm"], height: 118, log: true, hint: "of all parameters together, or of each layer" }
];
var LATER = ["weight norm", "samples per second"];
var KNOWN = new Set([...FIRST.flatMap((chart) => chart.names), ...LATER]);
var PAGE = 8;
var DASHES = [void 0, [7, 4], [2, 3]];
function createCharts(store, around) {
	const entries = new Map();
	let before = null;
	const log = button("log", () => store.set({ log: !store.get().log }), { class: "nd-small", "aria-pressed": "false", title: "draw the loss on a logarithmic scale" });
	const slider = h("input", { type: "range", min: 0, max: 0.99, step: 0.01, "aria-label": "Smoothing", title: "weight of the past in the running mean; what was measured stays faint behind", oninput: () => store.set({ smoothing: Number(slider.value) }) });
	const whole = button("all steps", () => around.zoom(null), { class: "nd-small", hidden: true });
	const tools = h("div", { class: "nd-charttools", role: "group", "aria-label": "How lines are drawn" }, h("label", { class: "nd-soft" }, "smooth ", slider), log, whole);
	const first = h("div", { class: "nd-charts" });
	const later = h("div", { class: "nd-charts" });
	const more = h("details", { class: "nd-more", hidden: true, ontoggle: () => before && draw(before, true) }, h("summary", {}, "More"), later);
	const empty = h("p", { class: "nd-soft nd-none" }, "Nothing has been measured yet.");
	const element = h("section", { class: "nd-measured", "aria-label": "Measurements over steps", tabindex: -1 }, tools, empty, first, more);
	function createEntry(chart) {
		const plot = createPlot(chart.title, chart.height, around);
		attribute(plot.caption, "title", chart.hint);
		const page = button("", () => {
			entry.from += PAGE;
			if (before) draw(before, true);
		}, { class: "nd-small" });
		plot.caption.append(page);
		const entry = { plot, page, from: 0 };
		return entry;
	}
	function drawChart(chart, all, state, into) {
		const traces = all.filter((trace) => chart.names.includes(trace.name) && trace.step.data.length > 0);
		traces.sort((a, b) => chart.names.indexOf(a.name) - chart.names.indexOf(b.name));
		const found = entries.get(chart.names[0]) ?? (traces.length ? createEntry(chart) : null);
		if (!found) return;
		entries.set(chart.names[0], found);
		found.plot.element.hidden = traces.length === 0;
		if (!found.plot.element.isConnected) into.append(found.plot.element);
		if (found.from >= traces.length) found.from = 0;
		const shown = traces.slice(found.from, found.from + PAGE).map((trace) => chart.stepped ? held(trace, state.record?.steps ?? 0) : trace);
		found.page.hidden = traces.length <= PAGE;
		say(found.page, `${found.from + 1}–${found.from + shown.length} of ${traces.length} ▸`);
		found.plot.show(pictureOf(chart, shown, state));
	}
	function draw(state, all) {
		const traces = state.record?.traces ?? [];
		for (const chart of FIRST) drawChart(chart, traces, state, first);
		const names = [...LATER, ...new Set(traces.map((trace) => trace.name))].filter((name, i, list) => list.indexOf(name) === i && (LATER.includes(name) || !KNOWN.has(name)) && traces.some((trace) => trace.name === name));
		more.hidden = names.length === 0;
		if (more.open && all) for (const name of names) drawChart({ title: titleOf(name), names: [name], height: 110, hint: name }, traces, state, later);
	}
	return {
		element,
		update(state) {
			const measured = changed(before, state, ["log", "smoothing"]) || before?.record?.traces !== state.record?.traces;
			const marked = changed(before, state, ["at", "reading"]) || before?.record?.moments !== state.record?.moments;
			before = state;
			whole.hidden = !around.isZoomed();
			empty.hidden = Boolean(state.record?.traces.length);
			tools.hidden = !empty.hidden;
			attribute(log, "aria-pressed", String(state.log));
			if (Number(slider.value) !== state.smoothing) slider.value = String(state.smoothing);
			if (measured) draw(state, true);
			if (marked) for (const plot of around.plots) plot.redraw();
		},
		restyle() {
			for (const plot of around.plots) plot.redraw();
		},
		destroy() {
			for (const entry of entries.values()) entry.plot.destroy();
		}
	};
}
function pictureOf(chart, traces, state) {
	const x = steps(traces);
	const log = chart.names[0] === "loss" ? state.log : chart.log === true;
	const weight = chart.stepped ? 0 : state.smoothing;
	const lines = traces.map((trace, i) => {
		const at = trace.step.data;
		const row = (values) => place(x, at, values, log);
		const mean = smooth(trace.mean.data, weight);
		const thin = isThinned(trace);
		return {
			name: nameOf(chart, trace, traces),
			row: row(mean),
			said: log ? place(x, at, mean, false) : void 0,
			colour: i,
			dash: dashOf(chart, trace, i),
			faint: weight && !thin ? row(trace.mean.data) : null,
			low: thin ? row(trace.low.data) : null,
			high: thin ? row(trace.high.data) : null
		};
	});
	return { x, lines, log, zero: chart.zero, stepped: chart.stepped, guide: chart.guide, broken: traces.flatMap(brokenStretches) };
}
function dashOf(chart, trace, i) {
	if (trace.name.startsWith("validation")) return [6, 4];
	if (chart.names.length > 1) return trace.part ? [8, 3, 2, 3] : trace.name.startsWith("probe") ? [2, 3] : void 0;
	return DASHES[Math.floor(i / 3) % DASHES.length];
}
function nameOf(chart, trace, all) {
	const word = chart.words?.[trace.name] ?? (chart.names.length > 1 ? trace.name : "");
	const several = all.filter((other) => other.name === trace.name).length > 1;
	if (chart.names.length > 1) return trace.part && several ? `${word} ${trace.part}` : word;
	return trace.part || (several ? word : "");
}
var titleOf = (name) => name.charAt(0).toUpperCase() + name.slice(1);

// src/dynamics/fold.js
var COLUMNS = (
	/** @type {const} */
	["step", "low", "mean", "high", "broken"]
);
function createColumn(from) {
	let held2 = Float64Array.from(from.data);
	let length = held2.length;
	return {
		/** @param {NdArray} more */
		append({ data }) {
			if (length + data.length > held2.length) {
				const wider = new Float64Array(2 * (length + data.length));
				wider.set(held2.subarray(0, length));
				held2 = wider;
			}
			held2.set(data, length);
			length += data.length;
		},
		/** @returns {NdArray} a view of what is there now */
		view: () => ({ shape: [length], data: held2.subarray(0, length) })
	};
}
var keyOf = (trace) => JSON.stringify([trace.name, trace.part]);
function createFold() {
	let columns = new Map();
	let record = null;
	let serial = -Infinity;
	const start = (trace) => void columns.set(keyOf(trace), Object.fromEntries(COLUMNS.map((name) => [name, createColumn(trace[name])])));
	function appendTraces(before, fresh) {
		const all = [...before];
		for (const trace of fresh) {
			const at = all.findIndex((one) => one.name === trace.name && one.part === trace.part);
			if (at < 0) {
				start(trace);
				all.push(trace);
				continue;
			}
			const own = (
				/** @type {Record<string, ReturnType<typeof createColumn>>} */
				columns.get(keyOf(trace))
			);
			for (const name of COLUMNS) own[name].append(trace[name]);
			all[at] = { ...all[at], ...Object.fromEntries(COLUMNS.map((name) => [name, own[name].view()])) };
		}
		return all;
	}
	return {
		/**
		 * @param {{ serial: number, record: DynamicsRecord } | null} whole
		 * @returns {DynamicsRecord | null}
		 */
		replace(whole) {
			columns = new Map();
			record = whole?.record ?? null;
			serial = whole?.serial ?? -Infinity;
			for (const trace of record?.traces ?? []) start(trace);
			return record;
		},
		/**
		 * @param {{ serial: number, record: DynamicsRecord } | null} news
		 * @returns {DynamicsRecord | null} the same object where the news are in it already
		 */
		append(news) {
			if (!news || news.serial <= serial) return record;
			serial = news.serial;
			const fresh = news.record;
			const before = record ?? { ...fresh, probes: [], readings: [], traces: [], moments: [], spikes: [], pins: [], notes: [] };
			const probes = fresh.probes.length ? fresh.probes : before.probes;
			const many = Math.max(before.readings.length, fresh.readings.length);
			record = {
				...fresh,
				probes,
				readings: Array.from({ length: many }, (_, i) => joined(before.readings[i] ?? [], fresh.readings[i] ?? [])),
				traces: appendTraces(before.traces, fresh.traces),
				moments: joined(before.moments, fresh.moments),
				spikes: joined(before.spikes, fresh.spikes),
				notes: fresh.notes.length ? fresh.notes : before.notes
			};
			return record;
		}
	};
}
var joined = (before, fresh) => fresh.length ? [...before, ...fresh] : before;

// src/sanity/menu.js
function createMenu(text, name, attributes = {}) {
	const opener = button(`${text} ▾`, () => open(menu.hidden !== false), { "aria-haspopup": "menu", "aria-expanded": "false" });
	const menu = h("div", { role: "menu", "aria-label": name, ...attributes, class: `ns-menu ${attributes.class ?? ""}`, hidden: true });
	const element = h("span", { class: "ns-popover" }, opener, menu);
	const outside = (event) => {
		if (!menu.hidden && !event.composedPath().includes(element)) open(false);
	};
	document.addEventListener("pointerdown", outside);
	menu.addEventListener("keydown", moved);
	opener.addEventListener("keydown", (event) => {
		if (event.key !== "ArrowDown" || opener.getAttribute("aria-disabled") === "true") return;
		event.preventDefault();
		open(true);
	});
	let written = "";
	function open(shown) {
		menu.hidden = !shown;
		attribute(opener, "aria-expanded", String(shown));
		if (shown) items()[0]?.focus();
	}
	const items = () => (
		/** @type {HTMLElement[]} */
		[...menu.children]
	);
	function moved(event) {
		const all = items();
		const now = all.indexOf(
			/** @type {HTMLElement} */
			activeIn(menu)
		);
		const next = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: -1 }[event.key];
		if (next !== void 0) all.at(next % all.length)?.focus();
		else if (event.key === "Escape") {
			open(false);
			opener.focus();
		} else if (event.key === "Tab") {
			open(false);
			return;
		} else return;
		event.preventDefault();
		event.stopPropagation();
	}
	return {
		element,
		/** @param {Item[]} wanted @param {{ reason?: string, title?: string }} now */
		show(wanted, now) {
			enable(opener, now);
			if (now.reason && !menu.hidden) open(false);
			const key = JSON.stringify(wanted);
			if (key === written) return;
			written = key;
			fill(menu, ...wanted.map(({ text: own, hint = "", act }) => h("button", { type: "button", role: "menuitem", tabindex: -1, onclick: () => (open(false), opener.focus(), act()) }, h("span", {}, own), hint && h("span", { class: "ns-soft" }, hint))));
		},
		/** @param {string} now */
		name: (now) => say(opener, now),
		destroy: () => document.removeEventListener("pointerdown", outside)
	};
}

// src/dynamics/popover.js
function createPopover(text, name, ...children) {
	const opener = button(text, () => open(form.hidden !== false), { "aria-haspopup": "dialog", "aria-expanded": "false", "aria-label": name, title: name });
	const form = h("div", { role: "dialog", "aria-label": name, class: "nd-form", hidden: true }, ...children);
	const element = h("span", { class: "ns-popover" }, opener, form);
	const outside = (event) => {
		if (!form.hidden && !event.composedPath().includes(element)) open(false);
	};
	document.addEventListener("pointerdown", outside);
	element.addEventListener("keydown", (event) => {
		if (event.key !== "Escape" || form.hidden) return;
		open(false);
		opener.focus();
		event.stopPropagation();
	});
	function open(shown) {
		form.hidden = !shown;
		attribute(opener, "aria-expanded", String(shown));
		if (shown) form.querySelector("input, button")?.focus();
	}
	return { element, destroy: () => document.removeEventListener("pointerdown", outside) };
}

// src/dynamics/reasons.js
var isUnderWay = ({ status }) => status.state === "running" || status.state === "paused";
var hasBegun = (state) => isUnderWay(state) || state.status.step > 0 || Boolean(state.record?.steps);
var STILL = { idle: "no run is under way", stopped: "the run was stopped", ended: "the run has ended", error: "the run ended with an error" };
var LATER2 = new Set(["rate", "pin", "back", "checks", "checkpoint", "note"]);
function reasonAgainst(state, control) {
	const { status, record } = state;
	if (status.state === "closed") return status.text || "this view is closed";
	if (status.following) return `this view follows ${status.following}: the run is controlled where it trains`;
	if (control === "note" && !status.journal) return "no journal is kept";
	if (control === "back" && !record?.pins.length) return "no state is kept to go back to";
	if (control === "rate" && !status.rates.length) return "no optimizer has been seen yet";
	if (!hasBegun(state)) return "no run has begun";
	if (!isUnderWay(state)) return LATER2.has(control) ? "" : STILL[status.state] ?? STILL.idle;
	if (status.live === "off") return status.liveText || "clicks wait for the end of the cell";
	if ((control === "pause" || control === "advance") && !status.canPause) return status.whyNot || "this run cannot be paused";
	return "";
}
function liveWords(state) {
	const { status } = state;
	const hint = status.liveText;
	if (status.following) return { icon: status.state === "running" ? "●" : "■", text: status.text || `following ${status.following}`, tone: status.state === "running" ? "ok" : "muted", hint: `${status.following}: ${hint}` };
	if (status.state === "paused") return { icon: "‖", text: "paused", tone: "warn", hint: status.text };
	if (status.state !== "running") return { icon: "■", text: { idle: hasBegun(state) ? "at rest" : "no run yet", stopped: "stopped", ended: "run ended", error: "failed", closed: "closed" }[status.state] ?? status.state, tone: status.state === "error" ? "warn" : "muted", hint: status.text };
	if (status.live === "on") return { icon: "●", text: "live control on", tone: "ok", hint };
	if (status.live === "off") return { icon: "○", text: "live control off", tone: "warn", hint };
	return { icon: "◌", text: "trying live control …", tone: "muted", hint };
}

// src/dynamics/header.js
var MOST_PINS = 12;
var ASKED = { pause: "pausing …", resume: "resuming …", advance: "stepping …", stop: "stopping …", rate: "changing the rate …", pin: "pinning …", back: "going back …", checks: "running checks …", checkpoint: "saving …", note: "noting …" };
function createHeader(store, ask) {
	const paused = () => store.get().status.state === "paused";
	const pause = button("❚❚ Pause", () => void ask(paused() ? "resume" : "pause"), { class: "nd-go" });
	const many = spin("Steps to go", () => void 0, { min: 1, max: 1e5, value: 1, class: "nd-count" });
	const step = button("Step", () => void ask("advance", { steps: Math.max(1, Math.round(Number(many.value)) || 1) }));
	const stop = button("Stop", () => void ask("stop"));
	const back = createMenu("Go back", "Moments to go back to");
	const pin = button("◎ Pin", () => void ask("pin"));
	const rate = h("input", { type: "text", inputmode: "decimal", class: "nd-rate", "aria-label": "Learning rate", size: 7, autocomplete: "off", spellcheck: "false" });
	const group = choice("of", () => writeRate(store.get(), true));
	const apply = button("Apply", applied);
	const note = h("input", { type: "text", "aria-label": "Note to the journal", placeholder: "note to the journal" });
	const noted = button("Note to journal", () => void send("note", { text: note.value }, note));
	const path = h("input", { type: "text", "aria-label": "Path of the checkpoint", placeholder: "checkpoint-<step>.pt" });
	const saved = button("Save checkpoint", () => void send("checkpoint", { path: path.value.trim() || null }, path));
	const checks = button("Run checks", () => void ask("checks"), { title: "the sanity checks, at the next step" });
	const more = createPopover("⋯", "More controls", h("div", { class: "nd-formline" }, checks), h("div", { class: "nd-formline" }, path, saved), h("div", { class: "nd-formline" }, note, noted));
	const live = h("span", { class: "nd-live", role: "status" });
	const overhead = h("span", { class: "nd-soft nd-overhead" });
	const at = h("span", { class: "nd-chip" });
	const busy = h("span", { class: "nd-busy", role: "status" });
	const element = h(
		"div",
		{ class: "nd-header" },
		h("strong", { class: "nb-title" }, "Dynamics"),
		h("span", { class: "nd-buttons", role: "toolbar", "aria-label": "Control of the run" }, pause, h("span", { class: "nd-pair" }, step, many), stop, back.element, pin),
		h("span", { class: "nd-buttons" }, h("label", { class: "nd-soft nd-pair" }, "rate ", rate), group.element, apply, more.element),
		busy,
		h("span", { class: "nd-where" }, live, overhead, at)
	);
	rate.addEventListener("keydown", (event) => {
		if (event.key === "Enter") apply.click();
		if (event.key === "Escape") writeRate(store.get(), true);
	});
	let written = "";
	const typed2 = () => rate.value.trim() !== written && isRate(asked()) ? asked() : null;
	const asked = () => Number(rate.value.replace(",", "."));
	async function applied() {
		const wanted = asked();
		if (!isRate(wanted)) {
			store.set({ failure: `a rate is a number above 0, got “${shorten(rate.value, 40)}”` });
			return;
		}
		const { status } = store.get();
		const chosen = status.rates.length > 1 && group.select.value !== "" ? status.rates[Number(group.select.value)].group : null;
		if (await ask("rate", { rate: wanted, group: chosen })) writeRate(store.get(), true);
	}
	async function send(method, params, field) {
		if (await ask(method, params) && field) field.value = "";
	}
	function writeRate({ status }, anyway = false) {
		const one = status.rates[Number(group.select.value) || 0];
		const now = one ? rateText(one.rate) : "";
		if (!anyway && (activeIn(rate) === rate || rate.value.trim() !== written)) return;
		written = now;
		rate.value = now;
	}
	function writePins(state) {
		const pins = [...state.record?.pins ?? []].sort((a, b) => b - a).slice(0, MOST_PINS);
		const items = pins.map((step2, i) => ({
			text: `step ${count(step2)}`,
			hint: shorten(reasonFor(state, step2, pins[i - 1] ?? Infinity), 60),
			act: () => void ask("back", { step: step2, rate: typed2() })
		}));
		back.show(items, { reason: reasonAgainst(state, "back"), title: "put weights, optimizer and random states back as they were; with the rate in the field, where it was changed" });
	}
	let before = null;
	return {
		element,
		update(state) {
			if (!changed(before, state, ["status", "pending"]) && before?.record === state.record) return;
			before = state;
			const { status, record, pending } = state;
			const resting = status.state === "paused";
			say(pause, resting ? "▶ Resume" : "❚❚ Pause");
			enable(pause, { reason: reasonAgainst(state, resting ? "resume" : "pause"), busy: pending.includes("pause") || pending.includes("resume"), title: resting ? "let the run go on" : "wait before the next step" });
			enable(step, { reason: reasonAgainst(state, "advance"), busy: pending.includes("advance"), title: "go so many steps, then pause" });
			enable(stop, { reason: reasonAgainst(state, "stop"), busy: pending.includes("stop"), title: "end the run after this step" });
			enable(pin, { reason: reasonAgainst(state, "pin"), busy: pending.includes("pin"), title: "pin this moment: keep the state, to go back to" });
			enable(apply, { reason: reasonAgainst(state, "rate"), busy: pending.includes("rate"), title: "change the learning rate from the next step on" });
			enable(checks, { reason: reasonAgainst(state, "checks"), busy: pending.includes("checks"), title: "the sanity checks, at the next step" });
			enable(saved, { reason: reasonAgainst(state, "checkpoint"), busy: pending.includes("checkpoint") });
			enable(noted, { reason: reasonAgainst(state, "note"), busy: pending.includes("note") });
			group.element.hidden = status.rates.length < 2;
			group.show([["", "all"], ...status.rates.map(({ optimizer, group: name }, i) => (
				/** @type {[string, string]} */
				[String(i), shorten([optimizer, name].filter(Boolean).join(" "), 40)]
			))], group.select.value);
			writeRate(state);
			writePins(state);
			const { icon, text, tone, hint } = liveWords(state);
			say(live, `${icon} ${shorten(text, 80)}`);
			attribute(live, "data-tone", tone);
			attribute(live, "title", tooltip(hint) || null);
			const part = record?.overhead;
			const over = record && typeof part === "number" && Math.round(1e3 * part) > Math.round(1e3 * record.budget);
			say(overhead, record ? `${over ? "▲ " : ""}watching takes ${typeof part !== "number" || Number.isNaN(part) ? "–" : part > 1 ? `${brief(part)} × the run's own time` : share(part, 1)} · budget ${brief(100 * record.budget)} %` : "");
			attribute(overhead, "data-tone", over ? "warn" : null);
			attribute(overhead, "title", `share of the run's time that watching takes, and what it may take${over ? "; above it for now: what is measured first is not yet spread over many steps, and a short run ends before it is" : ""}`);
			say(at, `step ${count(Math.max(status.step, record?.steps ?? 0))}`);
			say(busy, pending.map((method) => ASKED[method] ?? "").filter(Boolean).join(" "));
		},
		destroy() {
			back.destroy();
			more.destroy();
		}
	};
}
function reasonFor({ record }, step, next) {
	const moments = record?.moments ?? [];
	const own = moments.findLast((moment) => moment.kind === "pin" && moment.step === step);
	const after = moments.find((moment) => ["alert", "spike", "broken"].includes(moment.kind) && moment.step > step && moment.step <= next);
	if (after) return `before ${signOf(after).icon} ${after.text}`;
	return own?.text ?? "";
}
var isRate = (wanted) => wanted > 0 && wanted < Infinity;
var rateText = (rate) => rate !== 0 && (rate < 0.01 || rate >= 1e3) ? Number(rate.toPrecision(6)).toExponential() : String(Number(rate.toPrecision(6)));

// src/sanity/prose.js
var PIECES = /(`[^`\n]{1,200}`)|(?<![\w.([,^−-])([−-]?\d+\.\d+(?:e[+−-]?\d+)?)(?!\w|\.\d)/g;
function prose(text, limit = 1200) {
	const shown = shorten(text, limit);
	const parts = [];
	let from = 0;
	for (const found of shown.matchAll(PIECES)) {
		parts.push(shown.slice(from, found.index), found[1] ? h("code", {}, found[1].slice(1, -1)) : h("b", {}, found[2]));
		from = found.index + found[0].length;
	}
	return [...parts, shown.slice(from)];
}

// src/dynamics/notices.js
var BEGIN = "Nothing has been seen yet: press Watch and run your training loop as it is, or train inside `with inspector.dynamics():`.";
var WATCHED = "Watched from now on: run your training loop as it is.";
function createNotices(store, ask) {
	const watch = h("button", { type: "button", class: "nb-primary", onclick: () => ask("watch") }, "Watch");
	const dismiss = h("button", { type: "button", class: "nb-plain", "aria-label": "Dismiss this message", onclick: () => store.set({ failure: null, said: "" }) }, "✕");
	const text = h("span", { class: "nd-said" });
	const message = h("div", { class: "nb-notice", hidden: true }, text, dismiss);
	const lines = h("div", { class: "nb-lines" });
	const element = h("div", { class: "nb-notices" }, message, lines);
	let before = null;
	let written = "";
	return {
		element,
		update(state) {
			const { failure, said } = state;
			message.hidden = failure === null && said === "";
			message.setAttribute("role", failure === null ? "status" : "alert");
			message.dataset.tone = failure === null ? "ok" : "bad";
			say(text, failure === null ? shorten(said, 8e3) : `✕ ${shorten(failure, 2e3)}`);
			if (changed(before, state, ["status"]) || before?.record?.notes !== state.record?.notes || Boolean(before?.record) !== Boolean(state.record)) write(state);
			before = state;
		}
	};
	function write({ status, record }) {
		const begun = Boolean(record && (record.steps > 0 || record.probes.length));
		const off = status.state === "running" && status.live === "off" && !status.following;
		const sentences = [
			status.state === "error" ? notice("bad", "✕", status.text || "training raised an exception") : null,
			["closed", "stopped"].includes(status.state) && status.text ? notice("muted", "■", status.text) : null,
			status.stale ? notice("stale", "▲", status.stale) : null,
			off && status.liveText ? notice("warn", "○", status.liveText) : null,
			begun ? null : beginning(status),
			status.state === "running" && !status.following && !record?.steps ? notice("muted", "i", WATCHED) : null,
			notesOf(record?.notes ?? [])
		];
		const held2 = JSON.stringify(sentences.map((one) => one?.textContent));
		if (held2 === written) return;
		written = held2;
		fill(lines, ...sentences);
	}
	function beginning(status) {
		const line = notice("muted", "i", status.state === "idle" && status.text ? status.text : BEGIN);
		if (status.state === "idle" && !status.following) line.append(watch);
		return line;
	}
}
var notice = (tone, icon, sentence) => h("div", { class: "nb-notice", "data-tone": tone }, h("span", { class: "nb-icon", "aria-hidden": true }, icon), h("span", {}, ...prose(sentence)));
function notesOf(sentences) {
	if (sentences.length < 2) return sentences.length ? notice("muted", "i", sentences[0]) : null;
	return h("details", { class: "nb-notice", "data-tone": "muted" }, h("summary", {}, `${plural(sentences.length, "note")}: ${shorten(sentences[0].replaceAll("`", ""), 110)}`), h("ul", {}, ...sentences.map((sentence) => h("li", {}, ...prose(sentence)))));
}

// src/dynamics/bars.js
var FOOT = 5;
function bars(canvas, width, height, all, most = 1) {
	const drawing = context(canvas, width, height);
	if (!drawing) return;
	drawing.clearRect(0, 0, width, height);
	const style = getComputedStyle(canvas);
	const foot = all.some((bar) => bar.sign) ? FOOT : 0;
	const step = width / Math.max(all.length, 1);
	const wide = Math.max(Math.min(step - (step > 4 ? 1.5 : 0), 18), 0.6);
	const room = height - foot - 1;
	all.forEach(({ value, colour, sign }, i) => {
		const x = i * step + (step - wide) / 2;
		const tall = Number.isFinite(value) ? Math.max(Math.min(value, most) / most * room, 0.8) : 0;
		drawing.fillStyle = drawing.strokeStyle = style.getPropertyValue(colour).trim() || "#888888";
		drawing.fillRect(x, room - tall + 1, wide, tall);
		const middle = x + wide / 2;
		if (sign === "target") triangle(drawing, middle, room + 2, Math.min(FOOT - 1, 4));
		if (sign === "wrong") cross(drawing, middle, Math.max(room - tall - 3, 3), 2.5);
	});
}
function triangle(drawing, x, y, size) {
	drawing.beginPath();
	drawing.moveTo(x, y);
	drawing.lineTo(x - size, y + size);
	drawing.lineTo(x + size, y + size);
	drawing.fill();
}
function cross(drawing, x, y, size) {
	drawing.lineWidth = 1.4;
	drawing.beginPath();
	drawing.moveTo(x - size, y - size);
	drawing.lineTo(x + size, y + size);
	drawing.moveTo(x + size, y - size);
	drawing.lineTo(x - size, y + size);
	drawing.stroke();
}

// src/envelope.js
function span(series, channel, sample = null) {
	const [samples, channels, points] = series.low.shape;
	let [low, high] = [Infinity, -Infinity];
	for (let n = sample ?? 0; n < (sample === null ? samples : sample + 1); n++) {
		for (let c = channel ?? 0; c < (channel === null ? channels : channel + 1); c++) {
			const start = (n * channels + c) * points;
			for (let p = start; p < start + points; p++) {
				if (series.low.data[p] < low) low = series.low.data[p];
				if (series.high.data[p] > high) high = series.high.data[p];
			}
		}
	}
	if (low > high) return { low: 0, high: 1 };
	return low === high ? { low: low - 0.5, high: high + 0.5 } : { low, high };
}
function runs(values) {
	const found = [];
	let start = -1;
	for (let i = 0; i <= values.length; i++) {
		const there = i < values.length && !Number.isNaN(values[i]);
		if (there && start < 0) start = i;
		if (!there && start >= 0) {
			found.push([start, i]);
			start = -1;
		}
	}
	return found;
}

// src/layout.js
function layOut({ width, count: count2, cellWidth, cellHeight, gap, single = false }) {
	const rowHeight = cellHeight + gap;
	if (single) return { columns: 1, rows: count2, gap: 0, cellWidth: Math.max(cellWidth, width), cellHeight, rowHeight };
	const columns = Math.max(1, Math.floor((width + gap) / (cellWidth + gap)));
	const spare = columns > 1 && count2 >= columns ? (width - columns * cellWidth) / (columns - 1) : gap;
	return { columns, rows: Math.ceil(count2 / columns), gap: Math.min(spare, gap + 28), cellWidth, cellHeight, rowHeight };
}
function visibleRows(layout, top, height, beyond = 1) {
	const first = Math.max(0, Math.floor(top / layout.rowHeight) - beyond);
	const last = Math.min(layout.rows, Math.ceil((top + height) / layout.rowHeight) + beyond);
	return { first: Math.min(first, last), last };
}
function move(key, whole, position, { columns, count: count2, page }) {
	const start = position - position % columns;
	const targets = {
		ArrowLeft: position - 1,
		ArrowRight: position + 1,
		ArrowUp: position - columns < 0 ? position : position - columns,
		ArrowDown: below(position, columns, count2),
		Home: whole || columns === 1 ? 0 : start,
		End: whole || columns === 1 ? count2 - 1 : start + columns - 1,
		PageUp: Math.max(position % columns, position - page * columns),
		PageDown: Math.min(position + page * columns, lastOfColumn(position % columns, columns, count2))
	};
	return key in targets ? Math.min(Math.max(targets[key], 0), count2 - 1) : null;
}
function below(position, columns, count2) {
	if (position + columns < count2) return position + columns;
	const lastRow = Math.floor((count2 - 1) / columns);
	return Math.floor(position / columns) < lastRow ? count2 - 1 : position;
}
function lastOfColumn(column, columns, count2) {
	const position = Math.floor((count2 - 1) / columns) * columns + column;
	return position < count2 ? position : position - columns;
}
function scrollTo(layout, row, top, height) {
	const start = row * layout.rowHeight;
	if (start < top) return start;
	const end = start + layout.cellHeight;
	return end > top + height ? end - height : top;
}
function fit(size, height, width) {
	const scale = size / Math.max(height, width, 1);
	return { width: Math.max(Math.round(width * scale), 24), height: Math.max(Math.round(height * scale), 16) };
}

// src/colour.js
var DIVERGING = [[14, 52, 132], [72, 130, 200], [176, 206, 232], [248, 248, 246], [246, 196, 148], [216, 116, 44], [126, 44, 6]];
var SEQUENTIAL = [[6, 18, 54], [22, 62, 108], [44, 108, 128], [98, 150, 122], [178, 190, 104], [252, 230, 98]];
var CLASSES = [[0, 114, 178], [230, 159, 0], [0, 158, 115], [204, 121, 167], [86, 180, 233], [213, 94, 0], [240, 228, 66], [120, 94, 240]];
var MARKS = [[255, 0, 200], [255, 120, 230], [150, 0, 120]];
function between(stops, at) {
	const place2 = Math.min(Math.max(at, 0), 1) * (stops.length - 1);
	const first = Math.min(Math.floor(place2), stops.length - 2);
	const rest = place2 - first;
	return (
		/** @type {Rgb} */
		stops[first].map((from, i) => Math.round(from + (stops[first + 1][i] - from) * rest))
	);
}
function colourScale(low, high) {
	const diverging = low < 0 && high > 0;
	const reach2 = Math.max(Math.abs(low), Math.abs(high));
	const [from, to] = diverging ? [-reach2, reach2] : [low, high];
	const stops = diverging ? DIVERGING : SEQUENTIAL;
	const width = to - from || 1;
	return { diverging, from, to, colour: (value) => between(stops, (value - from) / width) };
}
function classColour(index) {
	if (index < CLASSES.length) return CLASSES[index];
	const hue = index * 137.508 % 360;
	const light = 0.42 + 0.2 * (index % 3) / 2;
	const part = (n) => {
		const k = (n + hue / 30) % 12;
		return Math.round(255 * (light - 0.6 * Math.min(light, 1 - light) * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
	};
	return [part(0), part(8), part(4)];
}
var css = ([r, g, b], alpha = 1) => `rgb(${r} ${g} ${b} / ${alpha})`;

// src/look.js
var decode = (pictures, channel, byte) => {
	const low = pictures.low.data[channel];
	return low + byte * (pictures.high.data[channel] - low) / 255;
};
function denormalise(pictures, channel, value) {
	const known = pictures.normalisation;
	if (!known) return value;
	const row = Math.min(channel, known.mean.length - 1);
	return value * known.std[Math.min(channel, known.std.length - 1)] + known.mean[row];
}
var table = (shade, pictures, channel) => Uint8Array.from({ length: 256 }, (_, byte) => Math.round(255 * Math.min(Math.max(shade(decode(pictures, channel, byte)), 0), 1)));
function shownChannels(pictures, channel) {
	if (channel !== null && channel < pictures.channels.length) return [channel];
	return isColour(pictures) ? [0, 1, 2] : [0];
}
var isColour = (pictures) => pictures.kind === "image" && pictures.total_channels === pictures.channels.length && [3, 4].includes(pictures.channels.length);
function lookOf(pictures, mode, channel) {
	const planes = shownChannels(pictures, channel);
	const low = Math.min(...planes.map((c) => pictures.low.data[c]));
	const high = Math.max(...planes.map((c) => pictures.high.data[c]));
	const natural = mode === "denormalised" && pictures.normalisation !== null;
	const alpha = isColour(pictures) && channel === null && pictures.channels.length === 4 ? 3 : null;
	const [first, last] = [pictures.low.data[planes[0]], pictures.high.data[planes[0]]];
	const byteOf = (value) => (value - first) * 255 / (last - first || 1);
	const rest = { planes, byteOf, alpha, alphaTable: alpha === null ? null : alphaShades(pictures, alpha, natural) };
	if (pictures.kind === "values") {
		const scale = colourScale(low, high);
		const colours = Array.from({ length: 256 }, (_, byte) => scale.colour(decode(pictures, planes[0], byte)));
		const tables2 = [0, 1, 2].map((part) => Uint8Array.from(colours, (colour) => colour[part]));
		return { ...rest, tables: tables2, from: scale.from, to: scale.to, map: true };
	}
	const tables = planes.map((c) => table((v) => natural ? denormalise(pictures, c, v) : (v - low) / (high - low || 1), pictures, c));
	return { ...rest, tables, from: natural ? 0 : low, to: natural ? 1 : high, map: false };
}
function alphaShades(pictures, channel, natural) {
	const most = pictures.high.data[channel] > 1 ? 255 : 1;
	const fourth = natural && (pictures.normalisation?.mean.length ?? 0) === 4;
	return table((value) => fourth ? denormalise(pictures, channel, value) : value / most, pictures, channel);
}
function extent(pictures, sample) {
	const [, , h2, w] = pictures.planes.shape;
	if (!pictures.sizes) return { h: h2, w };
	const [H, W] = pictures.size;
	const [own, wide] = [pictures.sizes.data[2 * sample], pictures.sizes.data[2 * sample + 1]];
	return { h: Math.max(1, Math.min(h2, Math.round(h2 * own / H))), w: Math.max(1, Math.min(w, Math.round(w * wide / W))) };
}
function paint(out, pictures, sample, look, overlay = null) {
	const [, channels, height, width] = pictures.planes.shape;
	const { h: h2, w } = extent(pictures, sample);
	const bytes = pictures.planes.data;
	const area = height * width;
	const start = sample * channels * area;
	const [red, green, blue] = look.planes.length === 3 ? look.planes : [look.planes[0], look.planes[0], look.planes[0]];
	const [r, g, b] = look.tables.length === 3 ? look.tables : [look.tables[0], look.tables[0], look.tables[0]];
	let to = 0;
	for (let row = 0; row < h2; row++) {
		for (let column = 0; column < w; column++, to += 4) {
			const at = start + row * width + column;
			out[to] = r[bytes[at + red * area]];
			out[to + 1] = g[bytes[at + green * area]];
			out[to + 2] = b[bytes[at + blue * area]];
			out[to + 3] = look.alpha === null || !look.alphaTable ? 255 : look.alphaTable[bytes[at + look.alpha * area]];
		}
	}
	if (overlay) blend(out, h2, w, height, width, overlay);
	if (pictures.marks) stamp(out, pictures.marks.data, sample * area, h2, w, width);
}
function blend(out, h2, w, height, width, { masks, sample, opacity }) {
	const [, rows, columns] = masks.classes.shape;
	for (let row = 0, to = 0; row < h2; row++) {
		const line = (sample * rows + Math.floor(row * rows / height)) * columns;
		for (let column = 0; column < w; column++, to += 4) {
			const index = masks.classes.data[line + Math.floor(column * columns / width)];
			if (index === 255) continue;
			const colour = classColour(index);
			for (let part = 0; part < 3; part++) out[to + part] += (colour[part] - out[to + part]) * opacity;
			out[to + 3] = Math.max(out[to + 3], 255 * opacity);
		}
	}
}
function stamp(out, marks, start, h2, w, width) {
	for (let row = 0, to = 0; row < h2; row++) {
		for (let column = 0; column < w; column++, to += 4) {
			const mark = marks[start + row * width + column];
			if (!mark) continue;
			const dark = (row + column) % 2 === 1;
			const colour = MARKS[mark - 1] ?? MARKS[0];
			for (let part = 0; part < 3; part++) out[to + part] = dark ? colour[part] * 0.55 : colour[part];
			out[to + 3] = 255;
		}
	}
}

// src/panes.js
var isPictures = (item) => item?.decoder === "image" || item?.decoder === "values";
var isSeries = (item) => item?.decoder === "series" || item?.decoder === "audio";

// src/series.js
var MOST2 = 8;
function drawnChannels(series, channel) {
	if (channel !== null && channel < series.channels.length) return [channel];
	return Array.from({ length: Math.min(series.low.shape[1], MOST2) }, (_, c) => c);
}
function drawSeries(canvas, { width, height, range, channel }, series, sample) {
	const drawing = context(canvas, width, height);
	if (!drawing) return;
	const ink = getComputedStyle(canvas).color || "#888";
	const y = (value) => height - 2 - (value - range.low) / (range.high - range.low) * (height - 4);
	if (range.low < 0 && range.high > 0) {
		drawing.strokeStyle = ink;
		drawing.globalAlpha = 0.3;
		drawing.strokeRect(0, Math.round(y(0)) + 0.5, width, 0);
		drawing.globalAlpha = 1;
	}
	for (const c of drawnChannels(series, channel)) drawChannel(drawing, width, y, series, sample, c);
}
function drawChannel(drawing, width, y, series, sample, c) {
	const [, channels, points] = series.low.shape;
	const start = (sample * channels + c) * points;
	const low = series.low.data.subarray(start, start + points);
	const high = series.high.data.subarray(start, start + points);
	const x = (p) => points > 1 ? p / (points - 1) * (width - 2) + 1 : width / 2;
	drawing.strokeStyle = drawing.fillStyle = css(classColour(c));
	drawing.lineWidth = 1.25;
	for (const [first, last] of runs(low)) {
		drawing.beginPath();
		for (let p = first; p < last; p++) drawing.lineTo(x(p), y(high[p]));
		for (let p = last - 1; p >= first; p--) drawing.lineTo(x(p), y(low[p]));
		drawing.closePath();
		drawing.globalAlpha = 0.55;
		drawing.fill();
		drawing.globalAlpha = 1;
		drawing.stroke();
	}
}

// src/tokens.js
function visible(piece) {
	if (piece === "") return "∅";
	return shorten(piece, 80).replaceAll("\n", "↵").replaceAll("	", "⇥").replace(/^ +| +$/g, (spaces) => "␣".repeat(spaces.length));
}

// src/table.js
function featureRanges(table2) {
	const [rows, features] = table2.values.shape;
	const ranges = Array.from({ length: features }, () => ({ low: Infinity, high: -Infinity }));
	for (let at = 0; at < rows * features; at++) {
		const value = table2.values.data[at];
		const range = ranges[at % features];
		if (!Number.isFinite(value)) continue;
		if (value < range.low) range.low = value;
		if (value > range.high) range.high = value;
	}
	return ranges;
}
function standing(value, { low, high }) {
	return high > low ? 2 * (value - low) / (high - low) - 1 : 0;
}

// src/dynamics/thumb.js
var WORDS = 12;
function thumbOf(batch, size) {
	const item = batch?.inputs[0];
	if (isPictures(item)) return pictureThumb(item, size);
	if (isSeries(item)) return seriesThumb(item, size);
	if (item?.decoder === "table") return tableThumb(item, size);
	if (item?.decoder === "text") return textThumb(item, size);
	return { width: size, height: 18, build: () => h("span", { class: "nd-text" }), draw: (element, sample) => say(element, `sample ${sample}`) };
}
function pictureThumb(item, size) {
	const look = lookOf(item, item.normalisation ? "denormalised" : "fed", null);
	const { width, height } = fit(size, ...item.size);
	const small = Math.max(...item.planes.shape.slice(2)) < size * 2;
	return {
		width,
		height,
		build() {
			const canvas = h("canvas", { class: `nd-thumb${small ? " nd-pixels" : ""}`, "aria-hidden": true });
			canvas.style.width = `${width}px`;
			canvas.style.height = `${height}px`;
			return canvas;
		},
		draw(element, sample, overlay = null) {
			const canvas = (
				/** @type {HTMLCanvasElement} */
				element
			);
			const { h: rows, w: columns } = extent(item, sample);
			canvas.width = columns;
			canvas.height = rows;
			const drawing = canvas.getContext("2d");
			if (!drawing || sample >= item.planes.shape[0]) return;
			const image = drawing.createImageData(columns, rows);
			paint(image.data, item, sample, look, overlay);
			drawing.putImageData(image, 0, 0);
		}
	};
}
function seriesThumb(item, size) {
	const [width, height] = [Math.round(size * 1.6), Math.round(size * 0.7)];
	const range = span(item, null);
	return { width, height, build: () => h("canvas", { class: "nd-thumb", "aria-hidden": true }), draw: (element, sample) => drawSeries(
		/** @type {HTMLCanvasElement} */
		element,
		{ width, height, range, channel: null },
		item,
		sample
	) };
}
function tableThumb(item, size) {
	const ranges = featureRanges(item);
	const [width, height] = [Math.round(size * 1.5), Math.round(size * 0.6)];
	const features = item.values.shape[1];
	return {
		width,
		height,
		build: () => h("canvas", { class: "nd-thumb", "aria-hidden": true }),
		draw(element, sample) {
			const own = Array.from(item.values.data.subarray(sample * features, (sample + 1) * features));
			bars(
				/** @type {HTMLCanvasElement} */
				element,
				width,
				height,
				own.map((value, f) => ({ value: (standing(value, ranges[f]) + 1) / 2 + 0.02, colour: "--nb-bars" })),
				1.05
			);
			element.title = shorten(own.map((value, f) => `${item.features[f] ?? f} ${brief(value)}`).join(", "), 400);
		}
	};
}
function textThumb(item, size) {
	const length = item.ids.shape[1];
	return {
		width: size * 2,
		height: 54,
		build: () => h("span", { class: "nd-text" }),
		draw(element, sample) {
			const pieces = Array.from({ length: Math.min(length, WORDS) }, (_, t) => visible(item.pieces[item.index.data[sample * length + t]] ?? "?"));
			say(element, pieces.join(" ") + (length > WORDS ? " …" : ""));
		}
	};
}

// src/dynamics/cells.js
var SIDE = 56;
var BARS = 26;
var LINE = 16;
function verdictOf(reading, sample) {
	const right = reading.correct.data[sample];
	if (right === 1) return { icon: "✓", word: "right", tone: "ok" };
	return right === 0 ? { icon: "✕", word: "wrong", tone: "bad" } : { icon: "", word: "", tone: "" };
}
function measureText({ sort }, reading, sample) {
	const key = sort === "index" ? reading.guesses.shape.length === 1 ? "flips" : "loss" : sort;
	const value = valuesOf(reading, key)?.[sample] ?? NaN;
	const told2 = key === "margin" || key === "jitter" ? Number(Math.abs(value) < 1e-3 ? value.toPrecision(1) : value.toFixed(3)) : value;
	return `${key} ${brief(told2)}`;
}
function nameOf2({ sort }, probe, reading, sample) {
	const target = targetText(probe, sample);
	const guess = guessText(probe, reading, sample);
	const { word } = verdictOf(reading, sample);
	const key = sort === "index" || sort === "loss" ? null : sort;
	const more = [`loss ${brief(reading.losses.data[sample])}`, reading.guesses.shape.length === 1 && `flips ${reading.flips.data[sample]}`, key && key !== "flips" && `${key} ${brief(valuesOf(reading, key)?.[sample] ?? NaN)}`];
	return [`sample ${sample}`, target && `target ${shorten(target, 60)}`, guess && `predicts ${shorten(guess, 60)}${word ? ` (${word})` : ""}`, ...more].filter(Boolean).join(", ");
}
function barsOf(probe, reading, sample, most) {
	if (!hasClasses(probe)) return [{ value: reading.losses.data[sample] / (most || 1), colour: "--nb-bars" }];
	const targets = targetColumns(probe, sample);
	const shares = probabilities(probe, reading, sample);
	const guess = probe.task === "classification" ? columnOf(probe, reading.guesses.data[sample]) : -1;
	return Array.from(shares, (value, c) => {
		if (targets.includes(c)) return { value, colour: "--nb-ok", sign: "target" };
		const guessed = probe.task === "classification" ? c === guess : value > 0.5;
		return guessed && probe.targets ? { value, colour: "--nb-bad", sign: "wrong" } : { value, colour: "--nd-quiet" };
	});
}
function sampleCells(state, probe, reading, built) {
	const thumb = thumbOf(probe.batch, SIDE);
	const width = Math.max(thumb.width, 88) + 14;
	const most = Array.from(reading.losses.data).reduce((a, b) => b > a ? b : a, 0);
	const numbers = probe.task === "regression";
	const key = state.sort === "index" ? "flips" : state.sort;
	function build(cell) {
		const parts = { thumb: thumb.build(), chart: h("canvas", { class: "nd-cellbars", "aria-hidden": true }), lines: [h("span"), h("span"), h("span")], sample: -1, batch: probe.batch };
		fill(cell, h("span", { class: "nd-thumbplace" }, parts.thumb), parts.chart, h("span", { class: "nb-line" }, parts.lines[0], parts.lines[1]), h("span", { class: "nb-line" }, parts.lines[2]));
		built.set(cell, parts);
		return parts;
	}
	return {
		cellWidth: width,
		cellHeight: thumb.height + BARS + 2 * LINE + 14,
		gap: 4,
		single: false,
		name: (sample) => nameOf2(state, probe, reading, sample),
		draw(cell, sample) {
			const found = built.get(cell);
			const parts = found?.batch === probe.batch ? found : build(cell);
			if (parts.sample !== sample) thumb.draw(parts.thumb, sample);
			parts.sample = sample;
			bars(parts.chart, width - 12, BARS, barsOf(probe, reading, sample, most));
			const { icon, tone } = verdictOf(reading, sample);
			const [target, guess, measure] = parts.lines;
			const aim = numbers && probe.targets ? [...rowOf(probe.targets, sample)].map(brief).join(" ") : targetText(probe, sample);
			say(target, shorten(aim, 40));
			attribute(target, "title", aim ? tooltip(`target ${aim}`) : null);
			const said = guessText(probe, reading, sample);
			const differs = icon !== "✓" && said !== "";
			say(guess, differs ? `${icon || "→"} ${shorten(said, 40)}` : "");
			attribute(guess, "data-tone", differs ? tone || null : null);
			attribute(guess, "title", said ? tooltip(`predicts ${said}`) : null);
			say(measure, measureText(state, reading, sample));
			attribute(measure, "title", MEANINGS[key]);
			attribute(measure, "class", key === "flips" && reading.flips.data[sample] >= 3 ? "nd-much" : "");
		},
		probe: (sample) => nameOf2(state, probe, reading, sample)
	};
}

// src/dynamics/refill.js
function refill(place2, ...children) {
	const active = (
		/** @type {HTMLElement | null} */
		activeIn(place2)
	);
	const key = active && place2.contains(active) ? active.dataset.key : void 0;
	fill(place2, ...children);
	if (key === void 0) return;
	const all = (
		/** @type {HTMLElement[]} */
		[...place2.querySelectorAll("[data-key]")]
	);
	(all.find((one) => one.dataset.key === key) ?? all[0])?.focus();
}

// src/dynamics/compare.js
var MOST3 = 60;
function createCompare(store) {
	const element = h("div", { class: "nd-scroll nd-compare" });
	let before = null;
	function draw(state) {
		const probe = state.record?.probes[state.probe];
		const { readings } = state;
		if (!probe || !readings.length || state.pinned.length < 2) return;
		const [from, to] = [...state.pinned].sort((a, b) => a - b).map((step) => readings[nearest(readings, step)]);
		const all = changes(from, to);
		const differ = all.filter((one) => one.changed).length;
		const worse = all.filter((one) => from.correct.data[one.sample] === 1 && to.correct.data[one.sample] === 0).length;
		const better = all.filter((one) => from.correct.data[one.sample] === 0 && to.correct.data[one.sample] === 1).length;
		const words = `${plural(differ, "prediction")} of ${count(all.length)} changed${worse + better ? `: ${count(better)} became right, ${count(worse)} wrong` : ""}.`;
		const head = h("div", { class: "nd-comparehead" }, h("span", {}, `A step ${count(from.step)} → B step ${count(to.step)}: `, h("b", {}, words)), button("End comparison", () => store.set({ pinned: [] }), { class: "nd-small", "data-key": "end" }));
		const later = [];
		const rows = all.slice(0, MOST3).map((one) => rowFor(probe, from, to, one, later));
		refill(element, head, h("div", { class: "nd-comparerows", role: "list" }, ...rows));
		for (const paint2 of later) paint2();
	}
	return {
		element,
		restyle: () => before && draw(before),
		update(state) {
			if (changed(before, state, ["pinned", "probe", "readings"])) draw(state);
			before = state;
		}
	};
	function rowFor(probe, from, to, { sample, changed: other, moved }, later) {
		const thumb = thumbOf(probe.batch, 40);
		const own = thumb.build();
		const sides = [from, to].map((reading) => {
			const canvas = h("canvas", { class: "nd-cellbars", "aria-hidden": true });
			const { icon, tone } = verdictOf(reading, sample);
			later.push(() => bars(canvas, 120, 28, barsOf(probe, reading, sample, Math.max(from.losses.data[sample], to.losses.data[sample]))));
			return h("span", { class: "nd-side" }, canvas, h("span", { "data-tone": tone || null }, `${icon} ${shorten(guessText(probe, reading, sample), 24)}`.trim()));
		});
		later.push(() => thumb.draw(own, sample));
		const target = targetText(probe, sample);
		const words = h("span", { class: "nd-moved" }, h("span", {}, `${sample}${target ? `, target ${shorten(target, 24)}` : ""}`), h("span", { class: "nd-soft" }, `${other ? "changed, " : ""}loss ${moved > 0 ? "+" : ""}${brief(moved)}`));
		return h("div", { role: "listitem" }, h("button", { type: "button", class: "nd-comparerow", "data-key": sample, "data-changed": other, onclick: () => store.set({ sample }) }, h("span", { class: "nd-thumbplace" }, own), words, sides[0], h("span", { "aria-hidden": true }, "→"), sides[1]));
	}
}

// src/matrix.js
var LEVEL = 5;
var MOST4 = 18;
var matrixName = (name) => shorten(name, MOST4);
function matrixHead(words, corner) {
	const upright = words.some((word) => word.length > LEVEL);
	const heads = words.map((word) => h("th", { scope: "col", title: tooltip(word) }, h("span", {}, matrixName(word))));
	return h("thead", { class: upright ? "nb-upright" : null }, h("tr", {}, h("td", { class: "nb-between" }, corner), ...heads));
}

// src/dynamics/confusion.js
var MOST5 = 24;
function confusionOf(probe, reading) {
	const targets = Array.from(probe.targets?.data ?? [], Number).map((value) => Math.round(value));
	const guesses = Array.from(reading.guesses.data, Number);
	const few = probe.columns.data.length <= 12 && probe.columns.data.length > 1;
	const all = new Set([...few ? Array.from(probe.columns.data, Number) : [], ...targets, ...guesses]);
	const classes = [...all].filter((one) => one >= 0).sort((a, b) => a - b);
	const samples = classes.map((target) => classes.map((guess) => targets.flatMap((own, n) => own === target && guesses[n] === guess ? [n] : [])));
	return { classes, samples, right: samples.reduce((sum, row, i) => sum + row[i].length, 0) };
}
function createConfusion(store) {
	const about = h("p", { class: "nd-foot" });
	const place2 = h("div", { class: "nd-scroll" });
	const element = h("div", { class: "nd-grid" }, place2, about);
	let before = null;
	return {
		element,
		update(state) {
			const probe = state.record?.probes[state.probe];
			if (!probe || !state.reading || !changed(before, state, ["reading", "probe"])) return;
			before = state;
			const { classes, samples, right } = confusionOf(probe, state.reading);
			const shown = classes.slice(0, MOST5);
			const names = shown.map((one) => matrixName(className(probe, one)));
			const head = matrixHead(shown.map((one) => className(probe, one)), "target ↓ guess →");
			const rows = shown.map((_, r) => {
				const total2 = samples[r].reduce((sum, own) => sum + own.length, 0);
				return h("tr", {}, h("th", { scope: "row", title: tooltip(className(probe, shown[r])) }, names[r]), ...shown.map((__, c) => cell(samples[r][c], total2, r, c, `${names[r]} taken for ${names[c]}`)));
			});
			refill(place2, h("table", { class: "nd-confusion", "aria-label": "Samples by target and likeliest class" }, head, h("tbody", {}, ...rows)));
			const total = probe.targets?.data.length ?? 0;
			say(about, `step ${state.reading.step}: ${right} of ${plural(total, "sample")} right${classes.length > MOST5 ? `; the first ${MOST5} of ${classes.length} classes` : ""}; click a count to see its sample`);
		}
	};
	function cell(own, total, r, c, words) {
		if (!own.length) return h("td", {}, h("span", { class: "nd-nothing" }, "·"));
		const button2 = h("button", { type: "button", "data-key": `${r} ${c}`, "aria-label": `${plural(own.length, "sample")}: ${r === c ? words.replace(" taken for ", " seen as ") : words}`, title: `samples ${own.slice(0, 20).join(", ")}`, onclick: () => next(own) }, r === c ? String(own.length) : `✕ ${own.length}`);
		const made = h("td", {}, button2);
		attribute(made, "class", r === c ? "nd-right" : "nd-wrong");
		made.style.setProperty("--nd-part", `${Math.round(12 + 58 * own.length / total)}%`);
		return made;
	}
	function next(own) {
		const now = own.indexOf(store.get().sample ?? -1);
		store.set({ sample: own[(now + 1) % own.length] });
	}
}

// src/dynamics/masks.js
var SIDE2 = 92;
var OPACITY = 0.5;
var IGNORED = 255;
var MOST_NAMES = 12;
function rightShare(probe, reading, sample) {
	if (!probe.targets || probe.targets.data.length !== reading.values.data.length) return NaN;
	const [own, aim] = [rowOf(reading.values, sample), rowOf(probe.targets, sample)];
	let [right, all] = [0, 0];
	for (let i = 0; i < own.length; i++) {
		if (aim[i] === IGNORED) continue;
		all++;
		if (own[i] === aim[i]) right++;
	}
	return all ? right / all : NaN;
}
function maskLegend(probe) {
	return probe.classes.slice(0, MOST_NAMES).map((name, i) => {
		const swatch = h("span", { class: "nd-swatch", "aria-hidden": true });
		swatch.style.background = css(classColour(i));
		return h("span", { class: "nd-key", title: tooltip(name) }, swatch, shorten(name, 18));
	});
}
function maskCells(state, probe, reading, built) {
	const thumb = thumbOf(probe.batch, SIDE2);
	const masks = (classes) => ({ classes, names: probe.classes });
	const twice = probe.targets !== null && probe.targets.shape.length === 3;
	const words = (sample) => {
		const right = rightShare(probe, reading, sample);
		return `sample ${sample}, ${Number.isNaN(right) ? "" : `${share(right, 1)} of pixels right, `}loss ${brief(reading.losses.data[sample])}`;
	};
	function build(cell) {
		const parts = { now: thumb.build(), aim: twice ? thumb.build() : null, lines: [h("span"), h("span"), h("span")], batch: probe.batch };
		const pane = (name, own) => h("span", { class: "nd-pane" }, h("span", { class: "nd-caption" }, name), own);
		fill(cell, h("span", { class: "nd-panes" }, parts.aim && pane("target", parts.aim), pane("predicted", parts.now)), h("span", { class: "nb-line" }, parts.lines[0], parts.lines[1]), h("span", { class: "nb-line" }, parts.lines[2]));
		built.set(cell, parts);
		return parts;
	}
	return {
		cellWidth: (thumb.width + 6) * (twice ? 2 : 1) + 12,
		cellHeight: thumb.height + 66,
		gap: 6,
		single: false,
		name: words,
		draw(cell, sample) {
			const found = built.get(cell);
			const parts = found?.batch === probe.batch ? found : build(cell);
			thumb.draw(parts.now, sample, { masks: masks(reading.values), sample, opacity: OPACITY });
			if (parts.aim && probe.targets) thumb.draw(parts.aim, sample, { masks: masks(probe.targets), sample, opacity: OPACITY });
			const right = rightShare(probe, reading, sample);
			say(parts.lines[0], String(sample));
			say(parts.lines[1], Number.isNaN(right) ? "" : `${share(right, 1)} right`);
			const key = state.sort === "index" ? "loss" : state.sort;
			say(parts.lines[2], `${key} ${brief(valuesOf(reading, key)?.[sample] ?? NaN)}`);
			attribute(parts.lines[2], "title", MEANINGS[key]);
		},
		probe: (sample) => `${words(sample)}; ${plural(probe.classes.length, "class", "classes")}`
	};
}

// src/dynamics/plane.js
var HEIGHT = 380;
var NEAR = 14;
var MARGIN = 30;
function createPlane(store, hover) {
	const canvas = h("canvas", { class: "nd-plane", role: "application", tabindex: 0 });
	const element = h("div", { class: "nd-planeplace" }, canvas);
	let shown = null;
	let frame = null;
	const colour = (name) => getComputedStyle(canvas).getPropertyValue(name).trim() || "#808080";
	canvas.addEventListener("pointermove", (event) => {
		const sample = at(event);
		hover(sample < 0 || !shown ? "" : shown.name(sample));
		canvas.style.cursor = sample < 0 ? "" : "pointer";
	});
	canvas.addEventListener("pointerleave", () => hover(""));
	canvas.addEventListener("click", (event) => {
		const sample = at(event);
		if (sample >= 0) store.set({ sample });
	});
	canvas.addEventListener("keydown", (event) => {
		const many = shown?.points.length ?? 0;
		const now = store.get().sample ?? -1;
		const next = { ArrowRight: now + 1, ArrowDown: now + 1, ArrowLeft: now - 1, ArrowUp: now - 1, Home: 0, End: many - 1 }[event.key];
		if (next === void 0 || !many) return;
		store.set({ sample: Math.min(Math.max(next, 0), many - 1) });
		hover(shown?.name(store.get().sample ?? 0) ?? "");
		event.preventDefault();
		event.stopPropagation();
	});
	function at(event) {
		if (!shown || !frame) return -1;
		let [best, near] = [-1, NEAR];
		for (const [sample, [x, y]] of shown.points.entries()) {
			const away = Math.hypot(frame.x(x) - event.offsetX, frame.y(y) - event.offsetY);
			if (away < near) [best, near] = [sample, away];
		}
		return best;
	}
	function draw() {
		const width = element.clientWidth || 560;
		const drawing = context(canvas, width, HEIGHT);
		if (!shown) return;
		frame = frameOf(shown, width, HEIGHT);
		if (!drawing) return;
		drawing.clearRect(0, 0, width, HEIGHT);
		drawing.font = `11px ${colour("--nb-mono")}`;
		shown.paint(drawing, frame, colour);
	}
	const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(draw);
	watch?.observe(element);
	return {
		element,
		draw,
		/** @param {Scene} scene */
		show(scene) {
			shown = scene;
			attribute(canvas, "aria-label", `${scene.label}; arrow keys go from sample to sample`);
			draw();
		},
		destroy: () => watch?.disconnect()
	};
}
function frameOf({ x, y, square = false }, width, height) {
	let [left, right, top, bottom] = [MARGIN + 18, width - MARGIN, MARGIN - 8, height - MARGIN];
	if (square) {
		const scale = Math.min((right - left) / (x[1] - x[0] || 1), (bottom - top) / (y[1] - y[0] || 1));
		const [wide, tall] = [scale * (x[1] - x[0]), scale * (y[1] - y[0])];
		const [spareX, spareY] = [(right - left - wide) / 2, (bottom - top - tall) / 2];
		[left, right, top, bottom] = [left + spareX, right - spareX, top + spareY, bottom - spareY];
	}
	return {
		left,
		right,
		top,
		bottom,
		x: (value) => left + (value - x[0]) / (x[1] - x[0] || 1) * (right - left),
		y: (value) => bottom - (value - y[0]) / (y[1] - y[0] || 1) * (bottom - top)
	};
}
var SHAPES = 7;
function shape2(drawing, kind, x, y, size) {
	const corners2 = [[], [[-1, -1], [1, -1], [1, 1], [-1, 1]], [[0, -1.2], [1.1, 0.9], [-1.1, 0.9]], [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]], [[0, 1.2], [1.1, -0.9], [-1.1, -0.9]], [[-0.4, -1.2], [0.4, -1.2], [0.4, -0.4], [1.2, -0.4], [1.2, 0.4], [0.4, 0.4], [0.4, 1.2], [-0.4, 1.2], [-0.4, 0.4], [-1.2, 0.4], [-1.2, -0.4], [-0.4, -0.4]], [[0, -1.4], [0.35, -0.4], [1.3, -0.4], [0.55, 0.25], [0.85, 1.2], [0, 0.6], [-0.85, 1.2], [-0.55, 0.25], [-1.3, -0.4], [-0.35, -0.4]]][kind % SHAPES];
	drawing.beginPath();
	if (!corners2.length) drawing.arc(x, y, size, 0, 7);
	for (const [dx, dy] of corners2) drawing.lineTo(x + dx * size, y + dy * size);
	drawing.closePath();
}

// src/dynamics/project.js
var ROUNDS = 200;
var MOST_ROWS = 2e3;
function principal(rows, before = null) {
	const every = Math.max(1, Math.ceil(rows.length / MOST_ROWS));
	const kept2 = rows.filter((row, i) => i % every === 0 && Array.from(row).every(Number.isFinite));
	const width = kept2[0]?.length ?? 0;
	if (width < 2 || kept2.length < 3) return null;
	const mean = new Float64Array(width);
	for (const row of kept2) for (let c = 0; c < width; c++) mean[c] += row[c] / kept2.length;
	const centred = kept2.map((row) => Float64Array.from(row, (value, c) => value - mean[c]));
	const total = centred.reduce((sum, row) => sum + dot(row, row), 0);
	if (!(total > 0)) return null;
	const first = direction(centred, []);
	const second = direction(centred, [first]);
	const axes2 = (
		/** @type {[Float64Array, Float64Array]} */
		[first, second]
	);
	axes2.forEach((axis, i) => turn(axis, before?.mean.length === width ? before.axes[i] : null));
	const share2 = (
		/** @type {[number, number]} */
		axes2.map((axis) => centred.reduce((sum, row) => sum + dot(row, axis) ** 2, 0) / total)
	);
	return { mean, axes: axes2, share: share2 };
}
function direction(rows, others) {
	const width = rows[0].length;
	let axis = Float64Array.from({ length: width }, (_, c) => 1 + Math.sin(12.9898 * (c + 1)));
	clear(axis, others);
	for (let round = 0; round < ROUNDS; round++) {
		const next = new Float64Array(width);
		for (const row of rows) {
			const along = dot(row, axis);
			for (let c = 0; c < width; c++) next[c] += along * row[c];
		}
		clear(next, others);
		if (!normalise(next)) return axis;
		const moved = 1 - Math.abs(dot(next, axis));
		axis = next;
		if (round && moved < 1e-14) break;
	}
	return axis;
}
function clear(axis, others) {
	for (const other of others) {
		const along = dot(axis, other);
		for (let c = 0; c < axis.length; c++) axis[c] -= along * other[c];
	}
	normalise(axis);
}
function normalise(axis) {
	const length = Math.sqrt(dot(axis, axis));
	if (!(length > 1e-150)) return false;
	for (let c = 0; c < axis.length; c++) axis[c] /= length;
	return true;
}
function turn(axis, before) {
	const largest = axis.reduce((best, value, c) => Math.abs(value) > Math.abs(axis[best]) ? c : best, 0);
	if ((before ? dot(axis, before) : axis[largest]) < 0) for (let c = 0; c < axis.length; c++) axis[c] = -axis[c];
}
function dot(a, b) {
	let sum = 0;
	for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
	return sum;
}
function project({ mean, axes: axes2 }, row) {
	const centred = Float64Array.from(row, (value, c) => value - mean[c]);
	return [dot(centred, axes2[0]), dot(centred, axes2[1])];
}
var ternary = (shares) => [shares[1] + shares[2] / 2, Math.sqrt(3) / 2 * shares[2]];

// src/dynamics/paths.js
var TAIL = 12;
var GROWN = 1.25;
var MOST_NAMES2 = 10;
function createPaths(store) {
	const foot = h("div", { class: "nd-foot" });
	const legend = h("div", { class: "nd-legend" });
	const plane = createPlane(store, (text) => say(foot, text || about));
	const element = h("div", { class: "nd-grid" }, legend, plane.element, foot);
	let found = null;
	let about = "";
	function planeOf(probe, readings) {
		const kept2 = found;
		const key = `${probe.split} ${probe.chosen} ${probe.columns.data.length}`;
		const same = kept2?.key === key;
		if (kept2 && same && readings.length < GROWN * kept2.count && readings.length >= kept2.count) return kept2;
		const many = probe.batch.batch.size;
		const rows = readings.flatMap((one) => Array.from({ length: many }, (_, n) => rowOf(one.values, n)));
		const basis = principal(rows, same ? kept2?.basis ?? null : null);
		const places = basis ? rows.map((row) => project(basis, row)).filter(([x, y]) => Number.isFinite(x + y)) : [];
		const reach2 = places.reduce((r, [x, y]) => [Math.min(r[0], x), Math.max(r[1], x), Math.min(r[2], y), Math.max(r[3], y)], [Infinity, -Infinity, Infinity, -Infinity]);
		found = { key, count: readings.length, basis, reach: (
			/** @type {[number, number, number, number]} */
			reach2
		) };
		return found;
	}
	let named = null;
	return {
		element,
		restyle: () => plane.draw(),
		update(state) {
			const probe = state.record?.probes[state.probe];
			const { reading, readings } = state;
			if (!probe || !reading) return;
			if (probe !== named) fill(legend, ...legendOf(probe));
			named = probe;
			const triangle2 = probe.columns.data.length === 3 && probe.task === "classification";
			const { basis, reach: reach2 } = triangle2 ? { basis: null, reach: (
				/** @type {[number, number, number, number]} */
				[0, 1, 0, Math.sqrt(3) / 2]
			) } : planeOf(probe, readings);
			if (!triangle2 && !basis) {
				about = "The scores do not vary in two directions yet.";
				say(foot, about);
				return;
			}
			about = triangle2 ? "probabilities of three classes: the nearer to a corner, the likelier" : `scores in the plane of their greatest variance (${basis?.share.map((part) => `${Math.round(100 * part)} %`).join(" + ")}); tails: the last ${TAIL} readings; × wrong`;
			if (!foot.textContent || !element.matches(":hover")) say(foot, about);
			const place2 = (one, n) => triangle2 ? ternary(probabilities(probe, one, n)) : project(
				/** @type {Basis} */
				basis,
				rowOf(one.values, n)
			);
			const now = state.at ?? readings.length - 1;
			const tails = readings.slice(Math.max(0, now - TAIL), now + 1);
			const samples = Array.from({ length: reading.losses.shape[0] }, (_, n) => n);
			const paths = samples.map((n) => tails.map((one) => place2(one, n)));
			plane.show({
				x: [reach2[0], reach2[1]],
				y: [reach2[2], reach2[3]],
				square: triangle2,
				points: paths.map((path) => path[path.length - 1]),
				label: `Paths of ${samples.length} samples at step ${reading.step}`,
				name: (n) => nameOf2(state, probe, reading, n),
				paint(drawing, frame, colour) {
					if (triangle2) corners(drawing, frame, colour, probe);
					const order = [...samples].sort((a, b) => Number(a === state.sample) - Number(b === state.sample));
					for (const n of order) paintPath(drawing, frame, colour, paths[n], { kind: targetColumns(probe, n)[0] ?? 0, chosen: n === state.sample, dim: state.sample !== null, wrong: reading.correct.data[n] === 0 });
				}
			});
		},
		destroy: () => plane.destroy()
	};
}
function paintPath(drawing, frame, colour, path, { kind, chosen, dim, wrong }) {
	const own = css(classColour(kind));
	drawing.strokeStyle = drawing.fillStyle = own;
	for (let t = 1; t < path.length; t++) {
		drawing.globalAlpha = (dim && !chosen ? 0.25 : 0.75) * (t / path.length);
		drawing.lineWidth = chosen ? 2.4 : 1.2;
		drawing.beginPath();
		drawing.moveTo(frame.x(path[t - 1][0]), frame.y(path[t - 1][1]));
		drawing.lineTo(frame.x(path[t][0]), frame.y(path[t][1]));
		drawing.stroke();
	}
	const [x, y] = [frame.x(path[path.length - 1][0]), frame.y(path[path.length - 1][1])];
	drawing.globalAlpha = dim && !chosen ? 0.5 : 1;
	shape2(drawing, kind, x, y, chosen ? 7 : 5);
	drawing.fill();
	drawing.lineWidth = chosen ? 2 : 0.8;
	drawing.strokeStyle = colour(chosen ? "--nb-ink" : "--nb-paper");
	drawing.stroke();
	if (wrong) {
		drawing.strokeStyle = colour("--nb-bad");
		drawing.lineWidth = 1.8;
		drawing.beginPath();
		for (const sign of [1, -1]) {
			drawing.moveTo(x + 5, y - 9 - 3 * sign);
			drawing.lineTo(x + 11, y - 9 + 3 * sign);
		}
		drawing.stroke();
	}
	drawing.globalAlpha = 1;
}
function corners(drawing, frame, colour, probe) {
	const places = [[0, 0], [1, 0], [0.5, Math.sqrt(3) / 2]];
	drawing.strokeStyle = colour("--nb-rule");
	drawing.lineWidth = 1.2;
	drawing.beginPath();
	for (const [x, y] of places) drawing.lineTo(frame.x(x), frame.y(y));
	drawing.closePath();
	drawing.stroke();
	drawing.fillStyle = colour("--nb-soft");
	places.forEach(([x, y], c) => {
		drawing.textAlign = /** @type {CanvasTextAlign} */
		["left", "right", "center"][c];
		drawing.fillText(shorten(columnName(probe, c), 24), frame.x(x), frame.y(y) + (c === 2 ? -8 : 16));
	});
}
function legendOf(probe) {
	const all = Array.from(probe.columns.data, (_, c) => ({ c, name: columnName(probe, c) }));
	const signs = all.slice(0, MOST_NAMES2).map(({ c, name }) => {
		const canvas = h("canvas", { width: 14, height: 14, "aria-hidden": true });
		const drawing = canvas.getContext("2d");
		if (drawing) {
			drawing.fillStyle = css(classColour(c));
			shape2(drawing, c, 7, 7, 4.6);
			drawing.fill();
		}
		return h("span", { class: "nd-key", title: tooltip(name) }, canvas, shorten(name, 18));
	});
	return [h("span", { class: "nd-soft" }, "target"), ...signs, all.length > MOST_NAMES2 && h("span", { class: "nd-soft" }, `+${all.length - MOST_NAMES2}`)];
}

// src/grid.js
function createGrid({ select, hover }) {
	const head = h("div", { class: "nb-head", role: "presentation" });
	const space = h("div", { class: "nb-space", role: "presentation" });
	const empty = h("p", { class: "nb-empty", hidden: true }, "No sample matches: clear the filter.");
	const scroller = h("div", { class: "nb-scroller", role: "grid", "aria-label": "Samples of the batch" }, head, space, empty);
	const built = new Map();
	const pool = [];
	const drawn = new WeakMap();
	let kind = null;
	let order = [];
	let selected = -1;
	let position = 0;
	let drawing = 0;
	let layout = layOut({ width: 800, count: 0, cellWidth: 80, cellHeight: 80, gap: 0 });
	let frame = 0;
	let part = "";
	const sight = () => ({ width: scroller.clientWidth || 800, height: (scroller.clientHeight || 430) - head.offsetHeight });
	const across = () => ({ left: scroller.scrollLeft, width: sight().width });
	const focusedHere = () => {
		const root = (
			/** @type {Document | ShadowRoot} */
			scroller.getRootNode()
		);
		return root.activeElement !== null && scroller.contains(root.activeElement) && root.activeElement !== scroller;
	};
	function arrangeCells() {
		if (!kind) return;
		const held2 = focusedHere();
		layout = layOut({ width: sight().width - (kind.single ? 0 : 2), count: order.length, cellWidth: kind.cellWidth, cellHeight: kind.cellHeight, gap: kind.gap, single: kind.single });
		space.style.height = `${Math.max(layout.rows * layout.rowHeight - kind.gap, 0) + 2}px`;
		space.style.width = kind.single && kind.cellWidth > sight().width ? `${kind.cellWidth}px` : "";
		attribute(scroller, "aria-rowcount", layout.rows);
		attribute(scroller, "aria-colcount", layout.columns);
		empty.hidden = order.length > 0;
		render2();
		if (held2) cellAt(position)?.focus({ preventScroll: true });
	}
	function render2(all = true) {
		if (!kind) return;
		const { first, last } = visibleRows(layout, scroller.scrollTop, sight().height);
		const wanted = new Set(Array.from({ length: last - first }, (_, i) => first + i));
		if (order.length) wanted.add(Math.floor(position / layout.columns));
		for (const [row, element] of built) {
			if (wanted.has(row)) continue;
			element.remove();
			built.delete(row);
			pool.push(element);
		}
		for (const row of wanted) placeRow(row, all);
		pool.length = Math.min(pool.length, 8);
	}
	function placeRow(row, all) {
		let element = built.get(row);
		if (element && !all) return;
		if (!element) {
			element = pool.pop() ?? h("div", { class: "nb-row", role: "row" });
			built.set(row, element);
			space.append(element);
		}
		attribute(element, "aria-rowindex", row + 1);
		element.style.top = `${row * layout.rowHeight}px`;
		element.style.height = `${layout.cellHeight}px`;
		const start = row * layout.columns;
		const cells = Math.min(layout.columns, order.length - start);
		while (element.children.length > cells) element.lastElementChild?.remove();
		while (element.children.length < cells) element.append(h("div", { class: "nb-cell", role: "gridcell" }));
		for (let column = 0; column < cells; column++) placeCell(
			/** @type {HTMLElement} */
			element.children[column],
			start + column,
			column
		);
	}
	function placeCell(cell, at, column) {
		if (!kind) return;
		const sample = order[at];
		cell.style.left = `${column * (layout.cellWidth + layout.gap)}px`;
		cell.style.width = `${layout.cellWidth}px`;
		cell.dataset.at = String(at);
		attribute(cell, "aria-colindex", column + 1);
		attribute(cell, "aria-selected", sample === selected ? "true" : "false");
		attribute(cell, "tabindex", at === position ? 0 : -1);
		const before = drawn.get(cell);
		if (before?.sample === sample && before.drawing === drawing) return;
		drawn.set(cell, { sample, drawing });
		attribute(cell, "aria-label", kind.name(sample));
		kind.draw(cell, sample, across());
	}
	const cellAt = (at) => scroller.querySelector(`.nb-cell[data-at="${at}"]`);
	function focus(at) {
		position = at;
		scroller.scrollTop = scrollTo(layout, Math.floor(at / layout.columns), scroller.scrollTop, sight().height);
		render2();
		cellAt(at)?.focus({ preventScroll: true });
	}
	function positionOf(event) {
		const cell = (
			/** @type {HTMLElement | null} */
			/** @type {Element} */
			event.target.closest?.(".nb-cell")
		);
		return cell ? Number(cell.dataset.at) : -1;
	}
	scroller.addEventListener("scroll", () => {
		cancelAnimationFrame(frame);
		frame = requestAnimationFrame(follow);
	});
	scroller.addEventListener("click", (event) => {
		const at = positionOf(event);
		if (at < 0) return;
		focus(at);
		select(order[at]);
	});
	scroller.addEventListener("keydown", (event) => {
		const at = positionOf(event);
		if (at < 0 || event.altKey || event.metaKey) return;
		if (event.key === "Enter" || event.key === " ") select(order[at]);
		else {
			const page = Math.max(1, Math.floor(sight().height / layout.rowHeight));
			const to = move(event.key, event.ctrlKey, at, { columns: layout.columns, count: order.length, page });
			if (to === null) return;
			if (kind?.single && /Left|Right/.test(event.key)) scroller.scrollLeft += event.key === "ArrowLeft" ? -72 : 72;
			else focus(to);
		}
		event.preventDefault();
		event.stopPropagation();
	});
	scroller.addEventListener("pointermove", (event) => {
		const at = positionOf(event);
		hover(at >= 0 && kind ? kind.probe(order[at], event) : "");
	});
	scroller.addEventListener("pointerleave", () => hover(""));
	function renew() {
		drawing++;
		part = kind?.part?.(across()) ?? "";
		fill(head, kind?.head?.(across()));
	}
	function follow() {
		const moved = kind?.part !== void 0 && kind.part(across()) !== part;
		if (moved) renew();
		render2(moved);
	}
	const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => {
		if (kind?.part && kind.part(across()) !== part) renew();
		arrangeCells();
	});
	watch?.observe(scroller);
	return {
		element: scroller,
		/**
		 * Shows other samples, or the same in another way; the sample in focus keeps it where it is still there.
		 * @param {Kind} next
		 * @param {number[]} samples
		 */
		show(next, samples) {
			const held2 = order[position];
			kind = next;
			order = samples;
			position = Math.max(order.indexOf(held2), 0);
			if (!held2 && selected >= 0) position = Math.max(order.indexOf(selected), 0);
			renew();
			arrangeCells();
		},
		/** @param {number} sample */
		mark(sample) {
			if (sample === selected) return;
			selected = sample;
			if (!focusedHere()) position = Math.max(order.indexOf(sample), 0);
			render2();
		},
		/** Brings a sample into sight. @param {number} sample */
		reveal(sample) {
			const at = order.indexOf(sample);
			if (at < 0) return;
			position = at;
			scroller.scrollTop = scrollTo(layout, Math.floor(at / layout.columns), scroller.scrollTop, sight().height);
			render2();
		},
		destroy() {
			watch?.disconnect();
			cancelAnimationFrame(frame);
		}
	};
}

// src/dynamics/predictions.js
function createPredictions(store, cells = sampleCells, legend = () => []) {
	const keys = h("div", { class: "nd-legend" });
	const foot = h("div", { class: "nd-foot", "aria-hidden": true });
	const grid = createGrid({ select: (sample) => store.set({ sample }), hover: (text) => say(foot, text) });
	attribute(grid.element, "aria-label", "Samples of the probe batch");
	const element = h("div", { class: "nd-grid" }, keys, grid.element, foot);
	const built = new WeakMap();
	let before = null;
	function draw(state) {
		const probe = state.record?.probes[state.probe];
		if (probe && before?.record?.probes !== state.record?.probes) fill(keys, ...legend(probe));
		if (probe && state.reading) grid.show(cells(state, probe, state.reading, built), state.order);
	}
	return {
		element,
		focus: () => (
			/** @type {HTMLElement | null} */
			grid.element.querySelector(".nb-cell[tabindex='0']")?.focus()
		),
		update(state) {
			if (changed(before, state, ["reading", "order", "sort", "probe"]) || before?.record?.probes !== state.record?.probes) draw(state);
			grid.mark(state.sample ?? -1);
			if (state.sample !== null && before?.sample !== state.sample) grid.reveal(state.sample);
			before = state;
		},
		restyle: () => before && draw(before),
		destroy: () => grid.destroy()
	};
}

// src/dynamics/scatter.js
var TAIL2 = 8;
var BINS = 24;
function reachOf(values) {
	let [low, high] = [Infinity, -Infinity];
	for (const value of values) {
		if (value < low) low = value;
		if (value > high && value < Infinity) high = value;
	}
	if (!(high >= low)) return [0, 1];
	const room = 0.05 * (high - low || Math.abs(high) || 1);
	return [low - room, high + room];
}
function pairs(probe, reading) {
	const { targets } = probe;
	if (!targets) return [];
	return Array.from({ length: targets.shape[0] }, (_, n) => ({ target: rowOf(targets, n)[0], own: rowOf(reading.values, n)[0] }));
}
function residuals(probe, readings, reading) {
	const left = (one) => pairs(probe, one).map(({ target, own: own2 }) => own2 - target).filter(Number.isFinite);
	const all = readings.flatMap(left);
	const far = all.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
	const own = left(reading);
	const counts = new Array(BINS).fill(0);
	for (const value of own) counts[Math.min(Math.floor((value + far) / (2 * far) * BINS), BINS - 1)]++;
	const mean = own.reduce((a, b) => a + b, 0) / (own.length || 1);
	return { far, counts, mean, off: Math.sqrt(own.reduce((sum, value) => sum + value ** 2, 0) / (own.length || 1)), many: own.length };
}
function createScatter(store) {
	const foot = h("div", { class: "nd-foot" });
	const plane = createPlane(store, (text) => say(foot, text || about));
	const element = h("div", { class: "nd-grid" }, plane.element, foot);
	let about = "";
	let range = null;
	return {
		element,
		restyle: () => plane.draw(),
		update(state) {
			const probe = state.record?.probes[state.probe];
			const { reading, readings } = state;
			if (!probe?.targets || !reading) {
				say(foot, "There are no targets to compare with.");
				return;
			}
			if (range?.readings !== readings) range = { readings, reach: reachOf([...readings.flatMap((one) => pairs(probe, one).map(({ own }) => own)), ...pairs(probe, reading).map(({ target }) => target)]) };
			const now = state.at ?? readings.length - 1;
			const tails = readings.slice(Math.max(0, now - TAIL2), now + 1).map((one) => pairs(probe, one));
			const points = pairs(probe, reading);
			about = `across: target, up: prediction${probe.classes.length > 1 ? ` of ${probe.classes[0]}` : ""}; on the line they agree; step ${count(reading.step)}, off by ${brief(residuals(probe, [reading], reading).off)} (root of the mean square)`;
			if (!element.matches(":hover")) say(foot, about);
			plane.show({
				x: range.reach,
				y: range.reach,
				square: true,
				points: points.map(({ target, own }) => [target, own]),
				label: `Prediction against target of ${plural(points.length, "sample")} at step ${reading.step}`,
				name: (n) => nameOf2(state, probe, reading, n),
				paint(drawing, frame, colour) {
					axes(
						drawing,
						frame,
						colour,
						/** @type {[number, number]} */
						range?.reach
					);
					points.forEach(({ target, own }, n) => {
						const chosen = n === state.sample;
						drawing.strokeStyle = drawing.fillStyle = colour(chosen ? "--nd-1" : "--nd-0");
						drawing.globalAlpha = 0.4;
						drawing.lineWidth = chosen ? 2 : 1;
						drawing.beginPath();
						for (const tail of tails) drawing.lineTo(frame.x(target), frame.y(tail[n].own));
						drawing.stroke();
						drawing.globalAlpha = 0.9;
						shape2(drawing, chosen ? 3 : 0, frame.x(target), frame.y(own), chosen ? 6 : 4);
						drawing.fill();
						drawing.globalAlpha = 1;
					});
				}
			});
		},
		destroy: () => plane.destroy()
	};
}
function axes(drawing, frame, colour, reach2) {
	drawing.strokeStyle = colour("--nb-rule");
	drawing.lineWidth = 1;
	drawing.strokeRect(frame.left, frame.top, frame.right - frame.left, frame.bottom - frame.top);
	drawing.strokeStyle = colour("--nb-soft");
	drawing.setLineDash([4, 4]);
	drawing.beginPath();
	drawing.moveTo(frame.left, frame.bottom);
	drawing.lineTo(frame.right, frame.top);
	drawing.stroke();
	drawing.setLineDash([]);
	drawing.fillStyle = colour("--nb-soft");
	drawing.textAlign = "left";
	drawing.fillText(brief(reach2[0]), frame.left, frame.bottom + 15);
	drawing.textAlign = "right";
	drawing.fillText(brief(reach2[1]), frame.right, frame.bottom + 15);
	drawing.fillText(brief(reach2[1]), frame.left - 5, frame.top + 9);
}
function createResiduals() {
	const about = h("p", { class: "nd-foot" });
	const figure2 = h("div", { class: "nd-bins", role: "img" });
	const scale = h("div", { class: "nd-scale" }, h("span"), h("span", {}, "0"), h("span"));
	const element = h("div", { class: "nd-grid" }, h("p", { class: "nd-soft" }, "prediction − target, of the first output"), figure2, scale, about);
	const columns = Array.from({ length: BINS }, () => h("span", {}, h("span", {})));
	figure2.append(...columns);
	let before = null;
	return {
		element,
		update(state) {
			const probe = state.record?.probes[state.probe];
			if (!probe || !state.reading || !changed(before, state, ["reading", "probe", "readings"])) return;
			before = state;
			const { far, counts, mean, off, many } = residuals(probe, state.readings, state.reading);
			const most = Math.max(...counts, 1);
			columns.forEach((column, i) => {
				column.firstElementChild.style.height = `${100 * counts[i] / most}%`;
				column.title = `${brief(-far + 2 * far * i / BINS)} … ${brief(-far + 2 * far * (i + 1) / BINS)}: ${plural(counts[i], "sample")}`;
			});
			say(
				/** @type {Element} */
				scale.firstElementChild,
				brief(-far)
			);
			say(
				/** @type {Element} */
				scale.lastElementChild,
				brief(far)
			);
			const words = many ? `step ${count(state.reading.step)}: mean ${brief(mean)}, root of the mean square ${brief(off)}, ${plural(many, "sample")}` : "There are no targets to compare with.";
			say(about, words);
			figure2.setAttribute("aria-label", `Residuals, ${words}`);
		}
	};
}

// src/dynamics/spikes.js
var MOST6 = 100;
function createSpikes(store) {
	const list = h("div", { class: "nd-spikelist", role: "group", "aria-label": "Loss spikes" });
	const place2 = h("div", { class: "nd-scroll" });
	const element = h("div", { class: "nd-spikes" }, list, place2);
	let before = null;
	return {
		element,
		update(state) {
			const spikes = state.record?.spikes ?? [];
			const chosen = state.spike ?? spikes.length - 1;
			const other = before?.record?.spikes !== state.record?.spikes;
			if (!other && !changed(before, state, ["spike"])) return;
			before = state;
			const from = Math.max(0, spikes.length - MOST6);
			const buttons = spikes.slice(from).map((spike, i) => h("button", { type: "button", class: "nd-spike", "data-key": from + i, "aria-pressed": String(from + i === chosen), onclick: () => choose2(from + i, spike) }, h("span", {}, `◆ step ${count(spike.step)}`), h("span", {}, `${brief(spike.loss)}, usual ${brief(spike.usual)}`)));
			refill(list, ...buttons.reverse());
			refill(place2, ...spikes[chosen] ? bodyOf(spikes[chosen]) : []);
		}
	};
	function choose2(spike, { step }) {
		const { readings } = store.get();
		store.set({ spike, ...readings.length ? { at: nearest(readings, step), playing: false } : {} });
	}
}
function bodyOf({ batch, losses, loss, usual, note }) {
	const words = h("p", { class: "nd-soft" }, `The loss was ${brief(loss)}, ${brief(loss / usual)} times the ${brief(usual)} usual before it. ${batch ? `${plural(losses.data.length, "sample")} of that batch, the largest loss first, measured after the step:` : ""}`);
	const notes = note ? [h("p", {}, ...prose(note))] : [];
	if (!batch) return [words, ...notes];
	const thumb = thumbOf(batch, 64);
	const samples = Array.from({ length: batch.batch.size }, (_, n) => {
		const own = thumb.build();
		thumb.draw(own, n);
		const label = batch.labels?.text[n];
		return h("li", {}, h("span", { class: "nd-thumbplace" }, own), h("span", {}, label === void 0 ? `sample ${n}` : shorten(label, 30)), h("span", { class: "nd-soft" }, `loss ${brief(losses.data[n] ?? NaN)}`));
	});
	return [words, ...notes, h("ul", { class: "nd-spikesamples" }, ...samples)];
}

// src/dynamics/trajectory.js
var MOST7 = 6;
function createTrajectory(store, around, leave) {
	const title = h("span", { class: "nd-charttitle" });
	const close = button("✕", shut, { class: "nd-small", "aria-label": "Close this sample" });
	const place2 = h("span", { class: "nd-thumbplace" });
	const facts = h("dl", { class: "nd-facts" });
	const [main, loss] = [createPlot("Prediction", 138, around), createPlot("Loss of the sample", 92, around)];
	const element = h("section", { class: "nd-sample", "aria-label": "The sample chosen, through time", hidden: true }, h("div", { class: "nd-samplehead" }, title, close), h("div", { class: "nd-samplebody" }, h("div", { class: "nd-sampleside" }, place2, facts), h("div", { class: "nd-sampleplots" }, main.element, loss.element)));
	element.addEventListener("keydown", (event) => {
		if (event.key !== "Escape") return;
		shut();
		event.stopPropagation();
	});
	function shut() {
		store.set({ sample: null });
		leave();
	}
	let before = null;
	return {
		element,
		update(state) {
			const probe = state.record?.probes[state.probe];
			const { sample, reading, readings } = state;
			element.hidden = sample === null || !probe || !reading;
			if (sample === null || !probe || !reading) {
				before = state;
				return;
			}
			const other = changed(before, state, ["sample", "probe"]);
			if (other) showSample(probe, sample);
			if (other || changed(before, state, ["reading"])) showFacts(probe, reading, sample);
			if (other || changed(before, state, ["readings"])) showLines(probe, readings, sample);
			before = state;
		},
		destroy() {
			main.destroy();
			loss.destroy();
		}
	};
	function showSample(probe, sample) {
		const target = targetText(probe, sample);
		say(title, `Sample ${sample}${target ? `, target ${shorten(target, 60)}` : ""}`);
		const thumb = thumbOf(probe.batch, 84);
		const made = thumb.build();
		fill(place2, made);
		thumb.draw(made, sample);
	}
	function showFacts(probe, reading, sample) {
		const { icon, tone } = verdictOf(reading, sample);
		const guess = guessText(probe, reading, sample);
		const guessed = reading.guesses.shape.length === 1;
		const all = [["step", count(reading.step), ""], ["predicts", guess && `${icon} ${shorten(guess, 40)}`.trim(), "the likeliest class"], ["loss", figureOf(reading.losses, sample), MEANINGS.loss], ["confidence", figureOf(reading.confidence, sample), "probability of the likeliest class"], ["margin", figureOf(reading.margin, sample), MEANINGS.margin], ["jitter", figureOf(reading.jitter, sample), MEANINGS.jitter], ["flips", guessed ? figureOf(reading.flips, sample) : "", MEANINGS.flips], ["forgotten", guessed ? figureOf(reading.forgotten, sample) : "", MEANINGS.forgotten]];
		fill(facts, ...all.filter(([, value]) => value !== "").flatMap(([name, value, hint]) => [h("dt", { title: hint || null }, name), h("dd", { "data-tone": name === "predicts" ? tone || null : null }, value)]));
	}
	function showLines(probe, readings, sample) {
		const x = Float64Array.from(readings, (one) => one.step);
		const { lines, words } = linesOf(probe, readings, sample);
		main.element.hidden = lines.length === 0;
		say(
			/** @type {Element} */
			main.caption.firstElementChild,
			words
		);
		const flips = readings.filter((one, t) => t > 0 && one.flips.data[sample] > readings[t - 1].flips.data[sample]).map((one) => one.step);
		attribute(main.element, "title", flips.length ? "▴ the likeliest class changed" : null);
		if (lines.length) main.show({ x, lines, log: false, zero: hasClasses(probe), broken: [], flips });
		const losses = readings.map(({ losses: own }) => Number.isFinite(own.data[sample]) ? own.data[sample] : null);
		loss.element.hidden = losses.every((value) => value === null);
		if (!loss.element.hidden) loss.show({ x, lines: [{ name: "", row: losses, colour: 0 }], log: false, zero: true, broken: [] });
	}
}
var figureOf = ({ data }, sample) => Number.isNaN(data[sample]) || data[sample] === void 0 ? "" : brief(data[sample]);
function linesOf(probe, readings, sample) {
	if (hasClasses(probe)) return { words: "Probability of its classes", lines: classLines(probe, readings, sample) };
	if (probe.task === "regression") return { words: "Prediction and target", lines: numberLines(probe, readings, sample) };
	if (probe.task === "segmentation") {
		const row = readings.map((one) => rightShare(probe, one, sample)).map((share2) => Number.isNaN(share2) ? null : share2);
		return { words: "Share of right pixels", lines: row.every((share2) => share2 === null) ? [] : [{ name: "", row, colour: 2 }] };
	}
	return { words: "", lines: [] };
}
function classLines(probe, readings, sample) {
	const shares = readings.map((one) => probabilities(probe, one, sample));
	const columns = shares[0]?.length ?? 0;
	const targets = targetColumns(probe, sample);
	const guessed = new Set(readings.map((one) => columnOf(probe, one.guesses.data[sample])));
	const most = Array.from({ length: columns }, (_, c) => shares.reduce((best, row) => Math.max(best, row[c]), 0));
	const rank = (c) => targets.includes(c) ? 2 : guessed.has(c) ? 1 : 0;
	const chosen = most.map((_, c) => c).sort((a, b) => rank(b) - rank(a) || most[b] - most[a]).slice(0, MOST7);
	return chosen.map((c, i) => ({
		name: `${columnName(probe, c)}${targets.includes(c) ? " (target)" : ""}`,
		row: shares.map((row) => Number.isFinite(row[c]) ? row[c] : null),
		colour: targets.includes(c) ? 2 : [0, 1, 3, 4, 5, 6, 7][i % 7],
		dash: targets.includes(c) ? void 0 : [[6, 3], [2, 3], [8, 3, 2, 3]][i % 3]
	}));
}
function numberLines(probe, readings, sample) {
	const targets = probe.targets ? rowOf(probe.targets, sample) : null;
	const columns = Math.min(readings[0]?.values.shape[1] ?? 0, 3);
	return Array.from({ length: columns }, (_, c) => c).flatMap((c) => {
		const name = probe.classes[c] ?? (columns > 1 ? String(c) : "prediction");
		const own = { name, colour: c, row: readings.map((one) => rowOf(one.values, sample)[c]).map((value) => Number.isFinite(value) ? value : null) };
		return targets ? [own, { name: `target${columns > 1 ? ` ${name}` : ""}`, colour: c, dash: [4, 4], row: readings.map(() => targets[c]) }] : [own];
	});
}

// src/dynamics/words.js
var MOST8 = 160;
var LINE2 = 22;
var FULL = 6;
var GREAT = 3;
function vocabulary(item) {
	return new Map(Array.from(item.ids.data, (id, i) => [id, item.pieces[item.index.data[i]] ?? "?"]));
}
function wordCells(_, probe, reading, built) {
	const first = probe.batch.inputs.find((one) => one.decoder === "text");
	const item = first?.decoder === "text" ? first : null;
	const length = reading.values.shape[1] ?? 0;
	const shown = Math.min(length, MOST8);
	const lines = Math.min(Math.max(Math.ceil(shown / 10), 1), 6);
	const known = item ? vocabulary(item) : new Map();
	const width = item?.ids.shape[1] ?? 0;
	const own = (sample, t) => item && t < width ? item.pieces[item.index.data[sample * width + t]] ?? "?" : "·";
	const word = (id) => id === void 0 || id < 0 ? "" : known.get(id) ?? `#${id}`;
	const piece = (sample, t) => (probe.targets ? word(rowOf(probe.targets, sample)[t]) : "") || own(sample, t);
	function build(cell, sample) {
		const spans = Array.from({ length: shown }, (__, t) => h("span", { class: "nd-token", "data-token": t }, visible(piece(sample, t))));
		const side = h("span", { class: "nd-side" });
		const text = h("div", { class: "nd-tokens" }, ...spans, length > shown && h("span", { class: "nd-soft" }, `… ${length - shown} more`));
		fill(cell, h("div", { class: "nd-sentence" }, side, text));
		const parts = { spans, side, sample, probe };
		built.set(cell, parts);
		return parts;
	}
	function tell(sample, t) {
		const loss = rowOf(reading.values, sample)[t];
		const guess = word(rowOf(reading.guesses, sample)[t]);
		return `sample ${sample}, place ${t} “${shorten(piece(sample, t), 40)}”: ${Number.isNaN(loss) ? "no loss" : `loss ${brief(loss)}`}${guess && `, guess “${shorten(guess, 40)}”`}`;
	}
	return {
		cellWidth: 0,
		cellHeight: lines * LINE2 + 8,
		gap: 0,
		single: true,
		name: (sample) => `sample ${sample}, mean loss ${brief(reading.losses.data[sample])}: ${shorten(Array.from({ length: Math.min(shown, 30) }, (__, t) => piece(sample, t)).join(" "), 200)}`,
		draw(cell, sample) {
			const found = built.get(cell);
			const parts = found?.sample === sample && found.probe === probe ? found : build(cell, sample);
			const losses = rowOf(reading.values, sample);
			parts.spans.forEach((span2, t) => {
				const loss = losses[t];
				span2.style.setProperty("--nd-part", `${Number.isNaN(loss) ? 0 : Math.round(Math.min(loss / FULL, 1) * 70)}%`);
				attribute(span2, "data-great", loss >= GREAT);
			});
			say(parts.side, `${sample}  ${brief(reading.losses.data[sample])}`);
		},
		probe(sample, event) {
			const span2 = (
				/** @type {HTMLElement | null} */
				/** @type {Element} */
				event.target.closest?.("[data-token]")
			);
			return span2 ? tell(sample, Number(span2.dataset.token)) : `sample ${sample}, mean loss ${brief(reading.losses.data[sample])}`;
		}
	};
}

// src/dynamics/panel.js
var SORTS = ["index", "loss", "flips", "jitter", "forgotten", "margin"];
var CELLS = { segmentation: maskCells, "language-model": wordCells };
function nameOf3(tab, task) {
	if (tab === "predictions") return { regression: "Samples", segmentation: "Masks", "language-model": "Tokens", other: "Losses" }[
		/** @type {string} */
		task
	] ?? "Probabilities";
	if (tab === "paths") return task === "regression" ? "Against target" : "Paths";
	return { confusion: "Confusion", residuals: "Residuals", compare: "Compared", spikes: "◆ Spikes" }[tab];
}
function createPanel(store, around) {
	const title = h("span", { class: "nd-charttitle nd-paneltitle" });
	const probe = choice("Probe", (value) => store.set({ probe: Number(value), sample: null, at: null }));
	const sort = choice("Sort", (value) => store.set({ sort: (
		/** @type {SortKey} */
		value
	) }));
	const tabs = h("span", { class: "nd-buttons", role: "group", "aria-label": "Panels" });
	const head = h("div", { class: "nd-panelhead" }, title, h("span", { class: "nd-paneltools" }, probe.element, sort.element, tabs));
	const body = h("div", { class: "nd-panelbody" });
	const empty = h("p", { class: "nd-soft nd-none" }, "No prediction has been read yet.");
	const trajectory = createTrajectory(store, around, () => {
		const view = (
			/** @type {View & { focus?: () => void } | undefined} */
			views3.get(current)
		);
		view?.focus?.();
	});
	const element = h("section", { class: "nd-panel", "aria-label": "Predictions on the probe batch" }, head, empty, body, trajectory.element);
	const views3 = new Map();
	const buttons = new Map();
	let current = "";
	let written = "";
	function make(tab, task) {
		if (tab === "compare") return createCompare(store);
		if (tab === "spikes") return createSpikes(store);
		if (tab === "confusion") return createConfusion(store);
		if (tab === "residuals") return createResiduals();
		if (tab === "paths") return task === "regression" ? createScatter(store) : createPaths(store);
		return createPredictions(store, CELLS[task], task === "segmentation" ? maskLegend : void 0);
	}
	function writeTabs(all, task) {
		const key = `${task} ${all.join(" ")}`;
		if (key === written) return;
		written = key;
		for (const tab of all) if (!buttons.has(tab)) buttons.set(tab, button("", () => store.set({ tab })));
		for (const [tab, own] of buttons) {
			say(own, nameOf3(tab, task));
			if (!all.includes(tab)) own.remove();
			else if (!own.isConnected) tabs.append(own);
		}
		tabs.hidden = all.length < 2;
	}
	let before = null;
	return {
		element,
		update(state) {
			const { record, reading, tab } = state;
			const own = record?.probes[state.probe];
			const task = own?.task ?? "other";
			if (changed(before, state, ["record", "probe", "tab", "pinned", "sort"])) writeHead(state, own, task);
			before = state;
			const shown = tab === "spikes" || Boolean(own && reading);
			empty.hidden = shown;
			body.hidden = !shown;
			if (shown) {
				const key = `${tab} ${task}`;
				const view = views3.get(key) ?? make(tab, task);
				views3.set(key, view);
				if (key !== current) fill(body, view.element);
				current = key;
				view.update(state);
			}
			trajectory.update(state);
		},
		restyle: () => views3.get(current)?.restyle?.(),
		destroy() {
			for (const view of views3.values()) view.destroy?.();
			trajectory.destroy?.();
		}
	};
	function writeHead(state, own, task) {
		const samples = own?.batch.batch.size ?? 0;
		say(title, own ? `Probe batch, ${plural(samples, "sample")}` : "Predictions");
		attribute(title, "title", own ? tooltip(`${own.chosen}; from ${own.split}; read in ${own.train_mode ? "train" : "eval"} mode`) : null);
		const all = state.record?.probes ?? [];
		probe.element.hidden = all.length < 2;
		probe.show(all.map((one, i) => [String(i), shorten(`${one.split}${one.train_mode ? ", train mode" : ""}: ${one.chosen}`, 40)]), String(state.probe));
		const numbers = task === "regression" || task === "other" || task === "language-model";
		sort.element.hidden = !own || state.tab !== "predictions";
		sort.show(SORTS.filter((key) => !numbers || ["index", "loss", "jitter"].includes(key)).map((key) => [key, key]), state.sort);
		attribute(sort.element, "title", MEANINGS[state.sort]);
		writeTabs(tabsOf(state), task);
		for (const [tab, one] of buttons) attribute(one, "aria-pressed", String(tab === state.tab));
	}
}

// src/dynamics/timeline.js
var LENGTH = 1e4;
var SHORTEST = 100;
var MOST_MARKS = 60;
var MOST_WORDS = 30;
function createTimeline(store) {
	const play = button("▶", () => toggle(), { class: "nd-play", "aria-label": "Play" });
	const range = h("input", { type: "range", min: 0, max: 0, step: 1, value: 0, "aria-label": "Reading of the probe batch", class: "nd-scrubber" });
	const marks = h("div", { class: "nd-marks" });
	const at = h("span", { class: "nd-at" });
	const newest = button("newest", () => store.set({ at: null, playing: false }), { class: "nd-small", title: "follow the newest reading" });
	const pin = button("Compare this", compare, { class: "nd-small" });
	const words = h("div", { class: "nd-words", role: "log", "aria-label": "What happened" });
	const element = h("div", { class: "nd-timeline" }, h("div", { class: "nd-timeline-row" }, play, h("div", { class: "nd-track" }, marks, range), at, newest, pin), words);
	let timer = 0;
	range.addEventListener("input", () => goTo(Number(range.value)));
	range.addEventListener("keydown", (event) => {
		const { readings, at: now } = store.get();
		const last = readings.length - 1;
		const here = now ?? last;
		const page = Math.max(1, Math.round(last / 10));
		const to = { ArrowLeft: here - 1, ArrowDown: here - 1, ArrowRight: here + 1, ArrowUp: here + 1, Home: 0, End: last, PageUp: here + page, PageDown: here - page }[event.key];
		if (event.key === " ") toggle();
		else if (to === void 0 || last < 0) return;
		else look(to);
		event.preventDefault();
		event.stopPropagation();
	});
	function look(place2) {
		const last = store.get().readings.length - 1;
		store.set({ at: place2 >= last ? null : Math.max(place2, 0), playing: false });
	}
	function goTo(step) {
		const { readings } = store.get();
		if (readings.length) look(nearest(readings, step));
	}
	function toggle() {
		const { playing, at: now, readings } = store.get();
		if (readings.length < 2) return;
		store.set({ playing: !playing, at: playing ? now : now ?? 0 });
	}
	function advance() {
		const { at: now, readings } = store.get();
		const pace = Math.max(1, Math.round(readings.length / (LENGTH / SHORTEST)));
		const next = (now ?? readings.length) + pace;
		store.set(next >= readings.length - 1 ? { at: null, playing: false } : { at: next });
	}
	function compare() {
		const { reading, pinned } = store.get();
		if (!reading) return;
		const rest = pinned.filter((step) => step !== reading.step);
		const now = rest.length < pinned.length ? rest : [...pinned.slice(-1), reading.step];
		store.set({ pinned: now, tab: now.length === 2 ? "compare" : store.get().tab });
	}
	function follow(moment) {
		goTo(moment.step);
		const spike = store.get().record?.spikes.findIndex((one) => one.step === moment.step) ?? -1;
		if (moment.kind === "spike" && spike >= 0) store.set({ tab: "spikes", spike });
	}
	function writeMarks({ record, readings, pinned }) {
		const [from, to] = [readings[0]?.step ?? 0, readings.at(-1)?.step ?? 1];
		const where = (step) => `calc(8px + ${Math.min(Math.max((step - from) / (to - from || 1), 0), 1)} * (100% - 16px))`;
		const shown = (record?.moments ?? []).slice(-MOST_MARKS).map((moment) => {
			const { icon, tone, word } = signOf(moment);
			const text = `step ${count(moment.step)}, ${word}: ${moment.text}`;
			const mark = h("button", { type: "button", class: "nd-mark", tabindex: -1, "data-key": `${moment.kind} ${moment.step}`, "data-tone": tone, title: tooltip(text), "aria-label": shorten(text, 200), onclick: () => follow(moment) }, icon);
			mark.style.left = where(moment.step);
			return mark;
		});
		const held2 = pinned.map((step, i) => {
			const mark = h("span", { class: "nd-mark nd-held", title: `compared: step ${count(step)}` }, i ? "B" : "A");
			mark.style.left = where(step);
			return mark;
		});
		refill(marks, ...shown, ...held2);
	}
	function writeWords({ record }) {
		const moments = told(record?.moments ?? []);
		const shown = moments.slice(-MOST_WORDS).reverse();
		refill(words, ...shown.map((moment) => {
			const { icon, tone } = signOf(moment);
			return h("button", { type: "button", class: "nd-word", "data-key": `${moment.kind} ${moment.step}`, "data-tone": tone, title: tooltip(`step ${count(moment.step)}: ${moment.text}`), onclick: () => follow(moment) }, h("span", { "aria-hidden": true }, icon), h("span", {}, shorten(moment.text, 400)), h("span", { class: "nd-soft" }, `step ${count(moment.step)}`));
		}), moments.length > shown.length && h("span", { class: "nd-soft" }, `and ${plural(moments.length - shown.length, "earlier one")}`));
		words.hidden = shown.length === 0;
	}
	let before = null;
	return {
		element,
		update(state) {
			const { readings, reading, playing } = state;
			if (playing && !timer) timer = setInterval(advance, SHORTEST);
			if (!playing && timer) {
				clearInterval(timer);
				timer = 0;
			}
			const happened = before?.record?.moments !== state.record?.moments;
			if (happened || changed(before, state, ["pinned", "readings"])) writeMarks(state);
			if (happened) writeWords(state);
			const moved = changed(before, state, ["readings", "reading", "at", "playing", "pinned"]);
			before = state;
			if (!moved) return;
			attribute(range, "min", readings[0]?.step ?? 0);
			attribute(range, "max", readings.at(-1)?.step ?? 0);
			const step = reading?.step ?? 0;
			if (Number(range.value) !== step) range.value = String(step);
			const many = readings.length;
			const place2 = state.at ?? many - 1;
			const share2 = many > 1 ? (step - readings[0].step) / (readings[many - 1].step - readings[0].step || 1) : 0;
			range.style.setProperty("--nd-share", `${100 * share2}%`);
			attribute(range, "aria-valuetext", many ? `step ${count(step)}, reading ${count(place2 + 1)} of ${count(many)}` : "no reading yet");
			attribute(range, "aria-disabled", many < 2 ? "true" : null);
			attribute(range, "title", many ? `reading ${count(place2 + 1)} of ${count(many)}; arrow keys step from reading to reading` : null);
			say(at, many ? count(step) : "–");
			say(play, playing ? "❚❚" : "▶");
			attribute(play, "aria-label", playing ? "Stop playing" : "Play");
			enable(play, { reason: many < 2 ? "there is only one reading yet" : "", title: playing ? "stop playing" : "play the readings" });
			enable(newest, { reason: state.at === null ? "the newest reading is shown" : "", title: "follow the newest reading" });
			const taken = state.pinned.includes(step) && many > 0;
			say(pin, taken ? "✓ Compared" : "Compare this");
			attribute(pin, "aria-pressed", String(taken));
			enable(pin, { reason: many ? "" : "there is no reading yet", title: state.pinned.length === 1 && !taken ? "compare this moment with the one chosen before" : taken ? "do not compare this moment any more" : "choose this moment; choose a second one to see what changed between them" });
		},
		destroy: () => clearInterval(timer)
	};
}

// src/dynamics.js
var SECOND = 1e3;
var MOST_BEATS = 5;
function answerWords(payload) {
	if (typeof payload?.text === "string") return payload.text;
	if (typeof payload?.path === "string") return `saved to ${payload.path}`;
	return typeof payload?.step === "number" ? `pinned step ${count(payload.step)}` : "";
}
function render({ model, el }, memory) {
	const requests = createRequests(model);
	const store = createStore(INITIAL, derive);
	const fold = createFold();
	let beats = 0;
	async function ask(method, params = {}) {
		if (store.get().pending.includes(method)) return null;
		store.set({ pending: [...store.get().pending, method], failure: null, said: "" });
		const settle = () => store.get().pending.filter((one) => one !== method);
		try {
			const payload = await requests.ask(method, params);
			store.set({ pending: settle(), said: answerWords(payload) });
			return payload ?? {};
		} catch (error) {
			store.set({ pending: settle(), failure: error instanceof Error ? error.message : String(error) });
			return null;
		}
	}
	function beat() {
		const state = store.get();
		if (!isUnderWay(state) || state.status.live === "on" || state.status.following || beats >= MOST_BEATS) return;
		beats++;
		const heard = () => void beats--;
		requests.ask("beat").then(heard, heard);
	}
	const around = createAround(store);
	const [header, notices, charts, panel, timeline] = [createHeader(store, ask), createNotices(store, ask), createCharts(store, around), createPanel(store, around), createTimeline(store)];
	const views3 = [header, notices, charts, panel, timeline];
	const body = h("div", { class: "nd-body" }, charts.element, panel.element);
	const sheet = h("div", { class: "nb-sheet" }, header.element, notices.element, body, timeline.element);
	const root = h("div", { class: "nbinspect nb-dynamics", onfocusin: keepKeys }, sheet);
	let frame = 0;
	let streaming = false;
	function draw() {
		cancelAnimationFrame(frame);
		frame = 0;
		const state = store.get();
		body.classList.toggle("nd-fresh", !state.record?.traces.length && !state.readings.length);
		for (const view of views3) view.update(state);
	}
	let shown = "";
	const stop = store.subscribe((state) => {
		const now = `${state.probe} ${state.sample}`;
		if (now !== shown && !streaming) picked.tell([state.probe, state.sample]);
		shown = now;
		if (!streaming) {
			memory.last = choicesOf(state);
			draw();
		} else if (!frame) frame = requestAnimationFrame(draw);
	});
	function reads(name, patch) {
		const read = () => {
			streaming = true;
			try {
				store.set(patch(unpack(model.get(name))));
				follow();
			} catch (error) {
				store.set({ failure: `what the kernel sent could not be shown: ${error instanceof Error ? error.message : error}` });
			} finally {
				streaming = false;
			}
		};
		model.on(`change:${name}`, read);
		return { name, read };
	}
	const picked = createPicked(model, ["probe", "sample"], follow);
	function follow() {
		const [probe, sample] = picked.values();
		const state = store.get();
		const same = state.probe === (probe ?? 0);
		if (same && state.sample === sample) return;
		streaming = true;
		store.set({ probe: probe ?? 0, sample, ...same ? {} : { at: null } });
		streaming = false;
	}
	const traits = [
		reads("history", (history) => ({ record: fold.replace(history ?? null) })),
		reads("news", (news) => ({ record: fold.append(news ?? null) })),
		reads("status", (status) => ({ status: { ...INITIAL.status, ...status } }))
	];
	el.append(root);
	const unfollow = followTheme(root, sheet);
	const kept2 = memory.last;
	for (const { read } of traits) read();
	streaming = true;
	if (kept2) choose(store, kept2);
	streaming = false;
	follow();
	draw();
	let placed = false;
	const pulse = setInterval(() => {
		if (placed && !el.parentNode) end();
		else beat();
		placed ||= Boolean(el.parentNode);
	}, SECOND);
	const themed = new MutationObserver(() => views3.forEach((view) => view.restyle?.()));
	themed.observe(root, { attributes: true, attributeFilter: ["data-theme"] });
	let over = false;
	function end() {
		if (over) return;
		over = true;
		for (const { name, read } of traits) model.off(`change:${name}`, read);
		picked.close();
		clearInterval(pulse);
		cancelAnimationFrame(frame);
		themed.disconnect();
		stop();
		unfollow();
		requests.close();
		for (const view of views3) view.destroy?.();
		root.remove();
	}
	return end;
}
function views2() {
	const memory = { last: null };
	return { render: (place2) => render(place2, memory) };
}
export {
	views2 as default
};
