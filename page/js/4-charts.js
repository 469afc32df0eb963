// The four figures and the table: asked in the background, one number of workers at a time.

const charts = {};
// Between ticks of what is counted.
const WHOLE_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
let generation = 0;

const axis = (extra) => ({ stroke: css('--soft'), grid: { stroke: css('--line'), width: 1 }, ticks: { stroke: css('--line') }, ...extra });
const short = (value) => (value === null || value === undefined ? '–' : String(Number(value.toPrecision(4))));

function plot(id, options, columns) {
  const place = document.getElementById(id);
  charts[id]?.destroy();
  const width = Math.max(240, place.clientWidth);
  charts[id] = new uPlot({ width, height: 220, cursor: { drag: { x: false, y: false } }, ...options }, columns, place);
}

// Time of a policy against m: what was simulated with its interval, and theory dashed.
function timePlot(id, rows, of) {
  const counts = [...new Set(rows.map((row) => row.workers))].sort((x, y) => x - y);
  const names = [...new Set(rows.map((row) => row.policy))];
  const columns = [counts], series = [{ label: 'm', value: (_, v) => short(v) }], bands = [];
  names.forEach((name, i) => {
    const colour = css(i === 0 ? '--a' : '--b');
    const at = (column) => counts.map((m) => {
      const row = rows.find((row) => row.policy === name && row.workers === m);
      return row && row[column] !== null ? of(row[column], row) : null;
    });
    const first = series.length;
    columns.push(at('mean_s'), at('ci_high_s'), at('ci_low_s'), at('theory_s'));
    const value = (_, v) => short(v);
    series.push(
      { label: name, stroke: colour, width: 0, points: { show: true, size: i === 0 ? 7 : 6, fill: i === 0 ? colour : css('--paper'), width: 1.5 }, value, paths: () => null },
      { label: `${name}, to`, stroke: colour, width: 0.5, points: { show: false }, value },
      { label: `${name}, from`, stroke: colour, width: 0.5, points: { show: false }, value },
      { label: `${name}, ${kindOf(rows, name)}`, stroke: colour, width: 1.5, dash: i === 0 ? [8, 4] : [2, 3], points: { show: false }, value },
    );
    bands.push({ series: [first + 1, first + 2], fill: `${colour}40` });
  });
  plot(id, { series, bands, legend: { show: false }, scales: { x: { time: false }, y: { range: (_, low, high) => [0, high * 1.05] } },
    axes: [axis({ label: 'workers, m', labelSize: 20, size: 34, incrs: WHOLE_STEPS }), axis({ size: 62, label: 'seconds', labelSize: 16 })] }, columns);
}

function kindOf(rows, name) {
  const kind = rows.find((row) => row.policy === name && row.workers > 1 && row.theory_kind)?.theory_kind;
  return { exact: 'theory', lower: 'at least', upper: 'at most' }[kind] ?? 'theory';
}

function timeText(id, rows, of, what) {
  const last = rows.filter((row) => row.workers === state.m);
  const say = (row) => {
    const [mean, low, high] = [row.mean_s, row.ci_low_s, row.ci_high_s].map((s) => (s === null ? null : of(s, row)));
    const sign = { exact: '', lower: '≥ ', upper: '≤ ' }[row.theory_kind];
    const theory = row.theory_s === null ? 'no formula' : `theory ${sign}${short(of(row.theory_s, row))}`;
    return `${row.policy} ${short(mean)} s (95 %: ${short(low)} to ${short(high)}; ${theory})`;
  };
  document.getElementById(id).textContent = `m = ${state.m}, ${what}: ${last.map(say).join('; ')}. Discs and circles: simulated, with `
    + '95 % band; dashes and dots: theory.';
}

async function drawTimes(mine, ask) {
  const rows = [];
  for (let m = 1; m <= state.m; m++) {
    const answered = await ask(`simulate ${clusterOptions()} --workers ${m} ${curveOptions()}`).catch(() => []);
    if (mine !== generation) return;
    rows.push(...answered);
  }
  const gradient = (s, row) => s / row.gradients_per_update;
  const update = (s) => s;
  timePlot('per-gradient', rows, gradient);
  timePlot('per-update', rows, update);
  timeText('per-gradient-text', rows, gradient, 'per gradient');
  timeText('per-update-text', rows, update, 'per update');
}

async function drawStaleness(mine, ask) {
  const sides = await ask(`staleness ${clusterOptions()} --workers ${state.m} --policies ${policies()} --updates 20000`);
  if (mine !== generation) return;
  const most = Math.max(...sides.map((side) => side.counts.length), state.m + 1);
  const sum = (counts) => counts.reduce((sum, count) => sum + count, 0);
  // Up to what all but one in a thousand are not older than.
  const upTo = (side) => { let rest = sum(side.counts); return side.counts.findIndex((count) => (rest -= count) <= sum(side.counts) / 1000) + 1; };
  const shown = Math.min(most, Math.max(state.m + 1, ...sides.map(upTo)) + 1);
  const share = (side) => {
    const all = sum(side.counts);
    return Array.from({ length: shown }, (_, i) => (side.counts[i] ?? 0) / all);
  };
  const mark = state.m - 1;
  plot('staleness', {
    series: [{}, ...sides.map((side, i) => ({ label: side.policy, stroke: css(i === 0 ? '--a' : '--b'), fill: `${css(i === 0 ? '--a' : '--b')}55`,
      points: { show: false }, paths: uPlot.paths.bars({ size: [i === 0 ? 0.9 : 0.5, 40] }) }))],
    legend: { show: false }, scales: { x: { time: false, range: [-0.7, shown - 0.3] }, y: { range: (_, low, high) => [0, high * 1.05] } },
    axes: [axis({ label: 'staleness, updates', labelSize: 20, size: 34, incrs: WHOLE_STEPS }), axis({ size: 56, label: 'share', labelSize: 16 })],
    hooks: { draw: [(u) => markAt(u, mark, `m − 1 = ${mark}`)] },
  }, [Array.from({ length: shown }, (_, i) => i), ...sides.map(share)]);
  document.getElementById('staleness-text').textContent = `Mean staleness: ${sides.map((side) => `${side.policy} ${short(side.mean)}`
    + (side.theory === null ? '' : ` (conservation: ${short(side.theory)})`)).join('; ')}. The line marks m − 1.`;
}

