// A dropped CSV: step times that the simulator draws from. Nothing leaves the browser.

// Seconds in one unit of a column, by the end of its name.
const UNITS = { s: 1, sec: 1, secs: 1, seconds: 1, ms: 1e-3, us: 1e-6, ns: 1e-9 };

function readTable(text) {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/).filter((line) => line.trim() !== '' && !line.startsWith('#'));
  if (lines.length < 2) throw new Error('the file has no rows under a header; give one header line and a line for each step');
  const separator = ['\t', ';', ','].find((mark) => lines[0].includes(mark)) ?? ',';
  const cells = (line) => line.split(separator).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'));
  const header = cells(lines[0]);
  if (header.every((name) => name !== '' && Number.isFinite(Number(name)))) throw new Error('the first line has numbers where names of columns should be; add a header such as step_time_s');
  return { header, rows: lines.slice(1).map(cells) };
}

const unitOf = (name) => UNITS[name.toLowerCase().match(/[_ (.-](s|secs?|seconds|ms|us|ns)\)?$/)?.[1]];

// Which columns hold times, and whose they are: { times, worker, step } or { wide: [columns] }.
function findColumns({ header, rows }) {
  const named = (pattern) => header.findIndex((name) => pattern.test(name));
  const worker = named(/^(worker|rank|gpu|node|replica)(_?id)?$/i), step = named(/^(step|iteration|iter)(_?id)?$/i);
  const wide = header.map((name, i) => [name, i]).filter(([name]) => /^(worker|rank|gpu|node)_?\d+/i.test(name)).map(([, i]) => i);
  if (wide.length > 1) return { wide, step };
  const numeric = (i) => rows.some((row) => row[i] !== '' && Number.isFinite(Number(row[i])));
  const candidates = header.map((_, i) => i).filter((i) => i !== worker && i !== step && numeric(i));
  const times = candidates.find((i) => unitOf(header[i]) !== undefined) ?? candidates.find((i) => /time|duration|latency|elapsed/i.test(header[i]));
  if (times === undefined) throw new Error(`no column says that it holds times (columns: ${header.join(', ').slice(0, 60)}); name one step_time_s or step_time_ms`);
  return { times, worker, step };
}

// Lines of worker, step, seconds for the simulator; workers in the order of their names, numbers first, as `straggle fit` has
// them. What is missing stays missing: it is counted there.
function readTimes(text) {
  const table = readTable(text);
  const columns = findColumns(table);
  const isNumber = (name) => /^-?\d+$/.test(name);
  const byName = (x, y) => (isNumber(x) && isNumber(y) ? x - y : isNumber(y) - isNumber(x) || (x < y ? -1 : Number(x > y)));
  const found = columns.wide ? columns.wide.map((column) => table.header[column])
    : [...new Set(table.rows.map((row) => (columns.worker >= 0 ? row[columns.worker] : '0')))].sort(byName);
  const workers = new Map(found.map((name, i) => [name, i])), lines = [];
  const number = (worker) => workers.get(worker);
  const add = (worker, step, cell, name) => {
    const seconds = cell === undefined || cell === '' ? NaN : Number(cell) * (unitOf(name) ?? 1);
    lines.push(`${number(worker)},${step},${seconds}`);
  };
  const seen = new Map();
  table.rows.forEach((row, i) => {
    if (columns.wide) {
      columns.wide.forEach((column) => add(table.header[column], i, row[column], table.header[column]));
      return;
    }
    const worker = columns.worker >= 0 ? row[columns.worker] : '0';
    // Without a number of its own a step is the worker's next.
    const next = seen.get(worker) ?? 0;
    seen.set(worker, next + 1);
    const step = columns.step >= 0 && /^\d+$/.test(row[columns.step]) ? row[columns.step] : next;
    add(worker, step, row[columns.times], table.header[columns.times]);
  });
  return { lines: lines.join('\n'), names: found, column: columns.wide ? null : table.header[columns.times] };
}

