// The page unpacks itself: its program (uPlot and the other scripts) and the simulator stand in it as gzip in base 85.

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';

// Four bytes from five digits of Z85; from fewer at the end, one byte less than there are digits.
function bytesOf(text) {
  const valueOf = new Uint8Array(128).map((_, code) => Math.max(0, DIGITS.indexOf(String.fromCharCode(code))));
  const groups = Math.ceil(text.length / 5), missing = 5 * groups - text.length;
  const bytes = new DataView(new ArrayBuffer(4 * groups));
  for (let i = 0; i < groups; i++) {
    let number = 0;
    for (let j = 5 * i; j < 5 * i + 5; j++) number = 85 * number + (j < text.length ? valueOf[text.charCodeAt(j)] : 84);
    bytes.setUint32(4 * i, number);
  }
  return new Uint8Array(bytes.buffer, 0, 4 * groups - missing);
}

async function unpacked(id) {
  const packed = new Blob([bytesOf(document.getElementById(id).textContent)]);
  return new Uint8Array(await new Response(packed.stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer());
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
