// Six ideas, each with a figure that can be touched. Every number in them is simulated or computed by the same engine.

const SVG = 'http://www.w3.org/2000/svg';

function element(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// Horizontal bars: [{ label, value, text, colour, hollow }], with an optional line across at `mark`.
function bars(rows, { mark, markText, most } = {}) {
  const each = Math.min(24, 190 / rows.length), height = rows.length * each + 20;
  const svg = element('svg', { viewBox: `0 0 420 ${height}`, role: 'img' });
  const longest = most ?? Math.max(...rows.map((row) => row.value), mark ?? 0, 1e-300);
  const x = (value) => 92 + 240 * Math.min(1, value / longest);
  if (mark !== undefined) {
    svg.append(element('line', { x1: x(mark), x2: x(mark), y1: 12, y2: height, stroke: 'var(--ink)', 'stroke-dasharray': '4 3' }));
    svg.append(element('text', { x: x(mark), y: 10, 'text-anchor': 'middle' }, markText));
  }
  rows.forEach((row, i) => {
    const y = 16 + i * each;
    svg.append(element('text', { x: 88, y: y + each / 2 + 3, 'text-anchor': 'end' }, row.label));
    svg.append(element('rect', { x: 92, y: y + 1, width: Math.max(0.5, x(row.value) - 92), height: Math.max(2, each - 3),
      fill: row.hollow ? 'none' : `var(${row.colour})`, stroke: `var(${row.colour})` }));
    if (row.text) svg.append(element('text', { x: x(row.value) + 4, y: y + each / 2 + 3 }, row.text));
  });
  return svg;
}

// Two strips of workers over the same seconds.
function strips(sides, until) {
  const rows = sides.reduce((sum, side) => sum + side.workers, 0), each = Math.min(14, 150 / rows);
  const svg = element('svg', { viewBox: `0 0 420 ${rows * each + 52}`, role: 'img' });
  let top = 20;
  sides.forEach((side, i) => {
    svg.append(element('text', { x: 0, y: top - 7 }, `${side.policy}: ${side.made[0]} updates, ${side.made[1]} gradients`));
    for (const [worker, start, end, fate] of side.tasks) {
      svg.append(element('rect', { x: 420 * start / until, y: top + worker * each, width: Math.max(0.5, 420 * (end - start) / until - 1),
        height: each - 2, fill: fate === -1 ? 'none' : `var(${i === 0 ? '--a' : '--b'})`, stroke: `var(${i === 0 ? '--a' : '--b'})`, 'stroke-width': 0.5 }));
    }
    for (const update of side.updates) {
      svg.append(element('line', { x1: 420 * update / until, x2: 420 * update / until, y1: top - 2, y2: top + side.workers * each, stroke: 'var(--ink)', 'stroke-width': 0.7 }));
    }
    top += side.workers * each + 26;
  });
  return svg;
}

// Curves of loss against time, both logarithmic.
function curves(sides, cross) {
  const svg = element('svg', { viewBox: '0 0 420 190', role: 'img' });
  const points = sides.map((side) => side.time_s.map((t, i) => [t, side.loss[i]]).filter(([t, loss]) => t > 0 && loss > 0));
  const all = points.flat(), range = (i) => [Math.min(...all.map((p) => Math.log(p[i]))), Math.max(...all.map((p) => Math.log(p[i])))];
  const [x0, x1] = range(0), [y0, y1] = range(1);
  const x = (t) => 6 + 408 * (Math.log(t) - x0) / (x1 - x0), y = (loss) => 170 - 155 * (Math.log(loss) - y0) / (y1 - y0);
  points.forEach((line, i) => svg.append(element('polyline', { points: line.map(([t, loss]) => `${x(t)},${y(loss)}`).join(' '), fill: 'none',
    stroke: `var(${i === 0 ? '--a' : '--b'})`, 'stroke-width': 2, 'stroke-dasharray': i === 0 ? 'none' : '6 3' })));
  svg.append(element('text', { x: 414, y: 186, 'text-anchor': 'end' }, 'time →'), element('text', { x: 8, y: 12 }, 'loss'));
  if (cross) {
    svg.append(element('circle', { cx: x(cross[0]), cy: y(cross[1]), r: 5, fill: 'none', stroke: 'var(--ink)', 'stroke-width': 2 }));
  }
  return svg;
}

const best = (rows, of) => rows.reduce((least, row) => (of(row) < of(least) ? row : least));

const LESSONS = [
  {
    title: '1. The slowest one decides',
    text: 'Who waits for all waits for the slowest. Each bar is one worker\'s step; the average step takes half a second, but the longest of m '
      + 'grows with m: for exponential times it is H(m) = 1 + 1/2 + … + 1/m average steps.',
    controls: [['m', 'workers', 2, 24, 1, 8], ['step', 'step', 0, 50, 1, 0]],
    draw({ m, step }) {
      const [times] = ask(`draw --step-time exp(2) --workers ${m} --step ${step}`);
      const slowest = Math.max(...times), mean = times.reduce((sum, t) => sum + t, 0) / m;
      const [row] = ask(`simulate --step-time exp(2) --workers ${m} --policies sync --updates 1000`);
      return [bars(times.map((t, i) => ({ label: `worker ${i}`, value: t, colour: t === slowest ? '--wait' : '--a', text: t === slowest ? `${short(t)} s: all wait for it` : '' })),
        { mark: row.theory_s, markText: 'expected slowest', most: Math.max(slowest, 2) }),
      `This step: average ${short(mean)} s, slowest ${short(slowest)} s. Expected slowest of ${m}: ${short(row.theory_s)} s.`];
    },
  },
  {
    title: '2. Nobody has to wait',
    text: 'Let each gradient into the model when it comes, and let its worker go on at once. Updates then come every E[X]/m seconds, whatever the law '
      + 'of the step times: the gaps between the bars close.',
    controls: [['m', 'workers', 2, 12, 1, 5], ['seed', 'seed', 0, 20, 1, 0]],
    draw({ m, seed }) {
      const sides = ask(`lanes --step-time exp(2) --workers ${m} --policies sync,async --until 6 --seed ${seed}`);
      return [strips(sides, 6), `In 6 s: sync ${sides[0].made[1]} gradients in ${sides[0].made[0]} updates, async ${sides[1].made[1]} gradients in ${sides[1].made[0]}. Upright lines are updates.`];
    },
  },
  {
    title: '3. An update is not a gradient',
    text: 'A synchronous update carries m gradients, an asynchronous one carries one. Counted by updates async seems m·H(m) times faster; counted by '
      + 'gradients, which are what is learnt from, it is H(m) times. Both are true. Say which you mean.',
    controls: [['m', 'workers', 1, 32, 1, 8], ['by', 'by', ['gradient', 'update'], 'gradient']],
    draw({ m, by }) {
      const rows = ask(`simulate --step-time exp(2) --workers ${m} --policies sync,async --updates 2000`);
      const of = (row) => (by === 'gradient' ? row.s_per_gradient : row.mean_s);
      const ratio = of(rows[0]) / of(rows[1]);
      return [bars(rows.map((row, i) => ({ label: row.policy, value: of(row), colour: i === 0 ? '--a' : '--b', text: `${short(of(row))} s` }))),
        `Per ${by}, async is ${short(ratio)} times as fast as sync with ${m} workers.`];
    },
  },
  {
    title: '4. Who never waits learns from the past',
    text: 'While a worker computes, the others update the model under it. Every update makes every gradient under way one version older, so the mean staleness '
      + 'of async is m − 1 exactly, for any law: staleness is conserved. Only its spread depends on the law.',
    controls: [['m', 'workers', 2, 24, 1, 8], ['law', 'law', ['exp(2)', 'gamma(16, 0.03125)', 'lognormal(-1.04, 0.83)'], 'exp(2)']],
    draw({ m, law }) {
      const [side] = ask(`staleness --step-time '${law}' --workers ${m} --policies async --updates 8000`);
      const all = side.counts.reduce((sum, count) => sum + count, 0);
      const group = Math.max(1, Math.ceil(m / 6)), shown = Math.ceil(Math.min(side.counts.length, 3 * m) / group);
      const rows = Array.from({ length: shown }, (_, i) => {
        const value = side.counts.slice(i * group, (i + 1) * group).reduce((sum, count) => sum + count, 0) / all;
        const [low, high] = [i * group, (i + 1) * group - 1];
        const marked = m - 1 >= low && m - 1 <= high;
        return { label: low === high ? `${low} old` : `${low}–${high} old`, value, colour: '--b', hollow: !marked, text: marked ? `${(100 * value).toFixed(0)} %, m − 1 is here` : '' };
      });
      return [bars(rows), `Mean staleness ${short(side.mean)} updates; m − 1 = ${m - 1}.`];
    },
  },
  {
    title: '5. Stale gradients are fast at first',
    text: 'On a simple bowl-shaped loss, async falls first, because it moves more often. But each of its steps has the noise of one gradient, and an old one: it settles '
      + 'higher. Where the curves cross, waiting begins to pay. A smaller step size moves the crossing to later and both floors down.',
    controls: [['m', 'workers', 2, 16, 1, 8], ['eta', 'step size η', [0.02, 0.05, 0.1], 0.05]],
    async draw({ m, eta }) {
      const { curves: sides, crossings } = await background(`loss --step-time exp(2) --workers ${m} --policies sync,async --updates 1000 --learner 'quadratic(1, 1, ${eta})'`);
      const [cross] = crossings;
      return [curves(sides, cross), `Line: sync, settles at ${short(sides[0].floor)}. Dashes: async, settles at ${short(sides[1].floor)}. ${cross ? `They cross at ${short(cross[0])} s.` : 'They do not cross here.'}`];
    },
  },
  {
    title: '6. There is much between',
    text: 'Wait for the first K of m gradients only. k-sync cancels the others, so nothing is stale but work is lost; k-async lets them carry on, so nothing is lost '
      + 'but some of it is stale. K = m is sync in both.',
    controls: [['k', 'K of 8', 1, 8, 1, 6], ['law', 'law', ['shifted-exp(0.25, 4)', 'exp(2)', 'pareto(0.3, 2.5)'], 'shifted-exp(0.25, 4)']],
    draw({ k, law }) {
      const rows = ask(`simulate --step-time '${law}' --workers 8 --policies sync,k-sync:${k},k-async:${k},async --updates 2000`);
      const fastest = best(rows, (row) => row.s_per_gradient);
      return [bars(rows.map((row) => ({ label: row.policy, value: 1 / row.s_per_gradient, colour: row.policy.startsWith('k') ? '--a' : '--waste',
        text: `${short(1 / row.s_per_gradient)}/s` + (row.wasted_share > 0.0005 ? `, ${(100 * row.wasted_share).toFixed(0)} % lost` : '') + (row.mean_staleness > 0 ? `, ${short(row.mean_staleness)} old` : '') })),
      { most: 1.35 / fastest.s_per_gradient }), `Gradients a second with 8 workers, for K = ${k}: ${rows.map((row) => `${row.policy} ${short(1 / row.s_per_gradient)}`).join(', ')}. Most: ${fastest.policy}.`];
    },
  },
];

function startLessons() {
  for (const lesson of LESSONS) {
    const article = document.createElement('article');
    const heading = Object.assign(document.createElement('h3'), { textContent: lesson.title });
    const text = Object.assign(document.createElement('p'), { textContent: lesson.text });
    const controls = Object.assign(document.createElement('div'), { className: 'controls' });
    const figure = document.createElement('figure');
    const place = document.createElement('div');
    const caption = document.createElement('figcaption');
    caption.setAttribute('aria-live', 'polite');
    figure.append(place, caption);
    article.append(heading, text, controls, figure);
    document.getElementById('lessons').append(article);
    const values = {};
    let asked = 0;
    const draw = async () => {
      const mine = ++asked;
      const [picture, words] = await lesson.draw(values);
      if (mine !== asked) return;
      picture.setAttribute('aria-label', words);
      place.replaceChildren(picture);
      caption.textContent = words;
    };
    for (const [name, label, ...rest] of lesson.controls) controls.append(control(values, name, label, rest, () => draw().catch(fail)));
    // Only when it comes into sight: the first picture of the page must not wait for six others.
    new IntersectionObserver((seen, watcher) => {
      if (seen.some((entry) => entry.isIntersecting)) { watcher.disconnect(); draw().catch(fail); }
    }, { rootMargin: '200px' }).observe(article);
  }
}

// A slider of whole numbers (low, high, step, initial), or a choice (list, initial).
function control(values, name, label, rest, changed) {
  const whole = document.createElement('label');
  const shown = document.createElement('output');
  const numeric = !Array.isArray(rest[0]);
  values[name] = numeric ? rest[3] : rest[1];
  const input = document.createElement(numeric ? 'input' : 'select');
  if (numeric) Object.assign(input, { type: 'range', min: rest[0], max: rest[1], step: rest[2], value: rest[3] });
  else input.append(...rest[0].map((value) => Object.assign(document.createElement('option'), { value, textContent: value, selected: value === rest[1] })));
  input.addEventListener('input', () => {
    values[name] = numeric ? Number(input.value) : input.value;
    if (numeric) shown.textContent = input.value;
    changed();
  });
  if (numeric) shown.textContent = rest[3];
  whole.append(`${label} `, input, ' ', shown);
  return whole;
}
