// Worker lanes: two policies over one clock, a row for each worker.

const lanes = { time: 0, playing: false, speed: 0, horizon: 0, from: 0, sides: [], last: 0, asking: null, stepMean: 1 };

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// How much is seen at once, s: some dozen steps.
const span = () => 12 * lanes.stepMean;

// Asked for ahead of time and in the background, so that no frame waits for it.
function lanesQuestion() {
  const from = Math.max(0, lanes.time - 1.5 * span()), until = lanes.time + (4 + 2 ** lanes.speed) * span();
  return [from, until, `lanes ${clusterOptions()} --policies ${policies()} --workers ${state.m} --from ${from} --until ${until}`];
}

function setLanes(from, horizon, sides) {
  if (sides.length === 1) sides.push(sides[0]);
  for (const side of sides) side.instants = instants(side, horizon);
  Object.assign(lanes, { from, horizon, sides, asking: null });
}

// At once: for the first picture, and for jumps of the clock.
function askLanes() {
  const [from, until, question] = lanesQuestion();
  setLanes(from, until, ask(question));
}

function askLanesAhead() {
  if (lanes.asking) return;
  const [from, until, question] = lanesQuestion();
  lanes.asking = question;
  laneEngine(question).then((sides) => { if (lanes.asking === question) setLanes(from, until, sides); }, fail);
}

// Everything that a step of the clock may stop at: updates and ends of tasks.
function instants(side, horizon) {
  return [...side.updates, ...side.tasks.map((task) => task[2])].filter((t) => t < horizon).sort((x, y) => x - y);
}

function stepLanes() {
  const later = lanes.sides.flatMap((side) => side.instants).filter((t) => t > lanes.time + 1e-9 * span());
  if (later.length > 0) moveTo(Math.min(...later));
}

function moveTo(time) {
  lanes.time = time;
  if (time >= lanes.horizon || Math.max(0, time - span()) < lanes.from) askLanes();
  drawLanes();
}

let hatch = {};

function prepare(canvas, rows) {
  const height = 26 + rows * rowHeight(rows);
  const ratio = devicePixelRatio || 1;
  const width = canvas.clientWidth;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.style.height = `${height}px`;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const draw = canvas.getContext('2d');
  draw.setTransform(ratio, 0, 0, ratio, 0, 0);
  draw.clearRect(0, 0, width, height);
  return { draw, width, height };
}

const rowHeight = (rows) => Math.max(5, Math.min(18, 220 / rows));

// Slanted lines for waiting, upright ones for what is thrown away: told apart without colour.
function pattern(draw, name, colour, upright) {
  const key = name + colour;
  if (!hatch[key]) {
    const tile = document.createElement('canvas');
    tile.width = tile.height = 6;
    const ink = tile.getContext('2d');
    ink.strokeStyle = colour;
    ink.lineWidth = upright ? 1 : 1.4;
    ink.beginPath();
    if (upright) { ink.moveTo(1, 0); ink.lineTo(1, 6); ink.moveTo(4, 0); ink.lineTo(4, 6); }
    else { ink.moveTo(-1, 7); ink.lineTo(7, -1); ink.moveTo(-1, 1); ink.lineTo(1, -1); ink.moveTo(5, 7); ink.lineTo(7, 5); }
    ink.stroke();
    hatch[key] = draw.createPattern(tile, 'repeat');
  }
  return hatch[key];
}