function markAt(u, at, text) {
  const x = Math.round(u.valToPos(at, 'x', true));
  const { ctx } = u;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = css('--ink');
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([]);
  ctx.beginPath();
  ctx.moveTo(x, u.bbox.top);
  ctx.lineTo(x, u.bbox.top + u.bbox.height);
  ctx.stroke();
  ctx.font = `${12 * devicePixelRatio}px system-ui`;
  // Beside the line, on the side that has room.
  const right = x + ctx.measureText(text).width + 8 * devicePixelRatio < u.bbox.left + u.bbox.width;
  Object.assign(ctx, { textAlign: right ? 'left' : 'right', textBaseline: 'top' });
  const left = x + (right ? 5 : -5) * devicePixelRatio, top = u.bbox.top + 4 * devicePixelRatio;
  Object.assign(ctx, { strokeStyle: css('--paper'), lineWidth: 4 * devicePixelRatio, lineJoin: 'round' });
  ctx.strokeText(text, left, top);
  ctx.fillText(text, left, top);
  ctx.restore();
}

// Powers of ten between two numbers.
const decades = (_, axis, low, high) => {
  const [from, to] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  return from > to ? [low, high] : Array.from({ length: to - from + 1 }, (_, i) => Number(`1e${from + i}`));
};

async function drawLoss(mine, ask) {
  const { curves, crossings } = await ask(`loss ${clusterOptions()} --workers ${state.m} --policies ${policies()} --updates ${UPDATES} ${learner()}`);
  if (mine !== generation) return;
  const from = Math.min(...curves.map((curve) => curve.time_s[1]));
  const times = [...new Set(curves.flatMap((curve) => curve.time_s))].filter((t) => t >= from).sort((x, y) => x - y);
  const at = (curve) => {
    const known = new Map(curve.time_s.map((t, i) => [t, curve.loss[i]]));
    return times.map((t) => known.get(t) ?? undefined);
  };
  const cross = crossings[0];
  const gaps = (i) => ({ spanGaps: true, stroke: css(i === 0 ? '--a' : '--b'), width: 2, dash: i === 0 ? [] : [6, 3], points: { show: false } });
  plot('loss', {
    series: [{}, ...curves.map((curve, i) => ({ label: curve.policy, ...gaps(i) }))], legend: { show: false },
    scales: { x: { time: false, distr: 3 }, y: { distr: 3 } },
    axes: [axis({ label: 'time, s', labelSize: 20, size: 34, splits: decades }), axis({ size: 62, label: 'loss', labelSize: 16, splits: decades })],
    hooks: { draw: [(u) => { if (cross) markAt(u, cross[0], `cross at ${short(cross[0])} s`); }] },
  }, [times, ...curves.map(at)]);
  const name = curves.map((curve, i) => `${curve.policy} ${i === 0 ? '(line)' : '(dashes)'}${curve.floor === null ? '' : ` settles at ${short(curve.floor)}`}`);
  document.getElementById('loss-text').textContent = `${name.join('; ')}. ${cross ? `They cross at ${short(cross[0])} s. ` : ''}`
    + `Learning-rate convention: every update of both policies moves by the same step size η = ${state.eta} times the mean of its gradients `
    + '(loss w²/2, noise 1, mean of 32 runs).';
}

async function drawRanking(mine, ask) {
  const rows = [];
  for (const policy of presets) {
    const answered = await ask(`simulate ${clusterOptions()} --workers ${state.m} --policies ${policy} --updates ${UPDATES}`).catch(() => []);
    if (mine !== generation) return;
    rows.push(...answered);
  }
  rows.sort((x, y) => x.s_per_gradient - y.s_per_gradient);
  const cells = (row) => [row.policy, short(1 / row.s_per_gradient), short(1 / row.mean_s), short(row.mean_staleness),
    ...[row.idle_share, row.wasted_share].map((share) => `${(100 * share).toFixed(1)} %`)];
  const body = document.querySelector('#ranking tbody');
  body.replaceChildren(...rows.map((row, i) => {
    const line = document.createElement('tr');
    if (i === 0) line.className = 'best';
    line.append(...cells(row).map((text) => Object.assign(document.createElement('td'), { textContent: text })));
    return line;
  }));
  document.getElementById('ranking-text').textContent = `m = ${state.m}, ${lawText(true)}. Most gradients a second first; fresh gradients `
    + 'teach more than stale ones, so look at staleness too.';
}

async function drawCharts() {
  const mine = ++generation;
  const checked = (question) => (mine === generation ? background(question) : Promise.reject(new Error('superseded')));
  const all = [drawTimes, drawLoss, drawStaleness, drawRanking];
  for (const draw of all) {
    try { await draw(mine, checked); } catch (error) { if (mine === generation) fail(error); }
    if (mine !== generation) return;
  }
  document.body.dataset.drawn = String(mine);
}
