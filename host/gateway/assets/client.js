/* hostConnect("/ws", {message: e => ..., open: ws => ..., close: e => ...}, protocols) */
(()=>{window.hostConnect=(path,on={},protocols=[])=>{
let ws,tries=0,over,calm,again;
const url=new URL(path,location);url.protocol=url.protocol.replace("http","ws");
const wait=()=>Math.random()*Math.min(3e4,500*2**Math.min(tries++,9));
const go=()=>{ws=new WebSocket(url,protocols);
ws.onopen=()=>{calm=setTimeout(()=>tries=0,5e3);on.open?.(ws)};
ws.onmessage=e=>{if(e.data==='["connection.reload",{}]')(on.reload||(()=>setTimeout(()=>location.reload(),Math.random()*1e3)))();else on.message?.(e)};
ws.onclose=e=>{clearTimeout(calm);on.close?.(e);if(!over)again=setTimeout(go,wait())}};
go();
return{send:data=>ws.send(data),close:(code,reason)=>{over=1;clearTimeout(again);ws.close(code,reason)},get socket(){return ws}}}})()