function drawSide(canvas, side, colour) {
  const rows = side.workers;
  const { draw, width, height } = prepare(canvas, rows);
  const left = 26, top = 22, each = rowHeight(rows);
  const begin = Math.max(0, lanes.time - span()), end = Math.max(span(), lanes.time);
  const x = (t) => left + (t - begin) / (end - begin) * (width - left - 6);
  const now = x(lanes.time);
  draw.font = '12px system-ui, sans-serif';
  draw.textBaseline = 'middle';
  draw.fillStyle = css('--ink');
  const counted = count(side);
  draw.fillText(`${side.policy}: ${counted.updates} updates with ${counted.gradients} gradients in ${lanes.time.toPrecision(3)} s`, 0, 10);
  // All that has passed is waiting, and what was not is drawn over it.
  draw.fillStyle = pattern(draw, 'wait', css('--wait'), false);
  for (let row = 0; row < rows; row++) draw.fillRect(left, top + row * each + 1, Math.max(0, now - left), each - 2);
  const paper = css('--paper');
  for (const [worker, start, finish, fate] of side.tasks) {
    if (start >= lanes.time || finish <= begin) continue;
    const from = Math.max(left, x(start)), to = Math.min(now, x(finish));
    const y = top + worker * each + 1;
    draw.fillStyle = paper;
    draw.fillRect(from, y, to - from, each - 2);
    draw.fillStyle = fate === -1 ? pattern(draw, 'waste', css('--waste'), true) : colour;
    draw.fillRect(from, y, Math.max(0.5, to - from - 1), each - 2);
  }
  // Lines through all lanes where there is room between them, else ticks above.
  draw.fillStyle = css('--tick');
  const shown = side.updates.filter((update) => update >= begin && update <= lanes.time);
  const tall = shown.length * 12 < width ? rows * each + 3 : 0;
  for (const update of shown) draw.fillRect(x(update) - 0.5, top - 6, 1, 5 + tall);
  draw.fillStyle = css('--soft');
  const label = Math.ceil(11 / each);
  for (let row = 0; row < rows; row += label) draw.fillText(String(row), 2, top + (row + 0.5) * each);
  draw.fillRect(now, top - 7, 1.5, height - top + 7);
}

// Updates and gradients so far: all before the window, and what is in it.
function count(side) {
  const later = side.updates.length - side.updates.findIndex((t) => t > lanes.time);
  const after = side.updates.some((t) => t > lanes.time) ? later : 0;
  const gradients = side.made[1] / Math.max(1, side.made[0]);
  const updates = side.made[0] - after;
  return { updates, gradients: Math.round(updates * gradients) };
}

function drawLanes() {
  if (lanes.sides.length < 2) return;
  const canvases = [document.getElementById('lanes-a'), document.getElementById('lanes-b')];
  drawSide(canvases[0], lanes.sides[0], css('--a'));
  drawSide(canvases[1], lanes.sides[1], css('--b'));
}

function describeLanes() {
  const [a, b] = lanes.sides.map((side) => ({ policy: side.policy, ...count(side) }));
  document.getElementById('lanes-text').textContent = `After ${lanes.time.toPrecision(3)} s: ${a.policy} ${a.updates} updates with `
    + `${a.gradients} gradients, ${b.policy} ${b.updates} updates with ${b.gradients}.`;
}

function setPlaying(playing) {
  lanes.playing = playing;
  const button = document.getElementById('play');
  button.textContent = playing ? 'Pause' : 'Play';
  button.setAttribute('aria-pressed', String(playing));
  if (playing) { lanes.last = performance.now(); requestAnimationFrame(frame); } else describeLanes();
}

function setSpeed(speed) {
  lanes.speed = Math.min(4, Math.max(-2, speed));
  document.getElementById('speed').value = lanes.speed;
  document.getElementById('speed-text').textContent = `an average step lasts ${2 ** -lanes.speed} s`;
}

function frame(now) {
  if (!lanes.playing) return;
  const passed = Math.min(0.1, (now - lanes.last) / 1000);
  lanes.last = now;
  // The clock stands still at the end of what is known: the rest is on its way.
  const next = lanes.time + passed * 2 ** lanes.speed * lanes.stepMean;
  if (next > lanes.horizon - 2 * span()) askLanesAhead();
  if (next < lanes.horizon) moveTo(next);
  requestAnimationFrame(frame);
}

function startTransport() {
  const on = (id, act) => document.getElementById(id).addEventListener('click', act);
  const step = () => { setPlaying(false); stepLanes(); describeLanes(); };
  const rewind = () => { setPlaying(false); moveTo(0); describeLanes(); };
  on('play', () => setPlaying(!lanes.playing));
  on('step', step);
  on('rewind', rewind);
  document.getElementById('speed').addEventListener('input', (event) => setSpeed(Number(event.target.value)));
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest('input, select, textarea, button, a, #ink')) return;
    const act = { ' ': () => setPlaying(!lanes.playing), ArrowRight: step, 0: rewind, '[': () => setSpeed(lanes.speed - 1), ']': () => setSpeed(lanes.speed + 1) }[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  setSpeed(0);
}
