// The page comes to life: dials, keys, first pictures.

const settings = JSON.parse(document.getElementById('settings').textContent);

const DIALS = [
  ['m', 'workers, m', 1],
  ['mean', 'mean step, s', 0.05],
  ['cv', 'CV of a step', 0.01],
  ['persist', 'persistence', 0.01],
  ['slow', 'a slow worker', 0.1],
  ['comm', 'delay, s', 0.01],
  ['eta', 'step size η', 0.001],
  ['seed', 'seed', 1],
];
const SLIDES = { m: [1, 32], mean: [0.05, 2], cv: [0, 3], persist: [0, 0.9], slow: [1, 5], comm: [0, 2], eta: [0.005, 0.25], seed: [0, 50] };
const HELP = { slow: 'how many times slower worker 0 is', comm: 'added to every step of every worker, as for sending gradients', cv: 'standard deviation over mean',
  persist: 'correlation between a step of a worker and its next: slow steps come in a row' };

function picker(side, label) {
  const row = document.createElement('div');
  row.className = 'dial';
  const numbers = document.createElement('span');
  numbers.className = 'numbers';
  const select = Object.assign(document.createElement('select'), { id: `policy-${side}` });
  select.append(...presets.map((preset) => Object.assign(document.createElement('option'), { value: preset, textContent: preset.split(':')[0] })));
  const name = document.createElement('label');
  Object.assign(name, { htmlFor: select.id, textContent: label, className: side });
  name.style.display = 'block';
  const show = () => {
    const [chosen, ...parts] = state[side].split(':');
    select.value = presets.find((preset) => preset.split(':')[0] === chosen) ?? presets[0];
    const own = parts.map((part, i) => {
      const input = Object.assign(document.createElement('input'), { type: 'number', min: 0, step: 'any', value: part });
      input.setAttribute('aria-label', `${chosen}, number ${i + 1}`);
      input.addEventListener('input', () => { if (input.value !== '') { parts[i] = input.value; state[side] = [chosen, ...parts].join(':'); dialsChanged(false); } });
      return input;
    });
    numbers.replaceChildren(select, ...own);
  };
  select.addEventListener('input', () => { state[side] = select.value; dialsChanged(); });
  row.append(name, numbers);
  return [row, show];
}

function slider([name, label, step]) {
  const row = document.createElement('label');
  const span = Object.assign(document.createElement('span'), { textContent: label, title: HELP[name] ?? '' });
  const both = Object.assign(document.createElement('span'), { className: 'slide' });
  const [low, high] = SLIDES[name];
  const range = Object.assign(document.createElement('input'), { type: 'range', id: `slide-${name}`, min: low, max: high, step });
  const number = Object.assign(document.createElement('input'), { type: 'number', id: `dial-${name}`, min: BOUNDS[name][0], max: BOUNDS[name][1], step: 'any' });
  range.setAttribute('aria-label', label);
  number.setAttribute('aria-label', `${label}, exactly`);
  range.addEventListener('input', () => { setNumber(name, range.value); dialsChanged(); });
  number.addEventListener('change', () => { setNumber(name, number.value); dialsChanged(); });
  both.append(range, number);
  row.append(span, both);
  const show = () => {
    const law = LAWS[state.law];
    const fixed = { mean: !law, cv: !law || law.cv[0] === law.cv[1], persist: !law || law.cv[1] === 0 }[name] ?? false;
    // What was measured is not to be turned, and is shown as it is.
    const value = law ? state[name] : { mean: seen.mean_s, cv: seen.cv, persist: seen.persistence ?? 0 }[name] ?? state[name];
    range.value = value;
    number.value = Number(value.toPrecision(law ? 6 : 4));
    range.disabled = number.disabled = fixed;
  };
  return [row, show];
}

const shows = [];
let lawSelect;

