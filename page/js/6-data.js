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

// Rows of [worker, step, seconds]; what is empty, zero or no number is counted and left out.
function readTimes(text) {
  const table = readTable(text);
  const columns = findColumns(table);
  const found = [], left = { count: 0 };
  const add = (worker, step, cell, name) => {
    const seconds = Number(cell) * (unitOf(name) ?? 1);
    if (cell === undefined || cell === '' || !(seconds > 0) || !Number.isFinite(seconds)) left.count++;
    else found.push([worker, step, seconds]);
  };
  table.rows.forEach((row, i) => {
    const step = columns.step >= 0 ? row[columns.step] : i;
    if (columns.wide) columns.wide.forEach((column) => add(table.header[column], step, row[column], table.header[column]));
    else add(columns.worker >= 0 ? row[columns.worker] : '', step, row[columns.times], table.header[columns.times]);
  });
  if (found.length < 2) throw new Error('fewer than two positive times were found; is the right column named step_time_s or step_time_ms?');
  return { found, left: left.count, column: columns.wide ? null : table.header[columns.times] };
}

function takeFile(file) {
  const place = document.getElementById('data-result');
  file.text().then((text) => {
    const { found, left, column } = readTimes(text);
    const seen = ask(`data\n${found.map((row) => row.join(',')).join('\n')}`);
    const name = file.name.replace(/[(),']/g, '_').slice(0, 60);
    dropped = { name, typed: column && column !== 'step_time_s' ? `trace(${name}, ${column})` : `trace(${name})` };
    background.remember(`data\n${found.map((row) => row.join(',')).join('\n')}`);
    place.replaceChildren(...describe(seen, name, left));
    offerTrace();
    state.law = 'trace';
    dialsChanged();
  }).catch((error) => {
    place.replaceChildren(Object.assign(document.createElement('p'), { className: 'error', textContent: `${file.name.slice(0, 60)}: ${error.message}.` }));
  });
}

function describe(seen, name, left) {
  const line = (text) => Object.assign(document.createElement('p'), { textContent: text });
  const percent = (share) => `${(100 * share).toFixed(share < 0.01 ? 2 : 0)} %`;
  const lines = [line(`${name}: ${seen.count} times of ${seen.workers} worker${seen.workers === 1 ? '' : 's'}${left > 0 ? `, ${left} cells left out (empty, zero or no number)` : ''}. `
    + `Mean ${short(seen.mean_s)} s, coefficient of variation ${short(seen.cv)}, median ${short(seen.p50_s)} s, 99 % below ${short(seen.p99_s)} s.`)];
  if (seen.shares) {
    const [worker, step, rest] = seen.shares;
    lines.push(line(`Where the variance comes from: ${percent(worker)} is who the worker is, ${percent(step)} is what all workers have in common at a step, ${percent(rest)} is the rest. ${seen.advice ?? ''}`));
    lines.push(bars([{ label: 'worker', value: worker, colour: '--a', text: percent(worker) }, { label: 'step', value: step, colour: '--b', text: percent(step) }, { label: 'rest', value: rest, colour: '--waste', text: percent(rest) }], { most: 1.2 }));
  } else {
    lines.push(line('With columns worker and step the page could say how much of the scatter belongs to single workers, and how much all of them share.'));
  }
  lines.push(line(`Waiting for the slowest of 8 takes ${short(seen.slowest_of_8)} times an average step.${seen.fit ? ` Of the laws with two parameters ${seen.fit} is nearest.` : ''}`));
  lines.push(line('The laboratory above runs on these times now; its table says which policy gets most done, and the dials what would change that.'));
  return lines;
}

function startData() {
  const drop = document.getElementById('drop');
  const over = (is) => (event) => { event.preventDefault(); drop.classList.toggle('over', is); };
  drop.addEventListener('dragover', over(true));
  drop.addEventListener('dragleave', over(false));
  drop.addEventListener('drop', (event) => { over(false)(event); if (event.dataTransfer.files[0]) takeFile(event.dataTransfer.files[0]); });
  document.getElementById('file').addEventListener('change', (event) => { if (event.target.files[0]) takeFile(event.target.files[0]); });
  if (settings.trace) takeFile(new File([settings.trace.text], settings.trace.name));
}