function takeFile(file) {
  const place = document.getElementById('data-result');
  file.text().then((text) => {
    const { lines, names, column } = readTimes(text);
    const name = file.name.replace(/[(),']/g, '_').slice(0, 60);
    // A profile of other times is gone with them.
    if (settings.profile?.data) { settings.profile = null; offerMeasured(); }
    takeTimes({ name, typed: column && column !== 'step_time_s' ? `${name}, ${column}` : name, lines, names });
    state.law = 'trace';
    dialsChanged();
  }).catch((error) => {
    place.replaceChildren(Object.assign(document.createElement('p'), { className: 'error', textContent: `${file.name.slice(0, 60)}: ${error.message}.` }));
  });
}

// Makes the times known wherever something is asked, says what they are, and keeps of them what matters.
function takeTimes(data) {
  const question = `data\n${data.lines}`;
  const seen = ask(question);
  background.remember(question);
  measured = data;
  offerMeasured();
  state.keep = seen.keeps;
  document.getElementById('data-result').replaceChildren(...describe(seen, data.name, data.names));
  return seen;
}

const KEPT = { 'by-worker': 'which worker is slow', 'rows': 'what all workers have in common at a step', 'blocks:8': 'what all workers have in common, and what lasts from step to step' };

function describe(seen, name, names) {
  const line = (text) => Object.assign(document.createElement('p'), { textContent: text });
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  const figure = (picture, words) => {
    const made = document.createElement('figure');
    made.style.maxWidth = '30rem';
    picture.setAttribute('aria-label', words);
    made.append(picture, Object.assign(document.createElement('figcaption'), { textContent: words }));
    return made;
  };
  const lines = [line(`${name}: ${seen.count} times of ${seen.workers} worker${seen.workers === 1 ? '' : 's'}${seen.dropped > 0 ? `, ${seen.dropped} cells left out (empty, zero or no number)` : ''}. `
    + `Mean ${short(seen.mean_s)} s, coefficient of variation ${short(seen.cv)}, median ${short(seen.p50_s)} s, 99 % below ${short(seen.p99_s)} s. `
    + `Waiting for the slowest of 8 takes ${short(seen.slowest_of_8)} times an average step.`)];
  if (seen.shares) {
    const [worker, step, rest] = seen.shares;
    lines.push(figure(bars([{ label: 'worker', value: worker, colour: '--a', text: percent(worker) }, { label: 'step', value: step, colour: '--b', text: percent(step) },
      { label: 'rest', value: rest, colour: '--waste', text: percent(rest) }], { most: 1.2 }), `Where the variance comes from: ${percent(worker)} is who the worker is, `
      + `${percent(step)} is what all workers have in common at a step, ${percent(rest)} is neither. Correlation from a step to the next: ${short(seen.lag1)}.`));
  } else {
    lines.push(line('With columns worker and step the page can say how much of the scatter belongs to single workers, and how much all of them share.'));
  }
  for (const advice of seen.advice) lines.push(line(advice.replace(/\(worker (\d+) in order of appearance most/, (_, i) => `(${names[i].slice(0, 30)} most`)));
  if (seen.fits.length > 0) {
    lines.push(figure(bars(seen.fits.map(([law, distance], i) => ({ label: law.split('(')[0], value: distance, colour: '--a', hollow: i > 0, text: `${(100 * distance).toFixed(1)} %` }))),
      `Laws with the same mean and standard deviation, and how far their distribution functions are from the measured one at most. Nearest: ${seen.fits[0][0]}.`));
  }
  lines.push(line('The laboratory above runs on these times now: its table says which policy gets most done, and its dials what would change that. '
    + (seen.keeps === 'pooled' ? 'Every step is one of them, at random.' : `Its draws keep ${KEPT[seen.keeps]}; set “draws keep” to pooled to see what forgetting it would say.`)));
  return lines;
}

function startData() {
  const drop = document.getElementById('drop');
  const over = (is) => (event) => { event.preventDefault(); drop.classList.toggle('over', is); };
  drop.addEventListener('dragover', over(true));
  drop.addEventListener('dragleave', over(false));
  drop.addEventListener('drop', (event) => { over(false)(event); if (event.dataTransfer.files[0]) takeFile(event.dataTransfer.files[0]); });
  document.getElementById('file').addEventListener('change', (event) => { if (event.target.files[0]) takeFile(event.target.files[0]); });
  // What the page was made with is what it begins with, and what its address leaves out.
  const given = settings.profile?.data ?? settings.trace;
  if (given) DEFAULTS.keep = takeTimes(given).keeps;
  if (settings.profile) offerMeasured();
  if (settings.profile || given) DEFAULTS.law = settings.profile ? 'profile' : 'trace';
}
