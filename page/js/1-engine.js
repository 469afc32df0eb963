// Bridge to the simulator: a question (text, as on the command line) in, an object out.

// The whole of it in one function, so that its own source can start a second engine in a Web Worker.
async function startEngine(bytes) {
  const { instance } = await WebAssembly.instantiate(bytes, {});
  const { memory, input, answer, output } = instance.exports;
  return (question) => {
    const asked = new TextEncoder().encode(question);
    const place = input(asked.length);
    new Uint8Array(memory.buffer, place, asked.length).set(asked);
    const length = answer();
    const answered = JSON.parse(new TextDecoder().decode(new Uint8Array(memory.buffer, output(), length)));
    if (answered && answered.error) throw new Error(answered.error);
    return answered;
  };
}

// What takes longer than a frame is asked here: in a Web Worker, or after the next frame where there can be none.
function startBackground(bytes, direct) {
  const body = `${startEngine}
    const engine = new Promise((begin) => { onmessage = (first) => {
      begin(startEngine(first.data));
      onmessage = async ({ data: [id, question] }) => {
        try { postMessage([id, (await engine)(question)]); } catch (error) { postMessage([id, null, error.message]); }
      };
    }; });`;
  const inPage = (question) => new Promise((done, failed) => setTimeout(() => {
    try { done(direct(question)); } catch (error) { failed(error); }
  }));
  let worker;
  try {
    worker = new Worker(URL.createObjectURL(new Blob([body], { type: 'text/javascript' })));
  } catch {
    return inPage;
  }
  const open = new Map();
  let last = 0;
  worker.onmessage = ({ data: [id, answered, error] }) => {
    const { done, failed } = open.get(id);
    open.delete(id);
    if (error) failed(new Error(error)); else done(answered);
  };
  worker.postMessage(bytes);
  return (question) => new Promise((done, failed) => {
    open.set(++last, { done, failed });
    worker.postMessage([last, question]);
  });
}