// The laws of what was measured stand in the list while it is there.
function offerMeasured() {
  for (const [law, text] of [['trace', measured && 'your data'], ['profile', settings.profile?.name]]) {
    const offered = [...lawSelect.options].find((option) => option.value === law);
    if (offered && !text) offered.remove();
    else if (text && !offered) lawSelect.append(new Option(text, law));
  }
}

function startDials() {
  const form = document.getElementById('dials');
  form.addEventListener('submit', (event) => event.preventDefault());
  const add = ([row, show]) => { form.append(row); shows.push(show); };
  add(picker('a', 'policy A'));
  add(picker('b', 'policy B'));
  lawSelect = Object.assign(document.createElement('select'), { id: 'law' });
  lawSelect.append(...Object.keys(LAWS).map((law) => new Option(law, law)));
  lawSelect.addEventListener('input', () => { state.law = lawSelect.value; keepPossible(); dialsChanged(); });
  const law = document.createElement('label');
  law.append(Object.assign(document.createElement('span'), { textContent: 'law of a step' }), lawSelect);
  add([law, () => { lawSelect.value = state.law; }]);
  const keep = Object.assign(document.createElement('select'), { id: 'keep' });
  keep.append(...KEEPS.map((how) => new Option(how, how)));
  keep.addEventListener('input', () => { state.keep = keep.value; dialsChanged(); });
  const kept = document.createElement('label');
  kept.append(Object.assign(document.createElement('span'), { textContent: 'draws keep', title: 'what draws from your data keep of it: nothing, who is slow, what coincides, what lasts' }), keep);
  add([kept, () => { keep.value = state.keep; kept.hidden = state.law !== 'trace'; }]);
  DIALS.forEach((dial) => add(slider(dial)));
}

let soon = 0;
// The law as it is: mean, CV, persistence.
let seen = null;

// Something was turned: the lanes follow at once, the figures when the hand rests.
function dialsChanged(redrawDials = true) {
  keepPossible();
  document.getElementById('failure').hidden = true;
  try {
    seen = ask(`law ${clusterOptions()}`);
    if (redrawDials) shows.forEach((show) => show());
    lanes.stepMean = seen.mean_s + state.comm;
    lanes.asking = null;
    lanes.time = Math.min(lanes.time, 1e6 * lanes.stepMean);
    if (!lanes.playing && lanes.time === 0) lanes.time = span();
    askLanes();
    drawLanes();
    if (!lanes.playing) describeLanes();
  } catch (error) {
    fail(error);
    return;
  }
  document.getElementById('command').textContent = commandLine();
  writeAddress();
  clearTimeout(soon);
  soon = setTimeout(drawCharts, 120);
}

let ask, background, laneEngine, presets;

async function start(bytes) {
  ask = await startEngine(bytes);
  const workers = [startBackground(bytes, ask), startBackground(bytes, ask)];
  background = (question) => workers[0](question);
  // Times that were dropped have to be known wherever something is asked.
  background.remember = (question) => workers.forEach((worker) => worker(question));
  [, laneEngine] = workers;
  presets = ask('policies');
  startDials();
  startData();
  readAddress();
  startTransport();
  startExercise();
  startLessons();
  startPad();
  dialsChanged();
  document.getElementById('copy').addEventListener('click', async () => {
    const command = document.getElementById('command');
    try {
      await navigator.clipboard.writeText(command.textContent);
      document.getElementById('copied').textContent = 'copied';
    } catch {
      getSelection().selectAllChildren(command);
      document.getElementById('copied').textContent = 'selected: copy it with the keys of your system';
    }
  });
  addEventListener('hashchange', () => { if (location.hash.includes('=')) { readAddress(); dialsChanged(); } });
  let narrow = innerWidth;
  addEventListener('resize', () => { if (innerWidth !== narrow) { narrow = innerWidth; dialsChanged(); } });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { hatch = {}; dialsChanged(); });
  document.body.dataset.ready = 'true';
}
