// The page unpacks itself: its program (uPlot and the other scripts) and the simulator stand in it as gzip in base64.

async function unpacked(id) {
  const packed = Uint8Array.from(atob(document.getElementById(id).textContent.trim()), (letter) => letter.charCodeAt(0));
  return new Uint8Array(await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer());
}

function fail(error) {
  const place = document.getElementById('failure');
  place.textContent = error.message;
  place.hidden = false;
}

window.fail = fail;
if (typeof DecompressionStream === 'undefined') {
  fail(new Error('This browser cannot unpack the simulator (it has no DecompressionStream): open the page in Chrome 80, Safari 16.4, Firefox 113, or a later one.'));
} else {
  Promise.all([unpacked('program'), unpacked('module')]).then(([program, module]) => {
    const script = document.createElement('script');
    script.textContent = new TextDecoder().decode(program);
    document.head.append(script);
    return window.start(module);
  }).catch(fail);
}
